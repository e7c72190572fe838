"""CNNClassifier: images in every form, its network, and scikit-learn's tools around it."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="scikit-learn is not installed: no ravine.sklearn")
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

import ravine as rv
from ravine.sklearn import CNNClassifier

pytestmark = pytest.mark.sklearn

X, Y, X_TEST, Y_TEST = rv.datasets.digits()
X, Y = X[:600], Y[:600]
COLOUR = np.stack([X, 1 - X, X / 2], axis=-1).reshape(-1, 8, 8, 3)
FAST = rv.optimizers.Adam(0.01)
SMALL = CNNClassifier((4,), hidden_layer_sizes=(16,), optimizer=FAST, epochs=2, random_state=0)


def weights(estimator: Any) -> list[Any]:
    return [np.array(w) for w in estimator.model_.parameters.values()]


def same(a: Any, b: Any) -> bool:
    return all(np.array_equal(v, w) for v, w in zip(weights(a), weights(b), strict=True))


# image_shape, rows, the shape that is found
FORMS: dict[str, tuple[Any, Any, tuple[int, ...]]] = {
    "flat": ((8, 8), X, (8, 8, 1)),
    "flat with channels": ((8, 8, 1), X, (8, 8, 1)),
    "a list": ([8, 8], X, (8, 8, 1)),
    "grey": (None, X.reshape(-1, 8, 8), (8, 8, 1)),
    "grey and a shape": ((8, 8), X.reshape(-1, 8, 8), (8, 8, 1)),
    "one channel": (None, X.reshape(-1, 8, 8, 1), (8, 8, 1)),
    "colour": (None, COLOUR, (8, 8, 3)),
    "flat colour": ((8, 8, 3), COLOUR.reshape(len(X), -1), (8, 8, 3)),
    "signals": (None, X, (1, 64, 1)),
}


@pytest.mark.parametrize("name", FORMS)
def test_forms_of_images(name: str) -> None:
    shape, rows, found = FORMS[name]
    fitted = clone(SMALL).set_params(image_shape=shape).fit(rows, Y)
    assert fitted.image_shape_ == found == fitted.model_.input_shape
    p = fitted.predict_proba(rows)
    np.testing.assert_allclose(p.sum(axis=1), 1.0, rtol=1e-5)
    assert np.array_equal(fitted.classes_[p.argmax(axis=1)], fitted.predict(rows))
    assert np.array_equal(fitted.predict_proba(rows[:1]), p[:1])
    if found == (8, 8, 1):
        assert same(fitted, clone(SMALL).set_params(image_shape=(8, 8)).fit(X, Y))


def test_it_reads_digits() -> None:
    fitted = CNNClassifier((16,), image_shape=(8, 8), optimizer=FAST, epochs=30, dropout=0.2, random_state=0).fit(X, Y)
    assert fitted.score(X_TEST, Y_TEST) > 0.95 and len(fitted.loss_curve_) == fitted.n_iter_ == 30


def test_the_network_is_what_the_parameters_say() -> None:
    fitted = CNNClassifier(
        (3, 5), 5, 2, (7, 6), activation="gelu", image_shape=(8, 8), dropout=0.1, l2=0.01, epochs=1
    ).fit(X, Y)
    kinds = [type(layer).__name__ for layer in fitted.model_.layers]
    assert kinds == ["Conv2D", "MaxPool2D"] * 2 + ["Flatten"] + ["Dense", "Dropout"] * 2 + ["Dense"]
    shapes = [w.shape for w in weights(fitted)]
    assert shapes[::2] == [(5, 5, 1, 3), (5, 5, 3, 5), (20, 7), (7, 6), (6, 10)]
    plain = CNNClassifier(4, pool_size=1, hidden_layer_sizes=(), image_shape=(8, 8), epochs=1).fit(X, Y)
    assert [type(layer).__name__ for layer in plain.model_.layers] == ["Conv2D", "Flatten", "Dense"]


@pytest.mark.parametrize("pool_size", [1, 2, 3, 9])
def test_pools_are_no_larger_than_their_images(pool_size: int) -> None:
    fitted = clone(SMALL).set_params(filters=(2, 2, 2, 2), pool_size=pool_size, image_shape=(8, 8)).fit(X, Y)
    assert np.isfinite(fitted.loss_curve_).all()


def test_options_change_the_weights_and_seeds_repeat_them() -> None:
    base = clone(SMALL).set_params(image_shape=(8, 8))
    plain = clone(base).fit(X, Y)
    assert same(plain, clone(base).set_params(n_threads=2).fit(X, Y))
    changes: list[dict[str, Any]] = [
        {"l2": 0.1}, {"dropout": 0.3}, {"optimizer": rv.optimizers.SGD(0.1)}, {"activation": "tanh"},
        {"class_weight": {3: 4.0}}, {"random_state": 1}, {"batch_size": 64}, {"shuffle": False},
    ]  # fmt: skip
    for change in changes:
        assert not same(plain, clone(base).set_params(**change).fit(X, Y)), change
    twice = clone(base).set_params(warm_start=True, epochs=1).fit(X, Y).fit(X, Y)
    assert same(plain, twice)
    assert same(plain, pickle.loads(pickle.dumps(plain)))


def test_a_search_over_filters() -> None:
    search = GridSearchCV(clone(SMALL).set_params(image_shape=(8, 8), epochs=10), {"filters": [(1,), (8,)]}, cv=3)
    assert search.fit(X, Y).best_params_ == {"filters": (8,)} and search.best_score_ > 0.85


def test_several_labels() -> None:
    labels = np.stack([Y % 2, Y > 4], axis=1).astype(int)
    fitted = clone(SMALL).set_params(image_shape=(8, 8), epochs=20).fit(X, labels)
    assert fitted.predict(X).shape == labels.shape and (fitted.predict(X) == labels).mean() > 0.9


BAD: dict[str, tuple[dict[str, Any], Any, str]] = {
    "no filters": ({"filters": (4, 0)}, X, "filters must be an int >= 1 or an array-like"),
    "filters that are none": ({"filters": (True,)}, X, "filters must be an int >= 1"),
    "half a unit": ({"hidden_layer_sizes": (2.5,)}, X, "hidden_layer_sizes must be an int >= 1"),
    "no kernel": ({"kernel_size": 0}, X, "kernel_size"),
    "no pool": ({"pool_size": 0}, X, "pool_size"),
    "a shape too long": ({"image_shape": (8, 8, 1, 1)}, X, r"image_shape must be \(height, width\)"),
    "a side that is none": ({"image_shape": (True, 64)}, X, r"image_shape must be \(height, width\)"),
    "a side of 0": ({"image_shape": (0, 8)}, X, r"image_shape must be \(height, width\)"),
    "another shape": (
        {"image_shape": (7, 9)},
        X,
        r"rows of shape \(64,\), which are no images of image_shape=\(7, 9\)",
    ),
    "grey for colour": ({"image_shape": (8, 8, 3)}, X.reshape(-1, 8, 8), "which are no images of"),
    "too many axes": ({}, X.reshape(-1, 2, 2, 4, 4), r"X must hold images \(height, width, channels\)"),
    "an activation": ({"activation": "swish"}, X, "activation must hold names"),
    "an optimizer": ({"optimizer": "adamw2"}, X, "optimizer"),
    "dropout": ({"dropout": 1.0}, X, "dropout"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_arguments_are_refused(name: str) -> None:
    settings, rows, message = BAD[name]
    with pytest.raises(ValueError, match=message):
        clone(SMALL).set_params(**settings).fit(rows, Y)


def test_images_of_another_size_are_refused() -> None:
    fitted = clone(SMALL).fit(X.reshape(-1, 8, 8), Y)
    with pytest.raises(ValueError, match=r"rows of shape \(8, 9\), but CNNClassifier is expecting \(8, 8, 1\)"):
        fitted.predict(np.zeros((2, 8, 9)))
    with pytest.raises(ValueError, match=r"rows of shape \(8, 4, 2\), but"):
        fitted.predict(np.zeros((2, 8, 4, 2)))
    with pytest.raises(ValueError, match="X has 64 features, but CNNClassifier is expecting 8"):
        fitted.predict(X)
