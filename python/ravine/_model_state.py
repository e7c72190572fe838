"""A model as plain data and tensors, and back."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from inspect import signature
from typing import TYPE_CHECKING, Any

import numpy as np

from ._atomic import replace_file
from ._build import make_plan
from ._layout import Stored, pack, read
from ._plain import Decoder, Encoder
from ._state import Snapshot
from ._validation import Array
from .checkpoint import CheckpointFormatError, CheckpointMismatchError
from .schedules import BoldDriver
from .training import History

if TYPE_CHECKING:
    from .model import Sequential

__all__ = [
    "check_saveable",
    "load_ensemble",
    "load_model",
    "load_weights",
    "resume_model",
    "save_ensemble",
    "save_model",
    "save_weights",
    "write_weights",
]

# Attributes of a model that are kept as they stand, without their underscore.
_KEPT = ("classes", "feature_names", "epoch", "compiled_at", "curvature", "turn", "shares", "sampling")


def save_model(model: Sequential, path: str, fit: dict[str, Any] | None = None) -> None:
    """Write a model, and the place of a fit where there is one."""
    encoder = Encoder()
    content = encoder.encode({"kind": "model", **_describe(model), "fit": fit})
    _write(path, content, _weights(model), encoder.tensors)


def save_ensemble(models: Sequence[Sequential], settings: dict[str, Any], path: str) -> None:
    """Write several models to one file; the weights of each stand under its number."""
    encoder = Encoder()
    members: list[Any] = []
    weights: dict[str, Array] = {}
    for number, model in enumerate(models):
        prefix = f"{number}/"
        content = encoder.encode({**_describe(model), "fit": None}, f"/{number}")
        members.append({**content, "weights": list(_weights(model)), "prefix": prefix})
        weights.update({prefix + name: w for name, w in _weights(model).items()})
    replace_file(path, pack({"kind": "ensemble", **settings, "members": members}, {**weights, **encoder.tensors}))


def check_saveable(model: Sequential) -> None:
    """Raise the TypeError that saving would end with."""
    Encoder().encode(_describe(model))


def save_weights(model: Sequential, path: str) -> None:
    """Write the weights alone."""
    _write(path, {"kind": "weights"}, model._built().weights(), {})


def _write(path: str, content: Any, weights: Mapping[str, Array], others: Mapping[str, Array]) -> None:
    replace_file(path, pack({**content, "weights": list(weights)}, {**weights, **others}))


def _weights(model: Sequential) -> dict[str, Array]:
    return {} if model._network is None else model._network.weights()


def _describe(model: Sequential) -> dict[str, Any]:
    """Return all that makes a model what it is, but for the weights."""
    network, history = model._network, model.history
    return {
        "class": type(model).__name__,
        "layers": list(model.layers),
        "arguments": _arguments(model),
        "dtype": model.dtype.name,
        "random_state": model.random_state,
        "input_shape": model.input_shape,
        "optimizer": model._chain or model.optimizer,
        "loss": model.loss,
        "metrics": list(model.metrics),
        "kept": {name: getattr(model, f"_{name}") for name in _KEPT},
        "step": 0 if network is None else int(network.step),
        "state": {} if network is None else network.optimizer_state(),
        "running": None if network is None else np.array(network.running),
        "driver": None if model._driver is None else model._driver[1:],
        "history": None
        if history is None
        else {
            "epoch": np.array(history.epoch, np.int64),
            "learning_rate": np.array(history.learning_rate, np.float64),
            "values": {name: np.array(values, np.float64) for name, values in history.history.items()},
        },
    }


def _arguments(model: Sequential) -> dict[str, Any]:
    """Return the further arguments that make the model again."""
    names = signature(type(model)).parameters.keys() - {"layers", "dtype", "random_state"}
    return {name: getattr(model, name) for name in sorted(names)}


@contextmanager
def _reading(path: str | os.PathLike[str]) -> Iterator[None]:
    """Turn what goes wrong with data whose checksums are right, but which no `save` wrote, into one error."""
    try:
        yield
    except (CheckpointFormatError, CheckpointMismatchError) as error:
        name = os.fspath(path)
        raise error if str(error).startswith(name) else type(error)(f"{name}: {error}") from error.__cause__
    except (ArithmeticError, AttributeError, LookupError, MemoryError, RecursionError, TypeError, ValueError) as error:
        raise CheckpointFormatError(f"{os.fspath(path)}: the description makes no model: {error}") from error


def _read_model(path: str | os.PathLike[str], kind: str = "model") -> Stored:
    """Return a file that holds a model, or what else `kind` says."""
    stored = read(path)
    if stored.content is None:
        raise CheckpointFormatError(
            f"{os.fspath(path)}: not a ravine checkpoint, but tensors alone; load_weights takes them"
        )
    with _reading(path):
        found = stored.content["kind"]
        if found == "weights":
            raise CheckpointMismatchError("no optimizer state; load with weights only, as with load_weights(path)")
        if found != kind:
            raise CheckpointMismatchError(
                f"it holds {found!r:.20}; ravine.load reads models, ravine.Ensemble.load ensembles"
            )
        stored.content.setdefault("fit", None)
    return stored


def load_model(path: str | os.PathLike[str], custom_objects: Mapping[str, Any] | None) -> Sequential:
    """Return the model that a file describes."""
    stored = _read_model(path)
    with _reading(path):
        model = _made(stored.content, Decoder(stored.tensors, custom_objects))
    _warn_of_not_finite(path, _weights(model))
    return model


def load_ensemble(
    path: str | os.PathLike[str], custom_objects: Mapping[str, Any] | None
) -> tuple[list[Sequential], dict[str, Any]]:
    """Return the models of a file of several, and the settings beside them."""
    stored = _read_model(path, "ensemble")
    with _reading(path):
        decoder, settings = Decoder(stored.tensors, custom_objects), dict(stored.content)
        models = [_made(content, decoder) for content in settings.pop("members")]
    for model in models:
        _warn_of_not_finite(path, _weights(model))
    return models, settings


def _made(content: dict[str, Any], decoder: Decoder) -> Sequential:
    """Return the model that plain data describe."""
    from .model import Sequential

    kind = Sequential if content["class"] == "Sequential" else decoder.custom(content["class"], "class")
    if not (isinstance(kind, type) and issubclass(kind, Sequential)):
        raise CheckpointMismatchError(f"{content['class']!r} must be a class of models, got {kind!r}")
    model = kind(
        decoder.decode(content["layers"]),
        dtype=content["dtype"],
        random_state=content["random_state"],
        **decoder.decode(content["arguments"]),
    )
    optimizer, loss = decoder.decode(content["optimizer"]), decoder.decode(content["loss"])
    if optimizer is not None:
        model.compile(optimizer, loss, decoder.decode(content["metrics"]))
    _restore(model, content, decoder)
    return model


def _restore(model: Sequential, content: dict[str, Any], decoder: Decoder) -> None:
    """Give a model of the right layers, compiled in the right way, everything else that a file holds."""
    shape, weights = decoder.decode(content["input_shape"]), _chosen(content, decoder.tensors)
    vars(model).update({f"_{name}": decoder.decode(content["kept"][name]) for name in _KEPT})
    if model._chain is not None:
        vars(model)["optimizer"] = model._chain.optimizers[model._turn]
        model._bind_optimizer()
    if shape is not None:
        if model._network is None or model.random_state != content["random_state"]:
            _check_sizes(model, shape, weights)
            vars(model)["random_state"] = content["random_state"]
            model._build(shape, first_values=False)
        network = model._built()
        state, running = decoder.decode(content["state"]), decoder.decode(content["running"])
        for kind, found, views in (
            ("weight", weights, network.weights()),
            ("state", state, network.optimizer_state()),
        ):
            wrong = _difference(views, found)
            if wrong:
                raise CheckpointFormatError(f"a tensor does not fit the description: {kind} {wrong}")
        if running.shape != network.running.shape:
            raise CheckpointFormatError(f"a tensor does not fit the description: running has shape {running.shape}")
        Snapshot(weights, state, running, content["step"], content["kept"]["epoch"]).restore(network)
    elif weights:
        raise CheckpointFormatError("there are weights, but no input_shape")
    driver, driven = model.optimizer and model.optimizer.learning_rate, decoder.decode(content["driver"])
    model._driver = (driver, *driven) if driven is not None and isinstance(driver, BoldDriver) else None
    vars(model)["history"] = _history(decoder.decode(content["history"]))


def _chosen(content: dict[str, Any], tensors: Mapping[str, Array]) -> dict[str, Array]:
    prefix = content.get("prefix", "")
    return {name: tensors[prefix + name] for name in content["weights"]}


def _check_sizes(model: Sequential, shape: tuple[int, ...], weights: Mapping[str, Array]) -> None:
    """Compare the weights' shapes before memory is taken for as many numbers as the description asks for."""
    for name, wanted in make_plan(model.layers, shape).weight_shapes().items():
        found = weights.get(name)
        if found is None or found.shape != wanted:
            shown = "none" if found is None else str(found.shape)
            raise CheckpointFormatError(f"{name} has shape {shown}, the description says {wanted}")


