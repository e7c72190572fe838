"""Windows of images: shifts, flips and crops, forward and back, against the twin and against NumPy's padding."""

import numpy as np
import pytest
from checks import awkward, once, same_bits

from ravine import reference

BORDERS = {"constant": "constant", "nearest": "edge", "reflect": "symmetric", "wrap": "wrap"}
KEY = {"seed": 5, "stream": (11 << 24) | 2, "step": 2**40 + 3}

# height, width, channels, the window's height and width, settings
WINDOWS = [
    (5, 7, 3, 5, 7, {}),
    (5, 7, 3, 5, 7, {"flip_horizontal": True}),
    (5, 7, 2, 5, 7, {"flip_vertical": True}),
    (6, 4, 1, 6, 4, {"flip_vertical": True, "flip_horizontal": True}),
    (5, 7, 1, 5, 7, {"top": -2, "tops": 5, "left": -3, "lefts": 7}),
    (5, 7, 4, 3, 4, {"tops": 3, "lefts": 4}),
    (4, 4, 3, 4, 4, {"top": -2, "tops": 5, "left": -2, "lefts": 5, "fill": 0.25}),
    (4, 4, 3, 6, 5, {"top": -3, "tops": 7, "left": -4, "lefts": 9, "flip_horizontal": True, "fill": -1.5}),
    (3, 2, 2, 19, 17, {"top": -8, "left": -9, "tops": 2, "lefts": 3, "flip_vertical": True, "flip_horizontal": True}),
    (1, 1, 1, 1, 1, {"top": -1, "tops": 3, "left": -1, "lefts": 3}),
    (1, 19, 5, 1, 19, {"left": -19, "lefts": 39, "flip_horizontal": True}),
    (19, 18, 1, 17, 16, {"top": -40, "left": -40, "tops": 81, "lefts": 81}),
    (4, 6, 3, 2, 2, {"top": 1000, "left": -2_000_000_000}),
]


def images(rng, rows, height, width, channels, dtype):
    """Integers, so that every sum of them is exact."""
    return rng.integers(-9, 10, (rows, height, width, channels)).astype(dtype)


@pytest.mark.parametrize("border", BORDERS)
@pytest.mark.parametrize("window", WINDOWS)
def test_windows_match_their_twin(kernels, dtype, layout, rng, window, border):
    height, width, channels, out_height, out_width, settings = window
    for rows, first in ((0, 0), (1, 0), (3, 2), (9, 7), (21, 2**32 - 21)):
        x = rng.standard_normal((rows, height, width, channels)).astype(dtype)
        dy = rng.standard_normal((rows, out_height, out_width, channels)).astype(dtype)
        given = {**settings, **KEY, "border": border, "first": first}
        y = kernels.image_window(awkward(x, layout), (out_height, out_width), **given)
        assert same_bits(y, once(reference.image_window, x, (out_height, out_width), **given))
        dx = kernels.image_window_backward(awkward(dy, layout), (height, width), **given)
        assert same_bits(dx, once(reference.image_window_backward, dy, (height, width), **given))


@pytest.mark.parametrize("border", BORDERS)
@pytest.mark.parametrize("window", WINDOWS[:-1])
def test_the_way_back_is_the_transposed_map(kernels, dtype, rng, window, border):
    height, width, channels, out_height, out_width, settings = window
    given = {**settings, **KEY, "border": border, "fill": 0.0}
    x = images(rng, 9, height, width, channels, dtype)
    dy = images(rng, 9, out_height, out_width, channels, dtype)
    y = kernels.image_window(x, (out_height, out_width), **given)
    dx = kernels.image_window_backward(dy, (height, width), **given)
    assert (y.astype(np.float64) * dy).sum() == (x.astype(np.float64) * dx).sum()


@pytest.mark.parametrize(("border", "padding"), BORDERS.items())
def test_a_fixed_window_is_a_cut_of_a_padded_image(kernels, rng, border, padding):
    x = images(rng, 2, 5, 4, 3, np.float64)
    padded = np.pad(x, ((0, 0), (7, 7), (7, 7), (0, 0)), mode=padding)
    for top in range(-7, 9):
        for left in range(-7, 8):
            y = kernels.image_window(x, (3, 4), top=top, left=left, border=border, seed=0)
            np.testing.assert_array_equal(y, padded[:, 7 + top : 10 + top, 7 + left : 11 + left])


