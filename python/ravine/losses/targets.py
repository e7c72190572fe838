"""Encoding of targets for the engine: rows of the outputs' shape, or one class index per row. Nothing broadcasts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..inputs.arguments import check_number
from ..inputs.arrays import Array, convert, not_finite
from .base import Head

__all__ = ["class_indices", "class_weights", "encode_targets"]

# How far a row of probabilities may be from a sum of 1: float16 rows, or those written with three digits.
_SUM_TOLERANCE = 5e-3


def encode_targets(
    array: Array, y: Any, head: Head, rows: int, units: int, dtype: np.dtype[Any], classes: Array | None
) -> tuple[Array, Array | None]:
    """Encode targets for a loss.

    Parameters
    ----------
    array : ndarray, shape (n,), (n, 1) or (n, units)
        Numbers, bools or strings.
    y : array-like
        The targets as the user gave them.
    head : Head
        The loss joined to the last layer.
    rows : int
        The rows of X.
    units : int
        The network's outputs.
    dtype : numpy.dtype
        The model's dtype.
    classes : ndarray or None
        The classes of an earlier fit; None takes them from `y`.

    Returns
    -------
    target : ndarray, shape (n, units) of dtype, or (n,) of int32
        Targets or class indices.
    classes : ndarray or None
        The label of each class; None if the loss is not a classification loss.
    """
    array = _checked(array, y)
    if len(array) != rows:
        raise ValueError(f"X and y have inconsistent numbers of samples: [{rows}, {len(array)}]")
    if array.dtype.kind == "U":
        index, classes = _string_indices(array, head, units, classes)
        return _from_indices(index, head, units, dtype), classes
    if classes is not None and classes.dtype.kind == "U" and _is_labels(array, head, units):
        raise ValueError(f"y holds numbers, but this model was fitted with the labels {_listed(classes)}")
    if classes is not None and _are_own(classes, head, units) and _is_labels(array, head, units):
        return _from_indices(_label_indices(array.reshape(-1), classes), head, units, dtype), classes
    encode = {"categorical": _categorical, "binary": _binary, "sign": _sign}.get(head.targets, _real)
    target = encode(array, head, units, dtype)
    if classes is None:
        classes = _number_classes(array, head, units)
    return target, classes


def _checked(array: Array, y: Any) -> Array:
    """Return y as an array of numbers or of strings, with 1 or 2 dimensions."""
    if array.dtype.kind == "O":
        kinds = sorted({"str" if isinstance(v, str) else type(v).__name__ for v in array.reshape(-1)})
        if kinds != ["str"]:
            if "str" not in kinds:
                raise ValueError(f"y has dtype object and holds {', '.join(kinds)}; convert it first, as with .astype")
            raise TypeError(f"y mixes types: {', '.join(kinds)}; labels must be all strings or all numbers")
        array = array.astype(str)
    elif array.dtype.kind == "U" and isinstance(y, (list, tuple)) and not _all_strings(y):
        raise TypeError("y mixes strings and numbers; labels must be all strings or all numbers")
    if array.ndim == 0:
        raise ValueError(f"y must have shape (n,) or (n, units), got the scalar {array!s}")
    if array.ndim > 2:
        raise ValueError(f"Found array with dim {array.ndim}: y has shape {array.shape}, expected 1 or 2 dimensions")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise not_finite("y", array, array.dtype)
    return array


def _all_strings(values: Any) -> bool:
    return all(_all_strings(v) if isinstance(v, (list, tuple)) else isinstance(v, str) for v in values)


def _listed(values: Array) -> str:
    shown = ", ".join(repr(value.item()) for value in values[:5])
    return f"[{shown}{', ...' if len(values) > 5 else ''}]"


def _is_labels(array: Array, head: Head, units: int) -> bool:
    """Whether `array` holds one label per row, rather than a row of the outputs' shape."""
    if head.targets not in ("categorical", "binary", "sign"):
        return False
    single = array.ndim == 1 or array.shape[1] == 1
    return single and (units == 1 or head.targets != "binary")


