"""The end of an epoch as in scikit-learn, as a callback: curves, stopping, learning rate, printed lines."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..callbacks import Callback
from ..callbacks.base import Logs
from ..schedules import Schedule
from .rates import inverse_scaling

__all__ = ["Watch"]

# Below this rate, learning_rate="adaptive" ends the fit.
_LEAST_RATE = 1e-6
# Epochs at once if nothing can end the fit earlier.
_MOST_EPOCHS = 2**20


class Watch(Callback):
    """Keeps an estimator's record of a fit and stops it when scikit-learn would.

    Parameters
    ----------
    estimator : estimator
        The estimator, whose attributes are set.
    rows : int
        The number of rows in an epoch.
    held : Samples or None
        The rows that early stopping scores.

    Attributes
    ----------
    stopped : bool
        Whether the tolerance ended the fit.
    """

    def __init__(self, estimator: Any, rows: int, *, held: Any = None) -> None:
        self.estimator, self.rows, self.held = estimator, rows, held
        self.stopped = False

    def _epochs_at_once(self) -> int:
        """Return the smallest number of epochs after which the fit may end or the rate change."""
        estimator = self.estimator
        if self.held is not None or estimator.verbose or estimator._lowers_rate("invscaling"):
            return 1
        return int(min(estimator.n_iter_no_change + 1 - estimator._no_improvement_count, _MOST_EPOCHS))

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Record the epoch's loss and score, and act on them."""
        assert logs is not None
        if not math.isfinite(logs["loss"]):
            return  # the fit ends with an error that says where
        estimator = self.estimator
        estimator.n_iter_ += 1
        estimator.loss_ = estimator._reported_loss(logs)
        estimator.t_ += self.rows
        estimator.loss_curve_.append(estimator.loss_)
        if "val_loss" in logs:
            validation = {name.removeprefix("val_"): value for name, value in logs.items() if name.startswith("val_")}
            estimator.validation_loss_curve_.append(estimator._reported_loss(validation, held=True))
        if estimator.verbose:
            print(f"Iteration {estimator.n_iter_}, loss = {estimator.loss_:.8f}")
        self._count()
        self._lower_rate()
        if estimator._no_improvement_count > estimator.n_iter_no_change:
            self._end_patience()

    def _count(self) -> None:
        """Count the epochs without an improvement by tol: of the score if there is one, otherwise of the loss."""
        estimator = self.estimator
        if self.held is None:
            better = estimator.loss_ <= (estimator.best_loss_ - estimator.tol)
            estimator.best_loss_ = min(estimator.best_loss_, estimator.loss_)
        else:
            score = self._score()
            better = not score < estimator.best_validation_score_ + estimator.tol
            if score > estimator.best_validation_score_:
                estimator.best_validation_score_ = score
                estimator._best_weights = self.model.get_weights()
        estimator._no_improvement_count = 0 if better else estimator._no_improvement_count + 1

    def _score(self) -> float:
        outputs = self.model.predict(self.held.X, n_threads=self.estimator.n_threads)
        value = float(self.estimator._score_of(outputs, self.held)) if np.isfinite(outputs).all() else math.nan
        self.estimator.validation_scores_.append(value)
        if self.estimator.verbose:
            print(f"Validation score: {value:f}")
        return value

    def _lower_rate(self) -> None:
        estimator = self.estimator
        if estimator._lowers_rate("invscaling"):
            rate = inverse_scaling(estimator.learning_rate_init, estimator.t_ + 1, estimator.power_t)
            self._set_rate(estimator._outputs_summed * rate)

    def _set_rate(self, rate: float) -> None:
        assert self.model.optimizer is not None
        self.model.optimizer.learning_rate = rate

    def _end_patience(self) -> None:
        """Stop, or with learning_rate="adaptive" continue at a fifth of the rate while that is above the least."""
        estimator = self.estimator
        what = "Training loss" if self.held is None else "Validation score"
        epochs = f"{estimator.n_iter_no_change} consecutive epochs"
        text = f"{what} did not improve more than tol={estimator.tol:f} for {epochs}."
        if estimator._lowers_rate("adaptive"):
            assert self.model.optimizer is not None
            rate = self.model.optimizer.learning_rate
            assert not isinstance(rate, Schedule)
            if rate / estimator._outputs_summed > _LEAST_RATE:
                self._set_rate(rate / 5.0)
                estimator._no_improvement_count = 0
                text += f" Setting learning rate to {rate / 5.0 / estimator._outputs_summed:f}"
                if estimator.verbose:
                    print(text)
                return
            text += " Learning rate too small."
        if estimator.verbose:
            print(text + " Stopping.")
        self.stopped = self.model.stop_training = True
