"""What the kernel tests share: the instruction sets that are present, awkward sizes and memory, distances."""

import hashlib
import platform
from collections import OrderedDict

import numpy as np

from ravine import _core

ISAS = [name for name in ("baseline", "avx2", "avx512") if hasattr(_core, name)]
DTYPES = [np.float32, np.float64]
SIZES = [*range(68), 97, 127, 257, 509, 1031]
LAYOUTS = ["aligned", "unaligned", "strided"]


def has_fma(isa):
    """Whether an instruction set rounds a b + c once."""
    return isa != "baseline" or platform.machine() in ("aarch64", "arm64")


def ulps(got, want, scale=None):
    """Distance of `got` from the float64 `want` in units of the last place, those of the larger of `want` and `scale`.

    Equal values, infinities and pairs of NaN count as 0; a NaN against a number counts as infinitely far.
    """
    want = np.asarray(want, dtype=np.float64)
    with np.errstate(over="ignore", invalid="ignore"):
        rounded = want.astype(got.dtype)
        same = (got == rounded) | (np.isnan(got) & np.isnan(rounded))
        size = np.abs(rounded) if scale is None else np.maximum(np.abs(rounded), np.asarray(scale, dtype=got.dtype))
        unit = np.spacing(np.maximum(size, np.finfo(got.dtype).tiny)).astype(np.float64)
        distance = np.abs(got.astype(np.float64) - want) / unit
    return np.where(same, 0.0, np.where(np.isnan(distance), np.inf, distance))


def ulp_limit(isa):
    """What an elementwise kernel may be off by: 4 ULP, one more without fma."""
    return 4.0 if has_fma(isa) else 5.0


_found = OrderedDict()


def once(function, *arguments, **settings):
    """What a function of arrays gives, computed once for all instruction sets and layouts that are held to it."""
    key = (function, *map(_key, arguments), *((name, _key(value)) for name, value in settings.items()))
    if key not in _found:
        _found[key] = function(*arguments, **settings)
        for result in _found[key] if isinstance(_found[key], tuple) else (_found[key],):
            if isinstance(result, np.ndarray):
                result.flags.writeable = False
        if len(_found) > 1000:  # more than one test asks for
            _found.popitem(last=False)
    return _found[key]


def _key(value):
    if isinstance(value, np.ndarray):
        return value.dtype, value.shape, hashlib.blake2b(np.ascontiguousarray(value)).digest()
    return value


def awkward(array, layout):
    """The same values in other memory: off every vector boundary, or copied from a strided view."""
    if layout == "unaligned":
        flat = np.empty(array.size + 64, dtype=array.dtype)
        first = next(i for i in range(64) if flat[i:].ctypes.data % 64 == array.itemsize)
        moved = flat[first : first + array.size].reshape(array.shape)
        moved[...] = array
        return moved
    if layout == "strided":
        return np.ascontiguousarray(np.repeat(array, 2, axis=-1)[..., ::2])
    return array


def same_bits(a, b):
    """Whether two arrays hold the same bits, NaN payloads aside."""
    return (
        a.dtype == b.dtype
        and a.shape == b.shape
        and np.array_equal(a, b, equal_nan=True)
        and np.array_equal(np.signbit(a) & ~np.isnan(a), np.signbit(b) & ~np.isnan(b))
    )
