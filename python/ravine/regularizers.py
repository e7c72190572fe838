"""Penalties on a layer's kernel, added to the loss.

w are the kernel's weights; biases are not penalised. For a mean instead of the sum, divide the factor by the number of
weights (that of L2Norm by its root).
"""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import kernels
from .descriptions import Described
from .inputs.arguments import check_choice, check_flag, check_number

__all__ = ["L1", "L1L2", "L2", "L2Norm", "Regularizer", "get"]


class Regularizer(Described):
    """The penalty l1 sum |w| + l2 sum w^2 + l2_norm sqrt(sum w^2); the other classes are special cases.

    `layers.Dense(kernel_regularizer=...)` sets it for a layer, `Sequential(kernel_regularizer=...)` for all layers
    without one. The loss that training reports includes the penalties. Called with an array, a regularizer returns its
    penalty.

    Parameters
    ----------
    l1, l2, l2_norm : float >= 0, default=0
        The factors.
    proximal : bool, default=False
        Whether l1 is applied by thresholding, as in `L1`.

    Raises
    ------
    ValueError, TypeError
        For a value that is not allowed.
    """

    factors: ClassVar[tuple[str, ...]] = ("l1", "l2", "l2_norm")
    _shown: ClassVar[tuple[str, ...]] = (*factors, "proximal")

    def __init__(self, *, l1: float = 0.0, l2: float = 0.0, l2_norm: float = 0.0, proximal: bool = False) -> None:
        self.l1 = check_number("l1", l1, 0.0)
        self.l2 = check_number("l2", l2, 0.0)
        self.l2_norm = check_number("l2_norm", l2_norm, 0.0)
        self.proximal = check_flag("proximal", proximal)

    def __repr__(self) -> str:
        settings = ", ".join(f"{name}={getattr(self, name)!r}" for name in self._shown)
        return f"{type(self).__name__}({settings})"

    def __bool__(self) -> bool:
        """Whether there is a penalty at all."""
        return any(getattr(self, name) != 0.0 for name in self.factors)

    def __call__(self, w: ArrayLike) -> float:
        """Return the penalty of an array of float32 or float64."""
        flat = np.ascontiguousarray(w).reshape(-1)
        penalty = 0.0
        if self.l1:
            penalty += self.l1 * float(kernels.sum_abs(flat))
        if self.l2:
            penalty += self.l2 * float(kernels.sum_squares(flat))
        if self.l2_norm:
            penalty += self.l2_norm * math.sqrt(kernels.squared_norm(flat))
        return penalty

    def gradient(self, w: ArrayLike) -> NDArray[Any]:
        """Return the penalty's gradient, of the shape and dtype of `w`."""
        flat = np.ascontiguousarray(w).reshape(-1)
        dw = np.zeros_like(flat)
        norm = math.sqrt(kernels.squared_norm(flat)) if self.l2_norm else 0.0
        slope = min(self.l2_norm / (2.0 * norm), float(np.finfo(flat.dtype).max) / 4.0) if norm else 0.0
        kernels.add_penalty_gradient(dw, flat, l1=self.l1, l2=self.l2 + slope)
        return dw.reshape(np.shape(w))


class L1(Regularizer):
    """The penalty l1 sum |w|, with gradient l1 sign(w), 0 at w = 0.

    Parameters
    ----------
    l1 : float >= 0, default=0.01
        Pulls weights towards zero at a constant rate.
    proximal : bool, default=False
        Whether each step of `fit` ends with w = sign(w) max(|w| - a l1, 0), with the learning rate a, instead of adding
        the penalty's gradient. Weights that the loss does not need become exactly 0; with the gradient they oscillate
        about 0. It needs `SGD` without momentum or with `average=True`, whose steps are proportional to the gradient.

    Raises
    ------
    ValueError, TypeError
        For a value that is not allowed.

    References
    ----------
    Tibshirani, "Regression shrinkage and selection via the lasso", 1996; Duchi and Singer, "Efficient online and batch
    learning using forward backward splitting", 2009 (the proximal step).

    Examples
    --------
    Four inputs, of which the target needs two:

    >>> import numpy as np
    >>> import ravine as rv
    >>> X = np.random.default_rng(0).normal(size=(200, 4))
    >>> model = rv.Sequential(
    ...     [rv.layers.Dense(1, kernel_regularizer=rv.regularizers.L1(0.1, proximal=True))], random_state=0)
    >>> model.compile(optimizer=rv.optimizers.SGD(0.1), loss="mse")
    >>> history = model.fit(X, X @ [2.0, 0.0, -1.0, 0.0], epochs=200, batch_size=None)
    >>> (model.parameters["dense/kernel"].ravel() == 0.0).tolist()
    [False, True, False, True]
    """

    _shown = ("l1", "proximal")

    def __init__(self, l1: float = 0.01, *, proximal: bool = False) -> None:
        super().__init__(l1=l1, proximal=proximal)


