"""`batch_norm=True`: each hidden layer is act(gamma (x W - m) / sqrt(v + epsilon) + beta), whatever else is set."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="scikit-learn is not installed: no ravine.sklearn")
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_digits, load_iris

import ravine as rv
from ravine.sklearn import CNNClassifier, MLPClassifier, MLPRegressor

pytestmark = [
    pytest.mark.sklearn,
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]

IRIS = load_iris(return_X_y=True)
DIABETES = tuple(array / array.std() for array in load_diabetes(return_X_y=True))
MANY = (IRIS[0], np.stack([IRIS[1] > 0, IRIS[1] > 1], axis=1).astype(int))
RNG = np.random.default_rng(0)
WEIGHT = RNG.integers(1, 4, 150) / 2.0
SETTINGS: dict[str, Any] = {"batch_norm": True, "random_state": 0, "learning_rate_init": 0.01, "max_iter": 60}


def weights(estimator: Any) -> list[Any]:
    found: list[Any] = estimator.model_.get_weights()
    return found


def same(a: Any, b: Any) -> bool:
    return all(np.array_equal(v, w) for v, w in zip(weights(a), weights(b), strict=True))


# name: estimator, its settings, data, further arguments of fit, least score
FITS: dict[str, tuple[Any, dict[str, Any], Any, dict[str, Any], float]] = {
    "plain": (MLPClassifier, {}, IRIS, {}, 0.95),
    "two layers": (MLPClassifier, {"hidden_layer_sizes": (9, 7)}, IRIS, {}, 0.95),
    "none": (MLPClassifier, {"hidden_layer_sizes": (), "max_iter": 200}, IRIS, {}, 0.9),
    "activations": (
        MLPClassifier,
        {"hidden_layer_sizes": (9, 8, 7), "activation": ["gelu", rv.layers.Activation("elu", alpha=0.5), "identity"]},
        IRIS,
        {},
        0.9,
    ),
    "dropout": (MLPClassifier, {"dropout": 0.2}, IRIS, {}, 0.95),
    "sgd": (MLPClassifier, {"solver": "sgd", "learning_rate_init": 0.1}, IRIS, {}, 0.95),
    "early stopping": (MLPClassifier, {"early_stopping": True}, IRIS, {}, 0.95),
    "an optimizer": (MLPClassifier, {"optimizer": rv.optimizers.Nadam(0.01)}, IRIS, {}, 0.95),
    "a schedule": (MLPClassifier, {"schedule": rv.schedules.CosineDecay(0.02, 60)}, IRIS, {}, 0.95),
    "a chain": (
        MLPClassifier,
        {"optimizer": rv.optimizers.Chain([("adam", 20), ("lbfgs", None)]), "max_iter": 25, "batch_size": 150},
        IRIS,
        {},
        0.9,
    ),
    "float32": (MLPClassifier, {}, (IRIS[0].astype("float32"), IRIS[1]), {}, 0.95),
    "two classes": (MLPClassifier, {}, (IRIS[0][50:], IRIS[1][50:]), {}, 0.94),
    "labels": (MLPClassifier, {}, MANY, {}, 0.9),
    "sample weights": (MLPClassifier, {}, IRIS, {"sample_weight": WEIGHT}, 0.95),
    "class weights": (MLPClassifier, {"class_weight": {1: 3.0}}, IRIS, {}, 0.95),
    "a smaller last batch": (MLPClassifier, {"batch_size": 149}, IRIS, {}, 0.9),
    "validation": (MLPClassifier, {"early_stopping": True}, IRIS, {"validation_data": IRIS}, 0.95),
    "numbers": (MLPRegressor, {}, DIABETES, {}, 0.45),
    "several numbers": (MLPRegressor, {"max_iter": 300}, (IRIS[0][:, :2], IRIS[0][:, 2:]), {}, 0.85),
}


@pytest.mark.parametrize("name", FITS)
def test_it_learns_and_predicts_by_what_it_learnt(name: str) -> None:
    kind, settings, (X, y), more, least = FITS[name]
    fitted = kind(**{**SETTINGS, **settings}).fit(X, y, **more)
    assert fitted.score(X, y) >= least
    hidden = len(fitted.coefs_) - 1
    assert len(fitted.model_.statistics) == 2 * hidden
    assert not hidden or any(w.any() for name, w in fitted.model_.statistics.items() if name.endswith("mean"))
    assert [w.shape for w in fitted.intercepts_] == [(w.shape[1],) for w in fitted.coefs_]
    rows, places = X, [place for place, layer in enumerate(fitted.model_.layers) if layer.kind == "activation"]
    for number in range(hidden):
        z = rows @ fitted.coefs_[number] + fitted.intercepts_[number]
        kind_of = fitted.model_.layers[places[number]]
        rows = rv.Sequential([rv.layers.Input(z.shape[1:]), kind_of], dtype=X.dtype).predict(z)
        tolerance = 1e-12 if X.dtype == np.float64 else 1e-4
        np.testing.assert_allclose(fitted.transform(X, layer=number), rows, rtol=tolerance, atol=tolerance)
    z = rows @ fitted.coefs_[-1] + fitted.intercepts_[-1]
    np.testing.assert_allclose(fitted.model_.predict(X), z, rtol=100 * tolerance if hidden else 1e-12, atol=1e-4)


@pytest.mark.parametrize("name", FITS)
def test_no_bit_depends_on_copies_and_threads(name: str) -> None:
    kind, settings, (X, y), more, _ = FITS[name]
    fitted = kind(**{**SETTINGS, "max_iter": 7, **settings}).fit(X, y, **more)
    assert same(fitted, clone(fitted).fit(X, y, **more))
    assert same(fitted, clone(fitted).set_params(n_threads=3).fit(X, y, **more))
    copied = pickle.loads(pickle.dumps(fitted))
    assert same(fitted, copied) and np.array_equal(fitted.predict(X), copied.predict(X))
    assert np.array_equal(fitted.predict(X[:20]), np.concatenate([fitted.predict(X[i : i + 1]) for i in range(20)]))
    if not fitted.early_stopping and not isinstance(fitted.optimizer, rv.optimizers.Chain):
        assert same(fitted.partial_fit(X, y), copied.partial_fit(X, y))


@pytest.mark.parametrize("early_stopping", [False, True])
def test_it_is_the_network_of_these_layers(early_stopping: bool) -> None:
    """The same steps from the same weights, taken by a `Sequential`; early stopping keeps the best statistics too."""
    X, y = IRIS
    settings = {"early_stopping": early_stopping, "shuffle": False, "solver": "sgd", "alpha": 0.0, "batch_size": 50}
    fitted = MLPClassifier((6,), **{**SETTINGS, **settings, "max_iter": 1})
    data = (X, y) if not early_stopping else (X[::2], y[::2])
    fitted.fit(*data, validation_data=(X[1::2], y[1::2]))
    stack = [rv.layers.Input(4), rv.layers.Dense(6, use_bias=False), rv.layers.BatchNorm(),
             rv.layers.Activation("relu"), rv.layers.Dense(3)]  # fmt: skip
    model = rv.Sequential(stack, dtype="float64")
    random = np.random.RandomState(0)
    bound, last = np.sqrt(6 / 10), np.sqrt(6 / 9)
    kernel, _ = random.uniform(-bound, bound, (4, 6)), random.uniform(-bound, bound, 6)
    first = [kernel, np.ones(6), np.zeros(6), np.zeros(6), np.ones(6)]
    model.set_weights([*first, random.uniform(-last, last, (6, 3)), random.uniform(-last, last, 3)])
    model.compile(rv.optimizers.SGD(0.01, momentum=0.9, nesterov=True), "categorical_crossentropy")
    model.fit(*data, epochs=1, batch_size=50, shuffle=False)
    for w, expected in zip(weights(fitted), model.get_weights(), strict=True):
        np.testing.assert_allclose(w, expected, rtol=1e-12, atol=1e-14)


def test_early_stopping_keeps_the_statistics_of_the_best_epoch() -> None:
    X, y = IRIS
    fitted = MLPClassifier((4,), **{**SETTINGS, "early_stopping": True, "learning_rate_init": 0.3, "max_iter": 40})
    fitted.fit(X, y, validation_data=(X[::2], y[::2]))
    scores = fitted.validation_scores_
    assert scores[-1] < max(scores) and fitted.score(X[::2], y[::2]) == max(scores)


@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
def test_epochs_are_partial_fits_and_warm_starts(kind: Any) -> None:
    X, y = IRIS
    settings = {**SETTINGS, "solver": "sgd", "momentum": 0.0, "shuffle": False, "max_iter": 6}
    whole = kind(**settings).fit(X, y)
    pieces, warm = kind(**settings), kind(**{**settings, "max_iter": 3, "warm_start": True})
    for _ in range(6):
        pieces.partial_fit(X, y, **({"classes": [0, 1, 2]} if kind is MLPClassifier else {}))
    assert same(whole, pieces) and same(whole, warm.fit(X, y).fit(X, y))


def test_a_weight_of_2_is_a_second_row() -> None:
    X, y = IRIS
    times = RNG.integers(1, 4, 150)
    settings = {**SETTINGS, "shuffle": False, "max_iter": 20, "solver": "sgd"}
    weighed = MLPClassifier(batch_size=150, **settings).fit(X, y, sample_weight=times)
    rows = np.repeat(np.arange(150), times)
    copied = MLPClassifier(batch_size=len(rows), **settings).fit(X[rows], y[rows])
    for w, expected in zip(weights(weighed), weights(copied), strict=True):
        np.testing.assert_allclose(w, expected, rtol=1e-9, atol=1e-11)


def test_sparse_rows_are_the_same_rows() -> None:
    sparse = pytest.importorskip("scipy.sparse")
    X, y = load_digits(return_X_y=True)
    fits = [MLPClassifier(**{**SETTINGS, "max_iter": 3}).fit(rows, y) for rows in (X, sparse.csr_array(X))]
    assert same(*fits) and np.array_equal(fits[0].predict(X), fits[1].predict(sparse.csr_array(X)))


def test_it_stands_between_products_and_activations_of_images() -> None:
    X, y, X_test, y_test = rv.datasets.digits()
    settings: dict[str, Any] = {"image_shape": (8, 8), "epochs": 8, "random_state": 0, "batch_norm": True}
    fitted = CNNClassifier((8,), hidden_layer_sizes=(16,), dropout=0.1, **settings).fit(X, y)
    kinds = [type(layer).__name__ for layer in fitted.model_.layers]
    assert kinds[:4] == ["Conv2D", "BatchNorm", "Activation", "MaxPool2D"]
    assert kinds[4:] == ["Flatten", "Dense", "BatchNorm", "Activation", "Dropout", "Dense"]
    assert "conv2d/bias" not in fitted.model_.parameters and len(fitted.model_.statistics) == 4
    assert fitted.score(X_test, y_test) > 0.95
    assert same(fitted, clone(fitted).set_params(n_threads=3).fit(X, y))
    assert np.array_equal(pickle.loads(pickle.dumps(fitted)).predict(X_test), fitted.predict(X_test))


def fitted() -> Any:
    return MLPClassifier((5,), warm_start=True, **{**SETTINGS, "max_iter": 1}).fit(*IRIS)


# name: call, error, message
BAD: dict[str, tuple[Any, type[Exception], str]] = {
    "a string": (lambda: MLPClassifier(batch_norm="yes").fit(*IRIS), ValueError, "'batch_norm' parameter"),
    "a list": (lambda: MLPRegressor(batch_norm=[True]).fit(*IRIS), ValueError, "'batch_norm' parameter"),
    "of images": (lambda: CNNClassifier(batch_norm=2).fit(*IRIS), ValueError, "'batch_norm' parameter"),
    "lbfgs": (lambda: MLPClassifier(batch_norm=True, solver="lbfgs").fit(*IRIS), ValueError, "'lbfgs' compares losses"),
    "one row": (lambda: MLPRegressor(batch_norm=True).fit([[1.0]], [1.0]), ValueError, "n_samples=1"),
    "rows one by one": (lambda: MLPRegressor(batch_norm=True, batch_size=1).fit(*IRIS), ValueError, "at least 2"),
    "a start without": (
        lambda: fitted().set_params(batch_norm=False).fit(*IRIS),
        ValueError,
        "another batch_norm than False",
    ),
    "writing kernels": (lambda: setattr(fitted(), "coefs_", fitted().coefs_), AttributeError, "can only be read"),
    "writing biases": (lambda: fitted().intercepts_[0].fill(1.0), ValueError, "read-only"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_refused(name: str) -> None:
    call, error, message = BAD[name]
    with pytest.raises(error, match=message):
        call()
