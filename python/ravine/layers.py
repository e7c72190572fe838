"""Layers: what a network is made of. They describe; weights live in the model, so a layer costs nothing to make."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from . import _core, constraints, regularizers
from . import initializers as init
from ._fixed import Described
from ._validation import check_choice, check_flag, check_int, check_name, check_number, check_shape
from .constraints import MaxNorm
from .regularizers import L1L2, Regularizer

__all__ = ["ACTIVATIONS", "Activation", "Dense", "Dropout", "Flatten", "GaussianNoise", "Input", "Layer"]

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

    def operation(self, name: str, regularizer: Regularizer | None = None) -> _core.OperationSpec | None:
        """Return what the engine does for this layer, under the name it has in a model; None for nothing.

        `regularizer` is the penalty on its kernel: its own, or the model's.
        """
        return None

    def _call(self, *shown: str, **settings: tuple[Any, Any]) -> str:
        """Return the call that makes the layer: what is `shown`, and settings (value, usual) that are not as usual."""
        settings |= {"name": (self.name, None), "trainable": (self.trainable, True)}
        given = [f"{name}={value!r}" for name, (value, usual) in settings.items() if repr(value) != repr(usual)]
        return f"{type(self).__name__}({', '.join([*shown, *given])})"


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
        return self._call(repr(self.shape))


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
    Dense(8, activation=Activation('leaky_relu', alpha=0.2))
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

    def operation(self, name: str, regularizer: Regularizer | None = None) -> _core.OperationSpec:
        """Return the engine's operation."""
        return _core.OperationSpec("activation", name=name, activation=self.activation, alpha=self.alpha)

    def _arguments(self) -> dict[str, Any]:
        return {} if self.activation in _WITH_ALPHA else {"alpha": None}

    def __repr__(self) -> str:
        return self._call(repr(self.activation), alpha=(self.alpha, ACTIVATIONS[self.activation]))


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
        Short for `kernel_regularizer=L1L2(l1, l2)`: the penalty l1 sum |W| + l2 sum W^2, added to the loss.
    kernel_regularizer : str or Regularizer, optional
        Any other penalty on W, see `ravine.regularizers`; None is the model's, if it has one. `L1L2()` is none.
    kernel_constraint : str or MaxNorm, optional
        What W must satisfy after each step, see `ravine.constraints`.
    name : str, optional
        Default: dense, dense_1 ...
    trainable : bool, default=True
        Whether `fit` changes W and b.

    Raises
    ------
    ValueError, TypeError
        For a value that is not allowed, and for both l1 or l2 and a regularizer.

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
        kernel_regularizer: str | Regularizer | None = None,
        kernel_constraint: str | MaxNorm | None = None,
        name: str | None = None,
        trainable: bool = True,
    ) -> None:
        super().__init__(name=name, trainable=trainable)
        self.units = check_int("units", units, 1)
        self.activation = activation if isinstance(activation, Activation) else Activation(activation)
        self.use_bias = check_flag("use_bias", use_bias)
        self.kernel_initializer = init.get(kernel_initializer, name="kernel_initializer")
        self.bias_initializer = init.get(bias_initializer, name="bias_initializer")
        given = L1L2(l1, l2)
        if given and kernel_regularizer is not None:
            raise ValueError(
                f"give l1 and l2 or kernel_regularizer, not both, got l1={l1!r}, l2={l2!r} and {kernel_regularizer!r}"
            )
        regularizer: str | Regularizer | None = given if given else kernel_regularizer
        self.kernel_regularizer = (
            None if regularizer is None else regularizers.get(regularizer, name="kernel_regularizer")
        )
        self.kernel_constraint = (
            None if kernel_constraint is None else constraints.get(kernel_constraint, name="kernel_constraint")
        )

    @property
    def activation_name(self) -> str:
        """The activation."""
        return self.activation.activation

    def _arguments(self) -> dict[str, Any]:
        return {"l1": 0.0, "l2": 0.0}  # they stand in kernel_regularizer

    def output_shape(self, shape: Shape) -> Shape:
        """Return (units,)."""
        if len(shape) != 1:
            raise ValueError(f"Dense takes flat rows, got rows of shape {shape}; put Flatten() before it")
        return (self.units,)

    def operation(self, name: str, regularizer: Regularizer | None = None) -> _core.OperationSpec:
        """Return the engine's operation."""
        return _core.OperationSpec(
            "dense",
            name=name,
            units=self.units,
            use_bias=self.use_bias,
            activation=self.activation.activation,
            alpha=self.activation.alpha,
            l1=regularizer.l1 if regularizer else 0.0,
            l2=regularizer.l2 if regularizer else 0.0,
            l2_norm=regularizer.l2_norm if regularizer else 0.0,
            proximal=regularizer.proximal if regularizer else False,
            max_norm=self.kernel_constraint.max_value if self.kernel_constraint else 0.0,
        )

    def __repr__(self) -> str:
        plain = self.activation.alpha == ACTIVATIONS[self.activation.activation]
        return self._call(
            repr(self.units),
            f"activation={(self.activation.activation if plain else self.activation)!r}",
            use_bias=(self.use_bias, True),
            kernel_initializer=(self.kernel_initializer, init.GlorotUniform()),
            bias_initializer=(self.bias_initializer, init.Zeros()),
            kernel_regularizer=(self.kernel_regularizer, None),
            kernel_constraint=(self.kernel_constraint, None),
        )


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

    def operation(self, name: str, regularizer: Regularizer | None = None) -> _core.OperationSpec:
        """Return the engine's operation."""
        return _core.OperationSpec("dropout", name=name, rate=self.rate)

    def __repr__(self) -> str:
        return self._call(repr(self.rate))


class GaussianNoise(Layer):
    """In training, y = x + stddev z with z standard normal, drawn anew for every unit, row and step; otherwise y = x.

    The noise is a function of (seed, layer, step, position), the same for any number of threads; its derivative is 1.

    Parameters
    ----------
    stddev : float >= 0
        The standard deviation of what is added.
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

    def __init__(self, stddev: float, *, name: str | None = None) -> None:
        super().__init__(name=name)
        self.stddev = check_number("stddev", stddev, 0.0)

    def operation(self, name: str, regularizer: Regularizer | None = None) -> _core.OperationSpec:
        """Return the engine's operation."""
        return _core.OperationSpec("gaussian_noise", name=name, stddev=self.stddev)

    def __repr__(self) -> str:
        return self._call(repr(self.stddev))


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
        return self._call()


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
