"""Metrics, which are reported with the loss.

Each has a plain function of targets, predictions and weights, and a description for `compile`. Metrics that are sums
over rows (accuracies, squared and absolute error) are computed by the engine with the loss, where its outputs allow it.
The others need a pass over the data after the epoch. If the loss is a cross entropy, predictions are probabilities.
With several outputs, precision, recall, f1, auc and r2 are unweighted means over the columns.
"""

from __future__ import annotations

from typing import Any

from ..inputs.arguments import check_choice
from .base import Metric
from .classification import AUC, Accuracy, BinaryAccuracy, F1Score, Precision, Recall, TopKAccuracy
from .regression import MeanAbsoluteError, MeanSquaredError, R2Score
from .scores import (
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
    """Return the metrics of a list; their names appear in the history, so each may be used only once."""
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
    """Return the metric of this name, reported under it, or the given object. ValueError for others."""
    return metric if isinstance(metric, Metric) else _NAMES[check_choice("metric", metric, _NAMES)](name=metric)
