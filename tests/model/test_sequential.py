"""Sequential: building, compiling, gradients, copies, forks."""

import copy
import functools
import io
import multiprocessing
import os
import pickle
import signal
import threading
import time
from contextlib import redirect_stdout

import numpy as np
import pytest

import ravine as rv
from ravine import _core, metrics
from ravine.layers import Activation, Dense, Dropout, Flatten, Input
from ravine.network import building
from ravine.network.building import build

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 4))
LABELS = (X[:, 0] > 0).astype(int) + (X[:, 1] > 0)


def classifier():
    model = rv.Sequential([Dense(8, "tanh"), Dense(3)], random_state=0)
    model.compile(optimizer=rv.optimizers.Adam(0.01), loss="categorical_crossentropy", metrics=["accuracy"])
    return model


def built(*layers, **settings):
    return rv.Sequential([Input(4), *layers], random_state=0, **settings)


def test_parameters_have_names_shapes_and_are_writable_views():
    model = built(Dense(3), Dropout(), Dense(2, use_bias=False), dtype="float64")
    assert {name: w.shape for name, w in model.parameters.items()} == {
        "dense/kernel": (4, 3),
        "dense/bias": (3,),
        "dense_1/kernel": (3, 2),
    }
    for w in model.parameters.values():
        assert w.dtype == np.float64
        w[...] = 1.0
    np.testing.assert_array_equal(model.predict(np.ones((1, 4))), [[15.0, 15.0]])


def test_a_2_2_1_net_without_bias_has_six_parameters():
    model = rv.Sequential([Input(2), Dense(2, use_bias=False), Dense(1, use_bias=False)])
    assert sum(w.size for w in model.parameters.values()) == 6


