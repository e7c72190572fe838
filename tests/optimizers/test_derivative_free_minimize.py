"""`minimize` of the derivative-free optimizers: minima, bounds, what is counted and recorded, how it ends."""

import copy
import math

import numpy as np
import pytest
from test_derivative_free import ALL, every
from test_problem import beale, bowl, rastrigin, rosenbrock

from ravine.optimizers import CMAES, GeneticAlgorithm, OpenAIES, SimulatedAnnealing

INF, NAN = math.inf, math.nan

# function, start, minimum, largest value that is near it
FUNCTIONS = [
    (bowl, [0.0, 5.0, -1.0], [3.0, 3.0, 3.0], 1e-3),
    (rosenbrock, [-1.2, 1.0], [1.0, 1.0], 5e-3),
    (beale, [1.0, 1.0], [3.0, 0.5], 1e-3),
]
FINE = [
    SimulatedAnnealing(random_state=0),
    GeneticAlgorithm(decay=0.99, random_state=0),
    GeneticAlgorithm(selection="tournament", crossover=0.5, decay=0.99, random_state=0),
    OpenAIES(sigma=0.05, random_state=0),
    CMAES(random_state=0),
    CMAES(covariance="diagonal", random_state=0),
]
fine = pytest.mark.parametrize("optimizer", FINE, ids=repr)


def steps_of(optimizer):
    return {SimulatedAnnealing: 200, CMAES: 800}.get(type(optimizer), 400)


@fine
@pytest.mark.parametrize(("fun", "start", "minimum", "near"), FUNCTIONS)
def test_the_minimum_is_found(optimizer, fun, start, minimum, near):
    result = optimizer.minimize(fun, start, steps=steps_of(optimizer))
    assert result.fun == fun(result.x) < near
    np.testing.assert_allclose(result.x, minimum, rtol=0, atol=0.2)


@pytest.mark.parametrize(
    "optimizer",
    [SimulatedAnnealing(1.0, random_state=0), GeneticAlgorithm(200, spread=3.0, sigma=0.5, decay=0.98, random_state=0),
     CMAES(2.0, population=60, random_state=0)],
    ids=repr,
)  # fmt: skip
def test_many_minima_are_left_behind(optimizer):
    result = optimizer.minimize(rastrigin, [3.3, -2.2], steps=250)
    assert result.fun < 0.5  # the second-lowest minima have .995


@pytest.mark.parametrize(
    ("bounds", "minimum"),
    [
        ([(-2.0, 0.5), (None, None)], [0.5, 0.25]),
        ([(None, None), (1.5, 4.0)], [-1.2210262, 1.5]),
        ((-10.0, 10.0), [1.0, 1.0]),
        ([(-0.5, -0.5), (-1.0, 3.0)], [-0.5, 0.25]),
        ([(-2.0, 0.0), (0.5, 1.0)], [-0.6984564, 0.5]),
    ],
)
@fine
def test_bounds_hold_and_the_best_point_within_is_found(optimizer, bounds, minimum):
    seen = []

    def fun(x):
        seen.append(x)
        return rosenbrock(x)

    result = optimizer.minimize(fun, [-1.2, 1.0], steps=steps_of(optimizer), bounds=bounds)
    # the second case has a lower minimum on the other side, which some find
    assert result.fun < rosenbrock(np.array(minimum)) + (1e-8 if optimizer == FINE[4] else 0.02)
    pairs = [bounds] * 2 if isinstance(bounds, tuple) else bounds
    for i, (low, high) in enumerate(pairs):
        values = [x[i] for x in seen]
        assert (-INF if low is None else low) <= min(values) and max(values) <= (INF if high is None else high)


@every
def test_nothing_may_move(optimizer):
    result = optimizer.minimize(rosenbrock, [3.0, 1.0], steps=3, bounds=[(0.0, 0.0), (2.0, 2.0)])
    np.testing.assert_array_equal(result.x, [0.0, 2.0])


@every
def test_no_gradient_is_asked_for(optimizer):
    def never(x):
        raise AssertionError

    seeded = type(optimizer)(**{**{k: v for k, v in vars(optimizer).items() if k != "_fixed"}, "random_state": 1})
    plain = seeded.minimize(bowl, [0.0, 1.0], steps=5)
    for jac, fun in ((never, bowl), ("numeric", bowl), (True, lambda x: (bowl(x), None))):
        if jac is True:
            with pytest.raises(ValueError, match="fun's gradient"):
                seeded.minimize(fun, [0.0, 1.0], steps=5, jac=jac)
            fun = lambda x: (bowl(x), np.zeros(2))  # noqa: E731
        other = seeded.minimize(fun, [0.0, 1.0], steps=5, jac=jac)
        np.testing.assert_array_equal(other.x, plain.x)
        assert other.nfev == plain.nfev


