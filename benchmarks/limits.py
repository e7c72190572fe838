"""What the machine can do: multiply-adds, memory, and a barrier, measured by a small compiled program."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "limits"


@dataclass(frozen=True)
class Limits:
    """Operations, bytes (each a second) and seconds: of these threads together, and of one barrier of two."""

    threads: int
    flops: float
    triad_bytes: float
    barrier_seconds: float

    def or_better(self, other: Limits) -> Limits:
        """Return the better of both in each figure: a limit is the best that was seen."""
        return Limits(
            self.threads,
            max(self.flops, other.flops),
            max(self.triad_bytes, other.triad_bytes),
            min(self.barrier_seconds, other.barrier_seconds),
        )

    def as_dict(self) -> dict[str, float]:
        """Return the figures by name."""
        return asdict(self)


def program() -> Path:
    """Build the program where it is missing or old, and return its path.

    Raises
    ------
    OSError, subprocess.CalledProcessError
        Where there is no CMake, no compiler or no checkout.
    """
    cmake = shutil.which("cmake")
    if cmake is None:
        raise OSError("cmake is not installed")
    for command in (
        [cmake, "-S", str(ROOT), "-B", str(BUILD), "-DRAVINE_LIMITS=ON"],
        [cmake, "--build", str(BUILD), "--target", "ravine_limits"],
    ):
        subprocess.run(command, check=True, capture_output=True, text=True)
    return BUILD / "csrc" / "bench" / "ravine_limits"


def measure(path: Path, isa: str, threads: int) -> Limits:
    """Measure now; takes about a third of a second. Threads are bound: two on one core would show half the machine."""
    bound = {**os.environ, "OMP_PROC_BIND": "true", "OMP_PLACES": "cores"}
    command = [str(path), isa, str(threads)]
    printed = subprocess.run(command, check=True, capture_output=True, text=True, env=bound).stdout
    found = json.loads(printed)
    return Limits(threads, found["flops"], found["triad_bytes"], found["barrier_seconds"])
