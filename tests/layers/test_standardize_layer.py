"""Standardize: what is learnt, when, from what; that it stays; and what is refused."""

import copy
import pickle

import numpy as np
import pytest

import ravine as rv
from ravine import NotFittedError
from ravine.layers import Dense, Flatten, Input, RandomFlip, Residual, Standardize

RNG = np.random.default_rng(5)
X = RNG.normal([3.0, -50.0, 0.001, 1e6], [1.0, 20.0, 1e-5, 10.0], (200, 4))
Y = RNG.random(200)
IMAGES = RNG.normal([0.4, 0.5, 0.6], [0.1, 0.2, 0.3], (40, 5, 6, 3))


def net(*layers, dtype="float64", optimizer="adam", seed=0):
    model = rv.Sequential([*layers, Flatten(), Dense(1)], dtype=dtype, random_state=seed)
    model.compile(optimizer=optimizer, loss="mse")
    return model


def numbers(model, name="standardize"):
    return tuple(np.array(model.parameters[f"{name}/{which}"]) for which in ("mean", "deviation"))


def test_the_first_fit_learns_and_nothing_does_again():
    model = net(Standardize())
    model.fit(X, Y, epochs=2)
    mean, deviation = numbers(model)
    np.testing.assert_allclose(mean, X.mean(axis=0), rtol=1e-15)
    np.testing.assert_allclose(deviation, X.std(axis=0), rtol=1e-12)
    z = model.transform(X, layer=0)
    assert abs(z.mean(axis=0)).max() < 1e-9 and abs(z.std(axis=0) - 1).max() < 1e-12
    model.fit(10 * X, Y, epochs=2, batch_size=50)
    model.train_on_batch(X, Y)
    model.compile(optimizer=rv.optimizers.SGD(1e-3, momentum=0.9), loss="mae")
    model.fit(X + 5, Y)
    assert all(np.array_equal(*pair) for pair in zip(numbers(model), (mean, deviation), strict=True))


