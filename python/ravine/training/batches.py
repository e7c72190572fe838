"""The driver for fits that return to Python after each step: for hooks on batches, and steps that search."""

from __future__ import annotations

import math

import numpy as np

from ..inputs.arrays import Array
from ..network.evaluation import logs, penalty
from .fit import Fit
from .recovery import epoch_order

__all__ = ["train_by_batch"]


def train_by_batch(fit: Fit, epoch: int) -> tuple[float, Array]:
    """Train one epoch, one step at a time, with hooks in between; combine the batches' values as the engine does."""
    state, progress, weights = fit.state, fit.progress, _weights_of_batches(fit, epoch)
    reduction = state.need_head().reduction
    mean = reduction != "sum"
    sums, metrics = progress.sums, progress.sums[4:]
    if not progress.batch:
        sums[:] = 0.0
    for batch in range(progress.batch, fit.configuration.steps):
        fit.notify("on_train_batch_begin", batch)
        w = weights[batch]
        counts = w if reduction == "penalized_mean" else 1.0
        of_weights = penalty(state) / (counts or 1.0)
        result = fit.run.train(epoch, 1, batch, 1)
        values = result["metrics"][0]
        sums[0] += (w if mean else 1.0) * (float(result["loss"][0]) - of_weights)
        metrics += w * values
        sums[1], sums[2], sums[3] = sums[1] + w, sums[2] + counts * of_weights, sums[3] + counts
        progress.batch = batch + 1
        fit.notify("on_train_batch_end", batch, logs=logs(state, result["loss"][0], values))
        if state.stop_training or not math.isfinite(result["loss"][0]):
            break
        if fit.pauses and progress.batch < fit.configuration.steps:
            fit.pause()
    loss, total, penalties, steps = sums[:4].tolist()
    divisor = total or 1.0
    return loss / (divisor if mean else 1.0) + penalties / (steps or 1.0), metrics / divisor


def _weights_of_batches(fit: Fit, epoch: int) -> list[float]:
    """Return the sum of the weights of each batch."""
    configuration = fit.configuration
    rows, size, weight = len(configuration.data.X), configuration.batch_size, configuration.data.weight
    if weight is None or configuration.sampling is not None:
        mean = 1.0 if configuration.sampling is None else configuration.sampling.engine.mean_weight
        return [mean * min(size, rows - first) for first in range(0, rows, size)]
    order = epoch_order(fit.state, configuration, epoch)
    if order is not None:
        weight = weight[order]
    return [float(weight[first : first + size].sum(dtype=np.float64)) for first in range(0, rows, size)]
