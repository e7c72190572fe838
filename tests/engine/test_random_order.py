"""The order in which an epoch visits the rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from engine_cases import dense, dropout, make_network, uniform

from ravine import _core, reference


@pytest.mark.parametrize("rows", [0, 1, 2, 3, 10, 97, 1000])
@pytest.mark.parametrize(("seed", "epoch"), [(0, 0), (0, 1), (1, 0), (2**32 - 1, 3), (5, 2**33 + 1)])
def test_the_engine_and_the_twin_draw_the_same_order(rows: int, seed: int, epoch: int) -> None:
    order = _core.epoch_order(rows, seed, epoch)
    assert order.dtype == np.int64
    np.testing.assert_array_equal(order, reference.epoch_order(rows, seed, epoch))
    np.testing.assert_array_equal(np.sort(order), np.arange(rows))


# these are bits: a change means a minor release and a changelog entry
GOLDEN = {
    (10, 0, 0): [0, 1, 9, 8, 3, 4, 2, 7, 6, 5],
    (10, 0, 1): [6, 8, 4, 7, 3, 2, 9, 0, 1, 5],
    (10, 1, 0): [6, 3, 8, 2, 4, 5, 1, 0, 7, 9],
    (10, 2**32 - 1, 2**40): [5, 1, 3, 4, 7, 9, 8, 0, 6, 2],
}


@pytest.mark.parametrize(("rows", "seed", "epoch"), GOLDEN)
def test_golden_orders(rows: int, seed: int, epoch: int) -> None:
    assert _core.epoch_order(rows, seed, epoch).tolist() == GOLDEN[rows, seed, epoch]


def test_orders_differ() -> None:
    orders = {tuple(_core.epoch_order(100, seed, epoch)) for seed in range(20) for epoch in range(20)}
    assert len(orders) == 400


def test_orders_are_uniform() -> None:
    """Each row comes to each place equally often: chi-square on 7 x 7 cells, within six standard deviations."""
    rows, epochs = 7, 7000
    counts = np.zeros((rows, rows))
    for epoch in range(epochs):
        counts[np.arange(rows), _core.epoch_order(rows, 3, epoch)] += 1
    expected = epochs / rows
    chi_square = np.sum((counts - expected) ** 2 / expected)
    freedom = (rows - 1) ** 2
    assert abs(chi_square - freedom) < 6 * np.sqrt(2 * freedom)


def run(make: Any, X: Any, target: Any, weight: Any, **options: Any) -> Any:
    network = make(4, [dense(8, "tanh"), dropout(0.3), dense(2)])
    network.set_loss("squared_error", setting=1.0)
    network.set_optimizer("adam", {})
    fixed = {"batch_size": 16, "epochs": 1, "rates": np.array([0.01]), "metrics": [], "n_threads": 1}
    network.train(X, target, weight, **fixed, **options)
    return network.parameters()


@pytest.mark.parametrize("epoch", [0, 1, 7])
def test_a_shuffled_epoch_is_an_epoch_on_ordered_rows(make: Any, epoch: int) -> None:
    X, target, weight = uniform((50, 4), seed=1), uniform((50, 2), seed=2), uniform((50,), seed=3, low=0.0)
    order = _core.epoch_order(50, 11, epoch)
    shuffled = run(make, X, target, weight, first_epoch=epoch, shuffle_seed=11)
    ordered = run(make, X[order], target[order], weight[order], first_epoch=epoch, shuffle_seed=None)
    for name, w in ordered.items():
        np.testing.assert_array_equal(shuffled[name], w)


def test_the_order_of_an_epoch_does_not_depend_on_the_network_seed() -> None:
    """Two networks of different seeds see the rows in the same order: a linear one without dropout ends the same."""
    X, target = uniform((40, 3), seed=1), uniform((40, 1), seed=2)
    weights = []
    for seed in (0, 1):
        network = make_network("engine", 3, [dense(1)], seed=seed)
        for w in network.parameters().values():
            w[...] = 0.5
        network.set_loss("squared_error", setting=1.0)
        network.set_optimizer("sgd", {})
        network.train(X, target, None, batch_size=7, first_epoch=0, epochs=3, shuffle_seed=9, rates=np.array([0.05]),
                      metrics=[], n_threads=1)  # fmt: skip
        weights.append(network.parameters()["dense_0/kernel"].copy())
    np.testing.assert_array_equal(*weights)
