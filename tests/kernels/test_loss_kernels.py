"""Loss kernels against their twins, their derivatives, and their values at the ends of the number line."""

import functools
import math
from typing import NamedTuple

import numpy as np
import pytest
from checks import ISAS, SIZES, awkward, has_fma, same_bits, ulp_limit, ulps

from ravine import _core
from ravine.reference import losses as twin
from ravine.reference.activations import sigmoid, softmax

WIDER = {np.float32: np.float64, np.float64: np.longdouble}


def real(rng, shape):
    """Numbers of every size."""
    return rng.normal(size=shape) * 10.0 ** rng.integers(-3, 2, size=shape)


def whole(rng, shape):
    """Numbers whose differences are exact."""
    return rng.integers(-20, 21, size=shape).astype(float)


def positive(rng, shape):
    return rng.gamma(2.0, size=shape)


def bits(rng, shape):
    return rng.integers(0, 2, size=shape).astype(float)


def signs(rng, shape):
    return 2 * bits(rng, shape) - 1


def share(rng, shape):
    return rng.uniform(0.01, 0.99, size=shape)


def distribution(rng, shape):
    p = rng.gamma(1.0, size=shape)
    return p / p.sum(axis=1, keepdims=True)


def one_hot(rng, shape):
    return np.eye(shape[1])[rng.integers(0, shape[1], size=shape[0])]


class Case(NamedTuple):
    """A loss, its setting, how outputs and targets are drawn, and where the slope jumps."""

    name: str
    setting: float
    z: object
    target: object
    kink: object = lambda z, t: np.inf


CASES = [
    Case("squared_error", 1.0, real, real),
    Case("squared_error", 0.5, real, real),
    Case("absolute_error", 1.0, real, real, lambda z, t: z - t),
    Case("huber", 1.0, real, real, lambda z, t: np.abs(z - t) - 1.0),
    Case("huber", 1.35, real, real, lambda z, t: np.abs(z - t) - 1.35),
    Case("binary_cross_entropy", 1.0, real, bits),
    Case("binary_cross_entropy", 1.0, real, share),
    Case("categorical_cross_entropy", 1.0, real, one_hot),
    Case("categorical_cross_entropy", 1.0, whole, one_hot),
    Case("categorical_cross_entropy", 1.0, real, distribution),
    Case("categorical_cross_entropy", 1.0, real, positive),
    Case("quantile", 0.1, real, real, lambda z, t: z - t),
    Case("quantile", 0.5, real, real, lambda z, t: z - t),
    Case("binary_focal_cross_entropy", 2.0, real, bits),
    Case("binary_focal_cross_entropy", 0.5, real, share),
    Case("binary_focal_cross_entropy", 0.0, real, bits),
    Case("categorical_focal_cross_entropy", 2.0, real, one_hot),
    Case("categorical_focal_cross_entropy", 0.5, whole, distribution),
    Case("categorical_focal_cross_entropy", 0.0, real, one_hot),
    Case("weighted_binary_cross_entropy", 1.0, real, signs),
    Case("weighted_binary_cross_entropy", 1.0, real, real),
    Case("log_loss", 1.0, share, bits),
    Case("log_loss", 1.0, share, share),
    Case("categorical_log_loss", 1.0, distribution, one_hot),
    Case("categorical_log_loss", 1.0, distribution, distribution),
    Case("poisson", 1.0, lambda rng, shape: np.clip(real(rng, shape), -40, 40), positive),
    Case("poisson", 0.0, positive, positive),
    Case("perceptron", 1.0, real, signs, lambda z, t: z),
    Case("hinge", 1.0, real, signs, lambda z, t: 1.0 - t * z),
    Case("hinge", 0.5, real, signs, lambda z, t: 0.5 - t * z),
]


def label_of(case):
    return f"{case.name}-{case.setting}-{case.target.__name__}"


NAMES = sorted({case.name for case in CASES})
LABELLED = ["categorical_cross_entropy", "categorical_focal_cross_entropy", "categorical_log_loss"]
SHAPES = [(size, 1) for size in SIZES] + [(3, cols) for cols in SIZES if cols] + [(129, 10)]


