"""A gradient's sum over a batch has the slices that the twin's `gradient_slice` names, bit for bit."""

from __future__ import annotations

import numpy as np
import pytest

import ravine as rv
from ravine.reference.batches import MOST_COPIED_WEIGHTS, batch_slice, gradient_slice


@pytest.mark.parametrize("n_threads", [1, 2, 5])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("rows", [31, 256, 300, 513, 900])
@pytest.mark.parametrize(("inputs", "units"), [(256, 510), (256, 511), (363, 362), (20, 30)])
def test_dense_gradients_are_products_in_slices(inputs: int, units: int, rows: int, dtype: str, n_threads: int) -> None:
    random = np.random.default_rng(0)
    x, dy = (random.normal(size=(rows, width)).astype(dtype) for width in (inputs, units))
    model = rv.Sequential([rv.layers.Input(inputs), rv.layers.Dense(units)], dtype=dtype, random_state=0)
    model.compile("sgd", "mse")
    weights = sum(w.size for w in model.parameters.values())
    size = gradient_slice(rows, weights=weights)
    assert (size > batch_slice(rows)) == (weights > MOST_COPIED_WEIGHTS)
    rv.set_num_threads(n_threads)
    try:
        gradients = model.gradients(x, dy)
    finally:
        rv.set_num_threads(None)
    expected = rv.kernels.matmul(x, dy, transpose_a=True, batch_slice=size)
    np.testing.assert_array_equal(gradients["dense/kernel"], expected)
    np.testing.assert_array_equal(gradients["dense/bias"], rv.kernels.column_sums(dy, batch_slice=size))
