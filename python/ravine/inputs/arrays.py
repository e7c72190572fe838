"""Conversion of user arrays for the engine: nothing is broadcast, and no information is lost silently."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import kernels

__all__ = [
    "Array",
    "as_array",
    "as_inputs",
    "as_sample_weight",
    "check_numeric",
    "convert",
    "not_finite",
]

Array = NDArray[Any]


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
    """Return a C-contiguous, aligned array of `dtype`, the same object if it already is one; finite, if `check`."""
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
        The required number of dimensions, including that of the rows; None allows any from 2.
    check : bool, default=True
        Whether to refuse NaN and infinities.
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
