"""Networks, data and runs that the engine's tests share. As a script it prints the hash of every case."""

from __future__ import annotations

import functools
import hashlib
import json
import sys
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any

import numpy as np

import ravine
from ravine import _core, reference

PARAMETER_STREAM = 1 << 24


def dense(units: int, activation: str = "linear", **options: Any) -> dict[str, Any]:
    return {"kind": "dense", "units": units, "activation": activation, **options}


def activation(name: str, **options: Any) -> dict[str, Any]:
    return {"kind": "activation", "activation": name, **options}


def dropout(rate: float) -> dict[str, Any]:
    return {"kind": "dropout", "rate": rate}


def conv2d(
    shape: tuple[int, int, int], filters: int, kernel: tuple[int, int], activation: str = "linear", **options: Any
) -> dict[str, Any]:
    """A convolution of images of this shape; options are settings of the operation, or its own."""
    settings = {"strides": (1, 1), "padding": (0, 0, 0, 0), "dilation": (1, 1), "groups": (1,)}
    settings |= {name: options.pop(name) for name in list(options) if name in settings}
    settings |= {"kernel_size": kernel, "kernel_shape": (*kernel, shape[2] // settings["groups"][0], filters)}
    return {
        "kind": "conv2d",
        "shape": shape,
        "units": filters,
        "activation": activation,
        "settings": settings,
        **options,
    }


def norm(kind: str, *shape: int, **settings: float) -> dict[str, Any]:
    """A batch_norm or layer_norm of rows of this shape."""
    usual = {"epsilon": 1e-5, "momentum": 0.9, "center": 1.0, "scale": 1.0}
    if kind == "layer_norm":
        del usual["momentum"]
    return {"kind": kind, "shape": shape, "settings": {name: (v,) for name, v in {**usual, **settings}.items()}}


def branches(kind: str, *chains: list[dict[str, Any]], positions: int = 1) -> dict[str, Any]:
    """Chains side by side: kind concat, add or mean."""
    return {"kind": kind, "branches": chains, "settings": {"positions": (positions,)}}


def pooled(
    kind: str, shape: tuple[int, ...], pool: tuple[int, int], strides: tuple[int, int] | None = None, same: bool = False
) -> dict[str, Any]:
    """Windows of images of a shape: kind max_pool or average_pool."""
    settings = {"pool_size": pool, "strides": strides or pool, "same": (float(same),)}
    return {"kind": kind, "shape": shape, "settings": settings}


def upsampled(shape: tuple[int, ...], size: tuple[int, int]) -> dict[str, Any]:
    return {"kind": "upsample", "shape": shape, "settings": {"size": size}}


def zeros(shape: tuple[int, ...], padding: tuple[int, ...]) -> dict[str, Any]:
    """Images of a shape within zeros: above, below, left, right."""
    return {"kind": "zero_pad", "shape": shape, "settings": {"padding": padding}}


def spatial_dropout(rate: float, positions: int) -> dict[str, Any]:
    return {"kind": "spatial_dropout", "rate": rate, "settings": {"positions": (positions,)}}


def uniform(shape: tuple[int, ...], *, seed: int, stream: int = 0, dtype: str = "float64", low: float = -1.0) -> Any:
    """Numbers in [low, 1) that depend on the arguments alone, not on NumPy's version."""
    return drawn(shape, dtype, low, 1.0, seed, stream).copy()


@functools.lru_cache(maxsize=2000)
def drawn(shape: tuple[int, ...], dtype: str, low: float, high: float, seed: int, stream: int) -> Any:
    """Numbers of the twin, which many tests ask for again."""
    out = reference.random_uniform(np.empty(shape, dtype), low=low, high=high, seed=seed, stream=stream)
    out.flags.writeable = False
    return out


def labels(rows: int, classes: int, *, seed: int) -> Any:
    return (reference.random_bits(rows, seed=seed, stream=9) % classes).astype(np.int32)


def make_spec(library: str, layer: dict[str, Any], name: str) -> Any:
    """The description of a layer, and of those inside it, for the engine or for the twin."""
    inner = [
        [make_spec(library, layer, f"{name}/{layer['kind']}_{b}_{i}") for i, layer in enumerate(chain)]
        for b, chain in enumerate(layer.get("branches", ()))
    ]
    kind = {"engine": _core, "twin": reference}[library].OperationSpec
    alpha = {"alpha": default_alpha(layer["activation"])} if "activation" in layer else {}
    return kind(**{"name": name, **alpha, **layer, "branches": inner})


def layer_names(layers: Sequence[dict[str, Any]]) -> list[str]:
    """The names of the layers and of those inside them, in the order of `set_trainable`'s flags."""
    names = []
    for index, layer in enumerate(layers):
        names += _names(layer, f"{layer['kind']}_{index}")
    return names


def _names(layer: dict[str, Any], name: str) -> list[str]:
    chains = enumerate(layer.get("branches", ()))
    inner = [_names(one, f"{name}/{one['kind']}_{b}_{i}") for b, chain in chains for i, one in enumerate(chain)]
    return [name, *(deeper for names in inner for deeper in names)]


def make_network(
    library: str, input_units: int, layers: list[dict[str, Any]], *, dtype: str = "float64", seed: int = 7
) -> Any:
    """A network of the engine or of the twin, with the same Glorot-uniform kernels and small biases."""
    specs = [make_spec(library, layer, f"{layer['kind']}_{index}") for index, layer in enumerate(layers)]
    if library == "engine":
        network_type = {"float32": _core.NetworkFloat32, "float64": _core.NetworkFloat64}[dtype]
        network = network_type(input_units, specs, seed)
    else:
        network = reference.Network(input_units, specs, seed, dtype=dtype)
    for number, w in enumerate(network.parameters().values()):
        limit = np.sqrt(6.0 / sum(w.shape)) if w.ndim == 2 else 0.1
        w[...] = drawn(w.shape, dtype, -float(limit), float(limit), seed, PARAMETER_STREAM | number)
    return network


def make_weight(kind: str, rows: int, dtype: str = "float64") -> Any:
    """No weights; all positive; or few, so that most batches have none."""
    weight = uniform((rows,), seed=3, dtype=dtype, low=0.0)
    return {"none": None, "all": weight, "few": weight * (np.arange(rows) % 25 == 0)}[kind]


def default_alpha(name: str | None) -> float:
    return {"leaky_relu": 0.01, "elu": 1.0}.get(name or "", 0.0)


def relative_error(value: Any, expected: Any) -> float:
    """Norm-wise: the largest difference over the largest expected magnitude."""
    value, expected = np.asarray(value, np.float64), np.asarray(expected, np.float64)
    assert value.shape == expected.shape
    if not expected.size:
        return 0.0
    scale = np.max(np.abs(expected))
    return float(np.max(np.abs(value - expected)) / (scale if scale > 0 else 1.0))


def bits_of(arrays: dict[str, Any]) -> str:
    """A hash of names, shapes and bits."""
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(f"{name}{array.shape}{array.dtype}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()[:16]


@dataclass(frozen=True, eq=False)
class Case:
    """A network and how it is trained, from the same start, before its weights are hashed."""

    name: str
    input_units: int
    layers: tuple[dict[str, Any], ...]
    _: KW_ONLY
    rows: int
    batch_size: int
    loss: str = "categorical_cross_entropy"
    rule: str = "adam"
    rate: float = 1e-2
    weights: str = "none"
    epochs: int = 5

    def train(self, dtype: str, *, n_threads: int, library: str = "engine") -> tuple[Any, dict[str, Any]]:
        """The network after training, and what `train` gave."""
        network = make_network(library, self.input_units, list(self.layers), dtype=dtype)
        skip = self.loss.endswith("cross_entropy")
        network.set_loss(self.loss, setting=1.0, skip_activation=skip)
        network.set_optimizer(self.rule, {"momentum": 0.9})
        X = uniform((self.rows, self.input_units), seed=1, dtype=dtype)
        if self.loss == "categorical_cross_entropy":
            target = labels(self.rows, network.output_units, seed=2)
        else:
            target = uniform((self.rows, network.output_units), seed=2, dtype=dtype, low=0.0)
        weight = make_weight(self.weights, self.rows, dtype)
        result = network.train(
            X, target, weight, batch_size=self.batch_size, first_epoch=0, epochs=self.epochs, shuffle_seed=5,
            rates=np.array([self.rate]), metrics=[("squared_error", 0.0)] if target.ndim == 2 else [("accuracy", 0.0)],
            n_threads=n_threads,
        )  # fmt: skip
        return network, result

    def bits(self, dtype: str, *, n_threads: int) -> str:
        """The hash of weights, optimizer state, losses and metrics."""
        network, result = self.train(dtype, n_threads=n_threads)
        history = {"history/loss": result["loss"], "history/metrics": result["metrics"]}
        return bits_of({**network.weights(), **network.optimizer_state(), **history})


DIGITS = (dense(128, "relu"), dense(128, "relu"), dense(10, "softmax"))
DIGITS_DROPOUT = (dense(128, "relu"), dropout(0.2), dense(128, "tanh"), dropout(0.5), dense(10, "softmax"))
WIDE = (dense(700, "relu"), dense(500, "gelu"), dense(10, "softmax"))
WIDE_DROPOUT = (dense(700, "relu"), dropout(0.5), dense(500, "tanh"), dense(10, "softmax"))
BRANCHES = (
    dense(16, "relu"),
    branches("add", [], [dense(24, "tanh"), dropout(0.2), dense(16, "relu")]),
    branches("concat", [dense(9, "silu")], [], [branches("mean", [dense(7, "relu")], [dense(7, "sigmoid")])]),
    dense(4, "softmax"),
)
IMAGES = (
    dense(96, "relu"), pooled("max_pool", (6, 8, 2), (2, 2)), spatial_dropout(0.2, 12), upsampled((3, 4, 2), (2, 3)),
    zeros((6, 12, 2), (1, 0, 2, 1)), pooled("max_pool", (7, 15, 2), (3, 3), (2, 2), same=True),
    pooled("average_pool", (4, 8, 2), (3, 2), (2, 3), same=True), dense(4, "softmax"),
)  # fmt: skip
CONVOLUTIONS = (
    conv2d((9, 8, 2), 6, (3, 3), "relu"), pooled("max_pool", (7, 6, 6), (2, 2)),
    conv2d((3, 3, 6), 12, (2, 3), "tanh", padding=(1, 0, 1, 1)), upsampled((3, 3, 12), (2, 2)),
    conv2d((6, 6, 12), 24, (3, 3), "relu", groups=(12,), padding=(1, 1, 1, 1)),
    conv2d((6, 6, 24), 40, (2, 3), "relu", strides=(2, 1), dilation=(2, 1)), pooled("max_pool", (2, 4, 40), (2, 2)),
    dense(4, "softmax"),
)  # fmt: skip

BATCH_NORM = (
    dense(128), norm("batch_norm", 128), activation("relu"), dense(96, "tanh"), norm("batch_norm", 8, 12),
    dense(10, "softmax"),
)  # fmt: skip
NORM_BLOCKS = (
    conv2d((9, 8, 2), 20, (3, 3), padding=(1, 1, 1, 1), use_bias=False), norm("batch_norm", 9, 8, 20),
    activation("relu"), pooled("max_pool", (9, 8, 20), (2, 2)),
    conv2d((4, 4, 20), 18, (2, 3)), norm("batch_norm", 3, 2, 18), activation("tanh"), dense(4, "softmax"),
)  # fmt: skip
IMAGE_NORMS = (
    norm("batch_norm", 6, 7, 3),
    norm("layer_norm", 42, 3),
    dense(64, "relu"),
    norm("layer_norm", 64),
    dense(3),
)

CASES = [
    Case("tiny", 2, (dense(4, "tanh"), dense(2, "tanh"), dense(1)), rows=40, batch_size=10, loss="squared_error"),
    Case("tiny-dropout", 2, (dense(4, "tanh"), dropout(0.5), dense(1)), rows=33, batch_size=10, loss="squared_error"),
    Case("no-hidden-layer", 13, (dense(1, "sigmoid"),), rows=100, batch_size=32, loss="binary_cross_entropy"),
    Case("one-sample-steps", 5, (dense(8, "silu"), dense(3, "softmax")), rows=30, batch_size=1),
    Case("odd-sizes", 7, (dense(13, "elu"), dense(37, "selu"), dense(5)), rows=101, batch_size=23, loss="huber"),
    Case("softmax-hidden", 9, (dense(11), activation("softmax"), dense(3, "softmax")), rows=90, batch_size=32),
    Case("log-loss", 6, (dense(24, "softplus"), dense(5, "sigmoid")), rows=120, batch_size=50, loss="log_loss"),
    Case("l1-l2", 10, (dense(30, "relu", l1=1e-3), dense(4, "softmax", l2=1e-2)), rows=128, batch_size=64),
    Case("digits", 64, DIGITS, rows=500, batch_size=128),
    Case("digits-dropout", 64, DIGITS_DROPOUT, rows=500, batch_size=128),
    Case("digits-weighted", 64, DIGITS, rows=500, batch_size=100, weights="all"),
    Case("digits-sparse-weights", 64, DIGITS_DROPOUT, rows=100, batch_size=10, weights="few", epochs=50),
    # the last batch has more slices than the first: 512 = 16 x 32 rows, 513 = 12 x 40 + 33
    Case("batch-513", 64, DIGITS, rows=1025, batch_size=513),
    Case("batch-1000", 20, (dense(48, "tanh"), dense(3, "softmax")), rows=2500, batch_size=1000),
    Case("full-batch", 64, DIGITS_DROPOUT, rows=700, batch_size=700),
    Case("deep", 16, (*(dense(24, "relu") for _ in range(8)), dense(4, "softmax")), rows=200, batch_size=40),
    Case("wide", 300, WIDE, rows=600, batch_size=256),
    Case("wide-dropout", 300, WIDE_DROPOUT, rows=600, batch_size=256),
    Case("wide-small-batch", 300, WIDE, rows=60, batch_size=16),
    Case("long-product", 1000, (dense(33, "relu"), dense(3, "softmax")), rows=150, batch_size=64),
    Case("batch-norm", 64, BATCH_NORM, rows=500, batch_size=128, weights="all"),
    Case("batch-norm-513", 64, BATCH_NORM, rows=1025, batch_size=513),
    Case("norm-blocks", 144, NORM_BLOCKS, rows=150, batch_size=70, weights="all"),
    Case("image-norms", 126, IMAGE_NORMS, rows=150, batch_size=40, loss="squared_error"),
    Case("branches", 12, BRANCHES, rows=300, batch_size=100),
    Case("images", 12, IMAGES, rows=300, batch_size=100),
    Case("convolutions", 144, CONVOLUTIONS, rows=300, batch_size=100),
    Case("rmsprop", 8, (dense(16, "relu"), dense(2)), rows=64, batch_size=16, loss="squared_error",
         rule="rmsprop_centered_momentum", rate=1e-3),
    Case("nadam", 8, (dense(16, "sigmoid"), dense(2)), rows=64, batch_size=16, loss="absolute_error", rule="nadam"),
]  # fmt: skip
DTYPES = ["float32", "float64"]


def main() -> None:
    """Print the instruction set, and for every case the hash of its weights, as one JSON object."""
    hashes = {case.name: {dtype: case.bits(dtype, n_threads=2) for dtype in DTYPES} for case in CASES}
    json.dump({"isa": _core.selected(), "version": ravine.__version__, "hashes": hashes}, sys.stdout, indent=1)


if __name__ == "__main__":
    main()
