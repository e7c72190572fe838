"""Ratios of times, and how sure they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class Ratio(NamedTuple):
    """A median over rounds with its 95 % interval."""

    median: float
    low: float
    high: float


def bootstrap_interval(values: Sequence[float], level: float = 0.95, resamples: int = 10_000) -> tuple[float, float]:
    """Return the interval in which the median lies at this level, by drawing the values again and again.

    The draws are the same in every run. Source: Efron, "Bootstrap methods: another look at the jackknife", 1979
    (the percentile interval).
    """
    rng = np.random.default_rng(0)
    medians = np.median(rng.choice(np.asarray(values, dtype=float), (resamples, len(values))), axis=1)
    low, high = np.quantile(medians, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def ratio(theirs: Sequence[float], ours: Sequence[float]) -> Ratio:
    """Return the ratio of times, taken round by round, so that what slows a whole round down cancels."""
    rounds = np.asarray(theirs, dtype=float) / np.asarray(ours, dtype=float)
    return Ratio(float(np.median(rounds)), *bootstrap_interval(rounds.tolist()))
