"""What scikit-learn refuses and ravine gives; where it is wrong and ravine is right; what both refuse."""

from __future__ import annotations

import copy
import importlib.util
import math
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="scikit-learn is not installed: no ravine.sklearn")
from sklearn import neural_network as peer
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_digits, load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import ravine as rv
from ravine.sklearn import AdamRate, MLPClassifier, MLPRegressor, NetClassifier

pytestmark = [
    pytest.mark.sklearn,
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]

IRIS = load_iris(return_X_y=True)
DIABETES = tuple(array / array.std() for array in load_diabetes(return_X_y=True))
DIGITS = load_digits(return_X_y=True)


def weights(estimator: Any) -> list[Any]:
    return [np.array(w) for w in (*estimator.coefs_, *estimator.intercepts_)]


def same(a: Any, b: Any) -> bool:
    return all(np.array_equal(v, w) for v, w in zip(weights(a), weights(b), strict=True))


# --- what scikit-learn refuses

# name: settings that must change the weights, and still learn iris
CHANGES: dict[str, dict[str, Any]] = {
    "dropout": {"dropout": 0.2},
    "dropout-by-layer": {"dropout": [0.3]},
    "activation-by-layer": {"activation": ["gelu"]},
    "an-activation-object": {"activation": [rv.layers.Activation("leaky_relu", alpha=0.3)]},
    "hinge": {"loss": "hinge"},
    "a-loss-object": {"loss": rv.losses.Hinge(margin=2.0)},
    "class-weight": {"class_weight": {0: 3.0, 1: 1.0, 2: 1.0}},
    "optimizer-name": {"optimizer": "rmsprop"},
    "optimizer-object": {"optimizer": rv.optimizers.Nadam(0.01)},
    "bfgs": {"optimizer": rv.optimizers.LBFGS()},
    "weight-decay": {"weight_decay": 0.5},
    "weight-decay-of-sgd": {"weight_decay": 0.01, "solver": "sgd", "learning_rate_init": 0.1},
}


@pytest.mark.parametrize("name", CHANGES)
def test_an_option_does_something_and_learns(name: str) -> None:
    X, y = IRIS
    settings = {"max_iter": 300, "learning_rate_init": 0.01, "random_state": 0, **CHANGES[name]}
    without = {key: value for key, value in settings.items() if key not in CHANGES[name] or key == "solver"}
    fitted = MLPClassifier(**settings).fit(X, y)
    assert fitted.score(X, y) > 0.9
    assert not same(fitted, MLPClassifier(**without).fit(X, y))
    assert same(fitted, clone(fitted).fit(X, y))  # optimizers and losses given are left as they were


@pytest.mark.parametrize("loss", ["absolute_error", "huber", rv.losses.Huber(0.5), rv.losses.MeanSquaredError()])
def test_losses_of_regression(loss: Any) -> None:
    X, y = DIABETES
    assert MLPRegressor(loss, learning_rate_init=0.01, random_state=0).fit(X, y).score(X, y) > 0.4


def test_mae_is_not_drawn_by_an_outlier() -> None:
    X, y = np.zeros((99, 1)), np.r_[np.ones(98), 1e4]
    settings = {"hidden_layer_sizes": (), "learning_rate_init": 0.05, "alpha": 0.0, "random_state": 0, "max_iter": 2000}
    assert abs(MLPRegressor("absolute_error", **settings).fit(X, y).predict(X[:1])[0] - 1.0) < 0.1


@pytest.mark.parametrize("y", [IRIS[1], np.array(["a", "b", "c"])[IRIS[1]]])
def test_balanced_class_weights_are_sample_weights(y: Any) -> None:
    X, keep = IRIS[0], np.r_[0:50, 50:60, 100:105]
    X, y = X[keep], y[keep]
    labels, counts = np.unique(y, return_counts=True)
    by_hand = len(y) / (3 * counts)[np.searchsorted(labels, y)]
    settings = {"random_state": 0, "max_iter": 20}
    fitted = MLPClassifier(class_weight="balanced", **settings).fit(X, y)
    assert same(fitted, MLPClassifier(**settings).fit(X, y, sample_weight=by_hand))
    named = dict(zip(labels.tolist(), (len(y) / (3 * counts)).tolist(), strict=True))
    assert same(fitted, MLPClassifier(class_weight=named, **settings).fit(X, y))


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize(("kind", "data"), [(MLPClassifier, IRIS), (MLPRegressor, DIABETES)])
def test_validation_data(kind: Any, data: Any, early_stopping: bool) -> None:
    X, y = data
    fitted = kind(max_iter=30, random_state=0, alpha=0.0, early_stopping=early_stopping)
    fitted.fit(X[::2], y[::2], validation_data=(X[1::2], y[1::2]))
    assert len(fitted.validation_loss_curve_) == fitted.n_iter_ == len(fitted.loss_curve_)
    assert not same(fitted, kind(max_iter=29, random_state=0, alpha=0.0).fit(X[::2], y[::2]))
    if early_stopping:
        best = int(np.argmax(fitted.validation_scores_))
        assert fitted.score(X[1::2], y[1::2]) == pytest.approx(fitted.validation_scores_[best])
    elif kind is MLPRegressor:
        error = 0.5 * np.mean((fitted.predict(X[1::2]) - y[1::2]) ** 2)
        assert fitted.validation_loss_curve_[-1] == pytest.approx(error)


