"""Data sets: handwritten digits, Fashion-MNIST, and point sets in the plane.

All are deterministic: the digits have a fixed split, and the point sets are drawn with ravine's own generator, so that
a seed gives the same bits on every machine with fused multiply-add.
"""

from .images import Split, digits, fashion_mnist, read_idx
from .plane import circle, gaussian, moons, spiral, xor

__all__ = ["Split", "circle", "digits", "fashion_mnist", "gaussian", "moons", "read_idx", "spiral", "xor"]
