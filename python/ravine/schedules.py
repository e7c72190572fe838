"""Learning-rate schedules: the rate as a function of the step or the epoch, given as an optimizer's `learning_rate`.

t counts steps (batches) or epochs from 0 since `compile`, over all fits; a is the rate. A run gets its rates as one
array, so a schedule adds no cost per step. Powers and cosines are the package's own: the same bits everywhere.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import kernels
from .descriptions import Described
from .inputs.arguments import check_flag, check_number
from .inputs.arrays import as_array

__all__ = [
    "BoldDriver",
    "CosineDecay",
    "ExponentialDecay",
    "InverseTimeDecay",
    "PiecewiseConstantDecay",
    "PolynomialDecay",
    "Schedule",
    "WarmUp",
]

Floats = NDArray[np.float64]


def check_rate(name: str, value: Any) -> float:
    """Return a learning rate, a finite number >= 0."""
    rate = check_number(name, value, 0.0)
    if rate == math.inf:
        raise ValueError(f"{name} must be a number in [0.0, inf), got inf")
    return rate


def _positive(name: str, value: Any) -> float:
    number = check_number(name, value, 0.0, closed="neither")
    if number == math.inf:
        raise ValueError(f"{name} must be a number in (0.0, inf), got inf")
    return number


def _power(base: Floats, exponent: Floats | float) -> Floats:
    return np.asarray(kernels.pow(np.ascontiguousarray(base), np.array(np.broadcast_to(exponent, base.shape))))


class Schedule(Described):
    """The base class of schedules; override `rates` for a custom one.

    Called with a number t >= 0 it returns the rate as a float, with an array a float64 array of its shape.

    Parameters
    ----------
    unit : {"step", "epoch"}, default="step"
        What t counts. In "epoch" the rate stays the same within an epoch.

    Raises
    ------
    ValueError, TypeError
        For a value that is not allowed; in a call, if t or the rate is not a number >= 0.

    Examples
    --------
    >>> import ravine as rv
    >>> class Halving(rv.schedules.Schedule):
    ...     def rates(self, t):
    ...         return 1.0 / (1 + t // 2)
    >>> Halving(unit="epoch")([0, 1, 2, 3, 6])
    array([1.  , 1.  , 0.5 , 0.5 , 0.25])
    """

    def __init__(self, *, unit: str = "step") -> None:
        if not isinstance(unit, str) or unit not in ("step", "epoch"):
            raise ValueError(f"unit must be 'step' or 'epoch', got {unit!r}")
        self.unit = unit

    def rates(self, t: Floats) -> Floats:
        """Return the rate for each t of a one-dimensional array."""
        raise NotImplementedError(f"{type(self).__name__} must override rates(t)")

    @overload
    def __call__(self, t: float) -> float: ...
    @overload
    def __call__(self, t: ArrayLike) -> Floats | float: ...
    def __call__(self, t: ArrayLike) -> Floats | float:
        """Return the rate at t, or at each of an array of them."""
        given = as_array("t", t)
        if given.dtype.kind not in "iuf":
            raise TypeError(f"t must be a number >= 0 or an array of them, got dtype {given.dtype}")
        flat = given.astype(np.float64).ravel()
        wrong = ~((flat >= 0.0) & (flat < math.inf))
        if wrong.any():
            raise ValueError(f"t must be a number >= 0 or an array of them, got {flat[wrong][0]}")
        rates = np.asarray(self.rates(flat))
        if rates.shape != flat.shape or rates.dtype != np.float64:
            raise ValueError(
                f"{type(self).__name__}.rates must return float64 of shape {flat.shape}, got {rates.dtype} of shape "
                f"{rates.shape}"
            )
        wrong = ~((rates >= 0.0) & (rates < math.inf))
        if wrong.any():
            raise ValueError(
                f"a learning rate must be a number in [0.0, inf), got {rates[wrong][0]} from {self!r} at t = "
                f"{flat[wrong][0]:g}"
            )
        return rates.reshape(given.shape) if given.ndim else float(rates[0])


class _Decay(Schedule):
    """The base of schedules that decay from an initial rate within a span."""

    def __init__(self, initial_learning_rate: float, decay_steps: float, unit: str) -> None:
        self.initial_learning_rate = check_rate("initial_learning_rate", initial_learning_rate)
        self.decay_steps = _positive("decay_steps", decay_steps)
        super().__init__(unit=unit)


class _Staircase(_Decay):
    """A decay by a rate r for each span T, or at the end of each."""

    _check_rate = staticmethod(check_rate)

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        decay_rate: float,
        *,
        staircase: bool = False,
        unit: str = "step",
    ) -> None:
        super().__init__(initial_learning_rate, decay_steps, unit)
        self.decay_rate = self._check_rate("decay_rate", decay_rate)
        self.staircase = check_flag("staircase", staircase)

    def _spans(self, t: Floats) -> Floats:
        u = t / self.decay_steps
        return np.floor(u) if self.staircase else u


class ExponentialDecay(_Staircase):
    """a = a0 r^(t/T).

    Parameters
    ----------
    initial_learning_rate : float >= 0
        a0.
    decay_steps : float > 0
        T, in `unit`s: after it the rate is a0 r.
    decay_rate : float > 0
        r; above 1 the rate grows.
    staircase : bool, default=False
        floor(t/T) instead of t/T.
    unit : {"step", "epoch"}, default="step"
        What t counts.

    Raises
    ------
    ValueError, TypeError
        For a value that is not allowed; in a call, for a rate that overflows.

    Examples
    --------
    >>> import ravine as rv
    >>> schedule = rv.schedules.ExponentialDecay(0.1, decay_steps=10, decay_rate=0.5, unit="epoch")
    >>> schedule(20)
    0.025
    >>> optimizer = rv.optimizers.SGD(learning_rate=schedule)
    """

    _check_rate = staticmethod(_positive)

    def rates(self, t: Floats) -> Floats:
        """Return a0 r^(t/T)."""
        with np.errstate(over="ignore", under="ignore"):
            return self.initial_learning_rate * _power(np.full_like(t, self.decay_rate), self._spans(t))


class InverseTimeDecay(_Staircase):
    """a = a0 / (1 + r t/T).

    Parameters
    ----------
    initial_learning_rate : float >= 0
        a0.
    decay_steps : float > 0
        T, in `unit`s.
    decay_rate : float >= 0
        r.
    staircase : bool, default=False
        floor(t/T) instead of t/T.
    unit : {"step", "epoch"}, default="step"
        What t counts.

    Raises
    ------
    ValueError, TypeError
        For a value that is not allowed.

    Examples
    --------
    >>> import ravine as rv
    >>> rv.schedules.InverseTimeDecay(0.5, decay_steps=1, decay_rate=1.0)([0, 1, 4])
    array([0.5 , 0.25, 0.1 ])
    """

    def rates(self, t: Floats) -> Floats:
        """Return a0 / (1 + r t/T)."""
        return self.initial_learning_rate / (1.0 + self.decay_rate * self._spans(t))


class PolynomialDecay(_Decay):
    """a = (a0 - a1) (1 - min(t, T)/T)^p + a1.

    With `cycle`, T is replaced by k T with k = max(1, ceil(t/T)): it is doubled, tripled ... as t passes it. The rate
    jumps up after each T, each time to a lower value.

    Parameters
    ----------
    initial_learning_rate : float >= 0
        a0.
    decay_steps : float > 0
        T, in `unit`s.
    end_learning_rate : float >= 0, default=1e-4
        a1.
    power : float > 0, default=1.0
        p.
    cycle : bool, default=False
        Whether the decay restarts after T.
    unit : {"step", "epoch"}, default="step"
        What t counts.

    Raises
    ------
    ValueError, TypeError
        For a value that is not allowed.

    Examples
    --------
    >>> import ravine as rv
    >>> rv.schedules.PolynomialDecay(0.5, decay_steps=4, end_learning_rate=0.1)([0, 2, 4, 6])
    array([0.5, 0.3, 0.1, 0.1])
    >>> rv.schedules.PolynomialDecay(0.5, decay_steps=4, end_learning_rate=0.1, cycle=True)([0, 2, 4, 6])
    array([0.5, 0.3, 0.1, 0.2])
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        end_learning_rate: float = 1e-4,
        *,
        power: float = 1.0,
        cycle: bool = False,
        unit: str = "step",
    ) -> None:
        super().__init__(initial_learning_rate, decay_steps, unit)
        self.end_learning_rate = check_rate("end_learning_rate", end_learning_rate)
        self.power = _positive("power", power)
        self.cycle = check_flag("cycle", cycle)

    def rates(self, t: Floats) -> Floats:
        """Return (a0 - a1) (1 - t/T)^p + a1."""
        span = self.decay_steps * (np.maximum(np.ceil(t / self.decay_steps), 1.0) if self.cycle else np.ones_like(t))
        # Rounding may put the end of a cycle a little below t.
        rest = np.maximum(1.0 - np.minimum(t, span) / span, 0.0)
        a0, a1 = self.initial_learning_rate, self.end_learning_rate
        # The baseline's pow may be an ULP off for p = 1.
        return (a0 - a1) * (rest if self.power == 1.0 else _power(rest, self.power)) + a1


