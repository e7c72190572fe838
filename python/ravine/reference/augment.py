"""NumPy twins of the kernels that augment images: flips, shifts and crops are windows of an image."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .random import random_bits

Array = NDArray[Any]
Indices = NDArray[np.int64]

__all__ = ["image_window", "image_window_backward"]


def _within(at: Indices, size: int, border: str) -> Indices:
    """Return the pixel, of `size` pixels, for each index; -1 for the constant."""
    if border == "constant":
        return np.where((at >= 0) & (at < size), at, -1)
    if border == "nearest":
        return at.clip(0, size - 1)
    if border == "wrap":
        return at % size
    turn = at % (2 * size)
    return np.minimum(turn, 2 * size - 1 - turn)


def _lines(start: int, count: int, turned: bool, size: int, border: str) -> Indices:
    """Return the input's row (or column) for each of the window's."""
    steps = np.arange(count)
    return _within(start + (steps[::-1] if turned else steps), size, border)


def _placed(
    rows: int,
    first: int,
    top: int,
    left: int,
    tops: int,
    lefts: int,
    flip_vertical: bool,
    flip_horizontal: bool,
    seed: int,
    stream: int,
    step: int,
) -> list[tuple[int, int, bool, bool]]:
    """Return for each image the top, the left, whether it is flipped vertically, and whether horizontally."""
    words = random_bits(4 * rows, first=4 * first, seed=seed, stream=stream, step=step).reshape(rows, 4).tolist()
    return [
        (
            top + (w0 * tops >> 32),
            left + (w1 * lefts >> 32),
            flip_vertical and w2 < 2**31,
            flip_horizontal and w3 < 2**31,
        )
        for w0, w1, w2, w3 in words
    ]


def image_window(
    x: Array,
    size: tuple[int, int],
    *,
    top: int = 0,
    left: int = 0,
    tops: int = 1,
    lefts: int = 1,
    flip_vertical: bool = False,
    flip_horizontal: bool = False,
    border: str = "constant",
    fill: float = 0.0,
    seed: int,
    stream: int = 0,
    step: int = 0,
    first: int = 0,
    out: Array | None = None,
) -> Array:
    """Windows of images at random positions: ``y[r, i, j] = x[r, t + i', l + j']``.

    ``i'`` is i, or ``size[0] - 1 - i`` if image r is flipped vertically, and ``j'`` likewise if it is flipped
    horizontally. The words ``w0 .. w3`` of block ``first + r`` give ``t = top + floor(tops w0 / 2^32)``, ``l = left +
    floor(lefts w1 / 2^32)``; with `flip_vertical` an image is flipped vertically if ``w2 < 2^31``, with
    `flip_horizontal` horizontally if ``w3 < 2^31``.

    Parameters
    ----------
    x : ndarray, shape (rows, height, width, channels)
        Images.
    size : (int, int)
        Height and width of the windows.
    top, left : int, default 0
        The first position of a window; negative is before the image's edge.
    tops, lefts : int, default 1
        The number of positions, downwards and to the right.
    flip_vertical, flip_horizontal : bool, default False
        Whether to flip every second image, on average.
    border : {"constant", "nearest", "reflect", "wrap"}, default "constant"
        The pixels beyond the edges of a row ``a b c d``: the number `fill`, ``a a | a b c d | d d``,
        ``b a | a b c d | d c`` or ``c d | a b c d | a b``.
    fill : float, default 0.0
        The value for "constant".
    seed, stream, step : int
        Key of the random stream, as in `random_bits`.
    first : int, default 0
        Block of the first image.
    out : ndarray, optional
        Where to write the result.

    Returns
    -------
    ndarray, shape (rows, size[0], size[1], channels)

    Examples
    --------
    >>> x = np.arange(4.0).reshape(1, 1, 4, 1)
    >>> image_window(x, (1, 6), left=-1, border="reflect", seed=0).ravel()
    array([0., 0., 1., 2., 3., 3.])
    """
    rows, height, width, channels = x.shape
    y = np.empty((rows, *size, channels), x.dtype) if out is None else out
    windows = _placed(rows, first, top, left, tops, lefts, flip_vertical, flip_horizontal, seed, stream, step)
    for r, (t, left_most, upside_down, mirrored) in enumerate(windows):
        i = _lines(t, size[0], upside_down, height, border)
        j = _lines(left_most, size[1], mirrored, width, border)
        y[r] = x[r][i][:, j]
        y[r, i < 0] = fill
        y[r, :, j < 0] = fill
    return y


def image_window_backward(
    dy: Array,
    size: tuple[int, int],
    *,
    top: int = 0,
    left: int = 0,
    tops: int = 1,
    lefts: int = 1,
    flip_vertical: bool = False,
    flip_horizontal: bool = False,
    border: str = "constant",
    fill: float = 0.0,
    seed: int,
    stream: int = 0,
    step: int = 0,
    first: int = 0,
    out: Array | None = None,
) -> Array:
    """The backward pass of `image_window`: ``dx[s] = sum dy[p]`` over the output pixels p that show input pixel s.

    The sum starts from zero and goes in ascending order of p. The constant beyond the edges has no gradient.

    Parameters
    ----------
    dy : ndarray, shape (rows, out_height, out_width, channels)
        Gradient with respect to the windows.
    size : (int, int)
        Height and width of the images.
    top, left, tops, lefts, flip_vertical, flip_horizontal, border, fill, seed, stream, step, first
        As in `image_window`.
    out : ndarray, optional
        Where to write the result.

    Returns
    -------
    ndarray, shape (rows, size[0], size[1], channels)

    Examples
    --------
    >>> dy = np.ones((1, 1, 6, 1))
    >>> image_window_backward(dy, (1, 4), left=-1, border="reflect", seed=0).ravel()
    array([2., 1., 1., 2.])
    """
    rows, height, width, channels = dy.shape
    dx = np.empty((rows, *size, channels), dy.dtype) if out is None else out
    dx[...] = 0
    windows = _placed(rows, first, top, left, tops, lefts, flip_vertical, flip_horizontal, seed, stream, step)
    for r, (t, left_most, upside_down, mirrored) in enumerate(windows):
        i = _lines(t, height, upside_down, size[0], border)
        j = _lines(left_most, width, mirrored, size[1], border)
        inside = np.ix_(i >= 0, j >= 0)
        np.add.at(dx[r], np.ix_(i[i >= 0], j[j >= 0]), dy[r][inside])
    return dx
