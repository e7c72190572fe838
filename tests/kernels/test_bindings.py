"""What the raw kernels refuse, what they accept, and what they tell about themselves."""

import inspect
import re
import threading
import time

import numpy as np
import pytest
from checks import ISAS

from ravine import _core, kernels, reference

F4, F8, I4 = np.float32, np.float64, np.int32
NAMES = _core.baseline.names
UNARY = sorted({*NAMES["elementary"], *NAMES["activations"]})
SHARED = {"names", "fma", "vector_bytes"}
TWINS_ALONE = {"Network", "OperationSpec", "SLOTS", "epoch_order", "philox", "samplers"}


def functions(module):
    """The public kernels of an instruction set."""
    return {name for name in dir(module) if not name.startswith("_")} - SHARED


def a(*shape, dtype=F4):
    """An array of ones."""
    return np.ones(shape, dtype)


def read_only(array):
    """The array, closed to writing."""
    array.flags.writeable = False
    return array


def unaligned(n):
    """A float32 array that starts between two elements."""
    return np.zeros(4 * n + 1, np.uint8)[1:].view(F4)


memory = np.ones(100, F4)
IMAGE = np.ones((2, 3, 3, 1), F4)

# kernel, arguments, keywords, error, message
REFUSED = [
    # one dtype a call
    ("relu", [[1.0, 2.0]], {}, TypeError, "x must be a NumPy array, got list"),
    ("relu", [a(3, dtype=I4)], {}, TypeError, "x must be float32 or float64, got int32"),
    ("relu", [a(3, dtype=np.float16)], {}, TypeError, "x must be float32 or float64, got float16"),
    ("relu", [a(3, dtype=">f4")], {}, TypeError, "x must be float32 or float64, got >f4"),
    ("relu", [a(3)], {"out": a(3, dtype=F8)}, TypeError, "out must be float32 like x, got float64"),
    ("matmul", [a(2, 3), a(3, 2, dtype=F8)], {}, TypeError, "b must be float32 like a, got float64"),
    ("matmul", [a(2, 3), a(3, 2)], {"bias": a(2, dtype=F8)}, TypeError, "bias must be float32 like a, got float64"),
    ("squared_error", [a(2, 3), a(2, 3, dtype=F8)], {}, TypeError, "target must be float32 like z, got float64"),
    ("squared_error", [a(2, 3), a(2, dtype=I4)], {}, TypeError, "target must be float32 like z, got int32"),
    (
        "categorical_cross_entropy",
        [a(2, 3), a(2, dtype=np.int64)],
        {},
        TypeError,
        "target must be float32 like z, or int32 labels, got int64",
    ),
    ("categorical_cross_entropy", [a(2, 3), a(2, 3)], {"weight": a(2, dtype=F8)}, TypeError, "weight must be float32"),
    ("dot", [a(3), a(3, dtype=F8)], {}, TypeError, "b must be float32 like a, got float64"),
    ("sgd", [a(3), a(0, 3), a(3, dtype=F8)], {}, TypeError, "dw must be float32 like w, got float64"),
    ("momentum", [a(3), a(1, 3, dtype=F8), a(3)], {}, TypeError, "state must be float32 like w, got float64"),
    ("adam", [a(3), a(2, 3), a(3)], {"running": a(4)}, TypeError, "running must be float64, got float32"),
    ("random_uniform", [a(3, dtype=np.uint32)], {"seed": 0}, TypeError, "out must be float32 or float64, got uint32"),
    # shapes
    ("matmul", [a(2, 3), a(4, 2)], {}, ValueError, r"a, shape \(2, 3\), and b, shape \(4, 2\), differ: 3 and 4"),
    ("matmul", [a(2, 3), a(3, 2)], {"transpose_b": True}, ValueError, "b, shape .* transposed, differ: 3 and 2"),
    ("matmul", [a(3), a(3, 2)], {}, ValueError, r"a must have 2 dimensions, got shape \(3,\)"),
    ("matmul", [a(2, 3), a(3, 2)], {"bias": a(3)}, ValueError, r"bias must have shape \(2,\) .*got \(3,\)"),
    ("matmul", [a(2, 3), a(3, 2)], {"out": a(2, 3)}, ValueError, r"out must have shape \(2, 2\) .*got \(2, 3\)"),
    ("matmul", [a(2, 3), a(3, 2)], {"finish": "mask", "gate": a(4, 1)}, ValueError, r"gate must have shape \(2, 2\)"),
    ("relu", [a(2, 2, 2)], {}, ValueError, r"x must have 1 or 2 dimensions, got shape \(2, 2, 2\)"),
    ("relu_backward", [a(3), a(1, 3)], {}, ValueError, r"saved must have shape \(3,\) to match dy, got \(1, 3\)"),
    ("squared_error", [a(2, 3), a(2, 1)], {}, ValueError, r"target must have shape \(2, 3\) to match z, got \(2, 1\)"),
    ("squared_error", [a(2), a(2)], {}, ValueError, r"z must have 2 dimensions, got shape \(2,\)"),
    ("squared_error", [a(2, 0), a(2, 0)], {}, ValueError, "z must have at least one column"),
    ("squared_error", [a(2, 3), a(2, 3)], {"weight": a(3)}, ValueError, r"weight must have shape \(2,\)"),
    ("categorical_cross_entropy", [a(2, 3), a(3, dtype=I4)], {}, ValueError, r"target must have shape \(2,\)"),
    ("metric_accuracy", [a(2, 3), a(1, 2, dtype=I4)], {}, ValueError, r"target must have shape \(2,\)"),
    ("momentum", [a(3), a(1, 4), a(3)], {}, ValueError, r"state must have shape \(1, 3\) to match w.*got \(1, 4\)"),
    ("sgd", [a(3), a(1, 3), a(3)], {}, ValueError, r"state must have shape \(0, 3\)"),
    ("sgd", [a(3, 1), a(0, 3), a(3)], {}, ValueError, "w must have 1 dimension, got"),
    ("sgd", [a(3), a(0, 3), a(1)], {}, ValueError, r"dw must have shape \(3,\) to match w, got \(1,\)"),
    ("adam", [a(3), a(2, 3), a(3)], {"running": a(2, dtype=F8)}, ValueError, r"running must have shape \(4,\)"),
    ("add", [a(3), a(1)], {}, ValueError, r"b must have shape \(3,\) to match a, got \(1,\)"),
    ("dot", [a(3), a(1)], {}, ValueError, r"b must have shape \(3,\) to match a, got \(1,\)"),
    ("pow", [a(3), a(1)], {}, ValueError, r"y must have shape \(3,\) to match x, got \(1,\)"),
    ("column_sums", [a(3)], {}, ValueError, "x must have 2 dimensions"),
    ("column_sums", [a(3, 2)], {"out": a(3)}, ValueError, r"out must have shape \(2,\) to match the columns of x"),
    ("add_scaled", [a(3), a(2), 1.0], {}, ValueError, r"x must have shape \(3,\) to match y, got \(2,\)"),
    ("add_scaled", [a(3), a(3, dtype=F8), 1.0], {}, TypeError, "x must be float32 like y, got float64"),
    ("rotate", [a(3), a(2), 1.0, 0.0], {}, ValueError, r"y must have shape \(3,\) to match x, got \(2,\)"),
    ("add_penalty_gradient", [a(3), a(2)], {}, ValueError, r"w must have shape \(3,\) to match dw, got \(2,\)"),
    # memory
    ("relu", [a(4)[::2]], {}, ValueError, "x must be C-contiguous"),
    ("matmul", [a(2, 3).T, a(2, 3)], {}, ValueError, "a must be C-contiguous"),
    ("relu", [unaligned(3)], {}, ValueError, "x must be aligned"),
    ("relu", [a(3)], {"out": read_only(a(3))}, ValueError, "out is read-only"),
    ("sgd", [read_only(a(3)), a(0, 3), a(3)], {}, ValueError, "w is read-only"),
    ("momentum", [a(3), read_only(a(1, 3)), a(3)], {}, ValueError, "state is read-only"),
    ("adam", [a(3), a(2, 3), a(3)], {"running": read_only(a(4, dtype=F8))}, ValueError, "running is read-only"),
    ("add_penalty_gradient", [read_only(a(3)), a(3)], {}, ValueError, "dw is read-only"),
    ("add_scaled", [read_only(a(3)), a(3), 1.0], {}, ValueError, "y is read-only"),
    ("rotate", [read_only(a(3)), a(3), 1.0, 0.0], {}, ValueError, "x is read-only"),
    ("rotate", [a(3), read_only(a(3)), 1.0, 0.0], {}, ValueError, "y is read-only"),
    ("random_normal", [read_only(a(3))], {"seed": 0}, ValueError, "out is read-only"),
    ("relu", [memory[:50]], {"out": memory[1:51]}, ValueError, "out must not overlap x"),
    ("relu_backward", [a(9), memory[:9]], {"out": memory[:9]}, ValueError, "out must not overlap saved"),
    ("matmul", [memory[:4].reshape(2, 2), a(2, 2)], {"out": memory[:4].reshape(2, 2)}, ValueError, "overlap a"),
    ("matmul", [a(2, 2), memory[3:7].reshape(2, 2)], {"out": memory[:4].reshape(2, 2)}, ValueError, "overlap b"),
    ("matmul", [a(2, 2), a(2, 2)], {"bias": memory[:2], "out": memory[:4].reshape(2, 2)}, ValueError, "overlap bias"),
    ("exp", [memory[:9]], {"out": memory[:9]}, ValueError, "out must not overlap x"),
    ("add", [a(9), memory[:9]], {"out": memory[:9]}, ValueError, "out must not overlap b"),
    ("sgd", [memory[:9], a(0, 9), memory[8:17]], {}, ValueError, "w must not overlap dw"),
    ("momentum", [memory[:9], memory[4:13].reshape(1, 9), a(9)], {}, ValueError, "w must not overlap state"),
    ("momentum", [a(9), memory[4:13].reshape(1, 9), memory[:9]], {}, ValueError, "state must not overlap dw"),
    ("add_scaled", [memory[:9], memory[8:17], 1.0], {}, ValueError, "y must not overlap x"),
    ("rotate", [memory[:9], memory[8:17], 1.0, 0.0], {}, ValueError, "x must not overlap y"),
    ("add_penalty_gradient", [memory[:9], memory[:9]], {}, ValueError, "dw must not overlap w"),
    ("dropout", [memory[:9]], {"rate": 0.5, "seed": 0, "out": memory[1:10]}, ValueError, "out must not overlap x"),
    # images
    ("max_pool", [a(4, 4, 2)], {"pool_size": (2, 2)}, ValueError, r"x must have 4 dimensions, got shape \(4, 4, 2\)"),
    ("max_pool", [a(1, 4, 4, 2)], {"pool_size": 2}, ValueError, "pool_size must be two integers of at least 1, got 2"),
    ("max_pool", [a(1, 4, 4, 2)], {"pool_size": (2, 0)}, ValueError, r"pool_size must be two .* got \(2, 0\)"),
    ("max_pool", [a(1, 4, 4, 2)], {"pool_size": (2, True)}, ValueError, r"pool_size must be two .* got \(2, True\)"),
    ("max_pool", [a(1, 4, 4, 2)], {"pool_size": (2, 2.0)}, ValueError, r"pool_size must be two .* got \(2, 2.0\)"),
    ("max_pool", [a(1, 4, 4, 2)], {"pool_size": (2, 2, 2)}, ValueError, "pool_size must be two integers"),
    ("max_pool", [a(1, 4, 4, 2)], {"pool_size": (2, 2**40)}, ValueError, "pool_size must be two integers"),
    (
        "max_pool",
        [a(1, 4, 4, 2)],
        {"pool_size": (2, 2), "strides": (-1, 2)},
        ValueError,
        "strides must be two integers",
    ),
    (
        "max_pool",
        [a(1, 4, 4, 2)],
        {"pool_size": (2, 2), "padding": "full"},
        ValueError,
        "'same', got 'full'",
    ),
    ("max_pool", [a(1, 4, 4, 2)], {"pool_size": (2, 2), "padding": None}, ValueError, "'valid' or 'same', got None"),
    (
        "average_pool",
        [a(1, 3, 3, 2)],
        {"pool_size": (5, 5)},
        ValueError,
        r"pool_size \(5, 5\) exceeds the image's size \(3, 3\)",
    ),
    (
        "average_pool",
        [a(1, 0, 3, 2)],
        {"pool_size": (1, 1), "padding": "same"},
        ValueError,
        r"one pixel, got size \(0, 3\)",
    ),
    (
        "average_pool",
        [a(1, 4, 4, 2)],
        {"pool_size": (2, 2), "out": a(1, 2, 2, 1)},
        ValueError,
        r"out must .* \(1, 2, 2, 2\)",
    ),
    (
        "max_pool_backward",
        [a(1, 2, 2, 2), a(1, 2, 2, 2), a(1, 5, 6, 2)],
        {"pool_size": (2, 2)},
        ValueError,
        r"dy must have shape \(1, 2, 3, 2\) to match the windows of x, shape \(1, 5, 6, 2\), got \(1, 2, 2, 2\)",
    ),
    (
        "max_pool_backward",
        [a(1, 2, 2, 2), a(1, 2, 2, 1), a(1, 4, 4, 2)],
        {"pool_size": (2, 2)},
        ValueError,
        r"y must have shape \(1, 2, 2, 2\) to match dy",
    ),
    (
        "max_pool_backward",
        [a(1, 2, 2, 2), a(1, 2, 2, 2), a(1, 4, 4, 2)],
        {"pool_size": (2, 2), "relu": 1},
        TypeError,
        "relu must be True or False, got 1",
    ),
    (
        "average_pool_backward",
        [a(1, 2, 2, 2)],
        {"size": (4, 6), "pool_size": (2, 2)},
        ValueError,
        r"dy must have shape \(1, 2, 3, 2\) to match the windows of size \(4, 6\), got \(1, 2, 2, 2\)",
    ),
    (
        "upsample",
        [a(1, 2, 2, 2)],
        {"size": (2, 0)},
        ValueError,
        r"size must be two .* at least 1, got \(2, 0\)",
    ),
    (
        "upsample_backward",
        [a(1, 3, 4, 2)],
        {"size": (2, 2)},
        ValueError,
        r"dy must have whole blocks of \(2, 2\) pixels, got shape \(1, 3, 4, 2\)",
    ),
    (
        "zero_pad",
        [a(1, 2, 2, 2)],
        {"padding": 1},
        ValueError,
        r"padding must be \(\(top, bottom\), .* got 1",
    ),
    ("zero_pad", [a(1, 2, 2, 2)], {"padding": ((1, 1), 1)}, ValueError, r"padding\[1\] must be two integers"),
    ("zero_pad", [a(1, 2, 2, 2)], {"padding": ((1, -1), (0, 0))}, ValueError, r"padding\[0\] must be two integers"),
    ("zero_pad_backward", [a(1, 2, 2, 2)], {"padding": ((1, 2), (0, 0))}, ValueError, "there is no padding"),
    ("spatial_dropout", [a(3)], {"rate": 0.5, "seed": 0}, ValueError, r"at least 2 dimensions, got shape \(3,\)"),
    ("spatial_dropout", [a(3, 2)], {"rate": 1.0, "seed": 0}, ValueError, r"rate must be in \[0, 1\), got 1.0"),
    (
        "spatial_dropout",
        [a(3, 2)],
        {"rate": 0.5, "first": 2**33 - 2, "seed": 0},
        ValueError,
        r"must be at most 2\^34, the words of a stream",
    ),
    # values
    (
        "categorical_cross_entropy",
        [a(2, 10), np.array([3, 10], I4)],
        {},
        ValueError,
        r"label 10 out of range \[0, 10\)",
    ),
    ("categorical_log_loss", [a(2, 10), np.array([-1, 3], I4)], {}, ValueError, r"label -1 out of range \[0, 10\)"),
    ("metric_top_k", [a(1, 3), np.array([3], I4)], {}, ValueError, r"label 3 out of range \[0, 3\)"),
    ("matmul", [a(2, 2)], {}, TypeError, r"matmul\(\) needs b"),
    ("matmul", [], {"b": a(2, 2)}, TypeError, r"matmul\(\) needs a"),
    ("matmul", [a(2, 2)] * 3, {}, TypeError, r"matmul\(\) takes 2 positional arguments, got 3"),
    ("matmul", [a(2, 2)] * 2, {"a": a(2, 2)}, TypeError, r"matmul\(\) got two values for a"),
    ("matmul", [a(2, 2)] * 2, {"trans_a": True}, TypeError, r"matmul\(\) has no argument 'trans_a'"),
    ("matmul", [a(2, 2)] * 2, {"transpose_a": 1}, TypeError, "transpose_a must be True or False, got 1"),
    ("matmul", [a(2, 2)] * 2, {"finish": 2}, TypeError, "finish must be a str, got 2"),
    ("matmul", [a(2, 2), a(2, 2)], {"transpose_a": True, "transpose_b": True}, ValueError, "cannot both be True"),
    ("matmul", [a(2, 2), a(2, 2)], {"finish": "tanh"}, ValueError, "finish must be 'none', .* got 'tanh'"),
    ("matmul", [a(2, 2), a(2, 2)], {"finish": "mask"}, ValueError, "gate goes with finish='mask'"),
    ("matmul", [a(2, 2), a(2, 2)], {"gate": a(2, 2)}, ValueError, "gate goes with finish='mask'"),
    ("matmul", [a(2, 2), a(2, 2)], {"accumulate": True}, ValueError, "accumulate=True needs out"),
    ("matmul", [a(2, 2), a(2, 2)], {"batch_slice": 8}, ValueError, "batch_slice needs transpose_a=True"),
    (
        "matmul",
        [a(2**20 + 1, 1), a(2**20 + 1, 1)],
        {"transpose_a": True, "batch_slice": 1},
        ValueError,
        r"batch_slice=1 cuts 1048577 rows into more than 2\^20 slices",
    ),
    ("column_sums", [a(3, 2)], {"batch_slice": -1}, ValueError, r"batch_slice must be in \[0, 2\^64\), got -1"),
    ("random_bits", [4], {"seed": -1}, ValueError, r"seed must be in \[0, 2\^32\), got -1"),
    ("random_bits", [4], {"seed": 2**32}, ValueError, r"seed must be in \[0, 2\^32\), got 4294967296"),
    ("random_bits", [4], {"seed": 0.5}, TypeError, "seed must be an integer, got 0.5"),
    ("random_bits", [-4], {"seed": 0}, ValueError, "count must be in"),
    ("random_bits", [2**62], {"seed": 0}, ValueError, r"first \+ count must be at most 2\^34"),
    ("random_bits", [2], {"first": 2**34 - 1, "seed": 0}, ValueError, r"first \+ count must be at most 2\^34"),
    ("random_bits", [4], {"first": 2**64 - 2, "seed": 0}, ValueError, r"first \+ count must be at most 2\^34"),
    ("dropout", [a(3)], {"rate": 0.5, "first": 2**34 - 2, "seed": 0}, ValueError, "first [+] the size of x must be"),
    ("gaussian_noise", [a(3)], {"stddev": -1.0, "seed": 0}, ValueError, r"stddev must be in \[0, inf\), got -1.0"),
    ("gaussian_noise", [a(3)], {"stddev": np.inf, "seed": 0}, ValueError, r"stddev must be in \[0, inf\), got inf"),
    ("gaussian_noise", [a(3)], {"stddev": 1.0, "first": 2**33 - 2, "seed": 0}, ValueError, "must be at most 2.34"),
    ("gaussian_noise", [a(3)], {"stddev": 1.0, "first": 2**64 - 1, "seed": 0}, ValueError, "must be at most 2.34"),
    ("gaussian_noise", [memory[:9]], {"stddev": 1.0, "seed": 0, "out": memory[1:10]}, ValueError, "not overlap x"),
    ("clip", [a(3), -1.0], {}, ValueError, "limit must be at least 0, got -1.0"),
    ("clip", [a(3), 1.0], {"out": a(2)}, ValueError, r"out must have shape \(3,\) to match x, got \(2,\)"),
    ("clip", [memory[:9], 1.0], {"out": memory[1:10]}, ValueError, "out must not overlap x"),
    ("soft_threshold", [a(3), float("nan")], {}, ValueError, "threshold must be at least 0, got nan"),
    ("limit_columns", [a(3), 1.0], {}, ValueError, r"w must have 2 dimensions, got shape \(3,\)"),
    ("limit_columns", [a(3, 2), -1.0], {}, ValueError, "limit must be at least 0, got -1.0"),
    ("limit_columns", [read_only(a(3, 2)), 1.0], {}, ValueError, "w is read-only"),
    ("squared_norm", [a(3, dtype=I4)], {}, TypeError, "x must be float32 or float64, got int32"),
    ("dropout", [a(3)], {"rate": 1.0, "seed": 0}, ValueError, r"rate must be in \[0, 1\), got 1.0"),
    ("image_window", [a(2, 3, 3), (2, 2)], {"seed": 0}, ValueError, r"x must have 4 dimensions, got shape \(2, 3, 3\)"),
    ("image_window", [IMAGE, 2], {"seed": 0}, TypeError, r"size must be a tuple \(height, width\), got 2"),
    ("image_window", [IMAGE, (2, 0)], {"seed": 0}, ValueError, r"size must be in \[1, 2\^31\), got 0"),
    ("image_window", [IMAGE, (2, 2.0)], {"seed": 0}, TypeError, "size must be an integer, got 2.0"),
    ("image_window", [IMAGE, (2, 2)], {"seed": 0, "tops": 0}, ValueError, r"tops must be in \[1, 2\^31\), got 0"),
    ("image_window", [IMAGE, (2, 2)], {"seed": 0, "top": 0.5}, TypeError, "top must be an integer, got 0.5"),
    ("image_window", [IMAGE, (2, 2)], {"seed": 0, "left": -(2**31)}, ValueError, r"left must be in \(-2\^31, 2\^31\)"),
    ("image_window", [IMAGE, (2, 2)], {"seed": 0, "left": 2**70}, ValueError, r"left must be in \(-2\^31, 2\^31\)"),
    (
        "image_window",
        [IMAGE, (2, 2)],
        {"seed": 0, "border": "mirror"},
        ValueError,
        "border must be 'constant', .*'mirror'",
    ),
    (
        "image_window",
        [IMAGE, (2, 2)],
        {"seed": 0, "flip_vertical": 1},
        TypeError,
        "flip_vertical must be True or False",
    ),
    (
        "image_window",
        [IMAGE, (2, 2)],
        {"seed": 0, "first": 2**32 - 1},
        ValueError,
        "the rows of x must be at most 2.32",
    ),
    (
        "image_window",
        [a(1, 0, 3, 1), (2, 2)],
        {"seed": 0},
        ValueError,
        r"images must have 1 to .*got shape \(1, 0, 3, 1\)",
    ),
    (
        "image_window",
        [IMAGE, (2, 2)],
        {"seed": 0, "out": a(2, 2, 2, 3)},
        ValueError,
        "out must have shape .*size and x",
    ),
    ("image_window", [IMAGE, (3, 3)], {"seed": 0, "out": IMAGE}, ValueError, "out must not overlap x"),
    ("standardize", [a(2, 3), a(2), a(3)], {}, ValueError, r"mean must have shape \(3,\) to match the last axis of x"),
    ("standardize", [a(2, 3), a(3), a(3, dtype=F8)], {}, TypeError, "deviation must be float32 like x, got float64"),
    ("standardize", [a(2, 3), a(3), a(3)], {"out": a(3, 2)}, ValueError, r"out must have shape \(2, 3\)"),
    ("standardize", [a(9), a(9), memory[:9]], {"out": memory[3:12]}, ValueError, "out must not overlap deviation"),
    ("standardize", [memory[:9], a(9), a(9)], {"out": memory[3:12]}, ValueError, "out must not overlap x"),
    ("standardize", [np.ones((), F4), a(1), a(1)], {}, ValueError, "x must have at least 1 dimension"),
    ("standardize_backward", [a(2, 3), a(3, 1)], {}, ValueError, r"deviation must have shape \(3,\) to match the last"),
    ("image_window_backward", [a(2), (2, 2)], {"seed": 0}, ValueError, "dy must have 4 dimensions"),
    ("dropout", [a(3)], {"rate": float("nan"), "seed": 0}, ValueError, r"rate must be in \[0, 1\), got nan"),
]