def _shaped(array: Array, units: int) -> Array:
    """Return `array` as (n, units), refusing every other shape than that and (n,) for one output."""
    if array.ndim == 1 and units == 1:
        return array[:, None]
    if array.ndim != 2 or array.shape[1] != units:
        raise ValueError(f"y has shape {array.shape}, the model's outputs have shape {(len(array), units)}")
    return array


def _string_indices(array: Array, head: Head, units: int, classes: Array | None) -> tuple[Array, Array]:
    """Return the index of each string among the sorted classes, and the classes."""
    if head.targets in ("real", "count"):
        raise ValueError(f"y: could not convert string to float: {_listed(array.reshape(-1)[:1])}")
    if not _is_labels(array, head, units):
        raise ValueError(f"y has strings of shape {array.shape}; string labels must have shape ({len(array)},)")
    flat, wanted = array.reshape(-1), max(units, 2)
    if classes is None:
        classes = np.unique(flat)
        if len(classes) != wanted:
            raise ValueError(
                f"y has {len(classes)} classes {_listed(classes)}, the model's outputs tell {wanted} apart"
            )
    if classes.dtype.kind != "U":
        raise ValueError(f"`y` has classes not in `self.classes_`: {_listed(np.unique(flat))}")
    return _label_indices(flat, classes), classes


def _label_indices(labels: Array, classes: Array) -> Array:
    """Return the index of each label among the sorted classes."""
    index = np.minimum(np.searchsorted(classes, labels), len(classes) - 1)
    unknown = classes[index] != labels
    if np.any(unknown):
        raise ValueError(f"`y` has classes not in `self.classes_`: {_listed(np.unique(labels[unknown]))}")
    return index


def _are_own(classes: Array, head: Head, units: int) -> bool:
    """Whether labels are numbers other than 0 .. units - 1, or -1 and 1 for a sign: those of an exported estimator."""
    if classes.dtype.kind not in "iuf":
        return False
    if head.targets == "sign" and units == 1 and classes[0] == -1 and classes[-1] == 1:
        return False
    return bool(classes.dtype.kind == "f" or classes[0] != 0 or classes[-1] != len(classes) - 1)


def _number_classes(array: Array, head: Head, units: int) -> Array | None:
    """Return the labels of numeric targets: 0 .. units - 1, False and True, or -1 and 1."""
    if head.targets not in ("categorical", "binary", "sign"):
        return None
    if max(units, 2) == 2 and array.dtype.kind == "b" and _is_labels(array, head, units):
        return np.array([False, True])
    if head.targets == "sign" and units == 1 and bool((array < 0).any()):
        return np.array([-1, 1])
    return np.arange(max(units, 2))


def _from_indices(index: Array, head: Head, units: int, dtype: np.dtype[Any]) -> Array:
    """Return the engine's targets for class indices that are known to be in range."""
    if head.targets == "categorical":
        return index.astype(np.int32)
    low = -1.0 if head.targets == "sign" else 0.0
    if units == 1:
        return np.where(index == 1, 1.0, low).astype(dtype)[:, None]
    target = np.full((len(index), units), low, dtype)
    target[np.arange(len(index)), index] = 1.0
    return target


def _real(array: Array, head: Head, units: int, dtype: np.dtype[Any]) -> Array:
    target = convert("y", _shaped(array, units), dtype)
    if head.targets == "count" and (target < 0).any():
        raise ValueError(f"y must not be negative for a Poisson loss, got {target.min()!s}")
    return target


def _indices(array: Array, units: int) -> Array:
    """Return integer labels in [0, units); whole floats count as such."""
    flat = array.reshape(-1)
    if flat.dtype.kind == "f" and (flat != np.floor(flat)).any():
        raise ValueError(f"Unknown label type: continuous. y must hold integer labels in [0, {units}), got {flat[0]!s}")
    if flat.dtype.kind != "b" and flat.size:
        low, high = flat.min(), flat.max()
        if low < 0 or high >= units:
            raise ValueError(f"label {int(low if low < 0 else high)} out of range [0, {units})")
    return flat.astype(np.int32)


