"""Derivative-free optimizers in `fit`: what they learn, what they keep, and that no bit depends on threads."""

import copy
import os
import pickle
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import ravine as rv
from ravine import _core, callbacks, datasets
from ravine.layers import Dense, Dropout, Input
from ravine.optimizers import CMAES, LBFGS, GeneticAlgorithm, OpenAIES, SimulatedAnnealing
from ravine.training import populations as _populations

RNG = np.random.default_rng(8)
X = RNG.normal(size=(150, 4))
Y = X @ [1.0, -2.0, 0.5, 0.0] + 0.3
CLASSES = (X[:, 0] - X[:, 1] > 0).astype(int)
ALL = [
    SimulatedAnnealing(),
    GeneticAlgorithm(),
    GeneticAlgorithm(selection="tournament", crossover=0.5, elite=0, decay=0.995),
    OpenAIES(),
    CMAES(),
    CMAES(covariance="diagonal"),
]
every = pytest.mark.parametrize("optimizer", ALL, ids=repr)
both = pytest.mark.parametrize("dtype", ["float32", "float64"])


def regressor(optimizer, dtype="float64", seed=0, **settings):
    model = rv.Sequential([Dense(5, "tanh", **settings), Dense(1)], dtype=dtype, random_state=seed)
    model.compile(optimizer=copy.deepcopy(optimizer), loss="mse")
    return model


def weights(model):
    return np.concatenate([w.ravel() for w in model.parameters.values()])


@every
@both
def test_the_worked_table(optimizer, dtype):
    """Three inputs, the exclusive or of the first two; four hidden sigmoids without bias, weights from U(0, 1)."""
    rows, y = np.array([[0, 0, 1], [0, 1, 1], [1, 0, 1], [1, 1, 1]]), np.array([0.0, 1.0, 1.0, 0.0])
    first = rv.initializers.Uniform(0, 1)
    layers = [Dense(units, "sigmoid", use_bias=False, kernel_initializer=first) for units in (4, 1)]
    model = rv.Sequential(layers, dtype=dtype, random_state=1)
    model.compile(optimizer=optimizer, loss=rv.losses.MeanSquaredError(), metrics=["binary_accuracy"])
    model.fit(rows, y, epochs=200, batch_size=None)
    np.testing.assert_allclose(model.predict(rows)[:, 0], y, atol=0.2)
    assert model.evaluate(rows, y)["binary_accuracy"] == 1.0


@every
@both
def test_exclusive_or(optimizer, dtype):
    points, labels = datasets.xor(200, random_state=0)
    for rows, y in ((np.array([[0, 0], [0, 1], [1, 0], [1, 1]]), np.array([0, 1, 1, 0])), (points, labels)):
        model = rv.Sequential([Dense(8, "tanh"), Dense(1, "sigmoid")], dtype=dtype, random_state=1)
        model.compile(optimizer=optimizer, loss="binary_crossentropy", metrics=["accuracy"])
        model.fit(rows, y, epochs=300, batch_size=None)
        assert model.evaluate(rows, y)["accuracy"] == 1.0


@every
def test_the_best_weights_are_kept_and_the_history_is_theirs(optimizer):
    model = rv.Sequential([Dense(5, "tanh"), Dropout(0.5), Dense(1, "sigmoid")], dtype="float64", random_state=0)
    model.compile(optimizer=optimizer, loss="binary_crossentropy", metrics=["accuracy", "auc"])
    seen = []
    watch = callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: seen.append(model.evaluate(X, CLASSES)))
    history = model.fit(X, CLASSES, epochs=25, batch_size=None, validation_data=(X, CLASSES), callbacks=[watch]).history
    np.testing.assert_array_equal(history["loss"], [logs["loss"] for logs in seen])
    np.testing.assert_array_equal(history["accuracy"], [logs["accuracy"] for logs in seen])
    assert (np.diff(history["loss"]) <= 0).all()
    assert history["val_loss"][:-1] == history["loss"][1:]
    assert history["val_loss"][-1] == model.evaluate(X, CLASSES)["loss"] < 0.8 * history["loss"][0]
    assert model._state.network.step == model._state.training.epoch == 25


@pytest.mark.parametrize("batch_size", [None, 64, 40])
@every
@both
def test_the_number_of_threads_changes_no_bit(optimizer, dtype, batch_size):
    models = [regressor(optimizer, dtype, l2=1e-3) for _ in range(4)]
    for model, threads in zip(models, (1, 2, 3, 8), strict=True):
        model.fit(X, Y, epochs=4, batch_size=batch_size, n_threads=threads)
        np.testing.assert_array_equal(weights(model), weights(models[0]))
        assert model.history.history == models[0].history.history


