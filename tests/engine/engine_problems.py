"""Four small problems, how a network is set on one of them, and when two networks or histories are the same."""

from __future__ import annotations

from typing import Any

import numpy as np
from engine_cases import (
    activation,
    branches,
    conv2d,
    dense,
    dropout,
    labels,
    make_network,
    norm,
    pooled,
    relative_error,
    spatial_dropout,
    uniform,
    upsampled,
    zeros,
)

# name: layers, loss, its setting, reduction, last activation left out, metrics
PROBLEMS: dict[str, tuple[list[dict[str, Any]], str, float, str, bool, list[tuple[str, float]]]] = {
    "classes": (
        [dense(7, "tanh", l2=1e-2), dropout(0.3), dense(6, "sigmoid", l1=1e-3), dense(3, "softmax")],
        "categorical_cross_entropy", 1.0, "mean", True, [("accuracy", 0.0), ("top_k", 2.0)],
    ),
    "numbers": (
        [dense(9, "silu", use_bias=False), activation("softplus"), dropout(0.5), dense(3, l1=1e-3, l2=1e-3)],
        "huber", 0.5, "mean", False, [("squared_error", 0.0), ("absolute_error", 0.0)],
    ),
    "flags": (
        [dense(6, "gelu"), dense(5, "elu"), dropout(0.1), dense(3, l2=1e-4), activation("sigmoid")],
        "binary_cross_entropy", 1.0, "sum", True, [("binary_accuracy", 0.0)],
    ),
    "branches": (
        [
            branches("concat", [dense(6, "tanh", l2=1e-2)], [], [dropout(0.3), dense(4, "gelu", l1=1e-3)], positions=1),
            branches("add", [dense(8, "relu"), branches("mean", [], [dense(8, "elu")])], [dense(8, "relu")]),
            dense(3, l2=1e-3),
        ],
        "squared_error", 0.5, "mean", False, [("absolute_error", 0.0)],
    ),
    "images": (
        [
            dense(24, "relu"), pooled("max_pool", (4, 3, 2), (2, 2), (1, 1), same=True), spatial_dropout(0.3, 12),
            upsampled((4, 3, 2), (1, 2)), zeros((4, 6, 2), (1, 0, 0, 2)), pooled("average_pool", (5, 8, 2), (2, 3)),
            dense(3),
        ],
        "squared_error", 0.5, "mean", False, [("absolute_error", 0.0)],
    ),
    "convolutions": (
        [
            conv2d((1, 5, 1), 4, (1, 3), "tanh", padding=(0, 0, 1, 1), l2=1e-2),
            conv2d((1, 5, 4), 20, (1, 2), "gelu", l1=1e-3),
            conv2d((1, 4, 20), 20, (1, 2), dilation=(1, 2), groups=(20,), use_bias=False),
            dense(3),
        ],
        "squared_error", 0.5, "mean", False, [("absolute_error", 0.0)],
    ),
    "batch-norm": (
        [norm("batch_norm", 5), dense(12, "tanh"), dropout(0.2), norm("batch_norm", 2, 3, 2, momentum=0.7),
         activation("tanh"), branches("add", [], [dense(12, use_bias=False), norm("batch_norm", 12, scale=0.0)]),
         dense(3, l2=1e-3)],
        "squared_error", 0.5, "mean", False, [("absolute_error", 0.0)],
    ),
    "layer-norm": (
        [dense(12, "relu"), norm("layer_norm", 12, epsilon=1e-3),
         dense(10, "tanh"), norm("layer_norm", 2, 5, epsilon=0.1),
         norm("layer_norm", 10, center=0.0, epsilon=0.1), dense(3)],
        "squared_error", 0.5, "sum", False, [("absolute_error", 0.0)],
    ),
    "penalties-in-the-mean": (
        [dense(6, "tanh", l2=0.5), dense(3, l1=0.1, l2=0.3)],
        "squared_error", 0.5, "penalized_mean", False, [("squared_error", 0.0)],
    ),
}  # fmt: skip

ROWS, INPUTS, BATCH, EPOCHS = 53, 5, 16, 5


def data(problem: str, dtype: str = "float64") -> tuple[Any, Any, Any]:
    X = uniform((ROWS, INPUTS), seed=1, dtype=dtype)
    target = labels(ROWS, 3, seed=2) if problem == "classes" else uniform((ROWS, 3), seed=2, dtype=dtype, low=0.0)
    return X, target, uniform((ROWS,), seed=3, dtype=dtype, low=0.0)


def prepare(network: Any, problem: str, rule: str = "adam", settings: dict[str, Any] | None = None) -> None:
    _, loss, setting, reduction, skip, _ = PROBLEMS[problem]
    network.set_loss(loss, setting=setting, reduction=reduction, skip_activation=skip)
    network.set_optimizer(rule, settings or {})


def pair(problem: str, rule: str = "adam", settings: dict[str, Any] | None = None, dtype: str = "float64") -> list[Any]:
    """The engine's network and the twin's, ready to train."""
    networks = [make_network(library, INPUTS, PROBLEMS[problem][0], dtype=dtype) for library in ("engine", "twin")]
    for network in networks:
        prepare(network, problem, rule, settings)
    return networks


def run(network: Any, problem: str, *, dtype: str = "float64", weighted: bool = True, **options: Any) -> dict[str, Any]:
    X, target, weight = data(problem, dtype)
    defaults = {
        "batch_size": BATCH, "first_epoch": 0, "epochs": EPOCHS, "shuffle_seed": 4, "rates": np.array([0.02]),
        "metrics": PROBLEMS[problem][5], "n_threads": 2,
    }  # fmt: skip
    result: dict[str, Any] = network.train(X, target, weight if weighted else None, **{**defaults, **options})
    return result


def assert_same_network(engine: Any, twin: Any, tolerance: float = 1e-10) -> None:
    for kind in ("weights", "optimizer_state"):
        ours, theirs = getattr(engine, kind)(), getattr(twin, kind)()
        assert sorted(ours) == sorted(theirs)
        for name in theirs:
            assert ours[name].dtype == theirs[name].dtype
            assert relative_error(ours[name], theirs[name]) <= tolerance, (kind, name)
    assert relative_error(engine.running, twin.running) <= 1e-14
    assert engine.step == twin.step


def assert_same_history(engine: dict[str, Any], twin: dict[str, Any], tolerance: float = 1e-10) -> None:
    assert engine["steps"] == twin["steps"]
    for key in ("loss", "metrics"):
        assert np.asarray(engine[key]).dtype == np.float64
        assert relative_error(engine[key], twin[key]) <= tolerance, key
