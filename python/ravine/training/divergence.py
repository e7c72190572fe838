"""The layer of a network in which a divergence is visible."""

from __future__ import annotations

import numpy as np

from ..inputs.sparse import Inputs, SparseRows
from ..network.state import ModelState

__all__ = ["describe"]


def describe(state: ModelState, rows: Inputs, n_threads: int) -> tuple[str, str]:
    """Return a layer, and what is wrong with it on some rows, at the model's current weights."""
    for name, w in state.network.weights().items():
        if not np.isfinite(w).all():
            return name.rpartition("/")[0], f"the weights {name!r} were not finite"
    plan, largest = state.plan, (0.0, "")
    for index, name in enumerate(plan.names):
        operations = plan.operations_up_to(index)
        if not operations and isinstance(rows, SparseRows):
            continue
        outputs = state.network.forward(rows, operations=operations, n_threads=n_threads)
        if outputs is None or not np.isfinite(outputs).all():
            return name, f"the outputs of layer {name!r} were not finite"
        largest = max(largest, (float(np.abs(outputs).max()), name))
    return largest[1], f"the outputs of layer {largest[1]!r} had reached {largest[0]:.3g}"
