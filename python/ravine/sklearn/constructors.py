"""Code that the constructors of several estimators share."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

__all__ = ["keep", "with_defaults"]


def keep(estimator: Any, arguments: Mapping[str, Any]) -> None:
    """Store a constructor's arguments unchanged, which is all that a constructor in scikit-learn may do."""
    for name, value in arguments.items():
        if name != "self":
            setattr(estimator, name, value)


def with_defaults(estimator: Any, state: Mapping[str, Any]) -> dict[str, Any]:
    """Return an unpickled state; parameters that are newer than the pickle get their defaults."""
    arguments = inspect.signature(type(estimator).__init__).parameters
    return {name: arguments[name].default for name in list(arguments)[1:]} | dict(state)
