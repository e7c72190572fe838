"""What a model's weights should do: losses, gradients, and steps with gradients of one's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import _standards
from ._inference import Inference
from ._sparse import Inputs, Rows
from ._targets import class_weights, encode_targets
from ._threads import check_n_threads
from ._validation import Array, as_array, as_sample_weight, convert
from .losses.base import Head
from .schedules import BoldDriver, Schedule
from .training import Data

if TYPE_CHECKING:
    from ._core import Network
    from ._searching import BatchTrainer

__all__ = ["Gradients"]


class Gradients(Inference):
    """The differentiating part of a model."""

    def loss_and_gradients(
        self,
        X: Rows,
        y: ArrayLike | None = None,
        *,
        sample_weight: ArrayLike | None = None,
        n_threads: int | None = None,
    ) -> tuple[float, dict[str, NDArray[Any]]]:
        """Return the loss, penalties included, and its gradients by the weights; no step is taken, dropout is off.

        Arguments are as for `fit`; as there, the first call takes the input's shape from the data.

        Returns
        -------
        loss : float
            Over all rows as one batch.
        gradients : dict of str to ndarray
            Named as `parameters`, for layers that are trainable.

        Raises
        ------
        ValueError, TypeError
            As for `fit`.
        """
        with self._exclusive():
            threads = check_n_threads(n_threads)
            with self._rollback():
                data, _ = self._training_data(X, y, sample_weight, None, 0.0)
                self._prepare_gradients()
            loss = self._built().loss_and_gradients(data.X, data.target, data.weight, n_threads=threads)
            return float(loss), self._gradients()

    def gradients(self, X: Rows, doutput: ArrayLike, *, n_threads: int | None = None) -> dict[str, NDArray[Any]]:
        """Return the gradients of sum(doutput * predict(X)) by the weights: backpropagation for a loss of one's own.

        Parameters
        ----------
        X : array-like, shape (n, inputs) or (n, *input_shape), or sparse matrix
            Inputs.
        doutput : array-like, shape (n, units)
            The derivative of the loss by each output of `predict`.
        n_threads : int in [1, 1024], optional
            See `set_num_threads` for the default.

        Returns
        -------
        dict of str to ndarray
            Named as `parameters`, for layers that are trainable; penalties are not included.

        Raises
        ------
        NotFittedError, ValueError
            As for `predict`, and where `doutput` has another shape than the outputs.

        Examples
        --------
        Half the sum of squares, by hand:

        >>> import numpy as np
        >>> import ravine as rv
        >>> model = rv.Sequential([rv.layers.Input(1), rv.layers.Dense(1)], dtype="float64", random_state=0)
        >>> model.compile(optimizer=rv.optimizers.SGD(0.1))
        >>> X, y = np.array([[-1.0], [1.0]]), np.array([[-2.0], [2.0]])
        >>> for _ in range(100):
        ...     model.apply_gradients(model.gradients(X, model.predict(X) - y))
        >>> model.parameters["dense/kernel"].round(6)
        array([[2.]])
        """
        with self._exclusive():
            network, threads = self._built(), check_n_threads(n_threads)
            rows, _ = self._inputs(X)
            expected = (len(rows), *(self.output_shape or ()))
            given = as_array("doutput", doutput)
            if given.shape != expected:
                raise ValueError(f"doutput has shape {given.shape}, the model's outputs have shape {expected}")
            self._prepare_gradients()
            network.backward(rows, convert("doutput", given, self.dtype).reshape(len(rows), -1), n_threads=threads)
            return self._gradients()

    def apply_gradients(self, gradients: Mapping[str, ArrayLike]) -> None:
        """Take one step of the optimizer with gradients of one's own.

        They are clipped as the optimizer says, and constraints hold after it; penalties count where they are in the
        gradients.

        Parameters
        ----------
        gradients : dict of str to array-like
            One for each weight of a trainable layer, named and shaped as in `parameters`.

        Raises
        ------
        NotFittedError, ValueError
            Before there are weights or an optimizer; for one that searches along the loss; for a missing or unknown
            name, another shape, NaN or infinity.
        """
        with self._exclusive():
            network, rates = self._built(), self._rates()
            if self.optimizer is not None and self.optimizer.searches:
                raise ValueError(
                    f"apply_gradients takes a step from the gradients alone, {type(self.optimizer).__name__} searches "
                    "along the loss; call fit or train_on_batch, or compile the model with a first-order optimizer"
                )
            self._set_trainable()
            if not isinstance(gradients, Mapping):
                raise TypeError(f"gradients must be a dict of arrays by parameter name, got {gradients!r}")
            views, wanted = network.gradients(), self._trainable_names()
            unknown, missing = [name for name in gradients if name not in wanted], set(wanted) - set(gradients)
            if unknown or missing:
                wrong = f"got {unknown[0]!r}" if unknown else f"{min(missing)!r} is missing"
                raise ValueError(f"gradients must have an array for each of {', '.join(wanted)}; {wrong}")
            checked = {name: as_array(f"gradients[{name!r}]", gradients[name]) for name in wanted}
            for name, array in checked.items():
                if array.shape != views[name].shape:
                    raise ValueError(f"gradients[{name!r}] has shape {array.shape}, expected {views[name].shape}")
                checked[name] = convert(f"gradients[{name!r}]", array, self.dtype)
            for name, array in checked.items():
                views[name][...] = array
            network.apply_gradients(float(rates[0]))
            network.step += 1

    def _need_loss(self) -> None:
        if self.loss is None:
            raise ValueError("the model has no loss yet; call compile(optimizer=..., loss=...) first")

    def _compiled(self) -> Head:
        self._need_loss()
        assert self._head is not None
        return self._head

    @property
    def learning_rate(self) -> float:
        """The learning rate of the next step, also where a schedule gives it; set `optimizer.learning_rate`.

        Raises
        ------
        ValueError
            Before `compile`.
        """
        return float(self._rates()[0])

    def _rates(self, epochs: int = 1, batches: int = 1) -> NDArray[np.float64]:
        """Return the rates of the next `batches` of each of the next `epochs`; one where they are all the same."""
        if self.optimizer is None:
            raise ValueError("the model has no optimizer yet; call compile(optimizer=..., loss=...) first")
        rate, (step, epoch) = self.optimizer.learning_rate, self._compiled_at
        if not isinstance(rate, Schedule):
            return np.array([rate])
        if isinstance(rate, BoldDriver):
            return np.array([self._driven(rate)[0]])
        if rate.unit == "epoch":
            rates = np.asarray(rate(np.arange(epochs) + (self._epoch - epoch)))
            return np.repeat(rates, batches) if epochs > 1 else rates
        done = 0 if self._network is None else int(self._network.step) - step
        return np.asarray(rate(np.arange(epochs * batches) + done))

    def _driven(self, driver: BoldDriver) -> tuple[float, float | None]:
        """Return the bold driver's rate, and the loss of the epoch before."""
        if self._driver is None or self._driver[0] is not driver:
            self._driver = (driver, driver.initial_learning_rate, None)
        return self._driver[1:]

    def _drive(self, loss: float) -> None:
        """Tell a bold driver an epoch's loss."""
        driver = None if self.optimizer is None else self.optimizer.learning_rate
        if isinstance(driver, BoldDriver):
            rate, previous = self._driven(driver)
            self._driver = (driver, driver.next_rate(rate, previous, loss), loss)

    def _trainer(self) -> Network | BatchTrainer:
        """Return what takes the optimizer's steps."""
        if self.optimizer is None or not self.optimizer.searches:
            return self._built()
        if self.optimizer.derivative_free:
            from ._populations import Populations

            return Populations(self)
        from ._searching import Searcher

        return Searcher(self)

    def _encoded(self, rows: Inputs, y: Any, sample_weight: Any) -> tuple[Data, Array | None]:
        """Return rows with targets and weights, and the classes."""
        units = self._built().output_units
        target, classes = encode_targets(y, self._compiled(), len(rows), units, self.dtype, self._classes)
        return Data(rows, target, as_sample_weight(sample_weight, len(rows), self.dtype)), classes

    def _training_data(
        self, X: Any, y: Any, sample_weight: Any, class_weight: Any, split: float, *, learning: bool = False
    ) -> tuple[Data, Data | None]:
        """Return rows to train on and rows to validate with; the first call sets classes and feature names.

        One that is `learning` is a fit's: layers learn from its rows what they learn from data as a whole.
        """
        self._need_loss()
        self._rates()
        rows, names = self._inputs(X, learning=learning)
        data, classes, held = *self._encoded(rows, y, sample_weight), None
        if self.optimizer is not None and self.optimizer.derivative_free:
            self._set_trainable()
        else:
            self._prepare_gradients()
        if split:
            count = len(rows) - round(len(rows) * split)
            if count in (0, len(rows)):
                part = "The training set" if count == 0 else "The validation set"
                raise ValueError(f"{part} is too small: validation_split={split} of {len(rows)} rows leaves it empty")
            data, held = data.rows(0, count), data.rows(count, len(rows))
        if class_weight is not None:
            weight = class_weights(class_weight, data.target, self._compiled(), classes, self.dtype)
            with np.errstate(over="ignore"):
                product = weight if data.weight is None else weight * data.weight
            data.weight = convert("class_weight * sample_weight", product, self.dtype)
        self._check_weights(data)
        self._classes = classes
        self._feature_names = self._feature_names or names
        if learning:
            _standards.learn(self, data.X)
        return data, held

    def _check_weights(self, data: Data) -> None:
        """Refuse weights by whose sum the loss cannot be divided."""
        if data.weight is None or self._compiled().reduction == "sum":
            return
        total = float(data.weight.sum(dtype=np.float64))
        least = 1.0 / float(np.finfo(self.dtype).max)
        if 0.0 < total <= least:
            raise ValueError(
                f"sample_weight has the sum {total!r}, whose reciprocal is infinite as {self.dtype.name}; "
                f"scale it up, to more than {least:.2g}"
            )

    def _data(self, X: Any, y: Any, sample_weight: Any) -> Data:
        """Return rows to evaluate."""
        self._need_loss()
        return self._encoded(self._inputs(X)[0], y, sample_weight)[0]

    def _prepare_gradients(self) -> None:
        """Tell the engine which layers learn; refuse a step function on the way of a gradient."""
        self._set_trainable()
        assert self._plan is not None
        last = len(self._plan.parts) - 1
        skipped = self._head is not None and self._head.skip_activation
        for number, part in enumerate(self._plan.parts):
            if part.layer.activation_name == "step" and not (skipped and number == last):
                place = self._plan.names.index(part.name.split("/")[0])
                raise ValueError(
                    f"layer {place} ({part.name}) has activation 'step', which has no derivative; "
                    "only a last layer can have it in training, with a perceptron or hinge loss"
                )

    def _set_trainable(self) -> None:
        assert self._plan is not None
        self._built().set_trainable([part.trainable for part in self._plan.parts])

    def _trainable_names(self) -> list[str]:
        assert self._plan is not None
        frozen = self._plan.frozen()
        return [name for name in self.parameters if name.rpartition("/")[0] not in frozen]

    def _gradients(self) -> dict[str, NDArray[Any]]:
        views = self._built().gradients()
        return {name: np.array(views[name]) for name in self._trainable_names()}
