"""scikit-learn's tools around the estimators: searches, curves, ensembles, workers, routing, displays, old files."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="scikit-learn is not installed: no ravine.sklearn")
import joblib
from sklearn import config_context
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_iris
from sklearn.ensemble import StackingClassifier, StackingRegressor
from sklearn.exceptions import UnsetMetadataPassedError
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    RandomizedSearchCV,
    cross_val_predict,
    cross_val_score,
    cross_validate,
    learning_curve,
    validation_curve,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import estimator_html_repr

import ravine as rv
from ravine.sklearn import MLPClassifier, MLPRegressor, NetClassifier, NetRegressor

pytestmark = [
    pytest.mark.sklearn,
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]

X, Y = load_iris(return_X_y=True)
ORDER = np.random.default_rng(0).permutation(len(X))
X, Y = X[ORDER], Y[ORDER]
CLASSIFIER = MLPClassifier((8,), max_iter=60, learning_rate_init=0.03, random_state=0)
REGRESSOR = MLPRegressor(hidden_layer_sizes=(8,), max_iter=60, learning_rate_init=0.03, random_state=0)
MODEL = rv.Sequential([rv.layers.Dense(12, "tanh"), rv.layers.Dense(3)], random_state=0)
MODEL.compile(optimizer=rv.optimizers.Adam(0.02), loss="categorical_crossentropy")
NET = NetClassifier(MODEL, epochs=30)


def share_of_cores() -> int:
    return rv.get_num_threads()


GRID = {"alpha": [1e-4, 1.0], "hidden_layer_sizes": [(1,), (8,)]}
SEARCHES: dict[str, Any] = {
    "grid": lambda jobs: GridSearchCV(CLASSIFIER, GRID, cv=3, n_jobs=jobs),
    "random": lambda jobs: RandomizedSearchCV(CLASSIFIER, GRID, n_iter=3, cv=3, random_state=0, n_jobs=jobs),
    "halving": lambda jobs: HalvingGridSearchCV(
        CLASSIFIER, {"alpha": [1e-4, 1.0]}, cv=3, resource="max_iter", max_resources=60, random_state=0, n_jobs=jobs
    ),
    "net": lambda jobs: GridSearchCV(NET, {"epochs": [1, 30]}, cv=3, n_jobs=jobs),
}


@pytest.mark.parametrize("name", SEARCHES)
def test_searches_find_the_same_with_workers(name: str) -> None:
    alone, together = (SEARCHES[name](jobs).fit(X, Y) for jobs in (1, 2))
    assert alone.best_params_ == together.best_params_ and alone.best_score_ > 0.9
    assert np.array_equal(alone.cv_results_["mean_test_score"], together.cv_results_["mean_test_score"])


def test_a_worker_gets_its_share_of_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAVINE_NUM_THREADS", raising=False)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    with joblib.parallel_backend("loky", n_jobs=2):
        shares = joblib.Parallel()(joblib.delayed(share_of_cores)() for _ in range(4))
    assert max(shares) <= max(1, joblib.cpu_count() // 2)


@pytest.mark.parametrize("estimator", [CLASSIFIER, NET], ids=["perceptron", "net"])
def test_scores_and_predictions_across_folds(estimator: Any) -> None:
    scores = [cross_val_score(estimator, X, Y, cv=3, n_jobs=jobs) for jobs in (1, 2)]
    assert np.array_equal(*scores) and scores[0].mean() > 0.9
    p = cross_val_predict(estimator, X, Y, cv=3, method="predict_proba")
    assert p.shape == (150, 3) and (p.argmax(axis=1) == Y).mean() > 0.9


def test_curves() -> None:
    sizes, seen, unseen = learning_curve(CLASSIFIER, X, Y, train_sizes=[20, 100], cv=3, n_jobs=2)
    assert sizes.tolist() == [20, 100] and unseen[1].mean() >= unseen[0].mean() and seen.shape == (2, 3)
    seen, unseen = validation_curve(CLASSIFIER, X, Y, param_name="max_iter", param_range=[1, 60], cv=3)
    assert seen[1].mean() > seen[0].mean() + 0.2 and unseen[1].mean() > unseen[0].mean() + 0.2


def test_ensembles_and_importance() -> None:
    stacked = StackingClassifier([("net", CLASSIFIER), ("line", LogisticRegression(max_iter=1000))], cv=3)
    assert stacked.fit(X, Y).score(X, Y) > 0.94
    averaged = StackingRegressor([("net", REGRESSOR), ("other", NetRegressor(epochs=30, random_state=0))], cv=3)
    assert averaged.fit(X[:, :3], X[:, 3]).score(X[:, :3], X[:, 3]) > 0.8
    calibrated = CalibratedClassifierCV(CLASSIFIER, cv=3).fit(X, Y)
    np.testing.assert_allclose(calibrated.predict_proba(X).sum(axis=1), 1.0)
    assert calibrated.score(X, Y) > 0.9
    noisy = np.c_[X, np.random.default_rng(1).normal(size=150)]
    found = permutation_importance(clone(CLASSIFIER).fit(noisy, Y), noisy, Y, n_repeats=3, random_state=0, n_jobs=2)
    assert found.importances_mean[2:4].min() > found.importances_mean[4] + 0.05


# --- metadata

WEIGHT = np.where(Y == 0, 5.0, 1.0)
HELD = (X[:30] / 2.0, Y[:30])


@pytest.mark.parametrize("estimator", [CLASSIFIER, NET], ids=["perceptron", "net"])
def test_weights_are_routed_through_a_pipeline(estimator: Any) -> None:
    with config_context(enable_metadata_routing=True):
        scaler = StandardScaler().set_fit_request(sample_weight=False)
        routed = make_pipeline(scaler, clone(estimator).set_fit_request(sample_weight=True))
        routed = routed.fit(X, Y, sample_weight=WEIGHT)[-1]
        with pytest.raises(UnsetMetadataPassedError, match=f"not explicitly set .*{type(estimator).__name__}.fit"):
            make_pipeline(scaler, clone(estimator)).fit(X, Y, sample_weight=WEIGHT)
    direct = clone(estimator).fit(StandardScaler().fit_transform(X), Y, sample_weight=WEIGHT)
    for w, other in zip(routed.model_.parameters.values(), direct.model_.parameters.values(), strict=True):
        assert np.array_equal(w, other)


def test_weights_and_validation_data_are_routed_inside_a_search() -> None:
    with config_context(enable_metadata_routing=True):
        asking = clone(CLASSIFIER).set_fit_request(sample_weight=True, validation_data=True)
        asking.set_score_request(sample_weight=True)
        search = GridSearchCV(asking, {"alpha": [1e-4, 1e-3]}, cv=3)
        search.fit(X, Y, sample_weight=WEIGHT, validation_data=HELD)
        folds = cross_validate(asking, X, Y, cv=3, params={"sample_weight": WEIGHT, "validation_data": HELD},
                               return_estimator=True)  # fmt: skip
    best = search.best_estimator_
    direct = clone(CLASSIFIER).set_params(**search.best_params_).fit(X, Y, WEIGHT, validation_data=HELD)
    assert best.validation_loss_curve_ == direct.validation_loss_curve_ and best.loss_curve_ == direct.loss_curve_
    assert all(len(fold.validation_loss_curve_) == fold.n_iter_ for fold in folds["estimator"])


# --- displays and files


@pytest.mark.parametrize("estimator", [CLASSIFIER, REGRESSOR, NET, NetRegressor()], ids=lambda e: type(e).__name__)
def test_html_names_the_estimator_and_its_parameters(estimator: Any) -> None:
    text = estimator_html_repr(estimator)
    assert type(estimator).__name__ in text and "random_state" in text
    assert "model_" not in text.split("<style>")[0]


OLD = Path(__file__).parent / "data" / "estimators-0.1.0.pickle"


def test_estimators_of_an_older_version_load_and_go_on() -> None:
    """The file is a pickle of fitted estimators and their predictions, from before `schedule` and its like."""
    kept = pickle.loads(OLD.read_bytes())
    for estimator, predicted in kept.values():
        rows = X[np.argsort(ORDER)][::10, : estimator.n_features_in_]
        np.testing.assert_allclose(estimator.predict(rows), predicted, rtol=1e-12)
        assert list(clone(estimator).get_params()) == list(estimator.get_params())
        assert type(estimator).__name__ in repr(estimator)
    adam, lbfgs, net = (estimator for estimator, _ in kept.values())
    assert adam.schedule is None and adam.progress is False
    adam.partial_fit(X, Y)
    adam.set_params(max_iter=3).fit(X, Y)
    lbfgs.set_params(warm_start=True).fit(X[:, :2], X[:, 2])
    net.set_params(warm_start=True).fit(X, Y)


def test_joblib_keeps_a_fitted_estimator(tmp_path: Path) -> None:
    fitted = clone(CLASSIFIER).fit(X, Y)
    joblib.dump(fitted, tmp_path / "iris.joblib")
    assert np.array_equal(joblib.load(tmp_path / "iris.joblib").predict_proba(X), fitted.predict_proba(X))
    assert os.path.getsize(tmp_path / "iris.joblib") < 50_000
