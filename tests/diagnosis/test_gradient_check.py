"""`check_gradients` and `numeric_gradients`: they agree with backpropagation, and find it out where it is wrong."""

import copy

import numpy as np
import pytest

import ravine as rv
from ravine.diagnosis import float64_copy
from ravine.layers import Activation, Dense, Dropout, Input

RNG = np.random.default_rng(9)
X = RNG.normal(size=(12, 3))
REAL = np.sin(X @ RNG.normal(size=(3, 2)))
LABELS = RNG.integers(0, 3, size=12)
BINARY = (X[:, 0] > 0).astype(int)


def compiled(layers, loss="mse", dtype="float64", **settings):
    model = rv.Sequential(layers, dtype=dtype, random_state=1)
    model.compile(optimizer=rv.optimizers.Adam(0.05), loss=loss, **settings)
    return model


# last layer, loss, targets
HEADS = [
    (Dense(2), "mse", REAL),
    (Dense(2), rv.losses.HalfSumSquaredError(reduction="sum"), REAL),
    (Dense(2, "tanh"), "mae", REAL),
    (Dense(2), "huber", REAL),
    (Dense(1), "binary_crossentropy", BINARY),
    (Dense(1, "sigmoid"), "binary_crossentropy", BINARY),
    (Dense(3), "categorical_crossentropy", LABELS),
    (Dense(3, "softmax"), "categorical_crossentropy", LABELS),
    (Dense(3, "softmax"), "log_loss", LABELS),
    (Dense(1), "poisson", RNG.integers(0, 5, size=12)),
    (Dense(1), "hinge", BINARY),
    (Dense(1), "perceptron", BINARY),
]
ACTIVATIONS = sorted(set(rv.layers.ACTIVATIONS) - {"step"})


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_activation_passes(activation, dtype):
    model = compiled([Dense(5, activation, l2=1e-2), Dense(4), Activation(activation), Dense(2)], dtype=dtype)
    check = rv.check_gradients(model, X, REAL)
    assert check and check.ok and check.compared == 20 + 24 + 10
    assert check.error < 1e-6 and set(check.parameters) == set(
        float64_copy.Float64Copy(model._state, (X, REAL, None)).names
    )
    assert model.input_shape is None  # left as it was


@pytest.mark.parametrize(("last", "loss", "y"), HEADS, ids=[f"{case[0]!r}-{case[1]!r}" for case in HEADS])
def test_every_loss_passes(last, loss, y):
    model = compiled([Dense(4, "tanh", l1=1e-2), Dropout(0.5), copy.deepcopy(last)], loss)
    model.fit(X, y, epochs=2, verbose=0)
    weight = np.arange(12.0) % 3
    for sample_weight in (None, weight):
        check = rv.check_gradients(model, X, y, sample_weight=sample_weight, weights_per_parameter=None)
        assert check.ok, check
        assert check.kinks <= 0.2 * check.compared
        gradients = model.loss_and_gradients(X, y, sample_weight=sample_weight)[1]
        numeric = rv.numeric_gradients(model, X, y, sample_weight=sample_weight)
        assert set(numeric) == set(gradients)
        for name, g in gradients.items():
            np.testing.assert_allclose(numeric[name], g, rtol=1e-6, atol=1e-3 * check.kinks + 1e-9)


@pytest.fixture
def wrong(monkeypatch):
    """Make backpropagation err: by a factor or a shift in one place, or in all."""

    def err(name, change):
        right = float64_copy.Float64Copy.loss_and_gradients

        def erring(self):
            loss, gradients = right(self)
            gradients[name] = change(gradients[name])
            return loss, gradients

        monkeypatch.setattr(float64_copy.Float64Copy, "loss_and_gradients", erring)

    return err


def at(index, change):
    def changed(g):
        g[index] = change(g[index])
        return g

    return changed


