"""The state of a model, in parts. All fields of a part are copied, saved and restored in the same way:

================= ==================== ======================= ==================== =====================
part              in a copy or pickle  in a checkpoint         where a fit fails    in a fresh model
                                                               before its start
================= ==================== ======================= ==================== =====================
`Configuration`   kept                 described               stays                kept, with its seed
`Compilation`     kept                 described               stays                kept, at its start
`DataFacts`       kept                 kept, field by field    put back             made anew
`TrainingState`   kept                 kept, field by field    stays                made anew
`Built`           built anew, numbers  built anew, numbers     forgotten where the  built anew
                  copied               read                    call has built it
`Head` and the    bound anew           bound anew              bound anew           bound anew
metrics' sides
`Guard`           made anew            -                       stays                made anew
================= ==================== ======================= ==================== =====================
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from ..errors import NotFittedError
from ..inputs.arrays import Array
from ..layers import Layer
from ..layers.base import Shape
from ..losses.base import Head, Loss
from ..metrics import Metric
from ..optimizers import Optimizer
from ..optimizers.composed import Chain
from ..regularizers import Regularizer
from ..samplers.base import Learnt
from ..schedules import BoldDriver
from .guard import Guard
from .history import History
from .plan import Plan
from .snapshot import Snapshot

if TYPE_CHECKING:
    from .._core import Network

__all__ = ["Built", "Compilation", "Configuration", "DataFacts", "Model", "ModelState", "TrainingState"]


@dataclass(frozen=True)
class Configuration:
    """The arguments with which a model was made.

    Attributes
    ----------
    kind : str
        The name of the model's class, for messages.
    layers : tuple of Layer
        Without the `Input`.
    dtype : numpy.dtype
        The type of weights and arithmetic.
    random_state : int
        The seed; given, or drawn once.
    kernel_regularizer : Regularizer or None
        The penalty on kernels of layers without one.
    """

    kind: str
    layers: tuple[Layer, ...]
    dtype: np.dtype[Any]
    random_state: int
    kernel_regularizer: Regularizer | None


@dataclass
class Compilation:
    """The choices of `compile`.

    Attributes
    ----------
    optimizer : Optimizer or None
        The optimizer at work.
    chain : Chain or None
        The chain to which it belongs.
    loss : Loss or None
        As compiled.
    metrics : tuple of Metric
        As compiled.
    """

    optimizer: Optimizer | None = None
    chain: Chain | None = None
    loss: Loss | None = None
    metrics: tuple[Metric, ...] = ()

    def started(self) -> Compilation:
        """Return a copy with a chain's first optimizer at work."""
        return replace(self, optimizer=self.optimizer if self.chain is None else self.chain.optimizers[0])


@dataclass
class DataFacts:
    """What a model has learnt from its data apart from weights.

    Attributes
    ----------
    classes : ndarray or None
        The label of each class.
    feature_names : list of str or None
        The names of a frame's columns.
    """

    classes: Array | None = None
    feature_names: list[str] | None = None


@dataclass
class TrainingState:
    """The progress of training.

    Attributes
    ----------
    epoch : int
        Epochs over all fits.
    compiled_at : (int, int)
        The step and the epoch from which schedules count.
    turn : int
        Which of a chain's optimizers is at work.
    shares : tuple of int or None
        The epochs of each of a chain's optimizers but the last, once they are known.
    search : (list of str, State) or None
        The state of an optimizer that searches, with the names of the parameters that it trains.
    sampling : Learnt or None
        The learnt state of a sampler.
    bold_driver : (BoldDriver, float, float or None) or None
        A bold driver at work, its rate and the last loss.
    """

    epoch: int = 0
    compiled_at: tuple[int, int] = (0, 0)
    turn: int = 0
    shares: tuple[int, ...] | None = None
    search: tuple[list[str], Any] | None = field(default=None, metadata={"saved_as": "curvature"})
    sampling: Learnt | None = None
    bold_driver: tuple[BoldDriver, float, float | None] | None = field(default=None, metadata={"saved_as": None})

    def copy(self) -> TrainingState:
        """Return a copy whose sampler learns independently."""
        return replace(self, sampling=self.sampling and self.sampling.copy())


