"""Callbacks that set a learning rate that depends on more than the step or the epoch."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..inputs.arguments import check_int, check_number
from ..moving_averages import ewma
from ..network.snapshot import Snapshot
from ..schedules import ExponentialDecay, Schedule
from .base import Callback, Logs, Monitor

__all__ = ["LearningRateFinder", "LearningRateScheduler", "ReduceLROnPlateau"]


def _check_settable(callback: Callback) -> None:
    """Refuse an optimizer without a learning rate."""
    optimizer = callback.model.optimizer
    assert optimizer is not None
    try:
        optimizer.learning_rate = optimizer.learning_rate
    except AttributeError as error:
        raise ValueError(f"{type(callback).__name__} sets the optimizer's learning_rate: {error}") from None


def _number(callback: Callback) -> float:
    """Return the optimizer's learning rate; refuse a schedule, which would override the callback's rate."""
    assert callback.model.optimizer is not None
    rate = callback.model.optimizer.learning_rate
    if isinstance(rate, Schedule):
        raise ValueError(
            f"{type(callback).__name__} sets the optimizer's learning_rate, which must be a number then, got {rate!r}"
        )
    return rate


def _set(callback: Callback, rate: float | Schedule) -> None:
    assert callback.model.optimizer is not None
    callback.model.optimizer.learning_rate = rate


class ReduceLROnPlateau(Monitor):
    """Reduces the learning rate, a = max(a factor, min_lr), when a monitored value no longer improves.

    Parameters
    ----------
    monitor : str, default="val_loss"
        A name in the history.
    factor : float in (0, 1), default=0.5
        The factor of each reduction; .1 is common too.
    patience : int >= 0, default=10
        Epochs without an improvement after which the rate is reduced; 0 reduces it at the first.
    min_delta : float >= 0, default=0.0
        An improvement must exceed this.
    mode : {"auto", "min", "max"}, default="auto"
        As for `EarlyStopping`.
    cooldown : int >= 0, default=0
        Epochs after a reduction that are not counted.
    min_lr : float >= 0, default=0.0
        The smallest rate.

    Attributes
    ----------
    best : float
        The best value so far.
    reductions : list of (int, float)
        The epochs after which the rate was reduced, and the new rates.

    Raises
    ------
    ValueError, TypeError
        For a value that is not allowed; in `fit`, for a name that the history will not have, and for an optimizer with
        a schedule or without a learning rate, such as L-BFGS.

    Examples
    --------
    >>> import ravine as rv
    >>> halve = rv.callbacks.ReduceLROnPlateau("loss", patience=2)
    >>> model = rv.Sequential([rv.layers.Dense(1)], random_state=0)
    >>> model.compile(optimizer=rv.optimizers.SGD(0.5), loss="mae")
    >>> _ = model.fit([[1.0]], [0.1], epochs=20, callbacks=[halve])
    >>> [rate for _, rate in halve.reductions][:2]
    [0.25, 0.125]
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        *,
        factor: float = 0.5,
        patience: int = 10,
        min_delta: float = 0.0,
        mode: str = "auto",
        cooldown: int = 0,
        min_lr: float = 0.0,
    ) -> None:
        super().__init__(monitor, mode, min_delta)
        self.factor = check_number("factor", factor, 0.0, 1.0, closed="neither")
        self.patience = check_int("patience", patience, 0)
        self.cooldown = check_int("cooldown", cooldown, 0)
        self.min_lr = check_number("min_lr", min_lr, 0.0)
        self._forget()

    _kept = ("best", "reductions", "_waited", "_cooling")

    def _forget(self) -> None:
        self.best = self._worst()
        self.reductions: list[tuple[int, float]] = []
        self._waited = self._cooling = 0

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Reset; refuse a name that the history will not have, and a schedule."""
        self._forget()
        self._check_monitored()
        _check_settable(self)
        _number(self)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Reduce the rate after `patience` epochs without an improvement."""
        value = (logs or {})[self.monitor]
        cooling, self._cooling = self._cooling > 0, max(self._cooling - 1, 0)
        if self._better(value, self.best):
            self.best, self._waited = value, 0
        elif not cooling:
            self._waited += 1
            rate = _number(self)
            if self._waited >= max(self.patience, 1) and rate > self.min_lr:
                rate = max(rate * self.factor, self.min_lr)
                _set(self, rate)
                self.reductions.append((epoch, rate))
                self._waited, self._cooling = 0, self.cooldown


