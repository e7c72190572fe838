"""Layers made of layers: branches with a common input, whose outputs are merged."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from .. import _core
from ..inputs.arguments import check_choice
from ..regularizers import Regularizer
from .base import Input, Layer, Shape, follow

__all__ = ["Parallel", "Residual"]

_MERGES = ("concat", "add", "mean")


def _check_branch(name: str, layers: Any) -> tuple[Layer, ...]:
    if isinstance(layers, Layer) or not hasattr(layers, "__iter__"):
        raise TypeError(f"{name} must be a list of layers, got {layers!r}")
    checked = tuple(layers)
    for i, layer in enumerate(checked):
        if not isinstance(layer, Layer):
            raise TypeError(f"{name}[{i}] must be a layer such as layers.Dense(10), got {layer!r}")
        if isinstance(layer, Input):
            raise ValueError(f"{name}[{i}] is {layer}; Input can only begin a model")
    return checked


class Parallel(Layer):
    """Branches with a common input; their outputs are concatenated, added, or averaged.

    With branches f_1 ... f_k: y = (f_1(x), ..., f_k(x)) along the last axis for "concat", sum_i f_i(x) for "add", sum_i
    f_i(x) / k for "mean". In the backward pass, dx is the sum of the branches' gradients, in their order. A branch
    without layers is x itself.

    Parameters
    ----------
    branches : list of lists of layers
        At least one. Their outputs must have the same shape; with "concat" the last size may differ.
    merge : {"concat", "add", "mean"}, default="concat"
        How the outputs are merged.
    name : str, optional
        Default: parallel, parallel_1 ... Parameters inside are named "parallel/dense/kernel".
    trainable : bool, default=True
        False freezes every layer inside.

    Raises
    ------
    ValueError, TypeError
        For a value that is not allowed; when a model is built, for branches whose outputs cannot be merged.

    References
    ----------
    Szegedy, Liu, Jia, Sermanet, Reed, Anguelov, Erhan, Vanhoucke and Rabinovich, "Going deeper with convolutions",
    2015.

    Examples
    --------
    >>> import ravine as rv
    >>> fork = rv.layers.Parallel([[rv.layers.Dense(3, "relu")], [rv.layers.Dense(2, "tanh")], []])
    >>> model = rv.Sequential([rv.layers.Input(4), fork, rv.layers.Dense(1)], random_state=0)
    >>> model.parameters["dense/kernel"].shape
    (9, 1)
    >>> [name for name in model.parameters if name.endswith("kernel")]
    ['parallel/dense/kernel', 'parallel/dense_1/kernel', 'dense/kernel']
    """

    kind = "parallel"

    def __init__(
        self,
        branches: Sequence[Sequence[Layer]],
        merge: str = "concat",
        *,
        name: str | None = None,
        trainable: bool = True,
    ) -> None:
        super().__init__(name=name, trainable=trainable)
        if isinstance(branches, Layer) or not hasattr(branches, "__iter__"):
            raise TypeError(f"branches must be a list of lists of layers, got {branches!r}")
        self._branches = tuple(_check_branch(f"branches[{i}]", branch) for i, branch in enumerate(branches))
        if not self._branches:
            raise ValueError("branches must have at least one list of layers, got []")
        self.merge = check_choice("merge", merge, _MERGES)

    @property
    def branches(self) -> tuple[tuple[Layer, ...], ...]:
        """The layers of each branch."""
        return self._branches

    def output_shape(self, shape: Shape) -> Shape:
        """Return the shape of the merged outputs."""
        ends = []
        for i, branch in enumerate(self.branches):
            try:
                ends.append(follow(branch, shape))
            except ValueError as error:
                raise ValueError(f"branch {i}: {error}") from None
        kept = -1 if self.merge == "concat" else None
        for i, end in enumerate(ends):
            if len(end) != len(ends[0]) or end[:kept] != ends[0][:kept]:
                free = " but for the last size" if kept else ""
                raise ValueError(
                    f"the branches' outputs must have one shape{free} for merge={self.merge!r}; branch 0 gives "
                    f"{ends[0]}, branch {i} gives {end}"
                )
        if self.merge == "concat":
            return (*ends[0][:-1], sum(end[-1] for end in ends))
        return ends[0]

    def operation(
        self,
        name: str,
        shape: Shape,
        regularizer: Regularizer | None = None,
        branches: Sequence[Sequence[_core.OperationSpec]] = (),
    ) -> _core.OperationSpec:
        """Return the engine's operation."""
        positions = math.prod(self.output_shape(shape)[:-1])
        return _core.OperationSpec(self.merge, name=name, positions=positions, branches=branches)

    def _arguments(self) -> dict[str, Any]:
        return {"branches": [list(branch) for branch in self.branches]}

    def __repr__(self) -> str:
        return self._call(repr([list(branch) for branch in self.branches]), merge=(self.merge, "concat"))


class Residual(Layer):
    """y = x + f(x): the output of the layers is added to their input.

    The gradient reaches x along both branches, dx = dy + (df/dx)^T dy, so that it does not vanish in deep networks.

    Parameters
    ----------
    layers : list of layers
        f, which must keep a row's shape.
    name : str, optional
        Default: residual, residual_1 ... Parameters inside are named "residual/dense/kernel".
    trainable : bool, default=True
        False freezes every layer inside.

    Raises
    ------
    ValueError, TypeError
        For a value that is not allowed; when a model is built, where the layers change a row's shape.

    References
    ----------
    He, Zhang, Ren and Sun, "Deep residual learning for image recognition", 2016.

    Examples
    --------
    >>> import ravine as rv
    >>> block = rv.layers.Residual([rv.layers.Dense(4, "relu"), rv.layers.Dense(4, kernel_initializer="zeros")])
    >>> model = rv.Sequential([rv.layers.Input(4), block], random_state=0)
    >>> model.predict([[1.0, 2.0, 3.0, 4.0]]).tolist()
    [[1.0, 2.0, 3.0, 4.0]]
    """

    kind = "residual"

    def __init__(self, layers: Sequence[Layer], *, name: str | None = None, trainable: bool = True) -> None:
        super().__init__(name=name, trainable=trainable)
        self._layers = _check_branch("layers", layers)
        if not self._layers:
            raise ValueError("layers must have at least one layer, got []")

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The layers of f."""
        return self._layers

    @property
    def branches(self) -> tuple[tuple[Layer, ...], ...]:
        """The branch without layers, and that of f."""
        return ((), self._layers)

    def output_shape(self, shape: Shape) -> Shape:
        """Return the same shape."""
        end = follow(self._layers, shape)
        if end != shape:
            raise ValueError(f"Residual adds what its layers give to their input; they make {end} of {shape}")
        return shape

    def operation(
        self,
        name: str,
        shape: Shape,
        regularizer: Regularizer | None = None,
        branches: Sequence[Sequence[_core.OperationSpec]] = (),
    ) -> _core.OperationSpec:
        """Return the engine's operation."""
        return _core.OperationSpec("add", name=name, positions=1, branches=branches)

    def _arguments(self) -> dict[str, Any]:
        return {"layers": list(self._layers)}

    def __repr__(self) -> str:
        return self._call(repr(list(self._layers)))
