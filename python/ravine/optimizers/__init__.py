"""Optimizers, which turn gradients into steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..startup.late import late_attributes
from . import first_order
from .base import Optimizer
from .composed import Chain, WeightAverage
from .first_order import *  # noqa: F403
from .names import optimizer_of
from .problem import Result
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


def get(optimizer: str | Optimizer | Sequence[Any]) -> Optimizer:
    """Return a new optimizer for a name, a `Chain` for a list, or the given object. ValueError for others."""
    return Chain(optimizer) if isinstance(optimizer, (list, tuple)) else optimizer_of(optimizer)


__getattr__, __dir__ = late_attributes(__name__)
