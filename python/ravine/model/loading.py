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
    return load_model(check_path(path), check_custom_objects(custom_objects), Sequential)


def check_custom_objects(custom_objects: Any) -> Mapping[str, Any] | None:
    """Return a dict of classes and functions, or None, as it is."""
    if custom_objects is not None and not isinstance(custom_objects, Mapping):
        raise TypeError(f"custom_objects must be a dict of classes and functions by name, got {custom_objects!r}")
    return custom_objects