class LearningRateScheduler(Callback):
    """Sets the learning rate before each epoch by a custom function.

    A rate that depends only on the step or the epoch is better given as a schedule, the optimizer's `learning_rate`:
    it needs no return to Python.

    Parameters
    ----------
    function : callable
        Takes the epoch, counted from 0 over all fits of the model, and the current rate; returns the new one.

    Raises
    ------
    TypeError
        For something that is not a function.
    ValueError, TypeError
        In `fit`, if the optimizer has a schedule or no learning rate, or for a new rate that is not allowed.

    Examples
    --------
    >>> import ravine as rv
    >>> callback = rv.callbacks.LearningRateScheduler(lambda epoch, rate: rate if epoch < 10 else 0.9 * rate)
    """

    def __init__(self, function: Callable[[int, float], float]) -> None:
        if isinstance(function, Schedule):
            raise TypeError(f"give the optimizer the schedule, not function={function!r}")
        if not callable(function):
            raise TypeError(f"function must be a function of epoch and rate, got {function!r}")
        self.function = function

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Refuse an optimizer whose rate cannot be set."""
        _check_settable(self)
        _number(self)

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Set this epoch's rate."""
        _set(self, self.function(epoch, _number(self)))


class LearningRateFinder(Callback):
    """The learning-rate range test: increases the rate at each step and records the loss, to find rates that learn.

    The rate of step i of n is low (high/low)^(i/(n-1)). The fit ends after n steps, or when the loss is NaN or its
    average exceeds `stop_factor` times the best; give it enough epochs. Afterwards model, optimizer and learning rate
    are restored. The engine returns to Python after every step.

    Parameters
    ----------
    low, high : float > 0, default=1e-6, 10.0
        The first and the last rate.
    steps : int >= 2, default=100
        n.
    stop_factor : float > 1, default=4.0
        The test stops when the average loss exceeds so many times the best.
    beta : float in [0, 1), default=0.9
        The smoothing of the bias-corrected exponential average of the losses; see `ravine.ewma`.

    Attributes
    ----------
    rates, losses : ndarray
        The rates, and the loss of each batch before its step.
    averages : ndarray
        The average of the losses.
    suggestion : float
        The rate at which the average falls fastest over the logarithm of the rate; NaN if it never falls.

    Raises
    ------
    ValueError, TypeError
        For a value that is not allowed; in `fit`, for an optimizer that has no rate, such as L-BFGS.

    References
    ----------
    Smith, "Cyclical learning rates for training neural networks", arXiv:1506.01186.

    Examples
    --------
    >>> import numpy as np
    >>> import ravine as rv
    >>> X = np.linspace(-1, 1, 64)[:, None]
    >>> model = rv.Sequential([rv.layers.Dense(1)], random_state=0)
    >>> model.compile(optimizer=rv.optimizers.SGD(), loss="mse")
    >>> finder = rv.callbacks.LearningRateFinder(1e-4, 10.0)
    >>> _ = model.fit(X, 2 * X, epochs=100, callbacks=[finder])
    >>> 0.01 < finder.suggestion < 3
    True
    """

    takes_divergence = True

    def __init__(
        self,
        low: float = 1e-6,
        high: float = 10.0,
        *,
        steps: int = 100,
        stop_factor: float = 4.0,
        beta: float = 0.9,
    ) -> None:
        self.low = check_number("low", low, 0.0, closed="neither")
        self.high = check_number("high", high, 0.0, closed="neither")
        if not self.low < self.high < math.inf:
            raise ValueError(f"high must be a number in ({self.low}, inf), got {high!r}")
        self.steps = check_int("steps", steps, 2)
        self.stop_factor = check_number("stop_factor", stop_factor, 1.0, closed="neither")
        self.beta = check_number("beta", beta, 0.0, 1.0)
        self._forget()

    def _forget(self) -> None:
        self._losses: list[float] = []
        self._mean, self._kept_share, self._least = 0.0, 1.0, math.inf
        self._before: tuple[Snapshot, Any] | None = None

    @property
    def rates(self) -> NDArray[np.float64]:
        """The rates that were tried."""
        return self._all_rates()[: len(self._losses)]

    @property
    def losses(self) -> NDArray[np.float64]:
        """The loss of each batch, before its step."""
        return np.array(self._losses)

    @property
    def averages(self) -> NDArray[np.float64]:
        """The corrected exponential average of the losses."""
        return ewma(self.losses, self.beta)

    @property
    def suggestion(self) -> float:
        """The rate at which the average falls fastest."""
        averages = self.averages[np.isfinite(self.losses)]
        if len(averages) < 2:
            return math.nan
        slopes = np.gradient(averages)
        steepest = int(np.argmin(slopes))
        return float(self.rates[steepest]) if slopes[steepest] < 0 else math.nan

    def _all_rates(self) -> NDArray[np.float64]:
        growing = ExponentialDecay(self.low, self.steps - 1, self.high / self.low)
        return np.asarray(growing(np.arange(self.steps)))

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Save what will be restored; refuse a chain, which could be restored only in part."""
        self._forget()
        _check_settable(self)
        state = self.model._state
        if state.compilation.chain is not None:
            raise ValueError(f"LearningRateFinder tests one optimizer, this model has {state.compilation.chain!r}")
        assert self.model.optimizer is not None
        snapshot = Snapshot.take(state.network, state.training.epoch)
        self._before = snapshot, (self.model.optimizer.learning_rate, state.training.bold_driver)
        self._growing = self._all_rates()

    def get_state(self) -> dict[str, Any]:
        """Return the losses, and what will be restored."""
        assert self._before is not None
        snapshot, (rate, driver) = self._before
        seen = {"losses": self._losses, "mean": self._mean, "kept": self._kept_share, "least": self._least}
        return {**seen, "before": snapshot, "rate": rate, "driver": driver and driver[1:]}

    def set_state(self, state: dict[str, Any]) -> None:
        """Continue the test."""
        self._losses, self._mean = state["losses"], state["mean"]
        self._kept_share, self._least = state["kept"], state["least"]
        assert self._before is not None
        rate = self._before[1][0] if isinstance(self._before[1][0], Schedule) else state["rate"]
        driver = state["driver"] and (rate, *state["driver"])
        self._before = state["before"], (rate, driver)

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Set the rate of this step."""
        _set(self, float(self._growing[len(self._losses)]))

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Record the loss; stop after the last rate, or when the loss has risen too far."""
        loss = (logs or {})["loss"]
        self._losses.append(loss)
        self._mean = self.beta * self._mean + (1.0 - self.beta) * loss
        self._kept_share *= self.beta
        average = self._mean / (1.0 - self._kept_share)
        self._least = min(self._least, average)
        risen = not math.isfinite(loss) or average > self.stop_factor * self._least
        if risen or len(self._losses) == self.steps:
            self.model.stop_training = True

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Restore weights, optimizer and learning rate."""
        if self._before is not None:
            snapshot, (rate, driver) = self._before
            state, self._before = self.model._state, None
            snapshot.restore(state.network)
            state.training.epoch, state.training.bold_driver = snapshot.epoch, driver
            _set(self, rate)
