"""Callbacks that keep the weights of several epochs of one run."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._state import is_finite
from .._validation import NotFittedError, check_int
from .base import Callback, Logs

if TYPE_CHECKING:
    from ..model import Sequential

__all__ = ["CheckpointEnsemble"]


class CheckpointEnsemble(Callback):
    """Keeps the weights after every k-th epoch, in memory, and predicts with the mean of the models they make.

    One run gives several models at the price of one; they differ most where the learning rate goes up and down, as with
    `schedules.PolynomialDecay(..., cycle=True)`. Every fit starts afresh.

    Parameters
    ----------
    every : int >= 1, default=1
        k: weights are kept after the epochs number k - 1, 2 k - 1 ..., counted from 0 over all fits of the model.
    size : int >= 1, default=5
        How many to keep; the latest stay.

    Attributes
    ----------
    epochs : list of int
        The epochs whose weights are kept.
    weights : list of dict of str to ndarray
        The weights, named as in `model.parameters`.

    Raises
    ------
    ValueError
        For a value that is not allowed.

    References
    ----------
    Huang et al., "Snapshot ensembles: train 1, get M for free", arXiv:1704.00109; Izmailov et al., "Averaging weights
    leads to wider optima and better generalization", arXiv:1803.05407.

    Examples
    --------
    >>> import ravine as rv
    >>> ensemble = rv.callbacks.CheckpointEnsemble(every=10, size=3)
    >>> model = rv.Sequential([rv.layers.Dense(1)], random_state=0)
    >>> model.compile(loss="mse")
    >>> _ = model.fit([[0.0], [1.0]], [1.0, 2.0], epochs=50, callbacks=[ensemble])
    >>> ensemble.epochs
    [29, 39, 49]
    >>> ensemble.predict([[0.5]]).shape
    (1, 1)
    """

    def __init__(self, *, every: int = 1, size: int = 5) -> None:
        self.every = check_int("every", every, 1)
        self.size = check_int("size", size, 1)
        self._forget()

    def _forget(self) -> None:
        self.epochs: list[int] = []
        self.weights: list[dict[str, NDArray[Any]]] = []

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Start afresh."""
        self._forget()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Keep the weights of every k-th epoch, if they are finite."""
        if (epoch + 1) % self.every == 0 and is_finite(self.model._built()):
            self.epochs = [*self.epochs, epoch][-self.size :]
            kept = {name: np.array(w) for name, w in self.model.parameters.items()}
            self.weights = [*self.weights, kept][-self.size :]

    def predict(self, X: ArrayLike, *, n_threads: int | None = None) -> NDArray[Any]:
        """Return the mean of the models' outputs; arguments and errors as for `Sequential.predict`.

        Raises
        ------
        NotFittedError
            Before there are weights.
        """
        return self._mean(lambda model: model.predict(X, n_threads=n_threads))

    def predict_proba(self, X: ArrayLike, *, n_threads: int | None = None) -> NDArray[Any]:
        """Return the mean of the models' probabilities; arguments and errors as for `Sequential.predict_proba`.

        Raises
        ------
        NotFittedError
            Before there are weights.
        """
        return self._mean(lambda model: model.predict_proba(X, n_threads=n_threads))

    def average_weights(self) -> dict[str, NDArray[Any]]:
        """Return the mean of the weights by name, to be written into `model.parameters` or another model's.

        Raises
        ------
        NotFittedError
            Before there are weights.
        """
        self._check_kept()
        return {name: _mean([kept[name] for kept in self.weights]) for name in self.weights[0]}

    def _check_kept(self) -> None:
        if not self.weights:
            raise NotFittedError(f"this {type(self).__name__} has kept no weights yet: fit a model with it first")

    def _mean(self, outputs: Callable[[Sequential], NDArray[Any]]) -> NDArray[Any]:
        """Return the mean over a copy of the model that gets the weights one after the other."""
        self._check_kept()
        model, found = copy.deepcopy(self.model), []
        for kept in self.weights:
            for name, w in model.parameters.items():
                w[...] = kept[name]
            found.append(outputs(model))
        return _mean(found)


def _mean(arrays: list[NDArray[Any]]) -> NDArray[Any]:
    total = np.zeros(arrays[0].shape)
    for array in arrays:
        total += array
    return (total / len(arrays)).astype(arrays[0].dtype)
