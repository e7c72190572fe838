"""The exceptions that ravine raises beside Python's own."""

from __future__ import annotations

__all__ = [
    "CheckpointFormatError",
    "CheckpointMismatchError",
    "CheckpointVersionError",
    "DivergenceError",
    "NotFittedError",
]


class NotFittedError(ValueError, AttributeError):
    """Raised when a model is asked for something it has only after `fit`, `build` or `compile`."""


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


class CheckpointFormatError(ValueError):
    """Raised for a file that is not a checkpoint, or a damaged one."""


class CheckpointVersionError(CheckpointFormatError):
    """Raised for a checkpoint of a format that is newer than this build."""


class CheckpointMismatchError(ValueError):
    """Raised for a whole checkpoint that does not fit what it is wanted for: another network, data, optimizer ..."""
