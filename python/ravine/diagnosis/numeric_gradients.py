"""Numeric gradients, from losses alone."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..inputs.sparse import MatrixLike
from ..model.sequential import Sequential
from ..optimizers.problem import _CENTRAL
from ..runtime.threads import check_n_threads
from .float64_copy import Float64Copy, Vector

__all__ = ["EPSILON", "STEPS", "Along", "numeric_gradients"]

# Steps for a weight below 2, doubled with every power of two above. The first is near eps^(1/5), where the stencil's
# error h^4 f''''' / 30 meets the rounding eps |f| / h; the others find a gradient between closer kinks.
STEPS = (2.0**-10, 2.0**-13, 2.0**-16, 2.0**-19)
EPSILON = 2.0**-52


def numeric_gradients(
    model: Sequential,
    X: MatrixLike,
    y: ArrayLike | None = None,
    *,
    sample_weight: ArrayLike | None = None,
    n_threads: int | None = None,
) -> dict[str, NDArray[np.float64]]:
    """Return the gradients of the loss with respect to all weights from five-point stencils, in float64.

    They need 4 losses on all rows for every weight, so n weights take about n times as long as backpropagation: use
    them for tests, teaching and small nets. See `check_gradients` for the equation. h is 2^-13 (times |w| above 1),
    small enough that few ReLUs have their kink within it, large enough for ten digits after rounding.

    Parameters
    ----------
    model : Sequential
        Compiled with a loss; it need not be fitted, and is not changed.
    X, y, sample_weight : array-like
        As for `fit`.
    n_threads : int in [1, 1024], optional
        See `set_num_threads` for the default.

    Returns
    -------
    dict of str to ndarray of float64
        Named as `parameters`, for layers that are trainable, as `Sequential.apply_gradients` takes them.

    Raises
    ------
    ValueError, TypeError
        As for `fit`.

    Examples
    --------
    Training without backpropagation:

    >>> import numpy as np
    >>> import ravine as rv
    >>> X, y = np.array([[0, 0], [0, 1], [1, 0], [1, 1]]), np.array([0, 1, 1, 0])
    >>> model = rv.Sequential([rv.layers.Input(2), rv.layers.Dense(4, "tanh"), rv.layers.Dense(1)], random_state=0)
    >>> model.compile(optimizer=rv.optimizers.Adam(0.1), loss="binary_crossentropy")
    >>> for _ in range(100):
    ...     model.apply_gradients(rv.numeric_gradients(model, X, y))
    >>> model.predict_classes(X)
    array([0, 1, 1, 0])
    """
    copy = Float64Copy(model._state, (X, y, sample_weight), check_n_threads(n_threads))
    weights, loss = copy.network.parameters(), math.nan
    gradients = {}
    for name in copy.names:
        along = Along(copy.loss, weights[name], loss)
        slopes = [along.slope(i, STEPS[1] * along.unit(i)) for i in range(weights[name].size)]
        gradients[name] = np.array(slopes).reshape(weights[name].shape)
    return gradients


class Along:
    """A loss as a function of single weights of an array, which are changed in place and restored."""

    def __init__(self, loss: Callable[[], float], w: Vector, value: float) -> None:
        self.loss = loss
        self.w = w.reshape(-1)
        assert np.shares_memory(self.w, w)
        self.shape = w.shape
        self.value = value

    def unit(self, i: int) -> float:
        """Return the power of two at or below |w|, at least 1: w + k h is exact then."""
        return math.ldexp(1.0, max(math.frexp(float(self.w[i]))[1] - 1, 0))

    def at(self, i: int, distance: float) -> float:
        """Return the loss with weight number i moved."""
        kept = self.w[i]
        try:
            self.w[i] = kept + distance
            return self.loss()
        finally:
            self.w[i] = kept

    def slope(self, i: int, h: float) -> float:
        """Return the five-point derivative."""
        return sum(coefficient * self.at(i, offset * h) for offset, coefficient in _CENTRAL) / (12.0 * h)

    def bend(self, i: int, h: float) -> float:
        """Return the difference of the slopes to the right and to the left: h f'' without a kink."""
        return abs(self.at(i, h) - 2.0 * self.value + self.at(i, -h)) / h

    def is_kink(self, i: int) -> bool:
        """Whether the slopes differ as much at a sixteenth of the distance: without a kink, a sixteenth as much."""
        far, near = (h * self.unit(i) for h in (2.0**-14, 2.0**-18))
        bend = self.bend(i, near)
        return bend > 0.25 * self.bend(i, far) and bend > 8.0 * EPSILON * abs(self.value) / near
