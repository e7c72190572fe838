"""NumPy twins of convolution and of its gradients; `convolution_order` has the order of their sums."""

from __future__ import annotations

import math
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Pair = tuple[int, int]
Padding = tuple[Pair, Pair]
NONE: Padding = ((0, 0), (0, 0))
#: The number of images of a group in form "lanes", one per SIMD lane.
LANES = 16

__all__ = ["conv2d", "conv2d_dweight", "conv2d_dx", "lanes_to_rows", "rows_to_lanes"]


def conv2d(
    x: Array,
    w: Array,
    *,
    bias: Array | None = None,
    strides: Pair = (1, 1),
    padding: Padding = NONE,
    dilation: Pair = (1, 1),
    groups: int = 1,
    finish: str = "none",
    form: str = "rows",
    out: Array | None = None,
) -> Array:
    """Convolution: ``y[n, i, j, f] = sum_uvc x[n, i s + u d - top, j s + v d - left, c] w[u, v, c, f] + bias[f]``.

    Parameters
    ----------
    x : ndarray, shape (images, height, width, channels)
        Images, 0 outside.
    w : ndarray, shape (kernel_height, kernel_width, channels / groups, filters)
        Group g maps the g-th share of the channels to the g-th share of the filters.
    bias : ndarray, shape (filters,), optional
        Added to every output.
    strides, dilation : (int, int), default (1, 1)
        s and d, down and across.
    padding : ((top, bottom), (left, right)), default none
        Zeros around the image.
    groups : int, default 1
        Number of groups.
    finish : {"none", "relu"}, default "none"
        ``max(y, 0)``.
    form : {"rows", "lanes", "depthwise"}, default "rows"
        With "lanes" input and output are in groups of 16 images, (groups, height, width, channels, 16).
    out : ndarray, optional
        Where to write the result.

    Returns
    -------
    ndarray, shape (images, out_height, out_width, filters)
        ``y``.

    Examples
    --------
    >>> x, w = np.arange(9.0).reshape(1, 3, 3, 1), np.ones((2, 2, 1, 1))
    >>> conv2d(x, w)[0, :, :, 0]
    array([[ 8., 12.],
           [20., 24.]])
    """
    x = _in_rows(x, form)
    padded = np.pad(x, ((0, 0), *padding, (0, 0)))
    height, width = _outputs(x.shape, w.shape, strides, padding, dilation)
    y = np.zeros((x.shape[0], height, width, w.shape[3]), dtype=np.result_type(x, w))
    for u, v in product(*map(range, w.shape[:2])):
        seen = padded[_seen((u, v), (height, width), strides, dilation)]
        for channels, filters in _groups(w, groups):
            y[..., filters] += seen[..., channels] @ w[u, v][:, filters]
    if bias is not None:
        y = y + bias
    return _into(out, _in_form(np.where(y < 0, np.zeros_like(y), y) if finish == "relu" else y, form))


def conv2d_dx(
    dy: Array,
    w: Array,
    size: Pair,
    *,
    strides: Pair = (1, 1),
    padding: Padding = NONE,
    dilation: Pair = (1, 1),
    groups: int = 1,
    gate: Array | None = None,
    form: str = "rows",
    out: Array | None = None,
) -> Array:
    """Gradient of `conv2d` with respect to its images of `size` (height, width): sums of dy times w.

    It is 0 where `gate` is at most 0.

    >>> conv2d_dx(np.ones((1, 1, 1, 1)), np.arange(4.0).reshape(2, 2, 1, 1), (2, 2))[0, :, :, 0]
    array([[0., 1.],
           [2., 3.]])
    """
    dy = _in_rows(dy, form)
    (top, bottom), (left, right) = padding
    channels = w.shape[2] * groups
    padded = np.zeros((dy.shape[0], size[0] + top + bottom, size[1] + left + right, channels), np.result_type(dy, w))
    for u, v in product(*map(range, w.shape[:2])):
        seen = padded[_seen((u, v), dy.shape[1:3], strides, dilation)]
        for group, filters in _groups(w, groups):
            seen[..., group] += dy[..., filters] @ w[u, v][:, filters].T
    dx = padded[:, top : top + size[0], left : left + size[1]]
    if gate is not None:
        dx = np.where(_in_rows(gate, form) <= 0, np.zeros_like(dx), dx)
    return _into(out, _in_form(dx, form))


