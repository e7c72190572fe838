"""Steps of derivative-free optimizers, which evaluate many sets of weights on a batch, in place of `Network.train`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..descriptions import State
from ..inputs.arrays import Array
from ..inputs.sparse import Inputs
from ..network.state import ModelState
from ..optimizers.derivative_free import DerivativeFree, Draws, Matrix, Search
from ..optimizers.problem import Vector
from .search import BatchTrainer, flat, write_flat

if TYPE_CHECKING:
    from .._core import Network

__all__ = ["Populations"]


class BatchLosses:
    """The loss of one batch, penalties included and dropout off, of many sets of the trainable weights."""

    bounded = False

    def __init__(self, network: Network, batch: tuple[Inputs, Array, Array | None], n_threads: int, same: bool) -> None:
        self.network, self.batch, self.n_threads, self.same = network, batch, n_threads, same
        self.lowest: tuple[float, Vector | None] = (math.inf, None)

    def project(self, members: Matrix) -> Matrix:
        """Return the members; there are no bounds."""
        return members

    def losses(self, members: Matrix) -> Vector:
        """Return the members' losses, infinity where they are not finite; keep the lowest."""
        losses = self.network.population_losses(members, *self.batch, n_threads=self.n_threads)
        losses[~np.isfinite(losses)] = math.inf
        best = int(np.argmin(losses))
        if losses[best] < self.lowest[0]:
            self.lowest = (float(losses[best]), np.array(members[best]))
        return losses


@dataclass(frozen=True)
class Reached(State):
    """A search, and the model's weights after its last step."""

    search: Search
    weights: Vector


class Populations(BatchTrainer):
    """Trains a model instead of the engine: each step is one of a derivative-free search, on one batch."""

    def __init__(self, state: ModelState) -> None:
        super().__init__(state)
        self.loss: float | None = None  # the loss of the weights on all rows, after a step on these
        training = state.training
        if training.search is None or training.search[0] != self.names:
            optimizer, weights = state.compilation.optimizer, flat(self.weights())
            assert isinstance(optimizer, DerivativeFree)
            seed = optimizer.random_state
            search = optimizer.begin(weights, Draws(state.configuration.random_state if seed is None else seed))
            training.search = (self.names, Reached(search, weights))

    def step(
        self,
        batch: tuple[Inputs, Array, Array | None],
        *,
        whole: bool,
        rate: float,
        metrics: Sequence[tuple[str, float]],
        n_threads: int,
    ) -> tuple[float, Array]:
        """Take a step; the weights change only at its end."""
        training, network = self.state.training, self.network
        optimizer, known = self.state.compilation.optimizer, training.search
        assert isinstance(optimizer, DerivativeFree) and known is not None
        reached: Reached = known[1]
        search, weights = reached.search, flat(self.weights())
        moved = not np.array_equal(weights, reached.weights)
        if moved:
            search = optimizer.moved(search, weights)
        before, values = self.loss, np.zeros(len(metrics))
        same = whole and before is not None and not moved
        if not same or metrics:
            evaluated = network.evaluate(*batch, metrics=metrics, n_threads=n_threads)
            before, values = float(evaluated["loss"]), evaluated["metrics"]
        assert before is not None
        if not math.isfinite(before):  # the fit ends here, with the weights that gave it
            return before, values
        objective = BatchLosses(network, batch, n_threads, same)
        if whole:
            objective.lowest = (before, None)
        with np.errstate(all="ignore"):
            search = optimizer.advance(search, objective, rate)
        loss, best = objective.lowest
        if best is not None and not whole:  # losses of different batches are not comparable
            best = search.x
        if best is not None and np.isfinite(best).all():
            write_flat(self.weights(), best)
        training.search = (self.names, Reached(search, flat(self.weights())))
        self.loss = loss if whole else None
        return before, values

    def weights(self) -> list[Any]:
        """Return the views of the trainable weights."""
        return [self.network.parameters()[name] for name in self.names]
