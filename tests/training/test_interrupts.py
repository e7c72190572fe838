"""An interrupt at any line of Python leaves models that can be trained on and used."""

import contextlib
import sys
from pathlib import Path

import numpy as np
import pytest

import ravine as rv
from ravine.callbacks import Callback
from ravine.layers import Dense

X = np.random.default_rng(8).normal(size=(90, 3))
Y = np.sin(X @ [1.0, -1.0, 0.5])
PACKAGE = Path(rv.__file__).parent
WATCHED = {
    contextlib.__file__,
    *map(str, (PACKAGE / "training").glob("*.py")),
    *map(str, (PACKAGE / "ensembles").glob("*.py")),
    str(PACKAGE / "network" / "guard.py"),
    str(PACKAGE / "model" / "fitting.py"),
}
# a prime, so that repeated passages are interrupted at other lines each time
STRIDE = 23


class Predicting(Callback):
    def on_epoch_end(self, epoch, logs):
        self.model.predict(X)


def model():
    made = rv.Sequential([Dense(4, "tanh"), Dense(1)], random_state=4)
    made.compile("adam", loss="mse")
    return made


def fitted_alone():
    alone = model()
    return [alone], lambda: alone.fit(X, Y, epochs=2, callbacks=[Predicting()])


def many_starts():
    many = rv.MultiStart(model(), starts=2, check_every=2)
    return many, lambda: many.fit(X, Y, epochs=4)


def ensemble():
    group = rv.Ensemble(model(), size=2)
    return group, lambda: group.fit(X, Y, epochs=2)


def models_of(trained):
    if isinstance(trained, list):
        return trained
    if isinstance(trained, rv.MultiStart):
        return trained.models
    try:
        return trained.members
    except rv.NotFittedError:
        return []


def run_and_interrupt(train, line):
    """Train, raise KeyboardInterrupt at a line of the watched files, counted from 1, and return how many were seen."""
    seen = 0

    def trace(frame, event, _):
        nonlocal seen
        if frame.f_code.co_filename not in WATCHED:
            return None
        if event == "line":
            seen += 1
            if seen == line:
                raise KeyboardInterrupt
        return trace

    previous = sys.gettrace()
    sys.settrace(trace)
    try:
        train()
    except KeyboardInterrupt as error:
        return seen, error  # its traceback keeps the frames, as in an interactive session
    finally:
        sys.settrace(previous)
    return seen, None


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # interrupted while they are collected
@pytest.mark.parametrize("make", [fitted_alone, many_starts, ensemble])
def test_an_interrupt_at_any_line_leaves_models_that_can_be_used(make):
    lines, _ = run_and_interrupt(make()[1], 0)
    interrupted = 0
    for line in range(1, lines + 1, STRIDE):
        trained, train = make()
        _, error = run_and_interrupt(train, line)
        interrupted += error is not None
        for each in models_of(trained):
            before = each._state.training.epoch
            assert each.fit(X, Y, epochs=1).epoch == [before], f"line {line} of {lines}"
            assert np.isfinite(each.predict(X)).all()
    assert interrupted > 20
