"""Checks of single arguments: every message names the argument, its value and what is allowed."""

from __future__ import annotations

import math
import numbers
import operator
import os
from collections.abc import Iterable
from typing import Any, cast

import numpy as np

__all__ = [
    "check_choice",
    "check_dtype",
    "check_flag",
    "check_int",
    "check_name",
    "check_number",
    "check_pair",
    "check_path",
    "check_reaches",
    "check_seed",
    "check_shape",
]


def check_number(name: str, value: Any, low: float, high: float = math.inf, *, closed: str = "left") -> float:
    """Return `value` as a float in the interval; `closed`, the ends it includes: left, right, both or neither."""
    interval = f"{'[' if closed in ('left', 'both') else '('}{low}, {high}{']' if closed in ('right', 'both') else ')'}"
    message = f"{name} must be a number in {interval}, got {value!r}"
    real = value[()] if isinstance(value, np.ndarray) and value.ndim == 0 else value
    if isinstance(real, (bool, np.bool_)) or not isinstance(real, numbers.Real):
        raise TypeError(message)
    try:
        number = float(real)
    except OverflowError:
        raise ValueError(message) from None
    above = number >= low if closed in ("left", "both") else number > low
    below = number <= high if closed in ("right", "both") else number < high
    if not (above and below):
        raise ValueError(message)
    return number


def check_int(name: str, value: Any, low: int, high: int | None = None, *, allowed: str | None = None) -> int:
    """Return `value` as an int in [`low`, `high`]; `allowed` replaces the interval in the message."""
    interval = allowed or (f"an int in [{low}, {high}]" if high is not None else f"an int >= {low}")
    message = f"{name} must be {interval}, got {value!r}"
    if isinstance(value, (bool, np.bool_)):
        raise ValueError(message)
    try:
        number = operator.index(value)
    except TypeError:
        raise ValueError(message) from None
    if number < low or (high is not None and number > high):
        raise ValueError(message)
    return number


def check_pair(name: str, value: Any, low: int = 1) -> tuple[int, int]:
    """Return (down, across), ints of at least `low`; one int for both."""
    allowed = f"an int >= {low} or two of them"
    if not isinstance(value, (tuple, list)):
        value = (check_int(name, value, low, allowed=allowed),) * 2
    if len(value) != 2:
        raise ValueError(f"{name} must be {allowed}, got {value!r}")
    try:
        return check_int(name, value[0], low), check_int(name, value[1], low)
    except ValueError:
        raise ValueError(f"{name} must be {allowed}, got {value!r}") from None


def check_reaches(settings: Iterable[tuple[str, float]], dtype: np.dtype[Any]) -> None:
    """Refuse named numbers that are not 0 but become 0 in the model's dtype."""
    for name, value in settings:
        if value and dtype.type(value) == 0:
            raise ValueError(f"{name}={value!r} is 0 as {dtype.name}; take a larger one")


def check_flag(name: str, value: Any) -> bool:
    """Return `value` as a bool; anything but True and False is refused."""
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} must be True or False, got {value!r}")
    return bool(value)


def check_name(name: str, value: Any) -> str:
    """Return the name of a layer or a metric."""
    if not isinstance(value, str) or not value or "/" in value:
        raise ValueError(f"{name} must be a non-empty str without '/', got {value!r}")
    return value


def check_choice(name: str, value: Any, choices: Iterable[str]) -> str:
    """Return `value` if it is one of `choices`; the error names them and the nearest one."""
    choices = sorted(choices)
    if isinstance(value, str) and value in choices:
        return value
    hint = ""
    if isinstance(value, str):
        from difflib import get_close_matches

        near = get_close_matches(value.lower(), choices, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
    raise ValueError(f"unknown {name} {value!r}; choose from {', '.join(map(repr, choices))}{hint}")


def check_seed(value: Any) -> int | None:
    """Return `random_state`: None or an int in [0, 2**32)."""
    if value is None:
        return None
    return check_int("random_state", value, 0, 2**32 - 1, allowed="None or an int in [0, 2**32)")


def check_shape(value: Any) -> tuple[int, ...]:
    """Return `shape` as a tuple of sizes, each at least 1."""
    sizes = tuple(value) if isinstance(value, (tuple, list)) else (value,)
    allowed = "an int >= 1 or a tuple of them"
    return tuple(check_int("shape", size, 1, allowed=allowed) for size in sizes)


def check_dtype(value: Any) -> np.dtype[Any]:
    """Return the model's dtype, float32 or float64."""
    try:
        dtype: np.dtype[Any] = np.dtype(value)
    except (TypeError, ValueError, SyntaxError):
        dtype = np.dtype(object)
    if value is None or dtype not in (np.dtype(np.float32), np.dtype(np.float64)):
        raise ValueError(f"dtype must be 'float32' or 'float64', got {value!r}")
    return dtype


def check_path(path: Any) -> str:
    """Return a path as a str."""
    if not isinstance(path, (str, os.PathLike)) or not isinstance(os.fspath(path), str):
        raise TypeError(f"path must be a str or a path, got {path!r}")
    return cast(str, os.fspath(path))
