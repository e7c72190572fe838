"""Losses through the model: values, reductions, which last layers they take."""

import numpy as np
import pytest

import ravine as rv
from ravine import losses
from ravine.layers import Activation, Dense, Dropout, Input

RNG = np.random.default_rng(3)
Z = RNG.normal(size=(11, 3))
REAL = RNG.normal(size=(11, 3))
BITS = RNG.integers(0, 2, size=(11, 3)).astype(float)
LABELS = RNG.integers(0, 3, size=11)
COUNTS = RNG.poisson(2.0, size=(11, 3)).astype(float)
SIGNS = 2 * BITS - 1
WEIGHT = RNG.uniform(size=11)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def huber(r, delta):
    return np.where(abs(r) <= delta, r * r / 2, delta * (abs(r) - delta / 2))


def quantile(r, tau):
    return np.where(r < 0, -tau * r, (1 - tau) * r)


def focal(p, gamma):
    return -((1 - p) ** gamma) * np.log(p)


def cross_entropy(p, t):
    return -(t * np.log(p) + (1 - t) * np.log(1 - p))


# loss, activation, targets, the loss of each row
CASES = [
    ("mse", None, REAL, ((Z - REAL) ** 2).mean(1)),
    ("mean_squared_error", "tanh", REAL, ((np.tanh(Z) - REAL) ** 2).mean(1)),
    (losses.HalfMeanSquaredError(), None, REAL, ((Z - REAL) ** 2).mean(1) / 2),
    ("half_mean_squared_error", None, REAL, ((Z - REAL) ** 2).mean(1) / 2),
    ("sum_squared_error", None, REAL, ((Z - REAL) ** 2).sum(1)),
    ("half_sum_squared_error", None, REAL, ((Z - REAL) ** 2).sum(1) / 2),
    ("mae", None, REAL, abs(Z - REAL).mean(1)),
    ("huber", None, REAL, huber(Z - REAL, 1.0).mean(1)),
    (losses.Huber(0.4), None, REAL, huber(Z - REAL, 0.4).mean(1)),
    ("quantile", None, REAL, abs(Z - REAL).mean(1) / 2),
    (losses.Quantile(0.2), "tanh", REAL, quantile(np.tanh(Z) - REAL, 0.2).mean(1)),
    ("binary_focal_crossentropy", "sigmoid", BITS, focal(np.where(BITS == 1, sigmoid(Z), sigmoid(-Z)), 2.0).mean(1)),
    (losses.BinaryFocalCrossentropy(0.0), None, BITS, cross_entropy(sigmoid(Z), BITS).mean(1)),
    ("weighted_binary_crossentropy", "sigmoid", SIGNS, cross_entropy(sigmoid(Z), BITS).mean(1)),
    ("weighted_binary_crossentropy", None, REAL, (abs(REAL) * np.log1p(np.exp(-np.sign(REAL) * Z))).mean(1)),
    ("categorical_focal_crossentropy", None, LABELS, focal(softmax(Z)[np.arange(11), LABELS], 2.0)),
    (
        losses.CategoricalFocalCrossentropy(0.5),
        "softmax",
        softmax(REAL),
        (softmax(REAL) * focal(softmax(Z), 0.5)).sum(1),
    ),
    ("binary_crossentropy", None, BITS, cross_entropy(sigmoid(Z), BITS).mean(1)),
    ("binary_crossentropy", "sigmoid", BITS, cross_entropy(sigmoid(Z), BITS).mean(1)),
    ("binary_crossentropy", None, BITS.astype(bool), cross_entropy(sigmoid(Z), BITS).mean(1)),
    ("log_loss", "sigmoid", BITS, cross_entropy(sigmoid(Z), BITS).mean(1)),
    ("categorical_crossentropy", None, LABELS, -np.log(softmax(Z)[np.arange(11), LABELS])),
    ("categorical_crossentropy", "softmax", LABELS, -np.log(softmax(Z)[np.arange(11), LABELS])),
    ("categorical_crossentropy", "softmax", softmax(REAL), -(softmax(REAL) * np.log(softmax(Z))).sum(1)),
    ("sparse_categorical_crossentropy", "softmax", LABELS, -np.log(softmax(Z)[np.arange(11), LABELS])),
    ("log_loss", "softmax", LABELS, -np.log(softmax(Z)[np.arange(11), LABELS])),
    ("log_loss", "softmax", np.eye(3)[LABELS], -np.log(softmax(Z)[np.arange(11), LABELS])),
    ("poisson", None, COUNTS, (np.exp(Z) - COUNTS * Z).mean(1)),
    (losses.Poisson(log_input=False), "softplus", COUNTS, None),
    ("perceptron", None, SIGNS, np.maximum(0, -SIGNS * Z).mean(1)),
    ("hinge", None, SIGNS, np.maximum(0, 1 - SIGNS * Z).mean(1)),
    ("hinge", None, BITS, np.maximum(0, 1 - SIGNS * Z).mean(1)),
    (losses.Hinge(0.5), None, SIGNS, np.maximum(0, 0.5 - SIGNS * Z).mean(1)),
    ("hinge", None, LABELS, np.maximum(0, 1 - (2 * np.eye(3)[LABELS] - 1) * Z).mean(1)),
]
RATE = np.log1p(np.exp(Z))
CASES = [
    (loss, activation, y, (RATE - COUNTS * np.log(RATE)).mean(1) if rows is None else rows)
    for loss, activation, y, rows in CASES
]
IDS = [f"{case[0]}-{case[1]}-{case[2].dtype}{case[2].ndim}" for case in CASES]


def identity(activation, **settings):
    """A model that gives the activation of its inputs."""
    model = rv.Sequential([Input(3), Dense(3, activation, use_bias=False)], dtype="float64", **settings)
    model.parameters["dense/kernel"][...] = np.eye(3)
    return model


