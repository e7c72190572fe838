"""JAX and optax: all passes in one `lax.scan`, with donated state and each batch gathered inside."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from .. import tasks
from ..tasks import Array
from . import NotOffered, Stateless

# Measured to be faster: a scan of two steps a turn, for all nets; one flat vector for the optimizer, for small ones;
# the order drawn by NumPy (XLA sorts random keys, which doubles the time of a step of a small net).
UNROLL = 2
FLAT_BELOW = 10_000


def forward(weights: list[Any], X: Any, activation: str) -> Any:
    """Return the last layer's outputs."""
    function = jnp.tanh if activation == "tanh" else jax.nn.relu
    for kernel, bias in zip(weights[:-2:2], weights[1:-2:2], strict=True):
        X = function(X @ kernel + bias)
    return X @ weights[-2] + weights[-1]


class Training:
    """One compiled call for all passes of a run."""

    def __init__(self, task: tasks.Training, threads: int) -> None:
        self.task = task
        self.rng = np.random.default_rng(0)
        X, y = jnp.asarray(task.X), jnp.asarray(task.y)
        optimizer = optax.adam(tasks.LEARNING_RATE, tasks.BETA_1, tasks.BETA_2, tasks.EPSILON)
        if sum(weight.size for weight in task.weights) < FLAT_BELOW:
            optimizer = optax.flatten(optimizer)
        self.optimizer = optimizer

        def loss(weights: list[Any], X: Any, y: Any) -> Any:
            outputs = self.forward(weights, X)
            if task.loss == "mse":
                return jnp.mean((outputs - y) ** 2)
            return jnp.mean(optax.softmax_cross_entropy_with_integer_labels(outputs, y))

        def step(state: Any, rows: Any) -> Any:
            weights, memory = state
            batch = (X, y) if task.whole else (X[rows], y[rows])
            value, gradients = jax.value_and_grad(loss)(weights, *batch)
            changes, memory = optimizer.update(gradients, memory, weights)
            return (optax.apply_updates(weights, changes), memory), value

        @partial(jax.jit, donate_argnums=0)
        def train(state: Any, orders: Any) -> Any:
            return jax.lax.scan(step, state, orders, unroll=UNROLL)

        self.train, self.step = train, jax.jit(step, donate_argnums=0)

    def forward(self, weights: list[Any], X: Any) -> Any:
        """Return the last layer's outputs."""
        return forward(weights, X, self.task.activation)

    def reset(self) -> None:
        weights = [jnp.array(weight) for weight in self.task.weights]
        self.state = jax.block_until_ready((weights, self.optimizer.init(weights)))

    def run(self, passes: int) -> None:
        rows, batch = len(self.task.X), self.task.batch
        if self.task.whole:
            orders = np.zeros((passes, 0), np.int32)
        else:
            orders = np.stack([self.rng.permutation(rows).astype(np.int32) for _ in range(passes)]).reshape(-1, batch)
        self.state, losses = self.train(self.state, orders)
        jax.block_until_ready((self.state, losses))

    def result(self) -> list[Array]:
        return [np.asarray(weight) for weight in self.state[0]]


class Images(Training):
    """Convolutions in ravine's own order of axes before the dense layers; a compiled call a step.

    Inside a scan XLA's convolutions on CPUs are 6 to 18 times as slow (measured for LeNet-5, batch 32 and 128).
    """

    def run(self, passes: int) -> None:
        rows, batch = len(self.task.X), self.task.batch
        for _ in range(passes):
            for chosen in self.rng.permutation(rows).astype(np.int32).reshape(-1, batch):
                self.state, loss = self.step(self.state, chosen)
        jax.block_until_ready((self.state, loss))

    def forward(self, weights: list[Any], X: Any) -> Any:
        task = self.task
        assert isinstance(task, tasks.Images)
        axes = ("NHWC", "HWIO", "NHWC")
        convolutions, dense = task.by_layer(weights)
        for layer, (kernel, *rest) in convolutions:
            X = jax.lax.conv_general_dilated(X, kernel, (1, 1), layer.padding.upper(), dimension_numbers=axes)
            if layer.norm:  # running statistics are left out
                mean, variance = jnp.mean(X, (0, 1, 2)), jnp.var(X, (0, 1, 2))
                X = (X - mean) * (rest[0] * jax.lax.rsqrt(variance + tasks.NORM_EPSILON))
            X = X + rest[-1]
            window = (1, layer.pool, layer.pool, 1)
            X = jax.lax.reduce_window(jax.nn.relu(X), -jnp.inf, jax.lax.max, window, window, "VALID")
        return forward(list(dense), X.reshape(len(X), -1), task.activation)