def size_of_terms(name, z, t, setting):
    """Sizes of what a loss adds up, for the loss (rows,) and for the slope (rows, cols), where terms cancel."""
    if name == "poisson":
        by_term = (np.exp(z) + np.abs(t * z)) if setting else z + np.abs(t * np.log(z))
        slope = (np.exp(z) + t) if setting else 1 + t / z
        return by_term.mean(axis=1), slope / z.shape[1]
    if name == "log_loss":
        return 0.0, (t / z + (1 - t) / (1 - z)) / z.shape[1]
    if name == "binary_cross_entropy":
        p = sigmoid(z)
        return 0.0, (p * (1 - t) + (1 - p) * t) / z.shape[1]
    if name == "binary_focal_cross_entropy":  # a step towards either class
        slopes = [
            np.abs(twin.binary_focal_cross_entropy(z, np.full_like(z, one), setting=setting)[1]) for one in (0, 1)
        ]
        return 0.0, (1 - t) * slopes[0] + t * slopes[1]
    if name == "categorical_focal_cross_entropy":
        p, tiny = softmax(z), np.finfo(z.dtype).tiny
        q = np.maximum(1 - p, tiny)
        h = q**setting * (1 - setting * p * np.log(np.maximum(p, tiny)) / q)
        return 0.0, t * h * q + p * (t * h).sum(axis=1, keepdims=True)
    if name == "categorical_cross_entropy":
        p = softmax(z)
        return 0.0, p * (t.sum(axis=1, keepdims=True) - t) + t * (1 - p)
    return 0.0, 0.0


def rounding_of_exponents(name, z, setting):
    """ULPs that exp(z_j - max z) owes to the rounding of the difference, and the sum of a row to its length.

    A power of such a number owes as many times more as its exponent.
    """
    if z.size == 0:
        return 0.0
    if name == "binary_focal_cross_entropy":
        return 4 * (1 + setting)
    if not name.endswith("focal_cross_entropy") and name != "categorical_cross_entropy":
        return 0.0
    exact = np.all(z == np.round(z))
    of_e = z.shape[1] / 16 + (0.0 if exact else np.ptp(z, axis=1, keepdims=True))
    return of_e if name == "categorical_cross_entropy" else (2 + setting) * (4 + of_e)


class Problem(NamedTuple):
    """What a kernel is given, what the twin makes of it in a wider type, and what rounding may add to 4 or 5 ULP."""

    given: tuple  # z, target, weight
    loss: np.ndarray
    dz: np.ndarray
    loss_ulps: float
    loss_size: np.ndarray
    dz_ulps: np.ndarray
    dz_size: np.ndarray


@functools.lru_cache(maxsize=2)
def problems(case, dtype):
    """One of each shape, the same for all instruction sets and layouts."""
    rng, found = np.random.default_rng(20), []
    for shape in SHAPES:
        given = [draw(rng, shape).astype(dtype) for draw in (case.z, case.target)]
        given.append(rng.uniform(0, 2, size=shape[0]).astype(dtype))
        z, t, weight = (x.astype(WIDER[dtype]) for x in given)
        loss, dz = getattr(twin, case.name)(z, t, weight=weight, scale=0.25, setting=dtype(case.setting))
        of_loss, of_slope = size_of_terms(case.name, z, t, dtype(case.setting))
        of_exponents = rounding_of_exponents(case.name, z, case.setting)
        of_power = np.max(of_exponents) if "focal" in case.name else 0.0
        size = np.maximum(np.abs(loss), of_loss), 0.25 * weight[:, None] * of_slope
        found.append(Problem(tuple(given), loss, dz, shape[1] + 2 + of_power, size[0], of_exponents, size[1]))
    return found


@pytest.mark.parametrize("case", CASES, ids=label_of)
def test_agrees_with_its_twin(case, isa, kernels, dtype, layout):
    eps, tiny = np.finfo(dtype).eps, np.finfo(dtype).tiny
    for problem in problems(case, dtype):
        z, t, weight = (awkward(x, layout) for x in problem.given)
        loss, dz = getattr(kernels, case.name)(z, t, weight=weight, scale=0.25, setting=case.setting)
        bound = (problem.loss_ulps + ulp_limit(isa)) * eps * problem.loss_size
        assert np.all(np.abs(loss - problem.loss) <= bound + tiny), z.shape
        off = ulps(dz, problem.dz, problem.dz_size)
        assert np.all(off <= ulp_limit(isa) + problem.dz_ulps), z.shape


