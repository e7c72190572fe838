"""NetClassifier and NetRegressor: any `Sequential` as an estimator."""

from __future__ import annotations

import copy
from collections.abc import Callable
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, _fit_context
from sklearn.utils import check_random_state, column_or_1d
from sklearn.utils._param_validation import Interval
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import check_is_fitted

from .. import layers, losses
from .._threads import MAX_THREADS
from .._validation import check_int
from ..model import Sequential
from ._data import check_inputs, check_weights, refuse_masked
from .regressor import numbers_of

__all__ = ["NetClassifier", "NetRegressor"]


class _Net(BaseEstimator):
    """What both share."""

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
            given = self._default(outputs, X.dtype)
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
        stack = copy.deepcopy(list(given.layers))
        if given.input_shape is not None:
            stack.insert(0, layers.Input(given.input_shape))
        model = Sequential(stack, dtype=given.dtype, random_state=int(seed))
        model.compile(optimizer=copy.deepcopy(given.optimizer or "adam"), loss=given.loss, metrics=given.metrics)
        return model

    def _made(self, make: Callable[[int, int], Any], X: Any, outputs: int) -> Sequential:
        made = make(X.shape[1], outputs)
        if not isinstance(made, Sequential):
            raise TypeError(f"model must give a Sequential, got {type(made).__name__}")
        return made

    def _default(self, outputs: int, dtype: Any) -> Sequential:
        model = Sequential([layers.Dense(100, "relu"), layers.Dense(outputs)], dtype=dtype)
        model.compile(optimizer="adam", loss=self._default_loss(outputs))
        return model

    def _default_loss(self, outputs: int) -> losses.Loss:
        raise NotImplementedError

    def _rows(self, X: Any) -> Any:
        check_is_fitted(self)
        return check_inputs(self, X, reset=False, allow_nd=True)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


class NetClassifier(ClassifierMixin, _Net):
    """Any `Sequential` that tells classes apart, as a scikit-learn classifier.

    Its last layer has as many units as there are classes (or 1 for two), with a loss that knows classes; with several
    yes-or-no outputs, y has a column of 0 and 1 for each.

    Parameters
    ----------
    model : Sequential, callable or None, default=None
        A compiled network, of which each fit trains a copy, with the weights it has; or a function of the numbers of
        inputs and outputs that gives one; None is one hidden layer of 100 ReLU units, trained by Adam.
    epochs, batch_size, shuffle, validation_split, callbacks, n_threads, verbose
        As for `Sequential.fit`; 100 epochs, batches of 32 rows and silence by default.
    class_weight : dict, "balanced" or None, default=None
        Weights by label, as for `Sequential.fit`.
    random_state : int, RandomState or None, default=None
        None keeps the model's seed and weights; all else begins with new weights.
    warm_start : bool, default=False
        Whether `fit` goes on where the last ended.

    Attributes
    ----------
    model_ : Sequential
        The trained network.
    classes_ : ndarray
        The labels.
    loss_curve_, n_iter_ : list of float, int
        The loss of each epoch of the last fit, and their number.
    n_features_in_, feature_names_in_ : int, ndarray of str
        Inputs, and the names of a data frame's columns.

    Examples
    --------
    >>> import ravine as rv
    >>> from ravine.sklearn import NetClassifier
    >>> from sklearn.datasets import load_iris
    >>> net = rv.Sequential([rv.layers.Dense(16, "tanh"), rv.layers.Dropout(0.1), rv.layers.Dense(3)], random_state=0)
    >>> net.compile(optimizer=rv.optimizers.Adam(0.01), loss="categorical_crossentropy")
    >>> X, y = load_iris(return_X_y=True)
    >>> NetClassifier(net, epochs=50).fit(X, y).score(X, y) > 0.95
    True
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **_Net._parameter_constraints,
        "class_weight": "no_validation",  # the model's own message
    }

    def __init__(
        self,
        model: Any = None,
        *,
        epochs: int = 100,
        batch_size: int | None = 32,
        shuffle: bool = True,
        validation_split: float = 0.0,
        class_weight: Any = None,
        callbacks: Any = None,
        random_state: Any = None,
        warm_start: bool = False,
        n_threads: int | None = None,
        verbose: Any = 0,
    ) -> None:
        self.model = model
        self.epochs = epochs
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.validation_split = validation_split
        self.class_weight = class_weight
        self.callbacks = callbacks
        self.random_state = random_state
        self.warm_start = warm_start
        self.n_threads = n_threads
        self.verbose = verbose

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> NetClassifier:
        """Train.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, *input_shape)
            The inputs, converted to the model's dtype.
        y : array-like of shape (n_samples,) or (n_samples, n_labels)
            The labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights >= 0.

        Returns
        -------
        self
            The fitted estimator.

        Raises
        ------
        ValueError, TypeError
            For data or parameters that are not allowed, and a model that does not fit them.
        """
        refuse_masked(X=X, y=y)
        X, y = check_inputs(self, X, y=y, multi_output=True, allow_nd=True, dtype=(np.float64, np.float32))
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        check_classification_targets(y)
        target, outputs = self._targets(y)
        weights = self.class_weight
        if isinstance(weights, dict):
            weights = {self._number(label): value for label, value in weights.items()}
        self._train(X, target, check_weights(sample_weight, X), outputs, class_weight=weights)
        given = self.model_.output_shape
        assert given is not None
        if given[-1] != outputs and not (outputs == 1 and given[-1] == 2):
            raise ValueError(f"y has {len(self.classes_)} classes, the model's {given[-1]} outputs are not for so many")
        return self

    def _targets(self, y: Any) -> tuple[Any, int]:
        """Return class numbers, or columns of 0 and 1, and the outputs they take; set classes_."""
        if type_of_target(y).startswith("multilabel"):
            self.classes_, self._many = np.arange(y.shape[1]), True
            return np.asarray(y), y.shape[1]
        labels, numbers = np.unique(y, return_inverse=True)
        if "model_" in vars(self) and self.warm_start and not np.array_equal(labels, self.classes_):
            raise ValueError(
                "warm_start can only be used where `y` has the same classes as in the previous call to fit. "
                f"Previously got {self.classes_}, `y` has {labels}"
            )
        if len(labels) < 2:
            raise ValueError(f"y has only one class, {labels[0]!r}: a classifier needs at least 2")
        self.classes_, self._many = labels, False
        return numbers, 1 if len(labels) == 2 else len(labels)

    def _number(self, label: Any) -> int:
        found = np.flatnonzero(self.classes_ == label)
        if not len(found):
            raise ValueError(f"class_weight names the label {label!r}; the labels are {self.classes_}")
        return int(found[0])

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the likeliest label of each row; with several yes-or-no outputs, 0 or 1 for each.

        Parameters
        ----------
        X : array-like, as for `fit`
            The inputs.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_labels)
            The labels.
        """
        rows = self._rows(X)
        numbers = self.model_.predict_classes(rows, n_threads=self.n_threads)
        return np.asarray(numbers if self._many else self.classes_[numbers])

    @available_if(lambda estimator: estimator._knows_probabilities())
    def predict_proba(self, X: Any) -> NDArray[Any]:
        """Return probabilities, where the model's loss knows them.

        Parameters
        ----------
        X : array-like, as for `fit`
            The inputs.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            In the order of `classes_`.
        """
        rows = self._rows(X)
        p = self.model_.predict_proba(rows, n_threads=self.n_threads)
        return np.concatenate([1 - p, p], axis=1) if p.shape[1] == 1 else p

    def _knows_probabilities(self) -> bool:
        model = vars(self).get("model_", self.model)
        if isinstance(model, Sequential) and isinstance(model.loss, (losses.Hinge, losses.Perceptron)):
            raise AttributeError(f"the loss {model.loss!r} knows no probabilities; predict gives labels")
        return True

    def _default_loss(self, outputs: int) -> losses.Loss:
        return losses.BinaryCrossentropy() if outputs == 1 or self._many else losses.CategoricalCrossentropy()

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


