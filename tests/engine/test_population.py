"""Losses of a population: each member's has the bits of `evaluate` on a network with its weights."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from engine_cases import dense, labels, layer_names, make_network, uniform
from engine_problems import INPUTS, PROBLEMS, data, pair

MEMBERS = 11


def members_of(network: Any, frozen: tuple[str, ...] = (), count: int = MEMBERS) -> Any:
    size = sum(w.size for name, w in network.parameters().items() if name.split("/")[0] not in frozen)
    return uniform((count, size), seed=6)


def one_by_one(network: Any, members: Any, arguments: tuple[Any, ...], frozen: tuple[str, ...] = ()) -> Any:
    """What evaluate() says with each member's weights written into the network, which gets its own back."""
    weights = {name: w for name, w in network.parameters().items() if name.split("/")[0] not in frozen}
    own, losses = {name: w.copy() for name, w in weights.items()}, []
    for member in members:
        first = 0
        with np.errstate(over="ignore"):
            for w in weights.values():
                w[...] = member[first : first + w.size].reshape(w.shape)
                first += w.size
        losses.append(network.evaluate(*arguments, n_threads=1)["loss"])
    for name, w in weights.items():
        w[...] = own[name]
    return np.array(losses)


@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("frozen", [(), ("dense_0",)])
def test_a_member_has_the_bits_of_evaluate(problem: str, weighted: bool, dtype: str, frozen: tuple[str, ...]) -> None:
    network = pair(problem, dtype=dtype)[0]
    network.set_trainable([name not in frozen for name in layer_names(PROBLEMS[problem][0])])
    X, target, weight = data(problem, dtype)
    arguments = (X, target, weight if weighted else None)
    members, before = members_of(network, frozen), {name: w.copy() for name, w in network.parameters().items()}
    losses = network.population_losses(members, *arguments, n_threads=2)
    for name, w in network.parameters().items():
        np.testing.assert_array_equal(w, before[name])
    np.testing.assert_array_equal(losses, one_by_one(network, members, arguments, frozen))
    assert losses.dtype == np.float64 and len(set(losses)) == MEMBERS


@pytest.mark.parametrize("rows", [1, 31, 33, 130, 2100])
@pytest.mark.parametrize("count", [0, 1, 2, 40])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_bits_do_not_depend_on_threads(rows: int, count: int, dtype: str) -> None:
    network = make_network("engine", INPUTS, [dense(40, "tanh", l2=1e-3), dense(3, "softmax")], dtype=dtype)
    network.set_loss("categorical_cross_entropy", setting=1.0, skip_activation=True)
    arguments = (uniform((rows, INPUTS), seed=1, dtype=dtype), labels(rows, 3, seed=2), None)
    members = members_of(network, count=count)
    want = one_by_one(network, members, arguments)
    for threads in (1, 2, 3, 8):
        np.testing.assert_array_equal(network.population_losses(members, *arguments, n_threads=threads), want)


def test_members_that_overflow_leave_the_others_alone() -> None:
    network = pair("numbers", dtype="float32")[0]
    arguments = data("numbers", "float32")
    members = members_of(network)
    want = network.population_losses(members, *arguments)
    members[2], members[5], members[7] = np.nan, 1e300, np.inf
    losses = network.population_losses(members, *arguments, n_threads=3)
    assert not np.isfinite(losses[[2, 5, 7]]).any()
    others = np.delete(np.arange(MEMBERS), [2, 5, 7])
    np.testing.assert_array_equal(losses[others], want[others])


def test_a_network_without_trainable_parameters() -> None:
    network = pair("classes")[0]
    network.set_trainable([False] * len(PROBLEMS["classes"][0]))
    losses = network.population_losses(np.empty((3, 0)), *data("classes"))
    assert set(losses) == {network.evaluate(*data("classes"), n_threads=1)["loss"]}


@pytest.mark.parametrize(
    ("members", "error", "message"),
    [
        (np.zeros((2, 3)), ValueError, r"members must have shape \(2, 111\) to match the trainable parameters"),
        (np.zeros(111), ValueError, r"members must have 2 dimensions, got shape \(111,\)"),
        (np.zeros((2, 111), np.float32), TypeError, "members must be float64, got float32"),
        (np.zeros((111, 2)).T, ValueError, "members must be C-contiguous"),
        ([[0.0]], TypeError, "members must be a NumPy array, got list"),
    ],
)
def test_refused(members: Any, error: type[Exception], message: str) -> None:
    network = pair("classes")[0]
    with pytest.raises(error, match=message):
        network.population_losses(members, *data("classes"))


def test_refused_data() -> None:
    network = make_network("engine", 2, [dense(1)])
    members, X = np.zeros((1, 3)), np.zeros((4, 2))
    with pytest.raises(ValueError, match="no loss is set: call set_loss first"):
        network.population_losses(members, X, np.zeros((4, 1)), None)
    network.set_loss("squared_error", setting=1.0)
    with pytest.raises(ValueError, match="target must have shape"):
        network.population_losses(members, X, np.zeros((3, 1)), None)
    with pytest.raises(ValueError, match=r"n_threads must be an int in \[1, 1024\], got 0"):
        network.population_losses(members, X, np.zeros((4, 1)), None, n_threads=0)
