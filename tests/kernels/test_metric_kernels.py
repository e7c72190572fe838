"""Metric kernels against their twins, ties, and NaN."""

import numpy as np
import pytest
from checks import ISAS, SIZES, awkward, has_fma, once, same_bits

from ravine import _core
from ravine.reference import metrics as twin

# name, setting, whether integer labels make sense
CASES = [
    ("accuracy", 0.0, True),
    ("top_k", 1.0, True),
    ("top_k", 3.0, True),
    ("binary_accuracy", 0.0, False),
    ("binary_accuracy", 0.5, False),
    ("squared_error", 0.0, False),
    ("absolute_error", 0.0, False),
]
SHAPES = [(size, 1) for size in SIZES] + [(3, cols) for cols in SIZES if cols] + [(129, 10)]


@pytest.mark.parametrize(("name", "setting", "labels"), CASES)
def test_agrees_with_its_twin(name, setting, labels, kernels, dtype, layout, rng):
    for shape in SHAPES:
        z = awkward(rng.integers(-4, 5, size=shape).astype(dtype) / 4, layout)
        label = rng.integers(0, shape[1], size=shape[0]).astype(np.int32)
        hard = awkward(np.eye(shape[1], dtype=dtype)[label], layout)
        targets = [hard, awkward(rng.normal(size=shape).astype(dtype), layout)] + ([label] if labels else [])
        for target in targets:
            got = getattr(kernels, "metric_" + name)(z, target, setting=setting)
            wide = target if target.dtype == np.int32 else target.astype(np.float64)
            want = once(getattr(twin, "metric_" + name), z.astype(np.float64), wide, setting=setting)
            np.testing.assert_allclose(got, want, rtol=(shape[1] + 2) * np.finfo(dtype).eps, err_msg=str(shape))


# name, setting, z, target, value
ROWS = [
    ("accuracy", 0.0, [0.5, 0.5], 0, 1.0),
    ("accuracy", 0.0, [0.5, 0.5], 1, 0.0),
    ("accuracy", 0.0, [0.5, 0.5], [0.5, 0.5], 1.0),
    ("accuracy", 0.0, [-np.inf, -np.inf], 0, 1.0),
    ("accuracy", 0.0, [0.0, np.inf], 1, 1.0),
    ("accuracy", 0.0, [0.0, -0.0], 1, 0.0),
    ("accuracy", 0.0, [0.0, np.nan], 0, np.nan),
    ("accuracy", 0.0, [0.0, 1.0], [np.nan, 1.0], np.nan),
    ("accuracy", 0.0, list(range(40)), 39, 1.0),
    ("accuracy", 0.0, [1.0] * 40, 39, 0.0),
    ("top_k", 2.0, [0.2, 0.5, 0.3], 2, 1.0),
    ("top_k", 2.0, [0.2, 0.5, 0.3], 0, 0.0),
    ("top_k", 2.0, [0.2, 0.5, 0.3], [1.0, 0.0, 0.0], 0.0),
    ("top_k", 1.0, [0.5, 0.5, 0.5], 2, 1.0),
    ("top_k", 3.0, [0.2, 0.5, 0.3], 0, 1.0),
    ("top_k", 3.0, [0.2, np.nan, 0.3], 0, np.nan),
    ("binary_accuracy", 0.0, [2.0, -1.0], [1.0, 1.0], 0.5),
    ("binary_accuracy", 0.5, [0.5], [0.0], 1.0),
    ("binary_accuracy", 0.0, [np.nan], [0.0], np.nan),
    ("squared_error", 0.0, [3.0, 1.0], [1.0, 1.0], 2.0),
    ("absolute_error", 0.0, [3.0, 1.0], [1.0, 1.0], 1.0),
]


@pytest.mark.parametrize(("name", "setting", "z", "target", "value"), ROWS)
@pytest.mark.parametrize("rows", [1, 17])
def test_known_rows(name, setting, z, target, value, rows, kernels, dtype):
    outputs = np.tile(np.array(z, dtype=dtype), (rows, 1))
    target = np.full(rows, target, np.int32) if isinstance(target, int) else np.tile(np.array(target, dtype), (rows, 1))
    for function in (getattr(kernels, "metric_" + name), getattr(twin, "metric_" + name)):
        np.testing.assert_array_equal(function(outputs, target, setting=setting), np.full(rows, value, dtype=dtype))


@pytest.mark.parametrize(("name", "setting", "labels"), CASES)
def test_bits_are_the_same_on_every_set_with_fma(name, setting, labels, dtype, rng):
    sets = [getattr(_core, isa) for isa in ISAS if has_fma(isa)]
    for shape in [(37, 1), (5, 3), (7, 10), (3, 67)]:
        z, t = rng.normal(size=shape).astype(dtype), rng.normal(size=shape).astype(dtype)
        values = [getattr(kernels, "metric_" + name)(z, t, setting=setting) for kernels in sets]
        assert all(same_bits(values[0], other) for other in values), shape
