"""Activation kernels against their twins, their derivatives, and their limits."""

import mpmath
import numpy as np
import pytest
from checks import ISAS, SIZES, awkward, has_fma, same_bits, ulp_limit, ulps

from ravine import _core
from ravine.reference import activations as twin

# name, alpha, saved by the forward pass, what beside the result sets the scale of rounding errors in the gradient
CASES = [
    ("linear", 0.0, "y", None),
    ("relu", 0.0, "y", None),
    ("leaky_relu", 0.01, "y", None),
    ("leaky_relu", 0.3, "y", None),
    ("elu", 1.0, "y", None),
    ("elu", 0.4, "y", None),
    ("selu", 0.0, "y", lambda y: np.full_like(y, twin.SELU_LAMBDA_ALPHA)),
    ("sigmoid", 0.0, "y", None),
    ("tanh", 0.0, "y", None),
    ("softplus", 0.0, "y", None),
    # Phi + x phi and p (1 + x (1 - p)) cross zero: their rounding errors are those of the terms
    ("gelu", 0.0, "x", lambda x: (1 + x * x) * (0.5 + np.abs(x)) * np.exp(-x * x / 2)),
    ("silu", 0.0, "x", lambda x: twin.sigmoid(x) * (1 + np.abs(x) * twin.sigmoid(-x))),
]
ELEMENTWISE = [*(case[:2] for case in CASES), ("step", 0.0)]
# the twin of gelu in float64 rounds the argument of erfc; test_gelu_keeps_its_digits holds it to mpmath
FORWARD_SCALE = {"gelu": lambda x, y: np.abs(y) * (1 + np.minimum(x.astype(np.float64) ** 2, 2000))}
# float64 results are held against a twin in extended precision, where NumPy has one
WIDER = {np.float32: np.float64, np.float64: np.longdouble}


def product_of_denormals(x):
    """Scale of a result that is x, or 1, times a number below the smallest normal one."""
    return np.finfo(x.dtype).tiny * np.clip(np.abs(x), 1, 1000)


def inputs(size, dtype, rng):
    """Numbers of every size, and the special ones."""
    x = rng.normal(size=size) * 10.0 ** rng.integers(-4, 3, size=size)
    special = [0.0, -0.0, np.inf, -np.inf, 1e-30, -1e-30, 88.0, -104.0, 1e8, -1e8]
    x[: min(size, len(special))] = special[:size]
    return rng.permutation(x).astype(dtype)


@pytest.mark.parametrize(("name", "alpha"), ELEMENTWISE)
def test_forward_agrees_with_its_twin(name, alpha, isa, kernels, dtype, layout, rng):
    for size in SIZES:
        x = awkward(inputs(size, dtype, rng), layout)
        y = getattr(kernels, name)(x, alpha=alpha)
        wide = x.astype(np.float64 if name == "gelu" else WIDER[dtype])
        want = getattr(twin, name)(wide, alpha=dtype(alpha))
        scale = FORWARD_SCALE[name](x, want) if name in FORWARD_SCALE else 0.0
        assert ulps(y, want, scale + product_of_denormals(x)).max(initial=0) <= ulp_limit(isa), size


@pytest.mark.parametrize(("name", "alpha", "saved", "scale"), CASES)
def test_backward_agrees_with_its_twin(name, alpha, saved, scale, isa, kernels, dtype, layout, rng):
    for size in SIZES:
        x = awkward(np.clip(inputs(size, dtype, rng), -80, 1e4), layout)
        dy = awkward(rng.normal(size=size).astype(dtype), layout)
        kept = x if saved == "x" else getattr(kernels, name)(x, alpha=alpha)
        dx = getattr(kernels, name + "_backward")(dy, kept, alpha=alpha)
        kind = np.float64 if name == "gelu" else WIDER[dtype]
        wide = kept.astype(kind)
        want = getattr(twin, name + "_backward")(dy.astype(kind), wide, alpha=dtype(alpha))
        terms = 0.0 if scale is None else np.abs(dy) * scale(wide)
        assert ulps(dx, want, terms + product_of_denormals(x)).max(initial=0) <= ulp_limit(isa), size


@pytest.mark.parametrize(("name", "alpha", "saved", "scale"), CASES)
def test_derivative_is_the_slope_of_the_function(name, alpha, saved, scale, kernels):
    x = np.concatenate([np.linspace(-6, -0.05, 41), np.linspace(0.05, 6, 41)])
    h = 1e-3
    f = getattr(kernels, name)
    slope = sum(c * f(x + k * h, alpha=alpha) for k, c in ((-2, 1), (-1, -8), (1, 8), (2, -1))) / (12 * h)
    kept = x if saved == "x" else f(x, alpha=alpha)
    dx = getattr(kernels, name + "_backward")(np.ones_like(x), kept, alpha=alpha)
    assert np.linalg.norm(dx - slope) <= 1e-9 * np.linalg.norm(slope)