@pytest.mark.parametrize("per", ["channel", "feature"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_images_by_channel_or_by_number(per, dtype):
    model = net(Standardize(per=per), dtype=dtype)
    model.fit(IMAGES, Y[:40], epochs=1)
    mean, deviation = numbers(model)
    given = IMAGES.astype(dtype).astype(np.float64)
    axes = (0, 1, 2) if per == "channel" else 0
    tolerance = {"rtol": np.finfo(dtype).eps + 1e-14}
    np.testing.assert_allclose(mean, given.mean(axis=axes).ravel(), **tolerance)
    np.testing.assert_allclose(deviation, given.std(axis=axes).ravel(), **tolerance)
    assert model.transform(IMAGES, layer=0).shape == IMAGES.shape


def test_statistics_are_those_of_exact_sums():
    """Also where the mean is far from zero, and over several chunks of rows."""
    from fractions import Fraction

    from ravine.inputs.statistics import column_statistics

    for offset in (0.0, 1e3, 1e9):
        column = offset + RNG.standard_normal((150_000, 8))
        mean, deviation = column_statistics(column, 8)
        ratios = [value.as_integer_ratio() for value in column[:, 0].tolist()]
        unit = max(below for _, below in ratios)  # a power of two, of which all are multiples
        exact, n = [above * (unit // below) for above, below in ratios], len(ratios)
        total, squares = sum(exact), sum(value * value for value in exact)
        assert mean[0] == pytest.approx(float(Fraction(total, n * unit)), rel=1e-15)
        variance = float(Fraction(n * squares - total * total, (n * unit) ** 2))
        assert deviation[0] == pytest.approx(np.sqrt(variance), rel=1e-13)


@pytest.mark.parametrize("value", [0.0, -0.0, 0.1, 1e-30, 3e7, -7.0])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_constant_column_becomes_zero(value, dtype):
    data = np.column_stack([X[:, 0], np.full(200, value)])
    model = net(Standardize(), dtype=dtype)
    model.fit(data, Y)
    mean, deviation = numbers(model)
    assert mean[1] == np.dtype(dtype).type(value) and deviation[1] == 1.0
    assert not model.transform(data, layer=0)[:, 1].any()


def test_a_deviation_too_small_for_the_dtype_counts_as_constant():
    data = np.column_stack([X[:, 0], np.where(np.arange(200) == 3, 1e-45, 0.0)])
    model = net(Standardize(), dtype="float32")
    model.fit(data, Y)
    assert numbers(model)[1][1] == 1.0


def test_validation_rows_do_not_count():
    model = net(Standardize())
    model.fit(np.vstack([X, X + 100]), np.tile(Y, 2), validation_split=0.5)
    np.testing.assert_allclose(numbers(model)[0], X.mean(axis=0), rtol=1e-15)


def test_adapt_before_the_model_is_made():
    layer = Standardize()
    layer.adapt(X)
    assert repr(layer) == "Standardize(mean=<4 numbers>, deviation=<4 numbers>)"
    model = net(Input(4), layer)
    model.fit(X + 7, Y)
    np.testing.assert_allclose(numbers(model)[0], X.mean(axis=0), rtol=1e-15)
    assert model.predict(X).shape == (200, 1)


def test_adapt_after_the_model_is_made():
    layer = Standardize()
    model = net(Input(4), layer)
    layer.adapt(X)
    before = model.predict(X)
    np.testing.assert_allclose(numbers(model)[0], X.mean(axis=0), rtol=1e-15)
    np.testing.assert_array_equal(model.predict(X[:1]), before[:1])
    wrong = Standardize()
    other = net(Input(4), wrong)
    wrong.adapt(X[:, :1])
    with pytest.raises(ValueError, match=r"Standardize has 1 means and deviations, but rows of shape \(4,\)"):
        other.predict(X)


def test_numbers_that_are_given():
    model = net(Input(2), Standardize(mean=[1, 2], deviation=[0.5, 4]))
    np.testing.assert_array_equal(model.transform([[2.0, 10.0]], layer=0), [[2.0, 2.0]])
    np.testing.assert_array_equal(model.predict([[2.0, 10.0]]), model.predict([[2.0, 10.0], [0.0, 0.0]])[:1])


@pytest.mark.parametrize("layers", [(), (Flatten(),)])
def test_before_anything_is_learnt(layers):
    model = net(Input(4), *layers, Standardize())
    calls = [
        lambda: model.predict(X),
        lambda: model.predict(X[:1]),
        lambda: model.transform(X),
        lambda: model.evaluate(X, Y),
        lambda: model.train_on_batch(X, Y),
        lambda: model.loss_and_gradients(X, Y),
        lambda: model.gradients(X, Y[:, np.newaxis]),
    ]
    for call in calls:
        with pytest.raises(NotFittedError, match=r"layer standardize has not learnt its means .* call fit, .* adapt"):
            call()
    model.fit(X, Y)
    for call in calls:
        call()


def test_a_fit_that_fails_has_learnt_nothing():
    model = net(Input(4), Standardize())
    with pytest.raises(ValueError, match="validation_data"):
        model.fit(X, Y, validation_data=(X[:, :2], Y))
    with pytest.raises(NotFittedError):
        model.predict(X)
    model.fit(X + 1, Y)
    np.testing.assert_allclose(numbers(model)[0], X.mean(axis=0) + 1, rtol=1e-13)


def test_only_the_first_layer_learns_from_a_fit():
    late = net(Dense(3), Standardize(name="late"))
    with pytest.raises(ValueError, match="layer late does not see the inputs as they are, so fit cannot learn its"):
        late.fit(X, Y)
    moved = net(RandomFlip(), Standardize())
    with pytest.raises(ValueError, match="does not see the inputs as they are"):
        moved.fit(IMAGES, Y[:40])
    layer = Standardize()
    layer.adapt(IMAGES)
    net(RandomFlip(), layer).fit(IMAGES, Y[:40])
    inside = net(Residual([Standardize(mean=np.zeros(4), deviation=np.ones(4))]))
    inside.fit(X, Y)
    np.testing.assert_allclose(inside.transform(X, layer=0), 2 * X, rtol=1e-15)


def test_copies_pickles_and_files_keep_the_numbers(tmp_path):
    model = net(Standardize(), dtype="float32")
    model.fit(X, Y)
    model.save(tmp_path / "m.ravine")
    for again in (copy.deepcopy(model), pickle.loads(pickle.dumps(model)), rv.load(tmp_path / "m.ravine")):
        np.testing.assert_array_equal(again.predict(X), model.predict(X))
        np.testing.assert_array_equal(again.predict(X[:1]), model.predict(X[:1]))
        again.fit(X + 3, Y)
        np.testing.assert_array_equal(numbers(again)[0], numbers(model)[0])
    other = net(Input(4), Standardize(), dtype="float32")
    other.set_weights(model.get_weights())
    np.testing.assert_array_equal(other.predict(X), model.predict(X))


def test_a_file_of_a_model_that_has_not_learnt(tmp_path):
    net(Input(4), Standardize()).save(tmp_path / "m.ravine")
    again = rv.load(tmp_path / "m.ravine")
    with pytest.raises(NotFittedError):
        again.predict(X)
    again.fit(X, Y)


def test_a_fit_that_is_resumed_has_the_same_bits(tmp_path):
    def model():
        return net(Standardize(), dtype="float32")

    whole = model()
    whole.fit(X, Y, epochs=6)
    half = model()
    half.fit(X, Y, epochs=3, callbacks=[rv.callbacks.ModelCheckpoint(tmp_path / "c.ravine")])
    rest = model()
    rest.fit(X, Y, epochs=6, resume=tmp_path / "c.ravine")
    for pair in zip(whole.get_weights(), rest.get_weights(), strict=True):
        np.testing.assert_array_equal(*pair)


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "lbfgs", "cmaes", rv.optimizers.WeightAverage("adam")])
def test_no_optimizer_changes_the_numbers(optimizer):
    model = net(Standardize(), optimizer=optimizer)
    model.fit(X, Y, epochs=3, batch_size=None)
    np.testing.assert_allclose(numbers(model)[0], X.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(numbers(model)[1], X.std(axis=0), rtol=1e-12)


def test_same_bits_for_any_number_of_threads():
    def bits(threads):
        model = net(Standardize(), Dense(40, "relu"), dtype="float32")
        model.fit(X, Y, epochs=3, n_threads=threads)
        return b"".join(w.tobytes() for w in model.get_weights())

    assert len({bits(threads) for threads in (1, 2, 3, 8)}) == 1


def test_many_models_learn_each():
    many = rv.MultiStart(net(Standardize(), Dense(3, "tanh")), starts=3)
    many.fit(X, Y, epochs=2)
    np.testing.assert_allclose(numbers(many.best_model)[0], X.mean(axis=0), rtol=1e-12)


def test_gradients_and_diagnosis_leave_the_numbers_out():
    model = net(Standardize(), Dense(3, "tanh"))
    model.fit(X, Y, epochs=5)
    _, gradients = model.loss_and_gradients(X, Y)
    assert sorted(gradients) == ["dense/bias", "dense/kernel", "dense_1/bias", "dense_1/kernel"]
    assert rv.check_gradients(model, X[:20], Y[:20]).ok
    rv.diagnose(model, X, Y)
    model.summary(print_fn=lambda text: None)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Standardize(per="row"), ValueError, "unknown per 'row'; choose from 'channel', 'feature'"),
        (lambda: Standardize(mean=[1.0]), ValueError, "give mean and deviation, or neither"),
        (lambda: Standardize(deviation=[1.0]), ValueError, "give mean and deviation, or neither"),
        (lambda: Standardize(mean=[1.0], deviation=[0.0]), ValueError, "deviation must be greater than 0, got 0.0"),
        (lambda: Standardize(mean=[1.0], deviation=[1.0, 2.0]), ValueError, r"mean has shape \(1,\), deviation has"),
        (lambda: Standardize(mean=1.0, deviation=1.0), ValueError, r"mean must have one number for each column"),
        (lambda: Standardize(mean=[np.nan], deviation=[1.0]), ValueError, "mean contains NaN"),
        (lambda: Standardize(mean=["a"], deviation=[1.0]), ValueError, "mean"),
        (lambda: setattr(Standardize(), "trainable", True), ValueError, "trainable must be False, got True"),
        (lambda: setattr(Standardize(), "trainable", 1), TypeError, "trainable must be True or False"),
        (lambda: Standardize().adapt([[np.inf]]), ValueError, "infinity"),
        (lambda: Standardize().adapt([1.0, 2.0]), ValueError, "Expected 2D array"),
        (lambda: Standardize().adapt([[1e200], [-1e200]]), ValueError, "too large for the sum of their squares"),
        (
            lambda: net(Input(3), Standardize(mean=[1.0], deviation=[1.0])),
            ValueError,
            r"Standardize has 1 means and deviations, but rows of shape \(3,\) have 3 channels",
        ),
        (
            lambda: net(Input(1), Standardize(mean=[1.0], deviation=[1e-60]), dtype="float32"),
            ValueError,
            "the deviation 1e-60 is 0 as float32",
        ),
        (lambda: net(Input(1), Standardize(mean=[1e60], deviation=[1.0]), dtype="float32"), ValueError, "too large"),
    ],
)
def test_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_nothing_is_learnt_twice():
    layer = Standardize()
    layer.adapt(X)
    with pytest.raises(ValueError, match="has learnt its means and deviations already, and does not learn them again"):
        layer.adapt(X)
    with pytest.raises(ValueError, match="already"):
        Standardize(mean=[0.0], deviation=[1.0]).adapt(X)
    fitted = Standardize()
    net(fitted).fit(X, Y)
    with pytest.raises(ValueError, match="already"):
        fitted.adapt(X)
