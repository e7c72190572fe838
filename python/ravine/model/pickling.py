"""Models from pickles and copies, and untrained models with another seed."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np

from ..network.building import build, state_from_parts
from ..network.state import Compilation, Configuration, DataFacts, Model, ModelState, TrainingState

__all__ = ["fresh_model", "restored_state"]

ModelType = TypeVar("ModelType", bound=Model)


def restored_state(kind: str, pickled: dict[str, Any]) -> tuple[ModelState, dict[str, Any]]:
    """Return the state that a pickle or a copy holds, and further attributes of the model."""
    if "parts" not in pickled:
        pickled = _from_first_format(kind, pickled)
    return state_from_parts(pickled["parts"]), pickled["attributes"]


def _from_first_format(kind: str, pickled: dict[str, Any]) -> dict[str, Any]:
    """Return the parts of a model that was pickled as a dict of private attributes."""
    old = {"_chain": None, "_turn": 0, "_shares": None, "_sampling": None, "kernel_regularizer": None, **pickled}
    take = old.pop
    parts = {
        "configuration": Configuration(
            kind, take("layers"), np.dtype(take("dtype")), take("random_state"), take("kernel_regularizer")
        ),
        "compilation": Compilation(take("optimizer"), take("_chain"), take("loss"), take("metrics")),
        "facts": DataFacts(take("_classes"), take("_feature_names")),
        "training": TrainingState(
            epoch=take("_epoch"),
            compiled_at=take("_compiled_at"),
            turn=take("_turn"),
            shares=take("_shares"),
            search=take("_curvature"),
            sampling=take("_sampling"),
            bold_driver=take("_driver"),
        ),
        "history": take("history"),
        "stop_training": take("stop_training"),
        "input_shape": take("input_shape"),
        "snapshot": take("snapshot", None),
    }
    return {"parts": parts, "attributes": old}


def fresh_model(model: ModelType, seed: int) -> ModelType:
    """Return an untrained copy of `model` with another seed."""
    given: Any = model
    state = given.__getstate__()
    parts = state["parts"]
    shape, compilation = parts["input_shape"], parts["compilation"].started()
    shares = None if compilation.chain is None else compilation.chain.shares(0)
    parts |= {
        "configuration": replace(parts["configuration"], random_state=seed),
        "compilation": compilation,
        "facts": DataFacts(),
        "training": TrainingState(shares=shares),
        "history": None,
        "stop_training": False,
        "input_shape": None,
        "snapshot": None,
    }
    made: Any = type(model).__new__(type(model))
    made.__setstate__(copy.deepcopy(state))
    if shape is not None:
        build(made._state, shape)
    fresh: ModelType = made
    return fresh
