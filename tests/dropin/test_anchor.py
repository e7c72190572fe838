"""scikit-learn's own test_mlp.py, unchanged, and its checks of estimators, on ravine's classes."""

from __future__ import annotations

import doctest
import importlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

sklearn = pytest.importorskip("sklearn", reason="scikit-learn is not installed: no ravine.sklearn")
from sklearn.utils.estimator_checks import parametrize_with_checks

from ravine.sklearn import CNNClassifier, MLPClassifier, MLPRegressor, NetClassifier, NetRegressor

pytestmark = [
    pytest.mark.sklearn,
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning"),
]

# These reach into private attributes; tests of our own cover what they are about.
PRIVATE = {
    "test_fit",
    "test_gradient",
    "test_learning_rate_warmstart",
    "test_adaptive_learning_rate",
    "test_n_iter_no_change",
    "test_n_iter_no_change_inf",
}


@pytest.mark.timeout(330)
def test_their_own_tests_pass_unchanged(tmp_path: Path) -> None:
    """Every item that uses the public API alone passes; those that need pandas are skipped without it."""
    theirs = Path(sklearn.__file__).parent / "neural_network" / "tests" / "test_mlp.py"
    shutil.copy(theirs, tmp_path / "test_anchor_mlp.py")
    shutil.copy(Path(__file__).parent / "anchor_conftest.py", tmp_path / "conftest.py")
    command = [sys.executable, "-m", "pytest", "-q", "-rA", "--rootdir", str(tmp_path), "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, str(tmp_path / "test_anchor_mlp.py")],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "DROPIN": "ravine.sklearn", "PYTEST_ADDOPTS": ""},
        timeout=300,
    )
    found = dict(re.findall(r"^(?:PASSED|FAILED|ERROR) (?:\S*::)?((\w+)\S*)", done.stdout, re.MULTILINE))
    failed = set(re.findall(r"^(?:FAILED|ERROR) \S*?::(\w+)", done.stdout, re.MULTILINE))
    passed = len(re.findall(r"^PASSED ", done.stdout, re.MULTILINE))
    assert found and failed <= PRIVATE, done.stdout[-5000:]
    assert passed >= 51, done.stdout[-2000:]


ESTIMATORS: list[Any] = [
    MLPClassifier(max_iter=100),
    MLPClassifier(solver="lbfgs"),
    MLPRegressor(max_iter=100),
    MLPRegressor(solver="lbfgs"),
    MLPClassifier(max_iter=100, batch_norm=True),
    MLPRegressor(max_iter=100, batch_norm=True),
]


@parametrize_with_checks(ESTIMATORS)
def test_checks_of_estimators(estimator: Any, check: Any) -> None:
    check(estimator)


NETS: list[Any] = [
    NetClassifier(),
    NetRegressor(epochs=300),
    CNNClassifier(),
    CNNClassifier(batch_norm=True, epochs=50),
]


@parametrize_with_checks(NETS)
def test_checks_of_wrapped_networks(estimator: Any, check: Any) -> None:
    check(estimator)


@pytest.mark.parametrize("name", ["export", "rates", "classifier", "cnn", "regressor", "net"])
def test_doctests(name: str) -> None:
    found = doctest.testmod(importlib.import_module(f"ravine.sklearn.{name}"), optionflags=doctest.ELLIPSIS)
    assert found.attempted and not found.failed
