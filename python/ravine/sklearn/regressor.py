"""MLPRegressor."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.base import RegressorMixin, _fit_context
from sklearn.metrics import r2_score
from sklearn.utils import column_or_1d
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.metaestimators import available_if

from .. import kernels, losses
from ._data import check_inputs
from ._perceptron import Perceptron

__all__ = ["MLPRegressor", "numbers_of"]

_LOSSES = {
    "squared_error": losses.HalfSumSquaredError,
    "poisson": losses.Poisson,
    "absolute_error": losses.MeanAbsoluteError,
    "huber": losses.Huber,
}


class MLPRegressor(RegressorMixin, Perceptron):
    """scikit-learn's multi-layer perceptron regressor, trained by ravine.

    It minimises, over the rows of each batch, (sum s l + alpha/2 sum w^2) / sum s with sample weights s and, summed
    over the outputs, l = (z - t)^2 / 2, or with loss="poisson" half the deviance l = t log(t / y) - t + y of y = exp z.

    Parameters up to `max_fun` are scikit-learn's, with its defaults, and mean the same: see its documentation and
    `docs/sklearn.md`. Those after it are what it refuses, and do nothing by default.

    Parameters
    ----------
    loss : {"squared_error", "poisson", "absolute_error", "huber"} or losses.Loss, default="squared_error"
        The last two names and `ravine.losses` are ravine's, means over the outputs.
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
    dropout : float in [0, 1) or list, default=0.0
        The share of a hidden layer's outputs that is dropped in training; a list has one for each layer.
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
    coefs_, intercepts_ : list of ndarray
        The weights; views that may be written into.
    loss_, best_loss_ : float
        The last and the least loss; best_loss_ is None with early stopping.
    loss_curve_ : list of float
        The loss of each epoch.
    validation_scores_, best_validation_score_ : list of float, float
        R2 scores of early stopping, otherwise None.
    validation_loss_curve_ : list of float
        The loss of `validation_data` after each epoch, where `fit` has them.
    n_iter_, t_, n_layers_, n_outputs_, n_features_in_ : int
        Epochs of the last fit, rows seen, layers with input and output, outputs, inputs.
    feature_names_in_ : ndarray of str
        Names of a data frame's columns.
    out_activation_ : str
        "identity" or "exp".
    model_ : Sequential
        The network; with loss="poisson" its outputs are logarithms.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from ravine.sklearn import MLPRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = MLPRegressor(loss="huber", max_iter=1000, learning_rate_init=0.01, random_state=0)
    >>> model.fit(X / X.std(), y / y.std()).score(X / X.std(), y / y.std()) > 0.5
    True
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **Perceptron._parameter_constraints,
        "loss": [StrOptions(set(_LOSSES)), losses.Loss],
    }

    def __init__(
        self,
        loss: Any = "squared_error",
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
        dropout: Any = 0.0,
        optimizer: Any = None,
        weight_decay: float = 0.0,
        callbacks: Any = None,
        n_threads: int | None = None,
    ) -> None:
        self.loss = loss
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
        self.dropout = dropout
        self.optimizer = optimizer
        self.weight_decay = weight_decay
        self.callbacks = callbacks
        self.n_threads = n_threads

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any, sample_weight: Any = None, *, validation_data: Any = None) -> MLPRegressor:
        """Train.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The inputs; float32 stays float32, all else becomes float64. Sparse matrices are made dense.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The targets.
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
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> MLPRegressor:
        """Train for one epoch more, with the optimizer and the parameters of the first call.

        Parameters
        ----------
        X, y, sample_weight
            As for `fit`.

        Returns
        -------
        self
            The fitted estimator.

        Raises
        ------
        ValueError, TypeError
            As for `fit`.
        """
        self._fit(X, y, sample_weight, incremental=True)
        return self

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the predicted values. A row's bits do not depend on the rows beside it.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The inputs.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs)
            The values, of the dtype of the X that was fitted.
        """
        return np.asarray(self._values(self._outputs(X)))

    def _values(self, z: Any) -> Any:
        values = np.asarray(kernels.exp(z)) if self.out_activation_ == "exp" else z
        return values[:, 0] if values.shape[1] == 1 else values

    def _check_data(self, X: Any, y: Any, *, incremental: bool, reset: bool) -> tuple[Any, Any, Any]:
        X, y = check_inputs(
            self, X, y=numbers_of(y), multi_output=True, y_numeric=True, dtype=(np.float64, np.float32), reset=reset
        )
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        target = self._encode(y)
        if "model_" in vars(self) and not reset and target.shape[1] != self.n_outputs_:
            raise ValueError(f"y has {target.shape[1]} outputs, but this {type(self).__name__} has {self.n_outputs_}")
        self.n_outputs_ = target.shape[1]
        return X, y, target

    def _encode(self, y: Any) -> Any:
        y = np.asarray(numbers_of(y))
        return y.reshape(len(y), -1)

    def _loss(self) -> losses.Loss:
        return self.loss if isinstance(self.loss, losses.Loss) else _LOSSES[self.loss]()

    def _out_activation(self) -> str:
        loss = self._loss()
        return "exp" if isinstance(loss, losses.Poisson) and loss.log_input else "identity"

    def _summed(self) -> int:
        return int(self.n_outputs_) if self.loss == "poisson" else 1

    def _constant(self, target: Any, weight: Any) -> float:
        """Return the mean of t log t - t, which scikit-learn's Poisson loss has and which no weight changes."""
        if self.loss != "poisson":
            return 0.0
        t = np.ascontiguousarray(target, np.float64)
        logs = np.asarray(kernels.log(np.where(t > 0.0, t, 1.0)))
        rows = np.add.reduce(t * logs - t, axis=1)
        return float(np.average(rows, weights=weight))

    def _metrics(self) -> list[str]:
        return ["mse"] if self.loss == "squared_error" and self.n_outputs_ > 1 else []

    def _reported_loss(self, logs: dict[str, float], *, held: bool = False) -> float:
        """Return the loss as scikit-learn reports it: its squared error is the mean over the outputs there."""
        loss = super()._reported_loss(logs, held=held)
        return loss - 0.5 * (self.n_outputs_ - 1) * logs["mse"] if "mse" in logs else loss

    def _scorer(self, target: Any, weight: Any) -> Any:
        return lambda z: r2_score(target, self._values(z), sample_weight=weight)


def numbers_of(y: Any) -> Any:
    """Return y, strings as the numbers that they spell."""
    array = y if hasattr(y, "dtype") or y is None else np.asarray(y)
    if array is not None and getattr(array.dtype, "kind", "") in "US":
        try:
            return np.asarray(array).astype(np.float64)
        except ValueError as error:
            raise ValueError(f"y: {error}") from None
    return y
