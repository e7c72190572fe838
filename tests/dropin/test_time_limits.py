"""Options that scikit-learn lacks: schedules, time limits, lines of progress, losses by name, weights by label."""

from __future__ import annotations

import re
import time
import warnings
from typing import Any

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="scikit-learn is not installed: no ravine.sklearn")
from sklearn.datasets import load_iris, make_multilabel_classification
from sklearn.exceptions import ConvergenceWarning

import ravine as rv
from ravine.sklearn import MLPClassifier, MLPRegressor, ScaledRate, lbfgs
from ravine.sklearn.rates import scaled

pytestmark = pytest.mark.sklearn

X, Y = load_iris(return_X_y=True)
LABELS = make_multilabel_classification(150, 4, n_classes=3, random_state=0)
quiet = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def weights(estimator: Any) -> list[Any]:
    return [np.array(w) for w in (*estimator.coefs_, *estimator.intercepts_)]


def assert_same(a: Any, b: Any) -> None:
    for v, w in zip(weights(a), weights(b), strict=True):
        np.testing.assert_allclose(v, w, rtol=1e-9, atol=1e-12)


# --- schedules

CONSTANT = rv.schedules.PiecewiseConstantDecay([10**6], [0.02, 0.01])


@quiet
@pytest.mark.parametrize("unit", ["step", "epoch"])
@pytest.mark.parametrize(("y", "data"), [("classes", X), ("labels", LABELS[0])])
def test_a_constant_schedule_is_the_rate(unit: str, y: str, data: Any) -> None:
    """Also with several labels, where ravine's mean needs K times the rate."""
    target = Y if y == "classes" else LABELS[1]
    settings = {"solver": "sgd", "max_iter": 9, "batch_size": 40, "random_state": 0}
    constant = rv.schedules.PiecewiseConstantDecay([10**6], [0.02, 0.01], unit=unit)
    scheduled = MLPClassifier(schedule=constant, **settings).fit(data, target)
    assert_same(scheduled, MLPClassifier(learning_rate_init=0.02, **settings).fit(data, target))


@quiet
def test_a_schedule_lowers_the_rate_by_epoch_and_goes_on_in_partial_fit() -> None:
    halving = rv.schedules.ExponentialDecay(0.1, 1, 0.5, unit="epoch")
    settings: dict[str, Any] = {"solver": "sgd", "random_state": 0, "momentum": 0.0, "schedule": halving}
    fitted = MLPClassifier(max_iter=4, n_iter_no_change=99, **settings).fit(X, Y)
    assert fitted.model_.history.learning_rate == [0.1, 0.05, 0.025, 0.0125]
    parts = MLPClassifier(**settings)
    for _ in range(4):
        parts.partial_fit(X, Y, classes=[0, 1, 2])
    assert all(np.array_equal(v, w) for v, w in zip(weights(fitted), weights(parts), strict=True))
    again = fitted.fit(X, Y)  # begins afresh
    assert again.model_.history.learning_rate[0] == 0.1
    assert halving.initial_learning_rate == 0.1  # the one given is left as it was


@quiet
@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_schedules_learn(solver: str) -> None:
    for schedule in (rv.schedules.CosineDecay(0.03, 500), rv.schedules.BoldDriver(0.01)):
        fitted = MLPClassifier(solver=solver, schedule=schedule, batch_size=30, random_state=0).fit(X, Y)
        assert fitted.score(X, Y) > 0.9
        several = MLPClassifier(solver=solver, schedule=schedule, random_state=0, max_iter=5).fit(*LABELS)
        assert np.isfinite(several.loss_)


def test_scaled_rates() -> None:
    decay = rv.schedules.InverseTimeDecay(0.1, 1, 1.0)
    assert scaled(decay, 1.0) is decay
    np.testing.assert_allclose(ScaledRate(decay, 3.0)([0, 1, 2]), [0.3, 0.15, 0.1])
    driver = scaled(rv.schedules.BoldDriver(0.1, increase=1.2, decrease=0.3), 2.0)
    assert vars(driver) == vars(rv.schedules.BoldDriver(0.2, increase=1.2, decrease=0.3))


