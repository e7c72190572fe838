"""Cross entropies, from logits and from probabilities."""

from __future__ import annotations

from ..inputs.arguments import check_number
from .base import Head, Link, Loss, Reduction

__all__ = [
    "BinaryCrossentropy",
    "BinaryFocalCrossentropy",
    "CategoricalCrossentropy",
    "CategoricalFocalCrossentropy",
    "LogLoss",
    "WeightedBinaryCrossentropy",
]


class _Crossentropy(Loss):
    """From logits: after a linear layer the outputs are logits; `_activation` is skipped in training."""

    _activation: Link

    def head(self, activation: str, units: int, *, skippable: bool = True) -> Head:
        """Join the loss to a linear layer or to one with the activation that makes probabilities."""
        if activation not in ("linear", self._activation) or (activation != "linear" and not skippable):
            raise ValueError(
                f"{type(self).__name__} needs a last layer with activation 'linear' (logits) or '{self._activation}', "
                f"got {activation!r}{_after(skippable)}; losses.LogLoss takes probabilities"
            )
        skip = activation != "linear"
        return Head(
            self._engine,
            self._setting(units),
            self.reduction,
            skip,
            self._targets,
            logits=self._activation,
            link=None if skip else self._activation,
            probabilities=True,
        )


class BinaryCrossentropy(_Crossentropy):
    """l = mean of softplus(z) - t z, which is -t log p - (1 - t) log(1 - p) with p = sigmoid(z).

    The last layer has activation "sigmoid" (skipped in training, so that no precision is lost) or is linear. With one
    output, targets are two classes; with more, the outputs are separate binary labels (multi-label), and targets have a
    column for each. Targets between 0 and 1 are probabilities. `reduction` as for `Loss`.

    Examples
    --------
    >>> import ravine as rv
    >>> rv.losses.BinaryCrossentropy()
    BinaryCrossentropy(reduction='mean')
    """

    _engine = "binary_cross_entropy"
    _targets = "binary"
    _activation: Link = "sigmoid"


class CategoricalCrossentropy(_Crossentropy):
    """l = -sum t log p with p = softmax(z), for two or more classes with an output each.

    The last layer has activation "softmax" (skipped in training, so that no precision is lost) or is linear. Targets
    are integer labels in [0, units), strings, or rows of probabilities (one-hot rows), which sum to 1. `reduction` as
    for `Loss`.
    """

    _engine = "categorical_cross_entropy"
    _targets = "categorical"
    _activation: Link = "softmax"

    def head(self, activation: str, units: int, *, skippable: bool = True) -> Head:
        """Join the loss to a last layer of at least two units."""
        _need_two(self, units)
        return super().head(activation, units, skippable=skippable)


class BinaryFocalCrossentropy(BinaryCrossentropy):
    """l = mean of -t (1 - p)^g log p - (1 - t) p^g log(1 - p) with p = sigmoid(z): well-classified rows weigh little.

    Layers and targets are as for `BinaryCrossentropy`, to which it is equal with gamma=0. For the paper's alpha, a
    weight of the classes, pass `class_weight={0: 1 - alpha, 1: alpha}` to `fit`.

    Parameters
    ----------
    gamma : float >= 0, default=2.0
        g: the loss of a row with p = 0.9 for its class is multiplied by (1 - 0.9)^g.
    reduction : {"mean", "sum", "penalized_mean"}, default="mean"
        How the losses of a batch's rows are reduced.

    Raises
    ------
    ValueError, TypeError
        For a value that is not allowed.

    References
    ----------
    Lin, Goyal, Girshick, He and Dollar, "Focal loss for dense object detection", 2017.

    Examples
    --------
    >>> import ravine as rv
    >>> model = rv.Sequential([rv.layers.Input(1), rv.layers.Dense(1)], dtype="float64")
    >>> model.set_weights([[[1.0]], [0.0]])
    >>> model.compile(loss=rv.losses.BinaryFocalCrossentropy(2.0))
    >>> round(model.evaluate([[0.0]], [1])["loss"], 6)  # log(2) / 4
    0.173287
    """

    _engine = "binary_focal_cross_entropy"

    def __init__(self, gamma: float = 2.0, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction=reduction)
        self.gamma = _focus(gamma)

    def _setting(self, units: int) -> float:
        return self.gamma


