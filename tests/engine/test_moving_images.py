"""Images moved at random, and inputs standardised, in whole training steps. As a script it prints their bits."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import cache
from typing import Any

import numpy as np
import pytest
from engine_cases import bits_of, conv2d, dense, dropout, labels, make_network, relative_error, uniform
from engine_problems import assert_same_history, assert_same_network
from test_gradients import check

from ravine import _core, kernels

DTYPES = ["float32", "float64"]
ROWS, SHAPE = 53, (2, 3, 2)
INPUTS = 12


def augment(
    shape: tuple[int, int, int] = SHAPE, size: tuple[int, int] | None = None, **settings: Any
) -> dict[str, Any]:
    """An operation that lets images be, but for what is given."""
    usual = {"top": (0, 1, 0), "left": (0, 1, 0), "flips": (0, 0), "border": (0,), "fill": (0,)}
    return {"kind": "augment", "shape": shape, "settings": {"size": size or shape[:2], **usual, **settings}}


FLIP = augment(flips=(1, 1))
SHIFT = {border: augment(top=(-2, 5, 0), left=(-1, 3, 0), border=(border,), fill=(0.5,)) for border in range(4)}
CROP = augment(size=(1, 2), top=(-1, 4, 0), left=(-1, 4, 0))


def standardize(units: int) -> dict[str, Any]:
    return {"kind": "standardize", "units": units}


HEAD = (dense(7, "tanh"), dense(3, "softmax"))
CASES: dict[str, tuple[dict[str, Any], ...]] = {
    "flip": (FLIP, *HEAD),
    **{f"shift-{border}": (layer, *HEAD) for border, layer in SHIFT.items()},
    "crop": (CROP, *HEAD),
    "all": (SHIFT[2], FLIP, CROP, *HEAD),
    "after-a-dense": (dense(INPUTS, "tanh"), FLIP, SHIFT[2], dense(INPUTS, "relu"), CROP, *HEAD),
    "after-an-activation-of-its-own": (dense(INPUTS, "silu"), SHIFT[0], dropout(0.2), FLIP, *HEAD),
    "before-a-convolution": (standardize(2), SHIFT[2], conv2d(SHAPE, 4, (1, 2), "tanh"), *HEAD),
    "between-convolutions": (
        conv2d(SHAPE, 4, (1, 2), "tanh"), augment((2, 2, 4), flips=(1, 1)),
        augment((2, 2, 4), top=(-1, 3, 0), border=(3,)), conv2d((2, 2, 4), 3, (2, 1), "silu"), *HEAD,
    ),
    "standardize": (standardize(2), *HEAD),
    "standardize-all": (standardize(INPUTS), *HEAD),
    "standardize-after-a-dense": (dense(INPUTS, "tanh"), standardize(2), FLIP, *HEAD),
    "standardize-after-relu": (dense(INPUTS, "relu"), standardize(1), *HEAD),
}  # fmt: skip
MOVING = [name for name in CASES if not name.startswith("standardize")]


def prepared(name: str, library: str = "engine", dtype: str = "float64", inputs: int = INPUTS) -> Any:
    network = make_network(library, inputs, list(CASES[name]), dtype=dtype)
    network.set_loss("categorical_cross_entropy", setting=1.0, skip_activation=True)
    network.set_optimizer("adam", {})
    network.set_trainable([layer["kind"] != "standardize" for layer in CASES[name]])
    for parameter, values in network.parameters().items():
        if parameter.endswith("deviation"):
            values[...] = uniform(values.shape, seed=5, low=0.5)
    return network


def train(network: Any, rows: int = ROWS, dtype: str = "float64", **options: Any) -> dict[str, Any]:
    X, target = uniform((rows, network.input_units), seed=1, dtype=dtype), labels(rows, 3, seed=2)
    defaults = {"batch_size": 16, "first_epoch": 0, "epochs": 5, "shuffle_seed": 4, "n_threads": 2}
    defaults["rates"] = np.array([0.02])
    result: dict[str, Any] = network.train(X, target, None, **{**defaults, **options})
    return result


@pytest.mark.parametrize("name", CASES)
def test_twenty_steps(name: str) -> None:
    networks = [prepared(name, library) for library in ("engine", "twin")]
    before = {parameter: w.copy() for parameter, w in networks[0].parameters().items()}
    results = [train(network) for network in networks]
    assert_same_network(*networks)
    assert_same_history(*results)
    for parameter, w in networks[0].parameters().items():
        assert np.any(w != before[parameter]) != parameter.startswith("standardize")


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_outputs_match_the_twin(name: str, dtype: str) -> None:
    X = uniform((9, INPUTS), seed=1, dtype=dtype)
    engine, twin = (prepared(name, library, dtype).forward(X, n_threads=1) for library in ("engine", "twin"))
    assert relative_error(engine, twin) <= 100 * np.finfo(dtype).eps


class Learning:
    """A network without the numbers that no step changes, for `check`."""

    def __init__(self, network: Any) -> None:
        self.network = network

    def parameters(self) -> dict[str, Any]:
        return {key: w for key, w in self.network.parameters().items() if not key.startswith("standardize")}

    def gradients(self) -> dict[str, Any]:
        return {key: self.network.gradients()[key].copy() for key in self.parameters()}


@pytest.mark.parametrize(
    ("name", "library"), [*((name, "engine") for name in CASES), ("all", "twin"), ("standardize-after-relu", "twin")]
)
def test_gradients_of_a_step(name: str, library: str) -> None:
    """A step with the rate 0 gives the loss and its gradients; the same step number draws the same places."""
    network = prepared(name, library)

    def loss() -> float:
        network.step = 11
        return float(train(network, 6, batch_size=6, epochs=1, rates=np.array([0.0]))["loss"][0])

    assert loss() == loss()
    learning = Learning(network)
    check(learning, loss, learning.gradients())


@pytest.mark.parametrize("name", CASES)
def test_gradients_at_rest(name: str) -> None:
    """Outside training images stand still, and that is what `loss_and_gradients` differentiates."""
    network = prepared(name)
    X, target = uniform((6, INPUTS), seed=1), labels(6, 3, seed=2)
    network.loss_and_gradients(X, target, None, n_threads=1)
    learning = Learning(network)
    gradients = learning.gradients()
    check(learning, lambda: network.evaluate(X, target, None, metrics=[], n_threads=1)["loss"], gradients)


@pytest.mark.parametrize("name", MOVING)
def test_training_moves_and_inference_does_not(name: str) -> None:
    network = prepared(name)
    X, target = uniform((ROWS, INPUTS), seed=1), labels(ROWS, 3, seed=2)
    still = network.evaluate(X, target, None, metrics=[], n_threads=1)["loss"]
    moved = [train(network, batch_size=ROWS, epochs=1, rates=np.array([0.0]))["loss"][0] for _ in range(3)]
    assert len({still, *moved}) == 4


def test_what_is_drawn_goes_by_seed_layer_step_and_place() -> None:
    """The gradient of one linear layer of weights 1 tells what image it saw."""
    network = make_network("engine", INPUTS, [SHIFT[2], FLIP, dense(1, use_bias=False)], seed=7)
    network.set_loss("squared_error", setting=0.5)
    network.set_optimizer("sgd", {})
    network.parameters()["dense_2/kernel"][...] = 0.0
    X, step = uniform((4, INPUTS), seed=1), 5
    for row in range(4):
        weight = np.eye(4)[row]
        network.step = step
        network.train(X, -np.ones((4, 1)), weight, batch_size=4, first_epoch=0, epochs=1, rates=np.array([0.0]))
        seen = network.gradients()["dense_2/kernel"].ravel()
        image = X[row].reshape(1, *SHAPE)
        key = {"seed": 7, "step": step, "first": row}
        image = kernels.image_window(
            image, SHAPE[:2], top=-2, tops=5, left=-1, lefts=3, border="reflect", stream=11 << 24, **key
        )
        image = kernels.image_window(
            image, SHAPE[:2], flip_vertical=True, flip_horizontal=True, stream=(11 << 24) | 1, **key
        )
        np.testing.assert_allclose(seen, image.ravel(), rtol=1e-15)


def test_the_central_window_outside_training() -> None:
    shape = (5, 6, 1)
    for size, top, left in (((5, 6), 0, 0), ((3, 3), 1, 1), ((4, 5), 0, 0), ((1, 2), 2, 2)):
        rest = augment(shape, size, top=(0, 6 - size[0], top), left=(0, 7 - size[1], left))
        network = make_network("engine", 30, [rest])
        X = uniform((2, 30), seed=1)
        want = X.reshape(2, 5, 6)[:, top : top + size[0], left : left + size[1]]
        np.testing.assert_array_equal(network.forward(X, n_threads=1), want.reshape(2, -1))


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (augment((2, 3, 3)), "shape of augment_0 must have 12 numbers"),
        ({**augment(), "shape": (24,)}, "shape of augment_0 must be 3 sizes of at least 1"),
        ({**augment(), "shape": (0, 3, 2)}, "shape of augment_0 must be 3 sizes of at least 1"),
        (augment(size=(0, 4)), "size and border of augment_0"),
        (augment(border=(4,)), "size and border of augment_0"),
        (augment(top=(0.5, 1, 0)), r"top of augment_0 must be integers in \(-2\^31, 2\^31\), got 0.5"),
        (augment(left=(0, 1, 2**31)), "left of augment_0 must be integers"),
        (augment(top=(0, 0, 0)), "top of augment_0 must have 1 to 2.31 - 1 places, got 0"),
        (augment(top=(0, 1)), "augment needs the setting 'top' with at least 3 numbers"),
        (augment(fill=(np.inf,)), "fill_value of augment_0 is too large"),
        (standardize(0), "units of standardize_0 must divide 12, got 0"),
        (standardize(5), "units of standardize_0 must divide 12, got 5"),
    ],
)
def test_descriptions_that_cannot_be_built(layer: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make_network("engine", INPUTS, [layer])


# By rows and by outputs; with images in the lanes of vectors between moves.
BITS = {"small": ((7, 5, 3), 40), "wide": ((12, 11, 3), 900), "convolutions": ((7, 5, 3), 40)}


@cache
def bits(name: str, dtype: str, n_threads: int) -> str:
    shape, units = BITS[name]
    inputs = int(np.prod(shape))
    moved = [augment(shape, top=(-2, 5, 0), left=(-3, 7, 0), border=(2,)), augment(shape, flips=(0, 1))]
    first = conv2d(shape, 3, (3, 3), "relu", padding=(1, 1, 1, 1)) if name == "convolutions" else dense(inputs, "relu")
    layers = [standardize(3), *moved, first, *moved, dense(units, "relu"), dense(3, "softmax")]
    network = make_network("engine", inputs, layers, dtype=dtype)
    network.set_loss("categorical_cross_entropy", setting=1.0, skip_activation=True)
    network.set_optimizer("adam", {})
    network.set_trainable([False, *[True] * 7])
    network.parameters()["standardize_0/deviation"][...] = [0.5, 1.0, 2.0]
    history = train(network, 400, dtype, batch_size=128, epochs=2, n_threads=n_threads)
    return bits_of({**network.parameters(), **network.optimizer_state(), "history/loss": history["loss"]})


@pytest.mark.parametrize("n_threads", [2, 3, 8])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", BITS)
def test_any_number_of_threads_gives_the_same_bits(name: str, dtype: str, n_threads: int) -> None:
    assert bits(name, dtype, n_threads) == bits(name, dtype, 1)


@pytest.mark.skipif(not (hasattr(_core, "avx2") and hasattr(_core, "avx512")), reason="needs AVX2 and AVX-512")
def test_the_same_bits_on_avx2_and_avx512() -> None:
    printed = [
        subprocess.run([sys.executable, __file__], env={**os.environ, "RAVINE_ISA": isa}, check=True,
                       capture_output=True, text=True, timeout=100).stdout
        for isa in ("avx2", "avx512")
    ]  # fmt: skip
    assert printed[0] == printed[1]


if __name__ == "__main__":
    print(json.dumps({name: [bits(name, dtype, 2) for dtype in DTYPES] for name in BITS}))
