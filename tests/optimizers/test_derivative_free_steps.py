"""Derivative-free optimizers' steps, each held to its formula, and how many of them CMA-ES takes."""

import itertools
import math

import numpy as np
import pytest
from test_problem import bowl

from ravine import reference, schedules
from ravine.optimizers import CMAES, GeneticAlgorithm, OpenAIES, SimulatedAnnealing
from ravine.optimizers.annealing import _accepted
from ravine.optimizers.derivative_free import Draws

INF, NAN = math.inf, math.nan


class Recorder:
    """An objective that keeps what it was asked."""

    def __init__(self, fun, same=True, low=None):
        self.fun, self.same, self.low = fun, same, low
        self.bounded = low is not None
        self.members, self.values = [], []

    def project(self, members):
        return members if self.low is None else np.maximum(members, self.low)

    def losses(self, members):
        values = np.array([self.fun(x) for x in members], dtype=float)
        values[~np.isfinite(values)] = INF
        self.members.append(np.array(members))
        self.values.append(values)
        return values


def advance(optimizer, fun, x0, steps, same=True, rate=1.0):
    """The searches before the first step and after each, and what they asked."""
    objective, searches = Recorder(fun, same), [optimizer.begin(np.array(x0, dtype=float), Draws(3))]
    for _ in range(steps):
        searches.append(optimizer.advance(searches[-1], objective, rate))
    return searches, objective


def ellipsoid(x):
    return (10.0 ** (6 * np.arange(x.size) / (x.size - 1)) * x**2).sum()


