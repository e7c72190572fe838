"""Metrics: the plain functions against their definitions, and the engine's forms against the functions."""

import itertools

import numpy as np
import pytest

import ravine as rv
from ravine import metrics
from ravine.layers import Dense

RNG = np.random.default_rng(4)
SCORES = RNG.uniform(size=(40, 4)).round(1)
LABELS = RNG.integers(0, 4, size=40)
BITS = RNG.integers(0, 2, size=40)
WEIGHT = RNG.integers(0, 4, size=40)
REPEAT = np.repeat(np.arange(40), WEIGHT)


def pairs_auc(y, score):
    pairs = list(itertools.product(score[y == 1], score[y == 0]))
    return np.mean([(a > b) + 0.5 * (a == b) for a, b in pairs])


def precision(y, p):
    return (y & p).sum() / max(p.sum(), 1)


def recall(y, p):
    return (y & p).sum() / max(y.sum(), 1)


def over_classes(function):
    best = SCORES.argmax(axis=1)
    return np.mean([function(c == LABELS, best == c) for c in range(4)])


ONE = SCORES[:, 0]
P = ONE > 0.5
CASES = [
    (metrics.accuracy, LABELS, SCORES, np.mean(SCORES.argmax(axis=1) == LABELS)),
    (metrics.accuracy, np.eye(4)[LABELS], SCORES, np.mean(SCORES.argmax(axis=1) == LABELS)),
    (metrics.binary_accuracy, BITS, ONE, np.mean(P == BITS)),
    (metrics.binary_accuracy, BITS[:, None], ONE[:, None], np.mean(P == BITS)),
    (metrics.top_k, LABELS, SCORES, 1.0),
    (lambda *a: metrics.top_k(*a, k=1), LABELS, SCORES, np.mean(SCORES[np.arange(40), LABELS] == SCORES.max(1))),
    (metrics.mean_squared_error, BITS, ONE, np.mean((ONE - BITS) ** 2)),
    (metrics.mean_squared_error, LABELS, SCORES, np.mean((SCORES - np.eye(4)[LABELS]) ** 2)),
    (metrics.mean_absolute_error, BITS, ONE, np.mean(abs(ONE - BITS))),
    (metrics.r2, BITS, ONE, 1 - ((ONE - BITS) ** 2).sum() / ((BITS - BITS.mean()) ** 2).sum()),
    (metrics.precision, BITS, ONE, precision(BITS == 1, P)),
    (metrics.recall, BITS, ONE, recall(BITS == 1, P)),
    (metrics.f1, BITS, ONE, 2 * (P & (BITS == 1)).sum() / (P.sum() + BITS.sum())),
    (metrics.precision, LABELS, SCORES, over_classes(precision)),
    (metrics.recall, LABELS, SCORES, over_classes(recall)),
    (metrics.auc, BITS, ONE, pairs_auc(BITS, ONE)),
    (metrics.auc, LABELS, SCORES, np.mean([pairs_auc((c == LABELS).astype(int), SCORES[:, c]) for c in range(4)])),
]


@pytest.mark.parametrize(("function", "y", "scores", "expected"), CASES)
def test_definitions(function, y, scores, expected):
    assert function(y, scores) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(("function", "y", "scores", "expected"), CASES)
