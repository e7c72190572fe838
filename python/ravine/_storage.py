"""What a model does with files, and with weights from elsewhere."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._base import ModelBase
from ._validation import as_array

if TYPE_CHECKING:
    from .model import Sequential

__all__ = ["Storage"]


def check_path(path: Any) -> str:
    """Return a path as a str."""
    if not isinstance(path, (str, os.PathLike)) or not isinstance(os.fspath(path), str):
        raise TypeError(f"path must be a str or a path, got {path!r}")
    return cast(str, os.fspath(path))


class Storage(ModelBase):
    """The part of a model that saves and loads."""

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the whole model to one file: layers, weights, loss, metrics, optimizer with its state, history, seed.

        `ravine.load` gives it back. The file has safetensors' layout and a checksum for each tensor and for the rest.
        It is written beside its place, brought to the disk and renamed: a crash leaves the file that was there.

        Parameters
        ----------
        path : str or path
            The file; one that is there is replaced.

        Raises
        ------
        TypeError
            For a path that is none, and where something of one's own, such as a lambda, cannot be saved; it is named.
        OSError
            Where the file cannot be written.
        """
        from ._model_state import save_model

        name = check_path(path)
        with self._exclusive():
            save_model(cast("Sequential", self), name)

    def save_weights(self, path: str | os.PathLike[str]) -> None:
        """Write the weights alone, by their names in `parameters` and `statistics`.

        Parameters
        ----------
        path : str or path
            The file: NumPy's npz where its name ends so, otherwise safetensors' layout with checksums.

        Raises
        ------
        NotFittedError
            Before there are weights.
        TypeError, OSError
            As for `save`.
        """
        from ._exchange import write_npz
        from ._model_state import save_weights

        name = check_path(path)
        with self._exclusive():
            if name.endswith(".npz"):
                write_npz(name, self._built().weights())
            else:
                save_weights(cast("Sequential", self), name)

    def load_weights(self, source: str | os.PathLike[str] | Mapping[str, ArrayLike]) -> None:
        """Take over weights, all or none; the optimizer's state and the step stay.

        Parameters
        ----------
        source : str, path or dict of arrays
            A file of `save` or `save_weights`, any other file in safetensors' layout, an npz, or arrays by name.
            Names, shapes and types are those of `parameters` and `statistics`; Keras' ":0" after a name is left out.
            See also `ravine.from_torch`.

        Raises
        ------
        NotFittedError
            Before the input's shape is known: begin the layers with `Input`.
        CheckpointMismatchError
            For a missing or unknown name, another shape or another type.
        CheckpointFormatError
            For a file that is of another kind, or damaged.
        OSError
            For a file that cannot be read.

        Warns
        -----
        UserWarning
            For weights that are not finite.
        """
        from ._exchange import read_npz
        from ._model_state import load_weights, write_weights

        with self._exclusive():
            self._built()
            model = cast("Sequential", self)
            if isinstance(source, Mapping):
                named = {str(name).removesuffix(":0"): as_array(f"{name}", w) for name, w in source.items()}
                write_weights(model, named, "the weights given")
                return
            path = check_path(source)
            if path.endswith(".npz"):
                write_weights(model, read_npz(path), path)
            else:
                load_weights(model, path)

    def get_weights(self) -> list[NDArray[Any]]:
        """Return copies of the weights as a list, layer by layer, parameters before statistics: Keras' order.

        Raises
        ------
        NotFittedError
            Before there are weights.
        """
        with self._exclusive():
            return [np.array(w) for w in self._built().weights().values()]

    def set_weights(self, weights: Sequence[ArrayLike]) -> None:
        """Take over weights as `get_weights` gives them.

        Parameters
        ----------
        weights : list of array-like
            In that order, of the same shapes and types.

        Raises
        ------
        NotFittedError
            Before there are weights.
        CheckpointMismatchError
            For another number of arrays, another shape or another type.
        """
        from ._model_state import write_weights
        from .checkpoint import CheckpointMismatchError

        with self._exclusive():
            names = list(self._built().weights())
            if len(weights) != len(names):
                raise CheckpointMismatchError(
                    f"weights must have {len(names)} arrays, for {', '.join(names)}, got {len(weights)}"
                )
            given = {name: as_array(f"weights[{i}]", w) for i, (name, w) in enumerate(zip(names, weights, strict=True))}
            write_weights(cast("Sequential", self), given, "weights")
