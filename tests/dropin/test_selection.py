"""Curves, cross-validation, grid search, boosting and bagging: scikit-learn's tools around ravine's nets."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="scikit-learn is not installed: no ravine.sklearn")

pytestmark = [pytest.mark.sklearn, pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")]


@pytest.fixture(scope="module")
def example() -> ModuleType:
    path = Path(__file__).resolve().parents[2] / "examples" / "model_selection.py"
    spec = importlib.util.spec_from_file_location("model_selection", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_more_rows_close_the_gap(example: ModuleType) -> None:
    seen, unseen = example.learning()
    gaps = seen - unseen
    assert gaps[0] > 0.25 > 0.2 > gaps[-1]
    assert unseen[-1] > unseen[0] + 0.03


def test_the_best_penalty_lies_between_overfitting_and_underfitting(example: ModuleType) -> None:
    seen, unseen = example.validation()
    assert (np.diff(seen) < 0).all()  # a heavier penalty never fits better
    assert example.ALPHAS[int(unseen.argmax())] == 1.0
    assert seen[0] - unseen[0] > 0.1  # overfitting
    assert seen[-1] < 0.6 and abs(seen[-1] - unseen[-1]) < 0.02  # underfitting


def test_a_grid_search_finds_it(example: ModuleType) -> None:
    best, score = example.search()
    assert best == {"alpha": 1.0, "hidden_layer_sizes": (32,)}
    assert score > 0.95  # on labels that are right, after training on ones of which a tenth are wrong


def test_boosting_lifts_weak_nets_and_bagging_steadies_strong_ones(example: ModuleType) -> None:
    weak, boosted, strong, bagged = example.together().values()
    assert weak < 0.7 and boosted > weak + 0.2
    assert bagged > strong + 0.01
