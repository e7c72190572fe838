"""BatchNorm and LayerNorm in models: training, files, resuming, averages, searches, and what is refused."""

from __future__ import annotations

import copy
import warnings

import numpy as np
import pytest

import ravine as rv
from ravine.layers import Activation, BatchNorm, Dense, Dropout, Flatten, Input, LayerNorm, Residual

RNG = np.random.default_rng(3)
X = RNG.normal(size=(90, 6)) * [1, 5, 0.2, 3, 1, 1] + [0, 10, -3, 1, 0, 0]
Y = np.sin(X[:, :2])
IMAGES = RNG.normal(size=(40, 4, 5, 3))


def model(*layers, shape=6, optimizer="adam", dtype="float64", **options):
    made = rv.Sequential([Input(shape), *layers], dtype=dtype, random_state=0, **options)
    made.compile(optimizer, "mse")
    return made


def net(**options):
    layers = [BatchNorm(), Dense(8), BatchNorm(), Activation("relu"), Residual([Dense(8), BatchNorm()]), Dense(2)]
    return model(*layers, **options)


def everything(made):
    return {**made.parameters, **made.statistics}


def same(one, other):
    assert everything(one).keys() == everything(other).keys()
    return all(np.array_equal(w, everything(other)[name]) for name, w in everything(one).items())


def test_statistics_of_a_long_fit_are_those_of_the_data():
    made = model(BatchNorm(), Dense(2))
    made.fit(X, Y, epochs=100, batch_size=None)
    np.testing.assert_allclose(made.statistics["batch_norm/moving_mean"], X.mean(axis=0), rtol=1e-4)
    np.testing.assert_allclose(made.statistics["batch_norm/moving_variance"], X.var(axis=0), rtol=1e-3)
    p, s = made.parameters, made.statistics
    n = (X - s["batch_norm/moving_mean"]) / np.sqrt(s["batch_norm/moving_variance"] + 1e-5)
    wanted = (n * p["batch_norm/gamma"] + p["batch_norm/beta"]) @ p["dense/kernel"] + p["dense/bias"]
    np.testing.assert_allclose(made.predict(X), wanted, rtol=1e-12)


def test_images_have_their_statistics_by_channel():
    made = model(BatchNorm(), LayerNorm(), Flatten(), Dense(2), shape=(4, 5, 3))
    assert {name: w.shape for name, w in everything(made).items() if "norm" in name} == {
        "batch_norm/gamma": (3,), "batch_norm/beta": (3,), "layer_norm/gamma": (3,), "layer_norm/beta": (3,),
        "batch_norm/moving_mean": (3,), "batch_norm/moving_variance": (3,),
    }  # fmt: skip
    made.fit(IMAGES, Y[:40], epochs=1, batch_size=None)
    np.testing.assert_allclose(made.statistics["batch_norm/moving_mean"], 0.1 * IMAGES.mean(axis=(0, 1, 2)), rtol=1e-12)


def test_gradients_at_the_running_statistics():
    for layers in ([BatchNorm(), Dense(5, "tanh"), BatchNorm(scale=False), Dense(2)],
                   [LayerNorm(), Dense(5, "tanh"), LayerNorm(epsilon=0.1), Dense(2)]):  # fmt: skip
        made = model(*layers)
        made.fit(X, Y, epochs=3)
        before = copy.deepcopy(made)
        assert rv.check_gradients(made, X[:20], Y[:20])
        loss, _ = made.loss_and_gradients(X, Y)
        assert loss == pytest.approx(made.evaluate(X, Y)["loss"], rel=1e-12)
        rv.diagnose(made, X, Y)
        assert same(made, before)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_bits_do_not_depend_on_threads_and_live_through_a_file(dtype, tmp_path):
    def fitted(threads, epochs=4):
        made = net(dtype=dtype)
        made.fit(X, Y, epochs=epochs, batch_size=32, n_threads=threads, sample_weight=np.arange(90) % 4)
        return made

    first = fitted(1)
    for threads in (2, 3, 8):
        assert same(first, fitted(threads))
    half = fitted(2, epochs=2)
    half.save(tmp_path / "half.ravine")
    loaded = rv.load(tmp_path / "half.ravine")
    assert repr(loaded.layers) == repr(half.layers)
    assert same(loaded, half)
    loaded.fit(X, Y, epochs=2, batch_size=32, sample_weight=np.arange(90) % 4)
    assert same(loaded, first)


def test_resuming_ends_with_the_same_bits(tmp_path):
    whole, cut = net(), net()
    whole.fit(X, Y, epochs=4, batch_size=16)
    path = tmp_path / "fit.ravine"
    cut.fit(X, Y, epochs=2, batch_size=16, callbacks=[rv.callbacks.ModelCheckpoint(path)])
    fresh = net()
    fresh.fit(X, Y, epochs=4, batch_size=16, resume=path)
    assert same(whole, fresh)


