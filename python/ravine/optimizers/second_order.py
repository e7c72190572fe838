"""Second-order optimizers: curvature is estimated from changes of the gradient, and a line search sets the step length.

x are the weights, g the gradient, s = x' - x and y = g' - g the changes of a step, H an inverse Hessian. Inner products
come from the compiled kernels; the rest is NumPy's elementwise + - * / and sqrt. No bit depends on threads, BLAS or
libm.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import ArrayLike

from .. import _core, kernels
from ..descriptions import State
from ..inputs.arguments import check_int
from ..inputs.arrays import Array
from ..layers import Layer
from ..layers.base import in_depth
from .base import Optimizer
from .line_search import backtrack, strong_wolfe
from .problem import Point, Problem, Result, Vector

__all__ = ["BFGS", "LBFGS", "Newton", "SecondOrder"]

_EPSILON = 2.0**-52
_MOST_WEIGHTS = 5000  # of a matrix of their squares: 200 MB


class Objective(Protocol):
    """A loss with its gradient, as a search needs it."""

    bounded: bool

    def project(self, x: Vector) -> Vector:
        """Return the nearest allowed point."""

    def evaluate(self, x: Vector) -> Point:
        """Return value and gradient."""

    def slope(self, point: Point) -> Vector:
        """Return the gradient without the elements that push against a bound."""


class Curvature(Protocol):
    """The estimate of the second derivatives."""

    fresh: bool

    def direction(self, gradient: Vector) -> Vector:
        """Return H g, with H positive definite."""

    def learn(self, s: Vector, y: Vector) -> None:
        """Take in a step and the gradient's change."""


class SecondOrder(Optimizer):
    """The base class of BFGS and L-BFGS: a step evaluates the loss of one batch several times.

    `learning_rate` is 1, the step that a search tries first, and cannot be changed.
    """

    learning_rate = 1.0
    searches: ClassVar[bool] = True
    least_batch: ClassVar[int] = 256

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "learning_rate":
            raise AttributeError(f"{type(self).__name__} has no learning_rate to set: its line search finds the step")
        super().__setattr__(name, value)

    @property
    def rule(self) -> str:
        """A rule without state; it is never used."""
        return "sgd"

    def check_layers(self, layers: Sequence[Layer]) -> None:
        """Refuse layers whose output differs from one evaluation to the next."""
        for index, layer in enumerate(layers):
            for inner in in_depth([layer]):
                if inner.draws:
                    raise ValueError(
                        f"{type(self).__name__} needs a loss that is the same at each evaluation; layer {index} is "
                        f"{inner!r}, which draws anew: take a first-order optimizer, or an l2 penalty instead"
                    )

    def curvature(self, size: int) -> Curvature:
        """Return the estimate before the first step, for vectors of a size."""
        raise TypeError(f"{type(self).__name__} keeps no curvature")

    def _points(self, problem: Problem) -> Iterator[Point]:
        curvature, point = self.curvature(problem.size), problem.first
        while True:
            found = search(problem, point, curvature)
            if found is None:
                return
            yield found
            point = found


def search(objective: Objective, point: Point, known: Curvature) -> Point | None:
    """Return a lower point along -H g, or None; the estimate H is updated with the step.

    Before the first step, H g is g, shortened to length 1. If a direction fails, H is reset and the gradient itself is
    tried.
    """
    if not point.finite or not (slope := objective.slope(point)).any():
        return None
    while True:
        direction = -_shortened(slope) if known.fresh else -known.direction(slope)
        if objective.bounded:
            direction = np.where(slope == 0.0, 0.0, direction)
            found = backtrack(objective.evaluate, objective.project, point, direction)
        else:
            found = strong_wolfe(objective.evaluate, point, direction)
        if found is not None:
            known.learn(found.x - point.x, found.gradient - point.gradient)
            return found
        if known.fresh:
            return None
        known.fresh = True


def _shortened(g: Vector) -> Vector:
    """Return g, or g / |g| if that is shorter."""
    largest = float(np.abs(g).max())
    if not 0.0 < largest < math.inf:
        return g
    norm = largest * math.sqrt(kernels.sum_squares(g / largest))
    return g / norm if norm > 1.0 else g


def _curves(s: Vector, y: Vector) -> tuple[float, float] | None:
    """Return (s y, y y) if the first is positive beyond rounding, so that H stays positive definite."""
    sy, yy = kernels.dot(s, y), kernels.sum_squares(y)
    return (sy, yy) if _EPSILON * yy < sy and 0.0 < yy < math.inf else None


