"""Sequential: layers one after the other, a loss, an optimizer, and how they learn."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import losses as loss_module
from . import metrics as metric_module
from . import optimizers as optimizer_module
from ._gradients import Gradients
from ._sampling import Sampling
from ._sparse import Rows
from ._storage import Storage, check_path
from ._summary import summary_text
from ._threads import check_n_threads
from ._validation import Array, check_flag, check_int, check_number
from .callbacks import Callback
from .progress import check_verbose
from .samplers import Sampler, check_sampler
from .training import Data, Fit, History, check_batches, check_callbacks, warn_of_small_batches

__all__ = ["Sequential"]


class Sequential(Gradients, Storage):
    """A neural network of layers in a row.

    Parameters
    ----------
    layers : list of Layer
        Begin with `layers.Input(shape)`, or let the first `fit` take the shape from the data.
    dtype : {"float32", "float64"}, default="float32"
        The type of weights and arithmetic; data are converted to it.
    random_state : int in [0, 2**32), optional
        Seed of first weights, order, dropout and noise; None draws one and keeps it. The same seed gives the same bits
        for any number of threads.
    kernel_regularizer : str or Regularizer, optional
        The penalty on the kernels of all layers that have none of their own, see `ravine.regularizers`.

    Attributes
    ----------
    layers : tuple of Layer
        Without the `Input`.
    input_shape, output_shape : tuple of int or None
        Shapes of a row.
    kernel_regularizer : Regularizer or None
        As given.
    optimizer, loss, metrics
        As compiled, of a chain the optimizer at work; `optimizer.learning_rate` may be changed at any time.
    learning_rate : float
        That of the next step.
    sampling_probabilities : ndarray or None
        How likely a draw of `samplers.AdaptiveWeights` is of each stratum.
    classes_ : ndarray
        The label of each class.
    history : History or None
        That of the last `fit`.
    stop_training : bool
        Set it from a callback to end a `fit`.

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

    def compile(
        self,
        optimizer: str | optimizer_module.Optimizer | Sequence[Any] = "adam",
        loss: str | loss_module.Loss | None = None,
        metrics: Sequence[str | metric_module.Metric] = (),
    ) -> None:
        """Choose optimizer, loss and metrics. Weights stay as they are; optimizer and schedule start afresh.

        Parameters
        ----------
        optimizer : str, Optimizer or list of them, default="adam"
            See `ravine.optimizers`; a list is a `Chain`.
        loss : str or Loss, optional
            See `ravine.losses`; None leaves `gradients` and `apply_gradients` for a loss of one's own.
        metrics : list of str or Metric, default=()
            See `ravine.metrics`.

        Raises
        ------
        ValueError
            For an unknown name, or a loss or metric that does not fit the last layer.
        """
        chosen = optimizer_module.get(optimizer)
        chain = chosen if isinstance(chosen, optimizer_module.Chain) else None
        given = {
            "optimizer": chosen if chain is None else chain.optimizers[0],
            "_chain": chain,
            "_turn": 0,
            "_shares": None if chain is None else chain.shares(0),
            "loss": None if loss is None else loss_module.get(loss),
            "metrics": metric_module.check_metrics(metrics),
        }
        if loss is None and given["metrics"]:
            raise ValueError(f"metrics are reported beside a loss, got metrics={metrics!r} and loss=None")
        chosen.check_layers(self.layers)
        with self._exclusive("compile"):
            before = {name: getattr(self, name) for name in given}
            vars(self).update(given, _head=None)
            try:
                self._bind()
            except BaseException:
                vars(self).update(before)
                self._bind_loss()
                raise
            self._start_counting()
            self._sampling = None
            if self._classes is not None and self._classes.dtype.kind != "U":
                self._classes = None  # numbers go with the loss: 0 and 1, or -1 and 1

    def fit(
        self,
        X: Rows,
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
        callbacks: Sequence[Callback] = (),
        n_threads: int | None = None,
        verbose: int | Literal["auto"] = "auto",
        resume: str | os.PathLike[str] | None = None,
    ) -> History:
        """Train; a second call goes on where the first ended.

        Parameters
        ----------
        X : array-like, shape (n, inputs) or (n, *input_shape), or sparse matrix
            Inputs: bools, ints or floats, converted to the model's dtype. A sparse matrix in CSR form, or one that
            its `tocsr` makes one, where the first layer is a `Dense`: it is not made dense, and the weights get the
            bits that the same rows give in full. Ids, where the first layer is an `Embedding`.
        y : array-like, shape (n, units), (n,) or (n, 1)
            Targets: numbers, integer labels in [0, units), one-hot rows, bools or strings, as the loss takes them.
        epochs : int >= 0, default=1
            Passes over the data.
        batch_size : int >= 1 or None, default=32
            Rows a step; None takes all. The last, smaller batch of an epoch counts too.
        validation_data : (X, y) or (X, y, sample_weight), optional
            Evaluated after each epoch, dropout off.
        validation_split : float in [0, 1), default=0.0
            The share of the rows, taken from the end, to validate with.
        shuffle : bool, default=True
            Whether each epoch has an order of its own, a function of seed and epoch. A batch of all rows keeps theirs.
        sample_weight : array-like, shape (n,), optional
            Weights >= 0. A batch whose weights are all zero, or too small to divide by their sum, changes nothing.
        class_weight : dict or "balanced", optional
            Weights by label, 1 for labels that are not named; "balanced": n / (classes * rows of the class).
        sampler : Sampler, optional
            Draws the rows of each batch; see `ravine.samplers`. For optimizers that do not search along the loss.
        callbacks : list of Callback, default=()
            See `ravine.callbacks`.
        n_threads : int in [1, 1024], optional
            See `set_num_threads` for the default.
        verbose : {"auto", 0, 1, 2}, default="auto"
            0 is silent, 1 rewrites one line, 2 prints a line an epoch; "auto" is 2 on a terminal and 0 elsewhere.
        resume : str or path, optional
            A file of a `callbacks.ModelCheckpoint`: with the same data and arguments the fit goes on where that one
            stood, in mid-epoch too, to the same bits as if it had never stopped. `epochs` counts from its start.
            The model must be compiled as that one was; its weights, seed and all else come from the file, and
            callbacks of the same kinds in the same order take over their state. After a file of `save`, which
            holds no fit, this one begins from that model.

        Returns
        -------
        History
            Loss and metrics by epoch; also `model.history`, which is there after Ctrl-C too.

        Raises
        ------
        ValueError, TypeError
            For arguments that are not allowed or do not fit each other; nothing broadcasts.
        DivergenceError
            At the step at which the loss is no longer finite, naming layer, step and learning rate. The weights are
            finite ones from before, `model.history` has the epochs up to this one, and a further `fit` goes on from
            there. `callbacks.TerminateOnNaN` ends the fit without the error.
        CheckpointFormatError, CheckpointMismatchError, OSError
            For a file to resume from that is damaged, that has another network, optimizer, data ..., or is not there.
        """
        with self._exclusive("fit"):
            epochs = check_int("epochs", epochs, 0)
            allowed = "None or an int >= 1"
            batch = None if batch_size is None else check_int("batch_size", batch_size, 1, allowed=allowed)
            split = check_number("validation_split", validation_split, 0.0, 1.0)
            if split and validation_data is not None:
                raise ValueError(f"give validation_data or validation_split, not both, got validation_split={split}")
            shuffle, chosen = check_flag("shuffle", shuffle), check_callbacks(callbacks)
            sampler = check_sampler(sampler, shuffle)
            threads, lines = check_n_threads(n_threads), check_verbose(verbose)
            place = None if resume is None else self._resume(check_path(resume))
            with self._rollback():
                data, held = self._training_data(X, y, sample_weight, class_weight, split, learning=True)
                rows = len(data.X) + (0 if held is None else len(held.X))
                sampling = None if sampler is None else Sampling.begin(self, sampler, data, rows)
                if validation_data is not None:
                    held = self._validation_data(validation_data)
                size = min(batch or len(data.X), len(data.X))
                run = Fit(self, data, held, epochs, size, shuffle, chosen, threads, lines, sampling, place)
                if epochs:
                    warn_of_small_batches(self.optimizer, size, len(data.X))
                    check_batches(self, size)
                run.begin()
            return run.run()

    def train_on_batch(
        self,
        X: Rows,
        y: ArrayLike | None = None,
        *,
        sample_weight: ArrayLike | None = None,
        class_weight: Mapping[Any, float] | Literal["balanced"] | None = None,
        n_threads: int | None = None,
    ) -> dict[str, float]:
        """Take one step on all rows as one batch; arguments and errors as for `fit`, but for `DivergenceError`.

        Returns
        -------
        dict
            The loss before the step and the metrics, by name. Where the loss is not finite, no step was taken.
        """
        with self._exclusive():
            threads = check_n_threads(n_threads)
            with self._rollback():
                data, _ = self._training_data(X, y, sample_weight, class_weight, 0.0)
            result = self._trainer().train(
                data.X,
                data.target,
                data.weight,
                batch_size=len(data.X),
                first_epoch=0,
                epochs=1,
                shuffle_seed=None,
                rates=self._rates(),
                metrics=self._engine_metrics,
                n_threads=threads,
            )
            return self._logs(result["loss"][0], result["metrics"][0], data, threads)

    def evaluate(
        self,
        X: Rows,
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
        with self._exclusive():
            self._built()
            threads = check_n_threads(n_threads)
            return self._evaluate(self._data(X, y, sample_weight), threads)

    @property
    def sampling_probabilities(self) -> NDArray[np.float64] | None:
        """How likely a draw of `samplers.AdaptiveWeights` is of each stratum, sorted; None where nothing was learnt."""
        return None if self._sampling is None else self._sampling.probabilities()

    def summary(self, *, print_fn: Callable[[str], Any] = print) -> None:
        """Print a table of the layers and the number of weights.

        Parameters
        ----------
        print_fn : callable, default=print
            Gets the text, in one call.
        """
        with self._exclusive():
            text = summary_text(self)
        print_fn(text)

    def _resume(self, path: str) -> dict[str, Any]:
        """Bring the model to where a file's was; return the place of its fit."""
        from ._model_state import resume_model

        return resume_model(self, path)

    def _validation_data(self, given: Any) -> Data:
        if not isinstance(given, (tuple, list)) or len(given) not in (2, 3):
            raise ValueError(f"validation_data must be (X, y) or (X, y, sample_weight), got {type(given).__name__}")
        try:
            return self._data(given[0], given[1], given[2] if len(given) == 3 else None)
        except (TypeError, ValueError) as error:
            raise type(error)(f"validation_data: {error}") from None

    def _penalty(self, data: Data | None = None) -> float:
        """Return the penalty of all layers at the present weights, as it stands in the loss of `data`."""
        assert self._plan is not None
        penalty, parameters = 0.0, self.parameters
        for name, regularizer in self._plan.regularizers.items():
            penalty += regularizer(parameters[f"{name}/kernel"])
        if data is not None and self._compiled().reduction == "penalized_mean":
            penalty /= float(len(data.X) if data.weight is None else data.weight.sum(dtype=np.float64)) or 1.0
        return penalty

    def _evaluate(self, data: Data, n_threads: int) -> dict[str, float]:
        result = self._built().evaluate(
            data.X, data.target, data.weight, metrics=self._engine_metrics, n_threads=n_threads
        )
        return self._logs(result["loss"], result["metrics"], data, n_threads)

    def _logs(self, loss: float, gathered: Array, data: Data | None = None, n_threads: int = 1) -> dict[str, float]:
        """Return loss and metrics by name: those the engine gathered and, where there are data, the others too."""
        predictions, values = None, iter(gathered.tolist())
        logs, head = {"loss": float(loss)}, self._compiled()
        for metric in self.metrics:
            if metric not in self._passes:
                logs[metric.name] = next(values)
            elif data is not None:
                if predictions is None:
                    outputs = self._forward(data.X, None, n_threads)
                    predictions = self._probabilities(outputs)
                finite = np.isfinite(predictions).all()
                logs[metric.name] = metric.compute(data.target, predictions, data.weight, head) if finite else math.nan
        return logs
