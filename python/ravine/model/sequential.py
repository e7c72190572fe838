"""Sequential: a stack of layers with a loss and an optimizer."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from .. import losses as loss_module
from .. import metrics as metric_module
from .. import optimizers as optimizer_module
from .. import regularizers
from ..checkpoint.fits import resumed_progress
from ..checkpoint.resuming import resume_model
from ..errors import NotFittedError
from ..inputs.arguments import check_dtype, check_flag, check_int, check_number, check_path, check_seed
from ..inputs.sparse import MatrixLike
from ..layers import Input, Layer
from ..layers.base import Shape, check_layers
from ..network.building import build, rollback
from ..network.data import evaluation_data, read_validation_data, training_data
from ..network.evaluation import evaluate
from ..network.history import History
from ..network.state import Compilation, Configuration, ModelState
from ..network.summary import summary_text
from ..runtime.threads import check_n_threads
from ..samplers import Sampler
from ..samplers.base import check_sampler
from ..training.configuration import FitConfiguration, check_batches, warn_of_small_batches
from ..training.fit import Fit
from ..training.hooks import Hooks, check_callbacks
from ..training.loop import train
from ..training.progress_line import check_verbose
from ..training.rates import next_rates
from ..training.sampling import Sampling
from ..training.steps import step_on_batch
from ..training.turns import recompile
from .attributes import ReadOnly
from .differentiation import Differentiation
from .pickling import restored_state
from .predictions import Predictions
from .saving import Saving

__all__ = ["Sequential"]


class Sequential(Predictions, Differentiation, Saving):
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

    def fit(
        self,
        X: MatrixLike,
        y: ArrayLike | None = None,
        *,
        epochs: int = 1,
        batch_size: int | None = 32,
        validation_data: tuple[Any, ...] | None = None,
        validation_split: float = 0.0,
        shuffle: bool = True,
        sample_weight: ArrayLike | None = None,
        class_weight: Mapping[Any, float] | Literal["balanced"] | None = None,
        sampler: Sampler | None = None,
        callbacks: Sequence[Hooks] = (),
        n_threads: int | None = None,
        verbose: int | Literal["auto"] = "auto",
        resume: str | os.PathLike[str] | None = None,
    ) -> History:
        """Train; a second call continues from the first.

        Parameters
        ----------
        X : array-like, shape (n, inputs) or (n, *input_shape), or sparse matrix
            Inputs: bools, ints or floats, converted to the model's dtype. If the first layer is a `Dense`, also a
            sparse matrix, in CSR form or with a method `tocsr`: it is not made dense, and the weights get the same
            bits as from the same rows in dense form. If the first layer is an `Embedding`, ids.
        y : array-like, shape (n, units), (n,) or (n, 1)
            Targets: numbers, integer labels in [0, units), one-hot rows, bools or strings, as the loss takes them.
        epochs : int >= 0, default=1
            Passes over the data.
        batch_size : int >= 1 or None, default=32
            Rows per step; None takes all rows. The last batch of an epoch may be smaller.
        validation_data : (X, y) or (X, y, sample_weight), optional
            Evaluated after each epoch, dropout off.
        validation_split : float in [0, 1), default=0.0
            The share of the rows, taken from the end, to hold out for validation.
        shuffle : bool, default=True
            Whether each epoch has a new random order, a function of seed and epoch. A batch of all rows is not
            shuffled.
        sample_weight : array-like, shape (n,), optional
            Weights >= 0. A batch whose weights are all zero, or too small to divide by their sum, changes nothing.
        class_weight : dict or "balanced", optional
            Weights by label, 1 for labels without an entry; "balanced": n / (classes * rows of the class).
        sampler : Sampler, optional
            Draws the rows of each batch; see `ravine.samplers`. For optimizers that do not search along the loss.
        callbacks : list of Callback, default=()
            See `ravine.callbacks`.
        n_threads : int in [1, 1024], optional
            See `set_num_threads` for the default.
        verbose : {"auto", 0, 1, 2}, default="auto"
            0 is silent, 1 rewrites one line, 2 prints a line per epoch; "auto" is 2 on a terminal and 0 elsewhere.
        resume : str or path, optional
            A file of a `callbacks.ModelCheckpoint`. With the same data and arguments the saved fit is resumed, in
            mid-epoch too, and ends with the same bits as if it had never stopped. `epochs` counts from the start of the
            saved fit. The model must be compiled in the same way; its weights, seed and all other state come from the
            file. Callbacks of the same kinds in the same order restore their state. A file of `save` holds no fit: this
            fit then begins from the saved model.

        Returns
        -------
        History
            Loss and metrics by epoch; also in `model.history`, after Ctrl-C too.

        Raises
        ------
        ValueError, TypeError
            For arguments that are not allowed or do not fit each other; nothing broadcasts.
        DivergenceError
            At the step at which the loss is no longer finite; the error names layer, step and learning rate. The model
            is left with earlier, finite weights, `model.history` has the epochs up to this one, and a further `fit`
            continues from there. `callbacks.TerminateOnNaN` ends the fit without the error.
        CheckpointFormatError, CheckpointMismatchError, OSError
            For a file to resume from that is damaged, has another network, optimizer or data, or does not exist.
        """
        state = self._state
        with state.guard.exclusive("fit"):
            epochs = check_int("epochs", epochs, 0)
            allowed = "None or an int >= 1"
            batch = None if batch_size is None else check_int("batch_size", batch_size, 1, allowed=allowed)
            split = check_number("validation_split", validation_split, 0.0, 1.0)
            if split and validation_data is not None:
                raise ValueError(f"give validation_data or validation_split, not both, got validation_split={split}")
            shuffle, chosen = check_flag("shuffle", shuffle), check_callbacks(callbacks)
            sampler = check_sampler(sampler, shuffle)
            threads, lines = check_n_threads(n_threads), check_verbose(verbose)
            saved = None if resume is None else resume_model(self, check_path(resume))
            with rollback(state):
                data, held = training_data(state, X, y, sample_weight, class_weight, split, learning=True)
                rows = len(data.X) + (0 if held is None else len(held.X))
                sampling = None if sampler is None else Sampling.begin(state, sampler, data, rows)
                if validation_data is not None:
                    held = read_validation_data(state, validation_data)
                size = min(batch or len(data.X), len(data.X))
                configuration = FitConfiguration(data, epochs, size, held, shuffle, threads, lines, sampling)
                progress = resumed_progress(saved, configuration, chosen) if saved else None
                fit = Fit(self, configuration, progress, chosen)
                if epochs:
                    warn_of_small_batches(state.need_optimizer(), size, len(data.X), stacklevel=2)
                    check_batches(state, size, stacklevel=2)
                fit.begin()
            return train(fit)

    def train_on_batch(
        self,
        X: MatrixLike,
        y: ArrayLike | None = None,
        *,
        sample_weight: ArrayLike | None = None,
        class_weight: Mapping[Any, float] | Literal["balanced"] | None = None,
        n_threads: int | None = None,
    ) -> dict[str, float]:
        """Take one step on all rows as one batch; arguments and errors as for `fit`, except `DivergenceError`.

        Returns
        -------
        dict
            The loss before the step and the metrics, by name. If the loss is not finite, no step was taken.
        """
        state = self._state
        with state.guard.exclusive():
            threads = check_n_threads(n_threads)
            with rollback(state):
                data, _ = training_data(state, X, y, sample_weight, class_weight)
            return step_on_batch(state, data, threads)

    def evaluate(
        self,
        X: MatrixLike,
        y: ArrayLike | None = None,
        *,
        sample_weight: ArrayLike | None = None,
        n_threads: int | None = None,
    ) -> dict[str, float]:
        """Return loss (penalties included) and metrics by name, dropout off; arguments as for `fit`.

        Raises
        ------
        NotFittedError
            Before the first fit, unless the layers begin with `Input`.
        ValueError
            Before `compile` with a loss, or for data that do not fit.
        """
        state = self._state
        with state.guard.exclusive():
            state.need_built()
            threads = check_n_threads(n_threads)
            return evaluate(state, evaluation_data(state, X, y, sample_weight), threads)

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
    def stop_training(self) -> bool:
        """Whether a running `fit` ends after the epoch, or the batch where callbacks have hooks on batches."""
        return self._state.stop_training

    @stop_training.setter
    def stop_training(self, value: bool) -> None:
        self._state.stop_training = value

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

    @property
    def learning_rate(self) -> float:
        """The learning rate of the next step, also with a schedule; to change it, set `optimizer.learning_rate`.

        Raises
        ------
        ValueError
            Before `compile`.
        """
        return float(next_rates(self._state)[0])

    @property
    def sampling_probabilities(self) -> NDArray[np.float64] | None:
        """The probability of each stratum with `samplers.AdaptiveWeights`, sorted; None if nothing was learnt."""
        learnt = self._state.training.sampling
        return None if learnt is None else learnt.probabilities()

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
