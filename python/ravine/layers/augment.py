"""Augmentation: layers that flip, shift and crop images at random in training."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from .. import _core
from ..inputs.arguments import check_choice, check_int, check_number
from ..regularizers import Regularizer
from .base import Layer, Shape

__all__ = ["RandomCrop", "RandomFlip", "RandomTranslation"]

# In the engine's order.
_BORDERS = ("constant", "nearest", "reflect", "wrap")
_FLIPS = {"horizontal": (0, 1), "vertical": (1, 0), "horizontal_and_vertical": (1, 1)}
_FARTHEST = 2**31 - 1


class _Moving(Layer):
    """The base of the layers below: each image's window is drawn anew in every step."""

    kind = "augment"
    draws = True

    def __init__(self, *, name: str | None) -> None:
        super().__init__(name=name)

    def _check(self, shape: Shape) -> tuple[int, int]:
        """Return height and width of an image."""
        if len(shape) != 3:
            raise ValueError(
                f"{type(self).__name__} takes images, rows of (height, width, channels), got rows of shape {shape}"
            )
        return shape[0], shape[1]

    def _spec(
        self,
        name: str,
        shape: Shape,
        *,
        size: tuple[int, int],
        top: tuple[int, int, int] = (0, 1, 0),
        left: tuple[int, int, int] = (0, 1, 0),
        flips: tuple[int, int] = (0, 0),
        border: str = "constant",
        fill: float = 0.0,
    ) -> _core.OperationSpec:
        """Return the engine's operation; `top`, `left`: the first offset, their number, and the one in inference."""
        return _core.OperationSpec(
            "augment",
            name=name,
            shape=shape,
            size=size,
            top=top,
            left=left,
            flips=flips,
            border=_BORDERS.index(border),
            fill=fill,
        )


class RandomFlip(_Moving):
    """In training, flips each image with probability 1/2, anew in every step; otherwise y = x.

    Parameters
    ----------
    mode : {"horizontal", "vertical", "horizontal_and_vertical"}, default="horizontal"
        Swap left and right, top and bottom, or both independently.
    name : str, optional
        Default: random_flip, random_flip_1 ...

    Raises
    ------
    ValueError, TypeError
        For a value that is not allowed, and for rows that are not images.

    Notes
    -----
    The draws are a function of (seed, layer, step, position in the batch), the same for any number of threads.

    Examples
    --------
    >>> import numpy as np
    >>> import ravine as rv
    >>> model = rv.Sequential([rv.layers.RandomFlip(), rv.layers.Flatten(), rv.layers.Dense(1)], random_state=0)
    >>> model.compile(optimizer="adam", loss="mse")
    >>> X = np.random.default_rng(0).random((8, 4, 4, 3))
    >>> history = model.fit(X, X[:, :, 0].mean(axis=(1, 2)), epochs=3)
    >>> model.output_shape
    (1,)
    """

    kind = "random_flip"

    def __init__(self, mode: str = "horizontal", *, name: str | None = None) -> None:
        super().__init__(name=name)
        self.mode = check_choice("mode", mode, _FLIPS)

    def output_shape(self, shape: Shape) -> Shape:
        """Return the same shape."""
        self._check(shape)
        return shape

    def operation(
        self,
        name: str,
        shape: Shape,
        regularizer: Regularizer | None = None,
        branches: Sequence[Sequence[_core.OperationSpec]] = (),
    ) -> _core.OperationSpec:
        """Return the engine's operation."""
        return self._spec(name, shape, size=self._check(shape), flips=_FLIPS[self.mode])

    def __repr__(self) -> str:
        return self._call(mode=(self.mode, "horizontal"))


class RandomTranslation(_Moving):
    """In training, shifts each image by whole pixels, drawn anew for each in every step; otherwise y = x.

    A shift by d pixels downwards gives y[i] = x[i - d]. All whole numbers of pixels in the range are equally likely.

    Parameters
    ----------
    height_factor : float in [0, 1] or (float, float)
        The largest shift up or down, as a share of the height; or the lowest and the highest shift, two numbers in
        [-1, 1], positive for downwards.
    width_factor : float in [0, 1] or (float, float)
        The same to the left and to the right, positive for right.
    fill_mode : {"reflect", "nearest", "wrap", "constant"}, default="reflect"
        How pixels beyond the edge are filled, for a row a b c d: ``b a | a b c d | d c``, ``a a | a b c d | d d``,
        ``c d | a b c d | a b``, or `fill_value`.
    fill_value : float, default=0.0
        The value for "constant".
    name : str, optional
        Default: random_translation, random_translation_1 ...

    Raises
    ------
    ValueError, TypeError
        For a value that is not allowed, and for rows that are not images.

    Notes
    -----
    The draws are a function of (seed, layer, step, position in the batch), the same for any number of threads.

    Examples
    --------
    >>> import ravine as rv
    >>> layer = rv.layers.RandomTranslation(0.1, (0.0, 0.25), fill_mode="nearest")
    >>> layer.output_shape((28, 28, 1))
    (28, 28, 1)
    """

    kind = "random_translation"

    def __init__(
        self,
        height_factor: float | tuple[float, float],
        width_factor: float | tuple[float, float],
        *,
        fill_mode: str = "reflect",
        fill_value: float = 0.0,
        name: str | None = None,
    ) -> None:
        super().__init__(name=name)
        self.height_factor = _check_factor("height_factor", height_factor)
        self.width_factor = _check_factor("width_factor", width_factor)
        self.fill_mode = check_choice("fill_mode", fill_mode, _BORDERS)
        self.fill_value = check_number("fill_value", fill_value, -math.inf, closed="neither")

    def output_shape(self, shape: Shape) -> Shape:
        """Return the same shape."""
        self._check(shape)
        return shape

    def operation(
        self,
        name: str,
        shape: Shape,
        regularizer: Regularizer | None = None,
        branches: Sequence[Sequence[_core.OperationSpec]] = (),
    ) -> _core.OperationSpec:
        """Return the engine's operation."""
        height, width = self._check(shape)
        return self._spec(
            name,
            shape,
            size=(height, width),
            top=_shifts(self.height_factor, height),
            left=_shifts(self.width_factor, width),
            border=self.fill_mode,
            fill=self.fill_value,
        )

    def __repr__(self) -> str:
        return self._call(
            repr(self.height_factor),
            repr(self.width_factor),
            fill_mode=(self.fill_mode, "reflect"),
            fill_value=(self.fill_value, 0.0),
        )


