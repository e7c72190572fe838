"""Convolution against its definition and its twin: exact sums, the order of rounded ones, every form."""

from itertools import product

import numpy as np
import pytest
from checks import ISAS, awkward, has_fma, same_bits

from ravine import _core
from ravine.reference import conv2d, conv2d_dweight, conv2d_dx, convolution_order, lanes_to_rows, rows_to_lanes

NONE = ((0, 0), (0, 0))


def case(size, kernel, channels, filters, *, images=2, **settings):
    """One convolution: shapes of x and w, and the settings that are not Keras' defaults."""
    groups = settings.get("groups", 1)
    return (images, *size, channels), (*kernel, channels // groups, filters), settings


def table():
    """Kernel x stride x padding x dilation x groups, over sizes up to 19."""
    cases = []
    settings = product([1, 2, 3], [1, 2], [NONE, ((1, 1), (1, 1)), ((0, 1), (2, 3)), ((4, 0), (0, 5))], [1, 2])
    sizes, kernels = [(7, 19), (12, 5), (19, 8), (6, 6)], [(1, 1), (3, 3), (2, 5), (5, 2), (4, 1)]
    channels = [(2, 2), (4, 6), (6, 16), (2, 34)]
    for i, (stride, dilation, padding, groups) in enumerate(settings):
        size, kernel, (c, f) = sizes[i % 4], kernels[i % 5], channels[(i // 2) % 4]
        if kernel[0] * dilation > size[0] or kernel[1] * dilation > size[1]:
            kernel = (3, 2)
        strides = (stride, stride) if i % 3 else (stride, 3 - stride if stride < 3 else 1)
        cases.append(
            case(size, kernel, c, f, strides=strides, dilation=(dilation, dilation), padding=padding, groups=groups)
        )
    return [
        *cases,
        case((1, 1), (1, 1), 1, 1),
        case((8, 8), (8, 8), 3, 5),
        case((12, 12), (5, 5), 6, 16),
        case((5, 5), (3, 3), 40, 33, padding=((1, 1), (1, 1))),
        case((1, 700), (1, 3), 2, 3, padding=((0, 0), (1, 1))),
        case((2, 300), (1, 5), 1, 2, images=1, strides=(1, 2)),
        case((40, 13), (3, 3), 1, 7, images=1),
        case((9, 9), (2, 2), 3, 4, strides=(4, 3)),
        case((9, 9), (3, 3), 3, 4, strides=(2, 4), dilation=(3, 2)),
        case((9, 9), (3, 3), 4, 8, strides=(3, 2), dilation=(2, 2), groups=4),
        case((3, 3), (2, 2), 1, 1, images=0),
        case((2, 2), (3, 3), 2, 3, padding=((5, 3), (4, 6))),
    ]


def depthwise():
    """As many groups as channels, with one filter a channel and with more."""
    rows = product([1, 2, 3], [1, 2], [NONE, ((1, 2), (0, 1))], [(1, 1), (5, 5), (3, 9), (33, 33), (17, 51)])
    return [
        case((9, 19), (3, 3 + c % 2), c, f, strides=(s, s), dilation=(d, d), padding=padding, groups=c)
        for s, d, padding, (c, f) in rows
    ] + [case((18, 19), (17, 18), 2, 4, groups=2, padding=((1, 1), (1, 1)))]


def forms(x_shape, w_shape, settings):
    """The forms that take a convolution."""
    groups = settings.get("groups", 1)
    plain = groups == 1 and settings.get("strides", (1, 1)) == settings.get("dilation", (1, 1)) == (1, 1)
    return ["rows", *(["lanes"] if plain else []), *(["depthwise"] if groups == x_shape[3] else [])]


CASES = [*table(), *depthwise()]


def in_lanes(x):
    """Images as form "lanes" takes them."""
    flat = rows_to_lanes(x.reshape(len(x), int(np.prod(x.shape[1:]))))
    return flat.reshape(len(flat), *x.shape[1:], 16)


def from_lanes(y, images):
    """Images as the other forms take them."""
    return lanes_to_rows(y.reshape(len(y), int(np.prod(y.shape[1:4])), 16), images).reshape(images, *y.shape[1:4])


def run(kernels, form, what, image, other, *arguments, **settings):
    """A kernel of any form on rows of images; its first argument (and the gradient's second) are images."""
    images = len(image)
    if form == "lanes":
        settings = {k: in_lanes(v) if k == "gate" else v for k, v in settings.items()}
        image, other = in_lanes(image), in_lanes(other) if what == "conv2d_dweight" else other
    result = getattr(kernels, what)(image, other, *arguments, form=form, **settings)
    return from_lanes(result, images) if form == "lanes" and what != "conv2d_dweight" else result


def defined(x, w, strides=(1, 1), padding=NONE, dilation=(1, 1), groups=1):
    """The definition, in loops, and for each output what it read: (image, i, j, f, pixel, tap, channel)."""
    (top, bottom), (left, right) = padding
    height = (x.shape[1] + top + bottom - (w.shape[0] - 1) * dilation[0] - 1) // strides[0] + 1
    width = (x.shape[2] + left + right - (w.shape[1] - 1) * dilation[1] - 1) // strides[1] + 1
    y = np.zeros((len(x), height, width, w.shape[3]))
    terms = []
    for i, j, f, u, v, c in product(*map(range, (height, width, w.shape[3], *w.shape[:3]))):
        row, col = i * strides[0] + u * dilation[0] - top, j * strides[1] + v * dilation[1] - left
        if 0 <= row < x.shape[1] and 0 <= col < x.shape[2]:
            channel = f // (w.shape[3] // groups) * w.shape[2] + c
            y[:, i, j, f] += x[:, row, col, channel] * w[u, v, c, f]
            terms.append((i, j, f, row, col, channel, u, v, c))
    return y, terms


@pytest.mark.parametrize(
    "shapes",
    [
        case((5, 4), (3, 2), 4, 6, images=1, groups=2, strides=(2, 1), padding=((1, 2), (0, 1)), dilation=(1, 2)),
        case((4, 6), (2, 3), 2, 3, strides=(1, 2), padding=((0, 0), (1, 1))),
        case((3, 3), (2, 2), 3, 6, groups=3, dilation=(2, 1)),
    ],
)
def test_twins_are_the_definition(shapes, rng):
    x_shape, w_shape, settings = shapes
    x, w = (rng.integers(-4, 5, size=s).astype(float) for s in (x_shape, w_shape))
    y, terms = defined(x, w, **settings)
    assert np.array_equal(conv2d(x, w, **settings), y)
    dy = rng.integers(-4, 5, size=y.shape).astype(float)
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    for i, j, f, row, col, channel, u, v, c in terms:
        dx[:, row, col, channel] += dy[:, i, j, f] * w[u, v, c, f]
        dw[u, v, c, f] += dy[:, i, j, f] @ x[:, row, col, channel]
    assert np.array_equal(conv2d_dx(dy, w, x_shape[1:3], **settings), dx)
    got, bias = conv2d_dweight(x, dy, w_shape[:2], **settings)
    assert np.array_equal(got, dw)
    assert np.array_equal(bias, dy.sum((0, 1, 2)))


def test_integers_are_exact(kernels, dtype, rng):
    for x_shape, w_shape, settings in CASES:
        x, w = (rng.integers(-4, 5, size=s).astype(dtype) for s in (x_shape, w_shape))
        bias = rng.integers(-9, 9, size=w_shape[3]).astype(dtype)
        y = conv2d(x, w, bias=bias, **settings)
        dy = rng.integers(-4, 5, size=y.shape).astype(dtype)
        gate = rng.integers(-1, 2, size=x_shape).astype(dtype)
        dx = conv2d_dx(dy, w, x_shape[1:3], **settings)
        dw, dbias = conv2d_dweight(x, dy, w_shape[:2], **settings)
        for form in forms(x_shape, w_shape, settings):
            where = (form, x_shape, w_shape, settings)
            assert np.array_equal(run(kernels, form, "conv2d", x, w, bias=bias, **settings), y), where
            got = run(kernels, form, "conv2d", x, w, bias=bias, finish="relu", **settings)
            assert np.array_equal(got, np.maximum(y, 0)), where
            got = run(kernels, form, "conv2d_dx", dy, w, x_shape[1:3], **settings)
            assert np.array_equal(got, dx), where
            got = run(kernels, form, "conv2d_dx", dy, w, x_shape[1:3], gate=gate, **settings)
            assert np.array_equal(got, np.where(gate > 0, dx, 0)), where
            got = run(kernels, form, "conv2d_dweight", x, dy, w_shape[:2], **settings)
            assert np.array_equal(got[0], dw), where
            assert np.array_equal(got[1], dbias), where


def test_twins_take_images_in_lanes(dtype, rng):
    kernels, settings = _core.baseline, {"padding": ((1, 0), (0, 1)), "form": "lanes"}
    x, w = (rng.integers(-4, 5, size=s).astype(dtype) for s in ((32, 5, 6, 3), (2, 2, 3, 5)))
    x, out = in_lanes(x), np.empty((2, 5, 6, 5, 16), dtype)
    y = kernels.conv2d(x, w, finish="relu", **settings)
    assert conv2d(x, w, finish="relu", out=out, **settings) is out
    assert same_bits(y, out)
    gate = x[:, ::-1].copy()
    dx = kernels.conv2d_dx(y, w, (5, 6), gate=gate, **settings)
    assert same_bits(dx, conv2d_dx(y, w, (5, 6), gate=gate, **settings))
    for got, want in zip(
        kernels.conv2d_dweight(x, y, (2, 2), **settings), conv2d_dweight(x, y, (2, 2), **settings), strict=True
    ):
        assert same_bits(got, want)


ROUNDED = [
    case((9, 11), (3, 3), 5, 33, images=5, padding=((1, 1), (1, 1))),
    case((7, 9), (3, 3), 40, 7, images=3, padding=((1, 1), (1, 1))),
    case((8, 9), (3, 4), 6, 18, images=4, groups=3, strides=(2, 1), padding=((2, 1), (1, 1)), dilation=(1, 2)),
    case((21, 31), (2, 2), 2, 3, images=3),
    case((3, 300), (2, 3), 2, 5, images=1),
]


@pytest.mark.parametrize("shapes", ROUNDED)
def test_order_of_the_sums(shapes, isa, kernels, dtype, rng):
    x_shape, w_shape, settings = shapes
    x, w = (rng.normal(size=s).astype(dtype) for s in (x_shape, w_shape))
    want = convolution_order.conv2d_in_order(x, w, fused=has_fma(isa), **settings)
    dy = rng.normal(size=want.shape).astype(dtype)
    for form in forms(x_shape, w_shape, settings):
        assert same_bits(run(kernels, form, "conv2d", x, w, **settings), want)
    for batch_slice in (0, 1, 2):
        keywords = settings | {"batch_slice": batch_slice}
        want = convolution_order.conv2d_dweight_in_order(x, dy, w_shape[:2], fused=has_fma(isa), **keywords)
        got = kernels.conv2d_dweight(x, dy, w_shape[:2], **keywords)
        assert same_bits(got[0], want[0])
        assert same_bits(got[1], want[1])
    if settings.keys() <= {"padding", "groups"}:
        want = convolution_order.conv2d_dx_in_order(dy, w, x_shape[1:3], fused=has_fma(isa), **settings)
        for form in forms(x_shape, w_shape, settings):
            assert same_bits(run(kernels, form, "conv2d_dx", dy, w, x_shape[1:3], **settings), want)


@pytest.mark.parametrize(
    "shapes",
    [
        case((9, 11), (3, 3), 3, 7, images=20, padding=((1, 1), (1, 1))),
        case((6, 90), (2, 5), 2, 3, images=64),
        case((5, 5), (5, 5), 1, 13, images=33),
    ],
)
def test_order_of_the_sums_in_lanes(shapes, isa, kernels, dtype, rng):
    x_shape, w_shape, settings = shapes
    x, w = (rng.normal(size=s).astype(dtype) for s in (x_shape, w_shape))
    dy = rng.normal(size=conv2d(x, w, **settings).shape).astype(dtype)
    for batch_slice in (0, 1):
        keywords = settings | {"batch_slice": batch_slice}
        want = convolution_order.conv2d_dweight_in_lanes(
            in_lanes(x), in_lanes(dy), w_shape[:2], fused=has_fma(isa), **keywords
        )
        got = run(kernels, "lanes", "conv2d_dweight", x, dy, w_shape[:2], **keywords)
        assert same_bits(got[0], want[0])
        assert same_bits(got[1], want[1])


@pytest.mark.parametrize("shapes", depthwise()[::3])
def test_depthwise_has_the_bits_of_groups(shapes, kernels, dtype, rng):
    x_shape, w_shape, settings = shapes
    x, w = (rng.normal(size=s).astype(dtype) for s in (x_shape, w_shape))
    y = kernels.conv2d(x, w, **settings)
    assert same_bits(kernels.conv2d(x, w, form="depthwise", **settings), y)
    dy = rng.normal(size=y.shape).astype(dtype)
    dx = [kernels.conv2d_dx(dy, w, x_shape[1:3], form=form, **settings) for form in ("rows", "depthwise")]
    assert same_bits(*dx)
    dw = [kernels.conv2d_dweight(x, dy, w_shape[:2], form=form, **settings) for form in ("rows", "depthwise")]
    assert same_bits(dw[0][0], dw[1][0])
    assert same_bits(dw[0][1], dw[1][1])


def test_bits_are_the_same_on_every_set_with_fma(dtype, rng):
    sets = [getattr(_core, isa) for isa in ISAS if has_fma(isa)]
    for x_shape, w_shape, settings in CASES[::3]:
        x, w = (rng.normal(size=s).astype(dtype) for s in (x_shape, w_shape))
        dy = rng.normal(size=conv2d(x, w, **settings).shape).astype(dtype)
        for form in forms(x_shape, w_shape, settings):
            results = [
                [
                    run(kernels, form, "conv2d", x, w, **settings),
                    run(kernels, form, "conv2d_dx", dy, w, x_shape[1:3], **settings),
                    *run(kernels, form, "conv2d_dweight", x, dy, w_shape[:2], **settings),
                ]
                for kernels in sets
            ]
            assert all(same_bits(a, b) for other in results[1:] for a, b in zip(results[0], other, strict=True))


def test_awkward_memory(kernels, dtype, layout, rng):
    for x_shape, w_shape, settings in [CASES[5], ROUNDED[0], ROUNDED[1], depthwise()[3]]:
        x, w = (awkward(rng.integers(-4, 5, size=s).astype(dtype), layout) for s in (x_shape, w_shape))
        y = conv2d(x, w, **settings)
        out = awkward(np.empty(y.shape, dtype), layout)
        for form in forms(x_shape, w_shape, settings):
            if form != "lanes":
                assert kernels.conv2d(x, w, form=form, out=out, **settings) is out
                assert np.array_equal(out, y)
                dy = awkward(y, layout)
                got = kernels.conv2d_dx(dy, w, x_shape[1:3], form=form, **settings)
                assert np.array_equal(got, conv2d_dx(y, w, x_shape[1:3], **settings))
                got = kernels.conv2d_dweight(x, dy, w_shape[:2], form=form, **settings)
                assert np.array_equal(got[0], conv2d_dweight(x, y, w_shape[:2], **settings)[0])


@pytest.mark.parametrize("special", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("groups", [1, 4])
def test_nan_and_infinity_stay_where_they_are_read(special, groups, kernels, dtype):
    x, w = np.ones((2, 6, 7, 4), dtype), np.ones((3, 3, 4 // groups, 8), dtype)
    x[1, 2, 3, 1] = special
    for form in forms(x.shape, w.shape, {"groups": groups}):
        y = run(kernels, form, "conv2d", x, w, groups=groups)
        want = np.full((2, 4, 5, 8), 9 * 4 // groups, dtype)
        want[1, 0:3, 1:4, slice(2, 4) if groups == 4 else slice(None)] = special
        assert np.array_equal(y, want, equal_nan=True)
        relu = run(kernels, form, "conv2d", x, w, groups=groups, finish="relu")
        assert np.array_equal(relu, np.where(want < 0, 0, want), equal_nan=True)


def test_lanes(kernels, dtype, layout, rng):
    for rows, units in product([0, 1, 7, 15, 16, 17, 33], [0, 1, 5, 16, 19, 40]):
        x = rng.normal(size=(rows, units)).astype(dtype)
        y = kernels.rows_to_lanes(awkward(x, layout))
        assert same_bits(y, rows_to_lanes(x))
        assert same_bits(kernels.lanes_to_rows(awkward(y, layout), rows), x)


# ------------------------------------------------------------------------------------------------------------- refused

F4 = np.float32


def ones(*shape):
    """An array of ones."""
    return np.ones(shape, F4)


X, W = ones(2, 5, 6, 4), ones(3, 3, 4, 8)


@pytest.mark.parametrize(
    ("name", "arguments", "keywords", "error", "message"),
    [
        ("conv2d", [X[0], W], {}, ValueError, r"x must have 4 dimensions, got shape \(5, 6, 4\)"),
        ("conv2d", [X, W[0]], {}, ValueError, r"w must have 4 dimensions, got shape \(3, 4, 8\)"),
        ("conv2d", [X, W.astype(float)], {}, TypeError, "w must be float32 like x, got float64"),
        ("conv2d", [X, W[:, :, :3].copy()], {}, ValueError, r"\(5, 6, 4\) and a kernel \(3, 3, 3, 8\) do not fit in 1"),
        ("conv2d", [X, W], {"groups": 2}, ValueError, "do not fit in 2 groups"),
        ("conv2d", [X, W], {"groups": 0}, ValueError, "groups must be at least 1, got 0"),
        (
            "conv2d",
            [X, W],
            {"strides": (0, 1)},
            ValueError,
            r"strides must be two integers of at least 1, got \(0, 1\)",
        ),
        ("conv2d", [X, W], {"strides": 2}, ValueError, "strides must be two integers of at least 1, got 2"),
        (
            "conv2d",
            [X, W],
            {"dilation": (1, 1.5)},
            ValueError,
            r"dilation must be two integers of at least 1, got \(1, 1.5\)",
        ),
        ("conv2d", [X, W], {"padding": (1, 1)}, ValueError, "padding must be two integers of at least 0, got 1"),
        ("conv2d", [X, W], {"padding": 1}, TypeError, r"padding must be \(\(top, bottom\), \(left, right\)\), got 1"),
        ("conv2d", [X, ones(6, 3, 4, 8)], {}, ValueError, r"kernel \(6, 3\) exceeds padded input \(5, 6\)"),
        ("conv2d", [X, W], {"dilation": (1, 3)}, ValueError, r"kernel \(3, 7\) exceeds padded input \(5, 6\)"),
        ("conv2d", [ones(2, 5, 0, 4), W], {}, ValueError, "every size must be at least 1"),
        ("conv2d", [X, W], {"bias": ones(4)}, ValueError, r"bias must have shape \(8,\)"),
        ("conv2d", [X, W], {"finish": "mask"}, ValueError, "finish must be 'none' or 'relu', got 'mask'"),
        ("conv2d", [X, W], {"form": "fft"}, ValueError, "form must be one of 'rows', 'lanes', 'depthwise', got 'fft'"),
        ("conv2d", [X, W], {"form": "depthwise"}, ValueError, "'depthwise' does not take this convolution"),
        ("conv2d", [ones(1, 5, 6, 4, 8), W], {"form": "lanes"}, ValueError, "x must have a last axis of 16"),
        ("conv2d", [X, W], {"out": ones(2, 3, 4, 7)}, ValueError, r"out must have shape \(2, 3, 4, 8\)"),
        ("conv2d_dx", [ones(2, 3, 3, 8), W, (5, 6)], {}, ValueError, r"dy must have shape \(2, 3, 4, 8\)"),
        ("conv2d_dx", [ones(2, 3, 4, 8), W, (0, 6)], {}, ValueError, "size must be two integers of at least 1"),
        ("conv2d_dx", [ones(2, 3, 4, 8), W, (5, 6)], {"gate": X[:1]}, ValueError, "gate must have shape"),
        ("conv2d_dweight", [X, ones(2, 3, 4, 8), (3, 2)], {}, ValueError, r"dy must have shape \(2, 3, 5, 8\)"),
        ("conv2d_dweight", [ones(17, 1, 1, 1), ones(17, 1, 1, 1), (1, 1)], {"batch_slice": 1}, ValueError, "than 16"),
        ("lanes_to_rows", [ones(1, 3, 16), 17], {}, ValueError, r"y must have shape \(2, 3, 16\) to match 17 rows"),
        ("rows_to_lanes", [X], {}, ValueError, "x must have 2 dimensions"),
    ],
)
def test_what_does_not_fit_is_refused(name, arguments, keywords, error, message):
    with pytest.raises(error, match=message):
        getattr(_core.baseline, name)(*arguments, **keywords)
