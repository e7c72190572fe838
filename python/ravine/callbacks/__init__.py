"""Callbacks: what happens between the epochs, and between the batches, of a `fit`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .base import Callback, LambdaCallback
from .doctor import Doctor
from .ensembles import CheckpointEnsemble
from .logs import CSVLogger, JSONLogger
from .rates import LearningRateFinder, LearningRateScheduler, ReduceLROnPlateau
from .stopping import EarlyStopping, TerminateOnNaN, TimeLimit

if TYPE_CHECKING:
    from .checkpoints import ModelCheckpoint

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


def __getattr__(name: str) -> Any:
    """Import `ModelCheckpoint` when it is first asked for: it needs more of the standard library than the others."""
    if name != "ModelCheckpoint":
        raise AttributeError(f"module 'ravine.callbacks' has no attribute {name!r}")
    from .checkpoints import ModelCheckpoint

    return ModelCheckpoint
