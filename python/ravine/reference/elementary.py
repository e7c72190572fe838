"""NumPy twins of the elementary functions, in float64 and rounded once to the dtype of the argument.

`tanh`, `sigmoid` and `softplus` are activations too; their twins are in `ravine.reference.activations`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

__all__ = ["erf", "exp", "expm1", "log", "log1p"]


def _apply(function: Callable[[Array], Array], x: Array, out: Array | None) -> Array:
    """Value of a function of float64 arrays at `x`, in `out` or a new array of x's dtype."""
    with np.errstate(all="ignore"):
        y = function(x.astype(np.float64)).astype(x.dtype)
    if out is None:
        return y
    out[...] = y
    return out


def exp(x: Array, *, out: Array | None = None) -> Array:
    """Exponential function: ``y = e^x``.

    Parameters
    ----------
    x : ndarray, any shape
        Argument.
    out : ndarray, optional
        Where to write the result, of the shape and dtype of `x`.

    Returns
    -------
    ndarray
        ``y``, of the shape and dtype of `x`.

    Examples
    --------
    >>> exp(np.array([0.0, -np.inf]))
    array([1., 0.])
    """
    return _apply(np.exp, x, out)


def expm1(x: Array, *, out: Array | None = None) -> Array:
    """Exponential function less one: ``y = e^x - 1``, exact to the last digits near 0.

    Parameters
    ----------
    x : ndarray, any shape
        Argument.
    out : ndarray, optional
        Where to write the result, of the shape and dtype of `x`.

    Returns
    -------
    ndarray
        ``y``, of the shape and dtype of `x`.

    Examples
    --------
    >>> expm1(np.array([1e-20, -np.inf]))
    array([ 1.e-20, -1.e+00])
    """
    return _apply(np.expm1, x, out)


def log(x: Array, *, out: Array | None = None) -> Array:
    """Natural logarithm: ``y = log(x)``, minus infinity at 0, NaN below.

    Parameters
    ----------
    x : ndarray, any shape
        Argument.
    out : ndarray, optional
        Where to write the result, of the shape and dtype of `x`.

    Returns
    -------
    ndarray
        ``y``, of the shape and dtype of `x`.

    Examples
    --------
    >>> log(np.array([0.0, 1.0, -1.0]))
    array([-inf,   0.,  nan])
    """
    return _apply(np.log, x, out)


def log1p(x: Array, *, out: Array | None = None) -> Array:
    """Logarithm of one plus the argument: ``y = log(1 + x)``, exact to the last digits near 0.

    Parameters
    ----------
    x : ndarray, any shape
        Argument.
    out : ndarray, optional
        Where to write the result, of the shape and dtype of `x`.

    Returns
    -------
    ndarray
        ``y``, of the shape and dtype of `x`.

    Examples
    --------
    >>> log1p(np.array([-1.0, 1e-20]))
    array([  -inf, 1.e-20])
    """
    return _apply(np.log1p, x, out)


def erf(x: Array, *, out: Array | None = None) -> Array:
    """Error function: ``y = 2 / sqrt(pi)`` times the integral of ``e^(-t^2)`` from 0 to ``x``.

    Parameters
    ----------
    x : ndarray, any shape
        Argument.
    out : ndarray, optional
        Where to write the result, of the shape and dtype of `x`.

    Returns
    -------
    ndarray
        ``y``, of the shape and dtype of `x`.

    References
    ----------
    M. Abramowitz and I. A. Stegun, "Handbook of Mathematical Functions" (1964), 7.1.1.

    Examples
    --------
    >>> erf(np.array([0.0, np.inf, -np.inf]))
    array([ 0.,  1., -1.])
    """
    return _apply(np.vectorize(math.erf, otypes=[np.float64]), x, out)
