"""Samplers at work: what a fit tells them, what the engine is told, and what a model keeps of what they learn."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from . import _core, kernels
from ._state import State
from ._targets import class_indices
from ._validation import Array

if TYPE_CHECKING:
    from ._core import Sampler as Engine
    from .losses.base import Head
    from .model import Sequential
    from .samplers import Sampler
    from .training import Data

__all__ = ["Learnt", "Rows", "Sampling"]

_QUANTILES = 10


@dataclass(frozen=True)
class Rows:
    """What a sampler may know of a fit.

    Attributes
    ----------
    target, weight : ndarray
        Of the rows to train on, as the engine takes them; weight may be None.
    given : int
        Rows of X as the user gave it: those held out for validation are its last.
    head : Head
        The loss joined to the last layer.
    seed : int
        The model's.
    """

    target: Array
    weight: Array | None
    given: int
    head: Head
    seed: int
    dtype: np.dtype[Any]

    def part(self, name: str, values: Array) -> Array:
        """Return the training rows' part of an array with an entry for each row of X."""
        if len(values) != self.given:
            raise ValueError(f"{name} has {len(values)} entries, X has {self.given} rows")
        return values[: len(self.target)]

    def strata(self, given: Array | None, quantiles: int | None) -> tuple[NDArray[np.int32], int]:
        """Return each row's stratum, from 0, and their number: those given, or the target's classes or quantiles."""
        labels = self._of_target(quantiles) if given is None else self.part("strata", given)
        present, index = np.unique(labels, return_inverse=True)
        return index.reshape(-1).astype(np.int32), len(present)

    def _of_target(self, quantiles: int | None) -> Array:
        numbers = self.head.targets in ("real", "count")
        if (numbers or self.head.targets == "binary") and self.target.shape[1] > 1:
            raise ValueError(f"targets with {self.target.shape[1]} outputs have no strata of their own; give strata=")
        if not numbers:
            if quantiles is not None:
                raise ValueError(f"quantiles cut numbers, but these targets are classes; got quantiles={quantiles}")
            return class_indices(self.target, self.head)
        values, count = self.target[:, 0], quantiles or _QUANTILES
        ordered = np.sort(values)
        twice_the_rank = np.searchsorted(ordered, values, side="left") + np.searchsorted(ordered, values, side="right")
        return np.asarray(twice_the_rank * count // (2 * len(values)))  # equal values share the rank in their middle

    def engine(self) -> type[Engine]:
        """Return the engine's sampler for the model's dtype."""
        return _core.SamplerFloat32 if self.dtype == np.float32 else _core.SamplerFloat64


@dataclass
class Learnt(State):
    """What a model has learnt of how often to draw which stratum.

    Attributes
    ----------
    kind : tuple
        The sampler's name and settings.
    state : ndarray of float64
        The engine's: tau, then two running numbers.
    uniform : float
        The share of uniform draws.
    shares : ndarray of float64
        The strata's shares of the rows.
    """

    kind: Hashable
    state: Array
    uniform: float
    shares: Array

    def probabilities(self) -> NDArray[np.float64]:
        """Return the probability of each stratum."""
        softmax: Array = kernels.softmax(self.state[None, : len(self.shares)], alpha=0.0)[0]
        return (1.0 - self.uniform) * softmax + self.uniform * self.shares

    def fits(self, other: Learnt) -> bool:
        """Whether another sampler may go on from here."""
        return self.kind == other.kind and len(self.state) == len(other.state)

    def copy(self) -> Learnt:
        """Return it with a state of its own."""
        return replace(self, state=np.array(self.state))


@dataclass
class Sampling:
    """A sampler at work in a fit.

    Attributes
    ----------
    engine : Sampler of the engine
        What the network is told.
    draws : bool
        Whether it draws rows itself, and wants no epoch's order.
    learnt : Learnt or None
        What the model is to keep.
    name : str
        The sampler, as it shows itself.
    """

    engine: Engine
    draws: bool
    learnt: Learnt | None
    name: str

    @classmethod
    def begin(cls, model: Sequential, sampler: Sampler, data: Data, given: int) -> Sampling:
        """Make it for a fit's rows; go on with what the model has learnt by the same one."""
        rows = Rows(data.target, data.weight, given, model._compiled(), model.random_state, model.dtype)
        engine = sampler._engine(rows)
        present, before = sampler._learnt(engine), model._sampling
        if present is not None and before is not None and before.fits(present):
            present.state[...] = before.state
        return cls(engine, sampler._draws, present, repr(sampler))

    def batch(self, order: Array | None, epoch: int, step: int, first: int, rows: int) -> Array:
        """Return the rows of a batch."""
        places = None if order is None or self.draws else order.astype(np.uint32)
        return self.engine.batch(step=step, epoch=epoch, order=places, first=first, rows=rows)
