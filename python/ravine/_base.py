"""What a model holds: layers, the engine's network, one lock; how it is built, copied and pickled."""

from __future__ import annotations

import math
import os
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import FrameType, MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from . import _build, _core, _standards, regularizers
from ._fixed import Fixed
from ._sparse import Inputs, as_sparse_rows, is_sparse
from ._state import Snapshot
from ._validation import Array, NotFittedError, as_inputs, check_dtype, check_reaches, check_seed, feature_names
from .layers import Dense, Input, Layer
from .layers.base import Shape, check_layers
from .losses.base import Head, Loss
from .metrics import Metric
from .optimizers import Optimizer
from .schedules import BoldDriver

if TYPE_CHECKING:
    from ._core import Network
    from ._sampling import Learnt
    from .optimizers.composed import Chain
    from .training import History

__all__ = ["ModelBase"]


# Attributes that a copy makes for itself.
_BOUND = ("_plan", "_network", "_flat", "_head", "_engine_metrics", "_passes")
_REMADE = (*_BOUND, "_lock", "_holder", "_runner", "_calls_back", "_fitting")


def _is_running(call: FrameType | None) -> bool:
    """Whether a call is on this thread's stack: Ctrl-C may have kept it from saying that it ended."""
    frame: FrameType | None = sys._getframe()
    while call is not None and frame is not None:
        if frame is call:
            return True
        frame = frame.f_back
    return False


def _check_ids(array: Any, given: Any, limit: int) -> None:
    """Refuse rows that hold what is no id: a whole number in [0, limit)."""
    wrong = ~((array >= 0) & (array < limit) & (array == np.floor(array)))
    if wrong.any():
        value = np.asarray(given)[tuple(np.argwhere(wrong)[0])]
        raise ValueError(f"X must hold ids, whole numbers in [0, {limit}), got {value}")


