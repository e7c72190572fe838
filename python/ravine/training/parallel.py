"""Parallel training of several models of one architecture: in one run of the engine, one model per thread."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, Generic, TypeVar

from ..errors import DivergenceError
from ..inputs.arguments import check_flag, check_int
from ..network.data import Data, training_data
from ..network.history import History
from ..network.state import Model, ModelState
from ..runtime.threads import check_n_threads
from .configuration import FitConfiguration, check_batches
from .fit import CHUNK_SECONDS, Fit
from .loop import train
from .turns import take_turn

__all__ = ["Member", "ParallelTraining", "prepare"]

ModelType = TypeVar("ModelType", bound=Model)


@dataclass
class Member(Generic[ModelType]):
    """A model, its data, the record of its training, and the error that ended it, if any."""

    model: ModelType
    data: Data
    history: History = field(default_factory=History)
    error: DivergenceError | None = None

    @property
    def state(self) -> ModelState:
        """The model's state."""
        return self.model._state


def prepare(
    models: Sequence[ModelType], epochs: int, X: Any, y: Any, sample_weight: Any = None, class_weight: Any = None
) -> list[Member[ModelType]]:
    """Return members to train for some epochs; they share the inputs, which are converted once."""
    members: list[Member[ModelType]] = []
    for model in models:
        state = model._state
        data, _ = training_data(state, X, y, sample_weight, class_weight, learning=True)
        state.facts.feature_names = models[0]._state.facts.feature_names
        take_turn(state, epochs)
        members.append(Member(model, data))
        assert state.built is not None
        X = members[0].data.X.reshape(len(data.X), *state.built.input_shape)
    return members


class ParallelTraining:
    """Trains members for some epochs, with the same bits and histories as by `fit` for each of them alone.

    Models that need Python between their epochs (an optimizer that searches along the loss, a chain, a bold driver, a
    metric that needs a pass over the data) are trained one after the other.
    """

    def __init__(self, batch_size: Any, shuffle: Any, n_threads: Any) -> None:
        allowed = "None or an int >= 1"
        self.batch_size = None if batch_size is None else check_int("batch_size", batch_size, 1, allowed=allowed)
        self.shuffle = check_flag("shuffle", shuffle)
        self.n_threads = check_n_threads(n_threads)
        self.chunk = 1  # epochs that the engine gets at once

    def train(self, members: Sequence[Member[Any]], epochs: int) -> None:
        """Train for some epochs; a divergence ends a member's training and is stored in it."""
        with ExitStack() as stack:
            fits = [stack.enter_context(self._fit(member, epochs)) for member in members]
            for member in members:
                member.state.guard.begin_fit(sys._getframe())
            alone = [fit.by_epoch or fit.state.compilation.chain is not None for fit in fits]
            for member, fit, by_itself in zip(members, fits, alone, strict=True):
                if by_itself:
                    with _kept(member):
                        train(fit)
            self._train_together(
                [(m, fit) for m, fit, by_itself in zip(members, fits, alone, strict=True) if not by_itself]
            )

    @contextmanager
    def _fit(self, member: Member[Any], epochs: int) -> Iterator[Fit]:
        """Lock a member's model for a fit; its history goes to the member."""
        state, rows = member.state, len(member.data.X)
        with state.guard.exclusive("fit"):
            size = min(self.batch_size or rows, rows)
            check_batches(state, size, stacklevel=2)
            try:
                configuration = FitConfiguration(
                    member.data, epochs, size, shuffle=self.shuffle, n_threads=self.n_threads
                )
                fit = Fit(member.model, configuration)
                fit.begin()
                with fit.ends:
                    yield fit
            finally:
                state.guard.end_fit()
                own, state.history = state.history, member.history
                if own is not None and own is not member.history:
                    member.history.add(own.epoch, own.learning_rate, own.history)

    def _train_together(self, active: list[tuple[Member[Any], Fit]]) -> None:
        while active:
            start, fits = perf_counter(), [fit for _, fit in active]
            count = min(self.chunk, *(fit.turn_end - fit.state.training.epoch for fit in fits))
            for (member, fit), result in zip(active, _run(fits, count, self.n_threads), strict=True):
                with _kept(member):
                    fit.ends_with(fit.record_epochs(fit.state.training.epoch, count, result)[-1])
            if perf_counter() - start < CHUNK_SECONDS / 2:
                self.chunk *= 2
            active = [(member, fit) for member, fit in active if not (member.error or fit.is_over())]


def _run(fits: Sequence[Fit], count: int, n_threads: int) -> list[dict[str, Any]]:
    """Run some epochs of every fit in the engine."""
    firsts, before = [fit.state.training.epoch for fit in fits], [fit.state.step for fit in fits]
    options = [fit.run.options(first, count, fit.configuration.steps) for fit, first in zip(fits, firsts, strict=True)]
    rows = [(fit.configuration.data.X, fit.configuration.data.target, fit.configuration.data.weight) for fit in fits]
    networks = [fit.state.network for fit in fits]
    try:
        results = type(networks[0]).train_many(networks, rows, options, n_threads=n_threads)
    except BaseException:
        for fit, step in zip(fits, before, strict=True):
            fit.run.count_whole_epochs(step)
        raise
    for fit, first, result in zip(fits, firsts, results, strict=True):
        fit.run.ended(first, 0, result["steps"])
    return results


@contextmanager
def _kept(member: Member[Any]) -> Iterator[None]:
    """Store a divergence instead of raising it."""
    try:
        yield
    except DivergenceError as error:
        member.error = error
