"""NumPy twins of the products with sparse rows, which equal the dense product of the same matrix."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .matmul import matmul
from .vector import sum_squares

Array = NDArray[Any]

__all__ = ["csr_gradient", "csr_matmul", "csr_sum_squares", "embedding", "embedding_gradient"]


def in_full(data: Array, indices: Array, indptr: Array, columns: int) -> Array:
    """Return a matrix in CSR form with its zeros, shape (rows, columns).

    >>> in_full(np.array([5.0]), np.array([1]), np.array([0, 0, 1]), 3)
    array([[0., 0., 0.],
           [0., 5., 0.]])
    """
    full = np.zeros((len(indptr) - 1, columns), data.dtype)
    for row, (first, last) in enumerate(pairwise(indptr)):
        full[row, indices[first:last]] = data[first:last]
    return full


def csr_matmul(
    data: Array,
    indices: Array,
    indptr: Array,
    b: Array,
    *,
    bias: Array | None = None,
    finish: str = "none",
    out: Array | None = None,
) -> Array:
    """``finish(A b + bias)``, A in CSR form: row i has ``data[p]`` in column ``indices[p]``, p from ``indptr[i]`` on.

    Parameters
    ----------
    data : ndarray, shape (terms,)
        Values.
    indices : ndarray of int32, shape (terms,)
        Columns, ascending in each row.
    indptr : ndarray of int32 or int64, shape (m + 1,)
        The start of each row.
    b : ndarray, shape (k, n)
        The dense factor.
    bias : ndarray, shape (n,), optional
        Added to every row.
    finish : {"none", "relu"}, default "none"
        ``max(c, 0)``.
    out : ndarray, shape (m, n), optional
        Where to write the result.

    Returns
    -------
    ndarray, shape (m, n)
        The product.

    Examples
    --------
    >>> csr_matmul(np.array([2.0]), np.array([1]), np.array([0, 1, 1]), np.array([[1.0], [3.0]]))
    array([[6.],
           [0.]])
    """
    return matmul(in_full(data, indices, indptr, len(b)), b, bias=bias, finish=finish, out=out)


def csr_gradient(
    data: Array,
    indices: Array,
    indptr: Array,
    dy: Array,
    columns: int,
    *,
    batch_slice: int = 0,
    out: Array | None = None,
) -> Array:
    """``A^T dy``, the gradient of ``sum(dy * (A b))`` with respect to b; A as for `csr_matmul`, with so many columns.

    Parameters
    ----------
    data, indices, indptr : ndarray
        A.
    dy : ndarray, shape (m, n)
        The gradient with respect to the product.
    columns : int
        Columns of A.
    batch_slice : int, default 0
        The number of rows of a slice; the slices' products are added in a balanced tree. 0 means one slice.
    out : ndarray, shape (columns, n), optional
        Where to write the result.

    Returns
    -------
    ndarray, shape (columns, n)
        The gradient.

    Examples
    --------
    >>> csr_gradient(np.array([2.0]), np.array([1]), np.array([0, 1, 1]), np.array([[1.0], [3.0]]), 2)
    array([[0.],
           [2.]])
    """
    return matmul(in_full(data, indices, indptr, columns), dy, transpose_a=True, batch_slice=batch_slice, out=out)


def csr_sum_squares(data: Array, indices: Array) -> float:
    """``sum_p data_p^2`` of one sparse row.

    >>> csr_sum_squares(np.array([3.0, 4.0]), np.array([0, 9]))
    25.0
    """
    return float(sum_squares(data))


def embedding(ids: Array, table: Array, *, out: Array | None = None) -> Array:
    """``table[ids]``: a row of the table for each id.

    >>> embedding(np.array([1.0, 1.0]), np.array([[1.0, 2.0], [3.0, 4.0]]))
    array([[3., 4.],
           [3., 4.]])
    """
    rows: Array = table[ids.astype(np.intp)]
    if out is None:
        return rows
    out[...] = rows
    return out


def embedding_gradient(ids: Array, dy: Array, rows: int, *, batch_slice: int = 0, out: Array | None = None) -> Array:
    """Gradient of ``sum(dy * embedding(ids, table))`` by the table: row r is the sum of ``dy[ids == r]``.

    The order of the sum is that of the product of one-hot rows and dy, see `matmul`.

    >>> embedding_gradient(np.array([1.0, 1.0]), np.array([[1.0], [3.0]]), 3)
    array([[0.],
           [4.],
           [0.]])
    """
    one_hot = np.zeros((len(ids), rows), dy.dtype)
    one_hot[np.arange(len(ids)), ids.astype(np.intp)] = 1.0
    return matmul(one_hot, dy, transpose_a=True, batch_slice=batch_slice, out=out)