class RandomCrop(_Moving):
    """In training, crops each image to a window at a random position, anew in every step; otherwise to the central one.

    All positions of the window inside the padded image are equally likely. A window of the image's own size with a
    padding of 4 is the usual augmentation of images of 32 x 32 pixels.

    Parameters
    ----------
    height, width : int >= 1
        The size of the window.
    padding : int >= 0, default=0
        Pixels that are added on each side of the image first.
    fill_value : float, default=0.0
        The value of these pixels.
    name : str, optional
        Default: random_crop, random_crop_1 ...

    Raises
    ------
    ValueError, TypeError
        For a value that is not allowed, for rows that are not images, and for a window larger than the padded image.

    Notes
    -----
    The draws are a function of (seed, layer, step, position in the batch), the same for any number of threads. Where
    the margins differ by one pixel, the central window is nearer to the top and to the left.

    Examples
    --------
    >>> import numpy as np
    >>> import ravine as rv
    >>> model = rv.Sequential([rv.layers.RandomCrop(2, 2), rv.layers.Flatten(), rv.layers.Dense(1)], random_state=0)
    >>> model.compile(optimizer="adam", loss="mse")
    >>> X = np.random.default_rng(0).random((8, 4, 4, 1))
    >>> history = model.fit(X, X[:, 1, 1, 0], epochs=3)
    >>> model.transform(X, layer=0).shape
    (8, 2, 2, 1)
    """

    kind = "random_crop"

    def __init__(
        self, height: int, width: int, *, padding: int = 0, fill_value: float = 0.0, name: str | None = None
    ) -> None:
        super().__init__(name=name)
        self.height = check_int("height", height, 1, _FARTHEST)
        self.width = check_int("width", width, 1, _FARTHEST)
        self.padding = check_int("padding", padding, 0, 2**29)
        self.fill_value = check_number("fill_value", fill_value, -math.inf, closed="neither")

    def output_shape(self, shape: Shape) -> Shape:
        """Return (height, width, channels)."""
        height, width = (size + 2 * self.padding for size in self._check(shape))
        if self.height > height or self.width > width:
            padded = f", padded to {height} x {width}" if self.padding else ""
            raise ValueError(
                f"a window of {self.height} x {self.width} pixels does not fit into images of "
                f"{shape[0]} x {shape[1]}{padded}"
            )
        return (self.height, self.width, shape[2])

    def operation(
        self,
        name: str,
        shape: Shape,
        regularizer: Regularizer | None = None,
        branches: Sequence[Sequence[_core.OperationSpec]] = (),
    ) -> _core.OperationSpec:
        """Return the engine's operation."""
        ranges = [
            (-self.padding, room + 1, room // 2 - self.padding)
            for room in (
                shape[0] + 2 * self.padding - self.height,
                shape[1] + 2 * self.padding - self.width,
            )
        ]
        return self._spec(
            name, shape, size=(self.height, self.width), top=ranges[0], left=ranges[1], fill=self.fill_value
        )

    def __repr__(self) -> str:
        return self._call(
            repr(self.height), repr(self.width), padding=(self.padding, 0), fill_value=(self.fill_value, 0.0)
        )


def _check_factor(name: str, value: Any) -> float | tuple[float, float]:
    """Return a share of the image's size, or the lowest and the highest."""
    if not isinstance(value, (tuple, list)):
        return check_number(name, value, 0.0, 1.0, closed="both")
    if len(value) != 2:
        raise ValueError(f"{name} must be a number in [0.0, 1.0] or two in [-1.0, 1.0], got {value!r}")
    low, high = (check_number(name, one, -1.0, 1.0, closed="both") for one in value)
    if low > high:
        raise ValueError(f"{name} must be (lowest, highest), got {value!r}")
    return low, high


def _shifts(factor: float | tuple[float, float], size: int) -> tuple[int, int, int]:
    """Return the first offset, the number of offsets, and the one in inference, of windows shifted by this range."""
    low, high = factor if isinstance(factor, tuple) else (-factor, factor)
    # a product such as .1 x 30 may be just beyond the whole number that is meant
    lowest, highest = math.ceil(low * size - 1e-9), math.floor(high * size + 1e-9)
    if lowest > highest:
        raise ValueError(f"no whole number of pixels is between {low!r} and {high!r} times {size}")
    return -highest, highest - lowest + 1, 0
