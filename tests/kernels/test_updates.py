"""Update kernels against their twins, each other and the numbers of the papers they come from."""

import functools

import numpy as np
import pytest
from checks import DTYPES, ISAS, SIZES, awkward, same_bits, ulp_limit, ulps
from update_cases import CASE_IDS, CASES, gradients, start

from ravine import _core, reference

cases = pytest.mark.parametrize(("rule", "settings"), CASES, ids=CASE_IDS)
RULES = _core.baseline.names["updates"]


def test_every_rule_is_tested_and_keeps_as_many_slots_as_its_twin():
    assert {rule for rule, _ in CASES} == set(RULES)
    assert RULES == reference.updates.SLOTS


@functools.lru_cache(maxsize=len(SIZES))
def fourth_step(rule, settings, dtype, size):
    """Weights, state, gradient and running products after three steps; what the twin makes of them, and of their sizes.

    No term of the sizes cancels another: they are the scale of the rounding errors.
    """
    rng, twin, settings = np.random.default_rng([20, size]), getattr(reference, rule), dict(settings)
    w, state, running = start(size, RULES[rule], dtype, rng)
    g = gradients(4, size, dtype, rng)
    for t in range(3):
        twin(w, state, g[t], running=running, **settings)
    exact, terms = ([f(x.astype(np.float64)) for x in (w, state, g[3])] for f in (np.array, np.abs))
    terms[0] *= -1
    exact_running = running.copy()
    twin(*terms, running=running.copy(), **settings)
    twin(*exact, running=exact_running, **settings)
    return (w, state, g[3], running), (*exact[:2], exact_running), terms[:2]


@cases
def test_one_step_agrees_with_the_twin(rule, settings, isa, kernels, dtype, layout):
    # against a twin of the same precision both sides' roundings count
    limit = ulp_limit(isa) * (2 if dtype is np.float64 else 1)
    for size in SIZES:
        given, exact, terms = fourth_step(rule, tuple(settings.items()), dtype, size)
        w, state, dw = (awkward(x.copy(), layout) for x in given[:3])
        running = given[3].copy()
        getattr(kernels, rule)(w, state, dw, running=running, **settings)
        assert np.array_equal(running, exact[2])
        for got, want, scale in zip((w, state), exact, terms, strict=False):
            assert ulps(got, want, np.abs(scale)).max(initial=0) <= limit, size


