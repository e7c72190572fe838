"""Problems that are visible in the losses: divergence, overfitting, underfitting."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from ..inputs.sparse import Inputs
from ..layers import Dense, Input
from ..model.sequential import Sequential
from ..network.plan import last_activation
from ..network.state import ModelState
from ..optimizers import LBFGS
from ..training.divergence import describe
from .findings import Finding
from .float64_copy import Float64Copy

__all__ = ["constant_loss", "diverging", "not_finite", "overfitting", "underfitting"]

# The loss is as far above its best as the range test allows before it stops, and above where it began.
_RISEN = 4.0
# Validation losses fluctuate, and rise slowly as a net becomes more confident: all of the last ten, which is
# `EarlyStopping`'s patience, must be a fifth above the best.
_WORSE, _EPOCHS = 1.2, 10
# Share of the loss of a constant prediction.
_GAP, _GAINED = 0.2, 0.1
# The loss of nets stagnates before they find a spiral (some 20 epochs) or an exclusive or (hundreds of steps on four
# rows): a fifth of the epochs, within these limits, must pass without a gain of a hundredth.
_STILL, _STILL_SHARE, _STILL_EPOCHS = 0.01, 5, (30, 300)

History = Mapping[str, Sequence[float]]


def not_finite(state: ModelState, rows: Inputs, n_threads: int, epoch: int | None) -> Finding:
    """Return the finding for weights at which the loss is not finite."""
    layer, evidence = describe(state, rows, n_threads)
    return Finding(
        "divergence", layer, epoch, math.inf, f"the loss is not finite: {evidence}",
        "take a smaller learning rate, scale the inputs, or go back to weights from before",
    )  # fmt: skip


def diverging(copy: Float64Copy, history: History, epoch: int | None) -> Finding | None:
    """Return the finding if the training loss is far above its best."""
    losses = history.get("loss", ())
    if len(losses) < 2 or not math.isfinite(losses[-1]):
        return None
    best, now = min(losses), losses[-1]
    if not (now > losses[0] and now - best > (_RISEN - 1.0) * abs(best)):
        return None
    layer, evidence = describe(copy.state, copy.data.X, copy.n_threads)
    ratio = now / best if best > 0.0 else math.inf
    return Finding(
        "divergence", layer, epoch, ratio,
        f"the loss has risen from {best:.3g} to {now:.3g}; {evidence}",
        "take a smaller learning rate, or a schedule that brings it down",
    )  # fmt: skip


def overfitting(history: History, epoch: int | None) -> Finding | None:
    """Return the finding if the validation loss rises while the training loss falls."""
    losses, held = history.get("loss", ()), history.get("val_loss", ())
    if len(held) <= _EPOCHS or not np.isfinite([*losses, *held]).all():
        return None
    at = int(np.argmin(held))
    best, least = held[at], min(held[-_EPOCHS:])
    if not (best > 0.0 and least > _WORSE * best and losses[-1] < losses[at]):
        return None
    return Finding(
        "overfitting", None, epoch, least / best,
        f"the validation loss was {best:.3g} {len(held) - 1 - at} epochs ago and is {held[-1]:.3g} now, while the "
        f"training loss fell from {losses[at]:.3g} to {losses[-1]:.3g}",
        "take EarlyStopping, more data, dropout or an l2 penalty, or fewer units",
    )  # fmt: skip


def wide_gap(loss: float, held: float, constant: float, epoch: int | None) -> Finding | None:
    """Return the finding if the loss on other rows is much higher than on the training rows."""
    if not constant > 0.0 or not held - loss > _GAP * constant:
        return None
    gap = (held - loss) / constant
    return Finding(
        "overfitting", None, epoch, gap,
        f"the loss is {loss:.3g} on the training rows and {held:.3g} on validation_data: the difference is {gap:.0%} "
        f"of what a constant prediction loses, {constant:.3g}",
        "take more data, EarlyStopping, dropout or an l2 penalty, or fewer units",
    )  # fmt: skip


def no_longer_falls(history: History, epochs: int) -> bool:
    """Whether the training loss no longer falls, for a fit that will have so many epochs."""
    losses, (least, most) = history.get("loss", ()), _STILL_EPOCHS
    window = min(max(epochs // _STILL_SHARE, least), most)
    if len(losses) <= window or not np.isfinite(losses[-window - 1 :]).all():
        return False
    before = min(losses[:-window])
    return before - min(losses[-window:]) < _STILL * abs(before)


def underfitting(loss: float, constant: float, epoch: int | None) -> Finding | None:
    """Return the finding if the loss, without penalties, is hardly below that of a constant prediction."""
    gained = 1.0 - loss / constant if constant > 0.0 else 1.0
    if gained >= _GAINED:
        return None
    return Finding(
        "underfitting", None, epoch, gained,
        f"the loss no longer falls, and at {loss:.3g} it is {max(gained, 0.0):.0%} below that of the best constant "
        f"prediction, {constant:.3g}",
        "take more units or layers, better features, a smaller penalty or less dropout, or another learning rate",
    )  # fmt: skip


def constant_loss(copy: Float64Copy) -> float:
    """Return the loss of the best constant prediction on the rows, or NaN if the smallest possible loss is not 0."""
    state, data = copy.state, copy.data
    if state.need_head().targets == "count":
        return math.nan
    activation, _ = last_activation(state.configuration.layers)
    last = Dense(copy.network.output_units, activation, kernel_initializer="zeros")
    constant = Sequential([Input(1), last], dtype="float64", random_state=0)
    constant.compile(optimizer=LBFGS(), loss=state.compilation.loss)
    nothing, weight, threads = np.zeros((len(data.X), 1)), data.weight, copy.n_threads
    constant.fit(nothing, data.target, sample_weight=weight, epochs=50, batch_size=None, verbose=0, n_threads=threads)
    return constant.evaluate(nothing, data.target, sample_weight=weight, n_threads=threads)["loss"]
