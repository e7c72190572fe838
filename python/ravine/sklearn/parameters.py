"""The allowed values of the parameters that both perceptrons share."""

from __future__ import annotations

import math
from collections.abc import Iterable
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.utils._param_validation import Interval, InvalidParameterError, Options, StrOptions

from ..inputs.arguments import check_int
from ..layers import ACTIVATIONS, Activation
from ..optimizers import Optimizer
from ..runtime.threads import MAX_THREADS
from ..schedules import Schedule
from ..training.progress_line import check_verbose

__all__ = ["CONSTRAINTS", "SOLVERS", "activation_of", "check_more", "hidden_sizes", "per_layer", "progress_lines"]

#: scikit-learn's names for activations, and ravine's.
NAMES = {"identity": "linear", "logistic": "sigmoid", "tanh": "tanh", "relu": "relu"}
SOLVERS = ("sgd", "adam")

_at_least_0 = Interval(Real, 0, None, closed="left")
_above_0 = Interval(Real, 0, None, closed="neither")
_below_1 = Interval(Real, 0, 1, closed="left")
_count = Interval(Integral, 1, None, closed="left")

CONSTRAINTS: dict[str, Any] = {
    "hidden_layer_sizes": ["array-like", _count],
    "activation": [StrOptions(set(NAMES)), list, tuple],
    "solver": [StrOptions({"lbfgs", "sgd", "adam"})],
    "alpha": [_at_least_0],
    "batch_size": [StrOptions({"auto"}), _count],
    "learning_rate": [StrOptions({"constant", "invscaling", "adaptive"})],
    "learning_rate_init": [_above_0],
    "power_t": [_at_least_0],
    "max_iter": [_count],
    "shuffle": ["boolean"],
    "random_state": ["random_state"],
    "tol": [_at_least_0],
    "verbose": ["verbose"],
    "warm_start": ["boolean"],
    "momentum": [Interval(Real, 0, 1, closed="both")],
    "nesterovs_momentum": ["boolean"],
    "early_stopping": ["boolean"],
    "validation_fraction": [_below_1],
    "beta_1": [_below_1],
    "beta_2": [_below_1],
    "epsilon": [_above_0],
    "n_iter_no_change": [_count, Options(Real, {np.inf})],
    "max_fun": [_count],
    "dropout": [_below_1, "array-like"],
    "batch_norm": ["boolean"],
    "optimizer": [str, Optimizer, None],
    "weight_decay": [_at_least_0],
    "schedule": [Schedule, None],
    "time_limit": [_at_least_0, None],
    "callbacks": [list, tuple, None],
    "n_threads": "no_validation",  # ravine's own message
    "progress": "no_validation",
}


def check_more(estimator: Any) -> None:
    """Refuse what scikit-learn's constraints accept: infinities, fractional sizes, settings that exclude others.

    Raises
    ------
    ValueError
        Naming the parameter.
    """
    for name in ("alpha", "learning_rate_init", "power_t", "epsilon", "weight_decay"):
        if not math.isfinite(getattr(estimator, name)):
            raise _invalid(estimator, name, "a finite float")
    if estimator.n_threads is not None:
        check_int("n_threads", estimator.n_threads, 1, MAX_THREADS)
    progress_lines(estimator)
    if estimator.schedule is not None and (
        estimator.solver == "lbfgs" or estimator.optimizer is not None or estimator.learning_rate != "constant"
    ):
        raise ValueError(
            f"schedule={estimator.schedule!r} goes with solver='sgd' or 'adam' and learning_rate='constant'; give "
            "it to `optimizer` as its learning_rate"
        )
    if estimator.weight_decay and (estimator.solver == "lbfgs" or estimator.optimizer is not None):
        raise ValueError(
            f"weight_decay={estimator.weight_decay!r} goes with solver='sgd' or 'adam'; give it to `optimizer` "
            "as its own weight_decay, and use alpha with 'lbfgs'"
        )
    if estimator.batch_norm and estimator.solver == "lbfgs" and estimator.optimizer is None:
        raise ValueError(
            "batch_norm=True goes with solver='sgd' or 'adam': 'lbfgs' compares losses of one function, which a batch "
            "norm is with its running statistics alone, and only steps by batches learn these"
        )
    hidden_sizes(estimator)


def progress_lines(estimator: Any) -> int:
    """Return `progress` as `verbose` of `Sequential.fit`."""
    given = estimator.progress
    try:
        return check_verbose(int(given) if isinstance(given, (bool, np.bool_)) else given)
    except ValueError:
        raise _invalid(estimator, "progress", "a bool, 'auto', 0, 1 or 2") from None


def hidden_sizes(estimator: Any) -> list[int]:
    """Return the sizes of the hidden layers."""
    given = estimator.hidden_layer_sizes
    sizes = list(given) if isinstance(given, Iterable) else [given]
    for size in sizes:
        if isinstance(size, (bool, np.bool_)) or not isinstance(size, Integral):
            raise _invalid(estimator, "hidden_layer_sizes", "an int >= 1 or an array-like of them")
    if any(size <= 0 for size in sizes):
        raise ValueError(f"hidden_layer_sizes must be > 0, got {sizes}.")
    return [int(size) for size in sizes]


def per_layer(estimator: Any, name: str, layers: int) -> list[Any]:
    """Return a parameter's value for each hidden layer: the same for all, or those of a sequence of that length."""
    value = getattr(estimator, name)
    if isinstance(value, (list, tuple, np.ndarray)):
        if len(value) != layers:
            raise ValueError(f"{name} has {len(value)} entries, expected {layers}, one a hidden layer")
        return list(value)
    return [value] * layers


def activation_of(name: Any) -> Activation:
    """Return the activation for scikit-learn's name, ravine's name or an `Activation`."""
    if isinstance(name, Activation):
        return Activation(name.activation, alpha=name.alpha if name.activation in ("leaky_relu", "elu") else None)
    if isinstance(name, str) and name not in NAMES and name not in ACTIVATIONS:
        allowed = sorted({*NAMES, *ACTIVATIONS})
        raise ValueError(f"activation must hold names of {', '.join(map(repr, allowed))}, got {name!r}")
    if not isinstance(name, str):
        raise TypeError(f"activation must hold names or layers.Activation objects, got {name!r}")
    return Activation(NAMES.get(name, name))


def _invalid(estimator: Any, name: str, allowed: str) -> InvalidParameterError:
    kind, value = type(estimator).__name__, getattr(estimator, name)
    return InvalidParameterError(f"The {name!r} parameter of {kind} must be {allowed}. Got {value!r} instead.")
