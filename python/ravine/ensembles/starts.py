"""What becomes of many starts: which of them come together, and the record that is kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..inputs.arrays import Array
from ..network.history import History
from ..optimizers import Result

__all__ = ["Merging", "Starts"]


@dataclass(frozen=True, repr=False)
class Starts:
    """What became of many starts; made by `MultiStart`, errors as for `MultiStart`.

    Attributes
    ----------
    losses : ndarray of float64, shape (starts,)
        The loss of each start when it ended, for models on all training data, dropout off; NaN where it diverged.
    taken : ndarray of int, shape (starts,)
        The epochs, or steps, of each.
    merged : dict of int to int
        For each start that was stopped, the one that it had come to.
    places : ndarray of int, shape (starts,)
        The number of the place where each has ended, counted from 0 in the order of the starts; -1 where it diverged.
    diverged : tuple of int
        Starts that ended with a loss that is not finite.
    best : int
        The best start: with the lowest loss, on the validation data if there are any.
    saved : float
        The share of all epochs, or steps, that stopped starts were spared.
    histories : tuple of History
        Of models: each start's.
    results : tuple of Result
        Of functions: each start's.
    """

    losses: NDArray[np.float64]
    taken: NDArray[np.int64]
    merged: Mapping[int, int]
    places: NDArray[np.int64]
    diverged: tuple[int, ...]
    best: int
    saved: float
    histories: tuple[History, ...] = ()
    results: tuple[Result, ...] = ()

    @property
    def n_places(self) -> int:
        """How many places there are."""
        return int(self.places.max()) + 1

    def __repr__(self) -> str:
        return (
            f"Starts({len(self.losses)} starts, {self.n_places} places, {len(self.merged)} merged, best={self.best}, "
            f"saved={self.saved:.0%})"
        )


class Merging:
    """Finds starts that have come together: alike at two checks in a row, and at the second no farther apart."""

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
        """Stop that of the higher value of each pair that has come together; `points` are in units of the scale.

        A start that has ended by itself is not stopped; the other is in its place.
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
        for place, i in enumerate(self.alive):
            for j in self.alive[place + 1 :]:
                distance = float(np.abs(points[i] - points[j]).max())
                if distance <= self.tolerance:
                    yield (i, j), distance

    def root(self, start: int) -> int:
        """Return the start that this one went on as."""
        while start in self.merged:
            start = self.merged[start]
        return start

    def places(self, starts: int, points: Mapping[int, Array]) -> NDArray[np.int64]:
        """Return the place of each start; those at work to the end are compared once more."""
        first = {i: i for i in self.alive}
        for (i, j), _ in self._pairs(points):  # in ascending order of i, so that first[i] is settled
            if first[j] == j:
                first[j] = first[i]
        numbers: dict[int, int] = {}
        places = np.full(starts, -1, np.int64)
        for start in range(starts):
            if self.root(start) in first:
                places[start] = numbers.setdefault(first[self.root(start)], len(numbers))
        return places