@pytest.mark.parametrize(("name", "arguments", "keywords", "error", "message"), REFUSED)
def test_refuses(name, arguments, keywords, error, message):
    given = [x for x in [*arguments, *keywords.values()] if isinstance(x, np.ndarray)]
    before = [x.copy() for x in given]
    for isa in ISAS:
        with pytest.raises(error, match=message):
            getattr(getattr(_core, isa), name)(*arguments, **keywords)
    assert all(np.array_equal(x, old) for x, old in zip(given, before, strict=True))


@pytest.mark.parametrize("name", UNARY)
@pytest.mark.parametrize("shape", [(0,), (0, 3), (3, 0)])
def test_empty_arrays_go_through(name, shape, kernels, dtype):
    y = getattr(kernels, name)(np.zeros(shape, dtype))
    assert y.shape == shape
    assert y.dtype == dtype


@pytest.mark.parametrize(("m", "k", "n"), [(0, 2, 3), (2, 0, 3), (2, 3, 0), (0, 0, 0)])
def test_empty_products_are_sums_of_nothing(m, k, n, kernels, dtype):
    for options, x, y in (
        ({}, (m, k), (k, n)),
        ({"transpose_a": True}, (k, m), (k, n)),
        ({"transpose_b": True}, (m, k), (n, k)),
    ):
        c = kernels.matmul(np.ones(x, dtype), np.ones(y, dtype), bias=np.full(n, 2, dtype), **options)
        assert np.array_equal(c, np.full((m, n), k + 2))