@pytest.mark.parametrize("name", ["gelu", "gelu_backward"])
def test_gelu_keeps_its_digits_in_the_tail(name, isa, kernels, dtype):
    x = np.concatenate([np.linspace(-39, 12, 400), -np.logspace(-12, 0, 30), [-0.751791524693564, -14.4, -13.0]])
    x = x.astype(dtype)
    got = kernels.gelu(x) if name == "gelu" else kernels.gelu_backward(np.ones_like(x), x)
    with mpmath.workdps(40):
        points = [mpmath.mpf(float(v)) for v in x]
        tail = [mpmath.erfc(-v / mpmath.sqrt(2)) / 2 for v in points]
        bell = [mpmath.exp(-v * v / 2) / mpmath.sqrt(2 * mpmath.pi) for v in points]
        exact = [v * p if name == "gelu" else p + v * b for v, p, b in zip(points, tail, bell, strict=True)]
        sizes = np.maximum(np.abs(np.array(exact, dtype=np.float64)), product_of_denormals(x)).astype(dtype)
        unit = np.spacing(sizes).astype(np.float64)
        off = [float(abs(mpmath.mpf(float(g)) - e) / u) for g, e, u in zip(got, exact, unit, strict=True)]
    terms = np.abs(np.array(tail, dtype=float)) + np.abs(x) * np.array(bell, dtype=float)
    factor = 1 if name == "gelu" else np.maximum(1, terms / sizes)
    assert np.max(np.array(off) / factor) <= ulp_limit(isa)


@pytest.mark.parametrize(("name", "alpha"), ELEMENTWISE)
def test_a_nan_stays_where_it_is(name, alpha, kernels, dtype):
    for size in (1, 5, 19, 67):
        for at in range(size):
            x = np.ones(size, dtype=dtype)
            x[at] = np.nan
            assert np.flatnonzero(np.isnan(getattr(kernels, name)(x, alpha=alpha))).tolist() == [at]
            if name == "step":
                continue
            backward = getattr(kernels, name + "_backward")
            assert np.flatnonzero(np.isnan(backward(x, np.ones_like(x), alpha=alpha))).tolist() == [at]
            if name != "linear":
                assert np.flatnonzero(np.isnan(backward(np.ones_like(x), x, alpha=alpha))).tolist() == [at]


LIMITS = [
    ("relu", -np.inf, 0.0),
    ("relu", np.inf, np.inf),
    ("leaky_relu", -np.inf, -np.inf),
    ("elu", -np.inf, -1.0),
    ("elu", np.inf, np.inf),
    ("selu", -np.inf, -1.7580993408473766),
    ("sigmoid", -np.inf, 0.0),
    ("sigmoid", np.inf, 1.0),
    ("tanh", -np.inf, -1.0),
    ("tanh", np.inf, 1.0),
    ("softplus", -np.inf, 0.0),
    ("softplus", np.inf, np.inf),
    ("gelu", -np.inf, 0.0),
    ("gelu", np.inf, np.inf),
    ("silu", -np.inf, 0.0),
    ("silu", np.inf, np.inf),
    ("step", -np.inf, 0.0),
    ("step", 0.0, 0.0),
    ("step", np.inf, 1.0),
    ("linear", np.inf, np.inf),
]


@pytest.mark.parametrize(("name", "x", "y"), LIMITS)
def test_infinite_inputs_give_the_limit(name, x, y, kernels, dtype):
    assert getattr(kernels, name)(np.full(3, x, dtype=dtype)) == pytest.approx(np.full(3, y), rel=1e-6)


@pytest.mark.parametrize(("x", "slope"), [(-np.inf, 0.0), (np.inf, 1.0), (-1e8, 0.0), (1e8, 1.0)])
@pytest.mark.parametrize("name", ["gelu", "silu"])
def test_infinite_inputs_give_the_limit_of_the_slope(name, x, slope, kernels, dtype):
    dx = getattr(kernels, name + "_backward")(np.ones(3, dtype=dtype), np.full(3, x, dtype=dtype))
    assert dx.tolist() == [slope] * 3


# ------------------------------------------------------------------------------------------------------------ softmax

SOFTMAX_SHAPES = [(3, cols) for cols in (*range(1, 68), 97, 509, 1031)] + [(0, 5), (1, 10), (129, 10)]