@dataclass(frozen=True)
class Built:
    """The network, built once the shape of the input is known.

    Attributes
    ----------
    input_shape : tuple of int
        The shape of a row.
    plan : Plan
        Names, shapes and operations.
    network : Network
        The engine's network: weights, statistics, optimizer state.
    """

    input_shape: Shape
    plan: Plan
    network: Network


class ModelState:
    """The whole state of a model.

    Attributes
    ----------
    configuration, compilation, facts, training
        See the parts.
    history : History or None
        The history of the last fit.
    stop_training : bool
        Ends a running fit.
    built : Built or None
        None before the shape of the input is known.
    few_rows : Network or None
        The network, if fast calls with few rows are possible.
    head : Head or None
        The loss joined to the last layer; None before both are known.
    engine_metrics : list of (str, float)
        The metrics that the engine computes with the loss.
    later_metrics : tuple of Metric
        Those that need a pass over the data after the epoch.
    guard : Guard
        The lock on the model.
    """

    def __init__(self, configuration: Configuration) -> None:
        self.configuration = configuration
        self.compilation = Compilation()
        self.facts = DataFacts()
        self.training = TrainingState()
        self.history: History | None = None
        self.stop_training = False
        self.built: Built | None = None
        self.few_rows: Network | None = None
        self.head: Head | None = None
        self.engine_metrics: list[tuple[str, float]] = []
        self.later_metrics: tuple[Metric, ...] = ()
        self.guard = Guard()

    @property
    def network(self) -> Network:
        """The engine's network; NotFittedError before there is one."""
        return self.need_built().network

    @property
    def plan(self) -> Plan:
        """Names, shapes and operations; NotFittedError before the input's shape is known."""
        return self.need_built().plan

    def need_built(self) -> Built:
        """Return the built network; NotFittedError before the input's shape is known."""
        if self.built is None:
            raise NotFittedError(
                f"This {self.configuration.kind} is not fitted yet: call fit, or begin its layers with "
                "layers.Input(shape)"
            )
        return self.built

    @property
    def step(self) -> int:
        """The steps over all fits."""
        return 0 if self.built is None else int(self.built.network.step)

    def need_loss(self) -> Loss:
        """Return the loss; ValueError before there is one."""
        if self.compilation.loss is None:
            raise ValueError("the model has no loss yet; call compile(optimizer=..., loss=...) first")
        return self.compilation.loss

    def need_optimizer(self) -> Optimizer:
        """Return the optimizer at work; ValueError before there is one."""
        if self.compilation.optimizer is None:
            raise ValueError("the model has no optimizer yet; call compile(optimizer=..., loss=...) first")
        return self.compilation.optimizer

    def need_head(self) -> Head:
        """Return the loss joined to the last layer; ValueError before there is a loss."""
        self.need_loss()
        assert self.head is not None
        return self.head

    def copied_parts(self) -> dict[str, Any]:
        """Return the parts that a copy or a pickle keeps."""
        return {
            "configuration": self.configuration,
            "compilation": replace(self.compilation),
            "facts": replace(self.facts),
            "training": self.training.copy(),
            "history": self.history,
            "stop_training": self.stop_training,
            "input_shape": None if self.built is None else self.built.input_shape,
            "snapshot": None if self.built is None else Snapshot.take(self.built.network, self.training.epoch),
        }


def saved_fields(part: DataFacts | TrainingState) -> dict[str, str]:
    """Return the fields of a part that a checkpoint keeps as they are: their names in the file, and their own."""
    names = {one.metadata.get("saved_as", one.name): one.name for one in fields(part)}
    return {saved: own for saved, own in names.items() if saved is not None}


class Model(Protocol):
    """An object with a state: `Sequential`, as lower packages see it."""

    _state: ModelState
