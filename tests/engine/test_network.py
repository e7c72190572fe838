"""What the compiled networks refuse before they run."""

import re

import numpy as np
import pytest
from engine_cases import make_network

from ravine import _core

ROWS = np.ones((4, 3), np.float32)
LABELS = np.array([0, 1, 1, 0], np.int32)
TRAIN = {"batch_size": 2, "first_epoch": 0, "epochs": 1, "rates": np.array([0.1])}


@pytest.fixture
def network():
    net = _core.NetworkFloat32(3, [_core.OperationSpec("dense", name="dense", units=2)], 0)
    net.set_loss("categorical_cross_entropy", setting=1.0)
    net.set_optimizer("sgd", {})
    return net


@pytest.mark.parametrize("n_threads", [0, -3, 1.5, 10**6, 2**70, "2", None])
@pytest.mark.parametrize(
    "call",
    [
        lambda net, n: net.train(ROWS, LABELS, None, **TRAIN, n_threads=n),
        lambda net, n: net.evaluate(ROWS, LABELS, None, n_threads=n),
        lambda net, n: net.forward(ROWS, n_threads=n),
        lambda net, n: net.loss_and_gradients(ROWS, LABELS, None, n_threads=n),
        lambda net, n: net.backward(ROWS, np.ones((4, 2), np.float32), n_threads=n),
    ],
)
def test_numbers_of_threads(network, call, n_threads):
    message = f"n_threads must be an int in [1, 1024], got {n_threads!r}"
    with pytest.raises(ValueError, match=re.escape(message)):
        call(network, n_threads)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((ROWS.astype(float), LABELS, None), TypeError, "X must be float32, got float64"),
        ((ROWS[:, :2].copy(), LABELS, None), ValueError, "X has 2 columns, but the network takes 3"),
        ((ROWS[:0], LABELS[:0], None), ValueError, "X must have at least one row"),
        ((ROWS, LABELS + 1, None), ValueError, "label 2 out of range [0, 2)"),
        ((ROWS, LABELS - 1, None), ValueError, "label -1 out of range [0, 2)"),
        ((ROWS, LABELS[:3], None), ValueError, "target must have shape (4,)"),
        ((ROWS, ROWS, None), ValueError, "target must have shape (4, 2)"),
        ((ROWS, LABELS, np.ones(3, np.float32)), ValueError, "weight must have shape (4,)"),
        ((ROWS, LABELS, np.ones(4)), TypeError, "weight must be float32"),
    ],
)
def test_data(network, arguments, error, message):
    with pytest.raises(error, match=re.escape(message)):
        network.train(*arguments, **TRAIN, n_threads=1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"batch_size": 0}, "batch_size must be at least 1, got 0"),
        ({"rates": np.array([])}, "rates must have at least one entry"),
        ({"metrics": [("f1", 0.0)]}, "metric is unknown: 'f1'"),
    ],
)
def test_settings(network, change, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        network.train(ROWS, LABELS, None, **(TRAIN | change), n_threads=1)


@pytest.mark.parametrize("make", ["engine", "twin"])
def test_a_batch_of_tiny_weights_changes_nothing(make):
    net = make_network(make, 3, [{"kind": "dense", "units": 2}], dtype="float32", seed=0)
    net.set_loss("squared_error", setting=1.0)
    net.set_optimizer("sgd", {})
    before = {name: w.copy() for name, w in net.parameters().items()}
    target, weight = np.zeros((4, 2), np.float32), np.full(4, 1e-40, np.float32)
    assert net.train(ROWS, target, weight, **TRAIN)["steps"] == 2
    for name, w in net.parameters().items():
        np.testing.assert_array_equal(w, before[name])


def test_backward_needs_rows(network):
    with pytest.raises(ValueError, match="X must have at least one row, got shape"):
        network.backward(ROWS[:0], np.ones((0, 2), np.float32))


@pytest.mark.parametrize(
    ("first", "batches", "steps"), [(0, 0, 2), (1, 1, 1), (1, 2**64 - 1, 1), (2**64 - 1, 2**64 - 1, 0), (5, 0, 0)]
)
def test_batches_of_an_epoch(network, first, batches, steps):
    assert network.train(ROWS, LABELS, None, **TRAIN, first_batch=first, batches=batches)["steps"] == steps


def test_a_network_without_operations_gives_its_input():
    bare = _core.NetworkFloat64(3, [], 0)
    bare.set_loss("squared_error", setting=1.0)
    bare.set_optimizer("sgd", {})
    X = np.ones((4, 3))
    assert bare.loss_and_gradients(X, X, None) == 0.0
    rates = np.array([0.1])
    assert bare.train(X, X, None, batch_size=2, first_epoch=0, epochs=1, rates=rates)["steps"] == 2


@pytest.mark.parametrize("rows", [2**32, 2**63])
def test_an_order_numbers_rows_in_32_bits(rows):
    with pytest.raises(ValueError, match=f"shuffle takes at most .* rows, got {rows}"):
        _core.epoch_order(rows, 0, 0)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"kind": "conv"}, "unknown kind of operation 'conv'; choose from dense, activation, conv2d, "),
        ({"kind": "dense", "units": 0}, "units of x must be at least 1, got 0"),
        ({"kind": "dense", "units": 2**50}, "is more than 2^40 weights"),
        ({"kind": "dense", "units": 2, "activation": "RELU"}, "unknown activation 'RELU'; choose from linear"),
        ({"kind": "dense", "units": 1.5}, "units of x must be integers in [0, 2^63], got 1.5"),
        ({"kind": "dense", "units": 2, "bias": True}, "dense has no setting 'bias'; choose from units, use_bias, "),
        ({"kind": "dense"}, "dense needs the setting 'units' (x)"),
        ({"kind": "dense", "units": "2"}, "units of x must be a number or numbers, got '2'"),
        ({"kind": "activation", "activation": 2}, "activation of x must be a word, got numbers"),
        (
            {"kind": "max_pool", "shape": (1, 1, 3), "pool_size": (1, 1), "strides": 1, "same": False},
            "max_pool needs the setting 'strides' with at least 2 numbers (x)",
        ),
        ({"kind": "dropout", "rate": 1.0}, "rate of x must be in [0, 1)"),
    ],
)
def test_specs(spec, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        _core.NetworkFloat64(3, [_core.OperationSpec(**spec, name="x")], 0)
