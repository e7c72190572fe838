"""Layers: what a network is made of. They describe; weights live in the model, so a layer costs nothing to make."""

from .activation import ACTIVATIONS, Activation
from .augment import RandomCrop, RandomFlip, RandomTranslation
from .base import Input, Layer
from .branches import Parallel, Residual
from .convolution import Conv1D, Conv2D, DepthwiseConv2D
from .dense import Dense
from .kernel import KernelLayer
from .noise import Dropout, GaussianNoise, SpatialDropout
from .pooling import AveragePool2D, GlobalAveragePool2D, GlobalMaxPool2D, MaxPool2D
from .shaping import Flatten, Reshape, UpSampling2D, ZeroPadding2D
from .standardize import Standardize

__all__ = [
    "ACTIVATIONS",
    "Activation",
    "AveragePool2D",
    "Conv1D",
    "Conv2D",
    "Dense",
    "DepthwiseConv2D",
    "Dropout",
    "Flatten",
    "GaussianNoise",
    "GlobalAveragePool2D",
    "GlobalMaxPool2D",
    "Input",
    "KernelLayer",
    "Layer",
    "MaxPool2D",
    "Parallel",
    "RandomCrop",
    "RandomFlip",
    "RandomTranslation",
    "Reshape",
    "Residual",
    "SpatialDropout",
    "Standardize",
    "UpSampling2D",
    "ZeroPadding2D",
]
