"""Pooling: layers that reduce each window of an image to one number, channel by channel."""

from __future__ import annotations

from collections.abc import Sequence

from .. import _core
from ..inputs.arguments import check_choice, check_pair
from ..regularizers import Regularizer
from .base import Layer, Shape, as_image

__all__ = ["AveragePool2D", "GlobalAveragePool2D", "GlobalMaxPool2D", "MaxPool2D"]

_PADDINGS = ("valid", "same")


class _Pool(Layer):
    """The base of pooling layers: the engine's kind, and the windows."""

    engine_kind: str

    def windows(self, shape: Shape) -> tuple[tuple[int, int], tuple[int, int], str]:
        """Return pool size, strides and padding on images of this shape."""
        raise NotImplementedError

    def operation(
        self,
        name: str,
        shape: Shape,
        regularizer: Regularizer | None = None,
        branches: Sequence[Sequence[_core.OperationSpec]] = (),
    ) -> _core.OperationSpec:
        """Return the engine's operation."""
        pool_size, strides, padding = self.windows(shape)
        return _core.OperationSpec(
            self.engine_kind, name=name, shape=shape, pool_size=pool_size, strides=strides, same=padding == "same"
        )


class _WindowPool(_Pool):
    """The base of pooling by windows."""

    def __init__(
        self,
        pool_size: int | tuple[int, int] = 2,
        strides: int | tuple[int, int] | None = None,
        padding: str = "valid",
        *,
        name: str | None = None,
    ) -> None:
        super().__init__(name=name)
        self.pool_size = check_pair("pool_size", pool_size)
        self.strides = self.pool_size if strides is None else check_pair("strides", strides)
        self.padding = check_choice("padding", padding, _PADDINGS)

    def windows(self, shape: Shape) -> tuple[tuple[int, int], tuple[int, int], str]:
        """Return the arguments."""
        return self.pool_size, self.strides, self.padding

    def output_shape(self, shape: Shape) -> Shape:
        """Return (windows down, windows across, channels)."""
        *size, channels = as_image(self, shape)
        if self.padding == "same":
            down, across = (-(-length // stride) for length, stride in zip(size, self.strides, strict=True))
            return down, across, channels
        if any(pool > length for pool, length in zip(self.pool_size, size, strict=True)):
            raise ValueError(
                f"pool_size {self.pool_size} exceeds input {tuple(size)} (padding='valid', rows of shape {shape})"
            )
        down, across = (
            (length - pool) // stride + 1
            for length, pool, stride in zip(size, self.pool_size, self.strides, strict=True)
        )
        return down, across, channels

    def __repr__(self) -> str:
        return self._call(repr(self.pool_size), strides=(self.strides, self.pool_size), padding=(self.padding, "valid"))


class MaxPool2D(_WindowPool):
    """y = the largest pixel of each window, channel by channel.

    A NaN counts as larger than any number. In the backward pass, a window's gradient goes to the first of its largest
    pixels, row by row (the first NaN, if there is one); gradients from several windows to one pixel are added in the
    windows' order.

    Parameters
    ----------
    pool_size : int >= 1 or two of them, default=2
        Rows and columns of a window; one int for both.
    strides : int >= 1 or two of them, optional
        Steps from a window to the next one below, and to the next one on the right; None is `pool_size`.
    padding : {"valid", "same"}, default="valid"
        "valid": windows that are entirely in the image, floor((size - pool) / stride) + 1 of them. "same":
        ceil(size / stride) windows; the padding is halved between both sides, with an odd row or column below or on the
        right, and is ignored in the maximum.
    name : str, optional
        Default: max_pool2d, max_pool2d_1 ...

    Raises
    ------
    ValueError, TypeError
        For a value that is not allowed; when a model is built, for rows that are not images or smaller than a window.

    References
    ----------
    Ranzato, Huang, Boureau and LeCun, "Unsupervised learning of invariant feature hierarchies with applications to
    object recognition", 2007.

    Examples
    --------
    >>> import numpy as np
    >>> import ravine as rv
    >>> model = rv.Sequential([rv.layers.Input((4, 4, 1)), rv.layers.MaxPool2D(2)])
    >>> model.predict(np.arange(16.0).reshape(1, 4, 4, 1))[0, :, :, 0].tolist()
    [[5.0, 7.0], [13.0, 15.0]]
    """

    kind = "max_pool2d"
    engine_kind = "max_pool"


class AveragePool2D(_WindowPool):
    """y = the mean of each window's pixels, channel by channel; padding does not count.

    In the backward pass, each of a window's n pixels gets dy / n.

    Parameters
    ----------
    pool_size : int >= 1 or two of them, default=2
        Rows and columns of a window; one int for both.
    strides : int >= 1 or two of them, optional
        Steps from a window to the next one below, and to the next one on the right; None is `pool_size`.
    padding : {"valid", "same"}, default="valid"
        As for `MaxPool2D`.
    name : str, optional
        Default: average_pool2d, average_pool2d_1 ...

    Raises
    ------
    ValueError, TypeError
        For a value that is not allowed; when a model is built, for rows that are not images or smaller than a window.

    References
    ----------
    LeCun, Boser, Denker, Henderson, Howard, Hubbard and Jackel, "Handwritten digit recognition with a back-propagation
    network", 1990.

    Examples
    --------
    >>> import numpy as np
    >>> import ravine as rv
    >>> model = rv.Sequential([rv.layers.Input((3, 3, 1)), rv.layers.AveragePool2D(2, padding="same")])
    >>> model.predict(np.arange(9.0).reshape(1, 3, 3, 1))[0, :, :, 0].tolist()
    [[2.0, 3.5], [6.5, 8.0]]
    """

    kind = "average_pool2d"
    engine_kind = "average_pool"


class _GlobalPool(_Pool):
    """The base of pooling over whole images."""

    def __init__(self, *, name: str | None = None) -> None:
        super().__init__(name=name)

    def windows(self, shape: Shape) -> tuple[tuple[int, int], tuple[int, int], str]:
        """Return one window, the image."""
        height, width, _ = as_image(self, shape)
        return (height, width), (height, width), "valid"

    def output_shape(self, shape: Shape) -> Shape:
        """Return (channels,)."""
        return (as_image(self, shape)[2],)

    def __repr__(self) -> str:
        return self._call()


class GlobalAveragePool2D(_GlobalPool):
    """y = the mean of each channel over the image: rows (height, width, channels) become (channels,).

    Parameters
    ----------
    name : str, optional
        Default: global_average_pool2d, global_average_pool2d_1 ...

    Raises
    ------
    ValueError, TypeError
        For a value that is not allowed; when a model is built, for rows that are not images.

    References
    ----------
    Lin, Chen and Yan, "Network in network", 2014.

    Examples
    --------
    >>> import numpy as np
    >>> import ravine as rv
    >>> model = rv.Sequential([rv.layers.Input((2, 2, 3)), rv.layers.GlobalAveragePool2D()])
    >>> model.predict(np.arange(12.0).reshape(1, 2, 2, 3)).tolist()
    [[4.5, 5.5, 6.5]]
    """

    kind = "global_average_pool2d"
    engine_kind = "average_pool"


class GlobalMaxPool2D(_GlobalPool):
    """y = the largest pixel of each channel: rows (height, width, channels) become (channels,).

    NaN and equal pixels are handled as by `MaxPool2D`.

    Parameters
    ----------
    name : str, optional
        Default: global_max_pool2d, global_max_pool2d_1 ...

    Raises
    ------
    ValueError, TypeError
        For a value that is not allowed; when a model is built, for rows that are not images.

    Examples
    --------
    >>> import numpy as np
    >>> import ravine as rv
    >>> model = rv.Sequential([rv.layers.Input((2, 2, 3)), rv.layers.GlobalMaxPool2D()])
    >>> model.predict(np.arange(12.0).reshape(1, 2, 2, 3)).tolist()
    [[9.0, 10.0, 11.0]]
    """

    kind = "global_max_pool2d"
    engine_kind = "max_pool"
