"""NumPy twins of the kernels that clip gradients and constrain weights.

Each works in float64 and rounds once to the dtype of its argument.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

__all__ = ["clip", "limit_columns", "soft_threshold", "squared_norm"]


def _into(out: Array | None, value: Array) -> Array:
    if out is None:
        return value
    out[...] = value
    return out


def squared_norm(x: Array, *, scale: float = 1.0) -> float:
    """Square of the Euclidean norm: ``sum (scale x_i)^2``, in float64 for any dtype of `x`.

    Parameters
    ----------
    x : ndarray, any shape
        Input.
    scale : float, default 1.0
        Factor on every element; a small one keeps the squares of large float64 numbers finite.

    Returns
    -------
    float
        The sum.

    Examples
    --------
    >>> squared_norm(np.array([3e30, -4e30], np.float32)) > 2.4e61
    True
    """
    with np.errstate(all="ignore"):
        return float(np.sum(np.square(scale * x.astype(np.float64))))


def clip(x: Array, limit: float, *, out: Array | None = None) -> Array:
    """Clip every element to ``[-limit, limit]``; NaN stays NaN.

    Parameters
    ----------
    x : ndarray, any shape
        Input.
    limit : float
        At least 0, rounded to the dtype of `x`.
    out : ndarray, optional
        Where to write the result; may be `x`.

    Returns
    -------
    ndarray
        Of the shape and dtype of `x`.

    Examples
    --------
    >>> clip(np.array([-3.0, 0.5, 2.0]), 1.0)
    array([-1. ,  0.5,  1. ])
    """
    bound = x.dtype.type(limit)
    return _into(out, np.where(x > bound, bound, np.where(x < -bound, -bound, x)))


def soft_threshold(x: Array, threshold: float, *, out: Array | None = None) -> Array:
    """Shrink towards zero: ``sign(x) max(|x| - threshold, 0)``; NaN stays NaN.

    It solves ``min_y (y - x)^2 / 2 + threshold |y|``: the proximal step of an L1 penalty.

    Parameters
    ----------
    x : ndarray, any shape
        Input.
    threshold : float
        At least 0, rounded to the dtype of `x`.
    out : ndarray, optional
        Where to write the result; may be `x`.

    Returns
    -------
    ndarray
        Of the shape and dtype of `x`.

    References
    ----------
    Donoho, "De-noising by soft-thresholding", 1995; Beck and Teboulle, "A fast iterative shrinkage-thresholding
    algorithm for linear inverse problems", 2009.

    Examples
    --------
    >>> soft_threshold(np.array([-3.0, 0.5, 2.0]), 1.0)
    array([-2.,  0.,  1.])
    """
    t = x.dtype.type(threshold)
    with np.errstate(invalid="ignore", over="ignore"):
        return _into(out, np.where(np.abs(x) <= t, x.dtype.type(0), np.copysign(np.abs(x) - t, x)))


def limit_columns(w: Array, limit: float) -> None:
    """Shorten columns to a norm: ``w_j *= limit / |w_j|`` where ``|w_j|`` exceeds the limit and is finite, in place.

    Parameters
    ----------
    w : ndarray, shape (rows, cols)
        Weights; column j holds the incoming weights of unit j.
    limit : float
        The largest norm, at least 0.

    References
    ----------
    Srivastava, Hinton, Krizhevsky, Sutskever and Salakhutdinov, "Dropout: a simple way to prevent neural networks from
    overfitting", 2014, section 5.1.

    Examples
    --------
    >>> w = np.array([[3.0, 0.3], [4.0, 0.4]])
    >>> limit_columns(w, 1.0)
    >>> w
    array([[0.6, 0.3],
           [0.8, 0.4]])
    """
    with np.errstate(over="ignore", invalid="ignore"):
        norm = np.sqrt(np.sum(np.square(w.astype(np.float64)), axis=0))
        longer = (norm > limit) & np.isfinite(norm)
        factor = np.where(longer, limit / np.where(longer, norm, 1.0), 1.0).astype(w.dtype)
        w *= factor
