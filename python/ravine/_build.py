"""From descriptions to an engine: shapes, names, operations and first values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from . import _core
from .initializers import Initializer
from .layers import Dense, Dropout, GaussianNoise, Layer, Shape, layer_names
from .regularizers import Regularizer

if TYPE_CHECKING:
    from ._core import Network

__all__ = ["Plan", "initialise", "make_network", "make_plan"]

# Random stream of the first values of parameter number p: _INITIALISER_STREAM | p.
_INITIALISER_STREAM = 1 << 24


def make_network(input_units: int, operations: list[_core.OperationSpec], seed: int, dtype: np.dtype[Any]) -> Network:
    """Return the compiled network; the one place where its class is chosen."""
    kind = _core.NetworkFloat32 if dtype == np.float32 else _core.NetworkFloat64
    return kind(input_units, operations, seed)


@dataclass
class Plan:
    """What a list of layers becomes for one shape of input.

    Attributes
    ----------
    names : list of str
        A name for each layer.
    shapes : list of tuple
        Each layer's output shape.
    operations : list
        What the engine does.
    operation_layers : list of int
        The layer behind each operation.
    regularizers : dict of str to Regularizer
        The penalty on a layer's kernel, by the layer's name, where there is one.
    factors : list of (str, float)
        The numbers by which something acts on kernels, with names for errors.
    after_steps : list of str
        What ends a step of the engine beside its update rule, for errors.
    """

    names: list[str]
    shapes: list[Shape] = field(default_factory=list)
    operations: list[_core.OperationSpec] = field(default_factory=list)
    operation_layers: list[int] = field(default_factory=list)
    regularizers: dict[str, Regularizer] = field(default_factory=dict)
    factors: list[tuple[str, float]] = field(default_factory=list)
    after_steps: list[str] = field(default_factory=list)

    def operations_up_to(self, layer: int) -> int:
        """Return how many operations the layers up to number `layer` (included) make."""
        return sum(place <= layer for place in self.operation_layers)


def make_plan(layers: Sequence[Layer], input_shape: Shape, kernel_regularizer: Regularizer | None = None) -> Plan:
    """Follow the shape of a row through the layers; the regularizer is for those with none of their own.

    Raises
    ------
    ValueError
        Where a layer cannot take what the one before gives, or none makes an operation; the layer is named.
    """
    plan, shape = Plan(layer_names(layers)), input_shape
    for place, (layer, name) in enumerate(zip(layers, plan.names, strict=True)):
        try:
            shape = layer.output_shape(shape)
        except ValueError as error:
            dimension = "" if place or len(shape) < 2 else f" (Found array with dim {len(shape) + 1}, rows included)"
            raise ValueError(f"layer {place} ({name}): {error}{dimension}") from None
        plan.shapes.append(shape)
        if isinstance(layer, Dense):
            _add_kernel(plan, name, layer, kernel_regularizer)
        operation = layer.operation(name, plan.regularizers.get(name))
        if operation is not None:
            plan.operations.append(operation)
            plan.operation_layers.append(place)
    if not plan.operations:
        raise ValueError("a Sequential needs at least one layer with something to compute, such as layers.Dense(1)")
    return plan


def _add_kernel(plan: Plan, name: str, layer: Dense, default: Regularizer | None) -> None:
    regularizer = default if layer.kernel_regularizer is None else layer.kernel_regularizer
    if regularizer:
        plan.regularizers[name] = regularizer
        plan.factors += [(f"{name}: {factor}", getattr(regularizer, factor)) for factor in regularizer.factors]
        if regularizer.proximal and regularizer.l1:
            plan.after_steps.append(f"{name}: {regularizer!r}")
    if layer.kernel_constraint is not None:
        plan.factors.append((f"{name}: max_value", layer.kernel_constraint.max_value))
        plan.after_steps.append(f"{name}: {layer.kernel_constraint!r}")


def initialise(network: Network, plan: Plan, layers: Sequence[Layer], seed: int) -> None:
    """Write the parameters' first values: parameter number p comes from a random stream of its own."""
    initialisers: dict[str, Initializer] = {}
    for layer, name in zip(layers, plan.names, strict=True):
        if isinstance(layer, Dense):
            initialisers[f"{name}/kernel"] = layer.kernel_initializer
            initialisers[f"{name}/bias"] = layer.bias_initializer
    for number, (name, w) in enumerate(network.parameters().items()):
        initialisers[name].fill_finite(w, seed=seed, stream=_INITIALISER_STREAM | number)


def last_activation(layers: Sequence[Layer]) -> tuple[str, bool]:
    """Return the activation that the network ends with, and whether nothing (such as dropout) comes after it."""
    working = [layer for layer in layers if layer.kind != "flatten"]
    last = len(working)
    while last and isinstance(working[last - 1], (Dropout, GaussianNoise)):
        last -= 1
    return (working[last - 1].activation_name if last else "linear"), last == len(working)
