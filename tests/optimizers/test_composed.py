"""Chains of optimizers and averages of weights: who works when, equations, and the same bits for any threads."""

import copy
import pickle

import numpy as np
import pytest

import ravine as rv
from ravine.callbacks import LambdaCallback, LearningRateFinder
from ravine.layers import Dense, Dropout, Input
from ravine.optimizers import LBFGS, SGD, Adam, Chain, WeightAverage
from ravine.schedules import BoldDriver, ExponentialDecay

X = np.random.default_rng(7).normal(size=(60, 3))
Y = np.sin(X @ [1.0, -1.0, 0.5])
THREADS = [1, 2, 3, 8]
INPUT = [Input(3), Dense(1)]


def model(optimizer, *, dtype="float32", layers=None, metrics=()):
    made = rv.Sequential(layers or [Dense(6, "tanh"), Dense(1)], dtype=dtype, random_state=3)
    made.compile(optimizer, loss="mse", metrics=metrics)
    return made


def weights(made):
    return {name: w.copy() for name, w in made.parameters.items()}


def assert_same(one, other):
    assert one.keys() == other.keys()
    for name, w in one.items():
        np.testing.assert_array_equal(w, other[name])


# a chain, the epochs of the fits, the optimizer that is at work after each
CHAINS = [
    (["adam", "sgd"], (7,), ["sgd"]),
    (["adam", "sgd"], (1, 1), ["sgd", "sgd"]),
    (["adam", "sgd", "rmsprop"], (5, 4), ["rmsprop", "rmsprop"]),
    ([("adam", 2), ("sgd", None)], (1, 1, 1), ["adam", "sgd", "sgd"]),
    ([(Adam(0.01), 2), (SGD(0.1), 3), ("lbfgs", None)], (2, 2, 4), ["sgd", "sgd", "lbfgs"]),
    ([(Adam(0.01), 9), ("lbfgs", None)], (3, 4), ["adam", "adam"]),
    (["sgd"], (3,), ["sgd"]),
    (["lbfgs", "adam"], (0, 4), ["lbfgs", "adam"]),
    ([(SGD(BoldDriver(0.1)), 3), (WeightAverage("adam"), None)], (5,), ["weightaverage"]),
]


def by_hand(chain, fits):
    """The same training, optimizer after optimizer on one model, its weights alone being carried on."""
    optimizers, total = chain.optimizers, sum(fits)
    shares = (*chain.shares(next(n for n in fits if n)), None)
    made, rates, losses = model(copy.deepcopy(optimizers[0])), [], []
    for optimizer, share in zip(optimizers, shares, strict=True):
        share = total - len(losses) if share is None else min(share, total - len(losses))
        if share:
            made.compile(copy.deepcopy(optimizer), loss="mse")
            history = made.fit(X, Y, epochs=share, batch_size=20)
            rates += history.learning_rate
            losses += history.history["loss"]
    return made, rates, losses


@pytest.mark.parametrize(("entries", "fits", "at_work"), CHAINS, ids=lambda value: str(value)[:40])
def test_a_chain_is_its_optimizers_one_after_the_other(entries, fits, at_work):
    made, rates, losses, names = model(entries), [], [], []
    for epochs in fits:
        history = made.fit(X, Y, epochs=epochs, batch_size=20)
        rates += history.learning_rate
        losses += history.history.get("loss", [])
        names.append(type(made.optimizer).__name__.lower())
        made = pickle.loads(pickle.dumps(made))
    alone, expected_rates, expected_losses = by_hand(Chain(entries), fits)
    assert names == at_work
    assert rates == expected_rates
    assert losses == expected_losses
    assert_same(made.parameters, alone.parameters)


