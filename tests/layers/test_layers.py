"""Layer descriptions: shapes, names, and what the network does with them."""

import numpy as np
import pytest

import ravine as rv
from ravine.layers import ACTIVATIONS, Activation, Dense, Dropout, Flatten, GaussianNoise, Input

X = np.random.default_rng(2).normal(size=(9, 4))


def softmax(x):
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


EQUATIONS = {
    "linear": lambda x: x,
    "step": lambda x: (x > 0).astype(float),
    "relu": lambda x: np.maximum(x, 0),
    "leaky_relu": lambda x: np.where(x > 0, x, 0.01 * x),
    "elu": lambda x: np.where(x > 0, x, np.expm1(x)),
    "selu": lambda x: 1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * np.expm1(x)),
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "tanh": np.tanh,
    "softplus": lambda x: np.log1p(np.exp(x)),
    "silu": lambda x: x / (1 + np.exp(-x)),
    "softmax": softmax,
}


def test_every_activation_has_a_kernel():
    assert set(ACTIVATIONS) == set(rv.kernels.names["activations"])


@pytest.mark.parametrize("name", EQUATIONS)
@pytest.mark.parametrize("as_layer", [False, True])
def test_activations(name, as_layer):
    layers = [Dense(5), Activation(name)] if as_layer else [Dense(5, name)]
    model = rv.Sequential([Input(4), *layers], dtype="float64", random_state=0)
    kernel = model.parameters["dense/kernel"]
    np.testing.assert_allclose(model.predict(X), EQUATIONS[name](X @ kernel), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(
    ("name", "factor"), [("leaky_relu", lambda x, a: a * x), ("elu", lambda x, a: a * np.expm1(x))]
)
def test_alpha(name, factor):
    model = rv.Sequential([Input(4), Activation(name, alpha=0.3)], dtype="float64")
    np.testing.assert_allclose(model.predict(X), np.where(X > 0, X, factor(X, 0.3)), rtol=1e-12)


@pytest.mark.parametrize(
    ("layers", "names"),
    [
        ([Dense(1), Dense(1)], ["dense", "dense_1"]),
        ([Dense(1), Dropout(), Dense(1), Dropout()], ["dense", "dropout", "dense_1", "dropout_1"]),
        ([GaussianNoise(1), Dense(1), GaussianNoise(1)], ["gaussian_noise", "dense", "gaussian_noise_1"]),
        ([Dense(1, name="dense_1"), Dense(1), Dense(1)], ["dense_1", "dense", "dense_2"]),
        ([Dense(1, name="in"), Flatten(), Activation("tanh")], ["in", "flatten", "activation"]),
    ],
)
def test_names(layers, names):
    assert rv.Sequential([Input(2), *layers])._state.plan.names == names


@pytest.mark.parametrize(
    ("shape", "layers", "expected"),
    [
        (3, [Dense(5)], (5,)),
        ((2, 3), [Flatten(), Dense(4), Dropout()], (4,)),
        ((2, 3), [Activation("relu")], (2, 3)),
        ((2, 3), [GaussianNoise(0.1), Flatten()], (6,)),
        ((2, 3), [Activation("relu"), Flatten(), Activation("softmax")], (6,)),
    ],
)
def test_output_shapes(shape, layers, expected):
    model = rv.Sequential([Input(shape), *layers])
    assert model.output_shape == expected
    rows = np.zeros((2, *model.input_shape))
    assert model.predict(rows).shape == (2, *expected)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Dense(0), ValueError, "units must be an int >= 1, got 0"),
        (lambda: Dense(2.5), ValueError, "units must be an int >= 1, got 2.5"),
        (lambda: Dense(True), ValueError, "units must be an int"),
        (lambda: Dense(3, "RELU"), ValueError, "unknown activation 'RELU'.*did you mean 'relu'"),
        (lambda: Dense(3, ""), ValueError, "unknown activation ''"),
        (lambda: Dense(3, False), ValueError, "unknown activation False"),
        (lambda: Dense(3, kernel_initializer="he"), ValueError, "unknown kernel_initializer 'he'"),
        (lambda: Dense(3, l2=-1), ValueError, r"l2 must be a number in \[0.0, inf\), got -1"),
        (lambda: Dense(3, l1="a"), TypeError, "l1 must be a number"),
        (lambda: Dense(3, use_bias=1), TypeError, "use_bias must be True or False"),
        (lambda: Dense(3, trainable="no"), TypeError, "trainable must be True or False"),
        (lambda: Dense(3, name="a/b"), ValueError, "name must be a non-empty str without '/'"),
        (lambda: Activation("elu", alpha="1"), TypeError, "alpha must be a number"),
        (lambda: Dropout(1.0), ValueError, r"rate must be a number in \[0.0, 1.0\), got 1.0"),
        (lambda: Dropout(float("nan")), ValueError, "rate must be"),
        (lambda: Dropout(np.array(False)), TypeError, "rate must be a number"),
        (lambda: Dropout(np.array([0.5])), TypeError, "rate must be a number"),
        (lambda: Dropout(bytearray(b"0.5")), TypeError, "rate must be a number"),
        (lambda: Dropout(0.5j), TypeError, "rate must be a number"),
        (lambda: Dense(3, l2=10**400), ValueError, "l2 must be a number"),
        (lambda: Activation("relu", alpha=1.0), ValueError, "alpha belongs to leaky_relu and elu"),
        (lambda: Input(()), ValueError, "at least one size"),
        (lambda: Input((3, 0)), ValueError, "shape must be an int >= 1 or a tuple of them, got 0"),
        (lambda: Input("4"), ValueError, "shape must be an int >= 1 or a tuple of them, got '4'"),
        (lambda: rv.Sequential([Input((2**32, 2**32)), Flatten(), Dense(1)]), ValueError, "18446744073709551616"),
        (lambda: rv.Sequential([]).predict(X), ValueError, "not fitted"),
        (lambda: rv.Sequential([Input(3)]), ValueError, "at least one layer"),
        (lambda: rv.Sequential(Dense(3)), TypeError, "layers must be a list"),
        (lambda: rv.Sequential([3]), TypeError, r"layers\[0\] must be a layer"),
        (lambda: rv.Sequential([Dense(3), Input(3)]), ValueError, "Input must be the first layer"),
        (lambda: rv.Sequential([Dropout()] * 2), ValueError, r"layers\[1\] is the same object as layers\[0\]"),
        (lambda: rv.Sequential([Input(2), Dense(1, name="a"), Dense(1, name="a")]), ValueError, "named 'a'"),
        (lambda: rv.Sequential([Input((2, 2)), Dense(1)]), ValueError, r"layer 0 \(dense\).*Flatten\(\)"),
        (lambda: rv.Sequential([Input((2, 2)), Activation("softmax")]), ValueError, "softmax takes flat rows"),
        (lambda: rv.Sequential([Dense(1)], dtype="float16"), ValueError, "dtype must be 'float32' or 'float64'"),
        (lambda: rv.Sequential([Dense(1)], dtype=","), ValueError, "dtype must be 'float32' or 'float64', got ','"),
        (lambda: rv.Sequential([Dense(1)], dtype=">f4"), ValueError, "dtype must be 'float32' or 'float64', got '>f4'"),
        (lambda: rv.Sequential([Dense(1)], dtype="nonsense"), ValueError, "dtype must be"),
        (
            lambda: rv.Sequential([Dense(1)], random_state=-1),
            ValueError,
            r"random_state must be .* \[0, 2\*\*32\), got -1",
        ),
        (lambda: rv.Sequential([Dense(1)], random_state=2**32), ValueError, "random_state"),
        (lambda: rv.Sequential([Dense(1)], random_state=1.5), ValueError, "random_state"),
    ],
)
def test_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()


