"""The problem that `minimize` solves: a plain function, its gradient, its bounds, and the record of evaluations."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..inputs.arguments import check_flag, check_number
from ..inputs.arrays import Array, as_array, convert

__all__ = ["Descent", "Point", "Problem", "Result"]

Vector = NDArray[np.float64]

# Five-point stencils of the first derivative times 12 h, as (offset, coefficient): central, and with the point at its
# left end. Abramowitz and Stegun, Handbook of mathematical functions, table 25.2.
_CENTRAL: tuple[tuple[int, float], ...] = ((-2, 1.0), (-1, -8.0), (1, 8.0), (2, -1.0))
_ONE_SIDED = ((0, -25.0), (1, 48.0), (2, -36.0), (3, 16.0), (4, -3.0))


@dataclass
class Result:
    """The result of `minimize`; errors as for `Optimizer.minimize`.

    Attributes
    ----------
    x : ndarray of float64
        The point with the lowest finite value of all that were evaluated, of the shape of `x0`.
    fun : float
        Its value.
    nit : int
        Steps taken.
    nfev : int
        Calls of `fun`, including those for numeric gradients.
    message : str
        The reason for stopping.
    path : ndarray, shape (nit + 1, *x0.shape), or None
        The point before the first step and after each, with `record=True`.
    values : ndarray, shape (nit + 1,), or None
        Their values, with `record=True`.
    """

    x: Array
    fun: float
    nit: int
    nfev: int
    message: str
    path: Array | None = field(default=None, repr=False)
    values: Vector | None = field(default=None, repr=False)


class Point:
    """A vector, the value there, and the gradient, which is computed on first use."""

    def __init__(self, x: Vector, value: float, gradient: Vector | Callable[[], Vector]) -> None:
        self.x = x
        self.value = value
        self._gradient = gradient

    @property
    def gradient(self) -> Vector:
        """The gradient, of x's shape."""
        if callable(self._gradient):
            self._gradient = self._gradient()
        return self._gradient

    @property
    def finite(self) -> bool:
        """Whether value and gradient are."""
        return math.isfinite(self.value) and bool(np.isfinite(self.gradient).all())


