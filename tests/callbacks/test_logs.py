"""Callbacks that write files, keep weights, or look at the clock."""

import csv
import json
import math
import time

import numpy as np
import pytest

import ravine as rv
from ravine.callbacks import CheckpointEnsemble, CSVLogger, JSONLogger, LambdaCallback, TimeLimit
from ravine.layers import Dense

X = np.random.default_rng(5).normal(size=(40, 3))
Y = X.sum(axis=1)
LABELS = (Y > 0).astype(int)


def model(loss="mse", learning_rate=0.05):
    made = rv.Sequential([Dense(1)], random_state=0)
    made.compile(optimizer=rv.optimizers.SGD(learning_rate), loss=loss, metrics=["mae"] if loss == "mse" else ())
    return made


def read_csv(path, separator=","):
    with path.open(newline="") as file:
        return list(csv.DictReader(file, delimiter=separator))


def read_json(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_csv(tmp_path, separator):
    made, path = model(), tmp_path / "log.csv"
    made.optimizer.learning_rate = rv.schedules.ExponentialDecay(0.1, 1, 0.5)
    history = made.fit(
        X, Y, epochs=4, validation_split=0.25, callbacks=[CSVLogger(str(path), separator=separator)], verbose=0
    )
    rows = read_csv(path, separator)
    assert list(rows[0]) == ["epoch", "seconds", "learning_rate", "loss", "mae", "val_loss", "val_mae"]
    assert [int(row["epoch"]) for row in rows] == history.epoch
    assert [float(row["learning_rate"]) for row in rows] == history.learning_rate
    for name, values in history.history.items():
        assert [float(row[name]) for row in rows] == values
    seconds = [float(row["seconds"]) for row in rows]
    assert seconds[0] >= 0 and seconds == sorted(seconds)


def test_json(tmp_path):
    made, path = model(), tmp_path / "log.jsonl"
    history = made.fit(X, Y, epochs=4, callbacks=[JSONLogger(path)])
    rows = read_json(path)
    assert list(rows[0]) == ["epoch", "seconds", "learning_rate", "loss", "mae"]
    for name in ("loss", "mae"):
        assert [row[name] for row in rows] == history.history[name]


@pytest.mark.parametrize(("make", "read"), [(CSVLogger, read_csv), (JSONLogger, read_json)])
def test_append_goes_on_and_a_new_file_begins(tmp_path, make, read):
    made, path = model(), tmp_path / "log"
    for append, rows in ((True, 2), (True, 4), (False, 2)):
        made.fit(X, Y, epochs=2, callbacks=[make(path, append=append)])
        assert len(read(path)) == rows
    assert [int(row["epoch"]) for row in read(path)] == [4, 5]


@pytest.mark.parametrize(("make", "read"), [(CSVLogger, read_csv), (JSONLogger, read_json)])
def test_each_line_is_written_at_once_and_the_file_closed_after_an_error(tmp_path, make, read):
    path, found = tmp_path / "log", []

    def look(epoch, logs):
        found.append(len(read(path)))
        if epoch == 2:
            raise OSError("full")

    logger = make(path)
    with pytest.raises(OSError, match="full"):
        model().fit(X, Y, epochs=5, callbacks=[logger, LambdaCallback(on_epoch_end=look)])
    assert found == [1, 2, 3]
    assert logger._file is None


def test_json_has_null_for_what_is_no_number(tmp_path):
    made, path = model(learning_rate=50.0), tmp_path / "log"
    made.fit(X, Y, epochs=500, callbacks=[JSONLogger(path), rv.callbacks.TerminateOnNaN()])
    assert read_json(path)[-1]["loss"] is None


def test_a_file_with_other_columns_is_refused_and_left_as_it_is(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("epoch,loss\n0,1.0\n")
    with pytest.raises(ValueError, match="has the columns epoch, loss; this fit has epoch, seconds, learning_rate"):
        model().fit(X, Y, callbacks=[CSVLogger(path, append=True)])
    assert path.read_text() == "epoch,loss\n0,1.0\n"


def test_time_limit():
    made, limit = model(), TimeLimit(0.1)
    start = time.perf_counter()
    history = made.fit(X, Y, epochs=10**9, callbacks=[limit])
    assert 0.1 <= time.perf_counter() - start < 5
    assert limit.stopped_epoch == history.epoch[-1]
    assert made.fit(X, Y, epochs=1, callbacks=[TimeLimit(math.inf)]).epoch == [limit.stopped_epoch + 1]
    assert len(made.fit(X, Y, epochs=9, callbacks=[TimeLimit(0)]).epoch) == 1


def test_an_ensemble_keeps_the_latest_weights():
    made, ensemble, seen = model(), CheckpointEnsemble(every=3, size=2), []
    keep = LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(made.parameters["dense/kernel"].copy()))
    made.fit(X, Y, epochs=10, callbacks=[ensemble, keep])
    assert ensemble.epochs == [5, 8]
    for weights, epoch in zip(ensemble.weights, ensemble.epochs, strict=True):
        np.testing.assert_array_equal(weights["dense/kernel"], seen[epoch])
    mean = (seen[5].astype(float) + seen[8]) / 2
    np.testing.assert_array_equal(ensemble.average_weights()["dense/kernel"], mean.astype(np.float32))
    made.fit(X, Y, epochs=2, callbacks=[ensemble])
    assert ensemble.epochs == [11]


@pytest.mark.parametrize(("loss", "method"), [("mse", "predict"), ("binary_crossentropy", "predict_proba")])
def test_an_ensemble_predicts_the_mean(loss, method):
    made, ensemble, outputs = model(loss), CheckpointEnsemble(size=3), []
    target = Y if loss == "mse" else LABELS
    keep = LambdaCallback(on_epoch_end=lambda epoch, logs: outputs.append(getattr(made, method)(X)))
    made.fit(X, target, epochs=5, callbacks=[ensemble, keep])
    before = made.parameters["dense/kernel"].copy()
    found = getattr(ensemble, method)(X)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, np.mean(outputs[2:], axis=0), rtol=1e-6)
    np.testing.assert_array_equal(found, getattr(ensemble, method)(X, n_threads=2))
    np.testing.assert_array_equal(made.parameters["dense/kernel"], before)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: CSVLogger(3), TypeError, "filename must be a str or a path, got 3"),
        (lambda: CSVLogger("x", separator=",,"), ValueError, "separator must be one character"),
        (lambda: CSVLogger("x", append=1), TypeError, "append must be True or False, got 1"),
        (lambda: model().fit(X, Y, callbacks=[JSONLogger("/no/such/folder/x")]), OSError, "No such file"),
        (lambda: TimeLimit(-1), ValueError, "seconds must be a number in"),
        (lambda: TimeLimit("1 h"), TypeError, "seconds must be a number"),
        (lambda: CheckpointEnsemble(every=0), ValueError, "every must be an int >= 1, got 0"),
        (lambda: CheckpointEnsemble(size=0), ValueError, "size must be an int >= 1, got 0"),
        (lambda: CheckpointEnsemble().predict(X), rv.NotFittedError, "has kept no weights yet"),
    ],
)
def test_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()
