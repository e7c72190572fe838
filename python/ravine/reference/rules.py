"""The base of the update rules: their settings, and the conversion of a formula into a rule that works in place."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from .. import _core

Array = NDArray[Any]

SLOTS: dict[str, int] = {}
"""How many values of state a rule keeps for each weight."""

USUAL: dict[str, float] = _core.rows["update_settings"]
"""The settings of the compiled rules, with their usual values."""


class Settings:
    """The settings of the rules, named as in the papers; each rule uses those it needs."""

    def __init__(self, **given: float) -> None:
        unknown = given.keys() - USUAL.keys()
        if unknown:
            raise TypeError(f"a rule has no setting {min(unknown)!r}; choose from {', '.join(USUAL)}")
        vars(self).update({**USUAL, **given})

    def __getattr__(self, name: str) -> float:
        raise AttributeError(name)

    def root(self, x: Array) -> Array:
        """``sqrt(x) + e``, or ``sqrt(x + e)`` with `epsilon_inside`."""
        return np.sqrt(x + self.epsilon) if self.epsilon_inside else np.sqrt(x) + self.epsilon

    def divisor(self, product: float) -> float:
        """``1 - product``, which makes a running average unbiased, or 1 without `bias_correction`."""
        return 1.0 - product if self.bias_correction else 1.0


Slots = list[Array]
Formula = Callable[[Settings, Array, Slots, Array], Array]


class Rule(Protocol):
    """An update rule: one step on the weights `w` and their `state` from the gradient `dw`, in place."""

    def __call__(self, w: Array, state: Array, dw: Array, *, running: Array | None = None, **settings: float) -> None:
        """Take one step."""


_PARAMETERS = """
Parameters
----------
w : ndarray, (n,)
    Weights, changed in place; they are multiplied by ``1 - a weight_decay`` first.
state : ndarray, ({slots}, n)
    Slots of state, changed in place; zero before the first step.
dw : ndarray, (n,)
    Gradient.
running : float64 ndarray, (4,), optional
    Products kept from step to step, changed in place; one before the first step, and where None.
**settings
    Fields of `Settings`, with its defaults.

"""


def rule(slots: int) -> Callable[[Formula], Rule]:
    """Make a rule from the formula of ``d`` in ``w -= d``, which replaces slots and products."""

    def decorate(formula: Formula) -> Rule:
        @functools.wraps(formula)
        def step(w: Array, state: Array, dw: Array, *, running: Array | None = None, **settings: float) -> None:
            s = Settings(**settings)
            slots_of_state = list(state.astype(np.float64))
            with np.errstate(all="ignore"):
                d = formula(s, dw.astype(np.float64), slots_of_state, np.ones(4) if running is None else running)
                w[...] = (1.0 - s.learning_rate * s.weight_decay) * w.astype(np.float64) - d
                for slot, value in zip(state, slots_of_state, strict=True):
                    slot[...] = value

        positional = list(inspect.signature(step, follow_wrapped=False).parameters.values())[:-1]
        options = [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=usual) for name, usual in USUAL.items()
        ]
        step.__signature__ = inspect.Signature([*positional, *options])  # type: ignore[attr-defined]
        head, references, rest = inspect.cleandoc(formula.__doc__ or "").partition("References\n")
        step.__doc__ = head.rstrip() + "\n" + _PARAMETERS.format(slots=slots) + references + rest
        SLOTS[formula.__name__] = slots
        return step

    return decorate