def conv2d_dweight(
    x: Array,
    dy: Array,
    kernel_size: Pair,
    *,
    strides: Pair = (1, 1),
    padding: Padding = NONE,
    dilation: Pair = (1, 1),
    groups: int = 1,
    batch_slice: int = 0,
    form: str = "rows",
) -> tuple[Array, Array]:
    """Gradients of `conv2d` with respect to w and bias; `batch_slice` divides the sum of the kernels, not this one.

    >>> dw, dbias = conv2d_dweight(np.arange(9.0).reshape(1, 3, 3, 1), np.ones((1, 2, 2, 1)), (2, 2))
    >>> dw[:, :, 0, 0], dbias
    (array([[ 8., 12.],
           [20., 24.]]), array([4.]))
    """
    x, dy = _in_rows(x, form), _in_rows(dy, form)
    padded = np.pad(x, ((0, 0), *padding, (0, 0)))
    channels, filters = x.shape[3] // groups, dy.shape[3]
    dw = np.zeros((*kernel_size, channels, filters), dtype=np.result_type(x, dy))
    positions = math.prod(dy.shape[:3])
    slopes = dy.reshape(positions, groups, filters // groups).transpose(1, 0, 2)
    for u, v in product(*map(range, kernel_size)):
        seen = padded[_seen((u, v), dy.shape[1:3], strides, dilation)].reshape(positions, groups, channels)
        dw[u, v] = (seen.transpose(1, 2, 0) @ slopes).transpose(1, 0, 2).reshape(channels, filters)
    return dw, dy.sum(axis=(0, 1, 2))


def rows_to_lanes(x: Array) -> Array:
    """Rows in groups of 16: ``y[g, j, l] = x[16 g + l, j]``, 0 after the last row.

    >>> rows_to_lanes(np.arange(6.0).reshape(3, 2))[0, :, :4]
    array([[0., 2., 4., 0.],
           [1., 3., 5., 0.]])
    """
    rows, units = x.shape
    padded = np.pad(x, ((0, -rows % LANES), (0, 0)))
    return np.ascontiguousarray(padded.reshape(-(-rows // LANES), LANES, units).transpose(0, 2, 1))


def lanes_to_rows(y: Array, rows: int) -> Array:
    """``x[16 g + l, j] = y[g, j, l]`` for the first `rows` rows.

    >>> lanes_to_rows(rows_to_lanes(np.eye(2)), 2)
    array([[1., 0.],
           [0., 1.]])
    """
    return np.ascontiguousarray(y.transpose(0, 2, 1).reshape(len(y) * LANES, y.shape[1])[:rows])


def _in_rows(x: Array, form: str) -> Array:
    """Return images one after the other."""
    return np.moveaxis(x, -1, 1).reshape(-1, *x.shape[1:-1]) if form == "lanes" else x


def _in_form(x: Array, form: str) -> Array:
    """Return images in the layout of the form."""
    return np.ascontiguousarray(np.moveaxis(x.reshape(-1, LANES, *x.shape[1:]), 1, -1)) if form == "lanes" else x


def _into(out: Array | None, value: Array) -> Array:
    if out is None:
        return np.ascontiguousarray(value)
    out[...] = value
    return out


def _seen(tap: Pair, size: tuple[int, ...], strides: Pair, dilation: Pair) -> tuple[slice, slice, slice]:
    """The pixels of all images that a tap of w multiplies."""
    first = [t * d for t, d in zip(tap, dilation, strict=True)]
    down, across = (slice(f, f + (n - 1) * s + 1, s) for f, n, s in zip(first, size, strides, strict=True))
    return slice(None), down, across


def _outputs(image: tuple[int, ...], kernel: tuple[int, ...], strides: Pair, padding: Padding, dilation: Pair) -> Pair:
    """Height and width of the output."""
    height, width = (
        (image[1 + i] + sum(padding[i]) - (kernel[i] - 1) * dilation[i] - 1) // strides[i] + 1 for i in range(2)
    )
    return height, width


def _groups(w: Array, groups: int) -> list[tuple[slice, slice]]:
    """Each group's channels and filters."""
    channels, filters = w.shape[2], w.shape[3] // groups
    return [(slice(g * channels, (g + 1) * channels), slice(g * filters, (g + 1) * filters)) for g in range(groups)]
