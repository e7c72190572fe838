"""Samplers in the engine: the same rows, weights, norms and steps as their twins, and the same bits however it runs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from engine_cases import DIGITS, WIDE, Case, bits_of, conv2d, dense, labels, make_network, make_weight, pooled, uniform
from engine_problems import (
    INPUTS,
    PROBLEMS,
    ROWS,
    assert_same_history,
    assert_same_network,
    data,
    prepare,
    run,
)

from ravine import _core, reference

ENGINE = {"float32": _core.SamplerFloat32, "float64": _core.SamplerFloat64}
STRATUM = np.array([0, 0, 1, 0, 2, 0, 0, 1] * 8, np.int32)[:ROWS]
WEIGHTS = np.arange(ROWS, dtype=np.float64) % 5

# name: kind, strata (one a row where None), probabilities, settings
SAMPLERS: dict[str, tuple[str, Any, Any, dict[str, Any]]] = {
    "weighted": ("draws", None, WEIGHTS, {}),
    "weighted, not corrected": ("draws", None, WEIGHTS, {"correct": False}),
    "strata of equal probability": ("draws", STRATUM, np.ones(3), {}),
    "adaptive": ("draws", STRATUM, None, {"learning_rate": 0.5, "uniform": 0.1}),
    "adaptive, as in the article": ("draws", STRATUM, None, {"learning_rate": 1.0, "uniform": 0.2, "normalize": False}),
    "proportional": ("arrangement", STRATUM, None, {}),
    "balanced": ("arrangement", STRATUM, None, {"balanced": True}),
    "balanced, not corrected": ("arrangement", STRATUM, None, {"balanced": True, "correct": False}),
}


def make_sampler(library: str, name: str, weight: Any, *, dtype: str = "float64", seed: int = 3) -> Any:
    kind, strata, probability, settings = SAMPLERS[name]
    stratum = np.arange(ROWS, dtype=np.int32) if strata is None else strata
    arguments = (stratum, weight) if kind == "arrangement" else (stratum, probability, weight)
    if library == "twin":
        twin = {"draws": reference.samplers.Draws, "arrangement": reference.samplers.Arrangement}[kind]
        return twin(*arguments, seed=seed, **settings)
    return getattr(ENGINE[dtype], kind)(*arguments, strata=int(stratum.max()) + 1, seed=seed, **settings)


@pytest.mark.parametrize("order", [None, reference.epoch_order(ROWS, seed=1, epoch=4)])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", SAMPLERS)
def test_rows_and_weights_are_the_twins(name: str, weighted: bool, order: Any) -> None:
    weight = uniform((ROWS,), seed=3, low=0.0) if weighted else None
    engine, twin = (make_sampler(library, name, weight) for library in ("engine", "twin"))
    assert engine.mean_weight == pytest.approx(twin.mean_weight, rel=1e-14)
    assert (engine.weight is not None) == twin.weighs
    for step, first, rows in ((0, 0, 16), (2**40, 16, 16), (7, 48, 5), (1, 0, ROWS)):
        places = None if order is None else order.astype(np.uint32)
        drawn = engine.batch(step=step, epoch=step % 97, order=places, first=first, rows=rows)
        expected, weights = twin.batch(order, step % 97, step, first, rows)
        np.testing.assert_array_equal(drawn, expected)
        np.testing.assert_allclose(np.ones(ROWS)[drawn] if engine.weight is None else engine.weight[drawn], weights)


PROBABILITIES = {
    "alike": lambda i: np.ones(len(i)),
    "by chance": lambda i: uniform((len(i),), seed=1, low=0.0),
    "many zeros": lambda i: (i % 10 == 3) * (1.0 + i),
    "few large ones": lambda i: np.where(i % 50 == 7, 1e6, 1e-6),
    "one": lambda i: 1.0 * (i == len(i) - 1),
}


@pytest.mark.parametrize("rows", [11, 63, 64, 65, 1000])
@pytest.mark.parametrize("name", PROBABILITIES)
def test_many_strata_are_found_as_few_are(name: str, rows: int) -> None:
    each = np.arange(rows, dtype=np.int32)
    probability = PROBABILITIES[name](each)
    engine = _core.SamplerFloat64.draws(each, probability, None, strata=rows, seed=1)
    twin = reference.samplers.Draws(each, probability, None, seed=1)
    for step in range(3):
        np.testing.assert_array_equal(engine.batch(step=step, rows=rows), twin.batch(None, 0, step, 0, rows)[0])


@pytest.mark.parametrize(("weighted", "options"), [(False, {}), (True, {}), (True, {"batch_size": ROWS, "epochs": 20})])
@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize("name", SAMPLERS)
def test_twenty_steps_are_the_twins(name: str, problem: str, weighted: bool, options: dict[str, Any]) -> None:
    weight = data(problem)[2] if weighted else None
    networks, samplers, results = [], [], []
    for library in ("engine", "twin"):
        network, sampler = make_network(library, INPUTS, PROBLEMS[problem][0]), make_sampler(library, name, weight)
        prepare(network, problem)
        if problem == "batch-norm" and name.startswith("adaptive"):
            if library == "engine":
                with pytest.raises(ValueError, match="which batch_norm_0 cannot give"):
                    run(network, problem, weighted=weighted, sampler=sampler, **options)
            return
        results.append(run(network, problem, weighted=weighted, sampler=sampler, **options))
        networks.append(network)
        samplers.append(sampler)
    assert networks[0].step == 20
    assert_same_network(*networks)
    assert_same_history(*results)
    np.testing.assert_allclose(samplers[0].state, samplers[1].state, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("n_threads", [1, 2])
@pytest.mark.parametrize("flags", [[True] * 4, [False, True, True, True], [True, True, False, True]])
def test_norms_are_those_of_one_row_alone(flags: list[bool], n_threads: int) -> None:
    """One step of tau in the article's form gives the strata's mean squared norms back."""
    X, target, _ = data("classes")
    layers = [dense(7, "tanh"), dense(6, "sigmoid", use_bias=False), dense(5, "relu"), dense(3, "softmax")]
    network = make_network("engine", INPUTS, layers)
    network.set_loss("categorical_cross_entropy", setting=1.0, skip_activation=True)
    network.set_optimizer("sgd", {})
    network.set_trainable(flags)
    sampler = _core.SamplerFloat64.draws(STRATUM, None, None, strata=3, seed=0, learning_rate=1.0, uniform=1e-9,
                                         normalize=False)  # fmt: skip
    before, drawn = sampler.state[:3].copy(), sampler.batch(step=0, rows=ROWS)
    norms = []
    for row in drawn:
        network.loss_and_gradients(X[row : row + 1], target[row : row + 1], None)
        trained = [f"dense_{i}/" for i, flag in enumerate(flags) if flag]
        norms.append(sum((dw**2).sum() for name, dw in network.gradients().items() if name.startswith(tuple(trained))))
    network.train(X, target, None, batch_size=ROWS, first_epoch=0, epochs=1, rates=np.array([1e-3]),
                  n_threads=n_threads, sampler=sampler)  # fmt: skip
    share = np.bincount(STRATUM) / ROWS
    part = np.bincount(STRATUM[drawn], weights=norms, minlength=3) / ROWS
    np.testing.assert_allclose(sampler.state[:3] - before, part - share * part.sum(), rtol=1e-6)


CONVOLVED = {
    "rows": [conv2d((1, 5, 1), 20, (1, 2), "tanh"), conv2d((1, 4, 20), 20, (1, 3), groups=(20,), use_bias=False)],
    "pooled": [conv2d((1, 5, 1), 20, (1, 2), "relu"), pooled("max_pool", (1, 4, 20), (1, 2))],
    "lanes": [conv2d((1, 5, 1), 3, (1, 2), "tanh"), conv2d((1, 4, 3), 5, (1, 3), padding=(0, 0, 1, 0))],
}


@pytest.mark.parametrize("n_threads", [1, 2])
@pytest.mark.parametrize("kind", CONVOLVED)
def test_norms_of_convolutions_are_those_of_one_image_alone(kind: str, n_threads: int) -> None:
    X, target, _ = data("classes")
    network = make_network("engine", INPUTS, [*CONVOLVED[kind], dense(3, "softmax")])
    network.set_loss("categorical_cross_entropy", setting=1.0, skip_activation=True)
    network.set_optimizer("sgd", {})
    sampler = _core.SamplerFloat64.draws(STRATUM, None, None, strata=3, seed=0, learning_rate=1.0, uniform=1e-9,
                                         normalize=False)  # fmt: skip
    before, drawn = sampler.state[:3].copy(), sampler.batch(step=0, rows=ROWS)
    norms = []
    for row in drawn:
        network.loss_and_gradients(X[row : row + 1], target[row : row + 1], None)
        norms.append(sum((dw**2).sum() for dw in network.gradients().values()))
    network.train(X, target, None, batch_size=ROWS, first_epoch=0, epochs=1, rates=np.array([1e-3]),
                  n_threads=n_threads, sampler=sampler)  # fmt: skip
    share = np.bincount(STRATUM) / ROWS
    part = np.bincount(STRATUM[drawn], weights=norms, minlength=3) / ROWS
    np.testing.assert_allclose(sampler.state[:3] - before, part - share * part.sum(), rtol=1e-6)


def trained_bits(case: Case, sampler: str, dtype: str, n_threads: int) -> str:
    network = make_network("engine", case.input_units, list(case.layers), dtype=dtype)
    network.set_loss(case.loss, setting=1.0, skip_activation=True)
    network.set_optimizer("adam", {})
    X, y = uniform((case.rows, case.input_units), seed=1, dtype=dtype), labels(case.rows, network.output_units, seed=2)
    weight, kind, settings = make_weight("all", case.rows, dtype), ENGINE[dtype], {"seed": 1}
    if sampler == "adaptive":
        chosen = kind.draws(y, None, weight, strata=y.max() + 1, learning_rate=0.5, uniform=0.1, **settings)
    elif sampler == "weighted":
        each = np.arange(case.rows, dtype=np.int32)
        chosen = kind.draws(each, 1.0 + each % 7, None, strata=case.rows, **settings)
    else:
        chosen = kind.arrangement(y, weight, strata=y.max() + 1, balanced=True, **settings)
    result = network.train(X, y, weight, batch_size=case.batch_size, first_epoch=0, epochs=3, shuffle_seed=5,
                           rates=np.array([1e-2]), metrics=[("accuracy", 0.0)], n_threads=n_threads,
                           sampler=chosen)  # fmt: skip
    return bits_of({**network.parameters(), "loss": result["loss"], "state": chosen.state})


SIZES = [
    Case("one slice", 5, (dense(8, "silu"), dense(3, "softmax")), rows=30, batch_size=7),
    Case("by rows", 64, DIGITS, rows=500, batch_size=128),
    Case("by outputs", 300, WIDE, rows=600, batch_size=256),
    Case("many blocks", 300, WIDE, rows=1100, batch_size=1100),
]


@pytest.mark.parametrize("dtype", ENGINE)
@pytest.mark.parametrize("sampler", ["adaptive", "weighted", "balanced"])
@pytest.mark.parametrize("case", SIZES, ids=lambda case: case.name)
def test_any_number_of_threads_gives_the_same_bits(case: Case, sampler: str, dtype: str) -> None:
    assert len({trained_bits(case, sampler, dtype, n_threads) for n_threads in (1, 2, 3, 8)}) == 1


@pytest.mark.parametrize("sampler", ["adaptive", "weighted", "balanced"])
def test_instruction_sets_with_fma_give_the_same_bits(sampler: str) -> None:
    present = [isa for isa in ("avx2", "avx512") if hasattr(_core, isa)]
    before, found = _core.selected(), set()
    try:
        for isa in present:
            _core.select(isa)
            found |= {trained_bits(case, sampler, "float32", 2) for case in SIZES[:1]}
    finally:
        _core.select(before)
    assert len(found) <= 1


@pytest.mark.parametrize("name", SAMPLERS)
def test_a_run_in_pieces_has_the_same_bits(name: str) -> None:
    whole, cut = (make_network("engine", INPUTS, PROBLEMS["classes"][0]) for _ in range(2))
    samplers = []
    for network in (whole, cut):
        prepare(network, "classes")
        samplers.append(make_sampler("engine", name, None))
    run(whole, "classes", weighted=False, sampler=samplers[0])
    for epoch in range(5):
        for batch in range(4):
            piece = {"first_epoch": epoch, "epochs": 1, "first_batch": batch, "batches": 1}
            run(cut, "classes", weighted=False, sampler=samplers[1], **piece)
    np.testing.assert_array_equal(samplers[0].state, samplers[1].state)
    for name, w in whole.parameters().items():
        np.testing.assert_array_equal(cut.parameters()[name], w)


@pytest.mark.parametrize("sizes", [[1], [5, 5], [7, 2, 1], [50, 30, 20], [13, 1, 1, 1, 29], [3] * 7, [97, 2, 41]])
def test_patterns_are_even_all_along(sizes: list[int]) -> None:
    stratum = np.repeat(np.arange(len(sizes), dtype=np.int32), sizes)
    sampler = _core.SamplerFloat64.arrangement(stratum, None, strata=len(sizes), seed=0)
    drawn = sampler.batch(step=0, rows=len(stratum))
    assert sorted(drawn) == list(range(len(stratum)))
    pattern = stratum[drawn]
    np.testing.assert_array_equal(pattern, reference.samplers.even_pattern(sizes))
    seen = np.cumsum(pattern[:, None] == np.arange(len(sizes)), axis=0)
    wanted = np.arange(1, len(stratum) + 1)[:, None] * np.array(sizes) / len(stratum)
    assert (abs(seen - wanted) < 1).all()


ONE = np.zeros(4, np.int32)


def draws(*arguments: Any, **settings: Any) -> Any:
    return lambda kind: kind.draws(*arguments, seed=0, **settings)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (draws(ONE, np.ones(2), None, strata=2), ValueError, "stratum 1 has no row"),
        (draws(ONE + 2, np.ones(2), None, strata=2), ValueError, r"stratum must be in \[0, 2\), got 2"),
        (draws(ONE - 1, np.ones(1), None, strata=1), ValueError, r"stratum must be in \[0, 1\), got -1"),
        (draws(ONE[:0], np.ones(1), None, strata=1), ValueError, "got 0"),
        (draws(ONE, np.ones(2), None, strata=1), ValueError, r"probability must have shape \(1,\)"),
        (draws(ONE, None, None, strata=1), ValueError, "learning_rate > 0"),
        (draws(ONE, np.ones(1), np.ones(3), strata=1), ValueError, r"weight must have shape \(4,\)"),
        (draws(ONE, np.ones(1), ONE, strata=1), TypeError, "weight must be float64"),
        (lambda k: k.arrangement(ONE[None], None, strata=1, seed=0), ValueError, "stratum must have 1 dimension"),
        (lambda k: draws(ONE, np.ones(1), None, strata=1)(k).batch(step=0, first=2, rows=3), ValueError, "by row 4"),
    ],
)  # fmt: skip
def test_the_engine_refuses(make: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make(_core.SamplerFloat64)


def test_a_sampler_of_other_rows_is_refused() -> None:
    network = make_network("engine", INPUTS, PROBLEMS["classes"][0])
    prepare(network, "classes")
    sampler = _core.SamplerFloat64.draws(ONE, np.ones(1), None, strata=1, seed=0)
    with pytest.raises(ValueError, match=f"the sampler is for 4 rows, got {ROWS}"):
        run(network, "classes", sampler=sampler)
    with pytest.raises(TypeError, match="incompatible function arguments"):
        run(network, "classes", sampler=_core.SamplerFloat32.draws(ONE, np.ones(1), None, strata=1, seed=0))
