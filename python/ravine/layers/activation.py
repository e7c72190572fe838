"""Activations as layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import _core
from ..inputs.arguments import check_choice, check_number
from ..regularizers import Regularizer
from .base import Layer, Shape

__all__ = ["ACTIVATIONS", "Activation"]

#: The activations, with the default of `alpha`; 0 for those that have none.
ACTIVATIONS: dict[str, float] = {name: row["alpha"] or 0.0 for name, row in _core.rows["activations"].items()}
_WITH_ALPHA = [name for name, row in _core.rows["activations"].items() if row["alpha"] is not None]


class Activation(Layer):
    """y = f(x), elementwise; softmax along the row.

    Parameters
    ----------
    activation : str or None
        linear (also None), step (1 where x > 0; it has no derivative), relu, leaky_relu, elu, selu, sigmoid, tanh,
        softplus, gelu (erf form), silu, softmax.
    alpha : float, optional
        leaky_relu's slope below 0 (default 0.01) or elu's limit (default 1); other activations have none.
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
            raise ValueError(f"alpha belongs to {' and '.join(_WITH_ALPHA)}, got alpha={alpha!r} for {activation!r}")
        self.alpha = ACTIVATIONS[self.activation] if alpha is None else check_number("alpha", alpha, 0.0)

    @property
    def activation_name(self) -> str:
        """The name of the activation."""
        return self.activation

    def output_shape(self, shape: Shape) -> Shape:
        """Return the same shape."""
        if self.activation == "softmax" and len(shape) > 1:
            raise ValueError(f"softmax takes flat rows, got rows of shape {shape}; put Flatten() before it")
        return shape

    def operation(
        self,
        name: str,
        shape: Shape,
        regularizer: Regularizer | None = None,
        branches: Sequence[Sequence[_core.OperationSpec]] = (),
    ) -> _core.OperationSpec:
        """Return the engine's operation."""
        return _core.OperationSpec("activation", name=name, activation=self.activation, alpha=self.alpha)

    def _arguments(self) -> dict[str, Any]:
        return {} if self.activation in _WITH_ALPHA else {"alpha": None}

    def __repr__(self) -> str:
        return self._call(repr(self.activation), alpha=(self.alpha, ACTIVATIONS[self.activation]))
