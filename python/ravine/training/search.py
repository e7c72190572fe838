"""Steps of optimizers that search along the loss, in place of `Network.train`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import _core
from ..inputs.arrays import Array
from ..inputs.sparse import Inputs
from ..network.gradients import trainable_names
from ..network.state import ModelState
from ..optimizers.problem import Point, Vector
from ..optimizers.second_order import SecondOrder, search

if TYPE_CHECKING:
    from .._core import Network

__all__ = ["BatchTrainer", "Searcher", "flat", "write_flat"]


class BatchLoss:
    """The loss of one batch, penalties included, as a function of the trainable weights, one flat vector.

    Weights are rounded to the model's dtype before the loss is evaluated: points hold the rounded ones.
    """

    bounded = False

    def __init__(
        self, network: Network, names: Sequence[str], batch: tuple[Inputs, Array, Array | None], n_threads: int
    ) -> None:
        self.network, self.batch, self.n_threads = network, batch, n_threads
        weights, gradients = network.parameters(), network.gradients()
        self.weights = [weights[name] for name in names]
        self.gradients = [gradients[name] for name in names]
        self.rounds = any(w.dtype != np.float64 for w in self.weights)

    def present(self) -> Vector:
        """Return the current weights."""
        return flat(self.weights)

    def write(self, x: Vector) -> None:
        """Set the weights."""
        write_flat(self.weights, x)

    def project(self, x: Vector) -> Vector:
        """Return the point; there are no bounds."""
        return x

    def slope(self, point: Point) -> Vector:
        """Return the gradient."""
        return point.gradient

    def evaluate(self, x: Vector) -> Point:
        """Return the loss and its gradients at x, and leave the weights at x."""
        self.write(x)
        loss = self.network.loss_and_gradients(*self.batch, n_threads=self.n_threads)
        return Point(self.present() if self.rounds else x, float(loss), flat(self.gradients))


def flat(arrays: Sequence[Array]) -> Vector:
    """Return all elements as one float64 vector."""
    return np.concatenate([np.empty(0), *(array.reshape(-1) for array in arrays)])


def write_flat(arrays: Sequence[Array], x: Vector) -> None:
    """Write a vector into the arrays, rounded to their type."""
    first = 0
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        for array in arrays:
            array[...] = x[first : first + array.size].reshape(array.shape)
            first += array.size


class BatchTrainer:
    """Trains a model instead of the engine, with one batch per step."""

    def __init__(self, state: ModelState) -> None:
        self.state, self.names, self.network = state, trainable_names(state), state.network

    def train(
        self,
        X: Inputs,
        target: Array,
        weight: Array | None,
        *,
        batch_size: int,
        first_epoch: int,
        rates: Vector,
        first_batch: int = 0,
        shuffle_seed: int | None = None,
        metrics: Sequence[tuple[str, float]] = (),
        n_threads: int = 1,
        **others: Any,
    ) -> dict[str, Any]:
        """Take one step, on batch number `first_batch`; arguments and result are those of `Network.train`."""
        whole = batch_size >= len(X)
        if not whole:
            rows: Any = slice(first_batch * batch_size, (first_batch + 1) * batch_size)
            if shuffle_seed is not None:
                rows = _core.epoch_order(len(X), shuffle_seed, first_epoch)[rows]
            X, target, weight = X[rows], target[rows], None if weight is None else weight[rows]
        loss, values = 0.0, np.zeros(len(metrics))
        if weight is None or self._weighs(weight):
            with _core.DefaultFloatingPointMode():
                loss, values = self.step(
                    (X, target, weight), whole=whole, rate=float(rates[0]), metrics=metrics, n_threads=n_threads
                )
        self.network.step += 1
        return {"loss": np.array([loss]), "metrics": values[None], "steps": 1}

    def step(
        self,
        batch: tuple[Inputs, Array, Array | None],
        *,
        whole: bool,
        rate: float,
        metrics: Sequence[tuple[str, float]],
        n_threads: int,
    ) -> tuple[float, Array]:
        """Take one step on a batch, the `whole` set or a part; return loss and metrics from before the step."""
        raise TypeError(f"{type(self).__name__} does not say how it takes a step")

    def _weighs(self, weight: Array) -> bool:
        """Whether a batch can be divided by the sum of its weights."""
        dtype = self.state.configuration.dtype
        least = 0.0 if self.state.need_head().reduction == "sum" else 1.0 / float(np.finfo(dtype).max)
        return float(weight.sum(dtype=np.float64)) > least


class Searcher(BatchTrainer):
    """Takes the steps of the second-order optimizers: each is a line search on one batch."""

    def __init__(self, state: ModelState) -> None:
        super().__init__(state)
        self.last: Point | None = None  # where a search on all rows ended
        self.converged = False  # whether it found no lower point
        training = state.training
        if training.search is None or training.search[0] != self.names:
            optimizer, parameters = state.compilation.optimizer, self.network.parameters()
            assert isinstance(optimizer, SecondOrder)
            size = sum(parameters[name].size for name in self.names)
            training.search = (self.names, optimizer.curvature(size))
        self.known = training.search[1]

    def step(
        self,
        batch: tuple[Inputs, Array, Array | None],
        *,
        whole: bool,
        rate: float,
        metrics: Sequence[tuple[str, float]],
        n_threads: int,
    ) -> tuple[float, Array]:
        """Search along the loss; an exception leaves the weights unchanged."""
        values = np.zeros(0)
        if metrics:
            values = self.network.evaluate(*batch, metrics=metrics, n_threads=n_threads)["metrics"]
        objective = BatchLoss(self.network, self.names, batch, n_threads)
        x = objective.present()
        start = self.last if whole and self.last is not None and np.array_equal(self.last.x, x) else None
        converged = start is not None and self.converged
        try:
            if start is None:
                start = objective.evaluate(x)
            found = None if converged else search(objective, start, self.known)
        except BaseException:
            objective.write(x)
            raise
        objective.write(x if found is None else found.x)
        if whole:
            self.last, self.converged = found or start, found is None
        return start.value, values
