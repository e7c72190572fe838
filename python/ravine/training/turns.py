"""The optimizers of a chain in turn, and the start of schedules."""

from __future__ import annotations

from ..network.building import bind, bind_loss, bind_optimizer
from ..network.state import Compilation, ModelState

__all__ = ["end_of_turn", "recompile", "start_counting", "take_turn"]


def start_counting(state: ModelState) -> None:
    """Let schedules and an optimizer's state begin here."""
    training = state.training
    training.compiled_at = (state.step, training.epoch)
    training.bold_driver = training.search = None


def end_of_turn(state: ModelState, last: int) -> int:
    """Return the epoch before which the optimizer at work ends, at most `last`."""
    training = state.training
    if training.shares is None or training.turn == len(training.shares):
        return last
    return min(last, training.epoch + training.shares[training.turn] - _epochs_of_turn(state))


def take_turn(state: ModelState, epochs: int = 0) -> bool:
    """Switch to a chain's next optimizer if the epochs of the current one are over; return whether it was switched.

    A chain without given numbers of epochs divides the `epochs` of the first fit.
    """
    chain, training = state.compilation.chain, state.training
    if chain is None:
        return False
    if training.shares is None and epochs:
        training.shares = chain.shares(epochs)
    before = training.turn
    while (
        training.shares
        and training.turn < len(training.shares)
        and _epochs_of_turn(state) >= training.shares[training.turn]
    ):
        training.turn += 1
        state.compilation.optimizer = chain.optimizers[training.turn]
        start_counting(state)
        bind_optimizer(state)
    return training.turn > before


def _epochs_of_turn(state: ModelState) -> int:
    """Return the epochs since the optimizer at work began."""
    return state.training.epoch - state.training.compiled_at[1]


def recompile(state: ModelState, compilation: Compilation) -> None:
    """Apply the choices of `compile`; if they do not fit the layers, nothing is changed."""
    training, before = state.training, (state.compilation, state.training.turn, state.training.shares)
    state.compilation, state.head = compilation, None
    training.turn, training.shares = 0, None if compilation.chain is None else compilation.chain.shares(0)
    try:
        bind(state)
    except BaseException:
        state.compilation, training.turn, training.shares = before
        bind_loss(state)
        raise
    start_counting(state)
    training.sampling = None
    classes = state.facts.classes
    if classes is not None and classes.dtype.kind != "U":
        state.facts.classes = None  # numbers depend on the loss: 0 and 1, or -1 and 1
