"""The base class of layers, and checks of a list of layers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from .. import _core
from ..descriptions import Described
from ..initializers import Initializer
from ..inputs.arguments import check_flag, check_name, check_shape
from ..regularizers import Regularizer

__all__ = ["Input", "Layer", "Shape", "as_image", "check_layers", "follow", "in_depth", "layer_names"]

Shape = tuple[int, ...]


class Layer(Described):
    """The base class of layers.

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
    #: Whether the engine has an operation for it.
    computes = True
    #: Whether its output in training is random, drawn anew at each evaluation.
    draws = False

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

    def id_limit(self) -> int:
        """Return the upper bound of its input's ids; 0 if it takes numbers."""
        return 0

    def output_shape(self, shape: Shape) -> Shape:
        """Return the shape of a row's output from that of its input."""
        return shape

    @property
    def branches(self) -> tuple[tuple[Layer, ...], ...]:
        """Layers inside this one, in the order of evaluation; empty for most."""
        return ()

    def parameter_shapes(self, shape: Shape) -> dict[str, Shape]:
        """Return the shapes of its own parameters, by short name, for an input row of this shape."""
        return {}

    def statistic_shapes(self, shape: Shape) -> dict[str, Shape]:
        """Return the shapes of the statistics that it learns without gradients, by short name, for an input row."""
        return {}

    def least_batch(self, shape: Shape) -> int:
        """Return the smallest number of rows that a training batch must have, for this shape of a row."""
        return 1

    def parameter_initializers(self) -> dict[str, Initializer]:
        """Return the initializers of its own parameters, by short name."""
        return {}

    def operation(
        self,
        name: str,
        shape: Shape,
        regularizer: Regularizer | None = None,
        branches: Sequence[Sequence[_core.OperationSpec]] = (),
    ) -> _core.OperationSpec | None:
        """Return the engine's operation for this layer; None if it has none.

        Parameters
        ----------
        name : str
            The layer's name in a model.
        shape : tuple of ints
            The shape of a row of its input.
        regularizer : Regularizer, optional
            The penalty on its kernel: the layer's own, or the model's.
        branches : sequence of sequences of OperationSpec
            The engine's operations for the layers inside this one.
        """
        return None

    def _call(self, *shown: str, **settings: tuple[Any, Any]) -> str:
        """Return the call that makes the layer: what is `shown`, and settings (value, default) that are not default."""
        settings |= {"name": (self.name, None), "trainable": (self.trainable, True)}
        given = [f"{name}={value!r}" for name, (value, usual) in settings.items() if repr(value) != repr(usual)]
        return f"{type(self).__name__}({', '.join([*shown, *given])})"


class Input(Layer):
    """The shape of a row of X, so that a model has its weights before it sees data. It must be the first layer.

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
    computes = False

    def __init__(self, shape: int | tuple[int, ...], *, name: str | None = None) -> None:
        super().__init__(name=name)
        self.shape: Shape = check_shape(shape)
        if not self.shape:
            raise ValueError("shape must have at least one size, got ()")

    def __repr__(self) -> str:
        return self._call(repr(self.shape))


def as_image(layer: Layer, shape: Shape) -> tuple[int, int, int]:
    """Return the shape of a row as (height, width, channels); ValueError for other rows."""
    if len(shape) != 3:
        raise ValueError(
            f"{type(layer).__name__} takes images, rows of shape (height, width, channels), got rows of shape {shape}; "
            "put Reshape before it"
        )
    return shape[0], shape[1], shape[2]


def in_depth(layers: Sequence[Layer]) -> Iterator[Layer]:
    """Give every layer, and after each the layers inside it."""
    for layer in layers:
        yield layer
        for branch in layer.branches:
            yield from in_depth(branch)


def follow(layers: Sequence[Layer], shape: Shape) -> Shape:
    """Return the shape of a row after the layers; an error names the index and kind of the layer that refuses."""
    for index, layer in enumerate(layers):
        try:
            shape = layer.output_shape(shape)
        except ValueError as error:
            raise ValueError(f"its layer {index} ({layer.name or layer.kind}): {error}") from None
    return shape


def check_layers(layers: Any) -> list[Layer]:
    """Return the layers as a list; Input comes first or not at all, and no layer is used twice."""
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
            raise ValueError(f"layers[{i}] is the same object as layers[{first}]; make a new layer for each position")
    seen: set[int] = set()
    for layer in in_depth(checked):
        if id(layer) in seen:
            raise ValueError(f"{layer!r} is used twice; make a new layer for each position")
        seen.add(id(layer))
    return checked


def layer_names(layers: Sequence[Layer]) -> list[str]:
    """Return a name for every layer: its own, or that of its kind, numbered from the second on."""
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
