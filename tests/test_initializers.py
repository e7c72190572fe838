"""Initialisers: moments, bounds, seeds."""

import ctypes
import math
import platform
import sys

import numpy as np
import pytest

import ravine as rv
from ravine import initializers
from ravine.layers import Dense, Input

SHAPE = (300, 200)
HUGE = initializers.Normal(0.0, 1e300)

# name, standard deviation, bound
CASES = [
    ("normal", 0.05, None),
    ("uniform", 0.05 / math.sqrt(3), 0.05),
    ("glorot_normal", math.sqrt(2 / 500), None),
    ("glorot_uniform", math.sqrt(2 / 500), math.sqrt(6 / 500)),
    ("xavier_normal", math.sqrt(2 / 500), None),
    ("xavier_uniform", math.sqrt(2 / 500), math.sqrt(6 / 500)),
    ("he_normal", math.sqrt(2 / 300), None),
    ("he_uniform", math.sqrt(2 / 300), math.sqrt(6 / 300)),
    ("lecun_normal", math.sqrt(1 / 300), None),
    ("lecun_uniform", math.sqrt(1 / 300), math.sqrt(3 / 300)),
]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("name", "deviation", "bound"), CASES)
def test_moments_and_bounds(name, deviation, bound, dtype):
    w = initializers.get(name)(SHAPE, dtype, seed=7)
    assert w.dtype == dtype and w.shape == SHAPE
    assert abs(w.mean()) < 5 * deviation / math.sqrt(w.size)
    assert w.std() == pytest.approx(deviation, rel=0.02)
    if bound is not None:
        assert abs(w).max() <= np.float32(bound)
        assert abs(w).max() > 0.99 * bound


@pytest.mark.parametrize(("name", "value"), [("zeros", 0.0), ("ones", 1.0), ("constant", 0.0)])
def test_constants(name, value):
    assert (initializers.get(name)(SHAPE) == value).all()
    assert (initializers.Constant(2.5)(3) == 2.5).all()


@pytest.mark.parametrize("shape", [(40, 40), (20, 70), (70, 20), (1, 5), (5, 1), (3, 4, 5)])
@pytest.mark.parametrize("gain", [1.0, 2.0])
def test_orthogonal(shape, gain):
    w = initializers.Orthogonal(gain)(shape, "float64", seed=1).reshape(-1, shape[-1])
    small = w if w.shape[0] <= w.shape[1] else w.T
    np.testing.assert_allclose(small @ small.T, gain**2 * np.eye(len(small)), atol=1e-13)


@pytest.mark.parametrize("name", ["normal", "uniform", "he_normal", "orthogonal"])
def test_seed_and_stream_decide(name):
    make = initializers.get(name)
    base = make((8, 8), seed=1, stream=2)
    np.testing.assert_array_equal(base, make((8, 8), seed=1, stream=2))
    for other in (make((8, 8), seed=2, stream=2), make((8, 8), seed=1, stream=3)):
        assert (base != other).any()


ROUNDING = {"x86_64": (0x400, 0x800, 0xC00), "aarch64": (0x400000, 0x800000, 0xC00000)}


@pytest.mark.skipif(sys.platform != "linux" or platform.machine() not in ROUNDING, reason="needs fesetround")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", [name for name, *_ in CASES] + ["orthogonal"])
def test_the_rounding_mode_of_the_caller_does_not_matter(name, dtype):
    def first_weights():
        layers = [Input(37), Dense(23, kernel_initializer=name)]
        return rv.Sequential(layers, dtype=dtype, random_state=0).parameters["dense/kernel"]

    libm, expected = ctypes.CDLL("libm.so.6"), first_weights()
    for mode in ROUNDING[platform.machine()]:
        libm.fesetround(mode)
        try:
            found = first_weights()
        finally:
            libm.fesetround(0)
        np.testing.assert_array_equal(found, expected)


def test_settings():
    w = initializers.Normal(3.0, 0.1)((100, 100), "float64")
    assert (w.mean(), w.std()) == (pytest.approx(3.0, abs=0.01), pytest.approx(0.1, rel=0.05))
    w = initializers.Uniform(2.0, 3.0)((100, 100), "float64")
    assert w.min() >= 2.0 and w.max() < 3.0


