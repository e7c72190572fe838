"""Checkpoints: a model, or a running fit, in one file that survives crashes and reveals damage.

A file has safetensors' layout: weights are tensors under their own names, and the header holds the rest. Each tensor
has a checksum, and so has the header. A file is written to a temporary file and renamed, so that a crash leaves the
last good one. Nothing in it is executed.
"""

from ..errors import CheckpointFormatError, CheckpointMismatchError, CheckpointVersionError

__all__ = ["CheckpointFormatError", "CheckpointMismatchError", "CheckpointVersionError"]