class L2(Regularizer):
    """The penalty l2 sum w^2, with gradient 2 l2 w.

    Parameters
    ----------
    l2 : float >= 0, default=0.01
        Pulls weights towards zero in proportion to their size.

    Raises
    ------
    ValueError, TypeError
        For a value that is not allowed.

    References
    ----------
    Hoerl and Kennard, "Ridge regression: biased estimation for nonorthogonal problems", 1970.

    Examples
    --------
    >>> import numpy as np
    >>> from ravine.regularizers import L2
    >>> L2(0.5).gradient(np.array([1.0, -2.0]))
    array([ 1., -2.])
    """

    _shown = ("l2",)

    def __init__(self, l2: float = 0.01) -> None:
        super().__init__(l2=l2)


class L1L2(Regularizer):
    """The penalty l1 sum |w| + l2 sum w^2 of a kernel, with gradient l1 sign(w) + 2 l2 w.

    `layers.Dense(..., l1=, l2=)` uses it. With both factors 0 there is no penalty; a layer can take it to opt out of
    the model's.

    Parameters
    ----------
    l1 : float >= 0, default=0
        Pulls weights towards zero at a constant rate.
    l2 : float >= 0, default=0
        Pulls weights towards zero in proportion to their size.
    proximal : bool, default=False
        Whether l1 is applied by thresholding, as in `L1`.

    Raises
    ------
    ValueError, TypeError
        For a value that is not allowed.

    References
    ----------
    Zou and Hastie, "Regularization and variable selection via the elastic net", 2005.

    Examples
    --------
    >>> import numpy as np
    >>> from ravine.regularizers import L1L2
    >>> L1L2(l1=0.5, l2=1.0)(np.array([1.0, -2.0]))
    6.5
    >>> L1L2(l2=0.5).gradient(np.array([1.0, -2.0]))
    array([ 1., -2.])
    """

    _shown = ("l1", "l2", "proximal")

    def __init__(self, l1: float = 0.0, l2: float = 0.0, *, proximal: bool = False) -> None:
        super().__init__(l1=l1, l2=l2, proximal=proximal)


class L2Norm(Regularizer):
    """The root form: the penalty l2_norm sqrt(sum w^2), with gradient l2_norm w / sqrt(sum w^2), 0 at w = 0.

    Its gradient does not vanish as the kernel shrinks, so that it can set a whole kernel to 0.

    Parameters
    ----------
    l2_norm : float >= 0, default=0.01
        The factor.

    Raises
    ------
    ValueError, TypeError
        For a value that is not allowed.

    References
    ----------
    Yuan and Lin, "Model selection and estimation in regression with grouped variables", 2006.

    Examples
    --------
    >>> import numpy as np
    >>> from ravine.regularizers import L2Norm
    >>> penalty = L2Norm(2.0)
    >>> penalty(np.array([3.0, -4.0])), penalty.gradient(np.array([3.0, -4.0])), penalty.gradient(np.zeros(2))
    (10.0, array([ 1.2, -1.6]), array([0., 0.]))
    """

    _shown = ("l2_norm",)

    def __init__(self, l2_norm: float = 0.01) -> None:
        super().__init__(l2_norm=l2_norm)


_NAMES: dict[str, type[L1 | L2 | L2Norm]] = {"l1": L1, "l2": L2, "l2_norm": L2Norm}


def get(regularizer: str | Regularizer, *, name: str = "regularizer") -> Regularizer:
    """Return the regularizer with the name `regularizer`, or that object; ValueError, naming `name`, for others."""
    if isinstance(regularizer, Regularizer):
        return regularizer
    return _NAMES[check_choice(name, regularizer, _NAMES)]()
