"""A model as plain data and tensors, and back."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np

from ..errors import CheckpointFormatError, CheckpointMismatchError
from ..inputs.arrays import Array
from ..network.building import bind_optimizer, build
from ..network.history import History
from ..network.plan import make_plan
from ..network.snapshot import Snapshot
from ..network.state import Model, ModelState, saved_fields
from ..schedules import BoldDriver
from .atomic import replace_file
from .encoding import Decoder, Encoder, parameters_of
from .file_format import Stored, pack, read
from .weights import difference, reading, warn_of_not_finite, weights_of

__all__ = [
    "all_weights",
    "check_saveable",
    "described",
    "load_ensemble",
    "load_model",
    "read_model",
    "restore",
    "save_ensemble",
    "save_model",
]

ModelType = TypeVar("ModelType", bound=Model)


def save_model(model: Model, path: str, fit: dict[str, Any] | None = None) -> None:
    """Write a model, and the progress of a fit if there is one."""
    encoder = Encoder()
    content = encoder.encode({"kind": "model", **_describe(model), "fit": fit})
    weights = all_weights(model._state)
    replace_file(path, pack({**content, "weights": list(weights)}, {**weights, **encoder.tensors}))


def save_ensemble(models: Sequence[Model], settings: dict[str, Any], path: str) -> None:
    """Write several models to one file; each model's weights are stored under its number."""
    encoder = Encoder()
    members: list[Any] = []
    weights: dict[str, Array] = {}
    for number, model in enumerate(models):
        prefix = f"{number}/"
        content = encoder.encode({**_describe(model), "fit": None}, f"/{number}")
        own = all_weights(model._state)
        members.append({**content, "weights": list(own), "prefix": prefix})
        weights.update({prefix + name: w for name, w in own.items()})
    replace_file(path, pack({"kind": "ensemble", **settings, "members": members}, {**weights, **encoder.tensors}))


def check_saveable(model: Model) -> None:
    """Raise the TypeError that saving would raise."""
    Encoder().encode(_describe(model))


def all_weights(state: ModelState) -> dict[str, Array]:
    """Return weights and statistics by name; none before there are any."""
    return {} if state.built is None else state.network.weights()


def described(model: Model) -> dict[str, Any]:
    """Return the descriptions from which a model can be made again."""
    state = model._state
    return {
        "layers": list(state.configuration.layers),
        "arguments": _further_arguments(model),
        "optimizer": state.compilation.chain or state.compilation.optimizer,
        "loss": state.compilation.loss,
        "metrics": list(state.compilation.metrics),
    }


def _further_arguments(model: Model) -> dict[str, Any]:
    """Return the constructor's arguments other than layers, dtype and seed."""
    names = parameters_of(type(model)).keys() - {"layers", "dtype", "random_state"}
    return {name: getattr(model, name) for name in sorted(names)}


def _describe(model: Model) -> dict[str, Any]:
    """Return everything that defines a model, except the weights."""
    state = model._state
    network, history = None if state.built is None else state.network, state.history
    driver = state.training.bold_driver
    return {
        "class": type(model).__name__,
        **described(model),
        "dtype": state.configuration.dtype.name,
        "random_state": state.configuration.random_state,
        "input_shape": None if state.built is None else state.built.input_shape,
        "kept": {
            saved: getattr(part, own)
            for part in (state.facts, state.training)
            for saved, own in saved_fields(part).items()
        },
        "step": state.step,
        "state": {} if network is None else network.optimizer_state(),
        "running": None if network is None else np.array(network.running),
        "driver": None if driver is None else driver[1:],
        "history": None
        if history is None
        else {
            "epoch": np.array(history.epoch, np.int64),
            "learning_rate": np.array(history.learning_rate, np.float64),
            "values": {name: np.array(values, np.float64) for name, values in history.history.items()},
        },
    }


def read_model(path: str | os.PathLike[str], kind: str = "model") -> Stored:
    """Return a file that holds a model, or another `kind`."""
    stored = read(path)
    if stored.content is None:
        raise CheckpointFormatError(
            f"{os.fspath(path)}: not a ravine checkpoint, but only tensors; load_weights takes them"
        )
    with reading(path):
        found = stored.content["kind"]
        if found == "weights":
            raise CheckpointMismatchError("no optimizer state; load with weights only, as with load_weights(path)")
        if found != kind:
            raise CheckpointMismatchError(
                f"it holds {found!r:.20}; ravine.load reads models, ravine.Ensemble.load ensembles"
            )
        stored.content.setdefault("fit", None)
    return stored


