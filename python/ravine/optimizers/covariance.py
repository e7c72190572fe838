"""CMA-ES: a normal distribution of points that adapts its shape to the better ones."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import cast

import numpy as np

from .. import _core, kernels
from ..descriptions import State
from ..inputs.arguments import check_choice, check_int, check_number
from .derivative_free import DerivativeFree, Draws, Matrix, Objective, Search, ranked
from .problem import Vector

__all__ = ["CMAES"]

_MOST_FULL = 500  # weights up to which "auto" learns the full matrix
_MOST_WEIGHTS = 5000  # of a matrix of their squares: 200 MB


@dataclass(frozen=True)
class _Constants(State):
    """The tutorial's table 1, for n weights and a population."""

    population: int
    parents: int  # mu
    weights: Vector  # (population,), falling; the first `parents` are positive and sum to 1
    mass: float  # mu_eff
    c_c: float
    c_sigma: float
    d_sigma: float
    c_1: float
    c_mu: float
    expected: float  # E|N(0, I)|
    gap: int  # steps between two decompositions


def _log(x: float) -> float:
    return float(kernels.log(np.array([float(x)]))[0])


def _exp(x: float) -> float:
    return float(kernels.exp(np.array([x]))[0])


def _sum(x: Vector) -> float:
    """Return the sum in the kernels' order: Python's own depends on its version."""
    return float(kernels.dot(x, np.ones(x.size)))


def _mass(weights: Vector) -> float:
    return _sum(weights) * _sum(weights) / float(kernels.sum_squares(weights))


@lru_cache(maxsize=64)
def _constants(n: int, population: int | None, diagonal: bool) -> _Constants:
    size = 4 + math.floor(3.0 * _log(n)) if population is None else population
    parents = size // 2
    raw = _log((size + 1) / 2) - kernels.log(np.arange(1.0, size + 1.0))
    mass, mass_below = _mass(raw[:parents]), _mass(raw[parents:])
    # Ros and Hansen: a diagonal has n numbers to learn instead of n (n + 1) / 2, so it may learn faster
    faster = (n + 2) / 3 if diagonal else 1.0
    c_1 = min(0.5, faster * 2 / ((n + 1.3) * (n + 1.3) + mass))
    c_mu = min(1 - c_1, faster * 2 * (0.25 + mass + 1 / mass - 2) / ((n + 2) ** 2 + mass))
    below = min(1 + c_1 / c_mu, 1 + 2 * mass_below / (mass + 2), (1 - c_1 - c_mu) / (n * c_mu))
    above, under = _sum(raw[raw > 0]), -_sum(raw[raw < 0])
    c_sigma = (mass + 2) / (n + mass + 5)
    return _Constants(
        population=size,
        parents=parents,
        weights=np.where(raw >= 0, raw / above, below * raw / under),
        mass=mass,
        c_c=(4 + mass / n) / (n + 4 + 2 * mass / n),
        c_sigma=c_sigma,
        d_sigma=1 + 2 * max(0.0, math.sqrt((mass - 1) / (n + 1)) - 1) + c_sigma,
        c_1=c_1,
        c_mu=c_mu,
        expected=math.sqrt(n) * (1 - 1 / (4 * n) + 1 / (21 * n * n)),
        gap=max(1, math.floor(1 / (10 * n * (c_1 + c_mu)))),
    )


@dataclass(frozen=True)
class _Distribution(Search):
    """The state: N(x, sigma^2 C) and the paths of its mean."""

    sigma: float
    C: Matrix | Vector  # (n, n), or its diagonal
    axes: Matrix | None  # rows: C's eigenvectors at the last decomposition; None for a diagonal
    scales: Vector  # square roots of its eigenvalues
    decomposed: int  # the step of that
    path_sigma: Vector
    path_c: Vector
    fading: float  # (1 - c_sigma)^(2 step)


