"""Products with sparse rows and rows of a table: the bits of the dense product, for every size and order."""

import numpy as np
import pytest
from checks import ISAS, has_fma, once, same_bits

from ravine import _core, reference

COLUMNS = [1, 2, 15, 16, 17, 33, 64, 100, 129]
GRADIENTS = [(1, 3, 1.0), (33, 20, 0.3), (257, 40, 0.05), (600, 30, 0.02), (700, 9, 0.9), (1300, 5, 1.0)]
SHAPES = [(1, 1), (3, 5), (7, 255), (7, 256), (5, 257), (40, 700), (130, 1031)]


def sparse(rng, rows, columns, share, dtype):
    """A matrix with about that share of terms, some of them zeros that are stored; its CSR form and itself."""
    stored = rng.random((rows, columns)) < share
    full = np.where(stored, rng.normal(size=(rows, columns)), 0.0).astype(dtype)
    full[stored & (rng.random((rows, columns)) < 0.1)] = 0.0
    indptr = np.concatenate([[0], np.cumsum(stored.sum(axis=1))]).astype(np.int64)
    return (full[stored], np.nonzero(stored)[1].astype(np.int32), indptr), full


def integers(form):
    """The same places with small whole numbers."""
    data, indices, indptr = form
    return np.round(4 * data), indices, indptr


@pytest.mark.parametrize("n", COLUMNS)
@pytest.mark.parametrize("share", [0.0, 0.02, 0.5, 1.0])
def test_product_has_the_bits_of_the_dense_one(n, share, kernels, dtype, rng):
    for rows, columns in SHAPES:
        a, full = sparse(rng, rows, columns, share, dtype)
        b, bias = rng.normal(size=(columns, n)).astype(dtype), rng.normal(size=n).astype(dtype)
        assert same_bits(kernels.csr_matmul(*a, b), kernels.matmul(full, b)), (rows, columns)
        got = kernels.csr_matmul(*a, b, bias=bias, finish="relu")
        assert same_bits(got, kernels.matmul(full, b, bias=bias, finish="relu")), (rows, columns)
        assert np.array_equal(
            once(reference.csr_matmul, *integers(a), b.round()), kernels.csr_matmul(*integers(a), b.round())
        )


@pytest.mark.parametrize("n", COLUMNS)
@pytest.mark.parametrize("size", [0, 1, 8, 32, 40, 300])
def test_gradient_has_the_bits_of_the_dense_one(n, size, kernels, dtype, rng):
    for rows, columns, share in GRADIENTS:
        a, full = sparse(rng, rows, columns, share, dtype)
        dy = rng.normal(size=(rows, n)).astype(dtype)
        got = kernels.csr_gradient(*a, dy, columns, batch_slice=size)
        assert same_bits(got, kernels.matmul(full, dy, transpose_a=True, batch_slice=size)), (rows, columns)
        whole = kernels.csr_gradient(*integers(a), dy.round(), columns, batch_slice=size)
        assert np.array_equal(once(reference.csr_gradient, *integers(a), dy.round(), columns, batch_slice=size), whole)


@pytest.mark.parametrize("columns", [1, 17, 300, 4096, 9000])
def test_sum_of_squares_has_the_bits_of_the_dense_one(columns, kernels, dtype, rng):
    for share in (0.0, 0.01, 0.6, 1.0):
        (data, indices, _), full = sparse(rng, 1, columns, share, dtype)
        assert kernels.csr_sum_squares(data, indices) == kernels.sum_squares(full[0])
        assert reference.csr_sum_squares(data, indices) == pytest.approx(kernels.csr_sum_squares(data, indices))


@pytest.mark.parametrize("n", COLUMNS)
def test_embedding_takes_rows_and_adds_up_their_gradients(n, kernels, dtype, rng):
    for count, rows, size in [(1, 1, 0), (40, 7, 0), (300, 11, 32), (700, 50, 120)]:
        ids = rng.integers(0, rows, count).astype(dtype)
        table, dy = rng.normal(size=(rows, n)).astype(dtype), rng.normal(size=(count, n)).astype(dtype)
        one_hot = np.eye(rows, dtype=dtype)[ids.astype(int)]
        assert same_bits(kernels.embedding(ids, table), table[ids.astype(int)])
        assert same_bits(reference.embedding(ids, table), table[ids.astype(int)])
        got = kernels.embedding_gradient(ids, dy, rows, batch_slice=size)
        assert same_bits(got, kernels.matmul(one_hot, dy, transpose_a=True, batch_slice=size))
        whole = once(reference.embedding_gradient, ids, dy.round(), rows, batch_slice=size)
        assert np.array_equal(whole, kernels.embedding_gradient(ids, dy.round(), rows, batch_slice=size))


