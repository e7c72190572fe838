"""Checks of the models from which ensembles and starts are made."""

from __future__ import annotations

from typing import Any

from ..model.sequential import Sequential

__all__ = ["check_compiled"]


def check_compiled(model: Any) -> Sequential:
    """Return a Sequential that is compiled with a loss."""
    if not isinstance(model, Sequential):
        raise TypeError(f"model must be a Sequential, got {model!r}")
    if model.optimizer is None or model.loss is None:
        raise ValueError("model has no loss or no optimizer yet; call compile(optimizer=..., loss=...) first")
    return model