@pytest.mark.parametrize(
    "settings",
    [{"solver": "lbfgs"}, {"optimizer": "adam"}, {"solver": "sgd", "learning_rate": "adaptive"}],
    ids=lambda s: next(reversed(s)),
)
def test_a_schedule_beside_another_rate_is_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"schedule=PiecewiseConstantDecay.* goes with solver='sgd' or 'adam'"):
        MLPClassifier(schedule=CONSTANT, **settings).fit(X, Y)


# --- time


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
def test_a_time_limit_ends_the_fit_and_says_so(kind: Any, solver: str) -> None:
    model = kind(solver=solver, time_limit=0, random_state=0)
    said = "THE TIME LIMIT OF 0 s IS OVER" if solver == "lbfgs" else r"The time limit \(0 s\) reached"
    with pytest.warns(ConvergenceWarning, match=said):
        model.fit(X, Y)
    assert model.n_iter_ == 1 and np.isfinite(model.loss_)


def test_a_time_limit_leaves_an_early_end_alone() -> None:
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fitted = MLPClassifier(time_limit=1000, tol=0.5, max_iter=10**6, random_state=0).fit(X, Y)
        MLPClassifier(solver="lbfgs", time_limit=1000, max_iter=10**6, random_state=0).fit(X, Y)
    assert fitted.n_iter_ < 100 and time.perf_counter() - start < 100
    with pytest.warns(ConvergenceWarning, match=r"The time limit \(0.05 s\)"):
        MLPClassifier(time_limit=0.05, tol=0.0, n_iter_no_change=np.inf, max_iter=10**9).fit(X, Y)


# --- Ctrl-C


def test_an_interrupted_search_keeps_its_last_step(monkeypatch: pytest.MonkeyPatch) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        three = MLPRegressor(solver="lbfgs", max_iter=3, random_state=0).fit(X, Y)
    evaluate, stepped = lbfgs.Objective.evaluate, []
    monkeypatch.setattr(lbfgs.Ending, "reached", lambda ending, steps, before, point: stepped.append(steps))

    def interrupted(objective: Any, x: Any) -> Any:
        point = evaluate(objective, x)
        if len(stepped) == 3:
            raise KeyboardInterrupt
        return point

    monkeypatch.setattr(lbfgs.Objective, "evaluate", interrupted)
    with pytest.warns(UserWarning, match="Training interrupted by user"):
        fitted = MLPRegressor(solver="lbfgs", random_state=0).fit(X, Y)
    assert fitted.n_iter_ == 3 and all(
        np.array_equal(v, w) for v, w in zip(weights(fitted), weights(three), strict=True)
    )
    assert fitted.loss_ == three.loss_


def test_an_interrupted_fit_keeps_its_epochs() -> None:
    def interrupt(epoch: int, logs: Any) -> None:
        if epoch == 3:
            raise KeyboardInterrupt

    listener = rv.callbacks.LambdaCallback(on_epoch_begin=interrupt)
    with pytest.warns(UserWarning, match="Training interrupted by user"):
        fitted = MLPClassifier(callbacks=[listener], random_state=0).fit(X, Y)
    assert fitted.n_iter_ == len(fitted.loss_curve_) == 3


# --- progress


@quiet
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize(("progress", "lines"), [(False, 0), (0, 0), ("auto", 0), (True, 1), (1, 1), (2, 3)])
def test_progress_prints_as_fit_does(solver: str, progress: Any, lines: int, capsys: Any) -> None:
    fitted = MLPClassifier(solver=solver, max_iter=3, progress=progress, random_state=0).fit(X, Y)
    text = capsys.readouterr().out
    assert text.count("\n") == lines
    if lines:
        assert re.search(rf"epoch 3/3  [0-9.]+ s  loss {fitted.loss_:.4g}\s*$", text)


