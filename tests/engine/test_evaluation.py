"""What a network gives without training: losses, metrics, outputs, gradients and views of its numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from engine_cases import dense, labels, make_network, relative_error, uniform
from engine_problems import (
    INPUTS,
    PROBLEMS,
    ROWS,
    assert_same_network,
    data,
    pair,
    prepare,
    run,
)


@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize("weighted", [False, True])
def test_evaluate(problem: str, weighted: bool) -> None:
    engine, twin = pair(problem)
    X, target, weight = data(problem)
    ours, theirs = (
        network.evaluate(X, target, weight if weighted else None, metrics=PROBLEMS[problem][5], n_threads=2)
        for network in (engine, twin)
    )
    assert ours["loss"] == pytest.approx(theirs["loss"], rel=1e-12)
    np.testing.assert_allclose(ours["metrics"], theirs["metrics"], rtol=1e-12)
    value = engine.loss_and_gradients(X, target, weight if weighted else None, n_threads=2)
    assert value == pytest.approx(ours["loss"], rel=1e-14)


# metric, setting, whether it reads labels
METRICS = [
    ("accuracy", 0.0, True), ("accuracy", 0.0, False), ("top_k", 1.0, True), ("top_k", 3.0, True),
    ("binary_accuracy", 0.0, False), ("binary_accuracy", 0.5, False), ("squared_error", 0.0, False),
    ("absolute_error", 0.0, False),
]  # fmt: skip


@pytest.mark.parametrize(("metric", "setting", "with_labels"), METRICS)
@pytest.mark.parametrize("weighted", [False, True])
def test_metrics(metric: str, setting: float, with_labels: bool, weighted: bool) -> None:
    values = []
    for library in ("engine", "twin"):
        network = make_network(library, 4, [dense(5)])
        network.set_loss("categorical_cross_entropy", setting=1.0)
        target = labels(70, 5, seed=2) if with_labels else uniform((70, 5), seed=2, low=0.0)
        weight = uniform((70,), seed=3, low=0.0) if weighted else None
        values.append(network.evaluate(uniform((70, 4), seed=1), target, weight, metrics=[(metric, setting)],
                                       n_threads=1)["metrics"])  # fmt: skip
    assert values[0].shape == (1,)
    assert values[0][0] == pytest.approx(values[1][0], rel=1e-13)


@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize("skip", [False, True])
def test_forward_of_the_first_operations(problem: str, skip: bool) -> None:
    engine, twin = pair(problem)
    X = data(problem)[0]
    for count in [None, *range(1, len(PROBLEMS[problem][0]) + 1)]:
        ours, theirs = (
            network.forward(X, operations=count, skip_activation=skip, n_threads=2) for network in (engine, twin)
        )
        assert relative_error(ours, theirs) <= 1e-13


def test_applied_gradients_are_a_step() -> None:
    """`loss_and_gradients` and `apply_gradients` together are a full-batch step without dropout."""
    layers = [dense(6, "tanh", l2=0.1), dense(3, "softmax")]
    networks = [make_network(library, INPUTS, layers) for library in ("engine", "engine", "twin")]
    X, target, weight = data("classes")
    for network in networks:
        network.set_loss("categorical_cross_entropy", setting=1.0, skip_activation=True)
        network.set_optimizer("adam", {"weight_decay": 0.01})
    for _ in range(5):
        networks[0].train(X, target, weight, batch_size=ROWS, first_epoch=0, epochs=1, rates=np.array([0.1]),
                          metrics=[], n_threads=1)  # fmt: skip
        for network in networks[1:]:
            network.loss_and_gradients(X, target, weight, n_threads=1)
            network.apply_gradients(0.1)
    for name, w in networks[0].parameters().items():
        np.testing.assert_array_equal(networks[1].parameters()[name], w)
    assert_same_network(networks[1], networks[2])


def test_an_optimizer_chosen_again_starts_afresh(make: Any) -> None:
    network = make(INPUTS, PROBLEMS["classes"][0])
    prepare(network, "classes")
    run(network, "classes")
    prepare(network, "classes", "amsgrad")
    assert all(not np.any(state) for state in network.optimizer_state().values())
    assert {name.split("/")[0] for name in network.optimizer_state()} == {"0", "1", "2"}
    np.testing.assert_array_equal(network.running, np.ones(4))


def test_parameters_are_views(make: Any) -> None:
    network = make(2, [dense(3), dense(1, use_bias=False)])
    shapes = {name: w.shape for name, w in network.parameters().items()}
    assert shapes == {"dense_0/kernel": (2, 3), "dense_0/bias": (3,), "dense_1/kernel": (3, 1)}
    for name in shapes:
        network.parameters()[name][...] = 2.0
    np.testing.assert_array_equal(network.forward(np.ones((1, 2)), n_threads=1), [[3 * 6.0 * 2.0]])
    assert network.input_units == 2 and network.output_units == 1 and list(network.operation_units) == [3, 1]
