"""Penalties and constraints as a model takes them: per layer, per model, in every way a model trains."""

import copy
import pickle

import numpy as np
import pytest

import ravine as rv
from ravine import constraints, regularizers
from ravine.constraints import MaxNorm
from ravine.layers import Dense, GaussianNoise, Input
from ravine.regularizers import L1, L1L2, L2, L2Norm, Regularizer

RNG = np.random.default_rng(5)
X = RNG.normal(size=(64, 4))
Y = X @ [1.0, -2.0, 0.0, 0.0] + 0.1 * RNG.normal(size=64)
W = np.array([[3.0, 0.0], [-4.0, 0.0]])


def build(*layers, optimizer="sgd", dtype="float64", **options):
    model = rv.Sequential([Input(4), *layers], dtype=dtype, random_state=0, **options)
    model.compile(optimizer=optimizer, loss="mse")
    return model


# penalty, its value at W, its gradient there
PENALTIES = [
    (L1(0.5), 3.5, [[0.5, 0.0], [-0.5, 0.0]]),
    (L1(0.5, proximal=True), 3.5, [[0.5, 0.0], [-0.5, 0.0]]),
    (L2(0.5), 12.5, [[3.0, 0.0], [-4.0, 0.0]]),
    (L1L2(0.5, 0.1), 6.0, [[1.1, 0.0], [-1.3, 0.0]]),
    (L1L2(), 0.0, [[0.0, 0.0], [0.0, 0.0]]),
    (L2Norm(2.0), 10.0, [[1.2, 0.0], [-1.6, 0.0]]),
    (Regularizer(l1=0.5, l2=0.1, l2_norm=2.0), 16.0, [[2.3, 0.0], [-2.9, 0.0]]),
    (regularizers.get("l1"), 0.07, [[0.01, 0.0], [-0.01, 0.0]]),
    (regularizers.get("l2"), 0.25, [[0.06, 0.0], [-0.08, 0.0]]),
    (regularizers.get("l2_norm"), 0.05, [[0.006, 0.0], [-0.008, 0.0]]),
]
ALL = [penalty for penalty, *_ in PENALTIES]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("penalty", "value", "gradient"), PENALTIES, ids=map(repr, ALL))
def test_values_and_gradients(penalty, value, gradient, dtype):
    w = W.astype(dtype)
    assert penalty(w) == pytest.approx(value, rel=1e-6)
    found = penalty.gradient(w)
    assert found.dtype == dtype
    np.testing.assert_allclose(found, gradient, rtol=1e-6)
    assert bool(penalty) == (value != 0.0)
    assert not penalty.gradient(np.zeros((3, 2), dtype)).any()


@pytest.mark.parametrize("tiny", [1e-45, 1e-30])
def test_the_root_form_near_zero_gives_numbers(tiny):
    gradient = L2Norm(1e6).gradient(np.array([tiny, 0.0], np.float32))
    assert np.isfinite(gradient).all()
    assert gradient[0] > 0.0 == gradient[1]


@pytest.mark.parametrize("described", [*ALL, MaxNorm(3.0)], ids=repr)
def test_copies_repr_and_equal_models(described):
    names = {name: getattr(regularizers, name) for name in regularizers.__all__} | {"MaxNorm": MaxNorm}
    for other in (copy.deepcopy(described), pickle.loads(pickle.dumps(described)), eval(repr(described), names)):
        assert vars(other) == vars(described)
    option = "kernel_constraint" if isinstance(described, MaxNorm) else "kernel_regularizer"
    models = [build(Dense(3, "tanh", **{option: value}), Dense(1)) for value in (described, copy.copy(described))]
    for model in models:
        model.fit(X, Y, epochs=2)
    for name, w in models[0].parameters.items():
        np.testing.assert_array_equal(w, models[1].parameters[name])


@pytest.mark.parametrize("name", ["l1", "l2", "l2_norm", "proximal"])
@pytest.mark.parametrize("penalty", ALL, ids=repr)
def test_every_setting_is_fixed(penalty, name):
    with pytest.raises(AttributeError, match=f"{name} is fixed; make a new {type(penalty).__name__}"):
        setattr(penalty, name, 1.0)


