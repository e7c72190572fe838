"""One call of every raw kernel, at sizes with every tail; a new kernel is one line.

As a script, in a process that has guard_pages.c preloaded, it makes all of them between guard pages, naming each before
it begins.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np

import guard_pages
from ravine import _core

SIZES = [*range(68), 127, 257, 1031]
ISAS = [name for name in ("baseline", "avx2", "avx512") if hasattr(_core, name)]
NAMES = _core.baseline.names


NUMBERS = {dtype: ((np.arange(100_000) % 7 + 0.5) / 8).astype(dtype) for dtype in (np.float32, np.float64)}


class Arguments:
    """Arrays of one dtype around a size."""

    def __init__(self, size: int, dtype: type[Any]) -> None:
        self.size, self.dtype = size, dtype

    def x(self, *shape: int) -> Any:
        """Numbers in (0, 1); without a shape as many as the size says."""
        return NUMBERS[self.dtype][: math.prod(shape) if shape else self.size].copy().reshape(shape or -1)

    def moments(self) -> tuple[Any, Any]:
        """Means and variances of as many columns."""
        return (np.full(self.size, 0.5), np.full(self.size, 0.25))

    def ids(self, *shape: int) -> Any:
        """Numbers of four rows."""
        return (np.arange(math.prod(shape)) % 4).astype(self.dtype).reshape(shape)

    def csr(self, columns: int | None = None) -> tuple[Any, Any, Any]:
        """Three rows, of which the first has all columns, the second none and the third the last one."""
        n = columns or self.size
        column = np.append(np.arange(n), n - 1).astype(np.int32)
        return self.x(n + 1), column, np.array([0, n, n, n + 1], np.int64)

    def labels(self, rows: int) -> Any:
        """Classes below the size."""
        return (np.arange(rows) % max(self.size, 1)).astype(np.int32)


def rows_of(kernel: Any, a: Arguments) -> None:
    """A loss or a metric: rows of every length, and any number of short rows."""
    for rows, cols in ((3, a.size), (a.size, 2), (a.size, 1)):
        if cols:
            kernel(a.x(rows, cols), a.x(rows, cols))


def labelled(kernel: Any, a: Arguments) -> None:
    """One that takes classes too, and one whose outputs are weighed."""
    rows_of(kernel, a)
    if a.size:
        kernel(a.x(3, a.size), a.labels(3))


def products(kernel: Any, a: Arguments) -> None:
    """A size in each of the three places."""
    for m, k, n in ((a.size, 3, 2), (5, a.size, 3), (3, 2, a.size)):
        for options, left, right in (({}, (m, k), (k, n)), ({"transpose_a": True}, (k, m), (k, n)),
                                     ({"transpose_b": True}, (m, k), (n, k)),
                                     ({"transpose_a": True, "batch_slice": 16}, (k, m), (k, n))):  # fmt: skip
            x, y = a.x(*left), a.x(*right)
            kernel(x, y, bias=a.x(n), finish="mask", gate=a.x(m, n), **options)
            if "batch_slice" not in options:
                kernel(x, y, accumulate=True, out=a.x(m, n), **options)


def update(slots: int) -> Callable[[Any, Arguments], None]:
    """Two steps of a rule."""

    def steps(kernel: Any, a: Arguments) -> None:
        w, state = a.x(), np.zeros((slots, a.size), a.dtype)
        for _ in range(2):
            kernel(w, state, a.x(), momentum=0.9, weight_decay=0.1)

    return steps


def weighted(kernel: Any, a: Arguments) -> None:
    """A loss: with weights too."""
    (labelled if kernel.__name__.startswith("categorical") else rows_of)(kernel, a)
    if a.size:
        kernel(a.x(a.size, 3), a.x(a.size, 3), weight=a.x())


def images(a: Arguments, channels: int | None = None) -> Any:
    """Two images of 5 x 4 pixels, with as many channels as the size says."""
    return a.x(2, 5, 4, a.size if channels is None else channels)


POOL = {"pool_size": (3, 2), "strides": (2, 1), "padding": "same"}
BORDER = {"padding": ((1, 0), (2, 1))}


def small(call: Callable[[Any, Arguments], Any]) -> Callable[[Any, Arguments], None]:
    """What takes channels, which there are, and not too many."""

    def chosen(kernel: Any, a: Arguments) -> None:
        if 0 < a.size < 128:
            call(kernel, a)

    return chosen


def convolutions(call: Callable[..., Any]) -> Callable[[Any, Arguments], None]:
    """call(kernel, x, w, y, options) for a size as channels, as filters, in groups and in lanes."""

    def forms(kernel: Any, a: Arguments) -> None:
        n = a.size
        call(kernel, images(a), a.x(3, 2, n, 3), a.x(2, 3, 3, 3), {})
        call(kernel, images(a, 3), a.x(3, 2, 3, n), a.x(2, 3, 3, n), {})
        call(kernel, images(a), a.x(3, 2, 1, n), a.x(2, 3, 3, n), {"form": "depthwise", "groups": n})
        x, w, y = a.x(2, 5, 4, n, 16), a.x(3, 2, n, 3), a.x(2, 3, 3, 3, 16)
        call(kernel, x, w, y, {"form": "lanes"})

    return small(forms)


def windows(call: Callable[..., Any]) -> Callable[[Any, Arguments], None]:
    """call(kernel, arguments, size, where) for a window inside the image, turned, and one that reaches out of it."""

    def both(kernel: Any, a: Arguments) -> None:
        call(kernel, a, (4, 3), {"tops": 2, "lefts": 2, "flip_horizontal": True, "flip_vertical": True})
        for border in ("constant", "nearest", "reflect", "wrap"):
            call(kernel, a, (7, 6), {"top": -1, "left": -1, "border": border})

    return small(both)


CALLS: dict[str, Callable[[Any, Arguments], Any]] = {
    **{name: lambda k, a: k(a.x(), out=a.x()) for name in NAMES["elementary"]},
    **{name: lambda k, a: (k(a.x(), out=a.x()), k(a.x(3, a.size))) for name in NAMES["activations"]},
    **{f"{name}_backward": lambda k, a: (k(a.x(), a.x(), out=a.x()), k(a.x(3, a.size), a.x(3, a.size)))
       for name in NAMES["activations"] if name != "step"},
    **{name: weighted for name in NAMES["losses"]},
    **{f"metric_{name}": labelled for name in NAMES["metrics"]},
    **{name: update(slots) for name, slots in NAMES["updates"].items()},
    "matmul": products,
    "add": lambda k, a: k(a.x(), a.x(), out=a.x()),
    "add_penalty_gradient": lambda k, a: k(a.x(), a.x(), l1=0.1, l2=0.1),
    "add_scaled": lambda k, a: k(a.x(), a.x(), 0.3),
    "all_finite": lambda k, a: k(a.x()),
    "lerp": lambda k, a: k(a.x(), a.x(), 0.3),
    "average_pool": small(lambda k, a: k(images(a), **POOL)),
    "average_pool_backward": small(lambda k, a: k(a.x(2, 3, 4, a.size), size=(5, 4), **POOL)),
    "batch_moments": small(lambda k, a: (k(a.x(20, a.size)), k(a.x(a.size, 3), weight=a.x()))),
    "batch_norm": small(lambda k, a: k(a.x(9, a.size), *a.moments(), a.x(), a.x(), out=a.x(9, a.size))),
    "batch_norm_backward": small(lambda k, a: k(a.x(9, a.size), a.x(9, a.size), *a.moments(), a.x(), weight=a.x(9))),
    "flush_subnormals": lambda k, a: k(a.x(), a.x()),
    "clip": lambda k, a: k(a.x(), 0.3, out=a.x()),
    "conv2d": convolutions(lambda k, x, w, y, o: k(x, w, bias=w[0, 0, 0].copy(), out=y, **o)),
    "conv2d_dweight": convolutions(lambda k, x, w, y, o: k(x, y, w.shape[:2], **o)),
    "conv2d_dx": convolutions(lambda k, x, w, y, o: k(y, w, (5, 4), gate=x, **o)),
    "column_sums": lambda k, a: (k(a.x(20, a.size)), k(a.x(20, a.size), batch_slice=8), k(a.x(a.size, 3))),
    "csr_gradient": small(
        lambda k, a: (k(*a.csr(), a.x(3, 5), a.size, batch_slice=2), k(*a.csr(5), a.x(3, a.size), 5))
    ),
    "csr_matmul": small(lambda k, a: (k(*a.csr(), a.x(a.size, 5), bias=a.x(5)), k(*a.csr(5), a.x(5, a.size)))),
    "csr_sum_squares": small(lambda k, a: k(a.x(), a.csr()[1][: a.size].copy())),
    "dot": lambda k, a: k(a.x(), a.x()),
    "dropout": lambda k, a: k(a.x(), rate=0.3, seed=1, first=3, out=a.x()),
    "embedding": small(lambda k, a: (k(a.ids(7), a.x(4, a.size)), k(a.ids(a.size), a.x(4, 3)))),
    "embedding_gradient": small(
        lambda k, a: (k(a.ids(7), a.x(7, a.size), 4), k(a.ids(a.size), a.x(a.size, 3), 4))
    ),
    "gaussian_noise": lambda k, a: k(a.x(), stddev=0.3, seed=1, first=3, out=a.x()),
    "image_window": windows(lambda k, a, size, place: k(images(a), size, seed=1, **place)),
    "image_window_backward": windows(lambda k, a, size, place: k(a.x(2, *size, a.size), (5, 4), seed=1, **place)),
    "lanes_to_rows": lambda k, a: k(a.x(2, a.size, 16), 19),
    "layer_norm": small(lambda k, a: k(a.x(5, a.size), a.x(), a.x(), out=a.x(5, a.size))),
    "layer_norm_backward": small(lambda k, a: k(a.x(5, a.size), a.x(5, a.size), a.x())),
    "limit_columns": lambda k, a: (k(a.x(5, a.size), 0.5), k(a.x(a.size, 5), 0.5)),
    "max_pool": small(lambda k, a: k(images(a), **POOL)),
    "max_pool_backward": small(lambda k, a: k(a.x(2, 3, 4, a.size), a.x(2, 3, 4, a.size), images(a), **POOL)),
    "max_pool_index": small(lambda k, a: k(images(a), **POOL)),
    "max_pool_index_backward": small(
        lambda k, a: k(a.x(2, 3, 4, a.size), *[np.round(a.x(2, 3, 4, a.size))] * 2, size=(5, 4), **POOL)
    ),
    "pow": lambda k, a: k(a.x(), a.x(), out=a.x()),
    "random_bits": lambda k, a: k(a.size, first=3, seed=1),
    "random_normal": lambda k, a: k(a.x(), seed=1),
    "random_uniform": lambda k, a: k(a.x(), seed=1),
    "rotate": lambda k, a: k(a.x(), a.x(), 0.6, 0.8),
    "rows_to_lanes": lambda k, a: k(a.x(19, a.size)),
    "scale": lambda k, a: k(a.x(), 0.3, out=a.x()),
    "sincospi": lambda k, a: k(a.x()),
    "soft_threshold": lambda k, a: k(a.x(), 0.3, out=a.x()),
    "spatial_dropout": small(lambda k, a: k(images(a), rate=0.3, seed=1)),
    "squared_norm": lambda k, a: k(a.x()),
    "standardize": small(lambda k, a: k(a.x(5, a.size), a.x(), a.x(), out=a.x(5, a.size))),
    "standardize_backward": small(lambda k, a: k(a.x(5, a.size), a.x(), out=a.x(5, a.size))),
    "sum_abs": lambda k, a: k(a.x()),
    "sum_squares": lambda k, a: k(a.x()),
    "upsample": small(lambda k, a: k(images(a), size=(2, 3))),
    "upsample_backward": small(lambda k, a: k(a.x(2, 4, 6, a.size), size=(2, 3))),
    "zero_pad": small(lambda k, a: k(images(a), **BORDER)),
    "zero_pad_backward": small(lambda k, a: k(images(a), **BORDER)),
}  # fmt: skip


def main() -> None:
    """Call all, between guard pages."""
    guard_pages.guard_numpy()
    calls = 0
    for name, isa, dtype in product(CALLS, ISAS, NUMBERS):
        print(name, isa, dtype.__name__, flush=True)
        for size in SIZES:
            CALLS[name](getattr(getattr(_core, isa), name), Arguments(size, dtype))
            calls += 1
    print("guarded", calls, guard_pages.blocks())


if __name__ == "__main__":
    sys.exit(main())
