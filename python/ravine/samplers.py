"""Samplers: which rows a batch has, beside any optimizer with a step of its own.

A sampler draws rows in other proportions than those of the data, and weighs them so that the loss that training
minimises stays the same: it changes how much gradients vary, not where they lead. `correct=False` leaves the weights
out, and then the loss is that of the rows as they are drawn.

With user's weights w_i (1 without) and an average draw's weight E[r], a batch of B rows i gives sum r_i l_i / (B E[r]),
or sum r_i l_i where the loss is a sum. Over all draws its mean is exactly the loss of all rows as one batch,
sum w_i l_i / sum w_i, or B / n times sum w_i l_i, and so are its gradients.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from ._fixed import Described
from ._sampling import Learnt, Rows
from ._validation import Array, as_array, as_sample_weight, check_flag, check_int, check_number

if TYPE_CHECKING:
    from ._core import Sampler as Engine

__all__ = ["AdaptiveWeights", "Sampler", "Stratified", "Weighted"]


class Sampler(Described, ABC):
    """What all samplers share: they are descriptions, and may serve several models.

    Raises
    ------
    TypeError
        Where it is made itself: choose one of its kinds.

    Notes
    -----
    A new kind says in `_engine` what the compiled sampler of a fit is, and in `_learnt` what the model keeps of it.
    """

    _draws = True  # rows come one by one, with replacement

    @property
    def _keeps_order(self) -> bool:
        """Whether it can do without chance: every row comes once an epoch."""
        return not self._draws

    @abstractmethod
    def _engine(self, rows: Rows) -> Engine:
        """Make the engine's sampler for some rows."""

    def _learnt(self, engine: Engine) -> Learnt | None:
        """Return what the model is to keep of a sampler that learns."""
        return None


def _labels(strata: ArrayLike | None) -> Array | None:
    """Return a label for each row, copied."""
    if strata is None:
        return None
    array = as_array("strata", strata)
    if array.ndim != 1 or array.dtype.kind not in "biuU" or not len(array):
        raise ValueError(
            "strata must be None or an array of ints, bools or strings, one for each row, got "
            f"shape {array.shape} and dtype {array.dtype}"
        )
    return _kept(array)


def _kept(array: Array) -> Array:
    copy = np.array(array)
    copy.flags.writeable = False
    return copy


def _check_quantiles(quantiles: int | None, strata: Array | None) -> int | None:
    if quantiles is None:
        return None
    number = check_int("quantiles", quantiles, 2, allowed="None or an int >= 2")
    if strata is not None:
        raise ValueError(f"give strata or quantiles, not both, got quantiles={number}")
    return number


class Weighted(Sampler):
    """Draws rows with replacement, row i with probability q_i = weights_i / sum(weights).

    An epoch has as many draws as there are rows. A drawn row weighs w_i / (n q_i), so that the loss stays that of all
    rows, or with ``correct=False`` w_i, so that the loss is sum q_i w_i l_i / sum q_i w_i.

    Parameters
    ----------
    weights : array-like, shape (n,)
        Numbers >= 0, one for each row of X, not all zero. Rows with 0 are never drawn.
    correct : bool, default=True
        Whether rows are weighed to keep the loss as it is.

    Raises
    ------
    ValueError, TypeError
        For a value that is not allowed; in `fit`, where there are not as many weights as rows.

    Examples
    --------
    The rows far out bend the curve: draw them ten times as often, at the same loss.

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
        self.weights: Array = _kept(checked)
        self.correct = check_flag("correct", correct)

    def _engine(self, rows: Rows) -> Engine:
        weights = np.ascontiguousarray(rows.part("weights", self.weights))
        if not weights.any():
            raise ValueError("weights of the rows to train on are all zero: validation_split takes the last rows")
        each = np.arange(len(weights), dtype=np.int32)
        return rows.engine().draws(each, weights, rows.weight, strata=len(each), seed=rows.seed, correct=self.correct)


class Stratified(Sampler):
    """Gives every batch the same share of each stratum: that of the data, or with ``balanced=True`` 1 / K of all K.

    With the data's shares every row comes once an epoch; a batch of B rows has B n_k / n of stratum k, less than two
    more or less, and where that is whole for all strata exactly so many. Balanced batches have B / K of each, less than
    one more or less: rows of small strata come several times an epoch, of large ones not in all. They weigh
    w_i K n_k / n, so that the loss stays that of all rows, or with ``correct=False`` w_i, so that strata count alike.

    Parameters
    ----------
    strata : array-like of int, bool or str, shape (n,), optional
        The stratum of each row of X; None takes the classes, or the quantiles of numeric targets.
    balanced : bool, default=False
        Whether strata have equal shares.
    correct : bool, default=True
        Whether rows of balanced batches are weighed to keep the loss as it is.
    quantiles : int >= 2, optional
        Into how many strata of like size numeric targets are cut; None: 10.

    Raises
    ------
    ValueError, TypeError
        For a value that is not allowed; in `fit`, where there are not as many strata as rows, or where several outputs
        leave open what the strata are.

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
        self.strata = _labels(strata)
        self.balanced = check_flag("balanced", balanced)
        self.correct = check_flag("correct", correct)
        self.quantiles = _check_quantiles(quantiles, self.strata)
        if not (self.balanced or self.correct):
            raise ValueError("correct=False changes nothing unless balanced=True: rows come in the data's proportions")

    @property
    def _keeps_order(self) -> bool:
        return not self.balanced

    def _engine(self, rows: Rows) -> Engine:
        stratum, strata = rows.strata(self.strata, self.quantiles)
        return rows.engine().arrangement(
            stratum, rows.weight, strata=strata, seed=rows.seed, balanced=self.balanced, correct=self.correct
        )


