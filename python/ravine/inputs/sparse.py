"""Sparse rows for the engine, from matrices in SciPy's CSR form. SciPy itself is never imported."""

from __future__ import annotations

from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .arrays import Array, as_array, check_numeric, convert

__all__ = [
    "Inputs",
    "MatrixLike",
    "SparseMatrix",
    "SparseRows",
    "arrays_of",
    "as_sparse_rows",
    "is_sparse",
    "mean_square_length",
]

_MOST_COLUMNS = 2**31 - 1


class SparseRows:
    """Rows of a sparse matrix in canonical form: terms in strictly ascending columns.

    Row i has ``data[p]`` in column ``indices[p]`` for ``indptr[i] <= p < indptr[i + 1]``. A slice of rows shares the
    arrays, so that `indptr` need not begin with 0.

    Attributes
    ----------
    data : ndarray, shape (terms,)
        Values.
    indices : ndarray of int32, shape (terms,)
        Columns.
    indptr : ndarray of int64, shape (rows + 1,)
        The start of each row.
    shape : tuple of int
        Rows and columns.
    """

    ndim = 2

    def __init__(self, data: Array, indices: NDArray[np.int32], indptr: NDArray[np.int64], columns: int) -> None:
        self.data, self.indices, self.indptr = data, indices, indptr
        self.shape = (len(indptr) - 1, columns)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of the values."""
        return self.data.dtype

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: Any) -> SparseRows:
        if isinstance(rows, slice):
            first, last, step = rows.indices(len(self))
            if step == 1:
                return SparseRows(self.data, self.indices, self.indptr[first : max(first, last) + 1], self.shape[1])
            rows = np.arange(first, last, step)
        starts, counts = self.indptr[:-1][rows], np.diff(self.indptr)[rows]
        indptr = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        terms = np.repeat(starts - indptr[:-1], counts) + np.arange(indptr[-1])
        return SparseRows(self.data[terms], self.indices[terms], indptr, self.shape[1])

    def astype(self, dtype: Any) -> SparseRows:
        """Return the same rows with values of another type."""
        return SparseRows(self.data.astype(dtype), self.indices, self.indptr, self.shape[1])

    def reshape(self, *shape: int) -> SparseRows:
        """Return the rows unchanged; they cannot be reshaped."""
        if shape not in (self.shape, (len(self), -1)):
            raise ValueError(f"sparse rows of shape {self.shape} cannot have the shape {shape}")
        return self

    def terms(self) -> Array:
        """Return the values of only these rows."""
        return self.data[self.indptr[0] : self.indptr[-1]]

    def arrays(self) -> list[Array]:
        """Return the arrays that identify these rows."""
        own = slice(self.indptr[0], self.indptr[-1])
        return [self.data[own], self.indices[own], self.indptr - self.indptr[0]]


class SparseMatrix(Protocol):
    """What SciPy's sparse matrices and arrays have in common."""

    nnz: Any

    def tocsr(self) -> Any:
        """Return the matrix in CSR form."""


#: Rows as the engine takes them, and as users give them.
Inputs: TypeAlias = Array | SparseRows
MatrixLike: TypeAlias = ArrayLike | SparseMatrix


def is_sparse(values: Any) -> bool:
    """Whether these are sparse rows, or a sparse matrix of SciPy's kind."""
    return isinstance(values, SparseRows) or (hasattr(values, "nnz") and hasattr(values, "tocsr"))


def arrays_of(rows: Inputs) -> list[Array]:
    """Return the arrays that hold some rows."""
    return rows.arrays() if isinstance(rows, SparseRows) else [rows]


def mean_square_length(rows: Inputs) -> float:
    """Return the mean over the rows of |x|^2."""
    if isinstance(rows, SparseRows):
        return float((rows.terms() ** 2).sum()) / len(rows)
    return float((rows.reshape(len(rows), -1) ** 2).sum(axis=1).mean())


