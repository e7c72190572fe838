"""Random numbers: Philox's known answers, positions, distributions, dropout."""

import numpy as np
import pytest
from checks import ISAS, SIZES, awkward, once, same_bits, ulp_limit, ulps

from ravine import _core, reference
from ravine.reference.random import philox

KEYS = [
    {"seed": 0, "stream": 0, "step": 0},
    {"seed": 1, "stream": (2 << 24) | 3, "step": 7},
    {"seed": 0xFFFFFFFF, "stream": 0xFFFFFFFF, "step": 0xFFFFFFFFFFFFFFFF},
    {"seed": 0x243F6A88, "stream": 0x13198A2E, "step": 0x85A308D3_03707344},
]


@pytest.mark.parametrize(
    ("counter", "key", "words"),
    [
        ("00000000 00000000 00000000 00000000", "00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
        ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"),
        ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"),
    ],
)
def test_philox_known_answers(counter, key, words):
    numbers = [[int(word, 16) for word in text.split()] for text in (counter, key, words)]
    got = philox(np.array(numbers[0], dtype=np.uint64)[:, np.newaxis], tuple(numbers[1]))
    assert got[:, 0].tolist() == numbers[2]


def test_first_block_is_philox_of_zero(kernels):
    words = [f"{word:08x}" for word in kernels.random_bits(4, seed=0)]
    assert words == ["6627e8d5", "e169c58d", "bc57ac4c", "9b00dbd8"]


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("first", [0, 1, 2, 3, 4, 63, 4_000_001, 2**34])
def test_bits_match_twin(kernels, first, key):
    for size in SIZES:
        first = min(first, 2**34 - size)  # the last words of a stream
        want = once(reference.random_bits, size, first=first, **key)
        np.testing.assert_array_equal(kernels.random_bits(size, first=first, **key), want, strict=True)


@pytest.mark.parametrize("key", KEYS[1:3])
@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (-1.0, 1.0), (-0.3, 0.7), (1.0, 2.0), (5.0, 5.0), (-1e30, 1e30)])
def test_uniform_is_its_twin_to_the_bit(kernels, dtype, layout, low, high, key):
    for size in SIZES:
        got = kernels.random_uniform(awkward(np.empty(size, dtype=dtype), layout), low=low, high=high, **key)
        assert same_bits(got, once(reference.random_uniform, np.zeros(size, dtype=dtype), low=low, high=high, **key))


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (1.0, 1.0 + 2.0**-20), (-1.0, 0.0), (0.0, 0.1), (-3.0, -0.7)])
def test_uniform_stays_below_high(kernels, low, high):
    x = kernels.random_uniform(np.empty(1 << 20, dtype=np.float32), low=low, high=high, seed=3)
    assert float(x.max()) < high
    assert x.min() >= np.float32(low)


@pytest.mark.parametrize("key", KEYS[1:3])
@pytest.mark.parametrize(("mean", "deviation"), [(0.0, 1.0), (0.0, 0.02)])
def test_normal_matches_twin(kernels, isa, dtype, layout, mean, deviation, key):
    for size in SIZES:
        got = kernels.random_normal(awkward(np.empty(size, dtype=dtype), layout), mean=mean, deviation=deviation, **key)
        want = once(reference.random_normal, np.zeros(size), mean=mean, deviation=deviation, **key)
        assert np.all(ulps(got, want) <= 1 + ulp_limit(isa))


@pytest.mark.parametrize(
    ("draw", "settings", "mean", "deviation"),
    [
        ("random_uniform", {}, 0.5, 12**-0.5),
        ("random_uniform", {"low": -3.0, "high": 1.0}, -1.0, 4 * 12**-0.5),
        ("random_normal", {}, 0.0, 1.0),
        ("random_normal", {"mean": 2.0, "deviation": 0.1}, 2.0, 0.1),
    ],
)
def test_moments(kernels, dtype, draw, settings, mean, deviation):
    x = getattr(kernels, draw)(np.empty((1000, 400), dtype=dtype), seed=11, **settings).astype(np.float64)
    assert abs(x.mean() - mean) < 4 * deviation / np.sqrt(x.size)
    assert abs(x.std() / deviation - 1) < 4 / np.sqrt(2 * x.size)
    neighbours = np.corrcoef(x.reshape(-1)[0::2], x.reshape(-1)[1::2])[0, 1]
    assert abs(neighbours) < 4 / np.sqrt(x.size / 2)


@pytest.mark.parametrize("rate", [0.0, 1e-10, 0.1, 0.5, 1 - 2.0**-32, 1 - 2.0**-40])
@pytest.mark.parametrize("first", [0, 1, 3, 66])
def test_dropout_matches_twin(kernels, dtype, layout, rng, rate, first):
    for size in SIZES:
        x = rng.standard_normal(size).astype(dtype)
        got = kernels.dropout(awkward(x, layout), rate=rate, first=first, seed=5, stream=2 << 24, step=9)
        want = once(reference.dropout, x.astype(np.float64), rate=rate, first=first, seed=5, stream=2 << 24, step=9)
        assert np.array_equal(got == 0, want == 0)
        assert np.all(ulps(got, want) <= 2)


