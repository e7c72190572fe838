"""The NumPy twin of every kernel, under the kernel's name and with its arguments, and of the whole training step.

A twin computes in float64 and rounds its result once; kernels are tested against it. It is written for reading, not for
speed.

Examples
--------
>>> import numpy as np
>>> from ravine import reference
>>> reference.relu(np.array([-1.0, 2.0]))
array([0., 2.])
"""

from . import (
    activations,
    augment,
    clipping,
    convolution,
    elementary,
    image_operations,
    images,
    input_operations,
    losses,
    metrics,
    norm_operations,
    normalization,
    operations,
    random,
    samplers,
    sparse,
    standards,
    updates,
    vector,
)
from .activations import *  # noqa: F403
from .augment import *  # noqa: F403
from .batches import epoch_order
from .clipping import *  # noqa: F403
from .convolution import *  # noqa: F403
from .elementary import *  # noqa: F403
from .images import *  # noqa: F403
from .losses import *  # noqa: F403
from .matmul import matmul
from .metrics import *  # noqa: F403
from .network import Network
from .normalization import *  # noqa: F403
from .operations import OperationSpec
from .random import *  # noqa: F403
from .sparse import *  # noqa: F403
from .standards import *  # noqa: F403
from .updates import *  # noqa: F403
from .vector import *  # noqa: F403

operations.KINDS.update(image_operations.KINDS | input_operations.KINDS | norm_operations.KINDS)

__all__ = ["Network", "OperationSpec", "epoch_order", "matmul", "samplers"]
for _subject in (
    activations,
    augment,
    convolution,
    elementary,
    images,
    clipping,
    losses,
    metrics,
    normalization,
    random,
    sparse,
    standards,
    updates,
    vector,
):
    __all__ += _subject.__all__