def valley(x):
    return (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()


# --------------------------------------------------------------------------------------------------------- CMA-ES


def tutorial(n, population=None):
    """Table 1 of Hansen's tutorial, with NumPy."""
    size = population or 4 + int(3 * np.log(n))
    w = np.log((size + 1) / 2) - np.log(np.arange(1, size + 1))
    mu = size // 2
    mass, mass_below = w[:mu].sum() ** 2 / (w[:mu] ** 2).sum(), w[mu:].sum() ** 2 / (w[mu:] ** 2).sum()
    c1 = 2 / ((n + 1.3) ** 2 + mass)
    cmu = min(1 - c1, 2 * (1 / 4 + mass + 1 / mass - 2) / ((n + 2) ** 2 + 2 * mass / 2))
    below = min(1 + c1 / cmu, 1 + 2 * mass_below / (mass + 2), (1 - c1 - cmu) / (n * cmu))
    weights = np.where(w >= 0, w / w[w > 0].sum(), below * w / -w[w < 0].sum())
    cs = (mass + 2) / (n + mass + 5)
    ds = 1 + 2 * max(0, math.sqrt((mass - 1) / (n + 1)) - 1) + cs
    return size, mu, mass, weights, (4 + mass / n) / (n + 4 + 2 * mass / n), cs, ds, c1, cmu


@pytest.mark.parametrize("population", [None, 25])
@pytest.mark.parametrize("fun", [ellipsoid, valley])
@pytest.mark.parametrize("n", [2, 6])
def test_cma_follows_the_tutorial(n, fun, population):
    size, mu, mass, w, cc, cs, ds, c1, cmu = tutorial(n, population)
    expected = math.sqrt(n) * (1 - 1 / (4 * n) + 1 / (21 * n**2))
    searches, objective = advance(CMAES(0.3, population=population), fun, np.full(n, 2.0), 40)
    m, sigma, C, ps, pc = np.full(n, 2.0), 0.3, np.eye(n), np.zeros(n), np.zeros(n)
    for g, (x, f) in enumerate(zip(objective.members, objective.values, strict=True)):
        assert x.shape == (size, n)
        y = ((x - m) / sigma)[np.argsort(f, kind="stable")]
        d2, B = np.linalg.eigh(C)
        root = (B / np.sqrt(d2)) @ B.T
        mean = w[:mu] @ y[:mu]
        ps = (1 - cs) * ps + math.sqrt(cs * (2 - cs) * mass) * root @ mean
        h = np.linalg.norm(ps) / math.sqrt(1 - (1 - cs) ** (2 * (g + 1))) < (1.4 + 2 / (n + 1)) * expected
        pc = (1 - cc) * pc + h * math.sqrt(cc * (2 - cc) * mass) * mean
        scaled = np.where(w >= 0, w, w * n / ((root @ y.T) ** 2).sum(axis=0))
        C = ((1 + c1 * (1 - h) * cc * (2 - cc) - c1 - cmu * w.sum()) * C + c1 * np.outer(pc, pc)
             + cmu * (y.T * scaled) @ y)  # fmt: skip
        m = m + sigma * mean
        sigma *= math.exp(min(1.0, cs / ds * (np.linalg.norm(ps) / expected - 1)))
        search = searches[g + 1]
        np.testing.assert_allclose(search.x, m, rtol=1e-7)
        np.testing.assert_allclose(search.C, C, rtol=1e-6, atol=1e-9 * abs(C).max())
        assert search.sigma == pytest.approx(sigma, rel=1e-7)


def test_cma_decomposes_lazily():
    n = 300
    *_, c1, cmu = tutorial(n)
    gap = int(1 / (10 * n * (c1 + cmu)))
    searches, _ = advance(CMAES(), ellipsoid, np.ones(n), 3 * gap)
    assert gap > 1
    assert [search.decomposed for search in searches] == [g // gap * gap for g in range(3 * gap + 1)]


@pytest.mark.parametrize("fun", [ellipsoid, valley])
@pytest.mark.parametrize("seed", range(4))
def test_cma_within_the_tutorials_budget(fun, seed):
    """In ten dimensions to 1e-8: about 4,000 and 5,000 values, as Hansen's own program takes."""
    start = np.ones(10) if fun is ellipsoid else np.zeros(10)
    result = CMAES(random_state=seed).minimize(fun, start, steps=1000, callback=lambda x, value: value < 1e-8)
    assert result.fun < 1e-8
    assert result.nfev < (5000 if fun is ellipsoid else 6500)
    diagonal = CMAES(covariance="diagonal", random_state=seed).minimize(
        ellipsoid, np.ones(10), steps=400, callback=lambda x, value: value < 1e-8
    )
    assert diagonal.nfev < 2700


@pytest.mark.parametrize("fun", [ellipsoid, valley])
def test_cma_takes_as_many_values_as_hansens_program(fun):
    cma = pytest.importorskip("cma")
    start, ours, theirs = (np.ones(10) if fun is ellipsoid else np.zeros(10)), [], []
    for seed in range(1, 8):
        peer = cma.CMAEvolutionStrategy(start, 0.5, {"seed": seed, "verbose": -9, "ftarget": 1e-8})
        theirs.append(peer.optimize(lambda x: float(fun(np.asarray(x)))).result.evaluations)
        result = CMAES(random_state=seed).minimize(fun, start, steps=1000, callback=lambda x, value: value < 1e-8)
        ours.append(result.nfev)
    assert np.median(ours) < 1.15 * np.median(theirs)


def test_cma_looks_further_away_where_all_is_flat():
    searches, _ = advance(CMAES(0.1), lambda x: 1.0, np.zeros(4), 30)
    assert searches[-1].sigma > 10 * searches[0].sigma
    assert np.isfinite(searches[-1].x).all()


def test_cma_comes_closer_where_nothing_is_finite():
    searches, _ = advance(CMAES(8.0), lambda x: NAN, np.zeros(4), 3)
    assert [search.sigma for search in searches] == [8.0, 4.0, 2.0, 1.0]
    np.testing.assert_array_equal(searches[-1].x, 0.0)
    near = lambda x: (x**2).sum() if abs(x).max() < 1 else NAN  # noqa: E731
    assert CMAES(8.0, random_state=0).minimize(near, np.full(4, 0.9), steps=200).fun < 1e-6


def test_cma_with_few_finite_members_goes_where_they_are():
    wall = lambda x: -x[0] if x[0] > 0.3 else INF  # noqa: E731
    searches, objective = advance(CMAES(0.3, population=20), wall, np.zeros(3), 1)
    assert 0 < np.isfinite(objective.values[0]).sum() < 10
    assert searches[1].x[0] > 0.3


# ----------------------------------------------------------------------------------------------------- OpenAI-ES


@pytest.mark.parametrize("sigma", [0.1, 2.0])
def test_openai_es_is_adam_on_the_gradient_of_the_ranks(sigma):
    optimizer, n, k = OpenAIES(sigma=sigma, population=20, beta_1=0.8), 5, 20
    searches, objective = advance(optimizer, lambda x: abs(x - 3).sum() ** 3, np.zeros(n), 10, rate=0.2)
    m, v, x = np.zeros(n), np.zeros(n), np.zeros(n)
    for t, (members, f) in enumerate(zip(objective.members, objective.values, strict=True)):
        e = reference.random_normal(np.empty((k // 2, n)), seed=3, stream=10 << 24, step=t)
        np.testing.assert_allclose(members, np.concatenate([x + sigma * e, x - sigma * e, x[None]]), rtol=0, atol=1e-12)
        ranks = np.argsort(np.argsort(f[:-1])) / (k - 1) - 0.5
        g = (ranks[: k // 2] - ranks[k // 2 :]) @ e / (k * sigma)
        m, v = 0.8 * m + 0.2 * g, 0.999 * v + 0.001 * g**2
        x = x - 0.2 * (m / (1 - 0.8 ** (t + 1))) / (np.sqrt(v / (1 - 0.999 ** (t + 1))) + 1e-8)
        np.testing.assert_allclose(searches[t + 1].x, x, rtol=1e-9)


def test_openai_es_equal_losses_share_their_rank():
    """A plateau says nothing about where to go."""
    searches, _ = advance(OpenAIES(), lambda x: 1.0, np.ones(4), 5)
    np.testing.assert_array_equal(searches[-1].x, 1.0)
    searches, _ = advance(OpenAIES(), lambda x: NAN, np.ones(4), 5)
    np.testing.assert_array_equal(searches[-1].x, 1.0)


def test_openai_es_takes_a_schedule_and_a_callback_may_change_the_rate():
    rates = schedules.PiecewiseConstantDecay([3], [0.1, 0.0])
    path = OpenAIES(rates, random_state=0).minimize(bowl, [0.0, 1.0], steps=8, record=True).path
    assert (path[1:4] != path[:3]).any()
    assert OpenAIES(0.0, sigma=1e-3, random_state=0).minimize(bowl, [0.0, 1.0], steps=50).fun > 0.98 * bowl(
        np.array([0.0, 1.0])
    )
    with pytest.raises(ValueError, match="minimize has no epochs"):
        OpenAIES(schedules.BoldDriver(0.1)).minimize(bowl, [0.0], steps=1)


# ------------------------------------------------------------------------------------------------------- genetics


def test_truncation_takes_parents_from_the_best_and_keeps_the_elite():
    optimizer = GeneticAlgorithm(30, parents=4, sigma=1e-3, elite=3)
    searches, objective = advance(optimizer, bowl, np.zeros(3), 6)
    for before, after in itertools.pairwise(searches):
        order = np.argsort([bowl(x) for x in before.members], kind="stable")
        np.testing.assert_array_equal(after.members[:3], before.members[order[:3]])
        np.testing.assert_array_equal(after.x, before.members[order[0]])
        parents = before.members[order[:4]]
        nearest = abs(after.members[3:, None] - parents[None]).max(axis=2)
        assert (nearest.min(axis=1) < 6e-3).all()
        assert len(set(nearest.argmin(axis=1))) == 4
    assert [len(members) for members in objective.members] == [30] + [27] * 5


def test_on_another_batch_the_elite_is_looked_at_again():
    _, objective = advance(GeneticAlgorithm(30, elite=3), bowl, np.zeros(3), 4, same=False)
    assert [len(members) for members in objective.members] == [30] * 4


def test_a_tournament_prefers_the_better():
    optimizer = GeneticAlgorithm(400, selection="tournament", tournament=3, sigma=1e-9, elite=0)
    searches, _ = advance(optimizer, lambda x: x[0], [0.0], 1)
    before, after = (np.sort(search.members[:, 0]) for search in searches)
    ranks = np.searchsorted(before, after - 1e-7) / 400
    assert np.mean(ranks) == pytest.approx(0.25, abs=0.03)  # the expected least of three uniform numbers


@pytest.mark.parametrize("crossover", [0.0, 0.5, 1.0])
def test_crossover_mixes_two_parents(crossover):
    optimizer = GeneticAlgorithm(200, parents=200, crossover=crossover, sigma=1e-9, elite=0)
    searches, _ = advance(optimizer, bowl, np.zeros(8), 1)
    near = abs(searches[1].members[:, None] - searches[0].members[None]) < 1e-7  # (child, parent, weight)
    assert near.any(axis=1).all()
    whole = near.all(axis=2).any(axis=1).mean()
    assert whole == pytest.approx(1 - crossover * (1 - 2 / 256 - 1 / 200), abs=0.08)


def test_mutations_fade_with_decay():
    searches, _ = advance(GeneticAlgorithm(decay=0.5), bowl, np.zeros(2), 3)
    assert [search.sigma for search in searches] == [0.1, 0.05, 0.025, 0.0125]


def test_members_without_a_value_have_no_children():
    optimizer = GeneticAlgorithm(60, sigma=1e-6, parents=60, elite=5)
    searches, _ = advance(optimizer, lambda x: x[0] if x[0] > 0 else NAN, [0.3, 0.0], 1)
    assert (searches[0].members[:, 0] <= 0).any()
    assert (searches[1].members[:, 0] > -1e-4).all()
    searches, _ = advance(GeneticAlgorithm(), lambda x: NAN, [0.3, 0.0], 2)
    assert (searches[2].members != searches[1].members).any()
    np.testing.assert_array_equal(searches[2].x, [0.3, 0.0])


# ------------------------------------------------------------------------------------------------------ annealing


def test_the_first_temperature_accepts_the_mean_uphill_move_at_four_fifths():
    optimizer = SimulatedAnnealing(0.5, cooling=0.9, chains=4, moves=5)
    searches, objective = advance(optimizer, bowl, np.full(3, 2.9), 3)
    rises = objective.values[1] - bowl(np.full(3, 2.9))
    assert len(rises) == 20
    first = searches[1].temperature / 0.9
    assert math.exp(-rises[rises > 0].mean() / first) == pytest.approx(0.8)
    assert [search.temperature for search in searches[1:]] == pytest.approx([0.9 * first, 0.81 * first, 0.729 * first])


def test_no_temperature_before_something_is_uphill():
    searches, objective = advance(SimulatedAnnealing(1e-6), lambda x: 1.0, np.zeros(2), 3)
    assert [search.temperature for search in searches] == [None] * 4
    assert [len(members) for members in objective.members] == [8, *([160, *([8] * 20)] * 3)]


@pytest.mark.parametrize(
    ("loss", "reached", "temperature", "u", "taken"),
    [
        (1.0, 0.5, 1.0, 0.999, True),
        (1.0, 1.0, 1.0, 0.999, True),
        (1.0, 2.0, 1.0, 0.36, True),  # e^-1 = .3679
        (1.0, 2.0, 1.0, 0.37, False),
        (1.0, 2.0, 0.0, 0.0, False),
        (1.0, 0.5, 0.0, 0.999, True),
        (1.0, INF, 1e300, 0.0, False),
        (INF, 5.0, 1.0, 0.999, True),
        (INF, INF, 1.0, 0.0, False),
        (1.0, 1e300, 1e-300, 0.0, False),
    ],
)
def test_metropolis(loss, reached, temperature, u, taken):
    with np.errstate(over="ignore"):
        got = _accepted(*(np.full(3, value) for value in (loss, reached)), temperature, np.full(3, u))
    np.testing.assert_array_equal(got, taken)


def test_a_third_of_the_moves_is_accepted_in_the_long_run():
    optimizer = SimulatedAnnealing(5.0, cooling=0.98, chains=10, moves=50)
    searches, _ = advance(optimizer, lambda x: (x**2).sum(), np.full(4, 3.0), 120)
    lengths = np.array([search.length for search in searches])
    ratios = lengths[1:] / lengths[:-1]
    assert set(np.round(ratios, 6)) == {1.25, 1.0, 0.8}
    # T falls by 2 % a step, so s, which goes with its root, by 1 %: it shrinks once in about 22 steps
    assert (ratios[-60:] == 1.0).mean() > 0.5
    assert lengths[-1] < lengths[30]


def test_chains_walk_apart_and_each_move_is_metropolis():
    optimizer = SimulatedAnnealing(1.0, chains=3, moves=7)
    searches, objective = advance(optimizer, bowl, np.zeros(2), 2)
    points, losses = np.zeros((3, 2)), np.full(3, bowl(np.zeros(2)))
    rounds = iter(zip(objective.members, objective.values, strict=True))
    next(rounds), next(rounds)  # the start, and what the temperature is from
    drawn, lowest = 1, (losses[0], points[0])
    for search in searches[1:]:
        temperature = search.temperature / 0.95
        for _ in range(7):
            members, values = next(rounds)
            u = reference.random_uniform(np.empty(3), seed=3, stream=10 << 24 | 1, step=drawn)
            taken = u < np.exp(np.minimum(0.0, (losses - values) / temperature))
            points, losses = np.where(taken[:, None], members, points), np.where(taken, values, losses)
            drawn += 1
            if losses.min() < lowest[0]:
                lowest = losses.min(), points[losses.argmin()]
        highest = losses.argmax()  # goes to the lowest point seen
        losses[highest], points[highest] = lowest
        np.testing.assert_array_equal(search.points, points)
        np.testing.assert_array_equal(search.losses, losses)
        np.testing.assert_array_equal(search.x, points[losses.argmin()])
    assert len({tuple(point) for point in points}) >= 2


def test_one_chain_stays_where_it_is():
    searches, objective = advance(SimulatedAnnealing(1.0, chains=1, moves=4), bowl, np.zeros(2), 9)
    assert all((search.points[0] == np.concatenate(objective.members)).all(axis=1).any() for search in searches)
    assert any(search.losses[0] > search.lowest[0] for search in searches[1:])
