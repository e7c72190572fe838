"""Means and deviations of columns, and how a model learns those of its `Standardize` layers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from . import kernels
from ._validation import Array, NotFittedError
from .layers import Standardize

if TYPE_CHECKING:
    from ._base import ModelBase
    from ._build import Part
    from ._sparse import Inputs

__all__ = ["column_statistics", "forget", "learn", "need_learnt", "unlearnt"]

Vector = NDArray[np.float64]

# Numbers that are converted to float64 at once. The order of the sums, and so their last bits, depend on it.
_CHUNK = 1 << 20


def column_statistics(X: Array, cols: int) -> tuple[Vector, Vector]:
    """Return mean and deviation, float64, of each of `cols` columns that repeat along the rows of X, (n, inputs).

    With n values x in a column and m = sum x / n, rounded, a second pass gives r = sum (x - m), the mean m + r / n and
    the variance (sum (x - m)^2 - r^2 / n) / n. A column of equal values has just that mean, and the deviation 1.

    Raises
    ------
    ValueError
        Where the squares are too large for float64.
    """
    rows, inputs = X.shape
    step = max(1, _CHUNK // inputs)
    chunks = [X[first : first + step] for first in range(0, rows, step)]
    count = rows * (inputs // cols)
    low = np.min([chunk.min(axis=0) for chunk in chunks], axis=0).reshape(-1, cols).min(axis=0)
    high = np.max([chunk.max(axis=0) for chunk in chunks], axis=0).reshape(-1, cols).max(axis=0)
    with np.errstate(over="ignore", invalid="ignore"):
        mean = _sums((chunk.astype(np.float64) for chunk in chunks), inputs, cols) / count
        mean = np.where(low == high, low, mean).astype(np.float64)
        center = np.tile(mean, inputs // cols)
        squares = _sums((np.square(chunk - center) for chunk in chunks), inputs, cols)
        rests = _sums((chunk - center for chunk in chunks), inputs, cols)
        deviation = np.sqrt(np.maximum(squares - rests * rests / count, 0.0) / count)
        mean = mean + rests / count
    if not (np.isfinite(mean).all() and np.isfinite(deviation).all()):
        raise ValueError("X holds numbers too large for the sum of their squares")
    return mean, np.where(low == high, 1.0, deviation)


def _sums(chunks: Any, inputs: int, cols: int) -> Vector:
    """Return the columns' sums: in ascending order of rows inside a chunk, then of chunks, then along the row."""
    total = np.zeros(inputs)
    for chunk in chunks:
        total += kernels.column_sums(np.ascontiguousarray(chunk, np.float64))
    summed: Vector = kernels.column_sums(total.reshape(-1, cols))
    return summed


def unlearnt(model: ModelBase) -> list[Part]:
    """Return the `Standardize` layers whose numbers are not there yet: a deviation is never 0 where they are."""
    if model._plan is None or not model._plan.standards:
        return []
    parameters = model._built().parameters()
    return [part for part in model._plan.standards if not parameters[f"{part.name}/deviation"].any()]


def _take_over(model: ModelBase, part: Part) -> bool:
    """Write the numbers that a layer was given after the network was made; say whether there are any."""
    layer = _layer(part)
    if layer.mean is None:
        return False
    layer.output_shape(part.shape)  # that there are as many as columns
    parameters = model._built().parameters()
    for name, initialiser in layer.parameter_initializers().items():
        initialiser.fill_finite(parameters[f"{part.name}/{name}"], seed=0)
    return True


def _layer(part: Part) -> Standardize:
    assert isinstance(part.layer, Standardize)
    return part.layer


def need_learnt(model: ModelBase) -> None:
    """Raise NotFittedError where a layer's numbers are not there."""
    for part in unlearnt(model):
        if not _take_over(model, part):
            raise NotFittedError(
                f"layer {part.name} has not learnt its means and deviations yet: call fit, the layer's adapt(X), or "
                "give it mean= and deviation="
            )


def learn(model: ModelBase, X: Inputs) -> None:
    """Learn what is not there yet from the rows X, (n, inputs), that a fit begins with."""
    for part in unlearnt(model):
        if _take_over(model, part):
            continue
        assert model._plan is not None
        if part is not model._plan.parts[0]:
            raise ValueError(
                f"layer {part.name} does not see the inputs as they are, so fit cannot learn its means and deviations: "
                "call its adapt(X), give it mean= and deviation=, or put it first"
            )
        parameters = model._built().parameters()
        views = [parameters[f"{part.name}/{name}"] for name in ("mean", "deviation")]
        assert isinstance(X, np.ndarray)  # a first layer that is no Dense takes no sparse rows
        mean, deviation = column_statistics(X, len(views[0]))
        views[0][...], views[1][...] = mean, deviation
        views[1][views[1] == 0] = 1  # too small for the model's dtype: as good as constant
        _layer(part)._used = True


def forget(model: ModelBase, parts: list[Part]) -> None:
    """Undo `learn`, where a fit failed before its first step."""
    parameters = model._built().parameters()
    for part in parts:
        for name in ("mean", "deviation"):
            parameters[f"{part.name}/{name}"][...] = 0
