"""Names that are imported on first use, listed once.

Importing ravine loads only the compiled module and these names; each imports what it needs.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

__all__ = ["import_late", "import_late_states", "late_attributes", "late_names"]

# By package: each public name, and the module that has it; "" means that it is a package itself.
_NAMES = {
    "ravine": {
        **dict.fromkeys(
            (
                "callbacks",
                "constraints",
                "data",
                "datasets",
                "initializers",
                "kernels",
                "layers",
                "losses",
                "metrics",
                "optimizers",
                "regularizers",
                "samplers",
                "schedules",
            ),
            "",
        ),
        **dict.fromkeys(
            (
                "CheckpointFormatError",
                "CheckpointMismatchError",
                "CheckpointVersionError",
                "DivergenceError",
                "NotFittedError",
            ),
            "errors",
        ),
        **dict.fromkeys(("Diagnosis", "Finding"), "diagnosis.findings"),
        "diagnose": "diagnosis.examination",
        **dict.fromkeys(("GradientCheck", "check_gradients"), "diagnosis.gradient_check"),
        "numeric_gradients": "diagnosis.numeric_gradients",
        "Ensemble": "ensembles.ensemble",
        "MultiStart": "ensembles.multi_start",
        "Starts": "ensembles.starts",
        "History": "network.history",
        "Sequential": "model.sequential",
        "ewma": "moving_averages",
        **dict.fromkeys(("from_torch", "to_torch"), "checkpoint.torch"),
        **dict.fromkeys(("get_num_threads", "set_num_threads"), "runtime.threads"),
        "load": "model.loading",
        "show_config": "runtime.config",
    },
    "ravine.callbacks": {
        "ModelCheckpoint": "checkpoints",
        "CheckpointEnsemble": "ensembles",
        "Doctor": "doctor",
    },
    "ravine.optimizers": {
        "CMAES": "covariance",
        "GeneticAlgorithm": "genetic",
        "OpenAIES": "evolution",
        "SimulatedAnnealing": "annealing",
    },
}

# Modules with states that a checkpoint may hold.
_STATES = (
    "diagnosis.findings",
    "optimizers.annealing",
    "optimizers.covariance",
    "optimizers.evolution",
    "optimizers.genetic",
    "training.populations",
)


def late_names(package: str) -> list[str]:
    """Return a package's late names."""
    return list(_NAMES[package])


def import_late(package: str, name: str) -> Any:
    """Return what a package has under a late name."""
    where = _NAMES[package][name]
    found = import_module(f"{package}.{where or name}")
    return getattr(found, name) if where else found


def late_attributes(package: str) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return a package's `__getattr__`, which imports its late names, and its `__dir__`, which lists public ones."""
    names, module = _NAMES[package], sys.modules[package]

    def get(name: str) -> Any:
        if name not in names:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = import_late(package, name)
        setattr(module, name, value)
        return value

    def listed() -> list[str]:
        return sorted(module.__all__)

    return get, listed


def import_late_states() -> None:
    """Import every module that defines states."""
    for name in _STATES:
        import_module(f"ravine.{name}")
