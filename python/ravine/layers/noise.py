"""Layers that are random in training and the identity in inference."""

from __future__ import annotations

import math
from collections.abc import Sequence

from .. import _core
from ..inputs.arguments import check_number
from ..regularizers import Regularizer
from .base import Layer, Shape

__all__ = ["Dropout", "GaussianNoise", "SpatialDropout"]


class Dropout(Layer):
    """In training, y = x / (1 - rate) for units that are kept and 0 for those dropped; otherwise y = x.

    A unit is dropped with probability `rate`, anew for every row and step.

    Parameters
    ----------
    rate : float in [0, 1), default=0.5
        The share of units to drop.
    name : str, optional
        Default: dropout, dropout_1 ...

    Raises
    ------
    ValueError, TypeError
        For a value that is not allowed.

    References
    ----------
    Srivastava, Hinton, Krizhevsky, Sutskever and Salakhutdinov, "Dropout: a simple way to prevent neural networks from
    overfitting", 2014.
    """

    kind = "dropout"
    draws = True

    def __init__(self, rate: float = 0.5, *, name: str | None = None) -> None:
        super().__init__(name=name)
        self.rate = check_number("rate", rate, 0.0, 1.0)

    def operation(
        self,
        name: str,
        shape: Shape,
        regularizer: Regularizer | None = None,
        branches: Sequence[Sequence[_core.OperationSpec]] = (),
    ) -> _core.OperationSpec:
        """Return the engine's operation."""
        return _core.OperationSpec("dropout", name=name, rate=self.rate)

    def __repr__(self) -> str:
        return self._call(repr(self.rate))


class SpatialDropout(Layer):
    """In training, y = x / (1 - rate) in channels that are kept and 0 in those dropped; otherwise y = x.

    A channel (an index of the last axis) is dropped with probability `rate` for all its pixels, anew for every row and
    step. Neighbouring pixels are alike, so dropping single ones removes little information.

    Parameters
    ----------
    rate : float in [0, 1), default=0.5
        The share of channels to drop.
    name : str, optional
        Default: spatial_dropout, spatial_dropout_1 ...

    Raises
    ------
    ValueError, TypeError
        For a value that is not allowed; when a model is built, for flat rows.

    References
    ----------
    Tompson, Goroshin, Jain, LeCun and Bregler, "Efficient object localization using convolutional networks", 2015.

    Examples
    --------
    >>> import ravine as rv
    >>> layers = [rv.layers.Input((8, 8, 3)), rv.layers.SpatialDropout(0.2), rv.layers.GlobalAveragePool2D()]
    >>> rv.Sequential(layers).output_shape
    (3,)
    """

    kind = "spatial_dropout"
    draws = True

    def __init__(self, rate: float = 0.5, *, name: str | None = None) -> None:
        super().__init__(name=name)
        self.rate = check_number("rate", rate, 0.0, 1.0)

    def output_shape(self, shape: Shape) -> Shape:
        """Return the same shape."""
        if len(shape) < 2:
            raise ValueError(
                f"SpatialDropout takes rows of shape (..., channels), got rows of shape {shape}; "
                "Dropout drops single units"
            )
        return shape

    def operation(
        self,
        name: str,
        shape: Shape,
        regularizer: Regularizer | None = None,
        branches: Sequence[Sequence[_core.OperationSpec]] = (),
    ) -> _core.OperationSpec:
        """Return the engine's operation."""
        return _core.OperationSpec("spatial_dropout", name=name, rate=self.rate, positions=math.prod(shape[:-1]))

    def __repr__(self) -> str:
        return self._call(repr(self.rate))


class GaussianNoise(Layer):
    """In training, y = x + stddev z with standard normal z, drawn anew for every unit, row and step; otherwise y = x.

    The noise is a function of (seed, layer, step, position), the same for any number of threads; its derivative is 1.

    Parameters
    ----------
    stddev : float >= 0
        The standard deviation of the noise.
    name : str, optional
        Default: gaussian_noise, gaussian_noise_1 ...

    Raises
    ------
    ValueError, TypeError
        For a value that is not allowed.

    References
    ----------
    Bishop, "Training with noise is equivalent to Tikhonov regularization", 1995.

    Examples
    --------
    >>> import numpy as np
    >>> import ravine as rv
    >>> model = rv.Sequential([rv.layers.GaussianNoise(0.1), rv.layers.Dense(1)], random_state=0)
    >>> model.compile(optimizer="adam", loss="mse")
    >>> X = np.linspace(-1, 1, 64)[:, None]
    >>> history = model.fit(X, 2 * X, epochs=3)
    >>> bool((model.predict(X) == model.predict(X)).all())
    True
    """

    kind = "gaussian_noise"
    draws = True

    def __init__(self, stddev: float, *, name: str | None = None) -> None:
        super().__init__(name=name)
        self.stddev = check_number("stddev", stddev, 0.0)

    def operation(
        self,
        name: str,
        shape: Shape,
        regularizer: Regularizer | None = None,
        branches: Sequence[Sequence[_core.OperationSpec]] = (),
    ) -> _core.OperationSpec:
        """Return the engine's operation."""
        return _core.OperationSpec("gaussian_noise", name=name, stddev=self.stddev)

    def __repr__(self) -> str:
        return self._call(repr(self.stddev))
