"""`ravine.load`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from ..checkpoint.models import load_model
from ..inputs.arguments import check_path
from .sequential import Sequential

__all__ = ["check_custom_objects", "load"]


def load(path: str | os.PathLike[str], *, custom_objects: Mapping[str, Any] | None = None) -> Sequential:
    """Return the model that `Sequential.save` or a `callbacks.ModelCheckpoint` has written.

    It predicts and continues training like the saved model, with the same bits: optimizer state, schedule, seed and
    step are restored. To resume a fit from a checkpoint, use `fit(resume=path)`.

    Parameters
    ----------
    path : str or path
        The file.
    custom_objects : dict of str to class or function, optional
        Custom layers, losses, schedules ... of the model, by name.

    Returns
    -------
    Sequential
        Compiled, if the saved one was.

    Raises
    ------
    CheckpointFormatError, CheckpointVersionError
        For a file that is not a checkpoint, or a damaged one; for a newer format.
    CheckpointMismatchError
        For a file that holds only weights, see `Sequential.load_weights`; for a class missing in `custom_objects`.
    TypeError
        For an invalid path, or if `custom_objects` is not a dict.
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
    return load_model(check_path(path), check_custom_objects(custom_objects), Sequential)


def check_custom_objects(custom_objects: Any) -> Mapping[str, Any] | None:
    """Return a dict of classes and functions, or None, as it is."""
    if custom_objects is not None and not isinstance(custom_objects, Mapping):
        raise TypeError(f"custom_objects must be a dict of classes and functions by name, got {custom_objects!r}")
    return custom_objects
