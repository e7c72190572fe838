"""Noise, penalties, thresholds, clipping and column norms in whole training steps. As a script it prints their bits."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import KW_ONLY, dataclass, field
from functools import cache
from typing import Any

import numpy as np
import pytest
from engine_cases import bits_of, dense, dropout, labels, make_network, relative_error, uniform
from engine_problems import assert_same_history, assert_same_network
from test_gradients import check

from ravine import _core, kernels

ROWS, INPUTS, STEPS = 53, 5, 20
DTYPES = ["float32", "float64"]


def noise(stddev: float) -> dict[str, Any]:
    return {"kind": "gaussian_noise", "stddev": stddev}


@dataclass(frozen=True, eq=False)
class Case:
    """Layers, the rule with its settings, and the learning rate."""

    name: str
    layers: tuple[dict[str, Any], ...]
    _: KW_ONLY
    rule: str = "sgd"
    settings: dict[str, Any] = field(default_factory=dict)
    rate: float = 0.1
    frozen: int | None = None

    def prepared(self, library: str, inputs: int = INPUTS, dtype: str = "float64") -> Any:
        network = make_network(library, inputs, list(self.layers), dtype=dtype)
        network.set_loss("categorical_cross_entropy", setting=1.0, skip_activation=True)
        network.set_optimizer(self.rule, self.settings)
        network.set_trainable([place != self.frozen for place in range(len(self.layers))])
        return network


def train(network: Any, rows: int, dtype: str = "float64", **options: Any) -> dict[str, Any]:
    X, target = uniform((rows, network.input_units), seed=1, dtype=dtype), labels(rows, 3, seed=2)
    weight = uniform((rows,), seed=3, dtype=dtype, low=0.0)
    defaults = {"batch_size": 16, "first_epoch": 0, "epochs": 5, "shuffle_seed": 4, "n_threads": 2}
    result: dict[str, Any] = network.train(X, target, weight, **{**defaults, **options})
    return result


def net(first: dict[str, Any], second: dict[str, Any] | None = None) -> tuple[dict[str, Any], ...]:
    """Two dense layers with settings of their own, and a third."""
    return (dense(7, "tanh", **first), dense(6, "silu", **(second or {})), dense(3, "softmax"))


ALL = {"l1": 0.01, "l2": 0.02, "l2_norm": 0.05, "proximal": True, "max_norm": 0.8}
CASES = [
    Case("noise", (noise(0.2), dense(7, "relu"), noise(0.5), dense(3, "softmax"))),
    Case("noise-and-dropout", (dense(9, "elu"), noise(0.3), dropout(0.4), dense(3, "softmax")), rule="adam", rate=0.02),
    Case("noise-at-the-end", (dense(7, "tanh"), dense(3), noise(0.5))),
    Case("no-noise", (noise(0.0), dense(3, "softmax"))),
    Case("root", net({"l2_norm": 0.3}, {"l2_norm": 0.1})),
    Case("root-l1-l2", net({"l1": 0.01, "l2": 0.1, "l2_norm": 0.2}), rule="adam", rate=0.02),
    Case("root-of-a-frozen-layer", net({"l2_norm": 0.3}, {"l2_norm": 0.1}), frozen=0),
    Case("proximal", net({"l1": 0.05, "proximal": True})),
    Case("proximal-l2-adam", net({"l1": 0.02, "l2": 0.01, "proximal": True}), rule="adam", rate=0.02),
    Case("proximal-of-a-frozen-layer", net({"l1": 0.05, "proximal": True}), frozen=0),
    Case("max-norm", net({"max_norm": 0.5}, {"max_norm": 1.0})),
    Case("max-norm-adam", net({"max_norm": 0.9}), rule="adam", rate=0.02),
    Case("max-norm-of-a-frozen-layer", net({"max_norm": 0.1}), frozen=0),
    Case("clip-norm", net({}), settings={"clip_norm": 0.05}, rate=0.5),
    Case("clip-norm-now-and-then", net({}), settings={"clip_norm": 0.2}, rate=0.5),
    Case("clip-norm-never", net({}), settings={"clip_norm": 1e9}),
    Case("clip-norm-frozen", net({}), settings={"clip_norm": 0.05}, frozen=1),
    Case("clip-norm-penalised", net({"l2": 5.0, "l2_norm": 1.0}), settings={"clip_norm": 0.1, "weight_decay": 0.1}),
    Case("clip-norm-momentum", net({}), rule="momentum", settings={"momentum": 0.9, "clip_norm": 0.1}),
    Case("clip-value", net({"l1": 0.1}), settings={"clip_value": 0.01}, rate=1.0),
    Case("clip-value-adam", net({}), rule="adam", settings={"clip_value": 0.01}, rate=0.02),
    Case("all", (noise(0.1), *net(ALL, ALL)), rule="nadam", settings={"clip_norm": 0.3, "weight_decay": 0.1},
         rate=0.02),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_twenty_steps(case: Case) -> None:
    networks = [case.prepared(library) for library in ("engine", "twin")]
    before = {name: w.copy() for name, w in networks[0].parameters().items()}
    results = [train(network, ROWS, rates=np.array([case.rate])) for network in networks]
    assert results[0]["steps"] == STEPS
    assert_same_network(*networks)
    assert_same_history(*results)
    for name, w in networks[0].parameters().items():
        assert np.any(w != before[name]) != (case.frozen is not None and name.startswith(f"dense_{case.frozen}/"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_it_matters(case: Case) -> None:
    """Without what the case is about, training ends elsewhere (but where it is switched off or never acts)."""
    plain = [
        {key: value for key, value in layer.items() if key not in ("l1", "l2", "l2_norm", "proximal", "max_norm")}
        for layer in case.layers
    ]
    settings = {key: value for key, value in case.settings.items() if not key.startswith("clip")}
    other = Case("", tuple({**layer, "stddev": 0.0} if "stddev" in layer else layer for layer in plain), rule=case.rule,
                 settings=settings, frozen=case.frozen)  # fmt: skip
    networks = [each.prepared("engine") for each in (case, other)]
    for network in networks:
        train(network, ROWS, rates=np.array([case.rate]))
    same = bits_of(networks[0].parameters()) == bits_of(networks[1].parameters())
    idle = ("no-noise", "clip-norm-never", "proximal-of-a-frozen-layer", "max-norm-of-a-frozen-layer")
    assert same == (case.name in idle)


NOISELESS = [case for case in CASES if all(layer["kind"] == "dense" for layer in case.layers)]


@pytest.mark.parametrize("case", NOISELESS, ids=lambda case: case.name)
def test_the_loss_that_is_reported_is_the_evaluated_one(case: Case) -> None:
    """One batch of all rows: training's loss before a step is that of `evaluate`."""
    network = case.prepared("engine")
    X, target = uniform((ROWS, INPUTS), seed=1), labels(ROWS, 3, seed=2)
    evaluated = network.evaluate(X, target, None, metrics=[], n_threads=1)["loss"]
    trained = network.train(X, target, None, batch_size=ROWS, first_epoch=0, epochs=1, rates=np.array([0.1]))["loss"][0]
    assert trained == pytest.approx(evaluated, rel=1e-14)


