"""First-order optimizers: a step from the gradient g and what is remembered of earlier ones.

w are the weights, a the learning rate, t the step from 1. `weight_decay` is decoupled: w (1 - a weight_decay) comes
first, on kernels only. State is kept by the model, so one description may serve several models.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from .. import kernels
from .._validation import Array, check_flag, check_int, check_number
from ..schedules import Schedule, check_rate
from ._problem import Point, Problem, Result

if TYPE_CHECKING:
    from ..layers import Layer

__all__ = ["SGD", "AMSGrad", "AdaDelta", "AdaGrad", "AdaMax", "Adam", "AdamW", "Nadam", "Optimizer", "RMSProp"]

# Attribute names are Keras'; the engine's differ where its equations do.
_ENGINE_NAMES = {"beta_1": "beta1", "beta_2": "beta2"}
_ENGINE_SETTINGS = (
    "momentum", "beta_1", "beta_2", "rho", "epsilon", "weight_decay", "bias_correction", "epsilon_inside",
)  # fmt: skip


class Optimizer:
    """What all first-order optimizers share.

    Attributes
    ----------
    learning_rate : float >= 0 or Schedule
        May be changed between epochs and between batches; all other settings are fixed. See `ravine.schedules`.
    """

    _fixed = False
    learning_rate: float | Schedule
    searches: ClassVar[bool] = False  # whether a step evaluates the loss, perhaps several times

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
        return {_ENGINE_NAMES.get(name, name): vars(self)[name] for name in _ENGINE_SETTINGS if name in vars(self)}

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
            fun(x) gives a number; x is a float64 array of x0's shape, of its own at each call.
        x0 : array-like, any shape
            Where to start; the nearest point within the bounds is taken.
        steps : int >= 0
            Steps to take at most.
        jac : None, "numeric", True or callable, default=None
            The gradient, as in `scipy.optimize.minimize`: None and "numeric" compute it from five-point stencils, which
            takes 4 calls of `fun` for each element of x and is exact to ten digits for a fun that is smooth over 1e-3
            max(1, |x|); True says that fun(x) gives (value, gradient); a function
            gives it as jac(x), of x's shape.
        bounds : (low, high) or a sequence of them, optional
            For all elements of x, or for each; None stands for no bound. Each step ends with a projection onto them.
        tolerance : float >= 0, optional
            End where no part of the gradient (without what pushes against a bound) is larger; None does not look.
        callback : callable, optional
            callback(x, fun) after each step, with a copy of the point; a true answer ends. `learning_rate` may be
            changed there.
        record : bool, default=False
            Keep the points and values of all steps.

        Returns
        -------
        Result
            With the best point found, which need not be the last. Values that are not finite are never best; a gradient
            that is not finite ends.

        Raises
        ------
        ValueError, TypeError
            For arguments that are not allowed, and where `fun` or `jac` gives something of another shape.

        Examples
        --------
        >>> import ravine as rv
        >>> result = rv.optimizers.SGD(0.1).minimize(lambda x: ((x - 3.0) ** 2).sum(), [0.0, 9.0], steps=200)
        >>> result.x.round(6), result.nit, result.message
        (array([3., 3.]), 200, 'took all 200 steps')
        """
        count = check_int("steps", steps, 0)
        if isinstance(self.learning_rate, Schedule) and self.learning_rate.unit != "step":
            raise ValueError(
                f"minimize has no epochs: learning_rate must be a number or a schedule by step, got "
                f"{self.learning_rate!r}"
            )
        problem = Problem(fun, x0, jac=jac, bounds=bounds, tolerance=tolerance, callback=callback, record=record)
        return problem.solve(self._points(problem), count)

    def _points(self, problem: Problem) -> Iterator[Point]:
        """Give the point after each step; `weight_decay` acts on all of x."""
        step, slots = getattr(kernels, self.rule), kernels.names["updates"][self.rule]
        w, state, running = np.array(problem.first.x), np.zeros((slots, problem.size)), np.ones(4)
        point = problem.first
        for t in itertools.count():
            rate = self.learning_rate  # a callback may change it
            now = float(rate(t)) if isinstance(rate, Schedule) else rate
            step(w, state, point.gradient, running=running, learning_rate=now, **self.settings())
            w = problem.project(w)
            point = problem.evaluate(np.array(w))
            yield point

    def __repr__(self) -> str:
        settings = ", ".join(f"{name}={value!r}" for name, value in vars(self).items() if name != "_fixed")
        return f"{type(self).__name__}({settings})"


