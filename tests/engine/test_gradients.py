"""Gradients in float64 against numerical ones, for every layer, activation, loss and weighting that go together.

The five-point stencil (f(x - 2h) - 8 f(x - h) + 8 f(x + h) - f(x + 2h)) / 12h errs by h^4 f''''' / 30.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from functools import cache
from itertools import product
from typing import Any

import numpy as np
import pytest
from engine_cases import activation, dense, dropout, labels, make_network, relative_error, uniform

H = 1e-3
KINK_DISTANCE = 1e-2
ROWS, INPUTS, HIDDEN, OUTPUTS = 6, 3, 4, 3

ALPHA = {"leaky_relu": 0.2, "elu": 1.3}
KINKED = {"relu", "leaky_relu", "elu", "selu"}
ACTIVATIONS = ["linear", "relu", "leaky_relu", "elu", "selu", "sigmoid", "tanh", "softplus", "gelu", "silu", "softmax"]


def apply(units: int, name: str, **options: Any) -> dict[str, Any]:
    return dense(units, name, alpha=ALPHA.get(name, 0.0), **options)


# the layers of a network with a hidden activation f and an output activation g
LAYERS: dict[str, Callable[[str, str], list[dict[str, Any]]]] = {
    "dense": lambda f, g: [apply(HIDDEN, f), apply(OUTPUTS, g)],
    "dense-no-bias": lambda f, g: [apply(HIDDEN, f, use_bias=False), apply(OUTPUTS, g, use_bias=False)],
    "dropout-and-activation": lambda f, g: [
        dense(HIDDEN), dropout(0.5), activation(f, alpha=ALPHA.get(f, 0.0)), apply(OUTPUTS, g)
    ],
    "activation-after-activation": lambda f, g: [
        dense(HIDDEN, "tanh"), apply(OUTPUTS, f), activation(g, alpha=ALPHA.get(g, 0.0))
    ],
}  # fmt: skip


@dataclass(frozen=True)
class Head:
    """The last activation and the loss on it: `kink(z, t)` is the distance of outputs from the loss's kinks."""

    name: str
    _: KW_ONLY
    output: str
    loss: str
    setting: float = 1.0
    skip: bool = False
    target: str = "numbers"
    kink: Callable[[Any, Any], Any] | None = None


def head(loss: str, output: str, target: str = "numbers", setting: float = 1.0, *, skip: bool = False) -> Head:
    name = f"{loss}({setting:g})-{output}{'-skipped' if skip else ''}-{target}"
    kinks: dict[str, Callable[[Any, Any], Any]] = {
        "absolute_error": lambda z, t: np.abs(z - t),
        "huber": lambda z, t: np.abs(np.abs(z - t) - setting),
        "quantile": lambda z, t: np.abs(z - t),
        "perceptron": lambda z, t: np.abs(t * z),
        "hinge": lambda z, t: np.abs(setting - t * z),
    }
    return Head(name, output=output, loss=loss, setting=setting, skip=skip, target=target, kink=kinks.get(loss))


HEADS = [
    head("squared_error", "linear"),
    head("squared_error", "sigmoid", setting=0.5),
    head("squared_error", "softmax", setting=1 / OUTPUTS),
    head("squared_error", "tanh"),
    head("squared_error", "relu"),
    head("squared_error", "leaky_relu"),
    head("squared_error", "elu"),
    head("squared_error", "selu"),
    head("squared_error", "softplus"),
    head("squared_error", "gelu"),
    head("squared_error", "silu"),
    head("absolute_error", "linear"),
    head("absolute_error", "tanh", setting=1 / OUTPUTS),
    head("huber", "linear"),
    head("huber", "sigmoid", setting=0.2),
    head("quantile", "linear", setting=0.3),
    head("binary_focal_cross_entropy", "linear", "probabilities", 1.5),
    head("binary_focal_cross_entropy", "sigmoid", "zeros and ones", 2.0, skip=True),
    head("weighted_binary_cross_entropy", "linear"),
    head("weighted_binary_cross_entropy", "sigmoid", "signs", skip=True),
    head("categorical_focal_cross_entropy", "linear", "labels", 2.0),
    head("categorical_focal_cross_entropy", "softmax", "distribution", 0.5, skip=True),
    head("binary_cross_entropy", "linear", "probabilities"),
    head("binary_cross_entropy", "sigmoid", "probabilities", skip=True),
    head("binary_cross_entropy", "sigmoid", "zeros and ones", skip=True),
    head("categorical_cross_entropy", "linear", "labels"),
    head("categorical_cross_entropy", "softmax", "labels", skip=True),
    head("categorical_cross_entropy", "softmax", "distribution", skip=True),
    head("categorical_cross_entropy", "softmax", "probabilities", skip=True),
    head("log_loss", "sigmoid", "probabilities"),
    head("log_loss", "sigmoid", "zeros and ones"),
    head("categorical_log_loss", "softmax", "labels"),
    head("categorical_log_loss", "softmax", "distribution"),
    head("categorical_log_loss", "sigmoid", "probabilities"),
    head("poisson", "linear", "counts", 1.0),
    head("poisson", "softplus", "counts", 0.0),
    head("perceptron", "linear", "signs"),
    head("perceptron", "step", "signs", skip=True),
    head("hinge", "linear", "signs"),
    head("hinge", "tanh", "signs", 0.5),
]