class CosineDecay(_Decay):
    """a = a0 (alpha + (1 - alpha) (1 + cos(pi min(t, T)/T)) / 2).

    Parameters
    ----------
    initial_learning_rate : float >= 0
        a0.
    decay_steps : float > 0
        T, in `unit`s.
    alpha : float in [0, 1], default=0.0
        The last rate, as a share of a0.
    unit : {"step", "epoch"}, default="step"
        What t counts.

    Raises
    ------
    ValueError, TypeError
        For a value that is not allowed.

    References
    ----------
    Loshchilov and Hutter, "SGDR: stochastic gradient descent with warm restarts", arXiv:1608.03983.

    Examples
    --------
    >>> import ravine as rv
    >>> rv.schedules.CosineDecay(0.5, decay_steps=4)([0, 2, 4, 6])
    array([0.5 , 0.25, 0.  , 0.  ])
    """

    def __init__(
        self, initial_learning_rate: float, decay_steps: float, alpha: float = 0.0, *, unit: str = "step"
    ) -> None:
        super().__init__(initial_learning_rate, decay_steps, unit)
        self.alpha = check_number("alpha", alpha, 0.0, 1.0, closed="both")

    def rates(self, t: Floats) -> Floats:
        """Return a0 (alpha + (1 - alpha) (1 + cos(pi t/T)) / 2)."""
        _, cosine = kernels.sincospi(np.minimum(t, self.decay_steps) / self.decay_steps)
        share = self.alpha + (1.0 - self.alpha) * (0.5 * (1.0 + np.asarray(cosine)))
        return self.initial_learning_rate * share


