"""Several networks in one run, and averages of the weights: the same bits as alone, the twin's numbers."""

from __future__ import annotations

import itertools
import signal
import threading
import time
from typing import Any

import numpy as np
import pytest
from engine_cases import CASES, DTYPES, bits_of, dense, labels, make_network, uniform
from engine_problems import PROBLEMS, assert_same_history, assert_same_network, data, pair, prepare, run

CASE = {case.name: case for case in CASES}
THREADS = [1, 2, 3, 8]


def numbers_of(network: Any, result: dict[str, Any]) -> str:
    history = {key: np.asarray(result[key]) for key in ("loss", "metrics", "steps")}
    return bits_of({**network.parameters(), **network.optimizer_state(), **history, "running": network.running})


def network_of(problem: str, dtype: str, seed: int, rule: str = "adam") -> Any:
    network = make_network("engine", 5, PROBLEMS[problem][0], dtype=dtype, seed=seed)
    prepare(network, problem, rule)
    return network


def options(problem: str, seed: int, **changed: Any) -> dict[str, Any]:
    return {
        "batch_size": 16, "first_epoch": 0, "epochs": 4, "shuffle_seed": seed, "rates": np.array([0.02 + 0.01 * seed]),
        "metrics": PROBLEMS[problem][5], **changed,
    }  # fmt: skip


