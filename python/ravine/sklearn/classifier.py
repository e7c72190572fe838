"""MLPClassifier."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin, _fit_context
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils import column_or_1d
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import (
    _check_partial_fit_first_call,
    check_classification_targets,
    type_of_target,
    unique_labels,
)

from .. import kernels, losses
from ._data import check_inputs
from ._perceptron import Perceptron

__all__ = ["MLPClassifier"]


class MLPClassifier(ClassifierMixin, Perceptron):
    """scikit-learn's multi-layer perceptron classifier, trained by ravine.

    It minimises, over the rows of each batch, (sum s l + alpha/2 sum w^2) / sum s with sample weights s and the cross
    entropy l = -sum t log p; p = sigmoid(z) for two classes and for each of several labels, softmax(z) for more
    classes. Cross entropies are computed from the logits z, so that they stay right where p rounds to 0 or 1.

    Parameters up to `max_fun` are scikit-learn's, with its defaults, and mean the same: see its documentation and
    `docs/sklearn.md`. Those after it are what it refuses, and do nothing by default.

    Parameters
    ----------
    hidden_layer_sizes : int or array-like of int, default=(100,)
        Units of each hidden layer.
    activation : {"identity", "logistic", "tanh", "relu"} or list, default="relu"
        That of all hidden layers; a list has one for each: these names, those of `ravine.layers.Activation`, or such
        objects.
    solver : {"lbfgs", "sgd", "adam"}, default="adam"
        The optimizer, unless `optimizer` is given.
    alpha : float >= 0, default=0.0001
        The L2 penalty.
    batch_size : int or "auto", default="auto"
        Rows of a step; "auto" takes 200, or all where there are fewer.
    learning_rate : {"constant", "invscaling", "adaptive"}, default="constant"
        The rate of solver="sgd": `learning_rate_init`; that divided by (t_ + 1)^`power_t` after each epoch; or divided
        by 5 where `n_iter_no_change` epochs bring nothing, until it is 1e-6.
    learning_rate_init : float > 0, default=0.001
        The rate of the first step.
    power_t : float >= 0, default=0.5
        See `learning_rate`.
    max_iter : int >= 1, default=200
        Epochs, or steps of "lbfgs", at most.
    shuffle : bool, default=True
        Whether each epoch has an order of its own. A batch of all rows keeps theirs.
    random_state : int, RandomState or None, default=None
        First weights and the early-stopping split are those of scikit-learn for the same value; orders are ravine's.
    tol : float >= 0, default=1e-4
        An epoch must be better by it to count; for "lbfgs", the largest part of the gradient at the end.
    verbose : bool or int, default=False
        Whether to print a line an epoch.
    warm_start : bool, default=False
        Whether `fit` begins with the weights at hand.
    momentum : float in [0, 1], default=0.9
        That of "sgd".
    nesterovs_momentum : bool, default=True
        Whether it looks ahead.
    early_stopping : bool, default=False
        Whether to score rows set aside, stop when the score stays, and keep the best weights.
    validation_fraction : float in [0, 1), default=0.1
        The share of rows to set aside.
    beta_1, beta_2 : float in [0, 1), default=0.9, 0.999
        Those of "adam".
    epsilon : float > 0, default=1e-8
        That of "adam".
    n_iter_no_change : int or inf, default=10
        Epochs without an improvement that are allowed.
    max_fun : int >= 1, default=15000
        Evaluations of the loss for "lbfgs".
    loss : {"log_loss", "hinge", "perceptron"} or losses.Loss, default="log_loss"
        Others than "log_loss" are ravine's; only cross entropies give probabilities.
    dropout : float in [0, 1) or list, default=0.0
        The share of a hidden layer's outputs that is dropped in training; a list has one for each layer.
    class_weight : dict, "balanced" or list of dict, default=None
        Weights of the classes, multiplied with the sample weights; a list for several labels.
    optimizer : str or optimizers.Optimizer, default=None
        Any of ravine's, in place of `solver` and its settings. One that searches along the loss takes all rows at once
        where batch_size="auto".
    weight_decay : float >= 0, default=0.0
        Decoupled decay of kernels by solver="sgd" or "adam".
    callbacks : list of callbacks.Callback, default=None
        Told of the epochs.
    n_threads : int in [1, 1024], default=None
        Threads; no bit of a result depends on it.

    Attributes
    ----------
    classes_ : ndarray
        The labels.
    coefs_, intercepts_ : list of ndarray
        The weights; views that may be written into.
    loss_, best_loss_ : float
        The last and the least loss; best_loss_ is None with early stopping.
    loss_curve_ : list of float
        The loss of each epoch.
    validation_scores_, best_validation_score_ : list of float, float
        Accuracies of early stopping, otherwise None.
    validation_loss_curve_ : list of float
        The loss of `validation_data` after each epoch, where `fit` has them.
    n_iter_, t_, n_layers_, n_outputs_, n_features_in_ : int
        Epochs of the last fit, rows seen, layers with input and output, outputs, inputs.
    feature_names_in_ : ndarray of str
        Names of a data frame's columns.
    out_activation_ : str
        "logistic" or "softmax".
    model_ : Sequential
        The network; its last layer gives logits.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from ravine.sklearn import MLPClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> model = MLPClassifier(max_iter=500, learning_rate_init=0.01, dropout=0.1, class_weight="balanced")
    >>> model.set_params(random_state=0).fit(X, y).score(X, y) > 0.95
    True
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **Perceptron._parameter_constraints,
        "loss": [StrOptions({"log_loss", "hinge", "perceptron"}), losses.Loss],
        "class_weight": [dict, list, StrOptions({"balanced"}), None],
    }

    def __init__(
        self,
        hidden_layer_sizes: Any = (100,),
        activation: Any = "relu",
        *,
        solver: str = "adam",
        alpha: float = 0.0001,
        batch_size: Any = "auto",
        learning_rate: str = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        verbose: Any = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: float = 10,
        max_fun: int = 15000,
        loss: Any = "log_loss",
        dropout: Any = 0.0,
        class_weight: Any = None,
        optimizer: Any = None,
        weight_decay: float = 0.0,
        callbacks: Any = None,
        n_threads: int | None = None,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.power_t = power_t
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.warm_start = warm_start
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.n_iter_no_change = n_iter_no_change
        self.max_fun = max_fun
        self.loss = loss
        self.dropout = dropout
        self.class_weight = class_weight
        self.optimizer = optimizer
        self.weight_decay = weight_decay
        self.callbacks = callbacks
        self.n_threads = n_threads

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any, sample_weight: Any = None, *, validation_data: Any = None) -> MLPClassifier:
        """Train.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The inputs; float32 stays float32, all else becomes float64. Sparse matrices are made dense.
        y : array-like of shape (n_samples,) or (n_samples, n_labels)
            Labels, or a row of zeros and ones for several yes-or-no labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights >= 0.
        validation_data : (X, y) or (X, y, sample_weight), default=None
            Gives `validation_loss_curve_`; with early stopping, what is scored in place of rows set aside.

        Returns
        -------
        self
            The fitted estimator.

        Raises
        ------
        ValueError, TypeError
            For data or parameters that are not allowed, and where training diverges.
        """
        self._fit(X, y, sample_weight, validation_data=validation_data)
        return self

    @available_if(lambda estimator: estimator._check_solver())
    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None, classes: Any = None) -> MLPClassifier:
        """Train for one epoch more, with the optimizer and the parameters of the first call.

        Parameters
        ----------
        X, y, sample_weight
            As for `fit`.
        classes : array-like, default=None
            All labels there are; needed in the first call.

        Returns
        -------
        self
            The fitted estimator.

        Raises
        ------
        ValueError
            As for `fit`, and for labels that are not in `classes`.
        """
        if _check_partial_fit_first_call(self, classes):
            self._label_binarizer = LabelBinarizer()
            self._label_binarizer.fit(y if type_of_target(y).startswith("multilabel") else classes)
        self._fit(X, y, sample_weight, incremental=True)
        return self

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the likeliest label of each row; of several labels, 0 or 1 for each.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The inputs.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_labels)
            The labels.
        """
        return np.asarray(self._decide(self._outputs(X)))

    @available_if(lambda estimator: estimator._check_probabilities())
    def predict_proba(self, X: Any) -> NDArray[Any]:
        """Return probabilities. A row's bits do not depend on the rows beside it.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The inputs.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            In the order of `classes_`; of several labels, that each is there.
        """
        z = self._outputs(X)
        if self._kind == "multiclass":
            return np.asarray(kernels.softmax(z))
        return np.asarray(kernels.sigmoid(z if self._kind != "binary" else np.concatenate([-z, z], axis=1)))

    @available_if(lambda estimator: estimator._check_probabilities())
    def predict_log_proba(self, X: Any) -> NDArray[Any]:
        """Return the logarithms of `predict_proba`.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The inputs.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            log p; minus infinity, without a warning, where p is 0.
        """
        return np.asarray(kernels.log(self.predict_proba(X)))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags

    def _check_probabilities(self) -> bool:
        loss = self.loss
        crosses = isinstance(loss, (losses.BinaryCrossentropy, losses.CategoricalCrossentropy))
        if not crosses and loss != "log_loss":
            raise AttributeError(f"loss={loss!r} knows no probabilities; predict gives labels")
        return True

    @property
    def _kind(self) -> str:
        """Return "binary", "multiclass" or "multilabel-indicator"."""
        return str(self._label_binarizer.y_type_)

    def _check_data(self, X: Any, y: Any, *, incremental: bool, reset: bool) -> tuple[Any, Any, Any]:
        _refuse_mixed(y)
        X, y = check_inputs(self, X, y=y, multi_output=True, dtype=(np.float64, np.float32), reset=reset)
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        check_classification_targets(y)
        if "classes_" not in vars(self) or not (self.warm_start or incremental):
            self._label_binarizer = LabelBinarizer().fit(y)
            self.classes_ = self._label_binarizer.classes_
        else:
            self._check_classes(unique_labels(y))
        target = self._encode(y)
        self.n_outputs_ = len(self.classes_) if self._kind != "binary" else 1
        return X, y, target

    def _check_classes(self, classes: Any) -> None:
        if self.warm_start:
            if set(classes) != set(self.classes_):
                raise ValueError(
                    "warm_start can only be used where `y` has the same classes as in the previous call to fit. "
                    f"Previously got {self.classes_}, `y` has {classes}"
                )
        elif len(np.setdiff1d(classes, self.classes_, assume_unique=True)):
            raise ValueError(
                f"`y` has classes not in `self.classes_`. `self.classes_` has {self.classes_}. 'y' has {classes}."
            )

    def _encode(self, y: Any) -> Any:
        """Return class numbers, or a column of 0 and 1 for each yes-or-no output."""
        if self._kind != "multiclass":
            return self._label_binarizer.transform(y).astype(bool)
        y = np.asarray(y).reshape(-1)
        unknown = np.setdiff1d(y, self.classes_)
        if len(unknown):
            raise ValueError(f"`y` has classes not in `self.classes_`: {unknown}")
        return np.searchsorted(self.classes_, y)

    def _row_weights(self, weight: Any, labels: Any, incremental: bool) -> Any:
        if self.class_weight is None:
            return weight
        if incremental and isinstance(self.class_weight, str):
            raise ValueError(
                "class_weight 'balanced' is not supported for partial_fit: its rows are not all of them; pass a dict "
                "such as compute_class_weight gives"
            )
        of_class = compute_sample_weight(self.class_weight, labels)
        if not np.isfinite(of_class).all() or (of_class < 0).any():
            raise ValueError(f"class_weight must hold finite weights >= 0, got {self.class_weight!r}")
        return of_class if weight is None else of_class * weight

    def _loss(self) -> losses.Loss:
        if isinstance(self.loss, losses.Loss):
            return self.loss
        if self.loss != "log_loss":
            return losses.get(self.loss)
        return losses.CategoricalCrossentropy() if self._kind == "multiclass" else losses.BinaryCrossentropy()

    def _summed(self) -> int:
        return int(self.n_outputs_) if self.loss == "log_loss" and self._kind == "multilabel-indicator" else 1

    def _out_activation(self) -> str:
        return "softmax" if self._kind == "multiclass" else "logistic"

    def _decide(self, z: Any) -> Any:
        if self._kind == "multiclass":
            return self.classes_[z.argmax(axis=1)]
        if self._kind != "binary":
            return (z > 0).astype(int)
        return self.classes_[np.minimum((z[:, 0] > 0).astype(int), len(self.classes_) - 1)]

    def _scorer(self, target: Any, weight: Any) -> Any:
        def accuracy(z: Any) -> Any:
            right = z.argmax(axis=1) == target if self._kind == "multiclass" else ((z > 0) == target).all(axis=1)
            return np.average(right, weights=weight)

        return accuracy


def _refuse_mixed(y: Any) -> None:
    """Refuse lists of strings and numbers, which NumPy would make strings of."""
    if isinstance(y, (list, tuple)):
        kinds = {isinstance(label, str) for label in y if not isinstance(label, (list, tuple, np.ndarray))}
        if len(kinds) > 1:
            raise TypeError("y mixes strings and numbers; labels must be all strings or all numbers")
