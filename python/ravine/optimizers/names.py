"""Optimizers by name."""

from __future__ import annotations

from typing import Any

from ..inputs.arguments import check_choice
from ..startup.late import import_late
from . import first_order, second_order
from .base import Optimizer

__all__ = ["OPTIMIZERS", "optimizer_of"]

#: Each name, and the class that it is for.
OPTIMIZERS = {
    "sgd": "SGD",
    "adagrad": "AdaGrad",
    "rmsprop": "RMSProp",
    "adadelta": "AdaDelta",
    "adam": "Adam",
    "adamw": "AdamW",
    "amsgrad": "AMSGrad",
    "adamax": "AdaMax",
    "nadam": "Nadam",
    "bfgs": "BFGS",
    "lbfgs": "LBFGS",
    "newton": "Newton",
    "simulatedannealing": "SimulatedAnnealing",
    "geneticalgorithm": "GeneticAlgorithm",
    "openaies": "OpenAIES",
    "cmaes": "CMAES",
}


def optimizer_of(given: Any) -> Optimizer:
    """Return a new optimizer for a name, an object as it is. ValueError for others."""
    if isinstance(given, Optimizer):
        return given
    name = OPTIMIZERS[check_choice("optimizer", given, OPTIMIZERS)]
    for module in (first_order, second_order):
        if name in module.__all__:
            return _made(getattr(module, name))
    return _made(import_late("ravine.optimizers", name))


def _made(kind: Any) -> Optimizer:
    made: Optimizer = kind()
    return made
