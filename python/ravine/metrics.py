"""Metrics: what is reported beside the loss.

Each has a plain function of targets, predictions and weights, and a description for `compile`. The engine gathers those
that are sums over rows (accuracies, squared and absolute error) while it computes the loss, where its outputs suit;
the others come from a pass over the data after the epoch. Where the loss is a cross entropy, predictions are
probabilities. Several outputs: precision, recall, f1, auc and r2 are unweighted means over the columns.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar

from ._fixed import Described
from ._scores import (
    accuracy,
    auc,
    binary_accuracy,
    f1,
    mean_absolute_error,
    mean_squared_error,
    precision,
    r2,
    recall,
    threshold_for,
    top_k,
)
from ._validation import Array, check_choice, check_int, check_name, check_number
from .losses.base import Head

__all__ = [
    "AUC",
    "Accuracy",
    "BinaryAccuracy",
    "F1Score",
    "MeanAbsoluteError",
    "MeanSquaredError",
    "Metric",
    "Precision",
    "R2Score",
    "Recall",
    "TopKAccuracy",
    "accuracy",
    "auc",
    "binary_accuracy",
    "f1",
    "get",
    "mean_absolute_error",
    "mean_squared_error",
    "precision",
    "r2",
    "recall",
    "threshold_for",
    "top_k",
]


class Metric(Described):
    """What all metrics share.

    Parameters
    ----------
    name : str, optional
        The name in the history.

    Raises
    ------
    ValueError, TypeError
        For a value that is not allowed.
    """

    _name: ClassVar[str] = ""

    def __init__(self, *, name: str | None = None) -> None:
        self.name: str = check_name("name", self._name if name is None else name)

    def engine(self, head: Head, units: int) -> tuple[str, float] | None:
        """Return the engine's metric and its setting; None where a pass over the predictions is needed."""
        return None

    def compute(self, y_true: Array, y_pred: Array, sample_weight: Array | None, head: Head) -> float:
        """Return the value on predictions: probabilities where `head` has them, otherwise outputs.

        Parameters
        ----------
        y_true : ndarray, shape (n, units), or of int32, shape (n,)
            Encoded targets, or class indices.
        y_pred : ndarray, shape (n, units)
            Predictions.
        sample_weight : ndarray, shape (n,), or None
            Weights of the rows.
        head : Head
            The loss joined to the last layer.
        """
        raise TypeError(f"{type(self).__name__} does not say how to compute a value")


class _Thresholded(Metric):
    """A metric of yes and no.

    Parameters
    ----------
    threshold : float, optional
        Predictions above it count as class 1. Default: 0 after a perceptron or hinge loss, otherwise 0.5; with one
        class a row, the largest prediction counts.
    name : str, optional
        The name in the history.

    Raises
    ------
    ValueError, TypeError
        For a value that is not allowed.
    """

    def __init__(self, threshold: float | None = None, *, name: str | None = None) -> None:
        super().__init__(name=name)
        if threshold is not None:
            threshold = check_number("threshold", threshold, -math.inf, closed="neither")
        self.threshold = threshold

    def _threshold(self, head: Head) -> float:
        if self.threshold is not None:
            return self.threshold
        return 0.0 if head.targets == "sign" else 0.5

    def _engine_threshold(self, head: Head) -> float:
        """The threshold in terms of what training sees: logits, where the head has them."""
        threshold = self._threshold(head)
        if head.logits is None:
            return threshold
        if not 0.0 < threshold < 1.0:
            return -math.inf if threshold <= 0.0 else math.inf
        return math.log(threshold / (1.0 - threshold))


class Accuracy(Metric):
    """The share of rows whose class is right: the largest of several outputs, or one output's side of 0.5 (or 0).

    `name` as for `Metric`.
    """

    _name = "accuracy"

    def engine(self, head: Head, units: int) -> tuple[str, float]:
        """Resolve to the categorical or the binary form."""
        if units == 1 or head.targets == "binary":
            return BinaryAccuracy().engine(head, units)
        return "accuracy", 0.0

    def compute(self, y_true: Array, y_pred: Array, sample_weight: Array | None, head: Head) -> float:
        """Return the accuracy."""
        if y_pred.shape[1] == 1 or head.targets == "binary":
            return BinaryAccuracy().compute(y_true, y_pred, sample_weight, head)
        return accuracy(y_true, y_pred, sample_weight)