def test_a_weight_is_a_number_of_copies(function, y, scores, expected):
    assert function(y, scores, WEIGHT) == pytest.approx(function(y[REPEAT], scores[REPEAT]), rel=1e-12)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (metrics.precision([0, 0], [0.1, 0.2]), 0.0),
        (metrics.recall([0, 0], [0.9, 0.2]), 0.0),
        (metrics.f1([0, 0], [0.1, 0.2]), 0.0),
        (metrics.r2([1.0, 1.0], [1.0, 1.0]), 1.0),
        (metrics.r2([1.0, 1.0], [1.0, 2.0]), 0.0),
        (metrics.r2([0.1] * 3, [0.2] * 3), 0.0),
        (metrics.r2([0.1, 0.1, 0.1, 7.0], [0.2] * 4, [1, 1, 1, 0]), 0.0),
        (metrics.auc([1, 1], [0.1, 0.2]), float("nan")),
        (metrics.accuracy([0], [[0.5, 0.5]]), 1.0),
        (metrics.accuracy([1], [[0.5, 0.5]]), 0.0),
        (metrics.accuracy([0], [[1.0, 0.0]], [0.0]), 0.0),
    ],
)
def test_edges(value, expected):
    assert value == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: metrics.accuracy([0, 1, 2], [[1.0, 2.0], [1.0, 2.0]]), r"y_true has shape \(3,\), y_pred \(2, 2\)"),
        (lambda: metrics.accuracy([0, 2], [[1.0, 2.0], [1.0, 2.0]]), r"label 2 out of range \[0, 2\)"),
        (lambda: metrics.mean_squared_error([[1.0, 2.0]], [1.0, 2.0]), "y_true has shape"),
        (lambda: metrics.accuracy([0], [[1.0, 2.0]], [1.0, 2.0]), r"sample_weight.shape == \(2,\), expected \(1,\)"),
        (lambda: metrics.mean_squared_error([], []), "at least one row"),
        (lambda: metrics.accuracy([0, 0.5], [[1.0, 2.0]] * 2), "y_true must hold whole class indices, got 0.5"),
        (lambda: metrics.accuracy(["a"], [[1.0, 2.0]]), "y_true: could not convert string to float"),
        (lambda: metrics.accuracy(None, [[1.0, 2.0]]), "y_true must be an array, got None"),
        (lambda: metrics.accuracy([0], [["1", "2"]]), "y_pred has dtype <U1; convert it first"),
        (lambda: metrics.accuracy([0], [[1j, 2.0]]), "Complex data not supported: y_pred"),
        (lambda: metrics.auc([0, 1], [np.nan, 1.0]), "Input y_pred contains NaN"),
        (lambda: metrics.mean_squared_error([0, np.inf], [1.0, 1.0]), "Input y_true contains infinity"),
        (lambda: metrics.recall([0, 1], [1.0, 1.0], [-1, 1]), "sample_weight must not be negative, got -1.0"),
        (lambda: metrics.f1([0, 1], [1.0, 1.0], [np.nan, 1]), "Input sample_weight contains NaN"),
        (lambda: metrics.precision([0, 1], [1.0, 1.0], threshold=np.nan), "threshold must be a number in"),
        (lambda: metrics.binary_accuracy([0, 1], [1.0, 1.0], threshold=np.inf), "threshold must be a number in"),
        (lambda: metrics.top_k([0], [[1.0, 2.0]], k=0), "k must be an int >= 1, got 0"),
        (lambda: metrics.top_k([0], [[1.0, 2.0]], k=1.5), "k must be an int >= 1, got 1.5"),
        (lambda: metrics.AUC(name=""), "name must be a non-empty str"),
        (lambda: metrics.AUC(name=3), "name must be a non-empty str without '/', got 3"),
        (lambda: metrics.get("acuracy"), "unknown metric 'acuracy'.*did you mean 'accuracy'"),
        (lambda: metrics.TopKAccuracy(0), "k must be an int >= 1, got 0"),
        (lambda: metrics.BinaryAccuracy(float("nan")), "threshold must be"),
    ],
)
def test_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


X = RNG.normal(size=(40, 3))
HEADS = [
    ("categorical_crossentropy", 4, None, LABELS, "predict_proba"),
    ("categorical_crossentropy", 4, "softmax", np.eye(4)[LABELS], "predict_proba"),
    ("log_loss", 4, "softmax", LABELS, "predict_proba"),
    ("binary_crossentropy", 1, None, BITS, "predict_proba"),
    ("binary_crossentropy", 1, "sigmoid", BITS, "predict_proba"),
    ("binary_crossentropy", 4, "sigmoid", np.eye(4)[LABELS], "predict_proba"),
    ("mse", 1, None, X[:, 0], "predict"),
    ("mse", 2, "tanh", X[:, :2], "predict"),
]
FUNCTIONS = {
    "accuracy": lambda y, p, w: (metrics.accuracy if p.shape[1] > 1 else metrics.binary_accuracy)(y, p, w),
    "mse": metrics.mean_squared_error,
    "mae": metrics.mean_absolute_error,
    "r2": metrics.r2,
    "precision": metrics.precision,
    "recall": metrics.recall,
    "f1": metrics.f1,
    "auc": metrics.auc,
}


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize(("loss", "units", "activation", "y", "predict"), HEADS)
def test_compiled_metrics_are_the_functions_on_predictions(name, loss, units, activation, y, predict):
    model = rv.Sequential([Dense(units, activation)], dtype="float64", random_state=0)
    model.compile(loss=loss, metrics=[name])
    weight = RNG.uniform(size=40)
    fitted = model.fit(X, y, epochs=3, validation_data=(X, y, weight)).history
    scores = getattr(model, predict)(X)
    if loss == "binary_crossentropy" and units > 1:
        function = {"accuracy": metrics.binary_accuracy}.get(name, FUNCTIONS[name])
        threshold = {"threshold": 0.5} if name in ("precision", "recall", "f1") else {}
        expected = function(y, scores, weight, **threshold)
    else:
        threshold = {"threshold": 0.5} if name in ("precision", "recall", "f1") and predict == "predict" else {}
        expected = FUNCTIONS[name](y, scores, weight, **threshold)
    value = model.evaluate(X, y, sample_weight=weight)[name]
    assert value == pytest.approx(expected, rel=1e-9, nan_ok=True)
    assert value == pytest.approx(fitted[f"val_{name}"][-1], nan_ok=True)


