"""Layers: what a network is made of. They describe; weights live in the model, so a layer costs nothing to make."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from . import _core
from . import initializers as init
from ._fixed import Described
from ._validation import check_choice, check_flag, check_int, check_name, check_number, check_shape
from .regularizers import L1L2

__all__ = ["ACTIVATIONS", "Activation", "Dense", "Dropout", "Flatten", "Input", "Layer"]

#: The activations, with the default of `alpha` for those that have one.
ACTIVATIONS: dict[str, float] = {
    "linear": 0.0,
    "step": 0.0,
    "relu": 0.0,
    "leaky_relu": 0.01,
    "elu": 1.0,
    "selu": 0.0,
    "sigmoid": 0.0,
    "tanh": 0.0,
    "softplus": 0.0,
    "gelu": 0.0,
    "silu": 0.0,
    "softmax": 0.0,
}
_WITH_ALPHA = ("leaky_relu", "elu")

Shape = tuple[int, ...]


class Layer(Described):
    """What all layers share.

    Parameters
    ----------
    name : str, optional
        Default: the kind's name, numbered within a model: dense, dense_1 ...
    trainable : bool, default=True
        Whether `fit` changes the layer's weights; may be changed between fits.

    Raises
    ------
    ValueError, TypeError
        For a value that is not allowed.
    """

    kind = "layer"

    def __init__(self, *, name: str | None = None, trainable: bool = True) -> None:
        self.name = None if name is None else check_name("name", name)
        self.trainable = trainable

    @property
    def trainable(self) -> bool:
        """Whether `fit` changes the layer's weights."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        self._trainable = check_flag("trainable", value)

    @property
    def activation_name(self) -> str:
        """The activation that the layer ends with."""
        return "linear"

    def output_shape(self, shape: Shape) -> Shape:
        """Return the shape of a row's output from that of its input."""
        return shape

    def operation(self, name: str) -> _core.OperationSpec | None:
        """Return what the engine does for this layer, under the name it has in a model; None for nothing."""
        return None


class Input(Layer):
    """Says the shape of a row of X, so that a model has its weights before it sees data. It is the first layer.

    Parameters
    ----------
    shape : int or tuple of ints
        The shape without the rows: `4`, `(4,)`, or `(height, width, channels)`.
    name : str, optional
        Its name.

    Raises
    ------
    ValueError, TypeError
        For a value that is not allowed.
    """

    kind = "input"

    def __init__(self, shape: int | tuple[int, ...], *, name: str | None = None) -> None:
        super().__init__(name=name)
        self.shape: Shape = check_shape(shape)
        if not self.shape:
            raise ValueError("shape must have at least one size, got ()")

    def __repr__(self) -> str:
        return f"Input({self.shape})"


class Activation(Layer):
    """y = f(x), elementwise; softmax along the row.

    Parameters
    ----------
    activation : str or None
        linear (None too), step (1 where x > 0; cannot be trained through), relu, leaky_relu, elu, selu, sigmoid, tanh,
        softplus, gelu (erf form), silu, softmax.
    alpha : float, optional
        leaky_relu's slope below 0 (default 0.01) or elu's limit (default 1); others have none.
    name : str, optional
        Default: activation, activation_1 ...

    Raises
    ------
    ValueError, TypeError
        For a value that is not allowed.

    Examples
    --------
    >>> import ravine as rv
    >>> rv.layers.Dense(8, rv.layers.Activation("leaky_relu", alpha=0.2))
    Dense(8, activation='leaky_relu')
    """

    kind = "activation"

    def __init__(self, activation: str | None, *, alpha: float | None = None, name: str | None = None) -> None:
        super().__init__(name=name)
        self.activation = "linear" if activation is None else check_choice("activation", activation, ACTIVATIONS)
        if alpha is not None and self.activation not in _WITH_ALPHA:
            raise ValueError(f"alpha belongs to leaky_relu and elu, got alpha={alpha!r} for {activation!r}")
        self.alpha = ACTIVATIONS[self.activation] if alpha is None else check_number("alpha", alpha, 0.0)

    @property
    def activation_name(self) -> str:
        """The activation."""
        return self.activation

    def output_shape(self, shape: Shape) -> Shape:
        """Return the same shape."""
        if self.activation == "softmax" and len(shape) > 1:
            raise ValueError(f"softmax takes flat rows, got rows of shape {shape}; put Flatten() before it")
        return shape

    def operation(self, name: str) -> _core.OperationSpec:
        """Return the engine's operation."""
        return _core.OperationSpec("activation", name=name, activation=self.activation, alpha=self.alpha)

    def __repr__(self) -> str:
        return f"Activation({self.activation!r})"


