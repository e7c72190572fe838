"""The table that `summary` prints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .layers.base import layer_names

if TYPE_CHECKING:
    from .model import Sequential

__all__ = ["summary_text"]


def summary_text(model: Sequential) -> str:
    """Return a line for each layer: name, kind, output shape, parameters; then their sums."""
    plan, parameters = model._plan, {} if model._plan is None else model.parameters
    statistics = 0 if model._plan is None else sum(w.size for w in model.statistics.values())
    names = layer_names(model.layers)
    table = [("layer", "kind", "output", "parameters")]
    total = trainable = 0
    frozen = set() if plan is None else plan.frozen()
    for place, layer in enumerate(model.layers):
        if plan is None:
            table.append((names[place], repr(layer), "?", "?"))
            continue
        name = names[place]
        own = {key: w.size for key, w in parameters.items() if key.startswith(f"{name}/")}
        count = sum(own.values())
        total += count
        trainable += sum(size for key, size in own.items() if key.rpartition("/")[0] not in frozen)
        table.append((name, repr(layer), str(plan.shapes[place]), f"{count:,}"))
    widths = [max(len(row[column]) for row in table) for column in range(4)]
    lines = [
        "  ".join(
            [*(f"{text:<{width}}" for text, width in zip(row[:3], widths, strict=False)), f"{row[3]:>{widths[3]}}"]
        )
        for row in table
    ]
    rule = "-" * len(lines[0])
    shape = "not known before the first fit" if model.input_shape is None else model.input_shape
    counts = "" if plan is None else f"parameters: {total:,}, trainable: {trainable:,}"
    counts += f"; statistics: {statistics:,}" if statistics else ""
    foot = [rule, counts] if counts else [rule]
    return "\n".join([f"Sequential of {model.dtype.name}, input {shape}", rule, lines[0], rule, *lines[1:], *foot])
