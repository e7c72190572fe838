"""CNNClassifier: convolutions and pooling before a perceptron, for images."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from sklearn.utils._param_validation import Interval

from .. import layers, optimizers
from ..model.sequential import Sequential
from .constructors import keep
from .documentation import CLASS_WEIGHT, NET_FITTED, described
from .net import NetClassifier
from .parameters import activation_of

__all__ = ["CNNClassifier"]

_count = Interval(Integral, 1, None, closed="left")


@described(class_weight=CLASS_WEIGHT, fitted=NET_FITTED)
class CNNClassifier(NetClassifier):
    """A classifier of images: pairs of `Conv2D` and `MaxPool2D`, then `Dense` layers.

    Each of `filters` is a convolution with zero padding, which keeps the image's size, followed by a maximum over
    `pool_size` x `pool_size` pixels (over fewer if the image is smaller). The loss is the cross entropy of logits.

    Parameters
    ----------
    filters : int or array-like of int, default=(16, 32)
        Channels after each convolution.
    kernel_size : int, default=3
        Height and width of the convolutions' kernels.
    pool_size : int, default=2
        Height and width of the pooling windows; 1 means no pooling.
    hidden_layer_sizes : int or array-like of int, default=(64,)
        Units of the `Dense` layers before the last.
    activation : str or layers.Activation, default="relu"
        The activation of all layers but the last.
    image_shape : tuple of int, default=None
        (height, width) or (height, width, channels) of images that come as flat rows. None takes the shape from the
        data: (n, height, width, channels), (n, height, width), or flat rows as images of height 1.
    dropout : float in [0, 1), default=0.0
        The share of a `Dense` layer's outputs that is dropped in training.
    batch_norm : bool, default=False
        Whether there is a `BatchNorm` between the product and the activation of each convolution and `Dense` layer but
        the last, instead of the bias.
    l2 : float >= 0, default=0.0
        The penalty l2 sum w^2 over all kernels, which is added to the loss.
    optimizer : str or optimizers.Optimizer, default="adam"
        See `ravine.optimizers`.
    epochs, batch_size, shuffle, validation_split, callbacks, n_threads, verbose
        As for `Sequential.fit`; by default 20 epochs, batches of 32 rows and verbose=0.
    random_state : int, RandomState or None, default=None
        Seed of initial weights, order and dropout; None draws one.
    warm_start : bool, default=False
        Whether `fit` continues training from the last fit.
    {class_weight}

    Attributes
    ----------
    classes_ : ndarray
        The labels.
    image_shape_ : tuple of int
        (height, width, channels).
    {fitted}

    Examples
    --------
    >>> import ravine as rv
    >>> from ravine.sklearn import CNNClassifier
    >>> X, y, X_test, y_test = rv.datasets.digits()
    >>> model = CNNClassifier((8,), image_shape=(8, 8), epochs=15, random_state=0)
    >>> model.fit(X, y).score(X_test, y_test) > 0.95
    True
    """

    _sparse: ClassVar[bool] = False
    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **NetClassifier._parameter_constraints,
        "filters": ["array-like", _count],
        "kernel_size": [_count],
        "pool_size": [_count],
        "hidden_layer_sizes": ["array-like", _count],
        "activation": [str, layers.Activation],
        "image_shape": [tuple, list, None],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "batch_norm": ["boolean"],
        "l2": [Interval(Real, 0, None, closed="left")],
        "optimizer": [str, optimizers.Optimizer],
    }
    model = None

    def __init__(
        self,
        filters: Any = (16, 32),
        kernel_size: int = 3,
        pool_size: int = 2,
        hidden_layer_sizes: Any = (64,),
        *,
        activation: Any = "relu",
        image_shape: Any = None,
        dropout: float = 0.0,
        batch_norm: bool = False,
        l2: float = 0.0,
        optimizer: Any = "adam",
        epochs: int = 20,
        batch_size: int | None = 32,
        shuffle: bool = True,
        validation_split: float = 0.0,
        class_weight: Any = None,
        callbacks: Any = None,
        random_state: Any = None,
        warm_start: bool = False,
        n_threads: int | None = None,
        verbose: Any = 0,
    ) -> None:
        keep(self, locals())

    def _default(self, outputs: int, X: Any) -> Sequential:
        """Return the network, not yet trained."""
        stack: list[layers.Layer] = [layers.Input(X.shape[1:])]
        size = X.shape[1:3]
        for filters in sizes(self.filters, "filters"):
            stack += self._activated(layers.Conv2D, filters, self.kernel_size, padding="same")
            pool = tuple(min(self.pool_size, side) for side in size)
            if pool != (1, 1):
                stack.append(layers.MaxPool2D(pool))
                size = tuple(side // by for side, by in zip(size, pool, strict=True))
        stack.append(layers.Flatten())
        for units in sizes(self.hidden_layer_sizes, "hidden_layer_sizes"):
            stack += self._activated(layers.Dense, units)
            if self.dropout:
                stack.append(layers.Dropout(self.dropout))
        model = Sequential([*stack, layers.Dense(outputs, l2=self.l2)], dtype=X.dtype)
        model.compile(optimizer=copy.deepcopy(optimizers.get(self.optimizer)), loss=self._default_loss(outputs))
        return model

    def _activated(self, kind: Callable[..., layers.Layer], *sizes: int, **options: Any) -> list[layers.Layer]:
        """Return a layer with its activation, and the batch norm between them if there is one."""
        activation = activation_of(self.activation)
        if not self.batch_norm:
            return [kind(*sizes, activation=activation, l2=self.l2, **options)]
        return [kind(*sizes, use_bias=False, l2=self.l2, **options), layers.BatchNorm(), activation]

    def _checked(self, X: Any, y: Any, **options: Any) -> tuple[Any, Any]:
        """Return images and labels of a fit."""
        X, y = super()._checked(X, y, **options)
        self.image_shape_ = self._image_shape(X.shape[1:])
        return X.reshape(len(X), *self.image_shape_), y

    def _rows(self, X: Any) -> Any:
        """Return the images of a prediction."""
        X = super()._rows(X)
        if X.shape[1:] not in forms(self.image_shape_):
            raise ValueError(f"X has rows of shape {X.shape[1:]}, but CNNClassifier is expecting {self.image_shape_}")
        return X.reshape(len(X), *self.image_shape_)

    def _image_shape(self, given: tuple[int, ...]) -> tuple[int, ...]:
        """Return (height, width, channels) of rows of a shape."""
        wanted = self.image_shape
        if wanted is None:
            if len(given) > 3:
                raise ValueError(f"X must hold images (height, width, channels), got rows of shape {given}")
            return {1: (1, given[0], 1), 2: (*given, 1), 3: given}[len(given)]
        shape = tuple(wanted)
        if len(shape) not in (2, 3) or not all(_is_count(side) for side in shape):
            raise ValueError(f"image_shape must be (height, width) or (height, width, channels), got {wanted!r}")
        shape = tuple(int(side) for side in (*shape, 1)[:3])
        if given not in forms(shape):
            raise ValueError(f"X has rows of shape {given}, which are no images of image_shape={wanted!r}")
        return shape


def forms(shape: tuple[int, ...]) -> list[tuple[int, ...]]:
    """Return the allowed shapes of a row for an image shape: this, flat, and without a single channel."""
    return [shape, (math.prod(shape),), *([shape[:2]] if shape[2] == 1 else [])]


def sizes(given: Any, name: str) -> list[int]:
    """Return the sizes of some layers."""
    listed = list(given) if isinstance(given, Iterable) else [given]
    for size in listed:
        if not _is_count(size):
            raise ValueError(f"{name} must be an int >= 1 or an array-like of them, got {given!r}")
    return [int(size) for size in listed]


def _is_count(value: Any) -> bool:
    return isinstance(value, Integral) and not isinstance(value, (bool, np.bool_)) and int(value) >= 1
