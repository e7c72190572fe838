"""Optimizers made of others: a chain of them, or one with an average of its weights."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from .. import kernels
from ..errors import NotFittedError
from ..inputs.arguments import check_int, check_number
from ..layers import Layer
from ..schedules import Schedule
from .base import Optimizer
from .names import optimizer_of
from .problem import Point, Problem

__all__ = ["Chain", "WeightAverage"]


class AveragedModel(Protocol):
    """A model as the averages need it: a `Sequential` that was compiled with a `WeightAverage`."""

    _state: Any

    @property
    def optimizer(self) -> Any:
        """The optimizer at work."""


ModelType = TypeVar("ModelType", bound=AveragedModel)


class Chain(Optimizer):
    """Optimizers that take turns, each for some epochs of `fit` or steps of `minimize`, the last until the end.

    Each optimizer continues from the weights that the one before has reached; its own state and its schedule begin
    with its turn. The optimizer changes at the end of an epoch. `model.optimizer` is the optimizer at work, and its
    `learning_rate` may be changed. A second `fit` continues with the optimizer with which the first ended; `compile`
    starts with the first optimizer again.

    Parameters
    ----------
    optimizers : list of (Optimizer or str, int >= 1 or None), or list of Optimizer or str
        Pairs of an optimizer and its number of epochs, or steps; only the last may have None. Without numbers, the
        epochs of the first `fit`, or the steps of a `minimize`, are divided evenly: with n epochs and k optimizers each
        gets n // k, and the first n % k get one more. The last optimizer takes all further epochs.

    Raises
    ------
    ValueError, TypeError
        For an empty list, epochs that are not allowed, or a chain in a chain.

    Examples
    --------
    >>> import numpy as np
    >>> import ravine as rv
    >>> chain = rv.optimizers.Chain([(rv.optimizers.Adam(0.01), 50), (rv.optimizers.LBFGS(), None)])
    >>> X = np.linspace(-1, 1, 64)[:, None]
    >>> model = rv.Sequential([rv.layers.Dense(8, "tanh"), rv.layers.Dense(1)], random_state=0)
    >>> model.compile(chain, loss="mse")  # the list ["adam", "lbfgs"] is a chain too
    >>> loss = model.fit(X, np.sin(3 * X), epochs=100, batch_size=None).history["loss"]
    >>> loss[99] < 0.01 * loss[49]
    True
    >>> model.optimizer
    LBFGS(history=10)
    """

    optimizers: tuple[Optimizer, ...]
    epochs: tuple[int, ...] | None

    def __init__(self, optimizers: Sequence[Any]) -> None:
        if isinstance(optimizers, (str, Optimizer)) or not hasattr(optimizers, "__iter__"):
            raise TypeError(f"optimizers must be a list of optimizers, or of (optimizer, epochs), got {optimizers!r}")
        given = list(optimizers)
        if not given:
            raise ValueError("optimizers must hold at least one optimizer, got []")
        pairs = [isinstance(entry, (tuple, list)) for entry in given]
        if any(pairs) and not all(isinstance(entry, (tuple, list)) and len(entry) == 2 for entry in given):
            raise ValueError(f"optimizers must be all optimizers or all pairs (optimizer, epochs), got {optimizers!r}")
        chosen = tuple(_member(entry[0] if pairs[0] else entry) for entry in given)
        if any(isinstance(optimizer, Chain) for optimizer in chosen):
            raise ValueError(f"a chain cannot hold a chain, got {optimizers!r}")
        counts = None
        if pairs[0]:
            counts = tuple(check_int(f"epochs of optimizers[{i}]", n, 1) for i, (_, n) in enumerate(given[:-1]))
            last = given[-1][1]
            if last is not None:
                raise ValueError(f"the last optimizer works until the end: its epochs must be None, got {last!r}")
        super().__init__(optimizers=chosen, epochs=counts)

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "learning_rate":
            raise AttributeError("a Chain has no learning_rate: set that of its optimizers")
        super().__setattr__(name, value)

    def _arguments(self) -> dict[str, Any]:
        if self.epochs is None:
            return {"optimizers": list(self.optimizers)}
        return {"optimizers": list(zip(self.optimizers, (*self.epochs, None), strict=True))}

    def shares(self, epochs: int) -> tuple[int, ...] | None:
        """Return the epochs of each optimizer but the last; 0 cannot be shared out, which gives None."""
        if self.epochs is not None or not epochs:
            return self.epochs
        each, more = divmod(epochs, len(self.optimizers))
        return tuple(each + (i < more) for i in range(len(self.optimizers) - 1))

    def check_layers(self, layers: Sequence[Layer]) -> None:
        """Refuse layers that one of the optimizers cannot train."""
        for optimizer in self.optimizers:
            optimizer.check_layers(layers)

    def _check_function(self) -> None:
        for optimizer in self.optimizers:
            optimizer._check_function()

    def _points(self, problem: Problem) -> Iterator[Point]:
        for optimizer, steps in zip(self.optimizers, (*(self.shares(problem.steps) or ()), None), strict=True):
            problem.slopes = not optimizer.derivative_free
            for point in islice(optimizer._points(problem), steps):
                yield point
                problem.first = point

    def __repr__(self) -> str:
        entries = self.optimizers if self.epochs is None else zip(self.optimizers, (*self.epochs, None), strict=True)
        return f"Chain({list(entries)!r})"


class WeightAverage(Optimizer):
    """Keeps a running average of the weights of another optimizer, whose steps it does not change.

    w_n are the weights after step, or epoch, number start + n every. The first average is a_1 = w_1. The exponential
    average continues with a_n = b a_(n-1) + (1 - b) w_n, the plain mean (stochastic weight averaging, Polyak and
    Ruppert) with a_n = a_(n-1) + (w_n - a_(n-1)) / n. The engine computes it after its steps, in the model's dtype,
    with the same bits for any number of threads. A batch whose weights are all zero is not counted as a step. The model
    keeps the average with the optimizer's state; `compile` resets it.

    In `minimize` the points are the averages.

    Parameters
    ----------
    optimizer : Optimizer or str
        One whose step is a compiled rule, such as `SGD` or `Adam`.
    decay : float in [0, 1) or None, default=0.999
        b; None takes the plain mean.
    start : int >= 0, default=0
        The number of steps, or epochs, to skip before averaging begins.
    every : int >= 1, default=1
        Average every so many steps, or epochs.
    unit : {"step", "epoch"}, default="step"
        What `start` and `every` count. In "epoch" the weights at the ends of epochs are averaged; a `train_on_batch`
        is an epoch of one batch.

    Attributes
    ----------
    learning_rate : float >= 0 or Schedule
        That of the optimizer; may be changed.

    Raises
    ------
    ValueError, TypeError
        For a value that is not allowed, and for an optimizer that searches along the loss, a chain or an average.

    References
    ----------
    Polyak and Juditsky, "Acceleration of stochastic approximation by averaging", 1992; Izmailov et al., "Averaging
    weights leads to wider optima and better generalization", arXiv:1803.05407.

    Examples
    --------
    >>> import numpy as np
    >>> import ravine as rv
    >>> average = rv.optimizers.WeightAverage(rv.optimizers.SGD(0.5), decay=None, start=20, unit="epoch")
    >>> model = rv.Sequential([rv.layers.Dense(1)], random_state=0)
    >>> model.compile(average, loss="mse")
    >>> X = np.linspace(-1, 1, 64)[:, None]
    >>> _ = model.fit(X, 2 * X, epochs=30)
    >>> average.average_weights(model)["dense/kernel"].round(2)
    array([[2.]], dtype=float32)
    >>> average.averaged(model).predict([[1.0]]).round(2)
    array([[2.]], dtype=float32)
    """

    optimizer: Optimizer
    decay: float | None
    start: int
    every: int
    unit: str

    def __init__(
        self,
        optimizer: Optimizer | str,
        *,
        decay: float | None = 0.999,
        start: int = 0,
        every: int = 1,
        unit: str = "step",
    ) -> None:
        inner = _member(optimizer)
        if inner.searches or isinstance(inner, (Chain, WeightAverage)):
            raise ValueError(f"optimizer must be one whose step is a compiled rule, such as SGD or Adam, got {inner!r}")
        if not isinstance(unit, str) or unit not in ("step", "epoch"):
            raise ValueError(f"unit must be 'step' or 'epoch', got {unit!r}")
        super().__init__(
            optimizer=inner,
            decay=None if decay is None else check_number("decay", decay, 0.0, 1.0),
            start=check_int("start", start, 0),
            every=check_int("every", every, 1),
            unit=unit,
        )

    @property
    def learning_rate(self) -> float | Schedule:
        """The optimizer's."""
        return self.optimizer.learning_rate

    @learning_rate.setter
    def learning_rate(self, value: float | Schedule) -> None:
        self.optimizer.learning_rate = value

    @property
    def rule(self) -> str:
        """The optimizer's rule."""
        return self.optimizer.rule

    def settings(self) -> dict[str, Any]:
        """Return the settings of the optimizer's rule."""
        return self.optimizer.settings()

    def check_layers(self, layers: Sequence[Layer]) -> None:
        """Refuse layers that the optimizer cannot train."""
        self.optimizer.check_layers(layers)

    def averaging(self) -> dict[str, Any]:
        """Return the average's settings for the engine."""
        return {"decay": self.decay, "start": self.start, "every": self.every, "by_epoch": self.unit == "epoch"}

    def average_weights(self, model: AveragedModel) -> dict[str, NDArray[Any]]:
        """Return copies of the averaged weights by name, for `load_weights`.

        Parameters
        ----------
        model : Sequential
            One that was compiled with a `WeightAverage`.

        Raises
        ------
        ValueError
            If the model's optimizer keeps no average.
        NotFittedError
            Before the average has taken in any weights.
        """
        _check_model(model)
        with model._state.guard.exclusive():
            network, used = model._state.network, model.optimizer
            state = network.optimizer_state()
            first = used.start + used.every
            if int(state["average/seen"][0]) < first:
                raise NotFittedError(f"no weights were averaged yet: the first are those after {used.unit} {first}")
            return {name: np.array(state[f"average/{name}"]) for name in network.weights()}

    def averaged(self, model: ModelType) -> ModelType:
        """Return a copy of the model that has the averages as weights; argument and errors as for `average_weights`."""
        weights, made = self.average_weights(model), copy.deepcopy(model)
        for name, w in made._state.network.weights().items():
            w[...] = weights[name]
        return made

    def _check_function(self) -> None:
        if self.unit != "step":
            raise ValueError(f"minimize has no epochs: unit must be 'step', got {self.unit!r}")
        self.optimizer._check_function()

    def _points(self, problem: Problem) -> Iterator[Point]:
        average, taken = np.array(problem.first.x), 0
        for t, point in enumerate(self.optimizer._points(problem), 1):
            if t <= self.start:
                yield point
                continue
            if (t - self.start) % self.every == 0:
                taken += 1
                if taken == 1:
                    average = np.array(point.x)
                else:
                    kernels.lerp(average, point.x, 1.0 / taken if self.decay is None else 1.0 - self.decay)
            yield point if taken == 0 else problem.evaluate(np.array(average))


def _member(given: Any) -> Optimizer:
    """Return one of the optimizers that a composed one is made of."""
    return Chain(given) if isinstance(given, (list, tuple)) else optimizer_of(given)


def _check_model(model: Any) -> None:
    """Refuse anything but a model with a running average."""
    if not hasattr(model, "_state"):
        raise TypeError(f"model must be a Sequential, got {model!r}")
    if not isinstance(model.optimizer, WeightAverage):
        raise ValueError(f"the model's optimizer keeps no average: it is {model.optimizer!r}")
