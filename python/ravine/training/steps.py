"""Single steps: on one batch, and with gradients from the caller."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..inputs.arrays import as_array, convert
from ..network.data import Data
from ..network.evaluation import logs
from ..network.gradients import set_trainable, trainable_names
from ..network.state import ModelState
from .rates import next_rates
from .trainers import trainer_of

__all__ = ["step_on_batch", "step_with_gradients"]


def step_on_batch(state: ModelState, data: Data, n_threads: int) -> dict[str, float]:
    """Take one step on all rows as one batch; return the loss before it and the metrics."""
    result = trainer_of(state).train(
        data.X,
        data.target,
        data.weight,
        batch_size=len(data.X),
        first_epoch=0,
        epochs=1,
        shuffle_seed=None,
        rates=next_rates(state),
        metrics=state.engine_metrics,
        n_threads=n_threads,
    )
    return logs(state, result["loss"][0], result["metrics"][0], data, n_threads)


def step_with_gradients(state: ModelState, gradients: Mapping[str, Any]) -> None:
    """Take one step of the optimizer with these gradients; see `Sequential.apply_gradients`."""
    network, rates, optimizer = state.network, next_rates(state), state.need_optimizer()
    if optimizer.searches:
        raise ValueError(
            f"apply_gradients takes a step from the gradients alone, {type(optimizer).__name__} searches "
            "along the loss; call fit or train_on_batch, or compile the model with a first-order optimizer"
        )
    set_trainable(state)
    if not isinstance(gradients, Mapping):
        raise TypeError(f"gradients must be a dict of arrays by parameter name, got {gradients!r}")
    views, wanted = network.gradients(), trainable_names(state)
    unknown, missing = [name for name in gradients if name not in wanted], set(wanted) - set(gradients)
    if unknown or missing:
        wrong = f"got {unknown[0]!r}" if unknown else f"{min(missing)!r} is missing"
        raise ValueError(f"gradients must have an array for each of {', '.join(wanted)}; {wrong}")
    checked = {name: as_array(f"gradients[{name!r}]", gradients[name]) for name in wanted}
    for name, array in checked.items():
        if array.shape != views[name].shape:
            raise ValueError(f"gradients[{name!r}] has shape {array.shape}, expected {views[name].shape}")
        checked[name] = convert(f"gradients[{name!r}]", array, state.configuration.dtype)
    for name, array in checked.items():
        views[name][...] = array
    network.apply_gradients(float(rates[0]))
    network.step += 1
