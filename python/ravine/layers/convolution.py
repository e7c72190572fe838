"""Convolutions of images and sequences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import _core
from ..constraints import MaxNorm
from ..initializers import Array, Initializer, _Scaled
from ..inputs.arguments import check_choice, check_int, check_pair
from ..regularizers import Regularizer
from .activation import Activation
from .base import Shape
from .kernel import KernelLayer

__all__ = ["Conv1D", "Conv2D", "DepthwiseConv2D"]

_PADDINGS = ("valid", "same")


def _one(name: str, value: Any) -> int:
    """Return an int, also from a tuple of one."""
    return check_int(name, value[0] if isinstance(value, (tuple, list)) and len(value) == 1 else value, 1)


def _zeros(size: int, kernel: int, stride: int, dilation: int, padding: str) -> tuple[int, int]:
    """Return the zeros before and after an axis: for "same", as many as ceil(size / stride) outputs need."""
    if padding == "valid":
        return 0, 0
    missing = max(0, (-(-size // stride) - 1) * stride + (kernel - 1) * dilation + 1 - size)
    return missing // 2, missing - missing // 2


class _Convolution(KernelLayer):
    """The base of convolutions: the image for the engine, and how the kernel moves over it."""

    kernel_size: Any
    strides: Any
    dilation: Any
    padding: str

    def _pairs(self) -> tuple[tuple[int, int], tuple[int, int], tuple[int, int]]:
        """Return kernel size, strides and dilation, down and across."""
        return self.kernel_size, self.strides, self.dilation

    def _image(self, shape: Shape) -> tuple[int, int, int]:
        """Return the shape of a row as an image."""
        if len(shape) != 3:
            raise ValueError(
                f"{type(self).__name__} takes images, rows of shape (height, width, channels), got rows of shape "
                f"{shape}; put Reshape before it"
            )
        return shape[0], shape[1], shape[2]

    def _zeros(self, shape: Shape) -> tuple[tuple[int, int], tuple[int, int]]:
        image, pairs = self._image(shape), zip(*self._pairs(), strict=True)
        down, across = (_zeros(size, *pair, self.padding) for size, pair in zip(image[:2], pairs, strict=True))
        return down, across

    def _outputs(self, shape: Shape) -> tuple[int, int]:
        """Return height and width of the output."""
        image, (kernel, strides, dilation) = self._image(shape), self._pairs()
        reach = tuple((k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True))
        padded = tuple(size + sum(zeros) for size, zeros in zip(image[:2], self._zeros(shape), strict=True))
        if reach[0] > padded[0] or reach[1] > padded[1]:
            included = "" if dilation == (1, 1) else f", dilation {dilation} included,"
            raise ValueError(
                f"kernel {reach}{included} exceeds padded input {padded} (kernel_size={self.kernel_size}, "
                f"padding={self.padding!r}, rows of shape {shape})"
            )
        height, width = ((p - r) // s + 1 for p, r, s in zip(padded, reach, strides, strict=True))
        return height, width

    def _spec(
        self, name: str, shape: Shape, filters: int, groups: int, regularizer: Regularizer | None
    ) -> _core.OperationSpec:
        kernel, strides, dilation = self._pairs()
        (top, bottom), (left, right) = self._zeros(shape)
        return _core.OperationSpec(
            "conv2d",
            name=name,
            shape=self._image(shape),
            units=filters,
            kernel_size=kernel,
            strides=strides,
            dilation=dilation,
            padding=(top, bottom, left, right),
            groups=groups,
            kernel_shape=self.parameter_shapes(shape)["kernel"],
            **self._described(regularizer),
        )

    def _settings(self) -> dict[str, tuple[Any, Any]]:
        one = (1, 1) if isinstance(self.strides, tuple) else 1
        return {"strides": (self.strides, one), "padding": (self.padding, "valid"), "dilation": (self.dilation, one)}


class Conv2D(_Convolution):
    """y = f(x * W + b): a convolution of images, with W (kernel_height, kernel_width, channels / groups, filters).

    ``y[i, j, f] = sum_uvc x[i s + u d - top, j s + v d - left, c] W[u, v, c, f] + b[f]``, where x is 0 outside the
    image, s are the strides and d the dilation.

    Parameters
    ----------
    filters : int >= 1
        Channels of the output.
    kernel_size : int or (int, int)
        Height and width of the kernel.
    strides : int or (int, int), default=(1, 1)
        Pixels from one output to the next, down and across.
    padding : {"valid", "same"}, default="valid"
        "same" pads the image with zeros so that there are ceil(size / stride) outputs along each side; an odd zero
        goes to the end.
    dilation : int or (int, int), default=(1, 1)
        Pixels from one element of the kernel to the next.
    groups : int >= 1, default=1
        Group g maps the g-th share of the channels to the g-th share of the filters.
    activation : str or Activation, optional
        f, see `Activation`; None is linear.
    use_bias : bool, default=True
        Whether to add the bias b.
    kernel_initializer : str or Initializer, default="glorot_uniform"
        Initial values of W; fan_in is kernel_height kernel_width channels / groups.
    bias_initializer : str or Initializer, default="zeros"
        Initial values of b.
    l1, l2 : float >= 0, default=0
        Short for `kernel_regularizer=L1L2(l1, l2)`: the penalty l1 sum |W| + l2 sum W^2, added to the loss.
    kernel_regularizer : str or Regularizer, optional
        Any other penalty on W, see `ravine.regularizers`; None is the model's, if it has one. `L1L2()` is none.
    kernel_constraint : str or MaxNorm, optional
        What each filter of W must satisfy after each step, see `ravine.constraints`.
    name : str, optional
        Default: conv2d, conv2d_1 ...
    trainable : bool, default=True
        Whether `fit` changes W and b.

    Raises
    ------
    ValueError, TypeError
        For a value that is not allowed; when a model is built, for rows that are not images, groups that do not divide
        channels and filters, and a kernel that is larger than the image with its zeros.

    References
    ----------
    LeCun, Bottou, Bengio and Haffner, "Gradient-based learning applied to document recognition", 1998.

    Examples
    --------
    >>> import ravine as rv
    >>> layers = [rv.layers.Input((28, 28, 1)), rv.layers.Conv2D(6, 5, activation="relu"), rv.layers.Flatten()]
    >>> model = rv.Sequential([*layers, rv.layers.Dense(10)], random_state=0)
    >>> {name: w.shape for name, w in model.parameters.items()}["conv2d/kernel"]
    (5, 5, 1, 6)
    """

    kind = "conv2d"

    def __init__(
        self,
        filters: int,
        kernel_size: int | tuple[int, int],
        *,
        strides: int | tuple[int, int] = (1, 1),
        padding: str = "valid",
        dilation: int | tuple[int, int] = (1, 1),
        groups: int = 1,
        activation: str | Activation | None = None,
        use_bias: bool = True,
        kernel_initializer: str | Initializer = "glorot_uniform",
        bias_initializer: str | Initializer = "zeros",
        l1: float = 0.0,
        l2: float = 0.0,
        kernel_regularizer: str | Regularizer | None = None,
        kernel_constraint: str | MaxNorm | None = None,
        name: str | None = None,
        trainable: bool = True,
    ) -> None:
        super().__init__(
            activation=activation,
            use_bias=use_bias,
            kernel_initializer=kernel_initializer,
            bias_initializer=bias_initializer,
            l1=l1,
            l2=l2,
            kernel_regularizer=kernel_regularizer,
            kernel_constraint=kernel_constraint,
            name=name,
            trainable=trainable,
        )
        self.filters = check_int("filters", filters, 1)
        self.kernel_size = check_pair("kernel_size", kernel_size)
        self.strides = check_pair("strides", strides)
        self.padding = check_choice("padding", padding, _PADDINGS)
        self.dilation = check_pair("dilation", dilation)
        self.groups = check_int("groups", groups, 1)
        if self.filters % self.groups:
            raise ValueError(f"groups must divide filters={self.filters}, got {groups!r}")

    def output_shape(self, shape: Shape) -> Shape:
        """Return (height, width, filters) of the output."""
        channels = self._image(shape)[2]
        if channels % self.groups:
            raise ValueError(f"groups={self.groups} must divide the channels of rows of shape {shape}")
        return (*self._outputs(shape), self.filters)

    def parameter_shapes(self, shape: Shape) -> dict[str, Shape]:
        """Return the shapes of kernel and bias."""
        kernel = (*self.kernel_size, self._image(shape)[2] // self.groups, self.filters)
        return {"kernel": kernel} | ({"bias": (self.filters,)} if self.use_bias else {})

    def operation(
        self,
        name: str,
        shape: Shape,
        regularizer: Regularizer | None = None,
        branches: Sequence[Sequence[_core.OperationSpec]] = (),
    ) -> _core.OperationSpec:
        """Return the engine's operation."""
        return self._spec(name, shape, self.filters, self.groups, regularizer)

    def __repr__(self) -> str:
        settings = self._settings() | {"groups": (self.groups, 1)}
        return self._kernel_call(repr(self.filters), repr(self.kernel_size), **settings)


