"""Batch norm and layer norm in the engine: gradients through the batch's statistics, what is learnt, what is not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from engine_cases import (
    activation,
    branches,
    conv2d,
    dense,
    dropout,
    make_network,
    make_weight,
    norm,
    pooled,
    relative_error,
    uniform,
)

ROWS, INPUTS, OUTPUTS = 11, 6, 2

NETWORKS = {
    "first": [norm("batch_norm", 6), dense(4, "tanh"), dense(2)],
    "hidden": [dense(5, "tanh"), norm("batch_norm", 5), activation("sigmoid"), dense(2)],
    "last": [dense(4, "gelu"), dense(2), norm("batch_norm", 2)],
    "positions": [norm("batch_norm", 3, 2), dense(8, "sigmoid"), norm("batch_norm", 2, 2, 2), dense(2)],
    "no gamma": [dense(5, "tanh"), norm("batch_norm", 5, scale=0.0), dense(2)],
    "no beta": [dense(5, "tanh"), norm("batch_norm", 5, center=0.0), dense(2)],
    "neither": [dense(5, "tanh"), norm("batch_norm", 5, center=0.0, scale=0.0), dense(2)],
    "after dropout": [dense(8, "tanh"), dropout(0.4), norm("batch_norm", 8), dense(2)],
    "branches": [branches("concat", [dense(3), norm("batch_norm", 3)], [norm("batch_norm", 6)]), dense(2)],
    "penalties": [dense(5, "tanh", l2=0.1), norm("batch_norm", 5), dense(2, l1=0.05)],
    "layer norm": [norm("layer_norm", 6), dense(6, "tanh"), norm("layer_norm", 2, 3, epsilon=0.1), dense(2)],
    "layer norm, no gamma": [dense(5, "tanh"), norm("layer_norm", 5, scale=0.0), dense(2)],
    "then tanh": [dense(5), norm("batch_norm", 5), activation("tanh"), dense(2)],
    "then pooled": [dense(24, "tanh"), norm("batch_norm", 3, 4, 2), pooled("max_pool", (3, 4, 2), (2, 2)), dense(2)],
    "both": [dense(6, "tanh"), norm("layer_norm", 3, 2, epsilon=0.5), norm("batch_norm", 6, epsilon=0.1), dense(2)],
}


def ready(library: str, layers: list[dict[str, Any]], reduction: str = "mean", dtype: str = "float64") -> Any:
    network = make_network(library, INPUTS, layers, dtype=dtype)
    network.set_loss("squared_error", setting=0.5, reduction=reduction)
    network.set_optimizer("sgd", {})
    return network


def data(dtype: str = "float64", rows: int = ROWS) -> tuple[Any, Any]:
    return uniform((rows, INPUTS), seed=1, dtype=dtype), uniform((rows, OUTPUTS), seed=2, dtype=dtype)


def still(network: Any, weight: Any, rows: int = ROWS, **options: Any) -> float:
    """The loss of a training step at rate 0, whose gradients the network then has; the step is always number 0."""
    network.step = 0
    result = network.train(*data(str(next(iter(network.parameters().values())).dtype), rows), weight, batch_size=rows,
                           first_epoch=0, epochs=1, rates=np.zeros(1), **options)  # fmt: skip
    return float(result["loss"][0])


WEIGHTS = {
    "none": None,
    "some": uniform((ROWS,), seed=3, low=0.1),
    "with zeros": uniform((ROWS,), seed=3, low=0.1) * (np.arange(ROWS) % 3 > 0),
}


@pytest.mark.parametrize(
    ("library", "weights", "reduction"),
    [("engine", weights, reduction) for weights in WEIGHTS for reduction in ("mean", "sum")]
    + [("twin", "with zeros", "mean")],
)
@pytest.mark.parametrize("name", NETWORKS)
def test_gradients_go_through_the_statistics_of_the_batch(
    name: str, weights: str, reduction: str, library: str
) -> None:
    network, weight, h = ready(library, NETWORKS[name], reduction), WEIGHTS[weights], 1e-3
    still(network, weight)
    gradients = {name: dw.copy() for name, dw in network.gradients().items()}
    numeric = {}
    for key, w in network.parameters().items():
        numeric[key] = np.empty_like(w)
        for i in np.ndindex(w.shape):
            middle, losses = w[i], []
            for step in (-2, -1, 1, 2):
                w[i] = middle + step * h
                losses.append(still(network, weight))
            w[i] = middle
            numeric[key][i] = (losses[0] - 8 * losses[1] + 8 * losses[2] - losses[3]) / (12 * h)
    exact, found = (np.concatenate([g[key].ravel() for key in sorted(numeric)]) for g in (gradients, numeric))
    assert np.linalg.norm(exact - found) <= 1e-8 * np.linalg.norm(exact)


def test_a_kernel_before_batch_norm_has_a_gradient_at_right_angles_to_it() -> None:
    """The norm takes out the kernel's length, up to epsilon."""
    network = ready("engine", [dense(5, use_bias=False), norm("batch_norm", 5, epsilon=0.0), dense(2)])
    still(network, None)
    w, dw = network.parameters()["dense_0/kernel"], network.gradients()["dense_0/kernel"]
    assert np.all(np.abs((w * dw).sum(axis=0)) < 1e-14)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("n_threads", [1, 2, 3, 8])
