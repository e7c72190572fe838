"""NumPy twins of the engine's samplers: the rows of a batch, and their weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import random

Array = NDArray[Any]

#: Random streams: draws by step, and the start of an epoch's pattern by epoch.
DRAW_STREAM = 9 << 24
TURN_STREAM = 9 << 24 | 1

__all__ = ["Arrangement", "Draws", "even_pattern"]


def _pairs(count: int, *, first: int = 0, seed: int, stream: int, step: int) -> list[int]:
    """64-bit numbers, each from two words of a stream, the low one first."""
    words = random.random_bits(2 * count, first=2 * first, seed=seed, stream=stream, step=step).tolist()
    return [low | high << 32 for low, high in zip(words[0::2], words[1::2], strict=True)]


class Sampler:
    """The base class of both kinds.

    Parameters
    ----------
    stratum : ndarray of int, shape (rows,)
        The stratum of each row, from 0.
    weight : ndarray, shape (rows,), or None
        Weights of the samples, w; None means ones.
    seed : int
        Seed of the draws.

    Attributes
    ----------
    state : ndarray of float64
        The learnt state; empty if nothing is learnt.
    mean_weight : float
        ``E[r]``, the mean weight of a draw.
    weighs : bool
        Whether rows have other weights than 1.
    """

    state: NDArray[np.float64]
    mean_weight: float
    weighs: bool

    def __init__(self, stratum: Array, weight: Array | None, seed: int) -> None:
        self.stratum, self.seed = np.asarray(stratum), seed
        self.given = np.ones(len(self.stratum)) if weight is None else np.asarray(weight, np.float64)
        self.rows = [np.flatnonzero(self.stratum == k) for k in range(int(self.stratum.max()) + 1)]
        self.share = np.array([len(rows) / len(self.stratum) for rows in self.rows])
        self.state = np.empty(0)

    def batch(
        self, order: Array | None, epoch: int, step: int, first: int, rows: int
    ) -> tuple[Array, NDArray[np.float64]]:
        """Return the rows ``[first, first + rows)`` of an epoch, and their weights.

        ``order`` is that of the epoch, None for rows that are not shuffled.
        """
        raise NotImplementedError

    def learn(self, norms: Array) -> None:
        """Learn from ``|gradient|^2`` of each row of the last batch."""

    def _mean(self, probability: Array, factor: Array) -> float:
        """``sum_k q_k f_k`` times the mean of w in stratum k."""
        means = np.array([self.given[rows].mean() for rows in self.rows])
        return float((probability * factor * means).sum())


class Draws(Sampler):
    """Draws with replacement: stratum k with probability q_k, then a row of it; q is given or learnt (AW-SGD).

    Draw i uses words ``4 i .. 4 i + 3``: u from the first 53 of the first 64 bits, the first stratum k with ``u sum q``
    below ``q_0 + ... + q_k``, and its row at ``floor(d n_k / 2^64)``, d from the other 64 bits. A row has the weight
    ``w n_k / (n q_k)``, or w without `correct`.

    Learnt: ``q = (1 - u) softmax(tau) + u n_k / n``, and with ``D = |d|^2``, ``d = B`` times a row's gradient in the
    batch, ``tau += a sum_i D_i grad log q(x_i) / B`` over a running mean of D, if wanted.

    Parameters
    ----------
    stratum, weight, seed
        As in `Sampler`.
    probability : ndarray of float64, shape (strata,), or None
        Proportional to q; None learns q.
    correct : bool, default True
        Whether rows have the weight ``p / q``.
    learning_rate, uniform : float
        a and u.
    normalize : bool, default True
        Whether D is divided by its running mean.

    References
    ----------
    G. Bouchard, T. Trouillon, J. Perez and A. Gaidon, "Online learning to sample", arXiv:1506.09016 (2015).

    Examples
    --------
    >>> draws = Draws(np.array([0, 0, 0, 1]), np.array([1.0, 1.0]), None, seed=0)
    >>> rows, weights = draws.batch(None, epoch=0, step=0, first=0, rows=4)
    >>> bool((weights == np.where(rows == 3, 0.5, 1.5)).all())
    True
    """

    def __init__(
        self,
        stratum: Array,
        probability: Array | None,
        weight: Array | None,
        *,
        seed: int,
        correct: bool = True,
        learning_rate: float = 0.0,
        uniform: float = 0.0,
        normalize: bool = True,
    ) -> None:
        super().__init__(stratum, weight, seed)
        self.learns, self.correct = probability is None, correct
        self.learning_rate, self.uniform, self.normalize = learning_rate, uniform, normalize
        if probability is None:
            self.state = np.concatenate([np.log(self.share), [0.0, 1.0]])
        else:
            self.probability = probability / probability.sum()
        self._look()
        self.weighs = correct or weight is not None
        self.mean_weight = self._mean(self.probability, self.factor)

    def _look(self) -> None:
        """Compute softmax(tau), q and the strata's factors."""
        if self.learns:
            e = np.exp(self.state[:-2] - self.state[:-2].max())
            self.softmax = e / e.sum()
            self.probability = (1.0 - self.uniform) * self.softmax + self.uniform * self.share
        with np.errstate(divide="ignore"):
            corrected = np.where(self.probability > 0, self.share / self.probability, 0.0)
        self.factor = corrected if self.correct else np.ones_like(self.share)

    def batch(
        self, order: Array | None, epoch: int, step: int, first: int, rows: int
    ) -> tuple[Array, NDArray[np.float64]]:
        """Return drawn rows; they depend neither on the epoch's order nor on the position in it."""
        self._look()
        numbers = _pairs(2 * rows, seed=self.seed, stream=DRAW_STREAM, step=step)
        cumulative = np.cumsum(self.probability)
        drawn = []
        for u, d in zip(numbers[0::2], numbers[1::2], strict=True):
            k = int(np.searchsorted(cumulative, (u >> 11) * 2.0**-53 * cumulative[-1], side="right"))
            drawn.append(self.rows[k][(d * len(self.rows[k])) >> 64])
        chosen = np.array(drawn)
        self.drawn = self.stratum[chosen]
        return chosen, self.given[chosen] * self.factor[self.drawn]

    def learn(self, norms: Array) -> None:
        """Take one step of tau."""
        if not self.learns:
            return
        d2 = len(norms) ** 2 * np.asarray(norms, np.float64)
        if not (d2.mean() > 0 and np.isfinite(d2.mean())):
            return
        tau, scale = self.state[:-2], 1.0
        if self.normalize:
            self.state[-2] = 0.99 * self.state[-2] + 0.01 * d2.mean()
            self.state[-1] *= 0.99
            scale = self.state[-2] / (1.0 - self.state[-1])
        step = np.zeros_like(tau)
        for value, k in zip(d2, self.drawn, strict=True):
            one = np.arange(len(tau)) == k
            # grad log q_k = (1 - u) softmax_k (e_k - softmax) / q_k
            slope = (1.0 - self.uniform) * self.softmax[k] * (one - self.softmax) / self.probability[k]
            step += value * slope
        tau += self.learning_rate * step / (len(d2) * scale)