# --- what is refused

REFUSED: dict[str, tuple[str, list[Any], str]] = {
    "schedule": ("schedule", [0.1, "cosine"], "schedule"),
    "time_limit": ("time_limit", [-1, "a", np.nan], "time_limit"),
    "progress": ("progress", [3, -1, "on", None, 0.5], "The 'progress' parameter of MLPClassifier must be a bool"),
}


@pytest.mark.parametrize("row", REFUSED)
def test_bad_values_are_refused(row: str) -> None:
    name, values, message = REFUSED[row]
    for value in values:
        with pytest.raises(ValueError, match=message):
            MLPClassifier(**{name: value}).fit(X, Y)


# --- losses


@quiet
@pytest.mark.parametrize("y", [Y, (Y > 0).astype(int), np.eye(3, dtype=int)[Y]], ids=["classes", "two", "labels"])
def test_the_focal_loss_learns_and_gives_probabilities(y: Any) -> None:
    settings: dict[str, Any] = {"learning_rate_init": 0.03, "random_state": 0}
    focal = MLPClassifier(loss="focal", **settings).fit(X, y)
    p = focal.predict_proba(X)
    assert focal.score(X, y) > 0.9 and ((p > 0) & (p < 1)).all()
    plain = MLPClassifier(**settings).fit(X, y).predict_proba(X)
    assert np.abs(p - 0.5).mean() < np.abs(plain - 0.5).mean()  # it leaves sure rows alone
    if y.ndim == 1:
        none = rv.losses.CategoricalFocalCrossentropy if y.max() > 1 else rv.losses.BinaryFocalCrossentropy
        assert_same(MLPClassifier(loss=none(0.0), **settings).fit(X, y), MLPClassifier(**settings).fit(X, y))


@quiet
def test_quantiles_bound_a_share_of_the_targets() -> None:
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, (600, 1))
    y = x[:, 0] + (0.2 + 0.2 * (x[:, 0] > 0)) * rng.normal(size=600)
    settings: dict[str, Any] = {"learning_rate_init": 0.01, "random_state": 0, "max_iter": 300}
    below = [np.mean(y < MLPRegressor(rv.losses.Quantile(tau), **settings).fit(x, y).predict(x)) for tau in (0.1, 0.9)]
    np.testing.assert_allclose(below, [0.1, 0.9], atol=0.03)
    assert abs(np.mean(y < MLPRegressor("quantile", **settings).fit(x, y).predict(x)) - 0.5) < 0.04


# --- class weights of several labels


@quiet
def test_a_label_weighs_alone() -> None:
    """Without a hidden layer the labels do not meet: the weights of one leave the others' kernels as they are."""
    settings: dict[str, Any] = {
        "hidden_layer_sizes": (),
        "learning_rate_init": 0.05,
        "random_state": 0,
        "max_iter": 300,
    }
    data, labels = LABELS[0] / LABELS[0].max(), LABELS[1]
    plain = MLPClassifier(**settings).fit(data, labels)
    ones = MLPClassifier(class_weight=[{0: 1.0, 1: 1.0}, {}, {}], **settings).fit(data, labels)
    assert_same(plain, ones)
    eager = MLPClassifier(class_weight=[{}, {1: 10.0}, {}], **settings).fit(data, labels)
    for v, w in zip(plain.coefs_ + plain.intercepts_, eager.coefs_ + eager.intercepts_, strict=True):
        np.testing.assert_allclose(w[..., [0, 2]], v[..., [0, 2]], rtol=1e-6, atol=1e-9)
    yes, more = (model.predict(data)[:, 1].mean() for model in (plain, eager))
    assert more > yes + 0.05


