"""Callbacks that set the learning rate: plateaus, functions of one's own, the range test."""

import math

import numpy as np
import pytest

import ravine as rv
from ravine.callbacks import LearningRateFinder, LearningRateScheduler, ReduceLROnPlateau
from ravine.layers import Dense
from ravine.schedules import CosineDecay

RNG = np.random.default_rng(5)
X = RNG.normal(size=(40, 3))
Y = X.sum(axis=1)


def model(learning_rate=0.1, optimizer=rv.optimizers.SGD, dtype="float64"):
    made = rv.Sequential([Dense(1)], dtype=dtype, random_state=0)
    made.compile(optimizer=optimizer(learning_rate), loss="mse", metrics=["mae"])
    return made


def monitored(values, **settings):
    """Run the callback on given values; return it, the rate after each epoch, and the model."""
    made, callback, rates = model(), ReduceLROnPlateau("loss", **settings), []
    end = callback.on_epoch_end

    def replaced(epoch, logs):
        end(epoch, {"loss": values[epoch]})
        rates.append(made.learning_rate)

    callback.on_epoch_end = replaced
    made.fit(X, Y, epochs=len(values), callbacks=[callback])
    return callback, rates


NAN = math.nan
PLATEAUS = [
    ([3, 2, 1, 2, 2, 2, 2], {"patience": 2}, [1, 1, 1, 1, 0.5, 0.5, 0.25]),
    ([3, 2, 1, 2, 0.5, 2, 2], {"patience": 2}, [1, 1, 1, 1, 1, 1, 0.5]),
    ([3, 3, 3, 3], {"patience": 0, "factor": 0.1}, [1, 0.1, 0.01, 0.001]),
    ([3, 3, 3, 3], {"patience": 1, "min_lr": 0.03}, [1, 0.5, 0.3, 0.3]),
    ([3, 2.9, 2.8, 2.7], {"patience": 2, "min_delta": 0.5}, [1, 1, 0.5, 0.5]),
    ([1, 2, 3, 3, 3], {"patience": 2, "mode": "max"}, [1, 1, 1, 1, 0.5]),
    ([1, 2, 2, 2, 2, 2, 2], {"patience": 1, "cooldown": 2}, [1, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25]),
    ([1, NAN, NAN, NAN], {"patience": 2}, [1, 1, 0.5, 0.5]),
    ([1.0] * 25, {}, [1] * 10 + [0.5] * 10 + [0.25] * 5),
]


@pytest.mark.parametrize(("values", "settings", "expected"), PLATEAUS)
def test_plateaus(values, settings, expected):
    callback, rates = monitored(values, **settings)
    np.testing.assert_allclose(rates, 0.1 * np.array(expected), rtol=1e-14)
    cuts = [(e, rate) for e, (rate, before) in enumerate(zip(rates, [0.1, *rates[:-1]], strict=True)) if rate < before]
    assert callback.reductions == cuts


@pytest.mark.torch
@pytest.mark.parametrize("cooldown", [0, 1, 3])
@pytest.mark.parametrize("patience", [0, 1, 4])
def test_plateaus_against_torch(patience, cooldown):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed: no oracle for plateaus")
    values = (3 / np.arange(1, 61) + np.random.default_rng(2).uniform(0, 1, 60)).tolist()
    sgd = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
    # torch waits for one epoch more than its patience says
    peer = torch.optim.lr_scheduler.ReduceLROnPlateau(
        sgd, factor=0.5, patience=max(patience, 1) - 1, threshold=0.0, cooldown=cooldown, eps=0.0
    )
    expected = []
    for value in values:
        peer.step(value)
        expected.append(sgd.param_groups[0]["lr"])
    _, rates = monitored(values, patience=patience, cooldown=cooldown)
    np.testing.assert_allclose(rates, expected, rtol=1e-12)


