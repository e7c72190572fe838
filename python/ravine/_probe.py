"""A float64 double of a model with some rows, for looking at what training does without touching it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .training import Data

if TYPE_CHECKING:
    from ._core import Network
    from .model import Sequential

__all__ = ["Probe", "Vector", "sample"]

Vector = NDArray[np.float64]


class Probe:
    """The double: same layers, loss and weights as `model`, in float64; dropout is off, penalties are on.

    Parameters
    ----------
    model : Sequential
        Has a loss. It is left as it is, also where it has no weights yet.
    given : Data or (X, y, sample_weight)
        Rows as the engine has them, or as `fit` takes them.
    n_threads : int, default=1
        No number depends on it.
    most : int or None, default=None
        How many rows to keep at most; see `sample`.
    """

    def __init__(
        self, model: Sequential, given: Data | tuple[Any, Any, Any], n_threads: int = 1, most: int | None = None
    ) -> None:
        model._need_loss()
        if not isinstance(given, Data):
            model = _double(model, model.dtype.name)  # which takes shape and classes from the rows
            given, _ = model._training_data(*given, None, 0.0)
        given = sample(given, most)
        self.model = _double(model, "float64")
        self.model._prepare_gradients()
        self.data = Data(*(_as_float64(part) for part in (given.X, given.target, given.weight)))
        self.network: Network = self.model._built()
        self.n_threads = n_threads
        self.names = self.model._trainable_names()

    def take(self, weights: Mapping[str, NDArray[Any]]) -> None:
        """Take over the weights of another model of the same layers."""
        for name, w in self.network.weights().items():
            w[...] = weights[name]

    def loss(self) -> float:
        """Return the loss, penalties included."""
        data = self.data
        result = self.network.evaluate(data.X, data.target, data.weight, metrics=[], n_threads=self.n_threads)
        return float(result["loss"])

    def loss_and_gradients(self) -> tuple[float, dict[str, Vector]]:
        """Return the loss and copies of its gradients by the weights of trainable layers."""
        data = self.data
        loss = self.network.loss_and_gradients(data.X, data.target, data.weight, n_threads=self.n_threads)
        views = self.network.gradients()
        return float(loss), {name: np.array(views[name]) for name in self.names}

    def outputs(self, place: int) -> Vector | None:
        """Return the outputs (n, units) of layer number `place`; None where not all are finite."""
        plan = self.model._plan
        assert plan is not None
        return self.network.forward(self.data.X, operations=plan.operations_up_to(place), n_threads=self.n_threads)


def sample(data: Data, most: int | None) -> Data:
    """Return copies of at most so many rows, evenly spaced among those that have a weight; all where `most` is None."""
    rows = np.arange(len(data.X)) if data.weight is None or not data.weight.any() else np.flatnonzero(data.weight)
    if most is None or most >= len(data.X):
        return data
    chosen = rows[np.arange(min(most, len(rows))) * len(rows) // min(most, len(rows))]
    return Data(data.X[chosen], data.target[chosen], None if data.weight is None else data.weight[chosen])


def _double(model: Sequential, dtype: str) -> Sequential:
    double = type(model).__new__(type(model))
    double.__setstate__({**model.__getstate__(), "dtype": dtype})
    return double


def _as_float64(part: Any) -> Any:
    return part.astype(np.float64) if part is not None and part.dtype.kind == "f" else part
