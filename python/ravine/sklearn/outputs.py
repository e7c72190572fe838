"""The outputs of a fitted perceptron's layers."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from ..layers import Dense
from ..model.sequential import Sequential
from .building import has_batch_norms
from .export import Exported
from .inputs import check_inputs
from .parameters import hidden_sizes

__all__ = ["Outputs"]


class Outputs(Exported, ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """An estimator around a network `model_` of `Dense` layers."""

    def _outputs(self, X: Any) -> NDArray[Any]:
        """Return the outputs of the last layer, before the output activation."""
        if "model_" not in vars(self):
            check_is_fitted(self)
        model: Sequential = self.model_
        plain = type(X) is np.ndarray and X.dtype == model.dtype and X.shape[1:] == (self.n_features_in_,) and len(X)
        if plain and "feature_names_in_" not in vars(self):  # the engine checks the rest, in a tenth of the time
            return np.asarray(model.predict(X, n_threads=self.n_threads))
        return np.asarray(model.predict(check_inputs(self, X, reset=False), n_threads=self.n_threads))

    def transform(self, X: Any, layer: int = -1) -> Any:
        """Return features: the outputs of a hidden layer, after its activation.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The inputs.
        layer : int, default=-1
            The hidden layer, 0 for the first and -1 for the last; `set_output` and `get_feature_names_out` need the
            last.

        Returns
        -------
        ndarray of shape (n_samples, n_units)
            The features.

        Raises
        ------
        ValueError
            If there is no such layer.
        """
        check_is_fitted(self)
        kind = "activation" if has_batch_norms(self.model_) else "dense"
        layers = sum(isinstance(layer, Dense) for layer in self.model_.layers) - 1
        names = [kind if number == 0 else f"{kind}_{number}" for number in range(layers)]
        if isinstance(layer, (bool, np.bool_)) or not isinstance(layer, (int, np.integer)):
            raise ValueError(f"layer must be an int, got {layer!r}")
        if not -len(names) <= layer < len(names):
            raise ValueError(f"layer must be in [{-len(names)}, {len(names) - 1}], got {layer}")
        X = check_inputs(self, X, reset=False)
        return self.model_.transform(X, layer=names[layer], n_threads=self.n_threads)

    @property
    def _n_features_out(self) -> int:
        sizes = hidden_sizes(self)
        if not sizes:
            raise ValueError("hidden_layer_sizes is empty: there is no hidden layer whose output could be a feature")
        return sizes[-1]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags
