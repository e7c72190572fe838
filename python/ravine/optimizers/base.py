"""The base class of optimizers: fixed settings, a learning rate that may change, and `minimize`."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from .. import _core, kernels
from ..inputs.arguments import check_int
from ..inputs.arrays import Array
from ..layers import Layer
from ..schedules import Schedule, check_rate
from .problem import Point, Problem, Result, Vector

__all__ = ["Optimizer"]

# Attribute names are those of Keras; the engine's names follow its equations.
_ENGINE_NAMES = {"beta_1": "beta1", "beta_2": "beta2"}
_ENGINE_SETTINGS = {*_core.rows["update_settings"], "clip_norm", "clip_value"} - {"learning_rate"}


class Optimizer:
    """The base class of optimizers.

    Attributes
    ----------
    learning_rate : float >= 0 or Schedule
        May be changed between epochs and between batches; all other settings are fixed. See `ravine.schedules`.
    clip_norm : float > 0 or None
        c: g *= min(1, c / |g|), where |g| is the norm of the gradient over all trained parameters (Pascanu, Mikolov and
        Bengio, "On the difficulty of training recurrent neural networks", 2013). A gradient whose norm is not finite is
        not clipped: the weights overflow as without clipping, and the fit ends with `DivergenceError`.
    clip_value : float > 0 or None
        Each element of g is clipped to [-clip_value, clip_value]; NaN stays NaN.

    Examples
    --------
    >>> import ravine as rv
    >>> rv.optimizers.SGD(0.1, clip_norm=1.0).minimize(lambda x: 1e6 * x[0] ** 2, [9.0], steps=1, jac="numeric").x
    array([8.9])
    """

    _fixed = False
    learning_rate: float | Schedule
    searches: ClassVar[bool] = False  # whether a step evaluates the loss, perhaps several times
    derivative_free: ClassVar[bool] = False  # whether it does so without gradients
    least_batch: ClassVar[int] = 1  # rows that a batch should have to be close enough to all rows

    def __init__(self, **settings: Any) -> None:
        for name, value in settings.items():
            setattr(self, name, value)
        self._fixed = True

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "learning_rate":
            value = value if isinstance(value, Schedule) else check_rate("learning_rate", value)
        elif self._fixed:
            raise AttributeError(
                f"{type(self).__name__}.{name} is fixed; make a new optimizer and compile the model with it"
            )
        object.__setattr__(self, name, value)

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)

    @property
    def rule(self) -> str:
        """The name of the compiled update rule."""
        raise TypeError(f"{type(self).__name__} names no update rule")

    def settings(self) -> dict[str, Any]:
        """Return the compiled rule's settings, without the learning rate."""
        given = {_ENGINE_NAMES.get(name, name): value for name, value in vars(self).items()}
        return {name: value for name, value in given.items() if name in _ENGINE_SETTINGS and value is not None}

    def averaging(self) -> dict[str, Any] | None:
        """Return the settings of the weight average; None for no average."""
        return None

    def check_layers(self, layers: Sequence[Layer]) -> None:
        """Refuse, with a ValueError, layers that this optimizer cannot train."""

    def minimize(
        self,
        fun: Callable[..., Any],
        x0: ArrayLike,
        *,
        steps: int,
        jac: bool | str | Callable[..., Any] | None = None,
        bounds: Any = None,
        tolerance: float | None = None,
        callback: Callable[[Array, float], Any] | None = None,
        record: bool = False,
    ) -> Result:
        """Minimise a plain function of an array, in float64, by the same compiled rule that trains models.

        Parameters
        ----------
        fun : callable
            fun(x) returns a number; x is a float64 array of x0's shape, a new one at each call.
        x0 : array-like, any shape
            The starting point; it is projected onto the bounds.
        steps : int >= 0
            The largest number of steps.
        jac : None, "numeric", True or callable, default=None
            The gradient, as in `scipy.optimize.minimize`: None and "numeric" compute it from five-point stencils, which
            takes 4 calls of `fun` for each element of x and is exact to ten digits for a fun that is smooth over 1e-3
            max(1, |x|). True means that fun(x) returns (value, gradient). A callable returns it as jac(x), of x's
            shape.
        bounds : (low, high) or a sequence of them, optional
            For all elements of x, or for each; None means no bound. Each step ends with a projection onto them.
        tolerance : float >= 0, optional
            Stop when no element of the gradient exceeds this (elements that push against a bound do not count); None
            disables the test.
        callback : callable, optional
            Called as callback(x, fun) after each step, with a copy of the point; a true return value stops.
            `learning_rate` may be changed there.
        record : bool, default=False
            Whether to keep the points and values of all steps.

        Returns
        -------
        Result
            The best point found, which need not be the last. Values that are not finite are never the best. A gradient
            that is not finite ends the search.

        Raises
        ------
        ValueError, TypeError
            For arguments that are not allowed, and if `fun` or `jac` returns something of another shape.

        Examples
        --------
        >>> import ravine as rv
        >>> result = rv.optimizers.SGD(0.1).minimize(lambda x: ((x - 3.0) ** 2).sum(), [0.0, 9.0], steps=200)
        >>> result.x.round(6), result.nit, result.message
        (array([3., 3.]), 200, 'took all 200 steps')
        """
        count = check_int("steps", steps, 0)
        self._check_function()
        problem = Problem(fun, x0, jac=jac, bounds=bounds, tolerance=tolerance, callback=callback, record=record)
        return problem.solve(self._points(problem), count)

    def _check_function(self) -> None:
        """Refuse, with a ValueError, optimizers that need a model."""
        if isinstance(self.learning_rate, Schedule) and self.learning_rate.unit != "step":
            raise ValueError(
                f"minimize has no epochs: learning_rate must be a number or a schedule by step, got "
                f"{self.learning_rate!r}"
            )

    def _points(self, problem: Problem) -> Iterator[Point]:
        """Give the point after each step; `weight_decay` acts on all of x."""
        step, slots = getattr(kernels, self.rule), kernels.names["updates"][self.rule]
        settings = self.settings()
        clip_norm, clip_value = settings.pop("clip_norm", None), settings.pop("clip_value", None)
        w, state, running = np.array(problem.first.x), np.zeros((slots, problem.size)), np.ones(4)
        point = problem.first
        for t in itertools.count():
            rate = self.learning_rate  # a callback may change it
            now = float(rate(t)) if isinstance(rate, Schedule) else rate
            gradient = _clip(point.gradient, clip_norm, clip_value)
            step(w, state, gradient, running=running, learning_rate=now, **settings)
            w = problem.project(w)
            point = problem.evaluate(np.array(w))
            yield point

    def __repr__(self) -> str:
        settings = ", ".join(f"{name}={value!r}" for name, value in vars(self).items() if name != "_fixed")
        return f"{type(self).__name__}({settings})"


def _clip(gradient: Vector, clip_norm: float | None, clip_value: float | None) -> Vector:
    """Return the gradient clipped by its norm, or by the value of each element."""
    if clip_norm is not None:
        largest = float(np.abs(gradient).max())
        norm = largest * math.sqrt(kernels.squared_norm(gradient / largest)) if 0.0 < largest < math.inf else largest
        return gradient * (clip_norm / norm) if clip_norm < norm < math.inf else gradient
    return gradient if clip_value is None else kernels.clip(gradient, clip_value)
