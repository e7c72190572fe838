"""Who takes part: each library in a module of its own, imported only by that contestant's process.

A module has a class for each kind of task that its library offers, named as in `benchmarks.tasks`: it takes the task
and the number of threads, and is an `Entry`.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass, field
from typing import Any, Protocol


class NotOffered(Exception):
    """The library has no such task, or not this rule (then with the reason)."""


class Entry(Protocol):
    """A contestant's way of doing one task."""

    def reset(self) -> None:
        """Go back to the task's first weights and a fresh optimizer; not timed."""

    def run(self, passes: int) -> None:
        """Do the task so many times, and return when the result is there."""

    def result(self) -> Any:
        """Return what the task's check looks at."""


class Stateless:
    """An entry that has nothing to reset."""

    def reset(self) -> None:
        """Do nothing."""


@dataclass(frozen=True)
class Contestant:
    """A library, or one way to use it."""

    name: str
    module: str
    packages: tuple[str, ...]
    environment: dict[str, str] = field(default_factory=dict)
    needs: str = ""

    def obstacle(self) -> str:
        """Say why it cannot take part here; nothing where it can."""
        missing = [name for name in self.packages if importlib.util.find_spec(name) is None]
        if missing:
            return f"{missing[0]} is not installed"
        if self.needs and self.needs not in cpu_flags():
            return f"this CPU has no {self.needs}"
        return ""


CONTESTANTS = {
    contestant.name: contestant
    for contestant in [
        Contestant("ravine", "ravine", ("ravine",)),
        Contestant("jax", "jax", ("jax", "optax")),
        Contestant("torch", "torch", ("torch",)),
        Contestant("torch-compile", "torch_compile", ("torch",)),
        Contestant("sklearn", "sklearn", ("sklearn",)),
        Contestant("numpy", "numpy", ("numpy",)),
        Contestant("numpy-skylakex", "numpy", ("numpy",), {"OPENBLAS_CORETYPE": "SkylakeX"}, "avx512f"),
    ]
}


def cpu_flags() -> set[str]:
    """Return the names of this CPU's features, as Linux on x86-64 gives them."""
    try:
        with open("/proc/cpuinfo") as lines:
            return next((set(line.split(":")[1].split()) for line in lines if line.startswith("flags")), set())
    except OSError:
        return set()
