"""Snapshots of a network's numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..descriptions import State
from ..inputs.arrays import Array

if TYPE_CHECKING:
    from .._core import Network

__all__ = ["Snapshot", "is_finite"]


@dataclass
class Snapshot(State):
    """Copies of weights, statistics and optimizer state.

    Attributes
    ----------
    weights, optimizer : dict of str to ndarray
        By name of parameter or statistic, and by slot and parameter name.
    running : ndarray
        The optimizer's running products.
    step : int
        Batches seen.
    epoch : int
        Epochs seen.
    """

    weights: dict[str, Array]
    optimizer: dict[str, Array]
    running: Array
    step: int
    epoch: int

    @classmethod
    def take(cls, network: Network, epoch: int) -> Snapshot:
        """Copy the numbers of `network`."""
        return cls(
            {name: np.array(w) for name, w in network.weights().items()},
            {name: np.array(s) for name, s in network.optimizer_state().items()},
            np.array(network.running),
            int(network.step),
            epoch,
        )

    def restore(self, network: Network) -> None:
        """Write the copies back."""
        for views, copies in ((network.weights(), self.weights), (network.optimizer_state(), self.optimizer)):
            for name, copy in copies.items():
                views[name][...] = copy
        network.running[...] = self.running
        network.step = self.step


def is_finite(network: Network) -> bool:
    """Whether every weight is a finite number."""
    with np.errstate(over="ignore", invalid="ignore"):
        return all(math.isfinite(np.add.reduce(w, axis=None)) for w in network.weights().values())
