"""Losses: what training minimises.

A description names a compiled kernel and how its rows are reduced: with weights w over the batch,
`sum(w l) / sum(w)` for reduction="mean", `sum(w l)` for "sum", and `(sum(w l) + penalties) / sum(w)` for
"penalized_mean": there the layers' penalties, otherwise added to the reduced loss, weigh less the more rows there are.
t is a target, y an output, z a logit; means and sums inside l run over the outputs of a row.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ._fixed import Described
from ._validation import check_choice, check_flag, check_number

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

Link = Literal["sigmoid", "softmax"]
Reduction = Literal["mean", "sum", "penalized_mean"]


@dataclass(frozen=True)
class Head:
    """A loss joined to a network's last layer.

    Attributes
    ----------
    loss, setting, reduction, skip_activation
        What the engine is told.
    targets : str
        What targets are: "real", "count" (>= 0), "binary" (in [0, 1]), "categorical" (a class), "sign" (-1 or 1).
    logits : str or None
        Where training sees logits: the function that makes probabilities of them.
    link : str or None
        The function that makes probabilities of the network's outputs; None where they are so already, or never.
    probabilities : bool
        Whether the outputs, after `link`, are probabilities.
    """

    loss: str
    setting: float
    reduction: Reduction
    skip_activation: bool
    targets: str
    logits: Link | None = None
    link: Link | None = None
    probabilities: bool = False


class Loss(Described):
    """What all losses share.

    Parameters
    ----------
    reduction : {"mean", "sum", "penalized_mean"}, default="mean"
        How the rows of a batch are put together.

    Raises
    ------
    ValueError, TypeError
        For a value that is not allowed.
    """

    _targets = "real"
    _engine = ""

    def __init__(self, *, reduction: Reduction = "mean") -> None:
        if not isinstance(reduction, str) or reduction not in ("mean", "sum", "penalized_mean"):
            raise ValueError(f"reduction must be 'mean', 'sum' or 'penalized_mean', got {reduction!r}")
        self.reduction: Reduction = reduction

    def _setting(self, units: int) -> float:
        return 1.0

    def head(self, activation: str, units: int, *, skippable: bool = True) -> Head:
        """Join the loss to a last layer.

        Parameters
        ----------
        activation : str
            The last layer's activation.
        units : int
            The network's outputs.
        skippable : bool, default=True
            Whether the activation is the very last thing the network does.

        Raises
        ------
        ValueError
            Where the loss does not fit the activation or the number of outputs.
        """
        return Head(self._engine, self._setting(units), self.reduction, False, self._targets)


class MeanSquaredError(Loss):
    """l = mean (y - t)^2; `reduction` as for `Loss`."""

    _engine = "squared_error"

    def _setting(self, units: int) -> float:
        return 1.0 / units


class HalfMeanSquaredError(MeanSquaredError):
    """l = 1/2 mean (y - t)^2; `reduction` as for `Loss`."""

    def _setting(self, units: int) -> float:
        return 0.5 / units


class SumSquaredError(MeanSquaredError):
    """l = sum (y - t)^2; `reduction` as for `Loss`."""

    def _setting(self, units: int) -> float:
        return 1.0


class HalfSumSquaredError(MeanSquaredError):
    """l = 1/2 sum (y - t)^2; `reduction` as for `Loss`."""

    def _setting(self, units: int) -> float:
        return 0.5


class MeanAbsoluteError(Loss):
    """l = mean |y - t|; `reduction` as for `Loss`."""

    _engine = "absolute_error"

    def _setting(self, units: int) -> float:
        return 1.0 / units


class Huber(Loss):
    """l = mean of r^2 / 2 where |r| <= delta, else delta (|r| - delta / 2), with r = y - t (Huber 1964).

    Parameters
    ----------
    delta : float > 0, default=1.0
        Where the parabola ends; 1.35 standard deviations of the noise keep 95 % of the efficiency of least squares.
    reduction : {"mean", "sum", "penalized_mean"}, default="mean"
        How the rows of a batch are put together.

    Raises
    ------
    ValueError, TypeError
        For a value that is not allowed.
    """

    _engine = "huber"

    def __init__(self, delta: float = 1.0, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction=reduction)
        self.delta = check_number("delta", delta, 0.0, closed="neither")

    def _setting(self, units: int) -> float:
        return self.delta


class Quantile(Loss):
    """l = mean of tau (t - y) where y < t, else (1 - tau) (y - t): least where y is the quantile tau of the targets.

    Two nets with tau = 0.05 and 0.95 bound 90 % of the targets; tau = 0.5 is half the absolute error.

    Parameters
    ----------
    tau : float in (0, 1), default=0.5
        Which share of the targets lies below the outputs that cost least.
    reduction : {"mean", "sum", "penalized_mean"}, default="mean"
        How the rows of a batch are put together.

    Raises
    ------
    ValueError, TypeError
        For a value that is not allowed.

    References
    ----------
    Koenker and Bassett, "Regression quantiles", Econometrica 46, 1978.

    Examples
    --------
    >>> import numpy as np
    >>> import ravine as rv
    >>> y = np.arange(101.0)
    >>> model = rv.Sequential([rv.layers.Dense(1)], dtype="float64", random_state=0)
    >>> model.compile(optimizer=rv.optimizers.SGD(1.0), loss=rv.losses.Quantile(0.9))
    >>> history = model.fit(np.zeros((101, 1)), y, epochs=1000, batch_size=None)
    >>> abs(float(model.predict([[0.0]])[0, 0]) - 90) < 2
    True
    """

    _engine = "quantile"

    def __init__(self, tau: float = 0.5, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction=reduction)
        self.tau = check_number("tau", tau, 0.0, 1.0, closed="neither")

    def _setting(self, units: int) -> float:
        return self.tau


class _Crossentropy(Loss):
    """From logits: after a linear layer the outputs are logits; `_activation` is left out in training."""

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

    The last layer has activation "sigmoid" (left out in training, so that nothing is lost in rounding) or is linear.
    With one output, targets are two classes; with more, each output is a question of its own (multi-label) and targets
    have a column for each. Targets between 0 and 1 are probabilities. `reduction` as for `Loss`.

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

    The last layer has activation "softmax" (left out in training, so that nothing is lost in rounding) or is linear.
    Targets are integer labels in [0, units), strings, or rows of probabilities (one-hot rows), which sum to 1.
    `reduction` as for `Loss`.
    """

    _engine = "categorical_cross_entropy"
    _targets = "categorical"
    _activation: Link = "softmax"

    def head(self, activation: str, units: int, *, skippable: bool = True) -> Head:
        """Join the loss to a last layer of at least two units."""
        _need_two(self, units)
        return super().head(activation, units, skippable=skippable)


