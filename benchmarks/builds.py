"""Two builds of ravine in one process: the installed one, and one from a wheel or a folder."""

from __future__ import annotations

import ctypes
import importlib
import shutil
import sys
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any

# what each build has its own copy of
OWN = ("ravine", "benchmarks.contestants.ravine")


def is_own(name: str) -> bool:
    """Whether this is a module of ravine, or one made for it."""
    return any(name == own or name.startswith(f"{own}.") for own in OWN)


class Finder:
    """Finds ravine in one folder, before anything else that knows where it is, such as an editable install."""

    def __init__(self, folder: Path) -> None:
        self.folder = str(folder)

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        """Find ravine and its modules."""
        if name == "ravine":
            return PathFinder.find_spec(name, [self.folder])
        return PathFinder.find_spec(name, path) if name.startswith("ravine.") else None


class Build:
    """One build; inside `active` the name ravine means it, for imports in functions too."""

    def __init__(self, folder: Path | None = None) -> None:
        self.finders: list[Any] = [] if folder is None else [Finder(folder)]
        self.modules: dict[str, ModuleType] = {}
        with self.active(), own_registry(folder is not None):
            self.package = importlib.import_module("ravine")
            self.core = importlib.import_module("ravine._core")
            self.contestant = importlib.import_module("benchmarks.contestants.ravine")

    @contextmanager
    def active(self) -> Iterator[None]:
        """Put this build's modules where imports look, and what was there back afterwards."""
        others = take_modules()
        sys.modules.update(self.modules)
        sys.meta_path[:0] = self.finders
        try:
            yield
        finally:
            del sys.meta_path[: len(self.finders)]
            self.modules = take_modules()
            sys.modules.update(others)

    def file(self) -> str:
        """Return the path of the compiled module."""
        return str(self.core.__file__)

    def sets(self) -> dict[str, ModuleType]:
        """Return the raw kernels of each instruction set that the processor has."""
        found = {name: getattr(self.core, name, None) for name in ("baseline", "avx2", "avx512")}
        return {name: kernels for name, kernels in found.items() if kernels is not None}


def take_modules() -> dict[str, ModuleType]:
    """Remove ravine's modules from where imports look, and return them."""
    return {name: sys.modules.pop(name) for name in list(sys.modules) if is_own(name)}


@contextmanager
def own_registry(wanted: bool) -> Iterator[None]:
    """Let a compiled module that is loaded inside the block have pybind11's registry of types for itself.

    Modules of one version of pybind11 share it, through the interpreter's dictionary, and a class of one name may be in
    it only once. A module looks for it when it is loaded, and keeps what it found.
    """
    state = interpreter_dictionary()
    shared = {key: state.pop(key) for key in list(state) if wanted and "pybind11" in str(key)}
    try:
        yield
    finally:
        if wanted:
            kept = {f"{key} of another build": state.pop(key) for key in list(state) if "pybind11" in str(key)}
            state.update({**kept, **shared})


def interpreter_dictionary() -> dict[Any, Any]:
    """Return the dictionary in which extension modules keep what is theirs."""
    api = ctypes.pythonapi
    api.PyInterpreterState_Get.restype = ctypes.c_void_p
    api.PyInterpreterState_GetDict.argtypes = [ctypes.c_void_p]
    api.PyInterpreterState_GetDict.restype = ctypes.c_void_p  # a borrowed reference, which py_object would give away
    address = api.PyInterpreterState_GetDict(api.PyInterpreterState_Get())
    found: dict[Any, Any] = ctypes.cast(address, ctypes.py_object).value
    return found


def unpack(source: Path, into: Path) -> Path:
    """Copy the package of a wheel, or of a folder such as site-packages, and return the folder that holds it.

    It is a copy always, since a library that is loaded already would not be loaded again.

    Raises
    ------
    ValueError
        Where there is no compiled ravine.
    """
    if source.is_dir():
        if (source / "ravine").is_dir():
            shutil.copytree(source / "ravine", into / "ravine", ignore=shutil.ignore_patterns("__pycache__"))
    elif zipfile.is_zipfile(source):
        with zipfile.ZipFile(source) as wheel:
            wheel.extractall(into, [name for name in wheel.namelist() if name.startswith("ravine/")])
    if not list(into.glob("ravine/_core*.so")):
        raise ValueError(f"{source} is neither a wheel of ravine nor a folder that holds the compiled package ravine")
    return into
