"""The base class of callbacks. The hooks are named as in Keras."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ..inputs.arguments import check_name, check_number
from ..model.sequential import Sequential
from ..training.hooks import Hooks, Logs

__all__ = ["Callback", "LambdaCallback", "Logs", "Monitor"]

_MAXIMISED = ("acc", "auc", "f1", "precision", "r2", "recall", "top_")


class Callback(Hooks):
    """The base class of callbacks; override the hooks you need.

    A hook on batches makes the engine return to Python after each step, which costs a small net most of its speed; a
    hook on epochs costs little. `logs` holds the loss and the metrics by name. Set `self.model.stop_training = True` to
    stop.

    Attributes
    ----------
    model : Sequential
        The model in training.
    params : dict
        "epochs" (the number after this fit), "steps" (batches per epoch), "metrics" (the names in `logs`) and
        "resumed" (whether the fit resumes a checkpoint; `set_state` is then called after `on_train_begin`).
    takes_divergence : bool
        Whether a loss that is not finite ends the fit without an error; the weights are restored in either case.
    """

    model: Sequential


class LambdaCallback(Callback):
    """A callback made of functions, each called with the arguments of its hook.

    Parameters
    ----------
    on_epoch_begin, on_epoch_end, on_train_begin, on_train_end, on_train_batch_begin, on_train_batch_end : callable
        The hooks; None for those not needed.

    Raises
    ------
    TypeError
        For a hook that is not a function.

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
    """The base class of callbacks that monitor one name of the history."""

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
