"""Losses against mpmath: 4 ULP at most for logits of 1e-8 to 1e8 and at infinities, NaN where mathematics has none."""

import math
from functools import cache

import mpmath
import numpy as np
import pytest
from checks import ulp_limit, ulps
from mpmath import mpf

SIZES = [10.0**e for e in range(-8, 9)]
# Each power of ten, and numbers between with all their digits, of both signs.
LOGITS = [0.0, *(sign * f * size for size in SIZES for f in (1.0, math.pi / 2, math.e) for sign in (1.0, -1.0))]
FINITE = [x for x in LOGITS if abs(x) <= 1e8]
SHARES = [0.0, 1.0, 0.5, 0.25, 1 / 3, 1e-3, 1 - 2**-20]
HITS = [0.0, 1.0]


def softplus(x):
    return mpmath.log1p(mpmath.exp(-abs(x))) + max(x, mpf(0))


def product(t, value):
    """t times value, where 0 times an infinity is 0."""
    return mpf(0) if t == 0 else t * value


def binary_cross_entropy(z, t, _):
    return t * softplus(-z) + (1 - t) * softplus(z)


def huber(z, t, delta):
    r = abs(z - t)
    return r * r / 2 if r <= delta else delta * (r - delta / 2)


def log_loss(z, t, _):
    return -product(t, mpmath.log(z)) - product(1 - t, mpmath.log(1 - z))


def poisson(z, t, setting):
    return mpmath.exp(z) - product(t, z) if setting else z - product(t, mpmath.log(z))


# name, setting, formula of one output, outputs, targets
CASES = [
    ("squared_error", 0.5, lambda z, t, f: f * (z - t) ** 2, FINITE, [0.0, 1.0, -0.7]),
    ("absolute_error", 1.0, lambda z, t, f: f * abs(z - t), FINITE, [0.0, 1.0, -0.7]),
    ("huber", 1.0, huber, FINITE, [0.0, 1.0, -0.7]),
    ("huber", 1.35, huber, FINITE, [0.0, 1.0]),
    ("binary_cross_entropy", 1.0, binary_cross_entropy, FINITE, SHARES),
    ("log_loss", 1.0, log_loss, [0.0, 1e-30, 1e-8, 1e-3, 0.25, 1 / 3, 0.5, 0.75, 1 - 2**-20, 1.0], HITS),
    ("log_loss", 1.0, log_loss, [1e-30, 1e-8, 1e-3, 0.25, 1 / 3, 0.5, 0.75, 1 - 2**-20], SHARES),
    ("categorical_log_loss", 1.0, lambda z, t, _: -product(t, mpmath.log(z)), [1e-30, 1e-8, 1 / 3, 0.5, 1.0], SHARES),
    ("poisson", 1.0, poisson, [x for x in FINITE if x < 80], [0.0]),
    ("poisson", 1.0, poisson, [-x for x in SIZES], [1.0, 3.0, 0.5]),
    ("poisson", 0.0, poisson, SIZES, [0.0]),
    ("perceptron", 1.0, lambda z, t, _: max(mpf(0), -t * z), FINITE, [1.0, -1.0]),
    ("hinge", 1.0, lambda z, t, m: max(mpf(0), m - t * z), FINITE, [1.0, -1.0]),
]


def exact(formula, z, t, setting):
    """The value with 60 digits, as the nearest float64: closer than a ULP of either type by far."""
    with mpmath.workdps(60):
        value = formula(mpf(float(z)), mpf(float(t)), mpf(float(setting)))
        return math.inf if value == mpmath.inf else float(value)


@pytest.mark.parametrize(
    ("name", "setting", "formula", "outputs", "targets"), CASES, ids=lambda x: "formula" if callable(x) else str(x)[:22]
)
def test_one_output(name, setting, formula, outputs, targets, isa, kernels, dtype):
    z, t = (a.ravel().astype(dtype)[:, None] for a in np.meshgrid(outputs, targets))
    setting = float(dtype(setting))
    loss, dz = getattr(kernels, name)(z, t, setting=setting)
    want = np.array([exact(formula, *pair, setting) for pair in zip(z[:, 0], t[:, 0], strict=True)])
    # squares of the largest logits are no longer float32
    inside = np.abs(want) <= np.finfo(dtype).max
    assert np.array_equal(np.isfinite(loss), inside) and inside.mean() >= 0.9
    # a difference of rounded numbers, z - t, is exact enough only by its own size
    scale = np.abs(want) if name != "hinge" else np.abs(want) + np.abs(z[:, 0]) * np.finfo(dtype).eps
    assert ulps(loss[inside], want[inside], scale[inside]).max() <= ulp_limit(isa)
    assert not np.isnan(dz).any()


