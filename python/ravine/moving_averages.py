"""Moving averages of a series."""

from __future__ import annotations

from itertools import accumulate
from operator import mul
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .inputs.arguments import check_flag, check_number
from .inputs.arrays import as_array, check_numeric

__all__ = ["ewma"]


def ewma(series: ArrayLike, beta: float = 0.9, *, bias_correction: bool = True) -> NDArray[np.float64]:
    """Return the exponentially weighted average V_t = b V_(t-1) + (1 - b) S_t from V_0 = 0, or V_t / (1 - b^t).

    The weight of S_(t-i) in V_t is (1 - b) b^i: points older than about 1/(1 - b) weigh less than 1/e of the newest. A
    large b makes the average lag, by b/(1 - b) points on a slope. Without the correction the first values are too
    small.

    Parameters
    ----------
    series : array-like, shape (n,) or (n, ...)
        S, along the first axis. NaN and infinities propagate to all later values.
    beta : float in [0, 1), default=0.9
        b.
    bias_correction : bool, default=True
        Whether to divide by 1 - b^t.

    Returns
    -------
    ndarray of float64
        V, of the series' shape.

    Raises
    ------
    ValueError, TypeError
        For a scalar or a series that is not of numbers, or a value that is not allowed.

    References
    ----------
    Kingma and Ba, "Adam: a method for stochastic optimization", arXiv:1412.6980, section 3 (the correction).

    Examples
    --------
    >>> import ravine as rv
    >>> rv.ewma([4.0, 4.0, 4.0], beta=0.5)
    array([4., 4., 4.])
    >>> rv.ewma([4.0, 4.0, 4.0], beta=0.5, bias_correction=False)
    array([2. , 3. , 3.5])
    """
    given = as_array("series", series)
    check_numeric("series", given)
    if given.ndim == 0:
        raise ValueError(f"series must have at least one dimension, got the number {series!r}")
    b = check_number("beta", beta, 0.0, 1.0)
    correct = check_flag("bias_correction", bias_correction)
    terms = given.astype(np.float64)
    rows: Any = terms.tolist() if terms.ndim == 1 else terms
    with np.errstate(over="ignore", invalid="ignore"):
        following = accumulate(rows, lambda v, s: b * v + (1.0 - b) * s, initial=0.0)
        next(following)
        average: NDArray[np.float64] = np.array(list(following), dtype=np.float64).reshape(terms.shape)
        if correct:
            powers = np.fromiter(accumulate([b] * len(average), mul), np.float64)
            average /= (1.0 - powers).reshape(-1, *[1] * (average.ndim - 1))
    return average
