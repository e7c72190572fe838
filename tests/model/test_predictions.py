"""predict, predict_proba, predict_classes, transform: what a model says about data, and labels of every form."""

import numpy as np
import pytest

import ravine as rv
from ravine.layers import Dense, Dropout, Input

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 4))
LABELS = (X[:, 0] > 0).astype(int) + (X[:, 1] > 0)


def classifier(loss="categorical_crossentropy", units=3, activation=None, **settings):
    model = rv.Sequential([Dense(8, "tanh"), Dense(units, activation)], random_state=0, **settings)
    model.compile(optimizer=rv.optimizers.Adam(0.01), loss=loss, metrics=["accuracy"])
    return model


def built(*layers, **settings):
    return rv.Sequential([Input(4), *layers], random_state=0, **settings)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_row_alone_has_the_bits_it_has_in_a_batch(dtype):
    model = built(Dense(37, "relu"), Dense(5, "softmax"), dtype=dtype)
    whole = model.predict(X)
    assert whole.dtype == dtype
    for i in range(len(X)):
        np.testing.assert_array_equal(model.predict(X[i : i + 1])[0], whole[i])


@pytest.mark.parametrize(
    ("loss", "units", "activation"),
    [
        ("categorical_crossentropy", 3, "softmax"),
        ("categorical_crossentropy", 3, None),
        ("log_loss", 3, "softmax"),
        ("binary_crossentropy", 1, "sigmoid"),
        ("binary_crossentropy", 1, None),
        ("log_loss", 1, "sigmoid"),
    ],
)
def test_predict_proba_and_classes_do_not_depend_on_where_the_activation_is(loss, units, activation):
    y = LABELS if units == 3 else (LABELS > 0).astype(int)
    model = classifier(loss, units, activation, dtype="float64")
    model.fit(X, y, epochs=20)
    probability = model.predict_proba(X)
    assert probability.shape == (60, units)
    assert (probability >= 0).all() and (probability <= 1).all()
    if units > 1:
        np.testing.assert_allclose(probability.sum(axis=1), 1.0)
    plain = classifier("categorical_crossentropy" if units > 1 else "binary_crossentropy", units, None, dtype="float64")
    plain.fit(X, y, epochs=20)
    np.testing.assert_allclose(probability, plain.predict_proba(X), rtol=1e-6)
    expected = probability.argmax(axis=1) if units > 1 else (probability[:, 0] > 0.5).astype(int)
    np.testing.assert_array_equal(model.predict_classes(X), expected)
    assert model.evaluate(X, y)["accuracy"] == pytest.approx(np.mean(expected == y))


@pytest.mark.parametrize(
    ("loss", "units", "encode", "classes"),
    [
        ("categorical_crossentropy", 3, lambda i: i, [0, 1, 2]),
        ("categorical_crossentropy", 3, lambda i: i[:, None], [0, 1, 2]),
        ("categorical_crossentropy", 3, lambda i: i.astype(float), [0, 1, 2]),
        ("categorical_crossentropy", 3, lambda i: np.eye(3)[i], [0, 1, 2]),
        ("categorical_crossentropy", 3, lambda i: np.array(["x", "a", "m"])[i], ["a", "m", "x"]),
        ("categorical_crossentropy", 3, lambda i: np.array(["x", "a", "m"], object)[i], ["a", "m", "x"]),
        ("categorical_crossentropy", 3, lambda i: np.array([*map(np.str_, "xam")], object)[i], ["a", "m", "x"]),
        ("categorical_crossentropy", 3, lambda i: np.eye(3, dtype="f2")[i], [0, 1, 2]),
        ("binary_crossentropy", 1, lambda i: i > 0, [False, True]),
        ("binary_crossentropy", 1, lambda i: (i > 0).astype(int), [0, 1]),
        ("binary_crossentropy", 1, lambda i: ["yes" if j else "no" for j in i], ["no", "yes"]),
        ("hinge", 1, lambda i: np.where(i > 0, 1, -1), [-1, 1]),
        ("hinge", 1, lambda i: (i > 0).astype(int), [0, 1]),
        ("hinge", 3, lambda i: i, [0, 1, 2]),
        ("perceptron", 1, lambda i: np.where(i > 0, "b", "a"), ["a", "b"]),
    ],
)
def test_labels_of_every_form(loss, units, encode, classes):
    y = encode(LABELS)
    model = classifier(loss, units)
    model.fit(X, y, epochs=40)
    assert model.classes_.tolist() == classes
    predicted = model.predict_classes(X)
    assert set(predicted.tolist()) <= set(classes)
    labels = np.asarray(y)
    if labels.ndim == 2:
        labels = labels.argmax(axis=1) if labels.shape[1] > 1 else labels[:, 0]
    assert np.mean(predicted == labels) == pytest.approx(model.evaluate(X, y)["accuracy"])
    assert np.mean(predicted == labels) > 0.7


