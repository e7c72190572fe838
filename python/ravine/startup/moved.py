"""Modules that have moved, so that pickles made by earlier versions can still be read."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

__all__ = ["support_moved_modules"]

# Each earlier module whose classes a pickle may hold, and the modules that have them now.
_MOVED = {
    "_populations": ("training.populations",),
    "_sampling": ("samplers.base",),
    "_starts": ("ensembles.starts",),
    "_state": ("network.snapshot", "descriptions"),
    "ensemble": ("ensembles.ensemble",),
    "multi_start": ("ensembles.multi_start",),
    "optimizers._problem": ("optimizers.problem",),
    "sklearn._network": ("sklearn.rates",),
    "sklearn._rates": ("sklearn.rates",),
}
_PACKAGE = "ravine."


class _MovedModules:
    """Finds modules under their earlier names."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return a spec for a moved module."""
        found = fullname.startswith(_PACKAGE) and fullname.removeprefix(_PACKAGE) in _MOVED
        loader: Any = self
        return ModuleSpec(fullname, loader) if found else None

    def create_module(self, spec: ModuleSpec) -> None:
        """Use the default module type."""

    def exec_module(self, module: ModuleType) -> None:
        """Fill a module with the classes of its successors."""
        for moved in _MOVED[module.__name__.removeprefix(_PACKAGE)]:
            successor = import_module(_PACKAGE + moved)
            vars(module).update({name: kind for name, kind in vars(successor).items() if isinstance(kind, type)})


def support_moved_modules() -> None:
    """Make imports of earlier names find the modules' successors."""
    if not any(isinstance(finder, _MovedModules) for finder in sys.meta_path):
        finders: list[Any] = sys.meta_path
        finders.append(_MovedModules())