class _Pairs(State):
    """The last pairs (s, y), oldest first, from which H g is computed."""

    def __init__(self, history: int) -> None:
        self.history = history
        self.pairs: list[tuple[Vector, Vector, float, float]] = []

    @property
    def fresh(self) -> bool:
        return not self.pairs

    @fresh.setter
    def fresh(self, forget: bool) -> None:
        assert forget
        self.pairs.clear()

    def direction(self, gradient: Vector) -> Vector:
        """Two loops: Nocedal and Wright, algorithm 7.4, with H0 = s y / y y of the last pair."""
        _, _, sy, yy = self.pairs[-1]
        return _core.inverse_hessian_product(np.ascontiguousarray(gradient), self.pairs, sy / yy)

    def learn(self, s: Vector, y: Vector) -> None:
        products = _curves(s, y)
        if products is not None:
            self.pairs = (
                [*self.pairs[1 - self.history :], (s, y, *products)] if self.history > 1 else [(s, y, *products)]
            )


class _Inverse(State):
    """The full matrix H."""

    def __init__(self, size: int) -> None:
        self.fresh = True
        self.size = size
        self.H: Array | None = None

    def direction(self, gradient: Vector) -> Vector:
        return self._times(gradient)

    def _times(self, v: Vector) -> Vector:
        product: Vector = kernels.matmul(self.H, v[:, None])[:, 0]
        return product

    def learn(self, s: Vector, y: Vector) -> None:
        """H += (1 + y H y / s y) s s' / s y - (H y s' + s (H y)') / s y: Nocedal and Wright, 6.17, from 6.20."""
        products = _curves(s, y)
        if products is None:
            return
        sy, yy = products
        if self.fresh or self.H is None:
            self.H = np.zeros((self.size, self.size))
            np.fill_diagonal(self.H, sy / yy)
            self.fresh = False
        Hy = self._times(y)
        mixed = np.multiply.outer(Hy, s / sy)
        self.H += np.multiply.outer(s, s * ((1.0 + kernels.dot(y, Hy) / sy) / sy))
        self.H -= mixed + mixed.T


class _Hessian:
    """The second derivatives at the point of the search."""

    def __init__(self, second: Callable[[Point], Array]) -> None:
        self.fresh = False
        self.second = second
        self.point: Point | None = None

    def direction(self, gradient: Vector) -> Vector:
        """Solve (B + t I) d = g on the elements that may move, t the least tried that makes it positive definite.

        Nocedal and Wright, algorithm 3.3.
        """
        assert self.point is not None
        free = np.flatnonzero(gradient)
        B = self.second(self.point)[np.ix_(free, free)]
        if not np.isfinite(B).all():
            return _shortened(gradient)
        diagonal = np.diagonal(B)
        least = 1e-3 * float(np.abs(B).max()) or 1.0
        t = 0.0 if diagonal.min() > 0.0 else least - float(diagonal.min())
        while (factor := _cholesky(B, t)) is None:
            t = max(2.0 * t, least)
        d = np.zeros_like(gradient)
        d[free] = _solve(factor, gradient[free])
        return d

    def learn(self, s: Vector, y: Vector) -> None:
        self.fresh = False


def _cholesky(B: Array, t: float) -> Array | None:
    """Return the lower factor L of B + t I = L L', or None where that is not positive definite."""
    L = np.tril(B)
    n = len(L)
    np.fill_diagonal(L, np.diagonal(B) + t)
    scale = float(np.abs(np.diagonal(L)).max())
    for j in range(n):
        if not L[j, j] > _EPSILON * n * scale:
            return None
        L[j, j] = math.sqrt(L[j, j])
        L[j + 1 :, j] /= L[j, j]
        L[j + 1 :, j + 1 :] -= np.tril(np.multiply.outer(L[j + 1 :, j], L[j + 1 :, j]))
    return L


def _solve(L: Array, b: Vector) -> Vector:
    """Return x of L L' x = b."""
    x = np.array(b)
    for j in range(len(x)):
        x[j] /= L[j, j]
        x[j + 1 :] -= L[j + 1 :, j] * x[j]
    for j in reversed(range(len(x))):
        x[j] /= L[j, j]
        x[:j] -= L[j, :j] * x[j]
    return x