@pytest.mark.parametrize("case", CASES, ids=label_of)
def test_gradient_is_the_slope_of_the_loss(case, kernels, rng):
    z, t = case.z(rng, (200, 3)), case.target(rng, (200, 3))
    smooth = np.all(np.abs(np.broadcast_to(case.kink(z, t), z.shape)) > 1e-2, axis=1)
    # 1 / z and log z need a shorter step
    low, high, h = {share: (0.05, 0.95, 1e-4), distribution: (0.05, 0.95, 1e-4), positive: (0.1, 10, 1e-4)}.get(
        case.z, (-10, 10, 1e-3)
    )
    inside = smooth & np.all((z > low) & (z < high), axis=1)
    z, t = z[inside], t[inside]
    assert len(z) > 5
    loss = getattr(kernels, case.name)
    slope = np.empty_like(z)
    for j in range(3):
        step = np.zeros(3)
        step[j] = h
        weights = ((-2, 1), (-1, -8), (1, 8), (2, -1))
        slope[:, j] = sum(c * loss(z + k * step, t, setting=case.setting)[0] for k, c in weights) / (12 * h)
    dz = loss(z, t, setting=case.setting)[1]
    assert np.linalg.norm(dz - slope) <= 1e-9 * np.linalg.norm(slope)


FOCAL = 0.125 + math.log(2) / 4  # the slope at equal chances