@cases
def test_twenty_steps_agree_with_the_twin(rule, settings, kernels, rng):
    w, state, running = start(67, RULES[rule], np.float64, rng)
    exact = w.copy(), state.copy(), running.copy()
    for g in gradients(20, 67, np.float64, rng):
        getattr(kernels, rule)(w, state, g, running=running, **settings)
        getattr(reference, rule)(*exact[:2], g, running=exact[2], **settings)
    np.testing.assert_allclose(w, exact[0], rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(state, exact[1], rtol=1e-10, atol=1e-10)
    assert np.array_equal(running, exact[2])


@pytest.mark.skipif(not {"avx2", "avx512"} <= set(ISAS), reason="needs AVX2 and AVX-512")
@cases
def test_avx2_and_avx512_give_the_same_bits(rule, settings, dtype, rng):
    for size in SIZES:
        mine = start(size, RULES[rule], dtype, rng)
        other = [x.copy() for x in mine]
        for g in gradients(3, size, dtype, rng):
            for isa, (w, state, running) in (("avx2", mine), ("avx512", other)):
                getattr(getattr(_core, isa), rule)(w, state, g, running=running, **settings)
        assert all(same_bits(a, b) for a, b in zip(mine, other, strict=True)), size


@cases
def test_zeros_stay_zero(rule, settings, kernels, dtype):
    w, state, g = np.zeros(35, dtype), np.zeros((RULES[rule], 35), dtype), np.zeros(35, dtype)
    running = np.ones(4)
    for _ in range(3):
        getattr(kernels, rule)(w, state, g, running=running, **settings)
    assert not w.any()
    assert not state.any()


@cases
def test_a_nan_gradient_reaches_its_weight_alone_and_stays(rule, settings, kernels, dtype, rng):
    w, state, running = start(37, RULES[rule], dtype, rng)
    g = gradients(2, 37, dtype, rng)
    g[0, [3, 36]] = np.nan
    for row in g:
        getattr(kernels, rule)(w, state, row, running=running, **settings)
    expected = np.isin(np.arange(37), [3, 36])
    assert np.array_equal(np.isnan(w), expected)
    for slot in state:
        assert np.array_equal(np.isnan(slot), expected)


@pytest.mark.parametrize("rule", RULES)
def test_nothing_is_written_past_the_end(rule, kernels, dtype):
    for size in range(34):
        memory = np.full(size + 32, 7, dtype)
        getattr(kernels, rule)(memory[:size], np.zeros((RULES[rule], size), dtype), np.ones(size, dtype))
        assert np.all(memory[size:] == 7)


def test_without_running_products_every_step_is_a_first_one(kernels):
    w, state = np.zeros(1), np.zeros((2, 1))
    kernels.adam(w, state, np.ones(1), learning_rate=0.5)
    np.testing.assert_allclose(w, -0.5, rtol=1e-7)


@pytest.mark.parametrize("rule", ["rmsprop_centered", "rmsprop_centered_momentum"])
def test_a_variance_made_negative_by_rounding_counts_as_zero(rule, kernels, dtype):
    w, state = np.zeros(19, dtype), np.ones((RULES[rule], 19), dtype)
    state[1] += 4 * np.finfo(dtype).eps
    getattr(kernels, rule)(w, state, np.ones(19, dtype), learning_rate=1e-3, epsilon=1e-2)
    np.testing.assert_allclose(w, -0.1, rtol=1e-5)


def test_the_denominator_of_amsgrad_never_falls(kernels, dtype, rng):
    w, state, running = start(19, 3, dtype, rng)
    largest = np.zeros(19, dtype)
    for g in gradients(30, 19, dtype, rng):
        kernels.amsgrad(w, state, g, running=running, beta2=0.5)
        assert np.all(state[2] >= largest)
        assert np.all(state[2] >= state[1])
        largest = state[2].copy()


def test_average_momentum_is_the_classic_form_at_a_smaller_rate(kernels, rng):
    w, state, _ = start(31, 1, np.float64, rng)
    classic = w.copy(), state.copy()
    for g in gradients(20, 31, np.float64, rng):
        kernels.momentum_average(w, state, g, learning_rate=0.5, momentum=0.9, bias_correction=False)
        kernels.momentum(*classic, g, learning_rate=0.05, momentum=0.9)
    np.testing.assert_allclose(w, classic[0], rtol=1e-12, atol=1e-12)


def slope(x):
    """Gradient of the curve x^2 / 10 + sin x, whose lowest point is at -1.306440."""
    return x / 5 + np.cos(x)


def walk(kernels, rule, x, steps, **settings):
    """The points that a rule visits on the curve, the start first."""
    w, state, running = np.array([x]), np.zeros((RULES[rule], 1)), np.ones(4)
    points = [x]
    for _ in range(steps):
        getattr(kernels, rule)(w, state, slope(w), running=running, **settings)
        points.append(w[0])
    return points


def test_gradient_descent_visits_the_known_points(kernels):
    points = walk(kernels, "sgd", -9.0, 200, learning_rate=0.4)
    known = {1: -7.915548, 2: -7.257693, 8: -6.166115, 9: -6.070088, 10: -5.975433}
    known |= {32: -1.308717, 33: -1.307655, 34: -1.307089, 200: -1.306440}
    for step, point in known.items():
        assert abs(points[step] - point) < 2e-6


@pytest.mark.parametrize(
    ("rule", "x", "settings", "end"),
    [
        ("sgd", 9.0, {"learning_rate": 0.4}, 3.837467),
        ("momentum", 9.0, {"learning_rate": 0.05, "momentum": 0.9}, -1.306440),
        ("momentum", -12.0, {"learning_rate": 0.1, "momentum": 0.9}, 3.837467),
        ("nesterov", -12.0, {"learning_rate": 0.1, "momentum": 0.9}, -1.306440),
    ],
)
def test_where_momentum_ends(kernels, rule, x, settings, end):
    assert abs(walk(kernels, rule, x, 1000, **settings)[-1] - end) < 1e-6


def test_nesterov_is_the_gradient_at_the_look_ahead_point(kernels):
    a, m, v, point = 0.1, 0.9, 0.0, -12.0
    ahead = walk(kernels, "nesterov", -12.0, 50, learning_rate=a, momentum=m)
    for seen in ahead[1:]:
        v = m * v + a * slope(point - m * v)
        point -= v
        assert abs(seen - (point - m * v)) < 1e-9


@pytest.mark.parametrize("dtype", DTYPES)
def test_first_step_of_adam_has_the_length_of_the_rate(kernels, dtype):
    w, g = np.zeros(3, dtype), np.array([1e-3, -1.0, 1e3], dtype)
    kernels.adam(w, np.zeros((2, 3), dtype), g, learning_rate=0.25)
    np.testing.assert_allclose(w, -0.25 * np.sign(g), rtol=2e-5)
