"""One line for each raw kernel: the calls by which two builds are compared.

Each is made once with arrays that stay in the L1 cache, once in the L2 cache, and once with larger ones; products and
convolutions have shapes of their own. Where a kernel takes `out`, it is given, so that no allocation is timed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from .tasks import Array

BYTES = {"L1": 8 << 10, "L2": 96 << 10, "large": 1 << 20}  # of each array
LEFTOVER = 3  # elements beyond whole vectors


class Call(NamedTuple):
    """What a kernel is called with; `shape` tells a kernel's calls apart."""

    shape: str
    arguments: tuple[Any, ...]
    options: dict[str, Any]


Calls: TypeAlias = Callable[["Arrays"], Iterator[Call]]


class Arrays:
    """Makes arrays of one dtype, of so many bytes where no shape is given."""

    def __init__(self, dtype: str, size: int) -> None:
        self.dtype, self.n = np.dtype(dtype), size // np.dtype(dtype).itemsize + LEFTOVER
        self.rng = np.random.default_rng(5)

    def x(self, *shape: int) -> Array:
        """Numbers in (0.05, 0.95)."""
        return self.rng.uniform(0.05, 0.95, shape or self.n).astype(self.dtype)

    def rows(self, columns: int) -> tuple[int, int]:
        """Return the shape with so many columns."""
        return max(self.n // columns, 1), columns


def call(*arguments: Any, **options: Any) -> Call:
    """Make a call whose shape is that of its first array, with the options that are no arrays or numbers."""
    shape = "x".join(map(str, arguments[0].shape if isinstance(arguments[0], np.ndarray) else arguments[:1]))
    words = [value for value in options.values() if isinstance(value, str)]
    return Call(" ".join([shape, *words]), arguments, options)


def elementwise(inputs: int = 1, *numbers: float, in_place: bool = False, **options: Any) -> Calls:
    """So many arrays of one length, then numbers; the result goes to `out`, or to the first array."""

    def calls(a: Arrays) -> Iterator[Call]:
        out = {} if in_place else {"out": a.x()}
        yield call(*(a.x() for _ in range(inputs)), *numbers, **out, **options)

    return calls


def activation(name: str, inputs: int) -> Calls:
    """Forward or backward; softmax takes rows of ten and of a thousand."""

    def calls(a: Arrays) -> Iterator[Call]:
        for shape in [a.rows(10), a.rows(1000)] if name == "softmax" else [(a.n,)]:
            yield call(*(a.x(*shape) for _ in range(inputs)), out=a.x(*shape))

    return calls


def loss(name: str, weighted: bool) -> Calls:
    """Rows of one output and of ten; for those of classes rows of ten alone, with integer labels too."""

    def calls(a: Arrays) -> Iterator[Call]:
        for columns in (10,) if "categorical" in name else (1, 10):
            shape = a.rows(columns)
            z, weight = a.x(*shape), {"weight": a.x(shape[0])} if weighted else {}
            yield call(z, a.x(*shape), **weight)
            if "categorical" in name:
                made = call(z, (np.arange(shape[0]) % columns).astype(np.int32), **weight)
                yield made._replace(shape=f"{made.shape} labels")

    return calls


def update(slots: int) -> Calls:
    """One step, so small that weights stay what they are."""

    def calls(a: Arrays) -> Iterator[Call]:
        state, running = np.zeros((slots, a.n), a.dtype), np.ones(4)
        yield call(a.x(), state, a.x(), running=running, learning_rate=1e-9, momentum=0.9, weight_decay=0.1)

    return calls


PRODUCTS = [(10, 4, 2), (32, 32, 32), (1, 784, 512), (128, 128, 128), (128, 784, 512), (256, 1024, 1024)]


def products(a: Arrays) -> Iterator[Call]:
    """Forward with bias and relu, the weights' gradient by slices of 256 rows, the inputs' gradient with a gate."""
    for batch, inputs, units in PRODUCTS:
        x, w, dy = a.x(batch, inputs), a.x(inputs, units), a.x(batch, units)
        sizes = f"{batch}x{inputs}x{units}"
        forward = {"bias": a.x(units), "finish": "relu", "out": a.x(batch, units)}
        yield Call(f"nn {sizes}", (x, w), forward)
        yield Call(f"tn {sizes}", (x, dy), {"transpose_a": True, "batch_slice": 256, "out": a.x(inputs, units)})
        backward = {"transpose_b": True, "finish": "mask", "gate": x, "out": a.x(batch, inputs)}
        yield Call(f"nt {sizes}", (dy, w), backward)


class Convolution(NamedTuple):
    """Images, image height and width, channels, filters, kernel size, padding on every side."""

    images: int
    size: int
    channels: int
    filters: int
    kernel: int
    pad: int
    form: str = "rows"

    @property
    def options(self) -> dict[str, Any]:
        """How the kernels are told."""
        groups = self.channels if self.form == "depthwise" else 1
        return {"padding": ((self.pad, self.pad),) * 2, "groups": groups, "form": self.form}

    def arrays(self, a: Arrays) -> tuple[Array, Array, Array]:
        """Make the images, the filters, and the images that come out."""
        out = self.size + 2 * self.pad - self.kernel + 1
        depth = 1 if self.form == "depthwise" else self.channels
        lanes = (16,) if self.form == "lanes" else ()
        images = self.images // 16 if lanes else self.images
        return (
            a.x(images, self.size, self.size, self.channels, *lanes),
            a.x(self.kernel, self.kernel, depth, self.filters),
            a.x(images, out, out, self.filters, *lanes),
        )


CONVOLUTIONS = [
    *(Convolution(32, 28, 1, 6, 5, 0, form) for form in ("rows", "lanes")),
    *(Convolution(32, 12, 6, 16, 5, 0, form) for form in ("rows", "lanes")),
    Convolution(4, 32, 32, 64, 3, 1),
    Convolution(4, 32, 32, 32, 3, 1, "depthwise"),
]


def convolutions(make: Callable[[Convolution, Array, Array, Array, Arrays], Call]) -> Calls:
    """One call of each convolution."""
    return lambda a: (make(row, *row.arrays(a), a) for row in CONVOLUTIONS)


def images(channels: int, *more: Any, gradient: tuple[int, int] | None = None, **options: Any) -> Calls:
    """Square images of so many channels and about the wanted size; a gradient's are that of the given height, width."""

    def calls(a: Arrays) -> Iterator[Call]:
        height, width = gradient or (24, 24)
        yield call(a.x(max(a.n // (24 * 24 * channels), 1), height, width, channels), *more, **options)

    return calls


def several(*parts: Calls) -> Calls:
    """Calls of all of these."""
    return lambda a: (made for part in parts for made in part(a))


def columns(make: Callable[[Arrays, int, int], Call], *widths: int) -> Calls:
    """Matrices of these widths."""
    return lambda a: (make(a, *a.rows(width)) for width in widths)


def pool_gradient(a: Arrays) -> Iterator[Call]:
    """Of max pooling without overlap: dy, y, x."""
    n = max(a.n // (24 * 24 * 16), 1)
    yield call(a.x(n, 12, 12, 16), a.x(n, 12, 12, 16), a.x(n, 24, 24, 16), pool_size=(2, 2))


def index_gradient(a: Arrays) -> Iterator[Call]:
    """Of max pooling that overlaps: dy, y, index."""
    n = max(a.n // (24 * 24 * 16), 1)
    index = np.floor(a.x(n, 12, 12, 16) * 9).astype(a.dtype)
    yield call(a.x(n, 12, 12, 16), a.x(n, 12, 12, 16), index, size=(24, 24), **OVERLAP)


def sparse(a: Arrays) -> tuple[Array, Array, Array, int]:
    """Rows of 50 numbers among 2,000 columns: values, columns, where rows begin, and how many rows there are."""
    rows = max(a.n // 64, 1)
    index = np.sort(a.rng.permuted(np.tile(np.arange(2000), (rows, 1)), axis=1)[:, :50], axis=1)
    return a.x(rows * 50), index.astype(np.int32).ravel(), np.arange(0, rows * 50 + 1, 50), rows


def sparse_product(a: Arrays) -> Iterator[Call]:
    """Rows by a matrix of 64 columns."""
    *csr, rows = sparse(a)
    yield call(*csr, a.x(2000, 64), bias=a.x(64), out=a.x(rows, 64))


def sparse_gradient(a: Arrays) -> Iterator[Call]:
    """The gradient of that matrix."""
    *csr, rows = sparse(a)
    yield call(*csr, a.x(rows, 64), 2000, out=a.x(2000, 64))


def ids(a: Arrays) -> Array:
    """Words of a thousand, a row of 32 numbers each."""
    return (a.rng.integers(0, 1000, max(a.n // 32, 1))).astype(a.dtype)


def vector(a: Arrays, columns: int) -> Array:
    """Means or variances, which are float64 always."""
    return a.rng.uniform(0.05, 0.95, columns)


POOL: dict[str, Any] = {"pool_size": (2, 2)}
OVERLAP: dict[str, Any] = {"pool_size": (3, 3), "strides": (2, 2), "padding": "same"}
BORDER: dict[str, Any] = {"padding": ((2, 2), (2, 2))}
DRAW: dict[str, Any] = {"seed": 1, "step": 3}
SHIFT: dict[str, Any] = {"tops": 5, "lefts": 5, "flip_horizontal": True, "seed": 1}

# made once
SHAPED: dict[str, Calls] = {
    "matmul": products,
    "conv2d": convolutions(lambda row, x, w, y, a: call(x, w, bias=a.x(row.filters), out=y, **row.options)),
    "conv2d_dweight": convolutions(lambda row, x, w, y, a: call(x, y, w.shape[:2], **row.options)),
    "conv2d_dx": convolutions(
        lambda row, x, w, y, a: call(y, w, (row.size, row.size), gate=x, out=a.x(*x.shape), **row.options)
    ),
}
# made for each of BYTES
SIZED: dict[str, Calls] = {
    "add": elementwise(2),
    "add_penalty_gradient": elementwise(2, in_place=True, l1=0.1, l2=0.1),
    "add_scaled": elementwise(2, 1e-9, in_place=True),
    "all_finite": elementwise(in_place=True),
    "approach": elementwise(2, 0.3, in_place=True),
    "average_pool": several(images(16, **POOL), images(16, **OVERLAP)),
    "average_pool_backward": images(16, gradient=(12, 12), size=(24, 24), **POOL),
    "batch_moments": columns(lambda a, n, m: call(a.x(n, m)), 8, 128),
    "batch_norm": columns(
        lambda a, n, m: call(a.x(n, m), vector(a, m), vector(a, m), a.x(m), a.x(m), out=a.x(n, m)), 8, 128
    ),
    "batch_norm_backward": columns(
        lambda a, n, m: call(a.x(n, m), a.x(n, m), vector(a, m), vector(a, m), a.x(m)), 8, 128
    ),
    "clear_faded": elementwise(2, in_place=True),
    "clip": elementwise(1, 0.3),
    "column_sums": columns(lambda a, n, m: call(a.x(n, m), batch_slice=256, out=a.x(m)), 8, 128),
    "csr_gradient": sparse_gradient,
    "csr_matmul": sparse_product,
    "csr_sum_squares": lambda a: iter([call(a.x(), np.arange(a.n, dtype=np.int32))]),
    "dot": elementwise(2, in_place=True),
    "dropout": elementwise(rate=0.3, **DRAW),
    "embedding": lambda a: iter([call(chosen := ids(a), a.x(1000, 32), out=a.x(len(chosen), 32))]),
    "embedding_gradient": lambda a: iter([call(chosen := ids(a), a.x(len(chosen), 32), 1000, out=a.x(1000, 32))]),
    "gaussian_noise": elementwise(stddev=0.3, **DRAW),
    "image_window": images(3, (24, 24), top=-2, left=-2, **SHIFT),
    "image_window_backward": images(3, (24, 24), top=-2, left=-2, **SHIFT),
    "lanes_to_rows": lambda a: iter([call(a.x(2, max(a.n // 32, 1), 16), 32)]),
    "layer_norm": columns(lambda a, n, m: call(a.x(n, m), a.x(m), a.x(m), out=a.x(n, m)), 8, 128),
    "layer_norm_backward": columns(lambda a, n, m: call(a.x(n, m), a.x(n, m), a.x(m)), 8, 128),
    "limit_columns": columns(lambda a, n, m: call(a.x(n, m), 0.5), 8, 128),
    "max_pool": several(images(16, **POOL), images(16, **OVERLAP)),
    "max_pool_backward": pool_gradient,
    "max_pool_index": several(images(16, **POOL), images(16, **OVERLAP)),
    "max_pool_index_backward": index_gradient,
    "pow": elementwise(2),
    "random_bits": lambda a: iter([call(a.n, seed=1)]),
    "random_normal": elementwise(in_place=True, seed=1),
    "random_uniform": elementwise(in_place=True, seed=1),
    "rotate": elementwise(2, 0.6, 0.8, in_place=True),
    "rows_to_lanes": lambda a: iter([call(a.x(32, max(a.n // 32, 1)))]),
    "scale": elementwise(1, 0.3),
    "sincospi": elementwise(in_place=True),
    "soft_threshold": elementwise(1, 0.3),
    "spatial_dropout": images(16, rate=0.3, **DRAW),
    "squared_norm": elementwise(in_place=True),
    "standardize": columns(lambda a, n, m: call(a.x(n, m), a.x(m), a.x(m), out=a.x(n, m)), 8, 128),
    "standardize_backward": columns(lambda a, n, m: call(a.x(n, m), a.x(m), out=a.x(n, m)), 8, 128),
    "sum_abs": elementwise(in_place=True),
    "sum_squares": elementwise(in_place=True),
    "upsample": images(16, size=(2, 2)),
    "upsample_backward": images(16, size=(2, 2)),
    "zero_pad": images(16, **BORDER),
    "zero_pad_backward": images(16, **BORDER),
}


def names(contents: Mapping[str, Any]) -> dict[str, Calls]:
    """Return the calls of the kernels whose names a build gives by group: its activations, losses and so on."""
    return {
        **{name: elementwise() for name in contents["elementary"]},
        **{name: activation(name, 1) for name in contents["activations"]},
        **{f"{name}_backward": activation(name, 2) for name in contents["activations"] if name != "step"},
        **{name: loss(name, weighted=True) for name in contents["losses"]},
        **{f"metric_{name}": loss("categorical", weighted=False) for name in contents["metrics"]},
        **{name: update(slots) for name, slots in contents["updates"].items()},
    }


def table(contents: Mapping[str, Any]) -> dict[str, Callable[[str], Iterator[Call]]]:
    """Return what makes the calls of every kernel for a dtype."""
    sized = {**names(contents), **SIZED}
    return {
        **{name: partial(each_size, calls) for name, calls in sized.items()},
        **{name: partial(one_size, calls) for name, calls in SHAPED.items()},
    }


def each_size(calls: Calls, dtype: str) -> Iterator[Call]:
    """Make the calls for each of BYTES."""
    for size in BYTES.values():
        yield from calls(Arrays(dtype, size))


def one_size(calls: Calls, dtype: str) -> Iterator[Call]:
    """Make the calls once."""
    return calls(Arrays(dtype, BYTES["L2"]))
