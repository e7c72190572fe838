"""The operations of a network in NumPy: forward and backward passes of layers.

Every operation maps a batch ``x`` (rows, inputs) to ``y`` (rows, units) and, in the backward pass, ``dy = dL/dy`` to
``dx = dL/dx``; a dense one also fills the gradients of its parameters.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field, replace
from typing import Any

import numpy as np

from .. import _core
from . import activations, random
from .batches import DROPOUT_STREAM, NOISE_STREAM, USUAL_BATCH_SLICE, Array, gradient_slice
from .clipping import limit_columns, soft_threshold, squared_norm
from .convolution import conv2d, conv2d_dweight, conv2d_dx
from .matmul import matmul
from .sparse import embedding, embedding_gradient
from .vector import add_penalty_gradient, column_sums, sum_abs, sum_squares

#: Activations whose derivative is computed from the input; the others use the output.
FROM_INPUT = frozenset(name for name, row in _core.rows["activations"].items() if row["from_input"])


@dataclass(frozen=True)
class OperationSpec:
    """Description of one operation; the compiled ``_core.OperationSpec`` takes the same settings.

    Parameters
    ----------
    kind : str
        The kind of operation, one of `KINDS`.
    name : str
        Name of the layer, the first half of its parameters' names.
    shape : tuple of ints
        Shape of a row of the input, if the kind needs more than a width.
    units : int
        Output units of a dense operation; the others keep the number of units.
    use_bias : bool
        Whether a dense operation adds a bias.
    activation : str
        Activation of a dense or activation operation.
    alpha : float
        Setting of the activation (slope of ``leaky_relu``, limit of ``elu``).
    rate : float
        Share of units a dropout operation drops, in [0, 1).
    stddev : float
        Standard deviation of the noise of a gaussian_noise operation.
    l1, l2, l2_norm : float
        Factors of the penalty ``l1 sum |W| + l2 sum W^2 + l2_norm |W|`` on a dense operation's kernel, with
        ``|W| = sqrt(sum W^2)``.
    proximal : bool
        Whether l1 is applied by thresholding after the step, not by its gradient.
    max_norm : float
        The largest norm of a kernel's column after a step; 0 is no limit.
    settings : dict of str to tuple of floats
        Settings of only this kind.
    branches : tuple of tuples of OperationSpec
        The operations inside one that merges branches.

    Examples
    --------
    >>> OperationSpec("dense", name="dense", units=3).activation
    'linear'
    """

    kind: str
    _: KW_ONLY
    name: str = ""
    shape: Sequence[int] = ()
    units: int = 0
    use_bias: bool = True
    activation: str = "linear"
    alpha: float = 0.0
    rate: float = 0.0
    stddev: float = 0.0
    l1: float = 0.0
    l2: float = 0.0
    l2_norm: float = 0.0
    proximal: bool = False
    max_norm: float = 0.0
    settings: Mapping[str, Sequence[float]] = field(default_factory=dict)
    branches: Sequence[Sequence[OperationSpec]] = ()


@dataclass(frozen=True)
class DropoutKey:
    """The inputs of a training pass besides its rows: the key of dropout masks and noise, the rows' weights."""

    seed: int
    step: int
    weight: Array | None = None


class ActivationFunction:
    """An activation pair that saves what its derivative needs.

    ``forward``: y = f(x). ``backward``: dx = dy f'(x), with f' written in terms of y or, for some, of x.
    """

    def __init__(self, name: str, alpha: float) -> None:
        self.name, self.alpha = name, alpha
        self.saved: Array | None = None

    def forward(self, x: Array, *, skip: bool) -> Array:
        """Return f(x), or x itself with ``skip``."""
        y: Array = x if skip else getattr(activations, self.name)(x, alpha=self.alpha)
        self.saved = None if skip else (x if self.name in FROM_INPUT else y)
        return y

    def backward(self, dy: Array) -> Array:
        """Return ``dy f'`` at the point of the last ``forward``."""
        if self.saved is None:
            return dy
        pullback = getattr(activations, f"{self.name}_backward", None)
        if pullback is None:
            raise ValueError(f"activation '{self.name}' has no derivative: leave it out of training, or choose another")
        dx: Array = pullback(dy, self.saved, alpha=self.alpha)
        return dx


