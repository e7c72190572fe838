"""The base of layers with a kernel: penalty, constraint, initial values, bias and activation."""

from __future__ import annotations

from typing import Any

from .. import constraints, regularizers
from .. import initializers as init
from ..constraints import MaxNorm
from ..inputs.arguments import check_flag
from ..regularizers import L1L2, Regularizer
from .activation import ACTIVATIONS, Activation
from .base import Layer

__all__ = ["KernelLayer"]


class KernelLayer(Layer):
    """A layer of the form y = f(x * W + b).

    Parameters
    ----------
    activation : str or Activation, optional
        f, see `Activation`; None is linear.
    use_bias : bool, default=True
        Whether to add the bias b.
    kernel_initializer : str or Initializer, default="glorot_uniform"
        Initial values of W.
    bias_initializer : str or Initializer, default="zeros"
        Initial values of b.
    l1, l2 : float >= 0, default=0
        Short for `kernel_regularizer=L1L2(l1, l2)`: the penalty l1 sum |W| + l2 sum W^2, added to the loss.
    kernel_regularizer : str or Regularizer, optional
        Any other penalty on W, see `ravine.regularizers`; None is the model's, if it has one. `L1L2()` is none.
    kernel_constraint : str or MaxNorm, optional
        What W must satisfy after each step, see `ravine.constraints`.
    name : str, optional
        Default: the kind's name, numbered within a model.
    trainable : bool, default=True
        Whether `fit` changes W and b.

    Raises
    ------
    ValueError, TypeError
        For a value that is not allowed, and for both l1 or l2 and a regularizer.
    """

    def __init__(
        self,
        *,
        activation: str | Activation | None = None,
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

    def parameter_initializers(self) -> dict[str, init.Initializer]:
        """Return the initializers of kernel and bias."""
        return {"kernel": self.kernel_initializer, "bias": self.bias_initializer}

    def _arguments(self) -> dict[str, Any]:
        return {"l1": 0.0, "l2": 0.0}  # they are in kernel_regularizer

    def _described(self, regularizer: Regularizer | None) -> dict[str, Any]:
        """Return the engine's arguments for bias, activation, penalty and constraint."""
        return {
            "use_bias": self.use_bias,
            "activation": self.activation.activation,
            "alpha": self.activation.alpha,
            **self._limits(regularizer),
        }

    def _limits(self, regularizer: Regularizer | None) -> dict[str, Any]:
        """Return the engine's arguments for penalty and constraint."""
        return {
            "l1": regularizer.l1 if regularizer else 0.0,
            "l2": regularizer.l2 if regularizer else 0.0,
            "l2_norm": regularizer.l2_norm if regularizer else 0.0,
            "proximal": regularizer.proximal if regularizer else False,
            "max_norm": self.kernel_constraint.max_value if self.kernel_constraint else 0.0,
        }

    def _kernel_call(self, *shown: str, **settings: tuple[Any, Any]) -> str:
        plain = self.activation.alpha == ACTIVATIONS[self.activation.activation]
        return self._call(
            *shown,
            f"activation={(self.activation.activation if plain else self.activation)!r}",
            **settings,
            use_bias=(self.use_bias, True),
            kernel_initializer=(self.kernel_initializer, init.GlorotUniform()),
            bias_initializer=(self.bias_initializer, init.Zeros()),
            kernel_regularizer=(self.kernel_regularizer, None),
            kernel_constraint=(self.kernel_constraint, None),
        )
