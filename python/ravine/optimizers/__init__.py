"""Optimizers: how gradients become steps."""

from __future__ import annotations

from .._validation import check_choice
from .first_order import (
    SGD,
    AdaDelta,
    AdaGrad,
    Adam,
    AdaMax,
    AdamW,
    AMSGrad,
    Nadam,
    Optimizer,
    RMSProp,
)

__all__ = [
    "SGD",
    "AMSGrad",
    "AdaDelta",
    "AdaGrad",
    "AdaMax",
    "Adam",
    "AdamW",
    "Nadam",
    "Optimizer",
    "RMSProp",
    "get",
]

_NAMES: dict[str, type[Optimizer]] = {
    "sgd": SGD,
    "adagrad": AdaGrad,
    "rmsprop": RMSProp,
    "adadelta": AdaDelta,
    "adam": Adam,
    "adamw": AdamW,
    "amsgrad": AMSGrad,
    "adamax": AdaMax,
    "nadam": Nadam,
}


def get(optimizer: str | Optimizer) -> Optimizer:
    """Return a new optimizer for a name; an object is returned as it is. ValueError for others."""
    if isinstance(optimizer, Optimizer):
        return optimizer
    return _NAMES[check_choice("optimizer", optimizer, _NAMES)]()
