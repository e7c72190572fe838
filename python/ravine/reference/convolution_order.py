"""Convolution and its gradients with exactly the kernels' roundings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import reduce

import numpy as np

from .convolution import LANES, NONE, Array, Padding, Pair, _groups, _outputs, _seen
from .matmul import fma, matmul_in_order

#: The outputs of an image that a gradient's chain takes at most: whole rows of them, or a piece of one.
BLOCK, LANES_BLOCK = 256, 64


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
    result: Array = y.reshape(*windows.shape[:3], w.shape[3]) + y.dtype.type(0)
    return result


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
    down, across = (slice(max(0, -a), dy.shape[1 + i] - max(0, -b)) for i, (a, b) in enumerate(sides))
    cropped = dy[:, down, across]
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

    Each lane has its own sum over a slice; lane i is added to i + 8, then 4, 2 and 1; slices in a balanced tree.

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
    """The inputs of each output, (images, out_height, out_width, kernel_height, kernel_width, channels)."""
    padded = np.pad(x, ((0, 0), *padding, (0, 0)))
    size = _outputs(x.shape, kernel, strides, padding, dilation)
    rows = [[padded[_seen((u, v), size, strides, dilation)] for v in range(kernel[1])] for u in range(kernel[0])]
    return np.stack([np.stack(row, axis=3) for row in rows], axis=3)
