"""solver="sgd" and "adam", and ravine's optimizers: a fit by epochs, with early stopping."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from typing import Any

from sklearn.base import is_classifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split

from ..callbacks import TimeLimit
from ..errors import DivergenceError
from .epoch_end import Watch
from .parameters import progress_lines

__all__ = ["NOT_FINITE", "Samples", "fit_epochs", "not_converged", "set_aside"]

NOT_FINITE = (
    "Solver produced non-finite parameter weights. The input data may contain large values and need to be preprocessed."
)


@dataclass
class Samples:
    """Rows in the form that a network takes."""

    X: Any
    target: Any
    weight: Any = None

    def __iter__(self) -> Any:
        return iter((self.X, self.target, self.weight))


def set_aside(estimator: Any, rows: Samples, random: Any) -> tuple[Samples, Samples]:
    """Return the training and validation rows of scikit-learn's split, by the same draws."""
    if not estimator.validation_fraction:
        raise ValueError(
            f"early_stopping needs rows to score: validation_fraction must be above 0, got "
            f"{estimator.validation_fraction!r}"
        )
    binary = is_classifier(estimator) and estimator.n_outputs_ == 1
    stratify = rows.target.astype(bool).reshape(-1, 1) if binary else None
    arrays = [array for array in rows if array is not None]
    parts = train_test_split(*arrays, random_state=random, test_size=estimator.validation_fraction, stratify=stratify)
    if parts[1].shape[0] < 2:
        raise ValueError("The validation set is too small. Increase 'validation_fraction' or the size of your dataset.")
    return Samples(*parts[::2]), Samples(*parts[1::2])


def fit_epochs(
    estimator: Any, rows: Samples, *, incremental: bool, held: Samples | None, validation: Samples | None
) -> None:
    """Train `estimator.model_`, for one epoch where `incremental`.

    Parameters
    ----------
    estimator : estimator
        The estimator, whose fitted attributes are set.
    rows : Samples
        The training rows.
    incremental : bool
        Whether this is a `partial_fit`.
    held : Samples or None
        The rows that early stopping scores.
    validation : Samples or None
        The rows of `validation_loss_curve_`.
    """
    if "loss_curve_" not in vars(estimator):
        _begin_curves(estimator)
    if validation is not None:
        estimator.validation_loss_curve_ = getattr(estimator, "validation_loss_curve_", [])
    estimator._loss_constant = estimator._constant(rows.target, rows.weight)
    estimator._held_constant = 0.0 if validation is None else estimator._constant(validation.target, validation.weight)
    watch = Watch(estimator, rows.X.shape[0], held=held)
    limit = None if estimator.time_limit is None or incremental else TimeLimit(estimator.time_limit)
    estimator.n_iter_ = 0
    stopping = None
    try:
        estimator.model_.fit(
            rows.X,
            rows.target,
            epochs=1 if incremental else estimator.max_iter,
            batch_size=_batch_size(estimator, rows.X.shape[0]),
            sample_weight=rows.weight,
            shuffle=bool(estimator.shuffle),
            validation_data=None if validation is None else tuple(validation),
            callbacks=[watch, *([] if limit is None else [limit]), *(estimator.callbacks or ())],
            n_threads=estimator.n_threads,
            verbose=progress_lines(estimator),
        )
    except KeyboardInterrupt:
        warnings.warn("Training interrupted by user.", UserWarning, stacklevel=5)
    except DivergenceError as error:
        stopping = error
    if stopping is not None:
        _diverged(estimator, stopping)
    elif not incremental and not watch.stopped:
        not_converged(estimator, None if limit is None else limit.stopped_epoch)
    _restore_best(estimator)


def not_converged(estimator: Any, timed_out: int | None) -> None:
    """Warn if a limit of epochs or time ended the fit; `timed_out` is the epoch after which the time was over."""
    if timed_out is not None:
        reached = f"The time limit ({estimator.time_limit:g} s)"
    elif estimator.n_iter_ == estimator.max_iter:
        reached = f"Maximum iterations ({estimator.max_iter})"
    else:
        return
    text = f"Stochastic Optimizer: {reached} reached and the optimization hasn't converged yet."
    warnings.warn(text, ConvergenceWarning, stacklevel=6)


def _begin_curves(estimator: Any) -> None:
    estimator.loss_curve_ = []
    estimator._no_improvement_count = 0
    estimator.best_loss_ = None if estimator.early_stopping else math.inf
    estimator.validation_scores_ = [] if estimator.early_stopping else None
    estimator.best_validation_score_ = -math.inf if estimator.early_stopping else None


def _diverged(estimator: Any, error: DivergenceError) -> None:
    """Raise scikit-learn's error, or with early stopping continue with the best weights."""
    if not estimator.early_stopping:
        raise ValueError(f"{NOT_FINITE} {error}") from error
    estimator.loss_curve_.append(math.nan)
    estimator.validation_scores_.append(math.nan)
    estimator.n_iter_ += 1
    text = f"Stochastic Optimizer: the optimization diverged, the best weights before are kept: {error}"
    warnings.warn(text, ConvergenceWarning, stacklevel=6)


def _restore_best(estimator: Any) -> None:
    best = vars(estimator).get("_best_weights")
    if estimator.early_stopping and best is not None:
        estimator.model_.set_weights(best)


def _batch_size(estimator: Any, rows: int) -> int | None:
    optimizer = estimator.model_.optimizer
    if isinstance(estimator.batch_size, str):
        return None if optimizer is not None and optimizer.searches else min(200, rows)
    if estimator.batch_size > rows:
        warnings.warn(
            "Got `batch_size` less than 1 or larger than sample size. It is going to be clipped",
            UserWarning,
            stacklevel=6,
        )
    return int(min(estimator.batch_size, rows))
