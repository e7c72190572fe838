"""Weights in NumPy's npz."""

from __future__ import annotations

import io
from collections.abc import Mapping

import numpy as np

from ..errors import CheckpointFormatError
from ..inputs.arrays import Array
from .atomic import replace_file

__all__ = ["read_npz", "write_npz"]


def write_npz(path: str, weights: Mapping[str, Array]) -> None:
    """Write arrays by name, as `numpy.savez` does, and replace the file as a whole."""
    buffer = io.BytesIO()
    np.savez(buffer, **weights)  # type: ignore[arg-type]
    replace_file(path, [buffer.getbuffer()])


def read_npz(path: str) -> dict[str, Array]:
    """Return the arrays of an npz; pickled objects are refused."""
    with open(path, "rb") as file:
        try:
            found = np.load(file, allow_pickle=False)
            if not isinstance(found, np.lib.npyio.NpzFile):
                raise ValueError("it holds one array without a name")
            with found:
                return {name: found[name] for name in found.files}
        except Exception as error:
            raise CheckpointFormatError(f"{path}: not an npz of arrays, or a damaged one: {error}") from error
