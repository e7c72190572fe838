"""Kernels on images, against their twins: pooling, upsampling, borders."""

import functools
import itertools

import numpy as np
import pytest
from checks import ISAS, awkward, once, same_bits

from ravine import _core, reference

INF, NAN = np.inf, np.nan
CHANNELS = [1, 3, 6, 16, 17, 40, 71]
SIZES = [(1, 1), (2, 3), (5, 5), (8, 7), (12, 19)]
WINDOWS = [
    {"pool_size": pool_size, "strides": strides, "padding": padding}
    for pool_size in [(1, 1), (2, 2), (3, 3), (2, 3), (5, 4)]
    for strides in [None, (1, 1), (2, 2), (3, 1), (6, 5)]
    for padding in ["valid", "same"]
]


def cases(windows):
    """Images of every size that the windows fit into, with channels that differ from size to size."""
    channels = itertools.cycle(CHANNELS[sum(windows["pool_size"]) % len(CHANNELS) :] + CHANNELS)
    fits = [s for s in SIZES if windows["padding"] == "same" or np.all(np.less_equal(windows["pool_size"], s))]
    return [(2, *size, next(channels)) for size in fits]


def integers(shape, dtype, seed=0, times=1):
    """Small integers, so that there are ties, and sums are exact."""
    return times * np.random.default_rng([seed, *shape]).integers(-3, 4, shape).astype(dtype)


def with_nan(x):
    """The same images with a few NaN."""
    x = x.copy()
    x.reshape(-1)[::7] = NAN
    return x


@functools.cache
def wanted(name, shape, pool_size, strides, padding, dtype, nans):
    """The arguments of a kernel for images of a shape, and what its twin makes of them."""
    windows = {"pool_size": pool_size, "strides": strides, "padding": padding}
    x = integers(shape, dtype)
    x = with_nan(x) if nans else x
    y = getattr(reference, name.removesuffix("_backward"))(x, **windows)
    dy = integers(y.shape, dtype, seed=1, times=720)  # whole numbers when divided by any window's pixels
    arguments = {
        "max_pool": [x],
        "max_pool_backward": [dy, y, x],
        "average_pool": [x],
        "average_pool_backward": [with_nan(dy) if nans else dy],
    }[name]
    if name == "average_pool_backward":
        windows["size"] = shape[1:3]
    return arguments, windows, getattr(reference, name)(*arguments, **windows)


@pytest.mark.parametrize("windows", WINDOWS, ids=lambda w: "{pool_size} {strides} {padding}".format(**w))
@pytest.mark.parametrize("name", ["max_pool", "max_pool_backward", "average_pool", "average_pool_backward"])
def test_pooling_of_integers_is_its_twin_exactly(kernels, dtype, name, windows):
    for shape, nans in itertools.product(cases(windows), [False, True]):
        arguments, settings, want = wanted(name, shape, *windows.values(), dtype, nans)
        got = getattr(kernels, name)(*arguments, **settings)
        assert got.dtype == dtype
        np.testing.assert_array_equal(got, want, strict=True)


@pytest.mark.parametrize("windows", WINDOWS, ids=lambda w: "{pool_size} {strides} {padding}".format(**w))
def test_numbers_of_largest_pixels(kernels, dtype, windows):
    for shape, nans in itertools.product(cases(windows), [False, True]):
        x = integers(shape, dtype)
        x = with_nan(x) if nans else x
        y, index = kernels.max_pool_index(x, **windows)
        want = once(reference.max_pool_index, x, **windows)
        np.testing.assert_array_equal(y, want[0], strict=True)
        np.testing.assert_array_equal(index, want[1], strict=True)
        dy = integers(y.shape, dtype, seed=1)
        for relu in (False, True):
            dx = kernels.max_pool_index_backward(dy, y, index, size=shape[1:3], relu=relu, **windows)
            want = kernels.max_pool_backward(dy, y, x, relu=relu, **windows)
            np.testing.assert_array_equal(dx, want, strict=True)
            want = once(reference.max_pool_index_backward, dy, y, index, size=shape[1:3], relu=relu, **windows)
            np.testing.assert_array_equal(dx, want, strict=True)


@pytest.mark.parametrize("name", ["max_pool", "average_pool"])
def test_images_anywhere_in_memory_and_a_given_out(kernels, dtype, layout, rng, name):
    windows = {"pool_size": (3, 2), "strides": (2, 2), "padding": "same"}
    x = rng.standard_normal((2, 7, 6, 5)).astype(dtype)
    dy = rng.standard_normal((2, 4, 3, 5)).astype(dtype)
    y = getattr(kernels, name)(x, **windows)
    saved, size = ([y, x], {}) if name == "max_pool" else ([], {"size": (7, 6)})
    back = functools.partial(getattr(kernels, f"{name}_backward"), **windows, **size)
    dx = back(dy, *saved)
    for function, arguments, result in [
        (functools.partial(getattr(kernels, name), **windows), [x], y),
        (back, [dy, *saved], dx),
    ]:
        out = awkward(np.full_like(result, NAN), layout)
        assert function(*(awkward(a, layout) for a in arguments), out=out) is out
        assert same_bits(out, result)
    assert getattr(kernels, name)(x[:0], **windows).shape == (0, 4, 3, 5)
    assert getattr(kernels, name)(x[..., :0].copy(), **windows).shape == (2, 4, 3, 0)