@pytest.mark.parametrize("n_threads", THREADS)
def test_a_chain_has_the_same_bits_on_any_number_of_threads_and_by_batch(n_threads):
    found = []
    for threads, callbacks in (
        (1, []),
        (n_threads, []),
        (n_threads, [LambdaCallback(on_train_batch_end=print_nothing)]),
    ):
        made = model([("adam", 3), ("sgd", 2), ("lbfgs", None)])
        made.fit(X, Y, epochs=8, batch_size=20, n_threads=threads, callbacks=callbacks)
        found.append(weights(made))
    assert_same(found[0], found[1])
    assert_same(found[0], found[2])


def print_nothing(batch, logs):
    pass


def test_a_schedule_begins_with_its_turn():
    decay = ExponentialDecay(0.1, 1, 0.5, unit="epoch")
    made = model([(SGD(decay), 2), (SGD(decay), None)])
    assert made.fit(X, Y, epochs=5).learning_rate == [0.1, 0.05, 0.1, 0.05, 0.025]
    assert made.learning_rate == 0.0125
    made.compile([(SGD(decay), 2), (SGD(0.3), None)], loss="mse")
    assert made.learning_rate == 0.1
    assert made.fit(X, Y, epochs=2).learning_rate == [0.1, 0.05]
    assert made.learning_rate == 0.3


def test_the_rate_of_the_optimizer_at_work_may_be_changed():
    made = model([(SGD(0.1), 2), (SGD(0.2), None)])
    made.fit(X, Y, epochs=3)
    made.optimizer.learning_rate = 0.05
    assert made.fit(X, Y, epochs=1).learning_rate == [0.05]


def test_early_stopping_and_divergence_within_a_turn():
    made = model([(SGD(0.1), 2), (SGD(1e6), None)], layers=[Dense(1)])
    with pytest.raises(rv.DivergenceError, match="learning_rate=1e\\+06"):
        made.fit(X, Y, epochs=300, batch_size=8)
    assert made._state.training.epoch >= 2
    assert all(np.isfinite(w).all() for w in made.parameters.values())
    made = model([(SGD(0.1), 4), (SGD(0.2), None)])
    stop = LambdaCallback(on_epoch_end=lambda epoch, logs: setattr(made, "stop_training", epoch == 1))
    assert made.fit(X, Y, epochs=9, callbacks=[stop]).epoch == [0, 1]
    assert made.fit(X, Y, epochs=3).learning_rate == [0.1, 0.1, 0.2]


def test_ctrl_c_keeps_the_place():
    made = model([("adam", 3), ("sgd", None)])

    def interrupt(epoch, logs):
        raise KeyboardInterrupt

    for _ in range(3):
        with pytest.raises(KeyboardInterrupt):
            made.fit(X, Y, epochs=5, callbacks=[LambdaCallback(on_epoch_end=interrupt)])
    assert type(made.optimizer) is Adam
    assert made.fit(X, Y, epochs=1).epoch == [3]
    assert type(made.optimizer) is SGD


