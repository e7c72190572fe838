"""The loop over the epochs, and what it leaves behind."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from . import _core
from ._divergence import DivergenceError, describe
from ._sparse import Inputs
from ._state import Snapshot, is_finite
from ._validation import Array
from .callbacks.base import BATCH_HOOKS, EPOCH_HOOKS, Callback
from .progress import Progress
from .schedules import BoldDriver

if TYPE_CHECKING:
    from ._sampling import Sampling
    from .model import Sequential
    from .optimizers import Optimizer

__all__ = ["Data", "Fit", "History", "check_batches", "check_callbacks", "warn_of_small_batches"]

# Seconds that a chunk of epochs inside the engine may take, and that pass between two snapshots at least.
CHUNK_SECONDS = 0.1
_SNAPSHOT_SECONDS = 0.1


class History:
    """The record of one `fit`.

    Attributes
    ----------
    epoch : list of int
        The numbers of the epochs, counted from 0 over all fits of the model.
    history : dict of str to list of float
        "loss", the metrics, and with validation data "val_loss" and the metrics' "val_..." forms; a value an epoch.
    learning_rate : list of float
        The rate of each epoch's last step.
    """

    def __init__(self) -> None:
        self.epoch: list[int] = []
        self.learning_rate: list[float] = []
        self.history: dict[str, list[float]] = {}

    def add(self, epochs: Sequence[int], rates: Sequence[float], logs: dict[str, list[float]]) -> None:
        """Add the values of some epochs."""
        self.epoch.extend(epochs)
        self.learning_rate.extend(rates)
        for name, values in logs.items():
            self.history.setdefault(name, []).extend(values)

    def __repr__(self) -> str:
        return f"History({len(self.epoch)} epochs of {', '.join(self.history)})"


@dataclass
class Data:
    """Rows as the engine takes them: X (n, inputs), target (n, units) or labels (n,), weight (n,) or None."""

    X: Inputs
    target: Array
    weight: Array | None

    def rows(self, first: int, last: int) -> Data:
        """Return views of some of the rows."""
        weight = None if self.weight is None else self.weight[first:last]
        return Data(self.X[first:last], self.target[first:last], weight)


def check_callbacks(callbacks: Any) -> list[Callback]:
    """Return the callbacks as a list."""
    if isinstance(callbacks, Callback) or not hasattr(callbacks, "__iter__"):
        raise TypeError(f"callbacks must be a list of callbacks, got {callbacks!r}")
    checked = list(callbacks)
    for callback in checked:
        if not isinstance(callback, Callback):
            raise TypeError(f"callbacks must hold callbacks.Callback objects, got {callback!r}")
    return checked


def warn_of_small_batches(optimizer: Optimizer | None, size: int, rows: int) -> None:
    """Warn where an optimizer that goes by the differences of gradients would see more noise than curvature.

    A quarter of all rows is taken as near enough to all of them.
    """
    if optimizer is not None and size < min(optimizer.least_batch, rows / 4):
        warnings.warn(
            f"{type(optimizer).__name__} searches along the loss of one batch, and batches of {size} rows differ too "
            f"much for what it learns from them; pass batch_size=None for all {rows} rows, or at least "
            f"{optimizer.least_batch}",
            UserWarning,
            stacklevel=3,
        )


def check_batches(model: Sequential, size: int) -> None:
    """Refuse batches with too few rows for a layer, and warn where a search takes statistics that nothing has learnt.

    Raises
    ------
    ValueError
        For batches of `size` rows, where a layer that takes statistics of them needs more.
    """
    plan, optimizer = model._plan, model.optimizer
    assert plan is not None and optimizer is not None
    parts = [part for part in plan.parts if part.trainable and part.layer.statistic_shapes(part.shape)]
    if not optimizer.searches:
        for part in parts:
            least = part.layer.least_batch(part.shape)
            if size < least:
                raise ValueError(
                    f"layer {part.name} takes the variance of each batch, and batches of {size} row have none: pass a "
                    f"batch_size of at least {least}, or take LayerNorm"
                )
    elif parts and all(_is_fresh(model, part.name) for part in parts):
        warnings.warn(
            f"{type(optimizer).__name__} takes the loss at the running statistics of {parts[0].name}, which it does "
            "not learn: they have their first values still. Take steps before (optimizers.Chain), or take LayerNorm",
            UserWarning,
            stacklevel=3,
        )


def _is_fresh(model: Sequential, name: str) -> bool:
    """Whether the running statistics of a layer are their first values."""
    mean, variance = (model.statistics[f"{name}/moving_{kind}"] for kind in ("mean", "variance"))
    return not mean.any() and bool((variance == 1).all())


@dataclass
class Fit:
    """One call of `fit`, its arguments checked.

    Where nothing in Python is wanted between epochs, the engine gets many at once; where a callback has a hook on
    batches, it gets one step at a time. A loss that is not finite ends the fit at once, with the weights of an earlier
    epoch.
    """

    model: Sequential
    data: Data
    validation: Data | None
    epochs: int
    batch_size: int
    shuffle: bool
    callbacks: Sequence[Callback]
    n_threads: int
    verbose: int
    sampling: Sampling | None = None
    place: Mapping[str, Any] | None = None  # where a fit stood that this one goes on with

    def __post_init__(self) -> None:
        model = self.model
        model._take_turn(self.epochs)
        self.network = model._built()
        if self.sampling is not None:
            self._check_sampled()
        self.before = model.history
        self.history = vars(model)["history"] = History()
        self.first_epoch = model._epoch
        self.steps = -(-len(self.data.X) // self.batch_size)
        self.batch = 0  # batches of the present epoch that are over
        self.opened = False  # whether callbacks have heard of its begin
        self.sums: Array = np.zeros(4 + len(model._engine_metrics))  # what its batches add up, as `Network.sums`
        self.states: Sequence[Mapping[str, Any] | None] = ()
        if self.place:
            from ._resume import go_on

            go_on(self, self.place)
        self.last = self.first_epoch + self.epochs
        self.chunk = 1  # epochs that the engine gets at once
        self.done = False
        self._begin_turn()
        self.rates: Array = model._rates()
        self.last_rate = float(self.rates[0])
        if self.place:
            self.last_rate = self.place["last_rate"]
            self.rates = np.array([self.last_rate])
        self.ran = model._epoch, 0, 0  # first epoch, first batch and number of steps of the last run
        self.begun: list[Callback] = []

    def _begin_turn(self) -> None:
        """Prepare for the epochs of one optimizer: all of them, but for those of a chain."""
        model = self.model
        self.turn_end = model._turn_end(self.last)
        self.trainer = model._trainer()
        self.by_batch = self.trainer is not self.network or any(
            callback.overrides(*BATCH_HOOKS) for callback in self.callbacks
        )
        self.pauses = bool(self.place) or any(callback.overrides("_at_rest") for callback in self.callbacks)
        self.one_by_one = (
            self.by_batch
            or self.pauses
            or self.verbose > 0
            or self.validation is not None
            or bool(model._passes)
            or isinstance(model.optimizer and model.optimizer.learning_rate, BoldDriver)
        )
        self.hearing = [callback for callback in self.callbacks if callback.overrides(*EPOCH_HOOKS)]
        self.by_epoch = self.one_by_one or bool(self.hearing)
        self._keep()

    def begin(self) -> None:
        """Tell the callbacks; where one fails, those before it hear of the end."""
        model = self.model
        model.stop_training = False
        names = ["loss", *(metric.name for metric in model.metrics)]
        if self.validation is not None:
            names += [f"val_{name}" for name in names]
        for callback in self.callbacks:
            callback.model = model
            callback.params = {
                "epochs": self.last,
                "steps": self.steps,
                "metrics": names,
                "resumed": bool(self.place),
            }
            callback._see(self.data)
        with ExitStack() as ends:
            model._fitting = True
            ends.callback(setattr, model, "_fitting", False)
            for callback in reversed(self.callbacks):
                ends.callback(self._end, callback)
            for callback in self.callbacks:
                with model._calling_back():
                    callback.on_train_begin({})
                self.begun.append(callback)
            for callback, state in zip(self.callbacks, self.states, strict=False):
                if state is not None:
                    callback.set_state(dict(state))
            if self.place:
                model.stop_training = self.place["stopped"]
            self.ends = ends.pop_all()

    def run(self) -> History:
        """Train; callbacks that have begun hear of the end on every way out."""
        with self.ends:
            progress = Progress(self.verbose, self.last)
            self.ends.callback(progress.close)
            while not self.done:
                if self.by_epoch:
                    self._run_by_epoch(progress)
                else:
                    self._run_in_chunks()
                if self.model._take_turn():
                    self._begin_turn()
                self.done = self.done or self.model._epoch >= self.last or self.model.stop_training
        return self.history

    def _end(self, callback: Callback) -> None:
        if callback in self.begun:
            logs = {name: values[-1] for name, values in self.history.history.items()}
            with self.model._calling_back():
                callback.on_train_end(logs)

    def _tell(self, hook: str, *number: int, logs: dict[str, float] | None = None) -> None:
        """Call a hook of every callback, each with logs of its own."""
        with self.model._calling_back():
            for callback in self.callbacks:
                getattr(callback, hook)(*number, dict(logs or {}))

    def _run_in_chunks(self) -> None:
        while not self.is_over():
            first, count = self.model._epoch, min(self.chunk, self.turn_end - self.model._epoch)
            if self.took(first, count, self._train_chunk(first, count)):
                return

    def _train_chunk(self, first: int, count: int) -> dict[str, Any]:
        """Hand the engine some epochs; let the next be more where these took little time."""
        start = perf_counter()
        result = self._train(first, count)
        if count >= self.chunk and perf_counter() - start < CHUNK_SECONDS / 2:
            self.chunk *= 2
        return result

    def took(self, first: int, count: int, result: dict[str, Any]) -> bool:
        """Write down what the engine did in some epochs; say whether that ends the fit."""
        return self._ended(self._noted(first, count, result)[-1])

    def _noted(self, first: int, count: int, result: dict[str, Any]) -> list[float]:
        """Write down what the engine did in some epochs, up to one whose loss is not finite; return their losses."""
        finite = np.isfinite(result["loss"])
        kept = count if finite.all() else int(np.argmin(finite)) + 1
        values: dict[str, list[float]] = {"loss": result["loss"][:kept].tolist()}
        for i, metric in enumerate(self.model.metrics):
            values[metric.name] = result["metrics"][:kept, i].tolist()
        self.history.add(range(first, first + kept), self._last_rates(count)[:kept], values)
        self.model._epoch += count
        return values["loss"]

    def _alone(self) -> int:
        """Return how many epochs the engine may do before the callbacks hear of the first."""
        if self.one_by_one or self.opened:
            return 1
        return min(self.chunk, self.turn_end - self.model._epoch, *(c._epochs_alone() for c in self.hearing))

    def _tell_afterwards(self, count: int) -> bool:
        """Do some epochs, then tell the callbacks of each in turn; say whether that ends the fit."""
        first = self.model._epoch
        losses = self._noted(first, count, self._train_chunk(first, count))
        for number in range(len(losses)):
            logs = {name: values[number - len(losses)] for name, values in self.history.history.items()}
            self._tell("on_epoch_begin", first + number)
            self._tell("on_epoch_end", first + number, logs=logs)
        return self._ended(losses[-1])

    def _run_by_epoch(self, progress: Progress) -> None:
        model = self.model
        while not self.is_over():
            count = self._alone()
            if count > 1:
                if self._tell_afterwards(count):
                    return
                continue
            epoch = model._epoch
            if not self.opened:
                self._tell("on_epoch_begin", epoch)
                self.opened = True
            loss, metrics = self._by_batch(epoch) if self.by_batch else self._whole(epoch)
            model._epoch, self.batch, self.opened = epoch + 1, 0, False
            logs = model._logs(loss, metrics, self.data, self.n_threads)
            if self.validation is not None:
                values = model._evaluate(self.validation, self.n_threads)
                logs.update({f"val_{name}": value for name, value in values.items()})
            self.history.add([epoch], self._last_rates(1), {name: [value] for name, value in logs.items()})
            model._drive(loss)
            progress.epoch(epoch, logs)
            self._tell("on_epoch_end", epoch, logs=logs)
            if self._ended(logs["loss"]):
                return
            if self.pauses:
                self._rest()

    def _rest(self) -> None:
        """Tell the callbacks that keep checkpoints that all others have heard of what has happened."""
        with self.model._calling_back():
            for callback in self.callbacks:
                callback._at_rest(self)

    def _ended(self, loss: float) -> bool:
        """Keep a snapshot of weights that are finite; go back to it and end where the loss or they are not."""
        model = self.model
        last = self.is_over()
        if math.isfinite(loss):
            if not last and perf_counter() - self.snapshot_time <= _SNAPSHOT_SECONDS:
                return False
            if is_finite(self.network):
                if not last:
                    self._keep()
                return False
        error = self._divergence(loss)
        self.snapshot.restore(self.network)
        if self.sampling is not None:
            self.sampling.engine.state[...] = self.learnt
        model._epoch, model._curvature = self.snapshot.epoch, None
        if not any(callback.takes_divergence for callback in self.callbacks):
            raise error
        self.done = True
        return True

    def _check_sampled(self) -> None:
        """Refuse optimizers that compare losses of one batch; go on with what the sampler has learnt."""
        model = self.model
        chained = model._chain.optimizers if model._chain is not None else [model.optimizer]
        for optimizer in chained:
            if optimizer is not None and optimizer.searches:
                raise ValueError(
                    f"a sampler draws rows for single steps, but {type(optimizer).__name__} compares losses of one "
                    "batch; leave the sampler out, or compile the model with a first-order optimizer"
                )
        assert self.sampling is not None
        model._sampling = self.sampling.learnt or model._sampling

    def _keep(self) -> None:
        """Take the snapshot that a divergence goes back to."""
        self.snapshot = Snapshot.take(self.network, self.model._epoch)
        if self.sampling is not None:
            self.learnt = np.array(self.sampling.engine.state)
        self.snapshot_time = perf_counter()

    def _divergence(self, loss: float) -> DivergenceError:
        """Return the error for the weights as they are: those before a step whose loss was not finite, or after it."""
        model, epoch, overflowed = self.model, self.history.epoch[-1], math.isfinite(loss)
        first_epoch, first_batch, taken = self.ran
        # A penalty that is not finite ends no step.
        batch = min(first_batch + taken - (epoch - first_epoch) * self.steps, self.steps - 1)
        first = batch * self.batch_size
        rows: Any = slice(first, first + self.batch_size)
        order = self._order(epoch)
        if self.sampling is not None:
            size = min(self.batch_size, len(self.data.X) - first)
            rows = self.sampling.batch(order, epoch, int(self.network.step) - overflowed, first, size)
        elif order is not None:
            rows = order[rows]
        layer, evidence = describe(model, self.data.X[rows], self.n_threads)
        step = int(self.network.step) - overflowed
        what = "weights overflowed" if overflowed else f"the loss was {loss}"
        error = DivergenceError(
            f"{what} at step {step} (epoch {epoch}, batch {batch}) with learning_rate={self.last_rate:.6g}: {evidence}"
            f"; the weights are those from before epoch {self.snapshot.epoch}; a smaller learning rate may help"
        )
        vars(error).update(
            layer=layer,
            epoch=epoch,
            batch=batch,
            step=step,
            learning_rate=self.last_rate,
            loss=loss,
            restored_epoch=self.snapshot.epoch,
        )
        return error

    def _train(
        self, epoch: int, epochs: int, first_batch: int = 0, batches: int = 0, continues: bool = False
    ) -> dict[str, Any]:
        """Hand the engine some epochs, or some batches of one; whole epochs count also where an exception comes."""
        data, before = self.data, self.network.step
        options = self.options(epoch, epochs, batches or self.steps)
        pieces = self.pauses and not self.by_batch
        try:
            if pieces:
                self._frame("_before_run")
            result = self.trainer.train(
                data.X,
                data.target,
                data.weight,
                first_batch=first_batch,
                batches=batches,
                continues=continues,
                n_threads=self.n_threads,
                sampler=None if self.sampling is None else self.sampling.engine,
                **options,
            )
        except BaseException as error:
            taken = self.network.step - before
            if not batches:
                self.broke_off(before)
            elif pieces and isinstance(error, (KeyboardInterrupt, SystemExit)):
                self.batch, self.sums = first_batch + taken, np.array(self.network.sums)
                if taken:
                    self.last_rate = float(self.rates[min(taken, len(self.rates)) - 1])
                for callback in self.callbacks:
                    callback._interrupted(self)
            raise
        finally:
            if pieces:
                self._frame("_after_run")
        self.ended_at(epoch, first_batch, result["steps"])
        return result

    def options(self, epoch: int, epochs: int, batches: int) -> dict[str, Any]:
        """Return what the engine is told of some epochs, or of some batches of one."""
        self.rates = self.model._rates(epochs, batches)
        shuffles = self.shuffle and not (self.sampling is not None and self.sampling.draws)
        return {
            "batch_size": self.batch_size,
            "first_epoch": epoch,
            "epochs": epochs,
            "shuffle_seed": self.model.random_state if shuffles else None,
            "rates": self.rates,
            "metrics": self.model._engine_metrics,
        }

    def broke_off(self, before: int) -> None:
        """Count the whole epochs of a run that an exception ended, from the step before it."""
        self.model._epoch += (self.network.step - before) // self.steps

    def ended_at(self, epoch: int, first_batch: int, steps: int) -> None:
        """Note where a run began and how many steps it took."""
        self.ran = epoch, first_batch, steps
        if steps:
            self.last_rate = float(self.rates[min(steps, len(self.rates)) - 1])

    def is_over(self) -> bool:
        """Whether no epoch is to come of this optimizer's turn."""
        return self.done or self.model._epoch >= self.turn_end or self.model.stop_training

    def is_finished(self) -> bool:
        """Whether no epoch is to come at all."""
        return self.done or self.model._epoch >= self.last or self.model.stop_training

    def _last_rates(self, epochs: int) -> list[float]:
        """Return the rate of the last step of each epoch in the run before."""
        last = self.rates if len(self.rates) == 1 else self.rates[self.steps - 1 :: self.steps]
        return [float(rate) for rate in np.broadcast_to(last, epochs)]

    def _frame(self, hook: str) -> None:
        for callback in self.callbacks:
            getattr(callback, hook)()

    def _whole(self, epoch: int) -> tuple[float, Array]:
        """One epoch, in one run or in as many as callbacks want pauses."""
        if not self.pauses:
            result = self._train_chunk(epoch, 1)
            return result["loss"][0], result["metrics"][0]
        while True:
            left = self.steps - self.batch
            wanted = [callback._pause_within(int(self.network.step)) for callback in self.callbacks]
            count = max(1, min([left, *(steps for steps in wanted if steps is not None)]))
            self.network.sums = self.sums
            result = self._train(epoch, 1, self.batch, count, continues=self.batch > 0)
            self.sums = np.array(self.network.sums)
            self.batch += result["steps"]
            if self.batch >= self.steps or not math.isfinite(result["loss"][0]):
                self.rates = np.array([self.last_rate])
                return result["loss"][0], result["metrics"][0]
            self._rest()

    def _by_batch(self, epoch: int) -> tuple[float, Array]:
        """One step at a time, with the hooks between; put the batches' values together as the engine does."""
        model, weights = self.model, self._batch_weights(epoch)
        reduction = model._compiled().reduction
        mean = reduction != "sum"
        sums, metrics = self.sums, self.sums[4:]
        if not self.batch:
            sums[:] = 0.0
        for batch in range(self.batch, self.steps):
            self._tell("on_train_batch_begin", batch)
            w = weights[batch]
            counts = w if reduction == "penalized_mean" else 1.0
            penalty = model._penalty() / (counts or 1.0)
            result = self._train(epoch, 1, batch, 1)
            values = result["metrics"][0]
            sums[0] += (w if mean else 1.0) * (float(result["loss"][0]) - penalty)
            metrics += w * values
            sums[1], sums[2], sums[3] = sums[1] + w, sums[2] + counts * penalty, sums[3] + counts
            self.batch = batch + 1
            self._tell("on_train_batch_end", batch, logs=model._logs(result["loss"][0], values))
            if model.stop_training or not math.isfinite(result["loss"][0]):
                break
            if self.pauses and self.batch < self.steps:
                self._rest()
        loss, total, penalties, steps = sums[:4].tolist()
        divisor = total or 1.0
        return loss / (divisor if mean else 1.0) + penalties / (steps or 1.0), metrics / divisor

    def _order(self, epoch: int) -> Array | None:
        """Return the order of an epoch's rows; None where they come as they stand."""
        if not self.shuffle or (self.batch_size >= len(self.data.X) and self.sampling is None):
            return None
        return _core.epoch_order(len(self.data.X), self.model.random_state, epoch)

    def _batch_weights(self, epoch: int) -> list[float]:
        """Return the sum of the weights of each batch."""
        rows, size, weight, order = len(self.data.X), self.batch_size, self.data.weight, self._order(epoch)
        if weight is None or self.sampling is not None:
            mean = 1.0 if self.sampling is None else self.sampling.engine.mean_weight
            return [mean * min(size, rows - first) for first in range(0, rows, size)]
        if order is not None:
            weight = weight[order]
        return [float(weight[first : first + size].sum(dtype=np.float64)) for first in range(0, rows, size)]