class ModelBase:
    """Layers and what they become once the shape of the input is known."""

    layers = Fixed[tuple[Layer, ...]]("make a new model")
    dtype = Fixed[np.dtype[Any]]("make a new model")
    random_state = Fixed[int]("make a new model")
    kernel_regularizer = Fixed[regularizers.Regularizer | None]("make a new model")
    input_shape = Fixed[Shape | None]("make a new model")
    optimizer = Fixed[Optimizer | None]("call compile")
    loss = Fixed[Loss | None]("call compile")
    metrics = Fixed[tuple[Metric, ...]]("call compile")
    history: Fixed[History | None] = Fixed("call fit")

    def __init__(
        self,
        layers: Any,
        *,
        dtype: DTypeLike = "float32",
        random_state: int | None = None,
        kernel_regularizer: str | regularizers.Regularizer | None = None,
    ) -> None:
        checked = check_layers(layers)
        first = checked[0] if checked else None
        seed = check_seed(random_state)
        vars(self).update(
            layers=tuple(checked[1:] if isinstance(first, Input) else checked),
            dtype=check_dtype(dtype),
            kernel_regularizer=None
            if kernel_regularizer is None
            else regularizers.get(kernel_regularizer, name="kernel_regularizer"),
            random_state=int.from_bytes(os.urandom(4), "little") if seed is None else seed,
            input_shape=None,
            optimizer=None,
            loss=None,
            metrics=(),
            history=None,
        )
        self._curvature: tuple[list[str], Any] | None = None  # what an optimizer that searches has learnt
        self._chain: Chain | None = None  # whose optimizers take turns
        self._turn = 0  # which of them is at work
        self._shares: tuple[int, ...] | None = None  # the epochs of each but the last, once they are known
        self._sampling: Learnt | None = None  # what a sampler has learnt
        self.stop_training = False
        self._plan: _build.Plan | None = None
        self._network: Network | None = None
        self._flat: Network | None = None  # the network, where its inputs and outputs have one dimension
        self._head: Head | None = None
        self._engine_metrics: list[tuple[str, float]] = []
        self._passes: list[Metric] = []
        self._classes: Array | None = None
        self._feature_names: list[str] | None = None
        self._epoch = 0
        self._compiled_at = (0, 0)  # the step and the epoch from which schedules count
        self._driver: tuple[BoldDriver, float, float | None] | None = None  # its rate and the last loss
        self._lock = threading.RLock()
        self._holder: FrameType | None = None  # the call that holds the lock
        self._runner: int | None = None  # its process
        self._calls_back = False  # whether it is waiting for a callback
        self._fitting = False
        if isinstance(first, Input):
            self._build(first.shape)

    @contextmanager
    def _exclusive(self, changing: str | None = None) -> Iterator[None]:
        """Hold the model for a call: one thread at a time, none in mid-call, none where this process was forked off it.

        `changing` names a method that changes what a running fit goes by: a fit's callbacks may not call it.
        """
        process = os.getpid()
        if self._runner not in (None, process):
            raise RuntimeError("this model was in use when the process was forked; make a new one, or load its weights")
        with self._lock:
            outer = (self._holder, self._runner, self._calls_back) if _is_running(self._holder) else (None, None, False)
            if outer[0] is not None and not self._calls_back:
                raise RuntimeError(
                    "this model is in the middle of a call, so a signal handler cannot use it; set stop_training "
                    "there, or copy its parameters"
                )
            if changing is not None and self._fitting:
                raise RuntimeError(f"{changing} must not be called from a callback of a running fit")
            try:
                self._holder, self._runner, self._calls_back = sys._getframe(2), process, False
                yield
            finally:
                self._holder, self._runner, self._calls_back = outer

    @contextmanager
    def _calling_back(self) -> Iterator[None]:
        """Let callbacks use the model within the block: nothing is half changed."""
        self._calls_back = True
        try:
            yield
        finally:
            self._calls_back = False

    @contextmanager
    def _rollback(self) -> Iterator[None]:
        """Where the block fails, forget what it took from the data: shape, weights, classes, feature names."""
        fresh, known, unlearnt = self._network is None, (self._classes, self._feature_names), _standards.unlearnt(self)
        try:
            yield
        except BaseException:
            self._classes, self._feature_names = known
            if fresh:
                self._unbuild()
            elif unlearnt:
                _standards.forget(self, unlearnt)
            raise

    def _build(self, input_shape: Shape, *, first_values: bool = True) -> None:
        """Make the network, with its first weights unless others will be written."""
        plan = _build.make_plan(self.layers, input_shape, self.kernel_regularizer)
        check_reaches(plan.factors, self.dtype)
        with _core.DefaultFloatingPointMode():
            network = _build.make_network(math.prod(input_shape), plan.operations, self.random_state, self.dtype)
            if first_values:
                _build.initialise(network, plan, self.random_state)
        with self._rollback():
            vars(self).update(input_shape=input_shape, _plan=plan, _network=network)
            self._find_flat()
            self._bind()

    def _find_flat(self) -> None:
        """Choose the network for quick calls with few rows, if nothing speaks against it."""
        shape, plan = self.input_shape, self._plan
        flat = shape is not None and plan is not None and len(shape) == len(plan.shapes[-1]) == 1
        self._flat = self._network if flat and not _standards.unlearnt(self) else None

    def _unbuild(self) -> None:
        """Forget a network that has seen no step."""
        vars(self)["input_shape"] = None
        self._plan = self._network = self._flat = self._head = self._curvature = None

    def _bind(self) -> None:
        """Tell the network its loss, metrics and optimizer, where both sides are known."""
        self._bind_loss()
        self._bind_optimizer()

    def _bind_loss(self) -> None:
        network = self._network
        if network is None or self.loss is None:
            return
        units = network.output_units
        activation, skippable = _build.last_activation(self.layers)
        check_reaches([(name, v) for name, v in vars(self.loss).items() if type(v) is float], self.dtype)
        head = self.loss.head(activation, units, skippable=skippable)
        found = [(metric, metric.engine(head, units)) for metric in self.metrics]
        network.set_loss(
            head.loss, setting=head.setting, reduction=head.reduction, skip_activation=head.skip_activation
        )
        self._head = head
        self._engine_metrics = [engine for _, engine in found if engine is not None]
        self._passes = [metric for metric, engine in found if engine is None]

    def _bind_optimizer(self) -> None:
        """Start the optimizer afresh; where it is refused, the network keeps the one it had."""
        if self._network is None or self.optimizer is None:
            return
        for optimizer in self._chain.optimizers if self._chain else (self.optimizer,):
            self._check_optimizer(optimizer)
        self._network.set_optimizer(self.optimizer.rule, self.optimizer.settings())
        averaging = self.optimizer.averaging()
        if averaging is not None:
            self._network.set_averaging(**averaging)

    def _check_optimizer(self, optimizer: Optimizer) -> None:
        """Refuse an optimizer that does not go with the layers, or settings that are 0 in the model's dtype."""
        assert self._plan is not None
        if optimizer.searches and self._plan.after_steps:
            raise ValueError(
                f"{type(optimizer).__name__} finds its steps along the loss alone, so nothing can end them "
                f"({self._plan.after_steps[0]}); take a first-order optimizer"
            )
        for name, regularizer in self._plan.regularizers.items():
            if regularizer.l1 and regularizer.proximal and optimizer.rule not in ("sgd", "momentum_average"):
                raise ValueError(
                    f"layer {name} has a proximal l1, whose thresholds go with steps of the gradient's own length: "
                    f"take SGD without momentum, or with average=True, got {optimizer!r}"
                )
        settings = optimizer.settings()
        names = ("epsilon", "clip_norm", "clip_value")
        check_reaches([(name, settings[name]) for name in names if name in settings], self.dtype)

    def _start_counting(self) -> None:
        """Let schedules and what an optimizer learns begin here."""
        self._compiled_at = (0 if self._network is None else int(self._network.step), self._epoch)
        self._driver = None
        self._curvature = None

    def _worked(self) -> int:
        """Return the epochs since the optimizer at work began."""
        return self._epoch - self._compiled_at[1]

    def _turn_end(self, last: int) -> int:
        """Return the epoch before which the optimizer at work ends, `last` at most."""
        if self._shares is None or self._turn == len(self._shares):
            return last
        return min(last, self._epoch + self._shares[self._turn] - self._worked())

    def _take_turn(self, epochs: int = 0) -> bool:
        """Go on to a chain's next optimizer where the present one's epochs are over; say whether it was so.

        The chain shares out the `epochs` of the first fit where it was not told how.
        """
        if self._chain is None:
            return False
        if self._shares is None and epochs:
            self._shares = self._chain.shares(epochs)
        before = self._turn
        while self._shares and self._turn < len(self._shares) and self._worked() >= self._shares[self._turn]:
            self._turn += 1
            vars(self)["optimizer"] = self._chain.optimizers[self._turn]
            self._start_counting()
            self._bind_optimizer()
        return self._turn > before

    def _built(self) -> Network:
        """Return the network; NotFittedError before there is one."""
        if self._network is None:
            raise NotFittedError(
                f"This {type(self).__name__} is not fitted yet: call fit, or begin its layers with layers.Input(shape)"
            )
        return self._network

    def _inputs(self, X: Any, *, check: bool = True, learning: bool = False) -> tuple[Inputs, list[str] | None]:
        """Return X as (n, inputs) of the model's dtype, finite if `check`, and its columns' names; build if need be.

        Unless the call is one that is `learning`, what layers learn from the first data must be there.
        """
        names, shape = feature_names(X), self.input_shape
        array: Inputs
        if is_sparse(X):
            array = as_sparse_rows("X", X, self.dtype, check=check)
            self._check_takes_sparse()
        else:
            array = as_inputs(X, self.dtype, dimensions=None if shape is None else 1 + len(shape), check=check)
        if shape is None:
            self._build(array.shape[1:])
        elif array.shape[1:] != shape:
            if len(shape) == 1:
                raise ValueError(
                    f"X has {array.shape[1]} features, but {type(self).__name__} is expecting {shape[0]} features"
                )
            raise ValueError(f"X has rows of shape {array.shape[1:]}, but the model is expecting {shape}")
        if names is not None and self._feature_names is not None and names != self._feature_names:
            raise ValueError(
                "The feature names should match those that were passed during fit: "
                f"expected {self._feature_names}, got {names}"
            )
        limit = self._first().id_limit()
        if limit:
            _check_ids(array, X, limit)
        if not learning and self._plan is not None and self._plan.standards:
            _standards.need_learnt(self)
            self._find_flat()
        return array.reshape(len(array), -1), names

    def _first(self) -> Layer:
        """Return the first layer that computes."""
        return next(layer for layer in self.layers if layer.computes)

    def _check_takes_sparse(self) -> None:
        """Refuse sparse rows where the first layer that computes is no Dense."""
        first = self._first()
        if not isinstance(first, Dense):
            place = self.layers.index(first)
            raise TypeError(
                f"X is sparse, which only a first layer Dense takes: layers[{place}] is {first!r}; pass X.toarray()"
            )

    @property
    def output_shape(self) -> Shape | None:
        """The shape of a row of the output; None before the input's shape is known."""
        return None if self._plan is None else self._plan.shapes[-1]

    @property
    def classes_(self) -> NDArray[Any]:
        """The label of each class, in the order of the outputs; set by the first fit with a classification loss."""
        if self._classes is None:
            raise NotFittedError(f"This {type(self).__name__} is not fitted yet with classes, it has no classes_")
        return self._classes

    @property
    def parameters(self) -> Mapping[str, NDArray[Any]]:
        """The weights by name, "dense/kernel" (inputs, units), "dense/bias" (units,): views to write into with [...].

        Raises
        ------
        NotFittedError
            Before the input's shape is known.
        """
        return MappingProxyType(self._built().parameters())

    @property
    def statistics(self) -> Mapping[str, NDArray[Any]]:
        """What layers learn of the data by themselves, by name: "batch_norm/moving_mean" (channels,); writable views.

        They stand apart from `parameters`, which gradients move. Files and `get_weights` have both.

        Raises
        ------
        NotFittedError
            Before the input's shape is known.
        """
        return MappingProxyType(self._built().statistics())

    def __getstate__(self) -> dict[str, Any]:
        with self._exclusive():
            state = {name: value for name, value in vars(self).items() if name not in _REMADE}
            state["dtype"] = self.dtype.name
            state["_sampling"] = self._sampling and self._sampling.copy()
            if self._network is not None:
                state["snapshot"] = Snapshot.take(self._network, self._epoch)
            return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        state = dict(state)
        ModelBase.__init__(self, state.pop("layers"), dtype=state.pop("dtype"), random_state=state.pop("random_state"))
        shape, snapshot = state.pop("input_shape"), state.pop("snapshot", None)
        vars(self).update(state)
        if shape is not None:
            self._build(shape)
            snapshot.restore(self._built())

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({list(self.layers)!r}, dtype={self.dtype.name!r}, random_state={self.random_state}"
            + (f", kernel_regularizer={self.kernel_regularizer!r})" if self.kernel_regularizer is not None else ")")
        )
