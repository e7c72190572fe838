"""How far a fit is: what a checkpoint saves of it, and a resumed fit begins with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..inputs.arrays import Array
from ..network.state import ModelState

__all__ = ["FitProgress"]


@dataclass
class FitProgress:
    """The position within a fit; epochs over all fits are the model's.

    Attributes
    ----------
    first_epoch : int
        The epoch that it began with.
    batch : int
        Batches of the present epoch that are over.
    opened : bool
        Whether callbacks were told that the present epoch begins.
    sums : ndarray
        What its batches add up: losses, weights, penalties, steps and metrics, as `Network.sums`.
    last_rate : float
        The learning rate of the last step, or of the first before there is one.
    resumed : bool
        Whether it continues the fit of a checkpoint.
    stopped : bool
        Whether that fit had been stopped for good.
    callback_states : sequence of dict or None
        What the callbacks of a resumed fit take over.
    """

    first_epoch: int
    sums: Array
    batch: int = 0
    opened: bool = False
    last_rate: float = 0.0
    resumed: bool = False
    stopped: bool = False
    callback_states: Sequence[Mapping[str, Any] | None] = ()

    @classmethod
    def start(cls, state: ModelState) -> FitProgress:
        """Return the progress of a fit that begins."""
        return cls(state.training.epoch, np.zeros(4 + len(state.engine_metrics)))
