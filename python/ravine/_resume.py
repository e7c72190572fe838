"""A fit that goes on where another stood."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ._sparse import arrays_of
from .checkpoint import CheckpointMismatchError

if TYPE_CHECKING:
    from .training import Fit

__all__ = ["go_on", "place_of"]


def place_of(fit: Fit) -> dict[str, Any]:
    """Return where the fit stands, as `place` of one that goes on."""
    kept = [(type(callback).__name__, callback.get_state()) for callback in fit.callbacks]
    return {
        **_data_facts(fit),
        "first_epoch": fit.first_epoch,
        "batch": fit.batch,
        "opened": fit.opened,
        "sums": fit.sums,
        "last_rate": fit.last_rate,
        "stopped": _is_stopped(fit),
        "callbacks": [{"kind": kind, "state": state} for kind, state in kept if state],
    }


def _is_stopped(fit: Fit) -> bool:
    """Whether the fit has been stopped for good: in mid-epoch, or by a callback for time, it is interrupted."""
    stops = [callback for callback in fit.callbacks if getattr(callback, "stopped_epoch", None) is not None]
    interrupted = fit.opened or (bool(stops) and all(callback._interrupts for callback in stops))
    return fit.model.stop_training and not interrupted


def _data_facts(fit: Fit) -> dict[str, Any]:
    """Return what must be the same in both fits; the data by their CRC-32, computed once."""
    facts: dict[str, Any] | None = vars(fit).get("_facts")
    if facts is None:
        check = 0
        held = fit.validation
        arrays = [*arrays_of(fit.data.X), fit.data.target, fit.data.weight]
        for array in arrays if held is None else [*arrays, *arrays_of(held.X), held.target, held.weight]:
            if array is not None:
                check = zlib.crc32(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data, check)
        facts = {"rows": len(fit.data.X), "batch_size": fit.batch_size, "shuffle": fit.shuffle, "data": check}
        facts["sampler"] = None if fit.sampling is None else fit.sampling.name
        vars(fit)["_facts"] = facts
    return facts


def go_on(fit: Fit, place: Mapping[str, Any]) -> None:
    """Bring a fit to the place of another one, whose model its model has become.

    Raises
    ------
    CheckpointMismatchError
        Where data, batches or callbacks are others.
    """
    for name, value in _data_facts(fit).items():
        if place[name] != value:
            found = "other data" if name == "data" else f"{name}={value}"
            wanted = "" if name == "data" else f", the checkpoint's had {name}={place[name]}"
            raise CheckpointMismatchError(
                f"fit(resume=...) goes on with the same data and arguments, but this fit has {found}{wanted}; to train "
                "on from those weights in another way, call load and then fit without resume"
            )
    fit.states = _states(fit, place)
    if fit.before is not None:
        fit.history = vars(fit.model)["history"] = fit.before
    fit.first_epoch, fit.batch, fit.opened = place["first_epoch"], place["batch"], place["opened"]
    fit.sums = np.array(place["sums"])


def _states(fit: Fit, place: Mapping[str, Any]) -> list[Mapping[str, Any] | None]:
    """Return the state for each callback: those of the checkpoint, in their order; None for one that is new."""
    states: list[Mapping[str, Any] | None] = [None] * len(fit.callbacks)
    first, kinds = 0, [type(callback).__name__ for callback in fit.callbacks]
    for kept in place["callbacks"]:
        if kept["kind"] in kinds[first:]:
            first = kinds.index(kept["kind"], first)
            states[first] = kept["state"]
            first += 1
        elif kept["kind"] != "ModelCheckpoint":
            named = ", ".join(one["kind"] for one in place["callbacks"])
            raise CheckpointMismatchError(
                f"the checkpoint's fit had the callbacks {named}, in this order; pass such to fit(resume=...), got "
                f"{', '.join(kinds) or 'none'}"
            )
    return states