class Operation:
    """One operation: an activation, and before it the computation of the subclass.

    Parameters
    ----------
    spec : OperationSpec
        The description.
    inputs : int
        The number of input units.
    index : int
        Index in the network, from 0, branches in depth: it numbers the random stream of a dropout mask or of noise.
    dtype : dtype
        float32 or float64.
    """

    #: The least rows of a slice of a batch that it asks for; the least of all operations' holds for the network.
    least_slice = USUAL_BATCH_SLICE
    #: Elements of all parameters of the network.
    weights = 0

    def __init__(self, spec: OperationSpec, inputs: int, index: int, dtype: np.dtype) -> None:
        self.spec, self.inputs, self.index = spec, inputs, index
        self.units = inputs
        self.trainable = True
        self.parameters: dict[str, Array] = {}
        self.gradients: dict[str, Array] = {}
        self.statistics: dict[str, Array] = {}
        self.activation = ActivationFunction(spec.activation, spec.alpha)

    def forward(self, x: Array, key: DropoutKey | None, *, skip_activation: bool) -> Array:
        """Return y; ``key`` is None outside training: dropout and noise are off. ``skip_activation`` skips f."""
        return self.activation.forward(x, skip=skip_activation)

    def backward(self, dy: Array) -> Array:
        """Return dx, and fill the gradients of the parameters."""
        return self.activation.backward(dy)

    def all(self) -> Iterator[Operation]:
        """Give this operation, and those inside it after it."""
        yield self

    def learn(self) -> None:
        """Update the statistics from the last batch's ``forward``."""

    def row_norms(self) -> Array | float:
        """Return each row's ``|gradient|^2`` over the parameters, after ``backward``."""
        return 0.0

    def penalty(self) -> float:
        """Return the penalty, which is added to the loss."""
        return 0.0

    def add_penalty_gradient(self, *, smooth: bool, share: float = 1.0) -> None:
        """Add ``share`` times the gradient of ``penalty``; ``smooth`` omits what is applied by thresholding."""

    def threshold(self, learning_rate: float) -> None:
        """Apply the thresholding of a proximal penalty."""

    def constrain(self) -> None:
        """Apply the constraints on the parameters."""


class Dense(Operation):
    """``y = f(x W + b)`` with W (inputs, units) and b (units,)."""

    def __init__(self, spec: OperationSpec, inputs: int, index: int, dtype: np.dtype) -> None:
        super().__init__(spec, inputs, index, dtype)
        self.units = spec.units
        shapes: dict[str, tuple[int, ...]] = {"kernel": (inputs, spec.units)}
        if spec.use_bias:
            shapes["bias"] = (spec.units,)
        for name, shape in shapes.items():
            self.parameters[name] = np.zeros(shape, dtype)
            self.gradients[name] = np.zeros(shape, dtype)
        self.x = np.empty((0, inputs), dtype)

    def forward(self, x: Array, key: DropoutKey | None, *, skip_activation: bool) -> Array:
        """``z = x W + b``, ``y = f(z)``."""
        self.x = x
        z = matmul(x, self.parameters["kernel"], bias=self.parameters.get("bias"))
        return self.activation.forward(z, skip=skip_activation)

    def backward(self, dy: Array) -> Array:
        """``dz = dy f'(z)``; ``dW = x^T dz`` and ``db = sum of dz's rows``, both by batch slices; ``dx = dz W^T``."""
        self.dz = dz = self.activation.backward(dy)
        size = gradient_slice(len(dz), self.least_slice, self.weights)
        if self.trainable:
            self.gradients["kernel"][...] = matmul(self.x, dz, transpose_a=True, batch_slice=size)
            if self.spec.use_bias:
                self.gradients["bias"][...] = column_sums(dz, batch_slice=size)
        return matmul(dz, self.parameters["kernel"], transpose_b=True)

    def row_norms(self) -> Array | float:
        """``|x|^2 |dz|^2``, and ``|dz|^2`` for the bias: a row's dW is the outer product of x and dz."""
        x, dz = self.x.astype(np.float64), self.dz.astype(np.float64)
        norms: Array = (dz**2).sum(axis=1) * ((x**2).sum(axis=1) + self.spec.use_bias)
        return norms

    def penalty(self) -> float:
        """``l1 sum |W| + l2 sum W^2 + l2_norm |W|``, in float64."""
        w = self.parameters["kernel"].ravel()
        value = 0.0
        if self.spec.l1:
            value += self.spec.l1 * float(sum_abs(w))
        if self.spec.l2:
            value += self.spec.l2 * float(sum_squares(w))
        if self.spec.l2_norm:
            value += self.spec.l2_norm * squared_norm(w) ** 0.5
        return value

    def add_penalty_gradient(self, *, smooth: bool, share: float = 1.0) -> None:
        """``dW += share (l1 sign(W) + 2 l2 W + l2_norm W / |W|)``, the last 0 at W = 0."""
        if not self.trainable:
            return
        dw, w = self.gradients["kernel"].reshape(-1), self.parameters["kernel"].reshape(-1)
        norm = squared_norm(w) ** 0.5
        slope = min(self.spec.l2_norm / (2.0 * norm), float(np.finfo(w.dtype).max) / 4.0) if norm else 0.0
        l1 = 0.0 if self.spec.proximal and smooth else self.spec.l1
        if l1 or self.spec.l2 or slope:
            add_penalty_gradient(dw, w, l1=share * l1, l2=share * (self.spec.l2 + slope))

    def threshold(self, learning_rate: float) -> None:
        """``W = sign(W) max(|W| - a l1, 0)``, a the learning rate, if l1 is proximal."""
        if self.trainable and self.spec.proximal and self.spec.l1:
            w = self.parameters["kernel"]
            soft_threshold(w, learning_rate * self.spec.l1, out=w)

    def constrain(self) -> None:
        """Shorten the kernel's columns to ``max_norm``."""
        if self.trainable and self.spec.max_norm:
            limit_columns(self.parameters["kernel"], self.spec.max_norm)


