"""Kernels that normalise, against their twins, against differences, and where there is little or much to sum."""

import numpy as np
import pytest
from checks import ISAS, awkward, once, same_bits, ulps

from ravine import _core, reference

INF, NAN = np.inf, np.nan
SHAPES = [(1, 1), (2, 3), (5, 8), (33, 17), (40, 16), (64, 33), (130, 64), (700, 5), (3, 200), (4, 5, 3), (3, 7, 6, 16)]
WEIGHTS = [None, "ones", "some", "zeros first", "one"]
LIBRARIES = [*ISAS, "reference"]


@pytest.fixture(params=LIBRARIES)
def library(request):
    """The kernels of each instruction set, and the twins."""
    return reference if request.param == "reference" else getattr(_core, request.param)


def weights(kind, rows, dtype, rng):
    """Sample weights of a kind; None for none."""
    if kind is None:
        return None
    w = rng.uniform(0.1, 3, rows).astype(dtype)
    if kind == "ones":
        w[:] = 1
    if kind == "zeros first":
        w[: rows // 2] = 0
    if kind == "one":
        w[:] = 0
        w[rows // 2] = 2
    return w


def draw(rng, shape, dtype, mean=3.0):
    """Channels with means and deviations of their own."""
    spread = rng.uniform(0.2, 5, shape[-1])
    return (rng.standard_normal(shape) * spread + mean * rng.standard_normal(shape[-1])).astype(dtype)


def close(got, want, dtype, factor):
    """Whether two arrays agree to `factor` roundings of `want`'s largest number; in float64 twins round too."""
    factor *= 16 if dtype is np.float64 else 1
    size = np.abs(want).max(initial=1e-30)
    return np.abs(got.astype(np.float64) - want).max(initial=0) <= factor * np.finfo(dtype).eps * size


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("kind", WEIGHTS)
def test_moments_match_their_twin(kernels, dtype, layout, rng, shape, kind):
    x, w = draw(rng, shape, dtype), weights(kind, shape[0], dtype, rng)
    got = kernels.batch_moments(awkward(x, layout), weight=w)
    for ours, twins in zip(got, once(reference.batch_moments, x, weight=w), strict=True):
        assert ours.dtype == np.float64
        assert np.allclose(ours, twins, rtol=1e-13, atol=1e-13 * np.abs(x).max() ** 2)


def test_weights_of_one_are_no_weights(kernels, dtype, rng):
    for shape in SHAPES:
        x = draw(rng, shape, dtype)
        plain, weighed = kernels.batch_moments(x), kernels.batch_moments(x, weight=np.ones(len(x), dtype))
        assert all(same_bits(a, b) for a, b in zip(plain, weighed, strict=True))


def test_integer_weights_are_copies_of_rows(library, dtype, rng):
    x, w = draw(rng, (50, 9), dtype), rng.integers(0, 4, 50)
    weighed = library.batch_moments(x, weight=w.astype(dtype))
    copied = library.batch_moments(np.repeat(x, w, axis=0))
    assert all(np.allclose(a, b, rtol=1e-12) for a, b in zip(weighed, copied, strict=True))


@pytest.mark.parametrize("bad", [NAN, INF])
def test_rows_of_weight_0_count_for_nothing(library, dtype, rng, bad):
    x, w = draw(rng, (70, 19), dtype), rng.uniform(1, 2, 70).astype(dtype)
    w[::3] = 0
    dy = rng.standard_normal(x.shape).astype(dtype)
    dy[w == 0] = 0
    clean = library.batch_moments(x, weight=w)
    back = library.batch_norm_backward(dy, x, *clean, weight=w)
    x[w == 0] = bad
    found = library.batch_moments(x, weight=w)
    assert all(same_bits(a, b) for a, b in zip(found, clean, strict=True))
    again = library.batch_norm_backward(dy, x, *clean, weight=w)
    assert all(same_bits(a, b) for a, b in zip(again, back, strict=True))


@pytest.mark.parametrize("mean", [1e3, 1e6, -1e9, 1e15])
def test_a_mean_far_from_0_costs_the_variance_no_more_digits_than_the_mean(kernels, mean, rng):
    x = mean + np.round(rng.standard_normal((500, 20)) * 64)
    exact = (x - mean).var(axis=0)
    assert np.allclose(kernels.batch_moments(x)[1], exact, rtol=1e-13 + 4 * np.spacing(abs(mean)) / 64)
    assert np.allclose(kernels.batch_moments(x.astype(np.float32))[1], x.astype(np.float32).astype(float).var(axis=0))


def test_a_constant_channel_has_no_variance(kernels, dtype):
    x = np.full((100, 3), 0.1, dtype)
    mean, variance = kernels.batch_moments(x)
    assert np.array_equal(mean, x[0])
    assert np.array_equal(variance, np.zeros(3))
    beta = np.array([1, -2, 0], dtype)
    assert np.array_equal(kernels.batch_norm(x, mean, variance, beta=beta), np.tile(beta, (100, 1)))


def test_no_row_that_counts_gives_zeros(library, dtype):
    mean, variance = library.batch_moments(np.full((5, 2), NAN, dtype), weight=np.zeros(5, dtype))
    assert np.array_equal(mean, [0, 0])
    assert np.array_equal(variance, [0, 0])


@pytest.mark.parametrize("bad", [NAN, INF])
def test_nan_stays_in_its_channel(library, dtype, bad):
    x = np.arange(12, dtype=dtype).reshape(4, 3)
    x[2, 1] = bad
    mean, variance = library.batch_moments(x)
    assert np.isnan(variance).tolist() == [False, True, False]
    y = library.batch_norm(x, mean, variance)
    assert np.isnan(y).all(axis=0).tolist() == [False, True, False]
    assert np.isfinite(y[:, ::2]).all()


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("scaled", [True, False])
def test_batch_norm_matches_its_twin(kernels, dtype, layout, rng, shape, scaled):
    x = draw(rng, shape, dtype, mean=30.0)
    gamma, beta = [rng.standard_normal(shape[-1]).astype(dtype) if scaled else None for _ in range(2)]
    moments = once(reference.batch_moments, x)
    got = kernels.batch_norm(awkward(x, layout), *moments, gamma, beta)
    want = reference.batch_norm(
        x.astype(np.float64), *moments, *[v if v is None else v.astype(float) for v in (gamma, beta)]
    )
    assert np.all(ulps(got, want, scale=1.0) <= 8)
    assert kernels.batch_norm(x, *moments, gamma, beta, out=x) is x
    assert same_bits(x, got)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("kind", WEIGHTS)
@pytest.mark.parametrize("constant", [False, True])
def test_batch_norms_gradients_match_their_twin(kernels, dtype, layout, rng, shape, kind, constant):
    x, w = draw(rng, shape, dtype), weights(kind, shape[0], dtype, rng)
    dy = rng.standard_normal(shape).astype(dtype)
    if w is not None:
        dy[w == 0] = 0
    gamma = rng.standard_normal(shape[-1]).astype(dtype)
    moments = once(reference.batch_moments, x, weight=w)
    got = kernels.batch_norm_backward(dy, awkward(x, layout), *moments, gamma, weight=w, constant=constant)
    wide = [v if v is None else v.astype(np.float64) for v in (dy, x, gamma, w)]
    want = once(reference.batch_norm_backward, *wide[:2], *moments, wide[2], weight=wide[3], constant=constant)
    slope = np.abs(gamma).max() / np.sqrt(moments[1] + 1e-5).min()
    assert np.abs(got[0] - want[0]).max() <= 16 * np.finfo(dtype).eps * slope * max(1, np.abs(dy).max())
    assert close(got[1], want[1], dtype, 4)
    assert close(got[2], want[2], dtype, 4)


@pytest.mark.parametrize("shape", [(6, 3), (9, 4, 2)], ids=str)
@pytest.mark.parametrize("kind", WEIGHTS[:4])
@pytest.mark.parametrize("scaled", [True, False])
def test_batch_norms_gradients_are_those_of_differences(library, rng, shape, kind, scaled):
    x, w = draw(rng, shape, np.float64, mean=1.0), weights(kind, shape[0], np.float64, rng)
    gamma = rng.standard_normal(shape[-1]) if scaled else None
    dy = rng.standard_normal(shape)
    if w is not None:
        dy[w == 0] = 0

    def loss(x):
        return np.sum(dy * library.batch_norm(x, *library.batch_moments(x, weight=w), gamma))

    dx = library.batch_norm_backward(dy, x, *library.batch_moments(x, weight=w), gamma, weight=w)[0]
    assert np.allclose(dx, differences(loss, x), rtol=1e-7, atol=1e-8)


def differences(loss, x, h=1e-4):
    """The gradient of a function of an array by a five-point stencil."""
    result = np.empty_like(x)
    for i in np.ndindex(x.shape):
        values = []
        for step in (-2, -1, 1, 2):
            moved = x.copy()
            moved[i] += step * h
            values.append(loss(moved))
        result[i] = (values[0] - 8 * values[1] + 8 * values[2] - values[3]) / (12 * h)
    return result


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("scaled", [True, False])
def test_layer_norm_and_its_gradients_match_their_twins(kernels, dtype, layout, rng, shape, scaled):
    x = (rng.standard_normal(shape) * 2 + 30).astype(dtype)
    dy = rng.standard_normal(shape).astype(dtype)
    gamma, beta = [rng.standard_normal(shape[-1]).astype(dtype) if scaled else None for _ in range(2)]
    wide = [v if v is None else v.astype(np.float64) for v in (x, gamma, beta, dy)]
    r = 1 / np.sqrt(wide[0].var(axis=-1).min() + 1e-5)
    twins = 4 * r * np.abs(x).max() if dtype is np.float64 else 0.0  # what rounding of the mean costs them
    y = kernels.layer_norm(awkward(x, layout), gamma, beta)
    assert np.all(ulps(y, reference.layer_norm(*wide[:3]), scale=1.0) <= 8 + twins)
    got = kernels.layer_norm_backward(dy, awkward(x, layout), gamma)
    want = once(reference.layer_norm_backward, wide[3], wide[0], wide[1])
    size = (16 + twins) * np.finfo(dtype).eps * r * max(1, np.abs(dy).max()) * (np.abs(gamma).max() if scaled else 1)
    assert np.abs(got[0] - want[0]).max() <= size
    assert close(got[1], want[1], dtype, 4 + twins)
    assert close(got[2], want[2], dtype, 4)
    assert kernels.layer_norm(x, gamma, beta, out=x) is x
    assert same_bits(x, y)


@pytest.mark.parametrize("shape", [(3, 5), (2, 3, 4)], ids=str)
@pytest.mark.parametrize("scaled", [True, False])
def test_layer_norms_gradients_are_those_of_differences(library, rng, shape, scaled):
    x, dy = rng.standard_normal(shape) + 2, rng.standard_normal(shape)
    gamma, beta = [rng.standard_normal(shape[-1]) if scaled else None for _ in range(2)]
    dx, dgamma, dbeta = library.layer_norm_backward(dy, x, gamma)
    ones, zeros = np.ones(shape[-1]), np.zeros(shape[-1])
    assert np.allclose(dx, differences(lambda x: np.sum(dy * library.layer_norm(x, gamma, beta)), x), atol=1e-8)
    assert np.allclose(dgamma, differences(lambda g: np.sum(dy * library.layer_norm(x, g, zeros)), ones), atol=1e-8)
    assert np.allclose(dbeta, differences(lambda b: np.sum(dy * library.layer_norm(x, ones, b)), zeros), atol=1e-8)


@pytest.mark.parametrize("mean", [0.0, 1e2, 1e4])
def test_a_mean_far_from_0_costs_layer_norm_no_digits(kernels, dtype, rng, mean):
    exact = np.round(rng.standard_normal((20, 300)) * 256) / 256
    y = kernels.layer_norm((exact + mean).astype(dtype))
    assert np.all(ulps(y, reference.layer_norm(exact), scale=1.0) <= 4)


def test_a_bad_row_spoils_no_other(library, dtype):
    x = np.arange(12, dtype=dtype).reshape(3, 4)
    clean = library.layer_norm(x)
    x[1, 2] = NAN
    y = library.layer_norm(x)
    assert np.isnan(y[1]).all()
    assert same_bits(y[[0, 2]], clean[[0, 2]])


@pytest.mark.skipif(not {"avx2", "avx512"} <= set(ISAS), reason="needs AVX2 and AVX-512")
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("kind", WEIGHTS)
def test_the_same_bits_on_avx2_and_avx512(dtype, rng, shape, kind):
    x, dy = draw(rng, shape, dtype), rng.standard_normal(shape).astype(dtype)
    gamma, beta = [rng.standard_normal(shape[-1]).astype(dtype) for _ in range(2)]
    w = weights(kind, shape[0], dtype, rng)

    def results(isa):
        kernels = getattr(_core, isa)
        moments = kernels.batch_moments(x, weight=w)
        return [
            *moments,
            kernels.batch_norm(x, *moments, gamma, beta),
            *kernels.batch_norm_backward(dy, x, *moments, gamma, weight=w),
            kernels.layer_norm(x, gamma, beta),
            *kernels.layer_norm_backward(dy, x, gamma),
        ]

    assert all(same_bits(a, b) for a, b in zip(results("avx2"), results("avx512"), strict=True))


X = np.ones((4, 3), np.float32)
C8, C4 = np.ones(3), np.ones(3, np.float32)


@pytest.mark.parametrize(
    ("name", "arguments", "keywords", "error", "message"),
    [
        ("batch_moments", [C4], {}, ValueError, r"x must have at least 2 dimensions, got shape \(3,\)"),
        ("batch_moments", [X[:0]], {}, ValueError, r"x must not be empty, got shape \(0, 3\)"),
        ("batch_moments", [X], {"weight": np.ones(3, np.float32)}, ValueError, r"weight must have shape \(4,\)"),
        ("batch_moments", [X], {"weight": np.ones(4)}, TypeError, "weight must be float32 like x, got float64"),
        ("batch_moments", [X], {"weight": -np.ones(4, np.float32)}, ValueError, "weight must be at least 0, got -1.0"),
        (
            "batch_moments",
            [X],
            {"weight": np.full(4, NAN, np.float32)},
            ValueError,
            "weight must be at least 0, got nan",
        ),
        ("batch_norm", [X, C4, C8], {}, TypeError, "mean must be float64, got float32"),
        ("batch_norm", [X, C8, np.ones(4)], {}, ValueError, r"variance must have shape \(3,\) to match the channels"),
        ("batch_norm", [X, C8, C8, C8], {}, TypeError, "gamma must be float32 like x, got float64"),
        ("batch_norm", [X, C8, C8], {"epsilon": -1.0}, ValueError, r"epsilon must be in \[0, inf\), got -1.0"),
        ("batch_norm", [X, C8, C8], {"epsilon": NAN}, ValueError, r"epsilon must be in \[0, inf\), got nan"),
        ("batch_norm", [X, C8, C8], {"out": X[:2]}, ValueError, r"out must have shape \(4, 3\)"),
        ("batch_norm_backward", [X[:2], X, C8, C8], {}, ValueError, r"dy must have shape \(4, 3\) to match x"),
        ("layer_norm", [X, np.ones(4, np.float32)], {}, ValueError, r"gamma must have shape \(3,\)"),
        ("layer_norm", [X], {"epsilon": INF}, ValueError, r"epsilon must be in \[0, inf\), got inf"),
        ("layer_norm_backward", [X[:2], X], {}, ValueError, r"dy must have shape \(4, 3\) to match x"),
    ],
)
def test_refuses(kernels, name, arguments, keywords, error, message):
    with pytest.raises(error, match=message):
        getattr(kernels, name)(*arguments, **keywords)