# how a model of two layers is made, the penalty of its first kernel and of its second
PLACES = [
    (lambda: build(Dense(3, l1=0.1, l2=0.2), Dense(1)), L1L2(0.1, 0.2), None),
    (lambda: build(Dense(3, kernel_regularizer=L1L2(0.1, 0.2)), Dense(1)), L1L2(0.1, 0.2), None),
    (lambda: build(Dense(3, kernel_regularizer="l2"), Dense(1, kernel_regularizer="l2_norm")), L2(0.01), L2Norm(0.01)),
    (lambda: build(Dense(3), Dense(1), kernel_regularizer=L2(0.3)), L2(0.3), L2(0.3)),
    (lambda: build(Dense(3), Dense(1), kernel_regularizer="l1"), L1(0.01), L1(0.01)),
    (lambda: build(Dense(3, l1=0.1), Dense(1), kernel_regularizer=L2Norm(0.3)), L1(0.1), L2Norm(0.3)),
    (lambda: build(Dense(3, kernel_regularizer=L1L2()), Dense(1), kernel_regularizer="l2"), None, L2(0.01)),
]


@pytest.mark.parametrize(("make", "first", "second"), PLACES)
def test_where_penalties_come_from(make, first, second):
    model, plain = make(), build(Dense(3), Dense(1))
    parameters = model.parameters
    kernels = parameters["dense/kernel"], parameters["dense_1/kernel"]
    expected = sum(penalty(w) for penalty, w in zip((first, second), kernels, strict=True) if penalty)
    assert model.evaluate(X, Y)["loss"] == pytest.approx(plain.evaluate(X, Y)["loss"] + expected, rel=1e-13)
    (loss, gradients), (plain_loss, plain_gradients) = (each.loss_and_gradients(X, Y) for each in (model, plain))
    assert loss == pytest.approx(plain_loss + expected, rel=1e-13)
    for place, (penalty, w) in enumerate(zip((first, second), kernels, strict=True)):
        name = f"dense_{place}/kernel" if place else "dense/kernel"
        slope = penalty.gradient(w) if penalty else np.zeros(w.shape)
        np.testing.assert_allclose(gradients[name], plain_gradients[name] + slope, atol=1e-14)
    np.testing.assert_array_equal(gradients["dense/bias"], plain_gradients["dense/bias"])


def test_the_penalty_of_a_model_survives_copies():
    model = build(Dense(3), Dense(1), kernel_regularizer=L2Norm(0.3))
    model.fit(X, Y, epochs=2)
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert repr(other.kernel_regularizer) == "L2Norm(l2_norm=0.3)"
        assert other.evaluate(X, Y) == model.evaluate(X, Y)
        assert "kernel_regularizer=L2Norm(l2_norm=0.3)" in repr(other)
    with pytest.raises(AttributeError, match="kernel_regularizer is fixed; make a new model"):
        model.kernel_regularizer = None


