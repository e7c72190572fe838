"""Losses, which training minimises.

A description names a compiled kernel and how its rows are reduced: with weights w over the batch,
`sum(w l) / sum(w)` for reduction="mean", `sum(w l)` for "sum", and `(sum(w l) + penalties) / sum(w)` for
"penalized_mean": there the layers' penalties, otherwise added to the reduced loss, weigh less the more rows there are.
t is a target, y an output, z a logit; means and sums inside l run over the outputs of a row.
"""

import re

from ..inputs.arguments import check_choice
from . import entropies, margins, regression
from .base import Loss
from .entropies import *  # noqa: F403
from .margins import *  # noqa: F403
from .regression import *  # noqa: F403

__all__ = ["Loss", "get"]
__all__ += entropies.__all__
__all__ += margins.__all__
__all__ += regression.__all__

_KINDS = [getattr(module, name) for module in (entropies, margins, regression) for name in module.__all__]
_NAMES: dict[str, type[Loss]] = {re.sub("(?<!^)([A-Z])", r"_\1", kind.__name__).lower(): kind for kind in _KINDS}
_NAMES |= {
    "mse": _NAMES["mean_squared_error"],
    "mae": _NAMES["mean_absolute_error"],
    "sparse_categorical_crossentropy": _NAMES["categorical_crossentropy"],
}


def get(loss: str | Loss) -> Loss:
    """Return the loss of this name; an object is returned as it is. ValueError for others."""
    return loss if isinstance(loss, Loss) else _NAMES[check_choice("loss", loss, _NAMES)]()
