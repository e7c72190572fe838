"""Penalties on a layer's kernel, added to the loss."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import kernels
from ._fixed import Described
from ._validation import check_number

__all__ = ["L1L2"]


class L1L2(Described):
    """The penalty l1 sum |w| + l2 sum w^2 of a kernel, with gradient l1 sign(w) + 2 l2 w.

    `layers.Dense(..., l1=, l2=)` uses it; biases carry no penalty. The forms with a mean in place of the sum are the
    same with the factor divided by the number of weights.

    Parameters
    ----------
    l1 : float >= 0, default=0
        Pulls weights towards zero at a constant rate.
    l2 : float >= 0, default=0
        Pulls weights towards zero in proportion to their size.

    Raises
    ------
    ValueError, TypeError
        For a value that is not allowed.

    Examples
    --------
    >>> import numpy as np
    >>> from ravine.regularizers import L1L2
    >>> L1L2(l1=0.5, l2=1.0)(np.array([1.0, -2.0]))
    6.5
    >>> L1L2(l2=0.5).gradient(np.array([1.0, -2.0]))
    array([ 1., -2.])
    """

    def __init__(self, l1: float = 0.0, l2: float = 0.0) -> None:
        self.l1 = check_number("l1", l1, 0.0)
        self.l2 = check_number("l2", l2, 0.0)

    def __bool__(self) -> bool:
        """Whether there is a penalty at all."""
        return self.l1 != 0.0 or self.l2 != 0.0

    def __call__(self, w: ArrayLike) -> float:
        """Return the penalty of an array of float32 or float64."""
        flat = np.ascontiguousarray(w).reshape(-1)
        penalty = 0.0
        if self.l1:
            penalty += self.l1 * float(kernels.sum_abs(flat))
        if self.l2:
            penalty += self.l2 * float(kernels.sum_squares(flat))
        return penalty

    def gradient(self, w: ArrayLike) -> NDArray[Any]:
        """Return the penalty's gradient, of the shape and dtype of `w`."""
        flat = np.ascontiguousarray(w).reshape(-1)
        dw = np.zeros_like(flat)
        kernels.add_penalty_gradient(dw, flat, l1=self.l1, l2=self.l2)
        return dw.reshape(np.shape(w))