def _categorical(array: Array, head: Head, units: int, dtype: np.dtype[Any]) -> Array:
    if _is_labels(array, head, units):
        return _indices(array, units)
    target = convert("y", _shaped(array, units), dtype)
    if (target < 0).any():
        raise ValueError(f"rows of y must hold probabilities, got {target.min()!s}")
    away = np.abs(target.sum(axis=1) - 1.0)
    if away.max() > _SUM_TOLERANCE:
        row = int(away.argmax())
        raise ValueError(f"rows of y must hold probabilities that sum to 1, got {target[row].sum()!s} in row {row}")
    return target


def _binary(array: Array, head: Head, units: int, dtype: np.dtype[Any]) -> Array:
    shaped = _shaped(array, units)
    if shaped.dtype.kind in "iu":
        _indices(shaped, 2)
    target = convert("y", shaped, dtype)
    if target.size and (target.min() < 0 or target.max() > 1):
        wrong = target.min() if target.min() < 0 else target.max()
        raise ValueError(f"Unknown label type: continuous. y must be classes 0 and 1 or lie in [0, 1], got {wrong!s}")
    return target


def _sign(array: Array, head: Head, units: int, dtype: np.dtype[Any]) -> Array:
    if units > 1 and _is_labels(array, head, units):
        return _from_indices(_indices(array, units), head, units, dtype)
    target = convert("y", _shaped(array, units), dtype)
    if np.isin(target, (-1, 1)).all():
        return target
    if np.isin(target, (0, 1)).all():
        return 2 * target - 1
    raise ValueError("Unknown label type: y must hold only -1 and 1, or only 0 and 1, for a perceptron or hinge loss")


def class_indices(target: Array, head: Head) -> Array:
    """Return the class index of each encoded target.

    Raises
    ------
    ValueError
        If targets are not classes: in regression, or with several binary outputs.
    """
    if head.targets in ("real", "count") or (head.targets == "binary" and target.shape[1] > 1):
        raise ValueError("class_weight needs one class a row; this loss has none: use sample_weight")
    if target.ndim == 1:
        return target
    if target.shape[1] > 1:
        return np.asarray(target.argmax(axis=1))
    return (target[:, 0] > (0.0 if head.targets == "sign" else 0.5)).astype(np.int32)


def class_weights(class_weight: Any, target: Array, head: Head, classes: Array | None, dtype: np.dtype[Any]) -> Array:
    """Return each row's weight from that of its class.

    Parameters
    ----------
    class_weight : dict or "balanced"
        A weight by label, 1 for labels without an entry; "balanced" is n / (number of classes * rows of the class).
    target : ndarray
        Encoded targets.
    head : Head
        The loss joined to the last layer.
    classes : ndarray
        The label of each class.
    dtype : numpy.dtype
        The weights' dtype.
    """
    index = class_indices(target, head)
    if classes is None:
        raise ValueError("class_weight needs classes; this loss has none: use sample_weight")
    if isinstance(class_weight, str) and class_weight == "balanced":
        counts = np.bincount(index, minlength=len(classes))
        present = np.count_nonzero(counts)
        table = len(index) / (present * np.maximum(counts, 1))
        return convert("class_weight", table[index], dtype)
    if not isinstance(class_weight, Mapping):
        raise ValueError(f"class_weight must be a dict of weights by label, 'balanced' or None, got {class_weight!r}")
    labels, table = classes.tolist(), np.ones(len(classes))
    for label, weight in class_weight.items():
        if label not in labels:
            raise ValueError(f"class_weight names the label {label!r}; the labels are {_listed(classes)}")
        table[labels.index(label)] = check_number(f"class_weight[{label!r}]", weight, 0.0)
    return convert("class_weight", table[index], dtype)
