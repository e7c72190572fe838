"""The compiled module: raw kernels per instruction set, and the engine. Made by tools/make_stubs.py."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from .inputs.sparse import Inputs

Array = NDArray[Any]
Vector = NDArray[np.float64]

class Kernels(Protocol):
    """The raw kernels of one instruction set."""

    names: dict[str, Any]
    vector_bytes: int
    fma: bool
    def absolute_error(
        self, z: Array, target: Array, *, weight: Array | None = None, scale: float = 1.0, setting: float = 1.0
    ) -> tuple[Array, Array]: ...
    def adadelta(
        self,
        w: Array,
        state: Array,
        dw: Array,
        *,
        running: Array | None = None,
        learning_rate: float = 0.001,
        momentum: float = 0.0,
        beta1: float = 0.9,
        beta2: float = 0.999,
        rho: float = 0.9,
        epsilon: float = 1e-08,
        weight_decay: float = 0.0,
        bias_correction: bool = True,
        epsilon_inside: bool = False,
    ) -> None: ...
    def adagrad(
        self,
        w: Array,
        state: Array,
        dw: Array,
        *,
        running: Array | None = None,
        learning_rate: float = 0.001,
        momentum: float = 0.0,
        beta1: float = 0.9,
        beta2: float = 0.999,
        rho: float = 0.9,
        epsilon: float = 1e-08,
        weight_decay: float = 0.0,
        bias_correction: bool = True,
        epsilon_inside: bool = False,
    ) -> None: ...
    def adam(
        self,
        w: Array,
        state: Array,
        dw: Array,
        *,
        running: Array | None = None,
        learning_rate: float = 0.001,
        momentum: float = 0.0,
        beta1: float = 0.9,
        beta2: float = 0.999,
        rho: float = 0.9,
        epsilon: float = 1e-08,
        weight_decay: float = 0.0,
        bias_correction: bool = True,
        epsilon_inside: bool = False,
    ) -> None: ...
    def adamax(
        self,
        w: Array,
        state: Array,
        dw: Array,
        *,
        running: Array | None = None,
        learning_rate: float = 0.001,
        momentum: float = 0.0,
        beta1: float = 0.9,
        beta2: float = 0.999,
        rho: float = 0.9,
        epsilon: float = 1e-08,
        weight_decay: float = 0.0,
        bias_correction: bool = True,
        epsilon_inside: bool = False,
    ) -> None: ...
    def add(self, a: Array, b: Array, *, out: Array | None = None) -> Array: ...
    def add_penalty_gradient(self, dw: Array, w: Array, *, l1: float = 0.0, l2: float = 0.0) -> None: ...
    def add_scaled(self, y: Array, x: Array, factor: float) -> None: ...
    def all_finite(self, x: Array) -> bool: ...
    def amsgrad(
        self,
        w: Array,
        state: Array,
        dw: Array,
        *,
        running: Array | None = None,
        learning_rate: float = 0.001,
        momentum: float = 0.0,
        beta1: float = 0.9,
        beta2: float = 0.999,
        rho: float = 0.9,
        epsilon: float = 1e-08,
        weight_decay: float = 0.0,
        bias_correction: bool = True,
        epsilon_inside: bool = False,
    ) -> None: ...
    def average_pool(
        self,
        x: Array,
        *,
        pool_size: tuple[int, int],
        strides: tuple[int, int] | None = None,
        padding: str = "valid",
        out: Array | None = None,
    ) -> Array: ...
    def average_pool_backward(
        self,
        dy: Array,
        *,
        size: tuple[int, int],
        pool_size: tuple[int, int],
        strides: tuple[int, int] | None = None,
        padding: str = "valid",
        out: Array | None = None,
    ) -> Array: ...
    def batch_moments(self, x: Array, *, weight: Array | None = None) -> tuple[Array, Array]: ...
    def batch_norm(
        self,
        x: Array,
        mean: Array,
        variance: Array,
        gamma: Array | None = None,
        beta: Array | None = None,
        *,
        epsilon: float = 1e-05,
        out: Array | None = None,
    ) -> Array: ...
    def batch_norm_backward(
        self,
        dy: Array,
        x: Array,
        mean: Array,
        variance: Array,
        gamma: Array | None = None,
        *,
        epsilon: float = 1e-05,
        weight: Array | None = None,
        constant: bool = False,
    ) -> tuple[Array, Array, Array]: ...
    def binary_cross_entropy(
        self, z: Array, target: Array, *, weight: Array | None = None, scale: float = 1.0, setting: float = 1.0
    ) -> tuple[Array, Array]: ...
    def binary_focal_cross_entropy(
        self, z: Array, target: Array, *, weight: Array | None = None, scale: float = 1.0, setting: float = 1.0
    ) -> tuple[Array, Array]: ...
    def categorical_cross_entropy(
        self, z: Array, target: Array, *, weight: Array | None = None, scale: float = 1.0, setting: float = 1.0
    ) -> tuple[Array, Array]: ...
    def categorical_focal_cross_entropy(
        self, z: Array, target: Array, *, weight: Array | None = None, scale: float = 1.0, setting: float = 1.0
    ) -> tuple[Array, Array]: ...
    def categorical_log_loss(
        self, z: Array, target: Array, *, weight: Array | None = None, scale: float = 1.0, setting: float = 1.0
    ) -> tuple[Array, Array]: ...
    def clip(self, x: Array, limit: float, *, out: Array | None = None) -> Array: ...
    def column_sums(self, x: Array, *, batch_slice: int = 0, out: Array | None = None) -> Array: ...
    def conv2d(
        self,
        x: Array,
        w: Array,
        *,
        bias: Array | None = None,
        strides: tuple[int, int] = (1, 1),
        padding: tuple[tuple[int, int], tuple[int, int]] = ((0, 0), (0, 0)),
        dilation: tuple[int, int] = (1, 1),
        groups: int = 1,
        finish: str = "none",
        form: str = "rows",
        out: Array | None = None,
    ) -> Array: ...
    def conv2d_dweight(
        self,
        x: Array,
        dy: Array,
        kernel_size: tuple[int, int],
        *,
        strides: tuple[int, int] = (1, 1),
        padding: tuple[tuple[int, int], tuple[int, int]] = ((0, 0), (0, 0)),
        dilation: tuple[int, int] = (1, 1),
        groups: int = 1,
        batch_slice: int = 0,
        form: str = "rows",
    ) -> tuple[Array, Array]: ...
    def conv2d_dx(
        self,
        dy: Array,
        w: Array,
        size: tuple[int, int],
        *,
        strides: tuple[int, int] = (1, 1),
        padding: tuple[tuple[int, int], tuple[int, int]] = ((0, 0), (0, 0)),
        dilation: tuple[int, int] = (1, 1),
        groups: int = 1,
        gate: Array | None = None,
        form: str = "rows",
        out: Array | None = None,
    ) -> Array: ...
    def csr_gradient(
        self,
        data: Array,
        indices: NDArray[np.int32],
        indptr: Array,
        dy: Array,
        columns: int,
        *,
        batch_slice: int = 0,
        out: Array | None = None,
    ) -> Array: ...
    def csr_matmul(
        self,
        data: Array,
        indices: NDArray[np.int32],
        indptr: Array,
        b: Array,
        *,
        bias: Array | None = None,
        finish: str = "none",
        out: Array | None = None,
    ) -> Array: ...
    def csr_sum_squares(self, data: Array, indices: NDArray[np.int32]) -> float: ...
    def dot(self, a: Array, b: Array) -> float: ...
    def dropout(
        self,
        x: Array,
        *,
        rate: float,
        seed: int,
        stream: int = 0,
        step: int = 0,
        first: int = 0,
        out: Array | None = None,
    ) -> Array: ...
    def elu(self, x: Array, *, alpha: float = 1.0, out: Array | None = None) -> Array: ...
    def elu_backward(self, dy: Array, saved: Array, *, alpha: float = 1.0, out: Array | None = None) -> Array: ...
    def embedding(self, ids: Array, table: Array, *, out: Array | None = None) -> Array: ...
    def embedding_gradient(
        self, ids: Array, dy: Array, rows: int, *, batch_slice: int = 0, out: Array | None = None
    ) -> Array: ...
    def erf(self, x: Array, *, out: Array | None = None) -> Array: ...
    def exp(self, x: Array, *, out: Array | None = None) -> Array: ...
    def expm1(self, x: Array, *, out: Array | None = None) -> Array: ...
    def flush_subnormals(self, x: Array, g: Array) -> None: ...
    def gaussian_noise(
        self,
        x: Array,
        *,
        stddev: float,
        seed: int,
        stream: int = 0,
        step: int = 0,
        first: int = 0,
        out: Array | None = None,
    ) -> Array: ...
    def gelu(self, x: Array, *, alpha: float = 0.0, out: Array | None = None) -> Array: ...
    def gelu_backward(self, dy: Array, saved: Array, *, alpha: float = 0.0, out: Array | None = None) -> Array: ...
    def hinge(
        self, z: Array, target: Array, *, weight: Array | None = None, scale: float = 1.0, setting: float = 1.0
    ) -> tuple[Array, Array]: ...
    def huber(
        self, z: Array, target: Array, *, weight: Array | None = None, scale: float = 1.0, setting: float = 1.0
    ) -> tuple[Array, Array]: ...
    def image_window(
        self,
        x: Array,
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
        out: Array | None = None,
    ) -> Array: ...
    def image_window_backward(
        self,
        dy: Array,
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
        out: Array | None = None,
    ) -> Array: ...
    def lanes_to_rows(self, y: Array, rows: int) -> Array: ...
    def layer_norm(
        self,
        x: Array,
        gamma: Array | None = None,
        beta: Array | None = None,
        *,
        epsilon: float = 1e-05,
        out: Array | None = None,
    ) -> Array: ...
    def layer_norm_backward(
        self, dy: Array, x: Array, gamma: Array | None = None, *, epsilon: float = 1e-05
    ) -> tuple[Array, Array, Array]: ...
    def leaky_relu(self, x: Array, *, alpha: float = 0.01, out: Array | None = None) -> Array: ...
    def leaky_relu_backward(
        self, dy: Array, saved: Array, *, alpha: float = 0.01, out: Array | None = None
    ) -> Array: ...
    def lerp(self, y: Array, x: Array, share: float) -> None: ...
    def limit_columns(self, w: Array, limit: float) -> None: ...
    def linear(self, x: Array, *, alpha: float = 0.0, out: Array | None = None) -> Array: ...
    def linear_backward(self, dy: Array, saved: Array, *, alpha: float = 0.0, out: Array | None = None) -> Array: ...
    def log(self, x: Array, *, out: Array | None = None) -> Array: ...
    def log1p(self, x: Array, *, out: Array | None = None) -> Array: ...
    def log_loss(
        self, z: Array, target: Array, *, weight: Array | None = None, scale: float = 1.0, setting: float = 1.0
    ) -> tuple[Array, Array]: ...
    def matmul(
        self,
        a: Array,
        b: Array,
        *,
        transpose_a: bool = False,
        transpose_b: bool = False,
        bias: Array | None = None,
        finish: str = "none",
        gate: Array | None = None,
        accumulate: bool = False,
        batch_slice: int = 0,
        out: Array | None = None,
    ) -> Array: ...
    def max_pool(
        self,
        x: Array,
        *,
        pool_size: tuple[int, int],
        strides: tuple[int, int] | None = None,
        padding: str = "valid",
        out: Array | None = None,
    ) -> Array: ...
    def max_pool_backward(
        self,
        dy: Array,
        y: Array,
        x: Array,
        *,
        pool_size: tuple[int, int],
        strides: tuple[int, int] | None = None,
        padding: str = "valid",
        relu: bool = False,
        out: Array | None = None,
    ) -> Array: ...
    def max_pool_index(
        self, x: Array, *, pool_size: tuple[int, int], strides: tuple[int, int] | None = None, padding: str = "valid"
    ) -> tuple[Array, Array]: ...
    def max_pool_index_backward(
        self,
        dy: Array,
        y: Array,
        index: Array,
        *,
        size: tuple[int, int],
        pool_size: tuple[int, int],
        strides: tuple[int, int] | None = None,
        padding: str = "valid",
        relu: bool = False,
    ) -> Array: ...
    def metric_absolute_error(self, z: Array, target: Array, *, setting: float = 0.0) -> Array: ...
    def metric_accuracy(self, z: Array, target: Array, *, setting: float = 0.0) -> Array: ...
    def metric_binary_accuracy(self, z: Array, target: Array, *, setting: float = 0.0) -> Array: ...
    def metric_squared_error(self, z: Array, target: Array, *, setting: float = 0.0) -> Array: ...
    def metric_top_k(self, z: Array, target: Array, *, setting: float = 0.0) -> Array: ...
    def momentum(
        self,
        w: Array,
        state: Array,
        dw: Array,
        *,
        running: Array | None = None,
        learning_rate: float = 0.001,
        momentum: float = 0.0,
        beta1: float = 0.9,
        beta2: float = 0.999,
        rho: float = 0.9,
        epsilon: float = 1e-08,
        weight_decay: float = 0.0,
        bias_correction: bool = True,
        epsilon_inside: bool = False,
    ) -> None: ...
    def momentum_average(
        self,
        w: Array,
        state: Array,
        dw: Array,
        *,
        running: Array | None = None,
        learning_rate: float = 0.001,
        momentum: float = 0.0,
        beta1: float = 0.9,
        beta2: float = 0.999,
        rho: float = 0.9,
        epsilon: float = 1e-08,
        weight_decay: float = 0.0,
        bias_correction: bool = True,
        epsilon_inside: bool = False,
    ) -> None: ...
    def nadam(
        self,
        w: Array,
        state: Array,
        dw: Array,
        *,
        running: Array | None = None,
        learning_rate: float = 0.001,
        momentum: float = 0.0,
        beta1: float = 0.9,
        beta2: float = 0.999,
        rho: float = 0.9,
        epsilon: float = 1e-08,
        weight_decay: float = 0.0,
        bias_correction: bool = True,
        epsilon_inside: bool = False,
    ) -> None: ...
    def nesterov(
        self,
        w: Array,
        state: Array,
        dw: Array,
        *,
        running: Array | None = None,
        learning_rate: float = 0.001,
        momentum: float = 0.0,
        beta1: float = 0.9,
        beta2: float = 0.999,
        rho: float = 0.9,
        epsilon: float = 1e-08,
        weight_decay: float = 0.0,
        bias_correction: bool = True,
        epsilon_inside: bool = False,
    ) -> None: ...
    def perceptron(
        self, z: Array, target: Array, *, weight: Array | None = None, scale: float = 1.0, setting: float = 1.0
    ) -> tuple[Array, Array]: ...
    def poisson(
        self, z: Array, target: Array, *, weight: Array | None = None, scale: float = 1.0, setting: float = 1.0
    ) -> tuple[Array, Array]: ...
    def pow(self, x: Array, y: Array, *, out: Array | None = None) -> Array: ...
    def quantile(
        self, z: Array, target: Array, *, weight: Array | None = None, scale: float = 1.0, setting: float = 1.0
    ) -> tuple[Array, Array]: ...
    def random_bits(self, count: int, *, first: int = 0, seed: int, stream: int = 0, step: int = 0) -> Array: ...
    def random_normal(
        self, out: Array, *, mean: float = 0.0, deviation: float = 1.0, seed: int, stream: int = 0, step: int = 0
    ) -> Array: ...
    def random_uniform(
        self, out: Array, *, low: float = 0.0, high: float = 1.0, seed: int, stream: int = 0, step: int = 0
    ) -> Array: ...
    def relu(self, x: Array, *, alpha: float = 0.0, out: Array | None = None) -> Array: ...
    def relu_backward(self, dy: Array, saved: Array, *, alpha: float = 0.0, out: Array | None = None) -> Array: ...
    def rmsprop(
        self,
        w: Array,
        state: Array,
        dw: Array,
        *,
        running: Array | None = None,
        learning_rate: float = 0.001,
        momentum: float = 0.0,
        beta1: float = 0.9,
        beta2: float = 0.999,
        rho: float = 0.9,
        epsilon: float = 1e-08,
        weight_decay: float = 0.0,
        bias_correction: bool = True,
        epsilon_inside: bool = False,
    ) -> None: ...
    def rmsprop_centered(
        self,
        w: Array,
        state: Array,
        dw: Array,
        *,
        running: Array | None = None,
        learning_rate: float = 0.001,
        momentum: float = 0.0,
        beta1: float = 0.9,
        beta2: float = 0.999,
        rho: float = 0.9,
        epsilon: float = 1e-08,
        weight_decay: float = 0.0,
        bias_correction: bool = True,
        epsilon_inside: bool = False,
    ) -> None: ...
    def rmsprop_centered_momentum(
        self,
        w: Array,
        state: Array,
        dw: Array,
        *,
        running: Array | None = None,
        learning_rate: float = 0.001,
        momentum: float = 0.0,
        beta1: float = 0.9,
        beta2: float = 0.999,
        rho: float = 0.9,
        epsilon: float = 1e-08,
        weight_decay: float = 0.0,
        bias_correction: bool = True,
        epsilon_inside: bool = False,
    ) -> None: ...
    def rmsprop_momentum(
        self,
        w: Array,
        state: Array,
        dw: Array,
        *,
        running: Array | None = None,
        learning_rate: float = 0.001,
        momentum: float = 0.0,
        beta1: float = 0.9,
        beta2: float = 0.999,
        rho: float = 0.9,
        epsilon: float = 1e-08,
        weight_decay: float = 0.0,
        bias_correction: bool = True,
        epsilon_inside: bool = False,
    ) -> None: ...
    def rotate(self, x: Array, y: Array, c: float, s: float) -> None: ...
    def rows_to_lanes(self, x: Array) -> Array: ...
    def scale(self, x: Array, factor: float, *, out: Array | None = None) -> Array: ...
    def selu(self, x: Array, *, alpha: float = 0.0, out: Array | None = None) -> Array: ...
    def selu_backward(self, dy: Array, saved: Array, *, alpha: float = 0.0, out: Array | None = None) -> Array: ...
    def sgd(
        self,
        w: Array,
        state: Array,
        dw: Array,
        *,
        running: Array | None = None,
        learning_rate: float = 0.001,
        momentum: float = 0.0,
        beta1: float = 0.9,
        beta2: float = 0.999,
        rho: float = 0.9,
        epsilon: float = 1e-08,
        weight_decay: float = 0.0,
        bias_correction: bool = True,
        epsilon_inside: bool = False,
    ) -> None: ...
    def sigmoid(self, x: Array, *, alpha: float = 0.0, out: Array | None = None) -> Array: ...
    def sigmoid_backward(self, dy: Array, saved: Array, *, alpha: float = 0.0, out: Array | None = None) -> Array: ...
    def silu(self, x: Array, *, alpha: float = 0.0, out: Array | None = None) -> Array: ...
    def silu_backward(self, dy: Array, saved: Array, *, alpha: float = 0.0, out: Array | None = None) -> Array: ...
    def sincospi(self, x: Array) -> tuple[Array, Array]: ...
    def soft_threshold(self, x: Array, threshold: float, *, out: Array | None = None) -> Array: ...
    def softmax(self, x: Array, *, alpha: float = 0.0, out: Array | None = None) -> Array: ...
    def softmax_backward(self, dy: Array, saved: Array, *, alpha: float = 0.0, out: Array | None = None) -> Array: ...
    def softplus(self, x: Array, *, alpha: float = 0.0, out: Array | None = None) -> Array: ...
    def softplus_backward(self, dy: Array, saved: Array, *, alpha: float = 0.0, out: Array | None = None) -> Array: ...
    def spatial_dropout(
        self,
        x: Array,
        *,
        rate: float,
        seed: int,
        stream: int = 0,
        step: int = 0,
        first: int = 0,
        out: Array | None = None,
    ) -> Array: ...
    def squared_error(
        self, z: Array, target: Array, *, weight: Array | None = None, scale: float = 1.0, setting: float = 1.0
    ) -> tuple[Array, Array]: ...
    def squared_norm(self, x: Array, *, scale: float = 1.0) -> float: ...
    def standardize(self, x: Array, mean: Array, deviation: Array, *, out: Array | None = None) -> Array: ...
    def standardize_backward(self, dy: Array, deviation: Array, *, out: Array | None = None) -> Array: ...
    def step(self, x: Array, *, alpha: float = 0.0, out: Array | None = None) -> Array: ...
    def sum_abs(self, x: Array) -> float: ...
    def sum_squares(self, x: Array) -> float: ...
    def tanh(self, x: Array, *, alpha: float = 0.0, out: Array | None = None) -> Array: ...
    def tanh_backward(self, dy: Array, saved: Array, *, alpha: float = 0.0, out: Array | None = None) -> Array: ...
    def upsample(self, x: Array, *, size: tuple[int, int], out: Array | None = None) -> Array: ...
    def upsample_backward(self, dy: Array, *, size: tuple[int, int], out: Array | None = None) -> Array: ...
    def weighted_binary_cross_entropy(
        self, z: Array, target: Array, *, weight: Array | None = None, scale: float = 1.0, setting: float = 1.0
    ) -> tuple[Array, Array]: ...
    def zero_pad(
        self, x: Array, *, padding: tuple[tuple[int, int], tuple[int, int]], out: Array | None = None
    ) -> Array: ...
    def zero_pad_backward(
        self, dy: Array, *, padding: tuple[tuple[int, int], tuple[int, int]], out: Array | None = None
    ) -> Array: ...

__version__: str
rows: dict[str, dict[str, Any]]
baseline: Kernels  # where processor and build support it
avx2: Kernels  # where processor and build support it
avx512: Kernels  # where processor and build support it

def config() -> dict[str, Any]: ...
def openmp_threads() -> int: ...
def selected() -> str: ...
def select(name: str | None = None) -> str: ...
def startable_threads(wanted: int) -> int: ...
def epoch_order(rows: int, seed: int, epoch: int) -> NDArray[np.int64]: ...
def symmetric_eigen(matrix: Array) -> tuple[Vector, Vector]: ...
def inverse_hessian_product(
    gradient: Vector, pairs: list[tuple[Vector, Vector, float, float]], scale: float
) -> Vector: ...

class Sampler:
    """What SamplerFloat32 and SamplerFloat64 have in common; it exists for type checkers alone."""

    @staticmethod
    def draws(
        stratum: NDArray[np.int32],
        probability: Vector | None,
        weight: Array | None,
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
        weight: Array | None,
        *,
        strata: int,
        seed: int,
        balanced: bool = False,
        correct: bool = True,
    ) -> Sampler: ...
    @property
    def state(self) -> Array: ...
    @property
    def mean_weight(self) -> float: ...
    @property
    def weight(self) -> Array | None: ...
    @property
    def probability(self) -> Vector | None: ...
    def batch(
        self, *, step: int, epoch: int = 0, order: NDArray[np.uint32] | None = None, first: int = 0, rows: int
    ) -> NDArray[np.int64]: ...

class SamplerFloat32(Sampler): ...
class SamplerFloat64(Sampler): ...

class OperationSpec:
    def __init__(
        self,
        kind: str,
        *,
        name: str = "",
        shape: Sequence[int] = [],
        settings: Mapping[str, float | Sequence[float] | str] = {},
        branches: Sequence[Sequence[OperationSpec]] = [],
        **further: float | Sequence[float] | str,
    ) -> None: ...

class Network:
    """What NetworkFloat32 and NetworkFloat64 have in common; it exists for type checkers alone."""

    def parameters(self) -> dict[str, Array]: ...
    def statistics(self) -> dict[str, Array]: ...
    def weights(self) -> dict[str, Array]: ...
    def gradients(self) -> dict[str, Array]: ...
    def optimizer_state(self) -> dict[str, Array]: ...
    @property
    def running(self) -> Array: ...
    @property
    def input_units(self) -> int: ...
    @property
    def output_units(self) -> int: ...
    @property
    def operation_units(self) -> list[int]: ...
    @property
    def step(self) -> int: ...
    @step.setter
    def step(self, step: int) -> None: ...
    @property
    def sums(self) -> Vector: ...
    @sums.setter
    def sums(self, sums: Vector) -> None: ...
    def set_trainable(self, flags: Sequence[bool]) -> None: ...
    def set_loss(
        self, name: str, *, setting: float, reduction: str = "mean", skip_activation: bool = False
    ) -> None: ...
    def set_optimizer(self, rule: str, settings: dict[str, Any]) -> None: ...
    def set_averaging(self, *, decay: float | None, start: int, every: int, by_epoch: bool) -> None: ...
    def train(
        self,
        X: Inputs,
        target: Array,
        weight: Array | None,
        *,
        batch_size: int,
        first_epoch: int,
        epochs: int,
        first_batch: int = 0,
        batches: int = 0,
        continues: bool = False,
        shuffle_seed: int | None = None,
        rates: Vector,
        metrics: Sequence[tuple[str, float]] = [],
        n_threads: int = 1,
        sampler: Sampler | None = None,
    ) -> dict[str, Any]: ...
    @staticmethod
    def train_many(
        networks: Sequence[Network],
        data: Sequence[tuple[Inputs, Array, Array | None]],
        options: Sequence[dict[str, Any]],
        *,
        n_threads: int = 1,
    ) -> list[dict[str, Any]]: ...
    def loss_and_gradients(self, X: Inputs, target: Array, weight: Array | None, *, n_threads: int = 1) -> float: ...
    def backward(self, X: Inputs, doutput: Array, *, n_threads: int = 1) -> None: ...
    def apply_gradients(self, learning_rate: float) -> None: ...
    def evaluate(
        self,
        X: Inputs,
        target: Array,
        weight: Array | None,
        *,
        metrics: Sequence[tuple[str, float]] = [],
        n_threads: int = 1,
    ) -> dict[str, Any]: ...
    def population_losses(
        self, members: Vector, X: Inputs, target: Array, weight: Array | None, *, n_threads: int = 1
    ) -> Vector: ...
    def forward(
        self, X: Inputs, *, operations: int | None = None, skip_activation: bool = False, n_threads: int = 1
    ) -> Array | None: ...
    def forward_few(self, X: Array) -> Array | None: ...

class NetworkFloat32(Network):
    def __init__(self, input_units: int, operations: Sequence[OperationSpec], seed: int) -> None: ...

class NetworkFloat64(Network):
    def __init__(self, input_units: int, operations: Sequence[OperationSpec], seed: int) -> None: ...

class DefaultFloatingPointMode:
    def __init__(self) -> None: ...
    def __enter__(self) -> None: ...
    def __exit__(self, *error: object) -> None: ...