def test_the_same_seed_gives_the_same_weights_and_another_seed_others():
    one, same, other = (rv.Sequential([Input(4), Dense(3)], random_state=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.parameters["dense/kernel"], same.parameters["dense/kernel"])
    assert (one.parameters["dense/kernel"] != other.parameters["dense/kernel"]).any()


def test_random_state_none_is_drawn_and_kept():
    model = rv.Sequential([Input(4), Dense(3)])
    again = rv.Sequential([Input(4), Dense(3)], random_state=model.random_state)
    np.testing.assert_array_equal(model.parameters["dense/kernel"], again.parameters["dense/kernel"])


def test_input_shape_comes_from_the_data():
    model = classifier()
    with pytest.raises(rv.NotFittedError, match="is not fitted yet"):
        model.predict(X)
    model.fit(X, LABELS)
    assert model.input_shape == (4,)
    assert model.output_shape == (3,)


def test_a_failed_first_fit_leaves_no_shape_behind():
    model = classifier()
    with pytest.raises(ValueError, match="out of range"):
        model.fit(X[:, :2], LABELS + 5)
    model.fit(X, LABELS)
    assert model.input_shape == (4,)


def test_images_are_flattened():
    images = RNG.normal(size=(20, 3, 2, 2))
    model = rv.Sequential([Flatten(), Dense(2)], random_state=0)
    model.compile(loss="mse")
    model.fit(images, np.zeros((20, 2)))
    assert model.input_shape == (3, 2, 2)
    np.testing.assert_array_equal(
        model.predict(images), built_like(model, 12).predict(images.reshape(20, 12).astype(np.float32))
    )
    with pytest.raises(ValueError, match="Found array with dim 2"):
        model.predict(images.reshape(20, 12))


def built_like(model, inputs):
    other = rv.Sequential([Input(inputs), Dense(2)])
    for name, w in other.parameters.items():
        w[...] = model.parameters[name]
    return other


def test_gradients_of_the_output_agree_with_those_of_the_loss():
    model = built(Dense(5, "tanh"), Dense(2), dtype="float64")
    model.compile(optimizer="sgd", loss="half_sum_squared_error")
    y = RNG.normal(size=(60, 2))
    loss, expected = model.loss_and_gradients(X, y)
    assert loss == pytest.approx(model.evaluate(X, y)["loss"])
    gradients = model.gradients(X, (model.predict(X) - y) / len(X))
    assert gradients.keys() == expected.keys() == model.parameters.keys()
    for name, gradient in gradients.items():
        np.testing.assert_allclose(gradient, expected[name], rtol=1e-9, atol=1e-12)


def test_gradients_are_copies_and_include_the_penalty():
    model = built(Dense(1, l2=0.5), dtype="float64")
    model.compile(optimizer="sgd", loss="mse")
    y = model.predict(X)[:, 0]
    loss, gradients = model.loss_and_gradients(X, y)
    kernel = model.parameters["dense/kernel"]
    assert loss == pytest.approx(0.5 * (kernel**2).sum())
    np.testing.assert_allclose(gradients["dense/kernel"], kernel, rtol=1e-12)
    before = gradients["dense/kernel"].copy()
    model.loss_and_gradients(X, y + 1)
    np.testing.assert_array_equal(gradients["dense/kernel"], before)


def test_apply_gradients_is_the_step_of_train_on_batch():
    one = built(Dense(3, "tanh"), Dense(1), dtype="float64")
    one.compile(optimizer="adam", loss="mse")
    other = copy.deepcopy(one)
    y = X[:, 0]
    for _ in range(3):
        loss, gradients = one.loss_and_gradients(X, y)
        one.apply_gradients(gradients)
        assert other.train_on_batch(X, y)["loss"] == pytest.approx(loss)
    for name, w in one.parameters.items():
        np.testing.assert_allclose(w, other.parameters[name], rtol=1e-12)


def test_frozen_layers_keep_their_weights():
    model = built(Dense(3, "tanh", trainable=False), Dense(1))
    model.compile(loss="mse")
    frozen, free = (model.parameters[f"{name}/kernel"].copy() for name in ("dense", "dense_1"))
    model.fit(X, X[:, 0], epochs=2)
    np.testing.assert_array_equal(model.parameters["dense/kernel"], frozen)
    assert (model.parameters["dense_1/kernel"] != free).any()
    assert set(model.loss_and_gradients(X, X[:, 0])[1]) == {"dense_1/kernel", "dense_1/bias"}
    model.layers[0].trainable = True
    model.fit(X, X[:, 0])
    assert (model.parameters["dense/kernel"] != frozen).any()


@pytest.mark.parametrize("clone", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_copies_go_on_to_the_same_bits(clone):
    model = rv.Sequential([Dense(8, "relu", name="first"), Dropout(0.3), Dense(3)], random_state=3)
    model.compile(loss="categorical_crossentropy", metrics=["accuracy"])
    model.fit(X, np.array(["x", "a", "m"])[LABELS], epochs=2)
    other = clone(model)
    histories = [m.fit(X, np.array(["x", "a", "m"])[LABELS], epochs=3).history for m in (model, other)]
    assert histories[0] == histories[1]
    for name, w in model.parameters.items():
        np.testing.assert_array_equal(w, other.parameters[name])
        assert not np.shares_memory(w, other.parameters[name])
    np.testing.assert_array_equal(model.predict_classes(X), other.predict_classes(X))


class Named(rv.Sequential):
    """A model with an attribute of its own."""

    def __init__(self, name):
        super().__init__([Dense(1)])
        self.name = name


@pytest.mark.parametrize("clone", [copy.copy, copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_copies_keep_a_users_attributes(clone):
    assert clone(Named("mine")).name == "mine"


def test_an_unbuilt_model_can_be_copied():
    assert copy.deepcopy(classifier()).fit(X, LABELS).epoch == [0]


def test_compile_again_keeps_weights_and_forgets_the_optimizers_state():
    model = classifier()
    model.fit(X, LABELS, epochs=2)
    fresh = classifier()
    build(fresh._state, (4,))
    for name, w in fresh.parameters.items():
        w[...] = model.parameters[name]
    model.compile(optimizer=rv.optimizers.Adam(0.01), loss="categorical_crossentropy")
    for m in (model, fresh):
        m.train_on_batch(X, LABELS)
    for name, w in fresh.parameters.items():
        np.testing.assert_array_equal(w, model.parameters[name])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"loss": "categorical_crossentropy", "metrics": ["binary_accuracy"]}, "binary_accuracy needs"),
        ({"optimizer": "sgd", "loss": "nonsense"}, "unknown loss"),
        ({"optimizer": "sgd", "loss": "mse", "metrics": ["nonsense"]}, "unknown metric"),
        ({"optimizer": "sgd", "loss": "binary_crossentropy", "metrics": [metrics.TopKAccuracy(3)] * 2}, "differ"),
        ({"optimizer": rv.optimizers.Adam(epsilon=1e-300), "loss": "mse"}, "epsilon=1e-300 is 0 as float32"),
        ({"optimizer": "sgd", "metrics": ["mse"]}, "metrics are reported beside a loss"),
    ],
)
def test_a_failed_compile_changes_nothing(arguments, message):
    model, other = classifier(), classifier()
    for m in (model, other):
        m.fit(X, LABELS)
    with pytest.raises(ValueError, match=message):
        model.compile(**arguments)
    assert [metric.name for metric in model.metrics] == ["accuracy"]
    histories = [m.fit(X, LABELS, epochs=2).history for m in (model, other)]
    assert histories[0] == histories[1]
    for name, w in model.parameters.items():
        np.testing.assert_array_equal(w, other.parameters[name])