@pytest.mark.parametrize("rows", [1, 2, 31, 33, 130, 700])
@pytest.mark.parametrize("shape", [(256,), (8, 8, 4)])
def test_statistics_have_the_same_bits_for_any_number_of_threads(
    rows: int, n_threads: int, dtype: str, shape: tuple[int, ...]
) -> None:
    found = []
    for threads in (1, n_threads):
        network = ready("engine", [dense(256, "relu"), norm("batch_norm", *shape), dense(2)], dtype=dtype)
        weight = uniform((rows,), seed=3, dtype=dtype, low=0.0)
        still(network, weight, rows, n_threads=threads)
        found.append({name: a.copy() for name, a in {**network.gradients(), **network.statistics()}.items()})
    for name, array in found[0].items():
        np.testing.assert_array_equal(found[1][name], array)


# what is done in one pass with the norm in training; a dropout of nothing keeps layers apart
NOTHING = dropout(0.0)
CHAINS = {
    "relu": ([dense(40), norm("batch_norm", 40)], [activation("relu")]),
    "tanh": ([dense(300), norm("batch_norm", 6, 50)], [activation("tanh")]),
    "from the input": ([dense(40), norm("batch_norm", 40)], [activation("gelu")]),
    "after an activation": ([dense(40, "tanh"), norm("batch_norm", 40)], [activation("leaky_relu", alpha=0.1)]),
    "relu, pooled": (
        [conv2d((8, 9, 2), 20, (3, 3), use_bias=False), norm("batch_norm", 6, 7, 20)],
        [activation("relu"), pooled("max_pool", (6, 7, 20), (2, 2))],
    ),
    "pooled": (
        [conv2d((8, 9, 2), 17, (3, 3)), norm("batch_norm", 6, 7, 17, scale=0.0)],
        [pooled("max_pool", (6, 7, 17), (3, 2), (2, 1), same=True)],
    ),
    "tanh, pooled": (
        [conv2d((8, 9, 2), 33, (3, 3), "elu"), norm("batch_norm", 6, 7, 33)],
        [activation("tanh"), pooled("max_pool", (6, 7, 33), (2, 2))],
    ),
    "from lanes": (
        [conv2d((8, 9, 2), 6, (3, 3)), norm("batch_norm", 6, 7, 6)],
        [activation("sigmoid"), pooled("max_pool", (6, 7, 6), (3, 3))],
    ),
    "averages": (
        [conv2d((8, 9, 2), 20, (3, 3)), norm("batch_norm", 6, 7, 20)],
        [activation("relu"), pooled("average_pool", (6, 7, 20), (2, 2))],
    ),
}


