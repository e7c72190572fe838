"""Whole fits and predictions of scikit-learn's estimators: what is asked, and how its result is judged."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, TypeAlias

import numpy as np

from .tasks import Array, Images, Inference, Product, Search, Text, Training, Update

Kind: TypeAlias = Literal["MLPClassifier", "MLPRegressor"]

SEEDS = 10


@dataclass(frozen=True)
class Fit:
    """Fits of an estimator, a seed after the other, on rows as NumPy and SciPy users have them: float64, perhaps CSR.

    A contestant's result is the score on test rows for each of the first `SEEDS` seeds. Its mean may not be below
    scikit-learn's by more than the standard error of their difference.
    """

    kind: Kind
    settings: Mapping[str, Any]
    X: Any = field(repr=False)
    y: Array = field(repr=False)
    X_test: Any = field(repr=False)
    y_test: Array = field(repr=False)
    steps: ClassVar[int] = 1
    checked_passes: ClassVar[int] = SEEDS
    flops: ClassVar[float] = math.nan  # each fit ends where its own tests say so

    def complaints(self, results: Mapping[str, Array]) -> dict[str, str]:
        """Say what is wrong with whose result."""
        theirs = [scores for name, scores in results.items() if name.startswith("sklearn")]
        found = {}
        for name, scores in results.items():
            for others in theirs:
                allowed = math.sqrt((scores.var(ddof=1) + others.var(ddof=1)) / SEEDS)
                if not scores.mean() >= others.mean() - allowed:
                    found[name] = (
                        f"the mean score of {SEEDS} seeds is {scores.mean():.4f}, scikit-learn's is "
                        f"{others.mean():.4f}, and the standard error {allowed:.4f}"
                    )
        return found


@dataclass(frozen=True)
class Probabilities(Inference):
    """`predict_proba` of an `MLPClassifier` with given weights, for float64 rows."""


Task: TypeAlias = Training | Text | Search | Images | Inference | Product | Update | Fit | Probabilities


def split(X: Any, y: Array, share: float = 0.25) -> tuple[Any, ...]:
    """Return training rows with their targets, and the last rows to test on with theirs."""
    count = round(len(y) * (1.0 - share))
    return X[:count], y[:count], X[count:], y[count:]


def digits_to_fit() -> tuple[Array, ...]:
    """Return all of ravine's digits, in float64."""
    import ravine as rv

    X, label, X_test, label_test = rv.datasets.digits()
    return X.astype(np.float64), label, X_test.astype(np.float64), label_test


def diabetes_to_fit() -> tuple[Array, ...]:
    """Return scikit-learn's diabetes, inputs and target with a deviation of 1, in an order drawn once."""
    from sklearn.datasets import load_diabetes

    X, y = load_diabetes(return_X_y=True)
    order = np.random.default_rng(3).permutation(len(X))
    return split(X[order] / X.std(), y[order] / y.std())