# Points given one by one: name, setting, z, target, loss, dz.
ROWS = [
    ("squared_error", 0.5, [3.0, 1.0], [1.0, 1.0], 2.0, [2.0, 0.0]),
    ("squared_error", 1.0, [np.inf], [0.0], np.inf, [np.inf]),
    ("absolute_error", 1.0, [3.0, 1.0, -2.0], [1.0, 1.0, 0.0], 4.0, [1.0, 0.0, -1.0]),
    ("huber", 1.0, [3.0], [0.0], 2.5, [1.0]),
    ("huber", 1.0, [-1e8], [0.0], 1e8, [-1.0]),
    ("huber", 1.0, [-np.inf], [0.0], np.inf, [-1.0]),
    ("binary_cross_entropy", 1.0, [0.0], [1.0], math.log(2), [-0.5]),
    ("binary_cross_entropy", 1.0, [1e-8], [0.0], 0.693147185559945, [0.5000000025]),
    ("binary_cross_entropy", 1.0, [1e8], [1.0], 0.0, [0.0]),
    ("binary_cross_entropy", 1.0, [1e8], [0.0], 1e8, [1.0]),
    ("binary_cross_entropy", 1.0, [-1e8], [1.0], 1e8, [-1.0]),
    ("binary_cross_entropy", 1.0, [-1e8], [0.25], 2.5e7, [-0.25]),
    ("binary_cross_entropy", 1.0, [20.0], [1.0], 2.0611536181902037e-9, [-2.0611536181902037e-9]),
    ("binary_cross_entropy", 1.0, [-20.0], [0.0], 2.0611536181902037e-9, [2.0611536181902037e-9]),
    ("binary_cross_entropy", 1.0, [np.inf], [1.0], 0.0, [0.0]),
    ("binary_cross_entropy", 1.0, [-np.inf], [0.0], 0.0, [0.0]),
    ("binary_cross_entropy", 1.0, [np.inf], [0.0], np.inf, [1.0]),
    ("categorical_cross_entropy", 1.0, [0.0, 0.0], [0.0, 1.0], math.log(2), [0.5, -0.5]),
    ("categorical_cross_entropy", 1.0, [1e8, -1e8], [0.0, 1.0], 2e8, [1.0, -1.0]),
    ("categorical_cross_entropy", 1.0, [1e8, -1e8], [1.0, 0.0], 0.0, [0.0, 0.0]),
    ("categorical_cross_entropy", 1.0, [1e-8, 0.0], [1.0, 0.0], 0.693147175559945, [-0.4999999975, 0.4999999975]),
    ("categorical_cross_entropy", 1.0, [20.0, 0.0], [1.0, 0.0], 2.0611536181902037e-9, [-2.0611536e-9, 2.0611536e-9]),
    ("categorical_cross_entropy", 1.0, [-np.inf, 0.0], [0.0, 1.0], 0.0, [0.0, 0.0]),
    ("categorical_cross_entropy", 1.0, [np.inf, 0.0], [1.0, 0.0], 0.0, [0.0, 0.0]),
    ("categorical_cross_entropy", 1.0, [np.inf, 0.0], [0.0, 1.0], np.inf, [1.0, -1.0]),
    ("categorical_cross_entropy", 1.0, [5.0], [1.0], 0.0, [0.0]),
    ("log_loss", 1.0, [1.0], [1.0], 0.0, [-1.0]),
    ("log_loss", 1.0, [0.0], [0.0], 0.0, [1.0]),
    ("log_loss", 1.0, [0.0], [1.0], np.inf, [-np.inf]),
    ("log_loss", 1.0, [0.5, 0.25], [1.0, 0.0], 0.4904146265058631, [-1.0, 2.0 / 3.0]),
    ("categorical_log_loss", 1.0, [1.0, 0.0], [1.0, 0.0], 0.0, [-1.0, 0.0]),
    ("categorical_log_loss", 1.0, [0.5, 0.5], [0.0, 1.0], math.log(2), [0.0, -2.0]),
    ("categorical_log_loss", 1.0, [1.0, 0.0], [0.0, 1.0], np.inf, [0.0, -np.inf]),
    ("poisson", 1.0, [0.0], [2.0], 1.0, [-1.0]),
    ("poisson", 1.0, [-1e8], [0.0], 0.0, [0.0]),
    ("poisson", 1.0, [-np.inf], [0.0], 0.0, [0.0]),
    ("poisson", 1.0, [-1e8], [1.0], 1e8, [-1.0]),
    ("poisson", 0.0, [2.0], [0.0], 2.0, [1.0]),
    ("poisson", 0.0, [0.0], [0.0], 0.0, [1.0]),
    ("poisson", 0.0, [0.0], [1.0], np.inf, [-np.inf]),
    ("quantile", 0.75, [1.0, 0.0], [0.0, 2.0], 0.875, [0.125, -0.375]),
    ("quantile", 0.25, [2.0, 2.0], [2.0, 2.0], 0.0, [0.0, 0.0]),
    ("quantile", 0.25, [np.inf], [0.0], np.inf, [0.75]),
    ("quantile", 0.25, [-np.inf], [0.0], np.inf, [-0.25]),
    ("binary_focal_cross_entropy", 2.0, [0.0], [1.0], math.log(2) / 4, [-FOCAL]),
    ("binary_focal_cross_entropy", 0.0, [1e8], [0.0], 1e8, [1.0]),
    ("binary_focal_cross_entropy", 2.0, [1e8], [1.0], 0.0, [0.0]),
    ("binary_focal_cross_entropy", 2.0, [-1e8], [1.0], 1e8, [-1.0]),
    ("binary_focal_cross_entropy", 1.0, [20.0], [1.0], 4.248354242156823e-18, [-8.496708471178879e-18]),
    ("binary_focal_cross_entropy", 2.0, [np.inf], [1.0], 0.0, [0.0]),
    ("binary_focal_cross_entropy", 2.0, [-np.inf], [1.0], np.inf, [-1.0]),
    ("binary_focal_cross_entropy", 0.0, [np.inf], [1.0], 0.0, [0.0]),
    ("weighted_binary_cross_entropy", 1.0, [0.0, 5.0], [3.0, 0.0], 1.5 * math.log(2), [-0.75, 0.0]),
    ("weighted_binary_cross_entropy", 1.0, [-1e8], [0.5], 5e7, [-0.5]),
    ("weighted_binary_cross_entropy", 1.0, [1e8], [-2.0], 2e8, [2.0]),
    ("weighted_binary_cross_entropy", 1.0, [20.0], [2.0], 4.122307236e-9, [-4.122307228e-9]),
    ("weighted_binary_cross_entropy", 1.0, [np.inf], [-1.0], np.inf, [1.0]),
    ("weighted_binary_cross_entropy", 1.0, [-np.inf], [0.0], 0.0, [0.0]),
    ("weighted_binary_cross_entropy", 1.0, [np.inf], [1.0], 0.0, [0.0]),
    ("categorical_focal_cross_entropy", 2.0, [0.0, 0.0], [0.0, 1.0], math.log(2) / 4, [FOCAL, -FOCAL]),
    ("categorical_focal_cross_entropy", 2.0, [1e8, -1e8], [0.0, 1.0], 2e8, [1.0, -1.0]),
    ("categorical_focal_cross_entropy", 2.0, [1e8, -1e8], [1.0, 0.0], 0.0, [0.0, 0.0]),
    (
        "categorical_focal_cross_entropy",
        1.0,
        [20.0, 0.0],
        [1.0, 0.0],
        4.248354242156823e-18,
        [-8.496708471178879e-18, 8.496708471178879e-18],
    ),
    ("categorical_focal_cross_entropy", 0.5, [-np.inf, 0.0], [0.0, 1.0], 0.0, [0.0, 0.0]),
    ("categorical_focal_cross_entropy", 2.0, [np.inf, 0.0], [0.0, 1.0], np.inf, [1.0, -1.0]),
    ("categorical_focal_cross_entropy", 2.0, [5.0], [1.0], 0.0, [0.0]),
    ("perceptron", 1.0, [2.0, 2.0], [1.0, -1.0], 1.0, [0.0, 0.5]),
    ("perceptron", 1.0, [0.0], [1.0], 0.0, [-1.0]),
    ("hinge", 1.0, [0.5, 2.0], [-1.0, 1.0], 0.75, [0.5, 0.0]),
    ("hinge", 1.0, [1.0], [1.0], 0.0, [-1.0]),
    ("hinge", 1.0, [-np.inf], [1.0], np.inf, [-1.0]),
    ("hinge", 1.0, [np.inf], [1.0], 0.0, [0.0]),
]


