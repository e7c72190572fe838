"""The largest curvature of the loss, and the learning rate that it allows."""

from __future__ import annotations

import math

import numpy as np

from .. import kernels
from ..optimizers import SGD, Optimizer
from .findings import Finding
from .float64_copy import Float64Copy, Vector

__all__ = ["largest_curvature", "largest_rate", "too_large_a_step"]

# The curvature of a net of several layers converges to slightly above what the rate allows, and it still learns: Cohen,
# Kaur, Li, Kolter and Talwalkar, "Gradient descent on neural networks typically occurs at the edge of stability", 2021.
# Before it converges, curvatures of 1.8 times as much were seen. The loss of one layer is convex, and steps beyond the
# limit diverge.
_BEYOND = 2.0
# Numbers of products from a random start, and from the last epoch's eigenvector.
_PRODUCTS, _MORE_PRODUCTS = 50, 5
_ENOUGH = 0.005


def largest_curvature(copy: Float64Copy, start: Vector | None = None) -> tuple[float, Vector]:
    """Return lambda_max of the loss's second derivatives, and its eigenvector.

    Power iteration: v <- H v / |H v|, with H v = (g(w + h v) - g(w - h v)) / 2h. If the eigenvalue of the largest size
    is negative, H is replaced by H - lambda I. The largest v H v of all is returned: it is never above lambda_max.

    Parameters
    ----------
    copy : Float64Copy
        It is not changed.
    start : ndarray, optional
        The initial vector, such as the eigenvector of an earlier epoch; None draws one.
    """
    views = copy.network.parameters()
    weights = [views[name] for name in copy.names]
    kept = [np.array(w) for w in weights]
    size = sum(w.size for w in kept)
    h = 2.0**-13 * max(1.0, *(float(np.abs(w).max()) for w in kept))

    def put(v: Vector, distance: float) -> None:
        first = 0
        for w, before in zip(weights, kept, strict=True):
            w[...] = before + distance * v[first : first + w.size].reshape(w.shape)
            first += w.size

    def gradient(v: Vector, distance: float) -> Vector:
        put(v, distance)
        found = copy.loss_and_gradients()[1]
        return np.concatenate([found[name].reshape(-1) for name in copy.names])

    v = np.random.default_rng(0).normal(size=size) if start is None else start
    best, value, shift = (-math.inf, v), 0.0, 0.0
    try:
        for _ in range(_PRODUCTS if start is None else _MORE_PRODUCTS):
            v = v / math.sqrt(kernels.sum_squares(v))
            product = (gradient(v, h) - gradient(v, -h)) / (2.0 * h)
            before, value = value, float(kernels.dot(v, product))
            if value > best[0]:
                best = value, v
            v = product + shift * v
            if not v.any() or not np.isfinite(v).all():
                break
            if abs(value - before) <= _ENOUGH * abs(value):
                if value > 0.0 or shift:
                    break
                shift, v = -value, np.random.default_rng(1).normal(size=size)
    finally:
        put(np.zeros(size), 0.0)
    return best


def largest_rate(optimizer: Optimizer, curvature: float) -> float | None:
    """Return the rate beyond which descent on x' C x / 2 diverges, where c, C's largest eigenvalue, is the curvature.

    Plain: 2/c. With momentum m: 2 (1 + m)/c, in the average form that over 1 - m; Nesterov: 2 (1 + m)/(1 + 2m)/c. None
    for optimizers whose step is not a fixed multiple of the gradient, and if the loss does not curve upwards.
    """
    if not isinstance(optimizer, SGD) or not 0.0 < curvature < math.inf:
        return None
    m = optimizer.momentum
    plain = 2.0 * (1.0 + m) / curvature
    if optimizer.nesterov:
        return plain / (1.0 + 2.0 * m)
    return plain / (1.0 - m) if optimizer.average else plain


def too_large_a_step(
    copy: Float64Copy, rate: float, limit: float, curvature: float, epoch: int | None
) -> Finding | None:
    """Return the finding if the rate is beyond its limit."""
    layers = {name.rpartition("/")[0] for name in copy.names}
    ratio = rate / limit
    if ratio <= (1.0 if len(layers) == 1 else _BEYOND):
        return None
    return Finding(
        "step_size", None, epoch, ratio,
        f"learning_rate={rate:.3g} is {ratio:.3g} times {limit:.3g}, beyond which steps grow along the steepest "
        f"curvature, lambda_max = {curvature:.3g}",
        f"take a learning rate below {limit:.2g}, scale the inputs to mean 0 and variance 1, or take Adam",
    )  # fmt: skip
