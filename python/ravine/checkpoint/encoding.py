"""Descriptions and state as plain data, and back: JSON, with arrays kept separately by name.

A description is encoded as its class' public name and its constructor's arguments: those that its method `_arguments`
returns, if it has one, and otherwise its attributes of the same names. Classes are looked up in `__all__` of the
packages below, so a new one is registered by being exported; others come from `custom_objects`. A `State` is encoded as
its class' name and its attributes. No name in a file is evaluated or imported.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

import numpy as np

from .. import (
    constraints,
    initializers,
    layers,
    losses,
    metrics,
    optimizers,
    regularizers,
    samplers,
    schedules,
)
from ..descriptions import Described, State
from ..errors import CheckpointFormatError, CheckpointMismatchError
from ..inputs.arrays import Array
from ..startup.late import import_late_states

__all__ = ["Decoder", "Encoder", "parameters_of"]

_FAMILIES: dict[str, ModuleType] = {
    "layers": layers,
    "initializers": initializers,
    "regularizers": regularizers,
    "constraints": constraints,
    "losses": losses,
    "metrics": metrics,
    "optimizers": optimizers,
    "schedules": schedules,
    "samplers": samplers,
}
_BASES = (Described, optimizers.Optimizer)
_ABSENT = object()


def _public_name(kind: type) -> str | None:
    for name, family in _FAMILIES.items():
        if kind.__name__ in family.__all__ and getattr(family, kind.__name__) is kind:
            return f"{name}.{kind.__name__}"
    return None


def _public_class(name: str) -> type | None:
    family, _, short = name.partition(".")
    public = family in _FAMILIES and short in _FAMILIES[family].__all__
    found = getattr(_FAMILIES[family], short) if public else None
    return found if isinstance(found, type) and issubclass(found, _BASES) else None


def parameters_of(kind: type) -> Mapping[str, Any]:
    """Return the parameters of a class' constructor by name."""
    from inspect import signature

    return signature(kind).parameters


def settings_of(thing: Any) -> dict[str, Any]:
    """Return the arguments with which a description can be constructed again.

    Raises
    ------
    TypeError
        If the description does not keep one of them under its name.
    """
    known: dict[str, Any] = getattr(thing, "_arguments", dict)()
    settings = {}
    for name, parameter in parameters_of(type(thing)).items():
        if parameter.kind is parameter.VAR_KEYWORD and known:
            settings.update({other: value for other, value in known.items() if other not in settings})
            continue
        value = known[name] if name in known else getattr(thing, name, _ABSENT)
        if value is _ABSENT:
            raise TypeError(
                f"{type(thing).__name__} cannot be saved: it has no attribute {name!r} with the value that its "
                "argument of that name had"
            )
        settings[name] = value
    return settings


class Encoder:
    """Encodes values as plain data.

    Attributes
    ----------
    tensors : dict of str to ndarray
        The arrays found, under names such as "/path/in/the/data"; no weight has a name that begins with "/".
    """

    def __init__(self) -> None:
        self.tensors: dict[str, Array] = {}

    def encode(self, value: Any, path: str = "") -> Any:
        """Return `value` as plain data; `path` says where it is. TypeError, which names it, if it has no plain form."""
        if value is None or type(value) in (bool, int, str):
            return value
        if type(value) is float:
            return value if math.isfinite(value) else {"$float": repr(value)}
        if isinstance(value, (np.ndarray, np.generic)):
            return self._array(value, path)
        if type(value) is list:
            return self._items(value, path)
        if type(value) is tuple:
            return {"$tuple": self._items(value, path)}
        if type(value) is dict:
            return self._dict(value, path)
        if isinstance(value, _BASES):
            kind = type(value)
            name = _public_name(kind) or kind.__name__
            return {"$class": name, "settings": self._dict(settings_of(value), f"{path}/{kind.__name__}")}
        if isinstance(value, State):
            return {"$state": type(value).__name__, "attributes": self._dict(vars(value), path)}
        name = getattr(value, "__name__", "")
        if callable(value) and not isinstance(value, type) and name.isidentifier():
            return {"$function": name}
        raise TypeError(f"{path.lstrip('/')} cannot be saved: {value!r:.80} of type {type(value).__name__}")

    def _items(self, values: Any, path: str) -> list[Any]:
        return [self.encode(value, f"{path}/{i}") for i, value in enumerate(values)]

    def _dict(self, values: dict[Any, Any], path: str) -> Any:
        if all(type(key) is str and not key.startswith("$") for key in values):
            return {key: self.encode(value, f"{path}/{key}") for key, value in values.items()}
        return {"$dict": [self._items(pair, f"{path}/{i}") for i, pair in enumerate(values.items())]}

    def _array(self, value: Any, path: str) -> Any:
        array = np.asarray(value)
        if array.dtype.kind == "U":
            texts = {"$strings": array.reshape(-1).tolist(), "shape": list(array.shape)}
            return texts if isinstance(value, np.ndarray) else str(value)
        if array.dtype.kind not in "biuf" or array.dtype.itemsize > 8:
            raise TypeError(f"{path.lstrip('/')} cannot be saved: an array of dtype {array.dtype}")
        name, number = path, 0
        while name in self.tensors:
            number += 1
            name = f"{path}#{number}"
        self.tensors[name] = array
        return {"$tensor" if isinstance(value, np.ndarray) else "$scalar": name}


