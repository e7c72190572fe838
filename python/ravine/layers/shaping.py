"""Layers that change the shape of a row: flatten, reshape, zero padding, upsampling."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from .. import _core
from ..inputs.arguments import check_int, check_pair
from ..regularizers import Regularizer
from .base import Layer, Shape, as_image

__all__ = ["Flatten", "Reshape", "UpSampling2D", "ZeroPadding2D"]


class Flatten(Layer):
    """Flattens each row, an image or any other array: (height, width, channels) to (height * width * channels,).

    `name` as for `Layer`.
    """

    kind = "flatten"
    computes = False

    def __init__(self, *, name: str | None = None) -> None:
        super().__init__(name=name)

    def output_shape(self, shape: Shape) -> Shape:
        """Return the product of the sizes."""
        return (math.prod(shape),)

    def __repr__(self) -> str:
        return self._call()


class Reshape(Layer):
    """Changes the shape of each row; the elements keep their order (the last axis varies fastest).

    Parameters
    ----------
    shape : int or tuple of ints
        The new shape of a row; one size may be -1 and is then computed from the others.
    name : str, optional
        Default: reshape, reshape_1 ...

    Raises
    ------
    ValueError, TypeError
        For a value that is not allowed; when a model is built, for rows with another number of elements.

    Examples
    --------
    >>> import ravine as rv
    >>> model = rv.Sequential([rv.layers.Input(48), rv.layers.Reshape((4, 4, -1)), rv.layers.MaxPool2D(4)])
    >>> model.output_shape
    (1, 1, 3)
    """

    kind = "reshape"
    computes = False

    def __init__(self, shape: int | tuple[int, ...], *, name: str | None = None) -> None:
        super().__init__(name=name)
        sizes = tuple(shape) if isinstance(shape, (tuple, list)) else (shape,)
        allowed = "an int >= 1 or a tuple of them, one of which may be -1"
        self.shape: Shape = tuple(check_int("shape", size, -1, allowed=allowed) for size in sizes)
        if not sizes or 0 in self.shape or self.shape.count(-1) > 1:
            raise ValueError(f"shape must be {allowed}, got {shape!r}")

    def output_shape(self, shape: Shape) -> Shape:
        """Return the new shape."""
        count, known = math.prod(shape), math.prod(size for size in self.shape if size != -1)
        if count % known or (count != known and -1 not in self.shape):
            raise ValueError(f"Reshape cannot make {self.shape} of rows of shape {shape}, which have {count} numbers")
        return tuple(count // known if size == -1 else size for size in self.shape)

    def __repr__(self) -> str:
        return self._call(repr(self.shape))


class ZeroPadding2D(Layer):
    """Adds rows and columns of zeros around the image.

    Parameters
    ----------
    padding : int >= 0, (int, int) or ((int, int), (int, int)), default=1
        Rows and columns on all sides, or (above and below, left and right), or ((above, below), (left, right)).
    name : str, optional
        Default: zero_padding2d, zero_padding2d_1 ...

    Raises
    ------
    ValueError, TypeError
        For a value that is not allowed; when a model is built, for rows that are not images.

    Examples
    --------
    >>> import numpy as np
    >>> import ravine as rv
    >>> model = rv.Sequential([rv.layers.Input((1, 2, 1)), rv.layers.ZeroPadding2D(((0, 1), (1, 0)))])
    >>> model.predict(np.ones((1, 1, 2, 1)))[0, :, :, 0].tolist()
    [[0.0, 1.0, 1.0], [0.0, 0.0, 0.0]]
    """

    kind = "zero_padding2d"

    def __init__(
        self, padding: int | tuple[int, int] | tuple[tuple[int, int], tuple[int, int]] = 1, *, name: str | None = None
    ) -> None:
        super().__init__(name=name)
        sides: Any = padding if isinstance(padding, (tuple, list)) else (padding, padding)
        if len(sides) != 2:
            raise ValueError(f"padding must be an int >= 0, two of them or two pairs of them, got {padding!r}")
        self.padding = (check_pair("padding", sides[0], 0), check_pair("padding", sides[1], 0))

    def output_shape(self, shape: Shape) -> Shape:
        """Return (top + height + bottom, left + width + right, channels)."""
        height, width, channels = as_image(self, shape)
        return height + sum(self.padding[0]), width + sum(self.padding[1]), channels

    def operation(
        self,
        name: str,
        shape: Shape,
        regularizer: Regularizer | None = None,
        branches: Sequence[Sequence[_core.OperationSpec]] = (),
    ) -> _core.OperationSpec:
        """Return the engine's operation."""
        padding = (*self.padding[0], *self.padding[1])
        return _core.OperationSpec("zero_pad", name=name, shape=shape, padding=padding)

    def __repr__(self) -> str:
        return self._call(repr(self.padding))


class UpSampling2D(Layer):
    """Repeats every pixel as a block of size[0] x size[1] pixels (nearest neighbour). Its gradient is the block's sum.

    Parameters
    ----------
    size : int >= 1 or two of them, default=2
        Rows and columns of a block; one int for both.
    name : str, optional
        Default: up_sampling2d, up_sampling2d_1 ...

    Raises
    ------
    ValueError, TypeError
        For a value that is not allowed; when a model is built, for rows that are not images.

    Examples
    --------
    >>> import numpy as np
    >>> import ravine as rv
    >>> model = rv.Sequential([rv.layers.Input((1, 2, 1)), rv.layers.UpSampling2D((1, 2))])
    >>> model.predict(np.array([[[[3.0], [4.0]]]]))[0, :, :, 0].tolist()
    [[3.0, 3.0, 4.0, 4.0]]
    """

    kind = "up_sampling2d"

    def __init__(self, size: int | tuple[int, int] = 2, *, name: str | None = None) -> None:
        super().__init__(name=name)
        self.size = check_pair("size", size)

    def output_shape(self, shape: Shape) -> Shape:
        """Return (size[0] height, size[1] width, channels)."""
        height, width, channels = as_image(self, shape)
        return self.size[0] * height, self.size[1] * width, channels

    def operation(
        self,
        name: str,
        shape: Shape,
        regularizer: Regularizer | None = None,
        branches: Sequence[Sequence[_core.OperationSpec]] = (),
    ) -> _core.OperationSpec:
        """Return the engine's operation."""
        return _core.OperationSpec("upsample", name=name, shape=shape, size=self.size)

    def __repr__(self) -> str:
        return self._call(repr(self.size))