@pytest.mark.parametrize("name", NAMES["losses"])
def test_losses_of_no_rows(name, kernels, dtype):
    loss, dz = getattr(kernels, name)(np.zeros((0, 3), dtype), np.zeros((0, 3), dtype))
    assert (loss.shape, dz.shape) == ((0,), (0, 3))


@pytest.mark.parametrize("rule", NAMES["updates"])
def test_updates_of_no_weights(rule, kernels, dtype):
    nothing = np.zeros(0, dtype)
    getattr(kernels, rule)(nothing, np.zeros((NAMES["updates"][rule], 0), dtype), nothing.copy())


@pytest.mark.parametrize("name", UNARY)
def test_out_is_filled_and_returned(name, kernels, dtype):
    x, out = np.linspace(0.1, 3, 21, dtype=dtype), np.empty(21, dtype)
    function = getattr(kernels, name)
    assert function(x, out=out) is out
    assert np.array_equal(out, function(x))


@pytest.mark.parametrize("name", NAMES["activations"])
def test_activations_work_in_place(name, kernels, dtype):
    x = np.linspace(-3, 3, 42, dtype=dtype).reshape(6, 7)
    y = getattr(kernels, name)(x)
    assert np.array_equal(getattr(kernels, name)(x.copy(), out=(same := x.copy())), y)
    assert getattr(kernels, name)(same := x.copy(), out=same) is same
    assert np.array_equal(same, y)
    if backward := getattr(kernels, f"{name}_backward", None):
        dx, dy = backward(x, y), x.copy()
        backward(dy, y, out=dy)
        assert np.array_equal(dy, dx)


