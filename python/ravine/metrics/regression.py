"""Metrics of regression."""

from __future__ import annotations

from typing import ClassVar

from ..inputs.arrays import Array
from ..losses.base import Head
from .base import Metric
from .scores import mean_absolute_error, mean_squared_error, r2

__all__ = ["MeanAbsoluteError", "MeanSquaredError", "R2Score"]


class _Error(Metric):
    """A mean over rows and columns; the engine, which sees logits, does not compute it on probabilities."""

    _engine: ClassVar[str] = ""

    def engine(self, head: Head, units: int) -> tuple[str, float] | None:
        """Name the engine's form where training sees the same outputs as `predict`."""
        suits = head.logits is None and head.targets != "categorical" and not head.skip_activation
        return (self._engine, 0.0) if suits else None


class MeanSquaredError(_Error):
    """Mean of (y - t)^2 over rows and columns; `name` as for `Metric`."""

    _name = "mse"
    _engine = "squared_error"

    def compute(self, y_true: Array, y_pred: Array, sample_weight: Array | None, head: Head) -> float:
        """Return the error."""
        return mean_squared_error(y_true, y_pred, sample_weight)


class MeanAbsoluteError(_Error):
    """Mean of |y - t| over rows and columns; `name` as for `Metric`."""

    _name = "mae"
    _engine = "absolute_error"

    def compute(self, y_true: Array, y_pred: Array, sample_weight: Array | None, head: Head) -> float:
        """Return the error."""
        return mean_absolute_error(y_true, y_pred, sample_weight)


class R2Score(Metric):
    """1 - sum (y - t)^2 / sum (t - mean t)^2: the share of the targets' variance that is explained.

    `name` as for `Metric`.
    """

    _name = "r2"

    def compute(self, y_true: Array, y_pred: Array, sample_weight: Array | None, head: Head) -> float:
        """Return the score."""
        return r2(y_true, y_pred, sample_weight)
