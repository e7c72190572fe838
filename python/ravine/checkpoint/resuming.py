"""Resuming a model from a file, with errors that name the differences that forbid it."""

from __future__ import annotations

import os
from typing import Any

from ..errors import CheckpointMismatchError
from ..network.state import Model
from .encoding import Decoder, Encoder
from .models import all_weights, described, read_model, restore
from .weights import difference, reading, warn_of_not_finite, weights_of

__all__ = ["resume_model"]


def resume_model(model: Model, path: str | os.PathLike[str]) -> dict[str, Any]:
    """Restore a compiled model from a file; return the progress of its fit, empty if there was none.

    Raises
    ------
    CheckpointMismatchError
        If the model does not match that of the file.
    """
    stored, state = read_model(path), model._state
    state.need_loss()
    with reading(path):
        content, decoder = stored.content, Decoder(stored.tensors)
        _check_same(model, content, decoder)
        fit: dict[str, Any] = decoder.decode(content["fit"]) or {}
        restore(state, content, decoder)
        _set_rates(state.compilation.chain or state.compilation.optimizer, content["optimizer"])
    warn_of_not_finite(path, all_weights(state))
    return fit


def _is_number(value: Any) -> bool:
    return type(value) in (int, float)


def _check_same(model: Model, content: dict[str, Any], decoder: Decoder) -> None:
    """Refuse a file whose model has other layers, or another dtype, loss, metrics or optimizer."""
    state = model._state
    dtype = state.configuration.dtype.name
    if content["dtype"] != dtype:
        raise CheckpointMismatchError(f"expected dtype {dtype}, found {content['dtype']}")
    if state.built is not None:
        wrong = difference(state.network.weights(), weights_of(content, decoder.tensors))
        if wrong:
            raise CheckpointMismatchError(wrong)
    ours = Encoder().encode(described(model))
    for name in ("optimizer", "loss", "metrics", "layers", "arguments"):
        expected, found = ours[name], content[name]
        if name == "optimizer":
            expected, found = _without_rates(expected, found)
        if expected != found:
            raise CheckpointMismatchError(f"other {name}: {_first_difference(expected, found)}")


def _without_rates(expected: Any, found: Any) -> tuple[Any, Any]:
    """Omit an optimizer's rate if that in the file is a number: callbacks change it during a fit."""
    if isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        pairs = [_without_rates(*pair) for pair in zip(expected, found, strict=True)]
        return [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    if not (isinstance(expected, dict) and isinstance(found, dict)) or expected.keys() != found.keys():
        return expected, found
    names = [name for name in found if name != "learning_rate" or not _is_number(found[name])]
    if str(found.get("$class", "")).startswith("schedules."):
        return expected, found
    kept = {name: _without_rates(expected[name], found[name]) for name in names}
    return {name: pair[0] for name, pair in kept.items()}, {name: pair[1] for name, pair in kept.items()}


def _set_rates(optimizer: Any, plain: Any) -> None:
    """Give an optimizer, and those that it is made of, the rates that are numbers in a file."""
    settings = plain["settings"]
    if _is_number(settings.get("learning_rate")):
        optimizer.learning_rate = settings["learning_rate"]
    if "optimizer" in settings:
        _set_rates(optimizer.optimizer, settings["optimizer"])
    for one, entry in zip(getattr(optimizer, "optimizers", ()), settings.get("optimizers", ()), strict=True):
        _set_rates(one, entry["$tuple"][0] if "$tuple" in entry else entry)


def _first_difference(expected: Any, found: Any, path: str = "") -> str:
    """Describe the first difference between two pieces of plain data."""
    where = f"{path.lstrip('.')}: " if path else ""
    if isinstance(expected, dict) and isinstance(found, dict) and expected.keys() == found.keys():
        key = next(key for key in expected if expected[key] != found[key])
        return _first_difference(expected[key], found[key], path if key == "settings" else f"{path}.{key}")
    if isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        number = next(i for i in range(len(expected)) if expected[i] != found[i])
        return _first_difference(expected[number], found[number], f"{path}[{number}]")
    if isinstance(expected, list) and isinstance(found, list):
        return f"{where}expected {len(expected)} of them, found {len(found)}"
    return f"{where}expected {expected!r:.100}, found {found!r:.100}"
