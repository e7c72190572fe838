"""NumPy twins of convolution and of its gradients, and the order in which their sums run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import reduce
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .matmul import fma, matmul_in_order

Array = NDArray[Any]
Pair = tuple[int, int]
Padding = tuple[Pair, Pair]
NONE: Padding = ((0, 0), (0, 0))
#: The outputs of an image that a gradient's chain takes at most: whole rows of them, or a piece of one.
BLOCK, LANES_BLOCK = 256, 64
#: The images that stand side by side in lanes.
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
) -> Array:
    """Convolution: ``y[n, i, j, f] = sum_uvc x[n, i s + u d - top, j s + v d - left, c] w[u, v, c, f] + bias[f]``.

    Parameters
    ----------
    x : ndarray, shape (images, height, width, channels)
        Images, 0 outside.
    w : ndarray, shape (kernel_height, kernel_width, channels / groups, filters)
        Group g takes the g-th share of the channels to the g-th share of the filters.
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
    padded = np.pad(x, ((0, 0), *padding, (0, 0)))
    height, width = _outputs(x.shape, w.shape, strides, padding, dilation)
    y = np.zeros((x.shape[0], height, width, w.shape[3]), dtype=np.result_type(x, w))
    for u, v in product(*map(range, w.shape[:2])):
        seen = padded[_seen((u, v), (height, width), strides, dilation)]
        for channels, filters in _groups(w, groups):
            y[..., filters] += seen[..., channels] @ w[u, v][:, filters]
    if bias is not None:
        y = y + bias
    return np.where(y < 0, np.zeros_like(y), y) if finish == "relu" else y


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
) -> Array:
    """Gradient of `conv2d` by its images of `size` (height, width): each output's, times w, where it was read.

    It is 0 where `gate` is at most 0.

    >>> conv2d_dx(np.ones((1, 1, 1, 1)), np.arange(4.0).reshape(2, 2, 1, 1), (2, 2))[0, :, :, 0]
    array([[0., 1.],
           [2., 3.]])
    """
    (top, bottom), (left, right) = padding
    channels = w.shape[2] * groups
    padded = np.zeros((dy.shape[0], size[0] + top + bottom, size[1] + left + right, channels), np.result_type(dy, w))
    for u, v in product(*map(range, w.shape[:2])):
        seen = padded[_seen((u, v), dy.shape[1:3], strides, dilation)]
        for group, filters in _groups(w, groups):
            seen[..., group] += dy[..., filters] @ w[u, v][:, filters].T
    dx = padded[:, top : top + size[0], left : left + size[1]]
    return dx.copy() if gate is None else np.where(gate <= 0, np.zeros_like(dx), dx)


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
) -> tuple[Array, Array]:
    """Gradients of `conv2d` by w and by bias, summed over images; `batch_slice` cuts the kernels' sum, not this one.

    >>> dw, dbias = conv2d_dweight(np.arange(9.0).reshape(1, 3, 3, 1), np.ones((1, 2, 2, 1)), (2, 2))
    >>> dw[:, :, 0, 0], dbias
    (array([[ 8., 12.],
           [20., 24.]]), array([4.]))
    """
    padded = np.pad(x, ((0, 0), *padding, (0, 0)))
    dw = np.zeros((*kernel_size, x.shape[3] // groups, dy.shape[3]), dtype=np.result_type(x, dy))
    for u, v in product(*map(range, kernel_size)):
        seen = padded[_seen((u, v), dy.shape[1:3], strides, dilation)]
        for channels, filters in _groups(dw, groups):
            dw[u, v][:, filters] = np.tensordot(seen[..., channels], dy[..., filters], ((0, 1, 2), (0, 1, 2)))
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


# ------------------------------------------------------------------------------------------------- the kernels' order


def conv2d_in_order(
    x: Array,
    w: Array,
    *,
    strides: Pair = (1, 1),
    padding: Padding = NONE,
    dilation: Pair = (1, 1),
    groups: int = 1,
    fused: bool = True,
) -> Array:
    """`conv2d` with exactly the kernels' roundings: each output a product's row over (u, v, c), padding included.

    >>> conv2d_in_order(np.ones((1, 2, 2, 1)), np.ones((2, 2, 1, 3))).tolist()
    [[[[4.0, 4.0, 4.0]]]]
    """
    windows = _windows(x, w.shape, strides, padding, dilation)
    parts = []
    for channels, filters in _groups(w, groups):
        left = windows[..., channels].reshape(-1, w.shape[0] * w.shape[1] * w.shape[2])
        parts.append(matmul_in_order(left, w[..., filters].reshape(left.shape[1], -1), fused=fused))
    y = np.concatenate(parts, axis=1)
    return y.reshape(*windows.shape[:3], w.shape[3]) + y.dtype.type(0)


def conv2d_dx_in_order(
    dy: Array, w: Array, size: Pair, *, padding: Padding = NONE, groups: int = 1, fused: bool = True
) -> Array:
    """`conv2d_dx` without strides and dilation, with the kernels' roundings: over (i, j, f), each w's taps descending.

    >>> conv2d_dx_in_order(np.ones((1, 1, 1, 1)), np.arange(2.0).reshape(1, 2, 1, 1), (1, 2)).tolist()
    [[[[0.0], [1.0]]]]
    """
    flipped = w[::-1, ::-1]
    kernels = [flipped[..., filters].transpose(0, 1, 3, 2) for _, filters in _groups(w, groups)]
    sides = []
    for axis in range(2):
        before = w.shape[axis] - 1 - padding[axis][0]
        sides.append((before, size[axis] + w.shape[axis] - 1 - dy.shape[1 + axis] - before))
    cropped = dy[(slice(None), *(slice(max(0, -a), dy.shape[1 + i] - max(0, -b)) for i, (a, b) in enumerate(sides)))]
    (top, bottom), (left, right) = ((max(0, a), max(0, b)) for a, b in sides)
    around = ((top, bottom), (left, right))
    return conv2d_in_order(cropped, np.concatenate(kernels, axis=3), padding=around, groups=groups, fused=fused)


def conv2d_dweight_in_order(
    x: Array,
    dy: Array,
    kernel_size: Pair,
    *,
    strides: Pair = (1, 1),
    padding: Padding = NONE,
    dilation: Pair = (1, 1),
    groups: int = 1,
    batch_slice: int = 0,
    fused: bool = True,
) -> tuple[Array, Array]:
    """`conv2d_dweight` with the kernels' roundings.

    The outputs of a block are one chain; blocks, then images, are added in ascending order inside a slice, and slices
    in a balanced tree.

    >>> conv2d_dweight_in_order(np.ones((1, 2, 2, 1)), np.ones((1, 2, 2, 1)), (1, 1))
    (array([[[[4.]]]]), array([4.]))
    """
    shape = (*kernel_size, x.shape[3] // groups, dy.shape[3])
    windows = _windows(x, shape, strides, padding, dilation)
    dw = np.zeros(shape, dtype=x.dtype)
    for channels, filters in _groups(dw, groups):

        def product_of(
            n: int, block: tuple[slice, slice], channels: slice = channels, filters: slice = filters
        ) -> Array:
            left = windows[n][block][..., channels].reshape(-1, dw[..., 0].size)
            return matmul_in_order(left.T.copy(), dy[n][block][..., filters].reshape(left.shape[0], -1), fused=fused)

        dw[..., filters] = _over_batch(product_of, dy, BLOCK, batch_slice).reshape(*shape[:3], -1)

    def sum_of(n: int, block: tuple[slice, slice]) -> Array:
        outputs = dy[n][block].reshape(-1, dy.shape[3])
        return reduce(np.add, outputs, np.zeros_like(outputs[0]))

    return dw, _over_batch(sum_of, dy, BLOCK, batch_slice)


def conv2d_dweight_in_lanes(
    x: Array, dy: Array, kernel_size: Pair, *, padding: Padding = NONE, batch_slice: int = 0, fused: bool = True
) -> tuple[Array, Array]:
    """`conv2d_dweight` with the roundings of form "lanes", from images (groups, height, width, channels, 16).

    Each lane has a sum of its own over a slice; lane i is added to i + 8, then 4, 2 and 1; slices in a balanced tree.

    >>> x, dy = np.ones((1, 2, 2, 1, 16)), np.ones((1, 2, 2, 1, 16))
    >>> conv2d_dweight_in_lanes(x, dy, (1, 1))
    (array([[[[64.]]]]), array([64.]))
    """
    shape = (*kernel_size, x.shape[3], dy.shape[3])
    windows = np.stack([_windows(x[..., i], shape, (1, 1), padding, (1, 1)) for i in range(LANES)], axis=-1)

    def product_of(n: int, block: tuple[slice, slice]) -> Array:
        left = windows[n][block].reshape(-1, shape[0] * shape[1] * shape[2], 1, LANES)
        right = dy[n][block].reshape(-1, 1, shape[3], LANES)
        total = np.zeros((left.shape[1], shape[3], LANES), dtype=x.dtype)
        for a, b in zip(left, right, strict=True):
            wide, tall = np.broadcast_arrays(a, b)
            total = fma(wide, tall, total) if fused else wide * tall + total
        return total

    def sum_of(n: int, block: tuple[slice, slice]) -> Array:
        outputs = dy[n][block].reshape(-1, shape[3], LANES)
        return reduce(np.add, outputs, np.zeros_like(outputs[0]))

    dw = _over_batch(product_of, dy, LANES_BLOCK, batch_slice, _fold_lanes)
    return dw.reshape(shape), _over_batch(sum_of, dy, LANES_BLOCK, batch_slice, _fold_lanes)


def _fold_lanes(sums: Array) -> Array:
    for half in (8, 4, 2, 1):
        sums = sums[..., :half] + sums[..., half : 2 * half]
    return sums[..., 0]


def _over_batch(
    of_block: Callable[[int, tuple[slice, slice]], Array],
    dy: Array,
    block: int,
    batch_slice: int,
    finish: Callable[[Array], Array] = lambda x: x,
) -> Array:
    """Blocks and images added in ascending order inside slices, slices in a balanced tree."""
    size = batch_slice or len(dy)
    slices = [range(i, min(i + size, len(dy))) for i in range(0, len(dy), size)]
    parts = [
        finish(reduce(np.add, [of_block(n, at) for n in images for at in _blocks(dy.shape[1], dy.shape[2], block)]))
        for images in slices
    ]
    while len(parts) > 1:
        parts = [reduce(np.add, parts[i : i + 2]) for i in range(0, len(parts), 2)]
    return parts[0]


def _blocks(height: int, width: int, most: int) -> Iterator[tuple[slice, slice]]:
    rows, cols = max(1, most // width), min(width, most)
    for i in range(0, height, rows):
        for j in range(0, width, cols):
            yield slice(i, i + rows), slice(j, j + cols)


def _windows(x: Array, kernel: tuple[int, ...], strides: Pair, padding: Padding, dilation: Pair) -> Array:
    """What each output reads, (images, out_height, out_width, kernel_height, kernel_width, channels)."""
    padded = np.pad(x, ((0, 0), *padding, (0, 0)))
    size = _outputs(x.shape, kernel, strides, padding, dilation)
    rows = [[padded[_seen((u, v), size, strides, dilation)] for v in range(kernel[1])] for u in range(kernel[0])]
    return np.stack([np.stack(row, axis=3) for row in rows], axis=3)


def _seen(tap: Pair, size: tuple[int, ...], strides: Pair, dilation: Pair) -> tuple[slice, slice, slice]:
    """The pixels of all images that a tap of w meets."""
    first = [t * d for t, d in zip(tap, dilation, strict=True)]
    down, across = (slice(f, f + (n - 1) * s + 1, s) for f, n, s in zip(first, size, strides, strict=True))
    return slice(None), down, across


def _outputs(image: tuple[int, ...], kernel: tuple[int, ...], strides: Pair, padding: Padding, dilation: Pair) -> Pair:
    """Height and width of what a convolution gives."""
    height, width = (
        (image[1 + i] + sum(padding[i]) - (kernel[i] - 1) * dilation[i] - 1) // strides[i] + 1 for i in range(2)
    )
    return height, width


def _groups(w: Array, groups: int) -> list[tuple[slice, slice]]:
    """Each group's channels and filters."""
    channels, filters = w.shape[2], w.shape[3] // groups
    return [(slice(g * channels, (g + 1) * channels), slice(g * filters, (g + 1) * filters)) for g in range(groups)]
