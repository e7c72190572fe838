"""The base class of samplers, the training rows that they get, and the state that a model keeps of those that learn."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import _core, kernels
from ..descriptions import Described, State
from ..inputs.arguments import check_int
from ..inputs.arrays import Array, as_array
from ..losses.base import Head
from ..losses.targets import class_indices

if TYPE_CHECKING:
    from .._core import Sampler as Engine

__all__ = [
    "Learnt",
    "Sampler",
    "TrainingRows",
    "check_quantiles",
    "check_sampler",
    "check_strata",
    "read_only_copy",
]

_QUANTILES = 10


@dataclass(frozen=True)
class TrainingRows:
    """The training rows of a fit, as a sampler gets them.

    Attributes
    ----------
    target, weight : ndarray
        Targets and weights of the training rows, as the engine takes them; weight may be None.
    given : int
        The number of rows of X as the user gave it; the last of them may be held out for validation.
    head : Head
        The loss joined to the last layer.
    seed : int
        The model's seed.
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
    """The sampling probabilities of strata that a model has learnt.

    Attributes
    ----------
    kind : tuple
        The sampler's name and settings.
    state : ndarray of float64
        The engine's state: tau, then two running numbers.
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
        """Whether another sampler may continue from this state."""
        return self.kind == other.kind and len(self.state) == len(other.state)

    def copy(self) -> Learnt:
        """Return a copy with its own state."""
        return replace(self, state=np.array(self.state))


class Sampler(Described, ABC):
    """The base class of samplers. They are descriptions, so one may serve several models.

    Raises
    ------
    TypeError
        If this base class itself is instantiated: choose one of its subclasses.

    Notes
    -----
    A subclass returns the compiled sampler of a fit from `_engine`, and the state that the model keeps from `_learnt`.
    """

    _draws = True  # rows come one by one, with replacement

    @property
    def _keeps_order(self) -> bool:
        """Whether it works without shuffling: every row is used once per epoch."""
        return not self._draws

    @abstractmethod
    def _engine(self, rows: TrainingRows) -> Engine:
        """Make the engine's sampler for some rows."""

    def _learnt(self, engine: Engine) -> Learnt | None:
        """Return the state that the model keeps of a sampler that learns."""
        return None


def check_strata(strata: ArrayLike | None) -> Array | None:
    """Return a label for each row, copied."""
    if strata is None:
        return None
    array = as_array("strata", strata)
    if array.ndim != 1 or array.dtype.kind not in "biuU" or not len(array):
        raise ValueError(
            "strata must be None or an array of ints, bools or strings, one for each row, got "
            f"shape {array.shape} and dtype {array.dtype}"
        )
    return read_only_copy(array)


def read_only_copy(array: Array) -> Array:
    """Return a copy that cannot be written into."""
    copy = np.array(array)
    copy.flags.writeable = False
    return copy


def check_quantiles(quantiles: int | None, strata: Array | None) -> int | None:
    """Return the number of strata into which targets are divided; None if strata are given, or by default."""
    if quantiles is None:
        return None
    number = check_int("quantiles", quantiles, 2, allowed="None or an int >= 2")
    if strata is not None:
        raise ValueError(f"give strata or quantiles, not both, got quantiles={number}")
    return number


def check_sampler(sampler: Any, shuffle: bool) -> Sampler | None:
    """Return the sampler, after checking that it works with `shuffle`."""
    if sampler is None:
        return None
    if not isinstance(sampler, Sampler):
        raise TypeError(f"sampler must be None or a samplers.Sampler, got {sampler!r}")
    if not (shuffle or sampler._keeps_order):
        raise ValueError(
            f"shuffle=False keeps the order of the rows, but {type(sampler).__name__} draws them; leave shuffle=True"
        )
    return sampler
