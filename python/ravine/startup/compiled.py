"""Loads the compiled module, with libgomp's waiting bounded, and chooses the instruction set."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["bounded_spin"]

# libgomp reads GOMP_SPINCOUNT once, when it is loaded. Its default of 300,000 rounds made a 62 us kernel take
# 5,900 us after a pause; 1,000 rounds leave 180 us.
_SPIN_COUNT = "1000"


@contextmanager
def bounded_spin() -> Iterator[None]:
    """Set GOMP_SPINCOUNT inside the block, unless the user chose GOMP_SPINCOUNT or OMP_WAIT_POLICY."""
    if "GOMP_SPINCOUNT" in os.environ or "OMP_WAIT_POLICY" in os.environ:
        yield
        return
    os.environ["GOMP_SPINCOUNT"] = _SPIN_COUNT
    try:
        yield
    finally:
        os.environ.pop("GOMP_SPINCOUNT", None)


with bounded_spin():
    try:
        from .. import _core
    except ImportError as error:
        raise ImportError(
            f"ravine's compiled module ravine._core could not be loaded ({error}); install ravine with `pip install .`"
        ) from error


def _is_command() -> bool:
    """Whether this is the command ``ravine`` or ``python -m ravine``, which prints one line instead of a traceback."""
    first = sys.argv[0] if sys.argv else ""
    module = sys.orig_argv[-len(sys.argv) - 1 :][:2]
    return os.path.basename(first) == "ravine" or (first == "-m" and module == ["-m", "ravine"])


try:
    _core.select(os.environ.get("RAVINE_ISA") or None)
except ValueError as error:
    if _is_command():
        raise SystemExit(f"ravine: RAVINE_ISA: {error}") from None
    raise