@pytest.mark.parametrize("activation", ["tanh", "relu"])
@pytest.mark.parametrize(
    ("name", "index", "change"),
    [
        ("dense/kernel", (2, 1), lambda g: g * 1.001),
        ("dense/bias", (3,), lambda g: 0.0),
        ("dense_1/kernel", (0, 1), lambda g: -g),
        ("dense_1/bias", (1,), lambda g: g + 1e-4),
        ("dense_1/bias", (0,), lambda g: np.nan),
    ],
)
def test_one_wrong_gradient_is_found(wrong, activation, name, index, change):
    model = compiled([Dense(5, activation), Dense(2)])
    assert rv.check_gradients(model, X, REAL)
    wrong(name, at(index, change))
    check = rv.check_gradients(model, X, REAL)
    assert not check and "FAILED" in repr(check)
    assert (check.worst.name, check.worst.index) == (name, index)
    assert check.error > check.tolerance
    assert all(part.error <= check.tolerance for part in check.parameters.values() if part.name != name)


def test_kinks_are_told_from_errors():
    """Zero weights put every ReLU on its kink: there is no derivative to compare with."""
    model = compiled([Dense(4, "relu", kernel_initializer="zeros"), Dense(1)])
    check = rv.check_gradients(model, X, REAL[:, :1])
    assert check.ok and (check.kinks, check.compared) == (16, 5)
    assert "16 on kinks" in repr(check)
    model = compiled([Dense(1, "relu", kernel_initializer="zeros", use_bias=False)])
    check = rv.check_gradients(model, X, REAL[:, :1])
    assert not check.ok and check.kinks == 3 and "nothing to compare" in repr(check)
    model = compiled([Dense(1, kernel_initializer="zeros", l1=0.5)])  # the stencil of |w| is 0 at 0, as its sign is
    check = rv.check_gradients(model, X, REAL[:, :1])
    assert check.ok and (check.kinks, check.compared) == (0, 4)


@pytest.mark.parametrize("distance", [1e-3, 1e-5, 1e-9])
def test_kinks_nearby(distance):
    """y = relu(w x) at x = 1: from w = 1e-3 on, the stencil's first steps cross the kink at 0; at 1e-9 all do."""
    model = compiled([Dense(1, "relu", use_bias=False, kernel_initializer=rv.initializers.Constant(distance))])
    check = rv.check_gradients(model, [[1.0]], [[1.0]])
    assert (check.compared, check.kinks) == ((1, 0) if distance > 1e-6 else (0, 1))
    assert check.error < 1e-6


def test_curvature_is_no_kink(wrong):
    """A wrong gradient where the loss curves strongly is an error."""
    model = compiled([Dense(5, "tanh"), Dense(2)])
    wrong("dense/kernel", lambda g: g * 1.01)
    check = rv.check_gradients(model, 30 * X, 100 * REAL)
    assert not check.ok and check.kinks == 0


def test_large_values_and_weights():
    model = compiled([Dense(6, "tanh"), Dense(2)])
    model.fit(X, REAL, epochs=1)
    model.parameters["dense/kernel"][...] *= 40
    model.parameters["dense_1/kernel"][...] *= 1000
    assert rv.check_gradients(model, X, REAL).ok


def test_a_sample_of_the_weights_is_drawn_by_the_seed():
    model = compiled([Dense(60, "tanh"), Dense(2)])
    check = rv.check_gradients(model, X, REAL, weights_per_parameter=7)
    assert [part.compared for part in check.parameters.values()] == [7, 7, 7, 2]
    assert [part.size for part in check.parameters.values()] == [180, 60, 120, 2]
    assert check == rv.check_gradients(model, X, REAL, weights_per_parameter=7, n_threads=3)


def test_the_table_shows_each_array():
    check = rv.check_gradients(compiled([Dense(4, "tanh"), Dense(2)]), X, REAL)
    lines = str(check).splitlines()
    assert lines[0] == repr(check) and "ok" in lines[0] and len(lines) == 2 + len(check.parameters)
    for name, line in zip(check.parameters, lines[2:], strict=True):
        assert line.startswith(name) and str(list(check.parameters[name].index)) in line


