"""`export`: the network as a file that `ravine.load` reads, with the estimator's labels and names."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="scikit-learn is not installed: no ravine.sklearn")
from sklearn.datasets import load_diabetes, load_iris
from sklearn.exceptions import NotFittedError

import ravine as rv
from ravine.sklearn import CNNClassifier, MLPClassifier, MLPRegressor, NetClassifier, NetRegressor

pytestmark = [
    pytest.mark.sklearn,
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]

X, Y = load_iris(return_X_y=True)
TWO = Y > 0
DIABETES = tuple(array / array.std() for array in load_diabetes(return_X_y=True))
FAST: dict[str, Any] = {"random_state": 0, "max_iter": 20, "learning_rate_init": 0.01}


def of(labels: list[Any], y: Any = Y) -> Any:
    return np.array(labels)[y.astype(int)]


def net(loss: str, units: int) -> rv.Sequential:
    model = rv.Sequential([rv.layers.Standardize(), rv.layers.Dense(units)], random_state=0)
    model.compile(rv.optimizers.Adam(0.05), loss)
    return model


# name: estimator, X, labels
CLASSIFIERS: dict[str, tuple[Any, Any, Any]] = {
    "strings": (MLPClassifier(**FAST), X, of(["c", "a", "b"])),
    "objects": (MLPClassifier(**FAST), X, of(["c", "a", "bb"]).astype(object)),
    "numbers": (MLPClassifier(**FAST), X, of([7, -2, 3])),
    "usual numbers": (MLPClassifier(**FAST), X, Y),
    "floats": (MLPClassifier(**FAST), X, of([1.0, 2.0, 3.0])),
    "two strings": (MLPClassifier(**FAST), X, of(["no", "yes"], TWO)),
    "two numbers": (MLPClassifier(**FAST), X, of([5, 2], TWO)),
    "signs": (MLPClassifier(**FAST), X, of([-1, 1], TWO)),
    "booleans": (MLPClassifier(**FAST), X, TWO),
    "one class": (MLPClassifier(**FAST), X, np.full(150, 4)),
    "hinge of two": (MLPClassifier(loss="hinge", **FAST), X, of([-1, 1], TWO)),
    "hinge of others": (MLPClassifier(loss="hinge", **FAST), X, of([3, 8], TWO)),
    "hinge of three": (MLPClassifier(loss="hinge", **FAST), X, of([1, 2, 3])),
    "focal": (MLPClassifier(loss="focal", **FAST), X, of([1, 2, 3])),
    "lbfgs": (MLPClassifier(solver="lbfgs", random_state=0), X, of(["c", "a", "b"])),
    "norms and dropout": (MLPClassifier(batch_norm=True, dropout=0.1, **FAST), X, of([1, 2, 3])),
    "float32": (MLPClassifier(**FAST), X.astype("float32"), of(["c", "a", "b"])),
    "a net": (NetClassifier(net("categorical_crossentropy", 3), epochs=9), X, of([1, 2, 3])),
    "a net of one output": (NetClassifier(net("binary_crossentropy", 1), epochs=9), X, of(["p", "q"], TWO)),
    "images": (CNNClassifier((3,), epochs=9, random_state=0), X.reshape(-1, 2, 2, 1), of(["c", "a", "b"])),
}


def exported(fitted: Any, folder: Path) -> rv.Sequential:
    fitted.export(folder / "net.ravine")
    return rv.load(folder / "net.ravine")


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_what_is_loaded_gives_the_same_labels(name: str, tmp_path: Path) -> None:
    estimator, data, y = CLASSIFIERS[name]
    fitted = estimator.fit(data, y)
    before = [np.array(w) for w in fitted.model_.parameters.values()]
    model = exported(fitted, tmp_path)
    found, expected = model.predict_classes(data), fitted.predict(data)
    assert np.array_equal(found, expected) and found.dtype.kind == ("U" if y.dtype.kind == "O" else y.dtype.kind)
    if hasattr(fitted, "predict_proba"):
        p = model.predict_proba(data)
        np.testing.assert_allclose(p, fitted.predict_proba(data)[:, -p.shape[1] :], rtol=1e-6)
    assert all(np.array_equal(w, v) for w, v in zip(before, fitted.model_.parameters.values(), strict=True))
    assert repr(model.optimizer) == repr(rv.optimizers.Adam())


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_what_is_loaded_takes_the_same_labels(name: str, tmp_path: Path) -> None:
    estimator, data, y = CLASSIFIERS[name]
    if y.dtype.kind == "O":
        y = y.astype(str)
    model = exported(estimator.fit(data, y), tmp_path)
    loss = model.evaluate(data, y)["loss"]
    for _ in range(20):
        model.train_on_batch(data, y)
    assert model.evaluate(data, y)["loss"] < loss or name == "one class"
    if name not in ("one class", "usual numbers", "booleans", "signs", "hinge of two"):
        with pytest.raises(ValueError, match="classes not in"):
            model.evaluate(data, of(["x", "y", "z"]) if y.dtype.kind == "U" else np.full(150, 99))


def test_several_labels_and_numbers(tmp_path: Path) -> None:
    many = np.stack([Y > 0, Y > 1], axis=1).astype(int)
    for fitted in (MLPClassifier(**FAST).fit(X, many), MLPClassifier(class_weight="balanced", **FAST).fit(X, many)):
        assert np.array_equal(exported(fitted, tmp_path).predict_classes(X), fitted.predict(X))
    several = MLPRegressor(**FAST).fit(X[:, :2], X[:, 2:])
    assert np.array_equal(exported(several, tmp_path).predict(X[:, :2]), several.predict(X[:, :2]))
    for one in (MLPRegressor(**FAST), MLPRegressor(solver="lbfgs"), NetRegressor(epochs=3)):
        fitted = one.fit(*DIABETES)
        assert np.array_equal(exported(fitted, tmp_path).predict(DIABETES[0])[:, 0], fitted.predict(DIABETES[0]))
    counts = MLPRegressor("poisson", **FAST).fit(X, Y)
    np.testing.assert_allclose(np.exp(exported(counts, tmp_path).predict(X)[:, 0]), counts.predict(X), rtol=1e-12)


def test_columns_are_known_by_their_names(tmp_path: Path) -> None:
    frames = pytest.importorskip("pandas")
    frame = frames.DataFrame(X, columns=list("abcd"))
    model = exported(MLPClassifier(**FAST).fit(frame, Y), tmp_path)
    model.predict(frame)
    with pytest.raises(ValueError, match="feature names should match"):
        model.predict(frame[["b", "a", "c", "d"]])


def test_scikit_learn_is_not_needed(tmp_path: Path) -> None:
    MLPClassifier(**FAST).fit(X, of(["c", "a", "b"])).export(os.fspath(tmp_path / "net.ravine"))
    code = (
        "import sys, ravine; model = ravine.load(sys.argv[1]); print(model.predict_classes([[5.0, 3.4, 1.5, 0.2]])[0]);"
        "assert not any(name.startswith('sklearn') for name in sys.modules)"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "net.ravine")]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "c"


FITTED = MLPClassifier(solver="lbfgs", random_state=0).fit(X, Y)

# name: call, error, message
BAD: dict[str, tuple[Any, type[Exception], str]] = {
    "unfitted": (lambda folder: MLPClassifier().export(folder / "a"), NotFittedError, "not fitted"),
    "an unfitted net": (lambda folder: NetRegressor().export(folder / "a"), NotFittedError, "not fitted"),
    "no path": (lambda folder: FITTED.export(3), TypeError, "path must be a str or a path, got 3"),
    "onnx": (lambda folder: FITTED.export(folder / "a.ONNX"), ValueError, "choose another ending"),
    "no folder": (lambda folder: FITTED.export(folder / "b" / "a"), OSError, "No such file"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_refused(name: str, tmp_path: Path) -> None:
    call, error, message = BAD[name]
    with pytest.raises(error, match=message):
        call(tmp_path)
    assert not list(tmp_path.iterdir())
