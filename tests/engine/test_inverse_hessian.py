"""H g of L-BFGS: the two loops have the bits of NumPy's elementwise steps, and H is what it is defined to be."""

import signal
import threading
import time

import numpy as np
import pytest

from ravine import _core, kernels


def pairs_of(count, size, seed=0):
    """Steps and changes of a gradient with s y > 0."""
    rng = np.random.default_rng(seed)
    curved = rng.uniform(0.1, 10.0, size)
    pairs = []
    for _ in range(count):
        s = rng.normal(size=size)
        y = curved * s
        pairs.append((s, y, kernels.dot(s, y), kernels.sum_squares(y)))
    return rng.normal(size=size), pairs


def twin(gradient, pairs, scale):
    """Nocedal and Wright, algorithm 7.4, an operation after the other."""
    q, alphas = np.array(gradient), []
    for s, y, sy, _ in reversed(pairs):
        alphas.append(kernels.dot(s, q) / sy)
        q = q - y * alphas[-1]
    q = q * scale
    for (s, y, sy, _), alpha in zip(pairs, reversed(alphas), strict=True):
        q = q + s * (alpha - kernels.dot(y, q) / sy)
    return q


@pytest.mark.parametrize("count", [0, 1, 2, 10])
@pytest.mark.parametrize("size", [1, 2, 7, 64, 7510])
def test_the_bits_are_those_of_single_operations(count, size):
    gradient, pairs = pairs_of(count, size)
    before = np.array(gradient)
    found = _core.inverse_hessian_product(gradient, pairs, 0.37)
    assert np.array_equal(found, twin(gradient, pairs, 0.37)) and np.array_equal(gradient, before)
    assert found is not gradient and found.dtype == np.float64


def test_h_is_the_bfgs_updates_of_its_first_value():
    """H <- V' H V + s s' / s y with V = I - y s' / s y: equation 7.16 there."""
    gradient, pairs = pairs_of(6, 9)
    H = 0.5 * np.eye(9)
    for s, y, sy, _ in pairs:
        V = np.eye(9) - np.outer(y, s) / sy
        H = V.T @ H @ V + np.outer(s, s) / sy
    np.testing.assert_allclose(_core.inverse_hessian_product(gradient, pairs, 0.5), H @ gradient, rtol=1e-10)


G, PAIRS = pairs_of(2, 5)

# name: arguments, error, message
BAD = {
    "float32": ((G.astype("float32"), PAIRS, 1.0), TypeError, "gradient must be float64"),
    "a matrix": ((np.ones((5, 1)), PAIRS, 1.0), ValueError, "gradient"),
    "other sizes": ((np.ones(4), PAIRS, 1.0), ValueError, "s must have"),
    "a step of float32": ((G, [(G.astype("float32"), G, 1.0, 1.0)], 1.0), TypeError, "s must be float64"),
    "strides": ((np.ones(10)[::2], PAIRS, 1.0), ValueError, "gradient must be C-contiguous"),
    "no pairs": ((G, None, 1.0), TypeError, "incompatible function arguments"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_arguments_are_refused(name):
    arguments, error, message = BAD[name]
    with pytest.raises(error, match=message):
        _core.inverse_hessian_product(*arguments)


@pytest.mark.alone
def test_ctrl_c_ends_it():
    (gradient, (pair,)), pressed = pairs_of(1, 2_000_000), []

    def press():
        time.sleep(0.1)
        pressed.append(time.perf_counter())
        signal.raise_signal(signal.SIGINT)

    thread = threading.Thread(target=press)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        _core.inverse_hessian_product(gradient, [pair] * 2000, 1.0)
    assert time.perf_counter() - pressed[0] < 0.5
    thread.join(60)
