"""Layers, the parts of a network. A layer is a description; the model holds its weights."""

from .activation import ACTIVATIONS, Activation
from .augment import RandomCrop, RandomFlip, RandomTranslation
from .base import Input, Layer
from .branches import Parallel, Residual
from .convolution import Conv1D, Conv2D, DepthwiseConv2D
from .dense import Dense
from .embedding import Embedding
from .kernel import KernelLayer
from .noise import Dropout, GaussianNoise, SpatialDropout
from .normalization import BatchNorm, LayerNorm
from .pooling import AveragePool2D, GlobalAveragePool2D, GlobalMaxPool2D, MaxPool2D
from .shaping import Flatten, Reshape, UpSampling2D, ZeroPadding2D
from .standardize import Standardize

__all__ = [
    "ACTIVATIONS",
    "Activation",
    "AveragePool2D",
    "BatchNorm",
    "Conv1D",
    "Conv2D",
    "Dense",
    "DepthwiseConv2D",
    "Dropout",
    "Embedding",
    "Flatten",
    "GaussianNoise",
    "GlobalAveragePool2D",
    "GlobalMaxPool2D",
    "Input",
    "KernelLayer",
    "Layer",
    "LayerNorm",
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
