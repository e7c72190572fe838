"""NumPy twins of the kernels on images: pooling, upsampling, padding.

Images are (n, height, width, channels). Each works in float64 and rounds once to the dtype of its argument.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Pair = tuple[int, int]

__all__ = [
    "average_pool",
    "average_pool_backward",
    "max_pool",
    "max_pool_backward",
    "max_pool_index",
    "max_pool_index_backward",
    "upsample",
    "upsample_backward",
    "zero_pad",
    "zero_pad_backward",
]


def _into(out: Array | None, value: Array, like: Array) -> Array:
    with np.errstate(all="ignore"):
        result: Array = value.astype(like.dtype)
    if out is None:
        return result
    out[...] = result
    return out


def _placed(size: int, window: int, stride: int, padding: str) -> list[slice]:
    """Return the pixels of each window along one dimension, without those outside of the image."""
    if padding == "valid":
        starts = [i * stride for i in range((size - window) // stride + 1)]
    else:
        count = -(-size // stride)
        before = max((count - 1) * stride + window - size, 0) // 2
        starts = [i * stride - before for i in range(count)]
    return [slice(max(start, 0), min(start + window, size)) for start in starts]


def _windows(
    size: tuple[int, ...], pool_size: Pair, strides: Pair | None, padding: str
) -> tuple[Pair, Iterator[tuple[int, int, slice, slice]]]:
    """Return the numbers of windows down and across, and each one's position and pixels, row by row."""
    down, across = (
        _placed(length, window, stride, padding)
        for length, window, stride in zip(size, pool_size, strides or pool_size, strict=True)
    )
    return (len(down), len(across)), (
        (i, j, rows, cols) for i, rows in enumerate(down) for j, cols in enumerate(across)
    )


def _pixels(images: Array) -> Array:
    """Return a window's pixels as one axis: (n, pixels, channels)."""
    return images.reshape(images.shape[0], -1, images.shape[3])


def max_pool(
    x: Array, *, pool_size: Pair, strides: Pair | None = None, padding: str = "valid", out: Array | None = None
) -> Array:
    """Largest pixel of each window, channel by channel; a NaN counts as larger than any number.

    Parameters
    ----------
    x : ndarray, shape (n, height, width, channels)
        Images.
    pool_size : (int, int)
        Rows and columns of a window.
    strides : (int, int), optional
        Steps from a window to the next one below, and to the next one on the right; default: `pool_size`.
    padding : {"valid", "same"}, default "valid"
        Windows within the image, or ``ceil(size / stride)`` of them. Pixels outside of the image never count.
    out : ndarray, optional
        Where to write the result.

    Returns
    -------
    ndarray, shape (n, out_height, out_width, channels)
        The maxima, of the dtype of `x`.

    Examples
    --------
    >>> x = np.arange(16.0).reshape(1, 4, 4, 1)
    >>> max_pool(x, pool_size=(2, 2))[0, :, :, 0]
    array([[ 5.,  7.],
           [13., 15.]])
    """
    size, windows = _windows(x.shape[1:3], pool_size, strides, padding)
    y = np.empty((x.shape[0], *size, x.shape[3]))
    for i, j, rows, cols in windows:
        pixels = _pixels(x[:, rows, cols])
        y[:, i, j] = np.take_along_axis(pixels, pixels.argmax(axis=1)[:, np.newaxis], axis=1)[:, 0]
    return _into(out, y, x)


def max_pool_backward(
    dy: Array,
    y: Array,
    x: Array,
    *,
    pool_size: Pair,
    strides: Pair | None = None,
    padding: str = "valid",
    relu: bool = False,
    out: Array | None = None,
) -> Array:
    """Gradient of `max_pool`: each window's `dy` goes to the first of its largest pixels, row by row.

    If there are NaN, it goes to the first. Gradients from several windows to one pixel are added.

    Parameters
    ----------
    dy, y : ndarray, shape (n, out_height, out_width, channels)
        Gradient with respect to the output, and the output.
    x : ndarray, shape (n, height, width, channels)
        Images.
    pool_size, strides, padding
        As in `max_pool`.
    relu : bool, default False
        Whether ``x = max(z, 0)``, and the gradient is that of z: `dy` counts where ``y > 0``, and is NaN where y is.
    out : ndarray, optional
        Where to write the result.

    Returns
    -------
    ndarray, shape (n, height, width, channels)
        ``dx``, of the dtype of `dy`.

    Examples
    --------
    >>> x = np.array([[3.0, 7.0], [7.0, 1.0]]).reshape(1, 2, 2, 1)
    >>> y = max_pool(x, pool_size=(2, 2))
    >>> max_pool_backward(np.ones((1, 1, 1, 1)), y, x, pool_size=(2, 2))[0, :, :, 0]
    array([[0., 1.],
           [0., 0.]])
    """
    given = dy.astype(np.float64)
    if relu:
        given = np.where(np.isnan(y), np.nan, np.where(y <= 0, 0.0, given))
    dx = np.zeros(x.shape)
    for i, j, rows, cols in _windows(x.shape[1:3], pool_size, strides, padding)[1]:
        window = x[:, rows, cols]
        first = _pixels(window).argmax(axis=1)[:, np.newaxis]
        share = np.zeros(_pixels(window).shape)
        np.put_along_axis(share, first, given[:, i, j][:, np.newaxis], axis=1)
        dx[:, rows, cols] += share.reshape(window.shape)
    return _into(out, dx, dy)