def as_sparse_rows(name: str, values: Any, dtype: np.dtype[Any], *, check: bool = True) -> SparseRows:
    """Return a sparse matrix as rows of `dtype`: sorted, without duplicates, which are added up; it is not changed.

    Parameters
    ----------
    name : str
        The argument's name in messages.
    values : sparse matrix or array, or SparseRows
        The matrix, in CSR form or with a method `tocsr`.
    dtype : numpy.dtype
        The model's dtype.
    check : bool, default=True
        Whether to refuse NaN and infinities.

    Raises
    ------
    ValueError, TypeError
        For other shapes, no rows or columns, values that are not numbers, indices out of range.
    """
    if isinstance(values, SparseRows) and values.dtype == dtype:
        return values
    given = values if isinstance(values, SparseRows) or getattr(values, "format", "csr") == "csr" else values.tocsr()
    missing = [part for part in ("data", "indices", "indptr", "shape") if not hasattr(given, part)]
    if missing:
        raise TypeError(
            f"sparse {name} has no {missing[0]}: ravine takes matrices in CSR form, and those whose tocsr() gives one, "
            f"got {type(values).__name__}; or pass {name}.toarray()"
        )
    shape = tuple(given.shape)
    if len(shape) != 2:
        raise ValueError(f"Expected 2D array, got {len(shape)}D array instead: sparse {name} has shape {shape}.")
    for number, what in zip(shape, ("sample", "feature"), strict=True):
        if number == 0:
            raise ValueError(f"Found array with 0 {what}(s): {name} has shape {shape}, at least 1 is needed")
    if shape[1] > _MOST_COLUMNS:
        raise ValueError(f"sparse {name} has {shape[1]} features, allowed are {_MOST_COLUMNS} at most")
    data = as_array(f"{name}.data", given.data)
    check_numeric(f"{name}.data", data)
    indices, indptr = _integers(name, "indices", given.indices), _integers(name, "indptr", given.indptr)
    indptr = np.ascontiguousarray(indptr, np.int64)
    if len(indptr) != shape[0] + 1 or indptr[0] < 0 or (np.diff(indptr) < 0).any():
        raise ValueError(f"{name}.indptr must have {shape[0] + 1} entries that do not descend, got {indptr}")
    terms = int(indptr[-1])
    if terms > min(len(indices), len(data)):
        raise ValueError(
            f"{name}.indptr ends with {terms}, but {name}.indices has {len(indices)} entries, {name}.data {len(data)}"
        )
    own = indices[indptr[0] : terms]
    if own.size and not 0 <= own.min() <= own.max() < shape[1]:
        wrong = own.min() if own.min() < 0 else own.max()
        raise ValueError(f"{name}.indices hold the column {wrong}, allowed are [0, {shape[1]})")
    indices, data = np.ascontiguousarray(indices[:terms], np.int32), data[:terms]
    if not _ascends(indices, indptr):
        data, indices, indptr = _canonical(data, indices, indptr)
    return SparseRows(convert(name, data, dtype, check=check), indices, indptr, int(shape[1]))


def _integers(name: str, part: str, values: Any) -> Array:
    array = np.asarray(values)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise TypeError(f"{name}.{part} must be a row of integers, got dtype {array.dtype} and shape {array.shape}")
    return array


def _ascends(indices: Array, indptr: Array) -> bool:
    """Whether the columns of each row are strictly ascending."""
    rises = np.empty(len(indices) + 1, bool)
    np.greater(indices[1:], indices[:-1], out=rises[1:-1])
    rises[indptr] = True
    return bool(rises[indptr[0] : indptr[-1]].all())


def _canonical(data: Array, indices: Array, indptr: Array) -> tuple[Array, Array, Array]:
    """Return copies with the columns of each row ascending; duplicate terms are added up."""
    own = slice(indptr[0], indptr[-1])
    rows = np.repeat(np.arange(len(indptr) - 1), np.diff(indptr))
    order = np.lexsort((indices[own], rows))
    rows, columns, values = rows[order], indices[own][order], data[own][order]
    first = np.flatnonzero(np.concatenate([[True], (np.diff(rows) != 0) | (np.diff(columns) != 0)]))
    bounds = np.searchsorted(rows[first], np.arange(len(indptr)))
    return np.add.reduceat(values, first), columns[first], bounds.astype(np.int64)
