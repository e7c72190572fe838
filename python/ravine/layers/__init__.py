"""Layers: what a network is made of. They describe; weights live in the model, so a layer costs nothing to make."""

from .activation import ACTIVATIONS, Activation
from .base import Input, Layer
from .branches import Parallel, Residual
from .dense import Dense
from .kernel import KernelLayer
from .noise import Dropout, GaussianNoise
from .shaping import Flatten

__all__ = [
    "ACTIVATIONS",
    "Activation",
    "Dense",
    "Dropout",
    "Flatten",
    "GaussianNoise",
    "Input",
    "KernelLayer",
    "Layer",
    "Parallel",
    "Residual",
]
