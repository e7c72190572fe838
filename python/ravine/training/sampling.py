"""The use of a sampler in a fit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..inputs.arrays import Array
from ..network.data import Data
from ..network.state import ModelState
from ..samplers import Sampler
from ..samplers.base import Learnt, TrainingRows

if TYPE_CHECKING:
    from .._core import Sampler as Engine

__all__ = ["Sampling"]


@dataclass
class Sampling:
    """A sampler in a fit.

    Attributes
    ----------
    engine : Sampler of the engine
        The compiled sampler.
    draws : bool
        Whether it draws rows itself, and needs no order of the epoch.
    learnt : Learnt or None
        The learnt state, which the model keeps.
    name : str
        The sampler's repr.
    """

    engine: Engine
    draws: bool
    learnt: Learnt | None
    name: str

    @classmethod
    def begin(cls, state: ModelState, sampler: Sampler, data: Data, given: int) -> Sampling:
        """Make it for a fit's rows; continue from what the model has learnt by the same sampler."""
        configuration = state.configuration
        rows = TrainingRows(
            data.target, data.weight, given, state.need_head(), configuration.random_state, configuration.dtype
        )
        engine = sampler._engine(rows)
        present, before = sampler._learnt(engine), state.training.sampling
        if present is not None and before is not None and before.fits(present):
            present.state[...] = before.state
        return cls(engine, sampler._draws, present, repr(sampler))

    def batch(self, order: Array | None, epoch: int, step: int, first: int, rows: int) -> Array:
        """Return the rows of a batch."""
        indices = None if order is None or self.draws else order.astype(np.uint32)
        return self.engine.batch(step=step, epoch=epoch, order=indices, first=first, rows=rows)