@quiet
@pytest.mark.parametrize("early_stopping", [False, True])
def test_balanced_labels(early_stopping: bool) -> None:
    data, labels = LABELS[0], LABELS[1].copy()
    labels[:100, 0] = 0
    counts = labels.sum(axis=0)
    by_hand = [{0: 150 / (2 * (150 - c)), 1: 150 / (2 * c)} for c in counts.tolist()]
    settings: dict[str, Any] = {"random_state": 0, "max_iter": 20, "early_stopping": early_stopping}
    balanced, listed = (
        MLPClassifier(class_weight=given, **settings).fit(data, labels, validation_data=(data, labels))
        for given in ("balanced", by_hand)
    )
    assert_same(balanced, listed)
    assert len(balanced.validation_loss_curve_) == balanced.n_iter_
    assert balanced.validation_scores_ is None or 0.0 <= balanced.best_validation_score_ <= 1.0
    p = balanced.predict_proba(data)
    unweighed = -np.mean(np.where(labels == 1, np.log(p), np.log1p(-p))) * 3
    if not early_stopping:
        assert balanced.validation_loss_curve_[-1] == pytest.approx(unweighed, rel=1e-2)  # beside alpha


BAD_WEIGHTS: dict[str, tuple[Any, dict[str, Any], str]] = {
    "a dict for all": ({0: 1.0, 1: 2.0}, {}, "a list of 3 dicts, one a label"),
    "too few": ([{}, {}], {}, "a list of 3 dicts"),
    "an unknown label": ([{}, {2: 1.0}, {}], {}, r"class_weight\[1\] names the label 2"),
    "below 0": ([{0: -1.0}, {}, {}], {}, "finite weights >= 0"),
    "another loss": ([{}, {}, {}], {"loss": "hinge"}, "goes with loss='log_loss', got loss='hinge'"),
    "balanced parts": ("balanced", {"partial": True}, "'balanced' is not supported for partial_fit"),
}


@pytest.mark.parametrize("row", BAD_WEIGHTS)
def test_bad_class_weights_of_labels_are_refused(row: str) -> None:
    given, settings, message = BAD_WEIGHTS[row]
    model = MLPClassifier(class_weight=given, **{k: v for k, v in settings.items() if k != "partial"})
    with pytest.raises(ValueError, match=message):
        model.partial_fit(*LABELS, classes=[0, 1, 2]) if "partial" in settings else model.fit(*LABELS)


# --- epochs at once

ALONE: dict[str, dict[str, Any]] = {
    "to-the-end": {"max_iter": 23, "n_iter_no_change": np.inf},
    "tolerance": {"tol": 0.01, "n_iter_no_change": 4},
    "at-once": {"tol": 10.0, "n_iter_no_change": 1},
    "sgd": {"solver": "sgd", "learning_rate_init": 0.1, "max_iter": 30},
    "adaptive": {"solver": "sgd", "learning_rate": "adaptive", "tol": 0.05, "n_iter_no_change": 3, "max_iter": 300},
    "invscaling": {"solver": "sgd", "learning_rate": "invscaling", "max_iter": 12},
    "schedule": {"schedule": rv.schedules.CosineDecay(0.03, 40), "max_iter": 20},
}


@quiet
@pytest.mark.parametrize("name", ALONE)
def test_epochs_at_once_are_epochs_one_by_one(name: str) -> None:
    """A callback that wants to hear of each epoch makes the engine come back after each."""
    settings = {"learning_rate_init": 0.02, "random_state": 0, **ALONE[name]}
    listener = rv.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: None)
    at_once, one_by_one = (MLPClassifier(callbacks=given, **settings).fit(X, Y) for given in (None, [listener]))
    assert all(np.array_equal(v, w) for v, w in zip(weights(at_once), weights(one_by_one), strict=True))
    for record in ("loss_curve_", "n_iter_", "t_", "best_loss_", "loss_", "_no_improvement_count"):
        assert getattr(at_once, record) == getattr(one_by_one, record)
    assert at_once.model_.history.learning_rate == one_by_one.model_.history.learning_rate
