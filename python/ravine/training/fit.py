"""A fit: its configuration, its progress, its callbacks, and the record of the engine's runs."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from time import perf_counter
from typing import Any

import numpy as np

from ..network.history import History
from ..network.state import Model
from ..schedules import BoldDriver
from .configuration import FitConfiguration
from .engine_run import EngineRun
from .hooks import BATCH_HOOKS, EPOCH_HOOKS, Hooks
from .progress import FitProgress
from .recovery import Recovery
from .turns import end_of_turn, take_turn

__all__ = ["CHUNK_SECONDS", "Fit"]

# Seconds that a chunk of epochs inside the engine may take.
CHUNK_SECONDS = 0.1


class Fit:
    """One call of `fit`.

    Attributes
    ----------
    model : Model
        The model that callbacks get.
    configuration, progress, callbacks
        As given.
    history : History
        The model's history of this fit.
    run : EngineRun
        The engine's runs.
    recovery : Recovery
        The state to restore after a divergence.
    last : int
        The epoch before which the fit ends.
    turn_end : int
        The epoch before which the optimizer at work ends; it differs from `last` only for a chain.
    chunk : int
        The number of epochs that the engine gets at once.
    done : bool
        Whether the fit has ended early.
    by_batch, by_epoch, pauses : bool
        Whether the fit returns to Python after each step, after each epoch, and within epochs for checkpoints.
    """

    def __init__(
        self,
        model: Model,
        configuration: FitConfiguration,
        progress: FitProgress | None = None,
        callbacks: Sequence[Hooks] = (),
    ) -> None:
        state = model._state
        take_turn(state, configuration.epochs)
        _check_sampler(state.compilation, configuration)
        self.model, self.state, self.configuration, self.callbacks = model, state, configuration, callbacks
        self.progress = FitProgress.start(state) if progress is None else progress
        if configuration.sampling is not None:
            state.training.sampling = configuration.sampling.learnt or state.training.sampling
        if state.history is None or not self.progress.resumed:
            state.history = History()
        self.history = state.history
        self.last = self.progress.first_epoch + configuration.epochs
        self.chunk = 1
        self.done = False
        self.run = EngineRun(state, configuration, self.progress)
        self.begun: list[Hooks] = []
        self.recovery = Recovery(state, configuration, self.run)
        self._choose_driver()

    def begin_turn(self) -> None:
        """Prepare for the epochs of a chain's next optimizer."""
        self.run.begin_turn()
        self.recovery.keep()
        self._choose_driver()

    def _choose_driver(self) -> None:
        """Determine when the fit must return to Python."""
        state, configuration = self.state, self.configuration
        self.turn_end = end_of_turn(state, self.last)
        self.by_batch = self.run.by_step or any(callback.overrides(*BATCH_HOOKS) for callback in self.callbacks)
        self.pauses = self.progress.resumed or any(callback.overrides("_on_pause") for callback in self.callbacks)
        self.one_by_one = (
            self.by_batch
            or self.pauses
            or configuration.verbose > 0
            or configuration.validation is not None
            or bool(state.later_metrics)
            or isinstance(state.need_optimizer().learning_rate, BoldDriver)
        )
        self.of_epochs = [callback for callback in self.callbacks if callback.overrides(*EPOCH_HOOKS)]
        self.by_epoch = self.one_by_one or bool(self.of_epochs)

    def begin(self) -> None:
        """Notify the callbacks of the begin; if one fails, notify those before it of the end."""
        state, progress = self.state, self.progress
        state.stop_training = False
        names = ["loss", *(metric.name for metric in state.compilation.metrics)]
        if self.configuration.validation is not None:
            names += [f"val_{name}" for name in names]
        for callback in self.callbacks:
            callback.model = self.model
            callback.params = {
                "epochs": self.last,
                "steps": self.configuration.steps,
                "metrics": names,
                "resumed": progress.resumed,
            }
            callback._set_data(self.configuration.data)
        state.guard.begin_fit()
        with ExitStack() as ends:
            ends.callback(state.guard.end_fit)
            for callback in reversed(self.callbacks):
                ends.callback(self._end, callback)
            for callback in self.callbacks:
                with state.guard.calling_back():
                    callback.on_train_begin({})
                self.begun.append(callback)
            for callback, kept in zip(self.callbacks, progress.callback_states, strict=False):
                if kept is not None:
                    callback.set_state(dict(kept))
            if progress.resumed:
                state.stop_training = progress.stopped
            self.ends = ends.pop_all()

    def _end(self, callback: Hooks) -> None:
        if callback in self.begun:
            logs = {name: values[-1] for name, values in self.history.history.items()}
            with self.state.guard.calling_back():
                callback.on_train_end(logs)

    def notify(self, hook: str, *number: int, logs: dict[str, float] | None = None) -> None:
        """Call a hook of every callback, each with its own copy of the logs."""
        with self.state.guard.calling_back():
            for callback in self.callbacks:
                getattr(callback, hook)(*number, dict(logs or {}))

    def pause(self) -> None:
        """Notify the callbacks that keep checkpoints that all others are up to date."""
        with self.state.guard.calling_back():
            for callback in self.callbacks:
                callback._on_pause(self)

    def is_over(self) -> bool:
        """Whether this optimizer has no epochs left."""
        return self.done or self.state.training.epoch >= self.turn_end or self.state.stop_training

    def is_finished(self) -> bool:
        """Whether the fit has no epochs left."""
        return self.done or self.state.training.epoch >= self.last or self.state.stop_training

    def train_chunk(self, first: int, count: int) -> dict[str, Any]:
        """Run some epochs in the engine; take more the next time if these took little time."""
        start = perf_counter()
        result = self.run.train(first, count)
        if count >= self.chunk and perf_counter() - start < CHUNK_SECONDS / 2:
            self.chunk *= 2
        return result

    def record_epochs(self, first: int, count: int, result: dict[str, Any]) -> list[float]:
        """Record what the engine did in some epochs, up to one whose loss is not finite; return their losses."""
        finite = np.isfinite(result["loss"])
        kept = count if finite.all() else int(np.argmin(finite)) + 1
        values: dict[str, list[float]] = {"loss": result["loss"][:kept].tolist()}
        for i, metric in enumerate(self.state.compilation.metrics):
            values[metric.name] = result["metrics"][:kept, i].tolist()
        self.history.add(range(first, first + kept), self.run.last_rates(count)[:kept], values)
        self.state.training.epoch += count
        return values["loss"]

    def ends_with(self, loss: float) -> bool:
        """Whether an epoch ends the fit: if its loss or the weights are not finite; the weights are then restored.

        Raises
        ------
        DivergenceError
            Unless a callback takes it.
        """
        if self.recovery.accepts(loss, last=self.is_over()):
            return False
        error = self.recovery.error(loss, self.history.epoch[-1])
        self.recovery.go_back()
        if not any(callback.takes_divergence for callback in self.callbacks):
            raise error
        self.done = True
        return True


def _check_sampler(compilation: Any, configuration: FitConfiguration) -> None:
    """Refuse optimizers that compare losses of one batch, if a sampler draws the rows."""
    chain = compilation.chain
    for optimizer in (compilation.optimizer,) if chain is None else chain.optimizers:
        if configuration.sampling is not None and optimizer is not None and optimizer.searches:
            raise ValueError(
                f"a sampler draws rows for single steps, but {type(optimizer).__name__} compares losses of one "
                "batch; leave the sampler out, or compile the model with a first-order optimizer"
            )