SCRIPT = """
import hashlib, numpy as np, ravine as rv
o = rv.optimizers
X = np.arange(900.0).reshape(150, 6) * 37 % 101 / 50 - 1
y = X[:, :1] * X[:, 1:2] - X[:, 2:3] ** 2
digest = hashlib.sha256()
valley = lambda x: (1 - x[0]) ** 2 + 100 * (x[1] - x[0] * x[0]) ** 2
for make in (o.SimulatedAnnealing, o.OpenAIES, o.GeneticAlgorithm, o.CMAES,
             lambda **s: o.CMAES(covariance="diagonal", **s),
             lambda **s: o.GeneticAlgorithm(selection="tournament", crossover=0.5, **s)):
    for dtype in ("float32", "float64"):
        model = rv.Sequential([rv.layers.Dense(17, "tanh"), rv.layers.Dense(1)], dtype=dtype, random_state=0)
        model.compile(optimizer=make(), loss="mse")
        model.fit(X, y, epochs=6, batch_size=100)
        model.fit(X, y, epochs=12, batch_size=None)
        for w in model.parameters.values():
            digest.update(w.tobytes())
    digest.update(make(random_state=3).minimize(valley, [-1.2, 1.0], steps=50).x.tobytes())
print(rv._core.selected(), digest.hexdigest())
"""


@pytest.mark.skipif(not hasattr(_core, "avx512"), reason="needs AVX2 and AVX-512")
def test_avx2_and_avx512_give_the_same_bits():
    printed = {}
    for isa in ("avx2", "avx512"):
        environment = {**os.environ, "RAVINE_ISA": isa}
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT], capture_output=True, text=True, env=environment, timeout=120, check=True
        )
        selected, printed[isa] = done.stdout.split()
        assert selected == isa
    assert printed["avx2"] == printed["avx512"]


@pytest.mark.parametrize("batch_size", [None, 64])
@every
def test_a_fit_in_parts_gives_the_bits_of_one_in_a_piece(optimizer, batch_size):
    whole, parts = regressor(optimizer), regressor(optimizer)
    whole.fit(X, Y, epochs=9, batch_size=batch_size)
    parts.fit(X, Y, epochs=4, batch_size=batch_size)
    for other in (parts, copy.deepcopy(parts), pickle.loads(pickle.dumps(parts))):
        other.fit(X, Y, epochs=5, batch_size=batch_size)
        np.testing.assert_array_equal(weights(other), weights(whole))
    parts.compile(optimizer=optimizer, loss="mse")
    assert parts._state.training.search is None


@every
def test_draws_are_those_of_the_seed(optimizer):
    """The model's, unless the optimizer has one; first weights are the model's in any case."""

    def trained(seed, own):
        settings = {name: value for name, value in vars(optimizer).items() if name not in ("_fixed", "random_state")}
        model = regressor(type(optimizer)(**settings, random_state=own), seed=seed)
        model.fit(X, Y, epochs=3, batch_size=None)
        return weights(model)

    np.testing.assert_array_equal(trained(1, None), trained(1, 1))
    assert (trained(1, None) != trained(1, 2)).any()
    assert (trained(1, 2) != trained(2, 2)).any()


@pytest.mark.parametrize("optimizer", [GeneticAlgorithm(), OpenAIES(), CMAES()], ids=repr)
def test_small_batches_learn(optimizer):
    model = regressor(optimizer)
    before = model.fit(X, Y, epochs=1, batch_size=30).history["loss"][0]
    assert model.fit(X, Y, epochs=60, batch_size=30).history["loss"][-1] < 0.1 * before
    assert model._state.network.step == 61 * 5


@every
def test_a_step_on_a_small_batch_reports_the_loss_before_it(optimizer):
    model, seen, order = regressor(optimizer), [], np.arange(len(X))

    def look(batch, logs):
        rows = order[batch * 60 : batch * 60 + 60]
        seen.append(model.evaluate(X[rows], Y[rows])["loss"])

    got = []
    model.fit(
        X, Y, epochs=1, batch_size=60, shuffle=False,
        callbacks=[callbacks.LambdaCallback(on_train_batch_begin=look,
                                            on_train_batch_end=lambda batch, logs: got.append(logs["loss"]))],
    )  # fmt: skip
    assert got == seen
    assert len(set(got)) == 3


@pytest.mark.parametrize("batch_size", [None, 50])
@every
def test_sample_weights_count_rows(optimizer, batch_size):
    weight = np.repeat([1.0, 0.0], [100, 50])
    weighted, fewer = regressor(optimizer), regressor(optimizer)
    weighted.fit(X, Y, epochs=3, batch_size=batch_size, sample_weight=weight, shuffle=False)
    assert weighted._state.network.step == 3 * (1 if batch_size is None else 3)
    fewer.fit(X[:100], Y[:100], epochs=3, batch_size=batch_size, shuffle=False)
    np.testing.assert_allclose(weights(weighted), weights(fewer), rtol=1e-6)


