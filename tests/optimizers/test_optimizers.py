"""Optimizer descriptions: rules, settings, ranges, and that each one learns."""

from __future__ import annotations

import copy
import functools
import hashlib
import inspect
import os
import pickle
import subprocess
import sys
from typing import NamedTuple

import numpy as np
import pytest

import ravine as rv
from ravine import _core, optimizers
from ravine.layers import Dense, Input
from ravine.optimizers import (
    BFGS,
    CMAES,
    LBFGS,
    SGD,
    AdaDelta,
    AdaGrad,
    Adam,
    AdaMax,
    AdamW,
    AMSGrad,
    GeneticAlgorithm,
    Nadam,
    Newton,
    OpenAIES,
    RMSProp,
    SimulatedAnnealing,
)


class Case(NamedTuple):
    """A line of the table; a new optimizer is a new line, and all tests that follow hold for it.

    The rates are the ones with which it learns the 3-input table and goes down x^2/10 + sin x; None keeps its own.
    """

    optimizer: optimizers.Optimizer
    rule: str | None  # compiled; None: it finds its steps otherwise
    settings: dict[str, object] = {}  # noqa: RUF012
    table_rate: float | None = None
    wave_rate: float | None = None


OPTIMIZERS = [
    Case(SGD(), "sgd", {"learning_rate": 1e-2, "momentum": 0.0}, 3.0, 0.4),
    Case(SGD(momentum=0.9), "momentum", {"momentum": 0.9}, 0.3, 0.1),
    Case(SGD(momentum=0.9, nesterov=True), "nesterov", {}, 0.3, 0.1),
    Case(SGD(momentum=0.9, average=True), "momentum_average", {"bias_correction": False}, 3.0, 1.0),
    Case(
        SGD(momentum=0.9, average=True, bias_correction=True), "momentum_average", {"bias_correction": True}, 3.0, 1.0
    ),
    Case(AdaGrad(), "adagrad", {"learning_rate": 1e-2, "epsilon": 1e-8}, 0.3, 1.0),
    Case(
        RMSProp(), "rmsprop",
        {"learning_rate": 1e-3, "rho": 0.9, "epsilon": 1e-8, "epsilon_inside": False}, 0.03, 0.03,
    ),
    Case(RMSProp(momentum=0.5), "rmsprop_momentum", {"momentum": 0.5}, 0.03, 0.03),
    Case(RMSProp(centered=True), "rmsprop_centered", {}, 0.03, 0.01),
    Case(RMSProp(centered=True, momentum=0.5), "rmsprop_centered_momentum", {}, 0.03, 0.01),
    Case(AdaDelta(), "adadelta", {"learning_rate": 1.0, "rho": 0.95, "epsilon": 1e-6}, 3.0, 3.0),
    Case(Adam(), "adam", {"learning_rate": 1e-3, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-8}, 0.01, 0.1),
    Case(Adam(amsgrad=True), "amsgrad", {}, 0.01, 0.1),
    Case(Adam(bias_correction=False, epsilon_inside=True), "adam", {"bias_correction": False}, 0.003, 0.1),
    Case(AdamW(), "adam", {"weight_decay": 0.01}, 0.01, 0.1),
    Case(AMSGrad(), "amsgrad", {"learning_rate": 1e-3}, 0.01, 0.1),
    Case(AdaMax(), "adamax", {"learning_rate": 1e-3}, 0.03, 0.1),
    Case(Nadam(), "nadam", {"learning_rate": 1e-3}, 0.03, 0.1),
    Case(LBFGS(), None, {"history": 10, "learning_rate": 1.0}),
    Case(LBFGS(history=3), None, {"history": 3}),
    Case(BFGS(), None, {"learning_rate": 1.0}),
    Case(Newton(), None, {"learning_rate": 1.0}),
    Case(SimulatedAnnealing(chains=4, moves=5, random_state=3), None, {"stddev": 0.5, "cooling": 0.95, "chains": 4}),
    Case(GeneticAlgorithm(20, random_state=3), None, {"selection": "truncation", "elite": 1, "sigma": 0.1}),
    Case(GeneticAlgorithm(20, selection="tournament", crossover=0.5, random_state=3), None, {"tournament": None}),
    Case(OpenAIES(population=20, random_state=3), None, {"learning_rate": 0.05, "sigma": 0.1, "beta_1": 0.9}),
    Case(CMAES(random_state=3), None, {"sigma": 0.5, "population": None, "covariance": "auto"}),
    Case(CMAES(covariance="diagonal", random_state=3), None, {"covariance": "diagonal"}),
]  # fmt: skip


