"""The base class of `NetClassifier` and `NetRegressor`."""

from __future__ import annotations

import copy
from collections.abc import Callable
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state, column_or_1d
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import check_is_fitted

from .. import layers
from ..inputs.arguments import check_int
from ..losses import Loss
from ..model.sequential import Sequential
from ..runtime.threads import MAX_THREADS
from .constructors import with_defaults
from .export import Exported
from .inputs import check_inputs, refuse_masked

__all__ = ["Net"]

_FLOATS = (np.float64, np.float32)


class Net(Exported, BaseEstimator):
    """An estimator that trains a custom `Sequential` by `Sequential.fit`."""

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "model": [Sequential, callable, None],
        "epochs": [Interval(Integral, 1, None, closed="left")],
        "batch_size": [Interval(Integral, 1, None, closed="left"), None],
        "shuffle": ["boolean"],
        "validation_split": [Interval(Real, 0, 1, closed="left")],
        "callbacks": [list, tuple, None],
        "random_state": ["random_state"],
        "warm_start": ["boolean"],
        "n_threads": "no_validation",  # ravine's own message
        "verbose": "no_validation",
    }
    _shapes: ClassVar[dict[str, Any]] = {"allow_nd": True}
    _sparse: ClassVar[bool] = True  # whether sparse rows are taken
    model_: Sequential

    def _train(self, X: Any, target: Any, weight: Any, outputs: int, **options: Any) -> None:
        if self.n_threads is not None:
            check_int("n_threads", self.n_threads, 1, MAX_THREADS)
        if "model_" not in vars(self) or not self.warm_start:
            self.model_ = self._fresh(X, outputs)
        self.model_.fit(
            X,
            target,
            epochs=int(self.epochs),
            batch_size=None if self.batch_size is None else int(self.batch_size),
            shuffle=bool(self.shuffle),
            validation_split=float(self.validation_split),
            sample_weight=weight,
            callbacks=list(self.callbacks or ()),
            n_threads=self.n_threads,
            verbose=self.verbose,
            **options,
        )
        history = self.model_.history
        assert history is not None
        self.loss_curve_ = [*history.history["loss"]]
        self.n_iter_ = len(self.loss_curve_)

    def _fresh(self, X: Any, outputs: int) -> Sequential:
        """Return the network to train: a copy, or with a random_state the same layers with new weights."""
        given: Sequential
        if self.model is None:
            given = self._default(outputs, X)
        elif isinstance(self.model, Sequential):
            given = copy.deepcopy(self.model)
        else:
            given = self._made(self.model, X, outputs)
        if given.loss is None:
            raise ValueError("model has no loss yet; call its compile(optimizer=..., loss=...) first")
        if self.random_state is None:
            return given
        integer = isinstance(self.random_state, (int, np.integer))
        seed = self.random_state if integer else check_random_state(self.random_state).randint(2**32, dtype=np.uint64)
        copies = copy.deepcopy(list(given.layers))
        if given.input_shape is not None:
            copies.insert(0, layers.Input(given.input_shape))
        model = Sequential(copies, dtype=given.dtype, random_state=int(seed))
        model.compile(optimizer=copy.deepcopy(given.optimizer or "adam"), loss=given.loss, metrics=given.metrics)
        return model

    def _made(self, make: Callable[[int, int], Any], X: Any, outputs: int) -> Sequential:
        made = make(X.shape[1], outputs)
        if not isinstance(made, Sequential):
            raise TypeError(f"model must give a Sequential, got {type(made).__name__}")
        return made

    def _default(self, outputs: int, X: Any) -> Sequential:
        """Return the network for model=None."""
        model = Sequential([layers.Dense(100, "relu"), layers.Dense(outputs)], dtype=X.dtype)
        model.compile(optimizer="adam", loss=self._default_loss(outputs))
        return model

    def _default_loss(self, outputs: int) -> Loss:
        raise NotImplementedError

    def _checked(self, X: Any, y: Any, **options: Any) -> tuple[Any, Any]:
        """Return the rows and the targets of a fit, a single column of targets as a vector."""
        refuse_masked(X=X, y=y)
        X, y = check_inputs(
            self, X, y=y, sparse=self._sparse, multi_output=True, dtype=_FLOATS, **self._shapes, **options
        )
        return X, column_or_1d(y, warn=True) if y.ndim == 2 and y.shape[1] == 1 else y

    def _rows(self, X: Any) -> Any:
        """Return the rows of a prediction."""
        check_is_fitted(self)
        return check_inputs(self, X, sparse=self._sparse, reset=False, **self._shapes)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = self._sparse
        return tags

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(with_defaults(self, state))
