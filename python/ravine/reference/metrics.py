"""NumPy twins of the metric kernels: an unweighted value for each row.

Every function takes the outputs ``z`` (rows, cols), targets of the same shape and dtype or integer class labels (rows,)
and, keyword-only, ``setting``, 0.0 unless given; it returns the values (rows,) in the dtype of ``z``. A row whose
outputs hold a NaN has the value NaN.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .losses import dense_target

Array = NDArray[Any]

__all__ = ["metric_absolute_error", "metric_accuracy", "metric_binary_accuracy", "metric_squared_error", "metric_top_k"]


def metric_accuracy(z: Array, target: Array, *, setting: float = 0.0) -> Array:
    """1 where the largest output is that of the target's class, the first of equals counting; `setting` is not used.

    >>> metric_accuracy(np.array([[0.1, 0.9], [0.5, 0.5]]), np.array([1, 1], dtype=np.int32))
    array([1., 0.])
    """
    t = dense_target(z, target)
    unknown = np.isnan(z).any(axis=1) | np.isnan(t).any(axis=1)
    return np.where(unknown, np.nan, z.argmax(axis=1) == t.argmax(axis=1)).astype(z.dtype)


def metric_binary_accuracy(z: Array, target: Array, *, setting: float = 0.0) -> Array:
    """Share of the columns where ``z > setting`` agrees with ``t > 1/2``.

    >>> metric_binary_accuracy(np.array([[2.0, -1.0]]), np.array([[1.0, 1.0]]))
    array([0.5])
    """
    t = dense_target(z, target)
    agrees = (z > z.dtype.type(setting)) == (t > 0.5)
    return np.asarray(np.where(np.isnan(z + t), np.nan, agrees).mean(axis=1), dtype=z.dtype)


def metric_squared_error(z: Array, target: Array, *, setting: float = 0.0) -> Array:
    """Mean over the columns of ``(z - t)^2``; `setting` is not used.

    >>> metric_squared_error(np.array([[3.0, 1.0]]), np.array([[1.0, 1.0]]))
    array([2.])
    """
    r = z - dense_target(z, target)
    return np.asarray((r * r).mean(axis=1))


def metric_absolute_error(z: Array, target: Array, *, setting: float = 0.0) -> Array:
    """Mean over the columns of ``|z - t|``; `setting` is not used.

    >>> metric_absolute_error(np.array([[3.0, 1.0]]), np.array([[1.0, 1.0]]))
    array([1.])
    """
    return np.asarray(np.abs(z - dense_target(z, target)).mean(axis=1))


def metric_top_k(z: Array, target: Array, *, setting: float = 0.0) -> Array:
    """1 where fewer than k (`setting`) outputs are larger than that of the target's class.

    >>> metric_top_k(np.array([[0.2, 0.5, 0.3]]), np.array([2], dtype=np.int32), setting=2)
    array([1.])
    """
    t = dense_target(z, target)
    own = np.take_along_axis(z, t.argmax(axis=1)[:, None], axis=1)
    unknown = np.isnan(z).any(axis=1) | np.isnan(t).any(axis=1)
    return np.where(unknown, np.nan, (z > own).sum(axis=1) < setting).astype(z.dtype)
