"""Optimizers: how gradients become steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .._validation import check_choice
from ._problem import Result
from .annealing import SimulatedAnnealing
from .base import Optimizer
from .composed import Chain, WeightAverage
from .covariance import CMAES
from .evolution import OpenAIES
from .first_order import (
    SGD,
    AdaDelta,
    AdaGrad,
    Adam,
    AdaMax,
    AdamW,
    AMSGrad,
    Nadam,
    RMSProp,
)
from .genetic import GeneticAlgorithm
from .second_order import BFGS, LBFGS, Newton

__all__ = [
    "BFGS",
    "CMAES",
    "LBFGS",
    "SGD",
    "AMSGrad",
    "AdaDelta",
    "AdaGrad",
    "AdaMax",
    "Adam",
    "AdamW",
    "Chain",
    "GeneticAlgorithm",
    "Nadam",
    "Newton",
    "OpenAIES",
    "Optimizer",
    "RMSProp",
    "Result",
    "SimulatedAnnealing",
    "WeightAverage",
    "get",
]

_NAMES: dict[str, type[Optimizer]] = {
    "sgd": SGD,
    "adagrad": AdaGrad,
    "rmsprop": RMSProp,
    "adadelta": AdaDelta,
    "adam": Adam,
    "adamw": AdamW,
    "amsgrad": AMSGrad,
    "adamax": AdaMax,
    "nadam": Nadam,
    "bfgs": BFGS,
    "lbfgs": LBFGS,
    "newton": Newton,
    "simulatedannealing": SimulatedAnnealing,
    "geneticalgorithm": GeneticAlgorithm,
    "openaies": OpenAIES,
    "cmaes": CMAES,
}


def get(optimizer: str | Optimizer | Sequence[Any]) -> Optimizer:
    """Return a new optimizer for a name, a `Chain` for a list, an object as it is. ValueError for others."""
    if isinstance(optimizer, Optimizer):
        return optimizer
    if isinstance(optimizer, (list, tuple)):
        return Chain(optimizer)
    return _NAMES[check_choice("optimizer", optimizer, _NAMES)]()
