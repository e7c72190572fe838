"""NumPy twins of the vector kernels: powers, sine and cosine, scaling, sums and the gradient of the penalty.

Each works in float64 and rounds once to the dtype of its argument.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

__all__ = [
    "add",
    "add_penalty_gradient",
    "add_scaled",
    "all_finite",
    "column_sums",
    "dot",
    "flush_subnormals",
    "lerp",
    "pow",
    "rotate",
    "scale",
    "sincospi",
    "sum_abs",
    "sum_squares",
]


def _into(out: Array | None, value: Array, like: Array) -> Array:
    """Write a float64 result to `out`, or to a new array of the dtype of `like`."""
    with np.errstate(all="ignore"):
        result = value.astype(like.dtype)
    if out is None:
        return result
    out[...] = result
    return out


def pow(x: Array, y: Array, *, out: Array | None = None) -> Array:
    """Power ``x^y``, elementwise; ``x^0`` and ``1^y`` are 1, also for NaN.

    Parameters
    ----------
    x, y : ndarray, any shape
        Base and exponent, of the same shape.
    out : ndarray, optional
        Where to write the result.

    Returns
    -------
    ndarray
        ``x^y``, of the shape and dtype of `x`.

    Examples
    --------
    >>> pow(np.array([2.0, -2.0, -2.0]), np.array([0.5, 3.0, 0.5]))
    array([ 1.41421356, -8.        ,         nan])
    """
    with np.errstate(all="ignore"):
        return _into(out, np.power(x.astype(np.float64), y.astype(np.float64)), x)


def sincospi(x: Array) -> tuple[Array, Array]:
    """Sine and cosine of multiples of pi: ``(sin(pi x), cos(pi x))``, exact at multiples of 1/2.

    Parameters
    ----------
    x : ndarray, any shape
        Argument, in half turns.

    Returns
    -------
    tuple of two ndarray
        Sine and cosine, of the shape and dtype of `x`.

    Examples
    --------
    >>> sine, cosine = sincospi(np.array([0.5, 1.0]))
    >>> sine, cosine
    (array([1., 0.]), array([ 0., -1.]))
    """
    wide = x.astype(np.float64)
    with np.errstate(invalid="ignore"):
        rest = np.fmod(np.abs(wide), 2.0)
    quarter = np.rint(2.0 * rest)
    angle = np.pi * (rest - 0.5 * quarter)
    sine, cosine = np.sin(angle), np.cos(angle)
    turn = np.where(np.isnan(quarter), 0.0, quarter).astype(np.int64) % 4
    # adding 0 turns -0 into +0
    s = np.choose(turn, [sine, cosine, -sine, -cosine]) + 0.0
    c = np.choose(turn, [cosine, -sine, -cosine, sine]) + 0.0
    return np.where(np.signbit(wide), -s, s).astype(x.dtype), c.astype(x.dtype)


def scale(x: Array, factor: float, *, out: Array | None = None) -> Array:
    """Multiple of an array: ``y = factor x``.

    Parameters
    ----------
    x : ndarray, any shape
        Input.
    factor : float
        Factor, rounded to the dtype of `x`.
    out : ndarray, optional
        Where to write the result.

    Returns
    -------
    ndarray
        ``y``, of the shape and dtype of `x`.

    Examples
    --------
    >>> scale(np.array([1.0, -2.0]), 0.5)
    array([ 0.5, -1. ])
    """
    with np.errstate(all="ignore"):
        return _into(out, x.astype(np.float64) * float(x.dtype.type(factor)), x)


def add(a: Array, b: Array, *, out: Array | None = None) -> Array:
    """Sum of two arrays: ``y = a + b``.

    Parameters
    ----------
    a, b : ndarray, any shape
        Summands, of the same shape; nothing broadcasts.
    out : ndarray, optional
        Where to write the result.

    Returns
    -------
    ndarray
        ``y``, of the shape and dtype of `a`.

    Examples
    --------
    >>> add(np.array([1.0, 2.0]), np.array([3.0, 5.0]))
    array([4., 7.])
    """
    with np.errstate(all="ignore"):
        return _into(out, a.astype(np.float64) + b.astype(np.float64), a)


def sum_squares(x: Array) -> float:
    """Sum of squares over all elements: ``sum x_i^2``.

    Parameters
    ----------
    x : ndarray, any shape
        Input.

    Returns
    -------
    float
        The sum, in float64.

    Examples
    --------
    >>> sum_squares(np.array([3.0, -4.0]))
    25.0
    """
    with np.errstate(all="ignore"):
        return float(np.sum(np.square(x.astype(np.float64))))


def sum_abs(x: Array) -> float:
    """Sum of absolute values over all elements: ``sum |x_i|``.

    Parameters
    ----------
    x : ndarray, any shape
        Input.

    Returns
    -------
    float
        The sum, in float64.

    Examples
    --------
    >>> sum_abs(np.array([3.0, -4.0]))
    7.0
    """
    return float(np.sum(np.abs(x.astype(np.float64))))


def dot(a: Array, b: Array) -> float:
    """Inner product over all elements: ``sum a_i b_i``.

    Parameters
    ----------
    a, b : ndarray, any shape
        Factors, of the same shape; nothing broadcasts.

    Returns
    -------
    float
        The sum, in float64.

    Examples
    --------
    >>> dot(np.array([1.0, 2.0]), np.array([3.0, -4.0]))
    -5.0
    """
    with np.errstate(all="ignore"):
        return float(np.sum(a.astype(np.float64) * b.astype(np.float64)))


def all_finite(x: Array) -> bool:
    """Whether no element is NaN or infinite.

    Parameters
    ----------
    x : ndarray, any shape
        Input.

    Returns
    -------
    bool
        True for no elements.

    Examples
    --------
    >>> all_finite(np.array([1.0, -2.0])), all_finite(np.array([1.0, np.nan]))
    (True, False)
    """
    return bool(np.isfinite(x).all())


def flush_subnormals(x: Array, g: Array) -> None:
    """Set ``x = 0`` where ``|x|`` is below the smallest normal number and ``g`` is 0, in place.

    Parameters
    ----------
    x : ndarray, any shape
        An optimizer's state.
    g : ndarray
        Gradients, of the same shape.

    Examples
    --------
    >>> x = np.array([1e-310, 1e-310, 1e-300])
    >>> flush_subnormals(x, np.array([0.0, 1.0, 0.0]))
    >>> x.tolist()
    [0.0, 1e-310, 1e-300]
    """
    x[(g == 0) & (np.abs(x) < np.finfo(x.dtype).smallest_normal)] = 0


def lerp(y: Array, x: Array, share: float) -> None:
    """Linear interpolation, moving ``y`` towards ``x``: ``y += share (x - y)``, in place.

    Parameters
    ----------
    y : ndarray, any shape
        A running average.
    x : ndarray
        The new values, of the same shape.
    share : float
        The share; 1 gives ``x``, up to rounding.

    Examples
    --------
    >>> y = np.array([1.0, 2.0])
    >>> lerp(y, np.array([3.0, 2.0]), 0.25)
    >>> y
    array([1.5, 2. ])
    """
    wide, share = y.astype(np.float64), float(y.dtype.type(share))
    with np.errstate(all="ignore"):
        y[...] = (wide + share * (x.astype(np.float64) - wide)).astype(y.dtype)


def column_sums(x: Array, *, batch_slice: int = 0, out: Array | None = None) -> Array:
    """Sums over the rows: ``sum_j = sum_i x_ij``.

    Parameters
    ----------
    x : ndarray, shape (rows, cols)
        Input.
    batch_slice : int, default 0
        Rows of one slice in the compiled sum; it has no effect on the exact sum.
    out : ndarray, shape (cols,), optional
        Where to write the result.

    Returns
    -------
    ndarray, shape (cols,)
        The sums, of the dtype of `x`.

    Examples
    --------
    >>> column_sums(np.array([[1.0, 2.0], [3.0, 4.0]]))
    array([4., 6.])
    """
    with np.errstate(all="ignore"):
        return _into(out, np.sum(x.astype(np.float64), axis=0), x)


def add_scaled(y: Array, x: Array, factor: float) -> None:
    """Add a multiple: ``y += factor x``, in place.

    Parameters
    ----------
    y : ndarray, any shape
        The array to add to.
    x : ndarray
        Of the same shape.
    factor : float
        Rounded to the dtype of `y`.

    Examples
    --------
    >>> y = np.array([1.0, 2.0])
    >>> add_scaled(y, np.array([3.0, 4.0]), -0.5)
    >>> y
    array([-0.5,  0. ])
    """
    factor = float(y.dtype.type(factor))
    with np.errstate(all="ignore"):
        y[...] = (y.astype(np.float64) + factor * x.astype(np.float64)).astype(y.dtype)


def rotate(x: Array, y: Array, c: float, s: float) -> None:
    """Turn pairs of elements: ``(x, y) <- (c x + s y, c y - s x)``, in place.

    Parameters
    ----------
    x, y : ndarray, any shape
        Of one shape.
    c, s : float
        Cosine and sine, rounded to the dtype of `x`.

    Examples
    --------
    >>> x, y = np.array([1.0, 2.0]), np.array([0.0, 1.0])
    >>> rotate(x, y, 0.0, 1.0)
    >>> x, y
    (array([0., 1.]), array([-1., -2.]))
    """
    c, s = float(x.dtype.type(c)), float(x.dtype.type(s))
    u, v = x.astype(np.float64), y.astype(np.float64)
    with np.errstate(all="ignore"):
        x[...], y[...] = (c * u + s * v).astype(x.dtype), (c * v - s * u).astype(x.dtype)


def add_penalty_gradient(dw: Array, w: Array, *, l1: float = 0.0, l2: float = 0.0) -> None:
    """Add the gradient of ``l1 sum |w| + l2 sum w^2``: ``dw += l1 sign(w) + 2 l2 w``, in place.

    Parameters
    ----------
    dw : ndarray, any shape
        Gradient to add to.
    w : ndarray
        Weights, of the same shape.
    l1, l2 : float, default 0.0
        Strengths of the two penalties.

    Examples
    --------
    >>> dw = np.zeros(3)
    >>> add_penalty_gradient(dw, np.array([-1.0, 0.0, 2.0]), l1=0.5, l2=0.25)
    >>> dw
    array([-1. ,  0. ,  1.5])
    """
    wide = w.astype(np.float64)
    l1, l2 = float(w.dtype.type(l1)), float(w.dtype.type(l2))
    with np.errstate(all="ignore"):
        dw[...] = (dw.astype(np.float64) + (l1 * np.sign(wide) + 2.0 * l2 * wide)).astype(dw.dtype)
