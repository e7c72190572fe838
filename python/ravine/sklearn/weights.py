"""The network's weights under scikit-learn's names."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..layers import BatchNorm
from .building import has_batch_norms

__all__ = ["Weights"]


class Weights:
    """Reads and writes the kernels (inputs, units) and biases of `model_`.

    Attributes
    ----------
    coefs_, intercepts_ : list of ndarray
        Views of the network's weights. Assigning a list writes into them. With batch norms they are read-only copies,
        in which each hidden layer's norm is folded into its kernel.
    """

    @property
    def coefs_(self) -> list[NDArray[Any]]:
        """The kernels."""
        return [kernel for kernel, _ in self._weights()]

    @coefs_.setter
    def coefs_(self, values: list[ArrayLike]) -> None:
        _write(self.coefs_, values, "coefs_")

    @property
    def intercepts_(self) -> list[NDArray[Any]]:
        """The biases."""
        return [bias for _, bias in self._weights()]

    @intercepts_.setter
    def intercepts_(self, values: list[ArrayLike]) -> None:
        _write(self.intercepts_, values, "intercepts_")

    def _weights(self) -> list[tuple[NDArray[Any], NDArray[Any]]]:
        if "model_" not in vars(self):
            raise AttributeError(f"This {type(self).__name__} is not fitted yet, it has no weights")
        model = vars(self)["model_"]
        if has_batch_norms(model):
            return _folded(model)
        weights = list(model.parameters.values())
        return list(zip(weights[::2], weights[1::2], strict=True))


def _folded(model: Any) -> list[tuple[NDArray[Any], NDArray[Any]]]:
    """Return kernels W s and biases beta - m s, s = gamma / sqrt(v + epsilon), and those of the last layer."""
    epsilons = [layer.epsilon for layer in model.layers if isinstance(layer, BatchNorm)]
    weights = iter(model.get_weights())
    pairs = []
    for epsilon in epsilons:
        kernel, gamma, beta, mean, variance = (next(weights) for _ in range(5))
        scale = gamma / np.sqrt(variance + kernel.dtype.type(epsilon))
        pairs.append((kernel * scale, beta - mean * scale))
    pairs.append((next(weights), next(weights)))
    for pair in pairs:
        for array in pair:
            array.setflags(write=False)
    return pairs


def _write(views: list[Any], values: Any, name: str) -> None:
    if not all(view.flags.writeable for view in views):
        raise AttributeError(f"{name} of layers with batch norms can only be read; write into model_.parameters")
    arrays = [np.asarray(value) for value in values]
    if [array.shape for array in arrays] != [view.shape for view in views]:
        raise ValueError(f"{name} must have the shapes {[view.shape for view in views]}")
    for view, array in zip(views, arrays, strict=True):
        view[...] = array
