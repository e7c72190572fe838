"""What all callbacks share. The hooks are named as in Keras."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

from .._validation import check_name, check_number

if TYPE_CHECKING:
    from ..model import Sequential
    from ..training import Data, Fit

__all__ = ["BATCH_HOOKS", "EPOCH_HOOKS", "Callback", "LambdaCallback", "Logs", "Monitor"]

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
        "epochs" (the number after this fit), "steps" (batches an epoch), "metrics" (the names in `logs`) and
        "resumed" (whether the fit goes on from a checkpoint: `set_state` follows `on_train_begin` then).
    takes_divergence : bool
        Whether a loss that is no number ends the fit without an error; weights go back all the same.
    """

    model: Sequential
    params: dict[str, Any]
    takes_divergence = False
    _kept: ClassVar[tuple[str, ...]] = ()  # the attributes that a checkpoint keeps
    _interrupts: ClassVar[bool] = False  # whether a fit that it has stopped goes on when it is resumed

    def get_state(self) -> dict[str, Any]:
        """Return what a `ModelCheckpoint` must keep for `fit(resume=...)`; override it where the callback remembers.

        A dict of numbers, strings, arrays, and lists, tuples and dicts of them.
        """
        return {name: getattr(self, name) for name in self._kept}

    def set_state(self, state: dict[str, Any]) -> None:
        """Take over what `get_state` gave, after `on_train_begin` of a fit that is resumed."""
        for name in self._kept:
            setattr(self, name, state[name])

    def _epochs_alone(self) -> int:
        """Return how many epochs may be over before this hears of the first: 1 unless it goes by the loss alone."""
        return 1

    def _pause_within(self, step: int) -> int | None:
        """Return after how many steps from number `step` the engine should come back in mid-epoch, at most."""
        return None

    def _at_rest(self, fit: Fit) -> None:
        """Hear that the fit stands at a place from which another could go on; all callbacks have heard of it."""

    def _before_run(self) -> None:
        """Hear that the engine goes to work: an exception of a signal handler now leaves a place to go on from."""

    def _after_run(self) -> None:
        """Hear that the engine has come back, whichever way."""

    def _interrupted(self, fit: Fit) -> None:
        """Hear that an exception has ended a run of the engine after a whole step."""

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

    def _see(self, data: Data) -> None:
        """Look at the rows of the fit, before `on_train_begin`."""

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


class Monitor(Callback):
    """What callbacks that go by one name of the history share."""

    def __init__(self, monitor: str, mode: str, min_delta: float) -> None:
        monitor = check_name("monitor", monitor)
        if not isinstance(mode, str) or mode not in ("auto", "min", "max"):
            raise ValueError(f"mode must be 'auto', 'min' or 'max', got {mode!r}")
        if mode == "auto":
            name = monitor.removeprefix("val_")
            mode = "max" if name.startswith(_MAXIMISED) or name.endswith("accuracy") else "min"
        self.monitor = monitor
        self.min_delta = check_number("min_delta", min_delta, 0.0)
        self.mode = mode
        self.best = self._worst()

    def _worst(self) -> float:
        return -math.inf if self.mode == "max" else math.inf

    def _better(self, value: float, than: float) -> bool:
        return value > than + self.min_delta if self.mode == "max" else value < than - self.min_delta

    def _check_monitored(self) -> None:
        """Refuse a name that the history will not have."""
        if self.monitor not in self.params["metrics"]:
            hint = "; pass validation_data or validation_split" if self.monitor.startswith("val_") else ""
            raise ValueError(
                f"{type(self).__name__} monitors {self.monitor!r}; this fit has "
                f"{', '.join(self.params['metrics'])}{hint}"
            )
