"""The record of a fit."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["History"]


class History:
    """The record of one `fit`.

    Attributes
    ----------
    epoch : list of int
        The numbers of the epochs, counted from 0 over all fits of the model.
    history : dict of str to list of float
        "loss", the metrics, and with validation data "val_loss" and "val_..." for each metric; a value per epoch.
    learning_rate : list of float
        The rate of each epoch's last step.
    """

    def __init__(self) -> None:
        self.epoch: list[int] = []
        self.learning_rate: list[float] = []
        self.history: dict[str, list[float]] = {}

    def add(self, epochs: Sequence[int], rates: Sequence[float], logs: dict[str, list[float]]) -> None:
        """Add the values of some epochs."""
        self.epoch.extend(epochs)
        self.learning_rate.extend(rates)
        for name, values in logs.items():
            self.history.setdefault(name, []).extend(values)

    def __repr__(self) -> str:
        return f"History({len(self.epoch)} epochs of {', '.join(self.history)})"
