"""NumPy twins of standardisation with given means and deviations."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

__all__ = ["standardize", "standardize_backward"]


def standardize(x: Array, mean: Array, deviation: Array, *, out: Array | None = None) -> Array:
    """Scale columns to mean 0 and deviation 1: ``y = (x - mean) / deviation``.

    Parameters
    ----------
    x : ndarray, shape (..., cols)
        Input.
    mean, deviation : ndarray, shape (cols,)
        The means and deviations of the columns.
    out : ndarray, optional
        Where to write the result; may be `x`.

    Returns
    -------
    ndarray
        ``y``, of the shape and dtype of `x`; each operation is rounded to it.

    Examples
    --------
    >>> standardize(np.array([[1.0, 5.0], [3.0, 5.0]]), np.array([2.0, 5.0]), np.array([1.0, 1.0]))
    array([[-1.,  0.],
           [ 1.,  0.]])
    """
    with np.errstate(all="ignore"):
        y: Array = (x - mean) / deviation
    if out is None:
        return y
    out[...] = y
    return out


def standardize_backward(dy: Array, deviation: Array, *, out: Array | None = None) -> Array:
    """The backward pass: ``dx = dy / deviation``.

    Parameters
    ----------
    dy : ndarray, shape (..., cols)
        Gradient with respect to the output.
    deviation : ndarray, shape (cols,)
        As in `standardize`.
    out : ndarray, optional
        Where to write the result; may be `dy`.

    Returns
    -------
    ndarray
        ``dx``, of the shape and dtype of `dy`.

    Examples
    --------
    >>> standardize_backward(np.ones((1, 2)), np.array([2.0, 4.0]))
    array([[0.5 , 0.25]])
    """
    with np.errstate(all="ignore"):
        dx: Array = dy / deviation
    if out is None:
        return dx
    out[...] = dx
    return out