def test_a_name_is_a_function_with_its_equation(kernels):
    for name in functions(kernels):
        doc = getattr(kernels, name).__doc__
        assert "ravine.reference" not in doc, f"{name} has no equation"
        assert len(doc.splitlines()) >= 3


def test_every_instruction_set_has_the_same_kernels():
    assert len({frozenset(functions(getattr(_core, isa))) for isa in ISAS}) == 1
    assert len({str(getattr(_core, isa).names) for isa in ISAS}) == 1


def test_every_kernel_has_a_twin_and_every_twin_a_kernel():
    assert set(reference.__all__) - TWINS_ALONE == functions(_core.baseline)


@pytest.mark.parametrize("name", sorted(functions(_core.baseline)))
def test_a_twin_takes_the_arguments_of_its_kernel(name):
    twin = list(inspect.signature(getattr(reference, name)).parameters)
    kernel = getattr(_core.baseline, name)
    told = kernel.__text_signature__
    names = inspect.signature(kernel).parameters if told else re.findall(r"(\w+): ", kernel.__doc__.splitlines()[0])
    assert list(names) == twin


@pytest.mark.alone
def test_kernels_release_the_interpreter():
    x = np.ones((1000, 1000))
    worker = threading.Thread(target=_core.baseline.matmul, args=(x, x))
    begin = last = time.perf_counter()
    longest = 0.0
    worker.start()
    while worker.is_alive():
        now = time.perf_counter()
        longest, last = max(longest, now - last), now
    assert longest < 0.5 * (time.perf_counter() - begin)