def load_model(
    path: str | os.PathLike[str], custom_objects: Mapping[str, Any] | None, base: type[ModelType]
) -> ModelType:
    """Return the model that a file describes: a `base`, or a class derived from it."""
    stored = read_model(path)
    with reading(path):
        model = _made(stored.content, Decoder(stored.tensors, custom_objects), base)
    warn_of_not_finite(path, all_weights(model._state))
    return model


def load_ensemble(
    path: str | os.PathLike[str], custom_objects: Mapping[str, Any] | None, base: type[ModelType]
) -> tuple[list[ModelType], dict[str, Any]]:
    """Return the models of an ensemble's file, and its settings."""
    stored = read_model(path, "ensemble")
    with reading(path):
        decoder, settings = Decoder(stored.tensors, custom_objects), dict(stored.content)
        models = [_made(content, decoder, base) for content in settings.pop("members")]
    for model in models:
        warn_of_not_finite(path, all_weights(model._state))
    return models, settings


def _made(content: dict[str, Any], decoder: Decoder, base: type[ModelType]) -> ModelType:
    """Return the model described by plain data."""
    kind: Any = base if content["class"] == base.__name__ else decoder.custom(content["class"], "class")
    if not _is_kind_of(kind, base):
        raise CheckpointMismatchError(f"{content['class']!r} must be a class of models, got {kind!r}")
    model: Any = kind(
        decoder.decode(content["layers"]),
        dtype=content["dtype"],
        random_state=content["random_state"],
        **decoder.decode(content["arguments"]),
    )
    optimizer, loss = decoder.decode(content["optimizer"]), decoder.decode(content["loss"])
    if optimizer is not None:
        model.compile(optimizer, loss, decoder.decode(content["metrics"]))
    restore(model._state, content, decoder)
    made: ModelType = model
    return made


def _is_kind_of(kind: Any, base: type) -> bool:
    return isinstance(kind, type) and issubclass(kind, base)


def restore(state: ModelState, content: dict[str, Any], decoder: Decoder) -> None:
    """Restore everything else that a file holds in a model with matching layers, compiled in the same way."""
    shape, weights = decoder.decode(content["input_shape"]), weights_of(content, decoder.tensors)
    for part in (state.facts, state.training):
        for saved, own in saved_fields(part).items():
            setattr(part, own, decoder.decode(content["kept"][saved]))
    if state.compilation.chain is not None:
        state.compilation.optimizer = state.compilation.chain.optimizers[state.training.turn]
        bind_optimizer(state)
    if shape is not None:
        if state.built is None or state.configuration.random_state != content["random_state"]:
            _check_sizes(state, shape, weights)
            state.configuration = replace(state.configuration, random_state=content["random_state"])
            build(state, shape, first_values=False)
        _restore_network(state, content, decoder, weights)
    elif weights:
        raise CheckpointFormatError("there are weights, but no input_shape")
    driver, driven = _bold_driver(state), decoder.decode(content["driver"])
    state.training.bold_driver = None if driver is None or driven is None else (driver, *driven)
    state.history = _history(decoder.decode(content["history"]))


def _restore_network(state: ModelState, content: dict[str, Any], decoder: Decoder, weights: dict[str, Array]) -> None:
    """Write weights, optimizer state, running products and step into the network; all or none."""
    network = state.network
    slots, running = decoder.decode(content["state"]), decoder.decode(content["running"])
    for kind, found, views in (("weight", weights, network.weights()), ("state", slots, network.optimizer_state())):
        wrong = difference(views, found)
        if wrong:
            raise CheckpointFormatError(f"a tensor does not fit the description: {kind} {wrong}")
    if running.shape != network.running.shape:
        raise CheckpointFormatError(f"a tensor does not fit the description: running has shape {running.shape}")
    Snapshot(weights, slots, running, content["step"], content["kept"]["epoch"]).restore(network)


def _bold_driver(state: ModelState) -> BoldDriver | None:
    """Return the bold driver that gives the optimizer's rates, if there is one."""
    optimizer = state.compilation.optimizer
    rate = None if optimizer is None else optimizer.learning_rate
    return rate if isinstance(rate, BoldDriver) else None


def _check_sizes(state: ModelState, shape: tuple[int, ...], weights: Mapping[str, Array]) -> None:
    """Compare the weights' shapes before memory is allocated for the network in the description."""
    for name, wanted in make_plan(state.configuration.layers, shape).weight_shapes().items():
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
