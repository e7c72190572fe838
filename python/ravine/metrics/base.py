"""The base classes of metrics."""

from __future__ import annotations

import math
from typing import ClassVar

from ..descriptions import Described
from ..inputs.arguments import check_name, check_number
from ..inputs.arrays import Array
from ..losses.base import Head

__all__ = ["Metric", "Thresholded"]


class Metric(Described):
    """The base class of metrics.

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
        """Return the engine's metric and its setting; None if a pass over the predictions is needed."""
        return None

    def compute(self, y_true: Array, y_pred: Array, sample_weight: Array | None, head: Head) -> float:
        """Return the value on predictions: probabilities if `head` defines them, otherwise outputs.

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


class Thresholded(Metric):
    """A metric of binary predictions.

    Parameters
    ----------
    threshold : float, optional
        Predictions above it count as class 1. Default: 0 after a perceptron or hinge loss, otherwise 0.5; with one
        class per row, the largest prediction counts.
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
        """The threshold for the outputs in training: a logit, if the head has logits."""
        threshold = self._threshold(head)
        if head.logits is None:
            return threshold
        if not 0.0 < threshold < 1.0:
            return -math.inf if threshold <= 0.0 else math.inf
        return math.log(threshold / (1.0 - threshold))
