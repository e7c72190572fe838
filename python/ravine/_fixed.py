"""What is decided when an object is made: attributes that tell how to change them, instead of being ignored."""

from __future__ import annotations

from typing import Any, Generic, NoReturn, TypeVar, overload

__all__ = ["Described", "Fixed"]

T = TypeVar("T")


class Fixed(Generic[T]):
    """A public attribute that only its class writes, through `vars`.

    Parameters
    ----------
    way : str
        What to do instead of writing it.
    """

    def __init__(self, way: str) -> None:
        self.way = way

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, instance: None, owner: type) -> Fixed[T]: ...
    @overload
    def __get__(self, instance: object, owner: type) -> T: ...
    def __get__(self, instance: object | None, owner: type) -> Any:
        if instance is None:
            return self
        try:
            return vars(instance)[self.name]
        except KeyError:
            raise AttributeError(f"{owner.__name__!r} object has no attribute {self.name!r}") from None

    def __set__(self, instance: object, value: Any) -> NoReturn:
        raise AttributeError(f"{type(instance).__name__}.{self.name} is fixed; {self.way}")


class Described:
    """A description: public settings are written once, since a model takes them over when it is built or compiled."""

    def __setattr__(self, name: str, value: Any) -> None:
        if name in vars(self) and not name.startswith("_"):
            raise AttributeError(f"{type(self).__name__}.{name} is fixed; make a new {type(self).__name__}")
        object.__setattr__(self, name, value)

    def __repr__(self) -> str:
        settings = ", ".join(f"{name}={value!r}" for name, value in vars(self).items())
        return f"{type(self).__name__}({settings})"