@pytest.mark.parametrize("name", ["w.safetensors", "w.npz"])
def test_weights_have_their_statistics(name, tmp_path):
    made, other = net(), net()
    made.fit(X, Y, epochs=2)
    made.save_weights(tmp_path / name)
    other.load_weights(tmp_path / name)
    assert same(made, other)
    listed, third = made.get_weights(), net()
    names = ["gamma", "beta", "moving_mean", "moving_variance"]
    assert [w.shape for w in listed[:4]] == [(6,)] * 4
    assert all(np.array_equal(w, everything(made)[f"batch_norm/{n}"]) for w, n in zip(listed, names, strict=False))
    third.set_weights(listed)
    assert same(made, third)
    with pytest.raises(rv.CheckpointMismatchError, match="'batch_norm/moving_mean' is missing"):
        third.load_weights(dict(made.parameters))
    assert same(copy.deepcopy(made), made)


def test_statistics_are_views_apart_from_parameters():
    made = net()
    assert list(made.statistics)[:2] == ["batch_norm/moving_mean", "batch_norm/moving_variance"]
    assert not set(made.statistics) & set(made.parameters)
    made.statistics["batch_norm/moving_mean"][...] = 7.0
    assert made.get_weights()[2].tolist() == [7.0] * 6
    assert set(made.loss_and_gradients(X, Y)[1]) == set(made.parameters)
    printed = []
    made.summary(print_fn=printed.append)
    assert "statistics: 44" in "".join(printed)
    assert model(Dense(1)).statistics == {}
    with pytest.raises(rv.NotFittedError):
        _ = rv.Sequential([BatchNorm()]).statistics


def test_divergence_gives_the_statistics_back_with_the_weights():
    made = net(optimizer=rv.optimizers.SGD(1e-3))
    made.fit(X, Y, epochs=2)
    before = copy.deepcopy(made)
    made.compile(rv.optimizers.SGD(1e200), "mse")
    with pytest.raises(rv.DivergenceError):
        made.fit(X, Y, epochs=5)
    assert same(made, before)


