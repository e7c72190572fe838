"""The matrix product against its twin: exact sums, the order of rounded ones, every form and epilogue."""

from itertools import product

import numpy as np
import pytest
from checks import ISAS, awkward, has_fma, once, same_bits

from ravine import _core
from ravine.reference import matmul as twin
from ravine.reference.matmul import matmul_in_order

FORMS = {"nn": {}, "tn": {"transpose_a": True}, "nt": {"transpose_b": True}}
SHAPES = [(s, s, s) for s in range(68)] + [
    (0, 3, 4), (3, 0, 4), (3, 4, 0), (1, 1, 300), (1, 67, 5), (67, 1, 5), (2, 3, 255), (3, 2, 256), (2, 2, 257),
    (5, 7, 513), (97, 101, 103), (13, 127, 31), (127, 13, 31), (14, 32, 64), (15, 33, 65), (28, 47, 769), (141, 19, 30),
    (7, 523, 11),
]  # fmt: skip
FEW = [(1, 1, 1), (1, 67, 300), (37, 1, 300), (37, 41, 1), (3, 5, 7), (16, 10, 40), (17, 33, 257), (29, 67, 600)]


def factors(form, shape, draw, dtype, layout="aligned"):
    """Both factors as the form takes them, and as (m, k) and (k, n)."""
    m, n, k = shape
    left, right = draw((m, k)).astype(dtype), draw((k, n)).astype(dtype)
    a = awkward(np.ascontiguousarray(left.T) if form == "tn" else left, layout)
    b = awkward(np.ascontiguousarray(right.T) if form == "nt" else right, layout)
    return a, b, left, right


@pytest.fixture(params=list(FORMS))
def form(request):
    """The three forms of the product."""
    return request.param


def test_integers_are_exact(form, kernels, dtype, layout, rng):
    for shape in SHAPES:
        a, b, left, right = factors(form, shape, lambda s: rng.integers(-8, 9, size=s), dtype, layout)
        c = kernels.matmul(a, b, **FORMS[form])
        assert c.dtype == dtype
        assert np.array_equal(c, once(np.matmul, left.astype(np.int64), right.astype(np.int64))), shape
        assert np.array_equal(c, once(twin, a, b, **FORMS[form])), shape


@pytest.mark.parametrize("shape", [(200, 1030, 900), (600, 1030, 900), (131, 2070, 1025)])
def test_integers_are_exact_beyond_the_caches(shape, form, kernels, dtype, rng):
    a, b, left, right = factors(form, shape, lambda s: rng.integers(-8, 9, size=s), dtype)
    assert np.array_equal(kernels.matmul(a, b, **FORMS[form]), left.astype(np.float64) @ right.astype(np.float64))


def test_error_bound(form, kernels, dtype, layout, rng):
    wider = {np.float32: np.float64, np.float64: np.longdouble}[dtype]
    for shape in SHAPES:
        a, b, left, right = factors(form, shape, lambda s: rng.normal(size=s), dtype, layout)
        exact = once(np.matmul, left.astype(wider), right.astype(wider))
        terms = once(np.matmul, np.abs(left).astype(wider), np.abs(right).astype(wider))
        bound = (shape[2] + 2) * np.finfo(dtype).eps * terms
        assert np.all(np.abs(kernels.matmul(a, b, **FORMS[form]) - exact) <= bound), shape


@pytest.mark.parametrize("shape", [*FEW, (30, 40, 256), (2, 3, 1031), (2, 1030, 520), (130, 3, 520), (1, 4131, 523)])
def test_order_of_the_sums(shape, form, isa, kernels, dtype, rng):
    a, b, left, right = factors(form, shape, lambda s: rng.normal(size=s), dtype)
    assert same_bits(kernels.matmul(a, b, **FORMS[form]), once(matmul_in_order, left, right, fused=has_fma(isa)))
    start = rng.normal(size=shape[:2]).astype(dtype)
    c = kernels.matmul(a, b, **FORMS[form], accumulate=True, out=start.copy())
    assert same_bits(c, once(matmul_in_order, left, right, start=start, fused=has_fma(isa)))


@pytest.mark.parametrize("size", [1, 8, 32, 40, 300])
@pytest.mark.parametrize("k", [0, 1, 7, 31, 32, 33, 64, 97, 160, 600, 1100, 1700])
def test_order_of_sums_over_a_batch(size, k, isa, kernels, dtype, rng):
    for m, n in [(3, 5), (17, 33)]:
        left, right = rng.normal(size=(m, k)).astype(dtype), rng.normal(size=(k, n)).astype(dtype)
        c = kernels.matmul(np.ascontiguousarray(left.T), right, transpose_a=True, batch_slice=size)
        assert same_bits(c, once(matmul_in_order, left, right, batch_slice=size, fused=has_fma(isa)))