@pytest.mark.parametrize(
    ("name", "value", "way"),
    [
        ("layers", [], "make a new model"),
        ("random_state", 3, "make a new model"),
        ("optimizer", "sgd", "call compile"),
        ("loss", "mae", "call compile"),
        ("metrics", [], "call compile"),
        ("dtype", "float64", "make a new model"),
        ("input_shape", (7,), "make a new model"),
        ("history", None, "call fit"),
    ],
)
def test_what_a_model_was_made_of_is_fixed(name, value, way):
    with pytest.raises(AttributeError, match=f"Sequential.{name} is fixed; {way}"):
        setattr(classifier(), name, value)


@pytest.mark.parametrize(
    ("described", "name"),
    [
        (Dense(3), "units"),
        (rv.regularizers.L1L2(), "l2"),
        (rv.constraints.MaxNorm(), "max_value"),
        (Dropout(), "rate"),
        (Activation("elu"), "alpha"),
        (rv.losses.Huber(), "delta"),
        (metrics.Precision(), "threshold"),
        (rv.initializers.Normal(), "mean"),
    ],
)
def test_descriptions_are_written_once(described, name):
    with pytest.raises(AttributeError, match=f"{name} is fixed; make a new {type(described).__name__}"):
        setattr(described, name, 0.5)


@pytest.mark.parametrize("name", ["output_shape", "classes_", "learning_rate", "parameters"])
def test_what_a_model_tells_cannot_be_set(name):
    with pytest.raises(AttributeError):
        setattr(classifier(), name, 3)


def test_parameters_cannot_be_replaced():
    with pytest.raises(TypeError, match="does not support item assignment"):
        built(Dense(3)).parameters["dense/bias"] = np.zeros(3)


def test_summary_counts():
    model = built(Dense(3, trainable=False), Dense(2, name="out"))
    with redirect_stdout(io.StringIO()) as text:
        model.summary()
    assert "parameters: 23, trainable: 8" in text.getvalue()
    assert "out" in text.getvalue()
    lines = []
    rv.Sequential([Dense(2)]).summary(print_fn=lines.append)
    assert len(lines) == 1


def test_feature_names_are_held_to():
    class Frame:
        def __init__(self, columns):
            self.columns = columns

        def __array__(self, dtype=None, copy=None):
            return np.asarray(X, dtype)

    model = classifier()
    model.fit(Frame(list("abcd")), LABELS)
    model.predict(Frame(list("abcd")))
    model.predict(X)
    with pytest.raises(ValueError, match="feature names should match"):
        model.predict(Frame(list("abdc")))


def test_engine_and_twin_train_alike(monkeypatch):
    from ravine.reference.network import Network
    from ravine.reference.operations import OperationSpec

    def history():
        model = rv.Sequential([Dense(8, "tanh", l2=0.01), Dropout(0.3), Dense(3)], dtype="float64", random_state=1)
        model.compile(loss="categorical_crossentropy", metrics=["accuracy", "f1"])
        weight = np.linspace(0.0, 2.0, len(X))
        history = model.fit(X, LABELS, epochs=4, batch_size=16, validation_split=0.2, sample_weight=weight)
        return history.history, model.parameters

    values, weights = history()
    monkeypatch.setattr(_core, "OperationSpec", OperationSpec)
    monkeypatch.setattr(
        building, "make_network", lambda inputs, specs, seed, dtype: Network(inputs, specs, seed, dtype=dtype)
    )
    expected, twin_weights = history()
    assert values.keys() == expected.keys()
    for name in values:
        np.testing.assert_allclose(values[name], expected[name], rtol=1e-9)
    for name, w in weights.items():
        np.testing.assert_allclose(w, twin_weights[name], rtol=1e-9, atol=1e-12)


def _predict_in_child(model, connection):
    try:
        connection.send(model.predict(X).shape)
    except RuntimeError as error:
        connection.send(str(error))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("busy", [False, True])
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_forked_child_uses_an_idle_model_and_refuses_a_busy_one(busy):
    model, answers = classifier(), []
    model.fit(X, LABELS)

    def ask(*_):
        here, there = multiprocessing.get_context("fork").Pipe()
        child = multiprocessing.get_context("fork").Process(target=_predict_in_child, args=(model, there))
        child.start()
        assert here.poll(30)
        answers.append(here.recv())
        child.join(30)

    if busy:
        model.fit(X, LABELS, callbacks=[rv.callbacks.LambdaCallback(on_epoch_end=ask)])
        assert "in use when the process was forked" in answers[0]
    else:
        ask()
        assert answers == [(60, 3)]


def in_a_signal_handler(action, during):
    """Call action() in a signal handler while during() runs, and end that; return the error, or None."""
    errors = []

    def handler(*_):
        try:
            action()
            errors.append(None)
        except RuntimeError as error:
            errors.append(str(error))
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGUSR1, handler)
    timer = threading.Timer(0.25, signal.raise_signal, [signal.SIGUSR1])
    timer.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            during()
    finally:
        timer.join(60)
        signal.signal(signal.SIGUSR1, before)
    return errors[0]


