"""The plan of a network for one shape of input: names, shapes, and the engine's operations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from .. import _core
from ..layers import KernelLayer, Layer, Standardize
from ..layers.base import Shape, layer_names
from ..regularizers import Regularizer

__all__ = ["Part", "Plan", "last_activation", "make_plan"]


@dataclass
class Part:
    """A layer with an operation in the engine.

    Attributes
    ----------
    name : str
        Its name in the model: "dense", or "residual/dense" inside another layer.
    layer : Layer
        The layer.
    shape : tuple
        The shape of a row of its input.
    outer : tuple of Layer
        The layers that contain it.
    """

    name: str
    layer: Layer
    shape: Shape
    outer: tuple[Layer, ...] = ()

    @property
    def trainable(self) -> bool:
        """Whether `fit` changes its weights: False if it, or a layer around it, is frozen."""
        return all(layer.trainable for layer in (*self.outer, self.layer))


@dataclass
class Plan:
    """The plan of a list of layers for one shape of input.

    Attributes
    ----------
    names : list of str
        A name for each layer.
    shapes : list of tuple
        Each layer's output shape.
    operations : list
        The engine's operations.
    operation_layers : list of int
        The layer of each operation.
    parts : list of Part
        The layers of all operations, including those inside others, in the engine's order.
    standards : list of Part
        Those parts that learn means and deviations from the training set.
    regularizers : dict of str to Regularizer
        The penalty on a layer's kernel, by the layer's name, if there is one.
    factors : list of (str, float)
        The factors of penalties and constraints on kernels, with names for errors.
    after_steps : list of str
        What is applied after each step in addition to the update rule, for errors.
    """

    names: list[str]
    shapes: list[Shape] = field(default_factory=list)
    operations: list[_core.OperationSpec] = field(default_factory=list)
    operation_layers: list[int] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)
    standards: list[Part] = field(default_factory=list)
    regularizers: dict[str, Regularizer] = field(default_factory=dict)
    factors: list[tuple[str, float]] = field(default_factory=list)
    after_steps: list[str] = field(default_factory=list)

    def operations_up_to(self, layer: int) -> int:
        """Return how many operations the layers up to number `layer` (included) make."""
        return sum(index <= layer for index in self.operation_layers)

    def weight_shapes(self) -> dict[str, Shape]:
        """Return the shape of every parameter and statistic, by its name in the model."""
        return {
            f"{part.name}/{name}": shape
            for part in self.parts
            for shapes in (part.layer.parameter_shapes(part.shape), part.layer.statistic_shapes(part.shape))
            for name, shape in shapes.items()
        }

    def frozen(self) -> set[str]:
        """Return the names of the layers that `fit` does not change."""
        return {part.name for part in self.parts if not part.trainable}


def make_plan(layers: Sequence[Layer], input_shape: Shape, kernel_regularizer: Regularizer | None = None) -> Plan:
    """Follow the shape of a row through the layers; the regularizer is for layers without one.

    Raises
    ------
    ValueError
        If a layer cannot take the output of the one before, or no layer has an operation; the error names the layer.
    """
    plan, shape = Plan(layer_names(layers)), input_shape
    for index, (layer, name) in enumerate(zip(layers, plan.names, strict=True)):
        before = shape
        try:
            shape = layer.output_shape(before)
        except ValueError as error:
            dimension = "" if index or len(before) < 2 else f" (Found array with dim {len(before) + 1}, rows included)"
            raise ValueError(f"layer {index} ({name}): {error}{dimension}") from None
        plan.shapes.append(shape)
        operation = _operation(plan, Part(name, layer, before), kernel_regularizer)
        if operation is not None:
            plan.operations.append(operation)
            plan.operation_layers.append(index)
    if not plan.operations:
        raise ValueError("a Sequential needs at least one layer with something to compute, such as layers.Dense(1)")
    return plan


def _operation(plan: Plan, part: Part, default: Regularizer | None) -> _core.OperationSpec | None:
    """Return the engine's operation for a layer and the layers inside it."""
    layer, name = part.layer, part.name
    if not layer.computes:
        return None
    plan.parts.append(part)
    if isinstance(layer, KernelLayer):
        _add_kernel(plan, name, layer, default)
    if isinstance(layer, Standardize):
        plan.standards.append(part)
    inside = iter(layer_names([inner for branch in layer.branches for inner in branch]))
    branches = []
    for branch in layer.branches:
        shape, operations = part.shape, []
        for inner in branch:
            own = Part(f"{name}/{next(inside)}", inner, shape, (*part.outer, layer))
            operation = _operation(plan, own, default)
            operations += [] if operation is None else [operation]
            shape = inner.output_shape(shape)
        branches.append(operations)
    return layer.operation(name, part.shape, plan.regularizers.get(name), branches)


def _add_kernel(plan: Plan, name: str, layer: KernelLayer, default: Regularizer | None) -> None:
    regularizer = default if layer.kernel_regularizer is None else layer.kernel_regularizer
    if regularizer:
        plan.regularizers[name] = regularizer
        plan.factors += [(f"{name}: {factor}", getattr(regularizer, factor)) for factor in regularizer.factors]
        if regularizer.proximal and regularizer.l1:
            plan.after_steps.append(f"{name}: {regularizer!r}")
    if layer.kernel_constraint is not None:
        plan.factors.append((f"{name}: max_value", layer.kernel_constraint.max_value))
        plan.after_steps.append(f"{name}: {layer.kernel_constraint!r}")


def last_activation(layers: Sequence[Layer]) -> tuple[str, bool]:
    """Return the activation that the network ends with, and whether nothing (such as dropout) comes after it."""
    working = [layer for layer in layers if layer.computes]
    last = len(working)
    while last and working[last - 1].draws:
        last -= 1
    return (working[last - 1].activation_name if last else "linear"), last == len(working)
