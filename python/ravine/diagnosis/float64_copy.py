"""A float64 copy of a model with some rows, to examine training without changing the model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..network.building import state_from_parts
from ..network.data import Data, training_data
from ..network.gradients import copied_gradients, prepare_gradients, trainable_names
from ..network.state import ModelState

__all__ = ["Float64Copy", "Vector", "sample"]

Vector = NDArray[np.float64]


class Float64Copy:
    """The copy: same layers, loss and weights, in float64; dropout is off, penalties are on.

    Parameters
    ----------
    state : ModelState
        The state of a model with a loss. It is not changed, even if it has no weights yet.
    given : Data or (X, y, sample_weight)
        Rows as the engine has them, or as `fit` takes them.
    n_threads : int, default=1
        The number of threads; no result depends on it.
    most : int or None, default=None
        The largest number of rows to keep; see `sample`.
    """

    def __init__(
        self, state: ModelState, given: Data | tuple[Any, Any, Any], n_threads: int = 1, most: int | None = None
    ) -> None:
        state.need_loss()
        if not isinstance(given, Data):
            state = _copied(state, state.configuration.dtype)  # which takes shape and classes from the rows
            given, _ = training_data(state, *given)
        given = sample(given, most)
        self.state = _copied(state, np.dtype(np.float64))
        prepare_gradients(self.state)
        self.data = Data(*(_as_float64(part) for part in (given.X, given.target, given.weight)))
        self.network = self.state.network
        self.n_threads = n_threads
        self.names = trainable_names(self.state)

    def take(self, weights: Mapping[str, NDArray[Any]]) -> None:
        """Copy the weights of another model of the same layers."""
        for name, w in self.network.weights().items():
            w[...] = weights[name]

    def loss(self) -> float:
        """Return the loss, penalties included."""
        data = self.data
        result = self.network.evaluate(data.X, data.target, data.weight, metrics=[], n_threads=self.n_threads)
        return float(result["loss"])

    def loss_and_gradients(self) -> tuple[float, dict[str, Vector]]:
        """Return the loss and copies of its gradients with respect to the weights of trainable layers."""
        data = self.data
        loss = self.network.loss_and_gradients(data.X, data.target, data.weight, n_threads=self.n_threads)
        return float(loss), copied_gradients(self.state)

    def outputs(self, number: int) -> Vector | None:
        """Return the outputs (n, units) of a layer; None if not all are finite."""
        operations = self.state.plan.operations_up_to(number)
        return self.network.forward(self.data.X, operations=operations, n_threads=self.n_threads)


def sample(data: Data, most: int | None) -> Data:
    """Return copies of at most `most` rows, evenly spaced among those with a weight above 0; all if `most` is None."""
    rows = np.arange(len(data.X)) if data.weight is None or not data.weight.any() else np.flatnonzero(data.weight)
    if most is None or most >= len(data.X):
        return data
    chosen = rows[np.arange(min(most, len(rows))) * len(rows) // min(most, len(rows))]
    return Data(data.X[chosen], data.target[chosen], None if data.weight is None else data.weight[chosen])


def _copied(state: ModelState, dtype: np.dtype[Any]) -> ModelState:
    with state.guard.exclusive():
        parts = state.copied_parts()
    return state_from_parts({**parts, "configuration": replace(parts["configuration"], dtype=dtype)})


def _as_float64(part: Any) -> Any:
    return part.astype(np.float64) if part is not None and part.dtype.kind == "f" else part
