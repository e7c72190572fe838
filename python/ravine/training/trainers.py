"""The choice of what takes the optimizer's steps: the engine, or a search that evaluates the loss of a batch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..network.state import ModelState
from .populations import Populations
from .search import BatchTrainer, Searcher

if TYPE_CHECKING:
    from .._core import Network

__all__ = ["trainer_of"]


def trainer_of(state: ModelState) -> Network | BatchTrainer:
    """Return the trainer for the optimizer at work."""
    optimizer = state.compilation.optimizer
    if optimizer is None or not optimizer.searches:
        return state.network
    return Populations(state) if optimizer.derivative_free else Searcher(state)
