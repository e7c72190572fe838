"""Schedules: formulas, peers, what they count, and that they reach the weights."""

import copy
import math
import pickle

import numpy as np
import pytest

import ravine as rv
from ravine.callbacks import LambdaCallback
from ravine.layers import Dense, Dropout
from ravine.schedules import (
    BoldDriver,
    CosineDecay,
    ExponentialDecay,
    InverseTimeDecay,
    PiecewiseConstantDecay,
    PolynomialDecay,
    Schedule,
    WarmUp,
)

X = np.random.default_rng(5).normal(size=(20, 3))
Y = X.sum(axis=1)


def polynomial_cycle(t, a0, a1, T, p):
    T = T * max(1, math.ceil(t / T))
    return (a0 - a1) * (1 - t / T) ** p + a1


FORMULAS = [
    (ExponentialDecay(0.1, 7, 0.9), lambda t: 0.1 * 0.9 ** (t / 7)),
    (ExponentialDecay(0.1, 7, 1.3), lambda t: 0.1 * 1.3 ** (t / 7)),
    (ExponentialDecay(0.1, 7, 0.5, staircase=True), lambda t: 0.1 * 0.5 ** (t // 7)),
    (InverseTimeDecay(0.1, 7, 0.5), lambda t: 0.1 / (1 + 0.5 * t / 7)),
    (InverseTimeDecay(0.1, 7, 0.5, staircase=True), lambda t: 0.1 / (1 + 0.5 * (t // 7))),
    (PolynomialDecay(0.1, 7, 0.01), lambda t: 0.09 * (1 - min(t, 7) / 7) + 0.01),
    (PolynomialDecay(0.1, 7, 0.01, power=2.5), lambda t: 0.09 * (1 - min(t, 7) / 7) ** 2.5 + 0.01),
    (PolynomialDecay(0.1, 7, 0.01, power=0.5, cycle=True), lambda t: polynomial_cycle(t, 0.1, 0.01, 7, 0.5)),
    (PolynomialDecay(0.01, 7, 0.1, power=2), lambda t: -0.09 * (1 - min(t, 7) / 7) ** 2 + 0.1),
    (CosineDecay(0.1, 7), lambda t: 0.05 * (1 + math.cos(math.pi * min(t, 7) / 7))),
    (CosineDecay(0.1, 7, 0.2), lambda t: 0.1 * (0.2 + 0.8 * (1 + math.cos(math.pi * min(t, 7) / 7)) / 2)),
    (PiecewiseConstantDecay([3, 8], [0.1, 0.05, 0.01]), lambda t: 0.1 if t <= 3 else 0.05 if t <= 8 else 0.01),
    (PiecewiseConstantDecay([], [0.1]), lambda t: 0.1),
    (WarmUp(0.1, 5), lambda t: 0.1 * min(t / 5, 1)),
    (WarmUp(0.1, 5, initial_learning_rate=0.02), lambda t: 0.02 + 0.08 * min(t / 5, 1)),
    (WarmUp(ExponentialDecay(0.1, 7, 0.9), 5), lambda t: 0.1 * t / 5 if t < 5 else 0.1 * 0.9 ** ((t - 5) / 7)),
]  # fmt: skip
IDS = [repr(schedule) for schedule, _ in FORMULAS]


@pytest.mark.parametrize(("schedule", "formula"), FORMULAS, ids=IDS)
def test_formulas(schedule, formula):
    steps = np.arange(40)
    np.testing.assert_allclose(schedule(steps), [formula(t) for t in steps], rtol=1e-14, atol=1e-17)


@pytest.mark.parametrize("schedule", [schedule for schedule, _ in FORMULAS], ids=IDS)
def test_a_rate_does_not_depend_on_the_others(schedule):
    rates = schedule(np.arange(40))
    assert rates.dtype == np.float64
    assert [schedule(t) for t in range(40)] == rates.tolist()
    assert isinstance(schedule(3), float)
    assert isinstance(schedule(np.int64(3)), float)
    np.testing.assert_array_equal(schedule(np.arange(40).reshape(2, 4, 5)), rates.reshape(2, 4, 5))
    np.testing.assert_array_equal(schedule(list(range(7))), rates[:7])
    assert schedule([]).shape == (0,)


@pytest.mark.parametrize("schedule", [*(schedule for schedule, _ in FORMULAS), BoldDriver(0.1)], ids=repr)
def test_copies_and_repr(schedule):
    assert schedule.unit in ("step", "epoch")
    for other in (copy.deepcopy(schedule), pickle.loads(pickle.dumps(schedule)), eval(repr(schedule))):
        assert repr(other) == repr(schedule)
    with pytest.raises(AttributeError, match="is fixed; make a new"):
        setattr(schedule, next(iter(vars(schedule))), 1.0)


def test_a_cycle_that_ends_never_gives_a_power_of_less_than_zero():
    for span in (0.1, 0.3, 7, 1e-3):
        rates = PolynomialDecay(1.0, span, 0.0, power=0.5, cycle=True)(np.arange(2000) * span)
        assert rates[0] == 1.0
        assert (rates[1:] < 1.0).all()


def test_a_first_power_is_exact():
    t = np.arange(1000)
    np.testing.assert_array_equal(PolynomialDecay(1.0, 1000, 0.0)(t), 1.0 - t / 1000)


def optax_schedules():
    optax = pytest.importorskip("optax", reason="optax is not installed: no oracle for schedules")
    return [
        (ExponentialDecay(0.1, 7, 0.9), optax.exponential_decay(0.1, 7, 0.9)),
        (ExponentialDecay(0.1, 7, 0.9, staircase=True), optax.exponential_decay(0.1, 7, 0.9, staircase=True)),
        (PolynomialDecay(0.1, 7, 0.01, power=2), optax.polynomial_schedule(0.1, 0.01, 2, 7)),
        (CosineDecay(0.1, 7, 0.2), optax.cosine_decay_schedule(0.1, 7, 0.2)),
        (WarmUp(CosineDecay(0.1, 7), 5), optax.warmup_cosine_decay_schedule(0.0, 0.1, 5, 12)),
        # optax changes at the boundary, Keras and ravine after it
        (PiecewiseConstantDecay([2, 7], [0.1, 0.05, 0.005]), optax.piecewise_constant_schedule(0.1, {3: 0.5, 8: 0.1})),
    ]


@pytest.mark.parametrize("number", range(6))
def test_against_optax(number):
    schedule, peer = optax_schedules()[number]
    np.testing.assert_allclose(schedule(np.arange(30)), [float(peer(t)) for t in range(30)], rtol=1e-5, atol=1e-8)


@pytest.mark.torch
def test_against_torch():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed: no oracle for schedules")
    optim = torch.optim.lr_scheduler
    for schedule, make in (
        (ExponentialDecay(0.1, 1, 0.9), lambda sgd: optim.ExponentialLR(sgd, 0.9)),
        (ExponentialDecay(0.1, 4, 0.5, staircase=True), lambda sgd: optim.StepLR(sgd, 4, 0.5)),
        (PolynomialDecay(0.1, 9, 0.0, power=2), lambda sgd: optim.PolynomialLR(sgd, 9, 2)),
        (CosineDecay(0.1, 9), lambda sgd: optim.CosineAnnealingLR(sgd, 9)),
    ):
        sgd = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
        peer, rates = make(sgd), []
        for _ in range(9):
            rates.append(sgd.param_groups[0]["lr"])
            sgd.step()
            peer.step()
        np.testing.assert_allclose(schedule(np.arange(9)), rates, rtol=1e-12)


class Harmonic(Schedule):
    def rates(self, t):
        return 0.1 / (1.0 + t)


def model(learning_rate, dtype="float64", optimizer=rv.optimizers.SGD):
    made = rv.Sequential([Dense(4, "tanh"), Dropout(0.2), Dense(1)], dtype=dtype, random_state=0)
    made.compile(optimizer=optimizer(learning_rate), loss="mse")
    return made


def weights(made):
    return np.concatenate([w.ravel() for w in made.parameters.values()])


def no_op(*_):
    pass


HOOKS = [[], [LambdaCallback(on_epoch_end=no_op)], [LambdaCallback(on_train_batch_end=no_op)]]


def by_hand(schedule, epochs, batch_size):
    """Train with the schedule's numbers set one by one."""
    made, steps = model(0.0), 0

    def set_rate(batch, logs):
        nonlocal steps
        t = steps if schedule.unit == "step" else steps // -(-20 // batch_size)
        made.optimizer.learning_rate = schedule(t)
        steps += 1

    made.fit(X, Y, epochs=epochs, batch_size=batch_size, callbacks=[LambdaCallback(on_train_batch_begin=set_rate)])
    return made


@pytest.mark.parametrize("callbacks", HOOKS, ids=["chunks", "epochs", "batches"])
@pytest.mark.parametrize("unit", ["step", "epoch"])
def test_the_rates_reach_the_weights(unit, callbacks):
    schedule, made = Harmonic(unit=unit), model(Harmonic(unit=unit))
    rates = [made.learning_rate]
    for epochs in (3, 4):
        rates += made.fit(X, Y, epochs=epochs, batch_size=6, callbacks=callbacks).learning_rate
    expected = by_hand(schedule, 7, 6)
    np.testing.assert_array_equal(weights(made), weights(expected))
    assert rates[1:] == expected.history.learning_rate
    assert rates[0] == 0.1
    assert made.learning_rate == schedule(28 if unit == "step" else 7)


STEPPING = [getattr(rv.optimizers, name) for name in rv.optimizers.names.OPTIMIZERS.values()]


@pytest.mark.parametrize("optimizer", [made for made in STEPPING if not made.searches])
def test_every_optimizer_takes_a_schedule(optimizer):
    made, expected = model(Harmonic(), optimizer=optimizer), model(0.1, optimizer=optimizer)
    for t in range(3):
        made.fit(X, Y, batch_size=None)
        expected.optimizer.learning_rate = 0.1 / (1.0 + t)
        expected.fit(X, Y, batch_size=None)
    np.testing.assert_array_equal(weights(made), weights(expected))


@pytest.mark.parametrize("threads", [2, 3])
@pytest.mark.parametrize("schedule", [WarmUp(CosineDecay(0.1, 30), 5), BoldDriver(0.1)], ids=repr)
def test_threads_do_not_change_bits(schedule, threads):
    results = []
    for n_threads in (1, threads):
        made = model(schedule, "float32")
        made.fit(X, Y, epochs=12, batch_size=6, n_threads=n_threads)
        results.append(weights(made))
    np.testing.assert_array_equal(*results)


def test_steps_count_in_every_way_of_training():
    made = model(Harmonic())
    made.train_on_batch(X, Y)
    assert made.learning_rate == 0.1 / 2
    made.apply_gradients(made.loss_and_gradients(X, Y)[1])
    assert made.learning_rate == 0.1 / 3
    made.fit(X, Y, batch_size=5)
    assert made.learning_rate == 0.1 / 7


@pytest.mark.parametrize("unit", ["step", "epoch"])
def test_compile_starts_the_schedule_afresh(unit):
    made = model(Harmonic(unit=unit))
    made.fit(X, Y, epochs=3)
    assert made.learning_rate == 0.1 / 4
    made.compile(optimizer=rv.optimizers.SGD(Harmonic(unit=unit)), loss="mse")
    assert made.learning_rate == 0.1
    assert made.fit(X, Y, epochs=2).learning_rate == [0.1, 0.05]


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda made: pickle.loads(pickle.dumps(made))])
@pytest.mark.parametrize("schedule", [Harmonic(), Harmonic(unit="epoch"), BoldDriver(0.1)], ids=repr)
def test_a_copy_goes_on(schedule, duplicate):
    made = model(schedule)
    made.fit(X, Y, epochs=3)
    made.compile(optimizer=made.optimizer, loss="mse")
    made.fit(X, Y, epochs=3)
    other = duplicate(made)
    assert other.learning_rate == made.learning_rate
    np.testing.assert_array_equal(made.fit(X, Y, epochs=3).learning_rate, other.fit(X, Y, epochs=3).learning_rate)


@pytest.mark.parametrize(
    ("losses", "factors"),
    [
        ([], []),
        ([3.0], [1]),
        ([3.0, 2.0, 1.0], [1, 1.05, 1.05]),
        ([3.0, 2.0, 2.5, 2.5, 2.4], [1, 1.05, 0.5, 1, 1.05]),
        ([3.0, math.nan, 1.0, 0.5], [1, 0.5, 1, 1.05]),
        ([3.0, math.inf], [1, 0.5]),
    ],
)
def test_bold_driver(losses, factors):
    np.testing.assert_allclose(BoldDriver(0.1).following(losses), 0.1 * np.cumprod([1, *factors]), rtol=1e-15)


def test_bold_driver_goes_by_the_training_loss():
    driver, losses, rates = BoldDriver(0.3, increase=1.2, decrease=0.4), [], []
    made = model(driver)
    for epochs in (5, 20):
        history = made.fit(X, Y, epochs=epochs, batch_size=6)
        losses += history.history["loss"]
        rates += history.learning_rate
    assert min(np.diff(losses)) < 0 < max(np.diff(losses))
    assert [*rates, made.learning_rate] == driver.following(losses).tolist()
    made.compile(optimizer=made.optimizer, loss="mse")
    assert made.learning_rate == 0.3


def test_a_description_serves_several_models():
    optimizer = rv.optimizers.SGD(BoldDriver(0.1))
    models = [rv.Sequential([Dense(1)], random_state=seed) for seed in (0, 1)]
    for made in models:
        made.compile(optimizer=optimizer, loss="mse")
    models[0].fit(X, Y, epochs=4)
    assert models[0].learning_rate != 0.1
    assert models[1].learning_rate == 0.1


def test_a_number_may_take_a_schedules_place():
    made = model(Harmonic())

    def fix(epoch, logs):
        if epoch == 1:
            made.optimizer.learning_rate = 0.5

    assert made.fit(X, Y, epochs=4, callbacks=[LambdaCallback(on_epoch_end=fix)]).learning_rate == [0.1, 0.05, 0.5, 0.5]
    assert made.learning_rate == 0.5


class Broken(Schedule):
    def __init__(self, result):
        super().__init__()
        self.result = result

    def rates(self, t):
        return self.result


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: ExponentialDecay(-1, 1, 0.5), ValueError, r"initial_learning_rate must be a number in \[0.0, inf\)"),
        (lambda: ExponentialDecay(0.1, 0, 0.5), ValueError, r"decay_steps must be a number in \(0.0, inf\), got 0"),
        (lambda: ExponentialDecay(0.1, math.inf, 0.5), ValueError, r"decay_steps must be .* got inf"),
        (lambda: ExponentialDecay(0.1, 1, 0), ValueError, r"decay_rate must be a number in \(0.0, inf\), got 0"),
        (lambda: ExponentialDecay("x", 1, 0.5), TypeError, "initial_learning_rate must be a number"),
        (lambda: ExponentialDecay(0.1, 1, 0.5, staircase=1), TypeError, "staircase must be True or False, got 1"),
        (lambda: ExponentialDecay(0.1, 1, 0.5, unit="batch"), ValueError, "unit must be 'step' or 'epoch', got"),
        (lambda: ExponentialDecay(0.1, 1, 9.0)(1000), ValueError, r"got inf from Exp.* at t = 1000"),
        (lambda: InverseTimeDecay(0.1, 1, -1), ValueError, "decay_rate must be"),
        (lambda: PolynomialDecay(0.1, 1, power=0), ValueError, r"power must be a number in \(0.0, inf\), got 0"),
        (lambda: PolynomialDecay(0.1, 1, -0.1), ValueError, "end_learning_rate must be"),
        (lambda: PolynomialDecay(0.1, 1, cycle="no"), TypeError, "cycle must be True or False"),
        (lambda: CosineDecay(0.1, 1, 1.5), ValueError, r"alpha must be a number in \[0.0, 1.0\], got 1.5"),
        (lambda: PiecewiseConstantDecay([1], [0.1]), ValueError, "values must have one more entry than boundaries"),
        (lambda: PiecewiseConstantDecay([2, 2], [1, 1, 1]), ValueError, "boundaries must ascend strictly"),
        (lambda: PiecewiseConstantDecay(3, [1, 1]), TypeError, "boundaries must be a sequence of numbers, got 3"),
        (lambda: PiecewiseConstantDecay([3], [1, -1]), ValueError, r"values\[1\] must be a number"),
        (lambda: WarmUp(0.1, 0), ValueError, "warmup_steps must be"),
        (lambda: WarmUp(CosineDecay(0.1, 5), 2, unit="epoch"), ValueError, "must be that of the schedule, 'step'"),
        (lambda: WarmUp(BoldDriver(0.1), 2), TypeError, "must be a number or a function of t"),
        (lambda: BoldDriver(0), ValueError, r"initial_learning_rate must be a number in \(0.0, inf\)"),
        (lambda: BoldDriver(0.1, increase=0.9), ValueError, r"increase must be a number in \[1.0, inf\), got 0.9"),
        (lambda: BoldDriver(0.1, decrease=0), ValueError, r"decrease must be a number in \(0.0, 1.0\], got 0"),
        (lambda: BoldDriver(0.1)(3), TypeError, "no function of t; see following"),
        (lambda: CosineDecay(0.1, 1)(-1), ValueError, "t must be a number >= 0 or an array of them, got -1.0"),
        (lambda: CosineDecay(0.1, 1)([1, math.nan]), ValueError, "t must be a number >= 0 .* got nan"),
        (lambda: CosineDecay(0.1, 1)(True), TypeError, "t must be a number >= 0 .* got dtype bool"),
        (lambda: Schedule()(1), NotImplementedError, r"Schedule must override rates\(t\)"),
        (lambda: Broken(0.1)([1, 2]), ValueError, r"Broken.rates must return float64 of shape \(2,\), got float64 of"),
        (lambda: Broken(np.array([1]))(1), ValueError, "got int64 of shape"),
        (lambda: Broken(np.array([-1.0]))(7), ValueError, r"must be a number in \[0.0, inf\), got -1.0 .* at t = 7"),
    ],
)  # fmt: skip
def test_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_what_comes_before_compile():
    with pytest.raises(ValueError, match="no optimizer yet"):
        _ = rv.Sequential([Dense(1)]).learning_rate