LAYERS = [
    (Input(4), "Input((4,))"),
    (Input((2, 3), name="x"), "Input((2, 3), name='x')"),
    (Flatten(), "Flatten()"),
    (Dropout(0.3, name="d"), "Dropout(0.3, name='d')"),
    (GaussianNoise(0.3), "GaussianNoise(0.3)"),
    (Activation("elu"), "Activation('elu')"),
    (Activation("elu", alpha=0.5, name="a"), "Activation('elu', alpha=0.5, name='a')"),
    (Dense(3), "Dense(3, activation='linear')"),
    (Dense(3, "relu"), "Dense(3, activation='relu')"),
    (Dense(3, Activation("leaky_relu", alpha=0.2)), "Dense(3, activation=Activation('leaky_relu', alpha=0.2))"),
    (
        Dense(3, use_bias=False, l2=0.1, trainable=False, name="out"),
        "Dense(3, activation='linear', use_bias=False, kernel_regularizer=L1L2(l1=0.0, l2=0.1, proximal=False), "
        "name='out', trainable=False)",
    ),
    (
        Dense(3, kernel_initializer="orthogonal", bias_initializer=rv.initializers.Constant(1.0)),
        "Dense(3, activation='linear', kernel_initializer=Orthogonal(gain=1.0), bias_initializer=Constant(value=1.0))",
    ),
    (
        Dense(3, kernel_regularizer="l2_norm", kernel_constraint=rv.constraints.MaxNorm(3)),
        "Dense(3, activation='linear', kernel_regularizer=L2Norm(l2_norm=0.01), "
        "kernel_constraint=MaxNorm(max_value=3.0))",
    ),
]


