"""The whole training step in NumPy: the twin of the compiled network, with the same interface and meaning.

A step on the batch of rows r, with weights ω of the samples, parameters w and learning rate a:

- forward        ``x_0 = X[r]``, ``x_(k+1) = operation_k(x_k)``, ``z = x_last``
- loss           ``L = sum_i ω_i l_i / sum_i ω_i`` (mean) or ``sum_i ω_i l_i`` (sum)
- backward       ``dz = ω_i dl_i/dz`` times ``1 / sum_i ω_i`` or 1; then each operation's dx and parameter gradients
- penalty        ``dW += l1 sign(W) + 2 l2 W + l2_norm W / |W|`` on kernels
- clipping       ``g *= min(1, clip_norm / |g|)`` over all gradients, or each element clipped to ``clip_value``
- update         the rule, on every parameter of a trainable operation
- threshold      ``W = sign(W) max(|W| - a l1, 0)`` instead of l1's gradient, where it is proximal
- constraint     ``W_j *= min(1, max_norm / |W_j|)`` on kernels' columns

It is slow and simple on purpose: read it to learn what the engine does, and compare the engine with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from . import losses, updates
from . import metrics as metric_functions
from .batches import USUAL_BATCH_SLICE, Array, epoch_order, weighted_sum
from .clipping import clip, squared_norm
from .operations import DropoutKey, OperationSpec, make_operations
from .samplers import Sampler
from .vector import flush_subnormals, lerp, scale

Metrics = Sequence[tuple[str, float]]

_CLEARING_STEPS = 256


class Network:
    """A feed-forward network and its training, in NumPy.

    Parameters
    ----------
    input_units : int
        Columns of the input.
    operations : sequence of OperationSpec
        The operations on a batch, in order.
    seed : int
        Seed of the dropout masks, in [0, 2^32).
    dtype : dtype, default float64
        float32 or float64: the type of data, parameters and gradients.

    Attributes
    ----------
    step : int
        Batches seen; it numbers dropout masks and noise.
    running : ndarray of float64, shape (4,)
        The rule's running products (such as beta^t), 1 before the first step.

    Examples
    --------
    Least squares by gradient descent, ``y = 2 x``:

    >>> network = Network(1, [OperationSpec("dense", name="dense", units=1)], seed=0)
    >>> network.set_loss("squared_error", setting=0.5)
    >>> network.set_optimizer("sgd", {})
    >>> X = np.array([[-1.0], [1.0]])
    >>> result = network.train(X, 2 * X, None, batch_size=2, first_epoch=0, epochs=50, rates=np.array([0.5]))
    >>> round(float(network.parameters()["dense/kernel"][0, 0]), 6)
    2.0
    """

    def __init__(
        self, input_units: int, operations: Sequence[OperationSpec], seed: int, *, dtype: DTypeLike = np.float64
    ) -> None:
        self.dtype = np.dtype(dtype)
        self.input_units = input_units
        self.seed = seed
        self.step = 0
        self.running = np.ones(4)
        self.sums = np.zeros(4)  # of the last epoch: loss, weight, penalty, steps, each metric
        self._operations = make_operations(operations, input_units, self.dtype)
        self._all = [inner for operation in self._operations for inner in operation.all()]
        self._least_slice = min([operation.least_slice for operation in self._all], default=USUAL_BATCH_SLICE)
        weights = sum(array.size for array in self.weights().values())
        for operation in self._all:
            operation.least_slice, operation.weights = self._least_slice, weights
        self._state: dict[str, Array] = {}
        self.set_loss("squared_error", setting=1.0)
        self.set_optimizer("sgd", {})

    @property
    def operation_units(self) -> list[int]:
        """Output units of each operation."""
        return [operation.units for operation in self._operations]

    @property
    def output_units(self) -> int:
        """Columns of the output."""
        return self.operation_units[-1] if self._operations else self.input_units

    def parameters(self) -> dict[str, Array]:
        """Return the parameters by name, ``"dense/kernel"``: the arrays themselves, writable."""
        return {name: operation.parameters[key] for name, operation, key in self._named()}

    def statistics(self) -> dict[str, Array]:
        """Return the statistics that operations learn without gradients, by name."""
        return {f"{o.spec.name}/{key}": array for o in self._all for key, array in o.statistics.items()}

    def weights(self) -> dict[str, Array]:
        """Return the parameters and the statistics by name, layer by layer."""
        both = [(o.spec.name, {**o.parameters, **o.statistics}) for o in self._all]
        return {f"{name}/{key}": array for name, arrays in both for key, array in arrays.items()}

    def gradients(self) -> dict[str, Array]:
        """Return the last gradients, named as the parameters."""
        return {name: operation.gradients[key] for name, operation, key in self._named()}

    def optimizer_state(self) -> dict[str, Array]:
        """Return the rule's state, one array per slot and parameter: ``"0/dense/kernel"``."""
        shapes = {name: array.shape for name, array in self.parameters().items()}
        slots = range(self._slots)
        state = {f"{s}/{name}": self._state[name][s].reshape(shape) for s in slots for name, shape in shapes.items()}
        state.update({f"average/{name}": a for name, a in self._average.items()})
        return state

    def set_trainable(self, flags: Sequence[bool]) -> None:
        """Set which operations are trainable; the others keep parameters and optimizer state, and get no gradient."""
        if len(flags) != len(self._all):
            raise ValueError(f"flags has {len(flags)} entries, expected {len(self._all)}, one an operation")
        for operation, flag in zip(self._all, flags, strict=True):
            operation.trainable = flag

    def set_loss(self, name: str, *, setting: float, reduction: str = "mean", skip_activation: bool = False) -> None:
        """Set the loss and its reduction over a batch.

        Parameters
        ----------
        name : str
            A loss of this package.
        setting : float
            The loss's own number (a factor, delta, margin ...).
        reduction : {"mean", "sum", "penalized_mean"}
            ``sum_i ω_i l_i / sum_i ω_i``, ``sum_i ω_i l_i``, or the first with the penalties inside its sum.
        skip_activation : bool
            Whether to skip the last activation in training and evaluation: the loss is then computed from logits.
        """
        if not hasattr(losses, name):
            raise ValueError(f"unknown loss '{name}'")
        if reduction not in ("mean", "sum", "penalized_mean"):
            raise ValueError(f"reduction must be 'mean', 'sum' or 'penalized_mean', got '{reduction}'")
        self._loss, self._setting, self._mean, self._skip = name, setting, reduction != "sum", skip_activation
        self._shares_penalty = reduction == "penalized_mean"

    def set_optimizer(self, rule: str, settings: Mapping[str, Any]) -> None:
        """Set the update rule, with zero state; ``settings`` are the keyword arguments of the rule and of clipping."""
        self._rule, self._settings, self._slots = rule, dict(settings), updates.SLOTS[rule]
        self._clip_norm = self._settings.pop("clip_norm", 0.0)
        self._clip_value = self._settings.pop("clip_value", 0.0)
        self._state = {name: np.zeros((self._slots, w.size), self.dtype) for name, w in self.parameters().items()}
        self.running = np.ones(4)
        self._average: dict[str, Array] = {}

    def set_averaging(self, *, decay: float | None, start: int, every: int, by_epoch: bool) -> None:
        """Keep an average of the weights, ``b a + (1 - b) w`` or, for no decay, their mean; the first is w.

        Parameters
        ----------
        decay : float or None
            b.
        start, every : int
            The average takes the weights after step number ``start + every``, ``start + 2 every`` ...
        by_epoch : bool
            Whether to count ends of epochs instead of steps.
        """
        self._averaging = (decay, start, every, by_epoch)
        self._average = {name: np.zeros_like(w) for name, w in self.weights().items()}
        self._average["seen"] = np.zeros(1)

    def train(
        self,
        X: Array,
        target: Array,
        weight: Array | None,
        *,
        batch_size: int,
        first_epoch: int,
        epochs: int,
        first_batch: int = 0,
        batches: int = 0,
        continues: bool = False,
        shuffle_seed: int | None = None,
        rates: NDArray[np.float64],
        metrics: Metrics = (),
        n_threads: int = 1,
        sampler: Sampler | None = None,
    ) -> dict[str, Any]:
        """Train for some epochs, or on some batches of each.

        Parameters
        ----------
        X : ndarray, shape (n, input_units)
            Inputs.
        target : ndarray, shape (n, output_units), or of int32, shape (n,)
            Targets, or class indices.
        weight : ndarray, shape (n,), or None
            Weights of the samples; a batch whose weights are all zero, or too small to divide by their sum,
            takes no step, but is counted in ``step``.
        batch_size : int
            Rows of a batch; the last one of an epoch may be smaller.
        first_epoch, epochs : int
            Epochs ``first_epoch <= e < first_epoch + epochs``; e numbers the orders.
        first_batch, batches : int
            Batches ``first_batch <= b < first_batch + batches`` of each epoch; 0 batches: to the end.
        continues : bool
            Whether the first epoch adds to ``sums``, those of the run before.
        shuffle_seed : int or None
            Seed of the orders; None: rows are not shuffled.
        rates : ndarray of float64, shape (1,) or (steps,)
            Learning rate of all steps, or of each.
        metrics : sequence of (name, setting)
            Metrics taken on the training outputs.
        n_threads : int
            Ignored.
        sampler : Sampler or None
            The sampler that draws the rows of each batch; None: rows are in the epoch's order.

        Returns
        -------
        dict
            ``loss`` (epochs,): data loss, plus the mean over the steps of the penalty before each step; ``metrics``
            (epochs, number of metrics): weighted means over the rows; ``steps``: batches seen. A step whose loss is not
            finite is not taken and ends the run; later epochs hold zeros.
        """
        n, all_batches = len(X), -(-len(X) // batch_size)
        last_batch = min(all_batches, first_batch + batches) if batches else all_batches
        rates = np.broadcast_to(rates, max(epochs * (last_batch - first_batch), 1)) if len(rates) == 1 else rates
        history_loss, history_metrics, step = [], [], 0
        for epoch in range(first_epoch, first_epoch + epochs):
            shuffled = None
            if shuffle_seed is not None and (batch_size < n or sampler is not None):
                shuffled = epoch_order(n, shuffle_seed, epoch)
            order = np.arange(n) if shuffled is None else shuffled
            sums = self.sums if continues and epoch == first_epoch else np.zeros(4 + len(metrics))
            totals, penalty, steps = np.array([sums[1], sums[0], *sums[4:]]), sums[2], sums[3]
            for batch in range(first_batch, last_batch):
                rows = order[batch * batch_size : (batch + 1) * batch_size]
                w = None if weight is None else weight[rows]
                divisor = None
                if sampler is not None:
                    rows, drawn = sampler.batch(shuffled, epoch, self.step, batch * batch_size, len(rows))
                    w = drawn.astype(self.dtype) if sampler.weighs else None
                    divisor = len(rows) * sampler.mean_weight
                if self._weighs(w, divisor):
                    before, counts = self._penalty(), 1.0 / self._share(len(rows), w, divisor)
                    totals += self._train_batch(X[rows], target[rows], w, float(rates[step]), metrics, sampler, divisor)
                    if not np.isfinite(totals[1]):
                        break
                    penalty, steps = penalty + before, steps + counts
                step += 1
                self.step += 1
            self.sums = np.array([totals[1], totals[0], penalty, steps, *totals[2:]])
            loss, values = self._reduce(totals)
            history_loss.append(loss + penalty / (steps or 1.0))
            history_metrics.append(values)
            if not np.isfinite(totals[1]):
                break
            if last_batch == all_batches:
                self._take_average(epoch_end=True)
        history_loss += [0.0] * (epochs - len(history_loss))
        history_metrics += [np.zeros(len(metrics))] * (epochs - len(history_metrics))
        table = np.array(history_metrics, dtype=np.float64).reshape(epochs, len(metrics))
        return {"loss": np.array(history_loss, dtype=np.float64), "metrics": table, "steps": step}

    def evaluate(
        self, X: Array, target: Array, weight: Array | None, *, metrics: Metrics = (), n_threads: int = 1
    ) -> dict[str, Any]:
        """Return ``loss`` (data loss + penalty) and ``metrics`` on all rows, dropout off."""
        z = self._forward(X, None, skip_activation=self._skip)
        row_loss, _ = self._row_losses(z, target, weight, 1.0)
        loss, values = self._reduce(self._totals(row_loss, z, target, weight, metrics))
        return {"loss": loss + self._share(len(X), weight) * self._penalty(), "metrics": values}

    def forward(
        self, X: Array, *, operations: int | None = None, skip_activation: bool = False, n_threads: int = 1
    ) -> Array:
        """Return the output of the first ``operations`` operations (None: all), dropout off.

        ``skip_activation`` skips the network's last activation.
        """
        return self._forward(X, None, skip_activation=skip_activation, operations=operations)

    def loss_and_gradients(self, X: Array, target: Array, weight: Array | None, *, n_threads: int = 1) -> float:
        """Return the loss (penalty included) of X as one batch, and fill its gradients; dropout off, no update."""
        z = self._forward(X, None, skip_activation=self._skip)
        row_loss, dz = self._row_losses(z, target, weight, self._scale(len(X), weight))
        self._backward(dz)
        share = self._share(len(X), weight)
        for operation in self._all:
            operation.add_penalty_gradient(smooth=False, share=share)
        return self._reduce(self._totals(row_loss, z, target, weight, ()))[0] + share * self._penalty()

    def backward(self, X: Array, doutput: Array, *, n_threads: int = 1) -> None:
        """Fill the gradients of ``sum(doutput * output)``, output after all activations; no penalty, dropout off."""
        self._forward(X, None, skip_activation=False)
        self._backward(doutput)

    def apply_gradients(self, learning_rate: float) -> None:
        """Take one step of the rule with the gradients as given; no penalty is added."""
        self._clip()
        self._update(learning_rate)
        self._constrain()
        self._take_average(epoch_end=False)

    def _named(self) -> Iterator[tuple[str, Any, str]]:
        for operation in self._all:
            for key in operation.parameters:
                yield f"{operation.spec.name}/{key}", operation, key

    def _train_batch(
        self,
        X: Array,
        target: Array,
        weight: Array | None,
        rate: float,
        metrics: Metrics,
        sampler: Sampler | None,
        divisor: float | None,
    ) -> Array:
        """Take one step, unless the loss is not finite; return ``sum ω``, ``sum ω l`` and ``sum ω m`` for every m.

        ``divisor`` replaces ``sum ω`` where a sampler draws the rows.
        """
        z = self._forward(X, DropoutKey(self.seed, self.step, weight), skip_activation=self._skip)
        row_loss, dz = self._row_losses(z, target, weight, self._scale(len(X), weight, divisor))
        totals = self._totals(row_loss, z, target, weight, metrics)
        if divisor is not None:
            totals[0] = divisor
        if np.isfinite(totals[1]):
            for operation in self._all:
                operation.learn()
            self._backward(dz)
            if sampler is not None:
                trained = [operation for operation in self._all if operation.trainable]
                sampler.learn(np.zeros(len(X)) + sum(operation.row_norms() for operation in trained))
            share = self._share(len(X), weight, divisor)
            for operation in self._all:
                operation.add_penalty_gradient(smooth=True, share=share)
            self._clip()
            if self.step % _CLEARING_STEPS == _CLEARING_STEPS - 1:
                self._flush_subnormals()
            self._update(rate)
            for operation in self._all:
                operation.threshold(rate * share)
            self._constrain()
            self._take_average(epoch_end=False)
        return totals

    def _forward(
        self, x: Array, key: DropoutKey | None, *, skip_activation: bool, operations: int | None = None
    ) -> Array:
        for operation in self._operations[:operations]:
            x = operation.forward(x, key, skip_activation=skip_activation and operation is self._operations[-1])
        return x

    def _backward(self, dy: Array) -> None:
        for operation in reversed(self._operations):
            dy = operation.backward(dy)

    def _row_losses(self, z: Array, target: Array, weight: Array | None, scale: float) -> tuple[Array, Array]:
        row_loss, dz = getattr(losses, self._loss)(z, target, weight=weight, scale=scale, setting=self._setting)
        return row_loss, dz

    def _weighs(self, weight: Array | None, divisor: float | None) -> bool:
        """Whether a batch can be divided by the sum of its weights, or by the divisor of a sampler."""
        if weight is None:
            return True
        least = 1.0 / float(np.finfo(weight.dtype).max) if self._mean else 0.0
        return (weighted_sum(np.ones(len(weight)), weight, self._least_slice) if divisor is None else divisor) > least

    def _scale(self, rows: int, weight: Array | None, divisor: float | None = None) -> float:
        """``1 / sum ω`` for a mean, 1 for a sum (and where all weights are zero)."""
        total = weighted_sum(np.ones(rows), weight, self._least_slice) if divisor is None else divisor
        return 1.0 / total if self._mean and total else 1.0

    def _share(self, rows: int, weight: Array | None, divisor: float | None = None) -> float:
        """The factor of penalties: ``1 / sum ω`` if they are inside the mean, otherwise 1."""
        return self._scale(rows, weight, divisor) if self._shares_penalty else 1.0

    def _totals(self, row_loss: Array, z: Array, target: Array, weight: Array | None, metrics: Metrics) -> Array:
        """Return ``sum ω``, ``sum ω l``, and ``sum ω m`` for every metric m."""
        rows = [np.ones(len(z)), row_loss]
        rows += [getattr(metric_functions, f"metric_{name}")(z, target, setting=setting) for name, setting in metrics]
        return np.array([weighted_sum(values, weight, self._least_slice) for values in rows])

    def _reduce(self, totals: Array) -> tuple[float, Array]:
        """``sum ω l / sum ω`` or ``sum ω l``, and ``sum ω m / sum ω``; zero where all weights are zero."""
        divisor = float(totals[0]) or 1.0
        return float(totals[1]) / (divisor if self._mean else 1.0), totals[2:] / divisor

    def _penalty(self) -> float:
        return sum(operation.penalty() for operation in self._all)

    def _clip(self) -> None:
        """Clip the trained gradients to ``clip_norm``, all together, or each element to ``clip_value``."""
        trained = [o.gradients[key] for _, o, key in self._named() if o.trainable]
        if self._clip_norm and trained:
            largest = max(float(np.max(np.abs(g), initial=0.0)) for g in trained)
            norm = largest * sum(squared_norm(g, scale=1.0 / largest) for g in trained) ** 0.5 if largest else 0.0
            if np.isfinite(norm) and norm > self._clip_norm:
                for g in trained:
                    scale(g, self._clip_norm / norm, out=g)
        if self._clip_value:
            for g in trained:
                clip(g, self._clip_value, out=g)

    def _constrain(self) -> None:
        for operation in self._all:
            operation.constrain()

    def _flush_subnormals(self) -> None:
        """Set state that has decayed to subnormal numbers to 0."""
        for name, operation, key in self._named():
            if operation.trainable:
                for slot in self._state[name]:
                    flush_subnormals(slot, operation.gradients[key].reshape(-1))

    def _take_average(self, *, epoch_end: bool) -> None:
        """Count a step or the end of an epoch; if it is one to be averaged, add the weights to the average."""
        if not self._average or epoch_end != self._averaging[3]:
            return
        decay, start, every, _ = self._averaging
        self._average["seen"] += 1
        n, rest = divmod(int(self._average["seen"][0]) - start, every)
        if n < 1 or rest:
            return
        for name, w in self.weights().items():
            if n == 1:
                self._average[name][...] = w
            else:
                lerp(self._average[name], w, 1.0 / n if decay is None else 1.0 - decay)

    def _update(self, rate: float) -> None:
        """Apply the rule to every trainable parameter; weight decay acts on kernels only."""
        rule, before = getattr(updates, self._rule), self.running.copy()
        settings = {**self._settings, "learning_rate": rate}
        # a step on no elements: the running products advance once a step, not once a parameter
        nothing = np.empty(0, self.dtype)
        rule(nothing, np.empty((self._slots, 0), self.dtype), nothing.copy(), running=self.running, **settings)
        for name, operation, key in self._named():
            if operation.trainable:
                decay = settings.get("weight_decay", 0.0) if key == "kernel" else 0.0
                w, dw = operation.parameters[key].reshape(-1), operation.gradients[key].reshape(-1)
                rule(w, self._state[name], dw, running=before.copy(), **{**settings, "weight_decay": decay})
