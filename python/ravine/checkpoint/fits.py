"""The progress of a fit as plain data, and the progress with which another fit resumes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..errors import CheckpointMismatchError
from ..training.configuration import FitConfiguration
from ..training.hooks import Hooks, RunningFit
from ..training.progress import FitProgress

__all__ = ["resumed_progress", "saved_fit"]


def saved_fit(fit: RunningFit) -> dict[str, Any]:
    """Return the data that a file keeps of a fit."""
    kept = [(type(callback).__name__, callback.get_state()) for callback in fit.callbacks]
    progress = fit.progress
    return {
        **fit.configuration.fingerprint,
        "first_epoch": progress.first_epoch,
        "batch": progress.batch,
        "opened": progress.opened,
        "sums": progress.sums,
        "last_rate": progress.last_rate,
        "stopped": _is_stopped(fit),
        "callbacks": [{"kind": kind, "state": state} for kind, state in kept if state],
    }


def _is_stopped(fit: RunningFit) -> bool:
    """Whether the fit has been stopped, not interrupted: within an epoch, or by a time limit, it is interrupted."""
    stops = [callback for callback in fit.callbacks if getattr(callback, "stopped_epoch", None) is not None]
    interrupted = fit.progress.opened or (bool(stops) and all(callback._resumable for callback in stops))
    return fit.state.stop_training and not interrupted


def resumed_progress(
    saved: Mapping[str, Any], configuration: FitConfiguration, callbacks: Sequence[Hooks]
) -> FitProgress:
    """Return the progress from which a fit resumes the saved one.

    Raises
    ------
    CheckpointMismatchError
        If data, batches or callbacks differ.
    """
    for name, value in configuration.fingerprint.items():
        if saved[name] != value:
            found = "other data" if name == "data" else f"{name}={value}"
            wanted = "" if name == "data" else f", the checkpoint's had {name}={saved[name]}"
            raise CheckpointMismatchError(
                f"fit(resume=...) needs the same data and arguments, but this fit has {found}{wanted}; to train "
                "further from those weights in another way, call load and then fit without resume"
            )
    return FitProgress(
        first_epoch=saved["first_epoch"],
        sums=np.array(saved["sums"]),
        batch=saved["batch"],
        opened=saved["opened"],
        last_rate=saved["last_rate"],
        resumed=True,
        stopped=saved["stopped"],
        callback_states=_callback_states(callbacks, saved["callbacks"]),
    )


def _callback_states(callbacks: Sequence[Hooks], saved: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any] | None]:
    """Return the state for each callback: those of the checkpoint, in their order; None for one that is new."""
    states: list[Mapping[str, Any] | None] = [None] * len(callbacks)
    first, kinds = 0, [type(callback).__name__ for callback in callbacks]
    for kept in saved:
        if kept["kind"] in kinds[first:]:
            first = kinds.index(kept["kind"], first)
            states[first] = kept["state"]
            first += 1
        elif kept["kind"] != "ModelCheckpoint":
            named = ", ".join(one["kind"] for one in saved)
            raise CheckpointMismatchError(
                f"the checkpoint's fit had the callbacks {named}, in this order; pass such to fit(resume=...), got "
                f"{', '.join(kinds) or 'none'}"
            )
    return states
