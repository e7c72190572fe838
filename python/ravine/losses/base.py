"""The base class of losses, and the head that joins a loss to a network's last layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ..descriptions import Described

__all__ = ["Head", "Link", "Loss", "Reduction"]

Link = Literal["sigmoid", "softmax"]
Reduction = Literal["mean", "sum", "penalized_mean"]


@dataclass(frozen=True)
class Head:
    """A loss joined to a network's last layer.

    Attributes
    ----------
    loss, setting, reduction, skip_activation
        Settings for the engine.
    targets : str
        The kind of targets: "real", "count" (>= 0), "binary" (in [0, 1]), "categorical" (a class), "sign" (-1 or 1).
    logits : str or None
        If training uses logits: the function that turns them into probabilities.
    link : str or None
        The function that turns the network's outputs into probabilities; None if they already are, or never are.
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
    """The base class of losses.

    Parameters
    ----------
    reduction : {"mean", "sum", "penalized_mean"}, default="mean"
        How the losses of a batch's rows are reduced.

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
            Whether the activation is the last operation of the network.

        Raises
        ------
        ValueError
            If the loss does not fit the activation or the number of outputs.
        """
        return Head(self._engine, self._setting(units), self.reduction, False, self._targets)