class PiecewiseConstantDecay(Schedule):
    """a = values[0] while t <= boundaries[0], then values[1] while t <= boundaries[1] ..., values[-1] after the last.

    Parameters
    ----------
    boundaries : sequence of n floats >= 0
        In `unit`s, strictly ascending.
    values : sequence of n + 1 floats >= 0
        The rates.
    unit : {"step", "epoch"}, default="step"
        What t counts.

    Raises
    ------
    ValueError, TypeError
        For values that are not allowed, or do not fit each other.

    Examples
    --------
    >>> import ravine as rv
    >>> rv.schedules.PiecewiseConstantDecay([2, 4], [0.1, 0.01, 0.001], unit="epoch")([0, 2, 3, 4, 5])
    array([0.1  , 0.1  , 0.01 , 0.01 , 0.001])
    """

    def __init__(self, boundaries: Sequence[float], values: Sequence[float], *, unit: str = "step") -> None:
        for name, given in (("boundaries", boundaries), ("values", values)):
            if isinstance(given, str) or not hasattr(given, "__iter__"):
                raise TypeError(f"{name} must be a sequence of numbers, got {given!r}")
        self.boundaries = tuple(check_rate(f"boundaries[{i}]", value) for i, value in enumerate(boundaries))
        self.values = tuple(check_rate(f"values[{i}]", value) for i, value in enumerate(values))
        if any(b <= a for a, b in zip(self.boundaries[:-1], self.boundaries[1:], strict=True)):
            raise ValueError(f"boundaries must ascend strictly, got {boundaries!r}")
        if len(self.values) != len(self.boundaries) + 1:
            raise ValueError(
                f"values must have one more entry than boundaries, got {len(self.values)} values for "
                f"{len(self.boundaries)} boundaries"
            )
        super().__init__(unit=unit)

    def rates(self, t: Floats) -> Floats:
        """Return the value of the piece that t is in."""
        return np.array(self.values)[np.searchsorted(np.array(self.boundaries), t, side="left")]


