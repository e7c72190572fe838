"""The driver for fits that return to Python after each epoch: for callbacks, validation, metrics, checkpoints."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..inputs.arrays import Array
from ..network.evaluation import evaluate, logs
from .batches import train_by_batch
from .fit import Fit
from .progress_line import ProgressLine
from .rates import tell_bold_driver

__all__ = ["train_by_epoch"]


def train_by_epoch(fit: Fit, line: ProgressLine) -> None:
    """Train until the turn of the optimizer at work is over, or the fit has diverged."""
    while not fit.is_over():
        count = _epochs_at_once(fit)
        if count > 1:
            if _train_then_notify(fit, count):
                return
            continue
        if _train_epoch(fit, line):
            return
        if fit.pauses:
            fit.pause()


def _epochs_at_once(fit: Fit) -> int:
    """Return how many epochs the engine may train before the callbacks are notified of the first."""
    if fit.one_by_one or fit.progress.opened:
        return 1
    left = fit.turn_end - fit.state.training.epoch
    return min(fit.chunk, left, *(callback._epochs_at_once() for callback in fit.of_epochs))


def _train_then_notify(fit: Fit, count: int) -> bool:
    """Train some epochs, then notify the callbacks of each in turn; return whether that ends the fit."""
    first = fit.state.training.epoch
    losses = fit.record_epochs(first, count, fit.train_chunk(first, count))
    for number in range(len(losses)):
        values = {name: column[number - len(losses)] for name, column in fit.history.history.items()}
        fit.notify("on_epoch_begin", first + number)
        fit.notify("on_epoch_end", first + number, logs=values)
    return fit.ends_with(losses[-1])


def _train_epoch(fit: Fit, line: ProgressLine) -> bool:
    """Train an epoch with validation and callbacks; return whether it ends the fit."""
    state, configuration, progress = fit.state, fit.configuration, fit.progress
    epoch = state.training.epoch
    if not progress.opened:
        fit.notify("on_epoch_begin", epoch)
        progress.opened = True
    loss, metrics = train_by_batch(fit, epoch) if fit.by_batch else _train_whole(fit, epoch)
    state.training.epoch, progress.batch, progress.opened = epoch + 1, 0, False
    values = logs(state, loss, metrics, configuration.data, configuration.n_threads)
    if configuration.validation is not None:
        held = evaluate(state, configuration.validation, configuration.n_threads)
        values.update({f"val_{name}": value for name, value in held.items()})
    fit.history.add([epoch], fit.run.last_rates(1), {name: [value] for name, value in values.items()})
    tell_bold_driver(state, loss)
    line.epoch(epoch, values)
    fit.notify("on_epoch_end", epoch, logs=values)
    return fit.ends_with(values["loss"])


def _train_whole(fit: Fit, epoch: int) -> tuple[float, Array]:
    """Train one epoch, in one run of the engine or in several, if callbacks need pauses."""
    if not fit.pauses:
        result = fit.train_chunk(epoch, 1)
        return result["loss"][0], result["metrics"][0]
    progress, network = fit.progress, fit.state.network
    while True:
        left = fit.configuration.steps - progress.batch
        wanted = [callback._steps_until_pause(fit.state.step) for callback in fit.callbacks]
        count = max(1, min([left, *(steps for steps in wanted if steps is not None)]))
        network.sums = progress.sums
        result = _train_piece(fit, epoch, count)
        progress.sums = np.array(network.sums)
        progress.batch += result["steps"]
        if progress.batch >= fit.configuration.steps or not math.isfinite(result["loss"][0]):
            fit.run.rates = np.array([progress.last_rate])
            return result["loss"][0], result["metrics"][0]
        fit.pause()


def _train_piece(fit: Fit, epoch: int, count: int) -> dict[str, Any]:
    """Train some batches; after an interrupt the progress is at the last whole step, and callbacks are notified."""
    progress, before = fit.progress, fit.state.step
    try:
        for callback in fit.callbacks:
            callback._on_run_begin()
        return fit.run.train(epoch, 1, progress.batch, count, continues=progress.batch > 0)
    except (KeyboardInterrupt, SystemExit):
        taken = fit.state.step - before
        progress.batch, progress.sums = progress.batch + taken, np.array(fit.state.network.sums)
        fit.run.note_rate(taken)
        for callback in fit.callbacks:
            callback._on_interrupt(fit)
        raise
    finally:
        for callback in fit.callbacks:
            callback._on_run_end()
