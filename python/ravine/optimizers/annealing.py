"""Simulated annealing: a random walk that goes uphill ever less often."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar, cast

import numpy as np
from numpy.typing import NDArray

from .. import kernels
from ..inputs.arguments import check_int, check_number
from .derivative_free import DerivativeFree, Draws, Matrix, Objective, Search
from .problem import Vector

__all__ = ["SimulatedAnnealing"]

_ACCEPTANCE = 1  # the draws other than moves
_UPHILL = 0.8  # acceptance of the mean uphill move at the first temperature
_LOW, _HIGH = 0.3, 0.4  # acceptance rates between which the step length is kept
_LONGER = 1.25
_LONGEST = 1e3  # times the initial length


@dataclass(frozen=True)
class _Walk(Search):
    """The state of the chains."""

    points: Matrix  # (chains, n)
    losses: Vector  # (chains,), NaN where unknown
    temperature: float | None  # None before the first uphill move
    length: float
    drawn: int  # rounds of draws
    lowest: tuple[float, Vector]  # loss and point, of the current function


class SimulatedAnnealing(DerivativeFree):
    """Simulated annealing: a move x + s N(0, I) that changes the loss by dL has acceptance rate min(1, e^(-dL/T)).

    The initial temperature accepts the mean uphill move with probability .8: T0 = mean(dL > 0) / -ln .8. A step makes
    some moves at one temperature and then cools, T *= cooling. s grows by a quarter if more than 40 % of the moves were
    accepted, and shrinks by the same factor if fewer than 30 % were. Several chains run in parallel from the same
    point. After each step the chain with the highest loss moves to the lowest point seen, so that good points are not
    lost.

    In `fit` a step is on one batch: the chains' points are evaluated in the engine, in parallel, with dropout off. With
    `batch_size=None` the model has the best weights found so far; with smaller batches it has those of the chain with
    the lowest loss on the last batch.

    Parameters
    ----------
    stddev : float > 0, default=0.5
        The initial s.
    cooling : float in (0, 1), default=0.95
        T's factor after each step.
    chains : int >= 1, default=8
        The number of chains.
    moves : int >= 1, default=20
        Moves of a chain in a step: a step takes chains times moves losses.
    random_state : int in [0, 2**32), optional
        Seed; None takes the model's, and draws one for `minimize`.

    Raises
    ------
    ValueError, TypeError
        For a value that is not allowed.

    References
    ----------
    Kirkpatrick, Gelatt and Vecchi, "Optimization by simulated annealing", 1983; Metropolis and others, "Equation of
    state calculations by fast computing machines", 1953.

    Examples
    --------
    Past the many minima of Rastrigin's function:

    >>> import numpy as np
    >>> import ravine as rv
    >>> def rastrigin(x):
    ...     return 10 * x.size + (x**2 - 10 * np.cos(2 * np.pi * x)).sum()
    >>> result = rv.optimizers.SimulatedAnnealing(random_state=0).minimize(rastrigin, [4.0, -3.0], steps=200)
    >>> result.fun < 1e-3
    True
    """

    least_batch: ClassVar[int] = 256
    stddev: float
    cooling: float
    chains: int
    moves: int

    def __init__(
        self,
        stddev: float = 0.5,
        *,
        cooling: float = 0.95,
        chains: int = 8,
        moves: int = 20,
        random_state: int | None = None,
    ) -> None:
        super().__init__(
            stddev=check_number("stddev", stddev, 0.0, closed="neither"),
            cooling=check_number("cooling", cooling, 0.0, 1.0, closed="neither"),
            chains=check_int("chains", chains, 1),
            moves=check_int("moves", moves, 1),
            random_state=random_state,
        )

    def begin(self, x: Vector, draws: Draws) -> Search:
        """Return chains that all start at x."""
        points = np.repeat(x[None], self.chains, axis=0)
        return _Walk(x, 0, draws, points, np.full(self.chains, math.nan), None, self.stddev, 0, (math.inf, x))

    def moved(self, search: Search, x: Vector) -> Search:
        """Return the search with its first chain at x."""
        walk = cast(_Walk, search)
        points, losses = np.array(walk.points), np.array(walk.losses)
        points[0], losses[0] = x, math.nan
        return replace(walk, x=x, points=points, losses=losses)

    def advance(self, search: Search, objective: Objective, rate: float) -> Search:
        """Return the search after some moves of each chain."""
        walk = cast(_Walk, search)
        if walk.x.size == 0:
            return replace(walk, step=walk.step + 1)
        points, losses, drawn = objective.project(walk.points), np.array(walk.losses), walk.drawn
        unknown = np.isnan(losses) if objective.same else np.ones(self.chains, bool)
        if unknown.any():
            losses[unknown] = objective.losses(points[unknown])
        lowest = _lower(walk.lowest if objective.same else (math.inf, walk.x), losses, points)
        temperature = walk.temperature
        if temperature is None:
            temperature = self._first_temperature(walk, objective, points, losses)
            drawn += 1
        accepted = 0
        for _ in range(self.moves):
            to = self._proposed(walk, objective, points, drawn)
            reached = objective.losses(to)
            u = walk.draws.uniform((self.chains,), step=drawn, use=_ACCEPTANCE)
            taken = _accepted(losses, reached, temperature or 0.0, u)
            points, losses = np.where(taken[:, None], to, points), np.where(taken, reached, losses)
            accepted, drawn, lowest = accepted + int(taken.sum()), drawn + 1, _lower(lowest, losses, points)
        share = accepted / (self.chains * self.moves)
        length = walk.length * (_LONGER if share > _HIGH else 1 / _LONGER if share < _LOW else 1.0)
        if self.chains > 1:
            highest = int(np.argmax(losses))
            losses[highest], points[highest] = lowest
        return replace(
            walk,
            x=points[int(np.argmin(losses))],
            step=walk.step + 1,
            points=points,
            losses=losses,
            temperature=None if temperature is None else temperature * self.cooling,
            length=min(length, _LONGEST * self.stddev),
            drawn=drawn,
            lowest=lowest,
        )

    def _proposed(self, walk: _Walk, objective: Objective, points: Matrix, drawn: int) -> Matrix:
        return objective.project(points + walk.length * walk.draws.normal(points.shape, step=drawn))

    def _first_temperature(self, walk: _Walk, objective: Objective, points: Matrix, losses: Vector) -> float | None:
        """Return the temperature from as many trial moves as in a step; None if no move goes up."""
        many = np.repeat(points, self.moves, axis=0)
        reached = objective.losses(self._proposed(walk, objective, many, walk.drawn))
        start = np.repeat(losses, self.moves)
        usable = np.isfinite(reached) & np.isfinite(start)
        rises = reached[usable] - start[usable]
        rises = rises[(rises > 0) & (rises < math.inf)]
        if rises.size == 0:
            return None
        mean = kernels.dot(rises, np.ones(rises.size)) / rises.size
        return float(-mean / kernels.log(np.array([_UPHILL]))[0])


def _lower(lowest: tuple[float, Vector], losses: Vector, points: Matrix) -> tuple[float, Vector]:
    """Return the lower of a loss with its point and the lowest of some."""
    best = int(np.argmin(losses))
    return (float(losses[best]), np.array(points[best])) if losses[best] < lowest[0] else lowest


def _accepted(losses: Vector, reached: Vector, temperature: float, u: Vector) -> NDArray[np.bool_]:
    """Return which moves are accepted: those to a finite loss that is not higher, or by u not too much higher."""
    finite, known = np.isfinite(reached), np.isfinite(losses)
    rise = np.zeros(losses.size)
    np.subtract(reached, losses, out=rise, where=finite & known)
    if temperature > 0.0:
        chance = kernels.exp(-np.maximum(rise, 0.0) / temperature)
    else:
        chance = (rise <= 0.0).astype(np.float64)
    taken: NDArray[np.bool_] = finite & (~known | (u < chance))
    return taken
