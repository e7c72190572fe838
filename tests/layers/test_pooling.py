"""Pooling and shaping layers: what they compute, their gradients, bits, files, and the rows that they refuse."""

from __future__ import annotations

import numpy as np
import pytest

import ravine as rv
from ravine import _core, reference
from ravine.layers import (
    Activation,
    AveragePool2D,
    Dense,
    Flatten,
    GlobalAveragePool2D,
    GlobalMaxPool2D,
    Input,
    MaxPool2D,
    Reshape,
    Residual,
    SpatialDropout,
    UpSampling2D,
    ZeroPadding2D,
)

IMAGES = np.random.default_rng(0).normal(size=(40, 5, 6, 3))
Y = np.random.default_rng(1).normal(size=(40, 2))


def built(*layers, shape=(5, 6, 3), dtype="float64", **options):
    return rv.Sequential([Input(shape), *layers], dtype=dtype, random_state=0, **options)


def windows(x, reduce, down, across):
    """What `reduce` makes of each window, given as slices."""
    return np.stack([np.stack([reduce(x[:, i, j], axis=(1, 2)) for j in across], 1) for i in down], 1)


TWO_BY_TWO = ([slice(0, 2), slice(2, 4)], [slice(0, 2), slice(2, 4), slice(4, 6)])
SAME = ([slice(0, 2), slice(1, 4), slice(3, 5)], [slice(0, 3), slice(2, 5), slice(4, 6)])
STEPS = ([slice(0, 5)], [slice(0, 2), slice(4, 6)])
EQUATIONS = {
    "max": (lambda: MaxPool2D(), lambda x: windows(x, np.max, *TWO_BY_TWO)),
    "max-same": (lambda: MaxPool2D(3, 2, "same"), lambda x: windows(x, np.max, *SAME)),
    "average": (lambda: AveragePool2D(2), lambda x: windows(x, np.mean, *TWO_BY_TWO)),
    "average-same": (lambda: AveragePool2D((3, 3), (2, 2), "same"), lambda x: windows(x, np.mean, *SAME)),
    "average-steps": (lambda: AveragePool2D((5, 2), (1, 4)), lambda x: windows(x, np.mean, *STEPS)),
    "global-max": (lambda: GlobalMaxPool2D(), lambda x: x.max(axis=(1, 2))),
    "global-average": (lambda: GlobalAveragePool2D(), lambda x: x.mean(axis=(1, 2))),
    "zeros": (lambda: ZeroPadding2D(((1, 0), (2, 3))), lambda x: np.pad(x, ((0, 0), (1, 0), (2, 3), (0, 0)))),
    "zeros-all-around": (lambda: ZeroPadding2D(2), lambda x: np.pad(x, ((0, 0), (2, 2), (2, 2), (0, 0)))),
    "upsampling": (lambda: UpSampling2D((2, 3)), lambda x: x.repeat(2, axis=1).repeat(3, axis=2)),
    "reshape": (lambda: Reshape((-1, 9)), lambda x: x.reshape(40, 10, 9)),
    "dropout-off": (lambda: SpatialDropout(0.4), lambda x: x),
}  # fmt: skip


@pytest.mark.parametrize("name", EQUATIONS)
def test_equations(name):
    layer, equation = EQUATIONS[name]
    model, want = built(layer(), Activation("linear")), equation(IMAGES)
    assert model.output_shape == want.shape[1:]
    np.testing.assert_allclose(model.predict(IMAGES), want, rtol=1e-13, atol=1e-14)


NETWORKS = {
    "max": lambda: [Dense(90, "tanh"), Reshape((5, 6, 3)), MaxPool2D(2), Flatten()],
    "max-of-relu": lambda: [Dense(90, "relu"), Reshape((5, 6, 3)), MaxPool2D((2, 3)), Flatten()],
    "max-that-overlaps": lambda: [Dense(90, "relu"), Reshape((5, 6, 3)), MaxPool2D(3, 1, "same"), Flatten()],
    "average": lambda: [Dense(90, "elu"), Reshape((5, 6, 3)), AveragePool2D((2, 3), (2, 2), "same"), Flatten()],
    "average-of-relu": lambda: [Dense(90, "relu"), Reshape((5, 6, 3)), AveragePool2D(2), Flatten()],
    "global": lambda: [Dense(90, "sigmoid"), Reshape((5, 6, 3)), GlobalAveragePool2D()],
    "global-max": lambda: [Dense(90, "gelu"), Reshape((5, 6, 3)), GlobalMaxPool2D()],
    "zeros-and-up": lambda: [Dense(24, "relu"), Reshape((4, 3, 2)), ZeroPadding2D((1, 2)), UpSampling2D(2), Flatten()],
    "up-and-down": lambda: [Dense(24, "tanh"), Reshape((4, 3, 2)), UpSampling2D(3), AveragePool2D(2, 1), Flatten()],
    "inside": lambda: [Dense(36, "relu"), Reshape((3, 4, 3)), Residual([MaxPool2D(3, 1, "same")]), Flatten()],
    "first": lambda: [Reshape((5, 6, 3)), MaxPool2D(2), Flatten()],
}
RANDOM = {
    "spatial-dropout": lambda: [Dense(60, "relu"), Reshape((4, 3, 5)), SpatialDropout(0.4), MaxPool2D(2), Flatten()],
    "spatial-dropout-of-sequences": lambda: [Dense(24, "tanh"), Reshape((4, 6)), SpatialDropout(0.3), Flatten()],
}
FLAT = IMAGES.reshape(40, -1)


