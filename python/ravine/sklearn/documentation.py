"""The docstring texts that several estimators share: each argument is described in one place."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TypeVar

__all__ = ["NET", "NET_FITTED", "PERCEPTRON", "PERCEPTRON_FITTED", "REFUSED", "described"]

Class = TypeVar("Class", bound=type)

# The perceptrons' parameters that scikit-learn has too.
PERCEPTRON = """
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
"""

# Those that it refuses.
REFUSED = """
dropout : float in [0, 1) or list, default=0.0
    The share of a hidden layer's outputs that is dropped in training; a list has one for each layer.
batch_norm : bool, default=False
    Whether each hidden layer is act(gamma (x W - m) / sqrt(v + 1e-5) + beta), see `layers.BatchNorm`, m and v being
    mean and variance of x W over a batch in training, and running means of these after it. Goes with solver="sgd" and
    "adam", and with batches of 2 rows or more.
optimizer : str or optimizers.Optimizer, default=None
    Any of ravine's, in place of `solver` and its settings. One that searches along the loss takes all rows at once
    where batch_size="auto".
weight_decay : float >= 0, default=0.0
    Decoupled decay of kernels by solver="sgd" or "adam".
schedule : schedules.Schedule, default=None
    The rates of solver="sgd" or "adam" by step or epoch, in place of `learning_rate_init`; goes with
    learning_rate="constant".
time_limit : float >= 0, default=None
    Seconds after which the epoch, or step of "lbfgs", that is under way is the last.
callbacks : list of callbacks.Callback, default=None
    Told of the epochs.
n_threads : int in [1, 1024], default=None
    Threads; no bit of a result depends on it.
progress : {False, True, "auto", 0, 1, 2}, default=False
    A line of losses that is rewritten (True or 1), or one an epoch (2), as `verbose` of `Sequential.fit`.
"""

PERCEPTRON_FITTED = """
coefs_, intercepts_ : list of ndarray
    The weights; views that may be written into. With `batch_norm` those of the hidden layers are what a prediction
    comes to, W gamma / sqrt(v + 1e-5) and beta - m gamma / sqrt(v + 1e-5): copies that cannot be written into.
loss_, best_loss_ : float
    The last and the least loss; best_loss_ is None with early stopping.
loss_curve_ : list of float
    The loss of each epoch.
validation_scores_, best_validation_score_ : list of float, float
    Accuracies, or R2 of regression, of early stopping; otherwise None.
validation_loss_curve_ : list of float
    The loss of `validation_data` after each epoch, where `fit` has them.
n_iter_, t_, n_layers_, n_outputs_, n_features_in_ : int
    Epochs of the last fit, rows seen, layers with input and output, outputs, inputs.
feature_names_in_ : ndarray of str
    Names of a data frame's columns.
"""

NET = """
model : Sequential, callable or None, default=None
    A compiled network, of which each fit trains a copy, with the weights it has; or a function of the numbers of
    inputs and outputs that gives one; None is one hidden layer of 100 ReLU units, trained by Adam.
epochs, batch_size, shuffle, validation_split, callbacks, n_threads, verbose
    As for `Sequential.fit`; 100 epochs, batches of 32 rows and silence by default.
random_state : int, RandomState or None, default=None
    None keeps the model's seed and weights; all else begins with new weights.
warm_start : bool, default=False
    Whether `fit` goes on where the last ended.
"""

NET_FITTED = """
model_ : Sequential
    The trained network.
loss_curve_, n_iter_ : list of float, int
    The loss of each epoch of the last fit, and their number.
n_features_in_, feature_names_in_ : int, ndarray of str
    Inputs, and the names of a data frame's columns.
"""


def described(**parts: str) -> Callable[[Class], Class]:
    """Write texts into a class's docstring, each where it is named on a line of its own: {name}."""

    def write(cls: Class) -> Class:
        if cls.__doc__ is not None:
            text = inspect.cleandoc(cls.__doc__)
            for name, part in parts.items():
                text = text.replace(f"{{{name}}}", part.strip())
            cls.__doc__ = text
        return cls

    return write