def test_softmax_agrees_with_its_twin(isa, kernels, dtype, layout, rng):
    for shape in SOFTMAX_SHAPES:
        x = awkward((rng.normal(size=shape) * rng.choice([1, 10, 100], size=shape)).astype(dtype), layout)
        y = kernels.softmax(x)
        want = twin.softmax(x.astype(WIDER[dtype]))
        # z - max z is rounded once, which its exponential magnifies
        distance = (x.max(axis=1, keepdims=True) - x.astype(np.float64)) if x.size else x
        assert np.all(ulps(y, want) <= ulp_limit(isa) + shape[1] / 16 + distance), shape
        dy = awkward(rng.normal(size=shape).astype(dtype), layout)
        dx = kernels.softmax_backward(dy, y)
        wide, dwide = y.astype(WIDER[dtype]), dy.astype(WIDER[dtype])
        want = twin.softmax_backward(dwide, wide)
        terms = wide * (np.abs(dwide) + (np.abs(dwide) * wide).sum(axis=1, keepdims=True))
        bound = (shape[1] + 2) * np.finfo(dtype).eps * terms + np.finfo(dtype).tiny
        assert np.all(np.abs(dx - want) <= bound), shape


SOFTMAX_LIMITS = [
    ([1e8, -1e8, 0.0], [1.0, 0.0, 0.0]),
    ([np.inf, 0.0, 1.0], [1.0, 0.0, 0.0]),
    ([-np.inf, 0.0, 0.0], [0.0, 0.5, 0.5]),
    ([-np.inf, -np.inf], [0.5, 0.5]),
    ([3.0], [1.0]),
    ([np.nan, 0.0, 1.0], [np.nan, np.nan, np.nan]),
    ([0.0] * 20 + [np.nan], [np.nan] * 21),
]


@pytest.mark.parametrize(("x", "y"), SOFTMAX_LIMITS)
def test_softmax_of_extreme_rows(x, y, kernels, dtype):
    got = kernels.softmax(np.array([x], dtype=dtype))
    np.testing.assert_array_equal(got, np.array([y], dtype=dtype))


def test_softmax_derivative_is_the_slope_of_the_function(kernels, rng):
    x, dy, h = rng.normal(size=(4, 7)), rng.normal(size=(4, 7)), 1e-3
    slope = np.empty_like(x)
    for at in np.ndindex(x.shape):
        step = np.zeros_like(x)
        step[at] = h
        weights = ((-2, 1), (-1, -8), (1, 8), (2, -1))
        slope[at] = sum(c * (dy * kernels.softmax(x + k * step)).sum() for k, c in weights) / (12 * h)
    dx = kernels.softmax_backward(dy, kernels.softmax(x))
    assert np.linalg.norm(dx - slope) <= 1e-9 * np.linalg.norm(slope)


def test_a_row_has_the_same_bits_alone(kernels, dtype, rng):
    x = rng.normal(size=(9, 10)).astype(dtype)
    y = kernels.softmax(x)
    for i in range(9):
        assert same_bits(kernels.softmax(x[i : i + 1]), y[i : i + 1])


# --------------------------------------------------------------------------------------------- all instruction sets


@pytest.mark.parametrize(("name", "alpha"), [*ELEMENTWISE, ("softmax", 0.0)])
def test_bits_are_the_same_on_every_set_with_fma(name, alpha, dtype, rng):
    sets = [getattr(_core, isa) for isa in ISAS if has_fma(isa)]
    for size in SIZES:
        x, dy = inputs(size, dtype, rng).reshape(1, -1), rng.normal(size=(1, size)).astype(dtype)
        y = [getattr(kernels, name)(x, alpha=alpha) for kernels in sets]
        assert all(same_bits(y[0], other) for other in y), size
        if name != "step":
            kept = x if name in ("gelu", "silu") else y[0]
            dx = [getattr(kernels, name + "_backward")(dy, kept, alpha=alpha) for kernels in sets]
            assert all(same_bits(dx[0], other) for other in dx), size


@pytest.mark.parametrize("name", [name for name, _ in ELEMENTWISE if name != "step"])
def test_in_place(name, kernels, dtype, rng):
    x = rng.normal(size=37).astype(dtype)
    y, dy = getattr(kernels, name)(x), rng.normal(size=37).astype(dtype)
    dx = getattr(kernels, name + "_backward")(dy, y)
    assert getattr(kernels, name)(x, out=x) is x
    assert same_bits(x, y)
    getattr(kernels, name + "_backward")(dy, y, out=dy)
    assert same_bits(dy, dx)