class EveryBatch(rv.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        pass


@pytest.mark.parametrize("penalty", ALL, ids=repr)
def test_a_hook_on_batches_changes_nothing(penalty):
    models = [build(Dense(3, "tanh"), Dense(1), kernel_regularizer=penalty) for _ in range(2)]
    losses = [
        model.fit(X, Y, epochs=3, batch_size=10, callbacks=calls).history["loss"]
        for model, calls in zip(models, ([], [EveryBatch()]), strict=True)
    ]
    np.testing.assert_allclose(*losses, rtol=1e-12)
    for name, w in models[0].parameters.items():
        np.testing.assert_array_equal(w, models[1].parameters[name])


@pytest.mark.parametrize("settings", [{}, {"average": True, "momentum": 0.9}, {"weight_decay": 1e-4}])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_proximal_l1_gives_exact_zeros_where_the_gradient_gives_none(settings, dtype):
    zeros, optimizer = {}, rv.optimizers.SGD(0.05, **settings)
    for proximal in (False, True):
        layer = Dense(1, kernel_regularizer=L1(0.3, proximal=proximal))
        model = build(layer, optimizer=optimizer, dtype=dtype)
        model.fit(X, Y, epochs=300, batch_size=None)
        w = model.parameters["dense/kernel"].ravel()
        zeros[proximal] = (w == 0.0).tolist()
        assert abs(w[0]) > 0.5 and abs(w[1]) > 1.5
    assert zeros == {False: [False] * 4, True: [False, False, True, True]}


def test_the_root_form_switches_a_layer_off():
    """The pull of L2Norm does not fade near zero: a kernel that the loss hardly needs shrinks to nothing."""
    norms = {}
    for penalty in (L2(0.1), L2Norm(0.1)):
        model = build(Dense(1, kernel_regularizer=penalty), optimizer=rv.optimizers.SGD(1e-3))
        model.fit(X, 0.01 * Y, epochs=3000, batch_size=None)
        norms[type(penalty)] = np.linalg.norm(model.parameters["dense/kernel"])
    assert norms[L2Norm] < 1e-3 < 1e-2 < norms[L2]


def test_mean_forms_are_the_sums_with_a_divided_factor():
    w = RNG.normal(size=(30, 20))
    assert L1(0.3 / w.size)(w) == pytest.approx(0.3 * abs(w).mean())
    assert L2(0.3 / w.size)(w) == pytest.approx(0.3 * (w**2).mean())
    assert L2Norm(0.3 / w.size**0.5)(w) == pytest.approx(0.3 * (w**2).mean() ** 0.5)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("value", [MaxNorm(0.5), "max_norm"])
def test_max_norm_holds_after_every_step(value, dtype):
    limit = constraints.get(value).max_value
    model = build(Dense(8, "tanh", kernel_constraint=value), Dense(1), optimizer=rv.optimizers.Adam(0.5), dtype=dtype)
    for _ in range(20):
        model.train_on_batch(X, 100 * Y)
        norms = np.linalg.norm(model.parameters["dense/kernel"].astype(float), axis=0)
        assert norms.max() <= limit * (1 + 2 * np.finfo(dtype).eps)
    assert norms.max() > 0.999 * limit
    assert np.linalg.norm(model.parameters["dense_1/kernel"]) > 2.0


def test_max_norm_of_an_array():
    w = np.array([[3.0, 0.3], [4.0, 0.4]])
    np.testing.assert_allclose(MaxNorm(1.0)(w), [[0.6, 0.3], [0.8, 0.4]], rtol=1e-15)
    np.testing.assert_array_equal(w, [[3.0, 0.3], [4.0, 0.4]])
    np.testing.assert_array_equal(MaxNorm(1.0)(w.T), MaxNorm(1.0)(np.ascontiguousarray(w.T)))


def test_noise_is_for_training_alone():
    model = rv.Sequential([Input(1), GaussianNoise(0.5), Dense(1, trainable=False)], dtype="float64", random_state=0)
    model.parameters["dense/kernel"][...] = 1.0
    model.compile(optimizer="sgd", loss="mse")
    n = 20000
    x = RNG.normal(size=(n, 1))
    np.testing.assert_array_equal(model.predict(x), x)
    assert model.evaluate(x, x)["loss"] == 0.0
    assert model.loss_and_gradients(x, x)[0] == 0.0
    first, second = (model.train_on_batch(x, x)["loss"] for _ in range(2))
    assert first == pytest.approx(0.25, rel=0.05)
    assert second == pytest.approx(0.25, rel=0.05)
    assert first != second


def test_the_same_noise_for_the_same_seed():
    losses = []
    for seed in (0, 0, 1):
        model = rv.Sequential([Input(4), Dense(3, "relu"), GaussianNoise(0.3), Dense(1)], random_state=seed)
        for w in model.parameters.values():
            w[...] = 0.1
        model.compile(loss="mse")
        losses.append(model.fit(X, Y, epochs=2, shuffle=False).history["loss"])
    assert losses[0] == losses[1] != losses[2]


def test_a_gradient_that_overflows_ends_in_the_divergence_error():
    """The loss is finite, its gradient is not: clipping does not turn it into zeros."""
    for optimizer in (rv.optimizers.SGD(0.1), rv.optimizers.SGD(0.1, clip_norm=1.0)):
        model = rv.Sequential([Input(2), Dense(1)], dtype="float32", random_state=0)
        model.compile(optimizer=optimizer, loss=rv.losses.MeanAbsoluteError(reduction="sum"))
        model.parameters["dense/kernel"][...] = 0.0
        x = np.full((4, 2), 3e38, np.float32)
        with pytest.raises(rv.DivergenceError, match="dense"):
            model.fit(x, np.ones(4), epochs=2)
        assert all(np.isfinite(w).all() for w in model.parameters.values())


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_clipping_tames_a_rate_that_diverges(dtype):
    x, y = 1e4 * X, Y
    with pytest.raises(rv.DivergenceError):
        build(Dense(1), optimizer=rv.optimizers.SGD(0.01), dtype=dtype).fit(x, y, epochs=50)
    for clips in ({"clip_norm": 1e-3}, {"clip_value": 1e-3}):
        model = build(Dense(1), optimizer=rv.optimizers.SGD(0.01, **clips), dtype=dtype)
        history = model.fit(x, y, epochs=50).history["loss"]
        assert np.isfinite(history).all()


def test_a_model_without_a_shape_refuses_at_the_first_fit():
    model = rv.Sequential([Dense(1, kernel_regularizer=L1(proximal=True))])
    model.compile("adam", "mse")
    with pytest.raises(ValueError, match="dense has a proximal l1"):
        model.fit(X, Y)
    assert model.input_shape is None


NAN, INF = float("nan"), float("inf")
LASSO = L1(proximal=True)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: L1(-1), ValueError, r"l1 must be a number in \[0.0, inf\), got -1"),
        (lambda: L1(NAN), ValueError, "l1 must be"),
        (lambda: L1("a"), TypeError, "l1 must be"),
        (lambda: L1(True), TypeError, "l1 must be"),
        (lambda: L1(proximal=1), TypeError, "proximal must be True or False, got 1"),
        (lambda: L2(INF), ValueError, r"l2 must be a number in \[0.0, inf\), got inf"),
        (lambda: L1L2(0.0, -0.5), ValueError, "l2 must be"),
        (lambda: L2Norm(-0.5), ValueError, r"l2_norm must be a number in \[0.0, inf\), got -0.5"),
        (lambda: MaxNorm(0), ValueError, r"max_value must be a number in \(0.0, inf\), got 0"),
        (lambda: MaxNorm(NAN), ValueError, "max_value must be"),
        (lambda: MaxNorm("2"), TypeError, "max_value must be"),
        (lambda: MaxNorm()(np.ones(3)), ValueError, "w must have 2 dimensions"),
        (lambda: MaxNorm()([[1, 2]]), TypeError, "w must be float32 or float64, got int64"),
        (lambda: regularizers.get("L2"), ValueError, "unknown regularizer 'L2'; choose from.*did you mean 'l2'"),
        (lambda: regularizers.get(None), ValueError, "unknown regularizer None"),
        (lambda: constraints.get("maxnorm"), ValueError, "unknown constraint 'maxnorm'.*did you mean 'max_norm'"),
        (lambda: Dense(1, kernel_regularizer="l3"), ValueError, "unknown kernel_regularizer 'l3'"),
        (lambda: Dense(1, kernel_regularizer=0.1), ValueError, "unknown kernel_regularizer 0.1"),
        (lambda: Dense(1, kernel_regularizer=L2), ValueError, "unknown kernel_regularizer <class"),
        (lambda: Dense(1, kernel_constraint=3.0), ValueError, "unknown kernel_constraint 3.0"),
        (lambda: Dense(1, l2=0.1, kernel_regularizer="l1"), ValueError, "give l1 and l2 or kernel_regularizer, not"),
        (lambda: rv.Sequential([Dense(1)], kernel_regularizer="l3"), ValueError, "unknown kernel_regularizer 'l3'"),
        (lambda: rv.Sequential([Dense(1)], kernel_regularizer=MaxNorm()), ValueError, "unknown kernel_regularizer"),
        (lambda: GaussianNoise(-0.1), ValueError, r"stddev must be a number in \[0.0, inf\), got -0.1"),
        (lambda: GaussianNoise(INF), ValueError, "stddev must be"),
        (lambda: GaussianNoise("0.1"), TypeError, "stddev must be"),
        (lambda: GaussianNoise(False), TypeError, "stddev must be"),
        (lambda: build(Dense(1, l1=1e-60), dtype="float32"), ValueError, "dense: l1=1e-60 is 0 as float32; take a la"),
        (lambda: build(Dense(1), dtype="float32", kernel_regularizer=L2Norm(1e-60)), ValueError, "l2_norm=1e-60 is 0"),
        (
            lambda: build(Dense(1, name="a", kernel_constraint=MaxNorm(1e-60)), dtype="float32"),
            ValueError,
            "a: max_value=1e-60 is 0 as float32",
        ),
        (
            lambda: build(Dense(1, kernel_constraint=MaxNorm(3)), optimizer="lbfgs"),
            ValueError,
            r"LBFGS finds its steps along the loss alone.*dense: MaxNorm\(max_value=3.0\)",
        ),
        (
            lambda: build(Dense(1), kernel_regularizer=L1(0.1, proximal=True), optimizer="bfgs"),
            ValueError,
            r"BFGS finds its steps.*dense: L1\(l1=0.1, proximal=True\)",
        ),
        (lambda: build(GaussianNoise(0.1), Dense(1), optimizer="lbfgs"), ValueError, r"layer 0 is GaussianNoise\(0"),
        (
            lambda: build(Dense(1), kernel_regularizer=LASSO, optimizer="adam"),
            ValueError,
            "dense has a proximal l1.*got Adam",
        ),
        (
            lambda: build(Dense(1), kernel_regularizer=LASSO, optimizer=rv.optimizers.SGD(momentum=0.9)),
            ValueError,
            "SGD without momentum, or with average=True, got SGD",
        ),
    ],
)
def test_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()


@pytest.mark.parametrize("penalty", [L1(0.1), L2(0.1), L2Norm(0.1)], ids=repr)
def test_searches_take_plain_penalties(penalty):
    model = build(Dense(1), kernel_regularizer=penalty, optimizer="lbfgs")
    losses = model.fit(X, Y, epochs=15, batch_size=None).history["loss"]
    assert losses[-1] < 0.5 * losses[0]
