"""The checked arguments of one call of `fit`."""

from __future__ import annotations

import warnings
import zlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ..inputs.arrays import Array
from ..inputs.sparse import arrays_of
from ..network.data import Data
from ..network.plan import Part
from ..network.state import ModelState
from ..optimizers import Optimizer
from .sampling import Sampling

__all__ = ["FitConfiguration", "check_batches", "warn_of_small_batches"]


@dataclass(frozen=True)
class FitConfiguration:
    """A fit's data and settings; they do not change.

    Attributes
    ----------
    data, validation : Data, Data or None
        Training and validation rows.
    epochs : int
        The number of epochs from the fit's start.
    batch_size : int
        Rows per step, at most the number of rows.
    shuffle : bool
        Whether each epoch has a new random order.
    n_threads, verbose : int
        As for `Sequential.fit`, checked.
    sampling : Sampling or None
        The sampler that draws the rows of each batch.
    """

    data: Data
    epochs: int
    batch_size: int
    validation: Data | None = None
    shuffle: bool = True
    n_threads: int = 1
    verbose: int = 0
    sampling: Sampling | None = None

    @property
    def steps(self) -> int:
        """Batches of an epoch."""
        return -(-len(self.data.X) // self.batch_size)

    @property
    def shuffles(self) -> bool:
        """Whether the engine takes rows in a new order in each epoch."""
        return self.shuffle and not (self.sampling is not None and self.sampling.draws)

    @cached_property
    def fingerprint(self) -> dict[str, Any]:
        """The values that must be equal in a fit that resumes this one; the data by their CRC-32."""
        check, arrays = 0, [*self._arrays(self.data), *self._arrays(self.validation)]
        for array in arrays:
            check = zlib.crc32(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data, check)
        return {
            "rows": len(self.data.X),
            "batch_size": self.batch_size,
            "shuffle": self.shuffle,
            "data": check,
            "sampler": None if self.sampling is None else self.sampling.name,
        }

    @staticmethod
    def _arrays(data: Data | None) -> list[Array]:
        found = [] if data is None else [*arrays_of(data.X), data.target, data.weight]
        return [array for array in found if array is not None]


def warn_of_small_batches(optimizer: Optimizer, size: int, rows: int, *, stacklevel: int) -> None:
    """Warn if an optimizer that uses differences of gradients would see more noise than curvature.

    A quarter of all rows counts as close enough to all of them.
    """
    if size < min(optimizer.least_batch, rows / 4):
        warnings.warn(
            f"{type(optimizer).__name__} searches along the loss of one batch, and batches of {size} rows differ too "
            f"much for what it learns from them; pass batch_size=None for all {rows} rows, or at least "
            f"{optimizer.least_batch}",
            UserWarning,
            stacklevel=stacklevel + 1,
        )


def check_batches(state: ModelState, size: int, *, stacklevel: int) -> None:
    """Refuse batches with too few rows for a layer, and warn if a search uses statistics that were never learnt.

    Raises
    ------
    ValueError
        If a layer that computes statistics of a batch needs more than `size` rows.
    """
    optimizer = state.need_optimizer()
    parts = [part for part in state.plan.parts if part.trainable and part.layer.statistic_shapes(part.shape)]
    if not optimizer.searches:
        for part in parts:
            least = part.layer.least_batch(part.shape)
            if size < least:
                raise ValueError(
                    f"layer {part.name} takes the variance of each batch, and batches of {size} row have none: pass a "
                    f"batch_size of at least {least}, or take LayerNorm"
                )
    elif parts and all(_has_first_statistics(state, part) for part in parts):
        warnings.warn(
            f"{type(optimizer).__name__} takes the loss at the running statistics of {parts[0].name}, which it does "
            "not learn: they have their first values still. Take steps before (optimizers.Chain), or take LayerNorm",
            UserWarning,
            stacklevel=stacklevel + 1,
        )


def _has_first_statistics(state: ModelState, part: Part) -> bool:
    """Whether the running statistics of a layer are their initial values."""
    statistics = state.network.statistics()
    mean, variance = (statistics[f"{part.name}/moving_{kind}"] for kind in ("mean", "variance"))
    return not mean.any() and bool((variance == 1).all())