def test_callbacks_hear_of_each_epoch() -> None:
    losses: list[float] = []
    seen = rv.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: losses.append(logs["loss"]))
    fitted = MLPClassifier(max_iter=7, callbacks=[seen], random_state=0).fit(*IRIS)
    assert losses == fitted.loss_curve_ and len(losses) == 7


def test_no_bit_depends_on_the_threads() -> None:
    X, y = DIGITS
    fits = [MLPClassifier(max_iter=3, random_state=0, n_threads=n).fit(X, y) for n in (1, 2, 3)]
    assert same(fits[0], fits[1]) and same(fits[0], fits[2])
    assert np.array_equal(fits[0].predict_proba(X), fits[2].predict_proba(X))


@pytest.mark.parametrize("layer", [0, 1, -1, -2])
def test_transform_gives_a_hidden_layer(layer: int) -> None:
    X, y = IRIS
    fitted = MLPClassifier((7, 5), dropout=0.1, max_iter=3, random_state=0).fit(X, y)
    expected = X
    for number in range(layer % 2 + 1):
        expected = np.maximum(expected @ fitted.coefs_[number] + fitted.intercepts_[number], 0.0)
    np.testing.assert_allclose(fitted.transform(X, layer=layer), expected, rtol=1e-12)


# --- where scikit-learn is wrong


def test_cross_entropy_far_from_the_boundary_is_the_logit() -> None:
    """One row, its logit -100, its class 1: the loss is log(1 + e^100) = 100; scikit-learn says 36.04."""
    X, y, found = np.array([[1.0], [0.0]]), np.array([1, 0]), []
    for module in (peer, sys.modules["ravine.sklearn"]):
        model = module.MLPClassifier(
            (), solver="sgd", learning_rate_init=1e-300, alpha=0.0, max_iter=1, warm_start=True
        )
        model.fit(X, y)
        model.coefs_[0][...] = -100.0
        model.intercepts_[0][...] = 0.0
        model.fit(X, y, sample_weight=np.array([1.0, 1e-300]))
        found.append(model.loss_)
    assert found[0] == pytest.approx(36.04, abs=0.01) and found[1] == pytest.approx(100.0, rel=1e-12)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
def test_a_row_alone_has_the_bits_it_has_in_a_batch(kind: Any, dtype: str) -> None:
    X, y = DIGITS[0].astype(dtype)[:300], DIGITS[1][:300]
    fitted = kind(max_iter=3, random_state=0).fit(X, y)
    for method in ("predict", "predict_proba", "predict_log_proba"):
        if hasattr(fitted, method):
            of = getattr(fitted, method)
            assert np.array_equal(of(X), np.concatenate([of(X[i : i + 1]) for i in range(len(X))]))


def test_probabilities_of_unlikely_classes_are_not_rounded_away() -> None:
    fitted = MLPClassifier((), max_iter=1).fit([[0.0], [1.0]], [0, 1])
    fitted.coefs_, fitted.intercepts_ = [[[50.0]]], [[0.0]]
    np.testing.assert_allclose(fitted.predict_proba([[1.0]])[0], [math.exp(-50.0), 1.0], rtol=1e-12)


def test_divergence_keeps_the_best_weights_and_says_so() -> None:
    X, y = IRIS
    settings = {"activation": "identity", "solver": "sgd", "learning_rate_init": 1.0, "random_state": 0}
    with pytest.raises(ValueError, match="Solver produced non-finite parameter weights"):
        MLPRegressor(**settings).fit(X, y)
    with pytest.warns(ConvergenceWarning, match="diverged"):
        fitted = MLPRegressor(early_stopping=True, **settings).fit(X, y)
    assert math.isnan(fitted.validation_scores_[-1]) and np.isfinite(fitted.predict(X)).all()


# --- the rest of the face


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
@pytest.mark.parametrize(("kind", "data"), [(MLPClassifier, IRIS), (MLPRegressor, DIABETES)])
def test_copies_go_on_alike(kind: Any, data: Any, solver: str) -> None:
    X, y = data
    fitted = kind(solver=solver, max_iter=5, random_state=0, dropout=0.0 if solver == "lbfgs" else 0.1).fit(X, y)
    copies = [pickle.loads(pickle.dumps(fitted)), copy.deepcopy(fitted)]
    for other in copies:
        assert same(fitted, other) and np.array_equal(fitted.predict(X), other.predict(X))
    if solver != "lbfgs":
        for estimator in (fitted, *copies):
            estimator.partial_fit(X, y)
        assert all(same(fitted, other) for other in copies)