# weights, reduction, l1, l2
WEIGHTINGS: dict[str, tuple[Callable[[int], Any], str, float, float]] = {
    "mean": (lambda n: None, "mean", 0.0, 0.0),
    "sum": (lambda n: None, "sum", 0.0, 0.0),
    "weighted-mean-l1": (lambda n: uniform((n,), seed=3, low=0.2), "mean", 0.05, 0.0),
    "weighted-sum-l2": (lambda n: uniform((n,), seed=3, low=0.2), "sum", 0.0, 0.1),
    "weighted-penalized-mean-l1-l2": (lambda n: uniform((n,), seed=3, low=0.2), "penalized_mean", 0.5, 1.0),
    "zero-weights-mean-l1-l2": (lambda n: np.arange(n) % 2.0, "mean", 0.05, 0.1),
}


def make_target(kind: str, seed: int) -> Any:
    shape = (ROWS, OUTPUTS)
    if kind == "labels":
        return labels(ROWS, OUTPUTS, seed=seed)
    t = uniform(shape, seed=seed, stream=2, low=0.0)
    return {
        "numbers": 2 * t - 1,
        "probabilities": t,
        "zeros and ones": np.round(t),
        "distribution": t / t.sum(axis=1, keepdims=True),
        "counts": np.floor(5 * t),
        "signs": np.where(t < 0.5, -1.0, 1.0),
    }[kind]


def kink_distance(network: Any, layers: list[dict[str, Any]], head: Head, X: Any, target: Any) -> float:
    """The smallest distance of any pre-activation, weight or output from a kink of what is computed from it.

    A distance of exactly 0 comes from a ReLU that is off, stays 0 around this point, and does not count.
    """
    distances = [np.abs(w) for name, w in network.parameters().items() if name.endswith("kernel")]
    for index, layer in enumerate(layers):
        left_out = head.skip and index == len(layers) - 1
        if layer.get("activation") in KINKED and not left_out:
            first_layers = make_network("twin", INPUTS, layers[: index + 1], seed=network.seed)
            distances.append(np.abs(first_layers.forward(X, skip_activation=True)))
    if head.kink:
        distances.append(head.kink(network.forward(X, skip_activation=head.skip), target))
    return float(min(d[d > 0].min(initial=np.inf) for d in distances))


@cache
def smooth_point(form: str, hidden: str, head: Head) -> tuple[list[dict[str, Any]], int, Any, Any]:
    """Layers, seed, inputs and targets of a network that stands KINK_DISTANCE away from every kink, and can learn."""
    layers = LAYERS[form](hidden, head.output)
    for seed in range(1000):
        X, target = uniform((ROWS, INPUTS), seed=seed, stream=1), make_target(head.target, seed)
        network = prepared("twin", layers, seed, head)
        if kink_distance(network, layers, head, X, target) > KINK_DISTANCE:
            network.loss_and_gradients(X, target, np.arange(ROWS) % 2.0)
            if np.linalg.norm(joined(network.gradients())) > 1e-3:
                return layers, seed, X, target
    raise AssertionError("no seed keeps clear of the kinks")


def numerical_gradient(f: Callable[[], float], w: Any) -> Any:
    """The five-point stencil of f at every element of w, which is moved in place."""
    gradient = np.empty_like(w)
    for index in np.ndindex(w.shape):
        kept = w[index]
        values = []
        for k in (-2, -1, 1, 2):
            w[index] = kept + k * H
            values.append(f())
        w[index] = kept
        gradient[index] = (values[0] - 8 * values[1] + 8 * values[2] - values[3]) / (12 * H)
    return gradient


def joined(gradients: dict[str, Any]) -> Any:
    """All gradients as one vector, the scale of the norm-wise error."""
    return np.concatenate([gradients[name].ravel() for name in sorted(gradients)])


