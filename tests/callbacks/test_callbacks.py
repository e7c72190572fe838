"""Callbacks: which hooks run when, early stopping, learning rates."""

import numpy as np
import pytest

import ravine as rv
from ravine.callbacks import Callback, EarlyStopping, LambdaCallback, TerminateOnNaN
from ravine.layers import Dense

X = np.random.default_rng(5).normal(size=(20, 3))
Y = X.sum(axis=1)


def model(learning_rate=0.05):
    made = rv.Sequential([Dense(1)], random_state=0)
    made.compile(optimizer=rv.optimizers.SGD(learning_rate), loss="mse", metrics=["mae"])
    return made


class Record(Callback):
    def __init__(self):
        self.calls = []

    def on_train_begin(self, logs=None):
        self.calls.append("train_begin")

    def on_train_end(self, logs=None):
        self.calls.append(("train_end", sorted(logs)))

    def on_epoch_begin(self, epoch, logs=None):
        self.calls.append(("epoch_begin", epoch))

    def on_epoch_end(self, epoch, logs=None):
        self.calls.append(("epoch_end", epoch, sorted(logs)))


class RecordBatches(Record):
    def on_train_batch_begin(self, batch, logs=None):
        self.calls.append(("batch_begin", batch))

    def on_train_batch_end(self, batch, logs=None):
        self.calls.append(("batch_end", batch, sorted(logs)))


NAMES = ["loss", "mae"]


def test_epoch_hooks():
    record = Record()
    model().fit(X, Y, epochs=2, callbacks=[record])
    epochs = [call for epoch in (0, 1) for call in (("epoch_begin", epoch), ("epoch_end", epoch, NAMES))]
    assert record.calls == ["train_begin", *epochs, ("train_end", NAMES)]
    assert record.params == {"epochs": 2, "steps": 1, "metrics": NAMES, "resumed": False}


class Patient(Record):
    """Hears of seven epochs at a time."""

    def _epochs_alone(self):
        return 7


@pytest.mark.parametrize("others", [(), (Record,)], ids=["alone", "beside-another"])
def test_a_patient_callback_hears_the_same(others):
    fits = []
    for kind in (Record, Patient):
        made, callback = model(), kind()
        made.fit(X, Y, epochs=40, batch_size=6, callbacks=[callback, *(other() for other in others)])
        fits.append((made, callback))
    (made, record), (other, patient) = fits
    assert record.calls == patient.calls and len(record.calls) == 82
    assert made.history.history == other.history.history and made.history.epoch == other.history.epoch
    assert all(np.array_equal(w, other.parameters[name]) for name, w in made.parameters.items())


def test_a_patient_callback_hears_of_a_loss_that_is_not_finite():
    calls = []
    for kind in (Record, Patient):
        made, callback = model(50.0), kind()
        with pytest.raises(rv.DivergenceError) as error:
            made.fit(X, Y, epochs=1000, callbacks=[callback])
        calls.append((callback.calls, error.value.epoch, error.value.step, made.history.epoch))
    assert calls[0] == calls[1]


def test_batch_hooks():
    record = RecordBatches()
    model().fit(X, Y, batch_size=15, callbacks=[record])
    batches = [call for batch in (0, 1) for call in (("batch_begin", batch), ("batch_end", batch, NAMES))]
    assert record.calls[2:-2] == batches


def test_lambda_callback_has_only_the_hooks_it_was_given():
    callback = LambdaCallback(on_epoch_end=lambda epoch, logs: None)
    assert callback.overrides("on_epoch_end")
    assert not callback.overrides("on_epoch_begin", "on_train_batch_begin", "on_train_batch_end")
    with pytest.raises(TypeError, match="on_epoch_end must be a function, got 3"):
        LambdaCallback(on_epoch_end=3)


@pytest.mark.parametrize("hook", ["on_epoch_end", "on_train_batch_end"])
def test_stop_training(hook):
    made = model()

    def stop(number, logs):
        made.stop_training = True

    assert made.fit(X, Y, epochs=9, batch_size=5, callbacks=[LambdaCallback(**{hook: stop})]).epoch == [0]
    assert made._state.network.step == (4 if hook == "on_epoch_end" else 1)
    assert len(made.fit(X, Y, epochs=3).epoch) == 3


def test_learning_rate_may_change_between_epochs_and_batches():
    made, seen = model(), []

    def halve(epoch, logs):
        made.optimizer.learning_rate /= 2
        seen.append(made.parameters["dense/kernel"].copy())

    made.fit(X, Y, epochs=2, batch_size=None, shuffle=False, callbacks=[LambdaCallback(on_epoch_end=halve)])
    by_hand = model()
    by_hand.fit(X, Y, batch_size=None, shuffle=False)
    by_hand.optimizer.learning_rate = 0.025
    by_hand.fit(X, Y, batch_size=None, shuffle=False)
    np.testing.assert_array_equal(made.parameters["dense/kernel"], by_hand.parameters["dense/kernel"])
    assert made.optimizer.learning_rate == 0.0125


def test_on_train_end_runs_after_an_error_in_every_callback():
    ended = []

    def fail(epoch, logs):
        raise OSError("disk full")

    callbacks = [
        LambdaCallback(on_train_end=lambda logs: ended.append(1)),
        LambdaCallback(on_epoch_end=fail),
        LambdaCallback(on_train_end=lambda logs: ended.append(3)),
    ]
    with pytest.raises(OSError, match="disk full"):
        model().fit(X, Y, epochs=3, callbacks=callbacks)
    assert ended == [1, 3]


