"""scikit-learn's classes as an oracle: the same weights where both take the rows in the same order."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="scikit-learn is not installed: no ravine.sklearn")
from sklearn import neural_network as peer
from sklearn.datasets import load_digits, make_multilabel_classification, make_regression

from ravine import sklearn as ours

pytestmark = [
    pytest.mark.sklearn,
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]


def digits(classes: int) -> tuple[Any, Any]:
    X, y = load_digits(n_class=classes, return_X_y=True)
    return X[:333] / 16.0, y[:333]


def regression(targets: int) -> tuple[Any, Any]:
    X, y = make_regression(150, 6, n_targets=targets, random_state=0)
    return X, y / y.std()


def labels() -> tuple[Any, Any]:
    X, y = make_multilabel_classification(130, 8, random_state=1)
    return X / X.max(), y


DATA = {
    "binary": lambda: digits(2),
    "multiclass": lambda: digits(10),
    "labels": labels,
    "regression": lambda: regression(1),
    "outputs": lambda: regression(3),
}
KIND = {name: "MLPRegressor" if name in ("regression", "outputs") else "MLPClassifier" for name in DATA}

# what each fit sets, beside shuffle=False, random_state=3, max_iter=12, batch_size=50: the last batch is smaller
SETTINGS: dict[str, dict[str, Any]] = {
    "adam": {},
    "adam-settings": {"beta_1": 0.8, "beta_2": 0.95, "epsilon": 1e-3, "learning_rate_init": 0.01},
    "alpha": {"alpha": 5.0},
    "sgd": {"solver": "sgd", "learning_rate_init": 0.05},
    "sgd-plain": {"solver": "sgd", "learning_rate_init": 0.05, "nesterovs_momentum": False, "alpha": 1.0},
    "sgd-without-momentum": {"solver": "sgd", "learning_rate_init": 0.05, "momentum": 0.0},
    "sgd-momentum-1": {"solver": "sgd", "learning_rate_init": 1e-3, "momentum": 1.0},
    "invscaling": {"solver": "sgd", "learning_rate": "invscaling", "power_t": 0.25, "learning_rate_init": 0.1},
    "adaptive": {"solver": "sgd", "learning_rate": "adaptive", "tol": 0.5, "n_iter_no_change": 2, "max_iter": 60},
    "tolerance": {"tol": 0.05, "n_iter_no_change": 3, "max_iter": 200},
    "early-stopping": {"early_stopping": True, "n_iter_no_change": 4, "max_iter": 60, "learning_rate_init": 0.01},
    "all-rows": {"batch_size": "auto", "alpha": 1.0},
    "logistic": {"activation": "logistic", "hidden_layer_sizes": (9, 7)},
    "tanh": {"activation": "tanh", "hidden_layer_sizes": 11},
    "identity": {"activation": "identity", "hidden_layer_sizes": [8]},
    "no-hidden-layer": {"hidden_layer_sizes": ()},
    "a-RandomState": {"random_state": np.random.RandomState(5)},
}
ATTRIBUTES = (
    "n_iter_", "t_", "n_layers_", "n_outputs_", "out_activation_", "n_features_in_", "loss_", "best_loss_",
    "loss_curve_", "validation_scores_", "best_validation_score_", "classes_", "_no_improvement_count",
)  # fmt: skip


def both(data: str, weighted: bool = False, calls: int = 1, **settings: Any) -> list[Any]:
    X, y = DATA[data]()
    weight = np.random.default_rng(0).integers(1, 4, len(X)) / 2.0 if weighted else None
    fitted = []
    for module in (peer, ours):
        random_state = settings.get("random_state", 3)
        if isinstance(random_state, np.random.RandomState):
            random_state = np.random.RandomState(5)
        given = {"shuffle": False, "max_iter": 12, "batch_size": 50, **settings, "random_state": random_state}
        estimator = getattr(module, KIND[data])(**given)
        for _ in range(calls):
            estimator.fit(X, y, sample_weight=weight)
        fitted.append(estimator)
    return fitted


def assert_equal(theirs: Any, mine: Any, *, curves: bool = True) -> None:
    for name in ("coefs_", "intercepts_"):
        for a, b in zip(getattr(theirs, name), getattr(mine, name), strict=True):
            np.testing.assert_allclose(b, a, rtol=1e-9, atol=1e-11)
    for name in ATTRIBUTES if curves else ATTRIBUTES[:6]:
        assert hasattr(theirs, name) == hasattr(mine, name), name
        if not hasattr(theirs, name):
            continue
        expected, value = getattr(theirs, name), getattr(mine, name)
        if isinstance(expected, (float, list)) or (isinstance(expected, np.ndarray) and expected.dtype.kind == "f"):
            np.testing.assert_allclose(value, expected, rtol=1e-9, err_msg=name)
        else:
            assert np.array_equal(value, expected), name


@pytest.mark.parametrize("data", DATA)
@pytest.mark.parametrize("name", SETTINGS)
def test_weights_and_record(name: str, data: str) -> None:
    assert_equal(*both(data, **SETTINGS[name]))


@pytest.mark.parametrize("data", DATA)
@pytest.mark.parametrize("name", ["adam", "sgd", "alpha", "early-stopping"])
def test_sample_weights(name: str, data: str) -> None:
    """Their loss of an epoch goes by rows where ours goes by weights; the steps are the same."""
    settings = {**SETTINGS[name], "tol": 0.0}
    assert_equal(*both(data, weighted=True, **settings), curves=False)


@pytest.mark.parametrize("name", ["adam", "sgd", "invscaling", "adaptive", "tolerance"])
def test_warm_start(name: str) -> None:
    assert_equal(*both("multiclass", calls=3, warm_start=True, **SETTINGS[name]))


@pytest.mark.parametrize("data", DATA)
def test_partial_fit(data: str) -> None:
    X, y = DATA[data]()
    fitted = []
    for module in (peer, ours):
        estimator = getattr(module, KIND[data])(shuffle=False, random_state=3, alpha=1.0)
        classes = {"classes": np.unique(y) if y.ndim == 1 else np.arange(y.shape[1])}
        for call in range(7):
            rows = slice(0, None) if call % 2 == 0 else slice(20, 90)
            estimator.partial_fit(X[rows], y[rows], **(classes if KIND[data] == "MLPClassifier" else {}))
        fitted.append(estimator)
    assert_equal(*fitted)


def test_poisson() -> None:
    X, y = regression(2)
    counts = np.round(np.exp(0.3 * y))
    fitted = [
        module.MLPRegressor("poisson", shuffle=False, random_state=1, max_iter=9, batch_size=40).fit(X, counts)
        for module in (peer, ours)
    ]
    assert_equal(*fitted)
    np.testing.assert_allclose(fitted[1].predict(X), fitted[0].predict(X), rtol=1e-9)


@pytest.mark.parametrize("data", DATA)
def test_predictions(data: str) -> None:
    X, _ = DATA[data]()
    theirs, mine = both(data)
    np.testing.assert_allclose(mine.predict(X), theirs.predict(X), rtol=1e-9)
    if KIND[data] == "MLPClassifier":
        np.testing.assert_allclose(mine.predict_proba(X), theirs.predict_proba(X), rtol=1e-9, atol=1e-14)
        np.testing.assert_allclose(mine.predict_log_proba(X), theirs.predict_log_proba(X), rtol=1e-9, atol=1e-14)


@pytest.mark.parametrize("data", DATA)
def test_lbfgs_comes_as_low(data: str) -> None:
    """Another line search: not the same path, but no higher a loss."""
    theirs, mine = both(data, solver="lbfgs", max_iter=100, alpha=1.0)
    assert mine.loss_ <= 1.02 * theirs.loss_ + 1e-4 and not hasattr(mine, "loss_curve_")
    assert mine.n_iter_ <= 100 and mine.t_ == theirs.t_ == 0


@pytest.mark.parametrize("limit", [{"max_iter": 3}, {"max_fun": 4}])
def test_lbfgs_says_what_ended_it(limit: dict[str, int]) -> None:
    X, y = DATA["multiclass"]()
    texts = []
    for module in (peer, ours):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            module.MLPClassifier(solver="lbfgs", random_state=0, **limit).fit(X, y)
        texts.append(str(caught[0].message).splitlines()[1][:30])
    assert texts[0] == texts[1]


def test_the_warning_is_theirs() -> None:
    X, y = DATA["binary"]()
    for module in (peer, ours):
        with pytest.warns(Warning, match=r"Maximum iterations \(2\) reached and the optimization hasn't converged yet"):
            module.MLPClassifier(max_iter=2).fit(X, y)


@pytest.mark.parametrize("settings", [{}, {"early_stopping": True}, {"solver": "sgd", "learning_rate": "adaptive"}])
def test_verbose_prints_the_same(settings: dict[str, Any], capsys: Any) -> None:
    both("binary", verbose=True, tol=0.3, n_iter_no_change=2, max_iter=30, **settings)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) > 6 and lines[: len(lines) // 2] == lines[len(lines) // 2 :]