class Dense(Layer):
    """y = f(x W + b), with W (inputs, units) and b (units,).

    Parameters
    ----------
    units : int >= 1
        Outputs.
    activation : str or Activation, optional
        f, see `Activation`; None is linear.
    use_bias : bool, default=True
        Whether there is a b.
    kernel_initializer : str or Initializer, default="glorot_uniform"
        First values of W.
    bias_initializer : str or Initializer, default="zeros"
        First values of b.
    l1, l2 : float >= 0, default=0
        The penalty l1 sum |W| + l2 sum W^2, added to the loss.
    name : str, optional
        Default: dense, dense_1 ...
    trainable : bool, default=True
        Whether `fit` changes W and b.

    Raises
    ------
    ValueError
        For a value that is not allowed.

    Examples
    --------
    >>> import ravine as rv
    >>> model = rv.Sequential([rv.layers.Input(2), rv.layers.Dense(3)], random_state=0)
    >>> {name: w.shape for name, w in model.parameters.items()}
    {'dense/kernel': (2, 3), 'dense/bias': (3,)}
    """

    kind = "dense"

    def __init__(
        self,
        units: int,
        activation: str | Activation | None = None,
        *,
        use_bias: bool = True,
        kernel_initializer: str | init.Initializer = "glorot_uniform",
        bias_initializer: str | init.Initializer = "zeros",
        l1: float = 0.0,
        l2: float = 0.0,
        name: str | None = None,
        trainable: bool = True,
    ) -> None:
        super().__init__(name=name, trainable=trainable)
        self.units = check_int("units", units, 1)
        self.activation = activation if isinstance(activation, Activation) else Activation(activation)
        self.use_bias = check_flag("use_bias", use_bias)
        self.kernel_initializer = init.get(kernel_initializer, name="kernel_initializer")
        self.bias_initializer = init.get(bias_initializer, name="bias_initializer")
        self.regularizer = L1L2(l1, l2)

    @property
    def activation_name(self) -> str:
        """The activation."""
        return self.activation.activation

    def output_shape(self, shape: Shape) -> Shape:
        """Return (units,)."""
        if len(shape) != 1:
            raise ValueError(f"Dense takes flat rows, got rows of shape {shape}; put Flatten() before it")
        return (self.units,)

    def operation(self, name: str) -> _core.OperationSpec:
        """Return the engine's operation."""
        return _core.OperationSpec(
            "dense",
            name=name,
            units=self.units,
            use_bias=self.use_bias,
            activation=self.activation.activation,
            alpha=self.activation.alpha,
            l1=self.regularizer.l1,
            l2=self.regularizer.l2,
        )

    def __repr__(self) -> str:
        return f"Dense({self.units}, activation={self.activation.activation!r})"


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

    def __init__(self, rate: float = 0.5, *, name: str | None = None) -> None:
        super().__init__(name=name)
        self.rate = check_number("rate", rate, 0.0, 1.0)

    def operation(self, name: str) -> _core.OperationSpec:
        """Return the engine's operation."""
        return _core.OperationSpec("dropout", name=name, rate=self.rate)

    def __repr__(self) -> str:
        return f"Dropout({self.rate})"


class Flatten(Layer):
    """Makes a flat row of an image or any other array: (height, width, channels) to (height * width * channels,).

    `name` as for `Layer`.
    """

    kind = "flatten"

    def __init__(self, *, name: str | None = None) -> None:
        super().__init__(name=name)

    def output_shape(self, shape: Shape) -> Shape:
        """Return the product of the sizes."""
        return (math.prod(shape),)

    def __repr__(self) -> str:
        return "Flatten()"


def check_layers(layers: Any) -> list[Layer]:
    """Return the layers as a list; Input comes first or not at all, and no layer stands in two places."""
    if isinstance(layers, Layer) or not hasattr(layers, "__iter__"):
        raise TypeError(f"layers must be a list of layers, got {layers!r}")
    checked = list(layers)
    for i, layer in enumerate(checked):
        if not isinstance(layer, Layer):
            raise TypeError(f"layers[{i}] must be a layer such as layers.Dense(10), got {layer!r}")
        if isinstance(layer, Input) and i:
            raise ValueError(f"layers[{i}] is {layer}; Input must be the first layer")
        first = next(j for j, other in enumerate(checked) if other is layer)
        if first != i:
            raise ValueError(f"layers[{i}] is the same object as layers[{first}]; make one for each place")
    return checked


def layer_names(layers: Sequence[Layer]) -> list[str]:
    """Return a name for every layer: its own, or its kind's with a number from the second on."""
    given = [layer.name for layer in layers if layer.name is not None]
    for name in given:
        if given.count(name) > 1:
            raise ValueError(f"two layers are named {name!r}; names must differ")
    names, taken = [], set(given)
    for layer in layers:
        name, number = layer.name or layer.kind, 0
        while layer.name is None and name in taken:
            number += 1
            name = f"{layer.kind}_{number}"
        taken.add(name)
        names.append(name)
    return names