@pytest.mark.parametrize("threshold", [0.2, 0.5, 0.9])
@pytest.mark.parametrize("activation", [None, "sigmoid"])
def test_thresholds_are_probabilities(threshold, activation):
    model = rv.Sequential([Dense(1, activation)], dtype="float64", random_state=0)
    model.compile(loss="binary_crossentropy", metrics=[metrics.BinaryAccuracy(threshold), metrics.Recall(threshold)])
    model.fit(X, BITS, epochs=2)
    found, probability = model.evaluate(X, BITS), model.predict_proba(X)
    assert found["binary_accuracy"] == pytest.approx(np.mean((probability[:, 0] > threshold) == BITS))
    assert found["recall"] == pytest.approx(metrics.recall(BITS, probability, threshold=threshold))


def test_a_threshold_counts_where_a_row_has_one_class():
    model = rv.Sequential([Dense(4)], random_state=0)
    model.compile(loss="categorical_crossentropy", metrics=[metrics.Recall(0.3), metrics.Recall(name="largest")])
    model.fit(X, LABELS)
    found, probability = model.evaluate(X, LABELS), model.predict_proba(X)
    assert found["recall"] == pytest.approx(metrics.recall(LABELS, probability, threshold=0.3))
    assert found["largest"] == pytest.approx(metrics.recall(LABELS, probability))


def test_scores_of_a_net_that_diverged_are_nan():
    model = rv.Sequential([Dense(1)], random_state=0)
    model.compile(optimizer=rv.optimizers.SGD(1e300), loss="mse", metrics=["r2"])
    with pytest.raises(rv.DivergenceError, match="the weights 'dense/kernel' were not finite"):
        model.fit(X, X[:, 0], epochs=9, batch_size=None)
    assert np.isnan(model.history.history["r2"][-1])


def test_top_k_and_names():
    model = rv.Sequential([Dense(4)], random_state=0)
    model.compile(
        loss="categorical_crossentropy",
        metrics=["accuracy", metrics.TopKAccuracy(2, name="top_2"), "mean_squared_error"],
    )
    history = model.fit(X, LABELS, epochs=2).history
    assert list(history) == ["loss", "accuracy", "top_2", "mean_squared_error"]
    assert model.evaluate(X, LABELS)["top_2"] == pytest.approx(metrics.top_k(LABELS, model.predict(X), k=2))


@pytest.mark.parametrize(
    ("chosen", "error"),
    [
        (["mse", "mse"], ValueError),
        ("mse", TypeError),
        (None, TypeError),
        (5, TypeError),
        ([metrics.AUC(name="loss")], ValueError),
        ([metrics.AUC(name="val_loss")], ValueError),
    ],
)
def test_lists_of_metrics(chosen, error):
    with pytest.raises(error, match="metrics must"):
        rv.Sequential([Dense(1)]).compile(loss="mse", metrics=chosen)


def test_engine_metrics_exist():
    assert {"accuracy", "binary_accuracy", "squared_error", "absolute_error", "top_k"} == set(
        rv.kernels.names["metrics"]
    )


@pytest.mark.parametrize("weight", [None, WEIGHT])
@pytest.mark.parametrize("wanted", [0.3, 0.45, 0.5, 0.55, 0.9, 1.0])
@pytest.mark.parametrize("name", ["precision", "recall"])
def test_threshold_for_is_the_best_of_all(name, wanted, weight):
    rows = np.arange(40) if weight is None else REPEAT
    y, score = BITS[rows], ONE[rows]
    other = {"precision": recall, "recall": precision}[name]
    found = {t: (globals()[name](y, score > t), other(y, score > t)) for t in [-1.0, *np.unique(ONE)[:-1]]}
    best = (
        max((second, t) for t, (first, second) in found.items() if first >= wanted)
        if any(first >= wanted for first, _ in found.values())
        else None
    )
    if best is None:
        with pytest.raises(ValueError, match=f"precision={wanted} is out of reach: the largest is"):
            metrics.threshold_for(BITS, ONE, weight, precision=wanted)
        return
    threshold = metrics.threshold_for(BITS, ONE, weight, **{name: wanted})
    assert globals()[name](y, score > threshold) >= wanted
    assert other(y, score > threshold) == pytest.approx(best[0], rel=1e-12)
    assert np.float32(threshold) < ONE.max()


@pytest.mark.parametrize(
    ("arguments", "settings", "message"),
    [
        ((BITS, ONE), {}, "give precision or recall, one of the two, got precision=None, recall=None"),
        ((BITS, ONE), {"precision": 0.5, "recall": 0.5}, "one of the two"),
        ((BITS, ONE), {"precision": 0.0}, "precision must be"),
        ((BITS, ONE), {"recall": 1.5}, "recall must be"),
        ((LABELS, SCORES), {"recall": 0.5}, r"one output a row, got shape \(40, 4\)"),
        ((np.zeros(40), ONE), {"recall": 0.5}, "must hold a positive target"),
        ((BITS, ONE, 1 - BITS), {"recall": 0.5}, "whose weight is above 0"),
    ],
)
def test_threshold_for_refuses(arguments, settings, message):
    with pytest.raises(ValueError, match=message):
        metrics.threshold_for(*arguments, **settings)