def _fraction(name: str, value: Any) -> float:
    return check_number(name, value, 0.0, 1.0)


def _decay(value: Any) -> float:
    return check_number("weight_decay", value, 0.0)


def _epsilon(value: Any) -> float:
    return check_number("epsilon", value, 0.0, closed="neither")


class SGD(Optimizer):
    """Gradient descent, w -= a g, with momentum m if wanted.

    Classic momentum: v = m v + a g; w -= v. Nesterov, in the rearranged form used in practice: w -= m v + a g.
    Average form: V = m V + (1 - m) g; w -= a V, with `bias_correction` w -= a V / (1 - m^t); it equals the classic
    form with the rate a (1 - m).

    Parameters
    ----------
    learning_rate : float >= 0 or Schedule, default=1e-2
        a.
    momentum : float in [0, 1), default=0.0
        m.
    nesterov : bool, default=False
        Look ahead; needs momentum > 0.
    average : bool, default=False
        The average form; not together with `nesterov`.
    bias_correction : bool, default=False
        Correct the average's start from zero; needs `average`.
    weight_decay : float >= 0, default=0.0
        Decoupled decay of kernels.

    Raises
    ------
    ValueError
        For a value out of range, or options that exclude each other.

    References
    ----------
    Sutskever, Martens, Dahl and Hinton, "On the importance of initialization and momentum in deep learning", 2013.

    Examples
    --------
    >>> import ravine as rv
    >>> rv.optimizers.SGD(0.1, momentum=0.9, nesterov=True).rule
    'nesterov'
    """

    momentum: float
    nesterov: bool
    average: bool

    def __init__(
        self,
        learning_rate: float | Schedule = 1e-2,
        *,
        momentum: float = 0.0,
        nesterov: bool = False,
        average: bool = False,
        bias_correction: bool = False,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(
            learning_rate=learning_rate,
            momentum=_fraction("momentum", momentum),
            nesterov=check_flag("nesterov", nesterov),
            average=check_flag("average", average),
            bias_correction=check_flag("bias_correction", bias_correction),
            weight_decay=_decay(weight_decay),
        )
        if nesterov and average:
            raise ValueError("nesterov=True and average=True exclude each other")
        if nesterov and not self.momentum:
            raise ValueError("nesterov=True needs momentum > 0, got momentum=0.0")
        if bias_correction and not average:
            raise ValueError("bias_correction=True needs average=True")

    @property
    def rule(self) -> str:
        """The rule that the options choose."""
        if self.average:
            return "momentum_average"
        if self.nesterov:
            return "nesterov"
        return "momentum" if self.momentum else "sgd"


class AdaGrad(Optimizer):
    """G += g^2; w -= a g / (sqrt(G) + e), from G = 0: steps decay until learning stops.

    Parameters
    ----------
    learning_rate : float >= 0 or Schedule, default=1e-2
        a.
    epsilon : float > 0, default=1e-8
        e.
    epsilon_inside : bool, default=False
        sqrt(G + e) in place of sqrt(G) + e.
    weight_decay : float >= 0, default=0.0
        Decoupled decay of kernels.

    Raises
    ------
    ValueError, TypeError
        For a value that is not allowed.

    References
    ----------
    Duchi, Hazan and Singer, "Adaptive subgradient methods for online learning and stochastic optimization", 2011.
    """

    def __init__(
        self,
        learning_rate: float | Schedule = 1e-2,
        *,
        epsilon: float = 1e-8,
        epsilon_inside: bool = False,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(
            learning_rate=learning_rate,
            epsilon=_epsilon(epsilon),
            epsilon_inside=check_flag("epsilon_inside", epsilon_inside),
            weight_decay=_decay(weight_decay),
        )

    @property
    def rule(self) -> str:
        """The name of the compiled update rule."""
        return "adagrad"


class RMSProp(Optimizer):
    """G = r G + (1 - r) g^2; w -= a g / (sqrt(G) + e).

    Parameters
    ----------
    learning_rate : float >= 0 or Schedule, default=1e-3
        a.
    rho : float in [0, 1), default=0.9
        r.
    momentum : float in [0, 1), default=0.0
        m: v = m v + a g / (sqrt(G) + e); w -= v.
    centered : bool, default=False
        sqrt(G - M^2) in place of sqrt(G), with M the average of g.
    epsilon : float > 0, default=1e-8
        e.
    epsilon_inside : bool, default=False
        sqrt(G + e) in place of sqrt(G) + e.
    weight_decay : float >= 0, default=0.0
        Decoupled decay of kernels.

    Raises
    ------
    ValueError, TypeError
        For a value that is not allowed.

    References
    ----------
    Hinton, "Neural networks for machine learning", lecture 6e, 2012; Graves, arXiv:1308.0850 (the centred form).
    """

    momentum: float
    centered: bool

    def __init__(
        self,
        learning_rate: float | Schedule = 1e-3,
        *,
        rho: float = 0.9,
        momentum: float = 0.0,
        centered: bool = False,
        epsilon: float = 1e-8,
        epsilon_inside: bool = False,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(
            learning_rate=learning_rate,
            rho=_fraction("rho", rho),
            momentum=_fraction("momentum", momentum),
            centered=check_flag("centered", centered),
            epsilon=_epsilon(epsilon),
            epsilon_inside=check_flag("epsilon_inside", epsilon_inside),
            weight_decay=_decay(weight_decay),
        )

    @property
    def rule(self) -> str:
        """The rule that the options choose."""
        return "rmsprop" + ("_centered" if self.centered else "") + ("_momentum" if self.momentum else "")


class AdaDelta(Optimizer):
    """w -= a RMS[dw] / RMS[g] g, with RMS[z] = sqrt(E[z^2] + e) and averages E that keep the fraction r.

    Parameters
    ----------
    learning_rate : float >= 0 or Schedule, default=1.0
        a; the method needs none.
    rho : float in [0, 1), default=0.95
        r.
    epsilon : float > 0, default=1e-6
        e.
    weight_decay : float >= 0, default=0.0
        Decoupled decay of kernels.

    Raises
    ------
    ValueError, TypeError
        For a value that is not allowed.

    References
    ----------
    Zeiler, "ADADELTA: an adaptive learning rate method", arXiv:1212.5701.
    """

    def __init__(
        self,
        learning_rate: float | Schedule = 1.0,
        *,
        rho: float = 0.95,
        epsilon: float = 1e-6,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(
            learning_rate=learning_rate,
            rho=_fraction("rho", rho),
            epsilon=_epsilon(epsilon),
            weight_decay=_decay(weight_decay),
        )

    @property
    def rule(self) -> str:
        """The name of the compiled update rule."""
        return "adadelta"


class Adam(Optimizer):
    """m = b1 m + (1 - b1) g; v = b2 v + (1 - b2) g^2; w -= a (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + e).

    Parameters
    ----------
    learning_rate : float >= 0 or Schedule, default=1e-3
        a.
    beta_1, beta_2 : float in [0, 1), default=0.9, 0.999
        b1, b2.
    epsilon : float > 0, default=1e-8
        e.
    amsgrad : bool, default=False
        Use the largest v so far.
    bias_correction : bool, default=True
        False leaves out 1 - b1^t and 1 - b2^t, as some articles do.
    epsilon_inside : bool, default=False
        e under the root.
    weight_decay : float >= 0, default=0.0
        Decoupled decay of kernels.

    Raises
    ------
    ValueError
        For a value out of range.

    References
    ----------
    Kingma and Ba, "Adam: a method for stochastic optimization", arXiv:1412.6980.

    Examples
    --------
    >>> import ravine as rv
    >>> rv.optimizers.Adam(beta_1=1.0)
    Traceback (most recent call last):
        ...
    ValueError: beta_1 must be a number in [0.0, 1.0), got 1.0
    """

    amsgrad: bool

    def __init__(
        self,
        learning_rate: float | Schedule = 1e-3,
        *,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        amsgrad: bool = False,
        bias_correction: bool = True,
        epsilon_inside: bool = False,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(
            learning_rate=learning_rate,
            beta_1=_fraction("beta_1", beta_1),
            beta_2=_fraction("beta_2", beta_2),
            epsilon=_epsilon(epsilon),
            amsgrad=check_flag("amsgrad", amsgrad),
            bias_correction=check_flag("bias_correction", bias_correction),
            epsilon_inside=check_flag("epsilon_inside", epsilon_inside),
            weight_decay=_decay(weight_decay),
        )

    @property
    def rule(self) -> str:
        """The rule that the options choose."""
        return "amsgrad" if self.amsgrad else "adam"


class AdamW(Adam):
    """Adam with decoupled weight decay: w (1 - a weight_decay) first, on kernels; parameters as for `Adam`.

    Parameters
    ----------
    learning_rate : float >= 0 or Schedule, default=1e-3
        a.
    weight_decay : float >= 0, default=0.01
        The decay.
    **settings
        As for `Adam`.

    Raises
    ------
    ValueError, TypeError
        For a value that is not allowed.

    References
    ----------
    Loshchilov and Hutter, "Decoupled weight decay regularization", arXiv:1711.05101.
    """

    def __init__(self, learning_rate: float | Schedule = 1e-3, *, weight_decay: float = 0.01, **settings: Any) -> None:
        super().__init__(learning_rate, weight_decay=weight_decay, **settings)


class AMSGrad(Adam):
    """Adam whose v is the largest so far (of the uncorrected ones); parameters as for `Adam`.

    Parameters
    ----------
    learning_rate : float >= 0 or Schedule, default=1e-3
        a.
    **settings
        As for `Adam`, without `amsgrad`.

    Raises
    ------
    ValueError, TypeError
        For a value that is not allowed.

    References
    ----------
    Reddi, Kale and Kumar, "On the convergence of Adam and beyond", arXiv:1904.09237.
    """

    def __init__(self, learning_rate: float | Schedule = 1e-3, **settings: Any) -> None:
        super().__init__(learning_rate, amsgrad=True, **settings)


class _AdamRelative(Optimizer):
    """The settings that AdaMax and Nadam share."""

    _rule: ClassVar[str]

    def __init__(
        self,
        learning_rate: float | Schedule = 1e-3,
        *,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(
            learning_rate=learning_rate,
            beta_1=_fraction("beta_1", beta_1),
            beta_2=_fraction("beta_2", beta_2),
            epsilon=_epsilon(epsilon),
            weight_decay=_decay(weight_decay),
        )

    @property
    def rule(self) -> str:
        """The name of the compiled update rule."""
        return self._rule


class AdaMax(_AdamRelative):
    """m as in Adam; u = max(b2 u, |g| + e); w -= a / (1 - b1^t) m / u.

    Parameters
    ----------
    learning_rate : float >= 0 or Schedule, default=1e-3
        a.
    beta_1, beta_2 : float in [0, 1), default=0.9, 0.999
        b1, b2.
    epsilon : float > 0, default=1e-8
        e.
    weight_decay : float >= 0, default=0.0
        Decoupled decay of kernels.

    Raises
    ------
    ValueError, TypeError
        For a value that is not allowed.

    References
    ----------
    Kingma and Ba, "Adam: a method for stochastic optimization", arXiv:1412.6980, section 7.
    """

    _rule = "adamax"


class Nadam(_AdamRelative):
    """Adam with Nesterov's momentum, whose schedule is mu_t = b1 (1 - 0.5 * 0.96^(0.004 t)).

    Parameters
    ----------
    learning_rate : float >= 0 or Schedule, default=1e-3
        a.
    beta_1, beta_2 : float in [0, 1), default=0.9, 0.999
        b1, b2.
    epsilon : float > 0, default=1e-8
        e.
    weight_decay : float >= 0, default=0.0
        Decoupled decay of kernels.

    Raises
    ------
    ValueError, TypeError
        For a value that is not allowed.

    References
    ----------
    Dozat, "Incorporating Nesterov momentum into Adam", 2016.
    """

    _rule = "nadam"
