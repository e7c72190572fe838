"""Samplers beside a fit: unbiased, with less variance, going on where they ended, and what they refuse."""

import copy
import importlib.util
import pickle
import re

import numpy as np
import pytest

import ravine as rv
from paths import ROOT
from ravine.callbacks import Callback, EarlyStopping, LambdaCallback
from ravine.layers import Dense, Dropout, Input
from ravine.network.data import training_data
from ravine.samplers import AdaptiveWeights, Sampler, Stratified, Weighted

RNG = np.random.default_rng(3)
X = RNG.normal(size=(60, 4))
LABELS = (np.arange(60) % 6 == 0).astype(int) + 2 * (np.arange(60) % 15 == 1)
Y = X @ RNG.normal(size=(4, 1)) + 0.1 * RNG.normal(size=(60, 1))
WEIGHT = RNG.uniform(size=60)

SAMPLERS = {
    "weighted": Weighted(np.arange(60) % 4 + 1.0),
    "weighted, not corrected": Weighted(np.arange(60) % 4, correct=False),
    "stratified": Stratified(),
    "balanced": Stratified(balanced=True),
    "balanced, not corrected": Stratified(balanced=True, correct=False),
    "adaptive": AdaptiveWeights(),
    "adaptive, strata": AdaptiveWeights(0.1, strata=[f"group {i % 7}" for i in range(60)], normalize=False),
}


def classifier(optimizer="adam", dtype="float64", metrics=("accuracy",), seed=5, **loss):
    model = rv.Sequential([Input(4), Dense(6, "tanh"), Dropout(0.1), Dense(3)], dtype=dtype, random_state=seed)
    model.compile(optimizer=optimizer, loss=rv.losses.CategoricalCrossentropy(**loss), metrics=metrics)
    return model


def weights(model):
    return {name: w.copy() for name, w in model.parameters.items()}


def assert_same_weights(one, other):
    for name, w in weights(one).items():
        np.testing.assert_array_equal(w, other.parameters[name])


def sampling(sampler, model, y=LABELS, weight=None, rows=60):
    """The sampler at work, as `fit` makes it."""
    from ravine.training.sampling import Sampling

    data, _ = training_data(model._state, X[:rows], y[:rows], weight)
    return Sampling.begin(model._state, sampler, data, rows).engine


# ---------------------------------------------------------------------------------------------------- the expectation


def steps_of_one_row(sampler, weight, reduction):
    """The change of the weights by a step of plain descent on one row, for every row, with its probability."""
    model = rv.Sequential([Input(4), Dense(3, "tanh"), Dense(3)], dtype="float64", random_state=1)
    model.compile(optimizer=rv.optimizers.SGD(1.0), loss=rv.losses.CategoricalCrossentropy(reduction=reduction))
    engine, network, start = sampling(sampler, model, weight=weight), model._state.network, weights(model)
    data, _ = training_data(model._state, X, LABELS, weight)
    found, step = {}, 0
    wanted = np.flatnonzero(sampler.weights) if isinstance(sampler, Weighted) else np.arange(60)
    while len(found) < len(wanted):
        (row,) = engine.batch(step=step, rows=1)
        if row not in found:
            for name, w in start.items():
                model.parameters[name][...] = w
            network.step = step
            network.train(data.X, data.target, data.weight, batch_size=1, first_epoch=0, epochs=1, batches=1,
                          rates=np.array([1.0]), sampler=engine)  # fmt: skip
            found[row] = np.concatenate([(w - model.parameters[n]).ravel() for n, w in start.items()])
        step += 1
    for name, w in start.items():
        model.parameters[name][...] = w
    return model, np.array([found[row] for row in wanted]), wanted, engine.probability


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["ones", "weights"])
@pytest.mark.parametrize("correct", [True, False])
def test_the_exact_mean_over_weighted_draws_is_a_gradient(correct, weight, reduction):
    """That of all rows, or without correction that of the rows weighted by q."""
    share = np.arange(60) % 4 + (1.0 if correct else 0.0)
    model, steps, rows, probability = steps_of_one_row(Weighted(share, correct=correct), weight, reduction)
    np.testing.assert_allclose(probability, share / share.sum(), rtol=1e-14)
    mean = (probability[rows, None] * steps).sum(axis=0)
    w = np.ones(60) if weight is None else weight
    _, gradients = model.loss_and_gradients(X, LABELS, sample_weight=w if correct else share / share.sum() * w)
    expected = np.concatenate([gradients[name].ravel() for name in model.parameters])
    np.testing.assert_allclose(mean, expected / (60 if reduction == "sum" and correct else 1), rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["ones", "weights"])
