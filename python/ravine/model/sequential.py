"""Sequential: a stack of layers with a loss and an optimizer."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from .. import losses as loss_module
from .. import metrics as metric_module
from .. import optimizers as optimizer_module
from .. import regularizers
from ..errors import NotFittedError
from ..inputs.arguments import check_dtype, check_seed
from ..layers import Input, Layer
from ..layers.base import Shape, check_layers
from ..network.building import build
from ..network.history import History
from ..network.state import Compilation, Configuration, ModelState
from ..network.summary import summary_text
from ..training.turns import recompile
from .attributes import ReadOnly
from .differentiation import Differentiation
from .fitting import Training
from .pickling import restored_state
from .predictions import Predictions
from .saving import Saving

__all__ = ["Sequential"]


class Sequential(Training, Predictions, Differentiation, Saving):
    """A neural network: a linear stack of layers.

    Parameters
    ----------
    layers : list of Layer
        Begin with `layers.Input(shape)`, or let the first `fit` take the shape from the data.
    dtype : {"float32", "float64"}, default="float32"
        The dtype of weights and arithmetic; data are converted to it.
    random_state : int in [0, 2**32), optional
        Seed of initial weights, order, dropout and noise; None draws one and keeps it. The same seed gives the same
        bits for any number of threads.
    kernel_regularizer : str or Regularizer, optional
        The penalty on the kernels of all layers without a regularizer, see `ravine.regularizers`.

    Attributes
    ----------
    layers : tuple of Layer
        Without the `Input`.
    input_shape, output_shape : tuple of int or None
        Shapes of a row.
    kernel_regularizer : Regularizer or None
        As given.
    optimizer, loss, metrics
        As compiled; for a chain, the optimizer at work. `optimizer.learning_rate` may be changed at any time.
    learning_rate : float
        The learning rate of the next step.
    sampling_probabilities : ndarray or None
        The probability with which `samplers.AdaptiveWeights` draws each stratum.
    classes_ : ndarray
        The label of each class.
    history : History or None
        The history of the last `fit`.
    stop_training : bool
        Set it to True in a callback to end a `fit`.

    Raises
    ------
    ValueError, TypeError
        For layers that do not fit each other, or an argument that is not allowed.

    Examples
    --------
    >>> import numpy as np
    >>> import ravine as rv
    >>> X = np.linspace(-1, 1, 64)[:, None]
    >>> model = rv.Sequential([rv.layers.Dense(16, "tanh"), rv.layers.Dense(1)], random_state=0)
    >>> model.compile(optimizer=rv.optimizers.Adam(0.01), loss="mse")
    >>> history = model.fit(X, np.sin(3 * X), epochs=300)
    >>> history.history["loss"][-1] < 0.01
    True
    """

    layers = ReadOnly[tuple[Layer, ...]](lambda state: state.configuration.layers, "make a new model")
    dtype = ReadOnly[np.dtype[Any]](lambda state: state.configuration.dtype, "make a new model")
    random_state = ReadOnly[int](lambda state: state.configuration.random_state, "make a new model")
    kernel_regularizer = ReadOnly[regularizers.Regularizer | None](
        lambda state: state.configuration.kernel_regularizer, "make a new model"
    )
    input_shape = ReadOnly[Shape | None](
        lambda state: None if state.built is None else state.built.input_shape, "make a new model"
    )
    optimizer = ReadOnly[optimizer_module.Optimizer | None](lambda state: state.compilation.optimizer, "call compile")
    loss = ReadOnly[loss_module.Loss | None](lambda state: state.compilation.loss, "call compile")
    metrics = ReadOnly[tuple[metric_module.Metric, ...]](lambda state: state.compilation.metrics, "call compile")
    history = ReadOnly[History | None](lambda state: state.history, "call fit")

    def __init__(
        self,
        layers: Any,
        *,
        dtype: DTypeLike = "float32",
        random_state: int | None = None,
        kernel_regularizer: str | regularizers.Regularizer | None = None,
    ) -> None:
        checked = check_layers(layers)
        first = checked[0] if checked else None
        kind, seed = check_dtype(dtype), check_seed(random_state)
        regularizer = kernel_regularizer
        if regularizer is not None:
            regularizer = regularizers.get(regularizer, name="kernel_regularizer")
        self._state = ModelState(
            Configuration(
                kind=type(self).__name__,
                layers=tuple(checked[1:] if isinstance(first, Input) else checked),
                dtype=kind,
                random_state=int.from_bytes(os.urandom(4), "little") if seed is None else seed,
                kernel_regularizer=regularizer,
            )
        )
        if isinstance(first, Input):
            build(self._state, first.shape)

    def compile(
        self,
        optimizer: str | optimizer_module.Optimizer | Sequence[Any] = "adam",
        loss: str | loss_module.Loss | None = None,
        metrics: Sequence[str | metric_module.Metric] = (),
    ) -> None:
        """Set optimizer, loss and metrics. Weights are not changed; optimizer and schedule start afresh.

        Parameters
        ----------
        optimizer : str, Optimizer or list of them, default="adam"
            See `ravine.optimizers`; a list is a `Chain`.
        loss : str or Loss, optional
            See `ravine.losses`; with None, train on a custom loss by `gradients` and `apply_gradients`.
        metrics : list of str or Metric, default=()
            See `ravine.metrics`.

        Raises
        ------
        ValueError
            For an unknown name, or a loss or metric that does not fit the last layer.
        """
        chosen = optimizer_module.get(optimizer)
        chain = chosen if isinstance(chosen, optimizer_module.Chain) else None
        compilation = Compilation(
            optimizer=chosen if chain is None else chain.optimizers[0],
            chain=chain,
            loss=None if loss is None else loss_module.get(loss),
            metrics=metric_module.check_metrics(metrics),
        )
        if loss is None and compilation.metrics:
            raise ValueError(f"metrics are reported beside a loss, got metrics={metrics!r} and loss=None")
        chosen.check_layers(self.layers)
        with self._state.guard.exclusive("compile"):
            recompile(self._state, compilation)

    def summary(self, *, print_fn: Callable[[str], Any] = print) -> None:
        """Print a table of the layers and the number of weights.

        Parameters
        ----------
        print_fn : callable, default=print
            Called once with the text.
        """
        with self._state.guard.exclusive():
            text = summary_text(self._state)
        print_fn(text)

    @property
    def output_shape(self) -> Shape | None:
        """The shape of a row of the output; None before the input's shape is known."""
        return None if self._state.built is None else self._state.built.plan.shapes[-1]

    @property
    def classes_(self) -> NDArray[Any]:
        """The label of each class, in the order of the outputs; set by the first fit with a classification loss."""
        classes = self._state.facts.classes
        if classes is None:
            raise NotFittedError(f"This {type(self).__name__} is not fitted yet with classes, it has no classes_")
        return classes

    @property
    def parameters(self) -> Mapping[str, NDArray[Any]]:
        """The weights by name, "dense/kernel" (inputs, units), "dense/bias" (units,): writable views.

        Raises
        ------
        NotFittedError
            Before the input's shape is known.
        """
        return MappingProxyType(self._state.network.parameters())

    @property
    def statistics(self) -> Mapping[str, NDArray[Any]]:
        """Statistics that layers learn without gradients, by name: "batch_norm/moving_mean" (channels,), writable.

        They are not in `parameters`, which the optimizer changes. Files and `get_weights` have both.

        Raises
        ------
        NotFittedError
            Before the input's shape is known.
        """
        return MappingProxyType(self._state.network.statistics())

    def __getstate__(self) -> dict[str, Any]:
        with self._state.guard.exclusive():
            others = {name: value for name, value in vars(self).items() if name != "_state"}
            return {"parts": self._state.copied_parts(), "attributes": others}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._state, others = restored_state(type(self).__name__, state)
        vars(self).update(others)

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({list(self.layers)!r}, dtype={self.dtype.name!r}, random_state={self.random_state}"
            + (f", kernel_regularizer={self.kernel_regularizer!r})" if self.kernel_regularizer is not None else ")")
        )
