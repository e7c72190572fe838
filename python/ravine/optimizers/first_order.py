"""First-order optimizers: a step from the gradient g and running averages of earlier ones.

w are the weights, a the learning rate, t the step, counted from 1. `weight_decay` is decoupled: w (1 - a weight_decay)
is applied first, to kernels only. `clip_norm` and `clip_value` clip g, penalties included, before anything else. The
model keeps the state, so one description may serve several models.
"""

from __future__ import annotations

from typing import Any, ClassVar

from ..inputs.arguments import check_flag, check_number
from ..schedules import Schedule
from .base import Optimizer

__all__ = ["SGD", "AMSGrad", "AdaDelta", "AdaGrad", "AdaMax", "Adam", "AdamW", "Nadam", "RMSProp"]


def _fraction(name: str, value: Any) -> float:
    return check_number(name, value, 0.0, 1.0)


def _decay(value: Any) -> float:
    return check_number("weight_decay", value, 0.0)


def _epsilon(value: Any) -> float:
    return check_number("epsilon", value, 0.0, closed="neither")


def _clips(norm: Any, value: Any) -> dict[str, float | None]:
    if norm is not None and value is not None:
        raise ValueError(f"give clip_norm or clip_value, not both, got {norm!r} and {value!r}")
    given = {"clip_norm": norm, "clip_value": value}
    return {k: None if v is None else check_number(k, v, 0.0, closed="neither") for k, v in given.items()}


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
        Whether to use Nesterov's momentum; needs momentum > 0.
    average : bool, default=False
        Whether to use the average form; not together with `nesterov`.
    bias_correction : bool, default=False
        Whether to correct the bias of the average's start from zero; needs `average`.
    weight_decay : float >= 0, default=0.0
        Decoupled decay of kernels.
    clip_norm, clip_value : float > 0, optional
        Clipping of the gradient, see `ravine.optimizers.Optimizer`; at most one of them.

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
        clip_norm: float | None = None,
        clip_value: float | None = None,
    ) -> None:
        super().__init__(
            learning_rate=learning_rate,
            momentum=_fraction("momentum", momentum),
            nesterov=check_flag("nesterov", nesterov),
            average=check_flag("average", average),
            bias_correction=check_flag("bias_correction", bias_correction),
            weight_decay=_decay(weight_decay),
            **_clips(clip_norm, clip_value),
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
        sqrt(G + e) instead of sqrt(G) + e.
    weight_decay : float >= 0, default=0.0
        Decoupled decay of kernels.
    clip_norm, clip_value : float > 0, optional
        Clipping of the gradient, see `ravine.optimizers.Optimizer`; at most one of them.

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
        clip_norm: float | None = None,
        clip_value: float | None = None,
    ) -> None:
        super().__init__(
            learning_rate=learning_rate,
            epsilon=_epsilon(epsilon),
            epsilon_inside=check_flag("epsilon_inside", epsilon_inside),
            weight_decay=_decay(weight_decay),
            **_clips(clip_norm, clip_value),
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
        sqrt(G - M^2) instead of sqrt(G), with M the average of g.
    epsilon : float > 0, default=1e-8
        e.
    epsilon_inside : bool, default=False
        sqrt(G + e) instead of sqrt(G) + e.
    weight_decay : float >= 0, default=0.0
        Decoupled decay of kernels.
    clip_norm, clip_value : float > 0, optional
        Clipping of the gradient, see `ravine.optimizers.Optimizer`; at most one of them.

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
        clip_norm: float | None = None,
        clip_value: float | None = None,
    ) -> None:
        super().__init__(
            learning_rate=learning_rate,
            rho=_fraction("rho", rho),
            momentum=_fraction("momentum", momentum),
            centered=check_flag("centered", centered),
            epsilon=_epsilon(epsilon),
            epsilon_inside=check_flag("epsilon_inside", epsilon_inside),
            weight_decay=_decay(weight_decay),
            **_clips(clip_norm, clip_value),
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
    clip_norm, clip_value : float > 0, optional
        Clipping of the gradient, see `ravine.optimizers.Optimizer`; at most one of them.

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
        clip_norm: float | None = None,
        clip_value: float | None = None,
    ) -> None:
        super().__init__(
            learning_rate=learning_rate,
            rho=_fraction("rho", rho),
            epsilon=_epsilon(epsilon),
            weight_decay=_decay(weight_decay),
            **_clips(clip_norm, clip_value),
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
        Whether to use the largest v so far.
    bias_correction : bool, default=True
        False leaves out 1 - b1^t and 1 - b2^t, as some articles do.
    epsilon_inside : bool, default=False
        e under the root.
    weight_decay : float >= 0, default=0.0
        Decoupled decay of kernels.
    clip_norm, clip_value : float > 0, optional
        Clipping of the gradient, see `ravine.optimizers.Optimizer`; at most one of them.

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
        clip_norm: float | None = None,
        clip_value: float | None = None,
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
            **_clips(clip_norm, clip_value),
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

    def _arguments(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_fixed"}


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

    def _arguments(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name not in ("_fixed", "amsgrad")}


class _AdamRelative(Optimizer):
    """The base of AdaMax and Nadam: their common settings."""

    _rule: ClassVar[str]

    def __init__(
        self,
        learning_rate: float | Schedule = 1e-3,
        *,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        weight_decay: float = 0.0,
        clip_norm: float | None = None,
        clip_value: float | None = None,
    ) -> None:
        super().__init__(
            learning_rate=learning_rate,
            beta_1=_fraction("beta_1", beta_1),
            beta_2=_fraction("beta_2", beta_2),
            epsilon=_epsilon(epsilon),
            weight_decay=_decay(weight_decay),
            **_clips(clip_norm, clip_value),
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
    clip_norm, clip_value : float > 0, optional
        Clipping of the gradient, see `ravine.optimizers.Optimizer`; at most one of them.

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
    clip_norm, clip_value : float > 0, optional
        Clipping of the gradient, see `ravine.optimizers.Optimizer`; at most one of them.

    Raises
    ------
    ValueError, TypeError
        For a value that is not allowed.

    References
    ----------
    Dozat, "Incorporating Nesterov momentum into Adam", 2016.
    """

    _rule = "nadam"