def test_the_exact_mean_over_adaptive_draws_is_the_gradient(weight, reduction):
    """First learn, so that q is far from p; the learnt q belongs to the model, and the steps are its."""
    sampler = AdaptiveWeights(1e-12)
    model = classifier()
    model.fit(X, LABELS, epochs=1, sampler=sampler)
    start = model.sampling_probabilities
    np.testing.assert_allclose(start, np.bincount(LABELS) / 60)
    model, steps, rows, probability = steps_of_one_row(Tilted(1e-12), weight, reduction)
    assert probability[1] > 2 * start[1]
    mean = (probability[LABELS, None] / np.bincount(LABELS)[LABELS, None] * steps).sum(axis=0)
    assert (rows == np.arange(60)).all()
    _, gradients = model.loss_and_gradients(X, LABELS, sample_weight=weight)
    expected = np.concatenate([gradients[name].ravel() for name in model.parameters])
    np.testing.assert_allclose(mean, expected / (60 if reduction == "sum" else 1), rtol=1e-9, atol=1e-15)


class Tilted(AdaptiveWeights):
    """One that begins far from the shares of the data."""

    def _engine(self, rows):
        engine = super()._engine(rows)
        engine.state[:3] = 0.0, 1.5, 0.5
        return engine


@pytest.mark.parametrize("name", ["weighted", "adaptive", "stratified", "balanced"])
def test_the_mean_of_batches_is_the_gradient(name):
    """Batches of 8 by chance: their mean is within five standard errors of the full gradient."""
    model = rv.Sequential([Input(4), Dense(3)], dtype="float64", random_state=1)
    model.compile(optimizer=rv.optimizers.SGD(1.0), loss="categorical_crossentropy")
    sampler = Tilted(1e-12) if name == "adaptive" else SAMPLERS[name]
    engine, network, start = sampling(sampler, model, weight=WEIGHT), model._state.network, weights(model)
    data, _ = training_data(model._state, X, LABELS, WEIGHT)
    steps = []
    for epoch in range(2000):
        for parameter, w in start.items():
            model.parameters[parameter][...] = w
        network.train(data.X, data.target, data.weight, batch_size=8, first_epoch=epoch, epochs=1, first_batch=3,
                      batches=1, shuffle_seed=1, rates=np.array([1.0]), sampler=engine)  # fmt: skip
        steps.append(np.concatenate([(w - model.parameters[n]).ravel() for n, w in start.items()]))
    for parameter, w in start.items():
        model.parameters[parameter][...] = w
    _, gradients = model.loss_and_gradients(X, LABELS, sample_weight=WEIGHT)
    expected = np.concatenate([gradients[n].ravel() for n in start])
    error = np.std(steps, axis=0) / np.sqrt(len(steps))
    assert (abs(np.mean(steps, axis=0) - expected) < 5 * error).all()
    assert error.max() < 0.02


# ------------------------------------------------------------------------------------------------------- the variance