@pytest.mark.parametrize("name", NETWORKS)
def test_gradients(name):
    model = built(*NETWORKS[name](), Dense(2), shape=90)
    model.compile(optimizer="adam", loss="mse")
    assert rv.check_gradients(model, FLAT, Y)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", [*NETWORKS, *RANDOM])
def test_training_has_the_same_bits_with_any_number_of_threads_and_after_a_file(name, dtype, tmp_path):
    def fitted(threads, epochs=4):
        model = built(*{**NETWORKS, **RANDOM}[name](), Dense(2), shape=90, dtype=dtype)
        model.compile(optimizer="adam", loss="mse")
        model.fit(FLAT, Y, epochs=epochs, batch_size=16, n_threads=threads)
        return model

    first = fitted(1)
    for threads in (2, 3, 8):
        assert all(np.array_equal(w, fitted(threads).parameters[key]) for key, w in first.parameters.items())
    half = fitted(2, epochs=2)
    half.save(tmp_path / "half.ravine")
    loaded = rv.load(tmp_path / "half.ravine")
    assert repr(loaded.layers) == repr(half.layers)
    loaded.fit(FLAT, Y, epochs=2, batch_size=16)
    assert all(np.array_equal(w, loaded.parameters[key]) for key, w in first.parameters.items())


def test_large_images_are_cut_for_the_team_without_a_change_of_bits():
    def fitted(threads):
        layers = [MaxPool2D(3, 2, "same"), AveragePool2D(2), SpatialDropout(0.2), Flatten(), Dense(600), Dense(1)]
        model = built(*layers, shape=(40, 40, 6), dtype="float32")
        model.compile(optimizer="sgd", loss="mse")
        X = np.random.default_rng(2).normal(size=(70, 40, 40, 6)).astype(np.float32)
        model.fit(X, X[:, 0, 0, 0], epochs=2, batch_size=64, n_threads=threads)
        return model.parameters

    first = fitted(1)
    for threads in (2, 3, 8):
        assert all(np.array_equal(w, first[name]) for name, w in fitted(threads).items())


def test_spatial_dropout_drops_channels_of_rows_by_seed_layer_step_and_place():
    """At y = 0 and a target of -1/2 the gradient by x, which the bias takes, is the mask itself."""
    model = built(Dense(24), Reshape((2, 3, 4)), SpatialDropout(0.5), Flatten(), shape=24)
    model.compile(optimizer="sgd", loss="sum_squared_error")
    model.parameters["dense/kernel"][...] = np.eye(24)
    before = model.parameters["dense/bias"].copy()
    model.train_on_batch(np.zeros((8, 24)), np.full((8, 24), -0.5))
    moved = (model.parameters["dense/bias"] - before).reshape(2, 3, 4)
    mask = reference.spatial_dropout(np.ones((8, 2, 3, 4)), rate=0.5, seed=0, stream=(2 << 24) | 1, step=0)
    np.testing.assert_allclose(moved, -0.01 * mask.mean(axis=0), rtol=1e-12)
    assert 0 < (mask == 0).mean() < 1


