"""What the update rules share: their settings, and how a formula becomes a rule that works in place."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

SLOTS: dict[str, int] = {}
"""How many values of state a rule keeps for each weight."""


@dataclass(frozen=True)
class Settings:
    """What the rules read, named as in the papers; each reads what it needs."""

    learning_rate: float = 1e-3
    momentum: float = 0.0
    beta1: float = 0.9
    beta2: float = 0.999
    rho: float = 0.9
    epsilon: float = 1e-8
    weight_decay: float = 0.0
    bias_correction: bool = True
    epsilon_inside: bool = False

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
            s = Settings(**settings)  # type: ignore[arg-type]
            slots_of_state = list(state.astype(np.float64))
            with np.errstate(all="ignore"):
                d = formula(s, dw.astype(np.float64), slots_of_state, np.ones(4) if running is None else running)
                w[...] = (1.0 - s.learning_rate * s.weight_decay) * w.astype(np.float64) - d
                for slot, value in zip(state, slots_of_state, strict=True):
                    slot[...] = value

        usual = inspect.signature(Settings).parameters.values()
        positional = list(inspect.signature(step, follow_wrapped=False).parameters.values())[:-1]
        options = [option.replace(kind=inspect.Parameter.KEYWORD_ONLY) for option in usual]
        step.__signature__ = inspect.Signature([*positional, *options])  # type: ignore[attr-defined]
        head, references, rest = inspect.cleandoc(formula.__doc__ or "").partition("References\n")
        step.__doc__ = head.rstrip() + "\n" + _PARAMETERS.format(slots=slots) + references + rest
        SLOTS[formula.__name__] = slots
        return step

    return decorate
