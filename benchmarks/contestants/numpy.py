"""NumPy, as one would write it for speed: one flat vector of weights, every output preallocated."""

from __future__ import annotations

import numpy as np

from .. import tasks
from ..tasks import Array
from . import Stateless

BLOCK = 16_384  # elements of an update at a time: w, g, m, v and a scratch array stay in L2


class Layers:
    """Activations of a batch, and the way forward."""

    def __init__(self, task: tasks.Training | tasks.Inference, rows: int) -> None:
        self.tanh = task.activation == "tanh"
        self.values = [np.empty((rows, units), np.float32) for units in task.sizes]
        self.row = np.empty((rows, 1), np.float32)

    def forward(self, weights: list[Array], X: Array) -> Array:
        """Return the last layer's outputs."""
        values = X
        for kernel, bias, out in zip(weights[::2], weights[1::2], self.values[1:], strict=True):
            np.matmul(values, kernel, out=out)
            out += bias
            if out is not self.values[-1]:
                np.tanh(out, out=out) if self.tanh else np.maximum(out, 0.0, out=out)
            values = out
        return values

    def softmax(self, z: Array) -> None:
        """Turn logits into probabilities, in place."""
        np.max(z, axis=1, keepdims=True, out=self.row)
        np.subtract(z, self.row, out=z)
        np.exp(z, out=z)
        np.sum(z, axis=1, keepdims=True, out=self.row)
        np.divide(z, self.row, out=z)


class Training(Layers):
    """Forward, backward and Adam."""

    def __init__(self, task: tasks.Training, threads: int) -> None:
        super().__init__(task, task.batch)
        self.task = task
        self.rng = np.random.default_rng(0)
        count = sum(weight.size for weight in task.weights)
        self.w, self.g, self.m, self.v = (np.zeros(count, np.float32) for _ in range(4))
        self.weights, self.gradients = self.views(self.w), self.views(self.g)
        self.d = [np.empty_like(values) for values in self.values]
        self.scratch = [np.empty_like(values) for values in self.values]
        self.y = np.empty((task.batch, *task.y.shape[1:]), task.y.dtype)
        self.each = np.arange(task.batch)
        self.blocks = [
            tuple(vector[start : start + BLOCK] for vector in (self.w, self.g, self.m, self.v))
            for start in range(0, count, BLOCK)
        ]
        self.term = np.empty(min(BLOCK, count), np.float32)

    def views(self, flat: Array) -> list[Array]:
        """Cut a flat vector into the layers' arrays."""
        ends = np.cumsum([weight.size for weight in self.task.weights])
        parts = np.split(flat, ends[:-1])
        return [part.reshape(weight.shape) for part, weight in zip(parts, self.task.weights, strict=True)]

    def reset(self) -> None:
        for view, weight in zip(self.weights, self.task.weights, strict=True):
            view[...] = weight
        self.m[...] = self.v[...] = 0.0
        self.steps = 0

    def run(self, passes: int) -> None:
        task = self.task
        for _ in range(passes):
            if task.whole:
                self.step(task.X, task.y)
                continue
            order = self.rng.permutation(len(task.X))
            for start in range(0, len(order), task.batch):
                rows = order[start : start + task.batch]
                # mode="clip" lets take write straight into out
                np.take(task.X, rows, axis=0, out=self.values[0], mode="clip")
                np.take(task.y, rows, axis=0, out=self.y, mode="clip")
                self.step(self.values[0], self.y)

    def step(self, X: Array, y: Array) -> None:
        """Take one step with these rows."""
        z = self.forward(self.weights, X)
        if self.task.loss == "mse":
            z -= y
            z *= 2.0 / z.size
        else:
            self.softmax(z)
            z[self.each, y] -= 1.0
            z *= 1.0 / len(z)
        dz = z
        for layer in range(len(self.d) - 2, -1, -1):
            inputs = self.values[layer] if layer else X
            np.matmul(inputs.T, dz, out=self.gradients[2 * layer])
            np.add.reduce(dz, axis=0, out=self.gradients[2 * layer + 1])
            if layer:
                d, scratch = self.d[layer], self.scratch[layer]
                np.matmul(dz, self.weights[2 * layer].T, out=d)
                if self.tanh:
                    np.multiply(inputs, inputs, out=scratch)
                    np.subtract(1.0, scratch, out=scratch)
                else:
                    np.sign(inputs, out=scratch)
                d *= scratch
                dz = d
        self.adam()

    def adam(self) -> None:
        """Update all weights, block by block."""
        self.steps += 1
        first, second = 1.0 - tasks.BETA_1**self.steps, 1.0 - tasks.BETA_2**self.steps
        rate, epsilon = tasks.LEARNING_RATE * second**0.5 / first, tasks.EPSILON * second**0.5
        for w, g, m, v in self.blocks:
            term = self.term[: len(w)]
            np.subtract(g, m, out=term)
            term *= 1.0 - tasks.BETA_1
            m += term
            np.multiply(g, g, out=term)
            term -= v
            term *= 1.0 - tasks.BETA_2
            v += term
            np.sqrt(v, out=term)
            term += epsilon
            np.divide(m, term, out=term)
            term *= rate
            w -= term

    def result(self) -> list[Array]:
        return [view.copy() for view in self.weights]


class Inference(Layers, Stateless):
    """The way forward."""

    def __init__(self, task: tasks.Inference, threads: int) -> None:
        super().__init__(task, len(task.X))
        self.task = task

    def run(self, passes: int) -> None:
        for _ in range(passes):
            self.outputs = self.forward(self.task.weights, self.task.X)
            if self.task.softmax:
                self.softmax(self.outputs)

    def result(self) -> Array:
        return self.outputs


class Product(Stateless):
    """`matmul` into an array that is there."""

    def __init__(self, task: tasks.Product, threads: int) -> None:
        self.a, self.b = task.operands
        self.out = np.empty((self.a.shape[0], self.b.shape[1]), np.float32)

    def run(self, passes: int) -> None:
        a, b, out, matmul = self.a, self.b, self.out, np.matmul
        for _ in range(passes):
            matmul(a, b, out=out)

    def result(self) -> Array:
        return self.out
