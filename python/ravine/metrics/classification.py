"""Metrics of classification."""

from __future__ import annotations

from typing import Any, ClassVar

from ..inputs.arguments import check_int
from ..inputs.arrays import Array
from ..losses.base import Head
from .base import Metric, Thresholded
from .scores import accuracy, auc, binary_accuracy, f1, precision, recall, top_k

__all__ = ["AUC", "Accuracy", "BinaryAccuracy", "F1Score", "Precision", "Recall", "TopKAccuracy"]


class Accuracy(Metric):
    """The share of rows with the right class: the largest of several outputs, or one output's side of 0.5 (or 0).

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


class BinaryAccuracy(Thresholded):
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
        The number of largest outputs that count.
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


class _PerClass(Thresholded):
    """A score of each class from counts of right and wrong answers."""

    _function: ClassVar[Any] = None

    def compute(self, y_true: Array, y_pred: Array, sample_weight: Array | None, head: Head) -> float:
        """Return the score."""
        threshold = self.threshold if head.targets == "categorical" else self._threshold(head)
        return float(type(self)._function(y_true, y_pred, sample_weight, threshold=threshold))


class Precision(_PerClass):
    """The share of predicted positives that are positive; a mean over the columns.

    `name` and `threshold` as for `BinaryAccuracy`; with one class per row and no threshold, the largest output counts.
    """

    _name = "precision"
    _function = staticmethod(precision)


class Recall(_PerClass):
    """The share of positives that are predicted; settings as for `Precision`."""

    _name = "recall"
    _function = staticmethod(recall)


class F1Score(_PerClass):
    """2 precision recall / (precision + recall); settings as for `Precision`."""

    _name = "f1"
    _function = staticmethod(f1)


class AUC(Metric):
    """The area under the ROC curve: the probability that a positive row scores above a negative one.

    `name` as for `Metric`.
    """

    _name = "auc"

    def compute(self, y_true: Array, y_pred: Array, sample_weight: Array | None, head: Head) -> float:
        """Return the area."""
        return auc(y_true, y_pred, sample_weight)