def test_flips_and_their_share(kernels, dtype):
    x = np.arange(12, dtype=dtype).reshape(1, 2, 3, 2).repeat(4000, axis=0)
    y = kernels.image_window(x, (2, 3), flip_vertical=True, flip_horizontal=True, seed=1)
    kinds = [x[0], x[0, ::-1], x[0, :, ::-1], x[0, ::-1, ::-1]]
    counts = [int((y == kind).all(axis=(1, 2, 3)).sum()) for kind in kinds]
    assert sum(counts) == 4000
    assert all(abs(count - 1000) < 4 * np.sqrt(4000 * 3 / 16) for count in counts)
    upright = kernels.image_window(x, (2, 3), flip_horizontal=True, seed=1)
    mirrored = (upright[:, 0, 0, 0] != x[0, 0, 0, 0]).sum()
    assert 1800 < mirrored < 2200 and (upright[:, 0, :, 0] < 6).all()


def test_places_are_uniform_and_all_occur(kernels):
    x = np.zeros((6000, 3, 5, 1), np.float32)
    x += np.arange(15, dtype=np.float32).reshape(3, 5, 1)
    y = kernels.image_window(x, (1, 1), tops=3, lefts=5, seed=2).ravel().astype(int)
    counts = np.bincount(y, minlength=15)
    assert counts.size == 15 and abs(counts - 400).max() < 4.5 * np.sqrt(400)
    other = kernels.image_window(x, (1, 1), tops=3, lefts=5, seed=2, step=1).ravel().astype(int)
    assert abs(np.corrcoef(y, other)[0, 1]) < 0.05 and abs(np.corrcoef(y[1:], y[:-1])[0, 1]) < 0.05


def test_an_image_s_place_depends_on_its_block_alone(kernels, dtype, rng):
    x = images(rng, 40, 5, 6, 3, dtype)
    settings = {"top": -2, "tops": 5, "left": -2, "lefts": 5, "flip_horizontal": True, **KEY}
    whole = kernels.image_window(x, (5, 6), **settings)
    back = kernels.image_window_backward(x, (5, 6), **settings)
    for cut in (1, 2, 3, 7, 8, 9, 31, 39):
        parts = [(x[:cut], 0), (x[cut:], cut)]
        pieces = [kernels.image_window(np.ascontiguousarray(p), (5, 6), first=at, **settings) for p, at in parts]
        assert same_bits(np.concatenate(pieces), whole)
        pieces = [
            kernels.image_window_backward(np.ascontiguousarray(p), (5, 6), first=at, **settings) for p, at in parts
        ]
        assert same_bits(np.concatenate(pieces), back)


def test_numbers_that_are_not_finite_go_through(kernels, dtype):
    x = np.array([np.nan, -np.inf, -0.0, np.inf], dtype).reshape(1, 1, 4, 1)
    y = kernels.image_window(x, (1, 6), left=-1, fill=np.nan, seed=0)
    np.testing.assert_array_equal(y.ravel(), [np.nan, np.nan, -np.inf, 0, np.inf, np.nan])
    assert np.signbit(y.ravel()[3])
    dx = kernels.image_window_backward(np.full((1, 1, 6, 1), np.nan, dtype), (1, 8), left=3, seed=0)
    np.testing.assert_array_equal(dx.ravel(), [0, 0, 0, np.nan, np.nan, np.nan, np.nan, np.nan])


def test_out_is_filled_and_returned(kernels, dtype):
    x, out = np.ones((2, 3, 4, 1), dtype), np.empty((2, 5, 5, 1), dtype)
    assert kernels.image_window(x, (5, 5), seed=0, out=out) is out
    assert out.sum() == x.sum()
    back = np.empty_like(x)
    assert kernels.image_window_backward(out, (3, 4), seed=0, out=back) is back
    np.testing.assert_array_equal(back, x)