def test_summary_shows_the_shapes(capsys):
    model = built(MaxPool2D(2), ZeroPadding2D(1), UpSampling2D(2), SpatialDropout(0.25), GlobalMaxPool2D(), Dense(2))
    text = str(model.summary() or capsys.readouterr().out)
    for part in (
        "max_pool2d",
        "MaxPool2D((2, 2))",
        "(2, 3, 3)",
        "(4, 5, 3)",
        "(8, 10, 3)",
        "SpatialDropout(0.25)",
        "(3,)",
    ):
        assert part in text


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: MaxPool2D(0), ValueError, "pool_size must be an int >= 1 or two of them, got 0"),
        (lambda: MaxPool2D(2.0), ValueError, "pool_size must be an int >= 1 or two of them, got 2.0"),
        (lambda: MaxPool2D(True), ValueError, "pool_size must be an int >= 1 or two of them, got True"),
        (lambda: MaxPool2D((2, 2, 2)), ValueError, r"pool_size must be .* got \(2, 2, 2\)"),
        (lambda: MaxPool2D("2"), ValueError, "pool_size must be .* got '2'"),
        (lambda: MaxPool2D((2, 0)), ValueError, r"pool_size must be .* got \(2, 0\)"),
        (lambda: AveragePool2D(2, strides=(1, -1)), ValueError, r"strides must be .* got \(1, -1\)"),
        (lambda: AveragePool2D(2, padding="full"), ValueError, "unknown padding 'full'; choose from 'same', 'valid'"),
        (lambda: AveragePool2D(2, padding=0), ValueError, "unknown padding 0"),
        (lambda: ZeroPadding2D(-1), ValueError, "padding must be an int >= 0 or two of them, got -1"),
        (lambda: ZeroPadding2D((1, 2, 3)), ValueError, r"padding must be .* two pairs of them, got \(1, 2, 3\)"),
        (lambda: ZeroPadding2D(((1, 2), (3, None))), ValueError, r"padding must be .* got \(3, None\)"),
        (lambda: UpSampling2D(0), ValueError, "size must be an int >= 1 or two of them, got 0"),
        (lambda: Reshape(()), ValueError, "shape must be an int >= 1 or a tuple of them, one of which may be -1, got"),
        (lambda: Reshape((-1, -1)), ValueError, r"shape must be .* got \(-1, -1\)"),
        (lambda: Reshape((2, 0)), ValueError, r"shape must be .* got \(2, 0\)"),
        (lambda: Reshape(2.0), ValueError, "shape must be .* got 2.0"),
        (lambda: SpatialDropout(1.0), ValueError, r"rate must be a number in \[0.0, 1.0\), got 1.0"),
        (
            lambda: built(MaxPool2D(7)),
            ValueError,
            r"layer 0 \(max_pool2d\): pool_size \(7, 7\) exceeds input \(5, 6\) .*, rows of shape \(5, 6, 3\)",
        ),
        (lambda: built(MaxPool2D(2), shape=90), ValueError, r"MaxPool2D takes images, .* got rows of shape \(90,\)"),
        (lambda: built(GlobalMaxPool2D(), shape=(5, 6)), ValueError, r"GlobalMaxPool2D takes images, .* \(5, 6\)"),
        (lambda: built(ZeroPadding2D(), shape=(2, 3)), ValueError, r"ZeroPadding2D takes images, .* \(2, 3\)"),
        (
            lambda: built(UpSampling2D(), shape=(2, 3, 4, 5)),
            ValueError,
            r"UpSampling2D takes images.* \(2, 3, 4, 5\)",
        ),
        (lambda: built(Reshape((4, 4))), ValueError, r"Reshape cannot make \(4, 4\) of rows of shape \(5, 6, 3\)"),
        (lambda: built(Reshape((4, -1))), ValueError, r"Reshape cannot make \(4, -1\) of rows of shape \(5, 6, 3\)"),
        (
            lambda: built(SpatialDropout(), shape=4),
            ValueError,
            r"SpatialDropout takes rows .* of shape \(4,\)",
        ),
        (
            lambda: built(MaxPool2D(2), Dense(1)),
            ValueError,
            r"layer 1 \(dense\): Dense takes flat.* \(2, 3, 3\)",
        ),
        (lambda: built(ZeroPadding2D(2**41)), ValueError, "padding of zero_padding2d"),
        (lambda: built(UpSampling2D(2**30)), ValueError, "size of up_sampling2d"),
    ],
)
def test_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()


ONES = {"strides": (1, 1), "same": (0,)}


@pytest.mark.parametrize(
    ("kind", "settings", "shape", "message"),
    [
        (
            "max_pool",
            {"pool_size": (2, 2), **ONES},
            (4, 4, 2),
            "is not that of rows of 30 numbers",
        ),
        (
            "max_pool",
            {"pool_size": (2, 2), **ONES},
            (5, 6),
            "must be 3 sizes of at least 1, got 2",
        ),
        (
            "max_pool",
            {"pool_size": (2, 0), **ONES},
            (5, 6, 1),
            "pool_size of p must be at least 1",
        ),
        ("average_pool", {"pool_size": (2, 2), "same": (0,)}, (5, 6, 1), "needs the setting 'strides'"),
        (
            "average_pool",
            {"pool_size": (6, 2), **ONES},
            (5, 6, 1),
            "pool_size 6 of p exceeds .* 5",
        ),
        ("upsample", {"size": (0, 1)}, (5, 6, 1), "size of p must be at least 1, got 0"),
        ("zero_pad", {"padding": (0, 1, 2, 0.5)}, (5, 6, 1), "padding of p must be integers"),
        ("zero_pad", {"padding": (0, 1, 2, 0)}, (5, 5, 1), "has 25 numbers, its input has 30"),
        ("spatial_dropout", {"positions": (4,), "rate": (0.5,)}, (), "rows of 30 numbers are no 4 positions"),
    ],
)
def test_what_the_engine_refuses(kind, settings, shape, message):
    spec = _core.OperationSpec(kind, name="p", shape=shape, settings=settings)
    with pytest.raises(ValueError, match=message):
        _core.NetworkFloat64(30, [spec], 0)
