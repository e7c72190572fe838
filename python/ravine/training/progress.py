"""The progress of a fit, which a checkpoint saves and a resumed fit begins with."""

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
        The epoch with which the fit began.
    batch : int
        The number of finished batches of the current epoch.
    opened : bool
        Whether callbacks were notified of the begin of the current epoch.
    sums : ndarray
        Sums over its batches: losses, weights, penalties, steps and metrics, as `Network.sums`.
    last_rate : float
        The learning rate of the last step, or of the first one before there is a step.
    resumed : bool
        Whether the fit resumes a checkpoint.
    stopped : bool
        Whether the saved fit had been stopped.
    callback_states : sequence of dict or None
        The states that the callbacks of a resumed fit restore.
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
        """Return the progress of a new fit."""
        return cls(state.training.epoch, np.zeros(4 + len(state.engine_metrics)))
