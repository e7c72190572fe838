"""The record of many starts, and the search for starts that have reached the same minimum."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..inputs.arrays import Array
from ..network.history import History
from ..optimizers import Result

__all__ = ["Merging", "Starts"]


@dataclass(frozen=True, repr=False)
class Starts:
    """The record of many starts; made by `MultiStart`, errors as for `MultiStart`.

    Attributes
    ----------
    losses : ndarray of float64, shape (starts,)
        The loss of each start when it ended, for models on all training data, dropout off; NaN where it diverged.
    taken : ndarray of int, shape (starts,)
        The epochs, or steps, of each.
    merged : dict of int to int
        For each start that was stopped, the start whose minimum it had reached.
    minima : ndarray of int, shape (starts,)
        The number of the minimum that each start reached, counted from 0 in the order of the starts; -1 where it
        diverged.
    diverged : tuple of int
        Starts that ended with a loss that is not finite.
    best : int
        The best start: with the lowest loss, on the validation data if there are any.
    saved : float
        The share of all epochs, or steps, that stopping saved.
    histories : tuple of History
        Of models: each start's.
    results : tuple of Result
        Of functions: each start's.
    """

    losses: NDArray[np.float64]
    taken: NDArray[np.int64]
    merged: Mapping[int, int]
    minima: NDArray[np.int64]
    diverged: tuple[int, ...]
    best: int
    saved: float
    histories: tuple[History, ...] = ()
    results: tuple[Result, ...] = ()

    @property
    def n_minima(self) -> int:
        """The number of different minima."""
        return int(self.minima.max()) + 1

    @property
    def places(self) -> NDArray[np.int64]:
        """The old name of `minima`."""
        warnings.warn("Starts.places is deprecated, use Starts.minima", DeprecationWarning, stacklevel=2)
        return self.minima

    @property
    def n_places(self) -> int:
        """The old name of `n_minima`."""
        warnings.warn("Starts.n_places is deprecated, use Starts.n_minima", DeprecationWarning, stacklevel=2)
        return self.n_minima

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take over a pickle, in which `minima` may have its old name."""
        vars(self).update({"minima" if name == "places" else name: value for name, value in state.items()})

    def __repr__(self) -> str:
        return (
            f"Starts({len(self.losses)} starts, {self.n_minima} minima, {len(self.merged)} merged, best={self.best}, "
            f"saved={self.saved:.0%})"
        )


class Merging:
    """Finds starts that reach the same minimum: alike at two checks in a row, and at the second no farther apart."""

    def __init__(self, starts: int, tolerance: float) -> None:
        self.alive = list(range(starts))
        self.merged: dict[int, int] = {}
        self.tolerance = tolerance
        self._before: dict[tuple[int, int], float] = {}

    def check(
        self,
        points: Mapping[int, Array],
        value: Callable[[int], float],
        ended: Callable[[int], bool] = lambda start: False,
    ) -> None:
        """Of each pair at the same minimum, stop the start of the higher value; `points` are in units of the scale.

        A start that has ended by itself is not stopped; the other one is.
        """
        near = dict(self._pairs(points))
        for (i, j), distance in near.items():
            if i not in self.alive or j not in self.alive or distance > self._before.get((i, j), -1.0):
                continue
            worse, better = (i, j) if (ended(j), -value(j)) > (ended(i), -value(i)) else (j, i)
            if not ended(worse):
                self.merged[worse] = better
                self.alive.remove(worse)
        self._before = near

    def _pairs(self, points: Mapping[int, Array]) -> Iterator[tuple[tuple[int, int], float]]:
        for index, i in enumerate(self.alive):
            for j in self.alive[index + 1 :]:
                distance = float(np.abs(points[i] - points[j]).max())
                if distance <= self.tolerance:
                    yield (i, j), distance

    def root(self, start: int) -> int:
        """Return the start that this one was merged into, or itself."""
        while start in self.merged:
            start = self.merged[start]
        return start

    def minima(self, starts: int, points: Mapping[int, Array]) -> NDArray[np.int64]:
        """Return the number of each start's minimum; starts that ran to the end are compared once more."""
        first = {i: i for i in self.alive}
        for (i, j), _ in self._pairs(points):  # in ascending order of i, so that first[i] is final
            if first[j] == j:
                first[j] = first[i]
        numbers: dict[int, int] = {}
        minima = np.full(starts, -1, np.int64)
        for start in range(starts):
            if self.root(start) in first:
                minima[start] = numbers.setdefault(first[self.root(start)], len(numbers))
        return minima