def test_frozen_layers_are_left_out():
    model = compiled([Dense(4, "tanh", trainable=False), Dense(2)])
    assert set(rv.check_gradients(model, X, REAL).parameters) == {"dense_1/kernel", "dense_1/bias"}
    model.layers[1].trainable = False
    with pytest.raises(ValueError, match="no trainable weights"):
        rv.check_gradients(model, X, REAL)


@pytest.mark.parametrize("fitted", [False, True])
def test_the_model_is_left_as_it_is(fitted):
    model = compiled([Dense(4, "relu"), Dense(3)], "categorical_crossentropy")
    y = np.array(["a", "b", "c"])[LABELS]
    if fitted:
        model.fit(X, y, epochs=2)
    before = {name: np.array(w) for name, w in model.parameters.items()} if fitted else None
    rv.check_gradients(model, X, y)
    rv.numeric_gradients(model, X, y)
    if fitted:
        for name, w in model.parameters.items():
            np.testing.assert_array_equal(w, before[name])
        assert model._state.training.epoch == 2
    else:
        with pytest.raises(rv.NotFittedError):
            model.classes_  # noqa: B018


def test_training_by_numeric_gradients_follows_backpropagation():
    model, twin = (compiled([Input(3), Dense(5, "tanh"), Dense(2)]) for _ in range(2))
    for _ in range(15):
        model.apply_gradients(rv.numeric_gradients(model, X, REAL))
        twin.train_on_batch(X, REAL)
    for name, w in model.parameters.items():
        np.testing.assert_allclose(w, twin.parameters[name], rtol=1e-6, atol=1e-8)


def test_chain_rule_by_hand():
    """x = (1, 2), x0' = x0 + x1, x1' = x1, y = x0' x1': dy/dx' = (2, 3), dy/dx = (2, 5); x^2 / 10 at 20: 40, 4."""
    by = rv.optimizers.SGD(1.0)
    path = by.minimize(lambda x: (x[0] + x[1]) * x[1], [1.0, 2.0], jac="numeric", steps=1, record=True).path
    np.testing.assert_allclose(path[0] - path[1], [2.0, 5.0], rtol=1e-10)
    path = by.minimize(lambda x: x[0] * x[1], [3.0, 2.0], jac="numeric", steps=1, record=True).path
    np.testing.assert_allclose(path[0] - path[1], [2.0, 3.0], rtol=1e-10)
    result = by.minimize(lambda x: x**2 / 10, 20.0, jac="numeric", steps=1, record=True)
    assert result.values[0] == 40.0 and result.path[0] - result.path[1] == pytest.approx(4.0, rel=1e-10)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"tolerance": 0.0}, ValueError, r"tolerance must be a number in \(0.0, inf\), got 0.0"),
        ({"tolerance": "low"}, TypeError, "tolerance must be a number"),
        ({"weights_per_parameter": 0}, ValueError, "weights_per_parameter must be None or an int >= 1, got 0"),
        ({"weights_per_parameter": True}, ValueError, "weights_per_parameter must be"),
        ({"n_threads": 0}, ValueError, "n_threads must be"),
        ({"y": REAL[:5]}, ValueError, "inconsistent numbers of samples"),
        ({"X": X * np.nan}, ValueError, "Input X contains NaN"),
        ({"sample_weight": [1.0]}, ValueError, "sample_weight.shape"),
    ],
)
def test_refused(arguments, error, message):
    arguments = {"X": X, "y": REAL, **arguments}
    with pytest.raises(error, match=message):
        rv.check_gradients(compiled([Dense(2)]), **arguments)


def test_a_loss_is_needed():
    model = rv.Sequential([Dense(1)], random_state=0)
    for function in (rv.check_gradients, rv.numeric_gradients):
        with pytest.raises(ValueError, match="no loss yet"):
            function(model, X, REAL)


def test_weights_that_are_not_finite_fail():
    model = compiled([Dense(4, "tanh"), Dense(2)])
    model.fit(X, REAL)
    model.parameters["dense_1/kernel"][0, 0] = np.nan
    check = rv.check_gradients(model, X, REAL)
    assert not check.ok and check.error == np.inf and np.isnan(check.loss)
