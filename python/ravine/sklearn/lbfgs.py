"""solver="lbfgs": all rows at once, with the stopping tests of scipy's L-BFGS-B, which scikit-learn calls.

The search is that of `optimizers.LBFGS` in a fit, with arguments checked and targets encoded once.
"""

from __future__ import annotations

import math
import warnings
from time import perf_counter
from types import SimpleNamespace
from typing import Any

import numpy as np
from sklearn.utils.optimize import _check_optimize_result

from .. import _core
from ..model.sequential import Sequential
from ..network.data import training_data
from ..network.gradients import trainable_names
from ..optimizers import LBFGS
from ..optimizers.problem import Point, Vector
from ..optimizers.second_order import search
from ..runtime.threads import check_n_threads
from ..training.progress_line import ProgressLine
from ..training.search import BatchLoss
from .parameters import progress_lines
from .stochastic import Samples

__all__ = ["fit_all_rows"]

# scipy's default ftol: a step whose relative gain is smaller is the last.
_LEAST_GAIN = 2.220446049250313e-09


class Objective(BatchLoss):
    """K times the model's loss on all rows, as scikit-learn defines it, and the number of evaluations."""

    def __init__(self, model: Sequential, rows: Samples, K: int, n_threads: int) -> None:
        state = model._state
        data, _ = training_data(state, rows.X, rows.target, rows.weight)
        super().__init__(state.network, trainable_names(state), (data.X, data.target, data.weight), n_threads)
        self.K, self.calls = K, 0

    def evaluate(self, x: Vector) -> Point:
        """Return the loss and its gradients at x, and leave the weights at x."""
        self.calls += 1
        point = super().evaluate(x)
        return point if self.K == 1 else Point(point.x, self.K * point.value, self.K * point.gradient)


class Ending:
    """The stopping tests, and the reason for stopping.

    Attributes
    ----------
    status, message : int, str
        As in scipy: 1 and a reason if a limit ended the search.
    """

    def __init__(self, estimator: Any, objective: Objective) -> None:
        self.estimator, self.objective = estimator, objective
        self.status, self.message = 0, ""
        self.start = perf_counter()

    def flat(self, point: Point) -> bool:
        """Whether no element of the gradient exceeds tol."""
        return bool(np.abs(point.gradient).max(initial=0.0) <= self.estimator.tol)

    def reached(self, steps: int, before: Point, point: Point) -> bool:
        """Whether the search is over: tested in scipy's order, limits first."""
        estimator = self.estimator
        if steps >= estimator.max_iter:
            self._limit("STOP: TOTAL NO. OF ITERATIONS REACHED LIMIT")
        elif self.objective.calls >= estimator.max_fun:
            self._limit("STOP: TOTAL NO. OF F,G EVALUATIONS EXCEEDS LIMIT")
        elif estimator.time_limit is not None and perf_counter() - self.start >= estimator.time_limit:
            self._limit(f"STOP: THE TIME LIMIT OF {estimator.time_limit:g} s IS OVER")
        scale = max(abs(before.value), abs(point.value), 1.0)
        return self.status == 1 or self.flat(point) or before.value - point.value <= _LEAST_GAIN * scale

    def _limit(self, message: str) -> None:
        self.status, self.message = 1, message


def fit_all_rows(estimator: Any, model: Sequential, rows: Samples) -> float:
    """Train to convergence; `ConvergenceWarning` if max_iter, max_fun or the time limit is reached first.

    Parameters
    ----------
    estimator : estimator
        The estimator: its limits, tol, verbose, progress and n_threads are read, n_iter_ is set.
    model : Sequential
        The network, compiled with a loss.
    rows : Samples
        All rows.

    Returns
    -------
    float
        The model's loss at the end.
    """
    optimizer = LBFGS()
    optimizer.check_layers(model.layers)
    with model._state.guard.exclusive(), _core.DefaultFloatingPointMode():
        objective = Objective(model, rows, estimator._outputs_summed, check_n_threads(estimator.n_threads))
        ending = Ending(estimator, objective)
        point = objective.evaluate(objective.present())
        curvature, steps = optimizer.curvature(point.x.size), 0
        progress = ProgressLine(progress_lines(estimator), estimator.max_iter)
        over = ending.flat(point)
        try:
            while not over and (found := search(objective, point, curvature)) is not None:
                before, point, steps = point, found, steps + 1
                if estimator.verbose:
                    print(f"Iteration {steps}, loss = {point.value:.8f}")
                progress.epoch(steps - 1, {"loss": point.value})
                over = ending.reached(steps, before, point)
        except KeyboardInterrupt:
            warnings.warn("Training interrupted by user.", UserWarning, stacklevel=5)
        finally:
            objective.write(point.x)
            progress.close()
    outcome = SimpleNamespace(nit=steps, status=ending.status, message=ending.message)
    estimator.n_iter_ = _check_optimize_result("lbfgs", outcome, estimator.max_iter)
    return point.value / objective.K if math.isfinite(point.value) else point.value
