"""The examples that tune nets, and what they claim."""

from __future__ import annotations

import importlib.util
import math
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="scikit-learn is not installed: no ravine.sklearn")

pytestmark = [pytest.mark.sklearn, pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")]


def load(name: str) -> ModuleType:
    path = Path(__file__).resolve().parents[2] / "examples" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_halving_finds_a_net_that_is_right_more_often() -> None:
    example = load("tune_net")
    search = example.tune()
    assert search.n_resources_ == [10, 20, 40, 80] and search.n_candidates_ == [16, 8, 4, 2]
    found = {name: value for name, value in search.best_params_.items() if name != "max_iter"}
    assert found["hidden_layer_sizes"] == (128,) and found["learning_rate_init"] == 1e-2
    seen, unseen, accuracy = example.curves(found)
    assert len(seen) == len(unseen) == 80 and unseen[-1] < unseen[0] / 3 and accuracy > 0.9
    poor = example.curves({"hidden_layer_sizes": (4,), "learning_rate_init": 1e-4, "alpha": 3.0, "dropout": 0.3})
    assert poor[2] < 0.5


def test_the_curves_are_drawn(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    curves = {"a": ([3.0, 2.0, 1.0], [3.0, 2.5, 2.0], 0.9), "b": ([1.0, 0.5], [1.0, 0.9], 0.5)}
    figure = load("tune_net").draw(curves, tmp_path / "curves.png")
    for panel, (seen, unseen, _) in zip(figure.axes, curves.values(), strict=True):
        assert [line.get_ydata().tolist() for line in panel.get_lines()] == [seen, unseen]
    assert (tmp_path / "curves.png").stat().st_size > 1000


def test_pruned_trials_end_early_and_the_best_one_does_not() -> None:
    optuna = pytest.importorskip("optuna")
    example = load("optuna_pruning")
    found, epochs = example.study()
    states = [trial.state for trial in found.trials]
    pruned = np.array([state is optuna.trial.TrialState.PRUNED for state in states])
    assert 3 <= pruned.sum() < len(states)
    assert all(ran < example.EPOCHS for ran in np.array(epochs)[pruned])
    assert all(ran == example.EPOCHS for ran in np.array(epochs)[~pruned])
    assert sum(epochs) < 0.8 * example.EPOCHS * example.TRIALS
    assert found.best_value < 0.4 * math.log(10) and found.best_trial.state is optuna.trial.TrialState.COMPLETE
    repeated = example.study(3)[0]
    assert [trial.value for trial in repeated.trials] == [trial.value for trial in found.trials[:3]]
