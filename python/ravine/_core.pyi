"""The compiled module: raw kernels per instruction set, and the engine."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from .inputs.sparse import Inputs

_Array = NDArray[Any]
_Vector = NDArray[np.float64]

class _Kernels(Protocol):
    """The raw kernels of one instruction set.

    Further there is a function for each entry of `names`: activations f(x, *, alpha, out=None) and
    f_backward(dy, saved, *, alpha, out=None), losses f(z, target, *, weight=None, scale=1.0, setting=1.0), metrics
    metric_f(z, target, *, setting=0.0), update rules f(w, state, dw, *, running=None, ...) in place, and elementary
    functions f(x, *, out=None).
    """

    names: dict[str, Any]
    vector_bytes: int
    fma: bool
    def __getattr__(self, name: str) -> Any: ...
    def matmul(
        self,
        a: _Array,
        b: _Array,
        *,
        transpose_a: bool = False,
        transpose_b: bool = False,
        bias: _Array | None = None,
        finish: str = "none",
        gate: _Array | None = None,
        accumulate: bool = False,
        batch_slice: int = 0,
        out: _Array | None = None,
    ) -> _Array: ...
    def pow(self, x: _Array, y: _Array, *, out: _Array | None = None) -> _Array: ...
    def sincospi(self, x: _Array) -> tuple[_Array, _Array]: ...
    def scale(self, x: _Array, factor: float, *, out: _Array | None = None) -> _Array: ...
    def add(self, a: _Array, b: _Array, *, out: _Array | None = None) -> _Array: ...
    def add_scaled(self, y: _Array, x: _Array, factor: float) -> None: ...
    def rotate(self, x: _Array, y: _Array, c: float, s: float) -> None: ...
    def sum_squares(self, x: _Array) -> float: ...
    def sum_abs(self, x: _Array) -> float: ...
    def dot(self, a: _Array, b: _Array) -> float: ...
    def all_finite(self, x: _Array) -> bool: ...
    def flush_subnormals(self, x: _Array, g: _Array) -> None: ...
    def lerp(self, y: _Array, x: _Array, share: float) -> None: ...
    def column_sums(self, x: _Array, *, batch_slice: int = 0, out: _Array | None = None) -> _Array: ...
    def add_penalty_gradient(self, dw: _Array, w: _Array, *, l1: float = 0.0, l2: float = 0.0) -> None: ...
    def squared_norm(self, x: _Array, *, scale: float = 1.0) -> float: ...
    def clip(self, x: _Array, limit: float, *, out: _Array | None = None) -> _Array: ...
    def soft_threshold(self, x: _Array, threshold: float, *, out: _Array | None = None) -> _Array: ...
    def limit_columns(self, w: _Array, limit: float) -> None: ...
    def conv2d(
        self,
        x: _Array,
        w: _Array,
        *,
        bias: _Array | None = None,
        strides: tuple[int, int] = (1, 1),
        padding: tuple[tuple[int, int], tuple[int, int]] = ((0, 0), (0, 0)),
        dilation: tuple[int, int] = (1, 1),
        groups: int = 1,
        finish: str = "none",
        form: str = "rows",
        out: _Array | None = None,
    ) -> _Array: ...
    def conv2d_dx(
        self,
        dy: _Array,
        w: _Array,
        size: tuple[int, int],
        *,
        strides: tuple[int, int] = (1, 1),
        padding: tuple[tuple[int, int], tuple[int, int]] = ((0, 0), (0, 0)),
        dilation: tuple[int, int] = (1, 1),
        groups: int = 1,
        gate: _Array | None = None,
        form: str = "rows",
        out: _Array | None = None,
    ) -> _Array: ...
    def conv2d_dweight(
        self,
        x: _Array,
        dy: _Array,
        kernel_size: tuple[int, int],
        *,
        strides: tuple[int, int] = (1, 1),
        padding: tuple[tuple[int, int], tuple[int, int]] = ((0, 0), (0, 0)),
        dilation: tuple[int, int] = (1, 1),
        groups: int = 1,
        batch_slice: int = 0,
        form: str = "rows",
    ) -> tuple[_Array, _Array]: ...
    def rows_to_lanes(self, x: _Array) -> _Array: ...
    def lanes_to_rows(self, y: _Array, rows: int) -> _Array: ...
    def batch_moments(self, x: _Array, *, weight: _Array | None = None) -> tuple[_Vector, _Vector]: ...
    def batch_norm(
        self,
        x: _Array,
        mean: _Vector,
        variance: _Vector,
        gamma: _Array | None = None,
        beta: _Array | None = None,
        *,
        epsilon: float = 1e-5,
        out: _Array | None = None,
    ) -> _Array: ...
    def batch_norm_backward(
        self,
        dy: _Array,
        x: _Array,
        mean: _Vector,
        variance: _Vector,
        gamma: _Array | None = None,
        *,
        epsilon: float = 1e-5,
        weight: _Array | None = None,
        constant: bool = False,
    ) -> tuple[_Array, _Array, _Array]: ...
    def layer_norm(
        self,
        x: _Array,
        gamma: _Array | None = None,
        beta: _Array | None = None,
        *,
        epsilon: float = 1e-5,
        out: _Array | None = None,
    ) -> _Array: ...
    def layer_norm_backward(
        self, dy: _Array, x: _Array, gamma: _Array | None = None, *, epsilon: float = 1e-5
    ) -> tuple[_Array, _Array, _Array]: ...
    def random_bits(
        self, count: int, *, first: int = 0, seed: int, stream: int = 0, step: int = 0
    ) -> NDArray[np.uint32]: ...
    def random_uniform(
        self, out: _Array, *, low: float = 0.0, high: float = 1.0, seed: int, stream: int = 0, step: int = 0
    ) -> _Array: ...
    def random_normal(
        self, out: _Array, *, mean: float = 0.0, deviation: float = 1.0, seed: int, stream: int = 0, step: int = 0
    ) -> _Array: ...
    def dropout(
        self,
        x: _Array,
        *,
        rate: float,
        seed: int,
        stream: int = 0,
        step: int = 0,
        first: int = 0,
        out: _Array | None = None,
    ) -> _Array: ...
    def gaussian_noise(
        self,
        x: _Array,
        *,
        stddev: float,
        seed: int,
        stream: int = 0,
        step: int = 0,
        first: int = 0,
        out: _Array | None = None,
    ) -> _Array: ...
    def spatial_dropout(
        self,
        x: _Array,
        *,
        rate: float,
        seed: int,
        stream: int = 0,
        step: int = 0,
        first: int = 0,
        out: _Array | None = None,
    ) -> _Array: ...
    def max_pool(
        self,
        x: _Array,
        *,
        pool_size: tuple[int, int],
        strides: tuple[int, int] | None = None,
        padding: str = "valid",
        out: _Array | None = None,
    ) -> _Array: ...
    def max_pool_backward(
        self,
        dy: _Array,
        y: _Array,
        x: _Array,
        *,
        pool_size: tuple[int, int],
        strides: tuple[int, int] | None = None,
        padding: str = "valid",
        relu: bool = False,
        out: _Array | None = None,
    ) -> _Array: ...
    def max_pool_index(
        self,
        x: _Array,
        *,
        pool_size: tuple[int, int],
        strides: tuple[int, int] | None = None,
        padding: str = "valid",
    ) -> tuple[_Array, _Array]: ...
    def max_pool_index_backward(
        self,
        dy: _Array,
        y: _Array,
        index: _Array,
        *,
        size: tuple[int, int],
        pool_size: tuple[int, int],
        strides: tuple[int, int] | None = None,
        padding: str = "valid",
        relu: bool = False,
    ) -> _Array: ...
    def average_pool(
        self,
        x: _Array,
        *,
        pool_size: tuple[int, int],
        strides: tuple[int, int] | None = None,
        padding: str = "valid",
        out: _Array | None = None,
    ) -> _Array: ...
    def average_pool_backward(
        self,
        dy: _Array,
        *,
        size: tuple[int, int],
        pool_size: tuple[int, int],
        strides: tuple[int, int] | None = None,
        padding: str = "valid",
        out: _Array | None = None,
    ) -> _Array: ...
    def upsample(self, x: _Array, *, size: tuple[int, int], out: _Array | None = None) -> _Array: ...
    def upsample_backward(self, dy: _Array, *, size: tuple[int, int], out: _Array | None = None) -> _Array: ...
    def zero_pad(
        self, x: _Array, *, padding: tuple[tuple[int, int], tuple[int, int]], out: _Array | None = None
    ) -> _Array: ...
    def zero_pad_backward(
        self, dy: _Array, *, padding: tuple[tuple[int, int], tuple[int, int]], out: _Array | None = None
    ) -> _Array: ...
    def csr_matmul(
        self,
        data: _Array,
        indices: NDArray[np.int32],
        indptr: _Array,
        b: _Array,
        *,
        bias: _Array | None = None,
        finish: str = "none",
        out: _Array | None = None,
    ) -> _Array: ...
    def csr_gradient(
        self,
        data: _Array,
        indices: NDArray[np.int32],
        indptr: _Array,
        dy: _Array,
        columns: int,
        *,
        batch_slice: int = 0,
        out: _Array | None = None,
    ) -> _Array: ...
    def csr_sum_squares(self, data: _Array, indices: NDArray[np.int32]) -> float: ...
    def embedding(self, ids: _Array, table: _Array, *, out: _Array | None = None) -> _Array: ...
    def embedding_gradient(
        self, ids: _Array, dy: _Array, rows: int, *, batch_slice: int = 0, out: _Array | None = None
    ) -> _Array: ...
    def image_window(
        self,
        x: _Array,
        size: tuple[int, int],
        *,
        top: int = 0,
        left: int = 0,
        tops: int = 1,
        lefts: int = 1,
        flip_vertical: bool = False,
        flip_horizontal: bool = False,
        border: str = "constant",
        fill: float = 0.0,
        seed: int,
        stream: int = 0,
        step: int = 0,
        first: int = 0,
        out: _Array | None = None,
    ) -> _Array: ...
    def image_window_backward(
        self,
        dy: _Array,
        size: tuple[int, int],
        *,
        top: int = 0,
        left: int = 0,
        tops: int = 1,
        lefts: int = 1,
        flip_vertical: bool = False,
        flip_horizontal: bool = False,
        border: str = "constant",
        fill: float = 0.0,
        seed: int,
        stream: int = 0,
        step: int = 0,
        first: int = 0,
        out: _Array | None = None,
    ) -> _Array: ...
    def standardize(self, x: _Array, mean: _Array, deviation: _Array, *, out: _Array | None = None) -> _Array: ...
    def standardize_backward(self, dy: _Array, deviation: _Array, *, out: _Array | None = None) -> _Array: ...

__version__: str
baseline: _Kernels
avx2: _Kernels  # only where processor and build support it
avx512: _Kernels  # only where processor and build support it

rows: dict[str, dict[str, Any]]

def select(name: str | None = None) -> str: ...
def openmp_threads() -> int: ...
def selected() -> str: ...
def config() -> dict[str, Any]: ...
def startable_threads(wanted: int) -> int: ...
def symmetric_eigen(matrix: _Array) -> tuple[_Vector, NDArray[np.float64]]: ...
def inverse_hessian_product(
    gradient: _Vector, pairs: list[tuple[_Vector, _Vector, float, float]], scale: float
) -> NDArray[np.float64]: ...
def epoch_order(rows: int, seed: int, epoch: int) -> NDArray[np.int64]: ...

class DefaultFloatingPointMode:
    def __enter__(self) -> None: ...
    def __exit__(self, *error: object) -> None: ...

class OperationSpec:
    def __init__(
        self,
        kind: str,
        *,
        name: str = "",
        shape: Sequence[int] = (),
        settings: Mapping[str, float | Sequence[float] | str] = {},
        branches: Sequence[Sequence[OperationSpec]] = (),
        **further: float | Sequence[float] | str,
    ) -> None: ...

class Sampler:
    """What SamplerFloat32 and SamplerFloat64 have in common; it exists for type checkers alone."""

    @staticmethod
    def draws(
        stratum: NDArray[np.int32],
        probability: _Vector | None,
        weight: _Array | None,
        *,
        strata: int,
        seed: int,
        correct: bool = True,
        learning_rate: float = 0.0,
        uniform: float = 0.0,
        normalize: bool = True,
    ) -> Sampler: ...
    @staticmethod
    def arrangement(
        stratum: NDArray[np.int32],
        weight: _Array | None,
        *,
        strata: int,
        seed: int,
        balanced: bool = False,
        correct: bool = True,
    ) -> Sampler: ...
    @property
    def state(self) -> _Vector: ...
    @property
    def mean_weight(self) -> float: ...
    @property
    def weight(self) -> _Array | None: ...
    @property
    def probability(self) -> _Vector | None: ...
    def batch(
        self, *, step: int, epoch: int = 0, order: NDArray[np.uint32] | None = None, first: int = 0, rows: int
    ) -> NDArray[np.int64]: ...

class SamplerFloat32(Sampler): ...
class SamplerFloat64(Sampler): ...

class Network:
    """What NetworkFloat32 and NetworkFloat64 have in common; it exists for type checkers alone."""

    step: int
    @property
    def sums(self) -> _Vector: ...
    @sums.setter
    def sums(self, sums: _Vector) -> None: ...
    @property
    def running(self) -> _Vector: ...
    @property
    def input_units(self) -> int: ...
    @property
    def output_units(self) -> int: ...
    @property
    def operation_units(self) -> list[int]: ...
    def parameters(self) -> dict[str, _Array]: ...
    def statistics(self) -> dict[str, _Array]: ...
    def weights(self) -> dict[str, _Array]: ...
    def gradients(self) -> dict[str, _Array]: ...
    def optimizer_state(self) -> dict[str, _Array]: ...
    def set_trainable(self, flags: list[bool]) -> None: ...
    def set_loss(
        self, name: str, *, setting: float, reduction: str = "mean", skip_activation: bool = False
    ) -> None: ...
    def set_optimizer(self, rule: str, settings: dict[str, Any]) -> None: ...
    def set_averaging(self, *, decay: float | None, start: int, every: int, by_epoch: bool) -> None: ...
    @staticmethod
    def train_many(
        networks: Sequence[Network],
        data: Sequence[tuple[Inputs, _Array, _Array | None]],
        options: Sequence[dict[str, Any]],
        *,
        n_threads: int = 1,
    ) -> list[dict[str, Any]]: ...
    def train(
        self,
        X: Inputs,
        target: _Array,
        weight: _Array | None,
        *,
        batch_size: int,
        first_epoch: int,
        epochs: int,
        first_batch: int = 0,
        batches: int = 0,
        continues: bool = False,
        shuffle_seed: int | None = None,
        rates: _Vector,
        metrics: Sequence[tuple[str, float]] = (),
        n_threads: int = 1,
        sampler: Sampler | None = None,
    ) -> dict[str, Any]: ...
    def evaluate(
        self,
        X: Inputs,
        target: _Array,
        weight: _Array | None,
        *,
        metrics: Sequence[tuple[str, float]] = (),
        n_threads: int = 1,
    ) -> dict[str, Any]: ...
    def population_losses(
        self, members: NDArray[np.float64], X: Inputs, target: _Array, weight: _Array | None, *, n_threads: int = 1
    ) -> _Vector: ...
    def forward(
        self, X: Inputs, *, operations: int | None = None, skip_activation: bool = False, n_threads: int = 1
    ) -> _Array | None: ...
    def forward_few(self, X: _Array) -> _Array | None: ...
    def loss_and_gradients(self, X: Inputs, target: _Array, weight: _Array | None, *, n_threads: int = 1) -> float: ...
    def backward(self, X: Inputs, doutput: _Array, *, n_threads: int = 1) -> None: ...
    def apply_gradients(self, learning_rate: float) -> None: ...

class NetworkFloat32(Network):
    def __init__(self, input_units: int, operations: list[OperationSpec], seed: int) -> None: ...

class NetworkFloat64(Network):
    def __init__(self, input_units: int, operations: list[OperationSpec], seed: int) -> None: ...
