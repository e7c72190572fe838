"""Callbacks that end a fit before its last epoch."""

from __future__ import annotations

import math
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..inputs.arguments import check_flag, check_int, check_number
from ..network.snapshot import is_finite
from .base import Callback, Logs, Monitor

__all__ = ["EarlyStopping", "TerminateOnNaN", "TimeLimit"]


class TerminateOnNaN(Callback):
    """Ends a fit whose loss is no longer finite without raising `DivergenceError`.

    With or without it, the last finite weights are restored, and the history has the epoch.
    """

    takes_divergence = True

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Stop if the loss is NaN or infinite."""
        if logs is not None and not math.isfinite(logs["loss"]):
            self.model.stop_training = True


class EarlyStopping(Monitor):
    """Stops when a monitored value no longer improves.

    Parameters
    ----------
    monitor : str, default="val_loss"
        A name in the history.
    patience : int >= 0, default=10
        Epochs without an improvement after which training stops; 0 stops at the first.
    min_delta : float >= 0, default=0.0
        An improvement must exceed this.
    mode : {"auto", "min", "max"}, default="auto"
        Whether smaller or larger is better. "auto" decides by the name: accuracies, top_..., auc, f1, precision, recall
        and r2 are maximised, all others minimised.
    restore_best_weights : bool, default=True
        Whether to restore the weights of the best epoch however the fit ends, also after an error or Ctrl-C.
    target : float, optional
        Stop as soon as the value is at least this good.

    Attributes
    ----------
    best : float
        The best value so far.
    best_epoch : int or None
        Its epoch.
    stopped_epoch : int or None
        The epoch after which training was stopped; None if it was not.

    Raises
    ------
    ValueError, TypeError
        For a value that is not allowed; in `fit`, for a name that the history will not have.
    """

    _kept = ("best", "best_epoch", "stopped_epoch", "_waited", "_weights")

    def __init__(
        self,
        monitor: str = "val_loss",
        *,
        patience: int = 10,
        min_delta: float = 0.0,
        mode: str = "auto",
        restore_best_weights: bool = True,
        target: float | None = None,
    ) -> None:
        super().__init__(monitor, mode, min_delta)
        self.patience = check_int("patience", patience, 0)
        self.restore_best_weights = check_flag("restore_best_weights", restore_best_weights)
        self.target = None if target is None else check_number("target", target, -math.inf, closed="neither")
        self._forget()

    def _forget(self) -> None:
        self.best = self._worst()
        self.best_epoch: int | None = None
        self.stopped_epoch: int | None = None
        self._waited = 0
        self._weights: dict[str, NDArray[Any]] | None = None

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Reset; refuse a name that the history will not have."""
        self._forget()
        self._check_monitored()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Keep the weights if this epoch is the best and they are finite; stop after `patience` epochs that are not."""
        value = (logs or {})[self.monitor]
        if self._better(value, self.best) and is_finite(self.model._state.network):
            self.best, self.best_epoch, self._waited = value, epoch, 0
            if self.restore_best_weights:
                self._weights = {name: np.array(w) for name, w in self.model._state.network.weights().items()}
        else:
            self._waited += 1
        reached = self.target is not None and (value >= self.target if self.mode == "max" else value <= self.target)
        if reached or self._waited >= max(self.patience, 1):
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Restore the best weights."""
        if self._weights is not None:
            for name, w in self.model._state.network.weights().items():
                w[...] = self._weights[name]
            self._weights = None


class TimeLimit(Callback):
    """Stops after the first epoch that ends later than a number of seconds after the start of the fit.

    A resumed fit has the full time again.

    Parameters
    ----------
    seconds : float >= 0
        The time from the start of training; 0 stops after one epoch.

    Attributes
    ----------
    stopped_epoch : int or None
        The epoch after which training was stopped; None if it was not.

    Raises
    ------
    ValueError, TypeError
        For a value that is not allowed.

    Examples
    --------
    >>> import ravine as rv
    >>> model = rv.Sequential([rv.layers.Dense(1)], random_state=0)
    >>> model.compile(loss="mse")
    >>> history = model.fit([[0.0], [1.0]], [1.0, 2.0], epochs=10**9, callbacks=[rv.callbacks.TimeLimit(0.01)])
    >>> 0 < len(history.epoch) < 10**9
    True
    """

    _resumable = True

    def __init__(self, seconds: float) -> None:
        self.seconds = check_number("seconds", seconds, 0.0, closed="both")
        self.stopped_epoch: int | None = None

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Record the time."""
        self.stopped_epoch = None
        self._start = perf_counter()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Stop if the time is over."""
        if perf_counter() - self._start >= self.seconds:
            self.stopped_epoch = epoch
            self.model.stop_training = True
