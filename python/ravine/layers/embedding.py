"""Embeddings: a trained vector for each id."""

from __future__ import annotations

from collections.abc import Sequence

from .. import _core
from ..initializers import Initializer, Uniform
from ..inputs.arguments import check_int
from ..regularizers import Regularizer
from .base import Shape
from .kernel import KernelLayer

__all__ = ["Embedding"]


class Embedding(KernelLayer):
    """y[t] = W[x[t]]: a row of W (input_dim, output_dim) for each id x[t] of a row of ids.

    It must be the first layer. X holds ids, whole numbers in [0, input_dim), shape (n, length). The output has the
    shape (length, output_dim), for `Flatten` or pooling. The gradient with respect to W is zero except for rows whose
    ids are in the batch, and only those rows are computed; the step of an optimizer with state changes the others too.
    A padding id is treated like any other.

    Parameters
    ----------
    input_dim : int >= 1
        The number of ids: at most 2^24 in float32, which holds so many exactly, and 2^31 in float64.
    output_dim : int >= 1
        The size of an id's vector.
    kernel_initializer : str or Initializer, default="uniform"
        Initial values of W.
    l1, l2 : float >= 0, default=0
        Short for `kernel_regularizer=L1L2(l1, l2)`: the penalty l1 sum |W| + l2 sum W^2, added to the loss.
    kernel_regularizer : str or Regularizer, optional
        Any other penalty on W, see `ravine.regularizers`; None is the model's, if it has one. `L1L2()` is none.
    name : str, optional
        Default: embedding.
    trainable : bool, default=True
        Whether `fit` changes W.

    Raises
    ------
    ValueError, TypeError
        For a value that is not allowed, for more ids than the model's dtype can distinguish, and if it is not the first
        layer. The model refuses ids that are not in [0, input_dim).

    References
    ----------
    Bengio, Ducharme, Vincent and Jauvin, "A neural probabilistic language model", 2003.

    Examples
    --------
    >>> import numpy as np
    >>> import ravine as rv
    >>> model = rv.Sequential(
    ...     [rv.layers.Input(3), rv.layers.Embedding(10, 4), rv.layers.Flatten(), rv.layers.Dense(1)], random_state=0)
    >>> {name: w.shape for name, w in model.parameters.items()}
    {'embedding/kernel': (10, 4), 'dense/kernel': (12, 1), 'dense/bias': (1,)}
    >>> ids = np.array([[1, 9, 9], [0, 2, 1]])
    >>> bool((model.transform(ids, layer="embedding")[0, 2] == model.parameters["embedding/kernel"][9]).all())
    True
    """

    kind = "embedding"

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        *,
        kernel_initializer: str | Initializer = "uniform",
        l1: float = 0.0,
        l2: float = 0.0,
        kernel_regularizer: str | Regularizer | None = None,
        name: str | None = None,
        trainable: bool = True,
    ) -> None:
        super().__init__(
            use_bias=False,
            kernel_initializer=kernel_initializer,
            l1=l1,
            l2=l2,
            kernel_regularizer=kernel_regularizer,
            name=name,
            trainable=trainable,
        )
        self.input_dim = check_int("input_dim", input_dim, 1, 2**31)
        self.output_dim = check_int("output_dim", output_dim, 1)

    def id_limit(self) -> int:
        """Return input_dim."""
        return self.input_dim

    def output_shape(self, shape: Shape) -> Shape:
        """Return (length, output_dim)."""
        if len(shape) != 1:
            raise ValueError(f"Embedding takes rows of ids, got rows of shape {shape}")
        return (*shape, self.output_dim)

    def parameter_shapes(self, shape: Shape) -> dict[str, Shape]:
        """Return the shape of W."""
        return {"kernel": (self.input_dim, self.output_dim)}

    def parameter_initializers(self) -> dict[str, Initializer]:
        """Return the initializer of W."""
        return {"kernel": self.kernel_initializer}

    def operation(
        self,
        name: str,
        shape: Shape,
        regularizer: Regularizer | None = None,
        branches: Sequence[Sequence[_core.OperationSpec]] = (),
    ) -> _core.OperationSpec:
        """Return the engine's operation."""
        return _core.OperationSpec(
            "embedding", name=name, input_dim=self.input_dim, units=self.output_dim, **self._limits(regularizer)
        )

    def __repr__(self) -> str:
        return self._call(
            repr(self.input_dim),
            repr(self.output_dim),
            kernel_initializer=(self.kernel_initializer, Uniform()),
            kernel_regularizer=(self.kernel_regularizer, None),
        )
