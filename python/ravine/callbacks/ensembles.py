"""Callbacks that keep the weights of several epochs of one run."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .._sparse import Rows
from .._state import is_finite
from .._validation import NotFittedError, check_int
from .base import Callback, Logs

if TYPE_CHECKING:
    from ..ensemble import Ensemble

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
        The weights, named as in `model.parameters` and `model.statistics`.

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

    _kept = ("epochs", "weights")

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
            kept = {name: np.array(w) for name, w in self.model._built().weights().items()}
            self.weights = [*self.weights, kept][-self.size :]

    def predict(self, X: Rows, *, n_threads: int | None = None) -> NDArray[Any]:
        """Return the mean of the models' outputs; arguments and errors as for `Sequential.predict`.

        Raises
        ------
        NotFittedError
            Before there are weights.
        """
        return self.ensemble().predict(X, n_threads=n_threads)

    def predict_proba(self, X: Rows, *, n_threads: int | None = None) -> NDArray[Any]:
        """Return the mean of the models' probabilities; arguments and errors as for `Sequential.predict_proba`.

        Raises
        ------
        NotFittedError
            Before there are weights.
        """
        return self.ensemble().predict_proba(X, n_threads=n_threads)

    def average_weights(self) -> dict[str, NDArray[Any]]:
        """Return the mean of the weights by name, for `load_weights` of the model or another.

        Raises
        ------
        NotFittedError
            Before there are weights.
        """
        return self.ensemble().average_weights()

    def ensemble(self) -> Ensemble:
        """Return an `Ensemble` of copies of the model, one with each of the weights.

        Raises
        ------
        NotFittedError
            Before there are weights.
        """
        from ..ensemble import Ensemble

        if not self.weights:
            raise NotFittedError(f"this {type(self).__name__} has kept no weights yet: fit a model with it first")
        models = [copy.deepcopy(self.model) for _ in self.weights]
        for model, kept in zip(models, self.weights, strict=True):
            for name, w in model._built().weights().items():
                w[...] = kept[name]
        return Ensemble.from_models(models)