class LBFGS(SecondOrder):
    """L-BFGS: x += a d with d = -H g, where H is estimated from s and y of the last steps, and a from a line search.

    The line search ends where the strong Wolfe conditions hold: f(x + a d) <= f + 1e-4 a g d and |g(x + a d) d| <= .9
    |g d|. A trial that is not finite is rejected. In `fit` a step is one line search on a batch, which evaluates the
    loss once or more: use `batch_size=None`, or batches of thousands of rows. Random layers (dropout) are refused.

    Parameters
    ----------
    history : int >= 1, default=10
        How many pairs (s, y) are kept, in float64.

    Raises
    ------
    ValueError
        For a value out of range.

    References
    ----------
    Nocedal and Wright, Numerical optimization, second edition, 2006: algorithms 7.5, 3.5 and 3.6.

    Examples
    --------
    >>> import ravine as rv
    >>> def rosenbrock(x):
    ...     return (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2
    >>> result = rv.optimizers.LBFGS().minimize(rosenbrock, [-1.2, 1.0], steps=100, tolerance=1e-6)
    >>> result.x.round(6), result.nit < 50
    (array([1., 1.]), True)
    """

    history: int

    def __init__(self, history: int = 10) -> None:
        super().__init__(history=check_int("history", history, 1))

    def curvature(self, size: int) -> Curvature:
        """Return an empty history."""
        return _Pairs(self.history)


class BFGS(SecondOrder):
    """BFGS: as `LBFGS`, with a full matrix H: n^2 numbers for n weights, so up to 5,000 weights.

    H += (1 + y H y / s y) s s' / s y - (H y s' + s y' H) / s y, from (s y / y y) I.

    References
    ----------
    Nocedal and Wright, Numerical optimization, second edition, 2006: algorithm 6.1.

    Examples
    --------
    >>> import ravine as rv
    >>> rv.optimizers.BFGS().minimize(lambda x: ((x - [1.0, 2.0]) ** 4).sum(), [0.0, 0.0], steps=99).x.round(2)
    array([1., 2.])
    """

    def __init__(self) -> None:
        super().__init__()

    def curvature(self, size: int) -> Curvature:
        """Return a matrix yet to be scaled; ValueError for more than 5,000 weights."""
        if size > _MOST_WEIGHTS:
            raise ValueError(
                f"BFGS keeps a matrix of {size} x {size} numbers; it takes at most {_MOST_WEIGHTS} weights, LBFGS more"
            )
        return _Inverse(size)


class Newton(SecondOrder):
    """Newton's method for plain functions: x -= a B^-1 g with the Hessian B, made positive definite where it is not.

    The line search of `LBFGS` finds a, beginning with 1. It works with `minimize` only, not with `compile`.

    References
    ----------
    Nocedal and Wright, Numerical optimization, second edition, 2006: algorithms 3.2 and 3.3.

    Examples
    --------
    >>> import ravine as rv
    >>> rv.optimizers.Newton().minimize(lambda x: x[0] ** 2 + 3 * (x[1] - x[0]) ** 2, [5.0, 1.0], steps=1).x.round(6)
    array([0., 0.])
    """

    def __init__(self) -> None:
        super().__init__()

    def check_layers(self, layers: Sequence[Layer]) -> None:
        """Refuse models."""
        raise ValueError("Newton minimises plain functions; compile the model with LBFGS or BFGS")

    def minimize(
        self,
        fun: Callable[..., Any],
        x0: ArrayLike,
        *,
        steps: int,
        jac: bool | str | Callable[..., Any] | None = None,
        hess: Callable[..., Any] | None = None,
        bounds: Any = None,
        tolerance: float | None = None,
        callback: Callable[[Array, float], Any] | None = None,
        record: bool = False,
    ) -> Result:
        """Minimise a plain function of an array; as for `Optimizer.minimize`, with one more argument.

        Parameters
        ----------
        hess : callable, optional
            hess(x) returns the second derivatives, shape (n, n) for x of n elements. None computes them by central
            differences of the gradient, with 2 n gradients.
        """
        if hess is not None and not callable(hess):
            raise TypeError(f"hess must be None or a function of an array, got {hess!r}")
        count = check_int("steps", steps, 0)
        problem = Problem(fun, x0, jac=jac, bounds=bounds, tolerance=tolerance, callback=callback, record=record)
        return problem.solve(self._points(problem, hess), count)

    def _points(self, problem: Problem, hess: Callable[..., Any] | None = None) -> Iterator[Point]:
        known = _Hessian(lambda point: problem.hessian(point, hess))
        point = problem.first
        while True:
            known.point = point
            found = search(problem, point, known)
            if found is None:
                return
            yield found
            point = found