@pytest.mark.parametrize("n_threads", THREADS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("problem", PROBLEMS)
def test_each_has_the_bits_that_it_has_alone(problem: str, dtype: str, n_threads: int) -> None:
    seeds, sets = range(5), data(problem, dtype)
    together = [network_of(problem, dtype, seed) for seed in seeds]
    results = type(together[0]).train_many(
        together, [sets] * 5, [options(problem, seed) for seed in seeds], n_threads=n_threads
    )
    for seed, network, result in zip(seeds, together, results, strict=True):
        alone = network_of(problem, dtype, seed)
        expected = alone.train(*sets, n_threads=2, **options(problem, seed))
        assert numbers_of(network, result) == numbers_of(alone, expected)
        assert network.step == alone.step == 16


@pytest.mark.parametrize("n_threads", [1, 2])
def test_networks_may_differ_in_data_and_options(n_threads: int) -> None:
    cases = [CASE[name] for name in ("wide", "tiny", "odd-sizes", "full-batch")]
    networks, sets, given, expected = [], [], [], []
    for case in cases:
        kept = case.train("float32", n_threads=1)
        expected.append(bits_of({**kept[0].parameters(), **kept[0].optimizer_state(), "loss": kept[1]["loss"]}))
        network = make_network("engine", case.input_units, list(case.layers), dtype="float32")
        network.set_loss(case.loss, setting=1.0, skip_activation=case.loss.endswith("cross_entropy"))
        network.set_optimizer(case.rule, {"momentum": 0.9})
        X = uniform((case.rows, case.input_units), seed=1, dtype="float32")
        dense_target = case.loss != "categorical_cross_entropy"
        target = (
            uniform((case.rows, network.output_units), seed=2, dtype="float32", low=0.0)
            if dense_target
            else labels(case.rows, network.output_units, seed=2)
        )
        networks.append(network)
        sets.append((X, target, None))
        given.append(
            {"batch_size": case.batch_size, "first_epoch": 0, "epochs": case.epochs, "shuffle_seed": 5,
             "rates": np.array([case.rate]), "metrics": []}
        )  # fmt: skip
    results = type(networks[0]).train_many(networks, sets, given, n_threads=n_threads)
    for network, result, bits in zip(networks, results, expected, strict=True):
        assert bits_of({**network.parameters(), **network.optimizer_state(), "loss": result["loss"]}) == bits


def test_a_divergence_ends_the_run_of_one_alone() -> None:
    X = uniform((40, 3), seed=1)
    networks = [make_network("engine", 3, [dense(1)], seed=seed) for seed in range(3)]
    given = []
    for number, network in enumerate(networks):
        network.set_loss("squared_error", setting=1.0)
        network.set_optimizer("sgd", {})
        rate = 1e200 if number == 1 else 0.1
        given.append({"batch_size": 8, "first_epoch": 0, "epochs": 50, "shuffle_seed": None, "rates": np.array([rate]),
                      "metrics": []})  # fmt: skip
    results = type(networks[0]).train_many(networks, [(X, X[:, :1].copy(), None)] * 3, given, n_threads=2)
    assert [result["steps"] for result in results][::2] == [250, 250]
    assert results[1]["steps"] < 250
    assert [bool(np.isfinite(result["loss"]).all()) for result in results] == [True, False, True]


def endless(count: int, first_epochs: int = 10**6) -> tuple[list[Any], list[Any], list[Any]]:
    networks = [network_of("classes", "float32", seed) for seed in range(count)]
    given = [options("classes", seed, epochs=10**6 if seed else first_epochs) for seed in range(count)]
    return networks, [data("classes", "float32")] * count, given


# the calling thread is in the middle of a network of its own, or waits for another thread's
@pytest.mark.alone
@pytest.mark.timeout(method="thread")  # the alarm is the test's own
@pytest.mark.parametrize(("count", "first_epochs"), [(1, 10**6), (2, 10**6), (2, 1), (5, 10**6)])
def test_a_signal_ends_all_at_whole_steps(count: int, first_epochs: int) -> None:
    networks, sets, given = endless(count, first_epochs)
    raised = []

    def interrupt(*_: object) -> None:
        raised.append(time.perf_counter())
        raise KeyboardInterrupt

    previous = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    start = time.perf_counter()
    try:
        with pytest.raises(KeyboardInterrupt):
            type(networks[0]).train_many(networks, sets, given, n_threads=2)
        end = time.perf_counter()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
    assert raised[0] - start < 2.0  # 50 ms after the signal where the machine has the time
    assert end - raised[0] < 2.0
    for seed, network in enumerate(networks[:2]):
        alone = network_of("classes", "float32", seed)
        whole, rest = divmod(network.step, 4)
        if whole:
            alone.train(*sets[seed], **{**given[seed], "epochs": whole})
        if rest:
            alone.train(*sets[seed], **{**given[seed], "first_epoch": whole, "epochs": 1, "batches": rest})
        assert bits_of(network.parameters()) == bits_of(alone.parameters())


def test_python_goes_on_meanwhile_and_the_networks_are_held() -> None:
    networks, sets, given = endless(2)
    found: list[Any] = []

    def stop_it() -> None:
        time.sleep(0.2)
        for call in (
            lambda: networks[1].train(*sets[1], **given[1]),
            lambda: networks[0].set_optimizer("sgd", {}),
            lambda: networks[0].set_averaging(decay=None, start=0, every=1, by_epoch=False),
            lambda: networks[1].loss_and_gradients(*sets[1]),
        ):
            try:
                found.append(call())
            except RuntimeError as error:
                found.append(str(error))
        signal.raise_signal(signal.SIGINT)

    thread = threading.Thread(target=stop_it)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        type(networks[0]).train_many(networks, sets, given, n_threads=2)
    thread.join(60)
    assert len(found) == 4
    assert all("in the middle of a run" in str(message) for message in found)
    networks[0].set_optimizer("sgd", {})  # free again


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"options": [{}]}, ValueError, "options lack '"),
        ({"options": [options("classes", 0, batches=3)]}, ValueError, "options must have 6 entries, got 7"),
        ({"data": []}, ValueError, "networks, data and options must have one length, got 1, 0 and 1"),
        ({"n_threads": 0}, ValueError, r"n_threads must be an int in \[1, 1024\], got 0"),
        ({"networks": [3]}, RuntimeError, "Unable to cast"),
        ({"twice": True}, RuntimeError, "in the middle of a run"),
    ],
)
def test_refused(changed: dict[str, Any], error: type[Exception], message: str) -> None:
    network = network_of("classes", "float64", 0)
    call: dict[str, Any] = {
        "networks": [network], "data": [data("classes")], "options": [options("classes", 0)], "n_threads": 2, **changed
    }  # fmt: skip
    if call.pop("twice", False):
        call = {name: value * 2 for name, value in call.items()}
    with pytest.raises(error, match=message):
        type(network).train_many(**call)
    network.set_optimizer("sgd", {})  # free again


