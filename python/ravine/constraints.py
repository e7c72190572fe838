"""Constraints on a layer's kernel, applied after every step."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import kernels
from .descriptions import Described
from .inputs.arguments import check_choice, check_number

__all__ = ["MaxNorm", "get"]


class MaxNorm(Described):
    """Each unit's incoming weights have a norm of at most c: w_j *= min(1, c / |w_j|) for every column j of a kernel.

    `layers.Dense(kernel_constraint=...)` applies it after each step of the optimizer, and not to initial weights. A
    column whose norm is not finite is not changed, and the fit diverges.

    Parameters
    ----------
    max_value : float > 0, default=2.0
        c.

    Raises
    ------
    ValueError, TypeError
        For a value that is not allowed.

    References
    ----------
    Srivastava, Hinton, Krizhevsky, Sutskever and Salakhutdinov, "Dropout: a simple way to prevent neural networks from
    overfitting", 2014, section 5.1.

    Examples
    --------
    >>> import numpy as np
    >>> import ravine as rv
    >>> rv.constraints.MaxNorm(1.0)(np.array([[3.0, 0.3], [4.0, 0.4]]))
    array([[0.6, 0.3],
           [0.8, 0.4]])
    >>> model = rv.Sequential(
    ...     [rv.layers.Input(2), rv.layers.Dense(3, kernel_constraint=rv.constraints.MaxNorm(0.5))], random_state=0)
    >>> model.compile(optimizer="sgd", loss="mse")
    >>> history = model.fit(np.ones((8, 2)), np.full((8, 3), 9.0), epochs=9)
    >>> bool((np.linalg.norm(model.parameters["dense/kernel"], axis=0) < 0.501).all())
    True
    """

    def __init__(self, max_value: float = 2.0) -> None:
        self.max_value = check_number("max_value", max_value, 0.0, closed="neither")

    def __call__(self, w: ArrayLike) -> NDArray[np.floating]:
        """Return a copy of a kernel (inputs, units), float32 or float64, that satisfies it."""
        limited: NDArray[np.floating] = np.array(w, order="C")
        kernels.limit_columns(limited, self.max_value)
        return limited


_NAMES: dict[str, type[MaxNorm]] = {"max_norm": MaxNorm}


def get(constraint: str | MaxNorm, *, name: str = "constraint") -> MaxNorm:
    """Return the constraint with the name `constraint`, or that object; ValueError, naming `name`, for others."""
    if isinstance(constraint, MaxNorm):
        return constraint
    return _NAMES[check_choice(name, constraint, _NAMES)]()
