"""What a diagnosis says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..descriptions import State

__all__ = ["Diagnosis", "Finding"]


@dataclass(frozen=True)
class Finding(State):
    """One trouble; errors as for `diagnose`, which lists the names and what each figure is.

    Attributes
    ----------
    name : str
        Such as "dead_relu".
    layer : str or None
        Where it shows; None where it belongs to no layer.
    epoch : int or None
        After which epoch, counted from 0 over all fits; None before the first.
    figure : float
        The number that tells.
    evidence : str
        What was measured, in words.
    suggestion : str
        What helps.
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
    """What `diagnose` found: its findings, and what it measured on the way; errors as there.

    Attributes
    ----------
    findings : tuple of Finding
        The troubles, the gravest first. `len` counts them, `for` goes through them, `print` shows them.
    epoch : int or None
        As in `Finding`.
    loss : float
        On the rows looked at, penalties included.
    signals : dict of str to float
        For each layer with a kernel, |dL/dW| over the root mean square of |x|, x being a row of the layer's input:
        the size of the gradient that arrives there. Empty where the loss is not finite.
    largest_curvature : float or None
        lambda_max, the largest eigenvalue of the loss's second derivatives by the weights, from below; None where the
        optimizer does not go by it.
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