def _history(found: dict[str, Any] | None) -> History | None:
    if found is None:
        return None
    history = History()
    values = {name: column.tolist() for name, column in found["values"].items()}
    history.add(found["epoch"].tolist(), found["learning_rate"].tolist(), values)
    return history


def _difference(views: Mapping[str, Array], found: Mapping[str, Array]) -> str:
    """Say where the names, shapes and types that were found differ from those expected; "" where they are the same."""
    for name, view in views.items():
        if name not in found:
            return f"{name!r} is missing; there are {', '.join(map(repr, found)) or 'none'}"
        if found[name].shape != view.shape:
            return f"{name!r}: expected shape {view.shape}, found {found[name].shape}"
        if found[name].dtype != view.dtype:
            return f"{name!r}: expected {view.dtype}, found {found[name].dtype}; convert it first"
    unknown = [name for name in found if name not in views]
    return f"{unknown[0]!r} is not expected; expected are {', '.join(map(repr, views))}" if unknown else ""


def write_weights(model: Sequential, found: Mapping[str, Array], source: str) -> None:
    """Write weights by name into a model, all of them; CheckpointMismatchError where they are those of another."""
    views = model._built().weights()
    wrong = _difference(views, found)
    if wrong:
        raise CheckpointMismatchError(f"{source}: {wrong}")
    for name, view in views.items():
        view[...] = found[name]
    if not model._fitting:
        model._curvature = None
    _warn_of_not_finite(source, views)