@pytest.mark.parametrize(("name", "setting", "z", "target", "loss", "dz"), ROWS)
@pytest.mark.parametrize("rows", [1, 19])
def test_known_rows(name, setting, z, target, loss, dz, rows, kernels, dtype):
    z, target = (np.tile(np.array(row, dtype=dtype), (rows, 1)) for row in (z, target))
    got, dgot = getattr(kernels, name)(z, target, setting=setting)
    close = {"rtol": 1e-6 if dtype is np.float32 else 1e-8}
    np.testing.assert_allclose(got, np.full(rows, loss), **close)
    np.testing.assert_allclose(dgot, np.tile(dz, (rows, 1)), **close)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("cols", [1, 2, 5, 16, 19, 67])
def test_a_nan_gives_its_row_a_nan_loss(name, cols, kernels, dtype):
    for of_target in (False, True):
        for at in range(cols):
            z, t = np.full((9, cols), 0.5, dtype=dtype), np.zeros((9, cols), dtype=dtype)
            (t if of_target else z)[4, at] = np.nan
            loss, dz = getattr(kernels, name)(z, t)
            assert np.flatnonzero(np.isnan(loss)).tolist() == [4]
            assert np.isnan(dz[4, at])
            assert not np.isnan(np.delete(dz, 4, axis=0)).any()


@pytest.mark.parametrize("name", LABELLED)
def test_labels_mean_one_hot_rows(name, kernels, dtype, layout, rng):
    for rows, cols in [(0, 3), (1, 1), (7, 2), (33, 10), (5, 16), (5, 17), (3, 67), (2, 1031)]:
        z = awkward(distribution(rng, (rows, cols)).astype(dtype), layout)
        label = rng.integers(0, cols, size=rows).astype(np.int32)
        by_label = getattr(kernels, name)(z, label, scale=0.5)
        by_row = getattr(kernels, name)(z, np.eye(cols, dtype=dtype)[label], scale=0.5)
        assert all(same_bits(a, b) for a, b in zip(by_label, by_row, strict=True))


@pytest.mark.parametrize("name", LABELLED)
@pytest.mark.parametrize("label", [-1, 10])
def test_labels_out_of_range_are_refused(name, label, kernels, dtype):
    with pytest.raises(ValueError, match=rf"{label}.*10"):
        getattr(kernels, name)(np.full((3, 10), 0.1, dtype=dtype), np.array([0, 1, label], dtype=np.int32))


@pytest.mark.parametrize("case", CASES, ids=label_of)
def test_weight_and_scale_reach_the_gradient_alone(case, kernels, dtype, rng):
    for shape in [(37, 1), (5, 10)]:
        z, t = case.z(rng, shape).astype(dtype), case.target(rng, shape).astype(dtype)
        plain, dplain = getattr(kernels, case.name)(z, t, setting=case.setting)
        weight = rng.integers(0, 4, size=shape[0]).astype(dtype)
        loss, dz = getattr(kernels, case.name)(z, t, weight=weight, scale=2.0, setting=case.setting)
        assert same_bits(loss, plain)
        np.testing.assert_allclose(dz, 2 * weight[:, None] * dplain, rtol=4 * np.finfo(dtype).eps)
        ones = getattr(kernels, case.name)(z, t, weight=np.ones(shape[0], dtype=dtype), setting=case.setting)
        assert same_bits(ones[1], dplain)


@pytest.mark.parametrize("case", CASES, ids=label_of)
def test_bits_do_not_depend_on_the_set_or_the_batch(case, dtype, rng):
    sets = [getattr(_core, isa) for isa in ISAS if has_fma(isa)]
    for shape in [(19, 1), (1, 1), (5, 2), (7, 10), (3, 16), (3, 17), (3, 31), (2, 67), (2, 1031)]:
        z, t = case.z(rng, shape).astype(dtype), case.target(rng, shape).astype(dtype)
        results = [getattr(kernels, case.name)(z, t, scale=0.1, setting=case.setting) for kernels in sets]
        for loss, dz in results:
            assert same_bits(loss, results[0][0]), shape
            assert same_bits(dz, results[0][1]), shape
        last = getattr(sets[0], case.name)(z[-1:], t[-1:], scale=0.1, setting=case.setting)
        assert same_bits(last[0], results[0][0][-1:]), shape
        assert same_bits(last[1], results[0][1][-1:]), shape
