"""The learning rate of the next steps, from a number, a schedule or a bold driver."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..network.state import ModelState
from ..schedules import BoldDriver, Schedule

__all__ = ["next_rates", "tell_bold_driver"]


def next_rates(state: ModelState, epochs: int = 1, batches: int = 1) -> NDArray[np.float64]:
    """Return the rates of the next `batches` of each of the next `epochs`; one if they are all equal."""
    rate, (step, epoch) = state.need_optimizer().learning_rate, state.training.compiled_at
    if not isinstance(rate, Schedule):
        return np.array([rate])
    if isinstance(rate, BoldDriver):
        return np.array([_bold_rate(state, rate)[0]])
    if rate.unit == "epoch":
        rates = np.asarray(rate(np.arange(epochs) + (state.training.epoch - epoch)))
        return np.repeat(rates, batches) if epochs > 1 else rates
    done = 0 if state.built is None else state.step - step
    return np.asarray(rate(np.arange(epochs * batches) + done))


def _bold_rate(state: ModelState, driver: BoldDriver) -> tuple[float, float | None]:
    """Return the bold driver's rate, and the loss of the epoch before."""
    known = state.training.bold_driver
    if known is None or known[0] is not driver:
        known = state.training.bold_driver = (driver, driver.initial_learning_rate, None)
    return known[1:]


def tell_bold_driver(state: ModelState, loss: float) -> None:
    """Pass an epoch's loss to the bold driver, if there is one."""
    optimizer = state.compilation.optimizer
    driver = None if optimizer is None else optimizer.learning_rate
    if isinstance(driver, BoldDriver):
        rate, previous = _bold_rate(state, driver)
        state.training.bold_driver = (driver, driver.next_rate(rate, previous, loss), loss)
