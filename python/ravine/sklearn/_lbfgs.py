"""solver="lbfgs": all rows at once, ended by the tests of scipy's L-BFGS-B, which scikit-learn calls."""

from __future__ import annotations

import math
import warnings
from types import SimpleNamespace
from typing import Any

import numpy as np
from sklearn.utils.optimize import _check_optimize_result

from ..model import Sequential
from ..optimizers import LBFGS

__all__ = ["fit_lbfgs"]

# scipy's default ftol: a step whose relative gain is smaller is the last.
_LEAST_GAIN = 2.220446049250313e-09


class Objective:
    """K times the model's loss on all rows, and its gradient, as a function of all weights in one vector."""

    def __init__(self, model: Sequential, K: float, n_threads: int | None, data: tuple[Any, Any, Any]) -> None:
        self.model, self.K, self.n_threads, self.data = model, K, n_threads, data
        self.weights = list(model.parameters.values())
        self.calls = 0

    def read(self) -> Any:
        """Return the weights."""
        return np.concatenate([np.asarray(w, np.float64).reshape(-1) for w in self.weights])

    def write(self, x: Any) -> None:
        """Set the weights."""
        first = 0
        with np.errstate(over="ignore", under="ignore", invalid="ignore"):
            for w in self.weights:
                w[...] = x[first : first + w.size].reshape(w.shape)
                first += w.size

    def __call__(self, x: Any) -> tuple[float, Any]:
        """Return value and gradient."""
        self.calls += 1
        self.write(x)
        X, y, weight = self.data
        loss, gradients = self.model.loss_and_gradients(X, y, sample_weight=weight, n_threads=self.n_threads)
        return self.K * loss, self.K * np.concatenate(
            [np.asarray(g, np.float64).reshape(-1) for g in gradients.values()]
        )


class Progress:
    """What is done after each step: note the point, say whether it is the last.

    Attributes
    ----------
    steps : int
        Taken so far.
    status, message : int, str
        scipy's: 1 and a reason where a limit ended the search.
    """

    def __init__(self, estimator: Any, objective: Objective) -> None:
        self.estimator, self.objective = estimator, objective
        self.x, self.value = objective.read(), math.inf
        self.steps, self.status, self.message = 0, 0, ""

    def __call__(self, x: Any, value: float) -> bool:
        """Return whether to stop."""
        gain, scale = self.value - value, max(abs(self.value), abs(value), 1.0)
        self.x, self.value, self.steps = x, value, self.steps + 1
        if self.estimator.verbose:
            print(f"Iteration {self.steps}, loss = {value:.8f}")
        if gain <= _LEAST_GAIN * scale and gain < math.inf:
            return True
        if self.objective.calls >= self.estimator.max_fun:
            self.limit("STOP: TOTAL NO. OF F,G EVALUATIONS EXCEEDS LIMIT")
        elif self.steps == self.estimator.max_iter:
            self.limit("STOP: TOTAL NO. OF ITERATIONS REACHED LIMIT")
        return self.status == 1

    def limit(self, message: str) -> None:
        """Note that a limit ended the search."""
        self.status, self.message = 1, message


def fit_lbfgs(estimator: Any, model: Sequential, data: tuple[Any, Any, Any]) -> None:
    """Train to convergence; `ConvergenceWarning` where max_iter or max_fun came first.

    Parameters
    ----------
    estimator : estimator
        Its max_iter, max_fun, tol, verbose and n_threads are read, n_iter_ is written.
    model : Sequential
        The network, compiled with a loss.
    data : tuple
        X, y and sample weights or None.
    """
    LBFGS().check_layers(model.layers)
    objective = Objective(model, float(estimator._outputs_summed), estimator.n_threads, data)
    progress = Progress(estimator, objective)
    start, most, tolerance = progress.x, estimator.max_iter, float(estimator.tol)
    try:
        result = LBFGS().minimize(objective, start, steps=most, jac=True, tolerance=tolerance, callback=progress)
        objective.write(result.x)
    except KeyboardInterrupt:
        objective.write(progress.x)
        warnings.warn("Training interrupted by user.", UserWarning, stacklevel=6)
    outcome = SimpleNamespace(nit=progress.steps, status=progress.status, message=progress.message)
    estimator.n_iter_ = _check_optimize_result("lbfgs", outcome, most)
