"""The trainable weights, and their gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .state import ModelState

__all__ = ["copied_gradients", "prepare_gradients", "set_trainable", "trainable_names"]


def set_trainable(state: ModelState) -> None:
    """Set in the engine which layers are trainable."""
    state.network.set_trainable([part.trainable for part in state.plan.parts])


def prepare_gradients(state: ModelState) -> None:
    """Set in the engine which layers are trainable; refuse a step function through which a gradient must pass."""
    set_trainable(state)
    plan = state.plan
    last = len(plan.parts) - 1
    skipped = state.head is not None and state.head.skip_activation
    for number, part in enumerate(plan.parts):
        if part.layer.activation_name == "step" and not (skipped and number == last):
            index = plan.names.index(part.name.split("/")[0])
            raise ValueError(
                f"layer {index} ({part.name}) has activation 'step', which has no derivative; "
                "only a last layer can have it in training, with a perceptron or hinge loss"
            )


def trainable_names(state: ModelState) -> list[str]:
    """Return the names of the parameters that `fit` changes."""
    frozen = state.plan.frozen()
    return [name for name in state.network.parameters() if name.rpartition("/")[0] not in frozen]


def copied_gradients(state: ModelState) -> dict[str, NDArray[Any]]:
    """Return copies of the engine's gradients for the parameters that `fit` changes."""
    views = state.network.gradients()
    return {name: np.array(views[name]) for name in trainable_names(state)}
