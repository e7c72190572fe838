"""The learning rates of scikit-learn's solvers."""

from __future__ import annotations

import numpy as np

from .. import kernels
from ..schedules import BoldDriver, Floats, Schedule

__all__ = ["AdamRate", "ScaledRate", "inverse_scaling", "scaled"]


class AdamRate(Schedule):
    """a sqrt(1 - b2^(t + 1)) / (1 - b1^(t + 1)): Adam's rate in Kingma and Ba's section 2, where epsilon is outside.

    Parameters
    ----------
    a, beta_1, beta_2 : float
        Adam's settings.

    Examples
    --------
    >>> from ravine.sklearn import AdamRate
    >>> AdamRate(0.001, 0.9, 0.999)([0, 10**6]).round(6)
    array([0.000316, 0.001   ])
    """

    def __init__(self, a: float, beta_1: float, beta_2: float) -> None:
        super().__init__(unit="step")
        self.a, self.beta_1, self.beta_2 = a, beta_1, beta_2

    def rates(self, t: Floats) -> Floats:
        """Return the rate of each step."""
        powers = [np.asarray(kernels.pow(np.full(len(t), b), t + 1.0)) for b in (self.beta_1, self.beta_2)]
        return self.a * np.sqrt(1.0 - powers[1]) / (1.0 - powers[0])


class ScaledRate(Schedule):
    """Another schedule's rates times a factor, for ravine's mean over K outputs where scikit-learn takes the sum.

    Parameters
    ----------
    schedule : schedules.Schedule
        The other schedule.
    factor : float
        The factor.

    Examples
    --------
    >>> import ravine as rv
    >>> from ravine.sklearn import ScaledRate
    >>> ScaledRate(rv.schedules.InverseTimeDecay(0.1, 1, 1.0), 3.0)([0, 1]).round(6)
    array([0.3 , 0.15])
    """

    def __init__(self, schedule: Schedule, factor: float) -> None:
        super().__init__(unit=schedule.unit)
        self.schedule, self.factor = schedule, factor

    def rates(self, t: Floats) -> Floats:
        """Return the rate at each t."""
        return self.factor * np.asarray(self.schedule(t))


def scaled(schedule: Schedule, factor: float) -> Schedule:
    """Return a schedule with rates that are `factor` times as large."""
    if factor == 1.0:
        return schedule
    if isinstance(schedule, BoldDriver):
        first = factor * schedule.initial_learning_rate
        return BoldDriver(first, increase=schedule.increase, decrease=schedule.decrease)
    return ScaledRate(schedule, factor)


def inverse_scaling(rate: float, rows: int, power: float) -> float:
    """Return rate / rows^power."""
    return rate / float(kernels.pow(np.array([float(rows)]), np.array([float(power)]))[0])