@pytest.mark.parametrize(
    ("chain", "steps"),
    [
        (Chain([(Adam(0.1), 20), ("lbfgs", None)]), 100),
        (Chain([SGD(1e-3, momentum=0.9), "bfgs"]), 80),
        (Chain(["newton", SGD(1e-4), "lbfgs"]), 90),
    ],
    ids=repr,
)
def test_minimize(chain, steps):
    def rosenbrock(x):
        return (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2

    result = chain.minimize(rosenbrock, [-1.2, 1.0], steps=steps, tolerance=1e-8, record=True)
    assert result.nit <= steps
    np.testing.assert_allclose(result.x, [1.0, 1.0], atol=1e-6)
    first = chain.optimizers[0]
    share = (chain.shares(steps) or (0,))[0]
    alone = first.minimize(rosenbrock, [-1.2, 1.0], steps=share, tolerance=1e-8, record=True)
    np.testing.assert_array_equal(result.path[: len(alone.path)], alone.path)


# averaging, whether step (epoch) number t is averaged, share of the new weights in average number n
AVERAGES = [
    ({"decay": 0.9}, lambda t: True, lambda n: 0.1),
    ({"decay": 0.5, "start": 4, "every": 3}, lambda t: t > 4 and (t - 4) % 3 == 0, lambda n: 0.5),
    ({"decay": None}, lambda t: True, lambda n: 1 / n),
    ({"decay": None, "start": 5, "every": 2}, lambda t: t > 5 and (t - 5) % 2 == 0, lambda n: 1 / n),
    ({"decay": 0.75, "unit": "epoch"}, lambda t: True, lambda n: 0.25),
    ({"decay": None, "start": 1, "every": 2, "unit": "epoch"}, lambda t: t > 1 and (t - 1) % 2 == 0, lambda n: 1 / n),
]


@pytest.mark.parametrize("inner", [SGD(0.1), Adam(0.05, weight_decay=0.01)], ids=repr)
@pytest.mark.parametrize(
    ("settings", "taken", "share"), AVERAGES, ids=lambda value: str(value)[:40] if isinstance(value, dict) else ""
)
def test_an_average_follows_its_equation(settings, taken, share, inner):
    seen = []
    made, hook = model(copy.deepcopy(inner), dtype="float64"), settings.get("unit", "step")
    keep = lambda *_: seen.append(weights(made))  # noqa: E731
    hooks = {"on_epoch_end": keep} if hook == "epoch" else {"on_train_batch_end": keep}
    made.fit(X, Y, epochs=6, batch_size=20, callbacks=[LambdaCallback(**hooks)])
    average, n = {}, 0
    for t, w in enumerate(seen, 1):
        if taken(t):
            n += 1
            part = 1.0 if n == 1 else share(n)
            average = {name: part * w[name] + (1 - part) * average.get(name, 0.0) for name in w}
    assert n > 1
    description = WeightAverage(copy.deepcopy(inner), **settings)
    averaged = model(description, dtype="float64")
    averaged.fit(X, Y, epochs=2, batch_size=20)
    averaged = pickle.loads(pickle.dumps(averaged))
    averaged.fit(X, Y, epochs=4, batch_size=20)
    assert_same(averaged.parameters, made.parameters)
    found = description.average_weights(averaged)
    for name, w in average.items():
        np.testing.assert_allclose(found[name], w, rtol=1e-13, atol=1e-15)
    assert_same(description.averaged(averaged).parameters, found)


@pytest.mark.parametrize("decay", [0.9, None])
def test_an_average_is_pytorchs(decay):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed: no oracle for averages")
    from torch.optim import swa_utils

    function = swa_utils.get_ema_avg_fn(decay) if decay else swa_utils.get_swa_avg_fn()
    description = WeightAverage(SGD(0.1), decay=decay)
    made = model(description, dtype="float64", layers=[Input(3), Dense(1)])
    peer = torch.nn.Linear(3, 1, dtype=torch.float64)
    with torch.no_grad():
        peer.weight.copy_(torch.tensor(made.parameters["dense/kernel"].T.copy()))
        peer.bias.copy_(torch.tensor(made.parameters["dense/bias"].copy()))
    average, optimizer = swa_utils.AveragedModel(peer, avg_fn=function), torch.optim.SGD(peer.parameters(), lr=0.1)
    rows, targets = torch.tensor(X), torch.tensor(Y)[:, None]
    for _ in range(9):
        optimizer.zero_grad()
        torch.nn.functional.mse_loss(peer(rows), targets).backward()
        optimizer.step()
        average.update_parameters(peer)
    made.fit(X, Y, epochs=9, batch_size=None)
    found = description.average_weights(made)
    np.testing.assert_allclose(found["dense/kernel"].T, average.module.weight.detach().numpy(), rtol=1e-12)
    np.testing.assert_allclose(found["dense/bias"], average.module.bias.detach().numpy(), rtol=1e-12)


@pytest.mark.parametrize("n_threads", THREADS)
def test_an_average_has_the_same_bits_on_any_number_of_threads(n_threads):
    found = []
    rows = np.random.default_rng(1).normal(size=(600, 40))
    for threads in (1, n_threads):
        description = WeightAverage("adam", decay=0.99)
        made = model(description, layers=[Dense(300, "relu"), Dropout(0.2), Dense(200, "relu"), Dense(1)])
        made.fit(rows, rows[:, 0], epochs=2, batch_size=200, n_threads=threads)
        found.append(description.average_weights(made))
    assert_same(*found)


def test_an_average_less_noisy_than_its_weights():
    rows = np.random.default_rng(2).normal(size=(256, 8))
    targets = rows.sum(axis=1) + np.random.default_rng(3).normal(size=256)
    description = WeightAverage(SGD(0.05), decay=None, start=5, unit="epoch")
    made = model(description, layers=[Dense(1)])
    made.fit(rows, targets, epochs=60, batch_size=4)
    assert description.averaged(made).evaluate(rows, targets)["loss"] < 0.95 * made.evaluate(rows, targets)["loss"]


def test_a_frozen_layer_is_its_own_average():
    description = WeightAverage(SGD(0.1))
    made = model(description)
    made.layers[0].trainable = False
    made.fit(X, Y, epochs=2)
    assert_same({"w": description.average_weights(made)["dense/kernel"]}, {"w": made.parameters["dense/kernel"]})


def test_an_average_of_points():
    description, alone = WeightAverage(SGD(0.1), decay=0.5, start=2), SGD(0.1)
    result = description.minimize(lambda x: (x**2).sum(), [3.0, -4.0], steps=6, record=True)
    path = alone.minimize(lambda x: (x**2).sum(), [3.0, -4.0], steps=6, record=True).path
    average = path[3]
    np.testing.assert_array_equal(result.path[:4], path[:4])
    for point, expected in zip(result.path[4:], path[4:], strict=True):
        average = 0.5 * average + 0.5 * expected
        np.testing.assert_allclose(point, average, rtol=1e-14)


def test_a_divergence_takes_the_average_back():
    description = WeightAverage(SGD(1e6), decay=0.5)
    made = model(description, layers=[Dense(1)])
    with pytest.raises(rv.DivergenceError):
        made.fit(X, Y, epochs=300, batch_size=8)
    state = made._state.network.optimizer_state()
    assert all(np.isfinite(array).all() for array in state.values())


def test_rates_and_copies():
    description = WeightAverage(Adam(0.5))
    description.learning_rate = 0.25
    assert description.learning_rate == description.optimizer.learning_rate == 0.25
    for made in (description, Chain([(Adam(0.1), 3), ("lbfgs", None)]), Chain(["sgd", "adam"])):
        for other in (copy.deepcopy(made), pickle.loads(pickle.dumps(made))):
            assert repr(other) == repr(made)
        assert repr(made).startswith(type(made).__name__)
    assert repr(eval(repr(description), vars(rv.optimizers))) == repr(description)
    chain = Chain([(SGD(), 3), (LBFGS(), None)])
    assert repr(eval(repr(chain), vars(rv.optimizers))) == repr(chain)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Chain([]), ValueError, "optimizers must hold at least one optimizer"),
        (lambda: Chain("adam"), TypeError, "optimizers must be a list of optimizers, or of .* got 'adam'"),
        (lambda: Chain(Adam()), TypeError, "optimizers must be a list"),
        (lambda: Chain(["adm"]), ValueError, "unknown optimizer 'adm'.*did you mean 'adam'"),
        (lambda: Chain([("adam", 3), "sgd"]), ValueError, "must be all optimizers or all pairs"),
        (lambda: Chain([("adam", 3, 4), ("sgd", None)]), ValueError, "must be all optimizers or all pairs"),
        (lambda: Chain([("adam", 0), ("sgd", None)]), ValueError, r"epochs of optimizers\[0\] must be .* >= 1, got 0"),
        (lambda: Chain([("adam", True), ("sgd", None)]), ValueError, r"epochs of optimizers\[0\] must be an int"),
        (lambda: Chain([("adam", None), ("sgd", None)]), ValueError, r"epochs of optimizers\[0\] must be .*got None"),
        (lambda: Chain([("adam", 3), ("sgd", 4)]), ValueError, "the last optimizer works until the end.*got 4"),
        (lambda: Chain([Chain(["adam"]), "sgd"]), ValueError, "a chain cannot hold a chain"),
        (lambda: setattr(Chain(["adam"]), "learning_rate", 0.1), AttributeError, "a Chain has no learning_rate"),
        (lambda: setattr(Chain(["adam"]), "epochs", (3,)), AttributeError, r"Chain\.epochs is fixed"),
        (lambda: model(["adam", "newton"]), ValueError, "Newton minimises plain functions"),
        (lambda: model(["adam", "lbfgs"], layers=[Dropout(0.5), Dense(1)]), ValueError, "LBFGS needs a loss that is"),
        (lambda: model([Adam(), Adam(epsilon=1e-60)], layers=[Input(3), Dense(1)]), ValueError, "epsilon=1e-60 is 0"),
        (
            lambda: Chain([SGD(ExponentialDecay(0.1, 1, 0.5, unit="epoch")), "adam"]).minimize(sum, [1.0], steps=2),
            ValueError,
            "minimize has no epochs",
        ),
        (
            lambda: model(["sgd", "adam"]).fit(X, Y, callbacks=[LearningRateFinder()]),
            ValueError,
            "LearningRateFinder tests one optimizer, this model has Chain",
        ),
        (lambda: WeightAverage("lbfgs"), ValueError, "optimizer must be one whose step is a compiled rule.*LBFGS"),
        (lambda: WeightAverage(WeightAverage("sgd")), ValueError, "optimizer must be one whose step"),
        (lambda: WeightAverage(["sgd", "adam"]), ValueError, "optimizer must be one whose step"),
        (lambda: WeightAverage("sgd", decay=1.0), ValueError, r"decay must be a number in \[0.0, 1.0\), got 1.0"),
        (lambda: WeightAverage("sgd", decay="0.9"), TypeError, "decay must be a number"),
        (lambda: WeightAverage("sgd", start=-1), ValueError, "start must be an int >= 0, got -1"),
        (lambda: WeightAverage("sgd", every=0), ValueError, "every must be an int >= 1, got 0"),
        (lambda: WeightAverage("sgd", every=2.5), ValueError, "every must be an int >= 1, got 2.5"),
        (lambda: WeightAverage("sgd", unit="batch"), ValueError, "unit must be 'step' or 'epoch', got 'batch'"),
        (lambda: setattr(WeightAverage("sgd"), "decay", 0.1), AttributeError, r"WeightAverage\.decay is fixed"),
        (lambda: setattr(WeightAverage("sgd"), "learning_rate", -1), ValueError, "learning_rate must be a number"),
        (
            lambda: WeightAverage("sgd", unit="epoch").minimize(sum, [1.0], steps=2),
            ValueError,
            "minimize has no epochs: unit must be 'step'",
        ),
        (lambda: WeightAverage("sgd").average_weights(3), TypeError, "model must be a Sequential, got 3"),
        (lambda: WeightAverage("sgd").average_weights(model("sgd")), ValueError, "optimizer keeps no average"),
        (
            lambda: WeightAverage("sgd").average_weights(model(WeightAverage("sgd", start=3), layers=INPUT)),
            rv.NotFittedError,
            "no weights were averaged yet: the first are those after step 4",
        ),
        (lambda: WeightAverage("sgd").average_weights(model(WeightAverage("sgd"))), rv.NotFittedError, "not fitted"),
    ],
)  # fmt: skip
def test_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()