def test_early_stopping_gives_the_best_epochs_statistics_back():
    kept = []

    class Keep(rv.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            kept.append({name: w.copy() for name, w in everything(self.model).items()})

    made = net(optimizer=rv.optimizers.SGD(0.3))
    stopping = rv.callbacks.EarlyStopping(monitor="val_loss", patience=3, restore_best_weights=True)
    made.fit(X, Y, epochs=60, batch_size=16, validation_split=0.3, callbacks=[Keep(), stopping])
    best = kept[stopping.best_epoch]
    assert len(kept) - 1 > stopping.best_epoch
    assert all(np.array_equal(w, best[name]) for name, w in everything(made).items())


def test_averages_and_ensembles_have_statistics():
    average = rv.optimizers.WeightAverage(rv.optimizers.SGD(0.05), decay=None, start=0, unit="epoch")
    made = net(optimizer=average)
    kept = []
    for _ in range(3):
        made.fit(X, Y, epochs=1, batch_size=32)
        kept.append(made.statistics["batch_norm_1/moving_mean"].copy())
    averaged = average.averaged(made)
    np.testing.assert_allclose(averaged.statistics["batch_norm_1/moving_mean"], np.mean(kept, axis=0), rtol=1e-12)
    ensemble = rv.Ensemble(net(), size=2)
    ensemble.fit(X, Y, epochs=2)
    mean = np.mean([m.statistics["batch_norm/moving_mean"] for m in ensemble.members], axis=0)
    np.testing.assert_allclose(ensemble.averaged().statistics["batch_norm/moving_mean"], mean, rtol=1e-12)


def test_many_starts_are_those_of_fits_alone():
    many = rv.MultiStart(net(), starts=3, prune=False, random_state=1)
    many.fit(X, Y, epochs=3, batch_size=32, n_threads=2)
    alone = rv.Sequential(net().layers, dtype="float64", random_state=many.best_model.random_state)
    alone.compile("adam", "mse")
    alone.fit(X, Y, epochs=3, batch_size=32)
    assert same(many.best_model, alone)


def test_frozen_layers_keep_their_statistics():
    made = model(BatchNorm(), Dense(4, "relu"), BatchNorm(), Dense(2))
    made.fit(X, Y, epochs=2)
    before = {name: w.copy() for name, w in everything(made).items()}
    made.layers[0].trainable = False
    made.fit(X, Y, epochs=2)
    for name, w in everything(made).items():
        assert np.array_equal(w, before[name]) == name.startswith("batch_norm/")


def test_rows_of_weight_0_count_for_nothing():
    with_rows, without = net(), net()
    more = np.concatenate([X, 1e6 * np.ones((30, 6))])
    with_rows.fit(
        more, np.concatenate([Y, Y[:30]]), epochs=1, batch_size=None, sample_weight=1.0 * (np.arange(120) < 90)
    )
    without.fit(X, Y, epochs=1, batch_size=None)
    for name, w in everything(with_rows).items():
        np.testing.assert_allclose(w, everything(without)[name], rtol=1e-9, atol=1e-12)


def test_a_batch_without_weight_teaches_nothing():
    some, half = net(), net()
    some.fit(X, Y, epochs=2, batch_size=45, shuffle=False, sample_weight=1.0 * (np.arange(90) >= 45))
    half.fit(X[45:], Y[45:], epochs=2, batch_size=45, sample_weight=np.ones(45))
    assert same(some, half)


def test_class_weights_weigh_statistics():
    labels = np.arange(90) % 3
    made = rv.Sequential([Input(6), BatchNorm(momentum=0.0), Dense(3, "softmax")], dtype="float64", random_state=0)
    made.compile("adam", "categorical_crossentropy")
    made.fit(X, labels, epochs=1, batch_size=None, class_weight={0: 2.0, 1: 1.0, 2: 0.0})
    wanted = np.average(X, axis=0, weights=np.array([2.0, 1.0, 0.0])[labels])
    np.testing.assert_allclose(made.statistics["batch_norm/moving_mean"], wanted, rtol=1e-12)


def test_samplers():
    made = model(BatchNorm(), Dense(2))
    made.fit(X, Y, epochs=2, batch_size=16, sampler=rv.samplers.Weighted(1.0 + np.arange(90)))
    assert made.statistics["batch_norm/moving_mean"].any()
    with pytest.raises(ValueError, match="which batch_norm cannot give; set its trainable to False"):
        made.fit(X, Y, epochs=1, sampler=rv.samplers.AdaptiveWeights(strata=np.arange(90) % 3))


@pytest.mark.parametrize("optimizer", ["lbfgs", rv.optimizers.OpenAIES(population=6)], ids=str)
def test_searches_take_the_running_statistics_and_keep_them(optimizer):
    made = model(BatchNorm(), Dense(2))
    made.fit(X, Y, epochs=20)
    before = {name: w.copy() for name, w in made.statistics.items()}
    made.compile(optimizer, "mse")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        history = made.fit(X, Y, epochs=3, batch_size=None)
    assert all(np.array_equal(w, before[name]) for name, w in made.statistics.items())
    assert np.isfinite(history.history["loss"]).all()
    fresh = model(BatchNorm(), Dense(2), optimizer=optimizer)
    with pytest.warns(UserWarning, match="running statistics of batch_norm, which it does not learn"):
        fresh.fit(X, Y, epochs=1, batch_size=None)


def test_batches_of_one_row():
    made = model(Dense(3), BatchNorm(), Dense(2))
    with pytest.raises(ValueError, match=r"layer batch_norm takes the variance of each batch.* LayerNorm"):
        made.fit(X, Y, batch_size=1)
    with pytest.raises(ValueError, match="batch_size of at least 2"):
        rv.Ensemble(made, size=2).fit(X, Y, batch_size=1)
    made.layers[1].trainable = False
    made.fit(X, Y, batch_size=1)
    model(LayerNorm(), Dense(2)).fit(X, Y, batch_size=1)
    model(BatchNorm(), Flatten(), Dense(2), shape=(4, 5, 3)).fit(IMAGES, Y[:40], batch_size=1)
    made = model(Dense(3), BatchNorm(), Dense(2))
    made.fit(X[:33], Y[:33], batch_size=32, shuffle=False)  # the last batch is one row, and teaches nothing
    other = model(Dense(3), BatchNorm(), Dense(2))
    other.fit(X[:32], Y[:32], batch_size=32)
    assert all(np.array_equal(w, other.statistics[name]) for name, w in made.statistics.items())


SHOWN = [
    (BatchNorm(), "BatchNorm()"),
    (
        BatchNorm(momentum=0.5, epsilon=1e-3, scale=False, name="b", trainable=False),
        "BatchNorm(momentum=0.5, epsilon=0.001, scale=False, name='b', trainable=False)",
    ),
    (LayerNorm(epsilon=0.1, gamma_initializer="zeros"), "LayerNorm(epsilon=0.1, gamma_initializer=Zeros())"),
]


@pytest.mark.parametrize(("layer", "text"), SHOWN)
def test_repr(layer, text):
    assert repr(layer) == text


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: BatchNorm(momentum=1.0), ValueError, r"momentum must be a number in \[0.0, 1.0\), got 1.0"),
        (lambda: BatchNorm(momentum=True), TypeError, "momentum must be a number"),
        (lambda: BatchNorm(epsilon=0.0), ValueError, r"epsilon must be a number in \(0.0, inf\), got 0.0"),
        (lambda: LayerNorm(epsilon=float("nan")), ValueError, "epsilon must be a number"),
        (lambda: LayerNorm(center=1), TypeError, "center must be True or False, got 1"),
        (lambda: BatchNorm(0.9), TypeError, "positional"),
        (
            lambda: model(LayerNorm(), shape=1),
            ValueError,
            r"last axis, got rows of shape \(1,\)",
        ),
        (lambda: model(Dense(1), LayerNorm()), ValueError, r"layer 1 \(layer_norm\)"),
    ],
)
def test_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_dropout_beside_batch_norm():
    made = model(Dropout(0.3), BatchNorm(), Dense(2))
    made.fit(X, Y, epochs=3)
    assert np.isfinite(made.evaluate(X, Y)["loss"])
