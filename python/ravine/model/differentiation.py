"""The methods of a model that compute and apply gradients."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from numpy.typing import ArrayLike, NDArray

from ..inputs.arrays import as_array, convert
from ..inputs.sparse import MatrixLike
from ..network.building import rollback
from ..network.data import read_inputs, training_data
from ..network.gradients import copied_gradients, prepare_gradients
from ..network.state import ModelState
from ..runtime.threads import check_n_threads
from ..training.steps import step_with_gradients

__all__ = ["Differentiation"]


class Differentiation:
    """The gradients of a model, and steps with gradients from the caller."""

    _state: ModelState

    def loss_and_gradients(
        self,
        X: MatrixLike,
        y: ArrayLike | None = None,
        *,
        sample_weight: ArrayLike | None = None,
        n_threads: int | None = None,
    ) -> tuple[float, dict[str, NDArray[Any]]]:
        """Return the loss, penalties included, and its gradients with respect to the weights, without taking a step.

        Dropout is off. Arguments are as for `fit`; as there, the first call takes the input's shape from the data.

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
        state = self._state
        with state.guard.exclusive():
            threads = check_n_threads(n_threads)
            with rollback(state):
                data, _ = training_data(state, X, y, sample_weight)
                prepare_gradients(state)
            loss = state.network.loss_and_gradients(data.X, data.target, data.weight, n_threads=threads)
            return float(loss), copied_gradients(state)

    def gradients(self, X: MatrixLike, doutput: ArrayLike, *, n_threads: int | None = None) -> dict[str, NDArray[Any]]:
        """Return the gradients of sum(doutput * predict(X)) with respect to the weights, for a custom loss.

        Parameters
        ----------
        X : array-like, shape (n, inputs) or (n, *input_shape), or sparse matrix
            Inputs.
        doutput : array-like, shape (n, units)
            The derivative of the loss with respect to each output of `predict`.
        n_threads : int in [1, 1024], optional
            See `set_num_threads` for the default.

        Returns
        -------
        dict of str to ndarray
            Named as `parameters`, for layers that are trainable; penalties are not included.

        Raises
        ------
        NotFittedError, ValueError
            As for `predict`, and if `doutput` does not have the shape of the outputs.

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
        state = self._state
        with state.guard.exclusive():
            network, threads = state.network, check_n_threads(n_threads)
            rows, _ = read_inputs(state, X)
            expected = (len(rows), *state.plan.shapes[-1])
            given = as_array("doutput", doutput)
            if given.shape != expected:
                raise ValueError(f"doutput has shape {given.shape}, the model's outputs have shape {expected}")
            prepare_gradients(state)
            derivatives = convert("doutput", given, state.configuration.dtype).reshape(len(rows), -1)
            network.backward(rows, derivatives, n_threads=threads)
            return copied_gradients(state)

    def apply_gradients(self, gradients: Mapping[str, ArrayLike]) -> None:
        """Take one step of the optimizer with custom gradients.

        The optimizer clips them as usual, and constraints are applied after the step. Penalties are not added to the
        gradients.

        Parameters
        ----------
        gradients : dict of str to array-like
            One for each weight of a trainable layer, named and shaped as in `parameters`.

        Raises
        ------
        NotFittedError, ValueError
            Before there are weights or an optimizer; for an optimizer that searches along the loss; for a missing or
            unknown name, another shape, NaN or infinity.
        """
        with self._state.guard.exclusive():
            step_with_gradients(self._state, gradients)