@pytest.fixture(scope="module")
def rare():
    path = ROOT / "examples" / "rare_class.py"
    spec = importlib.util.spec_from_file_location("example_rare_class", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("seed", range(3))
def test_variance_at_fixed_weights_falls_to_a_ninth_and_near_the_least(rare, seed):
    """A class of 2 % with large gradients: measured 9.9 to 17 times less variance, over five seeds."""
    X, y = rare.points(seed)
    assert y.mean() == 0.02
    plain, learnt, least = rare.at_fixed_weights(X, y)
    print(f"seed {seed}: variance {plain:.4f} -> {learnt:.4f} ({plain / learnt:.1f} times less), at best {least:.4f}")
    assert plain > 9 * learnt
    assert learnt < 1.05 * least


@pytest.mark.parametrize("seed", range(2))
def test_variance_halves_in_training(rare, seed):
    """From the third epoch on; eight times less from the tenth: weights move, and q follows."""
    X, y = rare.points(seed)
    _, plain, learnt = rare.in_training(X, y).T
    print(f"seed {seed}: times less, by epoch: {(plain / learnt).round(1)}")
    assert (plain[2:] > 2 * learnt[2:]).all()
    assert (plain[9:] > 8 * learnt[9:]).all()


def test_the_measure_of_variance_is_that_of_draws(rare):
    """The example's formula against draws, to their standard error."""
    X, y = rare.points()
    model = rare.compiled()
    model.fit(X, y, epochs=5)
    gradients, probability = rare.row_gradients(model, X, y), np.array([0.6, 0.4])
    rng = np.random.default_rng(0)
    stratum = (rng.random(20_000) < 0.4).astype(int)
    rows = np.array([rng.choice(np.flatnonzero(y == k)) for k in stratum[:5000]])
    stratum = stratum[:5000]
    d = gradients[rows] * (np.bincount(y) / len(y) / probability)[stratum, None]
    squared = ((d - gradients.mean(axis=0)) ** 2).sum(axis=1)
    error = squared.std() / np.sqrt(len(squared))
    assert abs(squared.mean() - rare.variance(gradients, y, probability)) < 5 * error


# ------------------------------------------------------------------------------------------------------- beside a fit


def no_op(*_):
    pass


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("hook", ["on_epoch_end", "on_train_batch_end"])
@pytest.mark.parametrize("name", SAMPLERS)
def test_coming_back_to_python_changes_nothing(name, hook, reduction):
    results = []
    for callbacks in ([], [LambdaCallback(**{hook: no_op})]):
        model = classifier("sgd", reduction=reduction)
        history = model.fit(
            X, LABELS, epochs=3, batch_size=16, sample_weight=WEIGHT, sampler=SAMPLERS[name], callbacks=callbacks
        )
        results.append((model, history.history))
    assert_same_weights(results[0][0], results[1][0])
    for key in ("loss", "accuracy"):
        np.testing.assert_allclose(results[0][1][key], results[1][1][key], rtol=1e-10)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", SAMPLERS)
def test_any_number_of_threads_gives_the_same_bits(name, dtype):
    models = [classifier(dtype=dtype) for _ in range(3)]
    for model, n_threads in zip(models, (1, 2, 3), strict=True):
        model.fit(X, LABELS, epochs=4, batch_size=48, sampler=SAMPLERS[name], n_threads=n_threads)
    for other in models[1:]:
        assert_same_weights(models[0], other)


@pytest.mark.parametrize("again", [lambda m: m, copy.deepcopy, copy.copy, lambda m: pickle.loads(pickle.dumps(m))])
@pytest.mark.parametrize("name", SAMPLERS)
def test_a_second_fit_goes_on(name, again):
    once, twice = classifier(), classifier()
    once.fit(X, LABELS, epochs=6, sampler=SAMPLERS[name])
    twice.fit(X, LABELS, epochs=2, sampler=SAMPLERS[name])
    resumed = again(twice)
    resumed.fit(X, LABELS, epochs=4, sampler=copy.copy(SAMPLERS[name]))
    assert_same_weights(once, resumed)


def test_what_is_learnt_stays_until_compile_or_other_settings():
    model = classifier()
    assert model.sampling_probabilities is None
    model.fit(X, LABELS, epochs=5, sampler=AdaptiveWeights())
    learnt = model.sampling_probabilities
    assert learnt.sum() == pytest.approx(1.0) and (learnt != np.bincount(LABELS) / 60).all()
    model.fit(X, LABELS, epochs=2)
    np.testing.assert_array_equal(model.sampling_probabilities, learnt)
    model.fit(X, LABELS, epochs=0, sampler=AdaptiveWeights())
    np.testing.assert_array_equal(model.sampling_probabilities, learnt)
    model.fit(X, LABELS, epochs=0, sampler=AdaptiveWeights(0.2))
    np.testing.assert_allclose(model.sampling_probabilities, np.bincount(LABELS) / 60)
    model.compile(loss="categorical_crossentropy")
    assert model.sampling_probabilities is None


def test_copies_learn_on_their_own():
    model = classifier()
    model.fit(X, LABELS, sampler=AdaptiveWeights())
    twin, learnt = copy.copy(model), model.sampling_probabilities
    twin.fit(X, LABELS, epochs=3, sampler=AdaptiveWeights())
    np.testing.assert_array_equal(model.sampling_probabilities, learnt)


def test_a_fit_without_a_sampler_is_as_ever():
    plain, after = classifier(), classifier()
    plain.fit(X, LABELS, epochs=2)
    after.fit(X, LABELS, epochs=0, sampler=AdaptiveWeights())
    after.fit(X, LABELS, epochs=2, sampler=None)
    assert_same_weights(plain, after)


def test_train_on_batch_in_a_callback_takes_its_own_rows():
    class Between(Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.train_on_batch(X[:7], LABELS[:7])

    model = classifier()
    model.fit(X, LABELS, epochs=2, sampler=AdaptiveWeights(), callbacks=[Between()])
    assert np.isfinite(model.evaluate(X, LABELS)["loss"])


@pytest.mark.parametrize("name", SAMPLERS)
def test_validation_metrics_and_early_stopping_go_along(name):
    model = classifier(metrics=["accuracy", "f1"])
    history = model.fit(
        X, LABELS, epochs=30, batch_size=10, validation_split=0.2, class_weight="balanced", sampler=SAMPLERS[name],
        callbacks=[EarlyStopping(patience=30)],
    )  # fmt: skip
    assert list(history.history) == ["loss", "accuracy", "f1", "val_loss", "val_accuracy", "val_f1"]
    assert len(history.epoch) == 30 and np.isfinite(list(history.history.values())).all()


def test_the_loss_of_an_epoch_is_unbiased():
    """The mean of many epochs' losses at weights that stand still is the loss of all rows."""
    for sampler in (SAMPLERS["weighted"], Tilted(1e-12), Stratified(balanced=True)):
        model = rv.Sequential([Input(4), Dense(3)], dtype="float64", random_state=1)
        model.compile(optimizer=rv.optimizers.SGD(1e-300), loss="categorical_crossentropy", metrics=["accuracy"])
        history = model.fit(X, LABELS, epochs=1000, batch_size=20, sample_weight=WEIGHT, sampler=sampler).history
        expected = model.evaluate(X, LABELS, sample_weight=WEIGHT)
        for key, value in expected.items():
            error = np.std(history[key]) / np.sqrt(1000)
            assert abs(np.mean(history[key]) - value) < 5 * error


@pytest.mark.parametrize("name", SAMPLERS)
def test_divergence_names_it_and_takes_the_sampler_back(name):
    model = rv.Sequential([Input(4), Dense(8, "relu"), Dense(1)], random_state=0)
    model.compile(optimizer=rv.optimizers.SGD(1e6), loss="mse")
    sampler = Stratified(LABELS, balanced=True) if "balanced" in name else SAMPLERS[name]
    with pytest.raises(rv.DivergenceError, match="the loss was"):
        model.fit(X, Y, epochs=5, sampler=sampler)
    assert all(np.isfinite(w).all() for w in model.parameters.values())
    if model.sampling_probabilities is not None:
        assert np.isfinite(model.sampling_probabilities).all()
    model.optimizer.learning_rate = 0.01
    assert np.isfinite(model.fit(X, Y, epochs=2, sampler=sampler).history["loss"]).all()


def test_frozen_layers_count_for_nothing():
    """With all layers but the last frozen, tau learns from the last one's norms: the strata come out otherwise."""
    found = []
    for trainable in (True, False):
        model = classifier()
        model.layers[0].trainable = trainable
        model.fit(X, LABELS, epochs=5, sampler=AdaptiveWeights())
        found.append(model.sampling_probabilities)
    assert abs(found[0] - found[1]).max() > 1e-6


def test_batches_keep_the_shares():
    model = classifier()
    counts = np.bincount(LABELS)
    for sampler, wanted, slack in (
        (Stratified(), 20 * counts / 60, 2),
        (Stratified(balanced=True), np.full(3, 20 / 3), 1),
    ):
        engine = sampling(sampler, model)
        for epoch in range(20):
            order = rv._core.epoch_order(60, 5, epoch).astype(np.uint32)
            for first in (0, 20, 40):
                drawn = engine.batch(step=0, epoch=epoch, order=order, first=first, rows=20)
                assert (abs(np.bincount(LABELS[drawn], minlength=3) - wanted) < slack).all()
    whole = sampling(Stratified(), model).batch(step=0, rows=60)
    assert sorted(whole) == list(range(60))


def test_whole_shares_come_out_exactly():
    y = np.repeat([0, 1, 2], [50, 30, 20])
    model = rv.Sequential([Input(1), Dense(3)], random_state=0)
    model.compile(loss="categorical_crossentropy")
    seen = []
    from ravine.training.sampling import Sampling

    data, _ = training_data(model._state, np.arange(100.0)[:, None], y, None)
    engine = Sampling.begin(model._state, Stratified(), data, 100).engine
    for first in range(0, 100, 10):
        rows = engine.batch(step=0, epoch=3, order=np.arange(100, dtype=np.uint32), first=first, rows=10)
        seen.append(np.bincount(y[rows], minlength=3).tolist())
    assert seen == [[5, 3, 2]] * 10


@pytest.mark.parametrize(
    ("y", "quantiles", "sizes"),
    [
        (np.arange(60.0), None, [6] * 10),
        (np.arange(60.0)[::-1], 4, [15] * 4),
        (np.repeat([1.0, 2.0], 30), None, [30, 30]),
        (np.where(np.arange(60) < 50, 0.0, np.arange(60)), 3, [50, 10]),
        (np.where(np.arange(60) < 10, np.arange(60), 90.0), 3, [10, 50]),
        (np.ones(60), 5, [60]),
    ],
)
def test_numeric_targets_are_cut_at_their_quantiles(y, quantiles, sizes):
    model = rv.Sequential([Input(4), Dense(1)], random_state=0)
    model.compile(loss="mse")
    sampler = AdaptiveWeights(quantiles=quantiles)
    model.fit(X, y, epochs=0, sampler=sampler)
    np.testing.assert_allclose(model.sampling_probabilities, np.array(sizes) / 60, rtol=1e-6)


def test_a_balanced_batch_as_long_as_the_data_comes_to_all_rows():
    """The large stratum has more rows than slots: each epoch takes others."""
    engine = sampling(Stratified(balanced=True), classifier())
    orders = [rv._core.epoch_order(60, 5, epoch).astype(np.uint32) for epoch in range(20)]
    drawn = {row for e, order in enumerate(orders) for row in engine.batch(step=0, epoch=e, order=order, rows=60)}
    assert drawn == set(range(60))


def test_weights_of_zero_are_never_drawn():
    engine = sampling(Weighted(np.arange(60) % 4), classifier())
    drawn = np.concatenate([engine.batch(step=step, rows=60) for step in range(50)])
    assert (drawn % 4 > 0).all() and set(drawn) == {i for i in range(60) if i % 4}


@pytest.mark.parametrize("name", SAMPLERS)
def test_rows_without_weight_change_nothing(name):
    model = classifier()
    before = weights(model)
    model.fit(X, LABELS, sample_weight=np.zeros(60), sampler=SAMPLERS[name])
    for parameter, w in before.items():
        np.testing.assert_array_equal(model.parameters[parameter], w)


# ------------------------------------------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (Sampler, TypeError, "abstract"),
        (lambda: Weighted(None), ValueError, "weights must be an array, got None"),
        (lambda: Weighted([[1.0]]), ValueError, "weights must have shape (n,), one for each row of X, got"),
        (lambda: Weighted([1.0, -1.0]), ValueError, "weights must not be negative, got -1.0"),
        (lambda: Weighted([1.0, np.nan]), ValueError, "Input weights contains NaN"),
        (lambda: Weighted([1.0, np.inf]), ValueError, "Input weights contains infinity"),
        (lambda: Weighted([0.0, 0.0]), ValueError, "weights must have a sum that is positive and finite, got 0.0"),
        (lambda: Weighted([1e308, 1e308]), ValueError, "weights must have a sum that is positive and finite, got inf"),
        (lambda: Weighted([]), ValueError, "weights must have a sum that is positive and finite, got 0.0"),
        (lambda: Weighted(["a", "b"]), ValueError, "weights: could not convert string to float"),
        (lambda: Weighted([1.0], correct=1), TypeError, "correct must be True or False, got 1"),
        (lambda: Stratified(balanced="yes"), TypeError, "balanced must be True or False, got 'yes'"),
        (lambda: Stratified(correct=False), ValueError, "correct=False changes nothing unless balanced=True"),
        (lambda: Stratified([[1, 2]]), ValueError, "got shape (1, 2) and dtype int64"),
        (lambda: Stratified([1.0, 2.0]), ValueError, "strata must be None or an array of ints, bools or strings"),
        (lambda: Stratified([]), ValueError, "strata must be None or an array of ints, bools or strings"),
        (lambda: Stratified([1, "a", None]), ValueError, "dtype object"),
        (lambda: Stratified([0, 1], quantiles=3), ValueError, "give strata or quantiles, not both, got quantiles=3"),
        (lambda: Stratified(quantiles=1), ValueError, "quantiles must be None or an int >= 2, got 1"),
        (lambda: Stratified(quantiles=True), ValueError, "quantiles must be None or an int >= 2, got True"),
        (lambda: AdaptiveWeights(quantiles=2.5), ValueError, "quantiles must be None or an int >= 2, got 2.5"),
        (lambda: AdaptiveWeights(0.0), ValueError, "learning_rate must be a number in (0.0, inf), got 0.0"),
        (lambda: AdaptiveWeights(np.nan), ValueError, "learning_rate must be a number in (0.0, inf), got nan"),
        (lambda: AdaptiveWeights(True), TypeError, "learning_rate must be a number in (0.0, inf), got True"),
        (lambda: AdaptiveWeights(uniform=0), ValueError, "uniform must be a number in (0.0, 1.0], got 0"),
        (lambda: AdaptiveWeights(uniform=1.5), ValueError, "uniform must be a number in (0.0, 1.0], got 1.5"),
        (lambda: AdaptiveWeights(normalize=None), TypeError, "normalize must be True or False, got None"),
    ],
)  # fmt: skip
def test_wrong_settings(make, error, message):
    with pytest.raises(error, match=re.escape(message)):
        make()


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"sampler": "adaptive"}, TypeError, "sampler must be None or a samplers.Sampler, got 'adaptive'"),
        ({"sampler": AdaptiveWeights}, TypeError, "sampler must be None or a samplers.Sampler, got <class"),
        ({"sampler": Weighted(np.ones(59))}, ValueError, "weights has 59 entries, X has 60 rows"),
        ({"sampler": Stratified(np.ones(61, int))}, ValueError, "strata has 61 entries, X has 60 rows"),
        ({"sampler": Stratified(quantiles=4)}, ValueError, "quantiles cut numbers, but these targets are classes"),
        ({"sampler": AdaptiveWeights(), "shuffle": False}, ValueError, "shuffle=False keeps the order of the rows"),
        ({"sampler": SAMPLERS["weighted"], "shuffle": False}, ValueError, "but Weighted draws them"),
        ({"sampler": Stratified(balanced=True), "shuffle": False}, ValueError, "but Stratified draws them"),
        ({"sampler": Weighted(np.arange(60) > 49), "validation_split": 0.5}, ValueError, "rows to train on are all"),
    ],
)  # fmt: skip
def test_what_fit_refuses(options, error, message):
    model = classifier()
    before = weights(model)
    with pytest.raises(error, match=re.escape(message)):
        model.fit(X, LABELS, **options)
    for name, w in before.items():
        np.testing.assert_array_equal(model.parameters[name], w)