class CMAES(DerivativeFree):
    """CMA-ES: members x + s N(0, C); the mean of the better ones is the next x, and s and C adapt to the steps taken.

    With the members y_i = (x_i - x) / s by rank and their weights w_i: x += s sum_(i <= mu) w_i y_i; the path
    p_s = (1 - c_s) p_s + sqrt(c_s (2 - c_s) mu_eff) C^(-1/2) sum_(i <= mu) w_i y_i gives
    s *= exp(c_s / d_s (|p_s| / E|N(0, I)| - 1)); and C = (1 - c_1 - c_mu sum w) C + c_1 p_c p_c^T + c_mu sum w y y^T
    with a similar path p_c. All constants are those of the tutorial; the worse half's weights are negative. C is
    decomposed every 1 / (10 n (c_1 + c_mu)) steps: n weights take n^2 numbers, and a decomposition about 10 n^3
    operations. A diagonal C takes n of each.

    In `fit` a step is a generation on a batch: members are evaluated in the engine, in parallel, with dropout off. With
    `batch_size=None` the model has the best weights found so far; with smaller batches it has the mean x.

    Parameters
    ----------
    sigma : float > 0, default=0.5
        The initial s: the minimum should be within a few s in each weight.
    population : int >= 4, optional
        The number of members; None takes 4 + floor(3 ln n).
    covariance : {"auto", "full", "diagonal"}, default="auto"
        "auto" is "full" up to 500 weights, "diagonal" above; "full" takes up to 5,000.
    random_state : int in [0, 2**32), optional
        Seed; None takes the model's, and draws one for `minimize`.

    Raises
    ------
    ValueError, TypeError
        For a value that is not allowed.

    References
    ----------
    Hansen, "The CMA evolution strategy: a tutorial", arXiv:1604.00772; Ros and Hansen, "A simple modification in CMA-ES
    achieving linear time and space complexity", 2008, for the diagonal.

    Examples
    --------
    >>> import ravine as rv
    >>> def ellipsoid(x):
    ...     return (x**2 * [1.0, 1e3, 1e6]).sum()
    >>> result = rv.optimizers.CMAES(random_state=0).minimize(ellipsoid, [1.0, 1.0, 1.0], steps=300)
    >>> result.fun < 1e-8
    True
    """

    sigma: float
    population: int | None
    covariance: str

    def __init__(
        self,
        sigma: float = 0.5,
        *,
        population: int | None = None,
        covariance: str = "auto",
        random_state: int | None = None,
    ) -> None:
        super().__init__(
            sigma=check_number("sigma", sigma, 0.0, closed="neither"),
            population=None
            if population is None
            else check_int("population", population, 4, allowed="None or an int >= 4"),
            covariance=check_choice("covariance", covariance, ("auto", "full", "diagonal")),
            random_state=random_state,
        )

    def begin(self, x: Vector, draws: Draws) -> Search:
        """Return the distribution N(x, sigma^2 I); ValueError for more weights than a full matrix may have."""
        n = x.size
        if self.covariance == "full" and n > _MOST_WEIGHTS:
            raise ValueError(
                f"CMAES with covariance='full' keeps matrices of {n} x {n} numbers; it takes at most {_MOST_WEIGHTS} "
                "weights, covariance='diagonal' more"
            )
        full = self.covariance == "full" or (self.covariance == "auto" and n <= _MOST_FULL)
        shape = np.eye(n) if full else np.ones(n)
        zero = np.zeros(n)
        axes = np.eye(n) if full else None
        return _Distribution(x, 0, draws, self.sigma, shape, axes, np.ones(n), 0, zero, zero, 1.0)

    def moved(self, search: Search, x: Vector) -> Search:
        """Return the distribution around x."""
        return replace(search, x=x)

    def advance(self, search: Search, objective: Objective, rate: float) -> Search:
        """Return the distribution after a generation."""
        d = cast(_Distribution, search)
        n = d.x.size
        if n == 0:
            return replace(d, step=d.step + 1)
        k = _constants(n, self.population, d.axes is None)
        z = d.draws.normal((k.population, n), step=d.step)
        y = _turned(z * d.scales, d.axes)
        members = d.x + d.sigma * y
        if objective.bounded:
            members = objective.project(members)
            y = (members - d.x) / d.sigma
            z = (y if d.axes is None else kernels.matmul(y, d.axes, transpose_b=True)) / d.scales
        losses = objective.losses(members)
        order, finite = ranked(losses)
        if finite == 0:
            return replace(d, step=d.step + 1, sigma=d.sigma / 2)
        flat = losses[order[0]] == losses[order[math.ceil(0.7 * k.population) - 1]]
        return self._learnt(d, k, y[order], z[order], min(finite, k.parents), bool(flat))

    def _learnt(self, d: _Distribution, k: _Constants, y: Matrix, z: Matrix, parents: int, flat: bool) -> Search:
        """Return the distribution updated with the ranked members' steps y = C^(1/2) z."""
        n, best = d.x.size, np.array(k.weights[:parents])
        if parents < k.parents:  # the others' losses are not finite
            best /= _sum(best)
        toward = _weighted(best, y[:parents])
        fresh = math.sqrt(k.c_sigma * (2 - k.c_sigma) * k.mass)
        path_sigma = (1 - k.c_sigma) * d.path_sigma + fresh * _turned(_weighted(best, z[:parents])[None], d.axes)[0]
        length, fading = math.sqrt(kernels.sum_squares(path_sigma)), d.fading * (1 - k.c_sigma) * (1 - k.c_sigma)
        sigma = d.sigma * _exp(min(1.0, k.c_sigma / k.d_sigma * (length / k.expected - 1)))
        if flat:  # all equal: search further away
            sigma *= _exp(0.2 + k.c_sigma / k.d_sigma)
        calm = length / math.sqrt(1 - fading) < (1.4 + 2 / (n + 1)) * k.expected
        path_c = (1 - k.c_c) * d.path_c
        if calm:
            path_c = path_c + math.sqrt(k.c_c * (2 - k.c_c) * k.mass) * toward
        weights = np.array(k.weights)
        norms = kernels.matmul(z * z, np.ones((n, 1)))[:, 0]
        negative = weights < 0
        weights[negative] *= n / np.maximum(norms[negative], np.finfo(np.float64).tiny)
        weights[: k.parents] = 0.0
        weights[:parents] = best
        kept = 1 - k.c_1 - k.c_mu * _sum(k.weights)
        if not calm:
            kept += k.c_1 * k.c_c * (2 - k.c_c)
        if d.axes is None:
            C = kept * d.C + k.c_1 * path_c * path_c + k.c_mu * _weighted(weights, y * y)
        else:
            spread = kernels.matmul(y * weights[:, None], y, transpose_a=True)
            C = kept * d.C + k.c_1 * np.multiply.outer(path_c, path_c) + k.c_mu * ((spread + spread.T) / 2)
        after = replace(
            d,
            x=d.x + d.sigma * toward,
            step=d.step + 1,
            sigma=sigma if 0.0 < sigma < math.inf else d.sigma,
            C=C,
            path_sigma=path_sigma,
            path_c=path_c,
            fading=fading,
        )
        return _decomposed(after, k)


def _turned(rows: Matrix, axes: Matrix | None) -> Matrix:
    """Return rows given along the axes in the weights' coordinates."""
    if axes is None:
        return rows
    turned: Matrix = kernels.matmul(rows, axes)
    return turned


def _weighted(weights: Vector, rows: Matrix) -> Vector:
    """Return sum_i weights_i rows_i."""
    total: Vector = kernels.matmul(weights[None], rows)[0]
    return total


def _decomposed(d: _Distribution, k: _Constants) -> _Distribution:
    """Return the distribution, with new axes and scales of C if they are due."""
    n = d.x.size
    if d.axes is not None and d.step - d.decomposed < k.gap:
        return d
    if not kernels.all_finite(d.C):
        C = np.ones(n) if d.axes is None else np.eye(n)
        return replace(d, C=C, axes=None if d.axes is None else C, scales=np.ones(n), decomposed=d.step)
    if d.axes is None:
        values, axes = d.C, None
    else:
        values, axes = _core.symmetric_eigen(d.C)
    # rounding may leave the smallest of very different eigenvalues below zero
    least = max(1e-14 * float(values.max()), np.finfo(np.float64).tiny)
    return replace(d, axes=axes, scales=np.sqrt(np.maximum(values, least)), decomposed=d.step)