class _PerChannel(Initializer):
    """Initial values for depthwise kernels, with the fans of one channel."""

    def __init__(self, each: Initializer) -> None:
        self.each = each

    def fill(self, out: Array, *, seed: int, stream: int = 0) -> None:
        """Write the values into (height, width, channels, multiplier)."""
        if isinstance(self.each, _Scaled):
            taps = out.shape[0] * out.shape[1]
            self.each.fill_for(out, taps, taps * out.shape[3], seed=seed, stream=stream)
        else:
            self.each.fill(out, seed=seed, stream=stream)


class DepthwiseConv2D(_Convolution):
    """y = f(x * W + b), with separate kernels for each channel: W (kernel_height, kernel_width, channels, multiplier).

    Output channel c multiplier + m is channel c convolved with W[:, :, c, m]; otherwise as `Conv2D`.

    Parameters
    ----------
    kernel_size : int or (int, int)
        Height and width of the kernels.
    depth_multiplier : int >= 1, default=1
        Outputs of each channel.
    strides, padding, dilation
        As for `Conv2D`.
    activation, use_bias, kernel_initializer, bias_initializer, l1, l2, kernel_regularizer, kernel_constraint
        As for `Conv2D`. The fans of the initial values are those of one channel: fan_in is kernel_height kernel_width.
    name : str, optional
        Default: depthwise_conv2d, depthwise_conv2d_1 ...
    trainable : bool, default=True
        Whether `fit` changes W and b.

    Raises
    ------
    ValueError, TypeError
        For a value that is not allowed; when a model is built, for rows that are not images, and a kernel that is
        larger than the image with its zeros.

    References
    ----------
    Howard, Zhu, Chen, Kalenichenko, Wang, Weyand, Andreetto and Adam, "MobileNets: efficient convolutional neural
    networks for mobile vision applications", 2017.

    Examples
    --------
    >>> import ravine as rv
    >>> layer = rv.layers.DepthwiseConv2D(3, padding="same", depth_multiplier=2)
    >>> layer.output_shape((8, 8, 16)), layer.parameter_shapes((8, 8, 16))["kernel"]
    ((8, 8, 32), (3, 3, 16, 2))
    """

    kind = "depthwise_conv2d"

    def __init__(
        self,
        kernel_size: int | tuple[int, int],
        *,
        depth_multiplier: int = 1,
        strides: int | tuple[int, int] = (1, 1),
        padding: str = "valid",
        dilation: int | tuple[int, int] = (1, 1),
        activation: str | Activation | None = None,
        use_bias: bool = True,
        kernel_initializer: str | Initializer = "glorot_uniform",
        bias_initializer: str | Initializer = "zeros",
        l1: float = 0.0,
        l2: float = 0.0,
        kernel_regularizer: str | Regularizer | None = None,
        kernel_constraint: str | MaxNorm | None = None,
        name: str | None = None,
        trainable: bool = True,
    ) -> None:
        super().__init__(
            activation=activation,
            use_bias=use_bias,
            kernel_initializer=kernel_initializer,
            bias_initializer=bias_initializer,
            l1=l1,
            l2=l2,
            kernel_regularizer=kernel_regularizer,
            kernel_constraint=kernel_constraint,
            name=name,
            trainable=trainable,
        )
        self.kernel_size = check_pair("kernel_size", kernel_size)
        self.depth_multiplier = check_int("depth_multiplier", depth_multiplier, 1)
        self.strides = check_pair("strides", strides)
        self.padding = check_choice("padding", padding, _PADDINGS)
        self.dilation = check_pair("dilation", dilation)

    def output_shape(self, shape: Shape) -> Shape:
        """Return (height, width, channels * depth_multiplier) of the output."""
        return (*self._outputs(shape), self._image(shape)[2] * self.depth_multiplier)

    def parameter_shapes(self, shape: Shape) -> dict[str, Shape]:
        """Return the shapes of kernel and bias."""
        channels = self._image(shape)[2]
        kernel = (*self.kernel_size, channels, self.depth_multiplier)
        return {"kernel": kernel} | ({"bias": (channels * self.depth_multiplier,)} if self.use_bias else {})

    def parameter_initializers(self) -> dict[str, Initializer]:
        """Return the initializers of kernel and bias."""
        return {"kernel": _PerChannel(self.kernel_initializer), "bias": self.bias_initializer}

    def operation(
        self,
        name: str,
        shape: Shape,
        regularizer: Regularizer | None = None,
        branches: Sequence[Sequence[_core.OperationSpec]] = (),
    ) -> _core.OperationSpec:
        """Return the engine's operation."""
        channels = self._image(shape)[2]
        return self._spec(name, shape, channels * self.depth_multiplier, channels, regularizer)

    def __repr__(self) -> str:
        settings = {"depth_multiplier": (self.depth_multiplier, 1)} | self._settings()
        return self._kernel_call(repr(self.kernel_size), **settings)


