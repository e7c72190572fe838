"""The network's weights under scikit-learn's names."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["Weights"]


class Weights:
    """What reads and writes the kernels (inputs, units) and biases of `model_`.

    Attributes
    ----------
    coefs_, intercepts_ : list of ndarray
        Views of the network's weights. Assigning a list writes into them.
    """

    @property
    def coefs_(self) -> list[NDArray[Any]]:
        """The kernels."""
        return list(self._weights().values())[::2]

    @coefs_.setter
    def coefs_(self, values: list[ArrayLike]) -> None:
        _write(self.coefs_, values, "coefs_")

    @property
    def intercepts_(self) -> list[NDArray[Any]]:
        """The biases."""
        return list(self._weights().values())[1::2]

    @intercepts_.setter
    def intercepts_(self, values: list[ArrayLike]) -> None:
        _write(self.intercepts_, values, "intercepts_")

    def _weights(self) -> Any:
        if "model_" not in vars(self):
            raise AttributeError(f"This {type(self).__name__} is not fitted yet, it has no weights")
        return vars(self)["model_"].parameters


def _write(views: list[Any], values: Any, name: str) -> None:
    arrays = [np.asarray(value) for value in values]
    if [array.shape for array in arrays] != [view.shape for view in views]:
        raise ValueError(f"{name} must have the shapes {[view.shape for view in views]}")
    for view, array in zip(views, arrays, strict=True):
        view[...] = array
