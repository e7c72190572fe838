"""NumPy twins of the update rules, in float64 and rounded once to the dtype of the weights.

Each rule changes the weights and its slots of state in place. Below, ``g`` is the gradient, ``a`` the learning rate,
``e`` epsilon and ``t`` the step, from 1; divisions and roots are elementwise.
"""

from __future__ import annotations

import numpy as np

from .rules import SLOTS, Array, Settings, Slots, rule

__all__ = [
    "SLOTS",
    "adadelta",
    "adagrad",
    "adam",
    "adamax",
    "amsgrad",
    "momentum",
    "momentum_average",
    "nadam",
    "nesterov",
    "rmsprop",
    "rmsprop_centered",
    "rmsprop_centered_momentum",
    "rmsprop_momentum",
    "sgd",
]

_SCHEDULE_STEP = 0.99983672535267527842  # 0.96^0.004


@rule(slots=0)
def sgd(s: Settings, g: Array, state: Slots, product: Array) -> Array:
    """Gradient descent: ``w -= a g``.

    References
    ----------
    Robbins and Monro, A stochastic approximation method, 1951.

    Examples
    --------
    >>> w = np.array([1.0])
    >>> sgd(w, np.zeros((0, 1)), np.array([2.0]), learning_rate=0.25)
    >>> w
    array([0.5])
    """
    return s.learning_rate * g


@rule(slots=1)
def momentum(s: Settings, g: Array, state: Slots, product: Array) -> Array:
    """Momentum in its classic form: ``v = m v + a g; w -= v``. State: ``v``.

    References
    ----------
    Polyak, Some methods of speeding up the convergence of iteration methods, 1964.
    """
    state[0] = s.momentum * state[0] + s.learning_rate * g
    return state[0]


@rule(slots=1)
def momentum_average(s: Settings, g: Array, state: Slots, product: Array) -> Array:
    """Momentum as an average, ``m`` in [0, 1): ``V = m V + (1 - m) g; w -= a V / (1 - m^t)``. State: ``V``.

    Without `bias_correction`, ``w -= a V``. Product: ``m^t``.

    References
    ----------
    Kingma and Ba, Adam, arXiv:1412.6980, section 3, for the correction.
    """
    product[0] *= s.momentum
    state[0] = s.momentum * state[0] + (1.0 - s.momentum) * g
    return s.learning_rate * state[0] / s.divisor(product[0])


@rule(slots=1)
def nesterov(s: Settings, g: Array, state: Slots, product: Array) -> Array:
    """Nesterov's momentum, seen from the look-ahead point: ``v = m v + a g; w -= m v + a g``. State: ``v``.

    References
    ----------
    Sutskever, Martens, Dahl and Hinton, On the importance of initialization and momentum in deep learning, 2013.
    """
    state[0] = s.momentum * state[0] + s.learning_rate * g
    return s.momentum * state[0] + s.learning_rate * g


@rule(slots=1)
def adagrad(s: Settings, g: Array, state: Slots, product: Array) -> Array:
    """AdaGrad: ``G += g^2; w -= a g / (sqrt(G) + e)``, or ``sqrt(G + e)`` with `epsilon_inside`. State: ``G``.

    References
    ----------
    Duchi, Hazan and Singer, Adaptive subgradient methods for online learning and stochastic optimization, 2011.
    """
    state[0] = state[0] + g * g
    return s.learning_rate * g / s.root(state[0])


@rule(slots=1)
def rmsprop(s: Settings, g: Array, state: Slots, product: Array) -> Array:
    """RMSProp: ``G = r G + (1 - r) g^2; w -= a g / (sqrt(G) + e)``, ``r`` being `rho`. State: ``G``.

    With `epsilon_inside` the denominator is ``sqrt(G + e)``.

    References
    ----------
    Tieleman and Hinton, Lecture 6.5, COURSERA: Neural networks for machine learning, 2012.
    """
    state[0] = s.rho * state[0] + (1.0 - s.rho) * g * g
    return s.learning_rate * g / s.root(state[0])


@rule(slots=2)
def rmsprop_momentum(s: Settings, g: Array, state: Slots, product: Array) -> Array:
    """RMSProp with momentum: ``v = m v + a g / (sqrt(G) + e); w -= v``, ``G`` as in `rmsprop`. State: ``G, v``.

    References
    ----------
    Graves, Generating sequences with recurrent neural networks, arXiv:1308.0850.
    """
    state[0] = s.rho * state[0] + (1.0 - s.rho) * g * g
    state[1] = s.momentum * state[1] + s.learning_rate * g / s.root(state[0])
    return state[1]


def _centered_move(s: Settings, g: Array, state: Slots) -> Array:
    state[0] = s.rho * state[0] + (1.0 - s.rho) * g * g
    state[1] = s.rho * state[1] + (1.0 - s.rho) * g
    return s.learning_rate * g / s.root(np.maximum(state[0] - state[1] ** 2, 0.0))


@rule(slots=2)
def rmsprop_centered(s: Settings, g: Array, state: Slots, product: Array) -> Array:
    """RMSProp with the variance below: ``M = r M + (1 - r) g; w -= a g / (sqrt(G - M^2) + e)``. State: ``G, M``.

    ``G`` as in `rmsprop`; a difference made negative by rounding counts as 0.

    References
    ----------
    Graves, Generating sequences with recurrent neural networks, arXiv:1308.0850.
    """
    return _centered_move(s, g, state)


