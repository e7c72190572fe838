"""Losses of classes that are encoded as signs."""

from __future__ import annotations

from ..inputs.arguments import check_number
from .base import Head, Loss, Reduction

__all__ = ["Hinge", "Perceptron"]


class _Margin(Loss):
    """Classes as signs. A final step activation is skipped in training: the loss is that of its input."""

    _targets = "sign"

    def head(self, activation: str, units: int, *, skippable: bool = True) -> Head:
        """Join the loss to a last layer."""
        skip = activation == "step" and skippable
        return Head(self._engine, self._setting(units), self.reduction, skip, self._targets)


class Perceptron(_Margin):
    """l = mean max(0, -t y) with t = -1 or 1 (Rosenblatt 1958); labels 0 and 1 mean -1 and 1.

    With several outputs, integer labels mean one class against the rest. A last layer with activation "step" can be
    trained too: y is then the step's input. `reduction` as for `Loss`.
    """

    _engine = "perceptron"


class Hinge(_Margin):
    """l = mean max(0, margin - t y) with t = -1 or 1; labels 0 and 1 mean -1 and 1.

    With several outputs, integer labels mean one class against the rest. A last layer with activation "step" can be
    trained too: y is then the step's input.

    Parameters
    ----------
    margin : float >= 0, default=1.0
        The margin by which an output must be on the right side to have no loss.
    reduction : {"mean", "sum", "penalized_mean"}, default="mean"
        How the losses of a batch's rows are reduced.

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
