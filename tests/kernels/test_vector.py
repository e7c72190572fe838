"""Vector kernels: powers and waves to their bounds, scaling, sums, the penalty's gradient."""

import functools

import numpy as np
import pytest
from checks import ISAS, SIZES, awkward, has_fma, same_bits, ulp_limit, ulps
from elementary_cases import exact_ulps, exact_values

from ravine import _core, reference

INF, NAN = np.inf, np.nan
EDGES = [0.0, 1.0, 2.0, 0.5, 3.0, 2.5, 1e-40, 1e30, 8388607.5, 8388609.0, 16777217.0, 2.0**53 + 2, INF]


@functools.cache
def _pow_case(dtype):
    """Bases near and far from 1, exponents that reach every size of result, denormals and both overflows included."""
    generator = np.random.default_rng(7)
    largest = np.log(float(np.finfo(dtype).max))
    far = np.exp(generator.uniform(-1.04 * largest, largest, 1500))
    near = 1 + generator.uniform(-0.35, 0.5, 1500)
    nearest = 1 + np.exp(generator.uniform(-14, -2, 500)) * generator.choice([-1, 1], 500)
    x = np.concatenate([far, near, nearest]).astype(dtype)
    y = (generator.uniform(-1.1 * largest, 1.02 * largest, x.size) / np.log(x.astype(np.float64))).astype(dtype)
    return x, y, *exact_values("pow", x, y)


@functools.cache
def _wave_case(dtype):
    generator = np.random.default_rng(8)
    tiny = np.exp(generator.uniform(-80, 0, 500))
    parts = [
        generator.uniform(-4, 4, 1500),
        generator.uniform(-1e5, 1e5, 500),
        tiny,
        0.5 + tiny,
        np.arange(-40, 41) / 4,
    ]
    x = np.concatenate(parts).astype(dtype)
    return x, exact_values("sin", x), exact_values("cos", x)


def _assert_within(distance, limit, isa, *arguments):
    worst = int(np.argmax(distance))
    assert distance[worst] <= limit + (not has_fma(isa)), [float(a[worst]).hex() for a in arguments]


def test_pow_points(kernels, isa, dtype):
    x, y, high, low = _pow_case(dtype)
    _assert_within(exact_ulps(kernels.pow(x, y), high, low), 4, isa, x, y)


def test_sincospi_points(kernels, isa, dtype):
    x, *waves = _wave_case(dtype)
    for got, (high, low) in zip(kernels.sincospi(x), waves, strict=True):
        _assert_within(exact_ulps(got, high, low), 4, isa, x)


def test_pow_limits_are_those_of_c(kernels, isa, dtype):
    with np.errstate(over="ignore"):
        edge = np.array([s * v for v in EDGES for s in (1.0, -1.0)] + [NAN]).astype(dtype)
    x, y = (m.reshape(-1) for m in np.meshgrid(edge, edge))
    with np.errstate(all="ignore"):
        want = np.power(x, y)
    got = kernels.pow(x, y)
    assert np.array_equal(np.signbit(got) & ~np.isnan(got), np.signbit(want) & ~np.isnan(want))
    assert np.all(ulps(got, want) <= ulp_limit(isa))


@pytest.mark.parametrize(
    ("x", "sine", "cosine"),
    [
        (0.0, 0.0, 1.0),
        (-0.0, -0.0, 1.0),
        (0.5, 1.0, 0.0),
        (-0.5, -1.0, 0.0),
        (1.0, 0.0, -1.0),
        (-1.0, -0.0, -1.0),
        (1.5, -1.0, 0.0),
        (-1.5, 1.0, 0.0),
        (2.0, 0.0, 1.0),
        (3.0, 0.0, -1.0),
        (4194303.5, -1.0, 0.0),
        (8388607.0, 0.0, -1.0),
        (16777216.0, 0.0, 1.0),
        (1e30, 0.0, 1.0),
        (INF, NAN, NAN),
        (-INF, NAN, NAN),
        (NAN, NAN, NAN),
    ],
)
@pytest.mark.parametrize("library", [*ISAS, "reference"])
def test_sincospi_at_quarter_turns(library, dtype, x, sine, cosine):
    library = reference if library == "reference" else getattr(_core, library)
    got = library.sincospi(np.full(19, x, dtype=dtype))
    assert same_bits(got[0], np.full(19, sine, dtype=dtype))
    assert same_bits(got[1], np.full(19, cosine, dtype=dtype))


