"""The base classes of descriptions and of training state.

A description (a layer, a loss, an optimizer ...) keeps its arguments under their names. A state is what an optimizer, a
sampler or a callback keeps between steps. A checkpoint saves both by these rules, without code for each class.
"""

from __future__ import annotations

from typing import Any, ClassVar

__all__ = ["Described", "State"]


class Described:
    """A description: its public settings cannot be changed, because a model reads them when it is built or compiled."""

    def __setattr__(self, name: str, value: Any) -> None:
        if name in vars(self) and not name.startswith("_"):
            raise AttributeError(f"{type(self).__name__}.{name} is fixed; make a new {type(self).__name__}")
        object.__setattr__(self, name, value)

    def __repr__(self) -> str:
        settings = ", ".join(f"{name}={value!r}" for name, value in vars(self).items())
        return f"{type(self).__name__}({settings})"


class State:
    """State of training that a checkpoint saves, attribute by attribute.

    Attributes hold numbers, strings, arrays, lists, tuples and dicts of them, descriptions, and other such objects.
    """

    kinds: ClassVar[dict[str, type[State]]] = {}

    def __init_subclass__(cls, **others: Any) -> None:
        super().__init_subclass__(**others)
        if State.kinds.setdefault(cls.__name__, cls).__module__ != cls.__module__:
            raise TypeError(f"there is another State named {cls.__name__!r}: a checkpoint could not tell them apart")
