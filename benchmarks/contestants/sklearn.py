"""scikit-learn: `MLPClassifier` and `MLPRegressor` in float32, one `fit` for all passes."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier, MLPRegressor

from .. import tasks
from ..tasks import Array
from . import Stateless, estimators

warnings.simplefilter("ignore", ConvergenceWarning)  # the number of passes is the task's


def fitted(task: tasks.Training | tasks.Inference, X: Array, y: Array, batch: int, **settings: Any) -> Any:
    """Build an estimator and give it the task's weights; only a fit makes it ready for them."""
    kind = MLPClassifier if y.dtype.kind == "i" else MLPRegressor
    estimator = kind(
        hidden_layer_sizes=task.sizes[1:-1],
        activation=task.activation,
        solver="adam",
        alpha=0.0,
        batch_size=batch,
        learning_rate_init=tasks.LEARNING_RATE,
        beta_1=tasks.BETA_1,
        beta_2=tasks.BETA_2,
        epsilon=tasks.EPSILON,
        max_iter=1,
        tol=0.0,
        n_iter_no_change=10**9,
        random_state=0,
        warm_start=True,
        **settings,
    )
    estimator.fit(X, y)
    set_weights(estimator, task.weights)
    return estimator


def set_weights(estimator: Any, weights: list[Array]) -> None:
    """Overwrite the estimator's parameters."""
    for kernel, weight in zip(estimator.coefs_, weights[::2], strict=True):
        assert kernel.dtype == np.float32
        kernel[...] = weight
    for bias, weight in zip(estimator.intercepts_, weights[1::2], strict=True):
        bias[...] = weight


class Training:
    """A warm `fit`; its Adam starts afresh in each. Its loss for numbers is half the mean square: Adam's steps stay."""

    def __init__(self, task: tasks.Training, threads: int) -> None:
        self.task = task
        self.y = task.y.ravel() if task.y.shape[1:] == (1,) else task.y
        self.estimator = fitted(task, task.X, self.y, task.batch, shuffle=not task.whole)

    def reset(self) -> None:
        set_weights(self.estimator, self.task.weights)

    def run(self, passes: int) -> None:
        self.estimator.max_iter = passes
        self.estimator.fit(self.task.X, self.y)

    def result(self) -> list[Array]:
        pairs = zip(self.estimator.coefs_, self.estimator.intercepts_, strict=True)
        return [weight.copy() for pair in pairs for weight in pair]


class Text(Training):
    """The same on SciPy's CSR."""

    def __init__(self, task: tasks.Text, threads: int) -> None:
        X = csr_matrix((task.X, task.indices, task.indptr), shape=(len(task.y), task.sizes[0]))
        super().__init__(replace(task, X=X), threads)


class Search:
    """A warm `fit` with SciPy's L-BFGS-B, which ends by the number of iterations alone."""

    def __init__(self, task: tasks.Search, threads: int) -> None:
        self.task = task
        self.estimator = fitted(task, task.X, task.y, task.batch)
        self.estimator.set_params(solver="lbfgs", max_iter=task.iterations)

    def reset(self) -> None:
        weights = [weight.copy() for weight in self.task.weights]
        self.estimator.coefs_, self.estimator.intercepts_ = weights[::2], weights[1::2]

    def run(self, passes: int) -> None:
        for _ in range(passes):
            self.reset()
            self.estimator.fit(self.task.X, self.task.y)
            assert self.estimator.n_iter_ == self.task.iterations

    def result(self) -> list[Array]:
        pairs = zip(self.estimator.coefs_, self.estimator.intercepts_, strict=True)
        return [np.asarray(weight, np.float32) for pair in pairs for weight in pair]


class Inference(Stateless):
    """`predict_proba`, or `predict` for numbers."""

    def __init__(self, task: tasks.Inference, threads: int) -> None:
        units = task.sizes[-1]
        X = np.zeros((2 * units, task.sizes[0]), np.float32)
        y = np.arange(2 * units) % units if task.softmax else np.zeros(2 * units, np.float32)
        estimator = fitted(task, X, y, len(X))
        self.X, self.call = task.X, estimator.predict_proba if task.softmax else estimator.predict

    def run(self, passes: int) -> None:
        for _ in range(passes):
            self.outputs = self.call(self.X)

    def result(self) -> Array:
        outputs: Array = self.outputs.reshape(len(self.X), -1)
        return outputs


class Fit(estimators.Fit):
    """Fits as users write them."""

    package = "sklearn.neural_network"


class Probabilities(estimators.Probabilities):
    """`predict_proba` as users call it."""

    package = "sklearn.neural_network"