PENALISED = [case for case in CASES if case.frozen is None and case.name.startswith(("root", "proximal", "all"))]


@pytest.mark.parametrize("library", ["engine", "twin"])
@pytest.mark.parametrize("case", PENALISED, ids=lambda case: case.name)
def test_gradients_of_the_whole_loss(case: Case, library: str) -> None:
    """`loss_and_gradients` differentiates all penalties, a proximal l1 too; dropout and noise are off."""
    network = case.prepared(library)
    X, target = uniform((6, INPUTS), seed=1), labels(6, 3, seed=2)
    network.loss_and_gradients(X, target, None, n_threads=1)
    gradients = {name: dw.copy() for name, dw in network.gradients().items()}
    check(network, lambda: network.evaluate(X, target, None, metrics=[], n_threads=1)["loss"], gradients)


@pytest.mark.parametrize("library", ["engine", "twin"])
def test_gradients_of_a_noisy_step(library: str) -> None:
    """A step with the rate 0 gives the noisy loss and its gradients; the same step number draws the same noise."""
    layers = (noise(0.3), dense(4, "tanh"), noise(0.5), dense(4, "sigmoid"), noise(0.1), dense(3, "softmax"))
    network = Case("", layers).prepared(library, inputs=3)

    def loss() -> float:
        network.step = 11
        return float(train(network, 6, batch_size=6, epochs=1, rates=np.array([0.0]))["loss"][0])

    assert loss() == loss() != network.evaluate(uniform((6, 3), seed=1), labels(6, 3, seed=2), None)["loss"]
    gradients = {name: dw.copy() for name, dw in network.gradients().items()}
    check(network, loss, gradients)