def trains_models(case):
    try:
        case.optimizer.check_layers([])
    except ValueError:
        return False
    return True


def at_rate(optimizer, rate):
    """Return a copy with a learning rate, or with its own."""
    chosen = copy.deepcopy(optimizer)
    if rate is not None:
        chosen.learning_rate = rate
    return chosen


ALL = [case.optimizer for case in OPTIMIZERS]
RULES = [case for case in OPTIMIZERS if case.rule]
TRAINING = [case for case in OPTIMIZERS if trains_models(case)]
EACH = pytest.mark.parametrize("case", TRAINING, ids=lambda case: repr(case.optimizer))
X = np.random.default_rng(6).normal(size=(64, 3))
Y = X @ [1.0, -1.0, 0.5]

# The exclusive or of the first two of three inputs.
TABLE = np.array([[0, 0, 1], [0, 1, 1], [1, 0, 1], [1, 1, 1]], dtype=float)
ANSWERS = np.array([[0.0], [1.0], [1.0], [0.0]])


@pytest.mark.parametrize("case", OPTIMIZERS, ids=map(repr, ALL))
def test_rules_and_defaults(case):
    optimizer, rule, settings, *_ = case
    assert optimizer.searches == (rule is None)
    assert optimizer.rule == (rule or "sgd")
    assert optimizer.rule in rv.kernels.names["updates"]
    for name, value in settings.items():
        assert getattr(optimizer, name) == value
        if rule and name != "learning_rate":
            assert optimizer.settings()[{"beta_1": "beta1", "beta_2": "beta2"}.get(name, name)] == value


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@EACH
def test_each_learns_from_batches(case, dtype):
    optimizer = copy.deepcopy(case.optimizer)
    if case.rule and not isinstance(optimizer, AdaDelta):
        optimizer.learning_rate *= 10
    model = rv.Sequential([Dense(1)], dtype=dtype, random_state=0)
    model.compile(optimizer=optimizer, loss="mse")
    loss = model.fit(X, Y, epochs=60, batch_size=8 if optimizer.least_batch <= 8 else None).history["loss"]
    assert loss[-1] < 0.8 * loss[0]
    slots = rv.kernels.names["updates"][optimizer.rule]
    assert len(model._state.network.optimizer_state()) == 2 * slots


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("seed", range(3))
@EACH
def test_each_learns_the_table_of_three_inputs(case, seed, dtype):
    """A sigmoid net with four hidden units and no bias, half the sum of squares, 1,500 steps on all four rows."""
    start = rv.initializers.Uniform(0.0, 1.0)
    layers = [Dense(units, "sigmoid", use_bias=False, kernel_initializer=start) for units in (4, 1)]
    model = rv.Sequential(layers, dtype=dtype, random_state=seed)
    loss = rv.losses.HalfSumSquaredError(reduction="sum")
    model.compile(optimizer=at_rate(case.optimizer, case.table_rate), loss=loss)
    history = model.fit(TABLE, ANSWERS, epochs=1500, batch_size=None)
    np.testing.assert_array_equal(model.predict(TABLE) > 0.5, ANSWERS > 0.5)
    assert history.history["loss"][-1] < 0.05 < history.history["loss"][0]


