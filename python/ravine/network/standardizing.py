"""How a model learns the means and deviations of its `Standardize` layers."""

from __future__ import annotations

import numpy as np

from ..errors import NotFittedError
from ..inputs.sparse import Inputs
from ..inputs.statistics import column_statistics
from ..layers import Standardize
from .plan import Part
from .state import ModelState

__all__ = ["forget", "learn", "need_learnt", "unlearnt"]


def unlearnt(state: ModelState) -> list[Part]:
    """Return the `Standardize` layers whose numbers are not learnt yet; a learnt deviation is never 0."""
    if state.built is None or not state.built.plan.standards:
        return []
    parameters = state.network.parameters()
    return [part for part in state.plan.standards if not parameters[f"{part.name}/deviation"].any()]


def _take_over(state: ModelState, part: Part) -> bool:
    """Write the numbers that a layer was given after the network was made; return whether there are any."""
    layer = _layer(part)
    if layer.mean is None:
        return False
    layer.output_shape(part.shape)  # checks that there are as many as columns
    parameters = state.network.parameters()
    for name, initialiser in layer.parameter_initializers().items():
        initialiser.fill_finite(parameters[f"{part.name}/{name}"], seed=0)
    return True


def _layer(part: Part) -> Standardize:
    assert isinstance(part.layer, Standardize)
    return part.layer


def need_learnt(state: ModelState) -> None:
    """Raise NotFittedError if a layer's numbers are not learnt."""
    for part in unlearnt(state):
        if not _take_over(state, part):
            raise NotFittedError(
                f"layer {part.name} has not learnt its means and deviations yet: call fit, the layer's adapt(X), or "
                "give it mean= and deviation="
            )


def learn(state: ModelState, X: Inputs) -> None:
    """Learn missing numbers from the rows X, (n, inputs), of a fit."""
    for part in unlearnt(state):
        if _take_over(state, part):
            continue
        if part is not state.plan.parts[0]:
            raise ValueError(
                f"layer {part.name} does not see the inputs as they are, so fit cannot learn its means and deviations: "
                "call its adapt(X), give it mean= and deviation=, or put it first"
            )
        parameters = state.network.parameters()
        views = [parameters[f"{part.name}/{name}"] for name in ("mean", "deviation")]
        assert isinstance(X, np.ndarray)  # only a Dense as first layer takes sparse rows
        mean, deviation = column_statistics(X, len(views[0]))
        views[0][...], views[1][...] = mean, deviation
        views[1][views[1] == 0] = 1  # too small for the model's dtype: as good as constant
        _layer(part)._used = True


def forget(state: ModelState, parts: list[Part]) -> None:
    """Undo `learn`, if a fit failed before its first step."""
    parameters = state.network.parameters()
    for part in parts:
        for name in ("mean", "deviation"):
            parameters[f"{part.name}/{name}"][...] = 0