@pytest.mark.parametrize(
    ("x", "y", "winner"),
    [
        ([1, 2, 3, 4], 4, 3),
        ([4, 3, 2, 1], 4, 0),
        ([1, 5, 5, 1], 5, 1),
        ([1, 1, 5, 5], 5, 2),
        ([2, 2, 2, 2], 2, 0),
        ([-INF, -INF, -INF, -INF], -INF, 0),
        ([-3, -2, -INF, -4], -2, 1),
        ([INF, INF, 0, 0], INF, 0),
        ([NAN, 1, 2, 3], NAN, 0),
        ([1, INF, NAN, 3], NAN, 2),
        ([1, NAN, 5, NAN], NAN, 1),
        ([1, 2, 3, NAN], NAN, 3),
        ([0.0, -0.0, -1, -1], 0.0, 0),
        ([-1, -0.0, 0.0, -1], -0.0, 1),
    ],
)
@pytest.mark.parametrize("library", [*ISAS, "reference"])
@pytest.mark.parametrize("shape", [(2, 2), (1, 4), (4, 1)])
def test_the_first_of_the_largest_pixels_wins(library, dtype, x, y, winner, shape):
    library = reference if library == "reference" else getattr(_core, library)
    for channels in CHANNELS:
        image = np.repeat(np.array(x, dtype), channels).reshape(1, *shape, channels)
        largest = library.max_pool(image, pool_size=shape)
        assert same_bits(largest, np.full((1, 1, 1, channels), y, dtype))
        dy = np.arange(1.0, channels + 1, dtype=dtype).reshape(1, 1, 1, channels)
        dx = library.max_pool_backward(dy, largest, image, pool_size=shape)
        want = np.zeros((4, channels), dtype)
        want[winner] = dy
        assert same_bits(dx, want.reshape(image.shape))


def test_the_first_nan_wins_whatever_its_bits(kernels, dtype):
    words = np.zeros(4, {4: np.uint32, 8: np.uint64}[np.dtype(dtype).itemsize])
    words[1:] = np.array([1, NAN, NAN], dtype).view(words.dtype)
    words[2] += 5
    for order, winner in [([0, 1, 2, 3], 2), ([1, 3, 2, 0], 1), ([2, 0, 3, 1], 0)]:
        image = np.repeat(words[order].view(dtype), 17).reshape(1, 2, 2, 17)
        y = kernels.max_pool(image, pool_size=(2, 2))
        dx = kernels.max_pool_backward(np.ones_like(y), y, image, pool_size=(2, 2))
        assert np.array_equal(dx.reshape(4, 17).argmax(axis=0), np.full(17, winner))
        assert dx.sum() == 17


def test_what_lies_outside_never_wins_and_never_counts(kernels, dtype):
    x = np.full((1, 3, 3, 6), -5, dtype)
    windows = {"pool_size": (3, 3), "strides": (1, 1), "padding": "same"}
    assert same_bits(kernels.max_pool(x, **windows), x)
    assert same_bits(kernels.average_pool(x, **windows), x)


def test_a_nan_reaches_its_windows_and_channel_alone(kernels, dtype):
    x = np.zeros((1, 4, 4, 20), dtype)
    x[0, 1, 2, 7] = NAN
    for name in ("max_pool", "average_pool"):
        y = getattr(kernels, name)(x, pool_size=(2, 2))
        assert np.argwhere(np.isnan(y)).tolist() == [[0, 0, 1, 7]]


@pytest.mark.parametrize("pool_size", [(2, 2), (3, 3), (2, 4)])
def test_relu_before_the_pool_goes_back_with_it(kernels, dtype, pool_size):
    z = integers((3, 8, 9, 21), dtype, seed=4)
    x = kernels.relu(z.reshape(-1)).reshape(z.shape)
    windows = {"pool_size": pool_size, "strides": (2, 2)}
    y = kernels.max_pool(x, **windows)
    dy = integers(y.shape, dtype, seed=5)
    dy.reshape(-1)[::5] = NAN
    dx = kernels.max_pool_backward(dy, y, x, **windows)
    want = kernels.relu_backward(dx.reshape(-1), x.reshape(-1)).reshape(x.shape)
    np.testing.assert_array_equal(kernels.max_pool_backward(dy, y, x, **windows, relu=True), want, strict=True)
    assert np.isnan(kernels.max_pool_backward(dy, np.full_like(y, NAN), x * NAN, **windows, relu=True)).any()


def _defined(x, rows, cols):
    """The sum of a window: its rows from left to right, then their sums from top to bottom."""
    across = [functools.reduce(np.add, [x[:, i, j] for j in range(cols.start, cols.stop)]) for i in rows]
    return functools.reduce(np.add, across)


