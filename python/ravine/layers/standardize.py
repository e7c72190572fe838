"""A layer that scales its inputs to mean 0 and deviation 1, with statistics learnt from the training set."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import _core
from ..initializers import Initializer, Zeros
from ..inputs.arguments import check_choice, check_flag
from ..inputs.arrays import as_array, as_inputs, convert
from ..inputs.statistics import column_statistics
from ..regularizers import Regularizer
from .base import Layer, Shape

__all__ = ["Standardize"]

Vector = NDArray[np.float64]


class Standardize(Layer):
    """y = (x - mean) / deviation, with the means and deviations of the training set.

    Means and deviations are learnt once: by `adapt`, or else by the first `fit` from its training rows, before the
    first step. Training steps do not change them, and they are never learnt again. They are weights of the model,
    "standardize/mean" and "standardize/deviation", and are saved with it.

    Parameters
    ----------
    per : {"channel", "feature"}, default="channel"
        "channel" keeps a mean and a deviation for each index of a row's last axis: each channel of images, each
        feature of flat rows. "feature" keeps them for each element of a row.
    mean, deviation : array-like, shape (columns,), optional
        Known values; give both or neither. Deviations are greater than 0.
    name : str, optional
        Default: standardize, standardize_1 ...

    Raises
    ------
    ValueError, TypeError
        For a value that is not allowed; when a model is built, if there are more or fewer numbers than columns.
    NotFittedError
        If the model is used before the numbers are learnt.

    Notes
    -----
    The deviation is the population standard deviation, sqrt(sum (x - mean)^2 / n). Where all values are equal it is 1,
    so that such a column becomes 0. Sums are computed in float64, in two passes; sample weights are ignored. `fit`
    learns the numbers only for a layer that gets the raw inputs: only layers such as `Flatten` may precede it. Call
    `adapt` on other layers, or give them their numbers.

    Examples
    --------
    >>> import numpy as np
    >>> import ravine as rv
    >>> X = np.array([[0.0, 1000.0], [1.0, 3000.0], [2.0, 2000.0], [1.0, 2000.0]])
    >>> model = rv.Sequential([rv.layers.Standardize(), rv.layers.Dense(1)], dtype="float64", random_state=0)
    >>> model.compile(optimizer=rv.optimizers.SGD(0.1), loss="mse")
    >>> history = model.fit(X, [1.0, 3.0, 2.0, 2.0], epochs=100)
    >>> model.parameters["standardize/mean"].tolist()
    [1.0, 2000.0]
    >>> model.transform(X, layer=0).std(axis=0)
    array([1., 1.])
    """

    kind = "standardize"

    def __init__(
        self,
        *,
        per: str = "channel",
        mean: ArrayLike | None = None,
        deviation: ArrayLike | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(name=name, trainable=False)
        self.per = check_choice("per", per, ("channel", "feature"))
        if (mean is None) != (deviation is None):
            raise ValueError(f"give mean and deviation, or neither, got mean={mean!r} and deviation={deviation!r}")
        self._mean = None if mean is None else _check_numbers("mean", mean)
        self._deviation = None if deviation is None else _check_numbers("deviation", deviation)
        if self._mean is not None and self._deviation is not None:
            if self._mean.shape != self._deviation.shape:
                raise ValueError(f"mean has shape {self._mean.shape}, deviation has shape {self._deviation.shape}")
            if not (self._deviation > 0).all():
                raise ValueError(f"deviation must be greater than 0, got {self._deviation.min()!s}")
        self._used = False  # whether a model has learnt the numbers for it

    @property
    def mean(self) -> Vector | None:
        """The means that were given or learnt by `adapt`; those that `fit` learns are in the model's parameters."""
        return self._mean

    @property
    def deviation(self) -> Vector | None:
        """The deviations, as `mean`."""
        return self._deviation

    @property
    def trainable(self) -> bool:
        """False: steps do not change the numbers."""
        return False

    @trainable.setter
    def trainable(self, value: bool) -> None:
        if check_flag("trainable", value):
            raise ValueError("Standardize has nothing that steps could change: trainable must be False, got True")

    def adapt(self, X: ArrayLike) -> None:
        """Learn the means and deviations of the rows X, before the layer's model is fitted.

        Parameters
        ----------
        X : array-like, shape (n, features) or (n, height, width, channels)
            The training set.

        Raises
        ------
        ValueError
            If the layer or its model already has the numbers; if X has NaN, infinities, or numbers whose squares are
            too large.

        Examples
        --------
        >>> import ravine as rv
        >>> layer = rv.layers.Standardize()
        >>> layer.adapt([[1.0, 5.0], [3.0, 5.0]])
        >>> layer.mean, layer.deviation
        (array([2., 5.]), array([1., 1.]))
        """
        if self._mean is not None or self._used:
            raise ValueError(
                f"{type(self).__name__} has learnt its means and deviations already, and does not learn them again; "
                "make a new layer"
            )
        rows = as_inputs(X, np.dtype(np.float64), dimensions=None)
        self._mean, self._deviation = column_statistics(rows.reshape(len(rows), -1), self._columns(rows.shape[1:]))

    def _columns(self, shape: Shape) -> int:
        return shape[-1] if self.per == "channel" else math.prod(shape)

    def output_shape(self, shape: Shape) -> Shape:
        """Return the same shape."""
        columns = self._columns(shape)
        if self._mean is not None and len(self._mean) != columns:
            raise ValueError(
                f"Standardize has {len(self._mean)} means and deviations, but rows of shape {shape} have {columns} "
                f"{self.per}s"
            )
        return shape

    def parameter_shapes(self, shape: Shape) -> dict[str, Shape]:
        """Return the shapes of means and deviations."""
        return dict.fromkeys(("mean", "deviation"), (self._columns(shape),))

    def parameter_initializers(self) -> dict[str, Initializer]:
        """Return what writes the numbers; those that are not learnt yet are zeros."""
        if self._mean is None or self._deviation is None:
            return {"mean": Zeros(), "deviation": Zeros()}
        return {"mean": _Given(self._mean), "deviation": _Given(self._deviation, positive=True)}

    def operation(
        self,
        name: str,
        shape: Shape,
        regularizer: Regularizer | None = None,
        branches: Sequence[Sequence[_core.OperationSpec]] = (),
    ) -> _core.OperationSpec:
        """Return the engine's operation."""
        return _core.OperationSpec("standardize", name=name, units=self._columns(shape))

    def __repr__(self) -> str:
        given = [] if self.per == "channel" else [f"per={self.per!r}"]
        if self._mean is not None:
            given += [f"mean=<{len(self._mean)} numbers>", f"deviation=<{len(self._mean)} numbers>"]
        given += [] if self.name is None else [f"name={self.name!r}"]
        return f"Standardize({', '.join(given)})"


class _Given(Initializer):
    """Writes given numbers."""

    def __init__(self, values: Vector, positive: bool = False) -> None:
        self.values, self.positive = values, positive

    def fill(self, out: NDArray[Any], *, seed: int, stream: int = 0) -> None:
        out[...] = self.values
        if self.positive and not (out > 0).all():
            raise ValueError(f"the deviation {self.values[np.argmin(out)]!s} is 0 as {out.dtype.name}")


def _check_numbers(name: str, values: ArrayLike) -> Vector:
    """Return a read-only copy as a vector of finite numbers."""
    array = as_array(name, values)
    if array.ndim != 1 or not len(array):
        raise ValueError(f"{name} must have one number for each column, shape (columns,), got shape {array.shape}")
    numbers: Vector = np.array(convert(name, array, np.dtype(np.float64)))
    numbers.flags.writeable = False
    return numbers