def test_multi_label_classes_are_zeros_and_ones():
    y = np.stack([X[:, 0] > 0, X[:, 1] > 0], axis=1)
    model = classifier("binary_crossentropy", 2, "sigmoid")
    model.fit(X, y, epochs=60)
    predicted = model.predict_classes(X)
    assert predicted.shape == (60, 2)
    assert np.mean(predicted == y) == pytest.approx(model.evaluate(X, y)["accuracy"])


def test_a_perceptron_learns_with_a_step_at_its_end():
    model = rv.Sequential([Dense(1, "step")], random_state=0)
    model.compile(optimizer=rv.optimizers.SGD(0.1), loss="perceptron", metrics=["accuracy"])
    y = (X @ [1.0, -2.0, 0.5, 0.0] > 0).astype(int)
    model.fit(X, y, epochs=100, batch_size=1)
    assert model.evaluate(X, y)["accuracy"] > 0.9
    assert set(np.unique(model.predict(X))) <= {0.0, 1.0}


@pytest.mark.parametrize("layer", [0, -3, "dense"])
def test_transform_gives_a_layers_output(layer):
    model = built(Dense(3, "relu"), Dropout(0.9), Dense(2))
    kernel, bias = model.parameters["dense/kernel"], model.parameters["dense/bias"]
    np.testing.assert_allclose(model.transform(X, layer=layer), np.maximum(X @ kernel + bias, 0), atol=1e-5)


def test_transform_by_default_takes_the_last_but_one_layer():
    model = built(Dense(3, "relu"), Dense(2))
    np.testing.assert_array_equal(model.transform(X), model.transform(X, layer=0))
    np.testing.assert_array_equal(model.transform(X, layer=-1), model.predict(X))


@pytest.mark.parametrize("call", ["predict", "predict_proba", "predict_classes", "transform"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_found_in_any_block(call, value):
    model = rv.Sequential([Input(3), Dense(64), Dense(2, "softmax")])
    for rows, threads in [(1, 1), (700, 1), (30_000, 2)]:
        for row in {0, rows // 2, rows - 1}:
            X = np.ones((rows, 3), np.float32)
            X[row, 2] = value
            with pytest.raises(ValueError, match="Input X contains " + ("NaN" if np.isnan(value) else "infinity")):
                getattr(model, call)(X, n_threads=threads)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("rows", [1, 2, 128, 129])
def test_few_rows_take_the_short_way_to_the_same_bits(dtype, rows):
    model = built(Dense(37, "tanh"), Dropout(0.5), Dense(3, "softmax"), dtype=dtype)
    few = RNG.normal(size=(rows, 4)).astype(dtype)
    want = model.predict(few.tolist())
    for given in (few, np.asfortranarray(few), few[::-1][::-1], few.astype("f8" if dtype == "float32" else "f4")):
        close = given.dtype == dtype
        np.testing.assert_allclose(model.predict(given), want, rtol=0 if close else 1e-5, atol=0 if close else 1e-6)


@pytest.mark.parametrize(
    ("given", "n_threads", "message"),
    [
        (np.ones((1, 5), np.float32), None, "X has 5 features, but Sequential is expecting 4 features"),
        (np.ones(4, np.float32), None, "Expected 2D array"),
        (np.ones((0, 4), np.float32), None, "0 sample"),
        (np.ones((1, 4), np.float32), 0, "n_threads must be an int in"),
        (np.ones((1, 4), np.float32), True, "n_threads must be an int in"),
    ],
)
def test_the_short_way_leaves_errors_to_the_long_one(given, n_threads, message):
    with pytest.raises(ValueError, match=message):
        built(Dense(2)).predict(given, n_threads=n_threads)
