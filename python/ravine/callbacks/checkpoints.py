"""The callback that saves a running fit to a file."""

from __future__ import annotations

import os
import re
import signal
import threading
from string import Formatter
from time import perf_counter
from types import FrameType

from ..checkpoint.fits import saved_fit
from ..checkpoint.models import check_saveable, save_model
from ..inputs.arguments import check_flag, check_path
from ..network.snapshot import is_finite
from ..training.hooks import RunningFit
from .base import Logs, Monitor

__all__ = ["ModelCheckpoint"]

_UNITS = {"epoch": "epochs", "epochs": "epochs", "step": "steps", "steps": "steps", "s": "s", "min": "min", "h": "h"}
_SECONDS = {"s": 1.0, "min": 60.0, "h": 3600.0}
_PIECE_SECONDS = 0.5  # of a run within an epoch, where time decides


class ModelCheckpoint(Monitor):
    """Saves model and fit to a file; `fit(resume=path)` resumes it to the same bits, and `ravine.load` reads the model.

    Each file is written to a temporary file, synced and renamed, so that a crash leaves the last good one. It holds the
    history so far, with the validation scores. It is also written when the fit ends, when SIGTERM ends it (in the main
    thread, if nothing else handles the signal; the process ends with status 143), and when Ctrl-C ends a run of the
    engine. A fit is nearly always in a run of the engine, unless a callback has hooks on batches or the optimizer
    searches along the loss. Saving within an epoch costs a short return to Python and does not change the result.

    Parameters
    ----------
    path : str or path
        The file. With "{epoch}", "{step}" or, if `every` counts epochs, "{val_loss:.3f}" and other names of the
        history, a new file is written each time. Epochs are counted from 0 over all fits, "step" counts batches.
    every : str, default="epoch"
        "epoch", "5 epochs", "500 steps", "30 s", "10 min" or "2 h"; epochs and steps count over all fits of the model.
    monitor : str, optional
        A name in the history; default: "val_loss", or "loss" without validation data.
    save_best_only : bool, default=False
        Whether to save only epochs with the best value so far and finite weights; `every` must count epochs.
    mode : {"auto", "min", "max"}, default="auto"
        As for `EarlyStopping`.
    min_delta : float >= 0, default=0.0
        An improvement must exceed this.

    Attributes
    ----------
    best : float
        The best value so far.
    best_epoch : int or None
        Its epoch.
    saved_path : str or None
        The file written last.

    Raises
    ------
    ValueError, TypeError
        For a value that is not allowed; in `fit`, for a name that the history will not have, or a model that cannot
        be saved.
    OSError
        In `fit`, where the file cannot be written.

    Examples
    --------
    >>> import os, tempfile
    >>> import ravine as rv
    >>> path = os.path.join(tempfile.mkdtemp(), "run.ravine")
    >>> def new():
    ...     model = rv.Sequential([rv.layers.Dense(1)], random_state=0)
    ...     model.compile(loss="mse")
    ...     return model
    >>> data, keep = ([[0.0], [1.0]], [1.0, 2.0]), [rv.callbacks.ModelCheckpoint(path)]
    >>> _ = new().fit(*data, epochs=3, callbacks=keep)
    >>> stopped, whole = new(), new()
    >>> _ = stopped.fit(*data, epochs=10, callbacks=keep, resume=path)
    >>> _ = whole.fit(*data, epochs=10)
    >>> bool((stopped.predict([[2.0]]) == whole.predict([[2.0]])).all())
    True
    """

    _kept = ("best", "best_epoch")

    def __init__(
        self,
        path: str | os.PathLike[str],
        every: str = "epoch",
        *,
        monitor: str | None = None,
        save_best_only: bool = False,
        mode: str = "auto",
        min_delta: float = 0.0,
    ) -> None:
        super().__init__("loss" if monitor is None else monitor, mode, min_delta)
        self._chooses = monitor is None
        self.path = check_path(path)
        self.every = every
        self._count, self._unit = _interval(every)
        self.save_best_only = check_flag("save_best_only", save_best_only)
        if self.save_best_only and self._unit != "epochs":
            raise ValueError(f"save_best_only=True needs an `every` that counts epochs, got {every!r}")
        self._fields = [name for _, name, _, _ in Formatter().parse(self.path) if name is not None]
        if self._unit != "epochs" and not set(self._fields) <= {"epoch", "step"}:
            raise ValueError(f"path may hold {{epoch}} and {{step}} where every={every!r}, got {self.path!r}")
        self._forget()

    def _forget(self) -> None:
        self.best = self._worst()
        self.best_epoch: int | None = None
        self.saved_path: str | None = None
        self._logs: Logs = {}
        self._saved_step = -1
        self._saved_at = perf_counter()
        self._piece, self._mark = 1, (-1, 0.0)  # steps of a run, and step and time where the last began
        self._running = self._asked = self._handles = False

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Reset; refuse a model that cannot be saved."""
        self._forget()
        names = self.params["metrics"]
        if self._chooses:
            self.monitor = "val_loss" if "val_loss" in names else "loss"
        self._check_monitored()
        unknown = set(self._fields) - {"epoch", "step", *names}
        if unknown:
            raise ValueError(f"path {self.path!r} names {min(unknown)!r}; there are epoch, step, {', '.join(names)}")
        folder = os.path.dirname(os.path.abspath(self.path))
        if not os.path.isdir(folder):
            raise FileNotFoundError(f"ModelCheckpoint: there is no folder {folder}")
        check_saveable(self.model)
        main = threading.current_thread() is threading.main_thread()
        if main and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
            signal.signal(signal.SIGTERM, self._terminate)
            self._handles = True

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Restore the default handler of SIGTERM."""
        if self._handles:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            self._handles = False
            if self._asked:
                raise SystemExit(128 + signal.SIGTERM)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Record the epoch's values."""
        self._logs = dict(logs or {})

    def _terminate(self, signum: int, frame: FrameType | None) -> None:
        self._asked = True
        if self._running:
            raise SystemExit(128 + signum)

    def _on_run_begin(self) -> None:
        self._running = True
        if self._asked:
            raise SystemExit(128 + signal.SIGTERM)

    def _on_run_end(self) -> None:
        self._running = False

    def _on_interrupt(self, fit: RunningFit) -> None:
        if not self.save_best_only:
            self._save(fit)

    def _steps_until_pause(self, step: int) -> int | None:
        if self._unit == "epochs":
            return None
        if self._unit == "steps":
            return int(self._count) - step % int(self._count)
        (before, then), now = self._mark, perf_counter()
        if 0 <= before < step:
            fitting = int((step - before) / max(now - then, 1e-9) * _PIECE_SECONDS)
            self._piece = max(1, min(fitting, 2 * self._piece))
        self._mark = step, now
        return self._piece

    def _on_pause(self, fit: RunningFit) -> None:
        self._consider(fit)
        if self._asked:
            if not self.save_best_only:
                self._save(fit)
            raise SystemExit(128 + signal.SIGTERM)

    def _consider(self, fit: RunningFit) -> None:
        """Record the value of the last epoch; save if it is due."""
        step, epoch_over = int(fit.state.step), not fit.progress.opened
        due = self._is_due(fit, step, epoch_over) or fit.is_finished()
        better = epoch_over and (due or not self.save_best_only) and self._improves(fit)
        if better:
            self.best, self.best_epoch = self._logs[self.monitor], fit.state.training.epoch - 1
        if due and (better or not self.save_best_only):
            self._save(fit)

    def _improves(self, fit: RunningFit) -> bool:
        return self._better(self._logs[self.monitor], self.best) and is_finite(fit.state.network)

    def _is_due(self, fit: RunningFit, step: int, epoch_over: bool) -> bool:
        if self._unit == "epochs":
            return epoch_over and fit.state.training.epoch % int(self._count) == 0
        if self._unit == "steps":
            return step % int(self._count) == 0
        return perf_counter() - self._saved_at >= self._count * _SECONDS[self._unit]

    def _save(self, fit: RunningFit) -> None:
        step = int(fit.state.step)
        if step == self._saved_step:
            return
        epoch = fit.state.training.epoch - (not fit.progress.opened)
        path = self.path
        if self._fields:
            path = path.format(**{**self._logs, "epoch": epoch, "step": step})
        save_model(fit.model, path, saved_fit(fit))
        self.saved_path, self._saved_step, self._saved_at = path, step, perf_counter()


def _interval(every: str) -> tuple[float, str]:
    """Return a number and its unit."""
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)?\s*([a-z]+)\s*", every) if isinstance(every, str) else None
    unit = _UNITS.get(found[2]) if found else None
    count = float(found[1] or (1 if unit in ("epochs", "steps") else 0)) if found else 0.0
    if unit is None or count <= 0 or (unit in ("epochs", "steps") and count != int(count)):
        raise ValueError(
            f"every must be like 'epoch', '5 epochs', '500 steps', '30 s', '10 min' or '2 h', got {every!r}"
        )
    return count, unit