def test_a_unit_that_is_dropped_for_a_whole_batch_gets_exactly_zero_gradient(make: Any) -> None:
    network = make(3, [dense(40, "tanh"), dropout(0.5), dense(2)])
    network.set_loss("squared_error", setting=1.0)
    network.set_optimizer("sgd", {})
    network.step = 5
    network.train(uniform((2, 3), seed=1), uniform((2, 2), seed=2), None, batch_size=2, first_epoch=0, epochs=1,
                  rates=np.array([0.0]))  # fmt: skip
    dropped = kernels.dropout(np.ones((2, 40)), rate=0.5, seed=7, stream=(2 << 24) | 1, step=5) == 0.0
    out = dropped.all(axis=0)
    assert 0 < out.sum() < 40
    np.testing.assert_array_equal((network.gradients()["dense_0/kernel"] == 0.0).all(axis=0), out)
    np.testing.assert_array_equal((network.gradients()["dense_2/kernel"] == 0.0).all(axis=1), out)


@pytest.mark.parametrize("l2_norm", [1.0, 1e6])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("tiny", [False, True])
def test_the_root_penalty_is_harmless_at_zero(make: Any, dtype: str, tiny: bool, l2_norm: float) -> None:
    network = make(2, [dense(2, l2_norm=l2_norm)], dtype=dtype)
    network.set_loss("squared_error", setting=1.0)
    kernel = network.parameters()["dense_0/kernel"]
    kernel[...] = 0.0
    if tiny:
        kernel[0, 0] = 1e-45 if dtype == "float32" else 1e-150
    X, target = np.zeros((1, 2), dtype), np.zeros((1, 2), dtype)
    network.loss_and_gradients(X, target, None, n_threads=1)
    dw = network.gradients()["dense_0/kernel"]
    assert np.isfinite(dw).all()
    assert not dw.ravel()[1:].any()
    assert (dw[0, 0] > 0) == tiny


def test_the_proximal_step_finds_the_lasso_exactly(make: Any) -> None:
    """For orthonormal X, min |Xw - y|^2 + l1 |w|_1 is the least squares' soft threshold by l1 / 2: zeros are exact."""
    X = np.linalg.qr(uniform((12, 4), seed=1))[0]
    best = np.array([1.5, -0.2, 0.1, -0.9])
    network = make(4, [dense(1, use_bias=False, l1=0.6, proximal=True)])
    network.set_loss("squared_error", setting=1.0, reduction="sum")
    network.set_optimizer("sgd", {})
    network.train(np.ascontiguousarray(X), (X @ best)[:, None], None, batch_size=12, first_epoch=0, epochs=200,
                  rates=np.array([0.2]))  # fmt: skip
    w = network.parameters()["dense_0/kernel"].ravel()
    np.testing.assert_array_equal(w == 0.0, [False, True, True, False])
    np.testing.assert_allclose(w, [1.2, 0.0, 0.0, -0.6], rtol=1e-12)


@pytest.mark.parametrize("size", [1e-200, 1e-3, 1.0, 1e3, 1e160, 1e300])
@pytest.mark.parametrize("dtype", DTYPES)
def test_clipping_gradients_of_any_size(make: Any, dtype: str, size: float) -> None:
    """The squares of 1e160 overflow in float64, those of 1e30 in float32."""
    size = size if dtype == "float64" else float(np.cbrt(np.cbrt(size)))
    network = make(2, [dense(2)], dtype=dtype)
    network.set_optimizer("sgd", {"clip_norm": 0.5})
    gradients = network.gradients()
    gradients["dense_0/kernel"][...] = np.array([[3.0, 0.0], [0.0, 0.0]]) * size
    gradients["dense_0/bias"][...] = np.array([0.0, 4.0]) * size
    for w in network.parameters().values():
        w[...] = 0.0
    network.apply_gradients(1.0)
    step = -network.parameters()["dense_0/kernel"][0, 0], -network.parameters()["dense_0/bias"][1]
    length = min(0.5, 5.0 * size)
    np.testing.assert_allclose(step, [0.6 * length, 0.8 * length], rtol=4 * np.finfo(dtype).eps)


