"""Divergence: the error that names it, and where in the network it shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ._sparse import Inputs, SparseRows

if TYPE_CHECKING:
    from .model import Sequential

__all__ = ["DivergenceError", "describe"]


class DivergenceError(FloatingPointError):
    """Raised by `fit` when the loss or a weight is no longer finite; the weights are finite ones from before.

    Attributes
    ----------
    layer : str
        The first layer whose weights or outputs are not finite, or the one with the largest outputs where all are.
    epoch, batch : int
        Where the loss was not finite, or the weights not after it: the epoch, counted over all fits, and its batch.
    step : int
        The number of steps before it, over all fits.
    learning_rate : float
        That of the last step taken.
    loss : float
        The epoch's loss up to there; finite where weights overflowed.
    restored_epoch : int
        The weights are those from before this epoch.
    """

    layer: str
    epoch: int
    batch: int
    step: int
    learning_rate: float
    loss: float
    restored_epoch: int


def describe(model: Sequential, rows: Inputs, n_threads: int) -> tuple[str, str]:
    """Return a layer, and what is wrong with it on some rows, for the model's weights as they are."""
    for name, w in model._built().weights().items():
        if not np.isfinite(w).all():
            return name.rpartition("/")[0], f"the weights {name!r} were not finite"
    plan, largest = model._plan, (0.0, "")
    assert plan is not None
    for place, name in enumerate(plan.names):
        operations = plan.operations_up_to(place)
        if not operations and isinstance(rows, SparseRows):
            continue
        outputs = model._built().forward(rows, operations=operations, n_threads=n_threads)
        if outputs is None or not np.isfinite(outputs).all():
            return name, f"the outputs of layer {name!r} were not finite"
        largest = max(largest, (float(np.abs(outputs).max()), name))
    return largest[1], f"the outputs of layer {largest[1]!r} had reached {largest[0]:.3g}"
