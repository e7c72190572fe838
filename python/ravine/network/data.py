"""From user data to the rows that the engine takes, in one direction."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..inputs.arrays import Array, as_array, as_inputs, as_sample_weight, convert
from ..inputs.frames import feature_names
from ..inputs.ids import check_ids
from ..inputs.sparse import Inputs, SparseRows, as_sparse_rows, is_sparse
from ..layers import Dense, Layer
from ..losses.targets import class_weights, encode_targets
from . import standardizing
from .building import build, choose_few_rows
from .gradients import prepare_gradients, set_trainable
from .state import ModelState

__all__ = ["Data", "evaluation_data", "read_inputs", "read_validation_data", "training_data"]


@dataclass
class Data:
    """Rows as the engine takes them: X (n, inputs), target (n, units) or labels (n,), weight (n,) or None."""

    X: Inputs
    target: Array
    weight: Array | None

    def rows(self, first: int, last: int) -> Data:
        """Return views of some of the rows."""
        weight = None if self.weight is None else self.weight[first:last]
        return Data(self.X[first:last], self.target[first:last], weight)


def read_inputs(
    state: ModelState, X: Any, *, check: bool = True, learning: bool = False
) -> tuple[Inputs, list[str] | None]:
    """Return X as (n, inputs) of the model's dtype, finite if `check`, and its column names; build the model if needed.

    Unless the call is `learning`, layers that learn from data must have done so.
    """
    dtype = state.configuration.dtype
    names, shape = feature_names(X), None if state.built is None else state.built.input_shape
    array: Inputs
    if is_sparse(X):
        array = as_sparse_rows("X", X, dtype, check=check)
        _check_takes_sparse(state.configuration.layers)
    else:
        array = as_inputs(X, dtype, dimensions=None if shape is None else 1 + len(shape), check=check)
    if shape is None:
        build(state, array.shape[1:])
    elif array.shape[1:] != shape:
        if len(shape) == 1:
            raise ValueError(
                f"X has {array.shape[1]} features, but {state.configuration.kind} is expecting {shape[0]} features"
            )
        raise ValueError(f"X has rows of shape {array.shape[1:]}, but the model is expecting {shape}")
    known = state.facts.feature_names
    if names is not None and known is not None and names != known:
        raise ValueError(
            f"The feature names should match those that were passed during fit: expected {known}, got {names}"
        )
    limit = _first_computing(state.configuration.layers).id_limit()
    if limit:
        check_ids(array, X, limit)
    if not learning and state.plan.standards:
        standardizing.need_learnt(state)
        choose_few_rows(state)
    return array if isinstance(array, SparseRows) else np.reshape(array, (len(array), -1)), names


def _first_computing(layers: Iterable[Layer]) -> Layer:
    """Return the first layer that computes."""
    return next(layer for layer in layers if layer.computes)


def _check_takes_sparse(layers: tuple[Layer, ...]) -> None:
    """Refuse sparse rows if the first layer that computes is not a Dense."""
    first = _first_computing(layers)
    if not isinstance(first, Dense):
        index = layers.index(first)
        raise TypeError(
            f"X is sparse, which only a first layer Dense takes: layers[{index}] is {first!r}; pass X.toarray()"
        )


def _with_targets(state: ModelState, rows: Inputs, y: Any, sample_weight: Any) -> tuple[Data, Array | None]:
    """Return rows with targets and weights, and the classes."""
    units, dtype = state.network.output_units, state.configuration.dtype
    if y is None:
        raise ValueError("this Sequential requires y to be passed, but y is None")
    given = as_array("y", y)
    target, classes = encode_targets(given, y, state.need_head(), len(rows), units, dtype, state.facts.classes)
    return Data(rows, target, as_sample_weight(sample_weight, len(rows), dtype)), classes


def training_data(
    state: ModelState,
    X: Any,
    y: Any,
    sample_weight: Any = None,
    class_weight: Any = None,
    split: float = 0.0,
    *,
    learning: bool = False,
) -> tuple[Data, Data | None]:
    """Return training and validation rows; the first call sets classes and feature names.

    `learning` is True in a fit: layers such as `Standardize` then learn from its rows.
    """
    state.need_loss()
    optimizer = state.need_optimizer()
    rows, names = read_inputs(state, X, learning=learning)
    data, classes = _with_targets(state, rows, y, sample_weight)
    if optimizer.derivative_free:
        set_trainable(state)
    else:
        prepare_gradients(state)
    held = None
    if split:
        data, held = _split(data, split)
    if class_weight is not None:
        data.weight = _weighted_by_class(state, class_weight, data, classes)
    _check_weights(state, data)
    state.facts.classes = classes
    state.facts.feature_names = state.facts.feature_names or names
    if learning:
        standardizing.learn(state, data.X)
    return data, held


def _split(data: Data, share: float) -> tuple[Data, Data]:
    """Return the first rows, and the given share at the end."""
    rows = len(data.X)
    count = rows - round(rows * share)
    if count in (0, rows):
        part = "The training set" if count == 0 else "The validation set"
        raise ValueError(f"{part} is too small: validation_split={share} of {rows} rows leaves it empty")
    return data.rows(0, count), data.rows(count, rows)


def _weighted_by_class(state: ModelState, class_weight: Any, data: Data, classes: Array | None) -> Array:
    """Return the rows' weights times those of their classes."""
    dtype = state.configuration.dtype
    weight = class_weights(class_weight, data.target, state.need_head(), classes, dtype)
    with np.errstate(over="ignore"):
        product = weight if data.weight is None else weight * data.weight
    return convert("class_weight * sample_weight", product, dtype)


def _check_weights(state: ModelState, data: Data) -> None:
    """Refuse weights whose sum is too small to divide the loss by."""
    if data.weight is None or state.need_head().reduction == "sum":
        return
    dtype, total = state.configuration.dtype, float(data.weight.sum(dtype=np.float64))
    least = 1.0 / float(np.finfo(dtype).max)
    if 0.0 < total <= least:
        raise ValueError(
            f"sample_weight has the sum {total!r}, whose reciprocal is infinite as {dtype.name}; "
            f"scale it up, to more than {least:.2g}"
        )


def evaluation_data(state: ModelState, X: Any, y: Any, sample_weight: Any = None) -> Data:
    """Return rows to evaluate."""
    state.need_loss()
    return _with_targets(state, read_inputs(state, X)[0], y, sample_weight)[0]


def read_validation_data(state: ModelState, given: Any) -> Data:
    """Return the rows that the argument `validation_data` gives."""
    if not isinstance(given, (tuple, list)) or len(given) not in (2, 3):
        raise ValueError(f"validation_data must be (X, y) or (X, y, sample_weight), got {type(given).__name__}")
    try:
        return evaluation_data(state, given[0], given[1], given[2] if len(given) == 3 else None)
    except (TypeError, ValueError) as error:
        raise type(error)(f"validation_data: {error}") from None
