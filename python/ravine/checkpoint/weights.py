"""Weights without the rest of a model: saved to a file, and loaded into a model."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from ..errors import CheckpointFormatError, CheckpointMismatchError
from ..inputs.arrays import Array
from ..network.state import ModelState
from .atomic import replace_file
from .file_format import pack, read

__all__ = [
    "difference",
    "load_weights",
    "reading",
    "save_weights",
    "warn_of_not_finite",
    "weights_of",
    "write_weights",
]


def save_weights(state: ModelState, path: str) -> None:
    """Write only the weights."""
    weights = state.network.weights()
    replace_file(path, pack({"kind": "weights", "weights": list(weights)}, weights))


@contextmanager
def reading(path: str | os.PathLike[str]) -> Iterator[None]:
    """Turn errors from data with valid checksums, but not written by `save`, into one error."""
    try:
        yield
    except (CheckpointFormatError, CheckpointMismatchError) as error:
        name = os.fspath(path)
        raise error if str(error).startswith(name) else type(error)(f"{name}: {error}") from error.__cause__
    except (ArithmeticError, AttributeError, LookupError, MemoryError, RecursionError, TypeError, ValueError) as error:
        raise CheckpointFormatError(f"{os.fspath(path)}: the description makes no model: {error}") from error


def weights_of(content: dict[str, Any], tensors: Mapping[str, Array]) -> dict[str, Array]:
    """Return the weights among a file's tensors, by name."""
    prefix = content.get("prefix", "")
    return {name: tensors[prefix + name] for name in content["weights"]}


def difference(views: Mapping[str, Array], found: Mapping[str, Array]) -> str:
    """Return how names, shapes and types differ from those expected; "" if they are the same."""
    for name, view in views.items():
        if name not in found:
            return f"{name!r} is missing; there are {', '.join(map(repr, found)) or 'none'}"
        if found[name].shape != view.shape:
            return f"{name!r}: expected shape {view.shape}, found {found[name].shape}"
        if found[name].dtype != view.dtype:
            return f"{name!r}: expected {view.dtype}, found {found[name].dtype}; convert it first"
    unknown = [name for name in found if name not in views]
    return f"{unknown[0]!r} is not expected; expected are {', '.join(map(repr, views))}" if unknown else ""


def write_weights(state: ModelState, found: Mapping[str, Array], source: str) -> None:
    """Write all weights by name into a model; CheckpointMismatchError if they do not match."""
    views = state.network.weights()
    wrong = difference(views, found)
    if wrong:
        raise CheckpointMismatchError(f"{source}: {wrong}")
    for name, view in views.items():
        view[...] = found[name]
    if not state.guard.fitting:
        state.training.search = None
    warn_of_not_finite(source, views)


def load_weights(state: ModelState, path: str | os.PathLike[str]) -> None:
    """Load the weights of a file into a model: ravine's, or any in safetensors' layout."""
    stored = read(path)
    with reading(path):
        if stored.content is not None and stored.content["kind"] == "ensemble":
            raise CheckpointMismatchError("it holds several models; ravine.Ensemble.load reads it")
        weights = stored.tensors if stored.content is None else weights_of(stored.content, stored.tensors)
    write_weights(state, weights, os.fspath(path))


def warn_of_not_finite(path: str | os.PathLike[str], weights: Mapping[str, Array]) -> None:
    """Warn of weights that are NaN or infinite."""
    wrong = [name for name, w in weights.items() if not np.isfinite(w).all()]
    if wrong:
        warnings.warn(f"{os.fspath(path)}: non-finite weights in {', '.join(wrong)}", UserWarning, stacklevel=4)