class Problem:
    """The function as optimizers see it: of a flat float64 vector, with bounds, counted calls and the best point."""

    def __init__(
        self,
        fun: Callable[..., Any],
        x0: ArrayLike,
        *,
        jac: Any = None,
        bounds: Any = None,
        tolerance: float | None = None,
        callback: Callable[[Array, float], Any] | None = None,
        record: bool = False,
    ) -> None:
        if not callable(fun):
            raise TypeError(f"fun must be a function of an array, got {fun!r}")
        if not (jac is None or jac is True or callable(jac) or (isinstance(jac, str) and jac == "numeric")):
            raise ValueError(f"jac must be None, 'numeric', True or a function, got {jac!r}")
        if callback is not None and not callable(callback):
            raise TypeError(f"callback must be None or a function of a point and its value, got {callback!r}")
        start = convert("x0", as_array("x0", x0), np.dtype(np.float64))
        if start.size == 0:
            raise ValueError(f"x0 must have at least one element, got shape {start.shape}")
        self.fun, self.jac, self.callback = fun, jac, callback
        self.slopes = True  # whether the optimizer uses gradients
        self.tolerance = None if tolerance is None else check_number("tolerance", tolerance, 0.0)
        self.shape, self.size, self.nfev = start.shape, start.size, 0
        self.low, self.high = _check_bounds(bounds, start.size)
        self.bounded = bool(np.isfinite(self.low).any() or np.isfinite(self.high).any())
        self.record: list[Point] | None = [] if check_flag("record", record) else None
        self.best: Point | None = None
        self.steps = 0
        self.first = self.evaluate(self.project(start.reshape(-1)))  # where an optimizer starts

    def project(self, x: Vector) -> Vector:
        """Return the nearest point within the bounds."""
        return np.clip(x, self.low, self.high) if self.bounded else np.array(x)

    def evaluate(self, x: Vector) -> Point:
        """Return the value at a new point, and its gradient if requested."""
        known: Vector | None = None
        if self.jac is True:
            value, known = self._pair(x)
        else:
            value = self._value(x)
        point = Point(x, value, (lambda: self._gradient(point)) if known is None else known)
        if self.best is None or (math.isfinite(value) and not value >= self.best.value):
            self.best = point
        return point

    def slope(self, point: Point) -> Vector:
        """Return the gradient without the parts that push against a bound."""
        gradient = point.gradient
        if not self.bounded:
            return gradient
        held = ((point.x <= self.low) & (gradient > 0)) | ((point.x >= self.high) & (gradient < 0))
        return np.where(held, 0.0, gradient)

    def hessian(self, point: Point, hess: Callable[..., Any] | None) -> Array:
        """Return the second derivatives, given or from central differences of the gradient, made symmetric."""
        if hess is not None:
            given = as_array("hess's matrix", hess(self._shaped(point.x)))
            if given.size != self.size**2:
                raise ValueError(f"hess gave the shape {given.shape}, expected {(self.size, self.size)}")
            second = np.array(convert("hess's matrix", given, np.dtype(np.float64), check=False))
            second = second.reshape(self.size, self.size)
        else:
            second = np.array([self._second(point, i) for i in range(self.size)])
        symmetric: Array = (second + second.T) / 2.0
        return symmetric

    def _second(self, point: Point, i: int) -> Vector:
        at = float(point.x[i])
        h = math.ldexp(1.0, max(math.frexp(at)[1] - 1, 0) - 13)
        left, right = np.array(point.x), np.array(point.x)
        left[i], right[i] = max(at - h, self.low[i]), min(at + h, self.high[i])
        if left[i] == right[i]:
            return np.zeros(self.size)
        low, high = (Point(x, math.nan, np.empty(0)) for x in (left, right))
        slope: Vector = (self._gradient_at(high) - self._gradient_at(low)) / (right[i] - left[i])
        return slope

    def _gradient_at(self, point: Point) -> Vector:
        if self.jac is True:
            return self._pair(point.x)[1]
        if not callable(self.jac):
            point.value = self._value(point.x)
        return self._gradient(point)

    def solve(self, points: Iterator[Point], steps: int) -> Result:
        """Take points from an optimizer until the steps are done or there is a reason to stop."""
        descent = Descent(self, points, steps)
        descent.advance(steps)
        return descent.result()

    def _note(self, point: Point) -> None:
        if self.record is not None:
            self.record.append(point)

    def _result(self, taken: int, message: str) -> Result:
        assert self.best is not None
        result = Result(self._shaped(self.best.x), self.best.value, taken, self.nfev, message)
        if self.record is not None:
            result.path = np.array([point.x for point in self.record]).reshape(-1, *self.shape)
            result.values = np.array([point.value for point in self.record])
        return result

    def _shaped(self, x: Vector) -> Array:
        return np.array(x).reshape(self.shape)

    def _call(self, x: Vector) -> Any:
        self.nfev += 1
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            return self.fun(self._shaped(x))

    def _value(self, x: Vector) -> float:
        return _number(self._call(x), "fun must return a number")

    def _pair(self, x: Vector) -> tuple[float, Vector]:
        given = self._call(x)
        wanted = "jac=True says that fun returns (value, gradient)"
        if not isinstance(given, (tuple, list)) or len(given) != 2:
            raise ValueError(f"{wanted}, got {type(given).__name__}")
        return _number(given[0], wanted), self._as_gradient(given[1], "fun's gradient")

    def _gradient(self, point: Point) -> Vector:
        if callable(self.jac):
            with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
                given = self.jac(self._shaped(point.x))
            return self._as_gradient(given, "jac's gradient")
        return np.array([self._derivative(point, i) for i in range(self.size)])

    def _as_gradient(self, given: Any, name: str) -> Vector:
        gradient = as_array(name, given)
        if gradient.shape != self.shape:
            raise ValueError(f"{name} has shape {gradient.shape}, expected x0's shape {self.shape}")
        return np.array(convert(name, gradient, np.dtype(np.float64), check=False)).reshape(-1)

    def _derivative(self, point: Point, i: int) -> float:
        """Return the five-point derivative with respect to element i, within the bounds."""
        at, low, high = point.x[i], self.low[i], self.high[i]
        if low == high:
            return 0.0
        # A power of two, so that at + k h is exact; 2^-10 is near eps^(1/5), which balances h^4 and eps / h.
        h = math.ldexp(1.0, max(math.frexp(at)[1] - 1, 0) - 10)
        h = min(h, math.ldexp(1.0, math.frexp((high - low) / 8.0)[1] - 1)) if high - low < math.inf else h
        stencil, sign = _CENTRAL, 1.0
        if not low <= at - 2 * h or not at + 2 * h <= high:
            stencil, sign = _ONE_SIDED, 1.0 if at + 4 * h <= high else -1.0
        total = 0.0
        for offset, coefficient in stencil:
            x = np.array(point.x)
            x[i] = at + sign * offset * h
            total += coefficient * (self._value(x) if offset else point.value)
        return sign * total / (12.0 * h)


