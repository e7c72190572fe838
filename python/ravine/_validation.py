"""Checks of what users pass in: every message names the argument, its value and what is allowed."""

from __future__ import annotations

import math
import numbers
import operator
import warnings
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import kernels

__all__ = [
    "NotFittedError",
    "as_array",
    "as_inputs",
    "as_sample_weight",
    "check_choice",
    "check_dtype",
    "check_flag",
    "check_int",
    "check_name",
    "check_number",
    "check_pair",
    "check_reaches",
    "check_seed",
    "check_shape",
    "convert",
    "feature_names",
    "not_finite",
]

Array = NDArray[Any]


class NotFittedError(ValueError, AttributeError):
    """Raised when a model is asked for something it has only after `fit`, `build` or `compile`."""


def check_number(name: str, value: Any, low: float, high: float = math.inf, *, closed: str = "left") -> float:
    """Return `value` as a float in the interval; `closed` names the ends that belong: left, right, both, neither."""
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
    """Return (down, across), ints of at least `low`; one int stands for both."""
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
    """Refuse named numbers that are not 0 but would be in the model's dtype."""
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
    """Return `value` where it is one of `choices`; otherwise name them and the nearest one."""
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


def as_array(name: str, values: Any) -> Array:
    """Return `values` as an array of bools, ints, floats or strings; sparse, ragged, masked, complex are refused."""
    if hasattr(values, "nnz") and hasattr(values, "tocsr"):
        raise TypeError(f"sparse {name} is not supported; pass {name}.toarray()")
    if values is None:
        raise ValueError(f"{name} must be an array, got None")
    if isinstance(values, np.ma.MaskedArray) and np.ma.is_masked(values):
        raise TypeError(f"{name} is a masked array with missing values; fill them first, as with {name}.filled(0)")
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise ValueError(f"{name} is ragged: {error}") from None
    if array.dtype.kind == "c":
        raise ValueError(f"Complex data not supported: {name} has dtype {array.dtype}")
    if array.dtype.kind not in "biufUO" or (array.dtype.kind == "f" and array.dtype.itemsize > 8):
        raise TypeError(f"{name} must hold bools, ints or floats of at most 64 bits, got dtype {array.dtype}")
    return array


def check_numeric(name: str, array: Array) -> None:
    """Refuse arrays of strings and of Python objects."""
    if array.dtype.kind not in "OU":
        return
    try:
        array.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name}: {error}") from None
    raise ValueError(f"{name} has dtype {array.dtype}; convert it first, as with {name}.astype(float)")


def not_finite(name: str, array: Array, dtype: np.dtype[Any]) -> ValueError:
    """Return the error for an array with a NaN or an infinity."""
    if np.isnan(array).any():
        return ValueError(f"Input {name} contains NaN.")
    return ValueError(f"Input {name} contains infinity or a value too large for {dtype!r}.")


def convert(name: str, array: Array, dtype: np.dtype[Any], *, check: bool = True) -> Array:
    """Return a C-contiguous, aligned array of `dtype`, the same one where it is so already; finite, if `check`."""
    if array.dtype == dtype and array.flags.c_contiguous and array.flags.aligned:
        if check and not kernels.all_finite(array):
            raise not_finite(name, array, dtype)
        return array
    check_numeric(name, array)
    if array.dtype.kind in "iu" and array.dtype.itemsize == 8 and array.size:
        largest = max(int(array.max()), -int(array.min()))
        if largest > 2**53:
            warnings.warn(
                f"{name} holds the integer {largest}, beyond 2**53: it loses precision as {dtype.name}",
                UserWarning,
                stacklevel=4,
            )
    with np.errstate(over="ignore"):
        converted = np.require(array, dtype, ["C", "A"])
    if check and array.dtype.kind == "f" and not kernels.all_finite(converted):
        raise not_finite(name, converted, dtype)
    return converted


def as_inputs(
    values: Any, dtype: np.dtype[Any], *, name: str = "X", dimensions: int | None = 2, check: bool = True
) -> Array:
    """Return inputs as a C-contiguous array of `dtype` with at least one row and one feature.

    Parameters
    ----------
    values : array-like
        Bools, ints or floats.
    dtype : numpy.dtype
        The model's dtype.
    name : str, default="X"
        The argument's name in messages.
    dimensions : int or None, default=2
        The number of dimensions wanted, the rows' one included; None allows any from 2.
    check : bool, default=True
        Refuse NaN and infinities.
    """
    array: Array = values if type(values) is np.ndarray and values.dtype == dtype else as_array(name, values)
    if array.dtype.kind in "OU":
        check_numeric(name, array)
    if array.ndim < 2:
        got = "1D" if array.ndim else "scalar"
        raise ValueError(
            f"Expected 2D array, got {got} array instead: {name} has shape {array.shape}. "
            f"One feature: {name}.reshape(-1, 1); one row: {name}.reshape(1, -1)."
        )
    if dimensions is not None and array.ndim != dimensions:
        raise ValueError(
            f"Found array with dim {array.ndim}: {name} has shape {array.shape}, expected {dimensions} dimensions"
        )
    if array.shape[0] == 0:
        raise ValueError(f"Found array with 0 sample(s): {name} has shape {array.shape}, at least 1 is needed")
    if array.size == 0:
        raise ValueError(f"Found array with 0 feature(s): {name} has shape {array.shape}, at least 1 is needed")
    return convert(name, array, dtype, check=check)


def feature_names(values: Any) -> list[str] | None:
    """Return the column names of a data frame; None for anything else, and for columns that are not all named."""
    columns = getattr(values, "columns", None)
    if columns is None:
        return None
    names = list(columns)
    return names if all(isinstance(name, str) for name in names) else None


def as_sample_weight(values: Any, rows: int, dtype: np.dtype[Any], *, name: str = "sample_weight") -> Array | None:
    """Return the rows' weights, finite and not negative, shape (rows,); None stays None."""
    if values is None:
        return None
    array = as_array(name, values)
    if array.shape != (rows,):
        raise ValueError(f"{name}.shape == {array.shape}, expected {(rows,)}")
    weight = convert(name, array, dtype)
    if (weight < 0).any():
        raise ValueError(f"{name} must not be negative, got {weight.min()!s}")
    return weight