@rule(slots=3)
def rmsprop_centered_momentum(s: Settings, g: Array, state: Slots, product: Array) -> Array:
    """RMSProp with the variance below and momentum: ``v = m v + a g / (sqrt(G - M^2) + e); w -= v``.

    State: ``G, M, v``, the first two as in `rmsprop_centered`.

    References
    ----------
    Graves, Generating sequences with recurrent neural networks, arXiv:1308.0850.
    """
    state[2] = s.momentum * state[2] + _centered_move(s, g, state)
    return state[2]


@rule(slots=2)
def adadelta(s: Settings, g: Array, state: Slots, product: Array) -> Array:
    """AdaDelta: ``d = sqrt(D + e) / sqrt(E + e) g; w -= a d``. State: ``E, D``.

    ``E = r E + (1 - r) g^2`` comes before, ``D = r D + (1 - r) d^2`` after, ``r`` being `rho`.

    References
    ----------
    Zeiler, ADADELTA: an adaptive learning rate method, arXiv:1212.5701.
    """
    state[0] = s.rho * state[0] + (1.0 - s.rho) * g * g
    d: Array = np.sqrt(state[1] + s.epsilon) / np.sqrt(state[0] + s.epsilon) * g
    state[1] = s.rho * state[1] + (1.0 - s.rho) * d * d
    return s.learning_rate * d


def _moments(s: Settings, g: Array, state: Slots) -> None:
    state[0] = s.beta1 * state[0] + (1.0 - s.beta1) * g
    state[1] = s.beta2 * state[1] + (1.0 - s.beta2) * g * g


@rule(slots=2)
def adam(s: Settings, g: Array, state: Slots, product: Array) -> Array:
    """Adam: ``w -= a m' / (sqrt(v') + e)``, with ``m' = m / (1 - b1^t)`` and ``v' = v / (1 - b2^t)``. State: ``m, v``.

    ``m = b1 m + (1 - b1) g`` and ``v = b2 v + (1 - b2) g^2``. Without `bias_correction`, ``m' = m`` and ``v' = v``.
    With weight_decay this is AdamW. Products: ``b1^t, b2^t``.

    References
    ----------
    Kingma and Ba, Adam, arXiv:1412.6980; Loshchilov and Hutter, arXiv:1711.05101.

    Examples
    --------
    >>> w = np.zeros(2)
    >>> adam(w, np.zeros((2, 2)), np.array([100.0, -0.01]), learning_rate=0.5)
    >>> w.round(3)
    array([-0.5,  0.5])
    """
    product[:2] *= (s.beta1, s.beta2)
    _moments(s, g, state)
    return s.learning_rate * state[0] / s.divisor(product[0]) / s.root(state[1] / s.divisor(product[1]))


@rule(slots=3)
def amsgrad(s: Settings, g: Array, state: Slots, product: Array) -> Array:
    """AMSGrad: `adam` with ``x = max(x, v)`` instead of ``v`` under the root. State: ``m, v, x``.

    References
    ----------
    Reddi, Kale and Kumar, On the convergence of Adam and beyond, arXiv:1904.09237.
    """
    product[:2] *= (s.beta1, s.beta2)
    _moments(s, g, state)
    state[2] = np.maximum(state[2], state[1])
    return s.learning_rate * state[0] / s.divisor(product[0]) / s.root(state[2] / s.divisor(product[1]))


@rule(slots=2)
def adamax(s: Settings, g: Array, state: Slots, product: Array) -> Array:
    """AdaMax: ``u = max(b2 u, |g| + e); w -= a / (1 - b1^t) m / u``, ``m`` as in `adam`. State: ``m, u``.

    ``u`` stays 0 while every gradient was 0, which changes no later step. Product: ``b1^t``.

    References
    ----------
    Kingma and Ba, Adam, arXiv:1412.6980, section 7.1.
    """
    product[0] *= s.beta1
    untouched = (g == 0.0) & (state[1] == 0.0)
    state[0] = s.beta1 * state[0] + (1.0 - s.beta1) * g
    u: Array = np.maximum(s.beta2 * state[1], np.abs(g) + s.epsilon)
    state[1] = np.where(untouched, 0.0, u)
    return s.learning_rate / s.divisor(product[0]) * state[0] / u


@rule(slots=2)
def nadam(s: Settings, g: Array, state: Slots, product: Array) -> Array:
    """Nadam: `adam` with Nesterov's momentum, which grows as ``c_t = b1 (1 - 0.96^(0.004 t) / 2)``. State: ``m, v``.

    ``w -= a ((1 - c_t) / (1 - C_t) g + c_(t+1) / (1 - C_(t+1)) m) / (sqrt(v') + e)`` with ``C_t = c_1 c_2 ... c_t``;
    without `bias_correction` the divisors are 1. Products: ``C_t, b2^t, 0.96^(0.004 t)``.

    References
    ----------
    Dozat, Incorporating Nesterov momentum into Adam, 2016.
    """
    product[1:3] *= (s.beta2, _SCHEDULE_STEP)
    now = s.beta1 * (1.0 - 0.5 * product[2])
    following = s.beta1 * (1.0 - 0.5 * product[2] * _SCHEDULE_STEP)
    product[0] *= now
    _moments(s, g, state)
    move: Array = (1.0 - now) / s.divisor(product[0]) * g + following / s.divisor(product[0] * following) * state[0]
    return s.learning_rate * move / s.root(state[1] / s.divisor(product[1]))
