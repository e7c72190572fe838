"""Initial values of the parameters.

Values come from the compiled counter-based generator and from operations that IEEE 754 defines exactly, so that the
same seed gives the same bits on every machine. `fan_in` and `fan_out` of a kernel (inputs, units) are its two sizes.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from . import kernels
from .descriptions import Described
from .inputs.arguments import check_choice, check_dtype, check_int, check_number, check_shape

__all__ = [
    "Constant",
    "GlorotNormal",
    "GlorotUniform",
    "HeNormal",
    "HeUniform",
    "Initializer",
    "LecunNormal",
    "LecunUniform",
    "Normal",
    "Ones",
    "Orthogonal",
    "Uniform",
    "Zeros",
    "get",
]

Array = NDArray[Any]


class Initializer(Described):
    """The base class of initialisers: `fill` writes into an array, and a call makes a new array."""

    def fill(self, out: Array, *, seed: int, stream: int = 0) -> None:
        """Write the values into the C-contiguous array `out`; (seed, stream) determine them."""
        raise TypeError(f"{type(self).__name__} does not say how to fill an array")

    def __call__(
        self, shape: int | tuple[int, ...], dtype: DTypeLike = "float32", *, seed: int = 0, stream: int = 0
    ) -> Array:
        """Return a new array of `shape`.

        Parameters
        ----------
        shape : int or tuple of ints
            The shape; a kernel's is (inputs, units).
        dtype : float32 or float64, default="float32"
            The array's type.
        seed : int in [0, 2**32), default=0
            The seed; other seeds give other values.
        stream : int in [0, 2**32), default=0
            The generator's stream; a model gives parameter number p the stream 2**24 + p.

        Raises
        ------
        ValueError
            For an argument that is not allowed, or values too large for the type.
        """
        out = np.empty(check_shape(shape), check_dtype(dtype))
        seed, stream = check_int("seed", seed, 0, 2**32 - 1), check_int("stream", stream, 0, 2**32 - 1)
        self.fill_finite(out, seed=seed, stream=stream)
        return out

    def fill_finite(self, out: Array, *, seed: int, stream: int = 0) -> None:
        """Write the values with `fill`; ValueError if the array's type cannot hold them."""
        with np.errstate(over="ignore"):
            self.fill(out, seed=seed, stream=stream)
        if not np.isfinite(out).all():
            raise ValueError(f"{self!r} gives values too large for {out.dtype.name}")


def fans(shape: tuple[int, ...]) -> tuple[int, int]:
    """Return (fan_in, fan_out) of a parameter; a vector counts as its own fan in both directions."""
    if len(shape) < 2:
        size = shape[0] if shape else 1
        return size, size
    field = math.prod(shape[:-2])
    return field * shape[-2], field * shape[-1]


class Constant(Initializer):
    """Every value is `value`.

    Parameters
    ----------
    value : float, default=0.0
        The value. Equal values in a hidden layer keep its units equal for ever (the symmetry trap).

    Raises
    ------
    ValueError, TypeError
        For a value that is not allowed.

    Examples
    --------
    The symmetry trap: four hidden units learn, and all learn the same.

    >>> import numpy as np
    >>> import ravine as rv
    >>> first = rv.layers.Dense(4, "tanh", kernel_initializer=rv.initializers.Constant(0.5))
    >>> model = rv.Sequential([first, rv.layers.Dense(1, kernel_initializer="ones")], random_state=0)
    >>> model.compile(optimizer="sgd", loss="mse")
    >>> X = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    >>> history = model.fit(X, [0.0, 1.0, 1.0, 0.0], epochs=9)
    >>> kernel = model.parameters["dense/kernel"]
    >>> bool((kernel == 0.5).any()), bool((kernel == kernel[:, :1]).all())
    (False, True)
    """

    def __init__(self, value: float = 0.0) -> None:
        self.value = check_number("value", value, -math.inf, closed="neither")

    def fill(self, out: Array, *, seed: int, stream: int = 0) -> None:
        """Write the constant."""
        np.copyto(out, self.value, casting="same_kind")


class Zeros(Constant):
    """Every value is 0: right for biases and logistic regression; a deep net would keep all its units equal."""

    def __init__(self) -> None:
        super().__init__(0.0)

    def __repr__(self) -> str:
        return "Zeros()"


class Ones(Constant):
    """Every value is 1."""

    def __init__(self) -> None:
        super().__init__(1.0)

    def __repr__(self) -> str:
        return "Ones()"


class Normal(Initializer):
    """Normal values.

    Parameters
    ----------
    mean : float, default=0.0
        Their mean.
    stddev : float >= 0, default=0.05
        Their standard deviation.

    Raises
    ------
    ValueError, TypeError
        For a value that is not allowed.
    """

    def __init__(self, mean: float = 0.0, stddev: float = 0.05) -> None:
        self.mean = check_number("mean", mean, -math.inf, closed="neither")
        self.stddev = check_number("stddev", stddev, 0.0)

    def fill(self, out: Array, *, seed: int, stream: int = 0) -> None:
        """Write normal values."""
        kernels.random_normal(out, mean=self.mean, deviation=self.stddev, seed=seed, stream=stream)


class Uniform(Initializer):
    """Values spread evenly over [low, high).

    Parameters
    ----------
    low, high : float, default=-0.05, 0.05
        The interval; low < high.

    Raises
    ------
    ValueError, TypeError
        For a value that is not allowed.
    """

    def __init__(self, low: float = -0.05, high: float = 0.05) -> None:
        self.low = check_number("low", low, -math.inf, closed="neither")
        self.high = check_number("high", high, -math.inf, closed="neither")
        if not self.low < self.high or math.isinf(self.high - self.low):
            raise ValueError(f"low must be below high, at a finite distance, got low={low!r}, high={high!r}")

    def fill(self, out: Array, *, seed: int, stream: int = 0) -> None:
        """Write uniform values."""
        kernels.random_uniform(out, low=self.low, high=self.high, seed=seed, stream=stream)