class BinaryFocalCrossentropy(BinaryCrossentropy):
    """l = mean of -t (1 - p)^g log p - (1 - t) p^g log(1 - p) with p = sigmoid(z): sure and right rows hardly count.

    Layers and targets are as for `BinaryCrossentropy`, which it is with gamma=0. A weight of the classes, the
    paper's alpha, is `class_weight={0: 1 - alpha, 1: alpha}` of `fit`.

    Parameters
    ----------
    gamma : float >= 0, default=2.0
        g: a row with p = 0.9 for its class counts (1 - 0.9)^g of what it counts without.
    reduction : {"mean", "sum", "penalized_mean"}, default="mean"
        How the rows of a batch are put together.

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

    Targets have a column for each output: w where the answer is yes, -w where it is no, with a weight w >= 0; 0 leaves
    an output out, where the answer is not known. Layers are as for `BinaryCrossentropy`. `reduction` as for `Loss`.

    Examples
    --------
    The first row's second answer is unknown, and a yes to the second question counts three times:

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
    """l = -sum t (1 - p)^g log p with p = softmax(z): sure and right rows hardly count.

    Layers and targets are as for `CategoricalCrossentropy`, which it is with gamma=0. Weights of the classes are
    `class_weight` of `fit`. Integer labels are several times as fast as rows of probabilities.

    Parameters
    ----------
    gamma : float >= 0, default=2.0
        g: a row with p = 0.9 for its class counts (1 - 0.9)^g of what it counts without.
    reduction : {"mean", "sum", "penalized_mean"}, default="mean"
        How the rows of a batch are put together.

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
    """The cross entropy of outputs that are probabilities: a last layer's sigmoid or softmax is not left out.

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


class Poisson(Loss):
    """Counts t with rate r, up to a constant: l = mean of r - t log r.

    Parameters
    ----------
    log_input : bool, default=True
        Whether the outputs are log r (l = exp(y) - t y) or r itself.
    reduction : {"mean", "sum", "penalized_mean"}, default="mean"
        How the rows of a batch are put together.

    Raises
    ------
    ValueError, TypeError
        For a value that is not allowed.
    """

    _engine = "poisson"
    _targets = "count"

    def __init__(self, log_input: bool = True, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction=reduction)
        self.log_input = check_flag("log_input", log_input)

    def _setting(self, units: int) -> float:
        return 1.0 if self.log_input else 0.0


class _Margin(Loss):
    """Classes as signs. A step at the end is left out in training: the loss is that of its input."""

    _targets = "sign"

    def head(self, activation: str, units: int, *, skippable: bool = True) -> Head:
        """Join the loss to a last layer."""
        skip = activation == "step" and skippable
        return Head(self._engine, self._setting(units), self.reduction, skip, self._targets)


class Perceptron(_Margin):
    """l = mean max(0, -t y) with t = -1 or 1 (Rosenblatt 1958); labels 0 and 1 stand for -1 and 1.

    With several outputs, integer labels set one class against the rest. A last layer with activation "step" learns
    too: y is then the step's input. `reduction` as for `Loss`.
    """

    _engine = "perceptron"


class Hinge(_Margin):
    """l = mean max(0, margin - t y) with t = -1 or 1; labels 0 and 1 stand for -1 and 1.

    With several outputs, integer labels set one class against the rest. A last layer with activation "step" learns
    too: y is then the step's input.

    Parameters
    ----------
    margin : float >= 0, default=1.0
        How far on the right side an output must be to cost nothing.
    reduction : {"mean", "sum", "penalized_mean"}, default="mean"
        How the rows of a batch are put together.

    Raises
    ------
    ValueError, TypeError
        For a value that is not allowed.
    """

    _engine = "hinge"

    def __init__(self, margin: float = 1.0, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction=reduction)
        self.margin = check_number("margin", margin, 0.0)

    def _setting(self, units: int) -> float:
        return self.margin


def _focus(gamma: float) -> float:
    return check_number("gamma", gamma, 0.0)


def _after(skippable: bool) -> str:
    return "" if skippable else " followed by another layer"


def _need_two(loss: Loss, units: int) -> None:
    if units < 2:
        raise ValueError(
            f"{type(loss).__name__} needs a last layer of at least 2 units, got 1; BinaryCrossentropy has 1"
        )


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