def trained(layers: list[dict[str, Any]], dtype: str, weights: str, frozen: bool, n_threads: int) -> dict[str, Any]:
    """Weights, statistics and gradients after three epochs of two batches, the last of them smaller."""
    network = make_network("engine", 144, layers, dtype=dtype)
    network.set_loss("squared_error", setting=0.5)
    network.set_optimizer("adam", {})
    for name, w in network.parameters().items():
        if name.endswith("gamma"):
            w[...] = np.linspace(-1.0, 1.0, w.size)  # a scale below 0 makes the smallest pixel the largest
    kinds = [layer["kind"] for layer in layers]
    network.set_trainable([not (frozen and kind == "batch_norm") for kind in kinds])
    X, target = uniform((55, 144), seed=1, dtype=dtype), uniform((55, 2), seed=2, dtype=dtype)
    weight = make_weight(weights, 55, dtype)
    network.train(X, target, weight, batch_size=35, first_epoch=0, epochs=3, rates=np.array([0.01]), shuffle_seed=3,
                  n_threads=n_threads)  # fmt: skip
    network.loss_and_gradients(X, target, weight, n_threads=n_threads)
    bits = {"gradient of " + name.partition("/")[2] + str(i): g.copy()
            for i, (name, g) in enumerate(network.gradients().items())}  # fmt: skip
    return bits | {str(i): w.copy() for i, w in enumerate(network.weights().values())}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("weights", "frozen"), [("none", False), ("few", False), ("none", True)])
@pytest.mark.parametrize("name", CHAINS)
def test_one_pass_has_the_bits_of_one_layer_after_the_other(name: str, weights: str, frozen: bool, dtype: str) -> None:
    before, chain = CHAINS[name]
    apart = [layer for after in chain for layer in (NOTHING, after)]
    found = trained([*before, *chain, dense(2)], dtype, weights, frozen, 2)
    wanted = trained([*before, *apart, NOTHING, dense(2)], dtype, weights, frozen, 1)
    assert len(found) == len(wanted) > 6 and any(w.any() for w in found.values())
    for (key, array), other in zip(found.items(), wanted.values(), strict=True):
        np.testing.assert_array_equal(array, other, err_msg=key)


@pytest.mark.parametrize("n_threads", [2, 3, 8])
@pytest.mark.parametrize("name", CHAINS)
def test_one_pass_has_the_same_bits_for_any_number_of_threads(name: str, n_threads: int) -> None:
    before, chain = CHAINS[name]
    one, many = (trained([*before, *chain, dense(2)], "float32", "all", False, n) for n in (1, n_threads))
    for key, array in one.items():
        np.testing.assert_array_equal(many[key], array, err_msg=key)


@pytest.mark.parametrize("library", ["engine", "twin"])
@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize("shape", [(6,), (3, 2)])
def test_what_a_step_learns(weights: str, shape: tuple[int, ...], library: str) -> None:
    network, weight = ready(library, [norm("batch_norm", *shape, momentum=0.75), dense(2)]), WEIGHTS[weights]
    x = data()[0].reshape(ROWS, -1, shape[-1])
    w = np.ones(ROWS) if weight is None else weight
    mean = np.average(x.mean(axis=1), axis=0, weights=w)
    variance = np.average(((x - mean) ** 2).mean(axis=1), axis=0, weights=w)
    running = [np.zeros(shape[-1]), np.ones(shape[-1])]
    for _ in range(3):
        still(network, weight)
        running = [0.75 * r + 0.25 * b for r, b in zip(running, (mean, variance), strict=True)]
        assert list(network.statistics()) == ["batch_norm_0/moving_mean", "batch_norm_0/moving_variance"]
        for found, wanted in zip(network.statistics().values(), running, strict=True):
            np.testing.assert_allclose(found, wanted, rtol=1e-13)