@pytest.mark.parametrize(("layer", "text"), LAYERS)
def test_a_repr_shows_every_setting_that_is_not_the_usual_one(layer, text):
    assert repr(layer) == text
    names = vars(rv.layers) | vars(rv.regularizers) | vars(rv.constraints) | vars(rv.initializers)
    assert repr(eval(text, names)) == text


def test_penalties_are_in_the_loss():
    model = rv.Sequential([Input(4), Dense(3, l1=0.1, l2=0.2), Dense(1, l2=0.3)], dtype="float64", random_state=0)
    model.compile(loss="mse")
    plain = rv.Sequential([Input(4), Dense(3), Dense(1)], dtype="float64", random_state=0)
    plain.compile(loss="mse")
    one, two = model.parameters["dense/kernel"], model.parameters["dense_1/kernel"]
    penalty = 0.1 * abs(one).sum() + 0.2 * (one**2).sum() + 0.3 * (two**2).sum()
    y = X[:, 0]
    assert model.evaluate(X, y)["loss"] == pytest.approx(plain.evaluate(X, y)["loss"] + penalty)
    assert rv.regularizers.L1L2(0.1, 0.2)(one) == pytest.approx(0.1 * abs(one).sum() + 0.2 * (one**2).sum())
    np.testing.assert_allclose(rv.regularizers.L1L2(0.1, 0.2).gradient(one), 0.1 * np.sign(one) + 0.4 * one)


def test_penalties_take_lists_and_refuse_other_types():
    penalty = rv.regularizers.L1L2(0.5, 1.0)
    assert penalty([1.0, -2.0]) == 6.5
    np.testing.assert_array_equal(penalty.gradient([[1.0], [-2.0]]), [[2.5], [-4.5]])
    for call in (penalty, penalty.gradient):
        with pytest.raises(TypeError, match="must be float32 or float64, got int64"):
            call(np.array([1, 2]))


def test_dropout_drops_its_share_and_keeps_the_mean():
    model = rv.Sequential([Input(1), Dense(1, trainable=False), Dropout(0.25)], dtype="float64", random_state=0)
    model.parameters["dense/kernel"][...] = 1.0
    model.compile(optimizer="sgd", loss="sum_squared_error", metrics=["mae"])
    n = 20000
    logs = model.train_on_batch(np.ones((n, 1)), np.zeros((n, 1)))
    assert logs["mae"] == pytest.approx(1.0, abs=0.02)
    assert logs["loss"] == pytest.approx(1 / 0.75, abs=0.03)