@pytest.mark.parametrize("batch_slice", [0, 8, 32])
def test_bits_are_the_same_on_every_set_with_fma(batch_slice, form, dtype, rng):
    sets = [getattr(_core, isa) for isa in ISAS if has_fma(isa)]
    keywords = FORMS[form] | ({"batch_slice": batch_slice} if form == "tn" else {})
    for shape in SHAPES:
        a, b, *_ = factors(form, shape, lambda s: rng.normal(size=s), dtype)
        products = [kernels.matmul(a, b, **keywords) for kernels in sets]
        assert all(same_bits(products[0], other) for other in products), shape


def test_a_row_has_the_same_bits_alone(kernels, dtype, rng):
    for m, n, k in [(37, 10, 64), (64, 128, 300), (129, 67, 5)]:
        a, b = rng.normal(size=(m, k)).astype(dtype), rng.normal(size=(k, n)).astype(dtype)
        c = kernels.matmul(a, b)
        for i in (0, 1, m // 2, m - 1):
            assert same_bits(kernels.matmul(a[i : i + 1], b), c[i : i + 1])


# ------------------------------------------------------------------------------------------------------------ epilogue


@pytest.mark.parametrize("shape", [*FEW, (4, 5, 0)])
def test_epilogue(shape, form, kernels, dtype, layout, rng):
    a, b, left, right = factors(form, shape, lambda s: rng.integers(-4, 5, size=s), dtype, layout)
    gate = awkward(rng.integers(-1, 2, size=shape[:2]).astype(dtype), layout)
    row = awkward(rng.integers(-9, 9, size=shape[1]).astype(dtype), layout)
    old = rng.integers(-9, 9, size=shape[:2]).astype(dtype)
    finished = {"none": lambda c: c, "relu": lambda c: np.maximum(c, 0), "mask": lambda c: np.where(gate > 0, c, 0)}
    for accumulate, bias, finish in product([False, True], [None, row], finished):
        keywords = {"bias": bias, "finish": finish, "accumulate": accumulate} | FORMS[form]
        keywords["gate"] = gate if finish == "mask" else None
        want = finished[finish](left @ right + (old if accumulate else 0) + (0 if bias is None else bias))
        out = awkward(old, layout).copy()
        assert kernels.matmul(a, b, **keywords, out=out) is out
        assert np.array_equal(out, want)
        assert np.array_equal(twin(a, b, **keywords, out=old.copy()), want)


@pytest.mark.parametrize("m", [1, 20])
def test_a_batch_too_long_to_pack(m, kernels, dtype, rng):
    a, b = (rng.integers(-4, 5, size=(5000, n)).astype(dtype) for n in (m, 37))
    assert np.array_equal(kernels.matmul(a, b, transpose_a=True, batch_slice=320), a.T @ b)


def test_batch_slices_with_an_epilogue(kernels, dtype, rng):
    a, b = (rng.integers(-4, 5, size=(100, n)).astype(dtype) for n in (17, 33))
    bias = rng.integers(-9, 9, size=33).astype(dtype)
    c = kernels.matmul(a, b, transpose_a=True, batch_slice=32, bias=bias, finish="relu")
    assert np.array_equal(c, np.maximum(a.T @ b + bias, 0))


@pytest.mark.parametrize("special", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("shape", [(3, 5, 7), (17, 33, 257), (29, 67, 40)])
def test_nan_and_infinity_spread(special, shape, form, kernels, dtype):
    m, n, k = shape
    for i, p, j in [(0, 0, 0), (m - 1, k - 1, n - 1), (m // 2, k // 2, n // 2)]:
        for side in ("a", "b"):
            a, b, left, right = factors(form, shape, np.ones, dtype)
            (left if side == "a" else right)[(i, p) if side == "a" else (p, j)] = special
            a[(p, i) if form == "tn" else (i, p)] = left[i, p]
            b[(j, p) if form == "nt" else (p, j)] = right[p, j]
            want = np.full((m, n), k, dtype=dtype)
            want[(i, slice(None)) if side == "a" else (slice(None), j)] = special
            assert np.array_equal(kernels.matmul(a, b, **FORMS[form]), want, equal_nan=True)
            relu = kernels.matmul(a, b, **FORMS[form], finish="relu")
            assert np.array_equal(relu, np.where(want < 0, 0, want), equal_nan=True)


def test_infinity_times_zero_is_nan(kernels, dtype):
    assert np.isnan(kernels.matmul(np.full((3, 5), np.inf, dtype=dtype), np.zeros((5, 4), dtype=dtype))).all()


def test_mask_keeps_what_a_nan_gate_covers(kernels, dtype):
    gate = np.array([[np.nan, 1.0, 0.0, -1.0]], dtype=dtype)
    c = kernels.matmul(np.ones((1, 2), dtype=dtype), np.ones((2, 4), dtype=dtype), finish="mask", gate=gate)
    assert c.tolist() == [[2.0, 2.0, 0.0, 0.0]]