class AdaptiveWeights(Sampler):
    """AW-SGD: learns, step by step, to draw strata as often as lets the gradient vary least.

    A row is drawn as a stratum k with probability q_k = (1 - u) softmax(tau)_k + u n_k / n, and then a row of it, all
    alike. Row i gives d_i = p_i / q_i grad l_i to the mean d that the optimizer takes, with p_i its share of the loss
    and q_i = q_k / n_k, so that d has the gradient of all rows as its mean, whatever q is. Then

        tau += a sum_i |d_i|^2 grad_tau log q_k(i) / B,

    which descends the variance of d; q_k comes to be in proportion to n_k times the root of the mean squared norm of
    the stratum's gradients. It begins at q_k = n_k / n. No row's weight is ever more than 1 / u times what it was.

    The norms come with backpropagation: a dense layer's gradient for one row is an outer product, so |dW|^2 = |x|^2
    |delta|^2. Penalties, which all rows share, are left out. What is learnt stays with the model: a further fit with
    the same settings and as many strata goes on from there, until `compile`.

    Parameters
    ----------
    learning_rate : float > 0, default=0.03
        a, the step of tau.
    uniform : float in (0, 1], default=0.1
        u, the share of draws that come uniformly from all rows.
    strata : array-like of int, bool or str, shape (n,), optional
        The stratum of each row of X; None takes the classes, or the quantiles of numeric targets.
    quantiles : int >= 2, optional
        Into how many strata of like size numeric targets are cut; None: 10.
    normalize : bool, default=True
        Divide |d|^2 by its running mean (0.99 of it is kept at each step), so that `learning_rate` means the same for
        gradients of any size. False is the article's form.

    Raises
    ------
    ValueError, TypeError
        For a value that is not allowed; in `fit`, where there are not as many strata as rows, where several outputs
        leave open what the strata are, or for a trained layer that cannot give the norms.

    References
    ----------
    G. Bouchard, T. Trouillon, J. Perez and A. Gaidon, "Online learning to sample", arXiv:1506.09016 (2015).

    Examples
    --------
    A class of 2 % that is hard to tell: it comes to be drawn several times as often.

    >>> import numpy as np
    >>> import ravine as rv
    >>> y = np.arange(1000) % 50 == 0
    >>> X = np.random.default_rng(0).normal(size=(1000, 2)) + y[:, None]
    >>> model = rv.Sequential([rv.layers.Dense(1, "sigmoid")], random_state=0)
    >>> model.compile(optimizer=rv.optimizers.SGD(0.1), loss="binary_crossentropy")
    >>> drawn = []
    >>> watch = rv.callbacks.LambdaCallback(on_epoch_end=lambda *_: drawn.append(model.sampling_probabilities[1]))
    >>> history = model.fit(X, y, epochs=20, sampler=rv.samplers.AdaptiveWeights(), callbacks=[watch])
    >>> bool(drawn[-1] > 0.1)
    True
    """

    def __init__(
        self,
        learning_rate: float = 0.03,
        *,
        uniform: float = 0.1,
        strata: ArrayLike | None = None,
        quantiles: int | None = None,
        normalize: bool = True,
    ) -> None:
        self.learning_rate = check_number("learning_rate", learning_rate, 0.0, closed="neither")
        self.uniform = check_number("uniform", uniform, 0.0, 1.0, closed="right")
        self.strata = _labels(strata)
        self.quantiles = _check_quantiles(quantiles, self.strata)
        self.normalize = check_flag("normalize", normalize)

    def _learnt(self, engine: Engine) -> Learnt:
        shares = engine.probability  # q begins there
        assert shares is not None
        given = self.strata is not None
        kind = (type(self).__name__, self.learning_rate, self.uniform, given, self.quantiles, self.normalize)
        return Learnt(kind, engine.state, self.uniform, shares)

    def _engine(self, rows: Rows) -> Engine:
        stratum, strata = rows.strata(self.strata, self.quantiles)
        return rows.engine().draws(
            stratum,
            None,
            rows.weight,
            strata=strata,
            seed=rows.seed,
            learning_rate=self.learning_rate,
            uniform=self.uniform,
            normalize=self.normalize,
        )


def check_sampler(sampler: Any, shuffle: bool) -> Sampler | None:
    """Return the sampler, where it is one that goes with `shuffle`."""
    if sampler is None:
        return None
    if not isinstance(sampler, Sampler):
        raise TypeError(f"sampler must be None or a samplers.Sampler, got {sampler!r}")
    if not (shuffle or sampler._keeps_order):
        raise ValueError(
            f"shuffle=False keeps the order of the rows, but {type(sampler).__name__} draws them; leave shuffle=True"
        )
    return sampler
