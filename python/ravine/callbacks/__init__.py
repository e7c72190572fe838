"""Callbacks: what happens between the epochs, and between the batches, of a `fit`."""

from __future__ import annotations

from .base import Callback, LambdaCallback
from .doctor import Doctor
from .ensembles import CheckpointEnsemble
from .logs import CSVLogger, JSONLogger
from .rates import LearningRateFinder, LearningRateScheduler, ReduceLROnPlateau
from .stopping import EarlyStopping, TerminateOnNaN, TimeLimit

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
    "ReduceLROnPlateau",
    "TerminateOnNaN",
    "TimeLimit",
]