def test_a_plateau_of_the_validation_score_cuts_the_rate():
    made, callback = model(), ReduceLROnPlateau("val_mae", patience=3)
    history = made.fit(X, Y + RNG.normal(size=40), epochs=60, validation_split=0.25, callbacks=[callback])
    assert callback.reductions
    epoch, rate = callback.reductions[0]
    assert history.learning_rate[epoch : epoch + 2] == [0.1, rate] == [0.1, 0.05]
    assert callback.best == min(history.history["val_mae"])


def test_a_scheduler_sets_the_rate_before_each_epoch():
    made = model()
    seen = []

    def halve(epoch, rate):
        seen.append((epoch, rate))
        return rate / 2 if epoch else rate

    rates = made.fit(X, Y, epochs=2, callbacks=[LearningRateScheduler(halve)]).learning_rate
    rates += made.fit(X, Y, epochs=2, callbacks=[LearningRateScheduler(halve)]).learning_rate
    assert rates == [0.1, 0.05, 0.025, 0.0125]
    assert seen == [(0, 0.1), (1, 0.1), (2, 0.05), (3, 0.025)]


def finder_on_a_quadratic(**settings):
    made = model(0.25)
    finder = LearningRateFinder(1e-4, 1e4, **settings)
    made.fit(X, Y, epochs=1000, batch_size=None, callbacks=[finder])
    return made, finder


def test_the_range_test_finds_where_descent_learns_and_where_it_diverges():
    _, finder = finder_on_a_quadratic()
    features = np.hstack((X, np.ones((40, 1))))
    limit = 2 / np.linalg.eigvalsh(2 * features.T @ features / 40).max()
    assert len(finder.rates) == len(finder.losses) == len(finder.averages) < 100
    np.testing.assert_allclose(finder.rates, 1e-4 * 1e8 ** (np.arange(len(finder.rates)) / 99), rtol=1e-12)
    assert 1e-3 < finder.suggestion < limit < finder.rates[-1]
    assert finder.averages[-1] > 4 * finder.averages.min()


def test_the_range_test_leaves_everything_as_it_was():
    tested, untouched = model(0.25, rv.optimizers.Adam), model(0.25, rv.optimizers.Adam)
    for made in (tested, untouched):
        made.fit(X, Y, epochs=3)
    tested.fit(X, Y, epochs=50, callbacks=[LearningRateFinder()])
    assert tested.learning_rate == 0.25
    assert tested.fit(X, Y, epochs=3).history == untouched.fit(X, Y, epochs=3).history
    assert tested.history.epoch == [3, 4, 5]


def test_the_range_test_puts_a_schedule_back():
    made, plain = model(CosineDecay(0.1, 30)), model(CosineDecay(0.1, 30))
    made.fit(X, Y, epochs=50, callbacks=[LearningRateFinder()])
    assert made.fit(X, Y, epochs=5).learning_rate == plain.fit(X, Y, epochs=5).learning_rate


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
def test_the_range_test_puts_things_back_after_an_error(error):
    made = model(0.25)
    made.fit(X, Y)
    before = made.parameters["dense/kernel"].copy()

    def fail(batch, logs):
        if batch == 1:
            raise error

    with pytest.raises(error):
        failing = rv.callbacks.LambdaCallback(on_train_batch_end=fail)
        made.fit(X, Y, batch_size=5, callbacks=[LearningRateFinder(), failing])
    np.testing.assert_array_equal(made.parameters["dense/kernel"], before)
    assert made.learning_rate == 0.25


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_range_test_takes_overflow(dtype):
    made = model(0.25, dtype=dtype)
    finder = LearningRateFinder(1.0, 1e300, steps=1000, stop_factor=1e300)
    made.fit(X, Y, epochs=1000, batch_size=None, callbacks=[finder])
    assert not np.isfinite(finder.losses[-1]) or finder.averages[-1] > 1e299
    assert all(np.isfinite(w).all() for w in made.parameters.values())


def test_too_few_epochs_give_what_they_can():
    made, finder = model(), LearningRateFinder()
    assert math.isnan(finder.suggestion)
    made.fit(X, Y, epochs=2, batch_size=None, callbacks=[finder])
    assert len(finder.rates) == 2