def test_ravine_kernels_is_the_selected_instruction_set():
    assert kernels.relu is getattr(_core, _core.selected()).relu
    assert set(dir(kernels)) >= functions(_core.baseline)
    with pytest.raises(AttributeError, match="no kernel 'rleu'"):
        _ = kernels.rleu


def test_rows_know_what_python_says_of_them():
    rows = _core.rows
    assert all(list(rows[kind]) == list(NAMES[kind]) for kind in ("activations", "losses", "updates"))
    assert {name: row["slots"] for name, row in rows["updates"].items()} == NAMES["updates"] == reference.SLOTS
    alphas = {name: row["alpha"] for name, row in rows["activations"].items() if row["alpha"] is not None}
    assert alphas == {"leaky_relu": 0.01, "elu": 1.0}
    for name, row in rows["activations"].items():
        usual = inspect.signature(getattr(reference, name)).parameters["alpha"].default
        assert usual == (row["alpha"] or 0.0)
        assert hasattr(kernels, f"{name}_backward") == row["differentiable"]


@pytest.mark.parametrize(("old", "new"), [("approach", "lerp"), ("clear_faded", "flush_subnormals")])
def test_renamed_kernels_have_their_old_names(old, new):
    with pytest.warns(DeprecationWarning, match=f"kernels.{old} is now kernels.{new}"):
        assert getattr(kernels, old) == getattr(kernels, new)
