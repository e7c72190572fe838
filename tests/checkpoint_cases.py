"""What the tests of checkpoints share: a problem, models for it, and files made by hand."""

import json

import numpy as np

import ravine as rv
from ravine.checkpoint.file_format import _DIGITS, _START, _checksum
from ravine.layers import Dense, Dropout, Input

RNG = np.random.default_rng(11)
X = RNG.normal(size=(50, 4))
Y = np.sin(X).sum(axis=1)
LABELS = np.array(["cat", "dog", "eel"])[np.argmax(X[:, :3], axis=1)]


def model(optimizer="adam", loss="mse", metrics=("mae",), dropout=0.2, seed=3, dtype="float32", units=1):
    """A small compiled network; its shape comes from the first data."""
    layers = [Dense(6, "tanh", l2=1e-3), *([Dropout(dropout)] if dropout else []), Dense(units)]
    made = rv.Sequential(layers, random_state=seed, dtype=dtype)
    made.compile(optimizer, loss, metrics)
    return made


def tiny():
    """A model whose file is short."""
    made = rv.Sequential([Input(2), Dense(1)], random_state=0)
    made.compile("sgd", "mse")
    return made


def state_of(made):
    """Everything of a model that a fit changes, as comparable values."""
    network, history = made._state.network, made.history
    arrays = {**network.weights(), **network.optimizer_state(), "running": network.running}
    return {
        "arrays": {name: array.tobytes() for name, array in arrays.items()},
        "step": network.step,
        "epoch": made._state.training.epoch,
        "rate": made.learning_rate,
        "sampling": made._state.training.sampling and made._state.training.sampling.state.tobytes(),
        "turn": (made._state.training.turn, made._state.training.shares),
        "history": history and (history.epoch, history.learning_rate, history.history),
    }


def assert_same(made, other):
    ours, theirs = state_of(made), state_of(other)
    for name, value in ours.items():
        assert value == theirs[name], name


def file_of(header, data=b"", length=None):
    """A file with this header: a dict, or bytes."""
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    return (len(raw) if length is None else length).to_bytes(8, "little") + raw + data


def resealed(content, change):
    """The bytes of a checkpoint after `change(header)`, with a header checksum that is right again."""
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    change(header)
    header["__metadata__"]["checksum"] = "0" * _DIGITS
    raw = json.dumps(header, separators=(",", ":")).encode()
    start, first, last = len(raw).to_bytes(8, "little"), len(_START), len(_START) + _DIGITS
    return start + raw[:first] + _checksum(start, raw).encode() + raw[last:] + content[8 + length :]