@every
def test_penalties_belong_to_the_loss(optimizer):
    free, bound = regressor(optimizer), regressor(optimizer, l2=3.0)
    for model in (free, bound):
        model.fit(X, Y, epochs=60, batch_size=None)
        assert model.fit(X, Y, batch_size=None).history["loss"][0] >= model.evaluate(X, Y)["loss"]
    sizes = [(model.parameters["dense/kernel"] ** 2).sum() for model in (free, bound)]
    assert sizes[1] < 0.5 * sizes[0]


@every
def test_frozen_layers_stay(optimizer):
    model = regressor(optimizer)
    model.fit(X, Y, epochs=3, batch_size=None)
    frozen, free = (model.parameters[f"{name}/kernel"].copy() for name in ("dense", "dense_1"))
    model.layers[0].trainable = False
    model.fit(X, Y, epochs=20, batch_size=None)
    np.testing.assert_array_equal(model.parameters["dense/kernel"], frozen)
    assert (model.parameters["dense_1/kernel"] != free).any()
    model.layers[1].trainable = False
    before = weights(model)
    losses = model.fit(X, Y, epochs=2, batch_size=None).history["loss"]
    np.testing.assert_array_equal(weights(model), before)
    assert losses[0] == losses[1] == model.evaluate(X, Y)["loss"]


@every
def test_weights_changed_by_a_callback_are_gone_on_from(optimizer):
    model, reached = regressor(optimizer), []

    def shrink(epoch, logs):
        model.parameters["dense/kernel"][...] *= 0.5
        reached.append(model.evaluate(X, Y)["loss"])

    losses = model.fit(
        X, Y, epochs=6, batch_size=None, callbacks=[callbacks.LambdaCallback(on_epoch_end=shrink)]
    ).history["loss"]
    assert losses[1:] == reached[:-1]
    assert model.fit(X, Y, epochs=2, batch_size=None).history["loss"][1] <= reached[-1]


@every
def test_ctrl_c_keeps_the_last_whole_step(optimizer):
    model, twin = regressor(optimizer), regressor(optimizer)
    twin.fit(X, Y, epochs=3, batch_size=None)
    losses = _populations.BatchLosses.losses

    def interrupting(self, members):
        values = losses(self, members)
        if model._state.training.epoch == 3:
            signal.raise_signal(signal.SIGINT)
        return values

    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(_populations.BatchLosses, "losses", interrupting)
        model.fit(X, Y, epochs=50, batch_size=None)
    np.testing.assert_array_equal(weights(model), weights(twin))
    assert model._state.network.step == model._state.training.epoch == 3
    for other in (model, twin):
        other.fit(X, Y, epochs=3, batch_size=None)
    np.testing.assert_array_equal(weights(model), weights(twin))


@pytest.mark.alone
@pytest.mark.parametrize("optimizer", [OpenAIES(), CMAES(covariance="diagonal")], ids=repr)
def test_ctrl_c_comes_soon(optimizer):
    rows = RNG.normal(size=(20_000, 64)).astype("float32")
    model = rv.Sequential([Dense(256, "tanh"), Dense(1)], random_state=0)
    model.compile(optimizer=optimizer, loss="mse")
    model.fit(rows, rows[:, 0], epochs=0)
    pressed = []

    def press():
        time.sleep(0.3)
        pressed.append(time.perf_counter())
        signal.raise_signal(signal.SIGINT)

    thread = threading.Thread(target=press)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        model.fit(rows, rows[:, 0], epochs=10_000, batch_size=None, n_threads=2)
    assert time.perf_counter() - pressed[0] < 0.5
    thread.join(60)
    assert np.isfinite(weights(model)).all()


@every
@both
def test_members_without_a_finite_loss_are_survived(optimizer, dtype):
    """Poisson's loss overflows for most members that are so far away."""
    name = {"SimulatedAnnealing": "stddev", "GeneticAlgorithm": "spread"}.get(type(optimizer).__name__, "sigma")
    settings = {key: value for key, value in vars(optimizer).items() if key != "_fixed"}
    far = type(optimizer)(**{**settings, name: 2000.0})
    model = rv.Sequential([Dense(1)], dtype=dtype, random_state=0)
    model.compile(optimizer=far, loss="poisson")
    losses = model.fit(X, np.exp(X[:, 0]), epochs=20, batch_size=None).history["loss"]
    assert np.isfinite(losses).all() and (np.diff(losses) <= 0).all()
    assert np.isfinite(weights(model)).all()
    small = model.fit(X, np.exp(X[:, 0]), epochs=3, batch_size=50).history["loss"]
    assert np.isfinite(weights(model)).all() and len(small) == 3