class _Scaled(Initializer):
    """Values of variance `scale / fan`, where fan is fan_in, or the mean of fan_in and fan_out."""

    _scale = 1.0
    _average = False
    _uniform = False

    def fill(self, out: Array, *, seed: int, stream: int = 0) -> None:
        """Write values of the variance that the array's shape asks for."""
        self.fill_for(out, *fans(out.shape), seed=seed, stream=stream)

    def fill_for(self, out: Array, fan_in: int, fan_out: int, *, seed: int, stream: int = 0) -> None:
        """Write values of the variance that these fans ask for."""
        variance = 2.0 * self._scale / (fan_in + fan_out) if self._average else self._scale / fan_in
        if self._uniform:
            limit = math.sqrt(3.0 * variance)
            kernels.random_uniform(out, low=-limit, high=limit, seed=seed, stream=stream)
        else:
            kernels.random_normal(out, mean=0.0, deviation=math.sqrt(variance), seed=seed, stream=stream)


class GlorotNormal(_Scaled):
    """Normal, variance 2 / (fan_in + fan_out): for tanh (Glorot and Bengio 2010, also called Xavier)."""

    _average = True


class GlorotUniform(_Scaled):
    """Uniform on +-sqrt(6 / (fan_in + fan_out)): for tanh (Glorot and Bengio 2010, also called Xavier).

    Examples
    --------
    >>> import ravine as rv
    >>> w = rv.initializers.GlorotUniform()((100, 50), "float64", seed=1)
    >>> bool(abs(w).max() <= (6 / 150) ** 0.5)
    True
    """

    _average = True
    _uniform = True


class HeNormal(_Scaled):
    """Normal, variance 2 / fan_in: for ReLU (He, Zhang, Ren and Sun 2015)."""

    _scale = 2.0


class HeUniform(_Scaled):
    """Uniform on +-sqrt(6 / fan_in): for ReLU (He, Zhang, Ren and Sun 2015)."""

    _scale = 2.0
    _uniform = True


class LecunNormal(_Scaled):
    """Normal, variance 1 / fan_in: for SELU (LeCun, Bottou, Orr and Mueller 1998)."""


class LecunUniform(_Scaled):
    """Uniform on +-sqrt(3 / fan_in) (LeCun, Bottou, Orr and Mueller 1998)."""

    _uniform = True


class Orthogonal(Initializer):
    """Orthonormal rows or columns (whichever are fewer), from normal values (Saxe, McClelland and Ganguli 2014).

    Parameters
    ----------
    gain : float, default=1.0
        The factor on the orthonormal matrix.

    Raises
    ------
    ValueError, TypeError
        For a value that is not allowed.

    Examples
    --------
    >>> import numpy as np
    >>> import ravine as rv
    >>> w = rv.initializers.Orthogonal()((3, 5), "float64", seed=1)
    >>> bool(np.allclose(w @ w.T, np.eye(3)))
    True
    """

    # Rows made orthogonal together, between the products that project them.
    _PANEL = 32

    def __init__(self, gain: float = 1.0) -> None:
        self.gain = check_number("gain", gain, -math.inf, closed="neither")

    def fill(self, out: Array, *, seed: int, stream: int = 0) -> None:
        """Write the matrix; leading axes of an array count as rows."""
        if out.ndim < 2:
            raise ValueError(f"Orthogonal needs at least 2 dimensions, got shape {out.shape}")
        rows, cols = math.prod(out.shape[:-1]), out.shape[-1]
        q = np.empty((min(rows, cols), max(rows, cols)), np.float64)
        kernels.random_normal(q, mean=0.0, deviation=1.0, seed=seed, stream=stream)
        for first in range(0, len(q), self._PANEL):
            self._orthonormalise(q, first, min(first + self._PANEL, len(q)))
        np.copyto(out, (self.gain * (q if rows <= cols else q.T)).reshape(out.shape), casting="same_kind")

    @staticmethod
    def _orthonormalise(q: Array, first: int, last: int) -> None:
        """Gram-Schmidt of rows [first, last) against all above them; twice, which is enough for full precision."""
        for _ in range(2):
            if first:
                above, panel = q[:first], q[first:last]
                overlap = kernels.matmul(panel, above, transpose_b=True)
                q[first:last] = panel - kernels.matmul(overlap, above)
            for i in range(first, last):
                if i > first:
                    above, row = q[first:i], q[i : i + 1]
                    overlap = kernels.matmul(row, above, transpose_b=True)
                    q[i : i + 1] = row - kernels.matmul(overlap, above)
                q[i] /= math.sqrt(kernels.sum_squares(q[i]))


_NAMES: dict[str, type[Initializer]] = {
    "zeros": Zeros,
    "ones": Ones,
    "constant": Constant,
    "normal": Normal,
    "uniform": Uniform,
    "glorot_normal": GlorotNormal,
    "glorot_uniform": GlorotUniform,
    "xavier_normal": GlorotNormal,
    "xavier_uniform": GlorotUniform,
    "he_normal": HeNormal,
    "he_uniform": HeUniform,
    "lecun_normal": LecunNormal,
    "lecun_uniform": LecunUniform,
    "orthogonal": Orthogonal,
}


def get(initializer: str | Initializer, *, name: str = "initializer") -> Initializer:
    """Return the initialiser with the name `initializer`, or that object; ValueError, naming `name`, for others."""
    if isinstance(initializer, Initializer):
        return initializer
    return _NAMES[check_choice(name, initializer, _NAMES)]()
