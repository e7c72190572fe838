"""Optimizers: how gradients become steps."""

from __future__ import annotations

from .._validation import check_choice
from ._problem import Result
from .base import Optimizer
from .first_order import (
    SGD,
    AdaDelta,
    AdaGrad,
    Adam,
    AdaMax,
    AdamW,
    AMSGrad,
    Nadam,
    RMSProp,
)
from .second_order import BFGS, LBFGS, Newton

__all__ = [
    "BFGS",
    "LBFGS",
    "SGD",
    "AMSGrad",
    "AdaDelta",
    "AdaGrad",
    "AdaMax",
    "Adam",
    "AdamW",
    "Nadam",
    "Newton",
    "Optimizer",
    "RMSProp",
    "Result",
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
    "bfgs": BFGS,
    "lbfgs": LBFGS,
    "newton": Newton,
}


def get(optimizer: str | Optimizer) -> Optimizer:
    """Return a new optimizer for a name; an object is returned as it is. ValueError for others."""
    if isinstance(optimizer, Optimizer):
        return optimizer
    return _NAMES[check_choice("optimizer", optimizer, _NAMES)]()
