"""What the constructors of several estimators share."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

__all__ = ["keep", "with_defaults"]


def keep(estimator: Any, arguments: Mapping[str, Any]) -> None:
    """Write a constructor's arguments down as they are, which is all that scikit-learn's may do."""
    for name, value in arguments.items():
        if name != "self":
            setattr(estimator, name, value)


def with_defaults(estimator: Any, state: Mapping[str, Any]) -> dict[str, Any]:
    """Return an unpickled state; parameters that it does not know, being older than they, have their defaults."""
    arguments = inspect.signature(type(estimator).__init__).parameters
    return {name: arguments[name].default for name in list(arguments)[1:]} | dict(state)
