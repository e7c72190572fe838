"""Several models of one architecture in training at once: in one run of the engine, one a thread."""

from __future__ import annotations

import copy
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from time import perf_counter
from typing import TYPE_CHECKING, Any

from ._divergence import DivergenceError
from ._threads import check_n_threads
from ._validation import check_flag, check_int
from .training import CHUNK_SECONDS, Data, Fit, History, check_batches

if TYPE_CHECKING:
    from .model import Sequential

__all__ = ["Member", "Together", "check_template", "fresh", "prepare"]


def check_template(model: Any) -> Sequential:
    """Return a Sequential that is compiled with a loss."""
    from .model import Sequential

    if not isinstance(model, Sequential):
        raise TypeError(f"model must be a Sequential, got {model!r}")
    if model.optimizer is None or model.loss is None:
        raise ValueError("model has no loss or no optimizer yet; call compile(optimizer=..., loss=...) first")
    return model


def fresh(model: Sequential, seed: int) -> Sequential:
    """Return an untrained model that is as `model` but for the seed."""
    state = model.__getstate__()
    state.pop("snapshot", None)
    shape, chain = state["input_shape"], state["_chain"]
    state.update(
        random_state=seed, input_shape=None, history=None, stop_training=False, _classes=None, _feature_names=None,
        _epoch=0, _compiled_at=(0, 0), _driver=None, _curvature=None, _turn=0,
        _shares=None if chain is None else chain.shares(0),
        optimizer=state["optimizer"] if chain is None else chain.optimizers[0],
    )  # fmt: skip
    made = type(model).__new__(type(model))
    made.__setstate__(copy.deepcopy(state))
    if shape is not None:
        made._build(shape)
    return made


@dataclass
class Member:
    """A model, what it trains on, what it has told, and the error that has ended its training."""

    model: Sequential
    data: Data
    history: History = field(default_factory=History)
    error: DivergenceError | None = None


def prepare(
    models: Sequence[Sequential], epochs: int, X: Any, y: Any, sample_weight: Any = None, class_weight: Any = None
) -> list[Member]:
    """Return members for a training of some epochs; they share the inputs, which are converted once."""
    members: list[Member] = []
    for model in models:
        data, _ = model._training_data(X, y, sample_weight, class_weight, 0.0, learning=True)
        model._feature_names = models[0]._feature_names
        model._take_turn(epochs)
        members.append(Member(model, data))
        X = members[0].data.X.reshape(len(data.X), *(model.input_shape or ()))
    return members


class Together:
    """Trains members for some epochs, as `fit` would each of them alone: to the bit, in histories too.

    Models that need Python between their epochs (an optimizer that searches along the loss, a chain, a bold driver, a
    metric that takes a pass over the data) are trained one after the other.
    """

    def __init__(self, batch_size: Any, shuffle: Any, n_threads: Any) -> None:
        allowed = "None or an int >= 1"
        self.batch_size = None if batch_size is None else check_int("batch_size", batch_size, 1, allowed=allowed)
        self.shuffle = check_flag("shuffle", shuffle)
        self.n_threads = check_n_threads(n_threads)
        self.chunk = 1  # epochs that the engine gets at once

    def train(self, members: Sequence[Member], epochs: int) -> None:
        """Train for some epochs; a divergence ends a member's training and is kept there."""
        with ExitStack() as stack:
            fits = [stack.enter_context(self._fit(member, epochs)) for member in members]
            for member in members:
                member.model._holder = sys._getframe()
            alone = [fit.by_epoch or fit.model._chain is not None for fit in fits]
            for member, fit, by_itself in zip(members, fits, alone, strict=True):
                if by_itself:
                    with _kept(member):
                        fit.run()
            self._side_by_side(
                [(m, fit) for m, fit, by_itself in zip(members, fits, alone, strict=True) if not by_itself]
            )

    @contextmanager
    def _fit(self, member: Member, epochs: int) -> Iterator[Fit]:
        """Hold a member's model for a fit; its history goes to the member."""
        model, rows = member.model, len(member.data.X)
        with model._exclusive("fit"):
            size = min(self.batch_size or rows, rows)
            check_batches(model, size)
            try:
                fit = Fit(model, member.data, None, epochs, size, self.shuffle, (), self.n_threads, 0)
                fit.begin()
                with fit.ends:
                    yield fit
            finally:
                model._fitting = False
                told, vars(model)["history"] = model.history, member.history
                if told is not None and told is not member.history:
                    member.history.add(told.epoch, told.learning_rate, told.history)

    def _side_by_side(self, going: list[tuple[Member, Fit]]) -> None:
        while going:
            start, fits = perf_counter(), [fit for _, fit in going]
            count = min(self.chunk, *(fit.turn_end - fit.model._epoch for fit in fits))
            for (member, fit), result in zip(going, _run(fits, count, self.n_threads), strict=True):
                with _kept(member):
                    fit.took(fit.model._epoch, count, result)
            if perf_counter() - start < CHUNK_SECONDS / 2:
                self.chunk *= 2
            going = [(member, fit) for member, fit in going if not (member.error or fit.is_over())]


def _run(fits: Sequence[Fit], count: int, n_threads: int) -> list[dict[str, Any]]:
    """Hand the engine some epochs of every fit."""
    firsts, before = [fit.model._epoch for fit in fits], [fit.network.step for fit in fits]
    options = [fit.options(first, count, fit.steps) for fit, first in zip(fits, firsts, strict=True)]
    data = [(fit.data.X, fit.data.target, fit.data.weight) for fit in fits]
    networks = [fit.network for fit in fits]
    try:
        results = type(networks[0]).train_many(networks, data, options, n_threads=n_threads)
    except BaseException:
        for fit, step in zip(fits, before, strict=True):
            fit.broke_off(step)
        raise
    for fit, first, result in zip(fits, firsts, results, strict=True):
        fit.ended_at(first, 0, result["steps"])
    return results


@contextmanager
def _kept(member: Member) -> Iterator[None]:
    """Keep a divergence for later."""
    try:
        yield
    except DivergenceError as error:
        member.error = error
