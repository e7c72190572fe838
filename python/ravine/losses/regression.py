"""Losses for regression and counts."""

from __future__ import annotations

from ..inputs.arguments import check_flag, check_number
from .base import Loss, Reduction

__all__ = [
    "HalfMeanSquaredError",
    "HalfSumSquaredError",
    "Huber",
    "MeanAbsoluteError",
    "MeanSquaredError",
    "Poisson",
    "Quantile",
    "SumSquaredError",
]


class MeanSquaredError(Loss):
    """l = mean (y - t)^2; `reduction` as for `Loss`."""

    _engine = "squared_error"

    def _setting(self, units: int) -> float:
        return 1.0 / units


class HalfMeanSquaredError(MeanSquaredError):
    """l = 1/2 mean (y - t)^2; `reduction` as for `Loss`."""

    def _setting(self, units: int) -> float:
        return 0.5 / units


class SumSquaredError(MeanSquaredError):
    """l = sum (y - t)^2; `reduction` as for `Loss`."""

    def _setting(self, units: int) -> float:
        return 1.0


class HalfSumSquaredError(MeanSquaredError):
    """l = 1/2 sum (y - t)^2; `reduction` as for `Loss`."""

    def _setting(self, units: int) -> float:
        return 0.5


class MeanAbsoluteError(Loss):
    """l = mean |y - t|; `reduction` as for `Loss`."""

    _engine = "absolute_error"

    def _setting(self, units: int) -> float:
        return 1.0 / units


class Huber(Loss):
    """l = mean of r^2 / 2 where |r| <= delta, else delta (|r| - delta / 2), with r = y - t (Huber 1964).

    Parameters
    ----------
    delta : float > 0, default=1.0
        Where the loss turns from quadratic to linear; 1.35 standard deviations of the noise keep 95 % of the efficiency
        of least squares.
    reduction : {"mean", "sum", "penalized_mean"}, default="mean"
        How the losses of a batch's rows are reduced.

    Raises
    ------
    ValueError, TypeError
        For a value that is not allowed.
    """

    _engine = "huber"

    def __init__(self, delta: float = 1.0, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction=reduction)
        self.delta = check_number("delta", delta, 0.0, closed="neither")

    def _setting(self, units: int) -> float:
        return self.delta


class Quantile(Loss):
    """l = mean of tau (t - y) where y < t, else (1 - tau) (y - t): minimal where y is the quantile tau of the targets.

    Two nets with tau = 0.05 and 0.95 bound 90 % of the targets; tau = 0.5 is half the absolute error.

    Parameters
    ----------
    tau : float in (0, 1), default=0.5
        The quantile: the share of the targets that lies below the best outputs.
    reduction : {"mean", "sum", "penalized_mean"}, default="mean"
        How the losses of a batch's rows are reduced.

    Raises
    ------
    ValueError, TypeError
        For a value that is not allowed.

    References
    ----------
    Koenker and Bassett, "Regression quantiles", Econometrica 46, 1978.

    Examples
    --------
    >>> import numpy as np
    >>> import ravine as rv
    >>> y = np.arange(101.0)
    >>> model = rv.Sequential([rv.layers.Dense(1)], dtype="float64", random_state=0)
    >>> model.compile(optimizer=rv.optimizers.SGD(1.0), loss=rv.losses.Quantile(0.9))
    >>> history = model.fit(np.zeros((101, 1)), y, epochs=1000, batch_size=None)
    >>> abs(float(model.predict([[0.0]])[0, 0]) - 90) < 2
    True
    """

    _engine = "quantile"

    def __init__(self, tau: float = 0.5, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction=reduction)
        self.tau = check_number("tau", tau, 0.0, 1.0, closed="neither")

    def _setting(self, units: int) -> float:
        return self.tau


class Poisson(Loss):
    """Counts t with rate r, up to a constant: l = mean of r - t log r.

    Parameters
    ----------
    log_input : bool, default=True
        Whether the outputs are log r (l = exp(y) - t y) or r itself.
    reduction : {"mean", "sum", "penalized_mean"}, default="mean"
        How the losses of a batch's rows are reduced.

    Raises
    ------
    ValueError, TypeError
        For a value that is not allowed.
    """

    _engine = "poisson"
    _targets = "count"

    def __init__(self, log_input: bool = True, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction=reduction)
        self.log_input = check_flag("log_input", log_input)

    def _setting(self, units: int) -> float:
        return 1.0 if self.log_input else 0.0
