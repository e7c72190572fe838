"""fit: history, batches, weights, validation, divergence, Ctrl-C."""

import pickle
import re
import signal
import threading
import time

import numpy as np
import pytest

import ravine as rv
from ravine.callbacks import Callback, EarlyStopping, LambdaCallback
from ravine.layers import Dense, Dropout
from ravine.network.building import build
from ravine.network.data import training_data

RNG = np.random.default_rng(1)
X = RNG.normal(size=(50, 3))
Y = X @ [[1.0], [-2.0], [0.5]] + 0.1 * RNG.normal(size=(50, 1))
LABELS = (Y[:, 0] > 0).astype(int)


def regressor(optimizer="adam", loss="mse", metrics=("mae",), dtype="float64", **dense):
    model = rv.Sequential([Dense(6, "tanh", **dense), Dropout(0.1), Dense(1)], dtype=dtype, random_state=5)
    model.compile(optimizer=optimizer, loss=loss, metrics=metrics)
    return model


def weights(model):
    return {name: w.copy() for name, w in model.parameters.items()}


def assert_same_weights(one, other):
    for name, w in one.items():
        np.testing.assert_array_equal(w, other[name])


def test_history_has_a_value_an_epoch():
    history = regressor(metrics=["mae", "r2"]).fit(X, Y, epochs=7, validation_split=0.2)
    assert history.epoch == list(range(7))
    assert list(history.history) == ["loss", "mae", "r2", "val_loss", "val_mae", "val_r2"]
    assert all(len(values) == 7 for values in history.history.values())
    assert all(isinstance(value, float) for values in history.history.values() for value in values)


def test_a_second_fit_goes_on():
    once, twice = regressor(), regressor()
    once.fit(X, Y, epochs=6)
    twice.fit(X, Y, epochs=2)
    second = twice.fit(X, Y, epochs=4)
    assert second.epoch == [2, 3, 4, 5]
    assert_same_weights(weights(once), weights(twice))


def no_op(*_):
    pass


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("hook", ["on_epoch_end", "on_train_batch_end"])
def test_coming_back_to_python_changes_nothing(reduction, weighted, hook):
    weight = RNG.uniform(size=50) if weighted else None
    results = []
    for callbacks in ([], [LambdaCallback(**{hook: no_op})]):
        model = regressor(loss=rv.losses.MeanSquaredError(reduction=reduction), l2=0.01, optimizer="sgd")
        history = model.fit(X, Y, epochs=3, batch_size=16, sample_weight=weight, callbacks=callbacks).history
        results.append((history, weights(model)))
    assert_same_weights(results[0][1], results[1][1])
    for name in ("loss", "mae"):
        np.testing.assert_allclose(results[0][0][name], results[1][0][name], rtol=1e-10)


def test_one_batch_of_all_rows_falls_at_every_step():
    model = rv.Sequential([Dense(1)], random_state=0)
    model.compile(optimizer=rv.optimizers.SGD(0.05), loss="mse")
    loss = model.fit(X, Y, epochs=50, batch_size=None).history["loss"]
    assert (np.diff(loss) < 0).all()