class Descent:
    """An optimizer's run on a problem, which can be advanced in parts."""

    def __init__(self, problem: Problem, points: Iterator[Point], steps: int) -> None:
        self.problem, self.points, self.steps = problem, points, steps
        self.point, self.taken, self.message = problem.first, 0, ""
        problem.steps = steps
        problem._note(self.point)

    def advance(self, steps: int) -> None:
        """Take some of the steps, until there is a reason to stop."""
        until = min(self.taken + steps, self.steps)
        while not self.message and (self.taken < until or self.taken == self.steps):
            self.message = self._reason() or self._step()

    def result(self, message: str = "") -> Result:
        """Return what was found."""
        return self.problem._result(self.taken, self.message or message)

    def _reason(self) -> str:
        """Return the reason for taking no step from the current point, or ""."""
        problem = self.problem
        if self.taken == self.steps:
            return f"took all {self.steps} steps"
        if not problem.slopes:
            return ""
        if not np.isfinite(self.point.gradient).all():
            return f"the gradient is not finite after step {self.taken}"
        if problem.tolerance is not None and np.abs(problem.slope(self.point)).max() <= problem.tolerance:
            return f"no part of the gradient exceeds the tolerance {problem.tolerance!r}"
        return ""

    def _step(self) -> str:
        """Take a step; return the reason why it was the last, or ""."""
        following = next(self.points, None)
        if following is None and not self.problem.slopes:
            return f"the values of a step lie within the tolerance {self.problem.tolerance!r}"
        if following is None:
            return "no lower value was found along the direction of search"
        self.point, self.taken, problem = following, self.taken + 1, self.problem
        problem._note(following)
        asked = problem.callback is not None and problem.callback(problem._shaped(following.x), following.value)
        return "the callback asked to stop" if asked else ""


def _number(given: Any, wanted: str) -> float:
    array = np.asarray(given)
    if array.size != 1 or array.dtype.kind not in "biuf":
        raise TypeError(f"{wanted}, got {given!r}")
    return float(array.reshape(-1)[0])


def _check_bounds(bounds: Any, size: int) -> tuple[Vector, Vector]:
    """Return the lowest and highest values as vectors; infinite where there is no bound."""
    if bounds is None:
        return np.full(size, -math.inf), np.full(size, math.inf)
    allowed = f"bounds must be one (low, high) or {size} of them, None for no bound"
    if not isinstance(bounds, (Sequence, np.ndarray)) or isinstance(bounds, str):
        raise TypeError(f"{allowed}, got {bounds!r}")
    pairs = list(bounds)
    if len(pairs) == 2 and all(end is None or np.ndim(end) == 0 for end in pairs):
        pairs = [pairs] * size
    if len(pairs) != size or any(np.ndim(pair) != 1 or len(pair) != 2 for pair in pairs):
        raise ValueError(f"{allowed}, got {bounds!r}")
    low, high = np.empty(size), np.empty(size)
    for i, pair in enumerate(pairs):
        low[i], high[i] = (-math.inf if pair[0] is None else pair[0]), (math.inf if pair[1] is None else pair[1])
        if not low[i] <= high[i]:
            raise ValueError(f"bounds[{i}] must be (low, high) with low <= high, got {pair!r}")
    return low, high