def test_everything_but_a_step_takes_the_running_statistics() -> None:
    network = ready("engine", [norm("batch_norm", 6, epsilon=0.5), dense(2)])
    rng = np.random.default_rng(0)
    mean, variance = network.statistics().values()
    mean[...], variance[...] = rng.normal(size=6), rng.uniform(1, 2, size=6)
    before = {name: r.copy() for name, r in network.statistics().items()}
    X, target = data()
    p = network.parameters()
    n = (X - mean) / np.sqrt(variance + 0.5) * p["batch_norm_0/gamma"] + p["batch_norm_0/beta"]
    wanted = n @ p["dense_1/kernel"] + p["dense_1/bias"]
    np.testing.assert_allclose(network.forward(X), wanted, rtol=1e-13)
    loss = 0.5 * np.mean(np.sum((wanted - target) ** 2, axis=1))
    assert network.evaluate(X, target, None)["loss"] == pytest.approx(loss, rel=1e-13)
    assert network.loss_and_gradients(X, target, None) == pytest.approx(loss, rel=1e-13)
    members = np.concatenate([w.ravel() for w in p.values()])[None]
    assert network.population_losses(members, X, target, None) == pytest.approx(loss, rel=1e-13)
    assert network.evaluate(X, target, None)["loss"] != pytest.approx(still(network, None))
    for name, r in network.statistics().items():
        assert not np.array_equal(r, before[name])  # the step has learnt


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_row_alone_has_the_bits_it_has_in_a_batch(dtype: str) -> None:
    network = ready(
        "engine", [dense(24, "relu"), norm("batch_norm", 3, 8), norm("layer_norm", 24), dense(2)], dtype=dtype
    )
    for _ in range(5):
        still(network, None)
    X, _ = data(dtype, 150)
    together = network.forward(X, n_threads=2)
    for i in (0, 1, 77, 149):
        np.testing.assert_array_equal(network.forward(X[i : i + 1])[0], together[i])


def test_a_single_value_gives_beta_and_teaches_nothing() -> None:
    engine, twin = (
        ready(library, [dense(6, "tanh"), norm("batch_norm", 6), dense(2)]) for library in ("engine", "twin")
    )
    for network in (engine, twin):
        for w in network.parameters().values():
            w += 0.125
        loss = still(network, None, 1)
        p, (_, target) = network.parameters(), data(rows=1)
        z = p["batch_norm_1/beta"] @ p["dense_2/kernel"] + p["dense_2/bias"]
        assert loss == pytest.approx(0.5 * float(np.sum((z - target) ** 2)), rel=1e-13)
        assert not network.gradients()["dense_0/kernel"].any()
        assert not network.gradients()["batch_norm_1/gamma"].any()
        assert network.gradients()["batch_norm_1/beta"].any()
        assert not network.statistics()["batch_norm_1/moving_mean"].any()
        assert np.array_equal(network.statistics()["batch_norm_1/moving_variance"], np.ones(6))
        still(network, np.array([0.0, 2.0, 0.0]), 3)  # one row that counts
        assert not network.statistics()["batch_norm_1/moving_mean"].any()
    assert relative_error(engine.gradients()["dense_2/kernel"], twin.gradients()["dense_2/kernel"]) <= 1e-13


