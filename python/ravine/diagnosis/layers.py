"""Problems of a layer: units that no longer learn, gradients that do not arrive."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..inputs.sparse import Inputs, mean_square_length
from .findings import Finding
from .float64_copy import Float64Copy, Vector

__all__ = ["LayerLook", "look_at", "troubles"]

# Share of a layer's ReLUs. For inputs that are never negative, as pixels and counts, random signs leave a quarter of
# the units of two inputs dead from the start, and narrow nets that have learned have lost up to 44 %.
_DEAD = 0.5
# On one row half of all ReLUs are 0; a few rows say little about units.
_ROWS = 4
# A unit is saturated on a row if its derivative is below a twentieth of its largest (|y| > .975 for tanh), and is
# counted if that holds on nine rows of ten. Trained nets have such units, which are binary: up to half of a layer, and
# more if the loss is already low, so that nothing more must be learnt.
_FLAT, _FLAT_ROWS, _SATURATED = 0.05, 0.9, 0.5
# Share of a layer's units. Random initial weights are never equal for two units; penalties that prune leave some equal,
# at 0.
_ALIKE = 0.5
# The sigmoid's derivative is at most .25: this is the best of four layers, so that five (.00098) are reported. Sound
# nets stay above a twentieth. The other way round, a last layer that has converged gets a 330th of the gradient of the
# first one gets, in a net that learns on.
_VANISHING, _EXPLODING = 0.25**4, 4.0**5


@dataclass
class LayerLook:
    """What one layer does on some rows: its index in the model, its outputs and its gradients."""

    index: int
    name: str
    activation: str
    outputs: Vector
    kernel: Vector | None = None
    bias: Vector | None = None
    dkernel: Vector | None = None
    signal: float | None = None


def look_at(copy: Float64Copy, gradients: dict[str, Vector]) -> list[LayerLook]:
    """Return what each layer does; the gradients are those of the loss."""
    plan, layers, weights = copy.state.plan, copy.state.configuration.layers, copy.network.parameters()
    looks: list[LayerLook] = []
    inputs: Inputs = copy.data.X
    for index, (name, layer) in enumerate(zip(plan.names, layers, strict=True)):
        outputs = copy.outputs(index)
        if outputs is None:  # the loss is finite nevertheless
            break
        look = LayerLook(index, name, layer.activation_name, outputs.reshape(-1, plan.shapes[index][-1]))
        kernel = f"{name}/kernel"
        if kernel in weights:
            look.kernel, look.bias = weights[kernel], weights.get(f"{name}/bias")
        if kernel in gradients and not layer.id_limit():
            penalty = plan.regularizers.get(name)
            look.dkernel = gradients[kernel] - (penalty.gradient(weights[kernel]) if penalty else 0.0)
            size = float(np.sqrt(mean_square_length(inputs)))
            look.signal = float(np.sqrt((look.dkernel**2).sum())) / size if size else 0.0
        looks.append(look)
        inputs = outputs
    return looks


def troubles(copy: Float64Copy, looks: list[LayerLook], epoch: int | None) -> Iterator[Finding]:
    """Give the findings for the layers."""
    with_kernel = [look for look in looks if look.kernel is not None]
    last = with_kernel[-1].index if with_kernel else -1
    yield from _flow([look for look in looks if look.signal is not None], epoch)
    for look in with_kernel:
        if look.index < last:
            yield from _symmetric(copy, look, epoch)
    for look in looks:
        if len(look.outputs) < _ROWS:
            continue
        if look.activation == "relu":
            yield from _dead(look, epoch)
        if look.activation in ("sigmoid", "tanh") and look.index < last:
            yield from _saturated(look, epoch)


def _dead(look: LayerLook, epoch: int | None) -> Iterator[Finding]:
    dead = float((look.outputs <= 0.0).all(axis=0).mean())
    if dead >= _DEAD:
        rows, units = look.outputs.shape
        yield Finding(
            "dead_relu", look.name, epoch, dead,
            f"{dead:.0%} of {units} ReLUs are 0 on all {rows} rows, so no gradient reaches their weights",
            "take a smaller learning rate, he_normal initial weights, inputs of mean 0, or leaky_relu; units that are "
            "already dead need new initial weights",
        )  # fmt: skip


def _saturated(look: LayerLook, epoch: int | None) -> Iterator[Finding]:
    y = look.outputs
    share = 4.0 * y * (1.0 - y) if look.activation == "sigmoid" else 1.0 - y * y
    saturated = float(((share < _FLAT).mean(axis=0) >= _FLAT_ROWS).mean())
    if saturated > _SATURATED:
        yield Finding(
            "saturated_units", look.name, epoch, saturated,
            f"{saturated:.0%} of {y.shape[1]} {look.activation} units are flat on {_FLAT_ROWS:.0%} of the rows: their "
            f"derivative is below {_FLAT:.0%} of its largest",
            "scale the inputs to mean 0 and variance 1, take smaller initial weights (glorot_uniform), a smaller "
            "learning rate, or relu",
        )  # fmt: skip


def _symmetric(copy: Float64Copy, look: LayerLook, epoch: int | None) -> Iterator[Finding]:
    assert look.kernel is not None
    if look.dkernel is not None and look.dkernel.any() and _drawn_apart(copy, look.index):
        return
    parts = [part.reshape(-1, part.shape[-1]) for part in (look.kernel, look.bias, look.dkernel) if part is not None]
    counts = Counter(unit.tobytes() for unit in np.concatenate(parts).T + 0.0)  # -0 becomes 0
    alike = sum(count for count in counts.values() if count > 1) / counts.total()
    if alike >= _ALIKE:
        yield Finding(
            "symmetric_units", look.name, epoch, alike,
            f"{alike:.0%} of {counts.total()} units have a twin with the same weights and the same gradient, so they "
            f"stay the same: the layer is worth {len(counts)}",
            "draw the initial weights at random (glorot_uniform, or he_normal before relu); zeros are right only for a "
            "single layer and for biases",
        )  # fmt: skip


def _drawn_apart(copy: Float64Copy, index: int) -> bool:
    """Whether dropout or noise before the next layer with weights gives equal units different gradients in training."""
    for layer in copy.state.configuration.layers[index + 1 :]:
        if layer.draws:
            return True
        if layer.kind != "activation" and layer.computes:
            return False
    return False


def _flow(looks: list[LayerLook], epoch: int | None) -> Iterator[Finding]:
    """Compare the gradients that reach layers with those that reach later ones."""
    signals = [look.signal or 0.0 for look in looks]
    if len(signals) < 2 or not max(signals) > 0.0:
        return
    evidence = "gradients arrive as " + ", ".join(
        f"{signal:.2g} ({look.name})" for signal, look in zip(signals, looks, strict=True)
    )
    ratios = [signal / max(signals[i:]) if max(signals[i:]) else 1.0 for i, signal in enumerate(signals)]
    least = int(np.argmin(ratios))
    if ratios[least] < _VANISHING:
        name = looks[least].name
        yield Finding(
            "vanishing_gradients", name, epoch, ratios[least],
            f"{evidence}: at {name}, {ratios[least]:.2g} of what later layers get, below .25^4 = {_VANISHING:.2g}, the "
            "most that four sigmoid layers leave",
            "replace sigmoid by relu with he_normal initial weights or tanh with glorot_uniform, or use fewer layers",
        )  # fmt: skip
    most = int(np.argmax(signals))
    growth = signals[most] / signals[-1] if signals[-1] else 1.0
    if growth > _EXPLODING:
        name = looks[most].name
        yield Finding(
            "exploding_gradients", name, epoch, growth,
            f"{evidence}: at {name}, {growth:.2g} times what the last layer gets, above 4^5 = {_EXPLODING:.0f}",
            "take smaller initial weights (he_normal, glorot_uniform), a smaller learning rate, or fewer layers",
        )  # fmt: skip