def max_pool_index(
    x: Array, *, pool_size: Pair, strides: Pair | None = None, padding: str = "valid"
) -> tuple[Array, Array]:
    """`max_pool`, and the number of the largest pixel in its window, row by row; of several, the first.

    Parameters
    ----------
    x, pool_size, strides, padding
        As in `max_pool`. A window that reaches beyond the image has the pixels that lie within.

    Returns
    -------
    (ndarray, ndarray), shape (n, out_height, out_width, channels)
        The maxima and the numbers, both of the dtype of `x`.

    Examples
    --------
    >>> y, index = max_pool_index(np.array([[3.0, 7.0], [7.0, 1.0]]).reshape(1, 2, 2, 1), pool_size=(2, 2))
    >>> y.item(), index.item()
    (7.0, 1.0)
    """
    size, windows = _windows(x.shape[1:3], pool_size, strides, padding)
    index = np.empty((x.shape[0], *size, x.shape[3]), x.dtype)
    for i, j, rows, cols in windows:
        index[:, i, j] = _pixels(x[:, rows, cols]).argmax(axis=1)
    return max_pool(x, pool_size=pool_size, strides=strides, padding=padding), index


def max_pool_index_backward(
    dy: Array,
    y: Array,
    index: Array,
    *,
    size: Pair,
    pool_size: Pair,
    strides: Pair | None = None,
    padding: str = "valid",
    relu: bool = False,
) -> Array:
    """`max_pool_backward` from the results of `max_pool_index`, for images of `size` (height, width).

    >>> dy, y, index = np.ones((1, 1, 1, 1)), np.full((1, 1, 1, 1), 7.0), np.full((1, 1, 1, 1), 1.0)
    >>> max_pool_index_backward(dy, y, index, size=(2, 2), pool_size=(2, 2))[0, :, :, 0]
    array([[0., 1.],
           [0., 0.]])
    """
    given = dy.astype(np.float64)
    if relu:
        given = np.where(np.isnan(y), np.nan, np.where(y <= 0, 0.0, given))
    dx = np.zeros((dy.shape[0], *size, dy.shape[3]))
    for i, j, rows, cols in _windows(size, pool_size, strides, padding)[1]:
        window = dx[:, rows, cols]
        share = np.zeros(_pixels(window).shape)
        np.put_along_axis(share, index[:, i, j][:, np.newaxis].astype(int), given[:, i, j][:, np.newaxis], axis=1)
        dx[:, rows, cols] += share.reshape(window.shape)
    return _into(None, dx, dy)


def average_pool(
    x: Array, *, pool_size: Pair, strides: Pair | None = None, padding: str = "valid", out: Array | None = None
) -> Array:
    """Mean of each window's pixels, channel by channel; pixels outside of the image are not counted.

    Parameters
    ----------
    x : ndarray, shape (n, height, width, channels)
        Images.
    pool_size, strides, padding
        As in `max_pool`.
    out : ndarray, optional
        Where to write the result.

    Returns
    -------
    ndarray, shape (n, out_height, out_width, channels)
        The means, of the dtype of `x`.

    Examples
    --------
    >>> x = np.arange(9.0).reshape(1, 3, 3, 1)
    >>> average_pool(x, pool_size=(2, 2), padding="same")[0, :, :, 0]
    array([[2. , 3.5],
           [6.5, 8. ]])
    """
    size, windows = _windows(x.shape[1:3], pool_size, strides, padding)
    y = np.empty((x.shape[0], *size, x.shape[3]))
    with np.errstate(invalid="ignore"):
        for i, j, rows, cols in windows:
            y[:, i, j] = _pixels(x[:, rows, cols].astype(np.float64)).mean(axis=1)
    return _into(out, y, x)