@pytest.mark.parametrize("case", OPTIMIZERS, ids=map(repr, ALL))
def test_each_goes_down_the_wave(case):
    """x^2 / 10 + sin x, from -9 past the slope's nearly flat places to -1.306440."""
    optimizer = at_rate(case.optimizer, case.wave_rate)
    result = optimizer.minimize(lambda x: x**2 / 10 + np.sin(x), -9.0, steps=1500)
    assert result.x == pytest.approx(-1.306440, abs=1e-3)
    assert result.fun == pytest.approx(-0.794582, abs=1e-5)


def train(case, dtype, n_threads):
    """Train a net with dropout where the optimizer takes it, in batches where it takes them; return the weights."""
    noise = np.random.default_rng(8)
    rows = noise.normal(size=(300, 6))
    model = rv.Sequential([Dense(33, "tanh", l2=1e-3), Dense(17, "relu"), Dense(2)], dtype=dtype, random_state=3)
    model.compile(optimizer=copy.deepcopy(case.optimizer), loss="mse")
    size = 64 if case.optimizer.least_batch <= 64 else None
    weight = np.arange(300.0) % 4
    model.fit(rows, np.tanh(rows[:, :2]), sample_weight=weight, epochs=6, batch_size=size, n_threads=n_threads)
    return np.concatenate([w.ravel() for w in model.parameters.values()])


@functools.cache
def one_thread(place, dtype):
    return train(TRAINING[place], dtype, 1)


@pytest.mark.parametrize("n_threads", [2, 3, 8])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("place", range(len(TRAINING)), ids=[repr(case.optimizer) for case in TRAINING])
def test_the_number_of_threads_changes_no_bit(place, dtype, n_threads):
    weights = train(TRAINING[place], dtype, n_threads)
    np.testing.assert_array_equal(weights, one_thread(place, dtype))
    assert np.isfinite(weights).all() and weights.any()


def hashes():
    """Return the bits of all trained weights, and of the points that a function leads to, as one hash a line."""
    lines = []
    for case in OPTIMIZERS:
        digest = hashlib.sha256()
        if trains_models(case):
            for dtype in ("float32", "float64"):
                digest.update(train(case, dtype, 2).tobytes())
        valley = case.optimizer.minimize(
            lambda x: (1 - x[0]) ** 2 + 100 * (x[1] - x[0] * x[0]) ** 2, [-1.2, 1.0], steps=50
        )
        digest.update(valley.x.tobytes())
        lines.append(f"{digest.hexdigest()} {case.optimizer!r}")
    return lines


@pytest.mark.skipif(not hasattr(_core, "avx512"), reason="needs AVX2 and AVX-512")
def test_avx2_and_avx512_give_the_same_bits():
    printed = {}
    for isa in ("avx2", "avx512"):
        done = subprocess.run(
            [sys.executable, __file__], capture_output=True, text=True, env={**os.environ, "RAVINE_ISA": isa},
            timeout=120, check=True,
        )  # fmt: skip
        selected, *printed[isa] = done.stdout.splitlines()
        assert selected == isa
    assert len(printed["avx2"]) == len(OPTIMIZERS)
    assert printed["avx2"] == printed["avx512"]


def test_every_rule_has_a_description():
    assert {case.rule for case in RULES} == set(rv.kernels.names["updates"])


@pytest.mark.parametrize("name", optimizers.names.OPTIMIZERS)
def test_names(name):
    assert name in [type(optimizer).__name__.lower() for optimizer in ALL]
    assert type(optimizers.get(name)).__name__.lower() == name


@pytest.mark.parametrize("rule", sorted({case.rule for case in RULES}))
def test_weight_decay_acts_on_kernels_alone(rule):
    optimizer = next(case.optimizer for case in RULES if case.rule == rule)
    kind, names = type(optimizer), inspect.signature(type(optimizer)).parameters
    options = {name: value for name, value in vars(optimizer).items() if name in names}
    model = rv.Sequential([Input(3), Dense(1, bias_initializer="ones")], dtype="float64", random_state=0)
    model.compile(optimizer=kind(**{**options, "learning_rate": 0.1, "weight_decay": 0.5}), loss="mse")
    kernel = model.parameters["dense/kernel"].copy()
    model.apply_gradients({"dense/kernel": np.zeros((3, 1)), "dense/bias": np.zeros(1)})
    np.testing.assert_allclose(model.parameters["dense/kernel"], kernel * 0.95, rtol=1e-14)
    np.testing.assert_array_equal(model.parameters["dense/bias"], [1.0])