@pytest.mark.skipif(not {"avx2", "avx512"} <= set(ISAS), reason="needs AVX2 and AVX-512")
def test_same_bits_on_avx2_and_avx512(dtype):
    x, y, *_ = _pow_case(dtype)
    assert same_bits(_core.avx2.pow(x, y), _core.avx512.pow(x, y))
    x = _wave_case(dtype)[0]
    for a, b in zip(_core.avx2.sincospi(x), _core.avx512.sincospi(x), strict=True):
        assert same_bits(a, b)


ELEMENTWISE = {
    "pow": lambda library, a, b: library.pow(np.abs(a), b),
    "sin": lambda library, a, b: library.sincospi(a)[0],
    "cos": lambda library, a, b: library.sincospi(a)[1],
    "scale": lambda library, a, b: library.scale(a, 0.3),
    "add": lambda library, a, b: library.add(a, b),
}


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_elementwise_kernels_match_twins(kernels, isa, dtype, layout, rng, name):
    for size in SIZES:
        a, b = (awkward(rng.standard_normal(size).astype(dtype), layout) for _ in range(2))
        got = ELEMENTWISE[name](kernels, a, b)
        assert got.dtype == dtype
        assert np.all(ulps(got, ELEMENTWISE[name](reference, a, b)) <= ulp_limit(isa))


@pytest.mark.parametrize(("l1", "l2"), [(0.0, 0.0), (0.1, 0.0), (0.0, 0.01), (0.3, 0.2)])
def test_penalty_gradient_matches_twin(kernels, isa, dtype, layout, rng, l1, l2):
    for size in SIZES:
        dw, w = (rng.standard_normal(size).astype(dtype) for _ in range(2))
        w[::5] = 0.0
        got, want = awkward(dw.copy(), layout), dw.copy()
        kernels.add_penalty_gradient(got, awkward(w, layout), l1=l1, l2=l2)
        reference.add_penalty_gradient(want, w, l1=l1, l2=l2)
        terms = np.abs(dw) + l1 + 2 * l2 * np.abs(w)
        assert np.all(ulps(got, want, scale=terms) <= ulp_limit(isa))
        assert l1 > 0 or same_bits(got[::5], dw[::5])


@pytest.mark.parametrize("share", [0.0, 1e-3, 0.3, 0.5, 1.0])
def test_approach_matches_its_twin(kernels, isa, dtype, layout, rng, share):
    for size in SIZES:
        y, x = (rng.standard_normal(size).astype(dtype) for _ in range(2))
        got, want = awkward(y.copy(), layout), y.copy()
        kernels.lerp(got, awkward(x, layout), share)
        reference.lerp(want, x, share)
        # the difference is rounded, then the sum
        assert np.all(ulps(got, want, scale=np.abs(x) + np.abs(y)) <= ulp_limit(isa) + 1)
        assert share > 0 or same_bits(got, y)


ROWS = {
    "add_scaled": lambda library, x, y: library.add_scaled(x, y, -0.7),
    "rotate": lambda library, x, y: library.rotate(x, y, 0.6, -0.8),
}


@pytest.mark.parametrize("name", ROWS)
def test_row_operations_match_twins(kernels, isa, dtype, layout, rng, name):
    for size in SIZES:
        x, y = (rng.standard_normal(size).astype(dtype) for _ in range(2))
        ours, theirs = [awkward(x.copy(), layout), awkward(y.copy(), layout)], [x.copy(), y.copy()]
        ROWS[name](kernels, *ours)
        ROWS[name](reference, *theirs)
        for got, want in zip(ours, theirs, strict=True):
            assert np.all(ulps(got, want, scale=np.abs(x) + np.abs(y)) <= ulp_limit(isa))
        assert name == "rotate" or same_bits(ours[1], y)


@pytest.mark.skipif(not {"avx2", "avx512"} <= set(ISAS), reason="needs AVX2 and AVX-512")
@pytest.mark.parametrize("name", ROWS)
def test_row_operations_have_the_same_bits_on_avx2_and_avx512(dtype, rng, name):
    for size in SIZES:
        x, y = (rng.standard_normal(size).astype(dtype) for _ in range(2))
        narrow, wide = [x.copy(), y.copy()], [x.copy(), y.copy()]
        ROWS[name](_core.avx2, *narrow)
        ROWS[name](_core.avx512, *wide)
        assert same_bits(narrow[0], wide[0])
        assert same_bits(narrow[1], wide[1])


@pytest.mark.parametrize("name", ["sum_squares", "sum_abs"])
def test_sums_match_twins(kernels, dtype, layout, rng, name):
    for size in [*SIZES, 4095, 4096, 4097, 10007]:
        x = rng.standard_normal(size).astype(dtype)
        want = getattr(reference, name)(x)
        got = getattr(kernels, name)(awkward(x, layout))
        assert isinstance(got, float)
        assert abs(got - want) <= (min(size, 4096) + 2) * np.finfo(dtype).eps * want


def test_dot_matches_its_twin(kernels, dtype, layout, rng):
    for size in [*SIZES, 4095, 4096, 4097, 10007]:
        a, b = (awkward(rng.standard_normal(size).astype(dtype), layout) for _ in range(2))
        got = kernels.dot(a, b)
        assert isinstance(got, float)
        limit = (min(size, 4096) + 2) * np.finfo(dtype).eps * reference.sum_abs(a.astype(np.float64) * b)
        assert abs(got - reference.dot(a, b)) <= limit
        assert kernels.dot(a, a) == kernels.sum_squares(a)


@pytest.mark.skipif(not {"avx2", "avx512"} <= set(ISAS), reason="needs AVX2 and AVX-512")
def test_dot_has_the_same_bits_on_avx2_and_avx512(dtype, rng):
    for size in [*SIZES, 4097, 10007]:
        a, b = (rng.standard_normal(size).astype(dtype) for _ in range(2))
        assert _core.avx2.dot(a, b) == _core.avx512.dot(a, b)


def _tree(slices):
    while len(slices) > 1:
        pairs = [a + b for a, b in zip(slices[0::2], slices[1::2], strict=False)]
        slices = pairs + slices[2 * len(pairs) :]
    return slices[0]


@pytest.mark.parametrize("batch_slice", [0, 1, 2, 3, 8, 32, 1000])
def test_column_sums_follow_their_definition(kernels, dtype, layout, rng, batch_slice):
    for rows, cols in [(1, 1), (2, 67), (5, 3), (17, 64), (31, 16), (67, 65), (97, 33), (128, 130), (0, 5), (3, 0)]:
        x = rng.standard_normal((rows, cols)).astype(dtype)
        want = np.zeros(cols, dtype=dtype)
        if rows:
            cut = [x[i : i + (batch_slice or rows)] for i in range(0, rows, batch_slice or rows)]
            want = _tree([functools.reduce(np.add, part, want) for part in cut])
        assert same_bits(kernels.column_sums(awkward(x, layout), batch_slice=batch_slice), want)


def test_column_sums_match_twin(kernels, dtype, rng):
    for rows in SIZES:
        x = rng.standard_normal((rows, 7)).astype(dtype)
        limit = (rows + 2) * np.finfo(dtype).eps * np.abs(x).sum(axis=0)
        assert np.all(np.abs(kernels.column_sums(x) - reference.column_sums(x)) <= limit)


def test_nan_and_infinity_go_through(kernels, dtype):
    x = np.zeros((5, 40), dtype=dtype)
    x[3, 20], x[2, 39] = NAN, INF
    sums = kernels.column_sums(x, batch_slice=2)
    assert np.isnan(sums[20])
    assert sums[39] == INF
    assert np.isnan(kernels.sum_squares(x))
    assert kernels.sum_abs(x[:3]) == INF


def test_all_finite_sees_every_place(kernels, dtype, layout):
    extremes = np.array([np.finfo(dtype).max, np.finfo(dtype).smallest_subnormal, -np.finfo(dtype).max, -0.0], dtype)
    for size in [*SIZES, 128, 193]:
        x = np.resize(extremes, size)
        assert kernels.all_finite(awkward(x, layout)) is reference.all_finite(x) is True
        for i in range(size):
            for value in (NAN, -NAN, INF, -INF):
                x[i], kept = value, x[i]
                assert kernels.all_finite(x) is reference.all_finite(x) is False
                x[i] = kept


def test_flush_subnormals_takes_denormals_without_a_gradient(kernels, dtype, layout):
    smallest = np.finfo(dtype).smallest_normal
    values = np.array([smallest, -smallest, smallest / 2, -smallest / 4, 0, -0.0, 1, NAN, INF], dtype)
    for size in SIZES:
        for g in (0.0, -0.0, smallest, NAN):
            x, slope = awkward(np.resize(values, size), layout), np.full(size, g, dtype)
            want = x.copy()
            reference.flush_subnormals(want, slope)
            kernels.flush_subnormals(x, slope)
            assert same_bits(x, want)