@pytest.mark.parametrize("library", ["engine", "twin"])
def test_weights_count_as_copies_do(library: str) -> None:
    times = np.array([2, 0, 1, 3, 1, 0, 1, 1, 2, 1, 0])
    weighed, copied = (ready(library, NETWORKS["positions"]) for _ in range(2))
    X, target = data()
    run = {"first_epoch": 0, "epochs": 1, "rates": np.array([0.5])}
    weighed.train(X, target, times.astype(float), batch_size=ROWS, **run)
    copied.train(np.repeat(X, times, axis=0), np.repeat(target, times, axis=0), None, batch_size=12, **run)
    for name, w in weighed.weights().items():
        np.testing.assert_allclose(w, copied.weights()[name], rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("library", ["engine", "twin"])
def test_a_frozen_layer_takes_the_running_statistics_and_keeps_them(library: str) -> None:
    layers = [dense(6, "tanh"), norm("batch_norm", 6), dense(2)]
    network = ready(library, layers)
    still(network, None)
    before = {name: w.copy() for name, w in network.weights().items()}
    network.set_trainable([True, False, True])
    X, target = data()
    loss = network.evaluate(X, target, None)["loss"]
    network.loss_and_gradients(X, target, None)
    gradient = network.gradients()["dense_0/kernel"].copy()
    assert still(network, None) == pytest.approx(loss, rel=1e-13)
    np.testing.assert_allclose(network.gradients()["dense_0/kernel"], gradient, rtol=1e-13)
    for name, w in network.weights().items():
        np.testing.assert_array_equal(w, before[name])


@pytest.mark.parametrize("rule", ["adam", "momentum"])
def test_rules_clips_and_penalties_leave_the_statistics_alone(rule: str) -> None:
    """Weight decay and an l1 would shrink them; their share of the state does not exist."""
    layers = [norm("batch_norm", 6, momentum=1.0), dense(2, l2=0.5, l1=0.5)]
    network = ready("engine", layers)
    network.set_optimizer(rule, {"momentum": 0.9, "weight_decay": 0.5, "clip_norm": 1e-3})
    mean, variance = network.statistics().values()
    mean[...], variance[...] = 3.0, 5.0
    X, target = data()
    network.train(X, target, None, batch_size=4, first_epoch=0, epochs=300, rates=np.array([0.1]))
    assert (mean == 3.0).all() and (variance == 5.0).all()
    named = {name.rpartition("/")[2] for name in [*network.gradients(), *network.optimizer_state()]}
    assert named == {"gamma", "beta", "kernel", "bias"}


def test_the_average_of_the_weights_is_one_of_the_statistics_too() -> None:
    engine, twin = (ready(library, [norm("batch_norm", 6), dense(2)]) for library in ("engine", "twin"))
    for network in (engine, twin):
        network.set_averaging(decay=0.5, start=1, every=2, by_epoch=False)
        network.train(*data(), None, batch_size=4, first_epoch=0, epochs=3, rates=np.array([0.1]))
    for name, a in twin.optimizer_state().items():
        assert relative_error(engine.optimizer_state()[name], a) <= 1e-12
    assert "average/batch_norm_0/moving_mean" in engine.optimizer_state()


@pytest.mark.parametrize("weights", ["none", "all", "few"])
def test_many_networks_side_by_side_have_the_bits_of_one(weights: str) -> None:
    X, target = data(rows=60)
    weight = make_weight(weights, 60)
    options = {"batch_size": 16, "first_epoch": 0, "epochs": 3, "rates": np.array([0.1])}
    alone, together = ([ready("engine", NETWORKS[name]) for name in ("hidden", "both")] for _ in range(2))
    for network in alone:
        network.train(X, target, weight, shuffle_seed=4, **options)
    type(alone[0]).train_many(together, [(X, target, weight)] * 2, [{**options, "shuffle_seed": 4, "metrics": []}] * 2,
                              n_threads=2)  # fmt: skip
    for one, other in zip(alone, together, strict=True):
        for name, w in one.weights().items():
            np.testing.assert_array_equal(other.weights()[name], w)


def test_a_loss_that_is_not_finite_teaches_nothing() -> None:
    network = ready("engine", [norm("batch_norm", 6), dense(2)])
    X, target = data()
    X[3] = np.inf
    result = network.train(X, target, None, batch_size=ROWS, first_epoch=0, epochs=1, rates=np.array([0.1]))
    assert not np.isfinite(result["loss"][0])
    assert not network.statistics()["batch_norm_0/moving_mean"].any()


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (norm("batch_norm", 5), "shape of batch_norm_0 must be that of a row of its input, 6 numbers"),
        (norm("layer_norm"), "shape of layer_norm_0 must be that of a row of its input, 6 numbers"),
        (norm("batch_norm", 6, momentum=1.5), r"momentum of batch_norm_0 must be in \[0, 1\], got 1.5"),
        (norm("batch_norm", 6, epsilon=-1.0), r"epsilon of batch_norm_0 must be in \[0, inf\), got -1"),
        (norm("layer_norm", 6, epsilon=np.nan), r"epsilon of layer_norm_0 must be in \[0, inf\), got nan"),
        ({**norm("layer_norm", 6), "settings": {}}, "needs the setting 'scale'"),
    ],
)
def test_what_cannot_be_built(layer: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make_network("engine", 6, [layer])