def load_weights(model: Sequential, path: str | os.PathLike[str]) -> None:
    """Write the weights of a file into a model: ravine's, or any in safetensors' layout."""
    stored = read(path)
    with _reading(path):
        if stored.content is not None and stored.content["kind"] == "ensemble":
            raise CheckpointMismatchError("it holds several models; ravine.Ensemble.load reads it")
        weights = stored.tensors if stored.content is None else _chosen(stored.content, stored.tensors)
    write_weights(model, weights, os.fspath(path))


def _warn_of_not_finite(path: str | os.PathLike[str], weights: Mapping[str, Array]) -> None:
    wrong = [name for name, w in weights.items() if not np.isfinite(w).all()]
    if wrong:
        warnings.warn(f"{os.fspath(path)}: non-finite weights in {', '.join(wrong)}", UserWarning, stacklevel=4)


def resume_model(model: Sequential, path: str | os.PathLike[str]) -> dict[str, Any]:
    """Bring a compiled model to where a file's model was; return the place of its fit, empty where it was in none.

    Raises
    ------
    CheckpointMismatchError
        Where the model is another than the file's.
    """
    stored = _read_model(path)
    model._need_loss()
    with _reading(path):
        content, decoder = stored.content, Decoder(stored.tensors)
        _check_same(model, content, decoder)
        place: dict[str, Any] = decoder.decode(content["fit"]) or {}
        _restore(model, content, decoder)
        _set_rates(model._chain or model.optimizer, content["optimizer"])
    _warn_of_not_finite(path, _weights(model))
    return place


def _is_number(value: Any) -> bool:
    return type(value) in (int, float)


def _check_same(model: Sequential, content: dict[str, Any], decoder: Decoder) -> None:
    """Refuse a file whose model has other layers, another type, loss, metrics or optimizer."""
    if content["dtype"] != model.dtype.name:
        raise CheckpointMismatchError(f"expected dtype {model.dtype.name}, found {content['dtype']}")
    if model._network is not None:
        wrong = _difference(model._network.weights(), _chosen(content, decoder.tensors))
        if wrong:
            raise CheckpointMismatchError(wrong)
    described = {"layers": list(model.layers), "arguments": _arguments(model), "metrics": list(model.metrics)}
    ours = Encoder().encode({**described, "optimizer": model._chain or model.optimizer, "loss": model.loss})
    for name in ("optimizer", "loss", "metrics", "layers", "arguments"):
        expected, found = ours[name], content[name]
        if name == "optimizer":
            expected, found = _without_rates(expected, found)
        if expected != found:
            raise CheckpointMismatchError(f"other {name}: {_first_difference(expected, found)}")


def _without_rates(expected: Any, found: Any) -> tuple[Any, Any]:
    """Leave out an optimizer's rate where the file's is a number: callbacks change it in the course of a fit."""
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


def _first_difference(expected: Any, found: Any, place: str = "") -> str:
    """Say in words where two pieces of plain data differ first."""
    where = f"{place.lstrip('.')}: " if place else ""
    if isinstance(expected, dict) and isinstance(found, dict) and expected.keys() == found.keys():
        key = next(key for key in expected if expected[key] != found[key])
        return _first_difference(expected[key], found[key], place if key == "settings" else f"{place}.{key}")
    if isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        number = next(i for i in range(len(expected)) if expected[i] != found[i])
        return _first_difference(expected[number], found[number], f"{place}[{number}]")
    if isinstance(expected, list) and isinstance(found, list):
        return f"{where}expected {len(expected)} of them, found {len(found)}"
    return f"{where}expected {expected!r:.100}, found {found!r:.100}"