class BinaryAccuracy(_Thresholded):
    """The share of entries on the right side of the threshold.

    Parameters
    ----------
    threshold : float, optional
        Predictions above it count as class 1. Default: 0 after a perceptron or hinge loss, otherwise 0.5.
    name : str, optional
        The name in the history.

    Raises
    ------
    ValueError, TypeError
        For a value that is not allowed.
    """

    _name = "binary_accuracy"

    def engine(self, head: Head, units: int) -> tuple[str, float]:
        """Name the engine's form; after logits the threshold is a logit."""
        if head.targets == "categorical":
            raise ValueError("binary_accuracy needs targets with a column for each output; use 'accuracy'")
        return "binary_accuracy", self._engine_threshold(head)

    def compute(self, y_true: Array, y_pred: Array, sample_weight: Array | None, head: Head) -> float:
        """Return the accuracy."""
        return binary_accuracy(y_true, y_pred, sample_weight, threshold=self._threshold(head))


class TopKAccuracy(Metric):
    """The share of rows whose class is among the k largest outputs; ties count in favour.

    Parameters
    ----------
    k : int >= 1, default=5
        How many outputs may be tried.
    name : str, optional
        The name in the history.

    Raises
    ------
    ValueError, TypeError
        For a value that is not allowed.
    """

    _name = "top_k"

    def __init__(self, k: int = 5, *, name: str | None = None) -> None:
        super().__init__(name=name)
        self.k = check_int("k", k, 1)

    def engine(self, head: Head, units: int) -> tuple[str, float]:
        """Name the engine's form."""
        if units < 2:
            raise ValueError(f"{self.name} needs a last layer of at least 2 units, got {units}")
        return "top_k", float(min(self.k, units))

    def compute(self, y_true: Array, y_pred: Array, sample_weight: Array | None, head: Head) -> float:
        """Return the accuracy."""
        return top_k(y_true, y_pred, sample_weight, k=self.k)


class _Error(Metric):
    """A mean over rows and columns; on probabilities the engine, which sees logits, has no part in it."""

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


class _PerClass(_Thresholded):
    """A score of each class from counts of right and wrong answers."""

    _function: ClassVar[Any] = None

    def compute(self, y_true: Array, y_pred: Array, sample_weight: Array | None, head: Head) -> float:
        """Return the score."""
        threshold = self.threshold if head.targets == "categorical" else self._threshold(head)
        return float(type(self)._function(y_true, y_pred, sample_weight, threshold=threshold))


class Precision(_PerClass):
    """True positives among those predicted positive; a mean over the columns.

    `name` and `threshold` as for `BinaryAccuracy`; with one class a row and no threshold, the largest output counts.
    """

    _name = "precision"
    _function = staticmethod(precision)


class Recall(_PerClass):
    """True positives among those that are positive; settings as for `Precision`."""

    _name = "recall"
    _function = staticmethod(recall)


class F1Score(_PerClass):
    """2 precision recall / (precision + recall); settings as for `Precision`."""

    _name = "f1"
    _function = staticmethod(f1)


class AUC(Metric):
    """The area under the ROC curve: the chance that a positive row scores above a negative one.

    `name` as for `Metric`.
    """

    _name = "auc"

    def compute(self, y_true: Array, y_pred: Array, sample_weight: Array | None, head: Head) -> float:
        """Return the area."""
        return auc(y_true, y_pred, sample_weight)


_NAMES: dict[str, type[Metric]] = {
    "accuracy": Accuracy,
    "binary_accuracy": BinaryAccuracy,
    "top_k": TopKAccuracy,
    "mse": MeanSquaredError,
    "mean_squared_error": MeanSquaredError,
    "mae": MeanAbsoluteError,
    "mean_absolute_error": MeanAbsoluteError,
    "r2": R2Score,
    "precision": Precision,
    "recall": Recall,
    "f1": F1Score,
    "auc": AUC,
}


def check_metrics(metrics: Any) -> tuple[Metric, ...]:
    """Return the metrics of a list; their names are those of the history, so that none may be taken."""
    if isinstance(metrics, (str, Metric)) or not hasattr(metrics, "__iter__"):
        raise TypeError(f"metrics must be a list of names and metrics, got {metrics!r}")
    chosen = tuple(get(metric) for metric in metrics)
    names = [metric.name for metric in chosen]
    if len({"loss", *names}) <= len(names) or any(name.startswith("val_") for name in names):
        raise ValueError(
            f"metrics must have names that differ, none of them 'loss' or beginning with 'val_', got {names}"
        )
    return chosen


def get(metric: str | Metric) -> Metric:
    """Return the metric of a name, reported by that name; an object is returned as it is. ValueError for others."""
    return metric if isinstance(metric, Metric) else _NAMES[check_choice("metric", metric, _NAMES)](name=metric)