@cache
def cross_entropy(row, label):
    with mpmath.workdps(60):
        z = [mpf(x) for x in row]
        largest = max(z)
        z_label = z[label]
        z.remove(largest)
        return float(mpmath.log1p(mpmath.fsum(mpmath.exp(x - largest) for x in z)) + (largest - z_label))


def rows(dtype, classes):
    """Logits of one size, of very different ones, in every order."""
    generator = np.random.default_rng(classes)
    base = np.array([0.0, *SIZES, *(-x for x in SIZES)])
    drawn = generator.choice(base, (300, classes)) * generator.choice([1.0, math.pi / 2], (300, classes))
    single = np.zeros((len(base), classes))
    single[:, classes // 2] = base
    return np.concatenate([drawn, single]).astype(dtype)


@pytest.mark.parametrize("classes", [2, 3, 10])
def test_cross_entropy_of_classes(classes, isa, kernels, dtype):
    z = rows(dtype, classes)
    label = (np.arange(len(z)) % classes).astype(np.int32)
    loss, dz = kernels.categorical_cross_entropy(z, label)
    want = np.array([cross_entropy(tuple(map(float, row)), int(k)) for row, k in zip(z, label, strict=True)])
    assert np.isfinite(loss).all() and np.isfinite(dz).all()
    # The loss of a sure and right row is its e^-d, where the difference d of two logits was rounded: d / 2 ULP more.
    d = np.sort(np.abs(z - z.max(axis=1, keepdims=True)), axis=1)[:, 1]
    assert np.all(ulps(loss, want) <= ulp_limit(isa) + np.where(want < 1e-2, d / 2, 0.0))
    assert np.abs(dz.sum(axis=1)).max() <= 4 * np.finfo(dtype).eps


INF, NAN = math.inf, math.nan
# What the limit is; NaN where there is none: inf - inf, or for what is no probability.
LIMITS = [
    ("squared_error", [INF], [0.0], INF),
    ("squared_error", [INF], [INF], NAN),
    ("absolute_error", [-INF], [3.0], INF),
    ("huber", [INF], [-1.0], INF),
    ("binary_cross_entropy", [INF], [1.0], 0.0),
    ("binary_cross_entropy", [INF], [0.5], INF),
    ("binary_cross_entropy", [-INF], [0.0], 0.0),
    ("binary_cross_entropy", [-INF], [1.0], INF),
    ("categorical_cross_entropy", [INF, 0.0, 1.0], [1.0, 0.0, 0.0], 0.0),
    ("categorical_cross_entropy", [INF, 0.0, 1.0], [0.0, 1.0, 0.0], INF),
    ("categorical_cross_entropy", [-INF, 0.0, 0.0], [0.0, 1.0, 0.0], math.log(2)),
    ("categorical_cross_entropy", [-INF, 0.0, 0.0], [1.0, 0.0, 0.0], INF),
    ("categorical_cross_entropy", [-INF, -INF, 5.0], [0.0, 0.0, 1.0], 0.0),
    ("log_loss", [0.0], [1.0], INF),
    ("log_loss", [1.5], [1.0], NAN),
    ("categorical_log_loss", [0.0, 1.0], [1.0, 0.0], INF),
    ("categorical_log_loss", [-1.0, 1.0], [1.0, 0.0], NAN),
    ("poisson", [-INF], [0.0], 0.0),
    ("poisson", [-INF], [2.0], INF),
    ("poisson", [INF], [0.0], INF),
    ("poisson", [INF], [1.0], NAN),
    ("perceptron", [-INF], [1.0], INF),
    ("perceptron", [INF], [1.0], 0.0),
    ("hinge", [INF], [-1.0], INF),
    ("hinge", [INF], [1.0], 0.0),
]


@pytest.mark.parametrize(("name", "z", "t", "limit"), LIMITS)
@pytest.mark.parametrize("copies", [1, 21])
def test_infinities(name, z, t, limit, copies, isa, kernels, dtype):
    many = [np.tile(np.array(row, dtype), (copies, 1)) for row in (z, t)]
    loss, _ = getattr(kernels, name)(*many)
    assert ulps(loss, np.full(copies, limit)).max() <= ulp_limit(isa)
