"""The fully connected layer."""

from __future__ import annotations

from collections.abc import Sequence

from .. import _core
from ..constraints import MaxNorm
from ..initializers import Initializer
from ..inputs.arguments import check_int
from ..regularizers import Regularizer
from .activation import Activation
from .base import Shape
from .kernel import KernelLayer

__all__ = ["Dense"]


class Dense(KernelLayer):
    """y = f(x W + b), with W (inputs, units) and b (units,).

    Parameters
    ----------
    units : int >= 1
        Outputs.
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
        self.units = check_int("units", units, 1)

    def output_shape(self, shape: Shape) -> Shape:
        """Return (units,)."""
        if len(shape) != 1:
            raise ValueError(f"Dense takes flat rows, got rows of shape {shape}; put Flatten() before it")
        return (self.units,)

    def parameter_shapes(self, shape: Shape) -> dict[str, Shape]:
        """Return the shapes of kernel and bias."""
        return {"kernel": (*shape, self.units)} | ({"bias": (self.units,)} if self.use_bias else {})

    def operation(
        self,
        name: str,
        shape: Shape,
        regularizer: Regularizer | None = None,
        branches: Sequence[Sequence[_core.OperationSpec]] = (),
    ) -> _core.OperationSpec:
        """Return the engine's operation."""
        return _core.OperationSpec("dense", name=name, units=self.units, **self._described(regularizer))

    def __repr__(self) -> str:
        return self._kernel_call(repr(self.units))
