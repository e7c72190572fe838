"""NumPy twins of the loss kernels: the loss ``l_i`` of each row and the gradient ``dz = scale weight_i dl_i/dz``.

Every function takes the outputs ``z`` (rows, cols) of the last layer and, keyword-only, ``weight`` (rows,; none means
ones), ``scale`` and the loss's own ``setting``, both 1.0 unless given; it returns ``(loss, dz)``, of shapes (rows,) and
(rows, cols). Targets have the shape and dtype of ``z``; the categorical losses also take integer class labels (rows,).
The row losses are unweighted. All work in the dtype of ``z``; NaN gives NaN.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
LossAndGradient = tuple[Array, Array]

__all__ = [
    "absolute_error",
    "binary_cross_entropy",
    "binary_focal_cross_entropy",
    "categorical_cross_entropy",
    "categorical_focal_cross_entropy",
    "categorical_log_loss",
    "hinge",
    "huber",
    "log_loss",
    "perceptron",
    "poisson",
    "quantile",
    "squared_error",
    "weighted_binary_cross_entropy",
]


def dense_target(z: Array, target: Array) -> Array:
    """Targets in the shape of ``z``: unchanged, or one-hot rows from integer labels.

    >>> dense_target(np.zeros((2, 3)), np.array([2, 0], dtype=np.int32))
    array([[0., 0., 1.],
           [1., 0., 0.]])
    """
    if np.issubdtype(target.dtype, np.integer):
        return np.asarray(target[:, None] == np.arange(z.shape[1]), dtype=z.dtype)
    return target


def _product(t: Array, v: Array) -> Array:
    """``t v``; 0 where ``t`` is 0, for any ``v`` but NaN."""
    with np.errstate(invalid="ignore"):
        return np.where((t == 0) & ~np.isnan(v), 0, t * v)


def _of_terms(
    terms: Array, slopes: Array, factor: float, weight: Array | None, scale: float, mean: bool
) -> LossAndGradient:
    """Row loss ``factor sum_j terms`` and its gradient; the mean over the columns with `mean`."""
    one = terms.dtype.type
    row = np.full(len(terms), one(scale)) if weight is None else one(scale) * weight
    by = one(1) / one(terms.shape[1]) if mean and terms.shape[1] else one(factor)
    return terms.sum(axis=1) * by, (row * by)[:, None] * slopes


def squared_error(
    z: Array, target: Array, *, weight: Array | None = None, scale: float = 1.0, setting: float = 1.0
) -> LossAndGradient:
    """Squared error ``l = f sum_j (z_j - t_j)^2``, `setting` being f: ``1 / cols`` for the mean, 1/2 for half the sum.

    >>> squared_error(np.array([[3.0, 1.0]]), np.array([[1.0, 1.0]]), setting=0.5)
    (array([2.]), array([[2., 0.]]))
    """
    r = z - target
    return _of_terms(r * r, r + r, setting, weight, scale, mean=False)


def absolute_error(
    z: Array, target: Array, *, weight: Array | None = None, scale: float = 1.0, setting: float = 1.0
) -> LossAndGradient:
    """Absolute error ``l = f sum_j |z_j - t_j|``, `setting` being f; the slope at 0 is 0.

    >>> absolute_error(np.array([[3.0, 1.0]]), np.array([[1.0, 1.0]]))
    (array([2.]), array([[1., 0.]]))
    """
    r = z - target
    return _of_terms(np.abs(r), np.sign(r), setting, weight, scale, mean=False)


def huber(
    z: Array, target: Array, *, weight: Array | None = None, scale: float = 1.0, setting: float = 1.0
) -> LossAndGradient:
    """Huber's loss, mean over the columns: ``r^2 / 2``, beyond delta (`setting`) ``delta (|r| - delta / 2)``.

    P. Huber, "Robust estimation of a location parameter", Annals of Mathematical Statistics 35 (1964).

    >>> huber(np.array([[3.0], [1.5]]), np.array([[0.0], [1.0]]))
    (array([2.5  , 0.125]), array([[1. ],
           [0.5]]))
    """
    r = z - target
    q = np.minimum(np.abs(r), z.dtype.type(setting))
    return _of_terms(q * (np.abs(r) - q / 2), np.copysign(q, r), 1.0, weight, scale, mean=True)


def quantile(
    z: Array, target: Array, *, weight: Array | None = None, scale: float = 1.0, setting: float = 1.0
) -> LossAndGradient:
    """Quantile loss, mean over the columns: ``tau (t - z)`` where ``z < t``, else ``(1 - tau) (z - t)``.

    `setting` is tau; the slope at 0 is 0. Koenker and Bassett, "Regression quantiles", Econometrica 46 (1978).

    >>> loss, dz = quantile(np.array([[1.0, 0.0]]), np.array([[0.0, 2.0]]), setting=0.75)
    >>> loss, dz
    (array([0.875]), array([[ 0.125, -0.375]]))
    """
    r, tau = z - target, z.dtype.type(setting)
    slopes = np.where(r > 0, 1 - tau, np.where(r < 0, -tau, r))
    return _of_terms(slopes * np.where(r == 0, 0, r), slopes, 1.0, weight, scale, mean=True)


def binary_cross_entropy(
    z: Array, target: Array, *, weight: Array | None = None, scale: float = 1.0, setting: float = 1.0
) -> LossAndGradient:
    """Cross entropy of independent classes from logits, mean over the columns: ``log(1 + e^z) - t z``.

    Its slope is ``sigmoid(z) - t``. `setting` is not used.

    >>> loss, dz = binary_cross_entropy(np.array([[0.0], [1000.0]]), np.array([[1.0], [1.0]]))
    >>> loss.round(4), dz
    (array([0.6931, 0.    ]), array([[-0.5],
           [ 0. ]]))
    """
    e = np.exp(-np.abs(z))
    larger, smaller, u = 1 / (1 + e), e / (1 + e), 1 - target
    terms = _product(np.where(z > 0, u, target), np.abs(z)) + np.log1p(e)
    slopes = np.where(z > 0, larger, smaller) * u - np.where(z > 0, smaller, larger) * target
    return _of_terms(terms, slopes, 1.0, weight, scale, mean=True)


def categorical_cross_entropy(
    z: Array, target: Array, *, weight: Array | None = None, scale: float = 1.0, setting: float = 1.0
) -> LossAndGradient:
    """Cross entropy of one class out of many from logits: ``l = -sum_j t_j log p_j``, ``p = softmax(z)``.

    Its slope is ``p_j sum_k t_k - t_j``. `setting` is not used.

    >>> loss, dz = categorical_cross_entropy(np.array([[0.0, 0.0]]), np.array([1], dtype=np.int32))
    >>> loss.round(4), dz
    (array([0.6931]), array([[ 0.5, -0.5]]))
    """
    t = dense_target(z, target)
    largest = z.max(axis=1, keepdims=True)
    with np.errstate(invalid="ignore"):
        d = np.where(z == largest, 0, z - largest)
    e = np.exp(d)
    others = np.where(e == 1, 0, e).sum(axis=1, keepdims=True) + ((e == 1).sum(axis=1, keepdims=True) - 1)
    total = t.sum(axis=1, keepdims=True)
    loss = (total * np.log1p(others))[:, 0] + _product(t, -d).sum(axis=1)
    slopes = e * (total - t) - t * np.where(e == 1, others, 1 + others - e)
    row = z.dtype.type(scale) / (1 + others) * (1 if weight is None else weight[:, None])
    return loss, np.asarray(row * slopes, dtype=z.dtype)


def binary_focal_cross_entropy(
    z: Array, target: Array, *, weight: Array | None = None, scale: float = 1.0, setting: float = 1.0
) -> LossAndGradient:
    """Focal cross entropy of independent classes from logits, mean over the columns, `setting` being g.

    ``-t q^g log p - (1 - t) p^g log q`` with ``p = sigmoid(z)`` and ``q = 1 - p``.
    T. Lin et al., "Focal loss for dense object detection" (2017).

    >>> loss, dz = binary_focal_cross_entropy(np.array([[0.0]]), np.array([[1.0]]), setting=2.0)
    >>> loss.round(4), dz.round(4)
    (array([0.1733]), array([[-0.2983]]))
    """
    g = z.dtype.type(setting)
    e = np.exp(-np.abs(z))
    larger, smaller = 1 / (1 + e), e / (1 + e)
    p, q = np.where(z > 0, larger, smaller), np.where(z > 0, smaller, larger)
    of_p, of_q = np.maximum(-z, 0) + np.log1p(e), np.maximum(z, 0) + np.log1p(e)
    u = 1 - target
    terms = _product(target, _product(q**g, of_p)) + _product(u, _product(p**g, of_q))
    slopes = u * p**g * (p + g * _product(q, of_q)) - target * q**g * (q + g * _product(p, of_p))
    return _of_terms(terms, slopes, 1.0, weight, scale, mean=True)


def weighted_binary_cross_entropy(
    z: Array, target: Array, *, weight: Array | None = None, scale: float = 1.0, setting: float = 1.0
) -> LossAndGradient:
    """Cross entropy of binary outputs with a weight each, from logits, mean over the columns.

    ``|t| log(1 + e^(-s z))`` with ``s = sign t``: the target's sign is the class, its size the weight. `setting` is not
    used.

    >>> loss, dz = weighted_binary_cross_entropy(np.array([[0.0, 0.0]]), np.array([[3.0, 0.0]]))
    >>> loss.round(4), dz
    (array([1.0397]), array([[-0.75, -0.  ]]))
    """
    e = np.exp(-np.abs(z))
    larger, smaller = 1 / (1 + e), e / (1 + e)
    right = (target > 0) == (z > 0)
    terms = _product(np.abs(target), np.log1p(e) + np.where(right, 0, np.abs(z)))
    return _of_terms(terms, -target * np.where(right, smaller, larger), 1.0, weight, scale, mean=True)


def categorical_focal_cross_entropy(
    z: Array, target: Array, *, weight: Array | None = None, scale: float = 1.0, setting: float = 1.0
) -> LossAndGradient:
    """Focal cross entropy of one class out of many from logits: ``l = -sum_j t_j (1 - p_j)^g log p_j``.

    ``p = softmax(z)``, `setting` is g. T. Lin et al., "Focal loss for dense object detection" (2017).

    >>> loss, dz = categorical_focal_cross_entropy(np.array([[0.0, 0.0]]), np.array([1], dtype=np.int32), setting=2.0)
    >>> loss.round(4), dz.round(4)
    (array([0.1733]), array([[ 0.2983, -0.2983]]))
    """
    t, g = dense_target(z, target), z.dtype.type(setting)
    largest = z.max(axis=1, keepdims=True)
    with np.errstate(invalid="ignore"):
        d = np.where(z == largest, 0, z - largest)
    e = np.exp(d)
    others = np.where(e == 1, 0, e).sum(axis=1, keepdims=True) + ((e == 1).sum(axis=1, keepdims=True) - 1)
    p, q, log_p = e / (1 + others), np.where(e == 1, others, 1 + others - e) / (1 + others), d - np.log1p(others)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(q == 0, -1, log_p / q)
    h = -(q**g) * (1 - g * _product(p, ratio))
    own = t * h
    row = z.dtype.type(scale) * (1 if weight is None else weight[:, None])
    slopes = own * q - p * (own.sum(axis=1, keepdims=True) - own)
    return -_product(t, _product(q**g, log_p)).sum(axis=1), np.asarray(row * slopes, dtype=z.dtype)


def log_loss(
    z: Array, target: Array, *, weight: Array | None = None, scale: float = 1.0, setting: float = 1.0
) -> LossAndGradient:
    """Cross entropy from probabilities of class 1, mean over the columns: ``-t log z - (1 - t) log(1 - z)``.

    ``0 log 0`` is 0. `setting` is not used.

    >>> loss, dz = log_loss(np.array([[1.0], [0.5]]), np.array([[1.0], [0.0]]))
    >>> loss.round(4), dz
    (array([0.    , 0.6931]), array([[-1.],
           [ 2.]]))
    """
    u = 1 - target
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = -_product(target, np.log(z)) - _product(u, np.log1p(-z))
        slopes = _product(u, 1 / (1 - z)) - _product(target, 1 / z)
    return _of_terms(terms, slopes, 1.0, weight, scale, mean=True)


def categorical_log_loss(
    z: Array, target: Array, *, weight: Array | None = None, scale: float = 1.0, setting: float = 1.0
) -> LossAndGradient:
    """Cross entropy from the classes' probabilities: ``l = -sum_j t_j log z_j``, ``0 log 0`` being 0.

    `setting` is not used.

    >>> loss, dz = categorical_log_loss(np.array([[0.5, 0.5]]), np.array([0], dtype=np.int32))
    >>> loss.round(4), dz
    (array([0.6931]), array([[-2.,  0.]]))
    """
    t = dense_target(z, target)
    with np.errstate(divide="ignore", invalid="ignore"):
        terms, slopes = 0 - _product(t, np.log(z)), 0 - _product(t, 1 / z)
    return _of_terms(terms, slopes, 1.0, weight, scale, mean=False)


def poisson(
    z: Array, target: Array, *, weight: Array | None = None, scale: float = 1.0, setting: float = 1.0
) -> LossAndGradient:
    """Poisson loss, mean over the columns: ``r - t log r`` for the rate ``r = e^z``, or ``r = z`` with `setting` 0.

    The terms of the likelihood that depend only on the target are omitted; ``0 log 0`` is 0.

    >>> poisson(np.array([[0.0]]), np.array([[2.0]]))
    (array([1.]), array([[-1.]]))
    >>> poisson(np.array([[1.0]]), np.array([[2.0]]), setting=0.0)
    (array([1.]), array([[-1.]]))
    """
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        if setting != 0:
            terms, slopes = np.exp(z) - _product(target, z), np.exp(z) - target
        else:
            terms, slopes = z - _product(target, np.log(z)), 1 - _product(target, 1 / z)
    return _of_terms(terms, slopes, 1.0, weight, scale, mean=True)


def perceptron(
    z: Array, target: Array, *, weight: Array | None = None, scale: float = 1.0, setting: float = 1.0
) -> LossAndGradient:
    """Perceptron loss for targets -1 and +1, mean over the columns: ``max(0, -t z)``; `setting` is not used.

    Its slope at ``z = 0`` is ``-t``, so that a perceptron learns from zero weights.

    F. Rosenblatt, "The perceptron", Psychological Review 65 (1958).

    >>> perceptron(np.array([[2.0], [2.0]]), np.array([[1.0], [-1.0]]))
    (array([0., 2.]), array([[0.],
           [1.]]))
    """
    return hinge(z, target, weight=weight, scale=scale, setting=0.0)


def hinge(
    z: Array, target: Array, *, weight: Array | None = None, scale: float = 1.0, setting: float = 1.0
) -> LossAndGradient:
    """Hinge loss for targets -1 and +1, mean over the columns: ``max(0, margin - t z)``, `setting` being the margin.

    Its slope at ``t z = margin`` is ``-t``.

    >>> hinge(np.array([[0.5], [0.5]]), np.array([[1.0], [-1.0]]))
    (array([0.5, 1.5]), array([[-1.],
           [ 1.]]))
    """
    m = z.dtype.type(setting) - target * z
    slopes = np.where(m < 0, 0, np.where(np.isnan(m), m, -target))
    return _of_terms(np.where(m < 0, 0, m), slopes, 1.0, weight, scale, mean=True)
