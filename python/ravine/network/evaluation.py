"""The loss and the metrics of a model on rows, penalties included, dropout off."""

from __future__ import annotations

import math

import numpy as np

from ..inputs.arrays import Array
from .data import Data
from .inference import forward, probabilities
from .state import ModelState

__all__ = ["evaluate", "logs", "penalty"]


def evaluate(state: ModelState, data: Data, n_threads: int) -> dict[str, float]:
    """Return loss and metrics by name."""
    result = state.network.evaluate(data.X, data.target, data.weight, metrics=state.engine_metrics, n_threads=n_threads)
    return logs(state, result["loss"], result["metrics"], data, n_threads)


def logs(
    state: ModelState, loss: float, gathered: Array, data: Data | None = None, n_threads: int = 1
) -> dict[str, float]:
    """Return loss and metrics by name: those of the engine and, if `data` are given, the others too."""
    predictions, values = None, iter(gathered.tolist())
    found, head = {"loss": float(loss)}, state.need_head()
    for metric in state.compilation.metrics:
        if metric not in state.later_metrics:
            found[metric.name] = next(values)
        elif data is not None:
            if predictions is None:
                predictions = probabilities(state, forward(state, data.X, None, n_threads))
            finite = np.isfinite(predictions).all()
            found[metric.name] = metric.compute(data.target, predictions, data.weight, head) if finite else math.nan
    return found


def penalty(state: ModelState, data: Data | None = None) -> float:
    """Return the penalty of all layers at the current weights, as in the loss of `data`."""
    parameters = state.network.parameters()
    total = 0.0
    for name, regularizer in state.plan.regularizers.items():
        total += regularizer(parameters[f"{name}/kernel"])
    if data is not None and state.need_head().reduction == "penalized_mean":
        total /= float(len(data.X) if data.weight is None else data.weight.sum(dtype=np.float64)) or 1.0
    return total