def check(network: Any, f: Callable[[], float], gradients: dict[str, Any]) -> None:
    numerical = {name: numerical_gradient(f, w) for name, w in network.parameters().items()}
    exact, approximate = joined(gradients), joined(numerical)
    assert np.linalg.norm(exact - approximate) <= 1e-9 * np.linalg.norm(approximate)


def prepared(library: str, layers: list[dict[str, Any]], seed: int, head: Head, weighting: str = "mean") -> Any:
    _, reduction, l1, l2 = WEIGHTINGS[weighting]
    layers = [{**layer, "l1": l1, "l2": l2} if layer["kind"] == "dense" else layer for layer in layers]
    network = make_network(library, INPUTS, layers, seed=seed)
    network.set_loss(head.loss, setting=head.setting, reduction=reduction, skip_activation=head.skip)
    return network


@pytest.mark.parametrize("form", LAYERS)
@pytest.mark.parametrize("head", HEADS, ids=lambda head: head.name)
def test_loss_gradients(head: Head, form: str) -> None:
    for hidden, (weighting, (weights, *_)) in product(ACTIVATIONS, WEIGHTINGS.items()):
        print(hidden, weighting)
        layers, seed, X, target = smooth_point(form, hidden, head)
        weight = weights(ROWS)
        engine, twin = (prepared(library, layers, seed, head, weighting) for library in ("engine", "twin"))
        value = engine.loss_and_gradients(X, target, weight, n_threads=1)
        assert value == pytest.approx(twin.loss_and_gradients(X, target, weight), rel=1e-13)
        gradients = {name: dw.copy() for name, dw in engine.gradients().items()}
        assert relative_error(joined(gradients), joined(twin.gradients())) <= 1e-12
        check(engine, lambda: engine.evaluate(X, target, weight, metrics=[], n_threads=1)["loss"], gradients)  # noqa: B023


@pytest.mark.parametrize("head", HEADS, ids=lambda head: head.name)
def test_loss_gradients_of_the_twin(head: Head) -> None:
    layers, seed, X, target = smooth_point("dense", "tanh", head)
    network = prepared("twin", layers, seed, head, "weighted-mean-l1")
    weight = WEIGHTINGS["weighted-mean-l1"][0](ROWS)
    network.loss_and_gradients(X, target, weight)
    gradients = {name: dw.copy() for name, dw in network.gradients().items()}
    check(network, lambda: network.evaluate(X, target, weight)["loss"], gradients)


@pytest.mark.parametrize("output", ACTIVATIONS)
@pytest.mark.parametrize("hidden", ACTIVATIONS)
@pytest.mark.parametrize("form", LAYERS)
def test_gradients_of_a_given_output_gradient(form: str, hidden: str, output: str) -> None:
    """`backward(X, doutput)` gives the gradients of sum(doutput * output), penalties left out."""
    layers, seed, X, _ = smooth_point(form, hidden, head("squared_error", output))
    doutput = uniform((ROWS, OUTPUTS), seed=5)
    layers = [{**layer, "l1": 0.1, "l2": 0.1} if layer["kind"] == "dense" else layer for layer in layers]
    engine, twin = (make_network(library, INPUTS, layers, seed=seed) for library in ("engine", "twin"))
    engine.backward(X, doutput, n_threads=1)
    twin.backward(X, doutput)
    gradients = {name: dw.copy() for name, dw in engine.gradients().items()}
    assert relative_error(joined(gradients), joined(twin.gradients())) <= 1e-12
    check(engine, lambda: float(np.sum(doutput * engine.forward(X, n_threads=1))), gradients)


def test_the_gradient_of_an_l1_penalty_is_zero_at_zero(make: Any) -> None:
    network = make(2, [dense(2, l1=1.0)])
    network.set_loss("squared_error", setting=1.0)
    network.parameters()["dense_0/kernel"][...] = [[0.0, -0.0], [2.0, -2.0]]
    network.parameters()["dense_0/bias"][...] = 0.0
    network.loss_and_gradients(np.zeros((1, 2)), np.zeros((1, 2)), None, n_threads=1)
    np.testing.assert_array_equal(network.gradients()["dense_0/kernel"], [[0.0, 0.0], [1.0, -1.0]])


def test_a_step_output_cannot_be_trained_through(make: Any) -> None:
    network = make(2, [dense(1, "step")])
    with pytest.raises(ValueError, match="no derivative"):
        network.set_loss("squared_error", setting=1.0)
        network.loss_and_gradients(np.zeros((1, 2)), np.zeros((1, 1)), None, n_threads=1)
