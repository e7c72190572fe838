"""The exceptions that ravine raises in addition to Python's own."""

from __future__ import annotations

__all__ = [
    "CheckpointFormatError",
    "CheckpointMismatchError",
    "CheckpointVersionError",
    "DivergenceError",
    "NotFittedError",
]


class NotFittedError(ValueError, AttributeError):
    """Raised if something is requested that a model has only after `fit`, `build` or `compile`."""


class DivergenceError(FloatingPointError):
    """Raised by `fit` when the loss or a weight is no longer finite; the model is left with earlier, finite weights.

    Attributes
    ----------
    layer : str
        The first layer whose weights or outputs are not finite; if all are finite, the one with the largest outputs.
    epoch, batch : int
        The epoch, counted over all fits, and the batch whose loss was not finite, or after which weights were not.
    step : int
        The number of steps before it, over all fits.
    learning_rate : float
        The learning rate of the last step taken.
    loss : float
        The epoch's loss up to there; it is finite if weights overflowed.
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
    """Raised for an intact checkpoint that does not match: another network, data, optimizer ..."""
