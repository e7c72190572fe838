"""A genetic algorithm: the better members of a population have children with random mutations."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import cast

import numpy as np
from numpy.typing import NDArray

from ..inputs.arguments import check_choice, check_int, check_number
from .derivative_free import DerivativeFree, Draws, Matrix, Objective, Search, ranked
from .problem import Vector

__all__ = ["GeneticAlgorithm"]

# The draws other than mutations.
_FIRST, _SECOND, _CROSSED, _TAKEN = 1, 2, 3, 4


@dataclass(frozen=True)
class _Generation(Search):
    """The members, and their losses where known."""

    members: Matrix  # (population, n)
    losses: Vector  # (population,), NaN where unknown
    sigma: float


class GeneticAlgorithm(DerivativeFree):
    """Genetic algorithm: parents are chosen by rank; a child is a parent, or a mix of two, plus s N(0, I).

    Truncation draws parents from the best few with equal probability; a tournament takes the best of some members drawn
    at random. With crossover a child takes each weight from one of two parents with equal probability. The elite
    survives unchanged.

    In `fit` a step is a generation on a batch: members are evaluated in the engine, in parallel, with dropout off. With
    `batch_size=None` the model has the best weights found so far; with smaller batches it has the best member on the
    last batch.

    Parameters
    ----------
    population : int >= 2, default=50
        The number of members.
    selection : {"truncation", "tournament"}, default="truncation"
        How parents are chosen.
    parents : int in [1, population], optional
        For truncation: how many may be parents; None takes a fifth, but at least 2.
    tournament : int in [1, population], optional
        For tournaments: how many members are in one; None takes 3.
    sigma : float > 0, default=0.1
        s, the mutations' standard deviation.
    decay : float in (0, 1], default=1.0
        s is multiplied by it after each generation, for a finer search towards the end.
    crossover : float in [0, 1], default=0.0
        The share of children that have two parents.
    elite : int in [0, population - 1], default=1
        The number of best members that survive unchanged.
    spread : float >= 0, default=0.5
        The standard deviation of the first generation around the model's weights; one member has exactly these weights.
    random_state : int in [0, 2**32), optional
        Seed; None takes the model's, and draws one for `minimize`.

    Raises
    ------
    ValueError, TypeError
        For a value that is not allowed, or one that the selection does not use.

    References
    ----------
    Eiben and Smith, Introduction to evolutionary computing, second edition, 2015; Such and others, "Deep
    neuroevolution", arXiv:1712.06567, for truncation, Gaussian mutation and an elite on networks.

    Examples
    --------
    >>> import ravine as rv
    >>> optimizer = rv.optimizers.GeneticAlgorithm(selection="tournament", crossover=0.5, decay=0.97, random_state=0)
    >>> optimizer.minimize(lambda x: abs(x - [3.0, -1.0]).sum(), [0.0, 0.0], steps=150).fun < 0.01
    True
    """

    population: int
    selection: str
    parents: int | None
    tournament: int | None
    sigma: float
    decay: float
    crossover: float
    elite: int
    spread: float

    def __init__(
        self,
        population: int = 50,
        *,
        selection: str = "truncation",
        parents: int | None = None,
        tournament: int | None = None,
        sigma: float = 0.1,
        decay: float = 1.0,
        crossover: float = 0.0,
        elite: int = 1,
        spread: float = 0.5,
        random_state: int | None = None,
    ) -> None:
        size = check_int("population", population, 2)
        chosen = check_choice("selection", selection, ("truncation", "tournament"))
        for name, value, wanted in (("parents", parents, "truncation"), ("tournament", tournament, "tournament")):
            if value is not None and chosen != wanted:
                raise ValueError(f"{name} belongs to selection={wanted!r}, got {name}={value!r} with {chosen!r}")
            if value is not None:
                check_int(name, value, 1, size, allowed=f"None or an int in [1, {size}]")
        super().__init__(
            population=size,
            selection=chosen,
            parents=parents,
            tournament=tournament,
            sigma=check_number("sigma", sigma, 0.0, closed="neither"),
            decay=check_number("decay", decay, 0.0, 1.0, closed="right"),
            crossover=check_number("crossover", crossover, 0.0, 1.0, closed="both"),
            elite=check_int("elite", elite, 0, size - 1),
            spread=check_number("spread", spread, 0.0),
            random_state=random_state,
        )

    def begin(self, x: Vector, draws: Draws) -> Search:
        """Return members around x."""
        return self._around(_Generation(x, 0, draws, x[None], np.full(1, math.nan), self.sigma), x)

    def _around(self, g: _Generation, x: Vector) -> _Generation:
        members = x + self.spread * g.draws.normal((self.population, x.size), step=g.step)
        members[0] = x
        return replace(g, step=g.step + 1, members=members, losses=np.full(self.population, math.nan))

    def moved(self, search: Search, x: Vector) -> Search:
        """Return the generation with x as its first member, which belongs to the elite if there is one."""
        g = cast(_Generation, search)
        members, losses = np.array(g.members), np.array(g.losses)
        members[0], losses[0] = x, math.nan
        return replace(g, x=x, members=members, losses=losses)

    def advance(self, search: Search, objective: Objective, rate: float) -> Search:
        """Return the next generation, its elite first."""
        g = cast(_Generation, search)
        if g.x.size == 0:
            return replace(g, step=g.step + 1)
        members = objective.project(g.members)
        losses, unknown = np.array(g.losses), np.isnan(g.losses)
        if not objective.same:
            unknown[:] = True
        if unknown.any():
            losses[unknown] = objective.losses(members[unknown])
        order, finite = ranked(losses)
        if finite == 0:
            return self._around(g, g.x)
        elite, children = order[: min(self.elite, finite)], self.population - min(self.elite, finite)
        child = self._children(g, members, order[:finite], children)
        return replace(
            g,
            x=members[order[0]],
            step=g.step + 1,
            members=np.concatenate([members[elite], child]),
            losses=np.concatenate([losses[elite], np.full(children, math.nan)]),
            sigma=g.sigma * self.decay,
        )

    def _children(self, g: _Generation, members: Matrix, order: NDArray[np.intp], count: int) -> Matrix:
        child = members[self._chosen(g, order, count, _FIRST)]
        if self.crossover:
            crossed = g.draws.uniform((count, 1), step=g.step, use=_CROSSED) < self.crossover
            taken = g.draws.uniform(child.shape, step=g.step, use=_TAKEN) < 0.5
            child = np.where(crossed & taken, members[self._chosen(g, order, count, _SECOND)], child)
        mutated: Matrix = child + g.sigma * g.draws.normal(child.shape, step=g.step)
        return mutated

    def _chosen(self, g: _Generation, order: NDArray[np.intp], count: int, use: int) -> NDArray[np.intp]:
        """Return the indices of `count` parents; `order` has the members with a loss, lowest first."""
        if self.selection == "truncation":
            best = min(self.parents or max(2, self.population // 5), len(order))
            return order[g.draws.below(best, (count,), step=g.step, use=use)]
        drawn = g.draws.below(len(order), (count, self.tournament or 3), step=g.step, use=use)
        winners: NDArray[np.intp] = order[drawn.min(axis=1)]
        return winners