@pytest.mark.parametrize("batch_size", [1, 7, 50, 1000, None])
def test_any_batch_size(batch_size):
    model = regressor()
    model.fit(X, Y, epochs=2, batch_size=batch_size)
    steps = -(-50 // min(batch_size or 50, 50))
    assert model._state.network.step == 2 * steps


def test_shuffle_is_off_when_asked():
    orders = []
    for shuffle in (True, False):
        model = regressor()
        model.fit(X, Y, epochs=2, batch_size=10, shuffle=shuffle)
        orders.append(weights(model))
    with pytest.raises(AssertionError):
        assert_same_weights(*orders)


def test_sample_weights_of_one_change_nothing_and_of_zero_leave_rows_out():
    plain, ones, zeros = regressor(), regressor(), regressor()
    plain.fit(X, Y, batch_size=None, shuffle=False)
    ones.fit(X, Y, batch_size=None, shuffle=False, sample_weight=np.ones(50))
    assert_same_weights(weights(plain), weights(ones))
    target = Y.copy()
    target[25:] = 1e3
    zeros.fit(X, target, batch_size=None, shuffle=False, sample_weight=np.arange(50) < 25)
    half = regressor()
    half.fit(X[:25], Y[:25], batch_size=None, shuffle=False)
    for name, w in weights(half).items():
        np.testing.assert_allclose(w, zeros.parameters[name], rtol=1e-9, atol=1e-12)


def test_all_zero_weights_skip_the_step():
    model = regressor()
    build(model._state, (3,))
    before = weights(model)
    model.fit(X, Y, sample_weight=np.zeros(50))
    assert_same_weights(before, weights(model))


@pytest.mark.parametrize(
    ("class_weight", "factors"),
    [({0: 3.0}, [3.0, 1.0]), ({0: 2.0, 1: 0.5}, [2.0, 0.5]), ("balanced", 25 / np.bincount(LABELS))],
)
@pytest.mark.parametrize("labels", [LABELS, np.eye(2)[LABELS]])
def test_class_weights_are_sample_weights(class_weight, factors, labels):
    results = []
    for arguments in ({"class_weight": class_weight}, {"sample_weight": np.array(factors)[LABELS]}):
        model = rv.Sequential([Dense(2)], dtype="float64", random_state=0)
        model.compile(loss="categorical_crossentropy")
        results.append(model.fit(X, labels, epochs=2, **arguments).history["loss"])
    np.testing.assert_allclose(*results, rtol=1e-12)


def test_class_weights_by_string_label():
    model = rv.Sequential([Dense(1)], random_state=0)
    model.compile(loss="binary_crossentropy")
    model.fit(X, np.where(LABELS, "yes", "no"), class_weight={"yes": 2.0})
    with pytest.raises(ValueError, match="names the label 'maybe'"):
        model.fit(X, np.where(LABELS, "yes", "no"), class_weight={"maybe": 2.0})


def test_validation_split_takes_the_last_rows():
    split, given = regressor(), regressor()
    one = split.fit(X, Y, epochs=2, validation_split=0.2).history
    two = given.fit(X[:40], Y[:40], epochs=2, validation_data=(X[40:], Y[40:])).history
    assert one == two
    assert one["val_loss"][-1] == split.evaluate(X[40:], Y[40:])["loss"]


def test_validation_weights_count():
    weight = np.linspace(0, 1, 50)
    model = regressor()
    history = model.fit(X, Y, validation_data=(X, Y, weight)).history
    assert history["val_loss"][-1] == model.evaluate(X, Y, sample_weight=weight)["loss"]


def test_dropout_is_off_in_evaluate_and_predict():
    model = rv.Sequential([Dense(20, "relu"), Dropout(0.5), Dense(1)], random_state=0)
    model.compile(loss="mse")
    model.fit(X, Y)
    np.testing.assert_array_equal(model.predict(X), model.predict(X))
    expected = np.mean((model.predict(X) - Y) ** 2)
    assert model.evaluate(X, Y)["loss"] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("threads", [2, 3])
def test_threads_do_not_change_bits(threads):
    results = []
    for n_threads in (1, threads):
        model = regressor(dtype="float32")
        model.fit(X, Y, epochs=5, n_threads=n_threads)
        results.append(weights(model))
    assert_same_weights(*results)


BACK = {
    "chunks": [],
    "epochs": [LambdaCallback(on_epoch_end=no_op)],
    "batches": [LambdaCallback(on_train_batch_end=no_op)],
}


def first_bad_step(model, epochs, batch_size):
    """Train batch by batch; return epoch, batch and number of the first step whose loss is not finite."""
    seen = []
    stop = LambdaCallback(on_train_batch_end=lambda batch, logs: seen.append(logs["loss"]))
    model.fit(X, Y, epochs=epochs, batch_size=batch_size, callbacks=[stop, rv.callbacks.TerminateOnNaN()])
    step = int(np.argmin(np.isfinite(seen)))
    return *divmod(step, -(-50 // batch_size)), step


@pytest.mark.parametrize("back", BACK)
@pytest.mark.parametrize(("batch_size", "learning_rate"), [(50, 5.0), (7, 5.0), (7, 1e3), (20, 2.0)])
def test_divergence_is_named_and_leaves_finite_weights(batch_size, learning_rate, back):
    def made():
        model = rv.Sequential([Dense(4, name="first"), Dense(1, name="second")], random_state=0)
        model.compile(optimizer=rv.optimizers.SGD(learning_rate), loss="mse")
        return model

    model, where = made(), first_bad_step(made(), 1000, batch_size)
    with pytest.raises(rv.DivergenceError, match="smaller learning rate") as caught:
        model.fit(X, Y, epochs=1000, batch_size=batch_size, callbacks=BACK[back])
    error = caught.value
    assert (error.epoch, error.batch, error.step) == where
    assert error.learning_rate == learning_rate
    assert error.layer in ("first", "second")
    assert re.search(rf"at step {error.step} .*learning_rate={learning_rate:g}: .*'{error.layer}", str(error))
    assert not np.isfinite(error.loss)
    assert vars(pickle.loads(pickle.dumps(error))).keys() == vars(error).keys()
    history = model.history
    assert history.epoch == list(range(error.epoch + 1))
    assert len(history.learning_rate) == len(history.history["loss"]) == error.epoch + 1
    assert not np.isfinite(history.history["loss"][-1])
    assert np.isfinite(history.history["loss"][:-1]).all()
    assert all(np.isfinite(w).all() for w in model.parameters.values())
    model.optimizer.learning_rate = 1e-6
    assert model.fit(X, Y, epochs=2).epoch[0] == error.restored_epoch <= error.epoch


def test_divergence_is_the_same_for_any_number_of_threads():
    found = []
    for n_threads in (1, 2, 3):
        model = rv.Sequential([Dense(40, "relu"), Dense(1)], random_state=0)
        model.compile(optimizer=rv.optimizers.SGD(1.0, momentum=0.9), loss="mse")
        with pytest.raises(rv.DivergenceError) as caught:
            model.fit(X, Y, epochs=1000, batch_size=20, n_threads=n_threads)
        found.append((caught.value.layer, caught.value.step, model.history.history["loss"][:-1]))
    assert found[0] == found[1] == found[2]


def test_divergence_names_the_rate_of_a_schedule():
    model = rv.Sequential([Dense(1)], random_state=0)
    schedule = rv.schedules.ExponentialDecay(1e-3, 1, 2.0)
    model.compile(optimizer=rv.optimizers.SGD(schedule), loss="mse")
    with pytest.raises(rv.DivergenceError) as caught:
        model.fit(X, Y, epochs=100, batch_size=20)
    assert caught.value.learning_rate == schedule(caught.value.step - 1)


def test_divergence_ends_a_long_epoch_at_once():
    model = rv.Sequential([Dense(1)], random_state=0)
    model.compile(optimizer=rv.optimizers.SGD(1e30), loss="mse")
    data = np.ones((100_000, 3))
    with pytest.raises(rv.DivergenceError) as caught:
        model.fit(data, data[:, 0], batch_size=1)
    assert caught.value.step < 20
    assert caught.value.restored_epoch == 0


def test_a_first_loss_that_is_not_finite():
    model = rv.Sequential([rv.layers.Input(3), Dense(1, kernel_initializer=rv.initializers.Constant(1e30))])
    model.compile(loss="mse")
    with pytest.raises(rv.DivergenceError, match=r"the loss was inf at step 0 .* outputs of layer 'dense' had reached"):
        model.fit(np.abs(X), Y)
    np.testing.assert_array_equal(model.parameters["dense/kernel"], np.full((3, 1), 1e30, np.float32))


@pytest.mark.parametrize("back", BACK)
def test_a_last_step_that_overflows_is_taken_back(back):
    model = rv.Sequential([Dense(1)], random_state=0)
    model.compile(optimizer=rv.optimizers.SGD(1e300), loss="mse")
    with pytest.raises(rv.DivergenceError, match=r"weights overflowed at step 0 .* learning_rate=1e\+300") as caught:
        model.fit(X, Y, batch_size=None, callbacks=BACK[back])
    assert (caught.value.layer, caught.value.epoch, caught.value.batch) == ("dense", 0, 0)
    assert all(np.isfinite(w).all() for w in model.parameters.values())


def test_early_stopping_gives_the_best_weights_back_after_divergence():
    model, best = rv.Sequential([Dense(1)], random_state=0), EarlyStopping("loss", patience=1000)
    model.compile(optimizer=rv.optimizers.SGD(rv.schedules.ExponentialDecay(1e-2, 5, 2.0)), loss="mse")
    kept = []
    keep = LambdaCallback(on_epoch_end=lambda epoch, logs: kept.append(weights(model)))
    with pytest.raises(rv.DivergenceError):
        model.fit(X, Y, epochs=1000, batch_size=20, callbacks=[best, keep])
    assert_same_weights(kept[best.best_epoch], weights(model))


def test_train_on_batch_takes_no_step_from_a_loss_that_is_not_finite():
    model = rv.Sequential([rv.layers.Input(3), Dense(1, kernel_initializer=rv.initializers.Constant(1e30))])
    model.compile(loss="mse")
    before = weights(model)
    assert model.train_on_batch(np.abs(X), Y)["loss"] == np.inf
    assert_same_weights(before, weights(model))


class Interrupt(Callback):
    def on_epoch_end(self, epoch, logs=None):
        if epoch == 5:
            raise KeyboardInterrupt


def test_ctrl_c_keeps_model_and_history_and_restores_the_best_weights():
    model = regressor()
    best = EarlyStopping("loss", patience=100, mode="max")
    ended = []
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, Y, epochs=50, callbacks=[best, LambdaCallback(on_train_end=ended.append), Interrupt()])
    assert model.history.epoch == [0, 1, 2, 3, 4, 5]
    assert len(ended) == 1
    assert best.best_epoch < 5
    first = regressor()
    first.fit(X, Y, epochs=best.best_epoch + 1)
    assert_same_weights(weights(first), weights(model))
    assert model.fit(X, Y).epoch == [6]


def interrupted_after(seconds):
    """Interrupt a long fit; return the model and how late the fit came back."""
    model, sent = regressor(dtype="float32", optimizer="sgd"), []

    def interrupt():
        sent.append(time.perf_counter())
        signal.raise_signal(signal.SIGINT)

    timer = threading.Timer(seconds, interrupt)
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, Y, epochs=10**8)
    return model, time.perf_counter() - sent[0]


@pytest.mark.alone
def test_a_signal_ends_a_long_fit_within_a_tenth_of_a_second():
    tries = [interrupted_after(0.2) for _ in range(3)]
    assert min(late for _, late in tries) < 0.1
    model = tries[0][0]
    done = len(model.history.epoch)
    assert done > 0
    assert np.isfinite(model.evaluate(X, Y)["loss"])
    assert model.fit(X, Y).epoch[0] >= done


@pytest.mark.alone
def test_a_signal_ends_a_long_evaluation_soon():
    model = rv.Sequential([rv.layers.Input(8), Dense(2048, "relu"), Dense(2048, "relu"), Dense(1)], random_state=0)
    model.compile(loss="mse")
    data, late = np.ones((400_000, 8), np.float32), []
    for _ in range(3):
        sent = []
        timer = threading.Timer(0.3, lambda: (sent.append(time.perf_counter()), signal.raise_signal(signal.SIGINT)))  # noqa: B023
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            model.evaluate(data, data[:, 0], n_threads=1)
        late.append(time.perf_counter() - sent[0])
    assert min(late) < 0.1


def test_train_on_batch_returns_loss_and_metrics():
    model = regressor(metrics=["mae", "r2"])
    logs = model.train_on_batch(X, Y)
    assert list(logs) == ["loss", "mae", "r2"]
    assert model.train_on_batch(X, Y)["loss"] < logs["loss"] * 1.5


def test_epochs_zero_builds_and_trains_nothing():
    model = regressor()
    assert model.fit(X, Y, epochs=0).epoch == []
    assert model.predict(X).shape == (50, 1)


@pytest.mark.parametrize(
    ("verbose", "lines"), [(0, 0), (2, 3), (1, 1), ("auto", 0)], ids=["silent", "lines", "one", "auto"]
)
def test_verbose(capsys, verbose, lines):
    regressor().fit(X, Y, epochs=3, verbose=verbose)
    out = capsys.readouterr().out
    assert out.count("\n") == lines
    if lines:
        assert "epoch 3/3" in out


def test_many_threads_may_share_a_model():
    model = regressor()
    model.fit(X, Y)
    expected, wrong = model.predict(X), []

    def predict():
        for _ in range(20):
            if (model.predict(X) != expected).any():
                wrong.append(1)

    threads = [threading.Thread(target=predict) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not wrong


@pytest.mark.parametrize("values", [X.astype(np.float16), X.astype(">f8"), np.asfortranarray(X), X.tolist(), X[::-1]])
def test_inputs_of_any_layout(values):
    model = regressor(dtype="float32")
    model.fit(values, Y)
    expected = model.predict(np.ascontiguousarray(np.asarray(values, dtype=np.float32)))
    np.testing.assert_array_equal(model.predict(values), expected)


@pytest.mark.parametrize("dtype", [bool, np.int8, np.uint16, np.int64])
def test_inputs_of_whole_numbers(dtype):
    values = RNG.integers(0, 2, size=(50, 3)).astype(dtype)
    model = regressor()
    model.fit(values, values[:, 0])
    np.testing.assert_array_equal(model.predict(values), model.predict(values.astype(float)))


def test_fit_does_not_copy_data_that_fit_already(monkeypatch):
    model = rv.Sequential([rv.layers.Input(3), Dense(1)], random_state=0)
    model.compile(loss="mse")
    data, target = X.astype(np.float32), Y.astype(np.float32)
    held, _ = training_data(model._state, data, target, None)
    assert np.shares_memory(held.X, data) and np.shares_memory(held.target, target)