@every
def test_a_start_that_is_not_finite_ends_as_with_adam(optimizer):
    model = regressor(optimizer)
    model.fit(X, Y, epochs=0)
    model.parameters["dense/kernel"][0, 0] = np.nan
    with pytest.raises(rv.DivergenceError, match="the weights 'dense/kernel' were not finite"):
        model.fit(X, Y, epochs=3, batch_size=None)


@every
def test_layers_without_a_derivative_learn(optimizer):
    model = rv.Sequential([Dense(6, "step"), Dense(1, "sigmoid")], random_state=0)
    model.compile(optimizer=optimizer, loss="binary_crossentropy", metrics=["accuracy"])
    model.fit(X, CLASSES, epochs=60, batch_size=None)
    assert model.evaluate(X, CLASSES)["accuracy"] > 0.85
    with pytest.raises(ValueError, match=r"layer 0 \(dense\) has activation 'step', which has no derivative"):
        model.loss_and_gradients(X, CLASSES)


def test_train_on_batch_is_a_step():
    model, twin = regressor(CMAES()), regressor(CMAES())
    losses = [model.train_on_batch(X, Y)["loss"] for _ in range(5)]
    assert losses == twin.fit(X, Y, epochs=5, batch_size=None).history["loss"]
    np.testing.assert_array_equal(weights(model), weights(twin))


def test_a_schedule_gives_each_step_its_rate():
    model = regressor(OpenAIES(rv.schedules.PiecewiseConstantDecay([1], [0.1, 0.0])))
    model.fit(X, Y, epochs=1, batch_size=75)
    centre = model._state.training.search[1].search.x
    model.fit(X, Y, epochs=2, batch_size=75)
    np.testing.assert_array_equal(model._state.training.search[1].search.x, centre)
    assert model.history.learning_rate == [0.0, 0.0]
    for optimizer in (SimulatedAnnealing(), GeneticAlgorithm(), CMAES()):
        with pytest.raises(AttributeError, match="has no learning_rate to set: it finds its steps by itself"):
            optimizer.learning_rate = 0.1


def test_early_stopping_restores_what_was_best():
    model = regressor(OpenAIES(0.5))
    stopping = callbacks.EarlyStopping("val_loss", patience=3)
    history = model.fit(X[:100], Y[:100], epochs=200, batch_size=20, validation_data=(X[100:], Y[100:]),
                        callbacks=[stopping]).history  # fmt: skip
    assert model.evaluate(X[100:], Y[100:])["loss"] == min(history["val_loss"])
    assert np.isfinite(model.fit(X, Y, epochs=2, batch_size=20).history["loss"]).all()


@every
def test_in_a_chain(optimizer):
    """A search finds the place, L-BFGS the bottom; and the other way round."""
    for chain in ([(optimizer, 10), (LBFGS(), None)], [(LBFGS(), 10), (optimizer, None)]):
        model = regressor(optimizer)
        model.compile(optimizer=chain, loss="mse")
        losses = model.fit(X, Y, epochs=20, batch_size=None).history["loss"]
        assert (np.diff(losses) <= 0).all() and losses[-1] <= losses[10] < losses[0]
        seeded = [(copy.deepcopy(chosen), steps) for chosen, steps in chain]
        result = rv.optimizers.Chain(seeded).minimize(lambda x: ((x - 3.0) ** 4).sum(), [0.0, 9.0], steps=40)
        assert result.fun < 1e-3


def test_apply_gradients_is_refused():
    model = rv.Sequential([Input(4), Dense(1)], random_state=0)
    model.compile(optimizer=LBFGS(), loss="mse")
    gradients = model.loss_and_gradients(X, Y)[1]
    model.compile(optimizer="cmaes", loss="mse")
    with pytest.raises(ValueError, match="CMAES searches along the loss; call fit or train_on_batch"):
        model.apply_gradients(gradients)


def test_fit_refuses_too_large_a_matrix():
    model = rv.Sequential([Dense(2000), Dense(1)], random_state=0)
    model.compile(optimizer=CMAES(covariance="full"), loss="mse")
    with pytest.raises(ValueError, match=r"keeps matrices of 12001 x 12001 numbers; it takes at most 5000 weights"):
        model.fit(X, Y)
    assert model.input_shape is None
    model.compile(optimizer=CMAES(), loss="mse")
    assert len(model.fit(X, Y, epochs=1, batch_size=None).epoch) == 1
