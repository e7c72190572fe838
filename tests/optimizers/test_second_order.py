"""Second-order optimizers in `fit`: what Adam can do, they can; scipy is held to the same number of losses."""

import copy
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
import warnings

import numpy as np
import pytest

import ravine as rv
from ravine import _core, callbacks, datasets
from ravine.layers import Dense, Dropout, Input
from ravine.network.data import training_data
from ravine.network.gradients import trainable_names
from ravine.optimizers import BFGS, LBFGS, Adam, Newton
from ravine.training import search as batch_search

RNG = np.random.default_rng(8)
X = RNG.normal(size=(150, 4))
Y = np.sin(2 * X[:, :1]) + X[:, 1:2] ** 2
CLASSES = (X[:, 0] * X[:, 1] > 0).astype(int)


def regressor(optimizer=None, dtype="float64", seed=0, **settings):
    model = rv.Sequential([Dense(12, "tanh", **settings), Dense(1)], dtype=dtype, random_state=seed)
    model.compile(optimizer=optimizer or LBFGS(), loss="mse")
    return model


def classifier(optimizer=None, dtype="float64", metrics=("accuracy",)):
    model = rv.Sequential([Dense(10, "tanh"), Dense(1, "sigmoid")], dtype=dtype, random_state=0)
    model.compile(optimizer=optimizer or LBFGS(), loss="binary_crossentropy", metrics=list(metrics))
    return model


def weights(model):
    return np.concatenate([w.ravel() for w in model.parameters.values()])


@pytest.fixture
def evaluations(monkeypatch):
    """The points at which losses were taken."""
    points, evaluate = [], batch_search.BatchLoss.evaluate

    def counted(self, x):
        points.append(np.array(x))
        return evaluate(self, x)

    monkeypatch.setattr(batch_search.BatchLoss, "evaluate", counted)
    return points


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("optimizer", [LBFGS(), BFGS()], ids=repr)
def test_the_loss_falls_at_every_step_below_adams(optimizer, dtype):
    losses = {}
    for other in (optimizer, Adam(0.01)):
        losses[other] = regressor(other, dtype).fit(X, Y, epochs=100, batch_size=None).history["loss"]
    assert len(losses[optimizer]) == 100
    assert (np.diff(losses[optimizer]) <= 0).all()
    assert losses[optimizer][-1] < 0.1 * losses[other][-1]


def test_history_is_that_of_the_losses_before_each_step():
    model = classifier(metrics=["accuracy", "auc"])
    seen = []
    callback = callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: seen.append(model.evaluate(X, CLASSES)))
    history = model.fit(X, CLASSES, epochs=5, batch_size=None, validation_data=(X, CLASSES), callbacks=[callback])
    assert set(history.history) == {"loss", "accuracy", "auc", "val_loss", "val_accuracy", "val_auc"}
    np.testing.assert_allclose(history.history["loss"], [logs["loss"] for logs in seen], rtol=1e-12)
    np.testing.assert_allclose(history.history["accuracy"], [logs["accuracy"] for logs in seen], rtol=1e-12)
    np.testing.assert_allclose(history.history["val_loss"][:-1], history.history["loss"][1:], rtol=1e-12)
    assert history.history["val_loss"][-1] == model.evaluate(X, CLASSES)["loss"]


def test_a_fit_in_parts_gives_the_bits_of_one_in_a_piece():
    whole, parts = regressor(), regressor()
    whole.fit(X, Y, epochs=20, batch_size=None)
    parts.fit(X, Y, epochs=7, batch_size=None)
    for other in (parts, copy.deepcopy(parts), pickle.loads(pickle.dumps(parts))):
        other.fit(X, Y, epochs=13, batch_size=None)
        np.testing.assert_array_equal(weights(other), weights(whole))
    parts.compile(optimizer=LBFGS(), loss="mse")
    assert parts._state.training.search is None


def test_one_more_loss_a_step_at_most_in_the_long_run(evaluations):
    regressor().fit(X, Y, epochs=100, batch_size=None)
    assert 100 < len(evaluations) < 130


@pytest.mark.parametrize("batch_size", [None, 75, 40])
@pytest.mark.parametrize("n_threads", [2, 3, 8])
@pytest.mark.parametrize("optimizer", [LBFGS(), BFGS()], ids=repr)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_number_of_threads_changes_no_bit(optimizer, dtype, n_threads, batch_size):
    models = [regressor(optimizer, dtype, l2=1e-3) for _ in range(2)]
    for model, threads in zip(models, (1, n_threads), strict=True):
        model.fit(X, Y, epochs=15, batch_size=batch_size, n_threads=threads)
    np.testing.assert_array_equal(weights(models[0]), weights(models[1]))
    assert models[0].history.history == models[1].history.history