MANY, MANY_LABELS = np.tile(X, (400, 1)).astype(np.float32), np.tile(LABELS, 400).astype(np.int32)


@pytest.mark.parametrize("n_threads", [1, 2])
@pytest.mark.parametrize(
    "action",
    [
        lambda m: m.compile(loss="mse"),
        lambda m: m.fit(X, LABELS),
        lambda m: m.train_on_batch(X, LABELS),
        lambda m: m.loss_and_gradients(X, LABELS),
        lambda m: m.evaluate(X, LABELS),
        lambda m: m.predict(X),
        pickle.dumps,
        copy.deepcopy,
    ],
)
def test_a_signal_handler_cannot_use_a_model_in_the_middle_of_a_call(action, n_threads):
    model = classifier()
    endless = functools.partial(model.fit, MANY, MANY_LABELS, epochs=10**6, batch_size=6000, n_threads=n_threads)
    error = in_a_signal_handler(lambda: action(model), endless)
    assert "this model is in the middle of a call" in error
    assert np.isfinite(model.evaluate(X, LABELS)["loss"])


@pytest.mark.parametrize("n_threads", [1, 2])
@pytest.mark.parametrize(
    ("action", "refused"),
    [
        (lambda net: net.set_optimizer("sgd", {}), True),
        (lambda net: net.set_loss("squared_error", setting=1.0), True),
        (lambda net: net.set_trainable([True, True]), True),
        (lambda net: setattr(net, "step", 0), True),
        (lambda net: net.apply_gradients(0.1), True),
        (lambda net: net.forward(MANY), False),
        (lambda net: net.evaluate(MANY, MANY_LABELS, None), False),
        (lambda net: {name: w.copy() for name, w in net.parameters().items()}, False),
    ],
)
def test_a_signal_handler_cannot_change_a_network_in_mid_run(action, refused, n_threads):
    model = classifier()
    model.fit(X, LABELS)
    network, settings = model._state.network, {"batch_size": 6000, "first_epoch": 0, "rates": np.array([0.01])}
    endless = functools.partial(network.train, MANY, MANY_LABELS, None, **settings, epochs=10**6, n_threads=n_threads)
    error = in_a_signal_handler(lambda: action(network), endless)
    assert (error is not None) == refused
    assert not refused or "this network is in the middle of a run" in error
    assert np.isfinite(model.evaluate(X, LABELS)["loss"])


@pytest.mark.parametrize(
    "action",
    [
        pickle.dumps,
        copy.deepcopy,
        lambda m: m.predict(X),
        lambda m: m.evaluate(X, LABELS),
        lambda m: m.loss_and_gradients(X, LABELS),
        lambda m: m.train_on_batch(X, LABELS),
        lambda m: m.summary(print_fn=str),
        lambda m: setattr(m.optimizer, "learning_rate", 0.02),
    ],
)
@pytest.mark.parametrize(
    "hook", ["on_train_begin", "on_epoch_begin", "on_train_batch_end", "on_epoch_end", "on_train_end"]
)
def test_callbacks_may_use_the_model(action, hook):
    model, calls = classifier(), []
    use = rv.callbacks.LambdaCallback(**{hook: lambda *_: calls.append(action(model))})
    model.fit(X, LABELS, epochs=2, callbacks=[use])
    assert calls


def test_ctrl_c_at_the_very_end_of_a_call_leaves_the_model_free():
    model, calls = classifier(), []

    def call():
        calls.append(model._state.guard.exclusive())
        calls[0].__enter__()  # and never __exit__

    call()
    assert len(model.fit(X, LABELS).epoch) == 1


def test_activation_layers_end_a_network_too():
    one = rv.Sequential([Dense(3), Activation("softmax")], random_state=0)
    two = rv.Sequential([Dense(3, "softmax")], random_state=0)
    for model in (one, two):
        model.compile(loss="categorical_crossentropy")
        model.fit(X, LABELS, epochs=3)
    np.testing.assert_array_equal(one.predict(X), two.predict(X))


@pytest.mark.alone
def test_batches_without_weight_look_for_signals_too():
    model = classifier()
    model.fit(X, LABELS)
    run = functools.partial(
        model._state.network.train, MANY, MANY_LABELS, np.zeros(len(MANY), np.float32), batch_size=1000, first_epoch=0,
        epochs=10**6, rates=np.array([0.1]),
    )  # fmt: skip
    start = time.perf_counter()
    assert in_a_signal_handler(lambda: None, run) is None
    assert time.perf_counter() - start < 2
