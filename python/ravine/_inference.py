"""What a model says about data: outputs, probabilities, classes, features."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import _build, kernels
from ._base import ModelBase
from ._sparse import Inputs, Rows, SparseRows
from ._threads import MAX_THREADS, check_n_threads
from ._validation import Array, not_finite
from .losses.base import Head

__all__ = ["Inference"]


class Inference(ModelBase):
    """The predicting half of a model. A row's bits do not depend on the rows beside it, nor on the threads."""

    def predict(self, X: Rows, *, n_threads: int | None = None) -> NDArray[Any]:
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
            After the last activation: logits where the last layer is linear and the loss a cross entropy.

        Raises
        ------
        NotFittedError
            Before the first fit, unless the layers begin with `Input`.
        ValueError
            For inputs of another shape, with NaN or infinities, or without rows.
        """
        outputs = self._predict_few(X, n_threads)
        if outputs is not None:
            return outputs
        with self._exclusive():
            return self._predict(X, n_threads)

    def predict_proba(self, X: Rows, *, n_threads: int | None = None) -> NDArray[Any]:
        """Return probabilities, whether the last layer gives them or logits; arguments and errors as for `predict`.

        Returns
        -------
        ndarray of the model's dtype, shape (n, units)
            One column: the probability of class 1. Several after a softmax: of each class, summing to 1. Several
            after a sigmoid: of each yes-or-no question.

        Raises
        ------
        ValueError
            Where neither loss nor last activation makes probabilities.
        """
        with self._exclusive():
            self._built()
            head = self._classifier()
            if not head.probabilities:
                raise ValueError(f"the loss {self.loss!r} knows no probabilities; use predict or predict_classes")
            return self._probabilities(self._predict(X, n_threads))

    def predict_classes(self, X: Rows, *, n_threads: int | None = None) -> NDArray[Any]:
        """Return the likeliest label of each row, as the first `fit` knew it; arguments and errors as for `predict`.

        Returns
        -------
        ndarray, shape (n,)
            Entries of `classes_`. With several yes-or-no outputs: 0 or 1 for each, shape (n, units).

        Raises
        ------
        ValueError
            Where the loss knows no classes.
        """
        with self._exclusive():
            self._built()
            self._classifier()
            return self._labels(self._probabilities(self._predict(X, n_threads)))

    def _labels(self, outputs: Array) -> Array:
        """Return the likeliest label of each row of probabilities, or of scores."""
        units, head = self._built().output_units, self._classifier()
        positive = outputs > (0.0 if head.targets == "sign" else 0.5)
        if head.targets in ("binary", "real") and units > 1:
            return positive.astype(np.int64)
        index = positive[:, 0].astype(np.int64) if units == 1 else outputs.argmax(axis=1)
        return index if self._classes is None else self._classes[index]

    def transform(self, X: Rows, *, layer: int | str = -2, n_threads: int | None = None) -> NDArray[Any]:
        """Return features: the output of a layer.

        Parameters
        ----------
        X : array-like, shape (n, inputs) or (n, *input_shape), or sparse matrix
            Inputs.
        layer : int or str, default=-2
            The layer's place in `layers`, or its name; -1 is the last.
        n_threads : int in [1, 1024], optional
            See `set_num_threads` for the default.

        Returns
        -------
        ndarray of the model's dtype, shape (n, *the layer's output shape)
            The features, after the layer's activation.

        Raises
        ------
        ValueError
            Where there is no such layer; otherwise as for `predict`.
        """
        with self._exclusive():
            self._built()
            plan = self._plan
            assert plan is not None
            threads, place = check_n_threads(n_threads), self._place(layer, plan.names)
            rows, _ = self._inputs(X, check=False)
            return self._forward(rows, plan.operations_up_to(place), threads).reshape(len(rows), *plan.shapes[place])

    def _place(self, layer: int | str, names: list[str]) -> int:
        """Return the place of a layer given by place or name."""
        if isinstance(layer, str) and layer in names:
            return names.index(layer)
        if isinstance(layer, (int, np.integer)) and not isinstance(layer, bool) and -len(names) <= layer < len(names):
            return int(layer) % len(names)
        raise ValueError(
            f"layer must be an int in [{-len(names)}, {len(names) - 1}] or one of {', '.join(map(repr, names))}, "
            f"got {layer!r}"
        )

    def _predict(self, X: Any, n_threads: int | None) -> Array:
        self._built()
        threads = check_n_threads(n_threads)
        rows, _ = self._inputs(X, check=False)
        outputs, shape = self._forward(rows, None, threads), self.output_shape
        assert shape is not None
        return outputs if len(shape) == 1 else outputs.reshape(len(rows), *shape)

    def _predict_few(self, X: Any, n_threads: Any) -> Array | None:
        """Return the outputs of a few rows if nothing needs converting, checking or waiting for: that costs more."""
        network = self._flat
        counted = n_threads is None or (type(n_threads) is int and 0 < n_threads <= MAX_THREADS)
        if network is None or self._runner is not None or type(X) is not np.ndarray or not counted:
            return None
        with self._lock:
            try:
                self._runner = os.getpid()
                return network.forward_few(X)
            finally:
                self._runner = None

    def _forward(self, rows: Inputs, operations: int | None, threads: int) -> Array:
        """Return the outputs of the first operations, None being all; the engine looks for what is not finite."""
        outputs = self._built().forward(rows, operations=operations, n_threads=threads)
        if outputs is None:
            raise not_finite("X", rows.terms() if isinstance(rows, SparseRows) else rows, self.dtype)
        return outputs

    def _probabilities(self, outputs: Array) -> Array:
        """Return probabilities where the loss gives the outputs that meaning, otherwise the outputs."""
        link = None if self._head is None else self._head.link
        if link is None:
            return outputs
        probabilities: Array = getattr(kernels, link)(outputs.reshape(len(outputs), -1))
        return probabilities.reshape(outputs.shape)

    def _classifier(self) -> Head:
        """Return what is known of the outputs' meaning, from the loss or else from the last activation."""
        if self._head is not None:
            if self._head.targets in ("real", "count") and not self._head.probabilities:
                raise ValueError(f"the loss {self.loss!r} knows neither classes nor probabilities; use predict")
            return self._head
        activation, _ = _build.last_activation(self.layers)
        if activation not in ("sigmoid", "softmax"):
            raise ValueError("compile the model with a classification loss first, or use predict")
        targets = "binary" if activation == "sigmoid" else "categorical"
        return Head("", 1.0, "mean", False, targets, probabilities=True)