@pytest.mark.parametrize(("loss", "activation", "y", "rows"), CASES, ids=IDS)
@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["plain", "weighted"])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_values(loss, activation, y, rows, weight, reduction):
    model, loss = identity(activation), losses.get(loss)
    loss = type(loss)(**{**vars(loss), "reduction": reduction})
    model.compile(loss=loss, metrics=[])
    w = np.ones(11) if weight is None else weight
    expected = (w * rows).sum() / (w.sum() if reduction == "mean" else 1.0)
    assert model.evaluate(Z, y, sample_weight=weight)["loss"] == pytest.approx(expected, rel=1e-10)
    assert model.loss_and_gradients(Z, y, sample_weight=weight)[0] == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize(("loss", "activation", "y", "rows"), CASES, ids=IDS)
def test_gradients(loss, activation, y, rows):
    model = identity(activation)
    model.compile(loss=loss)
    _, gradients = model.loss_and_gradients(Z, y, sample_weight=WEIGHT)
    w, h = model.parameters["dense/kernel"], 1e-6
    for index in np.ndindex(w.shape):
        values = []
        for step in (h, -h):
            w[index] += step
            values.append(model.evaluate(Z, y, sample_weight=WEIGHT)["loss"])
            w[index] -= step
        numeric = (values[0] - values[1]) / (2 * h)
        assert gradients["dense/kernel"][index] == pytest.approx(numeric, rel=1e-4, abs=1e-7)


def test_every_loss_has_a_kernel():
    used = {losses.get(name).head("linear" if name != "log_loss" else "softmax", 2).loss for name in losses._NAMES}
    assert used | {"log_loss"} == set(rv.kernels.names["losses"])


def test_a_fused_head_does_not_lose_far_logits():
    model = identity("softmax")
    model.compile(loss="categorical_crossentropy")
    z = np.array([[1000.0, 0.0, 0.0]])
    assert model.evaluate(z, [1])["loss"] == pytest.approx(1000.0)
    assert model.evaluate(z, [0])["loss"] == 0.0


def test_soft_binary_targets():
    model = identity("sigmoid")
    model.compile(loss="binary_crossentropy")
    t = sigmoid(REAL)
    assert model.evaluate(Z, t)["loss"] == pytest.approx(cross_entropy(sigmoid(Z), t).mean())


@pytest.mark.parametrize(
    ("loss", "layers", "message"),
    [
        ("categorical_crossentropy", [Dense(3, "relu")], "'softmax', got 'relu'"),
        ("categorical_crossentropy", [Dense(3, "sigmoid")], "'softmax', got 'sigmoid'"),
        ("binary_crossentropy", [Dense(3, "softmax")], "'sigmoid', got 'softmax'"),
        ("binary_crossentropy", [Dense(3), Activation("tanh")], "'sigmoid', got 'tanh'"),
        ("binary_crossentropy", [Dense(3, "sigmoid"), Dropout()], "followed by another layer"),
        ("categorical_crossentropy", [Dense(1)], "at least 2 units"),
        ("log_loss", [Dense(1, "softmax")], "at least 2 units"),
        ("log_loss", [Dense(1)], "LogLoss takes probabilities: .* 'sigmoid' or 'softmax', got 'linear'"),
        ("log_loss", [Dense(1, "tanh")], "'sigmoid' or 'softmax', got 'tanh'"),
        ("log_loss", [Dense(1, "sigmoid"), Dropout()], "got 'sigmoid' followed by another layer"),
    ],
)
def test_heads_that_do_not_fit(loss, layers, message):
    model = rv.Sequential([Input(3), *layers])
    with pytest.raises(ValueError, match=message):
        model.compile(loss=loss)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: losses.get("mean_square_error"), ValueError, "unknown loss.*did you mean 'mean_squared_error'"),
        (lambda: losses.get(print), ValueError, "unknown loss"),
        (lambda: losses.Huber(0.0), ValueError, "delta must be a number in"),
        (lambda: losses.Hinge(-1), ValueError, "margin must be a number in"),
        (lambda: losses.Quantile(1.0), ValueError, r"tau must be a number in \(0.0, 1.0\), got 1.0"),
        (lambda: losses.Quantile(True), (TypeError, ValueError), "tau must be"),
        (lambda: losses.BinaryFocalCrossentropy(-0.5), ValueError, "gamma must be a number in"),
        (lambda: losses.CategoricalFocalCrossentropy(float("nan")), ValueError, "gamma must be a number in"),
        (
            lambda: losses.MeanSquaredError(reduction="none"),
            ValueError,
            "reduction must be 'mean', 'sum' or 'penalized_mean', got 'none'",
        ),
        (
            lambda: losses.Huber(reduction=["mean"]),
            ValueError,
            "reduction must be 'mean', 'sum' or 'penalized_mean', got",
        ),
        (lambda: losses.Poisson(log_input=1), TypeError, "log_input must be True or False"),
    ],
)
def test_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()


@pytest.mark.parametrize(("loss", "name"), [(losses.Huber(1e-320), "delta"), (losses.Hinge(1e-60), "margin")])
def test_a_setting_that_is_zero_in_the_models_type_is_refused(loss, name):
    message = f"{name}={getattr(loss, name)!r} is 0 as float32; take a larger one"
    built, unbuilt = rv.Sequential([Input(3), Dense(1)]), rv.Sequential([Dense(1)])
    with pytest.raises(ValueError, match=message):
        built.compile(loss=loss)
    unbuilt.compile(loss=loss)
    with pytest.raises(ValueError, match=message):
        unbuilt.fit(REAL, BITS[:, 0])
    rv.Sequential([Input(3), Dense(1)], dtype="float64").compile(loss=loss)