def test_the_network_is_saved_and_goes_on(tmp_path: Path) -> None:
    X, y = IRIS
    fitted = MLPClassifier(max_iter=5, random_state=0).fit(X, y)
    fitted.model_.save(tmp_path / "iris.ravine")
    loaded = rv.load(tmp_path / "iris.ravine", custom_objects={"AdamRate": AdamRate})
    loaded.fit(X, y, epochs=1, batch_size=150, verbose=0)
    fitted.partial_fit(X, y)
    assert all(np.array_equal(w, loaded.parameters[name]) for name, w in fitted.model_.parameters.items())


@pytest.mark.parametrize("name", ["csr_matrix", "csr_array", "csc_array"])
def test_sparse_rows_are_the_same_rows(name: str) -> None:
    sparse = pytest.importorskip("scipy.sparse")
    X, y = DIGITS[0][:200], DIGITS[1][:200]
    rows = getattr(sparse, name)(X)
    fits = [MLPClassifier(max_iter=3, random_state=0).fit(data, y) for data in (X, rows)]
    assert same(*fits) and np.array_equal(fits[0].predict_proba(X), fits[1].predict_proba(rows))
    assert np.array_equal(fits[0].transform(X), fits[1].transform(rows))


@pytest.mark.parametrize("solver", ["sgd", "lbfgs"])
def test_sparse_rows_take_every_way(solver: str) -> None:
    sparse = pytest.importorskip("scipy.sparse")
    X, y = DIGITS[0][:200], DIGITS[1][:200]
    options = {"solver": solver, "early_stopping": solver == "sgd", "max_iter": 3, "random_state": 0}
    fits = [MLPClassifier(**options).fit(data, y) for data in (X, sparse.csr_array(X))]
    assert same(*fits)
    held = (sparse.csc_array(X[:50]), y[:50])
    fits = [
        MLPClassifier(max_iter=3, random_state=0).fit(data, y, validation_data=validation)
        for data, validation in ((X, (X[:50], y[:50])), (sparse.csr_array(X), held))
    ]
    assert same(*fits) and fits[0].validation_loss_curve_ == fits[1].validation_loss_curve_
    nets = [NetClassifier(epochs=2, random_state=0).fit(data, y) for data in (X, sparse.csr_array(X))]
    assert np.array_equal(nets[0].predict_proba(X), nets[1].predict_proba(sparse.csr_matrix(X)))


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_frames(library: str) -> None:
    frames = pytest.importorskip(library)
    X, y = IRIS
    names = ["a", "b", "c", "d"]
    frame = frames.DataFrame({name: X[:, i] for i, name in enumerate(names)})
    fitted = MLPClassifier((3,), max_iter=3, random_state=0).fit(frame, y)
    assert list(fitted.feature_names_in_) == names and same(fitted, clone(fitted).fit(X, y))
    assert np.array_equal(fitted.predict(frame), clone(fitted).fit(X, y).predict(X))
    with pytest.raises(ValueError, match="feature names should match"):
        fitted.predict(frame[["b", "a", "c", "d"]])
    features = fitted.set_output(transform=library).transform(frame)
    assert isinstance(features, frames.DataFrame) and next(iter(features.columns)) == "mlpclassifier0"


def test_model_selection() -> None:
    X, y = IRIS
    pipeline = make_pipeline(StandardScaler(), MLPClassifier(max_iter=100, learning_rate_init=0.01, random_state=0))
    assert cross_val_score(pipeline, X, y, cv=3).mean() > 0.9
    grid = GridSearchCV(pipeline, {"mlpclassifier__dropout": [0.0, 0.2]}, cv=3, n_jobs=2).fit(X, y)
    assert grid.best_score_ > 0.9


def test_warm_start_takes_new_settings_and_refuses_other_layers() -> None:
    X, y = IRIS
    fitted = MLPClassifier((5,), max_iter=2, warm_start=True, random_state=0).fit(X, y)
    before = np.abs(fitted.coefs_[0]).sum()
    assert np.abs(fitted.set_params(alpha=1e4, max_iter=50).fit(X, y).coefs_[0]).sum() < before
    with pytest.raises(ValueError, match=r"the layers have \[5, 3\] units"):
        fitted.set_params(hidden_layer_sizes=(6,)).fit(X, y)


def test_import_of_ravine_leaves_scikit_learn_alone() -> None:
    code = "import sys, ravine; assert not any(name.startswith('sklearn') for name in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


# --- the example's claim


def test_weights_by_class_find_the_rare_digits() -> None:
    path = Path(__file__).resolve().parents[2] / "examples" / "sklearn_drop_in.py"
    spec = importlib.util.spec_from_file_location("sklearn_drop_in", path)
    assert spec is not None and spec.loader is not None
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    plain, weighed = example.recall(), example.recall(class_weight="balanced", dropout=0.2)
    assert weighed[0] > plain[0] + 0.2 and weighed[1] > plain[1]