class WarmUp(Schedule):
    """Rises from a1 to the first rate of another schedule s, then follows it: a1 + (s(0) - a1) t/n, then s(t - n).

    Parameters
    ----------
    learning_rate : float >= 0 or Schedule
        s, or a constant rate.
    warmup_steps : float > 0
        n, in `unit`s.
    initial_learning_rate : float >= 0, default=0.0
        a1. With 0 the first step, or epoch, changes nothing.
    unit : {"step", "epoch"}, optional
        What t counts; that of the schedule, and "step" for a number.

    Raises
    ------
    ValueError, TypeError
        For a value that is not allowed, another unit than the schedule's, or a `BoldDriver`.

    References
    ----------
    Goyal et al., "Accurate, large minibatch SGD: training ImageNet in 1 hour", arXiv:1706.02677.

    Examples
    --------
    >>> import ravine as rv
    >>> rv.schedules.WarmUp(rv.schedules.CosineDecay(0.5, decay_steps=4), warmup_steps=2)([0, 1, 2, 4, 6])
    array([0.  , 0.25, 0.5 , 0.25, 0.  ])
    """

    def __init__(
        self,
        learning_rate: float | Schedule,
        warmup_steps: float,
        *,
        initial_learning_rate: float = 0.0,
        unit: str | None = None,
    ) -> None:
        inner = learning_rate.unit if isinstance(learning_rate, Schedule) else None
        super().__init__(unit=inner or "step" if unit is None else unit)
        if isinstance(learning_rate, BoldDriver):
            raise TypeError(f"learning_rate must be a number or a function of t, got {learning_rate!r}")
        if inner is not None and inner != self.unit:
            raise ValueError(f"unit must be that of the schedule, {inner!r}, got {unit!r}")
        self.learning_rate = learning_rate if inner is not None else check_rate("learning_rate", learning_rate)
        self.warmup_steps = _positive("warmup_steps", warmup_steps)
        self.initial_learning_rate = check_rate("initial_learning_rate", initial_learning_rate)

    def _after(self, t: Floats) -> Floats:
        s = self.learning_rate
        return np.asarray(s(t)) if isinstance(s, Schedule) else np.full_like(t, s)

    def rates(self, t: Floats) -> Floats:
        """Return the rates of both parts."""
        n, a1 = self.warmup_steps, self.initial_learning_rate
        rising = a1 + (self._after(np.zeros(1)) - a1) * (t / n)
        return np.where(t < n, rising, self._after(np.maximum(t - n, 0.0)))


class BoldDriver(Schedule):
    """Adapts to the training loss of the epochs: the rate a grows while the loss falls and is cut when it rises.

    a_(e+1) = a_e `increase` if the loss of epoch e is below that of epoch e - 1, a_e `decrease` if it is above or NaN,
    a_e if it is the same; a_1 = a_0. The model keeps the rate; the engine returns to Python after each epoch.

    Parameters
    ----------
    initial_learning_rate : float > 0
        a_0.
    increase : float >= 1, default=1.05
        The factor while the loss falls.
    decrease : float in (0, 1], default=0.5
        The factor when it rises.

    Raises
    ------
    ValueError, TypeError
        For a value that is not allowed. TypeError in a call: this is not a function of t; see `following`.

    References
    ----------
    Battiti, "Accelerated backpropagation learning: two optimization methods", 1989.

    Examples
    --------
    >>> import ravine as rv
    >>> rv.schedules.BoldDriver(0.1).following([3.0, 2.0, 2.5])
    array([0.1   , 0.1   , 0.105 , 0.0525])
    """

    unit = "epoch"

    def __init__(self, initial_learning_rate: float, *, increase: float = 1.05, decrease: float = 0.5) -> None:
        self.initial_learning_rate = _positive("initial_learning_rate", initial_learning_rate)
        self.increase = check_number("increase", increase, 1.0)
        self.decrease = check_number("decrease", decrease, 0.0, 1.0, closed="right")

    def next_rate(self, rate: float, previous: float | None, loss: float) -> float:
        """Return the rate after an epoch with `rate` and `loss`; `previous` is the loss before it, or None."""
        if previous is None or loss == previous or not math.isfinite(previous):
            return rate
        grown = rate * (self.increase if loss < previous else self.decrease)
        return grown if grown < math.inf else rate

    def following(self, losses: Sequence[float]) -> Floats:
        """Return the rates of n + 1 epochs from the losses of the first n."""
        rates, previous = [self.initial_learning_rate], None
        for loss in losses:
            rates.append(self.next_rate(rates[-1], previous, loss))
            previous = loss
        return np.array(rates)

    def rates(self, t: Floats) -> Floats:
        """Refuse: the rate depends on losses."""
        raise TypeError("BoldDriver goes by the training loss, it is no function of t; see following(losses)")
