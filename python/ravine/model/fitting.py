"""The training methods of a model."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..checkpoint.fits import resumed_progress
from ..checkpoint.resuming import resume_model
from ..inputs.arguments import check_flag, check_int, check_number, check_path
from ..inputs.sparse import MatrixLike
from ..network.building import rollback
from ..network.data import evaluation_data, read_validation_data, training_data
from ..network.evaluation import evaluate
from ..network.history import History
from ..network.state import ModelState
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

__all__ = ["Training"]


class Training:
    """How a model learns, and how well it does."""

    _state: ModelState

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

    @property
    def stop_training(self) -> bool:
        """Whether a running `fit` ends after the epoch, or the batch where callbacks have hooks on batches."""
        return self._state.stop_training

    @stop_training.setter
    def stop_training(self, value: bool) -> None:
        self._state.stop_training = value

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
