"""The driver for fits that need no Python between epochs: the engine gets many at once."""

from __future__ import annotations

from .fit import Fit

__all__ = ["train_in_chunks"]


def train_in_chunks(fit: Fit) -> None:
    """Train until the turn of the optimizer at work is over, or the fit has diverged."""
    while not fit.is_over():
        first = fit.state.training.epoch
        count = min(fit.chunk, fit.turn_end - first)
        losses = fit.record_epochs(first, count, fit.train_chunk(first, count))
        if fit.ends_with(losses[-1]):
            return
