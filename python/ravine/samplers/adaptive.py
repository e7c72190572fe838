"""A sampler that learns which strata to draw more often."""

from __future__ import annotations

from typing import TYPE_CHECKING

from numpy.typing import ArrayLike

from ..inputs.arguments import check_flag, check_number
from .base import Learnt, Sampler, TrainingRows, check_quantiles, check_strata

if TYPE_CHECKING:
    from .._core import Sampler as Engine

__all__ = ["AdaptiveWeights"]


class AdaptiveWeights(Sampler):
    """AW-SGD: learns, step by step, the sampling probabilities of strata that minimise the variance of the gradient.

    A stratum k is drawn with probability q_k = (1 - u) softmax(tau)_k + u n_k / n, and then one of its rows, with equal
    probabilities. Row i contributes d_i = p_i / q_i grad l_i to the mean d that the optimizer takes, with p_i its share
    of the loss and q_i = q_k / n_k, so that the mean of d is the gradient of all rows for any q. Then

        tau += a sum_i |d_i|^2 grad_tau log q_k(i) / B,

    which is gradient descent on the variance of d. q_k becomes proportional to n_k times the root of the mean squared
    norm of the stratum's gradients. It begins at q_k = n_k / n. A row's weight never exceeds 1 / u times its original
    weight.

    The norms are a by-product of backpropagation: a dense layer's gradient for one row is an outer product, so
    |dW|^2 = |x|^2 |delta|^2. Penalties, which are the same for all rows, are not included. The model keeps what is
    learnt: a further fit with the same settings and number of strata continues from it, until `compile`.

    Parameters
    ----------
    learning_rate : float > 0, default=0.03
        a, the step of tau.
    uniform : float in (0, 1], default=0.1
        u, the share of draws that come uniformly from all rows.
    strata : array-like of int, bool or str, shape (n,), optional
        The stratum of each row of X; None takes the classes, or the quantiles of numeric targets.
    quantiles : int >= 2, optional
        The number of strata of similar size into which numeric targets are divided; None means 10.
    normalize : bool, default=True
        Whether to divide |d|^2 by its running mean (with momentum 0.99), so that `learning_rate` has the same effect
        for gradients of any size. False is the article's form.

    Raises
    ------
    ValueError, TypeError
        For a value that is not allowed; in `fit`, if `strata` does not have an entry for each row, if several outputs
        define no strata, or for a trained layer that cannot give the norms.

    References
    ----------
    G. Bouchard, T. Trouillon, J. Perez and A. Gaidon, "Online learning to sample", arXiv:1506.09016 (2015).

    Examples
    --------
    A class of 2 % that is hard to classify is drawn several times as often:

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
        self.strata = check_strata(strata)
        self.quantiles = check_quantiles(quantiles, self.strata)
        self.normalize = check_flag("normalize", normalize)

    def _learnt(self, engine: Engine) -> Learnt:
        shares = engine.probability  # q begins there
        assert shares is not None
        given = self.strata is not None
        kind = (type(self).__name__, self.learning_rate, self.uniform, given, self.quantiles, self.normalize)
        return Learnt(kind, engine.state, self.uniform, shares)

    def _engine(self, rows: TrainingRows) -> Engine:
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
