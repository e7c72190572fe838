"""The findings of a diagnosis."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..descriptions import State

__all__ = ["Diagnosis", "Finding"]


@dataclass(frozen=True)
class Finding(State):
    """One problem; errors as for `diagnose`, which lists the names and the meaning of each figure.

    Attributes
    ----------
    name : str
        Such as "dead_relu".
    layer : str or None
        The layer that has it; None if it concerns no single layer.
    epoch : int or None
        The epoch after which it was found, counted from 0 over all fits; None before the first.
    figure : float
        The measured figure.
    evidence : str
        What was measured, in words.
    suggestion : str
        The remedy.
    """

    name: str
    layer: str | None
    epoch: int | None
    figure: float
    evidence: str
    suggestion: str

    def __str__(self) -> str:
        epoch = "" if self.epoch is None else f"epoch {self.epoch}, "
        layer = "" if self.layer is None else f"layer {self.layer}, "
        return f"{epoch}{layer}{self.name}: {self.evidence}; {self.suggestion}"


@dataclass(frozen=True)
class Diagnosis:
    """The result of `diagnose`: its findings and measurements; errors as for `diagnose`.

    Attributes
    ----------
    findings : tuple of Finding
        The problems, the most severe first. `len` counts them, `for` iterates over them, `print` shows them.
    epoch : int or None
        As in `Finding`.
    loss : float
        The loss on the rows used, penalties included.
    signals : dict of str to float
        For each layer with a kernel, |dL/dW| over the root mean square of |x|, where x is a row of the layer's input:
        the size of the gradient that arrives there. Empty if the loss is not finite.
    largest_curvature : float or None
        A lower bound of lambda_max, the largest eigenvalue of the Hessian of the loss; None if the optimizer's step
        size does not depend on it.
    largest_rate : float or None
        The learning rate beyond which steps along that eigenvector grow: 2/lambda_max for plain descent.
    """

    findings: tuple[Finding, ...]
    epoch: int | None
    loss: float
    signals: dict[str, float]
    largest_curvature: float | None = None
    largest_rate: float | None = None

    @property
    def healthy(self) -> bool:
        """Whether nothing was found."""
        return not self.findings

    def __len__(self) -> int:
        return len(self.findings)

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.findings)

    def __str__(self) -> str:
        return "\n".join(map(str, self.findings)) or "no trouble found"
