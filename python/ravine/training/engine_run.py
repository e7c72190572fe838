"""A fit's runs of the engine: the arguments, and the record of what it did."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..inputs.arrays import Array
from ..network.state import ModelState
from .configuration import FitConfiguration
from .progress import FitProgress
from .rates import next_rates
from .trainers import trainer_of

__all__ = ["EngineRun"]


class EngineRun:
    """Runs epochs, or batches of one epoch, in the engine.

    Attributes
    ----------
    trainer : Network or BatchTrainer
        The trainer for the optimizer at work.
    rates : ndarray
        The rates of the last run's steps; one if they are all equal.
    ran : (int, int, int)
        First epoch, first batch and number of steps of the last run.
    """

    def __init__(self, state: ModelState, configuration: FitConfiguration, progress: FitProgress) -> None:
        self.state, self.configuration, self.progress = state, configuration, progress
        self.trainer = trainer_of(state)
        self.rates: Array = next_rates(state)
        if progress.resumed:
            self.rates = np.array([progress.last_rate])
        progress.last_rate = float(self.rates[0])
        self.ran = state.training.epoch, 0, 0

    @property
    def by_step(self) -> bool:
        """Whether the optimizer takes its steps outside the engine, so that there is a call for each."""
        return self.trainer is not self.state.network

    def begin_turn(self) -> None:
        """Begin with the optimizer at work."""
        self.trainer = trainer_of(self.state)

    def train(
        self, epoch: int, epochs: int, first_batch: int = 0, batches: int = 0, continues: bool = False
    ) -> dict[str, Any]:
        """Train some epochs, or some batches of one; whole epochs are counted also if an exception is raised."""
        configuration, before = self.configuration, self.state.step
        data, sampling = configuration.data, configuration.sampling
        options = self.options(epoch, epochs, batches or configuration.steps)
        try:
            result = self.trainer.train(
                data.X,
                data.target,
                data.weight,
                first_batch=first_batch,
                batches=batches,
                continues=continues,
                n_threads=configuration.n_threads,
                sampler=None if sampling is None else sampling.engine,
                **options,
            )
        except BaseException:
            if not batches:
                self.count_whole_epochs(before)
            raise
        self.ended(epoch, first_batch, result["steps"])
        return result

    def options(self, epoch: int, epochs: int, batches: int) -> dict[str, Any]:
        """Return the engine's arguments for some epochs, or for some batches of one."""
        self.rates = next_rates(self.state, epochs, batches)
        return {
            "batch_size": self.configuration.batch_size,
            "first_epoch": epoch,
            "epochs": epochs,
            "shuffle_seed": self.state.configuration.random_state if self.configuration.shuffles else None,
            "rates": self.rates,
            "metrics": self.state.engine_metrics,
        }

    def count_whole_epochs(self, before: int) -> None:
        """Count the whole epochs of a run that an exception ended, from the step before it."""
        self.state.training.epoch += (self.state.step - before) // self.configuration.steps

    def ended(self, epoch: int, first_batch: int, steps: int) -> None:
        """Record where a run began and how many steps it took."""
        self.ran = epoch, first_batch, steps
        self.note_rate(steps)

    def note_rate(self, steps: int) -> None:
        """Record the rate of the last of some steps."""
        if steps:
            self.progress.last_rate = float(self.rates[min(steps, len(self.rates)) - 1])

    def last_rates(self, epochs: int) -> list[float]:
        """Return the rate of the last step of each epoch in the last run."""
        steps = self.configuration.steps
        last = self.rates if len(self.rates) == 1 else self.rates[steps - 1 :: steps]
        return [float(rate) for rate in np.broadcast_to(last, epochs)]
