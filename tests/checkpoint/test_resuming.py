"""A fit that goes on from a file ends as one that never stopped, whatever it trains with and wherever it stood."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

import ravine as rv
from checkpoint_cases import X, Y, assert_same, model
from children import child
from paths import TESTS
from ravine import CheckpointMismatchError, schedules
from ravine.callbacks import (
    Callback,
    CheckpointEnsemble,
    CSVLogger,
    Doctor,
    EarlyStopping,
    JSONLogger,
    LearningRateFinder,
    LearningRateScheduler,
    ModelCheckpoint,
    ReduceLROnPlateau,
    TimeLimit,
)

FIT = {"epochs": 5, "batch_size": 15, "validation_split": 0.2}  # 40 rows: 3 batches an epoch, 15 steps
STOPS = (1, 3, 5, 9, 14, 15)  # after the first step, at the end of an epoch, in the midst of one, at the very end

OPTIMIZERS = {
    name: getattr(rv.optimizers, name)
    for name in rv.optimizers.__all__
    if isinstance(getattr(rv.optimizers, name), type)
    and issubclass(getattr(rv.optimizers, name), rv.optimizers.Optimizer)
    and name not in ("Chain", "Newton", "Optimizer", "WeightAverage")
}
COMPOSED = {
    "average": lambda: rv.optimizers.WeightAverage(rv.optimizers.Adam(0.02), decay=0.9, start=2, every=2),
    "average by epoch": lambda: rv.optimizers.WeightAverage("sgd", decay=None, unit="epoch"),
    "chain": lambda: rv.optimizers.Chain([(rv.optimizers.SGD(0.02, momentum=0.9), 1), ("lbfgs", 1), ("adam", None)]),
    "chain of equal shares": lambda: ["bfgs", rv.optimizers.SGD(schedules.BoldDriver(0.03)), "rmsprop"],
}
SAMPLERS = {
    "weighted": lambda: rv.samplers.Weighted(np.arange(1.0, 51.0)),
    "stratified": lambda: rv.samplers.Stratified(balanced=True),
    "adaptive": lambda: rv.samplers.AdaptiveWeights(),
}
RATES = {
    "number": lambda: 0.01,
    "exponential": lambda: schedules.ExponentialDecay(0.02, 3, 0.7),
    "cosine by epoch": lambda: schedules.CosineDecay(0.05, 4, unit="epoch"),
    "piecewise": lambda: schedules.PiecewiseConstantDecay([4, 8], [0.1, 0.03, 0.01]),
    "warm-up": lambda: schedules.WarmUp(schedules.PolynomialDecay(0.05, 9, cycle=True), 4),
    "inverse time": lambda: schedules.InverseTimeDecay(0.05, 3, 0.5),
    "bold driver": lambda: schedules.BoldDriver(0.05, increase=1.5),
}


class Batches(Callback):
    """A hook on batches, so that the engine comes back after each step; it counts them."""

    _kept = ("seen",)

    def on_train_begin(self, logs=None):
        self.seen = []

    def on_train_batch_end(self, batch, logs=None):
        self.seen.append((batch, logs["loss"]))


class Own(Callback):
    """A user's callback that keeps a state and sets the rate by it."""

    def on_train_begin(self, logs=None):
        self.losses = []

    def on_epoch_end(self, epoch, logs=None):
        self.losses.append(logs["loss"])
        self.model.optimizer.learning_rate = 0.01 * min(self.losses)

    def get_state(self):
        return {"losses": self.losses}

    def set_state(self, state):
        self.losses = state["losses"]


