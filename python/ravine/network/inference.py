"""Inference: outputs, probabilities, classes, features.

A row's bits depend neither on the other rows nor on the number of threads.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from .. import kernels
from ..inputs.arrays import Array, not_finite
from ..inputs.sparse import Inputs, SparseRows
from ..losses.base import Head
from ..runtime.threads import MAX_THREADS
from .data import read_inputs
from .plan import last_activation
from .state import ModelState

__all__ = ["features", "forward", "head_of_classifier", "labels", "outputs", "outputs_of_few_rows", "probabilities"]


def outputs_of_few_rows(state: ModelState, X: Any, n_threads: Any) -> Array | None:
    """Return the outputs of a few rows if nothing must be converted, checked or locked, which would take longer."""
    network, guard = state.few_rows, state.guard
    counted = n_threads is None or (type(n_threads) is int and 0 < n_threads <= MAX_THREADS)
    if network is None or guard.process is not None or type(X) is not np.ndarray or not counted:
        return None
    with guard.lock:
        try:
            guard.process = os.getpid()
            return network.forward_few(X)
        finally:
            guard.process = None


def outputs(state: ModelState, X: Any, n_threads: int) -> Array:
    """Return the network's outputs, in the shape of its last layer."""
    rows, _ = read_inputs(state, X, check=False)
    found, shape = forward(state, rows, None, n_threads), state.plan.shapes[-1]
    return found if len(shape) == 1 else found.reshape(len(rows), *shape)


def forward(state: ModelState, rows: Inputs, operations: int | None, n_threads: int) -> Array:
    """Return the outputs of the first operations, None for all; the engine checks that inputs are finite."""
    found = state.network.forward(rows, operations=operations, n_threads=n_threads)
    if found is None:
        values = rows.terms() if isinstance(rows, SparseRows) else rows
        raise not_finite("X", values, state.configuration.dtype)
    return found


def features(state: ModelState, X: Any, layer: int | str, n_threads: int) -> Array:
    """Return the outputs of a layer, given by number or name."""
    plan = state.plan
    number = _layer_number(layer, plan.names)
    rows, _ = read_inputs(state, X, check=False)
    return forward(state, rows, plan.operations_up_to(number), n_threads).reshape(len(rows), *plan.shapes[number])


def _layer_number(layer: int | str, names: list[str]) -> int:
    if isinstance(layer, str) and layer in names:
        return names.index(layer)
    if isinstance(layer, (int, np.integer)) and not isinstance(layer, bool) and -len(names) <= layer < len(names):
        return int(layer) % len(names)
    raise ValueError(
        f"layer must be an int in [{-len(names)}, {len(names) - 1}] or one of {', '.join(map(repr, names))}, "
        f"got {layer!r}"
    )


def probabilities(state: ModelState, found: Array) -> Array:
    """Return probabilities if the loss defines them, otherwise the outputs."""
    link = None if state.head is None else state.head.link
    if link is None:
        return found
    converted: Array = getattr(kernels, link)(found.reshape(len(found), -1))
    return converted.reshape(found.shape)


def labels(state: ModelState, found: Array) -> Array:
    """Return the most likely label of each row of probabilities, or of scores."""
    units, head, classes = state.network.output_units, head_of_classifier(state), state.facts.classes
    positive = found > (0.0 if head.targets == "sign" else 0.5)
    if head.targets in ("binary", "real") and units > 1:
        return positive.astype(np.int64)
    index = positive[:, 0].astype(np.int64) if units == 1 else found.argmax(axis=1)
    return index if classes is None else classes[index]


def head_of_classifier(state: ModelState) -> Head:
    """Return the meaning of the outputs, by the loss or else by the last activation."""
    head = state.head
    if head is not None:
        if head.targets in ("real", "count") and not head.probabilities:
            raise ValueError(
                f"the loss {state.compilation.loss!r} knows neither classes nor probabilities; use predict"
            )
        return head
    activation, _ = last_activation(state.configuration.layers)
    if activation not in ("sigmoid", "softmax"):
        raise ValueError("compile the model with a classification loss first, or use predict")
    targets = "binary" if activation == "sigmoid" else "categorical"
    return Head("", 1.0, "mean", False, targets, probabilities=True)
