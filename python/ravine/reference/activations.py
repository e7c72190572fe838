"""NumPy twins of the activation kernels: ``y = f(x)`` and ``dx = dy f'(.)``.

A backward function takes what its kernel saves, `saved`: the output ``y``, or the input ``x`` for `gelu` and `silu`.
All work in the dtype of their input, elementwise on any shape, `softmax` along the last axis. NaN gives NaN; infinities
give the limit of the formula. `alpha` is the setting of `leaky_relu` and `elu`, unused by the others. `out`, if given,
receives the result, and may be `x` or `dy`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _core

Array = NDArray[Any]

#: The usual alpha of each compiled function; None for those that take none.
ALPHA = {name: row["alpha"] for name, row in _core.rows["activations"].items()}

SELU_LAMBDA = 1.0507009873554804934
SELU_LAMBDA_ALPHA = 1.7580993408473768599

__all__ = [
    "elu",
    "elu_backward",
    "gelu",
    "gelu_backward",
    "leaky_relu",
    "leaky_relu_backward",
    "linear",
    "linear_backward",
    "relu",
    "relu_backward",
    "selu",
    "selu_backward",
    "sigmoid",
    "sigmoid_backward",
    "silu",
    "silu_backward",
    "softmax",
    "softmax_backward",
    "softplus",
    "softplus_backward",
    "step",
    "tanh",
    "tanh_backward",
]


def _into(out: Array | None, result: Array, like: Array) -> Array:
    """Write the result to `out`, or to a new array of the dtype of `like`."""
    if out is None:
        return np.asarray(result, dtype=like.dtype)
    out[...] = result
    return out


def _upper_tail(a: Array) -> Array:
    """Probability that a standard normal variable exceeds ``a``; float64 inside."""
    tail = np.vectorize(lambda v: 0.5 * math.erfc(v / math.sqrt(2.0)), otypes=[np.float64])
    return np.asarray(tail(a.astype(np.float64)), dtype=a.dtype)


def linear(x: Array, *, alpha: float = 0.0, out: Array | None = None) -> Array:
    """Identity: ``y = x``.

    >>> linear(np.array([-1.0, 2.0]))
    array([-1.,  2.])
    """
    return _into(out, x.copy(), x)


def linear_backward(dy: Array, saved: Array, *, alpha: float = 0.0, out: Array | None = None) -> Array:
    """Derivative of `linear`: ``dx = dy``.

    >>> linear_backward(np.array([3.0]), np.array([5.0]))
    array([3.])
    """
    return _into(out, dy.copy(), dy)


def step(x: Array, *, alpha: float = 0.0, out: Array | None = None) -> Array:
    """Unit step: ``y = 1 where x > 0, else 0``.

    F. Rosenblatt, "The perceptron", Psychological Review 65 (1958).

    >>> step(np.array([-1.0, 0.0, 2.0]))
    array([0., 0., 1.])
    """
    return _into(out, np.where(np.isnan(x), x, x > 0), x)


def relu(x: Array, *, alpha: float = 0.0, out: Array | None = None) -> Array:
    """Rectified linear unit: ``y = max(x, 0)``.

    V. Nair and G. Hinton, "Rectified linear units improve restricted Boltzmann machines", ICML (2010).

    >>> relu(np.array([-1.0, 2.0]))
    array([0., 2.])
    """
    return _into(out, np.where(x <= 0, 0, x), x)


def relu_backward(dy: Array, saved: Array, *, alpha: float = 0.0, out: Array | None = None) -> Array:
    """Derivative of `relu`: ``dx = dy where y > 0, else 0``.

    >>> relu_backward(np.array([3.0, 3.0]), np.array([0.0, 2.0]))
    array([0., 3.])
    """
    return _into(out, np.where(np.isnan(saved), saved, np.where(saved <= 0, 0, dy)), dy)


def leaky_relu(x: Array, *, alpha: float = ALPHA["leaky_relu"], out: Array | None = None) -> Array:
    """Leaky rectified linear unit: ``y = x where x > 0, else alpha x``, alpha at least 0.

    A. Maas, A. Hannun and A. Ng, "Rectifier nonlinearities improve neural network acoustic models", ICML (2013).

    >>> leaky_relu(np.array([-1.0, 2.0]), alpha=0.5)
    array([-0.5,  2. ])
    """
    return _into(out, np.where(x <= 0, x.dtype.type(alpha) * x, x), x)


def leaky_relu_backward(
    dy: Array, saved: Array, *, alpha: float = ALPHA["leaky_relu"], out: Array | None = None
) -> Array:
    """Derivative of `leaky_relu`: ``dx = dy where y > 0, else alpha dy``.

    >>> leaky_relu_backward(np.array([3.0, 3.0]), np.array([-0.5, 2.0]), alpha=0.5)
    array([1.5, 3. ])
    """
    dx = np.where(saved <= 0, dy.dtype.type(alpha) * dy, dy)
    return _into(out, np.where(np.isnan(saved), saved, dx), dy)


def elu(x: Array, *, alpha: float = ALPHA["elu"], out: Array | None = None) -> Array:
    """Exponential linear unit: ``y = x where x > 0, else alpha (e^x - 1)``, alpha at least 0.

    D. Clevert, T. Unterthiner and S. Hochreiter, arXiv:1511.07289 (2015).

    >>> elu(np.array([-np.inf, 2.0]))
    array([-1.,  2.])
    """
    return _into(out, np.where(x > 0, x, x.dtype.type(alpha) * np.expm1(np.minimum(x, 0))), x)


def elu_backward(dy: Array, saved: Array, *, alpha: float = ALPHA["elu"], out: Array | None = None) -> Array:
    """Derivative of `elu`: ``dx = dy where y > 0, else dy (y + alpha)``.

    >>> elu_backward(np.array([3.0, 3.0]), np.array([-0.5, 2.0]))
    array([1.5, 3. ])
    """
    return _into(out, np.where(saved > 0, dy, dy * (saved + dy.dtype.type(alpha))), dy)


def selu(x: Array, *, alpha: float = 0.0, out: Array | None = None) -> Array:
    """Scaled exponential linear unit: ``y = lambda x where x > 0, else lambda alpha (e^x - 1)``.

    G. Klambauer, T. Unterthiner, A. Mayr and S. Hochreiter, arXiv:1706.02515 (2017).

    >>> selu(np.array([-np.inf, 0.0, 1.0])).round(4)
    array([-1.7581,  0.    ,  1.0507])
    """
    negative = x.dtype.type(SELU_LAMBDA_ALPHA) * np.expm1(np.minimum(x, 0))
    return _into(out, np.where(x > 0, x.dtype.type(SELU_LAMBDA) * x, negative), x)


def selu_backward(dy: Array, saved: Array, *, alpha: float = 0.0, out: Array | None = None) -> Array:
    """Derivative of `selu`: ``dx = lambda dy where y > 0, else dy (y + lambda alpha)``.

    >>> selu_backward(np.array([1.0]), np.array([2.0])).round(4)
    array([1.0507])
    """
    slope = np.where(saved > 0, dy.dtype.type(SELU_LAMBDA), saved + dy.dtype.type(SELU_LAMBDA_ALPHA))
    return _into(out, dy * slope, dy)


def sigmoid(x: Array, *, alpha: float = 0.0, out: Array | None = None) -> Array:
    """Logistic function: ``y = 1 / (1 + e^-x)``.

    >>> sigmoid(np.array([-np.inf, 0.0, 800.0]))
    array([0. , 0.5, 1. ])
    """
    e = np.exp(-np.abs(x))
    return _into(out, np.where(x > 0, 1, e) / (1 + e), x)


def sigmoid_backward(dy: Array, saved: Array, *, alpha: float = 0.0, out: Array | None = None) -> Array:
    """Derivative of `sigmoid`: ``dx = dy y (1 - y)``.

    >>> sigmoid_backward(np.array([4.0]), np.array([0.5]))
    array([1.])
    """
    return _into(out, dy * (saved * (1 - saved)), dy)


def tanh(x: Array, *, alpha: float = 0.0, out: Array | None = None) -> Array:
    """Hyperbolic tangent: ``y = tanh x``.

    >>> tanh(np.array([-np.inf, 0.0, 800.0]))
    array([-1.,  0.,  1.])
    """
    return _into(out, np.tanh(x), x)


def tanh_backward(dy: Array, saved: Array, *, alpha: float = 0.0, out: Array | None = None) -> Array:
    """Derivative of `tanh`: ``dx = dy (1 - y^2)``.

    >>> tanh_backward(np.array([4.0]), np.array([0.5]))
    array([3.])
    """
    return _into(out, dy * ((1 - saved) * (1 + saved)), dy)


def softplus(x: Array, *, alpha: float = 0.0, out: Array | None = None) -> Array:
    """Smooth maximum of x and 0: ``y = log(1 + e^x)``.

    >>> softplus(np.array([-np.inf, 0.0, 9.0])).round(4)
    array([0.    , 0.6931, 9.0001])
    """
    return _into(out, np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x))), x)


def softplus_backward(dy: Array, saved: Array, *, alpha: float = 0.0, out: Array | None = None) -> Array:
    """Derivative of `softplus`: ``dx = dy sigmoid(x) = dy (1 - e^-y)``.

    >>> softplus_backward(np.array([2.0]), np.log(np.array([2.0])))
    array([1.])
    """
    return _into(out, -dy * np.expm1(-saved), dy)


def gelu(x: Array, *, alpha: float = 0.0, out: Array | None = None) -> Array:
    """Gaussian error linear unit: ``y = x Phi(x), Phi(x) = (1 + erf(x / sqrt 2)) / 2``.

    D. Hendrycks and K. Gimpel, arXiv:1606.08415 (2016).

    >>> gelu(np.array([-1.0, 0.0, 1.0])).round(4)
    array([-0.1587, -0.    ,  0.8413])
    """
    a = np.minimum(np.abs(x), 40)
    lost = a * _upper_tail(a)
    return _into(out, np.where(x > 0, x - lost, -lost), x)


def gelu_backward(dy: Array, saved: Array, *, alpha: float = 0.0, out: Array | None = None) -> Array:
    """Derivative of `gelu`, from the input: ``dx = dy (Phi(x) + x phi(x))``.

    >>> gelu_backward(np.array([2.0]), np.array([0.0]))
    array([1.])
    """
    a = np.minimum(np.abs(saved), 40)
    left = _upper_tail(a) - a * np.exp(-a * a / 2) / np.sqrt(2 * a.dtype.type(np.pi))
    return _into(out, dy * np.where(saved > 0, 1 - left, left), dy)


def silu(x: Array, *, alpha: float = 0.0, out: Array | None = None) -> Array:
    """Sigmoid linear unit (swish): ``y = x sigmoid(x)``.

    S. Elfwing, E. Uchibe and K. Doya, arXiv:1702.03118 (2017).

    >>> silu(np.array([-1.0, 0.0, 1.0])).round(4)
    array([-0.2689,  0.    ,  0.7311])
    """
    c = np.maximum(x, -1000)
    return _into(out, c * sigmoid(c), x)


def silu_backward(dy: Array, saved: Array, *, alpha: float = 0.0, out: Array | None = None) -> Array:
    """Derivative of `silu`, from the input: ``dx = dy p (1 + x (1 - p)), p = sigmoid(x)``.

    >>> silu_backward(np.array([2.0]), np.array([0.0]))
    array([1.])
    """
    c = np.clip(saved, -1000, 1000)
    return _into(out, dy * (sigmoid(c) * (1 + c * sigmoid(-c))), dy)


def softmax(x: Array, *, alpha: float = 0.0, out: Array | None = None) -> Array:
    """Softmax along the last axis: ``y_j = e^x_j / sum_k e^x_k``.

    >>> softmax(np.array([[0.0, 0.0], [1000.0, 0.0]]))
    array([[0.5, 0.5],
           [1. , 0. ]])
    """
    if x.size == 0:
        return _into(out, x.copy(), x)
    largest = x.max(axis=-1, keepdims=True)
    with np.errstate(invalid="ignore"):
        e = np.exp(np.where(x == largest, 0, x - largest))
    return _into(out, e / e.sum(axis=-1, keepdims=True), x)


def softmax_backward(dy: Array, saved: Array, *, alpha: float = 0.0, out: Array | None = None) -> Array:
    """Derivative of `softmax`: ``dx_j = y_j (dy_j - sum_k dy_k y_k)``.

    >>> softmax_backward(np.array([[1.0, 0.0]]), np.array([[0.5, 0.5]]))
    array([[ 0.25, -0.25]])
    """
    return _into(out, saved * (dy - (dy * saved).sum(axis=-1, keepdims=True)), dy)