def falling(epoch, rate):
    return 0.9 * rate


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    """Files need not be on the disk here: tests/checkpoint/test_atomic.py sees to that."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


def run(make, folder, callbacks=lambda: [], every="step", stops=STOPS, **arguments):
    """A fit that leaves a file after each step, and from each of some of these one that goes on; all must be equal."""
    arguments = {**FIT, **arguments}
    whole, free, ours = make(), make(), callbacks()
    free.fit(X, Y, callbacks=callbacks(), **arguments)
    keep = ModelCheckpoint(folder / "{step}.ravine", every)
    whole.fit(X, Y, callbacks=[*ours, keep], **arguments)
    assert_same(whole, free)
    end = remembered(ours, folder)
    for step in stops or sorted(int(path.stem) for path in folder.glob("*.ravine"))[:4]:
        again, theirs = make(), callbacks()
        rest = [*theirs, ModelCheckpoint(folder / "{step}.ravine", every)]
        again.fit(X, Y, callbacks=rest, resume=folder / f"{step}.ravine", **arguments)
        assert_same(again, whole)
        assert remembered(theirs, folder) == end
    return whole


def remembered(callbacks, folder):
    """What callbacks know at the end, but for times."""
    found = [
        {name: repr(value) for name, value in vars(callback).items() if name not in ("model", "params", "_start")}
        for callback in callbacks
    ]
    logs = [path.read_text().split("\n") for path in sorted(folder.glob("log.*"))]
    return found, [[[part for part in line.split(",") if "seconds" not in part][::2] for line in log] for log in logs]


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer(name, tmp_path):
    kind = OPTIMIZERS[name]
    run(lambda: model(kind(), dropout=0 if kind.searches else 0.2), tmp_path)


@pytest.mark.parametrize("make", COMPOSED.values(), ids=COMPOSED)
def test_optimizers_made_of_others(make, tmp_path):
    run(lambda: model(make(), dropout=0), tmp_path, lambda: [Own()] if make is COMPOSED["average"] else [])


@pytest.mark.parametrize("by_batch", [False, True])
@pytest.mark.parametrize("sampler", SAMPLERS.values(), ids=SAMPLERS)
def test_every_sampler(sampler, by_batch, tmp_path):
    run(model, tmp_path, lambda: [Batches()] if by_batch else [], sampler=sampler())


def test_another_sampler_is_refused(tmp_path):
    path = tmp_path / "run.ravine"
    model().fit(X, Y, callbacks=[ModelCheckpoint(path)], sampler=SAMPLERS["adaptive"]())
    with pytest.raises(CheckpointMismatchError, match="sampler="):
        model().fit(X, Y, resume=path)


@pytest.mark.parametrize("name", [name for name, kind in OPTIMIZERS.items() if kind.searches])
def test_optimizers_that_search_on_all_rows(name, tmp_path):
    make = lambda: model(OPTIMIZERS[name](), dropout=0, dtype="float64")  # noqa: E731
    run(make, tmp_path, stops=(1, 2, 5), batch_size=None)


@pytest.mark.parametrize("by_batch", [False, True])
@pytest.mark.parametrize("rate", RATES.values(), ids=RATES)
def test_every_schedule(rate, by_batch, tmp_path):
    make = lambda: model(rv.optimizers.SGD(rate(), momentum=0.8))  # noqa: E731
    run(make, tmp_path, lambda: [Batches()] if by_batch else [])


CALLBACKS = {
    "early stopping": lambda folder: [EarlyStopping(patience=1, min_delta=0.05)],
    "early stopping, by batch": lambda folder: [EarlyStopping("loss", patience=1, min_delta=0.05), Batches()],
    "plateau": lambda folder: [ReduceLROnPlateau(patience=1, min_delta=0.1, cooldown=1)],
    "rate by function": lambda folder: [LearningRateScheduler(falling)],
    "ensemble": lambda folder: [CheckpointEnsemble(every=2, size=2)],
    "own": lambda folder: [Own()],
    "several": lambda folder: [Own(), TimeLimit(1e6), Batches(), EarlyStopping(target=0.0)],
    "doctor": lambda folder: [Doctor(print_fn=None)],
    "finder": lambda folder: [LearningRateFinder(1e-3, 1.0, steps=14)],
}


@pytest.mark.parametrize("make", CALLBACKS.values(), ids=CALLBACKS)
def test_every_callback_with_state(make, tmp_path):
    stops = (1, 5, 6) if make is CALLBACKS["early stopping"] else (1, 3, 5, 6)
    run(lambda: model(rv.optimizers.SGD(0.03)), tmp_path, lambda: make(tmp_path), stops=stops)


def test_a_finder_under_a_schedule(tmp_path):
    make = lambda: model(rv.optimizers.SGD(schedules.BoldDriver(0.03)))  # noqa: E731
    run(make, tmp_path, lambda: [LearningRateFinder(1e-3, 1.0, steps=14)], stops=(1, 3, 5))


FITS = {
    "metrics by a pass": ({"metrics": ["r2", "mae"]}, {}),
    "sum": ({"loss": rv.losses.MeanSquaredError(reduction="sum")}, {"batch_size": 7}),
    "weights": ({}, {"sample_weight": np.where(np.arange(50) % 7, 1.0, 0.0), "shuffle": False}),
    "whole batches without weight": ({}, {"sample_weight": np.arange(50) // 15 % 2 * 1.0, "shuffle": False}),
    "float64": ({"dtype": "float64"}, {}),
    "no validation": ({}, {"validation_split": 0.0}),
    "threads": ({}, {"n_threads": 3}),
}


@pytest.mark.parametrize("every", ["step", "0.000001 s"])
@pytest.mark.parametrize(("made", "arguments"), FITS.values(), ids=FITS)
def test_every_kind_of_fit(made, arguments, every, tmp_path):
    stops = (1, 3, 5, 9) if every == "step" else ()  # how often time comes depends on the machine
    run(lambda: model(**made), tmp_path, every=every, stops=stops, **arguments)
    assert len(list(tmp_path.glob("*.ravine"))) > 5


def test_a_fit_that_time_has_stopped_goes_on(tmp_path):
    path, whole, first, again = tmp_path / "run.ravine", model(), model(), model()
    whole.fit(X, Y, epochs=3)
    first.fit(X, Y, epochs=3, callbacks=[TimeLimit(0), ModelCheckpoint(path, "1 h")])
    assert first.history.epoch == [0]
    again.fit(X, Y, epochs=3, callbacks=[TimeLimit(1e6)], resume=path)
    assert_same(again, whole)


def test_a_fit_that_has_been_stopped_for_good_stays_stopped(tmp_path):
    path, first, again = tmp_path / "run.ravine", model(), model()
    callbacks = [EarlyStopping("loss", target=1e9), ModelCheckpoint(path)]
    first.fit(X, Y, epochs=3, callbacks=callbacks)
    again.fit(X, Y, epochs=3, callbacks=callbacks, resume=path)
    assert again.history.epoch == [0]
    assert_same(again, first)


def test_a_second_fit_resumes_too(tmp_path):
    whole, again = model(), model()
    for epochs in (2, 3):
        whole.fit(X, Y, epochs=epochs, callbacks=[ModelCheckpoint(tmp_path / "{step}.ravine", "step")])
    assert whole.history.epoch == [2, 3, 4]
    again.fit(X, Y, epochs=3, resume=tmp_path / "7.ravine")
    assert_same(again, whole)


def test_files_between_fits_begin_a_fit(tmp_path):
    whole, again = model(), model(seed=None)
    whole.fit(X, Y, epochs=2)
    whole.save(tmp_path / "a.ravine")
    whole.fit(X, Y, epochs=3)
    again.fit(X, Y, epochs=3, resume=tmp_path / "a.ravine")
    assert_same(again, whole)


def test_the_seed_comes_from_the_file(tmp_path):
    whole, again = model(seed=None), model(seed=None)
    whole.fit(X, Y, epochs=4, callbacks=[ModelCheckpoint(tmp_path / "{step}.ravine", "3 steps")])
    again.fit(X, Y, epochs=4, resume=tmp_path / "3.ravine")
    assert again.random_state == whole.random_state
    assert_same(again, whole)


@pytest.mark.parametrize("logger", [CSVLogger, JSONLogger])
def test_logs_are_cut_and_go_on(logger, tmp_path):
    log, path = tmp_path / "log.txt", tmp_path / "{step}.ravine"
    model().fit(X, Y, callbacks=[logger(log), ModelCheckpoint(path, "step")], **FIT)
    lines = log.read_text().splitlines()
    model().fit(X, Y, callbacks=[logger(log)], resume=tmp_path / "7.ravine", **FIT)
    again = log.read_text().splitlines()
    assert len(again) == len(lines) and again[:2] == lines[:2]
    if logger is CSVLogger:
        without = [[[*line.split(",")[:1], *line.split(",")[2:]] for line in text] for text in (lines, again)]
        assert without[0] == without[1]


def checkpoint(folder):
    path = folder / "run.ravine"
    model().fit(X, Y, callbacks=[Own(), ModelCheckpoint(path, "2 steps")], **{**FIT, "epochs": 2})
    return path


OTHERS = [
    (lambda: model(seed=9), X[:40], {}, "rows=32, the checkpoint's had rows=40"),
    (model, X, {"batch_size": 16}, "batch_size=16, the checkpoint's had batch_size=15"),
    (model, X, {"shuffle": False}, "shuffle=False"),
    (model, X + 1, {}, "this fit has other data"),
    (model, X, {"callbacks": []}, "had the callbacks Own, ModelCheckpoint, in this order.*got none"),
    (lambda: model("sgd"), X, {}, "other optimizer: .*expected 'optimizers.SGD', found 'optimizers.Adam'"),
    (lambda: model(rv.optimizers.Adam(beta_1=0.5)), X, {}, "optimizer: beta_1: expected 0.5, found 0.9"),
    (lambda: model(rv.optimizers.Adam(schedules.BoldDriver(0.1))), X, {}, None),
    (lambda: model(loss="mae"), X, {}, "other loss"),
    (lambda: model(metrics=[]), X, {}, "other metrics: expected 0 of them, found 1"),
    (lambda: model(dropout=0.5), X, {}, r"other layers: \[1\].rate: expected 0.5, found 0.2"),
    (lambda: model(dropout=0), X, {}, "other layers: expected 2 of them, found 3"),
    (lambda: model(dtype="float64"), X, {}, "expected dtype float64, found float32"),
    (lambda: model(units=2), X, {}, r"other layers: \[2\].units: expected 2, found 1"),
]


def test_other_data_to_validate_with_are_refused(tmp_path):
    path, held = tmp_path / "run.ravine", (X[:9], Y[:9])
    model().fit(X, Y, validation_data=held, callbacks=[ModelCheckpoint(path)])
    with pytest.raises(CheckpointMismatchError, match="this fit has other data"):
        model().fit(X, Y, validation_data=(X[:8], Y[:8]), resume=path)


@pytest.mark.parametrize(("make", "rows", "arguments", "message"), [row for row in OTHERS if row[3]])
def test_another_fit_is_refused(make, rows, arguments, message, tmp_path):
    path = checkpoint(tmp_path)
    with pytest.raises(CheckpointMismatchError, match=message):
        make().fit(rows, Y[: len(rows)], **{**FIT, "callbacks": [Own()], "resume": path, **arguments})


def test_a_built_model_of_other_shapes_is_refused(tmp_path):
    path = checkpoint(tmp_path)
    other = rv.Sequential([rv.layers.Input(4), rv.layers.Dense(7), rv.layers.Dense(1)])
    other.compile("adam", "mse")
    with pytest.raises(CheckpointMismatchError, match=r"expected shape \(4, 7\), found \(4, 6\)"):
        other.fit(X, Y, resume=path)


def test_resume_needs_a_compiled_model_and_a_file(tmp_path):
    path = checkpoint(tmp_path)
    with pytest.raises(ValueError, match="the model has no loss yet"):
        rv.Sequential([rv.layers.Dense(1)]).fit(X, Y, resume=path)
    with pytest.raises(FileNotFoundError, match=r"gone\.ravine"):
        model().fit(X, Y, resume=tmp_path / "gone.ravine")
    with pytest.raises(TypeError, match="path must be a str or a path, got True"):
        model().fit(X, Y, resume=True)


def test_best_only_keeps_the_best(tmp_path):
    path = tmp_path / "best.ravine"
    keep = ModelCheckpoint(path, save_best_only=True)
    made = model(rv.optimizers.SGD(0.3))
    made.fit(X, Y, epochs=12, validation_split=0.2, callbacks=[keep])
    values = made.history.history["val_loss"]
    best = rv.load(path)
    assert keep.monitor == "val_loss" and keep.best == min(values) and keep.best_epoch == int(np.argmin(values)) < 11
    assert best.history.history["val_loss"] == values[: keep.best_epoch + 1]
    assert best.evaluate(X[40:], Y[40:])["loss"] == pytest.approx(keep.best, rel=1e-6)


def test_best_only_of_every_second_epoch(tmp_path):
    keep = ModelCheckpoint(tmp_path / "{epoch}.ravine", "2 epochs", save_best_only=True, monitor="loss")
    losses = model("sgd", dropout=0).fit(X, Y, epochs=6, callbacks=[keep]).history["loss"]
    assert losses == sorted(losses, reverse=True)
    assert sorted(os.listdir(tmp_path)) == ["1.ravine", "3.ravine", "5.ravine"]


def test_a_file_for_each_epoch_has_its_score_in_its_name(tmp_path):
    keep = ModelCheckpoint(tmp_path / "{epoch:02d} {val_loss:.6f}.ravine", "2 epochs")
    history = model().fit(X, Y, epochs=5, validation_split=0.2, callbacks=[keep]).history["val_loss"]
    assert sorted(os.listdir(tmp_path)) == [f"{epoch:02d} {history[epoch]:.6f}.ravine" for epoch in (1, 3, 4)]


BAD_ARGUMENTS = [
    ({"every": "fortnight"}, ValueError, "every must be like 'epoch', '5 epochs'"),
    ({"every": "0 steps"}, ValueError, "every must be like"),
    ({"every": "1.5 epochs"}, ValueError, "every must be like"),
    ({"every": "min"}, ValueError, "every must be like"),
    ({"every": 5}, ValueError, "every must be like"),
    ({"every": "5 steps", "save_best_only": True}, ValueError, "needs an `every` that counts epochs"),
    ({"save_best_only": 1}, TypeError, "save_best_only must be True or False"),
    ({"path": 3}, TypeError, "path must be a str or a path"),
    ({"path": "{loss}.ravine", "every": "1 s"}, ValueError, "path may hold {epoch} and {step}"),
    ({"mode": "least"}, ValueError, "mode must be"),
]


@pytest.mark.parametrize(("arguments", "error", "message"), BAD_ARGUMENTS)
def test_bad_arguments_of_model_checkpoint(arguments, error, message):
    with pytest.raises(error, match=message):
        ModelCheckpoint(**{"path": "run.ravine", **arguments})


def test_what_cannot_be_written_is_said_before_training(tmp_path):
    class Nameless(schedules.Schedule):
        def __init__(self, function):
            super().__init__()

        def rates(self, t):
            return 0.1 + 0 * t

    cases = [
        (model(), {"path": tmp_path / "no" / "run.ravine"}, FileNotFoundError, "there is no folder"),
        (
            model(),
            {"path": tmp_path / "{val_loss}.ravine"},
            ValueError,
            "names 'val_loss'; there are epoch, step, loss",
        ),
        (model(), {"path": tmp_path / "a", "monitor": "val_loss"}, ValueError, "ModelCheckpoint monitors 'val_loss'"),
        (model(rv.optimizers.SGD(Nameless(0))), {"path": tmp_path / "a"}, TypeError, "Nameless cannot be saved"),
    ]
    for made, arguments, error, message in cases:
        with pytest.raises(error, match=message):
            made.fit(X, Y, callbacks=[ModelCheckpoint(**arguments)])
        assert made._state.built is None


def test_units_of_time():
    units = [ModelCheckpoint("a", every)._count for every in ("30 s", "10min", "2 h", "0.5h")]
    assert units == [30, 10, 2, 0.5]


STOPPED = """
import sys
sys.path[:0] = {folders!r}
import test_resuming
from ravine.callbacks import ModelCheckpoint
print("ready", flush=True)
test_resuming.long_fit({kind!r}, 10**9, ModelCheckpoint({path!r}, "epoch"))
"""
KINDS = {
    "many steps an epoch": (lambda: model(), 1, lambda: []),
    "one step an epoch": (lambda: model(), 3000, lambda: []),
    "by batch": (lambda: model(), 100, lambda: [Counting()]),
    "searching": (lambda: model("lbfgs", dropout=0), 1000, lambda: []),
}


class Counting(Callback):
    """Counts the batches that it is told of, at both ends."""

    _kept = ("begun", "ended")

    def on_train_begin(self, logs=None):
        self.begun = self.ended = 0

    def on_train_batch_begin(self, batch, logs=None):
        self.begun += 1

    def on_train_batch_end(self, batch, logs=None):
        self.ended += 1


def long_fit(kind, epochs, *more, **arguments):
    """A fit of one of these kinds; returns the model and the callbacks."""
    make, batch_size, callbacks = KINDS[kind]
    rows = np.random.default_rng(0).normal(size=(3000, 4))
    made, chosen = make(), [*callbacks(), EarlyStopping("loss", patience=10**6)]
    made.fit(rows, rows.sum(axis=1), epochs=epochs, batch_size=batch_size, callbacks=[*chosen, *more], **arguments)
    return made, chosen


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, -signal.SIGINT)])
@pytest.mark.parametrize("kind", KINDS)
def test_signals_end_a_fit_that_can_be_resumed(kind, number, status, tmp_path):
    path = tmp_path / "run.ravine"
    code = STOPPED.format(folders=[str(TESTS), os.path.dirname(__file__)], path=str(path), kind=kind)
    with child([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"ready\n"
        while not path.exists():
            assert process.poll() is None, process.stderr.read()
            time.sleep(0.01)
        time.sleep(0.1)
        process.send_signal(number)
        _, printed = process.communicate(timeout=30)
    assert process.returncode == status, printed
    assert os.listdir(tmp_path) == ["run.ravine"]
    epochs = rv.load(path)._state.training.epoch + 2
    again, theirs = long_fit(kind, epochs, resume=path)
    whole, ours = long_fit(kind, epochs)
    assert_same(again, whole)
    assert remembered(theirs, tmp_path) == remembered(ours, tmp_path)


@pytest.mark.parametrize("own", [False, True])
def test_sigterm_is_handled_where_nothing_else_does(own, tmp_path):
    handler = (lambda *_: None) if own else signal.SIG_DFL
    before, seen = signal.signal(signal.SIGTERM, handler), []
    try:
        look = rv.callbacks.LambdaCallback(on_epoch_end=lambda *_: seen.append(signal.getsignal(signal.SIGTERM)))
        model().fit(X, Y, callbacks=[ModelCheckpoint(tmp_path / "run.ravine"), look])
        assert (seen == [handler]) is own and signal.getsignal(signal.SIGTERM) == handler
    finally:
        signal.signal(signal.SIGTERM, before)
