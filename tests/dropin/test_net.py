"""NetClassifier and NetRegressor: networks of one's own among scikit-learn's tools."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="scikit-learn is not installed: no ravine.sklearn")
from sklearn.base import clone
from sklearn.datasets import load_iris, make_multilabel_classification
from sklearn.model_selection import cross_val_score

import ravine as rv
from ravine.sklearn import NetClassifier, NetRegressor

pytestmark = pytest.mark.sklearn

X, Y = load_iris(return_X_y=True)


def net(units: int, loss: str = "categorical_crossentropy", *first: Any) -> rv.Sequential:
    model = rv.Sequential([*first, rv.layers.Dense(12, "tanh"), rv.layers.Dense(units)], random_state=1)
    model.compile(optimizer=rv.optimizers.Adam(0.01), loss=loss)
    return model


def same(a: rv.Sequential, b: rv.Sequential) -> bool:
    return all(np.array_equal(w, b.parameters[name]) for name, w in a.parameters.items())


# data, network, score that must be reached
FITS: dict[str, tuple[Any, Any, Any, float]] = {
    "classes": (X, Y, lambda: net(3), 0.95),
    "strings": (X, np.array(["b", "c", "a"])[Y], lambda: net(3), 0.95),
    "one output": (X[:100], Y[:100], lambda: net(1, "binary_crossentropy"), 0.99),
    "two outputs": (X[:100], Y[:100] * 7, lambda: net(2), 0.99),
    "margins": (X, Y, lambda: net(3, "hinge"), 0.9),
    "a function": (X, Y, lambda: lambda inputs, outputs: net(outputs), 0.95),
    "images": (X.reshape(-1, 2, 2), Y, lambda: net(3, "categorical_crossentropy", rv.layers.Flatten()), 0.95),
    "an input": (X, Y, lambda: net(3, "categorical_crossentropy", rv.layers.Input(4)), 0.95),
}


@pytest.mark.parametrize("name", FITS)
@pytest.mark.parametrize("random_state", [None, 3])
def test_a_network_learns_as_it_does_alone(name: str, random_state: int | None) -> None:
    data, y, make, least = FITS[name]
    given = make()
    fitted = NetClassifier(given, epochs=60, random_state=random_state).fit(data, y)
    assert fitted.score(data, y) >= least and set(fitted.predict(data)) <= set(y)
    assert fitted.n_iter_ == 60 and fitted.loss_curve_[-1] < fitted.loss_curve_[0]
    if isinstance(given, rv.Sequential):
        assert given.history is None  # the given one is left as it was
        if random_state is None and y.dtype.kind == "i" and y.max() < 3:
            alone = make()
            alone.fit(data, y, epochs=60)
            assert same(alone, fitted.model_)
    if name != "margins":
        proba = fitted.predict_proba(data)
        np.testing.assert_allclose(proba.sum(axis=1), 1.0, rtol=1e-5)
        assert np.array_equal(fitted.classes_[proba.argmax(axis=1)], fitted.predict(data))
    else:
        assert not hasattr(fitted, "predict_proba")
    assert same(clone(fitted).fit(data, y).model_, fitted.model_)
    if name != "a function":
        assert np.array_equal(pickle.loads(pickle.dumps(fitted)).predict(data), fitted.predict(data))


def test_several_labels() -> None:
    data, y = make_multilabel_classification(200, 6, random_state=0)
    data = data / data.max()
    fitted = NetClassifier(net(5, "binary_crossentropy"), epochs=300).fit(data, y)
    right, guessed = (fitted.predict(data) == y).mean(), np.maximum(y.mean(axis=0), 1 - y.mean(axis=0)).mean()
    assert fitted.predict(data).shape == y.shape and right > guessed + 0.05


@pytest.mark.parametrize("outputs", [1, 2])
def test_regression(outputs: int) -> None:
    y = np.stack([X[:, 3], X[:, 2]], axis=1)[:, :outputs]
    y = y[:, 0] if outputs == 1 else y
    fitted = NetRegressor(net(outputs, "huber"), epochs=200).fit(X[:, :2], y)
    assert fitted.score(X[:, :2], y) > 0.7 and fitted.predict(X[:, :2]).shape == y.shape
    assert cross_val_score(NetRegressor(epochs=30, random_state=0), X[:, :2], y, cv=3).shape == (3,)


def test_warm_start_goes_on() -> None:
    twice = NetClassifier(net(3), epochs=5, warm_start=True).fit(X, Y).fit(X, Y)
    assert same(twice.model_, NetClassifier(net(3), epochs=10).fit(X, Y).model_)
    with pytest.raises(ValueError, match="warm_start can only be used where"):
        twice.fit(X, Y + 1)


def test_class_weights_go_by_label() -> None:
    labels = np.array(["x", "y", "z"])[Y]
    weighed = NetClassifier(net(3), epochs=3, class_weight={"y": 4.0}).fit(X, labels)
    by_rows = NetClassifier(net(3), epochs=3).fit(X, labels, sample_weight=np.where(labels == "y", 4.0, 1.0))
    assert same(weighed.model_, by_rows.model_)


BAD: dict[str, tuple[Any, type[Exception], str]] = {
    "a name": (lambda: NetClassifier("mlp").fit(X, Y), ValueError, "model"),
    "a function of another thing": (
        lambda: NetClassifier(lambda i, o: 3).fit(X, Y),
        TypeError,
        "must give a Sequential",
    ),
    "not compiled": (lambda: NetClassifier(rv.Sequential([rv.layers.Dense(3)])).fit(X, Y), ValueError, "no loss yet"),
    "too few outputs": (lambda: NetClassifier(net(2)).fit(X, Y), ValueError, r"out of range \[0, 2\)"),
    "too many outputs": (lambda: NetClassifier(net(4), epochs=1).fit(X, Y), ValueError, "4 outputs are not for"),
    "one class": (lambda: NetClassifier().fit(X, Y * 0), ValueError, "only one class"),
    "no epochs": (lambda: NetClassifier(epochs=0).fit(X, Y), ValueError, "epochs"),
    "no rows a step": (lambda: NetClassifier(batch_size=0).fit(X, Y), ValueError, "batch_size"),
    "threads": (lambda: NetRegressor(n_threads=0).fit(X, Y), ValueError, r"n_threads must be an int in \[1, 1024\]"),
    "an unknown label": (lambda: NetClassifier(class_weight={9: 1.0}).fit(X, Y), ValueError, "names the label 9"),
    "strings": (lambda: NetRegressor().fit(X, Y.astype(str).astype(object) + "a"), ValueError, "could not convert"),
    "negative weights": (lambda: NetRegressor().fit(X, Y, -np.ones(150)), ValueError, "must not be negative"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_arguments_are_refused(name: str) -> None:
    call, error, message = BAD[name]
    with pytest.raises(error, match=message):
        call()
