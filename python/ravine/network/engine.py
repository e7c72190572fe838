"""The engine's network for a plan, and its initial weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .. import _core
from .plan import Plan

if TYPE_CHECKING:
    from .._core import Network

__all__ = ["initialise", "make_network"]

# Random stream of the initial values of parameter number p: _INITIALISER_STREAM | p.
_INITIALISER_STREAM = 1 << 24


def make_network(input_units: int, operations: list[_core.OperationSpec], seed: int, dtype: np.dtype[Any]) -> Network:
    """Return the compiled network; only this function chooses its class."""
    kind = _core.NetworkFloat32 if dtype == np.float32 else _core.NetworkFloat64
    return kind(input_units, operations, seed)


def initialise(network: Network, plan: Plan, seed: int) -> None:
    """Write the parameters' initial values: parameter number p has its own random stream."""
    initialisers = {
        f"{part.name}/{name}": initialiser
        for part in plan.parts
        for name, initialiser in part.layer.parameter_initializers().items()
    }
    for number, (name, w) in enumerate(network.parameters().items()):
        initialisers[name].fill_finite(w, seed=seed, stream=_INITIALISER_STREAM | number)