@pytest.mark.parametrize("threads", [2, 3])
def test_threads_do_not_change_bits(threads):
    results = []
    for n_threads in (1, threads):
        made, finder = model(dtype="float32"), LearningRateFinder(1e-3, 10.0, steps=30)
        made.fit(X, Y, epochs=20, batch_size=10, callbacks=[finder], n_threads=n_threads)
        made.optimizer.learning_rate = finder.suggestion
        plateau = ReduceLROnPlateau("loss", patience=1)
        history = made.fit(X, Y, epochs=30, batch_size=10, callbacks=[plateau], n_threads=n_threads)
        results.append([*finder.losses, *history.history["loss"], *made.parameters["dense/kernel"].ravel()])
    np.testing.assert_array_equal(*results)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: ReduceLROnPlateau(factor=1.0), ValueError, r"factor must be a number in \(0.0, 1.0\), got 1.0"),
        (lambda: ReduceLROnPlateau(patience=-1), ValueError, "patience must be an int >= 0, got -1"),
        (lambda: ReduceLROnPlateau(cooldown=0.5), ValueError, "cooldown must be an int >= 0, got 0.5"),
        (lambda: ReduceLROnPlateau(min_lr=-1), ValueError, "min_lr must be"),
        (lambda: ReduceLROnPlateau(mode="up"), ValueError, "mode must be 'auto', 'min' or 'max', got 'up'"),
        (
            lambda: model().fit(X, Y, callbacks=[ReduceLROnPlateau()]),
            ValueError,
            "ReduceLROnPlateau monitors 'val_loss'; this fit has loss, mae; pass validation_data",
        ),
        (
            lambda: model(CosineDecay(0.1, 3)).fit(X, Y, callbacks=[ReduceLROnPlateau("loss")]),
            ValueError,
            "ReduceLROnPlateau sets the optimizer's learning_rate, which must be a number then, got CosineDecay",
        ),
        (
            lambda: model(CosineDecay(0.1, 3)).fit(X, Y, callbacks=[LearningRateScheduler(lambda epoch, rate: rate)]),
            ValueError,
            "LearningRateScheduler sets the optimizer's learning_rate",
        ),
        (lambda: LearningRateScheduler(0.1), TypeError, "function must be a function of epoch and rate, got 0.1"),
        (
            lambda: LearningRateScheduler(CosineDecay(0.1, 3)),
            TypeError,
            "give the optimizer the schedule, not",
        ),
        (
            lambda: model().fit(X, Y, callbacks=[LearningRateScheduler(lambda epoch, rate: -rate)]),
            ValueError,
            r"learning_rate must be a number in \[0.0, inf\), got -0.1",
        ),
        (lambda: LearningRateFinder(0), ValueError, r"low must be a number in \(0.0, inf\), got 0"),
        (lambda: LearningRateFinder(1, 0.5), ValueError, r"high must be a number in \(1.0, inf\), got 0.5"),
        (lambda: LearningRateFinder(steps=1), ValueError, "steps must be an int >= 2, got 1"),
        (lambda: LearningRateFinder(stop_factor=1), ValueError, "stop_factor must be"),
        (lambda: LearningRateFinder(beta=1), ValueError, "beta must be"),
    ],
)
def test_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()


@pytest.mark.parametrize("optimizer", ["lbfgs", "bfgs"])
@pytest.mark.parametrize(
    "callback", [ReduceLROnPlateau("loss"), LearningRateScheduler(lambda epoch, rate: 0.1), LearningRateFinder()]
)
def test_an_optimizer_without_a_rate_is_refused_before_the_first_epoch(optimizer, callback):
    made = rv.Sequential([Dense(1)], dtype="float64", random_state=0)
    made.compile(optimizer=optimizer, loss="mse")
    name = type(callback).__name__
    message = f"{name} sets the optimizer's learning_rate: {optimizer.upper()} has no learning_rate to set"
    with pytest.raises(ValueError, match=message):
        made.fit(X, Y, epochs=3, batch_size=None, callbacks=[callback])
    assert made.input_shape is None and made._state.training.epoch == 0