def test_no_networks_are_no_work() -> None:
    assert type(network_of("classes", "float64", 0)).train_many([], [], []) == []


AVERAGES = [
    {"decay": decay, "start": start, "every": every, "by_epoch": by_epoch}
    for (decay, start, every), by_epoch in itertools.product(
        [(0.9, 0, 1), (None, 0, 1), (0.5, 3, 2), (None, 2, 2), (0.0, 1, 1), (None, 100, 1)], [False, True]
    )
]


@pytest.mark.parametrize("averaging", AVERAGES, ids=str)
@pytest.mark.parametrize("problem", PROBLEMS)
def test_averages_are_the_twins(problem: str, averaging: dict[str, Any]) -> None:
    engine, twin = pair(problem)
    for network in (engine, twin):
        network.set_averaging(**averaging)
    assert_same_history(run(engine, problem), run(twin, problem))
    assert_same_network(engine, twin)
    seen = 5 if averaging["by_epoch"] else 20
    assert engine.optimizer_state()["average/seen"].tolist() == [seen]
    for network in (engine, twin):
        for dw in network.gradients().values():
            dw[...] = 0.25
        network.apply_gradients(0.1)
    assert_same_network(engine, twin)


@pytest.mark.parametrize("n_threads", THREADS)
@pytest.mark.parametrize("by_epoch", [False, True])
@pytest.mark.parametrize("decay", [0.99, None])
@pytest.mark.parametrize("name", ["digits-dropout", "wide"])
def test_averages_have_the_same_bits_on_any_number_of_threads(
    name: str, decay: float | None, by_epoch: bool, n_threads: int
) -> None:
    case, found = CASE[name], []
    X = uniform((300, case.input_units), seed=1, dtype="float32")
    for threads, batches in ((1, 0), (n_threads, 0), (n_threads, 1)):
        network = make_network("engine", case.input_units, list(case.layers), dtype="float32")
        network.set_loss(case.loss, setting=1.0, skip_activation=True)
        network.set_optimizer("adam", {})
        network.set_averaging(decay=decay, start=1, every=1, by_epoch=by_epoch)
        target = labels(300, network.output_units, seed=2)
        common = {"batch_size": 100, "shuffle_seed": 5, "rates": np.array([0.01]), "n_threads": threads}
        if batches:
            for epoch, batch in itertools.product(range(3), range(3)):
                network.train(X, target, None, first_epoch=epoch, epochs=1, first_batch=batch, batches=1, **common)
        else:
            network.train(X, target, None, first_epoch=0, epochs=3, **common)
        found.append(bits_of({**network.parameters(), **network.optimizer_state()}))
    assert found[0] == found[1] == found[2]


def test_an_average_changes_no_training_and_ends_with_its_rule() -> None:
    plain, averaged = (network_of("numbers", "float32", 3) for _ in range(2))
    averaged.set_averaging(decay=0.9, start=0, every=1, by_epoch=False)
    results = [run(network, "numbers", dtype="float32") for network in (plain, averaged)]
    assert bits_of(plain.parameters()) == bits_of(averaged.parameters())
    np.testing.assert_array_equal(results[0]["loss"], results[1]["loss"])
    assert set(averaged.optimizer_state()) > set(plain.optimizer_state())
    averaged.set_optimizer("adam", {})
    assert set(averaged.optimizer_state()) == set(plain.optimizer_state())


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"decay": 1.0}, r"decay must be None or a number in \[0, 1\), got 1.0"),
        ({"decay": float("nan")}, "decay must be None or a number"),
        ({"every": 0}, "every must be at least 1, got 0"),
        ({"start": -1}, "start must be"),
        ({"start": 1.5}, "start must be"),
    ],
)
def test_averages_refused(changed: dict[str, Any], message: str) -> None:
    network = network_of("classes", "float64", 0)
    with pytest.raises((ValueError, TypeError), match=message):
        network.set_averaging(**{"decay": 0.5, "start": 0, "every": 1, "by_epoch": False, **changed})
    assert "average/seen" not in network.optimizer_state()
