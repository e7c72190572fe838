"""The weights of several epochs of one fit, kept in memory."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import NotFittedError
from ..inputs.arguments import check_int
from ..model.sequential import Sequential
from ..network.snapshot import is_finite
from ..training.hooks import Hooks, Logs

__all__ = ["KeptWeights"]


class KeptWeights(Hooks):
    """Keeps the latest weights of every k-th epoch; see `callbacks.CheckpointEnsemble`."""

    model: Sequential

    def __init__(self, *, every: int = 1, size: int = 5) -> None:
        self.every = check_int("every", every, 1)
        self.size = check_int("size", size, 1)
        self._forget()

    _kept = ("epochs", "weights")

    def _forget(self) -> None:
        self.epochs: list[int] = []
        self.weights: list[dict[str, NDArray[Any]]] = []

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Reset."""
        self._forget()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Keep the weights of every k-th epoch, if they are finite."""
        if (epoch + 1) % self.every == 0 and is_finite(self.model._state.network):
            self.epochs = [*self.epochs, epoch][-self.size :]
            kept = {name: np.array(w) for name, w in self.model._state.network.weights().items()}
            self.weights = [*self.weights, kept][-self.size :]

    def models(self) -> tuple[Sequential, ...]:
        """Return copies of the model, one for each kept epoch.

        Raises
        ------
        NotFittedError
            Before there are weights.
        """
        if not self.weights:
            raise NotFittedError(f"this {type(self).__name__} has kept no weights yet: fit a model with it first")
        models = tuple(copy.deepcopy(self.model) for _ in self.weights)
        for model, kept in zip(models, self.weights, strict=True):
            for name, w in model._state.network.weights().items():
                w[...] = kept[name]
        return models
