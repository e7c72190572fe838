"""The docstring texts that several estimators share: each argument is described once."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TypeVar

__all__ = ["CLASS_WEIGHT", "DROP_IN", "NET", "NET_FITTED", "PERCEPTRON", "PERCEPTRON_FITTED", "REFUSED", "described"]

Class = TypeVar("Class", bound=type)

# Which parameters of the perceptrons are scikit-learn's.
DROP_IN = """
Parameters up to `max_fun` are scikit-learn's, with the same defaults and meaning: see its documentation and
`docs/sklearn.md`. scikit-learn does not have those after it; they are off by default.
"""

# The perceptrons' parameters that scikit-learn has too.
PERCEPTRON = """
hidden_layer_sizes : int or array-like of int, default=(100,)
    Units of each hidden layer.
activation : {"identity", "logistic", "tanh", "relu"} or list, default="relu"
    The activation of all hidden layers, or a list with one for each: these names, those of
    `ravine.layers.Activation`, or such objects.
solver : {"lbfgs", "sgd", "adam"}, default="adam"
    The optimizer, unless `optimizer` is given.
alpha : float >= 0, default=0.0001
    The L2 penalty.
batch_size : int or "auto", default="auto"
    Rows per step; "auto" takes 200, or all if there are fewer.
learning_rate : {"constant", "invscaling", "adaptive"}, default="constant"
    The rate of solver="sgd": `learning_rate_init`; this divided by (t_ + 1)^`power_t` after each epoch; or this
    divided by 5 after `n_iter_no_change` epochs without an improvement, until it is 1e-6.
learning_rate_init : float > 0, default=0.001
    The rate of the first step.
power_t : float >= 0, default=0.5
    See `learning_rate`.
max_iter : int >= 1, default=200
    The largest number of epochs, or of steps of "lbfgs".
shuffle : bool, default=True
    Whether each epoch has a new random order. A batch of all rows is not shuffled.
random_state : int, RandomState or None, default=None
    Seed. Initial weights and the early-stopping split are the same as scikit-learn's for the same value; the order of
    rows is ravine's.
tol : float >= 0, default=1e-4
    The smallest improvement of an epoch that counts; for "lbfgs", the largest element of the gradient at the end.
verbose : bool or int, default=False
    Whether to print a line per epoch.
warm_start : bool, default=False
    Whether `fit` begins with the current weights.
momentum : float in [0, 1], default=0.9
    The momentum of "sgd".
nesterovs_momentum : bool, default=True
    Whether it is Nesterov's.
early_stopping : bool, default=False
    Whether to hold out rows, stop when their score no longer improves, and keep the best weights.
validation_fraction : float in [0, 1), default=0.1
    The share of rows to hold out.
beta_1, beta_2 : float in [0, 1), default=0.9, 0.999
    The decay rates of "adam".
epsilon : float > 0, default=1e-8
    The epsilon of "adam".
n_iter_no_change : int or inf, default=10
    The number of epochs without an improvement after which training stops.
max_fun : int >= 1, default=15000
    The largest number of evaluations of the loss for "lbfgs".
"""

# Those that scikit-learn does not have.
REFUSED = """
dropout : float in [0, 1) or list, default=0.0
    The share of a hidden layer's outputs that is dropped in training, or a list with one for each layer.
batch_norm : bool, default=False
    Whether each hidden layer is act(gamma (x W - m) / sqrt(v + 1e-5) + beta), see `layers.BatchNorm`. In training m and
    v are mean and variance of x W over a batch, in prediction their running means. Needs solver="sgd" or "adam", and
    batches of 2 rows or more.
optimizer : str or optimizers.Optimizer, default=None
    Any of ravine's optimizers, instead of `solver` and its settings. One that searches along the loss takes all rows at
    once if batch_size="auto".
weight_decay : float >= 0, default=0.0
    Decoupled decay of kernels by solver="sgd" or "adam".
schedule : schedules.Schedule, default=None
    The rates of solver="sgd" or "adam" by step or epoch, instead of `learning_rate_init`; needs
    learning_rate="constant".
time_limit : float >= 0, default=None
    Seconds after which the current epoch, or step of "lbfgs", is the last.
callbacks : list of callbacks.Callback, default=None
    Callbacks, called at each epoch.
n_threads : int in [1, 1024], default=None
    The number of threads; results have the same bits for any number.
progress : {False, True, "auto", 0, 1, 2}, default=False
    Whether to show a line of losses that is rewritten (True or 1), or a line per epoch (2), like `verbose` of
    `Sequential.fit`.
"""

PERCEPTRON_FITTED = """
coefs_, intercepts_ : list of ndarray
    The weights, as writable views. With `batch_norm` those of the hidden layers are the effective weights in
    prediction, W gamma / sqrt(v + 1e-5) and beta - m gamma / sqrt(v + 1e-5), as read-only copies.
loss_, best_loss_ : float
    The last and the lowest loss; best_loss_ is None with early stopping.
loss_curve_ : list of float
    The loss of each epoch.
validation_scores_, best_validation_score_ : list of float, float
    Accuracies, or for regression R2, of early stopping; otherwise None.
validation_loss_curve_ : list of float
    The loss of `validation_data` after each epoch, if `fit` was given them.
n_iter_, t_, n_layers_, n_outputs_, n_features_in_ : int
    The numbers of epochs of the last fit, of rows seen, of layers (with input and output), of outputs and of inputs.
feature_names_in_ : ndarray of str
    Names of a data frame's columns.
"""

# For classifiers that pass class weights on to `Sequential.fit`.
CLASS_WEIGHT = """
class_weight : dict, "balanced" or None, default=None
    Weights by label, as for `Sequential.fit`.
"""

NET = """
model : Sequential, callable or None, default=None
    A compiled network: each fit trains a copy of it, which begins with its weights. Or a function that is given the
    numbers of inputs and outputs and returns such a network. None is one hidden layer of 100 ReLU units, trained by
    Adam.
epochs, batch_size, shuffle, validation_split, callbacks, n_threads, verbose
    As for `Sequential.fit`; by default 100 epochs, batches of 32 rows and verbose=0.
random_state : int, RandomState or None, default=None
    None keeps the model's seed and weights; any other value begins with new weights.
warm_start : bool, default=False
    Whether `fit` continues training from the last fit.
"""

NET_FITTED = """
model_ : Sequential
    The trained network.
loss_curve_, n_iter_ : list of float, int
    The loss of each epoch of the last fit, and their number.
n_features_in_, feature_names_in_ : int, ndarray of str
    The number of inputs, and the names of a data frame's columns.
"""


def described(**parts: str) -> Callable[[Class], Class]:
    """Insert texts into a class's docstring, each at a line {name}."""

    def write(cls: Class) -> Class:
        if cls.__doc__ is not None:
            text = inspect.cleandoc(cls.__doc__)
            for name, part in parts.items():
                text = text.replace(f"{{{name}}}", part.strip())
            cls.__doc__ = text
        return cls

    return write