class WeightedBinaryCrossentropy(_Crossentropy):
    """l = mean of |t| log(1 + e^(-s z)), s = sign t: as `BinaryCrossentropy`, with a weight for each output of a row.

    Targets have a column for each output: w for a positive label, -w for a negative one, with a weight w >= 0; 0 for an
    unknown label, which is ignored. Layers are as for `BinaryCrossentropy`. `reduction` as for `Loss`.

    Examples
    --------
    The second label of the first row is unknown, and that of the second row has the weight 3:

    >>> import ravine as rv
    >>> model = rv.Sequential([rv.layers.Input(1), rv.layers.Dense(2)], dtype="float64", random_state=0)
    >>> model.compile(optimizer=rv.optimizers.SGD(1.0), loss=rv.losses.WeightedBinaryCrossentropy())
    >>> history = model.fit([[0.0], [1.0]], [[1.0, 0.0], [-1.0, 3.0]], epochs=100, batch_size=None)
    >>> model.predict_classes([[0.0], [1.0]])[:, 0]
    array([1, 0])
    """

    _engine = "weighted_binary_cross_entropy"
    _activation: Link = "sigmoid"


class CategoricalFocalCrossentropy(CategoricalCrossentropy):
    """l = -sum t (1 - p)^g log p with p = softmax(z): well-classified rows weigh little.

    Layers and targets are as for `CategoricalCrossentropy`, to which it is equal with gamma=0. For weights of the
    classes, pass `class_weight` to `fit`. Integer labels are several times as fast as rows of probabilities.

    Parameters
    ----------
    gamma : float >= 0, default=2.0
        g: the loss of a row with p = 0.9 for its class is multiplied by (1 - 0.9)^g.
    reduction : {"mean", "sum", "penalized_mean"}, default="mean"
        How the losses of a batch's rows are reduced.

    Raises
    ------
    ValueError, TypeError
        For a value that is not allowed.

    References
    ----------
    Lin, Goyal, Girshick, He and Dollar, "Focal loss for dense object detection", 2017.

    Examples
    --------
    >>> import ravine as rv
    >>> rv.losses.get("categorical_focal_crossentropy")
    CategoricalFocalCrossentropy(reduction='mean', gamma=2.0)
    """

    _engine = "categorical_focal_cross_entropy"

    def __init__(self, gamma: float = 2.0, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction=reduction)
        self.gamma = _focus(gamma)

    def _setting(self, units: int) -> float:
        return self.gamma


class LogLoss(Loss):
    """The cross entropy of outputs that are probabilities: a last layer's sigmoid or softmax is not skipped.

    l = mean of -t log y - (1 - t) log(1 - y); after a softmax l = -sum t log y. 0 log 0 is 0.
    The last layer has activation "sigmoid" or "softmax", with no dropout after it. `reduction` as for `Loss`.
    """

    def head(self, activation: str, units: int, *, skippable: bool = True) -> Head:
        """Join the loss to a last layer whose outputs lie in [0, 1]."""
        if activation not in ("sigmoid", "softmax") or not skippable:
            raise ValueError(
                "LogLoss takes probabilities: it needs a last layer with activation 'sigmoid' or 'softmax', "
                f"got {activation!r}{_after(skippable)}"
            )
        if activation == "softmax":
            _need_two(self, units)
            return Head("categorical_log_loss", 1.0, self.reduction, False, "categorical", probabilities=True)
        return Head("log_loss", 1.0, self.reduction, False, "binary", probabilities=True)


def _focus(gamma: float) -> float:
    return check_number("gamma", gamma, 0.0)


def _after(skippable: bool) -> str:
    return "" if skippable else " followed by another layer"


def _need_two(loss: Loss, units: int) -> None:
    if units < 2:
        raise ValueError(
            f"{type(loss).__name__} needs a last layer of at least 2 units, got 1; BinaryCrossentropy has 1"
        )
