"""From an estimator's parameters to a `Sequential`: layers, initial weights, optimizer, loss.

scikit-learn's objective on a batch is (sum_i s_i l_i + alpha/2 sum w^2) / sum_i s_i with sample weights s, which is
ravine's "penalized_mean" with l2 = alpha / 2. If scikit-learn takes the sum of a row's losses over K outputs and ravine
the mean (binary labels, counts), ravine minimises 1/K of it: l2 = alpha / (2 K), and steps that are proportional to the
gradient are made K times as long.
"""

from __future__ import annotations

import copy
import math
from typing import Any

import numpy as np

from .. import layers, losses, optimizers
from ..model.sequential import Sequential
from .parameters import activation_of, hidden_sizes, per_layer
from .rates import AdamRate, scaled

__all__ = ["AdamRate", "first_weights", "fresh_optimizer", "has_batch_norms", "make_model", "penalised"]


def penalised(loss: losses.Loss) -> losses.Loss:
    """Return the loss with the penalties inside its mean; a loss that is a sum is not changed."""
    if loss.reduction == "sum":
        return loss
    same = copy.copy(loss)
    vars(same)["reduction"] = "penalized_mean"
    return same


def make_model(estimator: Any, inputs: int, outputs: int, dtype: Any, seed: int, weights: list[Any]) -> Sequential:
    """Return the network with the given weights, in the order of `Sequential.get_weights`."""
    sizes = hidden_sizes(estimator)
    kinds = [activation_of(name) for name in per_layer(estimator, "activation", len(sizes))]
    rates = per_layer(estimator, "dropout", len(sizes))
    l2 = estimator.alpha / (2.0 * estimator._outputs_summed)
    stack: list[layers.Layer] = [layers.Input(inputs)]
    for size, kind, rate in zip(sizes, kinds, rates, strict=True):
        if estimator.batch_norm:
            stack += [layers.Dense(size, use_bias=False, l2=l2), layers.BatchNorm(), kind]
        else:
            stack.append(layers.Dense(size, kind, l2=l2))
        if rate:
            stack.append(layers.Dropout(rate))
    stack.append(layers.Dense(outputs, l2=l2))
    model = Sequential(stack, dtype=dtype, random_state=seed)
    for w, first in zip(model._state.network.weights().values(), weights, strict=True):
        w[...] = first
    return model


def has_batch_norms(model: Sequential) -> bool:
    """Whether there is a batch norm after each hidden layer's product."""
    return any(isinstance(layer, layers.BatchNorm) for layer in model.layers)


def first_weights(estimator: Any, inputs: int, outputs: int, random: np.random.RandomState) -> list[Any]:
    """Draw scikit-learn's initial weights, in its order: U(-b, b), b^2 = 6 / (fan_in + fan_out), 2 before a sigmoid.

    With `batch_norm` there are gamma = 1, beta = 0, m = 0 and v = 1 instead of hidden biases, which are drawn anyway.
    """
    sizes = hidden_sizes(estimator)
    kinds = [activation_of(name).activation for name in per_layer(estimator, "activation", len(sizes))]
    kinds.append(kinds[-1] if kinds else "relu")
    units, weights = [inputs, *sizes, outputs], []
    for layer, (fan_in, fan_out, kind) in enumerate(zip(units[:-1], units[1:], kinds, strict=True)):
        bound = math.sqrt((2.0 if kind == "sigmoid" else 6.0) / (fan_in + fan_out))
        weights.append(random.uniform(-bound, bound, (fan_in, fan_out)))
        bias = random.uniform(-bound, bound, fan_out)
        if estimator.batch_norm and layer < len(sizes):
            weights += [np.ones(fan_out), np.zeros(fan_out), np.zeros(fan_out), np.ones(fan_out)]
        else:
            weights.append(bias)
    return weights


def fresh_optimizer(estimator: Any) -> optimizers.Optimizer:
    """Return the optimizer that the parameters describe, a new one each time: callbacks may change its rate."""
    if estimator.optimizer is not None:
        return copy.deepcopy(optimizers.get(estimator.optimizer))
    if estimator.solver == "lbfgs":
        return optimizers.LBFGS()
    if estimator.solver == "adam":
        return _adam(estimator)
    return _sgd(estimator)


def _adam(estimator: Any) -> optimizers.Adam:
    rate, decay = float(estimator.learning_rate_init), float(estimator.weight_decay)
    settings = {
        "beta_1": float(estimator.beta_1),
        "beta_2": float(estimator.beta_2),
        "epsilon": estimator.epsilon / estimator._outputs_summed,
    }
    if decay or estimator.schedule is not None:  # decay is in proportion to the rate, which must then be the plain one
        return optimizers.Adam(estimator.schedule or rate, weight_decay=decay, **settings)
    return optimizers.Adam(AdamRate(rate, settings["beta_1"], settings["beta_2"]), bias_correction=False, **settings)


def _sgd(estimator: Any) -> optimizers.SGD:
    K, momentum = float(estimator._outputs_summed), float(estimator.momentum)
    given = estimator.schedule
    sgd = optimizers.SGD(
        K * float(estimator.learning_rate_init) if given is None else scaled(copy.deepcopy(given), K),
        momentum=min(momentum, 0.5),
        nesterov=bool(estimator.nesterovs_momentum) and momentum > 0.0,
        weight_decay=float(estimator.weight_decay) / K,
    )
    vars(sgd)["momentum"] = momentum  # scikit-learn allows 1, which `SGD` refuses
    return sgd
