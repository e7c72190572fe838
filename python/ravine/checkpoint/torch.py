"""Conversion of weights from and to PyTorch's state dicts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import CheckpointMismatchError
from ..inputs.arrays import Array
from ..layers import Activation, BatchNorm, Dense, Dropout, Flatten, LayerNorm
from ..layers.base import layer_names
from ..network.state import Model

__all__ = ["from_torch", "to_torch"]


# The arrays of each kind of layer: PyTorch's names, and ravine's.
_PARTS = {
    "dense": {"weight": "kernel", "bias": "bias"},
    "batch_norm": {
        "weight": "gamma",
        "bias": "beta",
        "running_mean": "moving_mean",
        "running_var": "moving_variance",
    },
    "layer_norm": {"weight": "gamma", "bias": "beta"},
}
_WORDS = {
    "dense": ("linear layers", "dense ones"),
    "batch_norm": ("batch norms", "of its layers"),
    "layer_norm": ("layer norms", "of its layers"),
}
_DIMENSIONS = {"weight": (1, 2), "bias": (1,), "running_mean": (1,), "running_var": (1,), "num_batches_tracked": (0,)}


def from_torch(state_dict: Mapping[str, Any], *, model: Model | None = None) -> dict[str, NDArray[Any]]:
    """Return the weights of a PyTorch network of linear layers and norms under ravine's names, for `load_weights`.

    The k-th linear layer's weight (outputs, inputs), "0.weight" or "fc1.weight", becomes the k-th dense layer's
    "dense/kernel" (inputs, outputs), its transpose; biases are copied. The k-th batch norm's weight, bias,
    running_mean and running_var become the k-th BatchNorm's gamma, beta, moving_mean and moving_variance; weight and
    bias of one dimension without running statistics are those of a layer norm.

    Parameters
    ----------
    state_dict : dict of str to tensor or ndarray
        The result of `state_dict()` of a PyTorch module, in its order.
    model : Sequential, optional
        The model whose layer names to use; None means dense, dense_1 ...

    Returns
    -------
    dict of str to ndarray
        New arrays.

    Raises
    ------
    TypeError
        For something that is not a dict.
    CheckpointMismatchError
        For an entry that belongs to no such layer; if `model` has another number of such layers.

    Examples
    --------
    >>> import numpy as np
    >>> import ravine as rv
    >>> given = {"0.weight": np.ones((3, 2)), "0.bias": np.zeros(3), "2.weight": np.ones((1, 3))}
    >>> {name: w.shape for name, w in rv.from_torch(given).items()}
    {'dense/kernel': (2, 3), 'dense/bias': (3,), 'dense_1/kernel': (3, 1)}
    """
    if not isinstance(state_dict, Mapping):
        raise TypeError(f"state_dict must be a dict of tensors by name, got {type(state_dict).__name__}")
    found: dict[str, dict[str, Array]] = {}
    for name, value in state_dict.items():
        module, _, part = str(name).rpartition(".")
        array = np.asarray(value.detach().cpu().numpy() if hasattr(value, "detach") else value)
        if array.ndim not in _DIMENSIONS.get(part, ()):
            raise _belongs_nowhere(str(name), array)
        found.setdefault(module, {})[part] = array
    kinds = {module: _kind_of(module, parts) for module, parts in found.items()}
    names = {kind: iter(_names(kind, list(kinds.values()).count(kind), model)) for kind in _PARTS}
    weights = {}
    for module, parts in found.items():
        kind = kinds[module]
        name = next(names[kind])
        for part, own in _PARTS[kind].items():
            if part in parts:
                weights[f"{name}/{own}"] = np.array(parts[part].T, order="C")
    return weights


def _kind_of(module: str, parts: Mapping[str, Array]) -> str:
    """Return the kind of the layer that has these parts."""
    dimensions = {part: array.ndim for part, array in parts.items()}
    if "running_mean" in parts and "running_var" in parts and dimensions.get("weight", 1) == 1:
        return "batch_norm"
    if dimensions.get("weight") == 2 and not dimensions.keys() - {"weight", "bias"}:
        return "dense"
    if dimensions == {"weight": 1, "bias": 1}:
        return "layer_norm"
    if dimensions == {"bias": 1}:
        raise CheckpointMismatchError(f"state_dict has a bias, but no weight, for {module!r}")
    part, array = next(iter(parts.items()))
    raise _belongs_nowhere(f"{module}.{part}", array)


def _belongs_nowhere(name: str, array: Array) -> CheckpointMismatchError:
    return CheckpointMismatchError(
        f"state_dict[{name!r}] of shape {array.shape} belongs to no linear layer, and to no norm"
    )


def _names(kind: str, count: int, model: Model | None) -> list[str]:
    """Return the names of the layers of a kind."""
    if model is None:
        return [f"{kind}_{i}" if i else kind for i in range(count)]
    layers = model._state.configuration.layers
    names = [name for layer, name in zip(layers, layer_names(layers), strict=True) if layer.kind == kind]
    if len(names) != count:
        theirs, ours = _WORDS[kind]
        raise CheckpointMismatchError(f"state_dict has {count} {theirs}, the model {len(names)} {ours}")
    return names


def to_torch(model: Model) -> dict[str, Any]:
    """Return the weights as a PyTorch state dict: "0.weight" (outputs, inputs), "0.bias" ...

    Numbers are positions in the equivalent `torch.nn.Sequential`: a dense layer takes one, and its activation (if not
    linear), dropout, flatten and norms take one each. PyTorch's norms have both gamma and beta or neither, so a norm
    with only one of them gets ones or zeros for the other.

    Parameters
    ----------
    model : Sequential
        A model of Dense, Activation, Dropout, Flatten, BatchNorm and LayerNorm layers.

    Returns
    -------
    dict of str to torch.Tensor
        Copies, for `load_state_dict`.

    Raises
    ------
    ImportError
        If PyTorch is not installed.
    NotFittedError
        Before there are weights.
    TypeError
        For a model with other layers.
    """
    import torch

    built, layers = model._state.need_built(), model._state.configuration.layers
    weights, state, number = built.network.weights(), {}, 0
    for layer, name in zip(layers, built.plan.names, strict=True):
        if not isinstance(layer, (Dense, Activation, Dropout, Flatten, BatchNorm, LayerNorm)):
            raise TypeError(f"to_torch knows no PyTorch module for layer {name!r}, {layer!r}")
        own = {part: weights.get(f"{name}/{ours}") for part, ours in _PARTS.get(layer.kind, {}).items()}
        if isinstance(layer, (BatchNorm, LayerNorm)) and layer.scale != layer.center:
            like = own["weight"] if layer.scale else own["bias"]
            assert like is not None
            own |= {"bias": np.zeros_like(like)} if layer.scale else {"weight": np.ones_like(like)}
        for part, array in own.items():
            if array is not None:
                state[f"{number}.{part}"] = torch.from_numpy(np.array(array.T, order="C"))
        if isinstance(layer, BatchNorm):
            state[f"{number}.num_batches_tracked"] = torch.tensor(int(built.network.step))
        number += 1 + (isinstance(layer, Dense) and layer.activation_name != "linear")
    return state
