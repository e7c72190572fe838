"""Layers that give a row another shape."""

from __future__ import annotations

import math

from .base import Layer, Shape

__all__ = ["Flatten"]


class Flatten(Layer):
    """Makes a flat row of an image or any other array: (height, width, channels) to (height * width * channels,).

    `name` as for `Layer`.
    """

    kind = "flatten"
    computes = False

    def __init__(self, *, name: str | None = None) -> None:
        super().__init__(name=name)

    def output_shape(self, shape: Shape) -> Shape:
        """Return the product of the sizes."""
        return (math.prod(shape),)

    def __repr__(self) -> str:
        return self._call()
