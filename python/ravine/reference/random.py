"""NumPy twins of the random kernels: Philox4x32-10, uniform and normal numbers, dropout.

A value depends only on the key (seed, stream, step) and its position. Word ``w`` of block ``b`` has position
``4 b + w``; its block is Philox with key ``(seed, 0)`` and counter ``(b, step low, step high, stream)``.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .vector import sincospi

Array = NDArray[Any]
Words = NDArray[np.uint64]

__all__ = ["dropout", "gaussian_noise", "philox", "random_bits", "random_normal", "random_uniform", "spatial_dropout"]

_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)


def philox(counter: Array, key: tuple[int, int]) -> Words:
    """Philox4x32-10: four random 32-bit words per counter.

    Ten times, with ``(high, low)`` the halves of a 64-bit product and the key growing by the Weyl constants:
    ``(c0, c1, c2, c3) <- (high(M1 c2) ^ c1 ^ k0, low(M1 c2), high(M0 c0) ^ c3 ^ k1, low(M0 c0))``.

    Parameters
    ----------
    counter : ndarray of int, shape (4, n)
        Counters, each word in [0, 2^32).
    key : tuple of two int
        Key words in [0, 2^32).

    Returns
    -------
    ndarray of uint64, shape (4, n)
        Words in [0, 2^32).

    References
    ----------
    J. K. Salmon, M. A. Moraes, R. O. Dror and D. E. Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC11 (2011).

    Examples
    --------
    >>> [f"{int(word):08x}" for word in philox(np.zeros((4, 1), dtype=np.uint64), (0, 0))[:, 0]]
    ['6627e8d5', 'e169c58d', 'bc57ac4c', '9b00dbd8']
    """
    c0, c1, c2, c3 = np.asarray(counter).astype(np.uint64)
    k0, k1 = key
    for _ in range(10):
        product0 = np.uint64(0xD2511F53) * c0
        product1 = np.uint64(0xCD9E8D57) * c2
        c0, c1 = (product1 >> _HALF) ^ c1 ^ np.uint64(k0), product1 & _LOW
        c2, c3 = (product0 >> _HALF) ^ c3 ^ np.uint64(k1), product0 & _LOW
        k0 = (k0 + 0x9E3779B9) % 2**32
        k1 = (k1 + 0xBB67AE85) % 2**32
    return np.stack([c0, c1, c2, c3])


def _words(first: int, count: int, seed: int, stream: int, step: int) -> Words:
    """Words at the positions ``[first, first + count)``."""
    block = np.arange(first // 4, (first + count + 3) // 4, dtype=np.uint64) & _LOW
    counter = np.empty((4, block.size), dtype=np.uint64)
    counter[0] = block
    counter[1:] = np.array([step % 2**32, step >> 32, stream], dtype=np.uint64)[:, np.newaxis]
    words: Words = philox(counter, (seed, 0)).T.reshape(-1)[first % 4 :][:count]
    return words


def _unit_interval(count: int, seed: int, stream: int, step: int) -> NDArray[np.float64]:
    """Uniform numbers on [0, 1) in steps of 2^-53: number i from words 2 i (low half) and 2 i + 1."""
    return _as_unit_interval(_words(0, 2 * count, seed, stream, step))


def _as_unit_interval(words: Words) -> NDArray[np.float64]:
    bits: NDArray[np.float64] = ((words[0::2] | words[1::2] << _HALF) >> np.uint64(11)).astype(np.float64)
    return bits * 2.0**-53


def _standard_normals(first: int, count: int, seed: int, stream: int, step: int) -> NDArray[np.float64]:
    """Values ``[first, first + count)`` of the normal numbers; a block of words gives two of them."""
    skipped = first % 2
    words = _words(2 * (first - skipped), 2 * (skipped + count + (skipped + count) % 2), seed, stream, step)
    unit = _as_unit_interval(words)
    radius = np.sqrt(-2.0 * np.log(1.0 - unit[0::2]))
    sine, cosine = sincospi(2.0 * unit[1::2])
    z: NDArray[np.float64] = np.stack([radius * cosine, radius * sine], axis=-1).reshape(-1)
    return z[skipped : skipped + count]


def random_bits(count: int, *, first: int = 0, seed: int, stream: int = 0, step: int = 0) -> NDArray[np.uint32]:
    """Words of a random stream.

    Parameters
    ----------
    count : int
        The number of words.
    first : int, default 0
        The position of the first word.
    seed : int
        Seed in [0, 2^32).
    stream : int, default 0
        Number of the stream in [0, 2^32).
    step : int, default 0
        Number of the step in [0, 2^64).

    Returns
    -------
    ndarray of uint32, shape (count,)
        The words at the positions ``[first, first + count)``.

    Examples
    --------
    >>> random_bits(2, first=1, seed=0)
    array([3781805453, 3159862348], dtype=uint32)
    """
    return _words(first, count, seed, stream, step).astype(np.uint32)


def random_uniform(
    out: Array, *, low: float = 0.0, high: float = 1.0, seed: int, stream: int = 0, step: int = 0
) -> Array:
    """Fill an array with numbers uniform on [low, high): ``low + (high - low) u``, with 53 bits of u.

    Computed in float64 and rounded once; a number that would round up to `high` becomes the largest one below it.

    Parameters
    ----------
    out : ndarray, any shape
        Where to write the numbers.
    low, high : float, default 0.0 and 1.0
        Ends of the interval.
    seed, stream, step : int
        Key of the random stream, as in `random_bits`.

    Returns
    -------
    ndarray
        `out`.

    Examples
    --------
    >>> random_uniform(np.empty(2), low=2.0, high=3.0, seed=0).round(6)
    array([2.88052 , 2.605482])
    """
    value = (low + (high - low) * _unit_interval(out.size, seed, stream, step)).astype(out.dtype)
    largest = out.dtype.type(high if low < high else low)
    if low < high and float(largest) >= high:
        largest = np.nextafter(largest, out.dtype.type(-np.inf))
    out[...] = np.minimum(value, largest).reshape(out.shape)
    return out


def random_normal(
    out: Array, *, mean: float = 0.0, deviation: float = 1.0, seed: int, stream: int = 0, step: int = 0
) -> Array:
    """Fill an array with normal numbers: ``mean + deviation z``, z by the method of Box and Muller.

    With ``u`` on (0, 1] and ``v`` on [0, 1) from block i, ``z_(2i) = sqrt(-2 log u) cos(2 pi v)`` and
    ``z_(2i+1) = sqrt(-2 log u) sin(2 pi v)``. Computed in float64 and rounded once.

    Parameters
    ----------
    out : ndarray, any shape
        Where to write the numbers.
    mean, deviation : float, default 0.0 and 1.0
        Mean and standard deviation.
    seed, stream, step : int
        Key of the random stream, as in `random_bits`.

    Returns
    -------
    ndarray
        `out`.

    References
    ----------
    G. E. P. Box and M. E. Muller, "A note on the generation of random normal deviates", Annals of Mathematical
    Statistics 29 (1958).

    Examples
    --------
    >>> bool(abs(random_normal(np.empty(10000), mean=3.0, seed=0).mean() - 3.0) < 0.03)
    True
    """
    out[...] = (mean + deviation * _standard_normals(0, out.size, seed, stream, step)).reshape(out.shape)
    return out


def dropout(
    x: Array, *, rate: float, seed: int, stream: int = 0, step: int = 0, first: int = 0, out: Array | None = None
) -> Array:
    """Inverted dropout: ``y = x / (1 - rate)`` where kept, 0 where dropped.

    Element i is dropped if and only if the word at position ``first + i`` is less than ``rate 2^32``. The backward pass
    is the same map on the gradient.

    Parameters
    ----------
    x : ndarray, any shape
        Input.
    rate : float
        Share of the elements to drop, in [0, 1).
    seed, stream, step : int
        Key of the random stream, as in `random_bits`.
    first : int, default 0
        Position of the first element.
    out : ndarray, optional
        Where to write the result; may be `x`.

    Returns
    -------
    ndarray
        ``y``, of the shape and dtype of `x`.

    References
    ----------
    N. Srivastava, G. Hinton, A. Krizhevsky, I. Sutskever and R. Salakhutdinov, "Dropout: a simple way to prevent neural
    networks from overfitting", JMLR 15 (2014).

    Examples
    --------
    >>> dropout(np.ones(4), rate=0.6, seed=0)
    array([0. , 2.5, 2.5, 2.5])
    """
    dropped = (_words(first, x.size, seed, stream, step) < math.ceil(rate * 2.0**32)).reshape(x.shape)
    with np.errstate(over="ignore"):
        y = np.where(dropped, 0.0, x.astype(np.float64) / (1.0 - rate)).astype(x.dtype)
    if out is None:
        return y
    out[...] = y
    return out


def spatial_dropout(
    x: Array, *, rate: float, seed: int, stream: int = 0, step: int = 0, first: int = 0, out: Array | None = None
) -> Array:
    """Inverted dropout of whole channels: ``y = x / (1 - rate)`` where kept, 0 where dropped.

    Channel c of row i is dropped, for all its pixels, if and only if the word at position ``(first + i) channels + c``
    is less than ``rate 2^32``. The backward pass is the same map on the gradient.

    Parameters
    ----------
    x : ndarray, shape (rows, ..., channels)
        Input.
    rate : float
        Share of the channels to drop, in [0, 1).
    seed, stream, step : int
        Key of the random stream, as in `random_bits`.
    first : int, default 0
        Number of the first row.
    out : ndarray, optional
        Where to write the result; may be `x`.

    Returns
    -------
    ndarray
        ``y``, of the shape and dtype of `x`.

    References
    ----------
    J. Tompson, R. Goroshin, A. Jain, Y. LeCun and C. Bregler, "Efficient object localization using convolutional
    networks", CVPR 2015.

    Examples
    --------
    >>> spatial_dropout(np.ones((1, 2, 2, 4)), rate=0.6, seed=0)[0, 1]
    array([[0. , 2.5, 2.5, 2.5],
           [0. , 2.5, 2.5, 2.5]])
    """
    rows, channels = x.shape[0], x.shape[-1]
    words = _words(first * channels, rows * channels, seed, stream, step).reshape(rows, channels)
    dropped = (words < math.ceil(rate * 2.0**32)).reshape(rows, *(1,) * (x.ndim - 2), channels)
    with np.errstate(over="ignore"):
        y = np.where(dropped, 0.0, x.astype(np.float64) / (1.0 - rate)).astype(x.dtype)
    if out is None:
        return y
    out[...] = y
    return out


def gaussian_noise(
    x: Array, *, stddev: float, seed: int, stream: int = 0, step: int = 0, first: int = 0, out: Array | None = None
) -> Array:
    """Additive noise: ``y = x + stddev z``, z standard normal; the backward pass is the identity.

    Element i takes value ``first + i`` of `random_normal` with mean 0. Computed in float64 and rounded once.

    Parameters
    ----------
    x : ndarray, any shape
        Input.
    stddev : float
        Standard deviation of the noise, at least 0.
    seed, stream, step : int
        Key of the random stream, as in `random_bits`.
    first : int, default 0
        Position of the first element.
    out : ndarray, optional
        Where to write the result; may be `x`.

    Returns
    -------
    ndarray
        ``y``, of the shape and dtype of `x`.

    References
    ----------
    C. M. Bishop, "Training with noise is equivalent to Tikhonov regularization", Neural Computation 7 (1995).

    Examples
    --------
    >>> noise = random_normal(np.empty(4), seed=0)
    >>> bool((gaussian_noise(np.ones(3), stddev=0.5, seed=0, first=1) == 1.0 + 0.5 * noise[1:]).all())
    True
    """
    z = _standard_normals(first, x.size, seed, stream, step).reshape(x.shape)
    with np.errstate(over="ignore", invalid="ignore"):
        y = (x.astype(np.float64) + stddev * z).astype(x.dtype)
    if out is None:
        return y
    out[...] = y
    return out
