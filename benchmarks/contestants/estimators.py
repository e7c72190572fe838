"""Estimators with scikit-learn's face, whichever package they come from: nothing is set that a user would not set."""

from __future__ import annotations

import importlib
import warnings
from typing import Any, ClassVar

import numpy as np

from .. import fits
from ..tasks import Array
from . import Stateless


class Fit(Stateless):
    """A fit for each pass, with the seeds in turn."""

    package: ClassVar[str]

    def __init__(self, task: fits.Fit, threads: int) -> None:
        from sklearn.exceptions import ConvergenceWarning

        warnings.simplefilter("ignore", ConvergenceWarning)  # the task says how long a fit lasts
        self.task = task
        self.estimator = getattr(importlib.import_module(self.package), task.kind)(**task.settings)
        self.fits = 0
        self.scores: list[float] = []

    def run(self, passes: int) -> None:
        for _ in range(passes):
            self.estimator.random_state = self.fits % fits.SEEDS
            self.estimator.fit(self.task.X, self.task.y)
            self.fits += 1
            if self.fits <= fits.SEEDS:
                self.scores.append(self.estimator.score(self.task.X_test, self.task.y_test))

    def result(self) -> Array:
        return np.array(self.scores)


class Probabilities(Stateless):
    """`predict_proba` of a classifier that has been fitted briefly and given the task's weights."""

    package: ClassVar[str]

    def __init__(self, task: fits.Probabilities, threads: int) -> None:
        from sklearn.exceptions import ConvergenceWarning

        warnings.simplefilter("ignore", ConvergenceWarning)
        classes = task.sizes[-1]
        settings: dict[str, Any] = {"hidden_layer_sizes": task.sizes[1:-1], "activation": task.activation}
        estimator = importlib.import_module(self.package).MLPClassifier(max_iter=1, random_state=0, **settings)
        estimator.fit(np.zeros((2 * classes, task.sizes[0])), np.arange(2 * classes) % classes)
        weights = [weight.astype(np.float64) for weight in task.weights]
        estimator.coefs_, estimator.intercepts_ = weights[::2], weights[1::2]
        self.X, self.estimator = task.X, estimator

    def run(self, passes: int) -> None:
        for _ in range(passes):
            self.outputs = self.estimator.predict_proba(self.X)

    def result(self) -> Array:
        outputs: Array = self.outputs
        return outputs
