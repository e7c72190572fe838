"""Public attributes of a model that are kept in its state and that only methods change."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, NoReturn, TypeVar, overload

from ..network.state import ModelState

__all__ = ["ReadOnly"]

T = TypeVar("T")


class ReadOnly(Generic[T]):
    """A read-only attribute; writing to it raises an error that says what to do instead.

    Parameters
    ----------
    read : callable
        Takes the model's state and returns the value.
    way : str
        What to do instead of writing to it.
    """

    def __init__(self, read: Callable[[ModelState], T], way: str) -> None:
        self.read, self.way = read, way

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, instance: None, owner: type) -> ReadOnly[T]: ...
    @overload
    def __get__(self, instance: object, owner: type) -> T: ...
    def __get__(self, instance: Any, owner: type) -> Any:
        return self if instance is None else self.read(instance._state)

    def __set__(self, instance: object, value: Any) -> NoReturn:
        raise AttributeError(f"{type(instance).__name__}.{self.name} is fixed; {self.way}")