def test_average_momentum_is_classic_momentum_at_another_rate():
    results = []
    for optimizer in (optimizers.SGD(0.1, momentum=0.9, average=True), optimizers.SGD(0.01, momentum=0.9)):
        model = rv.Sequential([Dense(1)], dtype="float64", random_state=0)
        model.compile(optimizer=optimizer, loss="mse")
        results.append(model.fit(X, Y, epochs=5).history["loss"])
    np.testing.assert_allclose(*results, rtol=1e-10)


CLIPPABLE = [*dict.fromkeys(type(case.optimizer) for case in RULES)]


@pytest.mark.parametrize("kind", CLIPPABLE)
def test_every_first_order_optimizer_clips(kind):
    assert kind().clip_norm is None is kind().clip_value
    assert not {"clip_norm", "clip_value"} & set(kind().settings())
    for name, limit in (("clip_norm", 0.01), ("clip_value", 0.005)):
        optimizer = kind(**{name: limit})
        assert optimizer.settings()[name] == limit
        model = rv.Sequential([Input(3), Dense(2)], dtype="float64", random_state=0)
        model.compile(optimizer=optimizer, loss="mse")
        model.train_on_batch(X, np.column_stack([Y, Y]))
        gradient = np.concatenate([g.ravel() for g in model._state.network.gradients().values()])
        length = np.linalg.norm(gradient) if name == "clip_norm" else abs(gradient).max()
        assert length == pytest.approx(limit, rel=1e-12)


def test_gradients_of_ones_own_are_clipped_and_given_ones_are_not_changed():
    model = rv.Sequential([Input(3), Dense(1)], dtype="float64", random_state=0)
    model.compile(optimizer=optimizers.SGD(1.0, clip_norm=0.5))
    kernel = model.parameters["dense/kernel"].copy()
    given = {"dense/kernel": np.array([[3.0], [0.0], [0.0]]), "dense/bias": np.array([4.0])}
    model.apply_gradients(given)
    np.testing.assert_allclose(model.parameters["dense/kernel"], kernel - [[0.3], [0.0], [0.0]], rtol=1e-14)
    np.testing.assert_allclose(model.parameters["dense/bias"], [-0.4], rtol=1e-14)
    assert given["dense/bias"][0] == 4.0


@pytest.mark.parametrize("size", [1e-200, 1e-3, 1.0, 1e200])
@pytest.mark.parametrize(
    ("clips", "step"),
    [
        ({}, lambda g: g),
        ({"clip_norm": 0.5}, lambda g: g * min(1.0, 0.5 / (abs(g).max() * np.linalg.norm(g / abs(g).max())))),
        ({"clip_value": 0.5}, lambda g: np.clip(g, -0.5, 0.5)),
    ],
)
def test_minimize_clips_too(clips, step, size):
    slope = np.array([[3.0, -4.0]]) * size
    result = optimizers.SGD(1.0, **clips).minimize(lambda x: (slope * x).sum(), np.zeros((1, 2)), steps=1,
                                                   jac=lambda x: slope, record=True)  # fmt: skip
    np.testing.assert_allclose(result.path[1], -step(slope), rtol=1e-14)


@pytest.mark.parametrize("optimizer", ALL, ids=repr)
def test_copies_and_repr(optimizer):
    for other in (copy.deepcopy(optimizer), pickle.loads(pickle.dumps(optimizer))):
        assert vars(other) == vars(optimizer)
        assert repr(other) == repr(optimizer)
    assert repr(optimizer).startswith(type(optimizer).__name__)
    assert ("learning_rate" in repr(optimizer)) == (
        not optimizer.searches or isinstance(optimizer, optimizers.OpenAIES)
    )


