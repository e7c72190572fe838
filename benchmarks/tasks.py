"""What a contestant is asked to do, how much work that is, and how its result is judged.

All arrays are float32, labels int64. A result is judged here, in float64, by one formula for all contestants.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]
Activation: TypeAlias = Literal["relu", "tanh"]
Form: TypeAlias = Literal["nn", "tn", "nt"]

LEARNING_RATE, BETA_1, BETA_2, EPSILON = 1e-3, 0.9, 0.999, 1e-8  # Adam's, in every training task
NORM_EPSILON, NORM_MOMENTUM = 1e-5, 0.9  # of batch norm; the momentum is what running statistics keep


@dataclass(frozen=True)
class Training:
    """Passes over shuffled data in steps of Adam, from given weights.

    `weights` holds each layer's kernel, (inputs, units), and bias in turn. A contestant's result is its weights after
    `checked_passes` passes: their loss must have fallen, by as much as the median of all contestants' up to `tolerance`
    of that fall. The order of the rows is each library's own, so that these losses are alike, not equal.
    """

    sizes: tuple[int, ...]
    activation: Activation
    loss: Literal["mse", "cross_entropy"]
    batch: int
    X: Array = field(repr=False)
    y: Array = field(repr=False)
    weights: list[Array] = field(repr=False)
    checked_passes: int

    @property
    def steps(self) -> int:
        """Steps of a pass; all of the same size."""
        return len(self.y) // self.batch

    @property
    def whole(self) -> bool:
        """Whether a step takes all rows, so that their order is nothing but rounding."""
        return self.batch == len(self.y)

    @property
    def tolerance(self) -> float:
        """Part of the fall by which a loss may differ: measured 0.005 at most, and 4e-6 without an order."""
        return 1e-4 if self.whole else 0.02

    @property
    def flops(self) -> float:
        """A step's products: forward, weights' gradients, and inputs' gradients of all layers but the first."""
        return 2.0 * self.batch * (3 * _edges(self.sizes) - self.sizes[0] * self.sizes[1])

    def loss_of(self, weights: Sequence[Array]) -> float:
        """Return the loss over all rows with these weights."""
        outputs = self.all_outputs([weight.astype(np.float64) for weight in weights])
        if self.loss == "mse":
            return float(np.mean((outputs - self.y) ** 2))
        outputs -= outputs.max(axis=1, keepdims=True)
        return float(np.mean(np.log(np.exp(outputs).sum(axis=1)) - outputs[np.arange(len(self.y)), self.y]))

    def all_outputs(self, weights: Sequence[Array]) -> Array:
        """Return the outputs for all rows."""
        return _forward(weights, self.X, self.activation)

    def complaints(self, results: Mapping[str, list[Array]]) -> dict[str, str]:
        """Say what is wrong with whose result."""
        first = self.loss_of(self.weights)
        losses = {name: self.loss_of(weights) for name, weights in results.items()}
        middle = float(np.median(list(losses.values())))
        found = {}
        for name, loss in losses.items():
            if not loss < first:
                found[name] = f"the loss went from {first:.5g} to {loss:.5g}"
            elif not abs(loss - middle) <= self.tolerance * (first - middle):
                found[name] = f"the loss fell from {first:.5g} to {loss:.5g}, the median of all to {middle:.5g}"
        return found


@dataclass(frozen=True)
class Search(Training):
    """L-BFGS on all rows: a pass is a search of `iterations` from the first weights, a step is one iteration of it.

    An iteration evaluates the loss once or more, as each library's line search sees fit; `flops` counts one.
    """

    iterations: int = 30
    history: int = 10

    @property
    def steps(self) -> int:
        """Iterations of a search."""
        return self.iterations

    @property
    def tolerance(self) -> float:
        """Part of the fall by which a loss may differ: the searches go ways of their own."""
        return 0.02


class Convolved(NamedTuple):
    """A convolution with ReLU and, after it, max pooling over `pool` x `pool` pixels.

    With `norm`, a batch norm (NORM_EPSILON, NORM_MOMENTUM) before the ReLU takes the place of the bias.
    """

    filters: int
    kernel: int
    padding: Literal["valid", "same"]
    pool: int
    norm: bool = False

    @property
    def arrays(self) -> int:
        """Its weights: kernel and bias, or kernel, gamma and beta."""
        return 3 if self.norm else 2

    def outputs(self, shape: tuple[int, int, int]) -> tuple[int, int, int]:
        """Return height, width and channels after the convolution."""
        lost = self.kernel - 1 if self.padding == "valid" else 0
        return shape[0] - lost, shape[1] - lost, self.filters


