"""ravine: one `fit` for all passes, `predict`, the raw kernels, and `ravine.sklearn`."""

from __future__ import annotations

import numpy as np

import ravine as rv

from .. import tasks
from ..tasks import Array
from . import Stateless, estimators


def network(task: tasks.Training | tasks.Inference, last: str = "linear") -> rv.Sequential:
    """Build the model and give it the task's weights."""
    hidden = [rv.layers.Dense(units, activation=task.activation) for units in task.sizes[1:-1]]
    output = rv.layers.Dense(task.sizes[-1], activation=last)
    model = rv.Sequential([rv.layers.Input(task.sizes[0]), *hidden, output], random_state=0)
    set_weights(model, task.weights)
    return model


def set_weights(model: rv.Sequential, weights: list[Array]) -> None:
    """Overwrite the model's parameters."""
    for view, weight in zip(model.parameters.values(), weights, strict=True):
        view[...] = weight


class Training:
    """A shuffled `fit`."""

    def __init__(self, task: tasks.Training, threads: int) -> None:
        self.task, self.threads = task, threads
        self.model = network(task)

    def reset(self) -> None:
        task = self.task
        optimizer = rv.optimizers.Adam(
            tasks.LEARNING_RATE, beta_1=tasks.BETA_1, beta_2=tasks.BETA_2, epsilon=tasks.EPSILON
        )
        self.model.compile(optimizer, loss="mse" if task.loss == "mse" else "categorical_crossentropy")
        set_weights(self.model, task.weights)

    def run(self, passes: int) -> None:
        task = self.task
        self.model.fit(task.X, task.y, epochs=passes, batch_size=task.batch, n_threads=self.threads, verbose=0)

    def result(self) -> list[Array]:
        return [np.array(view) for view in self.model.parameters.values()]


def convolutional(task: tasks.Images) -> rv.Sequential:
    """Build the model and give it the task's weights."""
    layers: list[rv.layers.Layer] = [rv.layers.Input(tuple(task.X.shape[1:]))]
    for filters, kernel, padding, pool, norm in task.convolutions:
        if norm:
            layers.append(rv.layers.Conv2D(filters, kernel, padding=padding, use_bias=False))
            layers.append(rv.layers.BatchNorm(momentum=tasks.NORM_MOMENTUM, epsilon=tasks.NORM_EPSILON))
            layers.append(rv.layers.Activation("relu"))
        else:
            layers.append(rv.layers.Conv2D(filters, kernel, padding=padding, activation="relu"))
        layers.append(rv.layers.MaxPool2D(pool))
    layers.append(rv.layers.Flatten())
    layers += [rv.layers.Dense(units, activation=task.activation) for units in task.sizes[1:-1]]
    model = rv.Sequential([*layers, rv.layers.Dense(task.sizes[-1])], random_state=0)
    set_weights(model, task.weights)
    return model


class Images(Training):
    """A shuffled `fit` of a convolutional net."""

    def __init__(self, task: tasks.Images, threads: int) -> None:
        self.task, self.threads = task, threads
        self.model = convolutional(task)


class Matrix:
    """Sparse rows as `fit` takes them, without SciPy."""

    format = "csr"

    def __init__(self, task: tasks.Text) -> None:
        self.data, self.indices, self.indptr = task.X, task.indices, task.indptr
        self.shape, self.nnz = (len(task.y), task.sizes[0]), len(task.X)

    def tocsr(self) -> Matrix:
        """Return itself."""
        return self


class Text(Training):
    """A shuffled `fit` on sparse rows."""

    def __init__(self, task: tasks.Text, threads: int) -> None:
        super().__init__(task, threads)
        self.X = Matrix(task)

    def run(self, passes: int) -> None:
        task = self.task
        self.model.fit(self.X, task.y, epochs=passes, batch_size=task.batch, n_threads=self.threads, verbose=0)


class Search(Training):
    """A `fit` with L-BFGS on all rows, its line search and history in Python, evaluations in the engine."""

    def run(self, passes: int) -> None:
        task = self.task
        assert isinstance(task, tasks.Search)
        for _ in range(passes):
            self.model.compile(rv.optimizers.LBFGS(history=task.history), loss="categorical_crossentropy")
            set_weights(self.model, task.weights)
            self.model.fit(task.X, task.y, epochs=task.iterations, batch_size=None, n_threads=self.threads, verbose=0)


class Inference(Stateless):
    """`predict`, from a NumPy array to a NumPy array."""

    def __init__(self, task: tasks.Inference, threads: int) -> None:
        self.X, self.threads = task.X, threads
        self.model = network(task, "softmax" if task.softmax else "linear")

    def run(self, passes: int) -> None:
        for _ in range(passes):
            self.outputs = self.model.predict(self.X, n_threads=self.threads)

    def result(self) -> Array:
        return self.outputs


class Product(Stateless):
    """The raw kernel, into an array that is there."""

    def __init__(self, task: tasks.Product, threads: int) -> None:
        assert threads == 1
        a, b = task.operands
        self.task, self.out = task, np.empty((a.shape[0], b.shape[1]), np.float32)

    def run(self, passes: int) -> None:
        a, b, out, matmul = self.task.a, self.task.b, self.out, rv.kernels.matmul
        transpose_a, transpose_b = self.task.form == "tn", self.task.form == "nt"
        for _ in range(passes):
            matmul(a, b, transpose_a=transpose_a, transpose_b=transpose_b, out=out)

    def result(self) -> Array:
        return self.out


class Update(Stateless):
    """The raw kernel of the rule, in place."""

    def __init__(self, task: tasks.Update, threads: int) -> None:
        assert threads == 1
        self.task, self.w = task, task.w.copy()
        self.kernel = getattr(rv.kernels, "adam" if task.rule == "adamw" else task.rule)
        self.settings = {name.replace("beta_", "beta"): value for name, value in task.settings.items()}
        self.state = np.zeros((task.slots, task.w.size), np.float32)
        self.running = np.ones(4)

    def run(self, passes: int) -> None:
        for _ in range(passes):
            self.kernel(self.w, self.state, self.task.g, running=self.running, **self.settings)

    def result(self) -> Array:
        sample: Array = self.w[:: self.task.stride].copy()
        return sample


class Fit(estimators.Fit):
    """The drop-in's fits."""

    package = "ravine.sklearn"


class Probabilities(estimators.Probabilities):
    """The drop-in's `predict_proba`."""

    package = "ravine.sklearn"
