"""The base of the derivative-free optimizers: a step draws points, evaluates their losses and updates the search.

A search is an immutable value in float64: `begin` makes it, and `advance` returns the next one, so an interrupted step
has no effect. Random numbers come from the compiled counter-based generator, sums of products from the compiled
kernels; the rest is NumPy's elementwise + - * / and sqrt. No bit depends on threads, BLAS or libm.
"""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import kernels
from ..descriptions import State
from ..inputs.arguments import check_seed
from ..inputs.arrays import Array
from ..schedules import Schedule
from .base import Optimizer
from .problem import Point, Problem, Result, Vector

__all__ = ["DerivativeFree", "Draws", "Matrix", "Objective", "Search", "ranked"]

Matrix = NDArray[np.float64]

# Random streams of the searches: the low bits select what is drawn.
_STREAM = 10 << 24


class Objective(Protocol):
    """A loss that is evaluated at many points together."""

    same: bool  # whether it is the function of the step before, so that losses of that step are still valid
    bounded: bool

    def project(self, members: Matrix) -> Matrix:
        """Return the nearest points that are allowed, one a row."""

    def losses(self, members: Matrix) -> Vector:
        """Return the loss of each row, infinity where it is not finite."""


@dataclass(frozen=True)
class Draws(State):
    """Random numbers as a function of (seed, step, use, position)."""

    seed: int

    def normal(self, shape: tuple[int, ...], *, step: int, use: int = 0) -> Matrix:
        """Return standard normal numbers."""
        drawn: Matrix = kernels.random_normal(np.empty(shape), seed=self.seed, stream=_STREAM | use, step=step)
        return drawn

    def uniform(self, shape: tuple[int, ...], *, step: int, use: int) -> Matrix:
        """Return numbers on [0, 1)."""
        drawn: Matrix = kernels.random_uniform(np.empty(shape), seed=self.seed, stream=_STREAM | use, step=step)
        return drawn

    def below(self, count: int, shape: tuple[int, ...], *, step: int, use: int) -> NDArray[np.intp]:
        """Return integers in [0, count)."""
        return (self.uniform(shape, step=step, use=use) * count).astype(np.intp)


@dataclass(frozen=True)
class Search(State):
    """The state of a search; each optimizer adds its own fields.

    Attributes
    ----------
    x : ndarray, shape (n,)
        The current best estimate of the minimum.
    step : int
        Steps taken.
    draws : Draws
        The generator.
    """

    x: Vector
    step: int
    draws: Draws


def ranked(losses: Vector) -> tuple[NDArray[np.intp], int]:
    """Return the indices of the losses, lowest first, equal ones in their order, and how many are finite."""
    return np.argsort(losses, kind="stable"), int(np.isfinite(losses).sum())


class DerivativeFree(Optimizer):
    """The base class of derivative-free optimizers: a step evaluates the loss of many points, and no gradient."""

    learning_rate = 1.0
    searches: ClassVar[bool] = True
    derivative_free: ClassVar[bool] = True
    random_state: int | None

    def __init__(self, *, random_state: int | None, **settings: Any) -> None:
        super().__init__(**settings, random_state=check_seed(random_state))

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "learning_rate":
            raise AttributeError(f"{type(self).__name__} has no learning_rate to set: it finds its steps by itself")
        super().__setattr__(name, value)

    @property
    def rule(self) -> str:
        """A rule without state; it is never used."""
        return "sgd"

    def begin(self, x: Vector, draws: Draws) -> Search:
        """Return a search that starts at x."""
        raise TypeError(f"{type(self).__name__} does not say how it begins")

    def advance(self, search: Search, objective: Objective, rate: float) -> Search:
        """Return the search after one more step; `search` is not changed."""
        raise TypeError(f"{type(self).__name__} does not say how it advances")

    def moved(self, search: Search, x: Vector) -> Search:
        """Return the search after its point was moved to x from outside."""
        raise TypeError(f"{type(self).__name__} does not say how it is moved")

    def minimize(
        self,
        fun: Callable[..., Any],
        x0: ArrayLike,
        *,
        steps: int,
        jac: bool | str | Callable[..., Any] | None = None,
        bounds: Any = None,
        tolerance: float | None = None,
        callback: Callable[[Array, float], Any] | None = None,
        record: bool = False,
    ) -> Result:
        """Minimise a plain function of an array without its gradient; as `Optimizer.minimize`, except for these:

        Parameters
        ----------
        jac : None, "numeric", True or callable, default=None
            Accepted so that optimizers can be exchanged, but no gradient is computed or called for. With True, only the
            value of the pair that `fun` returns is used.
        bounds : (low, high) or a sequence of them, optional
            Points are projected onto them before their values are taken.
        tolerance : float >= 0, optional
            Stop when the values of a step's points differ by no more than this; None disables the test.

        Returns
        -------
        Result
            The path holds the best point so far after each step, and the callback is called with it.
        """
        return super().minimize(
            fun, x0, steps=steps, jac=jac, bounds=bounds, tolerance=tolerance, callback=callback, record=record
        )

    def _points(self, problem: Problem) -> Iterator[Point]:
        problem.slopes = False
        return self._best_points(problem)

    def _best_points(self, problem: Problem) -> Iterator[Point]:
        """Give the best point after each step."""
        objective = _Function(problem)
        seed = int.from_bytes(os.urandom(4), "little") if self.random_state is None else self.random_state
        search = self.begin(problem.first.x[objective.free], Draws(seed))
        for t in itertools.count():
            rate = self.learning_rate  # a callback may change it
            objective.lowest, objective.highest = math.inf, -math.inf
            with np.errstate(all="ignore"):
                search = self.advance(search, objective, float(rate(t)) if isinstance(rate, Schedule) else rate)
            assert problem.best is not None
            yield problem.best
            if problem.tolerance is not None and objective.highest - objective.lowest <= problem.tolerance:
                return


class _Function:
    """A plain function of the elements of x that may change."""

    same = True

    def __init__(self, problem: Problem) -> None:
        self.problem, self.bounded = problem, problem.bounded
        self.free = problem.low < problem.high
        self.low, self.high = problem.low[self.free], problem.high[self.free]
        self.lowest, self.highest = math.inf, -math.inf

    def project(self, members: Matrix) -> Matrix:
        """Return the members within the bounds."""
        return np.clip(members, self.low, self.high) if self.bounded else members

    def losses(self, members: Matrix) -> Vector:
        """Return the values, one call of the function each."""
        values = np.empty(len(members))
        for i, member in enumerate(members):
            x = np.array(self.problem.first.x)
            x[self.free] = member
            values[i] = self.problem.evaluate(x).value
        values[~np.isfinite(values)] = math.inf
        self.lowest, self.highest = min(self.lowest, float(values.min())), max(self.highest, float(values.max()))
        return values
