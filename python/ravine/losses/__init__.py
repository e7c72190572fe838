"""Losses: what training minimises.

A description names a compiled kernel and how its rows are reduced: with weights w over the batch,
`sum(w l) / sum(w)` for reduction="mean", `sum(w l)` for "sum", and `(sum(w l) + penalties) / sum(w)` for
"penalized_mean": there the layers' penalties, otherwise added to the reduced loss, weigh less the more rows there are.
t is a target, y an output, z a logit; means and sums inside l run over the outputs of a row.
"""

from ..inputs.arguments import check_choice
from .base import Loss
from .entropies import (
    BinaryCrossentropy,
    BinaryFocalCrossentropy,
    CategoricalCrossentropy,
    CategoricalFocalCrossentropy,
    LogLoss,
    WeightedBinaryCrossentropy,
)
from .margins import Hinge, Perceptron
from .regression import (
    HalfMeanSquaredError,
    HalfSumSquaredError,
    Huber,
    MeanAbsoluteError,
    MeanSquaredError,
    Poisson,
    Quantile,
    SumSquaredError,
)

__all__ = [
    "BinaryCrossentropy",
    "BinaryFocalCrossentropy",
    "CategoricalCrossentropy",
    "CategoricalFocalCrossentropy",
    "HalfMeanSquaredError",
    "HalfSumSquaredError",
    "Hinge",
    "Huber",
    "LogLoss",
    "Loss",
    "MeanAbsoluteError",
    "MeanSquaredError",
    "Perceptron",
    "Poisson",
    "Quantile",
    "SumSquaredError",
    "WeightedBinaryCrossentropy",
    "get",
]

_NAMES: dict[str, type[Loss]] = {
    "mse": MeanSquaredError,
    "mean_squared_error": MeanSquaredError,
    "half_mean_squared_error": HalfMeanSquaredError,
    "sum_squared_error": SumSquaredError,
    "half_sum_squared_error": HalfSumSquaredError,
    "mae": MeanAbsoluteError,
    "mean_absolute_error": MeanAbsoluteError,
    "huber": Huber,
    "quantile": Quantile,
    "binary_crossentropy": BinaryCrossentropy,
    "binary_focal_crossentropy": BinaryFocalCrossentropy,
    "weighted_binary_crossentropy": WeightedBinaryCrossentropy,
    "categorical_crossentropy": CategoricalCrossentropy,
    "categorical_focal_crossentropy": CategoricalFocalCrossentropy,
    "sparse_categorical_crossentropy": CategoricalCrossentropy,
    "log_loss": LogLoss,
    "poisson": Poisson,
    "perceptron": Perceptron,
    "hinge": Hinge,
}


def get(loss: str | Loss) -> Loss:
    """Return the loss that a name stands for; an object is returned as it is. ValueError for others."""
    return loss if isinstance(loss, Loss) else _NAMES[check_choice("loss", loss, _NAMES)]()
