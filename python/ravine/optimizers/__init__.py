"""Optimizers: how gradients become steps."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

from .._validation import check_choice
from . import first_order
from ._problem import Result
from .base import Optimizer
from .composed import Chain, WeightAverage
from .first_order import *  # noqa: F403
from .second_order import BFGS, LBFGS, Newton

if TYPE_CHECKING:
    from .annealing import SimulatedAnnealing
    from .covariance import CMAES
    from .evolution import OpenAIES
    from .genetic import GeneticAlgorithm

__all__ = [
    "BFGS",
    "CMAES",
    "LBFGS",
    "Chain",
    "GeneticAlgorithm",
    "Newton",
    "OpenAIES",
    "Optimizer",
    "Result",
    "SimulatedAnnealing",
    "WeightAverage",
    "get",
]
__all__ += first_order.__all__

# Imported when first asked for: training by gradients needs none of them.
_LATER = {
    "CMAES": "covariance",
    "GeneticAlgorithm": "genetic",
    "OpenAIES": "evolution",
    "SimulatedAnnealing": "annealing",
}

_NAMES = {name.lower(): name for name in (*first_order.__all__, "BFGS", "LBFGS", "Newton", *_LATER)}


def get(optimizer: str | Optimizer | Sequence[Any]) -> Optimizer:
    """Return a new optimizer for a name, a `Chain` for a list, an object as it is. ValueError for others."""
    if isinstance(optimizer, Optimizer):
        return optimizer
    if isinstance(optimizer, (list, tuple)):
        return Chain(optimizer)
    name = _NAMES[check_choice("optimizer", optimizer, _NAMES)]
    kind: type[Optimizer] = globals()[name] if name in globals() else __getattr__(name)
    return kind()


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f"{__name__}.{_LATER[name]}"), name)
    return value
