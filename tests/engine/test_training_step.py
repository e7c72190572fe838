"""Whole training steps: the engine against its NumPy twin."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from engine_cases import dense, dropout, labels, make_network, uniform
from engine_problems import (
    BATCH,
    EPOCHS,
    INPUTS,
    PROBLEMS,
    ROWS,
    assert_same_history,
    assert_same_network,
    data,
    pair,
    prepare,
    run,
)

TOLERANCE = {"float64": 1e-10, "float32": 2e-4}

# rule, settings, learning rate
RULES = [
    ("sgd", {}, 0.1),
    ("sgd", {"weight_decay": 0.1}, 0.1),
    ("momentum", {"momentum": 0.9}, 0.05),
    ("momentum", {"momentum": 0.9, "weight_decay": 0.1}, 0.05),
    ("momentum_average", {"momentum": 0.9}, 0.1),
    ("momentum_average", {"momentum": 0.9, "bias_correction": False}, 0.1),
    ("momentum_average", {"momentum": 0.9, "weight_decay": 0.1}, 0.1),
    ("nesterov", {"momentum": 0.9}, 0.05),
    ("nesterov", {"momentum": 0.5, "weight_decay": 0.1}, 0.05),
    ("adagrad", {}, 0.05),
    ("adagrad", {"epsilon": 1e-3, "epsilon_inside": True}, 0.05),
    ("adagrad", {"weight_decay": 0.1}, 0.05),
    ("rmsprop", {"rho": 0.9}, 0.01),
    ("rmsprop", {"rho": 0.99, "epsilon": 1e-3, "epsilon_inside": True}, 0.01),
    ("rmsprop", {"weight_decay": 0.1}, 0.01),
    ("rmsprop_momentum", {"momentum": 0.9}, 0.01),
    ("rmsprop_momentum", {"momentum": 0.5, "epsilon": 1e-3, "epsilon_inside": True}, 0.01),
    ("rmsprop_momentum", {"momentum": 0.9, "weight_decay": 0.1}, 0.01),
    ("rmsprop_centered", {"epsilon": 1e-4}, 0.01),
    ("rmsprop_centered", {"epsilon": 1e-3, "epsilon_inside": True, "weight_decay": 0.1}, 0.01),
    ("rmsprop_centered_momentum", {"momentum": 0.9, "epsilon": 1e-4}, 0.005),
    ("rmsprop_centered_momentum", {"momentum": 0.5, "epsilon": 1e-3, "epsilon_inside": True}, 0.005),
    ("rmsprop_centered_momentum", {"momentum": 0.5, "epsilon": 1e-3, "weight_decay": 0.1}, 0.005),
    ("adadelta", {"rho": 0.95, "epsilon": 1e-6}, 1.0),
    ("adadelta", {"rho": 0.9, "epsilon": 1e-4, "weight_decay": 0.01}, 1.0),
    ("adam", {}, 0.02),
    ("adam", {"beta1": 0.8, "beta2": 0.99, "epsilon": 1e-6}, 0.02),
    ("adam", {"bias_correction": False, "epsilon": 1e-3}, 0.02),
    ("adam", {"epsilon": 1e-3, "epsilon_inside": True}, 0.02),
    ("adam", {"weight_decay": 0.1}, 0.02),
    ("amsgrad", {}, 0.02),
    ("amsgrad", {"bias_correction": False, "epsilon": 1e-3, "epsilon_inside": True}, 0.02),
    ("amsgrad", {"weight_decay": 0.1}, 0.02),
    ("adamax", {}, 0.02),
    ("adamax", {"bias_correction": False}, 0.02),
    ("adamax", {"weight_decay": 0.1}, 0.02),
    ("nadam", {}, 0.02),
    ("nadam", {"bias_correction": False, "epsilon": 1e-3}, 0.02),
    ("nadam", {"weight_decay": 0.1, "epsilon": 1e-3, "epsilon_inside": True}, 0.02),
]


@pytest.mark.parametrize("library", ["engine", "twin"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("cuts", [[1], [2, 3], [1, 2, 3], [3]])
@pytest.mark.parametrize("problem", PROBLEMS)
def test_an_epoch_in_pieces_is_the_same_to_the_bit(problem: str, cuts: list[int], dtype: str, library: str) -> None:
    whole, cut = (make_network(library, INPUTS, PROBLEMS[problem][0], dtype=dtype) for _ in range(2))
    for network in (whole, cut):
        prepare(network, problem)
    expected = run(whole, problem, dtype=dtype, epochs=1)
    for first, last in zip([0, *cuts], [*cuts, 4], strict=True):
        cut.sums = np.array(cut.sums)  # as a file would give them back
        found = run(cut, problem, dtype=dtype, epochs=1, first_batch=first, batches=last - first, continues=first > 0)
    assert found["loss"].tobytes() == expected["loss"].tobytes()
    assert found["metrics"].tobytes() == expected["metrics"].tobytes()
    assert cut.sums.tobytes() == whole.sums.tobytes() and cut.step == whole.step
    for name, w in whole.parameters().items():
        assert cut.parameters()[name].tobytes() == w.tobytes()


def test_sums_must_be_those_of_the_metrics() -> None:
    engine, _ = pair("classes")
    engine.sums = np.zeros(5)
    with pytest.raises(ValueError, match="sums must have 6 entries to continue, has 5"):
        run(engine, "classes", continues=True)
    with pytest.raises(TypeError, match="sums"):
        engine.sums = np.zeros(4, np.float32)


@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize(("rule", "settings", "rate"), RULES)
def test_twenty_steps(rule: str, settings: dict[str, Any], rate: float, problem: str) -> None:
    engine, twin = pair(problem, rule, settings)
    before = {name: w.copy() for name, w in engine.parameters().items()}
    results = [run(network, problem, rates=np.array([rate])) for network in (engine, twin)]
    assert results[0]["steps"] == 20 and engine.step == 20
    assert_same_network(engine, twin)
    assert_same_history(*results)
    assert all(np.any(w != before[name]) for name, w in engine.parameters().items())


@pytest.mark.parametrize(("rule", "settings", "rate"), [row for row in RULES if not row[1].get("weight_decay")])
def test_twenty_steps_of_float32(rule: str, settings: dict[str, Any], rate: float) -> None:
    engine, twin = pair("classes", rule, settings, "float32")
    results = [run(network, "classes", dtype="float32", rates=np.array([rate])) for network in (engine, twin)]
    assert_same_network(engine, twin, TOLERANCE["float32"])
    assert_same_history(*results, TOLERANCE["float32"])


# what a run is asked to do, beside the defaults of `run`
RUNS: dict[str, dict[str, Any]] = {
    "unweighted": {"weighted": False},
    "natural-order": {"shuffle_seed": None},
    "one-sample-steps": {"batch_size": 1, "epochs": 1},
    "full-batch": {"batch_size": ROWS},
    "batch-of-more-rows-than-there-are": {"batch_size": 100},
    "late-epochs": {"first_epoch": 7, "epochs": 2},
    "some-batches": {"first_batch": 1, "batches": 2},
    "last-batch": {"first_batch": 3, "epochs": 2},
    "a-rate-a-step": {"rates": np.linspace(0.1, 0.001, 20)},
    "no-metrics": {"metrics": []},
    "one-thread": {"n_threads": 1},
}


@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize("name", RUNS)
def test_a_run(name: str, problem: str) -> None:
    # a batch norm of one row passes back nothing but rounding, which Adam would make steps of
    engine, twin = pair(problem, "sgd" if (name, problem) == ("one-sample-steps", "batch-norm") else "adam")
    results = [run(network, problem, **RUNS[name]) for network in (engine, twin)]
    assert_same_network(engine, twin)
    assert_same_history(*results)
    epochs = RUNS[name].get("epochs", EPOCHS)
    assert results[0]["loss"].shape == (epochs,)
    assert results[0]["metrics"].shape == (epochs, len(RUNS[name].get("metrics", PROBLEMS[problem][5])))


def test_a_big_batch() -> None:
    """More rows than 16 slices of 32 hold, so that slices grow."""
    engine, twin = (
        make_network(library, 6, [dense(20, "tanh"), dropout(0.2), dense(3, "softmax")])
        for library in ("engine", "twin")
    )
    for network in (engine, twin):
        network.set_loss("categorical_cross_entropy", setting=1.0, skip_activation=True)
        network.set_optimizer("adam", {})
        network.train(uniform((1500, 6), seed=1), labels(1500, 3, seed=2), None, batch_size=700, first_epoch=0,
                      epochs=3, shuffle_seed=1, rates=np.array([0.01]), metrics=[], n_threads=2)  # fmt: skip
    assert_same_network(engine, twin)


PIECES = {
    "epochs": [{"first_epoch": e, "epochs": 1} for e in range(EPOCHS)],
    "epochs-two-and-three": [{"first_epoch": 0, "epochs": 2}, {"first_epoch": 2, "epochs": 3}],
    "batches": [
        {"first_epoch": e, "epochs": 1, "first_batch": b, "batches": 1} for e in range(EPOCHS) for b in range(4)
    ],
    "uneven": [
        {"first_epoch": e, "epochs": 1, "first_batch": b, "batches": n}
        for e in range(EPOCHS)
        for b, n in ((0, 3), (3, 0))
    ],
}


@pytest.mark.parametrize("pieces", PIECES)
@pytest.mark.parametrize("rule", ["adam", "nadam"])
def test_a_run_in_pieces_has_the_same_bits(rule: str, pieces: str) -> None:
    whole, cut = pair("classes", rule)[0], pair("classes", rule)[0]
    rates = np.linspace(0.1, 0.001, 20)
    run(whole, "classes", rates=rates)
    done = 0
    for piece in PIECES[pieces]:
        steps = piece["epochs"] * (piece.get("batches") or 4 - piece.get("first_batch", 0))
        assert run(cut, "classes", rates=rates[done : done + steps], **piece)["steps"] == steps
        done += steps
    assert done == 20
    for kind in ("weights", "optimizer_state"):
        for name, array in getattr(whole, kind)().items():
            np.testing.assert_array_equal(getattr(cut, kind)()[name], array)
    np.testing.assert_array_equal(cut.running, whole.running)


@pytest.mark.parametrize("problem", PROBLEMS)
def test_a_batch_without_weight_changes_nothing(make: Any, problem: str) -> None:
    network = make(INPUTS, PROBLEMS[problem][0])
    prepare(network, problem, "adam", {"weight_decay": 0.1})
    before = {name: w.copy() for name, w in {**network.weights(), **network.optimizer_state()}.items()}
    X, target, weight = data(problem)
    weight[:] = 0.0
    result = network.train(X, target, weight, batch_size=BATCH, first_epoch=0, epochs=1, rates=np.array([0.1]),
                           metrics=PROBLEMS[problem][5], n_threads=1)  # fmt: skip
    assert result["steps"] == network.step == 4
    assert np.all(np.isfinite(result["loss"]))
    for name, array in {**network.weights(), **network.optimizer_state()}.items():
        np.testing.assert_array_equal(array, before[name])
    np.testing.assert_array_equal(network.running, np.ones(4))


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_a_loss_that_is_not_finite_takes_no_step_and_ends_the_run(threads: int) -> None:
    engine, twin = pair("classes")
    X, target, weight = data("classes")
    X = X.copy()
    X[2 * BATCH] = np.nan
    results = []
    with np.errstate(all="ignore"):
        for network in (engine, twin):
            whole, whole_target = np.concatenate([X, X]), np.concatenate([target, target])
            results.append(
                network.train(whole, whole_target, np.concatenate([weight, weight]), batch_size=BATCH, first_epoch=0,
                              epochs=EPOCHS, rates=np.array([0.02]), n_threads=threads)
            )  # fmt: skip
    for network, result in zip((engine, twin), results, strict=True):
        assert result["steps"] == network.step == 2
        assert not np.isfinite(result["loss"][0])
        assert all(np.isfinite(w).all() for w in network.parameters().values())
    assert_same_network(engine, twin, TOLERANCE["float64"])


@pytest.mark.parametrize("problem", PROBLEMS)
def test_some_batches_without_weight(problem: str) -> None:
    engine, twin = pair(problem)
    X, target, weight = data(problem)
    weight[BATCH : 2 * BATCH] = 0.0
    results = [
        network.train(X, target, weight, batch_size=BATCH, first_epoch=0, epochs=EPOCHS, rates=np.array([0.02]),
                      metrics=PROBLEMS[problem][5], n_threads=2)
        for network in (engine, twin)
    ]  # fmt: skip
    assert_same_network(engine, twin)
    assert_same_history(*results)
    assert engine.step == 20


@pytest.mark.parametrize("flags", [[False, True, True, True], [True, True, False, True], [True, True, True, False],
                                   [False, True, False, True], [False, False, False, False]])  # fmt: skip
def test_frozen_operations(flags: list[bool]) -> None:
    engine, twin = pair("classes", "adam", {"weight_decay": 0.01})
    frozen = [f"dense_{index}/" for index, flag in enumerate(flags) if not flag]
    before = {name: w.copy() for name, w in engine.parameters().items()}
    for network in (engine, twin):
        network.set_trainable(flags)
        run(network, "classes")
    assert_same_network(engine, twin)
    for name, w in engine.parameters().items():
        assert np.array_equal(w, before[name]) == name.startswith(tuple(frozen))
    for name, state in engine.optimizer_state().items():
        assert np.any(state) != name.split("/", 1)[1].startswith(tuple(frozen))


def test_thawed_operations_learn_again() -> None:
    engine, twin = pair("classes")
    for network in (engine, twin):
        for flags in ([False] * 4, [True, True, False, True], [True] * 4):
            network.set_trainable(flags)
            run(network, "classes", epochs=1)
    assert_same_network(engine, twin)