@pytest.mark.parametrize("settings", [{"clip_norm": 0.5}, {"clip_value": 0.5}, {}])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_gradient_that_is_not_finite_is_not_hidden(make: Any, value: float, settings: dict[str, float]) -> None:
    network = make(2, [dense(2)])
    network.set_optimizer("sgd", settings)
    for dw in network.gradients().values():
        dw[...] = 1.0
    before = {name: w.copy() for name, w in network.parameters().items()}
    network.gradients()["dense_0/bias"][1] = value
    network.apply_gradients(0.1)
    after = network.parameters()
    clipped = settings == {"clip_value": 0.5}
    np.testing.assert_allclose(after["dense_0/kernel"], before["dense_0/kernel"] - (0.05 if clipped else 0.1))
    assert np.isfinite(after["dense_0/bias"][1]) == (clipped and value == np.inf)


def test_apply_gradients_ends_with_the_constraint_and_leaves_penalties_out(make: Any) -> None:
    network = make(2, [dense(1, use_bias=False, l1=9.0, proximal=True, max_norm=1.0)])
    network.set_optimizer("sgd", {})
    network.parameters()["dense_0/kernel"][...] = [[3.0], [4.0]]
    network.gradients()["dense_0/kernel"][...] = 0.0
    network.apply_gradients(1.0)
    np.testing.assert_allclose(network.parameters()["dense_0/kernel"].ravel(), [0.6, 0.8], rtol=1e-15)


# By rows and by outputs, with kernels of several chunks and columns of several blocks.
WIDE = Case(
    "wide", (noise(0.1), dense(700, "relu", l2_norm=0.01, max_norm=1.1), noise(0.3),
             dense(200, "tanh", l1=1e-3, proximal=True), dense(3, "softmax", l2=1e-3)),
    rule="adam", settings={"clip_norm": 0.1, "weight_decay": 0.01}, rate=1e-2,
)  # fmt: skip
SMALL = Case(
    "small", (noise(0.1), dense(150, "relu", l2_norm=0.01, max_norm=0.9), noise(0.3),
              dense(40, "tanh", l1=1e-3, proximal=True), dense(3, "softmax", l2=1e-3)),
    rule="momentum", settings={"momentum": 0.9, "clip_norm": 0.1}, rate=1e-2,
)  # fmt: skip
CLIPPED = Case("clipped", SMALL.layers, rule="rmsprop", settings={"clip_value": 1e-4}, rate=1e-3)
BITS = {"wide": (WIDE, 200, 256), "small": (SMALL, 37, 128), "clipped": (CLIPPED, 37, 300)}


@cache
def bits(name: str, dtype: str, n_threads: int) -> str:
    case, inputs, batch = BITS[name]
    network = case.prepared("engine", inputs, dtype)
    history = train(network, 600, dtype, batch_size=batch, epochs=3, rates=np.array([case.rate]), n_threads=n_threads)
    return bits_of({**network.parameters(), **network.optimizer_state(), "history/loss": history["loss"]})


@pytest.mark.parametrize("n_threads", [2, 3, 8])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", BITS)
def test_any_number_of_threads_gives_the_same_bits(name: str, dtype: str, n_threads: int) -> None:
    assert bits(name, dtype, n_threads) == bits(name, dtype, 1)


@pytest.mark.parametrize("name", BITS)
def test_large_networks_match_the_twin(name: str) -> None:
    case, inputs, batch = BITS[name]
    networks = [case.prepared(library, inputs) for library in ("engine", "twin")]
    results = [train(each, 600, batch_size=batch, epochs=1, rates=np.array([case.rate])) for each in networks]
    assert_same_network(*networks)
    assert_same_history(*results)
    if name != "clipped":
        assert relative_error(networks[0].parameters()["dense_3/kernel"] == 0.0,
                              networks[1].parameters()["dense_3/kernel"] == 0.0) == 0.0  # fmt: skip


@pytest.mark.skipif(not (hasattr(_core, "avx2") and hasattr(_core, "avx512")), reason="needs AVX2 and AVX-512")
def test_the_same_bits_on_avx2_and_avx512() -> None:
    printed = [
        subprocess.run([sys.executable, __file__], env={**os.environ, "RAVINE_ISA": isa}, check=True,
                       capture_output=True, text=True, timeout=100).stdout
        for isa in ("avx2", "avx512")
    ]  # fmt: skip
    assert printed[0] == printed[1]


if __name__ == "__main__":
    print(json.dumps({name: [bits(name, dtype, 2) for dtype in DTYPES] for name in BITS}))