@dataclass(frozen=True)
class Images(Training):
    """`Training` of a net whose convolutions come before its dense layers.

    X is (rows, height, width, channels); a kernel of a convolution is (height, width, channels, filters). `sizes` are
    those of the dense layers, from the flattened image on.
    """

    convolutions: tuple[Convolved, ...] = ()

    def by_layer(self, weights: Sequence[Any]) -> tuple[list[tuple[Convolved, Sequence[Any]]], Sequence[Any]]:
        """Return each convolution with its weights, and the weights of the dense layers."""
        found, at = [], 0
        for layer in self.convolutions:
            found.append((layer, weights[at : at + layer.arrays]))
            at += layer.arrays
        return found, weights[at:]

    @property
    def flops(self) -> float:
        """A step's products, as many for each term that lies outside an image."""
        shape, forward, first = tuple(self.X.shape[1:]), _edges(self.sizes), 0
        for layer in self.convolutions:
            height, width, filters = layer.outputs(shape)
            terms = height * width * filters * layer.kernel**2 * shape[2]
            forward, first = forward + terms, first or terms
            shape = (height // layer.pool, width // layer.pool, filters)
        return 2.0 * self.batch * (3 * forward - first)

    def outputs_of(self, weights: Sequence[Array], X: Array) -> Array:
        """Return the last layer's outputs, in float64; a batch norm takes the statistics of these rows."""
        values = X.astype(np.float64)
        convolutions, dense = self.by_layer(weights)
        for layer, (kernel, *rest) in convolutions:
            if layer.padding == "same":
                before = (layer.kernel - 1) // 2
                around = (before, layer.kernel - 1 - before)
                values = np.pad(values, ((0, 0), around, around, (0, 0)))
            windows = np.lib.stride_tricks.sliding_window_view(values, (layer.kernel, layer.kernel), (1, 2))
            values = np.einsum("nijcuv,uvcf->nijf", windows, kernel, optimize=True)
            if layer.norm:
                mean, variance = values.mean(axis=(0, 1, 2)), values.var(axis=(0, 1, 2))
                values = (values - mean) / np.sqrt(variance + NORM_EPSILON) * rest[0]
            values = np.maximum(values + rest[-1], 0.0)
            rows, height, width, filters = values.shape
            pool = layer.pool
            values = values.reshape(rows, height // pool, pool, width // pool, pool, filters).max(axis=(2, 4))
        return _forward(dense, values.reshape(len(values), -1), self.activation)

    def loss_of(self, weights: Sequence[Array]) -> float:
        """Return the loss over all rows with these weights."""
        wide, total = [weight.astype(np.float64) for weight in weights], 0.0
        for first in range(0, len(self.X), self.batch):
            outputs = self.outputs_of(wide, self.X[first : first + self.batch])
            label = self.y[first : first + self.batch]
            outputs -= outputs.max(axis=1, keepdims=True)
            total += float(np.sum(np.log(np.exp(outputs).sum(axis=1)) - outputs[np.arange(len(label)), label]))
        return total / len(self.X)


@dataclass(frozen=True)
class Text(Training):
    """The same on sparse rows in CSR form: X holds the values alone.

    Every contestant takes dense steps of Adam: weights that have no gradient move by what the averages hold.
    """

    indices: Array = field(kw_only=True, repr=False)
    indptr: Array = field(kw_only=True, repr=False)

    @property
    def flops(self) -> float:
        """A step's products, those of the first layer forward and for its weights, with the terms alone."""
        terms = len(self.X) / len(self.y) * self.sizes[1]
        return 2.0 * self.batch * (2 * terms + 3 * _edges(self.sizes[1:]))

    @property
    def bytes(self) -> float:
        """What Adam moves in a step: weights and both averages in and out, gradients in."""
        return 7.0 * 4.0 * sum(weight.size for weight in self.weights)

    def all_outputs(self, weights: Sequence[Array]) -> Array:
        """Return the outputs for all rows, each of which has a term."""
        terms = self.X[:, None] * weights[0][self.indices]
        hidden = np.add.reduceat(terms, self.indptr[:-1], axis=0) + weights[1]
        return _forward(weights[2:], np.maximum(hidden, 0.0), self.activation)


@dataclass(frozen=True)
class Inference:
    """The outputs for given rows; the result is held to float64 within `tolerance` of the largest output."""

    sizes: tuple[int, ...]
    activation: Activation
    softmax: bool
    X: Array = field(repr=False)
    weights: list[Array] = field(repr=False)
    tolerance: float = 1e-4
    steps: int = 1
    checked_passes: int = 1

    @property
    def flops(self) -> float:
        """The products."""
        return 2.0 * len(self.X) * _edges(self.sizes)

    def complaints(self, results: Mapping[str, Array]) -> dict[str, str]:
        """Say what is wrong with whose result."""
        right = _forward([weight.astype(np.float64) for weight in self.weights], self.X, self.activation)
        if self.softmax:
            right = np.exp(right - right.max(axis=1, keepdims=True))
            right /= right.sum(axis=1, keepdims=True)
        return _far_off(results, right, self.tolerance)


@dataclass(frozen=True)
class Product:
    """c = a b, or a^T b ("tn"), or a b^T ("nt"), held to float64: an element may be off by (k + 2) eps sum |a||b|."""

    form: Form
    a: Array = field(repr=False)
    b: Array = field(repr=False)
    steps: int = 1
    checked_passes: int = 1

    @property
    def operands(self) -> tuple[Array, Array]:
        """Both factors as they are multiplied: views."""
        return self.a.T if self.form == "tn" else self.a, self.b.T if self.form == "nt" else self.b

    @property
    def flops(self) -> float:
        """A multiplication and an addition for each term."""
        a, b = self.operands
        rows, inner = a.shape
        return 2.0 * float(rows * inner * b.shape[1])

    def complaints(self, results: Mapping[str, Array]) -> dict[str, str]:
        """Say what is wrong with whose result."""
        a, b = (factor.astype(np.float64) for factor in self.operands)
        bound = (a.shape[1] + 2) * np.finfo(np.float32).eps * (np.abs(a) @ np.abs(b))
        right = a @ b
        return {
            name: f"an element is off by {np.max(np.abs(c - right)):.3g}"
            for name, c in results.items()
            if c.shape != right.shape or not np.all(np.abs(c - right) <= bound)
        }


@dataclass(frozen=True)
class Update:
    """Steps of an update rule with one gradient, in place.

    A contestant's result is every `stride`-th weight after three steps; its way from the first weights is held to the
    median of all contestants' within `tolerance` of the longest way. `arrays` counts those that a step must read or
    write: w twice, g once, each slot of state twice.
    """

    rule: str
    settings: Mapping[str, float]
    slots: int
    w: Array = field(repr=False)
    g: Array = field(repr=False)
    tolerance: float = 1e-3
    stride: int = 997
    steps: int = 1
    checked_passes: int = 3

    @property
    def bytes(self) -> float:
        """What must pass through memory in a step."""
        return 4.0 * (3 + 2 * self.slots) * self.w.size

    def complaints(self, results: Mapping[str, Array]) -> dict[str, str]:
        """Say what is wrong with whose result."""
        first = self.w[:: self.stride].astype(np.float64)
        ways = {name: w - first for name, w in results.items()}
        return _far_off(ways, np.median(list(ways.values()), axis=0), self.tolerance)


def _edges(sizes: Sequence[int]) -> int:
    return sum(inputs * units for inputs, units in pairwise(sizes))


def _forward(weights: Sequence[Array], X: Array, activation: Activation) -> Array:
    values = X.astype(np.float64)
    for kernel, bias in zip(weights[:-2:2], weights[1:-2:2], strict=True):
        values = values @ kernel + bias
        values = np.tanh(values) if activation == "tanh" else np.maximum(values, 0.0)
    outputs: Array = values @ weights[-2] + weights[-1]
    return outputs


def _far_off(results: Mapping[str, Array], right: Array, tolerance: float) -> dict[str, str]:
    found = {}
    for name, values in results.items():
        off = np.max(np.abs(values - right)) if values.shape == right.shape else math.inf
        if not off <= tolerance * np.max(np.abs(right)):
            found[name] = f"a value is off by {off:.3g}, the largest is {np.max(np.abs(right)):.3g}"
    return found
