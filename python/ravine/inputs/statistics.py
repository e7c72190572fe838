"""Means and deviations of columns."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import kernels
from .arrays import Array

__all__ = ["column_statistics"]

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
        If the squares are too large for float64.
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