class NetRegressor(RegressorMixin, _Net):
    """Any `Sequential` that gives numbers, as a scikit-learn regressor.

    Parameters
    ----------
    model : Sequential, callable or None, default=None
        A compiled network, of which each fit trains a copy, with the weights it has; or a function of the numbers of
        inputs and outputs that gives one; None is one hidden layer of 100 ReLU units, trained by Adam.
    epochs, batch_size, shuffle, validation_split, callbacks, n_threads, verbose
        As for `Sequential.fit`; 100 epochs, batches of 32 rows and silence by default.
    random_state : int, RandomState or None, default=None
        None keeps the model's seed and weights; all else begins with new weights.
    warm_start : bool, default=False
        Whether `fit` goes on where the last ended.

    Attributes
    ----------
    model_ : Sequential
        The trained network.
    loss_curve_, n_iter_ : list of float, int
        The loss of each epoch of the last fit, and their number.
    n_features_in_, feature_names_in_ : int, ndarray of str
        Inputs, and the names of a data frame's columns.

    Examples
    --------
    >>> import numpy as np
    >>> import ravine as rv
    >>> from ravine.sklearn import NetRegressor
    >>> X = np.linspace(-1, 1, 64)[:, None]
    >>> net = rv.Sequential([rv.layers.Dense(16, "tanh"), rv.layers.Dense(1)], random_state=0)
    >>> net.compile(optimizer=rv.optimizers.Adam(0.01), loss="huber")
    >>> NetRegressor(net, epochs=300).fit(X, np.sin(3 * X[:, 0])).score(X, np.sin(3 * X[:, 0])) > 0.98
    True
    """

    def __init__(
        self,
        model: Any = None,
        *,
        epochs: int = 100,
        batch_size: int | None = 32,
        shuffle: bool = True,
        validation_split: float = 0.0,
        callbacks: Any = None,
        random_state: Any = None,
        warm_start: bool = False,
        n_threads: int | None = None,
        verbose: Any = 0,
    ) -> None:
        self.model = model
        self.epochs = epochs
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.validation_split = validation_split
        self.callbacks = callbacks
        self.random_state = random_state
        self.warm_start = warm_start
        self.n_threads = n_threads
        self.verbose = verbose

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> NetRegressor:
        """Train.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, *input_shape)
            The inputs, converted to the model's dtype.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The targets.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights >= 0.

        Returns
        -------
        self
            The fitted estimator.

        Raises
        ------
        ValueError, TypeError
            For data or parameters that are not allowed, and a model that does not fit them.
        """
        refuse_masked(X=X, y=y)
        X, y = check_inputs(
            self,
            X,
            y=numbers_of(y),
            multi_output=True,
            y_numeric=True,
            allow_nd=True,
            dtype=(np.float64, np.float32),
        )
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        self._flat = y.ndim == 1
        target = y.reshape(len(y), -1)
        self._train(X, target, check_weights(sample_weight, X), target.shape[1])
        return self

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the network's outputs.

        Parameters
        ----------
        X : array-like, as for `fit`
            The inputs.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs)
            The values.
        """
        rows = self._rows(X)
        values = self.model_.predict(rows, n_threads=self.n_threads)
        return np.asarray(values[:, 0] if self._flat else values)

    def _default_loss(self, outputs: int) -> losses.Loss:
        return losses.MeanSquaredError()
