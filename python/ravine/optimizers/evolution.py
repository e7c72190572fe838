"""OpenAI's evolution strategy: a gradient estimated from the ranks of random points around the weights."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np

from .. import kernels
from ..inputs.arguments import check_int, check_number
from ..schedules import Schedule
from .base import Optimizer
from .derivative_free import DerivativeFree, Draws, Matrix, Objective, Search
from .problem import Vector

__all__ = ["OpenAIES"]


@dataclass(frozen=True)
class _Centre(Search):
    """The point, and Adam's averages."""

    averages: Matrix  # (slots, n)
    running: Vector


class OpenAIES(DerivativeFree):
    """OpenAI-ES: the gradient of the expected rank, estimated from pairs x + s e and x - s e, and a step of Adam.

    With e_i from N(0, I) and c the ranks of the losses, centred to [-1/2, 1/2], where equal losses share their rank:
    g = 1 / (k s) sum_(i <= k/2) (c(x + s e_i) - c(x - s e_i)) e_i for k members, which are k/2 antithetic pairs. Ranks
    limit the effect of outliers and make steps independent of the loss's scale.

    In `fit` a step is a generation on a batch: members are evaluated in the engine, in parallel, with dropout off. With
    `batch_size=None` the model has the best weights found so far; with smaller batches it has x. A step evaluates
    k + 1 losses, including that of x.

    Parameters
    ----------
    learning_rate : float >= 0 or Schedule, default=0.05
        Adam's a: about how far a weight moves in a step.
    sigma : float > 0, default=0.1
        s.
    population : int >= 2, even, default=50
        k.
    beta_1, beta_2 : float in [0, 1), default=0.9, 0.999
        Adam's b1, b2.
    epsilon : float > 0, default=1e-8
        Adam's e.
    random_state : int in [0, 2**32), optional
        Seed; None takes the model's, and draws one for `minimize`.

    Raises
    ------
    ValueError, TypeError
        For a value that is not allowed.

    References
    ----------
    Salimans, Ho, Chen, Sidor and Sutskever, "Evolution strategies as a scalable alternative to reinforcement learning",
    arXiv:1703.03864.

    Examples
    --------
    >>> import ravine as rv
    >>> optimizer = rv.optimizers.OpenAIES(0.1, sigma=0.02, random_state=0)
    >>> optimizer.minimize(lambda x: abs(x - 3.0).sum(), [0.0, 5.0], steps=200).fun < 0.01
    True
    """

    sigma: float
    population: int
    beta_1: float
    beta_2: float
    epsilon: float

    def __init__(
        self,
        learning_rate: float | Schedule = 0.05,
        *,
        sigma: float = 0.1,
        population: int = 50,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        random_state: int | None = None,
    ) -> None:
        members = check_int("population", population, 2, allowed="an even int >= 2")
        if members % 2:
            raise ValueError(f"population must be an even int >= 2, got {population!r}")
        super().__init__(
            learning_rate=learning_rate,
            sigma=check_number("sigma", sigma, 0.0, closed="neither"),
            population=members,
            beta_1=check_number("beta_1", beta_1, 0.0, 1.0),
            beta_2=check_number("beta_2", beta_2, 0.0, 1.0),
            epsilon=check_number("epsilon", epsilon, 0.0, closed="neither"),
            random_state=random_state,
        )

    def __setattr__(self, name: str, value: Any) -> None:
        Optimizer.__setattr__(self, name, value)

    def begin(self, x: Vector, draws: Draws) -> Search:
        """Return x with empty averages."""
        return _Centre(x, 0, draws, np.zeros((kernels.names["updates"]["adam"], x.size)), np.ones(4))

    def moved(self, search: Search, x: Vector) -> Search:
        """Return the search around x; the averages stay."""
        return replace(search, x=x)

    def advance(self, search: Search, objective: Objective, rate: float) -> Search:
        """Return the search after a step of Adam."""
        s = cast(_Centre, search)
        if s.x.size == 0:
            return replace(s, step=s.step + 1)
        way = self.sigma * s.draws.normal((self.population // 2, s.x.size), step=s.step)
        members = objective.project(np.concatenate([s.x + way, s.x - way]))
        losses = objective.losses(np.concatenate([members, s.x[None]]))[:-1]
        g = kernels.matmul(_centred_ranks(losses)[None], (members - s.x) / self.sigma)[0]
        x, averages, running = np.array(s.x), np.array(s.averages), np.array(s.running)
        kernels.adam(
            x,
            averages,
            g / (self.population * self.sigma),
            running=running,
            learning_rate=rate,
            beta1=self.beta_1,
            beta2=self.beta_2,
            epsilon=self.epsilon,
        )
        x = objective.project(x[None])[0]
        return replace(s, x=x, step=s.step + 1, averages=averages, running=running)


def _centred_ranks(losses: Vector) -> Vector:
    """Return ranks from -1/2, the lowest, to 1/2; equal losses share their mean rank."""
    _, group, count = np.unique(losses, return_inverse=True, return_counts=True)
    last = np.cumsum(count)
    mean = last - (count + 1) / 2
    ranks: Vector = (mean / (losses.size - 1) - 0.5)[group]
    return ranks