class Decoder:
    """Decodes values from plain data.

    Parameters
    ----------
    tensors : mapping of str to ndarray
        The arrays by name.
    custom_objects : mapping of str to class or function
        Custom classes and functions by name.
    """

    def __init__(self, tensors: Mapping[str, Array], custom_objects: Mapping[str, Any] | None = None) -> None:
        self.tensors = tensors
        self.custom_objects = dict(custom_objects or {})

    def decode(self, plain: Any) -> Any:
        """Return the value; CheckpointFormatError for data that no encoder writes."""
        if isinstance(plain, list):
            return [self.decode(item) for item in plain]
        if not isinstance(plain, dict):
            return plain
        mark = next(iter(plain), "")
        if not mark.startswith("$"):
            return {key: self.decode(value) for key, value in plain.items()}
        make: Callable[[Any, dict[str, Any]], Any] | None = getattr(self, f"_make_{mark[1:]}", None)
        if make is None:
            raise CheckpointFormatError(f"the header has an unknown kind of value, {mark!r}")
        return make(plain[mark], plain)

    def _make_float(self, text: Any, _: Any) -> float:
        if text not in ("nan", "inf", "-inf"):
            raise CheckpointFormatError(f"the header has an unknown number, {text!r}")
        return float(text)

    def _make_tuple(self, items: Any, _: Any) -> tuple[Any, ...]:
        return tuple(self.decode(item) for item in items)

    def _make_dict(self, pairs: Any, _: Any) -> dict[Any, Any]:
        return {self.decode(key): self.decode(value) for key, value in pairs}

    def _make_strings(self, texts: Any, plain: dict[str, Any]) -> Array:
        strings: Array = np.array(texts, dtype=np.str_).reshape(plain["shape"])
        return strings

    def _make_tensor(self, name: Any, _: Any) -> Array:
        if name not in self.tensors:
            raise CheckpointFormatError(f"the header names a tensor that is not there, {name!r}")
        array: Array = self.tensors[name]
        return array

    def _make_scalar(self, name: Any, _: Any) -> Any:
        return self._make_tensor(name, None)[()]

    def _make_class(self, name: Any, plain: dict[str, Any]) -> Any:
        kind = _public_class(name) or self.custom(name, "class")
        return kind(**self.decode(plain["settings"]))

    def _make_state(self, name: Any, plain: dict[str, Any]) -> State:
        if name not in State.kinds:
            import_late_states()
        kind = State.kinds.get(name)
        if kind is None:
            raise CheckpointFormatError(f"the header names a state that is unknown, {name!r}")
        state = object.__new__(kind)
        vars(state).update(self.decode(plain["attributes"]))
        return state

    def _make_function(self, name: Any, _: Any) -> Any:
        return self.custom(name, "function")

    def custom(self, name: str, kind: str) -> Any:
        """Return the entry of `custom_objects` with a name; CheckpointMismatchError if there is none."""
        found = self.custom_objects.get(name)
        if found is None:
            raise CheckpointMismatchError(
                f"the checkpoint needs the {kind} {name!r}, which is not ravine's own: pass "
                f"custom_objects={{{name!r}: {name.rpartition('.')[2]}}}"
            )
        return found
