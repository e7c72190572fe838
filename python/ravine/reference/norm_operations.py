"""The operations of batch and layer normalisation, in NumPy."""

from __future__ import annotations

import numpy as np

from .batches import Array
from .normalization import batch_moments, batch_norm, batch_norm_backward, layer_norm, layer_norm_backward
from .operations import DropoutKey, Operation, OperationSpec


class Norm(Operation):
    """The base of both norms: ``y = gamma n + beta``, with n of mean 0 and variance 1."""

    def __init__(self, spec: OperationSpec, inputs: int, index: int, dtype: np.dtype) -> None:
        super().__init__(spec, inputs, index, dtype)
        if int(np.prod(spec.shape)) != inputs:
            raise ValueError(f"shape of {spec.name} must be that of a row of its input, {inputs} numbers")
        self.epsilon = float(spec.settings["epsilon"][0])
        for name, setting in (("gamma", "scale"), ("beta", "center")):
            if spec.settings[setting][0]:
                self.parameters[name] = np.zeros(spec.shape[-1], dtype)
                self.gradients[name] = np.zeros(spec.shape[-1], dtype)

    def shaped(self, x: Array) -> Array:
        """Return rows as (rows, positions, channels)."""
        return x.reshape(len(x), -1, self.spec.shape[-1])

    def keep(self, dgamma: Array, dbeta: Array) -> None:
        """Write the gradients of gamma and beta, if they exist."""
        if self.trainable:
            for name, gradient in (("gamma", dgamma), ("beta", dbeta)):
                if name in self.gradients:
                    self.gradients[name][...] = gradient


class BatchNorm(Norm):
    """``y = gamma (x - m) / sqrt(v + epsilon) + beta``; m and v of the batch in training, else the running ones."""

    def __init__(self, spec: OperationSpec, inputs: int, index: int, dtype: np.dtype) -> None:
        super().__init__(spec, inputs, index, dtype)
        self.statistics["moving_mean"] = np.zeros(spec.shape[-1], dtype)
        self.statistics["moving_variance"] = np.ones(spec.shape[-1], dtype)

    def forward(self, x: Array, key: DropoutKey | None, *, skip_activation: bool) -> Array:
        """Return y, with the statistics of the batch or the running ones."""
        self.x, self.key = self.shaped(x), key if self.trainable else None
        if self.key is None:
            mean, variance = (r.astype(np.float64) for r in self.statistics.values())
            self.moments = mean, variance
        else:
            self.moments = batch_moments(self.x, weight=self.key.weight)
        gamma, beta = self.parameters.get("gamma"), self.parameters.get("beta")
        return batch_norm(self.x, *self.moments, gamma, beta, epsilon=self.epsilon).reshape(x.shape)

    def backward(self, dy: Array) -> Array:
        """Return dx, through the statistics of the batch if ``forward`` used those."""
        dx, dgamma, dbeta = batch_norm_backward(
            self.shaped(dy),
            self.x,
            *self.moments,
            self.parameters.get("gamma"),
            epsilon=self.epsilon,
            weight=None if self.key is None else self.key.weight,
            constant=self.key is None,
        )
        self.keep(dgamma, dbeta)
        return dx.reshape(dy.shape)

    def learn(self) -> None:
        """``r = momentum r + (1 - momentum) b``, unless the batch's statistics b are those of a single value."""
        if self.key is None:
            return
        rows = len(self.x) if self.key.weight is None else np.count_nonzero(self.key.weight)
        if rows * self.x.shape[1] < 2:
            return
        share = 1.0 - float(self.spec.settings["momentum"][0])
        for running, batch in zip(self.statistics.values(), self.moments, strict=True):
            running[...] = running + share * (batch - running)


class LayerNorm(Norm):
    """``y = gamma (x - m) / sqrt(v + epsilon) + beta``, m and v along the last axis of each row's shape."""

    def forward(self, x: Array, key: DropoutKey | None, *, skip_activation: bool) -> Array:
        """Return y."""
        self.x = self.shaped(x)
        gamma, beta = self.parameters.get("gamma"), self.parameters.get("beta")
        return layer_norm(self.x, gamma, beta, epsilon=self.epsilon).reshape(x.shape)

    def backward(self, dy: Array) -> Array:
        """Return dx."""
        self.dy = self.shaped(dy)
        dx, dgamma, dbeta = layer_norm_backward(self.dy, self.x, self.parameters.get("gamma"), epsilon=self.epsilon)
        self.keep(dgamma, dbeta)
        return dx.reshape(dy.shape)

    def row_norms(self) -> Array | float:
        """Each row's ``|dgamma|^2 + |dbeta|^2``, of those that exist."""
        wide = self.dy.astype(np.float64), self.x.astype(np.float64)
        found = []
        for dy, x in zip(*wide, strict=True):
            gradients = dict(zip(("gamma", "beta"), layer_norm_backward(dy, x, epsilon=self.epsilon)[1:], strict=True))
            found.append(sum(float(np.sum(gradients[name] ** 2)) for name in self.parameters))
        return np.array(found)


KINDS: dict[str, type[Operation]] = {"batch_norm": BatchNorm, "layer_norm": LayerNorm}