def average_pool_backward(
    dy: Array,
    *,
    size: Pair,
    pool_size: Pair,
    strides: Pair | None = None,
    padding: str = "valid",
    out: Array | None = None,
) -> Array:
    """Gradient of `average_pool`: ``dx = sum of dy / n`` over the windows that hold the pixel, n their pixels.

    Parameters
    ----------
    dy : ndarray, shape (n, out_height, out_width, channels)
        Gradient with respect to the output.
    size : (int, int)
        Height and width of the images.
    pool_size, strides, padding
        As in `max_pool`.
    out : ndarray, optional
        Where to write the result.

    Returns
    -------
    ndarray, shape (n, height, width, channels)
        ``dx``, of the dtype of `dy`.

    Examples
    --------
    >>> average_pool_backward(np.full((1, 1, 1, 1), 8.0), size=(2, 3), pool_size=(2, 2))[0, :, :, 0]
    array([[2., 2., 0.],
           [2., 2., 0.]])
    """
    dx = np.zeros((dy.shape[0], *size, dy.shape[3]))
    with np.errstate(invalid="ignore"):
        for i, j, rows, cols in _windows(size, pool_size, strides, padding)[1]:
            pixels = (rows.stop - rows.start) * (cols.stop - cols.start)
            dx[:, rows, cols] += dy[:, i : i + 1, j : j + 1].astype(np.float64) / pixels
    return _into(out, dx, dy)


def upsample(x: Array, *, size: Pair, out: Array | None = None) -> Array:
    """Repeat every pixel as a block of ``size[0]`` x ``size[1]`` pixels.

    Parameters
    ----------
    x : ndarray, shape (n, height, width, channels)
        Images.
    size : (int, int)
        Rows and columns of a block.
    out : ndarray, optional
        Where to write the result.

    Returns
    -------
    ndarray, shape (n, size[0] height, size[1] width, channels)
        The larger images.

    Examples
    --------
    >>> upsample(np.array([1.0, 2.0]).reshape(1, 1, 2, 1), size=(2, 2))[0, :, :, 0]
    array([[1., 1., 2., 2.],
           [1., 1., 2., 2.]])
    """
    return _into(out, x.repeat(size[0], axis=1).repeat(size[1], axis=2), x)


def upsample_backward(dy: Array, *, size: Pair, out: Array | None = None) -> Array:
    """Gradient of `upsample`: the sum of ``dy`` over each block.

    Parameters
    ----------
    dy : ndarray, shape (n, size[0] height, size[1] width, channels)
        Gradient with respect to the output.
    size : (int, int)
        Rows and columns of a block.
    out : ndarray, optional
        Where to write the result.

    Returns
    -------
    ndarray, shape (n, height, width, channels)
        ``dx``, of the dtype of `dy`.

    Examples
    --------
    >>> upsample_backward(np.ones((1, 2, 4, 1)), size=(2, 2))[0, :, :, 0]
    array([[4., 4.]])
    """
    n, height, width, channels = dy.shape
    blocks = dy.astype(np.float64).reshape(n, height // size[0], size[0], width // size[1], size[1], channels)
    with np.errstate(invalid="ignore"):
        return _into(out, blocks.sum(axis=(2, 4)), dy)


def zero_pad(x: Array, *, padding: tuple[Pair, Pair], out: Array | None = None) -> Array:
    """Pad images with rows and columns of zeros.

    Parameters
    ----------
    x : ndarray, shape (n, height, width, channels)
        Images.
    padding : ((int, int), (int, int))
        Rows above and below, columns on the left and on the right.
    out : ndarray, optional
        Where to write the result.

    Returns
    -------
    ndarray, shape (n, top + height + bottom, left + width + right, channels)
        The larger images.

    Examples
    --------
    >>> zero_pad(np.ones((1, 1, 2, 1)), padding=((0, 1), (2, 0)))[0, :, :, 0]
    array([[0., 0., 1., 1.],
           [0., 0., 0., 0.]])
    """
    return _into(out, np.pad(x, ((0, 0), *padding, (0, 0))), x)


def zero_pad_backward(dy: Array, *, padding: tuple[Pair, Pair], out: Array | None = None) -> Array:
    """Gradient of `zero_pad`: ``dy`` without its border.

    Parameters
    ----------
    dy : ndarray, shape (n, top + height + bottom, left + width + right, channels)
        Gradient with respect to the output.
    padding : ((int, int), (int, int))
        As in `zero_pad`.
    out : ndarray, optional
        Where to write the result.

    Returns
    -------
    ndarray, shape (n, height, width, channels)
        ``dx``.

    Examples
    --------
    >>> zero_pad_backward(np.arange(8.0).reshape(1, 2, 4, 1), padding=((0, 1), (2, 0)))[0, :, :, 0]
    array([[2., 3.]])
    """
    (top, bottom), (left, right) = padding
    return _into(out, dy[:, top : dy.shape[1] - bottom, left : dy.shape[2] - right], dy)
