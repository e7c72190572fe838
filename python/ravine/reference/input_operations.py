"""The operations of a network in NumPy that work on its inputs: augmentation and standardisation."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import augment, standards
from .batches import AUGMENT_STREAM, Array
from .operations import DropoutKey, Operation, OperationSpec

__all__ = ["KINDS", "Augment", "Standardize"]


class Augment(Operation):
    """Windows of images at positions drawn for each image and step; outside training at a fixed position."""

    BORDERS = ("constant", "nearest", "reflect", "wrap")

    def __init__(self, spec: OperationSpec, inputs: int, index: int, dtype: np.dtype) -> None:
        super().__init__(spec, inputs, index, dtype)
        height, width = (int(size) for size in spec.settings["size"])
        self.size = height, width
        self.units = height * width * spec.shape[2]
        self.key: DropoutKey | None = None

    def forward(self, x: Array, key: DropoutKey | None, *, skip_activation: bool) -> Array:
        """Return the windows; image i of the batch takes block i of its random stream."""
        self.key = key
        images = x.reshape(len(x), *self.spec.shape)
        return augment.image_window(images, self.size, **self._place()).reshape(len(x), -1)

    def backward(self, dy: Array) -> Array:
        """Give each input pixel the sum of the gradients of the output pixels that show it."""
        height, width, channels = self.spec.shape
        windows = dy.reshape(len(dy), *self.size, channels)
        return augment.image_window_backward(windows, (height, width), **self._place()).reshape(len(dy), -1)

    def _place(self) -> dict[str, Any]:
        settings = self.spec.settings
        (top, tops, top_still), (left, lefts, left_still) = (map(int, settings[name]) for name in ("top", "left"))
        edges = {"border": self.BORDERS[int(settings["border"][0])], "fill": settings["fill"][0]}
        if self.key is None:
            return {"top": top_still, "left": left_still, "seed": 0, **edges}
        flips = {"flip_vertical": bool(settings["flips"][0]), "flip_horizontal": bool(settings["flips"][1])}
        drawn = {"seed": self.key.seed, "stream": AUGMENT_STREAM | self.index, "step": self.key.step}
        return {"top": top, "left": left, "tops": tops, "lefts": lefts, **flips, **drawn, **edges}


class Standardize(Operation):
    """``y = (x - mean) / deviation``, with numbers for each index of a row's last axis that no step changes."""

    def __init__(self, spec: OperationSpec, inputs: int, index: int, dtype: np.dtype) -> None:
        super().__init__(spec, inputs, index, dtype)
        self.trainable = False
        for name in ("mean", "deviation"):
            self.parameters[name] = np.zeros(spec.units, dtype)
            self.gradients[name] = np.zeros(spec.units, dtype)

    def forward(self, x: Array, key: DropoutKey | None, *, skip_activation: bool) -> Array:
        """Return the standardised x."""
        columns = x.reshape(len(x), -1, self.spec.units)
        return standards.standardize(columns, self.parameters["mean"], self.parameters["deviation"]).reshape(x.shape)

    def backward(self, dy: Array) -> Array:
        """``dx = dy / deviation``."""
        columns = dy.reshape(len(dy), -1, self.spec.units)
        return standards.standardize_backward(columns, self.parameters["deviation"]).reshape(dy.shape)


KINDS: dict[str, type[Operation]] = {"augment": Augment, "standardize": Standardize}
