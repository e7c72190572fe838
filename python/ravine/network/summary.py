"""The table that `summary` prints."""

from __future__ import annotations

from ..layers.base import layer_names
from .state import ModelState

__all__ = ["summary_text"]


def summary_text(state: ModelState) -> str:
    """Return a line for each layer: name, kind, output shape, parameters; then their sums."""
    layers, built = state.configuration.layers, state.built
    names = layer_names(layers)
    rows = [("layer", "kind", "output", "parameters")]
    if built is None:
        rows += [(name, repr(layer), "?", "?") for name, layer in zip(names, layers, strict=True)]
        counts, shape = "", "not known before the first fit"
    else:
        sizes = {name: w.size for name, w in built.network.parameters().items()}
        frozen = built.plan.frozen()
        for name, layer, output in zip(names, layers, built.plan.shapes, strict=True):
            own = sum(size for key, size in sizes.items() if key.startswith(f"{name}/"))
            rows.append((name, repr(layer), str(output), f"{own:,}"))
        trainable = sum(size for key, size in sizes.items() if key.rpartition("/")[0] not in frozen)
        statistics = sum(w.size for w in built.network.statistics().values())
        counts, shape = f"parameters: {sum(sizes.values()):,}, trainable: {trainable:,}", str(built.input_shape)
        counts += f"; statistics: {statistics:,}" if statistics else ""
    return _table(f"Sequential of {state.configuration.dtype.name}, input {shape}", rows, counts)


def _table(title: str, rows: list[tuple[str, str, str, str]], foot: str) -> str:
    """Return aligned columns, the last one right-aligned, between rules."""
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    lines = [
        "  ".join(
            [*(f"{text:<{width}}" for text, width in zip(row[:3], widths, strict=False)), f"{row[3]:>{widths[3]}}"]
        )
        for row in rows
    ]
    rule = "-" * len(lines[0])
    return "\n".join([title, rule, lines[0], rule, *lines[1:], rule, *([foot] if foot else [])])
