"""The interface between a fit and its callbacks. The public hooks are named as in Keras."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Protocol

from ..network.data import Data
from ..network.state import Model, ModelState
from .configuration import FitConfiguration
from .progress import FitProgress

__all__ = ["BATCH_HOOKS", "EPOCH_HOOKS", "Hooks", "Logs", "RunningFit", "check_callbacks"]

Logs = dict[str, float]

EPOCH_HOOKS = ("on_epoch_begin", "on_epoch_end")
BATCH_HOOKS = ("on_train_batch_begin", "on_train_batch_end")


class RunningFit(Protocol):
    """A fit as a callback sees it."""

    model: Model
    state: ModelState
    configuration: FitConfiguration
    progress: FitProgress
    callbacks: Sequence[Hooks]

    def is_finished(self) -> bool:
        """Whether there are no epochs left."""


class Hooks:
    """The hooks of a callback; by default they do nothing."""

    model: Any
    params: dict[str, Any]
    takes_divergence = False
    _kept: ClassVar[tuple[str, ...]] = ()  # the attributes that a checkpoint keeps
    _resumable: ClassVar[bool] = False  # whether a fit that it has stopped continues when it is resumed

    def get_state(self) -> dict[str, Any]:
        """Return the state that a `ModelCheckpoint` saves for `fit(resume=...)`; override it if the callback has state.

        A dict of numbers, strings, arrays, and lists, tuples and dicts of them.
        """
        return {name: getattr(self, name) for name in self._kept}

    def set_state(self, state: dict[str, Any]) -> None:
        """Restore the state from `get_state`; called after `on_train_begin` of a resumed fit."""
        for name in self._kept:
            setattr(self, name, state[name])

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Before the first epoch."""

    def on_train_end(self, logs: Logs | None = None) -> None:
        """After the last epoch, also if an error or Ctrl-C ended the fit."""

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Before epoch number `epoch`, counted from 0 over all fits of the model."""

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """After epoch number `epoch`, validation included."""

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Before batch number `batch` of the epoch."""

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """After batch number `batch`; `logs` are those of this batch only."""

    def overrides(self, *hooks: str) -> bool:
        """Whether any of these hooks does something."""
        return any(getattr(getattr(self, hook), "__func__", None) is not getattr(Hooks, hook) for hook in hooks)

    def _set_data(self, data: Data) -> None:
        """Take the rows of the fit, before `on_train_begin`."""

    def _epochs_at_once(self) -> int:
        """Return how many epochs may pass before this callback is notified: 1 unless it needs only the loss."""
        return 1

    def _steps_until_pause(self, step: int) -> int | None:
        """Return the largest number of steps from number `step` after which the engine should return in an epoch."""
        return None

    def _on_pause(self, fit: RunningFit) -> None:
        """The fit is at a point where it could be resumed; all callbacks are up to date."""

    def _on_run_begin(self) -> None:
        """A run of the engine begins: from now on a fit can be resumed after an exception of a signal handler."""

    def _on_run_end(self) -> None:
        """The engine has returned, with a result or an exception."""

    def _on_interrupt(self, fit: RunningFit) -> None:
        """An exception has ended a run of the engine after a whole step."""


def check_callbacks(callbacks: Any) -> tuple[Hooks, ...]:
    """Return the callbacks."""
    if isinstance(callbacks, Hooks) or not hasattr(callbacks, "__iter__"):
        raise TypeError(f"callbacks must be a list of callbacks, got {callbacks!r}")
    checked = tuple(callbacks)
    for callback in checked:
        if not isinstance(callback, Hooks):
            raise TypeError(f"callbacks must hold callbacks.Callback objects, got {callback!r}")
    return checked
