"""Many random starts at once; starts that reach the same minimum are merged."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from .. import kernels
from ..descriptions import Described
from ..errors import NotFittedError
from ..inputs.arguments import check_flag, check_int, check_number, check_seed
from ..inputs.arrays import Array, as_array, convert
from ..inputs.sparse import MatrixLike
from ..model.pickling import fresh_model
from ..model.sequential import Sequential
from ..network.data import Data, read_validation_data
from ..network.evaluation import evaluate
from ..network.inference import forward, probabilities
from ..optimizers import Optimizer
from ..optimizers.problem import Descent, Problem
from ..training.parallel import Member, ParallelTraining, prepare
from .starts import Merging, Starts
from .templates import check_compiled

__all__ = ["MultiStart", "Starts"]

# Random stream of the starting points of `minimize`; the low bits are the point's number.
_POINT_STREAM = 33 << 24
# The largest number of rows on which outputs are compared, evenly spaced.
_COMPARED_ROWS = 1000


class MultiStart(Described):
    """Trains a model from many random starts, or minimises a function from many points, and keeps the best.

    Start number i is the model with the seed random_state + i (modulo 2^32). Its weights have the same bits as when it
    is trained alone. All starts are trained in one run of the engine, one per thread. Models that need Python between
    epochs (such as those of `LBFGS`) are trained one after the other.

    With `prune`, starts are compared every `check_every` epochs. Two starts count as at the same minimum when their
    outputs (probabilities, where the loss defines them) on the training data differ by at most `tolerance` times the
    standard deviation of the targets (for labels: by at most `tolerance`). This must hold at two checks in a row, and
    the difference at the second may not exceed that at the first. Outputs do not change when hidden units swap order
    or signs, so neither does the comparison. Up to 1,000 rows, evenly spaced, are compared. The start of higher loss is
    stopped. This is a heuristic: merged starts are alike, but not proven to stay alike.

    Parameters
    ----------
    model : Sequential or Optimizer
        For `fit`, a compiled model, which is not changed; for `minimize`, an optimizer.
    starts : int >= 1, default=16
        The number of starts.
    prune : bool, default=True
        Whether a start is stopped once it has reached the same minimum as another.
    tolerance : float >= 0, default=0.01
        The largest difference at which two starts count as at the same minimum.
    check_every : int >= 1, default=10
        Epochs, or steps, between two comparisons.
    random_state : int in [0, 2**32), optional
        Seed of the first start; None takes the model's. For `minimize` it determines the starting points; None is 0.

    Attributes
    ----------
    best_model : Sequential
        The trained start with the lowest loss; after Ctrl-C, the one with the lowest loss in its last epoch.
    models : tuple of Sequential
        All starts. Merged ones have the weights they had when they were stopped.

    Raises
    ------
    ValueError, TypeError
        For a value that is not allowed, or a model that is not compiled.

    Examples
    --------
    >>> import numpy as np
    >>> import ravine as rv
    >>> model = rv.Sequential([rv.layers.Dense(2, "tanh"), rv.layers.Dense(1)], random_state=0)
    >>> model.compile(rv.optimizers.Adam(0.05), loss="mse")
    >>> X = np.linspace(-1, 1, 64)[:, None]
    >>> many = rv.MultiStart(model, starts=8)
    >>> starts = many.fit(X, np.sin(3 * X), epochs=200)
    >>> starts.n_minima <= 8
    True
    >>> many.best_model.evaluate(X, np.sin(3 * X))["loss"] < 0.02
    True

    A curve with several minima:

    >>> starts = rv.MultiStart(rv.optimizers.SGD(0.01), starts=20).minimize(
    ...     lambda x: np.sin(3 * x[0]) + x[0] ** 2 / 10, bounds=[(-5, 5)], steps=300)
    >>> starts.n_minima <= 5
    True
    """

    def __init__(
        self,
        model: Sequential | Optimizer,
        *,
        starts: int = 16,
        prune: bool = True,
        tolerance: float = 0.01,
        check_every: int = 10,
        random_state: int | None = None,
    ) -> None:
        self.model = model if isinstance(model, Optimizer) else check_compiled(model)
        self.starts = check_int("starts", starts, 1)
        self.prune = check_flag("prune", prune)
        self.tolerance = check_number("tolerance", tolerance, 0.0)
        self.check_every = check_int("check_every", check_every, 1)
        self.random_state = check_seed(random_state)
        self._models: tuple[Sequential, ...] = ()
        self._best: Sequential | None = None

    def __repr__(self) -> str:
        settings = ", ".join(f"{name}={value!r}" for name, value in vars(self).items() if name[0] not in "_m")
        return f"MultiStart({self.model!r}, {settings})"

    @property
    def models(self) -> tuple[Sequential, ...]:
        """All starts of the last `fit`."""
        return self._models

    @property
    def best_model(self) -> Sequential:
        """The trained start with the lowest loss.

        Raises
        ------
        NotFittedError
            Before `fit`.
        """
        if self._best is None:
            raise NotFittedError(f"this {type(self).__name__} has no best_model yet: call fit")
        return self._best

    def fit(
        self,
        X: MatrixLike,
        y: ArrayLike | None = None,
        *,
        epochs: int = 1,
        batch_size: int | None = 32,
        validation_data: tuple[Any, ...] | None = None,
        shuffle: bool = True,
        sample_weight: ArrayLike | None = None,
        class_weight: Mapping[Any, float] | Literal["balanced"] | None = None,
        n_threads: int | None = None,
    ) -> Starts:
        """Train all starts anew; arguments as for `Sequential.fit`, there are no callbacks.

        Parameters
        ----------
        validation_data : (X, y) or (X, y, sample_weight), optional
            The data on which the best start is chosen, instead of the training data.

        Returns
        -------
        Starts
            Losses, epochs, minima and histories of all starts.

        Raises
        ------
        ValueError, TypeError
            As for `Sequential.fit`, and where this object has an optimizer instead of a model.
        DivergenceError
            If every start diverged.
        """
        if not isinstance(self.model, Sequential):
            raise TypeError(f"fit needs a Sequential, this MultiStart has {self.model!r}; call minimize")
        count = check_int("epochs", epochs, 0)
        training, seed = ParallelTraining(batch_size, shuffle, n_threads), self.random_state
        first = self.model.random_state if seed is None else seed
        models = [fresh_model(self.model, (first + i) % 2**32) for i in range(self.starts)]
        members = prepare(models, count, X, y, sample_weight, class_weight)
        held = None if validation_data is None else read_validation_data(models[0]._state, validation_data)
        self._models, self._best = tuple(models), None
        merging = Merging(self.starts, self.tolerance)
        points: dict[int, Array] = {}
        try:
            for done in range(0, count, self.check_every):
                training.train([members[i] for i in merging.alive], min(self.check_every, count - done))
                merging.alive = [i for i in merging.alive if members[i].error is None]
                points = _outputs(members, merging.alive, training.n_threads)
                if self.prune:
                    merging.check(points, lambda i: _last_loss(members[i]))
        except BaseException:
            if merging.alive:
                self._best = members[min(merging.alive, key=lambda i: _last_loss(members[i]))].model
            raise
        return self._found(members, merging, points, held, training.n_threads, count)

    def _found(
        self,
        members: list[Member[Sequential]],
        merging: Merging,
        points: dict[int, Array],
        held: Data | None,
        threads: int,
        epochs: int,
    ) -> Starts:
        """Choose the best start and return the record of all."""
        diverged = tuple(i for i, member in enumerate(members) if member.error is not None)
        if not merging.alive:
            raise next(member.error for member in members if member.error is not None)
        losses = np.array([math.nan if i in diverged else _loss(m, m.data, threads) for i, m in enumerate(members)])
        chosen = [losses[i] if held is None else _loss(members[i], held, threads) for i in merging.alive]
        best = merging.alive[int(np.argmin(np.nan_to_num(chosen, nan=math.inf)))]
        self._best = members[best].model
        taken = np.array([len(member.history.epoch) for member in members])
        spared = sum(epochs - int(taken[i]) for i in merging.merged)
        points = points or _outputs(members, merging.alive, threads)
        return Starts(
            losses, taken, merging.merged, merging.minima(self.starts, points), diverged, best,
            spared / max(self.starts * epochs, 1), histories=tuple(member.history for member in members),
        )  # fmt: skip

    def minimize(
        self,
        fun: Callable[..., Any],
        x0: ArrayLike | None = None,
        *,
        steps: int,
        jac: bool | str | Callable[..., Any] | None = None,
        bounds: Any = None,
        tolerance: float | None = None,
    ) -> Starts:
        """Minimise a plain function from many points, one after the other between two comparisons.

        Two starts count as at the same minimum when no element of x differs by more than `MultiStart`'s tolerance times
        the distance between that element's bounds, or between the outermost starting points where it has no bounds.

        Parameters
        ----------
        fun : callable
            fun(x) gives a number, as for `Optimizer.minimize`; so do `steps`, `jac`, `bounds` and `tolerance`.
        x0 : array-like, shape (starts, *shape of x), optional
            The starting points. None draws uniform points within the bounds. Bounds must then be finite, a (low, high)
            for each element; with n of them x has shape (n,).

        Returns
        -------
        Starts
            Losses, steps, minima and results of all starts; `starts.results[starts.best]` is the lowest.

        Raises
        ------
        ValueError, TypeError
            As for `Optimizer.minimize`, and where this object has a model instead of an optimizer.
        """
        if not isinstance(self.model, Optimizer):
            raise TypeError(f"minimize needs an Optimizer, this MultiStart has {self.model!r}; call fit")
        count = check_int("steps", steps, 0)
        self.model._check_function()
        points = self._starting_points(x0, bounds)
        problems = [Problem(fun, x, jac=jac, bounds=bounds, tolerance=tolerance) for x in points]
        descents = [Descent(problem, self.model._points(problem), count) for problem in problems]
        scale = _spans(problems)
        merging = Merging(self.starts, self.tolerance)
        while any(not descents[i].message for i in merging.alive):
            for i in merging.alive:
                descents[i].advance(self.check_every)
            if self.prune:
                positions = _positions(descents, merging.alive, scale)
                merging.check(positions, lambda i: descents[i].point.value, lambda i: bool(descents[i].message))
        results = tuple(
            descent.result(f"reached the same minimum as start {merging.merged.get(i)}")
            for i, descent in enumerate(descents)
        )
        losses = np.array([result.fun for result in results])
        taken = np.array([result.nit for result in results])
        spared = sum(max(int(taken[merging.root(i)]) - int(taken[i]), 0) for i in merging.merged)
        diverged = tuple(i for i, loss in enumerate(losses) if not math.isfinite(loss))
        best = int(np.argmin(np.where(np.isfinite(losses), losses, math.inf)))
        minima = merging.minima(self.starts, _positions(descents, merging.alive, scale))
        minima[list(diverged)] = -1
        return Starts(
            losses, taken, merging.merged, minima, diverged, best, spared / max(spared + int(taken.sum()), 1),
            results=results,
        )  # fmt: skip

    def _starting_points(self, x0: Any, bounds: Any) -> Array:
        if x0 is not None:
            given = convert("x0", as_array("x0", x0), np.dtype(np.float64))
            if given.ndim == 0 or len(given) != self.starts:
                raise ValueError(f"x0 must have a point for each of {self.starts} starts, got shape {given.shape}")
            return given
        pairs = np.asarray(bounds if bounds is not None else [], dtype=object)
        ends = pairs.reshape(1, 2) if pairs.shape == (2,) else pairs
        if ends.ndim != 2 or ends.shape[1] != 2 or not all(_is_finite(end) for end in ends.reshape(-1)):
            raise ValueError(f"bounds must hold a finite (low, high) for each element where x0 is None, got {bounds!r}")
        low, high = np.array(ends.T, dtype=np.float64)
        seed = 0 if self.random_state is None else self.random_state
        shares = [
            kernels.random_uniform(np.empty(len(low)), seed=seed, stream=_POINT_STREAM | i) for i in range(self.starts)
        ]
        points: Array = low + (high - low) * np.array(shares)
        return points


def _is_finite(end: Any) -> bool:
    return isinstance(end, (int, float, np.number)) and not isinstance(end, bool) and math.isfinite(end)


def _spans(problems: Sequence[Problem]) -> Array:
    """Return the distance of the bounds for each element, or else that of the outermost starts; 1 where it is 0."""
    firsts = np.array([problem.first.x for problem in problems])
    apart = firsts.max(axis=0) - firsts.min(axis=0)
    bounded = problems[0].high - problems[0].low
    span: Array = np.where(np.isfinite(bounded), bounded, apart)
    return np.where(span > 0.0, span, 1.0)


def _positions(descents: Sequence[Descent], which: Sequence[int], scale: Array) -> dict[int, Array]:
    return {i: np.divide(descents[i].point.x, scale) for i in which}


def _last_loss(member: Member[Sequential]) -> float:
    return member.history.history.get("loss", [math.inf])[-1]


def _loss(member: Member[Sequential], data: Data, threads: int) -> float:
    with member.state.guard.exclusive():
        return evaluate(member.state, data, threads)["loss"]


def _outputs(members: Sequence[Member[Sequential]], which: Sequence[int], threads: int) -> dict[int, Array]:
    """Return the models' outputs for some training rows, in units of the targets' standard deviation."""
    data = members[0].data
    rows = data.X[np.arange(0, len(data.X), -(-len(data.X) // _COMPARED_ROWS))]
    spread = 1.0 if data.target.ndim == 1 else float(data.target.std(dtype=np.float64)) or 1.0
    found = {}
    for i in which:
        state = members[i].state
        with state.guard.exclusive():
            outputs = probabilities(state, forward(state, rows, None, threads))
        found[i] = outputs.astype(np.float64) / spread
    return found
