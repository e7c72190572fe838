"""Operations on images in NumPy: pooling, upsampling, padding and dropped channels."""

from __future__ import annotations

import math

import numpy as np

from . import images, random
from .batches import DROPOUT_STREAM, Array
from .operations import DropoutKey, Operation, OperationSpec

__all__ = ["KINDS"]


class ImageOperation(Operation):
    """An operation on rows that are images of ``spec.shape``, (height, width, channels)."""

    def __init__(self, spec: OperationSpec, inputs: int, index: int, dtype: np.dtype) -> None:
        super().__init__(spec, inputs, index, dtype)
        if len(spec.shape) != 3 or math.prod(spec.shape) != inputs:
            raise ValueError(f"shape of {spec.name}, {tuple(spec.shape)}, is not that of rows of {inputs} numbers")
        self.units = self._outputs(np.zeros((1, *spec.shape), dtype)).size

    def forward(self, x: Array, key: DropoutKey | None, *, skip_activation: bool) -> Array:
        """Return the new images, as rows."""
        self.x = x.reshape(len(x), *self.spec.shape)
        self.y = self._outputs(self.x)
        return self.y.reshape(len(x), -1)

    def backward(self, dy: Array) -> Array:
        """Return the gradient with respect to the images, as rows."""
        return self._gradient(dy.reshape(self.y.shape)).reshape(len(dy), -1)

    def _outputs(self, x: Array) -> Array:
        raise NotImplementedError

    def _gradient(self, dy: Array) -> Array:
        raise NotImplementedError

    def _pair(self, setting: str, first: int = 0) -> tuple[int, int]:
        numbers = self.spec.settings[setting]
        return int(numbers[first]), int(numbers[first + 1])


class Pool(ImageOperation):
    """The base of pooling: the windows of an image."""

    def __init__(self, spec: OperationSpec, inputs: int, index: int, dtype: np.dtype) -> None:
        self.padding = "same" if spec.settings["same"][0] else "valid"
        super().__init__(spec, inputs, index, dtype)


class MaxPool(Pool):
    """y = the largest pixel of each window; dy goes to the first of these."""

    def _outputs(self, x: Array) -> Array:
        pool_size, strides = self._pair("pool_size"), self._pair("strides")
        return images.max_pool(x, pool_size=pool_size, strides=strides, padding=self.padding)

    def _gradient(self, dy: Array) -> Array:
        pool_size, strides = self._pair("pool_size"), self._pair("strides")
        return images.max_pool_backward(dy, self.y, self.x, pool_size=pool_size, strides=strides, padding=self.padding)


class AveragePool(Pool):
    """y = the mean of each window; each of its n pixels gets ``dy / n``."""

    def _outputs(self, x: Array) -> Array:
        pool_size, strides = self._pair("pool_size"), self._pair("strides")
        return images.average_pool(x, pool_size=pool_size, strides=strides, padding=self.padding)

    def _gradient(self, dy: Array) -> Array:
        size, pool_size, strides = self.spec.shape[:2], self._pair("pool_size"), self._pair("strides")
        return images.average_pool_backward(
            dy, size=(size[0], size[1]), pool_size=pool_size, strides=strides, padding=self.padding
        )


class Upsample(ImageOperation):
    """Repeats every pixel as a block; ``dx`` is the sum over the block."""

    def _outputs(self, x: Array) -> Array:
        return images.upsample(x, size=self._pair("size"))

    def _gradient(self, dy: Array) -> Array:
        return images.upsample_backward(dy, size=self._pair("size"))


class ZeroPad(ImageOperation):
    """Pads the image with zeros; ``dx`` is dy without the border."""

    def _outputs(self, x: Array) -> Array:
        return images.zero_pad(x, padding=(self._pair("padding"), self._pair("padding", 2)))

    def _gradient(self, dy: Array) -> Array:
        return images.zero_pad_backward(dy, padding=(self._pair("padding"), self._pair("padding", 2)))


class SpatialDropout(Operation):
    """``y = m x / (1 - rate)``: m is 0 with probability ``rate``, else 1, drawn anew for every channel and step."""

    def __init__(self, spec: OperationSpec, inputs: int, index: int, dtype: np.dtype) -> None:
        super().__init__(spec, inputs, index, dtype)
        self.key: DropoutKey | None = None
        self.positions = int(spec.settings["positions"][0])

    def forward(self, x: Array, key: DropoutKey | None, *, skip_activation: bool) -> Array:
        """Return the masked x; channel c of the batch's row i is position ``i channels + c`` of its random stream."""
        self.key = key
        return self._mask(x)

    def backward(self, dy: Array) -> Array:
        """``dx = m dy / (1 - rate)``: the same map."""
        return self._mask(dy)

    def _mask(self, x: Array) -> Array:
        if self.key is None:
            return x
        shaped = x.reshape(len(x), self.positions, -1)
        stream = DROPOUT_STREAM | self.index
        masked: Array = random.spatial_dropout(
            shaped, rate=self.spec.rate, seed=self.key.seed, stream=stream, step=self.key.step
        )
        return masked.reshape(x.shape)


KINDS: dict[str, type[Operation]] = {
    "max_pool": MaxPool,
    "average_pool": AveragePool,
    "upsample": Upsample,
    "zero_pad": ZeroPad,
    "spatial_dropout": SpatialDropout,
}