class Conv2D(Dense):
    """``y = f(x * W + b)``: the convolution of images with W (kernel_height, kernel_width, channels / groups, filters).

    The settings are kernel_size, strides, dilation (down, across), padding (top, bottom, left, right), groups and
    kernel_shape, the shape of W for users.
    """

    least_slice = 16

    def __init__(self, spec: OperationSpec, inputs: int, index: int, dtype: np.dtype) -> None:
        super().__init__(spec, inputs, index, dtype)
        settings = {name: tuple(map(int, numbers)) for name, numbers in spec.settings.items()}
        top, bottom, left, right = settings["padding"]
        self.kernel_size, self.groups = (settings["kernel_size"][0], settings["kernel_size"][1]), settings["groups"][0]
        self.settings: dict[str, Any] = {
            "strides": settings["strides"],
            "dilation": settings["dilation"],
            "padding": ((top, bottom), (left, right)),
            "groups": self.groups,
        }
        self.kernel_shape = (*self.kernel_size, spec.shape[2] // self.groups, spec.units)
        seen = settings["kernel_shape"]
        self.parameters["kernel"], self.gradients["kernel"] = np.zeros(seen, dtype), np.zeros(seen, dtype)
        self.out = conv2d(np.zeros((1, *spec.shape)), np.zeros(self.kernel_shape), **self.settings).shape[1:]
        self.units = int(np.prod(self.out))

    @property
    def kernel(self) -> Array:
        """W in the shape that the convolution needs."""
        return self.parameters["kernel"].reshape(self.kernel_shape)

    def forward(self, x: Array, key: DropoutKey | None, *, skip_activation: bool) -> Array:
        """``z = x * W + b``, ``y = f(z)``."""
        self.x = x.reshape(len(x), *self.spec.shape)
        z = conv2d(self.x, self.kernel, bias=self.parameters.get("bias"), **self.settings)
        return self.activation.forward(z.reshape(len(x), -1), skip=skip_activation)

    def backward(self, dy: Array) -> Array:
        """``dz = dy f'(z)``, from which dW, db and dx follow as the convolution's gradients."""
        self.dz = dz = self.activation.backward(dy).reshape(len(dy), *self.out)
        if self.trainable:
            dw, dbias = conv2d_dweight(self.x, dz, self.kernel_size, **self.settings)
            self.gradients["kernel"][...] = dw.reshape(self.gradients["kernel"].shape)
            if self.spec.use_bias:
                self.gradients["bias"][...] = dbias
        dx = conv2d_dx(dz, self.kernel, self.x.shape[1:3], **self.settings)
        return dx.reshape(len(dy), -1)

    def row_norms(self) -> Array | float:
        """``|dW|^2 + |db|^2`` of each single image."""
        x, dz = self.x.astype(np.float64), self.dz.astype(np.float64)
        norms = []
        for i in range(len(x)):
            dw, dbias = conv2d_dweight(x[i : i + 1], dz[i : i + 1], self.kernel_size, **self.settings)
            norms.append((dw**2).sum() + self.spec.use_bias * (dbias**2).sum())
        return np.array(norms)

    def constrain(self) -> None:
        """Shorten each filter to ``max_norm``."""
        if self.trainable and self.spec.max_norm:
            limit_columns(self.parameters["kernel"].reshape(-1, self.spec.units), self.spec.max_norm)


class Embedding(Dense):
    """``y[t] = W[x[t]]`` for the ids x of a row: the product of one-hot rows and W (input_dim, output_dim)."""

    def __init__(self, spec: OperationSpec, inputs: int, index: int, dtype: np.dtype) -> None:
        self.ids = int(spec.settings["input_dim"][0])
        super().__init__(replace(spec, use_bias=False), self.ids, index, dtype)
        self.units = inputs * spec.units

    def forward(self, x: Array, key: DropoutKey | None, *, skip_activation: bool) -> Array:
        """Return the rows of W, one after the other."""
        self.x = x
        rows: Array = embedding(x.reshape(-1), self.parameters["kernel"]).reshape(len(x), self.units)
        return rows

    def backward(self, dy: Array) -> Array:
        """``dW[r] = sum of the dy[t] with x[t] = r``, by batch slices; there is no dx."""
        self.dz = dy.reshape(-1, self.spec.units)
        length = self.x.shape[1]
        size = gradient_slice(len(dy), self.least_slice, self.weights) * length
        if self.trainable:
            embedding_gradient(self.x.reshape(-1), self.dz, self.ids, batch_slice=size, out=self.gradients["kernel"])
        return np.zeros_like(self.x)

    def row_norms(self) -> Array | float:
        """``sum over ids r of |sum of the row's dy[t] with x[t] = r|^2``."""
        dy = self.dz.reshape(len(self.x), -1, self.spec.units).astype(np.float64)
        return np.array(
            [
                sum(float((own[ids == r].sum(axis=0) ** 2).sum()) for r in np.unique(ids))
                for ids, own in zip(self.x, dy, strict=True)
            ]
        )


class Dropout(Operation):
    """``y = m x / (1 - rate)``: m is 0 with probability ``rate``, else 1, drawn anew for every element and step."""

    def __init__(self, spec: OperationSpec, inputs: int, index: int, dtype: np.dtype) -> None:
        super().__init__(spec, inputs, index, dtype)
        self.key: DropoutKey | None = None

    def forward(self, x: Array, key: DropoutKey | None, *, skip_activation: bool) -> Array:
        """Return the masked x; element (i, j) of the batch is position ``i units + j`` of its random stream."""
        self.key = key
        return self._mask(x)

    def backward(self, dy: Array) -> Array:
        """``dx = m dy / (1 - rate)``: the same map."""
        return self._mask(dy)

    def _mask(self, x: Array) -> Array:
        if self.key is None:
            return x
        stream = DROPOUT_STREAM | self.index
        masked: Array = random.dropout(x, rate=self.spec.rate, seed=self.key.seed, stream=stream, step=self.key.step)
        return masked


class GaussianNoise(Operation):
    """``y = x + stddev z``, z standard normal, drawn anew for every element and step; ``dx = dy``."""

    def forward(self, x: Array, key: DropoutKey | None, *, skip_activation: bool) -> Array:
        """Return the noisy x; element (i, j) of the batch takes value ``i units + j`` of its random stream."""
        if key is None or not self.spec.stddev:
            return x
        stream = NOISE_STREAM | self.index
        noisy: Array = random.gaussian_noise(x, stddev=self.spec.stddev, seed=key.seed, stream=stream, step=key.step)
        return noisy


class Branches(Operation):
    """Chains of operations with a common input, whose outputs are merged.

    ``y = (f_1(x), f_2(x) ...)`` along the last axis (concat), ``sum_i f_i(x)`` (add) or that divided by their number
    (mean); an empty chain is x. ``dx`` is the sum of the chains' gradients, in their order.
    """

    def __init__(self, spec: OperationSpec, inputs: int, index: int, dtype: np.dtype) -> None:
        super().__init__(spec, inputs, index, dtype)
        if not spec.branches:
            raise ValueError(f"{spec.name} needs at least one branch, got none")
        self.branches: list[list[Operation]] = []
        for branch in spec.branches:
            self.branches.append(make_operations(branch, inputs, dtype, index + 1))
            index += sum(1 for operation in self.branches[-1] for _ in operation.all())
        self.positions = int(spec.settings["positions"][0])
        ends = [branch[-1].units if branch else inputs for branch in self.branches]
        if any(units % self.positions for units in ends):
            raise ValueError(f"a branch of {spec.name} gives numbers that are no {self.positions} positions")
        if spec.kind != "concat" and len(set(ends)) > 1:
            raise ValueError(f"branches of {spec.name} give {ends} numbers, which cannot be added")
        self.widths = [units // self.positions for units in ends]
        self.units = sum(ends) if spec.kind == "concat" else ends[0]

    def all(self) -> Iterator[Operation]:
        """Give this operation, and those of every branch."""
        yield self
        for branch in self.branches:
            for operation in branch:
                yield from operation.all()

    def forward(self, x: Array, key: DropoutKey | None, *, skip_activation: bool) -> Array:
        """Return the joined outputs."""
        ends = []
        for branch in self.branches:
            y = x
            for operation in branch:
                y = operation.forward(y, key, skip_activation=False)
            ends.append(y)
        if self.spec.kind == "concat":
            shaped = [end.reshape(len(x), self.positions, -1) for end in ends]
            return np.concatenate(shaped, axis=2).reshape(len(x), -1)
        total = ends[0]
        for end in ends[1:]:
            total = total + end
        return total * self._factor(x.dtype) if self.spec.kind == "mean" else total

    def backward(self, dy: Array) -> Array:
        """``dx = sum_i df_i/dx^T dy_i``."""
        if self.spec.kind == "concat":
            shaped = dy.reshape(len(dy), self.positions, -1)
            cuts = np.split(shaped, np.cumsum(self.widths)[:-1], axis=2)
            parts = [np.ascontiguousarray(cut).reshape(len(dy), -1) for cut in cuts]
        else:
            parts = [dy * self._factor(dy.dtype) if self.spec.kind == "mean" else dy] * len(self.branches)
        dx: Array | None = None
        for branch, part in zip(self.branches, parts, strict=True):
            for operation in reversed(branch):
                part = operation.backward(part)
            dx = part if dx is None else dx + part
        assert dx is not None
        return dx

    def _factor(self, dtype: np.dtype) -> Array:
        factor: Array = dtype.type(1) / dtype.type(len(self.branches))
        return factor


KINDS: dict[str, type[Operation]] = {
    "dense": Dense,
    "conv2d": Conv2D,
    "activation": Operation,
    "dropout": Dropout,
    "gaussian_noise": GaussianNoise,
    "embedding": Embedding,
    "concat": Branches,
    "add": Branches,
    "mean": Branches,
}


def make_operations(specs: Sequence[OperationSpec], inputs: int, dtype: np.dtype, index: int = 0) -> list[Operation]:
    """Build the operations of a network or a branch, each for the output units of the one before.

    Raises
    ------
    ValueError
        If a kind or an activation is unknown, or an operation cannot be built.
    """
    operations: list[Operation] = []
    for spec in specs:
        if spec.kind not in KINDS:
            raise ValueError(f"unknown operation kind '{spec.kind}'; choose from {', '.join(KINDS)}")
        if not hasattr(activations, spec.activation):
            raise ValueError(f"unknown activation '{spec.activation}'")
        if spec.kind == "dense" and spec.units < 1:
            raise ValueError(f"units must be at least 1, got {spec.units}")
        operations.append(KINDS[spec.kind](spec, inputs, index, dtype))
        inputs = operations[-1].units
        index += sum(1 for _ in operations[-1].all())
    return operations
