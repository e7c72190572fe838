"""The methods of a model that save, load and set weights."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..checkpoint.models import save_model
from ..checkpoint.npz import read_npz, write_npz
from ..checkpoint.weights import load_weights, save_weights, write_weights
from ..errors import CheckpointMismatchError
from ..inputs.arguments import check_path
from ..inputs.arrays import as_array
from ..network.state import ModelState

__all__ = ["Saving"]


class Saving:
    """The files and the weights of a model."""

    _state: ModelState

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the whole model to one file: layers, weights, loss, metrics, optimizer with its state, history, seed.

        `ravine.load` reads it. The file has safetensors' layout, with a checksum for each tensor and for the rest. It
        is written to a temporary file, synced and renamed: after a crash the old file is still there.

        Parameters
        ----------
        path : str or path
            The file; an existing one is replaced.

        Raises
        ------
        TypeError
            For an invalid path, and if a custom object, such as a lambda, cannot be saved; the error names it.
        OSError
            If the file cannot be written.
        """
        name = check_path(path)
        with self._state.guard.exclusive():
            save_model(self, name)

    def save_weights(self, path: str | os.PathLike[str]) -> None:
        """Write only the weights, by their names in `parameters` and `statistics`.

        Parameters
        ----------
        path : str or path
            The file. A name that ends in ".npz" selects NumPy's npz, any other safetensors' layout with checksums.

        Raises
        ------
        NotFittedError
            Before there are weights.
        TypeError, OSError
            As for `save`.
        """
        name = check_path(path)
        with self._state.guard.exclusive():
            if name.endswith(".npz"):
                write_npz(name, self._state.network.weights())
            else:
                save_weights(self._state, name)

    def load_weights(self, source: str | os.PathLike[str] | Mapping[str, ArrayLike]) -> None:
        """Load weights, all or none; the optimizer's state and the step count are kept.

        Parameters
        ----------
        source : str, path or dict of arrays
            A file of `save` or `save_weights`, any other file in safetensors' layout, an npz, or arrays by name.
            Names, shapes and types must match `parameters` and `statistics`; Keras' ":0" after a name is ignored. See
            also `ravine.from_torch`.

        Raises
        ------
        NotFittedError
            Before the input's shape is known: begin the layers with `Input`.
        CheckpointMismatchError
            For a missing or unknown name, another shape or another type.
        CheckpointFormatError
            For a file of another kind, or a damaged one.
        OSError
            For a file that cannot be read.

        Warns
        -----
        UserWarning
            For weights that are not finite.
        """
        state = self._state
        with state.guard.exclusive():
            state.need_built()
            if isinstance(source, Mapping):
                named = {str(name).removesuffix(":0"): as_array(f"{name}", w) for name, w in source.items()}
                write_weights(state, named, "the weights given")
                return
            path = check_path(source)
            if path.endswith(".npz"):
                write_weights(state, read_npz(path), path)
            else:
                load_weights(state, path)

    def get_weights(self) -> list[NDArray[Any]]:
        """Return copies of the weights as a list, layer by layer, parameters before statistics: Keras' order.

        Raises
        ------
        NotFittedError
            Before there are weights.
        """
        with self._state.guard.exclusive():
            return [np.array(w) for w in self._state.network.weights().values()]

    def set_weights(self, weights: Sequence[ArrayLike]) -> None:
        """Set the weights from a list such as `get_weights` returns.

        Parameters
        ----------
        weights : list of array-like
            The weights in that order, of the same shapes and types.

        Raises
        ------
        NotFittedError
            Before there are weights.
        CheckpointMismatchError
            For another number of arrays, another shape or another type.
        """
        state = self._state
        with state.guard.exclusive():
            names = list(state.network.weights())
            if len(weights) != len(names):
                raise CheckpointMismatchError(
                    f"weights must have {len(names)} arrays, for {', '.join(names)}, got {len(weights)}"
                )
            given = {name: as_array(f"weights[{i}]", w) for i, (name, w) in enumerate(zip(names, weights, strict=True))}
            write_weights(state, given, "weights")
