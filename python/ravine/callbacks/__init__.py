"""Callbacks: hooks between the epochs and the batches of a `fit`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..startup.late import late_attributes
from .base import Callback, LambdaCallback
from .logs import CSVLogger, JSONLogger
from .rates import LearningRateFinder, LearningRateScheduler, ReduceLROnPlateau
from .stopping import EarlyStopping, TerminateOnNaN, TimeLimit

if TYPE_CHECKING:
    from .checkpoints import ModelCheckpoint
    from .doctor import Doctor
    from .ensembles import CheckpointEnsemble

__all__ = [
    "CSVLogger",
    "Callback",
    "CheckpointEnsemble",
    "Doctor",
    "EarlyStopping",
    "JSONLogger",
    "LambdaCallback",
    "LearningRateFinder",
    "LearningRateScheduler",
    "ModelCheckpoint",
    "ReduceLROnPlateau",
    "TerminateOnNaN",
    "TimeLimit",
]


__getattr__, __dir__ = late_attributes(__name__)
