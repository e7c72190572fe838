"""Residual and Parallel: what they compute, their gradients, names, files, and the layers that do not go together."""

from __future__ import annotations

import numpy as np
import pytest

import ravine as rv
from ravine.layers import Activation, Dense, Dropout, Flatten, Input, Parallel, Residual

X = np.random.default_rng(0).normal(size=(40, 6))
Y = np.random.default_rng(1).normal(size=(40, 3))


def built(*layers, shape=6, dtype="float64", **options):
    return rv.Sequential([Input(shape), *layers], dtype=dtype, random_state=0, **options)


def relu(x):
    return np.maximum(x, 0.0)


EQUATIONS = {
    "residual": (lambda: Residual([Dense(5, "relu"), Dense(6)]),
                 lambda w: X + (relu(X @ w["residual/dense/kernel"]) @ w["residual/dense_1/kernel"])),
    "concat": (lambda: Parallel([[Dense(2)], [], [Dense(1, "relu")]]),
               lambda w: np.hstack([X @ w["parallel/dense/kernel"], X, relu(X @ w["parallel/dense_1/kernel"])])),
    "add": (lambda: Parallel([[Dense(2)], [Dense(2, "relu")]], "add"),
            lambda w: X @ w["parallel/dense/kernel"] + relu(X @ w["parallel/dense_1/kernel"])),
    "mean": (lambda: Parallel([[Dense(6)], [], []], "mean"), lambda w: (X @ w["parallel/dense/kernel"] + 2 * X) / 3),
    "nested": (lambda: Residual([Parallel([[Residual([Dense(6)])], []], "mean")]),
               lambda w: X + (X + X @ w["residual/parallel/residual/dense/kernel"] + X) / 2),
}  # fmt: skip


@pytest.mark.parametrize("name", EQUATIONS)
def test_equations(name):
    layer, equation = EQUATIONS[name]
    model = built(layer())
    np.testing.assert_allclose(model.predict(X), equation(model.parameters), rtol=1e-12, atol=1e-13)


NETWORKS = {
    "residual": lambda: [Dense(7, "tanh"), Residual([Dense(9, "relu"), Dense(7)]), Dense(3)],
    "first": lambda: [Residual([Dense(6, "silu")]), Dense(3)],
    "last": lambda: [Dense(3, "relu"), Parallel([[Dense(3, "sigmoid")], []], "add")],
    "concat": lambda: [Parallel([[Dense(4, "elu")], [Dense(5, "gelu", l2=0.01)], []]), Dense(3, l1=0.01)],
    "twice": lambda: [Parallel([[], []], "mean"), Residual([Residual([Dense(6, "tanh")]), Dense(6)]), Dense(3)],
}


@pytest.mark.parametrize("name", NETWORKS)
def test_gradients(name):
    model = built(*NETWORKS[name]())
    model.compile(optimizer="adam", loss="mse")
    assert rv.check_gradients(model, X, Y)


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_training_has_the_same_bits_with_any_number_of_threads_and_after_a_file(name, dtype, tmp_path):
    def fitted(threads, epochs=4):
        model = built(*NETWORKS[name](), dtype=dtype)
        model.compile(optimizer="adam", loss="mse")
        model.fit(X, Y, epochs=epochs, batch_size=16, n_threads=threads)
        return model

    first = fitted(1)
    for threads in (2, 3):
        assert all(np.array_equal(w, fitted(threads).parameters[key]) for key, w in first.parameters.items())
    half = fitted(2, epochs=2)
    half.save(tmp_path / "half.ravine")
    loaded = rv.load(tmp_path / "half.ravine")
    assert repr(loaded.layers) == repr(half.layers)
    loaded.fit(X, Y, epochs=2, batch_size=16)
    assert all(np.array_equal(w, loaded.parameters[key]) for key, w in first.parameters.items())


@pytest.mark.parametrize(
    ("layer", "moves"),
    [
        (lambda: Residual([Dense(6), Dense(6, trainable=False)]), {"residual/dense"}),
        (lambda: Residual([Dense(6), Dense(6)], trainable=False), set()),
        (lambda: Parallel([[Dense(6)], [Residual([Dense(6)], trainable=False)]], "add"), {"parallel/dense"}),
    ],
)
def test_frozen_layers_inside(layer, moves):
    model = built(layer(), Dense(3))
    model.compile(optimizer="sgd", loss="mse")
    before = {name: w.copy() for name, w in model.parameters.items()}
    model.fit(X, Y, epochs=1)
    changed = {name.rpartition("/")[0] for name, w in model.parameters.items() if not np.array_equal(w, before[name])}
    assert changed == {"dense", *moves}
    printed: list[str] = []
    model.summary(print_fn=printed.append)
    frozen = sum(w.size for name, w in before.items() if name.rpartition("/")[0] not in changed)
    assert f"trainable: {sum(w.size for w in before.values()) - frozen:,}" in "".join(printed)


def test_images_are_put_side_by_side_along_their_channels():
    images = np.arange(2 * 3 * 4 * 2, dtype=float).reshape(2, 3, 4, 2)
    model = built(Parallel([[], [Activation("relu")]]), shape=(3, 4, 2))
    assert np.array_equal(model.predict(images), np.concatenate([images, images], axis=-1))


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Residual([]), ValueError, "at least one layer"),
        (lambda: Residual(Dense(1)), TypeError, "list of layers"),
        (lambda: Residual([3]), TypeError, r"layers\[0\] must be a layer"),
        (lambda: Parallel([]), ValueError, "at least one list"),
        (lambda: Parallel([Dense(1)]), TypeError, r"branches\[0\] must be a list of layers"),
        (lambda: Parallel([[Input(3)]]), ValueError, "Input can only begin a model"),
        (lambda: Parallel([[]], "sum"), ValueError, "unknown merge 'sum'"),
        (lambda: built(Residual([Dense(5)])), ValueError, r"they make \(5,\) of \(6,\)"),
        (lambda: built(Parallel([[Dense(5)], []], "add")), ValueError, r"branch 0 gives \(5,\), branch 1 gives \(6,\)"),
        (lambda: built(Parallel([[Flatten()], []]), shape=(2, 3)), ValueError, r"branch 1 gives \(2, 3\)"),
        (lambda: built(Residual([Flatten(), Dense(2)]), shape=(2, 3)), ValueError, r"layer 0 \(residual\)"),
        (lambda: built(Parallel([[Dense(5)]]), shape=(2, 3)), ValueError, r"branch 0: its layer 0 \(dense\): Dense"),
    ],
)
def test_what_does_not_go_together(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_a_layer_is_used_once():
    layer = Dense(6)
    with pytest.raises(ValueError, match="is used twice"):
        rv.Sequential([layer, Residual([layer])])


def test_searches_refuse_what_draws_inside():
    model = built(Residual([Dropout(0.5), Dense(6)]))
    with pytest.raises(ValueError, match="draws anew"):
        model.compile(optimizer="lbfgs", loss="mse")
