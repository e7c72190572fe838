"""`minimize`: every optimizer on plain functions, the worked examples of descent, bounds, values that overflow."""

import copy
import math

import numpy as np
import pytest
from test_optimizers import OPTIMIZERS

import ravine as rv
from ravine import optimizers
from ravine.optimizers import BFGS, LBFGS, SGD, Adam, Newton


def wave(x):
    """x^2 / 10 + sin x."""
    return x**2 / 10 + np.sin(x)


def wave_slope(x):
    return x / 5 + np.cos(x)


def bowl(x):
    return ((x - 3.0) ** 2 * np.arange(1, x.size + 1).reshape(x.shape)).sum()


def rosenbrock(x):
    return (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2


def rosenbrock_slope(x):
    rise = x[1] - x[0] ** 2
    return np.array([-2 * (1 - x[0]) - 400 * x[0] * rise, 200 * rise])


def rosenbrock_curvature(x):
    return [[2 - 400 * x[1] + 1200 * x[0] ** 2, -400 * x[0]], [-400 * x[0], 200.0]]


def beale(x):
    return sum((c - x[0] + x[0] * x[1] ** k) ** 2 for k, c in ((1, 1.5), (2, 2.25), (3, 2.625)))


def rastrigin(x):
    return 10 * x.size + (x**2 - 10 * np.cos(2 * np.pi * x)).sum()


# function, start, minimum, and what a first-order optimizer needs to come near it
FUNCTIONS = [
    (bowl, [0.0, 5.0, -1.0], [3.0, 3.0, 3.0], Adam(0.1), 1000),
    (rosenbrock, [-1.2, 1.0], [1.0, 1.0], Adam(0.02), 10_000),
    (beale, [1.0, 1.0], [3.0, 0.5], Adam(0.05), 2000),
    (rastrigin, [0.3, -0.2], [0.0, 0.0], SGD(0.001), 500),
    (wave, -9.0, -1.306440008369, SGD(0.4), 200),
]
IDS = [case[0].__name__ for case in FUNCTIONS]


@pytest.mark.parametrize("optimizer", [None, LBFGS(), LBFGS(history=1), BFGS(), Newton()], ids=repr)
@pytest.mark.parametrize(("function", "start", "minimum", "first_order", "steps"), FUNCTIONS, ids=IDS)
def test_the_minimum_is_found(function, start, minimum, first_order, steps, optimizer):
    if function is rastrigin and isinstance(optimizer, Newton):
        start = [0.1, -0.1]  # within the basin, where the curvature is positive
    result = (optimizer or first_order).minimize(function, start, steps=steps, tolerance=1e-8)
    np.testing.assert_allclose(result.x, minimum, rtol=0, atol=1e-4 if optimizer is None else 1e-6)
    assert result.x.shape == np.shape(start)
    assert result.fun == function(result.x)
    assert optimizer is None or result.nit <= 100


@pytest.mark.parametrize("optimizer", [case[0] for case in OPTIMIZERS], ids=repr)
def test_each_goes_down(optimizer):
    optimizer = copy.deepcopy(optimizer)
    if not optimizer.searches and not isinstance(optimizer, optimizers.AdaDelta):
        optimizer.learning_rate *= 10
    start = [5.0, -4.0]
    result = optimizer.minimize(bowl, start, steps=1000)
    assert result.fun < 0.2 * bowl(np.array(start))


@pytest.mark.parametrize("optimizer", [case[0] for case in OPTIMIZERS if not case[0].searches], ids=repr)
def test_the_rule_is_the_one_that_trains_models(optimizer):
    """A dense layer of one weight without bias: minus the mean of squares is the same function of the weight."""
    X, y = np.array([[1.0], [2.0], [-1.0]]), np.array([1.0, 1.0, 3.0])
    layer = rv.layers.Dense(1, use_bias=False, kernel_initializer=rv.initializers.Constant(0.5))
    model = rv.Sequential([layer], dtype="float64", random_state=0)
    model.compile(optimizer=copy.deepcopy(optimizer), loss="mse")
    weights = []
    for _ in range(20):
        model.train_on_batch(X, y)
        weights.append(float(model.parameters["dense/kernel"][0, 0]))
    result = optimizer.minimize(
        lambda w: ((w * X[:, 0] - y) ** 2).mean(), 0.5, jac=lambda w: (2 * X[:, 0] * (w * X[:, 0] - y)).mean(),
        steps=20, record=True,
    )  # fmt: skip
    np.testing.assert_allclose(result.path[1:], weights, rtol=1e-12)


@pytest.mark.parametrize("jac", [None, "numeric", wave_slope])
def test_descent_on_the_wave(jac):
    """The worked example: x^2 / 10 + sin x from -9 with a = .4."""
    np.testing.assert_allclose(
        [wave_slope(x) for x in (-9.0, -7.915548, -7.257693)], [-2.711, -1.644, -0.889], atol=1e-3
    )
    result = SGD(0.4).minimize(wave, -9.0, jac=jac, steps=200, record=True)
    steps = [1, 2, 8, 9, 10, 32, 33, 34]
    path = [-7.915548, -7.257693, -6.166115, -6.070088, -5.975433, -1.308717, -1.307655, -1.307089]
    np.testing.assert_allclose(result.path[steps], path, rtol=0, atol=2e-6)
    assert result.path.shape == result.values.shape == (201,)
    assert float(result.x) == pytest.approx(-1.306440, abs=2e-6)


@pytest.mark.parametrize(
    ("optimizer", "start", "end"),
    [
        (SGD(0.4), 9.0, 3.837467),
        (SGD(0.05, momentum=0.9), 9.0, -1.306440),
        (SGD(0.1, momentum=0.9), -12.0, 3.8375),
        (SGD(0.1, momentum=0.9, nesterov=True), -12.0, -1.3064),
    ],
    ids=repr,
)
def test_momentum_rolls_on_and_nesterov_looks_ahead(optimizer, start, end):
    result = optimizer.minimize(wave, start, jac=wave_slope, steps=1000, record=True)
    assert result.path[-1] == pytest.approx(end, abs=5e-5)
    assert result.fun == result.values.min() <= result.values[-1]


@pytest.mark.parametrize(
    ("function", "slope", "start"), [(wave, wave_slope, -12.0), (rosenbrock, rosenbrock_slope, [-1.2, 1.0])]
)
def test_nesterov_in_practice_is_the_look_ahead(function, slope, start):
    """v = m v + a g(x - m v); x -= v: the iterates in practice are x - m v."""
    a, m = 1e-3, 0.9
    path = SGD(a, momentum=m, nesterov=True).minimize(function, start, jac=slope, steps=200, record=True).path
    x, v = np.array(start), np.zeros(np.shape(start))
    for t in range(201):
        np.testing.assert_allclose(path[t], x - m * v, rtol=1e-9, atol=1e-12)
        v = m * v + a * slope(x - m * v)
        x = x - v


def test_average_momentum_is_classic_momentum_at_another_rate():
    average = SGD(0.1, momentum=0.9, average=True).minimize(wave, 9.0, jac=wave_slope, steps=300, record=True)
    classic = SGD(0.01, momentum=0.9).minimize(wave, 9.0, jac=wave_slope, steps=300, record=True)
    np.testing.assert_allclose(average.path, classic.path, rtol=1e-9)


def test_adagrad_steps_decay():
    """On a slope of 1, step t is a / sqrt(t): learning never ends, but ever less is learnt."""
    path = optimizers.AdaGrad(0.5).minimize(lambda x: x[0], [0.0], jac=np.ones_like, steps=400, record=True).path
    np.testing.assert_allclose(-np.diff(path[:, 0]), 0.5 / (np.sqrt(np.arange(1, 401)) + 1e-8), rtol=1e-9)


def test_adadelta_needs_no_rate_and_jitters_near_the_minimum():
    for function, start, minimum in ((wave, -9.0, -1.306440), (lambda x: abs(x - 3.0), 0.0, 3.0)):
        result = optimizers.AdaDelta().minimize(function, start, steps=4000, record=True)
        assert result.x == pytest.approx(minimum, abs=2e-3)
        rises = np.flatnonzero(np.diff(result.values) > 0)
        assert rises.size > 40  # up at about every second step, all of them near the minimum
        assert np.median(np.diff(rises)) == 2
        assert abs(result.path[rises[0]] - minimum) < 0.1


@pytest.mark.parametrize("curvatures", [(1.0, 10.0), (0.5, 3.0, 7.0), (2.0,)])
@pytest.mark.parametrize("share", [0.5, 0.99, 1.01, 1.5])
def test_descent_diverges_exactly_beyond_two_over_the_largest_curvature(curvatures, share):
    c = np.array(curvatures)
    rate = share * 2.0 / c.max()
    result = SGD(rate).minimize(
        lambda x: 0.5 * (c * x * x).sum(), np.ones(c.size), jac=lambda x: c * x, steps=4000, record=True
    )
    assert (abs(result.path[-1]).max() < 1e-3) == (share < 1.0)
    assert (result.values[-1] > 1e3) == (share > 1.0)
    assert result.fun <= result.values[0]


def test_calls_are_counted():
    calls = []

    def fun(x):
        calls.append(x)
        return bowl(x)

    for jac, each in ((None, 4 * 3 + 1), (lambda x: 2 * (x - 3.0) * np.arange(1, 4), 1)):
        calls.clear()
        result = SGD(0.01).minimize(fun, np.zeros(3), jac=jac, steps=10)
        assert (result.nit, result.nfev) == (10, len(calls)) == (10, 10 * each + 1)
    calls.clear()
    result = SGD(0.01).minimize(lambda x: (fun(x), np.ones(3)), np.zeros(3), jac=True, steps=10)
    assert result.nfev == len(calls) == 11


def test_functions_may_keep_and_change_what_they_get():
    kept = []

    def fun(x):
        kept.append(x)
        value = bowl(x)
        x[...] = np.nan
        return value

    for optimizer in (SGD(0.1), LBFGS()):
        np.testing.assert_allclose(optimizer.minimize(fun, [0.0, 1.0], steps=200).x, 3.0, atol=1e-6)
    assert len({id(x) for x in kept}) == len(kept)


@pytest.mark.parametrize("scale", [1.0, 30.0, 1e3])
def test_numeric_gradients_are_exact_to_ten_digits(scale):
    points = np.array([-1.3, 0.2, 2.1]) * scale
    path = SGD(1.0).minimize(lambda x: np.sin(x / scale).sum() * scale, points, steps=1, record=True).path
    np.testing.assert_allclose(path[0] - path[1], np.cos(points / scale), rtol=0, atol=1e-10)


def test_numeric_gradients_stay_within_the_bounds():
    seen = []

    def fun(x):
        seen.append(x)
        return np.sqrt(x).sum() + (x**2).sum()

    for bounds in ((0.0, 1.0), [(0.0, 0.001), (0.5, 0.5), (0.0, None)], (0, None)):
        seen.clear()
        for optimizer in (SGD(0.1), LBFGS(), Newton()):
            optimizer.minimize(fun, [0.3, 0.5, 1.0], steps=20, bounds=bounds)
        low, high = np.min(seen, axis=0), np.max(seen, axis=0)
        pairs = [bounds] * 3 if isinstance(bounds, tuple) else bounds
        assert all(
            a <= x and y <= (math.inf if b is None else b) for (a, b), x, y in zip(pairs, low, high, strict=True)
        )


@pytest.mark.parametrize("optimizer", [SGD(0.001), Adam(0.02), LBFGS(), BFGS(), Newton()], ids=repr)
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
def test_bounds_hold_and_the_best_point_within_is_found(optimizer, bounds, minimum):
    result = optimizer.minimize(
        rosenbrock, [-1.2, 1.0], jac=rosenbrock_slope, steps=20_000, bounds=bounds, tolerance=1e-7, record=True
    )
    np.testing.assert_allclose(result.x, minimum, rtol=0, atol=1e-3)
    pairs = [bounds] * 2 if isinstance(bounds, tuple) else bounds
    for i, (low, high) in enumerate(pairs):
        assert result.path[:, i].min() >= (-math.inf if low is None else low)
        assert result.path[:, i].max() <= (math.inf if high is None else high)


@pytest.mark.parametrize("optimizer", [LBFGS(), BFGS(), Newton()], ids=repr)
@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_search_survives_values_that_are_not_finite(optimizer, bad):
    """log x - x beyond a wall: only x > 0 is defined, and the first steps go over it."""
    result = optimizer.minimize(
        lambda x: x[0] - 3 * math.log(x[0]) if x[0] > 0 else bad,
        [50.0],
        jac=lambda x: np.array([1 - 3 / x[0]]),
        steps=99,
    )
    assert result.x[0] == pytest.approx(3.0, abs=1e-5)
    assert math.isfinite(result.fun)


@pytest.mark.parametrize(
    "optimizer", [SGD(1e3), SGD(1.0, momentum=0.9), Adam(100.0), LBFGS(), BFGS(), Newton()], ids=repr
)
def test_the_best_point_is_kept_where_values_overflow(optimizer):
    result = optimizer.minimize(lambda x: np.exp(x**2).sum(), [1.5, -1.0], steps=50, record=True)
    assert math.isfinite(result.fun)
    assert np.isfinite(result.x).all()
    assert result.fun == result.values[np.isfinite(result.values)].min()


def test_a_start_without_a_value_is_reported():
    for optimizer in (SGD(), LBFGS()):
        result = optimizer.minimize(lambda x: math.nan, [1.0, 2.0], steps=10)
        assert result.message == "the gradient is not finite after step 0"
        assert result.nit == 0 and math.isnan(result.fun)
        np.testing.assert_array_equal(result.x, [1.0, 2.0])


def test_a_callback_sees_each_step_changes_the_rate_and_ends():
    optimizer, seen = SGD(0.1), []

    def callback(x, fun):
        seen.append((x, fun))
        optimizer.learning_rate = 0.0
        return len(seen) == 3

    result = optimizer.minimize(bowl, [0.0], steps=100, callback=callback)
    assert result.message == "the callback asked to stop"
    assert result.nit == 3
    assert [fun for _, fun in seen] == [bowl(x) for x, _ in seen]
    assert seen[0][0] == seen[2][0] == pytest.approx(0.6)


def test_tolerance_ends():
    result = SGD(0.1).minimize(bowl, [0.0], jac=lambda x: 2 * (x - 3.0), steps=1000, tolerance=1e-5, record=True)
    slopes = abs(2 * (result.path[:, 0] - 3.0))
    assert slopes[-1] <= 1e-5 < slopes[-2]
    assert result.message == "no part of the gradient exceeds the tolerance 1e-05"
    assert len(result.path) == result.nit + 1 < 1000


def test_line_fit_by_a_tolerance():
    """y = k x + b by half the mean square, from k = b = 1 with a = .01 until every gradient is at most 1e-5."""
    x = np.arange(1.0, 21.0)
    y = np.clip(x + np.round(4 * np.sin(5 * x)), 0, 20)

    def loss(w):
        error = w[0] * x + w[1] - y
        return (error**2).mean() / 2, np.array([(error * x).mean(), error.mean()])

    result = SGD(0.01).minimize(loss, [1.0, 1.0], jac=True, steps=50_000, tolerance=1e-5)
    assert result.nit < 50_000
    np.testing.assert_allclose(result.x, np.polyfit(x, y, 1), rtol=0, atol=7e-5)
    assert not SGD(0.0139).minimize(loss, [1.0, 1.0], jac=True, steps=50_000, record=True).values[-1] < 1e12


def test_newton_takes_a_given_hessian():
    given = Newton().minimize(
        rosenbrock, [-1.2, 1.0], jac=rosenbrock_slope, hess=rosenbrock_curvature, steps=100, tolerance=1e-10
    )
    numeric = Newton().minimize(rosenbrock, [-1.2, 1.0], jac=rosenbrock_slope, steps=100, tolerance=1e-10)
    np.testing.assert_allclose(given.x, 1.0, atol=1e-9)
    np.testing.assert_allclose(numeric.x, 1.0, atol=1e-9)
    assert given.nit <= 30
    quadratic = np.array([[3.0, 1.0], [1.0, 2.0]])
    one = Newton().minimize(
        lambda x: 0.5 * (x * (quadratic * x).sum(axis=1)).sum() - x[0], [4.0, -7.0], steps=1, hess=lambda x: quadratic
    )
    np.testing.assert_allclose(one.x, np.linalg.solve(quadratic, [1.0, 0.0]), atol=1e-10)


def test_scalars_vectors_and_matrices():
    for start in (2.0, [2.0], [[2.0, 1.0], [0.0, 5.0]]):
        result = BFGS().minimize(bowl if np.ndim(start) else lambda x: (x - 3) ** 2, start, steps=50, record=True)
        np.testing.assert_allclose(result.x, np.full(np.shape(start), 3.0), atol=1e-6)
        assert result.path.shape == (result.nit + 1, *np.shape(start))


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"fun": 3}, TypeError, "fun must be a function of an array, got 3"),
        ({"x0": []}, ValueError, r"x0 must have at least one element, got shape \(0,\)"),
        ({"x0": [1.0, np.nan]}, ValueError, "Input x0 contains NaN"),
        ({"x0": "here"}, ValueError, "x0"),
        ({"steps": -1}, ValueError, "steps must be an int >= 0, got -1"),
        ({"steps": 2.5}, ValueError, "steps must be an int >= 0, got 2.5"),
        ({"jac": "exact"}, ValueError, "jac must be None, 'numeric', True or a function, got 'exact'"),
        ({"jac": True}, ValueError, r"jac=True says that fun returns \(value, gradient\), got float64"),
        ({"jac": lambda x: [1.0]}, ValueError, r"jac's gradient has shape \(1,\), expected x0's shape \(2,\)"),
        ({"jac": True, "fun": lambda x: (1.0, [[1.0, 1.0]])}, ValueError, r"fun's gradient has shape \(1, 2\)"),
        ({"fun": lambda x: x}, TypeError, "fun must return a number, got array"),
        ({"fun": lambda x: None}, TypeError, "fun must return a number, got None"),
        ({"bounds": 3}, TypeError, r"bounds must be one \(low, high\) or 2 of them, None for no bound, got 3"),
        ({"bounds": [(0, 1)]}, ValueError, r"bounds must be one \(low, high\) or 2 of them"),
        ({"bounds": [(0, 1), (0, 1, 2)]}, ValueError, r"bounds must be one \(low, high\) or 2 of them"),
        ({"bounds": [(0, 1), (2, 1)]}, ValueError, r"bounds\[1\] must be \(low, high\) with low <= high, got \(2, 1\)"),
        ({"bounds": (np.nan, 1)}, ValueError, r"bounds\[0\] must be \(low, high\)"),
        ({"tolerance": -1.0}, ValueError, r"tolerance must be a number in \[0.0, inf\), got -1.0"),
        ({"callback": 3}, TypeError, "callback must be None or a function of a point and its value, got 3"),
        ({"record": 1}, TypeError, "record must be True or False, got 1"),
    ],
)
def test_refused(arguments, error, message):
    arguments = {"fun": bowl, "x0": [1.0, 2.0], "steps": 3, **arguments}
    for optimizer in (SGD(), LBFGS(), Newton()):
        with pytest.raises(error, match=message):
            optimizer.minimize(**arguments)


def test_newton_refuses_a_hessian_that_is_none():
    with pytest.raises(TypeError, match="hess must be None or a function of an array, got 3"):
        Newton().minimize(bowl, [1.0], steps=1, hess=3)
    with pytest.raises(ValueError, match=r"hess gave the shape \(1, 2\), expected \(2, 2\)"):
        Newton().minimize(bowl, [1.0, 2.0], steps=1, hess=lambda x: [[1.0, 2.0]])


def test_a_schedule_gives_each_step_its_rate():
    rates = rv.schedules.InverseTimeDecay(0.5, decay_steps=1, decay_rate=1.0)
    path = SGD(rates).minimize(lambda x: 0.5 * (x * x).sum(), [1.0], jac=lambda x: x, steps=3, record=True).path
    np.testing.assert_allclose(path[:, 0], np.cumprod([1.0, *(1 - float(rates(t)) for t in range(3))]), rtol=1e-12)
    with pytest.raises(ValueError, match="minimize has no epochs"):
        SGD(rv.schedules.BoldDriver(0.1)).minimize(lambda x: x * x, [1.0], steps=1)
