"""From descriptions to the engine: a model's network, its initial weights, and the settings of loss and optimizer."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from .. import _core
from ..inputs.arguments import check_reaches
from ..layers.base import Shape
from ..optimizers import Optimizer
from . import standardizing
from .engine import initialise, make_network
from .plan import Plan, last_activation, make_plan
from .state import Built, ModelState

__all__ = ["bind", "bind_loss", "bind_optimizer", "build", "rollback", "state_from_parts"]


def build(state: ModelState, input_shape: Shape, *, first_values: bool = True) -> None:
    """Make the network, with its initial weights unless others will be written."""
    given = state.configuration
    plan = make_plan(given.layers, input_shape, given.kernel_regularizer)
    check_reaches(plan.factors, given.dtype)
    with _core.DefaultFloatingPointMode():
        network = make_network(math.prod(input_shape), plan.operations, given.random_state, given.dtype)
        if first_values:
            initialise(network, plan, given.random_state)
    with rollback(state):
        state.built = Built(input_shape, plan, network)
        choose_few_rows(state)
        bind(state)


def state_from_parts(parts: dict[str, Any]) -> ModelState:
    """Return a state from the copied parts of another; its network is built anew."""
    state = ModelState(parts["configuration"])
    state.compilation, state.facts, state.training = parts["compilation"], parts["facts"], parts["training"]
    state.history, state.stop_training = parts["history"], parts["stop_training"]
    if parts["input_shape"] is not None:
        build(state, parts["input_shape"], first_values=False)
        parts["snapshot"].restore(state.network)
        choose_few_rows(state)
    return state


def choose_few_rows(state: ModelState) -> None:
    """Choose the network for fast calls with few rows, if inputs and outputs are flat and everything is learnt."""
    built = state.built
    flat = built is not None and len(built.input_shape) == len(built.plan.shapes[-1]) == 1
    state.few_rows = built.network if built and flat and not standardizing.unlearnt(state) else None


def unbuild(state: ModelState) -> None:
    """Discard a network that has taken no step."""
    state.built = state.few_rows = state.head = state.training.search = None


@contextmanager
def rollback(state: ModelState) -> Iterator[None]:
    """If the block fails, discard what it took from the data: shape, weights, classes, feature names."""
    fresh, known, unlearnt = state.built is None, vars(state.facts).copy(), standardizing.unlearnt(state)
    try:
        yield
    except BaseException:
        vars(state.facts).update(known)
        if fresh:
            unbuild(state)
        elif unlearnt:
            standardizing.forget(state, unlearnt)
        raise


def bind(state: ModelState) -> None:
    """Set the network's loss, metrics and optimizer, if both sides are known."""
    bind_loss(state)
    bind_optimizer(state)


def bind_loss(state: ModelState) -> None:
    """Join the loss to the last layer."""
    loss, built = state.compilation.loss, state.built
    if built is None or loss is None:
        return
    units = built.network.output_units
    activation, skippable = last_activation(state.configuration.layers)
    check_reaches([(name, v) for name, v in vars(loss).items() if type(v) is float], state.configuration.dtype)
    head = loss.head(activation, units, skippable=skippable)
    found = [(metric, metric.engine(head, units)) for metric in state.compilation.metrics]
    built.network.set_loss(
        head.loss, setting=head.setting, reduction=head.reduction, skip_activation=head.skip_activation
    )
    state.head = head
    state.engine_metrics = [engine for _, engine in found if engine is not None]
    state.later_metrics = tuple(metric for metric, engine in found if engine is None)


def bind_optimizer(state: ModelState) -> None:
    """Reset the optimizer; if it is refused, the network keeps its previous one."""
    built, chosen = state.built, state.compilation
    if built is None or chosen.optimizer is None:
        return
    for optimizer in chosen.chain.optimizers if chosen.chain else (chosen.optimizer,):
        _check_optimizer(built.plan, optimizer, state.configuration.dtype)
    built.network.set_optimizer(chosen.optimizer.rule, chosen.optimizer.settings())
    averaging = chosen.optimizer.averaging()
    if averaging is not None:
        built.network.set_averaging(**averaging)


def _check_optimizer(plan: Plan, optimizer: Optimizer, dtype: np.dtype[Any]) -> None:
    """Refuse an optimizer that cannot train the layers, or settings that are 0 in the model's dtype."""
    if optimizer.searches and plan.after_steps:
        raise ValueError(
            f"{type(optimizer).__name__} finds its steps along the loss alone, so nothing can end them "
            f"({plan.after_steps[0]}); take a first-order optimizer"
        )
    for name, regularizer in plan.regularizers.items():
        if regularizer.l1 and regularizer.proximal and optimizer.rule not in ("sgd", "momentum_average"):
            raise ValueError(
                f"layer {name} has a proximal l1, whose thresholds go with steps of the gradient's own length: "
                f"take SGD without momentum, or with average=True, got {optimizer!r}"
            )
    settings = optimizer.settings()
    names = ("epsilon", "clip_norm", "clip_value")
    check_reaches([(name, settings[name]) for name in names if name in settings], dtype)
