"""The methods of a model that predict."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from ..inputs.sparse import MatrixLike
from ..network.inference import (
    features,
    head_of_classifier,
    labels,
    outputs,
    outputs_of_few_rows,
    probabilities,
)
from ..network.state import ModelState
from ..runtime.threads import check_n_threads

__all__ = ["Predictions"]


class Predictions:
    """A model's predictions. A row's bits depend neither on the other rows nor on the number of threads."""

    _state: ModelState

    def predict(self, X: MatrixLike, *, n_threads: int | None = None) -> NDArray[Any]:
        """Return the network's outputs.

        Parameters
        ----------
        X : array-like, shape (n, inputs) or (n, *input_shape), or sparse matrix
            Inputs, converted to the model's dtype.
        n_threads : int in [1, 1024], optional
            See `set_num_threads` for the default.

        Returns
        -------
        ndarray of the model's dtype, shape (n, units)
            The outputs after the last activation: logits if the last layer is linear and the loss a cross entropy.

        Raises
        ------
        NotFittedError
            Before the first fit, unless the layers begin with `Input`.
        ValueError
            For inputs of another shape, with NaN or infinities, or without rows.
        """
        state = self._state
        found = outputs_of_few_rows(state, X, n_threads)
        if found is not None:
            return found
        with state.guard.exclusive():
            state.need_built()
            return outputs(state, X, check_n_threads(n_threads))

    def predict_proba(self, X: MatrixLike, *, n_threads: int | None = None) -> NDArray[Any]:
        """Return probabilities, also if the last layer gives logits; arguments and errors as for `predict`.

        Returns
        -------
        ndarray of the model's dtype, shape (n, units)
            One column: the probability of class 1. Several columns after a softmax: the probability of each class,
            with the sum 1. Several columns after a sigmoid: the probability of 1 for each binary output.

        Raises
        ------
        ValueError
            If neither the loss nor the last activation gives probabilities.
        """
        state = self._state
        with state.guard.exclusive():
            state.need_built()
            if not head_of_classifier(state).probabilities:
                raise ValueError(
                    f"the loss {state.compilation.loss!r} knows no probabilities; use predict or predict_classes"
                )
            return probabilities(state, outputs(state, X, check_n_threads(n_threads)))

    def predict_classes(self, X: MatrixLike, *, n_threads: int | None = None) -> NDArray[Any]:
        """Return the most likely label of each row, as given to the first `fit`; arguments and errors as for `predict`.

        Returns
        -------
        ndarray, shape (n,)
            Entries of `classes_`. With several binary outputs: 0 or 1 for each, shape (n, units).

        Raises
        ------
        ValueError
            If the loss is not a classification loss.
        """
        state = self._state
        with state.guard.exclusive():
            state.need_built()
            head_of_classifier(state)
            return labels(state, probabilities(state, outputs(state, X, check_n_threads(n_threads))))

    def transform(self, X: MatrixLike, *, layer: int | str = -2, n_threads: int | None = None) -> NDArray[Any]:
        """Return the output of a layer.

        Parameters
        ----------
        X : array-like, shape (n, inputs) or (n, *input_shape), or sparse matrix
            Inputs.
        layer : int or str, default=-2
            The layer's index in `layers`, or its name; -1 is the last.
        n_threads : int in [1, 1024], optional
            See `set_num_threads` for the default.

        Returns
        -------
        ndarray of the model's dtype, shape (n, *the layer's output shape)
            The output after the layer's activation.

        Raises
        ------
        ValueError
            If there is no such layer; otherwise as for `predict`.
        """
        state = self._state
        with state.guard.exclusive():
            state.need_built()
            return features(state, X, layer, check_n_threads(n_threads))
