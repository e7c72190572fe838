"""The vector functions: ULP bounds on every instruction set, limits, seams, awkward memory."""

import functools

import numpy as np
import pytest
from checks import ISAS, SIZES, awkward, has_fma, same_bits, ulps
from elementary_cases import BOUNDS, exact_ulps, exact_values, float32_oracle, float32_sample

from ravine import _core, reference

INF, NAN = np.inf, np.nan
FUNCTIONS = list(BOUNDS)
LN2 = 0.6931471805599453


@functools.cache
def _float32_case(name):
    x = float32_sample(8192)
    return x, float32_oracle(name, x)


def _near(*centres):
    """Float64 numbers close to each centre, from neighbours to a hundredth away, on both sides."""
    step = np.concatenate([np.arange(8) * 2.0**-52, 10.0 ** np.arange(-14, -1)])
    return np.concatenate([c * (1 + s * step) for c in centres for s in (1, -1)])


def _powers(low, high, count):
    """Positive float64 numbers with evenly spread exponents."""
    return np.exp2(np.linspace(low, high, count)) * (1 + np.modf(np.arange(count) * 0.6180339887498949)[0])


SPREAD = np.concatenate([_powers(-1074, -60, 100), _powers(-60, 3, 700)])
HALF_LN2 = _near(*(LN2 * (n + 0.5) for n in (-1074, -1023, -54, -2, -1, 0, 1, 2, 53, 1022)))
DOUBLES = {
    "exp": np.concatenate([np.linspace(-745.2, 709.78, 2001), SPREAD, -SPREAD, HALF_LN2]),
    "expm1": np.concatenate([np.linspace(-45, 709.78, 2001), SPREAD, -SPREAD, HALF_LN2, np.linspace(-1, 1, 777)]),
    "log": np.concatenate([_powers(-1074, 1023, 2001), _near(1.0, 0.5, 2.0, 0.5**0.5, 2**0.5, 1e-310)]),
    "log1p": np.concatenate([_powers(-1074, 1023, 1001), -_powers(-1074, -1, 501), np.linspace(-0.99, 3, 999)]),
    "tanh": np.concatenate([np.linspace(-21, 21, 1501), SPREAD, -SPREAD, np.linspace(-1, 1, 777)]),
    "sigmoid": np.concatenate([np.linspace(-745.2, 40, 1501), SPREAD, -SPREAD, np.linspace(-2, 2, 777)]),
    "softplus": np.concatenate([np.linspace(-745.2, 40, 1501), SPREAD, -SPREAD, np.linspace(-2, 2, 777)]),
    "erf": np.concatenate([np.linspace(-6.1, 6.1, 1001), SPREAD, _near(0.995, 1.0, -0.995)]),
}


@functools.cache
def _float64_case(name):
    x = DOUBLES[name]
    return x, *exact_values(name, x)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_float32_sample(name, isa):
    x, want = _float32_case(name)
    distance = ulps(getattr(getattr(_core, isa), name)(x), want)
    worst = int(np.argmax(distance))
    assert distance[worst] <= BOUNDS[name][0] + (not has_fma(isa)), f"at {float(x[worst]).hex()}"


@pytest.mark.parametrize("name", FUNCTIONS)
def test_float64_points(name, isa):
    x, high, low = _float64_case(name)
    distance = exact_ulps(getattr(getattr(_core, isa), name)(x), high, low)
    worst = int(np.argmax(distance))
    assert distance[worst] <= BOUNDS[name][1] + (not has_fma(isa)), f"at {x[worst].hex()}"


