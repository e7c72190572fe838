"""ravine trains neural networks on CPUs: fast, and reproducible to the bit on any number of threads."""

# Imported first: it loads the compiled module, with bounded spinning in libgomp.
from .startup import compiled as _compiled  # noqa: F401, isort: skip
from . import _core
from .startup.late import late_attributes
from .startup.moved import support_moved_modules

__version__ = _core.config()["version"]

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

support_moved_modules()
__getattr__, __dir__ = late_attributes(__name__)
