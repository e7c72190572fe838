"""The callback that keeps the weights of several epochs of one fit, and predicts with all of them."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from ..ensembles.ensemble import Ensemble
from ..ensembles.kept_weights import KeptWeights
from ..inputs.sparse import MatrixLike
from .base import Callback

__all__ = ["CheckpointEnsemble"]


class CheckpointEnsemble(KeptWeights, Callback):
    """Keeps the weights after every k-th epoch, in memory, and predicts with the mean of the resulting models.

    One run gives several models at the price of one. They differ most with a cyclic learning rate, as of
    `schedules.PolynomialDecay(..., cycle=True)`. Every fit starts afresh.

    Parameters
    ----------
    every : int >= 1, default=1
        k: weights are kept after the epochs number k - 1, 2 k - 1 ..., counted from 0 over all fits of the model.
    size : int >= 1, default=5
        The number of epochs to keep; older ones are dropped.

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

    def predict(self, X: MatrixLike, *, n_threads: int | None = None) -> NDArray[Any]:
        """Return the mean of the models' outputs; arguments and errors as for `Sequential.predict`.

        Raises
        ------
        NotFittedError
            Before there are weights.
        """
        return self.ensemble().predict(X, n_threads=n_threads)

    def predict_proba(self, X: MatrixLike, *, n_threads: int | None = None) -> NDArray[Any]:
        """Return the mean of the models' probabilities; arguments and errors as for `Sequential.predict_proba`.

        Raises
        ------
        NotFittedError
            Before there are weights.
        """
        return self.ensemble().predict_proba(X, n_threads=n_threads)

    def average_weights(self) -> dict[str, NDArray[Any]]:
        """Return the mean of the weights by name, for `load_weights` of this model or another.

        Raises
        ------
        NotFittedError
            Before there are weights.
        """
        return self.ensemble().average_weights()

    def ensemble(self) -> Ensemble:
        """Return an `Ensemble` of copies of the model, one for each kept epoch.

        Raises
        ------
        NotFittedError
            Before there are weights.
        """
        return Ensemble.from_models(self.models())