@pytest.mark.parametrize(
    ("pool_size", "strides"), [((2, 2), (2, 2)), ((3, 3), (2, 1)), ((5, 7), (5, 7)), ((9, 8), None)]
)
def test_sums_follow_their_definition_on_every_instruction_set(kernels, dtype, rng, pool_size, strides):
    for channels in CHANNELS:
        x = rng.standard_normal((2, 9, 8, channels)).astype(dtype)
        y = kernels.average_pool(x, pool_size=pool_size, strides=strides)
        down, across = strides or pool_size
        for i, j in np.ndindex(y.shape[1:3]):
            rows, cols = (slice(a * s, a * s + p) for a, s, p in [(i, down, pool_size[0]), (j, across, pool_size[1])])
            total = _defined(x, range(rows.start, rows.stop), cols)
            assert same_bits(y[:, i, j], total / dtype(pool_size[0] * pool_size[1]))


def test_overlapping_windows_give_to_a_pixel_in_their_order(kernels, dtype, rng):
    size, windows = (6, 7), {"pool_size": (3, 3), "strides": (1, 2), "padding": "same"}
    x = np.sort(rng.standard_normal((2, *size, 19)).astype(dtype), axis=1)
    y = kernels.max_pool(x, **windows)
    dy = rng.standard_normal(y.shape).astype(dtype)
    spread, largest = np.zeros_like(x), np.zeros_like(x)
    for i, j in np.ndindex(y.shape[1:3]):
        rows, cols = slice(max(i - 1, 0), i + 2), slice(max(2 * j - 1, 0), 2 * j + 2)
        given = dy[:, i : i + 1, j : j + 1]
        spread[:, rows, cols] += given / dtype(x[0, rows, cols, 0].size)
        largest[:, rows, cols] += np.where(
            x[:, rows, cols] == y[:, i : i + 1, j : j + 1], dy[:, i : i + 1, j : j + 1], 0
        )
    assert same_bits(kernels.average_pool_backward(dy, size=size, **windows), spread)
    assert same_bits(kernels.max_pool_backward(dy, y, x, **windows), largest)


@pytest.mark.parametrize("windows", WINDOWS, ids=lambda w: "{pool_size} {strides} {padding}".format(**w))
def test_gradients_are_those_of_the_outputs(kernels, windows, rng):
    """All numbers are multiples of 1/4 and nothing else wins within 1/4, so that differences are exact."""
    for shape in cases(windows):
        x = rng.permutation(np.prod(shape)).reshape(shape).astype(np.float64)
        change = 0.25 * rng.integers(-1, 2, shape)
        y = kernels.max_pool(x, **windows)
        dy = integers(y.shape, np.float64, seed=6, times=720)
        slope = kernels.max_pool(x + change, **windows) - kernels.max_pool(x - change, **windows)
        assert np.sum(dy * slope) == 2 * np.sum(change * kernels.max_pool_backward(dy, y, x, **windows))
        mean = kernels.average_pool(720 * change, **windows)
        assert np.sum(dy * mean) == np.sum(720 * change * kernels.average_pool_backward(dy, size=shape[1:3], **windows))


@pytest.mark.parametrize("size", [(1, 1), (2, 2), (3, 1), (2, 5)])
def test_upsampling_and_its_gradient(kernels, dtype, size):
    for height, width in SIZES:
        for channels in CHANNELS:
            x = with_nan(integers((2, height, width, channels), dtype))
            y = kernels.upsample(x, size=size)
            assert same_bits(y, once(reference.upsample, x, size=size))
            dy = integers(y.shape, dtype, seed=2)
            want = once(reference.upsample_backward, dy, size=size)
            np.testing.assert_array_equal(kernels.upsample_backward(dy, size=size), want, strict=True)
            assert np.isnan(kernels.upsample_backward(y, size=size)).sum() == np.isnan(x).sum()


@pytest.mark.parametrize("padding", [((0, 0), (0, 0)), ((1, 1), (1, 1)), ((0, 2), (3, 0)), ((4, 0), (0, 1))])
def test_borders_and_their_gradient(kernels, dtype, layout, padding):
    for height, width in SIZES:
        x = with_nan(integers((3, height, width, 5), dtype))
        out = awkward(np.full((3, height + sum(padding[0]), width + sum(padding[1]), 5), NAN, dtype), layout)
        assert kernels.zero_pad(awkward(x, layout), padding=padding, out=out) is out
        assert same_bits(out, reference.zero_pad(x, padding=padding))
        assert same_bits(kernels.zero_pad_backward(out, padding=padding), x)
        assert same_bits(reference.zero_pad_backward(out, padding=padding), x)


@pytest.mark.parametrize("name", ["max_pool", "average_pool"])
def test_every_instruction_set_gives_the_same_bits(dtype, rng, name):
    x = rng.standard_normal((2, 11, 9, 37)).astype(dtype)
    for windows in WINDOWS:
        results = [getattr(getattr(_core, isa), name)(x, **windows) for isa in ISAS]
        assert all(same_bits(results[0], other) for other in results[1:])
