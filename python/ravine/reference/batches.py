"""The division of rows: the order of an epoch, the slices of a batch, and the sums over them.

All three depend only on shapes, seed and epoch, never on threads, so that the same seed gives the same bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import random
from .matmul import PRODUCT_SLICE

Array = NDArray[Any]

#: Random streams: the purpose in the upper 8 bits, the operation's number in the lower 24.
DROPOUT_STREAM = 2 << 24
ORDER_STREAM = 3 << 24
NOISE_STREAM = 8 << 24
AUGMENT_STREAM = 11 << 24

#: The least rows of a slice of a batch where no operation asks for fewer.
USUAL_BATCH_SLICE = 32
#: Networks of more weights have longer slices in the sums of their gradients.
MOST_COPIED_WEIGHTS = 1 << 17


def epoch_order(rows: int, seed: int, epoch: int) -> NDArray[np.int64]:
    """The order of an epoch's rows: a Fisher-Yates shuffle, a pure function of its arguments.

    For ``i = n - 1, ..., 1`` the rows at ``i`` and at ``j = floor(d_i (i + 1) / 2^64)`` are swapped, where ``d_i`` is
    the 64-bit number of words ``2 i`` (low half) and ``2 i + 1`` of the random stream of orders at step ``epoch``.

    Parameters
    ----------
    rows : int
        Number of rows, n.
    seed : int
        Seed in [0, 2^32).
    epoch : int
        Number of the epoch, from 0.

    Returns
    -------
    ndarray of int64, shape (rows,)
        A permutation of ``0 .. rows - 1``.

    References
    ----------
    R. Durstenfeld, "Algorithm 235: Random permutation", Communications of the ACM 7 (1964).

    Examples
    --------
    >>> sorted(epoch_order(5, seed=1, epoch=0).tolist())
    [0, 1, 2, 3, 4]
    """
    order = np.arange(rows, dtype=np.int64)
    words = random.random_bits(2 * rows, seed=seed, stream=ORDER_STREAM, step=epoch).tolist()
    for i in range(rows - 1, 0, -1):
        j = ((words[2 * i] | words[2 * i + 1] << 32) * (i + 1)) >> 64
        order[i], order[j] = order[j], order[i]
    return order


def batch_slice(rows: int, least: int = USUAL_BATCH_SLICE) -> int:
    """Rows of one slice of a batch: ``max(32, 8 ceil(rows / 128))``, so that a batch has at most 16 slices.

    A network with operations that need shorter slices has ``max(least, u ceil(rows / 16 u))``, u = least.

    Examples
    --------
    >>> batch_slice(10), batch_slice(512), batch_slice(513), batch_slice(40, 4)
    (32, 32, 40, 4)
    """
    unit = least if least < USUAL_BATCH_SLICE else 8
    return max(least, unit * -(-rows // (16 * unit)))


def gradient_slice(rows: int, least: int = USUAL_BATCH_SLICE, weights: int = 0) -> int:
    """Rows of one slice of a gradient's sum over a batch: `batch_slice`, but at least 256 in large networks.

    Parameters
    ----------
    rows : int
        Rows of the batch.
    least : int, default 32
        The smallest number of rows in a slice, see `batch_slice`; it is kept for networks that need shorter slices.
    weights : int, default 0
        The number of elements of all parameters; networks with more than 2^17 are large.

    Examples
    --------
    >>> gradient_slice(512), gradient_slice(512, weights=200_000), gradient_slice(512, 16, 200_000)
    (32, 256, 32)
    """
    whole = weights > MOST_COPIED_WEIGHTS and least == USUAL_BATCH_SLICE
    return max(batch_slice(rows, least), PRODUCT_SLICE if whole else 0)


def tree_sum(terms: Sequence[float]) -> float:
    """Balanced sum: neighbours are added in pairs, level by level; an odd one is passed to the next level.

    Examples
    --------
    >>> tree_sum([1.0, 2.0, 3.0])
    6.0
    """
    level = list(terms)
    while len(level) > 1:
        pairs = [a + b for a, b in zip(level[0::2], level[1::2], strict=False)]
        level = pairs + level[2 * len(pairs) :]
    return level[0] if level else 0.0


def weighted_sum(values: Array, weight: Array | None, least: int = USUAL_BATCH_SLICE) -> float:
    """Sum of ``weight * values`` in float64: ascending inside a slice of the batch, the slices added in a tree.

    Parameters
    ----------
    values : ndarray, shape (rows,)
        One value per row.
    weight : ndarray, shape (rows,), or None
        Weights of the rows; None means ones.
    least : int
        The smallest number of rows in a slice, see `batch_slice`.

    Examples
    --------
    >>> weighted_sum(np.array([1.0, 2.0]), np.array([1.0, 0.5]))
    2.0
    """
    terms = values.astype(np.float64)
    if weight is not None:
        terms = terms * weight.astype(np.float64)
    size = batch_slice(len(terms), least)
    # cumsum adds in ascending order, where np.sum adds pairwise
    return tree_sum([float(np.cumsum(terms[first : first + size])[-1]) for first in range(0, len(terms), size)])
