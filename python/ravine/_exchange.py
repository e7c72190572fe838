"""Weights of other makers: PyTorch's state dicts and NumPy's npz."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ._validation import Array
from .checkpoint import CheckpointFormatError, CheckpointMismatchError
from .layers import Activation, Dense, Dropout, Flatten

if TYPE_CHECKING:
    from .model import Sequential

__all__ = ["from_torch", "read_npz", "to_torch", "write_npz"]


def write_npz(path: str, weights: Mapping[str, Array]) -> None:
    """Write arrays by name, as `numpy.savez` does, in place of the file as a whole."""
    from ._atomic import replace_file

    buffer = io.BytesIO()
    np.savez(buffer, **weights)  # type: ignore[arg-type]
    replace_file(path, [buffer.getbuffer()])


def read_npz(path: str) -> dict[str, Array]:
    """Return the arrays of an npz; pickled objects are refused."""
    with open(path, "rb") as file:
        try:
            found = np.load(file, allow_pickle=False)
            if not isinstance(found, np.lib.npyio.NpzFile):
                raise ValueError("it holds one array without a name")
            with found:
                return {name: found[name] for name in found.files}
        except Exception as error:
            raise CheckpointFormatError(f"{path}: not an npz of arrays, or a damaged one: {error}") from error


def from_torch(state_dict: Mapping[str, Any], *, model: Sequential | None = None) -> dict[str, NDArray[Any]]:
    """Return the weights of a PyTorch network of linear layers under ravine's names, for `Sequential.load_weights`.

    The k-th linear layer's weight (outputs, inputs), "0.weight" or "fc1.weight", becomes the k-th dense layer's
    "dense/kernel" (inputs, outputs), its transpose; biases stay as they are.

    Parameters
    ----------
    state_dict : dict of str to tensor or ndarray
        What `state_dict()` of a PyTorch module gives, in its order.
    model : Sequential, optional
        Whose layers' names to use; None stands for dense, dense_1 ...

    Returns
    -------
    dict of str to ndarray
        New arrays.

    Raises
    ------
    TypeError
        For what is no dict.
    CheckpointMismatchError
        For an entry that belongs to no linear layer; for another number of dense layers in `model`.

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
        place, _, part = str(name).rpartition(".")
        array = np.asarray(value.detach().cpu().numpy() if hasattr(value, "detach") else value)
        if {"weight": 2, "bias": 1}.get(part) != array.ndim:
            raise CheckpointMismatchError(f"state_dict[{name!r}] of shape {array.shape} belongs to no linear layer")
        found.setdefault(place, {})[part] = array
    names = [f"dense_{i}" if i else "dense" for i in range(len(found))] if model is None else _dense_names(model)
    if len(names) != len(found):
        raise CheckpointMismatchError(f"state_dict has {len(found)} linear layers, the model {len(names)} dense ones")
    weights = {}
    for name, (place, parts) in zip(names, found.items(), strict=True):
        if "weight" not in parts:
            raise CheckpointMismatchError(f"state_dict has a bias, but no weight, for {place!r}")
        weights[f"{name}/kernel"] = np.array(parts["weight"].T, order="C")
        if "bias" in parts:
            weights[f"{name}/bias"] = np.array(parts["bias"])
    return weights


def to_torch(model: Sequential) -> dict[str, Any]:
    """Return the weights as a PyTorch state dict: "0.weight" (outputs, inputs), "0.bias" ...

    Numbers are the places in the `torch.nn.Sequential` that spells every step out: a dense layer takes one, its
    activation (if not linear), dropout and flatten another each.

    Parameters
    ----------
    model : Sequential
        Of Dense, Activation, Dropout and Flatten layers.

    Returns
    -------
    dict of str to torch.Tensor
        Copies, for `load_state_dict`.

    Raises
    ------
    ImportError
        Where PyTorch is not installed.
    NotFittedError
        Before there are weights.
    TypeError
        For another layer.
    """
    import torch

    weights, places, place = model.parameters, {}, 0
    for layer, name in zip(model.layers, model._plan.names if model._plan else (), strict=True):
        if not isinstance(layer, (Dense, Activation, Dropout, Flatten)):
            raise TypeError(f"to_torch knows no PyTorch module for layer {name!r}, {layer!r}")
        if isinstance(layer, Dense):
            places[name] = place
            place += layer.activation_name != "linear"
        place += 1
    state = {}
    for name, number in places.items():
        state[f"{number}.weight"] = torch.from_numpy(np.array(weights[f"{name}/kernel"].T, order="C"))
        if f"{name}/bias" in weights:
            state[f"{number}.bias"] = torch.from_numpy(np.array(weights[f"{name}/bias"]))
    return state


def _dense_names(model: Sequential) -> list[str]:
    from .layers.base import layer_names

    names = layer_names(model.layers)
    return [name for layer, name in zip(model.layers, names, strict=True) if isinstance(layer, Dense)]
