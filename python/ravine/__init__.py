"""ravine trains neural networks on CPUs: fast, and reproducible to the bit on any number of threads."""

from typing import TYPE_CHECKING, Any

# First: it loads the compiled module, with libgomp's waiting bounded.
from . import _load as _load  # isort: skip
from . import (
    _core,
    callbacks,
    initializers,
    kernels,
    layers,
    losses,
    metrics,
    optimizers,
    regularizers,
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
    from . import datasets as datasets
    from .ensemble import Ensemble as Ensemble
    from .multi_start import MultiStart as MultiStart
    from .multi_start import Starts as Starts

__version__: str = _core.config()["version"]

__all__ = [
    "DivergenceError",
    "Ensemble",
    "History",
    "MultiStart",
    "NotFittedError",
    "Sequential",
    "Starts",
    "__version__",
    "callbacks",
    "datasets",
    "ewma",
    "get_num_threads",
    "initializers",
    "kernels",
    "layers",
    "losses",
    "metrics",
    "optimizers",
    "regularizers",
    "schedules",
    "set_num_threads",
    "show_config",
]


# Imported when first asked for: not every program needs them, and `datasets` needs more of the standard library.
_LATER = {"Ensemble": "ensemble", "MultiStart": "multi_start", "Starts": "multi_start", "datasets": "datasets"}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module 'ravine' has no attribute {name!r}")
    from importlib import import_module

    module = import_module(f"ravine.{_LATER[name]}")
    return module if name == _LATER[name] else getattr(module, name)
