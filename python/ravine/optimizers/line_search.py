"""Line searches. Numbers are Python's floats: + - * / and sqrt, the same on every machine."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from .. import kernels
from .problem import Point, Vector

__all__ = ["backtrack", "strong_wolfe"]

# Nocedal and Wright's c1 and c2 for quasi-Newton directions: section 3.1.
_DECREASE = 1e-4
_CURVATURE = 0.9
_MOST = 20  # points that one search may try


@dataclass
class _Trial:
    """The point at `step` on the line: value and slope along it, None if they are not finite."""

    step: float
    value: float
    slope: float
    point: Point


def strong_wolfe(
    evaluate: Callable[[Vector], Point], start: Point, direction: Vector, step: float = 1.0
) -> Point | None:
    """Return a point start + a direction where the strong Wolfe conditions hold.

    f(a) <= f(0) + c1 a f'(0) and |f'(a)| <= c2 |f'(0)|, with c1 = 1e-4 and c2 = 0.9. A trial that is not finite becomes
    the right end of the bracket, like one that is too high. If the trials run out, the lowest point with enough
    decrease is returned, or None.

    References
    ----------
    Nocedal and Wright, Numerical optimization, second edition, 2006: algorithms 3.5 (bracket) and 3.6 (zoom), here one
    loop, and equation 3.59 (the cubic's minimum).
    """

    def along(a: float) -> _Trial | None:
        point = evaluate(start.x + a * direction)
        if not point.finite:
            return None
        return _Trial(a, point.value, kernels.dot(point.gradient, direction), point)

    first = _Trial(0.0, start.value, kernels.dot(start.gradient, direction), start)
    if not first.slope < 0.0:
        return None
    # low: the lowest trial with enough decrease; high: the other end of the bracket, once there is one
    low, high, end = first, None, math.inf
    for _ in range(_MOST):
        trial = along(step)
        if trial is None or trial.value > first.value + _DECREASE * step * first.slope or trial.value >= low.value:
            high, end = trial, step
        else:
            if abs(trial.slope) <= -_CURVATURE * first.slope:
                return trial.point
            if trial.slope * (end - low.step) >= 0.0:
                high, end = low, low.step
            elif end == math.inf:
                low, step = trial, _beyond(low, trial)
                continue
            low = trial
        step = _between(low, high, end)
        if step in (low.step, end):
            break
    return None if low is first else low.point


def backtrack(
    evaluate: Callable[[Vector], Point],
    project: Callable[[Vector], Vector],
    start: Point,
    direction: Vector,
    step: float = 1.0,
) -> Point | None:
    """Return a point of the projected line x(a) = P(start + a direction) that is low enough, or None.

    f(x(a)) <= f(x) + c1 g (x(a) - x): Armijo's rule along the projection's arc.

    References
    ----------
    Bertsekas, Projected Newton methods for optimization problems with simple constraints, 1982.
    """
    for _ in range(2 * _MOST):
        x = project(start.x + step * direction)
        change = kernels.dot(start.gradient, x - start.x)
        if not change < 0.0:
            return None
        point = evaluate(x)
        if math.isfinite(point.value) and point.value <= start.value + _DECREASE * change and point.finite:
            return point
        # the parabola's minimum, kept within [.1, .5] of the step
        bend = 2.0 * (point.value - start.value - change)
        step *= min(max(-change / bend, 0.1), 0.5) if math.isfinite(bend) and bend > 0.0 else 0.1
    return None


def _cubic(a: _Trial, b: _Trial) -> float:
    """Return the minimum of the cubic through two trials; NaN if it has none."""
    d1 = a.slope + b.slope - 3.0 * (a.value - b.value) / (a.step - b.step)
    square = d1 * d1 - a.slope * b.slope
    if not 0.0 <= square < math.inf:
        return math.nan
    d2 = math.copysign(math.sqrt(square), b.step - a.step)
    bottom = b.slope - a.slope + 2.0 * d2
    return b.step - (b.step - a.step) * ((b.slope + d2 - d1) / bottom) if bottom else math.nan


def _beyond(low: _Trial, trial: _Trial) -> float:
    """Return a step of 2 to 10 times the last, where the function still falls."""
    guess = _cubic(low, trial)
    return min(max(guess, 2.0 * trial.step), 10.0 * trial.step) if guess > trial.step else 10.0 * trial.step


def _between(low: _Trial, high: _Trial | None, end: float) -> float:
    """Return a step within the bracket, a tenth of it off its ends; near `low` if the other end is not finite."""
    width = end - low.step
    if high is None:
        return low.step + 0.1 * width
    share = (_cubic(low, high) - low.step) / width
    return low.step + (min(max(share, 0.1), 0.9) if math.isfinite(share) else 0.5) * width
