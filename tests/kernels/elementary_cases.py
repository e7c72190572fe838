"""The vector functions: their bounds in ULP, and what they are held against."""

import math

import mpmath
import numpy as np

# name: (bound in float32, bound in float64), one more without fma
BOUNDS = {
    "exp": (1, 2),
    "expm1": (4, 4),
    "log": (2, 2),
    "log1p": (2, 2),
    "tanh": (2, 4),
    "sigmoid": (2, 4),
    "softplus": (4, 4),
    "erf": (4, 4),
}


def _sigmoid(x):
    e = np.exp(-np.abs(x))
    return np.where(x < 0, e, 1.0) / (1.0 + e)


def _softplus(x):
    return np.maximum(x, 0.0) + np.log1p(np.exp(-np.abs(x)))


def _erf(x):
    y = np.where(np.abs(x) < 1e-8, x * (2.0 / math.sqrt(math.pi)), np.where(np.isnan(x), x, np.sign(x)))
    inside = (np.abs(x) >= 1e-8) & (np.abs(x) < 6.0)
    y[inside] = np.fromiter(map(math.erf, x[inside].tolist()), dtype=np.float64)
    return y


# float64 functions of float64 arrays, far more exact than float32 needs
ORACLES = {
    "exp": np.exp,
    "expm1": np.expm1,
    "log": np.log,
    "log1p": np.log1p,
    "tanh": np.tanh,
    "sigmoid": _sigmoid,
    "softplus": _softplus,
    "erf": _erf,
}

# functions of one mpmath number
EXACT = {
    "exp": mpmath.exp,
    "expm1": mpmath.expm1,
    "log": mpmath.log,
    "log1p": mpmath.log1p,
    "tanh": mpmath.tanh,
    "sigmoid": lambda x: 1 / (1 + mpmath.exp(-x)),
    "softplus": lambda x: mpmath.log1p(mpmath.exp(-abs(x))) + max(x, mpmath.mpf(0)),
    "erf": mpmath.erf,
    "sin": mpmath.sinpi,
    "cos": mpmath.cospi,
    "pow": mpmath.power,
}


def float32_oracle(name, x):
    """Values of a function at a float32 array, in float64."""
    with np.errstate(all="ignore"):
        return ORACLES[name](x.astype(np.float64))


def exact_values(name, *arguments):
    """Values at float64 arguments from 60 digits, as pairs of float64 that sum to them."""
    with mpmath.workdps(60):
        high, low = [], []
        for values in zip(*arguments, strict=True):
            value = EXACT[name](*(mpmath.mpf(float(v)) for v in values))
            high.append(float(value))
            low.append(float(value - high[-1]) if math.isfinite(high[-1]) else 0.0)
    return np.array(high), np.array(low)


def exact_ulps(got, high, low):
    """Distance of `got` from high + low in units of the last place of the true value."""
    with np.errstate(invalid="ignore", over="ignore"):
        rounded = high.astype(got.dtype)
        unit = np.spacing(np.maximum(np.abs(rounded), np.finfo(got.dtype).tiny)).astype(np.float64)
        distance = np.abs((got.astype(np.float64) - high) - low) / unit
    same = (got == rounded) & ~np.isfinite(rounded)
    return np.where(same, 0.0, np.where(np.isnan(distance), np.inf, distance))


def float32_sample(a_stratum):
    """float32 bit patterns, `a_stratum` for each of the 512 signs with exponent, spread over the mantissas.

    Each stratum has its first and last mantissa, and one at a pseudo-random place in each of the equal parts between.
    """
    part = (1 << 23) // a_stratum
    stratum, index = np.divmod(np.arange(512 * a_stratum, dtype=np.uint64), np.uint64(a_stratum))
    number = stratum * np.uint64(a_stratum) + index
    jitter = (number * np.uint64(0x9E3779B97F4A7C15) >> np.uint64(40)) % np.uint64(part)
    jitter[index == 0] = 0
    jitter[index == a_stratum - 1] = part - 1
    return (stratum << np.uint64(23) | index * np.uint64(part) + jitter).astype(np.uint32).view(np.float32)
