"""Kernels that hold gradients and weights within limits, against their twins."""

import numpy as np
import pytest
from checks import ISAS, SIZES, awkward, same_bits, ulps

from ravine import _core, reference

INF, NAN = np.inf, np.nan
SPECIAL = [0.0, -0.0, NAN, INF, -INF, 1e-45, -1e-45, 1.0, -1.0, 3e38, 0.5, -0.5]


@pytest.mark.parametrize("name", ["clip", "soft_threshold"])
@pytest.mark.parametrize("setting", [0.0, 0.5, 1.0, 1e30, INF])
@pytest.mark.parametrize("library", [*ISAS, "reference"])
def test_elementwise_limits_are_their_twins_to_the_bit(library, dtype, layout, rng, name, setting):
    function = getattr(reference if library == "reference" else getattr(_core, library), name)
    for size in SIZES:
        x = np.resize(np.concatenate([SPECIAL, rng.standard_normal(29)]), size).astype(dtype)
        want = getattr(reference, name)(x, setting)
        assert same_bits(function(awkward(x, layout), setting), want)
        assert function(x, setting, out=x) is x
        assert same_bits(x, want)


@pytest.mark.parametrize(
    ("name", "setting", "x", "y"),
    [
        ("clip", 1.0, [-3.0, -1.0, -0.0, 0.5, 1.0, INF, -INF, NAN], [-1.0, -1.0, -0.0, 0.5, 1.0, 1.0, -1.0, NAN]),
        ("clip", 0.0, [-3.0, 2.0, NAN], [-0.0, 0.0, NAN]),
        ("soft_threshold", 1.0, [-3.0, -1.0, 0.5, 1.5, INF, -INF, NAN], [-2.0, 0.0, 0.0, 0.5, INF, -INF, NAN]),
        ("soft_threshold", 0.0, [-3.0, -0.0, 2.0, NAN], [-3.0, 0.0, 2.0, NAN]),
        ("soft_threshold", INF, [-3.0, INF, NAN], [0.0, 0.0, NAN]),
    ],
)
def test_points(kernels, dtype, name, setting, x, y):
    assert same_bits(getattr(kernels, name)(np.array(x, dtype), setting), np.array(y, dtype))


def test_the_squared_norm_matches_its_twin(kernels, dtype, layout, rng):
    for size in [*SIZES, 4095, 4096, 4097, 10007]:
        x = rng.standard_normal(size).astype(dtype)
        want = reference.squared_norm(x, scale=0.3)
        assert kernels.squared_norm(awkward(x, layout), scale=0.3) == pytest.approx(want, rel=1e-13)
    assert isinstance(kernels.squared_norm(x), float)


@pytest.mark.parametrize(
    ("x", "scale", "squares"),
    [
        (np.full(3, 1e30, np.float32), 1.0, 3 * float(np.float32(1e30)) ** 2),  # overflows in float32
        (np.full(3, 1e-30, np.float32), 1.0, 3 * float(np.float32(1e-30)) ** 2),  # underflows there
        (np.full(4, 2.0**700), 2.0**-600, 2.0**202),
        (np.full(4, 2.0**700), 1.0, INF),
        (np.array([1.0, INF]), 1.0, INF),
        (np.array([1.0, NAN]), 1.0, NAN),
        (np.zeros(0), 1.0, 0.0),
    ],
)
def test_squares_of_any_size(kernels, x, scale, squares):
    assert kernels.squared_norm(x, scale=scale) == pytest.approx(squares, rel=1e-15, nan_ok=True)


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (1, 1), (5, 3), (17, 63), (8, 64), (3, 65), (2, 200)])
def test_column_limits_match_their_twin(kernels, dtype, layout, rng, shape):
    w = rng.standard_normal(shape).astype(dtype)
    limit = 0.9 * shape[0] ** 0.5
    got, want = awkward(w.copy(), layout), w.copy()
    kernels.limit_columns(got, limit)
    reference.limit_columns(want, limit)
    assert np.all(ulps(got, want.astype(np.float64)) <= 1)
    norms = np.linalg.norm(w.astype(np.float64), axis=0)
    assert same_bits(got[:, norms < limit], w[:, norms < limit])
    assert np.all(np.linalg.norm(got.astype(np.float64), axis=0) <= limit * (1 + 2 * np.finfo(dtype).eps))


@pytest.mark.parametrize("library", [*ISAS, "reference"])
def test_a_column_that_is_not_finite_stays(library, dtype):
    library = reference if library == "reference" else getattr(_core, library)
    w = np.array([[1.0, NAN, INF, 3.0], [2.0, 5.0, 4.0, 4.0]], dtype)
    library.limit_columns(w, 2.5)
    assert same_bits(w, np.array([[1.0, NAN, INF, 1.5], [2.0, 5.0, 4.0, 2.0]], dtype))


@pytest.mark.skipif(not {"avx2", "avx512"} <= set(ISAS), reason="needs AVX2 and AVX-512")
def test_the_same_bits_on_avx2_and_avx512(dtype, rng):
    for size in [*SIZES, 4097, 10007]:
        x = rng.standard_normal(size).astype(dtype)
        assert _core.avx2.squared_norm(x) == _core.avx512.squared_norm(x)
    w = rng.standard_normal((77, 131)).astype(dtype)
    limited = [w.copy(), w.copy()]
    _core.avx2.limit_columns(limited[0], 8.0)
    _core.avx512.limit_columns(limited[1], 8.0)
    assert same_bits(*limited)