def test_only_the_learning_rate_may_change():
    optimizer = optimizers.Adam()
    optimizer.learning_rate = 0.5
    with pytest.raises(AttributeError, match="beta_1 is fixed"):
        optimizer.beta_1 = 0.5
    with pytest.raises(ValueError, match=r"learning_rate must be a number in \[0.0, inf\), got -1"):
        optimizer.learning_rate = -1
    assert optimizer.learning_rate == 0.5


def test_a_line_search_has_no_learning_rate():
    for optimizer in (optimizers.LBFGS(), optimizers.BFGS(), optimizers.Newton()):
        with pytest.raises(AttributeError, match="has no learning_rate to set: its line search finds the step"):
            optimizer.learning_rate = 0.1
    with pytest.raises(AttributeError, match=r"LBFGS\.history is fixed"):
        optimizers.LBFGS().history = 3


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: optimizers.Adam(-1e-3), ValueError, r"learning_rate must be a number in \[0.0, inf\)"),
        (lambda: optimizers.Adam(float("nan")), ValueError, "learning_rate"),
        (lambda: optimizers.Adam(float("inf")), ValueError, "learning_rate"),
        (lambda: optimizers.Adam("fast"), TypeError, "learning_rate must be a number"),
        (lambda: optimizers.Adam(beta_1=1.0), ValueError, r"beta_1 must be a number in \[0.0, 1.0\), got 1.0"),
        (lambda: optimizers.Adam(beta_2=-0.1), ValueError, r"beta_2 must be a number in \[0.0, 1.0\), got -0.1"),
        (lambda: optimizers.Adam(epsilon=0), ValueError, r"epsilon must be a number in \(0.0, inf\), got 0"),
        (lambda: optimizers.Adam(amsgrad=1), TypeError, "amsgrad must be True or False"),
        (lambda: optimizers.AdamW(weight_decay=-1), ValueError, "weight_decay must be"),
        (lambda: optimizers.SGD(nesterov="yes"), TypeError, "nesterov must be True or False, got 'yes'"),
        (lambda: optimizers.SGD(momentum=np.array([0.1, 0.2]), nesterov=True), TypeError, "momentum must be a number"),
        (lambda: optimizers.SGD(momentum=1.5), ValueError, "momentum must be"),
        (lambda: optimizers.SGD(nesterov=True), ValueError, "nesterov=True needs momentum > 0"),
        (lambda: optimizers.SGD(momentum=0.9, nesterov=True, average=True), ValueError, "exclude each other"),
        (lambda: optimizers.SGD(bias_correction=True), ValueError, "bias_correction=True needs average=True"),
        (lambda: optimizers.RMSProp(rho=1.0), ValueError, "rho must be"),
        (lambda: optimizers.SGD(clip_norm=0), ValueError, r"clip_norm must be a number in \(0.0, inf\), got 0"),
        (lambda: optimizers.SGD(clip_norm=float("inf")), ValueError, "clip_norm must be"),
        (lambda: optimizers.Adam(clip_norm="1"), TypeError, "clip_norm must be a number"),
        (lambda: optimizers.AdamW(clip_norm=True), TypeError, "clip_norm must be a number"),
        (lambda: optimizers.RMSProp(clip_value=-1), ValueError, r"clip_value must be a number in \(0.0, inf\), got -1"),
        (lambda: optimizers.AdaDelta(clip_value=float("nan")), ValueError, "clip_value must be"),
        (lambda: optimizers.Nadam(clip_norm=1.0, clip_value=1.0), ValueError, "clip_norm or clip_value, not both"),
        (lambda: optimizers.LBFGS(0), ValueError, "history must be an int >= 1, got 0"),
        (lambda: optimizers.LBFGS(history=2.5), ValueError, "history must be an int >= 1, got 2.5"),
        (lambda: optimizers.SimulatedAnnealing(0), ValueError, r"stddev must be a number in \(0.0, inf\), got 0"),
        (lambda: optimizers.SimulatedAnnealing(cooling=1.0), ValueError, r"cooling must be a number in \(0.0, 1.0\)"),
        (lambda: optimizers.SimulatedAnnealing(chains=0), ValueError, "chains must be an int >= 1, got 0"),
        (lambda: optimizers.SimulatedAnnealing(moves=True), ValueError, "moves must be an int >= 1, got True"),
        (lambda: optimizers.SimulatedAnnealing(random_state=-1), ValueError, "random_state must be None or an int in"),
        (lambda: optimizers.GeneticAlgorithm(1), ValueError, "population must be an int >= 2, got 1"),
        (lambda: optimizers.GeneticAlgorithm(selection="roulette"), ValueError, "unknown selection 'roulette'; choose"),
        (lambda: optimizers.GeneticAlgorithm(parents=51), ValueError, r"parents must be None or an int in \[1, 50\]"),
        (lambda: optimizers.GeneticAlgorithm(tournament=3), ValueError, "tournament belongs to selection='tournament'"),
        (
            lambda: optimizers.GeneticAlgorithm(selection="tournament", parents=3),
            ValueError,
            "parents belongs to selection='truncation', got parents=3 with 'tournament'",
        ),
        (lambda: optimizers.GeneticAlgorithm(sigma=float("nan")), ValueError, "sigma must be"),
        (lambda: optimizers.GeneticAlgorithm(decay=0), ValueError, r"decay must be a number in \(0.0, 1.0\], got 0"),
        (lambda: optimizers.GeneticAlgorithm(crossover=1.5), ValueError, r"crossover must be a number in \[0.0, 1.0\]"),
        (lambda: optimizers.GeneticAlgorithm(10, elite=10), ValueError, r"elite must be an int in \[0, 9\], got 10"),
        (lambda: optimizers.GeneticAlgorithm(spread=-1), ValueError, "spread must be"),
        (lambda: optimizers.OpenAIES(-1), ValueError, "learning_rate must be"),
        (lambda: optimizers.OpenAIES(population=5), ValueError, "population must be an even int >= 2, got 5"),
        (lambda: optimizers.OpenAIES(population=0), ValueError, "population must be an even int >= 2, got 0"),
        (lambda: optimizers.OpenAIES(sigma=0.0), ValueError, "sigma must be"),
        (lambda: optimizers.OpenAIES(beta_1=1.0), ValueError, "beta_1 must be"),
        (lambda: optimizers.OpenAIES(epsilon=0), ValueError, "epsilon must be"),
        (lambda: optimizers.CMAES("wide"), TypeError, "sigma must be a number"),
        (lambda: optimizers.CMAES(population=3), ValueError, "population must be None or an int >= 4, got 3"),
        (lambda: optimizers.CMAES(covariance="banded"), ValueError, "unknown covariance 'banded'; choose from 'auto'"),
        (lambda: optimizers.CMAES(random_state=0.5), ValueError, "random_state must be None or an int in"),
        (lambda: optimizers.get("cma"), ValueError, "unknown optimizer 'cma'.*did you mean 'cmaes'"),
        (lambda: optimizers.get("adm"), ValueError, "unknown optimizer 'adm'.*did you mean 'adam'"),
        (lambda: optimizers.get(None), ValueError, "unknown optimizer None"),
    ],
)
def test_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()


@pytest.mark.parametrize("name", ["epsilon", "clip_norm", "clip_value"])
def test_a_setting_that_is_zero_in_float32_is_refused(name):
    optimizer = optimizers.Adam(**{name: 1e-60})
    with pytest.raises(ValueError, match=f"{name}=1e-60 is 0 as float32; take a larger one"):
        rv.Sequential([Input(3), Dense(1)]).compile(optimizer=optimizer, loss="mse")
    rv.Sequential([Input(3), Dense(1)], dtype="float64").compile(optimizer=optimizer, loss="mse")


if __name__ == "__main__":
    print(_core.selected(), *hashes(), sep="\n")
