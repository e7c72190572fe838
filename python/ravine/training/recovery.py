"""Recovery of a fit whose loss or weights are no longer finite."""

from __future__ import annotations

import math
from time import perf_counter
from typing import Any

import numpy as np

from .. import _core
from ..errors import DivergenceError
from ..inputs.arrays import Array
from ..network.snapshot import Snapshot, is_finite
from ..network.state import ModelState
from .configuration import FitConfiguration
from .divergence import describe
from .engine_run import EngineRun

__all__ = ["Recovery", "epoch_order"]

# The smallest number of seconds between two snapshots.
_SNAPSHOT_SECONDS = 0.1


def epoch_order(state: ModelState, configuration: FitConfiguration, epoch: int) -> Array | None:
    """Return the order of an epoch's rows; None if they are not shuffled."""
    rows = len(configuration.data.X)
    if not configuration.shuffle or (configuration.batch_size >= rows and configuration.sampling is None):
        return None
    return _core.epoch_order(rows, state.configuration.random_state, epoch)


class Recovery:
    """Keeps a snapshot of finite weights, and restores it."""

    def __init__(self, state: ModelState, configuration: FitConfiguration, run: EngineRun) -> None:
        self.state, self.configuration, self.run = state, configuration, run
        self.keep()

    def keep(self) -> None:
        """Take a snapshot."""
        self.snapshot = Snapshot.take(self.state.network, self.state.training.epoch)
        sampling = self.configuration.sampling
        self.sampler_state = None if sampling is None else np.array(sampling.engine.state)
        self.time = perf_counter()

    def accepts(self, loss: float, *, last: bool) -> bool:
        """Whether the loss of an epoch is finite and, when they are checked, the weights; the `last` epoch does."""
        if not math.isfinite(loss):
            return False
        if not last and perf_counter() - self.time <= _SNAPSHOT_SECONDS:
            return True
        if not is_finite(self.state.network):
            return False
        if not last:
            self.keep()
        return True

    def go_back(self) -> None:
        """Restore weights, optimizer state and sampler."""
        state, sampling = self.state, self.configuration.sampling
        self.snapshot.restore(state.network)
        if sampling is not None:
            sampling.engine.state[...] = self.sampler_state
        state.training.epoch, state.training.search = self.snapshot.epoch, None

    def error(self, loss: float, epoch: int) -> DivergenceError:
        """Return the error for the current weights: those before a step whose loss was not finite, or after it."""
        configuration, rate, overflowed = self.configuration, self.run.progress.last_rate, math.isfinite(loss)
        first_epoch, first_batch, taken = self.run.ran
        # A penalty that is not finite does not end a step.
        batch = min(first_batch + taken - (epoch - first_epoch) * configuration.steps, configuration.steps - 1)
        step = self.state.step - overflowed
        rows = self._rows_of_batch(epoch, batch, step)
        layer, evidence = describe(self.state, configuration.data.X[rows], configuration.n_threads)
        what = "weights overflowed" if overflowed else f"the loss was {loss}"
        error = DivergenceError(
            f"{what} at step {step} (epoch {epoch}, batch {batch}) with learning_rate={rate:.6g}: {evidence}"
            f"; the weights are those from before epoch {self.snapshot.epoch}; a smaller learning rate may help"
        )
        vars(error).update(
            layer=layer,
            epoch=epoch,
            batch=batch,
            step=step,
            learning_rate=rate,
            loss=loss,
            restored_epoch=self.snapshot.epoch,
        )
        return error

    def _rows_of_batch(self, epoch: int, batch: int, step: int) -> Any:
        configuration, first = self.configuration, batch * self.configuration.batch_size
        rows, order = slice(first, first + configuration.batch_size), epoch_order(self.state, configuration, epoch)
        if configuration.sampling is not None:
            size = min(configuration.batch_size, len(configuration.data.X) - first)
            return configuration.sampling.batch(order, epoch, step, first, size)
        return rows if order is None else order[rows]