def test_bits_are_the_same_on_every_set_with_fma(dtype, rng):
    sets = [getattr(_core, isa) for isa in ISAS if has_fma(isa)]
    a, _ = sparse(rng, 300, 2000, 0.05, dtype)
    b, dy = rng.normal(size=(2000, 70)).astype(dtype), rng.normal(size=(300, 70)).astype(dtype)
    for other in sets[1:]:
        assert same_bits(other.csr_matmul(*a, b), sets[0].csr_matmul(*a, b))
        assert same_bits(
            other.csr_gradient(*a, dy, 2000, batch_slice=32), sets[0].csr_gradient(*a, dy, 2000, batch_slice=32)
        )


def test_rows_may_begin_within_the_arrays_and_bounds_be_int32(kernels, dtype, rng):
    (data, indices, indptr), full = sparse(rng, 30, 50, 0.2, dtype)
    b = rng.normal(size=(50, 9)).astype(dtype)
    assert same_bits(kernels.csr_matmul(data, indices, indptr[10:], b), kernels.matmul(full[10:], b))
    assert same_bits(kernels.csr_matmul(data, indices, indptr.astype(np.int32), b), kernels.matmul(full, b))


def test_nan_comes_through(kernels, dtype):
    data, indices, indptr = np.array([np.nan, 1.0], dtype), np.array([0, 1], np.int32), np.array([0, 1, 2])
    c = kernels.csr_matmul(data, indices, indptr, np.ones((2, 3), dtype), finish="relu")
    assert np.isnan(c[0]).all() and (c[1] == 1.0).all()


I4, F4 = np.int32, np.float32
DATA, INDICES, INDPTR = np.ones(3, F4), np.array([0, 2, 1], I4), np.array([0, 2, 3])


def a(*shape):
    """An array of ones."""
    return np.ones(shape, F4)


def matmul(data=DATA, indices=INDICES, indptr=INDPTR, rows=3):
    """A call of csr_matmul."""
    return "csr_matmul", (data, indices, indptr, a(rows, 2))


REFUSED = [
    (*matmul(np.ones(3)), TypeError, "b must be float64 like data"),
    (*matmul(indices=INDICES.astype(np.int64)), TypeError, "indices must be int32"),
    (*matmul(indptr=np.ones(3)), TypeError, "indptr must be int64, got float64"),
    (*matmul(rows=2), ValueError, r"indices hold the column 2, allowed are \[0, 2\)"),
    (*matmul(indices=np.array([0, -1, 1], I4)), ValueError, "the column -1"),
    (*matmul(indices=np.array([2, 0, 1], I4)), ValueError, "ascend .* got 0 after 2"),
    (*matmul(indices=np.array([1, 1, 1], I4)), ValueError, "ascend .* got 1 after 1"),
    (*matmul(indptr=np.array([0, 4])), ValueError, r"indptr must lie in \[0, 3\], got 4"),
    (*matmul(indptr=np.array([-1, 3])), ValueError, "indptr must lie in .* got -1"),
    (*matmul(indptr=np.array([0, 2, 1])), ValueError, "not descend, got 1 after 2"),
    (*matmul(indptr=np.array([], np.int64)), ValueError, "an entry at least"),
    (*matmul(indices=INDICES[:2]), ValueError, r"indices must have shape \(3,\)"),
    ("csr_gradient", (DATA, INDICES, INDPTR, a(3, 2), 3), ValueError, r"dy must have shape \(2, 2\)"),
    ("csr_gradient", (DATA, INDICES, INDPTR, a(2, 2), 2), ValueError, "the column 2"),
    ("csr_sum_squares", (DATA, INDICES), ValueError, "ascend"),
    ("embedding", (2 * a(1), a(2, 3)), ValueError, r"ids must hold ids, whole numbers in \[0, 2\), got 2.0"),
    ("embedding", (a(1) / 2, a(2, 3)), ValueError, "got 0.5"),
    ("embedding", (np.nan * a(1), a(2, 3)), ValueError, "got nan"),
    ("embedding", (-a(1), a(2, 3)), ValueError, "got -1.0"),
    ("embedding_gradient", (3 * a(1), a(1, 3), 3), ValueError, "got 3.0"),
    ("embedding_gradient", (a(1), a(2, 3), 3), ValueError, r"dy must have shape \(1, 3\)"),
]


@pytest.mark.parametrize(("name", "arguments", "error", "message"), REFUSED)
def test_bad_arguments_are_refused(name, arguments, error, message, kernels):
    with pytest.raises(error, match=message):
        getattr(kernels, name)(*arguments)


@pytest.mark.parametrize("name", ["csr_gradient", "embedding_gradient"])
def test_too_many_slices_are_refused(name, kernels):
    rows = 2**20 + 1
    ids = np.zeros(rows, F4)
    a = (ids, np.zeros(rows, I4), np.arange(rows + 1)) if name == "csr_gradient" else (ids,)
    with pytest.raises(ValueError, match=r"more than 2\^20 slices"):
        getattr(kernels, name)(*a, np.zeros((rows, 1), F4), 1, batch_slice=1)
