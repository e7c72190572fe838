"""NumPy twin of the matrix product, and the order of its sums."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Product = Callable[[Array, Array], Array]

#: A sum over the inner dimension is cut every so many terms; the slices are added in ascending order.
PRODUCT_SLICE = 256

__all__ = ["matmul"]


def matmul(
    a: Array,
    b: Array,
    *,
    transpose_a: bool = False,
    transpose_b: bool = False,
    bias: Array | None = None,
    finish: str = "none",
    gate: Array | None = None,
    accumulate: bool = False,
    batch_slice: int = 0,
    out: Array | None = None,
) -> Array:
    """Matrix product with an epilogue: ``c = finish(op(a) op(b) + bias)``, the old ``c`` added with `accumulate`.

    Parameters
    ----------
    a : ndarray, shape (m, k), or (k, m) with `transpose_a`
        Left factor.
    b : ndarray, shape (k, n), or (n, k) with `transpose_b`
        Right factor, of the dtype of `a`.
    transpose_a, transpose_b : bool, default False
        Whether a factor is given transposed; not both.
    bias : ndarray, shape (n,), optional
        Added to every row.
    finish : {"none", "relu", "mask"}, default "none"
        ``max(c, 0)``, or ``c`` where `gate` is above 0 (or NaN), else 0.
    gate : ndarray, shape (m, n), optional
        Read by ``finish="mask"``.
    accumulate : bool, default False
        Whether the product is added to the content of `out`.
    batch_slice : int, default 0
        With `transpose_a`: the number of rows of a slice of k; the products of the slices are added in a balanced tree.
        0 means one slice.
    out : ndarray, shape (m, n), optional
        Where to write the result.

    Returns
    -------
    ndarray, shape (m, n)
        ``c``.

    Examples
    --------
    >>> matmul(np.array([[1.0, 2.0]]), np.array([[3.0], [4.0]]), bias=np.array([-20.0]), finish="relu")
    array([[0.]])
    """
    if accumulate and out is None:
        raise ValueError("accumulate=True needs out, the matrix to add to")
    left, right = (a.T if transpose_a else a), (b.T if transpose_b else b)
    c = _in_batch_slices(left, right, batch_slice, np.matmul, out if accumulate else None)
    return _epilogue(c, bias, finish, gate, out)


def matmul_in_order(
    left: Array, right: Array, *, batch_slice: int = 0, start: Array | None = None, fused: bool = True
) -> Array:
    """Product of ``left`` (m, k) and ``right`` (k, n), added to ``start``, with exactly the kernels' roundings.

    Each slice of `PRODUCT_SLICE` terms is one chain from zero, ``s = fma(left[:, p], right[p], s)``, or with a rounded
    product where not `fused` (an instruction set without fma).

    >>> matmul_in_order(np.array([[1.0, 2.0]]), np.array([[3.0], [4.0]]))
    array([[11.]])
    """

    def chain(x: Array, y: Array) -> Array:
        total = np.zeros((x.shape[0], y.shape[1]), dtype=x.dtype)
        for p in range(x.shape[1]):
            column, row = x[:, p, None], y[None, p]
            total = fma(column, row, total) if fused else column * row + total
        return total

    return _in_batch_slices(left, right, batch_slice, chain, start)


def _in_batch_slices(left: Array, right: Array, size: int, product: Product, start: Array | None) -> Array:
    """Sum of the products of slices of `size` terms, neighbours added level by level, an odd one passed through."""
    k = left.shape[1]
    size = size or max(k, 1)
    cuts = [slice(i, i + size) for i in range(0, max(k, 1), size)]
    parts = [_in_product_slices(left[:, cut], right[cut], product, start) for cut in cuts]
    while len(parts) > 1:
        parts = [reduce(np.add, parts[i : i + 2]) for i in range(0, len(parts), 2)]
    return parts[0]


def _in_product_slices(left: Array, right: Array, product: Product, start: Array | None) -> Array:
    """`start` and the products of slices of `PRODUCT_SLICE` terms, added in ascending order."""
    cuts = [slice(i, i + PRODUCT_SLICE) for i in range(0, max(left.shape[1], 1), PRODUCT_SLICE)]
    products = [product(left[:, cut], right[cut]) for cut in cuts]
    return reduce(np.add, products if start is None else [start, *products])


def _epilogue(c: Array, bias: Array | None, finish: str, gate: Array | None, out: Array | None) -> Array:
    """The epilogue of finished sums: bias, then relu or mask."""
    if bias is not None:
        c = c + bias
    if finish == "relu":
        c = np.where(c < 0, np.zeros_like(c), c)
    elif finish == "mask":
        if gate is None:
            raise ValueError("finish='mask' needs gate, a matrix of the result's shape")
        c = np.where(gate <= 0, np.zeros_like(c), c)
    elif finish != "none":
        raise ValueError(f"finish is {finish!r}; choose from 'none', 'relu', 'mask'")
    if out is None:
        return c
    out[...] = c
    return out


def fma(a: Array, b: Array, c: Array) -> Array:
    """``a b + c`` rounded once, for float32 and float64 away from overflow and underflow.

    The exact product and sum are split into rounded parts and errors; the last but one sum is rounded to odd, after
    which rounding to nearest is right (S. Boldo and G. Melquiond, "Emulation of FMA and correctly rounded sums", IEEE
    Transactions on Computers 57, 2008).

    >>> x = np.array(1 + 2.0**-30)
    >>> bool(fma(x, x, -x * x) == 2.0**-60)
    True
    """
    if a.dtype == np.float32:
        total, error = _two_sum(a.astype(np.float64) * b.astype(np.float64), c.astype(np.float64))
        return _to_odd(total, error).astype(np.float32)
    product, product_error = _two_product(a, b)
    low, low_error = _two_sum(c, product_error)
    high, high_error = _two_sum(product, low)
    return np.asarray(high + _to_odd(*_two_sum(low_error, high_error)))


def _two_sum(a: Array, b: Array) -> tuple[Array, Array]:
    """``a + b`` rounded, and its rounding error."""
    total = a + b
    part = total - a
    return total, (a - (total - part)) + (b - part)


def _two_product(a: Array, b: Array) -> tuple[Array, Array]:
    """``a b`` rounded, and its rounding error, with each factor split in two halves (Dekker 1971)."""

    def halves(x: Array) -> tuple[Array, Array]:
        scaled = x * 134217729.0
        upper = scaled - (scaled - x)
        return upper, x - upper

    (a1, a2), (b1, b2), product = halves(a), halves(b), a * b
    return product, a2 * b2 - (((product - a1 * b1) - a2 * b1) - a1 * b2)


def _to_odd(total: Array, error: Array) -> Array:
    """``total + error`` rounded to odd: where it is inexact, the neighbour whose last bit is 1."""
    even = (np.ascontiguousarray(total).view(np.int64) & 1 == 0).reshape(np.shape(total))
    towards = np.nextafter(total, np.where(error > 0, np.inf, -np.inf))
    return np.where((error != 0) & even, towards, total)