def test_dropout_is_cut_anywhere(kernels, dtype):
    x = np.ones(1000, dtype=dtype)
    whole = kernels.dropout(x, rate=0.3, seed=1)
    for cut in (1, 2, 3, 5, 17, 64, 333, 999):
        parts = [kernels.dropout(x[:cut], rate=0.3, seed=1), kernels.dropout(x[cut:], rate=0.3, seed=1, first=cut)]
        assert same_bits(np.concatenate(parts), whole)


def test_dropout_in_place_and_exact_zeros(kernels, dtype):
    x = np.full(100, np.nan, dtype=dtype)
    dropped = kernels.random_bits(100, seed=1) < 2**31
    got = kernels.dropout(x, rate=0.5, seed=1, out=x)
    assert got is x
    np.testing.assert_array_equal(x, np.where(dropped, 0.0, np.nan).astype(dtype))


def test_dropout_drops_the_same_units_in_both_dtypes(kernels):
    masks = [kernels.dropout(np.ones(999, dtype=dtype), rate=0.4, seed=8) == 0 for dtype in (np.float32, np.float64)]
    np.testing.assert_array_equal(*masks)


@pytest.mark.parametrize("rate", [0.0, 1e-10, 0.3, 0.5, 1 - 2.0**-40])
@pytest.mark.parametrize(
    "shape", [(1, 1), (5, 3), (3, 4, 6), (4, 2, 3, 17), (2, 3, 2, 300), (2, 0, 3, 4), (0, 2, 2, 4)]
)
def test_spatial_dropout_matches_twin(kernels, dtype, layout, rng, rate, shape):
    for first in (0, 1, 7):
        x = rng.standard_normal(shape).astype(dtype)
        key = {"rate": rate, "first": first, "seed": 5, "stream": 2 << 24, "step": 9}
        got = kernels.spatial_dropout(awkward(x, layout), **key)
        want = once(reference.spatial_dropout, x.astype(np.float64), **key)
        assert np.array_equal(got == 0, want == 0)
        assert np.all(ulps(got, want) <= 2)


def test_spatial_dropout_drops_channels_whole(kernels, dtype):
    x = np.full((64, 5, 4, 33), np.nan, dtype)
    dropped = kernels.random_bits(64 * 33, seed=1, stream=3).reshape(64, 1, 1, 33) < 0.25 * 2**32
    got = kernels.spatial_dropout(x, rate=0.25, seed=1, stream=3, out=x)
    assert got is x
    np.testing.assert_array_equal(x, np.where(dropped, 0.0, np.full(x.shape, np.nan)).astype(dtype))
    assert 0.2 < dropped.mean() < 0.3


def test_spatial_dropout_is_cut_at_any_row(kernels, dtype):
    x = np.ones((20, 3, 7), dtype)
    whole = kernels.spatial_dropout(x, rate=0.3, seed=1)
    for cut in (1, 2, 3, 19):
        parts = [
            kernels.spatial_dropout(part, rate=0.3, seed=1, first=at) for part, at in [(x[:cut], 0), (x[cut:], cut)]
        ]
        assert same_bits(np.concatenate(parts), whole)


@pytest.mark.parametrize("stddev", [0.0, 0.1, 3.0])
@pytest.mark.parametrize("first", [0, 1, 2, 3, 66, 2**33 - 1031])
def test_gaussian_noise_matches_twin(kernels, dtype, layout, rng, stddev, first):
    key = {"first": first, "seed": 5, "stream": 8 << 24, "step": 9}
    for size in SIZES:
        x = rng.standard_normal(size).astype(dtype)
        got = kernels.gaussian_noise(awkward(x, layout), stddev=stddev, **key)
        want = once(reference.gaussian_noise, x.astype(np.float64), stddev=stddev, **key)
        scale = np.maximum(np.abs(x), np.abs(want - x))
        assert np.all(ulps(got, want, scale=scale) <= 6)
        assert stddev or same_bits(got, x)


def test_gaussian_noise_is_cut_anywhere(kernels, dtype):
    x = np.ones(1000, dtype=dtype)
    whole = kernels.gaussian_noise(x, stddev=0.3, seed=1)
    for cut in (1, 2, 3, 5, 17, 64, 333, 999):
        parts = [
            kernels.gaussian_noise(x[:cut], stddev=0.3, seed=1),
            kernels.gaussian_noise(x[cut:], stddev=0.3, seed=1, first=cut),
        ]
        assert same_bits(np.concatenate(parts), whole)


def test_gaussian_noise_is_random_normal_and_works_in_place(kernels):
    x = np.full(101, 2.0)
    want = x + 0.5 * kernels.random_normal(np.empty(101), seed=4, stream=2, step=3)
    assert kernels.gaussian_noise(x, stddev=0.5, seed=4, stream=2, step=3, out=x) is x
    assert same_bits(x, want)


@pytest.mark.skipif(not {"avx2", "avx512"} <= set(ISAS), reason="needs AVX2 and AVX-512")
def test_normal_has_the_same_bits_on_avx2_and_avx512(dtype):
    x, y = (k.random_normal(np.empty(9999, dtype=dtype), seed=4) for k in (_core.avx2, _core.avx512))
    assert same_bits(x, y)
    ones = np.ones(9999, dtype=dtype)
    assert same_bits(*(k.gaussian_noise(ones, stddev=0.7, seed=4, first=3) for k in (_core.avx2, _core.avx512)))
