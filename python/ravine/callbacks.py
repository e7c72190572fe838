"""Callbacks: what happens between the epochs, and between the batches, of a `fit`. The hooks are named as in Keras."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ._state import is_finite
from ._validation import check_flag, check_int, check_name, check_number

if TYPE_CHECKING:
    from .model import Sequential

__all__ = ["Callback", "EarlyStopping", "LambdaCallback", "TerminateOnNaN"]

Logs = dict[str, float]

EPOCH_HOOKS = ("on_epoch_begin", "on_epoch_end")
BATCH_HOOKS = ("on_train_batch_begin", "on_train_batch_end")
_MAXIMISED = ("acc", "auc", "f1", "precision", "r2", "recall", "top_")


class Callback:
    """The base of all callbacks; override the hooks you need.

    A hook on batches makes the engine come back after each step, which costs a small net most of its speed; a hook on
    epochs costs little. `logs` holds the loss and the metrics by name. Set `self.model.stop_training = True` to stop.

    Attributes
    ----------
    model : Sequential
        The model in training.
    params : dict
        "epochs" (the number after this fit), "steps" (batches an epoch) and "metrics" (the names in `logs`).
    """

    model: Sequential
    params: dict[str, Any]

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Before the first epoch."""

    def on_train_end(self, logs: Logs | None = None) -> None:
        """After the last epoch, also where an error or Ctrl-C ended the fit."""

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Before epoch number `epoch`, counted from 0 over all fits of the model."""

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """After epoch number `epoch`, validation included."""

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Before batch number `batch` of the epoch."""

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """After batch number `batch`; `logs` are those of this batch alone."""

    def overrides(self, *hooks: str) -> bool:
        """Whether any of these hooks does something."""
        return any(getattr(getattr(self, hook), "__func__", None) is not getattr(Callback, hook) for hook in hooks)


class LambdaCallback(Callback):
    """A callback from plain functions, each called with the arguments of its hook.

    Parameters
    ----------
    on_epoch_begin, on_epoch_end, on_train_begin, on_train_end, on_train_batch_begin, on_train_batch_end : callable
        The hooks; None leaves one out.

    Raises
    ------
    TypeError
        For a hook that is no function.

    Examples
    --------
    >>> import ravine as rv
    >>> losses = []
    >>> callback = rv.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: losses.append(logs["loss"]))
    """

    def __init__(
        self,
        *,
        on_epoch_begin: Callable[[int, Logs | None], Any] | None = None,
        on_epoch_end: Callable[[int, Logs | None], Any] | None = None,
        on_train_begin: Callable[[Logs | None], Any] | None = None,
        on_train_end: Callable[[Logs | None], Any] | None = None,
        on_train_batch_begin: Callable[[int, Logs | None], Any] | None = None,
        on_train_batch_end: Callable[[int, Logs | None], Any] | None = None,
    ) -> None:
        hooks = {
            "on_epoch_begin": on_epoch_begin,
            "on_epoch_end": on_epoch_end,
            "on_train_begin": on_train_begin,
            "on_train_end": on_train_end,
            "on_train_batch_begin": on_train_batch_begin,
            "on_train_batch_end": on_train_batch_end,
        }
        for name, function in hooks.items():
            if function is None:
                continue
            if not callable(function):
                raise TypeError(f"{name} must be a function, got {function!r}")
            setattr(self, name, function)


class TerminateOnNaN(Callback):
    """Stops training at the first epoch whose loss is not finite, without the warning that `fit` gives otherwise.

    Either way the weights go back to those from before that epoch.
    """

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Stop where the loss is NaN or infinite."""
        if logs is not None and not math.isfinite(logs["loss"]):
            self.model.stop_training = True


class EarlyStopping(Callback):
    """Stops when a monitored value no longer gets better.

    Parameters
    ----------
    monitor : str, default="val_loss"
        A name in the history.
    patience : int >= 0, default=10
        Epochs without an improvement after which training stops; 0 stops at the first.
    min_delta : float >= 0, default=0.0
        What counts as an improvement must exceed this.
    mode : {"auto", "min", "max"}, default="auto"
        Whether smaller or larger is better; "auto" goes by the name: accuracies, top_..., auc, f1, precision, recall
        and r2 are maximised, all else is minimised.
    restore_best_weights : bool, default=True
        Whether the model gets the weights of the best epoch back, on every way out: also after an error or Ctrl-C.
    target : float, optional
        Stop as soon as the value is at least this good.

    Attributes
    ----------
    best : float
        The best value so far.
    best_epoch : int or None
        Its epoch.
    stopped_epoch : int or None
        The epoch after which training was stopped; None where it was not.

    Raises
    ------
    ValueError, TypeError
        For a value that is not allowed; in `fit`, for a name that the history will not have.
    """

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
        monitor = check_name("monitor", monitor)
        if not isinstance(mode, str) or mode not in ("auto", "min", "max"):
            raise ValueError(f"mode must be 'auto', 'min' or 'max', got {mode!r}")
        if mode == "auto":
            name = monitor.removeprefix("val_")
            mode = "max" if name.startswith(_MAXIMISED) or name.endswith("accuracy") else "min"
        self.monitor = monitor
        self.patience = check_int("patience", patience, 0)
        self.min_delta = check_number("min_delta", min_delta, 0.0)
        self.mode = mode
        self.restore_best_weights = check_flag("restore_best_weights", restore_best_weights)
        self.target = None if target is None else check_number("target", target, -math.inf, closed="neither")
        self._forget()

    def _forget(self) -> None:
        self.best = -math.inf if self.mode == "max" else math.inf
        self.best_epoch: int | None = None
        self.stopped_epoch: int | None = None
        self._waited = 0
        self._weights: dict[str, NDArray[Any]] | None = None

    def _better(self, value: float, than: float) -> bool:
        return value > than + self.min_delta if self.mode == "max" else value < than - self.min_delta

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Start afresh; refuse a name that the history will not have."""
        self._forget()
        if self.monitor not in self.params["metrics"]:
            hint = "; pass validation_data or validation_split" if self.monitor.startswith("val_") else ""
            raise ValueError(
                f"EarlyStopping monitors {self.monitor!r}; this fit has {', '.join(self.params['metrics'])}{hint}"
            )

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Keep the weights if this epoch is the best and left them finite; stop after `patience` that are not."""
        value = (logs or {})[self.monitor]
        if self._better(value, self.best) and is_finite(self.model._built()):
            self.best, self.best_epoch, self._waited = value, epoch, 0
            if self.restore_best_weights:
                self._weights = {name: np.array(w) for name, w in self.model.parameters.items()}
        else:
            self._waited += 1
        reached = self.target is not None and (value >= self.target if self.mode == "max" else value <= self.target)
        if reached or self._waited >= max(self.patience, 1):
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Give the best weights back."""
        if self._weights is not None:
            for name, w in self.model.parameters.items():
                w[...] = self._weights[name]
            self._weights = None
