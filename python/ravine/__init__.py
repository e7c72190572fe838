"""ravine trains neural networks on CPUs: fast, and reproducible to the bit on any number of threads."""

from typing import TYPE_CHECKING, Any

# First: it loads the compiled module, with libgomp's waiting bounded.
from . import _load as _load  # isort: skip
from . import (
    _core,
    callbacks,
    constraints,
    initializers,
    kernels,
    layers,
    losses,
    metrics,
    optimizers,
    regularizers,
    samplers,
    schedules,
)
from ._averages import ewma
from ._divergence import DivergenceError
from ._threads import get_num_threads, set_num_threads
from ._validation import NotFittedError
from .config import show_config
from .model import Sequential
from .training import History

if TYPE_CHECKING:
    from . import data as data
    from . import datasets as datasets
    from ._differences import numeric_gradients
    from ._exchange import from_torch, to_torch
    from ._gradient_check import GradientCheck, check_gradients
    from .checkpoint import CheckpointFormatError, CheckpointMismatchError, CheckpointVersionError, load
    from .diagnosis import Diagnosis, Finding, diagnose
    from .ensemble import Ensemble as Ensemble
    from .multi_start import MultiStart as MultiStart
    from .multi_start import Starts as Starts

__version__: str = _core.config()["version"]

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


# What is imported when it is first asked for: training needs less.
_LATER = {
    "data": "data",
    "datasets": "datasets",
    **dict.fromkeys(("GradientCheck", "check_gradients"), "_gradient_check"),
    "numeric_gradients": "_differences",
    **dict.fromkeys(("Diagnosis", "Finding", "diagnose"), "diagnosis"),
    "Ensemble": "ensemble",
    **dict.fromkeys(("MultiStart", "Starts"), "multi_start"),
    **dict.fromkeys(("from_torch", "to_torch"), "_exchange"),
    **dict.fromkeys(
        ("CheckpointFormatError", "CheckpointMismatchError", "CheckpointVersionError", "load"), "checkpoint"
    ),
}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module 'ravine' has no attribute {name!r}")
    from importlib import import_module

    module = import_module(f"ravine.{_LATER[name]}")
    value = globals()[name] = module if name == _LATER[name] else getattr(module, name)
    return value
