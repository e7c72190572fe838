"""Embedding in the engine: the twin's steps, numerical gradients, the bits of one-hot rows, the norms of rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from engine_cases import dense, dropout, labels, make_network, relative_error, uniform

from ravine import _core

ROWS, LENGTH, IDS, WIDTH, CLASSES = 53, 4, 9, 5, 3


def embedding(ids: int = IDS, width: int = WIDTH, **options: Any) -> dict[str, Any]:
    return {"kind": "embedding", "units": width, "settings": {"input_dim": (float(ids),)}, **options}


LAYERS: dict[str, list[dict[str, Any]]] = {
    "plain": [embedding(), dense(CLASSES, "softmax")],
    "deep": [embedding(), dropout(0.3), dense(6, "tanh", l2=1e-2), dense(CLASSES, "softmax")],
    "penalised": [embedding(l1=1e-3, l2=1e-2), dense(CLASSES, "softmax")],
    "one-number": [embedding(width=1), dense(CLASSES, "softmax")],
}


def ids(rows: int = ROWS, length: int = LENGTH, count: int = IDS, dtype: str = "float64") -> Any:
    return np.floor(uniform((rows, length), seed=4, low=0.0) * count).astype(dtype)


def prepared(library: str, layers: list[dict[str, Any]], rule: str = "adam", dtype: str = "float64") -> Any:
    network = make_network(library, LENGTH, layers, dtype=dtype)
    network.set_loss("categorical_cross_entropy", setting=1.0, skip_activation=True)
    network.set_optimizer(rule, {})
    return network


@pytest.mark.parametrize("rule", ["sgd", "adam", "adagrad"])
@pytest.mark.parametrize("layers", LAYERS.values(), ids=LAYERS)
def test_steps_are_the_twins(layers: list[dict[str, Any]], rule: str) -> None:
    engine, twin = (prepared(library, layers, rule) for library in ("engine", "twin"))
    results = [
        network.train(ids(), labels(ROWS, CLASSES, seed=2), None, batch_size=16, first_epoch=0, epochs=5,
                      shuffle_seed=4, rates=np.array([0.05]), n_threads=2)
        for network in (engine, twin)
    ]  # fmt: skip
    np.testing.assert_allclose(results[0]["loss"], results[1]["loss"], rtol=1e-11)
    for name, w in twin.parameters().items():
        assert relative_error(engine.parameters()[name], w) <= 1e-11, name


@pytest.mark.parametrize("layers", LAYERS.values(), ids=LAYERS)
def test_gradients_are_the_numerical_ones(layers: list[dict[str, Any]]) -> None:
    network, X, target, h = prepared("engine", layers), ids(6), labels(6, CLASSES, seed=1), 1e-3
    network.loss_and_gradients(X, target, None)
    for name, dw in {name: dw.copy() for name, dw in network.gradients().items()}.items():
        w, numeric = network.parameters()[name], np.empty_like(dw)
        for index in np.ndindex(w.shape):
            kept, values = w[index], []
            for k in (-2, -1, 1, 2):
                w[index] = kept + k * h
                values.append(network.evaluate(X, target, None)["loss"])
            w[index] = kept
            numeric[index] = (values[0] - 8 * values[1] + 8 * values[2] - values[3]) / (12 * h)
        assert relative_error(dw, numeric) <= 1e-9, name


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("rows", "batch_size", "count"), [(60, 7, 9), (700, 300, 3000), (1200, 1200, 40)])
def test_bits_are_those_of_one_hot_rows(rows: int, batch_size: int, count: int, dtype: str) -> None:
    """Rows of one id are dense rows with a single 1; what is dense has other slices of k, so ids stand alone."""
    X, target = ids(rows, 1, count, dtype), labels(rows, CLASSES, seed=2)
    one_hot = np.zeros((rows, count), dtype)
    one_hot[np.arange(rows), X[:, 0].astype(int)] = 1.0
    bits = []
    for inputs, first, data in [(count, dense(16, use_bias=False), one_hot), (1, embedding(count, 16), X)]:
        for n_threads in (1, 2, 3, 8):
            network = make_network("engine", inputs, [first, dense(CLASSES, "softmax")], dtype=dtype)
            network.set_loss("categorical_cross_entropy", setting=1.0, skip_activation=True)
            network.set_optimizer("adam", {})
            network.train(data, target, None, batch_size=batch_size, first_epoch=0, epochs=2, shuffle_seed=3,
                          rates=np.array([0.01]), n_threads=n_threads)  # fmt: skip
            bits.append([w.tobytes() for w in network.parameters().values()])
    assert all(other == bits[0] for other in bits[1:])


def test_rows_of_ids_that_do_not_occur_have_no_gradient() -> None:
    network, X = prepared("engine", LAYERS["plain"]), np.array([[1.0, 1.0, 4.0, 7.0]])
    for _ in range(2):
        network.loss_and_gradients(ids(), labels(ROWS, CLASSES, seed=2), None)
        network.loss_and_gradients(X, labels(1, CLASSES, seed=2), None)
    dw = network.gradients()["embedding_0/kernel"]
    assert sorted(np.flatnonzero(dw.any(axis=1))) == [1, 4, 7]


@pytest.mark.parametrize("n_threads", [1, 2])
def test_norms_are_those_of_one_row_alone(n_threads: int) -> None:
    """One step of tau in the article's form gives the strata's mean squared norms back."""
    network, X, target = prepared("engine", LAYERS["plain"], "sgd"), ids(count=3), labels(ROWS, CLASSES, seed=2)
    stratum = (np.arange(ROWS) % 3).astype(np.int32)
    sampler = _core.SamplerFloat64.draws(
        stratum, None, None, strata=3, seed=0, learning_rate=1.0, uniform=1e-9, normalize=False
    )
    before, drawn = sampler.state[:3].copy(), sampler.batch(step=0, rows=ROWS)
    norms = []
    for row in drawn:
        network.loss_and_gradients(X[row : row + 1], target[row : row + 1], None)
        norms.append(sum((dw**2).sum() for dw in network.gradients().values()))
    network.train(X, target, None, batch_size=ROWS, first_epoch=0, epochs=1, rates=np.array([1e-3]),
                  n_threads=n_threads, sampler=sampler)  # fmt: skip
    part = np.bincount(stratum[drawn], weights=norms, minlength=3) / ROWS
    share = np.bincount(stratum) / ROWS
    np.testing.assert_allclose(sampler.state[:3] - before, part - share * part.sum(), rtol=1e-6)


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ([embedding(0)], r"input_dim of embedding_0 must be in \[1, 2147483648\], got 0"),
        ([embedding(2**31 + 1)], "got 2147483649"),
        ([embedding(width=0)], "units of embedding_0 must be at least 1"),
        ([dense(4), embedding()], "embedding_1 takes ids: it must be the first layer"),
    ],
)
def test_what_cannot_be_built_is_refused(layers: list[dict[str, Any]], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make_network("engine", LENGTH, layers)
