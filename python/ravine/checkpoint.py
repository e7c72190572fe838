"""Checkpoints: a model, or a fit in its midst, as one file that survives crashes and shows damage.

A file has safetensors' layout: weights are tensors under their own names, and the header holds the rest. Each tensor
has a checksum, and so has the header. A file is written beside its place and renamed, so that a crash leaves the last
good one. Nothing in it is executed.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .model import Sequential

__all__ = ["CheckpointFormatError", "CheckpointMismatchError", "CheckpointVersionError", "load"]


class CheckpointFormatError(ValueError):
    """Raised for a file that is no checkpoint, or a damaged one."""


class CheckpointVersionError(CheckpointFormatError):
    """Raised for a checkpoint of a format that is newer than this build."""


class CheckpointMismatchError(ValueError):
    """Raised for a whole checkpoint that does not fit what it is wanted for: another network, data, optimizer ..."""


def load(path: str | os.PathLike[str], *, custom_objects: Mapping[str, Any] | None = None) -> Sequential:
    """Return the model that `Sequential.save` or a `callbacks.ModelCheckpoint` has written.

    It predicts and goes on training as the one that was saved: optimizer state, schedule, seed and step are those of
    then, down to the last bit. `fit(resume=path)` goes on with a fit that was in its midst.

    Parameters
    ----------
    path : str or path
        The file.
    custom_objects : dict of str to class or function, optional
        Layers, losses, schedules ... of one's own that the model was made with, by name.

    Returns
    -------
    Sequential
        Compiled, if the saved one was.

    Raises
    ------
    CheckpointFormatError, CheckpointVersionError
        For a file that is no checkpoint or a damaged one; for one of a newer format.
    CheckpointMismatchError
        For a file of weights alone, see `Sequential.load_weights`; for a class that `custom_objects` lacks.
    TypeError
        For a path that is none, or `custom_objects` that are no dict.
    OSError
        For a file that cannot be read.

    Warns
    -----
    UserWarning
        For weights that are not finite.

    Examples
    --------
    >>> import os, tempfile
    >>> import ravine as rv
    >>> model = rv.Sequential([rv.layers.Dense(1)], random_state=0)
    >>> model.compile(loss="mse")
    >>> _ = model.fit([[0.0], [1.0]], [1.0, 2.0], epochs=5)
    >>> path = os.path.join(tempfile.mkdtemp(), "line.ravine")
    >>> model.save(path)
    >>> bool(rv.load(path).predict([[3.0]]) == model.predict([[3.0]]))
    True
    """
    from ._model_state import load_model
    from ._storage import check_path

    return load_model(check_path(path), check_custom_objects(custom_objects))


def check_custom_objects(custom_objects: Any) -> Mapping[str, Any] | None:
    """Return a dict of classes and functions, or None, as it is."""
    if custom_objects is not None and not isinstance(custom_objects, Mapping):
        raise TypeError(f"custom_objects must be a dict of classes and functions by name, got {custom_objects!r}")
    return custom_objects
