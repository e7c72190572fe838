"""The public names, for type checkers: startup/late.py has where each comes from."""

from . import callbacks as callbacks
from . import constraints as constraints
from . import data as data
from . import datasets as datasets
from . import initializers as initializers
from . import kernels as kernels
from . import layers as layers
from . import losses as losses
from . import metrics as metrics
from . import optimizers as optimizers
from . import regularizers as regularizers
from . import samplers as samplers
from . import schedules as schedules
from .checkpoint.torch import from_torch, to_torch
from .diagnosis.examination import diagnose
from .diagnosis.findings import Diagnosis, Finding
from .diagnosis.gradient_check import GradientCheck, check_gradients
from .diagnosis.numeric_gradients import numeric_gradients
from .ensembles.ensemble import Ensemble
from .ensembles.multi_start import MultiStart
from .ensembles.starts import Starts
from .errors import (
    CheckpointFormatError,
    CheckpointMismatchError,
    CheckpointVersionError,
    DivergenceError,
    NotFittedError,
)
from .model.loading import load
from .model.sequential import Sequential
from .moving_averages import ewma
from .network.history import History
from .runtime.config import show_config
from .runtime.threads import get_num_threads, set_num_threads

__all__ = [
    "CheckpointFormatError",
    "CheckpointMismatchError",
    "CheckpointVersionError",
    "Diagnosis",
    "DivergenceError",
    "Ensemble",
    "Finding",
    "GradientCheck",
    "History",
    "MultiStart",
    "NotFittedError",
    "Sequential",
    "Starts",
    "__version__",
    "callbacks",
    "check_gradients",
    "constraints",
    "data",
    "datasets",
    "diagnose",
    "ewma",
    "from_torch",
    "get_num_threads",
    "initializers",
    "kernels",
    "layers",
    "load",
    "losses",
    "metrics",
    "numeric_gradients",
    "optimizers",
    "regularizers",
    "samplers",
    "schedules",
    "set_num_threads",
    "show_config",
    "to_torch",
]

__version__: str
