"""Standardisation by given numbers: against the twin to the bit, and what is not a number."""

import numpy as np
import pytest
from checks import awkward, same_bits

from ravine import reference


@pytest.mark.parametrize("cols", [0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 100])
def test_standardize_matches_its_twin(kernels, dtype, layout, rng, cols):
    for rows in (0, 1, 2, 3, 7, 8, 9, 15, 16, 17, 33, 70):
        x = (100 * rng.standard_normal((rows, cols))).astype(dtype)
        mean, deviation = rng.standard_normal(cols).astype(dtype), rng.uniform(0.1, 9, cols).astype(dtype)
        given = [awkward(part, layout) for part in (x, mean, deviation)]
        y = kernels.standardize(*given)
        assert same_bits(y, reference.standardize(x, mean, deviation))
        dx = kernels.standardize_backward(given[0], given[2])
        assert same_bits(dx, reference.standardize_backward(x, deviation))


def test_in_place_and_any_shape(kernels, dtype, rng):
    x = rng.standard_normal((5, 4, 6, 3)).astype(dtype)
    mean, deviation = np.array([1, 2, 3], dtype), np.array([2, 4, 8], dtype)
    want = ((x - mean) / deviation).astype(dtype)
    back = x / deviation
    same = x.copy()
    assert kernels.standardize(same, mean, deviation, out=same) is same
    assert same_bits(same, want)
    assert same_bits(kernels.standardize(x[0, 0, 0], mean, deviation), want[0, 0, 0])
    assert kernels.standardize_backward(same := x.copy(), deviation, out=same) is same
    assert same_bits(same, back)


def test_numbers_that_are_not_finite_go_through(kernels, dtype):
    x = np.array([[np.nan, np.inf, -np.inf, 1.0, 0.0, -0.0]], dtype)
    y = kernels.standardize(x, np.zeros(6, dtype), np.array([1, 1, 1, 0, 0, 2], dtype))
    np.testing.assert_array_equal(y, [[np.nan, np.inf, -np.inf, np.inf, np.nan, -0.0]])