@every
def test_the_path_is_that_of_the_best_point_and_values_are_counted(optimizer):
    calls, heard = [], []

    def fun(x):
        calls.append(bowl(x))
        x[...] = NAN
        return calls[-1]

    result = optimizer.minimize(
        fun, [[0.0], [1.0]], steps=12, record=True, callback=lambda x, value: heard.append((x, value))
    )
    assert (result.nit, result.nfev) == (12, len(calls))
    assert result.path.shape == (13, 2, 1) and result.values.shape == (13,)
    assert (np.diff(result.values) <= 0).all()
    assert result.values[-1] == result.fun == min(calls) == bowl(result.x)
    np.testing.assert_array_equal(result.path[-1], result.x)
    assert [value for _, value in heard] == list(result.values[1:])
    assert result.message == "took all 12 steps"


@every
def test_it_is_the_seed_that_decides(optimizer):
    settings = {name: value for name, value in vars(optimizer).items() if name not in ("_fixed", "random_state")}
    results = [
        type(optimizer)(**settings, random_state=seed).minimize(bowl, [0.0, 1.0], steps=3).x for seed in (0, 0, 1)
    ]
    np.testing.assert_array_equal(results[0], results[1])
    assert (results[0] != results[2]).any()
    assert (optimizer.minimize(bowl, [0.0, 1.0], steps=3).x != optimizer.minimize(bowl, [0.0, 1.0], steps=3).x).any()


@every
def test_how_it_ends(optimizer):
    result = optimizer.minimize(bowl, [0.0], steps=50, callback=lambda x, value: True)
    assert (result.nit, result.message) == (1, "the callback asked to stop")
    result = optimizer.minimize(lambda x: 1.0, [0.0], steps=50, tolerance=0.0)
    assert (result.nit, result.message) == (1, "the values of a step lie within the tolerance 0.0")
    with pytest.raises(ValueError, match=r"tolerance must be a number in \[0.0, inf\), got -1"):
        optimizer.minimize(bowl, [0.0], steps=1, tolerance=-1)
    assert optimizer.minimize(bowl, [0.0], steps=0).nfev == 1


def test_a_tolerance_ends_a_search_that_has_come_down():
    result = CMAES(random_state=0).minimize(bowl, [0.0, 1.0], steps=2000, tolerance=1e-12)
    assert result.nit < 200 and result.fun < 1e-11


@every
def test_a_start_without_a_value_is_left(optimizer):
    result = optimizer.minimize(lambda x: x[0] if x[0] > 0.1 else NAN, [0.0, 0.0], steps=30)
    assert 0.1 < result.x[0] == result.fun
    result = optimizer.minimize(lambda x: -INF, [1.0, 2.0], steps=3)
    np.testing.assert_array_equal(result.x, [1.0, 2.0])


@pytest.mark.parametrize("optimizer", copy.deepcopy(ALL), ids=repr)
@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"fun": 3}, TypeError, "fun must be a function of an array, got 3"),
        ({"x0": []}, ValueError, r"x0 must have at least one element, got shape \(0,\)"),
        ({"x0": [1.0, np.nan]}, ValueError, "Input x0 contains NaN"),
        ({"steps": -1}, ValueError, "steps must be an int >= 0, got -1"),
        ({"steps": True}, ValueError, "steps must be an int >= 0, got True"),
        ({"jac": "exact"}, ValueError, "jac must be None, 'numeric', True or a function, got 'exact'"),
        ({"bounds": [(0, 1)]}, ValueError, r"bounds must be one \(low, high\) or 2 of them"),
        ({"callback": 3}, TypeError, "callback must be None or a function of a point and its value, got 3"),
        ({"record": 1}, TypeError, "record must be True or False, got 1"),
        ({"tolerance": "small"}, TypeError, "tolerance must be a number"),
    ],
)
def test_refused(optimizer, arguments, error, message):
    with pytest.raises(error, match=message):
        optimizer.minimize(**{"fun": bowl, "x0": [1.0, 2.0], "steps": 3, **arguments})