def even_pattern(size: Sequence[int]) -> NDArray[np.int64]:
    """The strata of ``n = sum(size)`` slots, evenly distributed.

    The j-th slot of stratum k, from 0, is one of ``floor(j n / n_k) .. ceil((j + 1) n / n_k) - 1``; of the possible
    ones, the one whose range ends first is taken, and of equal ones the lowest.

    References
    ----------
    R. Tijdeman, "The chairman assignment problem", Discrete Mathematics 32 (1980).

    Examples
    --------
    >>> even_pattern([4, 2])
    array([0, 0, 1, 0, 0, 1])
    """
    slots, placed, pattern = sum(size), [0] * len(size), []
    for slot in range(slots):
        coming = [k for k, n in enumerate(size) if placed[k] < n and placed[k] * slots // n <= slot]
        chosen = min(coming, key=lambda k: (-(-(placed[k] + 1) * slots // size[k]), k))
        placed[chosen] += 1
        pattern.append(chosen)
    return np.array(pattern)


class Arrangement(Sampler):
    """Batches with fixed shares of the strata: those of the data, or, if balanced, equal shares.

    Slot s of an epoch belongs to the stratum at ``s + t`` of a pattern that repeats, t the number
    ``floor(d period / 2^64)`` of the epoch, or 0 if rows are not shuffled. A stratum's rows are used in the epoch's
    order, repeatedly.

    Parameters
    ----------
    stratum, weight, seed
        As in `Sampler`.
    balanced : bool, default False
        Whether strata have equal shares.
    correct : bool, default True
        Whether a row of balanced batches has the weight ``w K n_k / n``, otherwise w.

    Examples
    --------
    >>> arrangement = Arrangement(np.array([0, 0, 0, 1]), None, seed=0, balanced=True)
    >>> rows, weights = arrangement.batch(None, epoch=0, step=0, first=0, rows=4)
    >>> sorted(rows.tolist()), sorted(weights.tolist())
    ([0, 1, 3, 3], [0.5, 0.5, 1.5, 1.5])
    """

    def __init__(
        self, stratum: Array, weight: Array | None, *, seed: int, balanced: bool = False, correct: bool = True
    ) -> None:
        super().__init__(stratum, weight, seed)
        strata = len(self.rows)
        self.pattern = np.arange(strata) if balanced else even_pattern([len(rows) for rows in self.rows])
        self.factor = self.share * strata if balanced and correct else np.ones(strata)
        self.weighs = weight is not None or (balanced and correct)
        self.mean_weight = self._mean(np.full(strata, 1.0 / strata) if balanced else self.share, self.factor)

    def batch(
        self, order: Array | None, epoch: int, step: int, first: int, rows: int
    ) -> tuple[Array, NDArray[np.float64]]:
        """Return the rows of some slots."""
        turn = 0 if order is None else _pairs(1, seed=self.seed, stream=TURN_STREAM, step=epoch)[0]
        turn, order = (turn * len(self.pattern)) >> 64, np.arange(len(self.stratum)) if order is None else order
        queues = [order[self.stratum[order] == k] for k in range(len(self.rows))]
        taken, chosen = [0] * len(queues), []
        for slot in range(first + rows):
            k = self.pattern[(slot + turn) % len(self.pattern)]
            chosen.append(queues[k][taken[k] % len(queues[k])])
            taken[k] += 1
        drawn = np.array(chosen[first:])
        return drawn, self.given[drawn] * self.factor[self.stratum[drawn]]