def test_on_train_end_runs_for_those_that_had_begun():
    calls, made = [], model()

    def fail(logs):
        raise OSError("disk full")

    first = LambdaCallback(
        on_train_begin=lambda logs: calls.append("begin"), on_train_end=lambda logs: calls.append("end")
    )
    second = LambdaCallback(on_train_begin=fail, on_train_end=lambda logs: calls.append("never"))
    with pytest.raises(OSError, match="disk full"):
        made.fit(X, Y, callbacks=[first, second])
    assert calls == ["begin", "end"]
    assert made.fit(X[:, :2], Y).epoch == [0]


@pytest.mark.parametrize("hook", ["on_train_begin", "on_epoch_end", "on_train_batch_end", "on_train_end"])
@pytest.mark.parametrize("call", [lambda m: m.fit(X, Y), lambda m: m.compile(loss="mae")], ids=["fit", "compile"])
def test_a_running_fit_cannot_be_changed_from_inside(hook, call):
    made = model()
    with pytest.raises(RuntimeError, match="must not be called from a callback of a running fit"):
        made.fit(X, Y, callbacks=[LambdaCallback(**{hook: lambda *_: call(made)})])
    call(made)


class Values(Callback):
    """Puts made values into the logs by way of the weights: epoch e leaves the bias at e."""

    def on_epoch_end(self, epoch, logs=None):
        self.model.parameters["dense/bias"][...] = epoch


def monitored(values, **settings):
    """Run early stopping on given values; return it and the model."""
    made, stopping = model(0.0), EarlyStopping("loss", **settings)
    end = stopping.on_epoch_end
    stopping.on_epoch_end = lambda epoch, logs: end(epoch, {"loss": values[epoch]})
    made.fit(X, Y, epochs=len(values), callbacks=[Values(), stopping])
    return stopping, made


@pytest.mark.parametrize(
    ("values", "settings", "best_epoch", "stopped"),
    [
        ([3, 2, 1, 2, 2, 2, 2], {"patience": 2}, 2, 4),
        ([3, 2, 1, 2, 0.5, 2, 2], {"patience": 2}, 4, 6),
        ([3, 2, 1], {"patience": 2}, 2, None),
        ([3, 2.9, 2.8, 2.7], {"patience": 2, "min_delta": 0.5}, 0, 2),
        ([1, 2, 3, 1, 1], {"patience": 2, "mode": "max"}, 2, 4),
        ([3, 2, 1, 0.5], {"target": 1.0}, 2, 2),
        ([1, 2, 3, 4], {"target": 2.5, "mode": "max"}, 2, 2),
        ([1, 2, 3], {"patience": 0}, 0, 1),
        ([1, float("nan"), float("nan")], {"patience": 2}, 0, 2),
    ],
)
@pytest.mark.parametrize("restore", [True, False])
def test_early_stopping(values, settings, best_epoch, stopped, restore):
    stopping, made = monitored(values, restore_best_weights=restore, **settings)
    assert (stopping.best_epoch, stopping.stopped_epoch, stopping.best) == (best_epoch, stopped, values[best_epoch])
    last = len(values) - 1 if stopped is None else stopped
    assert made.parameters["dense/bias"][0] == (best_epoch if restore else last)


@pytest.mark.parametrize(
    ("monitor", "mode"),
    [("val_loss", "min"), ("mae", "min"), ("val_accuracy", "max"), ("binary_accuracy", "max"), ("auc", "max"),
     ("val_f1", "max"), ("r2", "max"), ("top_k", "max"), ("top_2", "max"), ("acc", "max")],
)  # fmt: skip
def test_the_direction_goes_by_the_name(monitor, mode):
    assert EarlyStopping(monitor).mode == mode


def test_early_stopping_never_restores_weights_that_overflowed():
    made = model(1e300)
    with pytest.raises(rv.DivergenceError, match=r"weights overflowed at step 0|the loss was"):
        made.fit(X, Y, epochs=3, callbacks=[EarlyStopping("loss")])
    assert all(np.isfinite(w).all() for w in made.parameters.values())


def test_early_stopping_may_be_used_again():
    stopping = EarlyStopping("loss", patience=3)
    for _ in range(2):
        made = model()
        made.fit(X, Y, epochs=5, callbacks=[stopping])
        assert stopping.best == min(made.history.history["loss"])


def test_early_stopping_needs_what_it_monitors():
    with pytest.raises(ValueError, match="'val_loss'; this fit has loss, mae; pass validation_data"):
        model().fit(X, Y, callbacks=[EarlyStopping()])


def test_terminate_on_nan_is_silent():
    made = model(50.0)
    history = made.fit(X, Y, epochs=1000, callbacks=[TerminateOnNaN()])
    assert len(history.epoch) < 1000
    assert not np.isfinite(history.history["loss"][-1])
    assert np.isfinite(made.parameters["dense/kernel"]).all()


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: EarlyStopping(patience=-1), ValueError, "patience must be an int >= 0, got -1"),
        (lambda: EarlyStopping(min_delta=-1), ValueError, "min_delta must be"),
        (lambda: EarlyStopping(3), ValueError, "monitor must be a non-empty str without '/', got 3"),
        (lambda: EarlyStopping(mode=["min"]), ValueError, "mode must be 'auto', 'min' or 'max', got"),
        (lambda: EarlyStopping(mode="up"), ValueError, "mode must be 'auto', 'min' or 'max', got 'up'"),
        (lambda: model().fit(X, Y, callbacks=Record()), TypeError, "callbacks must be a list"),
        (lambda: model().fit(X, Y, callbacks=[print]), TypeError, "callbacks must hold"),
    ],
)
def test_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()