def test_layers_use_them_and_parameters_differ():
    model = rv.Sequential(
        [
            Input(6),
            Dense(6, kernel_initializer="he_normal", bias_initializer="ones"),
            Dense(6, kernel_initializer="he_normal", bias_initializer=initializers.Uniform(0, 1)),
        ],
        random_state=0,
    )
    w = model.parameters
    assert (w["dense/bias"] == 1).all()
    assert len(np.unique(w["dense_1/bias"])) == 6
    assert (w["dense/kernel"] != w["dense_1/kernel"]).all()
    np.testing.assert_array_equal(w["dense/kernel"], initializers.HeNormal()((6, 6), seed=0, stream=1 << 24))


def test_default_is_glorot_uniform_with_zero_bias():
    model = rv.Sequential([Input(100), Dense(50)], random_state=0)
    assert abs(model.parameters["dense/kernel"]).max() <= math.sqrt(6 / 150)
    assert (model.parameters["dense/bias"] == 0).all()


@pytest.mark.parametrize("value", [0.0, 0.5])
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_equal_first_weights_keep_hidden_units_equal(optimizer, value):
    """The symmetry trap: units that begin alike stay alike, so that eight of them can do no more than one."""
    rng = np.random.default_rng(1)
    X = rng.normal(size=(64, 3))
    layers = [Dense(8, "tanh", kernel_initializer=initializers.Constant(value)), Dense(1, kernel_initializer="ones")]
    model = rv.Sequential(layers, dtype="float64", random_state=0)
    model.compile(optimizer=optimizer, loss="mse")
    model.fit(X, np.sin(3 * X[:, 0]) * X[:, 1], epochs=50)
    kernel = model.parameters["dense/kernel"]
    assert abs(kernel[:, 0] - value).max() > 1e-3
    np.testing.assert_allclose(kernel, np.repeat(kernel[:, :1], 8, axis=1), rtol=1e-9)


def test_zeros_are_right_for_logistic_regression():
    """Without hidden units there is nothing to keep equal: from zeros, the loss ends where it ends from elsewhere."""
    rng = np.random.default_rng(2)
    X = rng.normal(size=(200, 3))
    y = X @ [2.0, -1.0, 0.0] + rng.normal(size=200) > 0
    losses = []
    for name in ("zeros", "glorot_uniform"):
        model = rv.Sequential([Dense(1, "sigmoid", kernel_initializer=name)], dtype="float64", random_state=0)
        model.compile(optimizer=rv.optimizers.SGD(1.0), loss="binary_crossentropy")
        losses.append(model.fit(X, y, epochs=500, batch_size=None).history["loss"])
    assert losses[0][0] == pytest.approx(math.log(2), rel=1e-15)
    assert losses[0][-1] == pytest.approx(losses[1][-1], rel=1e-7)
    assert losses[0][-1] < 0.4


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: initializers.get("glorot"), ValueError, "unknown initializer 'glorot'"),
        (lambda: initializers.Uniform(1.0, 1.0), ValueError, "low must be below high"),
        (lambda: initializers.Normal(stddev=-1), ValueError, "stddev must be"),
        (lambda: initializers.Constant(float("nan")), ValueError, "value must be"),
        (lambda: initializers.Orthogonal()((3,)), ValueError, "at least 2 dimensions"),
        (lambda: initializers.Zeros()((3,), "int32"), ValueError, "dtype must be 'float32' or 'float64'"),
        (lambda: initializers.Zeros()((3,), seed=-1), ValueError, r"seed must be an int in \[0, 4294967295\], got -1"),
        (lambda: initializers.Zeros()((3,), seed=None), ValueError, "seed must be an int"),
        (lambda: initializers.Zeros()(2.5), ValueError, "shape must be an int >= 1 or a tuple of them, got 2.5"),
        (lambda: initializers.HeNormal()((0, 5)), ValueError, "shape must be .*, got 0"),
        (lambda: initializers.Uniform(-1.7e308, 1.7e308), ValueError, "low must be below high, at a finite distance"),
        (lambda: initializers.Constant(1e300)(3), ValueError, r"Constant\(value=1e\+300\) gives values too large"),
        (lambda: initializers.Constant(0.5).fill(np.zeros(3, int), seed=0), TypeError, "same_kind"),
        (lambda: initializers.Orthogonal().fill(np.zeros((3, 3), int), seed=0), TypeError, "same_kind"),
        (lambda: rv.Sequential([Input(2), Dense(9, kernel_initializer=HUGE)]), ValueError, "too large for float32"),
    ],
)
def test_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()