class Inference(Stateless):
    """A compiled call with the weights built in, from a JAX array to a JAX array."""

    def __init__(self, task: tasks.Inference, threads: int) -> None:
        weights = [jnp.asarray(weight) for weight in task.weights]

        def call(X: Any) -> Any:
            outputs = forward(weights, X, task.activation)
            return jax.nn.softmax(outputs) if task.softmax else outputs

        self.X, self.call = jnp.asarray(task.X), jax.jit(call)

    def run(self, passes: int) -> None:
        for _ in range(passes):
            self.outputs = self.call(self.X).block_until_ready()

    def result(self) -> Array:
        return np.asarray(self.outputs)


class Product(Stateless):
    """A compiled call a product."""

    def __init__(self, task: tasks.Product, threads: int) -> None:
        self.a, self.b = jnp.asarray(task.a), jnp.asarray(task.b)
        self.call = jax.jit(
            {"nn": lambda a, b: a @ b, "tn": lambda a, b: a.T @ b, "nt": lambda a, b: a @ b.T}[task.form]
        )

    def run(self, passes: int) -> None:
        for _ in range(passes):
            self.out = self.call(self.a, self.b).block_until_ready()

    def result(self) -> Array:
        return np.asarray(self.out)


def rule(task: tasks.Update) -> Any:
    """Return optax's optimizer of this rule."""
    given = dict(task.settings)
    rate, epsilon = given["learning_rate"], given.get("epsilon", 0.0)
    betas = {"b1": given.get("beta_1", 0.0), "b2": given.get("beta_2", 0.0), "eps": epsilon}
    makers = {
        "sgd": lambda: optax.sgd(rate),
        "momentum": lambda: optax.sgd(rate, given["momentum"]),
        "nesterov": lambda: optax.sgd(rate, given["momentum"], nesterov=True),
        "adagrad": lambda: optax.adagrad(rate, initial_accumulator_value=0.0, eps=epsilon),
        "rmsprop": lambda: optax.rmsprop(rate, given["rho"], epsilon, eps_in_sqrt=False),
        "adadelta": lambda: optax.adadelta(rate, given["rho"], epsilon),
        "adam": lambda: optax.adam(rate, **betas),
        "adamw": lambda: optax.adamw(rate, **betas, weight_decay=given["weight_decay"]),
        "amsgrad": lambda: optax.amsgrad(rate, **betas),
        "adamax": lambda: optax.adamax(rate, **betas),
    }
    if task.rule not in makers:
        raise NotOffered("optax has another rule of this name, without a schedule of momentum")
    return makers[task.rule]()


class Update(Stateless):
    """A compiled step with donated weights and state."""

    def __init__(self, task: tasks.Update, threads: int) -> None:
        optimizer = rule(task)
        self.task, self.g = task, jnp.asarray(task.g)

        @partial(jax.jit, donate_argnums=(0, 1))
        def step(w: Any, memory: Any, g: Any) -> Any:
            change, memory = optimizer.update(g, memory, w)
            return optax.apply_updates(w, change), memory

        self.step = step
        self.w = jnp.array(task.w)
        self.memory = jax.block_until_ready(optimizer.init(self.w))

    def run(self, passes: int) -> None:
        for _ in range(passes):
            self.w, self.memory = self.step(self.w, self.memory, self.g)
        jax.block_until_ready((self.w, self.memory))

    def result(self) -> Array:
        sample: Array = np.asarray(self.w)[:: self.task.stride].copy()
        return sample
