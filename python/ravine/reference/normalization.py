"""NumPy twins of the kernels of batch and layer normalisation.

Each works in float64 and rounds once to the dtype of its argument. The channels are the last axis.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Vector = NDArray[np.float64]

__all__ = ["batch_moments", "batch_norm", "batch_norm_backward", "layer_norm", "layer_norm_backward"]


def _into(out: Array | None, value: Array, like: Array) -> Array:
    """Write a float64 result to `out`, or to a new array of the dtype of `like`."""
    with np.errstate(all="ignore"):
        result = value.astype(like.dtype)
    if out is None:
        return result
    out[...] = result
    return out


def _counting(x: Array, weight: Array | None) -> tuple[Array, Vector]:
    """Return the rows whose weight is not 0 as (rows, positions, channels) in float64, and their weights."""
    wide = x.reshape(len(x), -1, x.shape[-1]).astype(np.float64)
    w = np.ones(len(x)) if weight is None else weight.astype(np.float64)
    return wide[w != 0], w[w != 0]


def batch_moments(x: Array, *, weight: Array | None = None) -> tuple[Vector, Vector]:
    """Mean and variance of each channel over rows and positions.

    ``mean_j = sum_i w_i x_ij / W`` and ``variance_j = sum_i w_i (x_ij - mean_j)^2 / W``, with W the sum of the weights
    over rows and positions. A row of weight 0 is ignored, whatever its content; without other rows both are 0. Integer
    weights give the same as so many copies of the rows.

    Parameters
    ----------
    x : ndarray, shape (rows, ..., channels)
        Input; the axes between the first and the last are positions.
    weight : ndarray, shape (rows,), optional
        Weight of each row, at least 0; None means ones.

    Returns
    -------
    tuple of two ndarray of float64, shape (channels,)
        Mean and variance.

    Examples
    --------
    >>> batch_moments(np.array([[1.0], [3.0], [100.0]]), weight=np.array([1.0, 3.0, 0.0]))
    (array([2.5]), array([0.75]))
    """
    wide, w = _counting(x, weight)
    mass = w.sum() * wide.shape[1]
    if not mass:
        return np.zeros(x.shape[-1]), np.zeros(x.shape[-1])
    with np.errstate(all="ignore"):
        mean = (w[:, None, None] * wide).sum(axis=(0, 1)) / mass
        variance = (w[:, None, None] * np.square(wide - mean)).sum(axis=(0, 1)) / mass
    return mean, variance


def batch_norm(
    x: Array,
    mean: Vector,
    variance: Vector,
    gamma: Array | None = None,
    beta: Array | None = None,
    *,
    epsilon: float = 1e-5,
    out: Array | None = None,
) -> Array:
    """Normalise each channel: ``y = gamma (x - mean) / sqrt(variance + epsilon) + beta``.

    Parameters
    ----------
    x : ndarray, shape (rows, ..., channels)
        Input.
    mean, variance : ndarray of float64, shape (channels,)
        The statistics of the batch, see `batch_moments`, or running averages.
    gamma, beta : ndarray, shape (channels,), optional
        Scale and centre of the result; None means ones and zeros.
    epsilon : float, default 1e-5
        A small number that keeps the root above 0.
    out : ndarray, optional
        Where to write the result; may be `x`.

    Returns
    -------
    ndarray
        ``y``, of the shape and dtype of `x`.

    References
    ----------
    Ioffe and Szegedy, "Batch normalization: accelerating deep network training by reducing internal covariate shift",
    2015.

    Examples
    --------
    >>> x = np.array([[1.0], [3.0]])
    >>> batch_norm(x, *batch_moments(x), epsilon=0.0)
    array([[-1.],
           [ 1.]])
    """
    with np.errstate(all="ignore"):
        y = (x.astype(np.float64) - mean) / np.sqrt(variance + epsilon)
        y = y if gamma is None else y * gamma.astype(np.float64)
        y = y if beta is None else y + beta.astype(np.float64)
    return _into(out, y, x)


def batch_norm_backward(
    dy: Array,
    x: Array,
    mean: Vector,
    variance: Vector,
    gamma: Array | None = None,
    *,
    epsilon: float = 1e-5,
    weight: Array | None = None,
    constant: bool = False,
) -> tuple[Array, Array, Array]:
    """Gradients through `batch_norm` and, unless `constant`, through the statistics of the batch.

    With ``n = (x - mean) r``, ``r = 1 / sqrt(variance + epsilon)`` and sums over rows and positions:
    ``dbeta = sum_k dy_k``, ``dgamma = sum_k dy_k n_k`` and ``dx_i = gamma r (dy_i - w_i / W (dbeta + n_i dgamma))``;
    if mean and variance are constants, ``dx = gamma r dy``. The sums omit rows of weight 0.

    Parameters
    ----------
    dy : ndarray
        Gradient with respect to y, of the shape of `x`.
    x : ndarray, shape (rows, ..., channels)
        Input.
    mean, variance : ndarray of float64, shape (channels,)
        The result of ``batch_moments(x, weight=weight)``, or constants.
    gamma : ndarray, shape (channels,), optional
        Scale; None means ones.
    epsilon : float, default 1e-5
        As for `batch_norm`.
    weight : ndarray, shape (rows,), optional
        As for `batch_moments`.
    constant : bool, default False
        Whether mean and variance do not depend on `x`.

    Returns
    -------
    tuple of three ndarray
        dx, dgamma and dbeta, of the dtype of `x`.

    Examples
    --------
    >>> x = np.array([[1.0], [3.0], [2.0]])
    >>> dx, dgamma, dbeta = batch_norm_backward(np.ones_like(x), x, *batch_moments(x))
    >>> dx.ravel(), dbeta
    (array([0., 0., 0.]), array([3.]))
    """
    wide, w = _counting(x, weight)
    d, _ = _counting(dy, weight)
    with np.errstate(all="ignore"):
        r = 1.0 / np.sqrt(variance + epsilon)
        slope = r if gamma is None else gamma.astype(np.float64) * r
        dbeta = d.sum(axis=(0, 1))
        dgamma = (d * ((wide - mean) * r)).sum(axis=(0, 1))
        dx = slope * dy.astype(np.float64)
        if not constant:
            share = w / (w.sum() * wide.shape[1])
            counts = np.ones(len(x), bool) if weight is None else weight != 0
            through = share[:, None, None] * (dbeta + (wide - mean) * r * dgamma)
            dx[counts] -= (slope * through).reshape(-1, *x.shape[1:])
    return _into(None, dx, x), _into(None, dgamma, x), _into(None, dbeta, x)


def _normal(x: Array, epsilon: float) -> tuple[Vector, Vector]:
    """Return ``n = (x - mean) r`` and ``r`` of each row."""
    wide = x.astype(np.float64)
    d = wide - wide.mean(axis=-1, keepdims=True)
    r = 1.0 / np.sqrt(np.square(d).mean(axis=-1, keepdims=True) + epsilon)
    return d * r, r


def layer_norm(
    x: Array, gamma: Array | None = None, beta: Array | None = None, *, epsilon: float = 1e-5, out: Array | None = None
) -> Array:
    """Normalise along the last axis: ``y = gamma (x - mean) / sqrt(variance + epsilon) + beta``.

    Parameters
    ----------
    x : ndarray, shape (rows, ..., channels)
        Input; mean and variance are those of its last axis.
    gamma, beta : ndarray, shape (channels,), optional
        Scale and centre of the result; None means ones and zeros.
    epsilon : float, default 1e-5
        A small number that keeps the root above 0.
    out : ndarray, optional
        Where to write the result; may be `x`.

    Returns
    -------
    ndarray
        ``y``, of the shape and dtype of `x`.

    References
    ----------
    Ba, Kiros and Hinton, "Layer normalization", 2016.

    Examples
    --------
    >>> layer_norm(np.array([[1.0, 3.0]]), epsilon=0.0)
    array([[-1.,  1.]])
    """
    with np.errstate(all="ignore"):
        y, _ = _normal(x, epsilon)
        y = y if gamma is None else y * gamma.astype(np.float64)
        y = y if beta is None else y + beta.astype(np.float64)
    return _into(out, y, x)


def layer_norm_backward(
    dy: Array, x: Array, gamma: Array | None = None, *, epsilon: float = 1e-5
) -> tuple[Array, Array, Array]:
    """Gradients through `layer_norm`.

    With ``n = (x - mean) r``, ``r = 1 / sqrt(variance + epsilon)``, ``g = gamma dy`` and means along the last axis:
    ``dx = r (g - mean(g) - n mean(g n))``; ``dgamma = sum dy n`` and ``dbeta = sum dy`` over all other axes.

    Parameters
    ----------
    dy : ndarray
        Gradient with respect to y, of the shape of `x`.
    x : ndarray, shape (rows, ..., channels)
        Input.
    gamma : ndarray, shape (channels,), optional
        Scale; None means ones.
    epsilon : float, default 1e-5
        As for `layer_norm`.

    Returns
    -------
    tuple of three ndarray
        dx, dgamma and dbeta, of the dtype of `x`.

    Examples
    --------
    >>> dx, dgamma, dbeta = layer_norm_backward(np.array([[1.0, 1.0]]), np.array([[1.0, 3.0]]), epsilon=0.0)
    >>> dx, dgamma, dbeta
    (array([[0., 0.]]), array([-1.,  1.]), array([1., 1.]))
    """
    rows = tuple(range(x.ndim - 1))
    with np.errstate(all="ignore"):
        n, r = _normal(x, epsilon)
        d = dy.astype(np.float64)
        g = d if gamma is None else d * gamma.astype(np.float64)
        dx = r * (g - g.mean(axis=-1, keepdims=True) - n * (g * n).mean(axis=-1, keepdims=True))
        return _into(None, dx, x), _into(None, (d * n).sum(axis=rows), x), _into(None, d.sum(axis=rows), x)
