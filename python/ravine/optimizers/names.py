"""Optimizers by name."""

from __future__ import annotations

from typing import Any

from ..inputs.arguments import check_choice
from ..startup.late import import_late, late_names
from . import first_order, second_order
from .base import Optimizer

__all__ = ["OPTIMIZERS", "optimizer_of"]

_PACKAGE = "ravine.optimizers"

#: The class of each name.
OPTIMIZERS = {name.lower(): name for name in (*first_order.__all__, "BFGS", "LBFGS", "Newton", *late_names(_PACKAGE))}


def optimizer_of(given: Any) -> Optimizer:
    """Return a new optimizer for a name; an object is returned as it is. ValueError for others."""
    if isinstance(given, Optimizer):
        return given
    name = OPTIMIZERS[check_choice("optimizer", given, OPTIMIZERS)]
    for module in (first_order, second_order):
        if name in module.__all__:
            return _made(getattr(module, name))
    return _made(import_late(_PACKAGE, name))


def _made(kind: Any) -> Optimizer:
    made: Optimizer = kind()
    return made
