"""Samplers with given probabilities."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from ..inputs.arguments import check_flag
from ..inputs.arrays import Array, as_array, as_sample_weight
from .base import Sampler, TrainingRows, check_quantiles, check_strata, read_only_copy

if TYPE_CHECKING:
    from .._core import Sampler as Engine

__all__ = ["Stratified", "Weighted"]


class Weighted(Sampler):
    """Draws rows with replacement, row i with probability q_i = weights_i / sum(weights).

    An epoch has as many draws as there are rows. A drawn row has the weight w_i / (n q_i), so that the loss is that of
    all rows; with ``correct=False`` it has the weight w_i, so that the loss is sum q_i w_i l_i / sum q_i w_i.

    Parameters
    ----------
    weights : array-like, shape (n,)
        Numbers >= 0, one for each row of X, not all zero. Rows with 0 are never drawn.
    correct : bool, default=True
        Whether drawn rows are reweighed so that the loss is that of all rows.

    Raises
    ------
    ValueError, TypeError
        For a value that is not allowed; in `fit`, if `weights` does not have an entry for each row.

    Examples
    --------
    The outermost rows bend the curve: draw them ten times as often, at the same loss.

    >>> import numpy as np
    >>> import ravine as rv
    >>> X = np.linspace(-1, 1, 200)[:, None]
    >>> model = rv.Sequential([rv.layers.Dense(16, "tanh"), rv.layers.Dense(1)], random_state=0)
    >>> model.compile(optimizer=rv.optimizers.Adam(0.01), loss="mse")
    >>> sampler = rv.samplers.Weighted(np.where(abs(X[:, 0]) > 0.9, 10.0, 1.0))
    >>> history = model.fit(X, X**9, epochs=100, sampler=sampler)
    >>> model.evaluate(X, X**9)["loss"] < 0.02
    True
    """

    def __init__(self, weights: ArrayLike, *, correct: bool = True) -> None:
        array = as_array("weights", weights)
        if array.ndim != 1:
            raise ValueError(f"weights must have shape (n,), one for each row of X, got shape {array.shape}")
        checked = as_sample_weight(array, len(array), np.dtype(np.float64), name="weights")
        assert checked is not None
        with np.errstate(over="ignore"):
            total = float(checked.sum())
        if not 0.0 < total < np.inf:
            raise ValueError(f"weights must have a sum that is positive and finite, got {total}")
        self.weights: Array = read_only_copy(checked)
        self.correct = check_flag("correct", correct)

    def _engine(self, rows: TrainingRows) -> Engine:
        weights = np.ascontiguousarray(rows.part("weights", self.weights))
        if not weights.any():
            raise ValueError("weights of the rows to train on are all zero: validation_split takes the last rows")
        each = np.arange(len(weights), dtype=np.int32)
        return rows.engine().draws(each, weights, rows.weight, strata=len(each), seed=rows.seed, correct=self.correct)


class Stratified(Sampler):
    """Gives every batch the same share of each stratum: that of the data, or with ``balanced=True`` 1 / K of all K.

    With the data's shares every row is used once per epoch. A batch of B rows has B n_k / n rows of stratum k, with a
    difference of less than two, and exactly so many if that is a whole number for all strata. Balanced batches have
    B / K rows of each, with a difference of less than one: rows of small strata are used several times per epoch, those
    of large ones not in every epoch. They have the weight w_i K n_k / n, so that the loss is that of all rows; with
    ``correct=False`` they have the weight w_i, so that strata count equally.

    Parameters
    ----------
    strata : array-like of int, bool or str, shape (n,), optional
        The stratum of each row of X; None takes the classes, or the quantiles of numeric targets.
    balanced : bool, default=False
        Whether strata have equal shares.
    correct : bool, default=True
        Whether rows of balanced batches are reweighed so that the loss is that of all rows.
    quantiles : int >= 2, optional
        The number of strata of similar size into which numeric targets are divided; None means 10.

    Raises
    ------
    ValueError, TypeError
        For a value that is not allowed; in `fit`, if `strata` does not have an entry for each row, or if several
        outputs define no strata.

    Examples
    --------
    One row in five is of class 1, and so are two rows of each batch of ten:

    >>> import numpy as np
    >>> import ravine as rv
    >>> y = np.arange(100) % 5 == 0
    >>> model = rv.Sequential([rv.layers.Dense(1, "sigmoid")], random_state=0)
    >>> model.compile(optimizer=rv.optimizers.SGD(0.5), loss="binary_crossentropy")
    >>> X = np.where(y, 1.0, -1.0)[:, None]
    >>> history = model.fit(X, y, epochs=5, batch_size=10, sampler=rv.samplers.Stratified())
    >>> model.predict_classes(X[:2]).tolist()
    [True, False]
    """

    _draws = False

    def __init__(
        self,
        strata: ArrayLike | None = None,
        *,
        balanced: bool = False,
        correct: bool = True,
        quantiles: int | None = None,
    ) -> None:
        self.strata = check_strata(strata)
        self.balanced = check_flag("balanced", balanced)
        self.correct = check_flag("correct", correct)
        self.quantiles = check_quantiles(quantiles, self.strata)
        if not (self.balanced or self.correct):
            raise ValueError("correct=False changes nothing unless balanced=True: rows come in the data's proportions")

    @property
    def _keeps_order(self) -> bool:
        return not self.balanced

    def _engine(self, rows: TrainingRows) -> Engine:
        stratum, strata = rows.strata(self.strata, self.quantiles)
        return rows.engine().arrangement(
            stratum, rows.weight, strata=strata, seed=rows.seed, balanced=self.balanced, correct=self.correct
        )