class Conv1D(_Convolution):
    """y = f(x * W + b): a convolution of sequences, with W (kernel_size, channels / groups, filters).

    ``y[j, f] = sum_vc x[j s + v d - left, c] W[v, c, f] + b[f]``, where x is 0 outside the sequence.

    Parameters
    ----------
    filters : int >= 1
        Channels of the output.
    kernel_size : int >= 1
        Length of the kernel.
    strides : int >= 1, default=1
        Steps in the sequence from one output to the next.
    padding : {"valid", "same"}, default="valid"
        "same" pads the sequence with zeros so that there are ceil(length / stride) outputs; an odd zero goes to the
        end.
    dilation : int >= 1, default=1
        Steps in the sequence from one element of the kernel to the next.
    groups : int >= 1, default=1
        Group g maps the g-th share of the channels to the g-th share of the filters.
    activation, use_bias, kernel_initializer, bias_initializer, l1, l2, kernel_regularizer, kernel_constraint
        As for `Conv2D`.
    name : str, optional
        Default: conv1d, conv1d_1 ...
    trainable : bool, default=True
        Whether `fit` changes W and b.

    Raises
    ------
    ValueError, TypeError
        For a value that is not allowed; when a model is built, for rows that are not sequences (length, channels),
        groups that do not divide channels and filters, and a kernel that is longer than the sequence with its zeros.

    Examples
    --------
    >>> import ravine as rv
    >>> layer = rv.layers.Conv1D(4, 3, strides=2, padding="same", activation="relu")
    >>> layer.output_shape((9, 2)), layer.parameter_shapes((9, 2))["kernel"]
    ((5, 4), (3, 2, 4))
    """

    kind = "conv1d"

    def __init__(
        self,
        filters: int,
        kernel_size: int,
        *,
        strides: int = 1,
        padding: str = "valid",
        dilation: int = 1,
        groups: int = 1,
        activation: str | Activation | None = None,
        use_bias: bool = True,
        kernel_initializer: str | Initializer = "glorot_uniform",
        bias_initializer: str | Initializer = "zeros",
        l1: float = 0.0,
        l2: float = 0.0,
        kernel_regularizer: str | Regularizer | None = None,
        kernel_constraint: str | MaxNorm | None = None,
        name: str | None = None,
        trainable: bool = True,
    ) -> None:
        super().__init__(
            activation=activation,
            use_bias=use_bias,
            kernel_initializer=kernel_initializer,
            bias_initializer=bias_initializer,
            l1=l1,
            l2=l2,
            kernel_regularizer=kernel_regularizer,
            kernel_constraint=kernel_constraint,
            name=name,
            trainable=trainable,
        )
        self.filters = check_int("filters", filters, 1)
        self.kernel_size = _one("kernel_size", kernel_size)
        self.strides = _one("strides", strides)
        self.padding = check_choice("padding", padding, _PADDINGS)
        self.dilation = _one("dilation", dilation)
        self.groups = check_int("groups", groups, 1)
        if self.filters % self.groups:
            raise ValueError(f"groups must divide filters={self.filters}, got {groups!r}")

    def _pairs(self) -> tuple[tuple[int, int], tuple[int, int], tuple[int, int]]:
        return (1, self.kernel_size), (1, self.strides), (1, self.dilation)

    def _image(self, shape: Shape) -> tuple[int, int, int]:
        if len(shape) != 2:
            raise ValueError(f"Conv1D takes sequences, rows of shape (length, channels), got rows of shape {shape}")
        return 1, shape[0], shape[1]

    def output_shape(self, shape: Shape) -> Shape:
        """Return (length, filters) of the output."""
        channels = self._image(shape)[2]
        if channels % self.groups:
            raise ValueError(f"groups={self.groups} must divide the channels of rows of shape {shape}")
        return (self._outputs(shape)[1], self.filters)

    def parameter_shapes(self, shape: Shape) -> dict[str, Shape]:
        """Return the shapes of kernel and bias."""
        kernel = (self.kernel_size, self._image(shape)[2] // self.groups, self.filters)
        return {"kernel": kernel} | ({"bias": (self.filters,)} if self.use_bias else {})

    def operation(
        self,
        name: str,
        shape: Shape,
        regularizer: Regularizer | None = None,
        branches: Sequence[Sequence[_core.OperationSpec]] = (),
    ) -> _core.OperationSpec:
        """Return the engine's operation."""
        return self._spec(name, shape, self.filters, self.groups, regularizer)

    def __repr__(self) -> str:
        settings = self._settings() | {"groups": (self.groups, 1)}
        return self._kernel_call(repr(self.filters), repr(self.kernel_size), **settings)