SCRIPT = """
import hashlib, numpy as np, ravine as rv
X = np.arange(900.0).reshape(150, 6) * 37 % 101 / 50 - 1
y = X[:, :1] * X[:, 1:2] - X[:, 2:3] ** 2
digest = hashlib.sha256()
for optimizer in (rv.optimizers.LBFGS(), rv.optimizers.BFGS()):
    for dtype in ("float32", "float64"):
        model = rv.Sequential([rv.layers.Dense(17, "tanh"), rv.layers.Dense(1)], dtype=dtype, random_state=0)
        model.compile(optimizer=optimizer, loss="mse")
        model.fit(X, y, epochs=30, batch_size=None)
        for w in model.parameters.values():
            digest.update(w.tobytes())
valley = lambda x: (1 - x[0]) ** 2 + 100 * (x[1] - x[0] * x[0]) ** 2
for optimizer in (rv.optimizers.LBFGS(), rv.optimizers.BFGS(), rv.optimizers.Newton(), rv.optimizers.Adam(0.1)):
    digest.update(optimizer.minimize(valley, [-1.2, 1.0], steps=50).x.tobytes())
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


def test_early_stopping_and_other_callbacks():
    stopping = callbacks.EarlyStopping("loss", patience=3, min_delta=1e-3)
    batches = []
    counter = callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: batches.append(logs["loss"]))
    history = regressor().fit(X, Y, epochs=500, batch_size=None, callbacks=[stopping, counter])
    assert stopping.stopped_epoch == history.epoch[-1] < 499
    np.testing.assert_allclose(batches, history.history["loss"], rtol=1e-12)


def test_weights_changed_by_a_callback_are_gone_on_from():
    model, reached = regressor(), []

    def shrink(epoch, logs):
        model.parameters["dense/kernel"][...] *= 0.5
        reached.append(model.evaluate(X, Y)["loss"])

    losses = model.fit(
        X, Y, epochs=6, batch_size=None, callbacks=[callbacks.LambdaCallback(on_epoch_end=shrink)]
    ).history["loss"]
    np.testing.assert_allclose(losses[1:], reached[:-1], rtol=1e-12)


def test_ctrl_c_keeps_the_last_whole_step():
    model, twin = regressor(), regressor()
    twin.fit(X, Y, epochs=3, batch_size=None)
    evaluate, seen = batch_search.BatchLoss.evaluate, []

    def interrupting(self, x):
        point = evaluate(self, x)
        seen.append(x)
        if model._state.training.epoch == 3:
            signal.raise_signal(signal.SIGINT)
        return point

    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(batch_search.BatchLoss, "evaluate", interrupting)
        model.fit(X, Y, epochs=50, batch_size=None)
    np.testing.assert_array_equal(weights(model), weights(twin))
    assert model._state.network.step == model._state.training.epoch == 3
    assert len(model.history.epoch) == 3
    model.fit(X, Y, epochs=3, batch_size=None)
    twin.fit(X, Y, epochs=3, batch_size=None)
    np.testing.assert_array_equal(weights(model), weights(twin))


@pytest.mark.alone
def test_ctrl_c_comes_soon():
    rows = RNG.normal(size=(20_000, 64)).astype("float32")
    model = rv.Sequential([Dense(256, "tanh"), Dense(1)], random_state=0)
    model.compile(optimizer="lbfgs", loss="mse")
    model.fit(rows, rows[:, 0], epochs=0)
    pressed = []

    def press():
        time.sleep(0.5)
        pressed.append(time.perf_counter())
        signal.raise_signal(signal.SIGINT)

    thread = threading.Thread(target=press)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        model.fit(rows, rows[:, 0], epochs=10_000, batch_size=None, n_threads=2)
    assert time.perf_counter() - pressed[0] < 0.5
    thread.join(60)
    assert np.isfinite(weights(model)).all()


def test_penalties_belong_to_the_loss():
    free, bound = regressor(), regressor(l2=0.1)
    for model in (free, bound):
        model.fit(X, Y, epochs=60, batch_size=None)
        loss = model.evaluate(X, Y)["loss"]
        assert model.fit(X, Y, batch_size=None).history["loss"] == [pytest.approx(loss, rel=1e-12)]
    kernels = [abs(model.parameters["dense/kernel"]).max() for model in (free, bound)]
    assert kernels[1] < 0.5 * kernels[0]


@pytest.mark.parametrize("batch_size", [None, 50])
def test_sample_weights_count_rows(batch_size):
    weight = np.r_[np.ones(100), np.zeros(50)]
    model, alone = regressor(), regressor()
    model.fit(X, Y, epochs=10, batch_size=batch_size, shuffle=False, sample_weight=weight)
    alone.fit(X[:100], Y[:100], epochs=10, batch_size=batch_size, shuffle=False)
    np.testing.assert_allclose(weights(model), weights(alone), rtol=1e-6, atol=1e-8)
    model, heavy = classifier(), np.ones(150)
    heavy[CLASSES == 1] = 3.0
    first = model.fit(X, CLASSES, epochs=5, batch_size=None, class_weight={1: 3.0}).history["loss"]
    assert first == classifier().fit(X, CLASSES, epochs=5, batch_size=None, sample_weight=heavy).history["loss"]


def test_large_batches_learn():
    model = regressor(LBFGS())
    losses = model.fit(X, Y, epochs=60, batch_size=75).history["loss"]
    assert losses[-1] < 0.05 * losses[0]
    assert model._state.network.step == 120


@pytest.mark.parametrize(
    ("rows", "batch_size", "warned"),
    [(150, 32, True), (150, 40, False), (1200, 255, True), (1200, 256, False), (1000, 255, False), (20, 32, False)],
)
@pytest.mark.parametrize("name", ["lbfgs", "bfgs", "adam"])
def test_small_batches_are_warned_of(name, rows, batch_size, warned):
    model = rv.Sequential([Dense(1)], random_state=0)
    model.compile(optimizer=name, loss="mse")
    data = np.resize(X, (rows, 4)), np.resize(Y, rows)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        for _ in range(3):
            model.fit(*data, epochs=2, batch_size=batch_size)
        model.fit(*data, epochs=0)
        model.fit(*data, batch_size=None)
    assert len(caught) == (warned and name != "adam")  # once
    for warning in caught:
        assert warning.filename == __file__
        assert f"batches of {batch_size} rows" in str(warning.message)
        assert f"pass batch_size=None for all {rows} rows, or at least" in str(warning.message)


def test_frozen_layers_stay():
    model = regressor()
    model.layers[0].trainable = False
    model.fit(X, Y, epochs=1, batch_size=None)
    kept = np.array(model.parameters["dense/kernel"])
    losses = model.fit(X, Y, epochs=100, batch_size=None).history["loss"]
    np.testing.assert_array_equal(model.parameters["dense/kernel"], kept)
    # what is left is least squares
    features = np.c_[model.transform(X, layer=0), np.ones(len(X))]
    exact = ((features @ np.linalg.lstsq(features, Y, rcond=None)[0] - Y) ** 2).mean()
    assert losses[-1] == pytest.approx(exact, rel=1e-3)
    model.layers[0].trainable = True
    assert model.fit(X, Y, epochs=30, batch_size=None).history["loss"][-1] < 0.5 * exact
    for layer in model.layers:
        layer.trainable = False
    before = weights(model)
    model.fit(X, Y, epochs=2, batch_size=None)
    np.testing.assert_array_equal(weights(model), before)


def test_a_settled_fit_costs_nothing_more(evaluations):
    model = rv.Sequential([Dense(1)], dtype="float64", random_state=0)
    model.compile(optimizer=LBFGS(), loss="mse")
    history = model.fit(X, X @ [1.0, 2.0, 3.0, 4.0], epochs=1000, batch_size=None).history["loss"]
    assert len(history) == 1000 and history[-1] < 1e-25
    assert len(evaluations) < 200


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_trials_that_overflow_are_survived(dtype):
    big = 1e18 if dtype == "float32" else 1e150
    model = rv.Sequential([Dense(3, "relu"), Dense(1)], dtype=dtype, random_state=0)
    model.compile(optimizer=LBFGS(), loss="mse")
    losses = model.fit(X * big, Y, epochs=20, batch_size=None).history["loss"]
    assert np.isfinite(weights(model)).all()
    assert np.isfinite(losses).all() and losses[-1] <= losses[0]


def test_a_start_that_is_not_finite_ends_as_with_adam():
    model = regressor()
    model.fit(X, Y, epochs=3, batch_size=None)
    model.parameters["dense_1/bias"][...] = np.nan
    with pytest.raises(rv.DivergenceError, match=r"the loss was nan at step \d+ \(epoch 3"):
        model.fit(X, Y, epochs=3, batch_size=None)


def test_train_on_batch_is_a_step():
    model, twin = regressor(), regressor()
    losses = [model.train_on_batch(X, Y)["loss"] for _ in range(10)]
    assert losses == twin.fit(X, Y, epochs=10, batch_size=None).history["loss"]
    np.testing.assert_array_equal(weights(model), weights(twin))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: regressor(Newton()), "Newton minimises plain functions; compile the model with LBFGS or BFGS"),
        (
            lambda: rv.Sequential([Dense(3), Dropout(0.5), Dense(1)]).compile(optimizer="lbfgs", loss="mse"),
            r"LBFGS needs a loss that is the same at each evaluation; layer 1 is Dropout\(",
        ),
    ],
)
def test_compile_refuses(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_fit_refuses_too_large_a_matrix():
    model = rv.Sequential([Dense(2000), Dense(1)], random_state=0)
    model.compile(optimizer="bfgs", loss="mse")
    with pytest.raises(ValueError, match="BFGS keeps a matrix of 12001 x 12001 numbers; it takes at most 5000 weights"):
        model.fit(X, Y)
    assert model.input_shape is None


def test_apply_gradients_is_refused():
    model = rv.Sequential([Input(4), Dense(1)], random_state=0)
    model.compile(optimizer="lbfgs", loss="mse")
    with pytest.raises(ValueError, match="LBFGS searches along the loss; call fit or train_on_batch"):
        model.apply_gradients(model.loss_and_gradients(X, Y)[1])


def table(name):
    """Five small tables and the digits: data, layers, loss."""
    noise = np.random.default_rng(3)
    rows = noise.normal(size=(300, 6))
    if name == "digits":
        data = datasets.digits()
        return (
            data.X_train,
            data.y_train,
            [Dense(32, "tanh", l2=1e-3), Dense(10, "softmax", l2=1e-3)],
            "categorical_crossentropy",
        )
    if name == "line":
        return rows, rows @ np.arange(6.0) + noise.normal(size=300), [Dense(1, l2=1e-3)], "mse"
    if name == "logistic":
        y = (rows[:, 0] - rows[:, 1] + noise.normal(size=300) > 0).astype(int)
        return rows, y, [Dense(1, "sigmoid", l2=1e-3)], "binary_crossentropy"
    if name == "softmax":
        y = np.argmax(rows[:, :3] + noise.normal(size=(300, 3)), axis=1)
        return rows, y, [Dense(3, "softmax", l2=1e-3)], "categorical_crossentropy"
    if name == "poisson":
        return rows, noise.poisson(np.exp(0.3 * rows[:, 0])), [Dense(1, l2=1e-3)], "poisson"
    return rows, np.abs(rows[:, 0]), [Dense(6, "softplus", l2=1e-2), Dense(1, l2=1e-2)], "mse"


@pytest.mark.parametrize("name", ["digits", "line", "logistic", "softmax", "poisson", "bend"])
@pytest.mark.parametrize("epochs", [100, 300])
def test_no_worse_than_scipy_with_as_many_losses(name, epochs, evaluations):
    optimize = pytest.importorskip("scipy.optimize")
    rows, y, layers, loss = table(name)
    model = rv.Sequential(layers, dtype="float64", random_state=0)
    model.compile(optimizer=LBFGS(), loss=loss)
    model.fit(rows, y, epochs=epochs, batch_size=None)
    ours, taken = model.evaluate(rows, y)["loss"], len(evaluations)
    start = evaluations[0]

    def fun(x):
        point = objective.evaluate(x)
        return point.value, point.gradient

    data = training_data(model._state, rows, y, None)[0]
    objective = batch_search.BatchLoss(
        model._state.network, trainable_names(model._state), (data.X, data.target, None), 2
    )
    theirs = optimize.minimize(
        fun, start, jac=True, method="L-BFGS-B",
        options={"maxcor": 10, "maxfun": taken - 1, "maxiter": 10**6, "ftol": 0, "gtol": 0},
    )  # fmt: skip
    assert theirs.nfev >= taken or theirs.status != 1  # it looks at maxfun after a step
    assert ours <= theirs.fun * (1 + 1e-3) + 1e-12