@pytest.mark.parametrize(
    ("loss", "last", "y"),
    [("mse", Dense(2), np.ones((60, 2))), ("binary_crossentropy", Dense(2, "sigmoid"), np.ones((60, 2)))],
)
def test_several_outputs_need_strata(loss, last, y):
    model = rv.Sequential([last], random_state=0)
    model.compile(loss=loss)
    with pytest.raises(ValueError, match="targets with 2 outputs have no strata of their own; give strata="):
        model.fit(X, y, sampler=AdaptiveWeights())
    model.fit(X, y, sampler=AdaptiveWeights(strata=LABELS))
    assert len(model.sampling_probabilities) == 3


@pytest.mark.parametrize("optimizer", [rv.optimizers.LBFGS(), rv.optimizers.BFGS()])
def test_optimizers_that_search_are_refused(optimizer):
    model = rv.Sequential([Input(4), Dense(3)], random_state=0)
    model.compile(optimizer=optimizer, loss="categorical_crossentropy")
    with pytest.raises(ValueError, match="compares losses of one batch; leave the sampler out"):
        model.fit(X, LABELS, batch_size=None, sampler=AdaptiveWeights())


def test_stratified_keeps_the_order_without_shuffle():
    model = classifier("sgd")
    model.fit(X, LABELS, epochs=2, shuffle=False, sampler=Stratified())
    other = classifier("sgd")
    other.fit(X, LABELS, epochs=2, shuffle=False)
    assert any((model.parameters[name] != w).any() for name, w in weights(other).items())


@pytest.mark.parametrize("name", SAMPLERS)
def test_settings_are_fixed(name):
    sampler = SAMPLERS[name]
    for setting in vars(sampler):
        with pytest.raises(AttributeError, match=f"{setting} is fixed; make a new {type(sampler).__name__}"):
            setattr(sampler, setting, 1)
    for array in (getattr(sampler, "weights", None), getattr(sampler, "strata", None)):
        if array is not None:
            with pytest.raises(ValueError, match="read-only"):
                array[0] = array[1]