@pytest.mark.parametrize(
    ("name", "x", "want"),
    [
        ("exp", 0.0, 1.0),
        ("exp", -0.0, 1.0),
        ("exp", INF, INF),
        ("exp", -INF, 0.0),
        ("exp", 1e30, INF),
        ("exp", -1e30, 0.0),
        ("expm1", 0.0, 0.0),
        ("expm1", -0.0, -0.0),
        ("expm1", 1e-40, 1e-40),
        ("expm1", INF, INF),
        ("expm1", -INF, -1.0),
        ("log", 0.0, -INF),
        ("log", -0.0, -INF),
        ("log", 1.0, 0.0),
        ("log", INF, INF),
        ("log", -1e-40, NAN),
        ("log", -INF, NAN),
        ("log1p", 0.0, 0.0),
        ("log1p", -0.0, -0.0),
        ("log1p", -1e-40, -1e-40),
        ("log1p", -1.0, -INF),
        ("log1p", -1.5, NAN),
        ("log1p", INF, INF),
        ("log1p", -INF, NAN),
        ("tanh", 0.0, 0.0),
        ("tanh", -0.0, -0.0),
        ("tanh", -1e-40, -1e-40),
        ("tanh", INF, 1.0),
        ("tanh", -INF, -1.0),
        ("sigmoid", 0.0, 0.5),
        ("sigmoid", -0.0, 0.5),
        ("sigmoid", INF, 1.0),
        ("sigmoid", -INF, 0.0),
        ("softplus", INF, INF),
        ("softplus", -INF, 0.0),
        ("softplus", 1e30, 1e30),
        ("erf", 0.0, 0.0),
        ("erf", -0.0, -0.0),
        ("erf", INF, 1.0),
        ("erf", -INF, -1.0),
        *((name, NAN, NAN) for name in FUNCTIONS),
    ],
)
def test_limits(kernels, dtype, name, x, want):
    # a full vector and a partial one
    got = getattr(kernels, name)(np.full(19, x, dtype=dtype))
    assert same_bits(got, np.full(19, want, dtype=dtype))


@pytest.mark.parametrize(
    ("name", "seam"),
    [
        ("exp", 0.5 * LN2),
        ("exp", -0.5 * LN2),
        ("expm1", 0.5 * LN2),
        ("expm1", -0.5 * LN2),
        ("log", 0.5**0.5),
        ("log", 2**0.5),
        ("log1p", 2**0.5 - 1),
        ("log1p", 0.5**0.5 - 1),
        ("tanh", 0.25 * LN2),
        ("sigmoid", -0.5 * LN2),
        ("sigmoid", 0.5 * LN2),
        ("softplus", 0.5 * LN2),
        ("erf", 0.925),
        ("erf", 0.995),
    ],
)
def test_no_step_back_at_seams(kernels, dtype, name, seam):
    # over 64 ULP the function rises by more than two errors
    bits = np.array(seam, dtype=dtype).view(np.int32 if dtype == np.float32 else np.int64)
    x = np.sort((bits + np.arange(-256, 256, dtype=bits.dtype)).view(dtype))
    y = getattr(kernels, name)(x)
    assert np.all(y[64:] >= y[:-64])


@pytest.mark.parametrize("name", FUNCTIONS)
def test_position_and_memory_do_not_matter(kernels, dtype, layout, rng, name):
    x = (rng.standard_normal(max(SIZES)) * 3).astype(dtype)
    whole = getattr(kernels, name)(x)
    for size in SIZES:
        assert same_bits(getattr(kernels, name)(awkward(x[:size], layout)), whole[:size])


@pytest.mark.skipif(not {"avx2", "avx512"} <= set(ISAS), reason="needs AVX2 and AVX-512")
@pytest.mark.parametrize("name", FUNCTIONS)
def test_same_bits_on_avx2_and_avx512(dtype, name):
    x = float32_sample(512) if dtype == np.float32 else DOUBLES[name]
    assert same_bits(getattr(_core.avx2, name)(x), getattr(_core.avx512, name)(x))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_twin(kernels, dtype, rng, name):
    x = (rng.standard_normal(1000) * 2).astype(dtype)
    with np.errstate(invalid="ignore"):
        want = getattr(reference, name)(x)
    assert np.max(ulps(getattr(kernels, name)(x), want)) <= 5
