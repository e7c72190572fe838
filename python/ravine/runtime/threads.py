"""The default number of threads."""

from __future__ import annotations

import math
import os
import warnings
from typing import TYPE_CHECKING, Any

from .. import _core
from ..inputs.arguments import check_int

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["MAX_THREADS", "check_n_threads", "get_num_threads", "set_num_threads"]

MAX_THREADS = 1024

_chosen: int | None = None  # by set_num_threads
_found: int | None = None  # by the environment or the machine, looked up once
_openmp: int = _core.openmp_threads()  # the OpenMP runtime's default from the environment or the machine


def check_n_threads(value: Any) -> int:
    """Return `n_threads` as an int; None gives the default. If the system refuses so many: fewer, with a warning."""
    wanted = get_num_threads() if value is None else check_int("n_threads", value, 1, MAX_THREADS)
    granted = _core.startable_threads(wanted)
    if granted < wanted:
        warnings.warn(
            f"the system lets this process start {granted} of {wanted} threads; the run uses {granted}",
            RuntimeWarning,
            stacklevel=3,
        )
    return granted


def set_num_threads(n_threads: int | None) -> None:
    """Set the number of threads that runs use by default.

    Results do not depend on it: the same seed gives the same bits for any number of threads.

    Parameters
    ----------
    n_threads : int in [1, 1024] or None
        None restores the default of the environment and the machine.

    Raises
    ------
    ValueError
        If `n_threads` is neither such an int nor None.

    Examples
    --------
    >>> import ravine as rv
    >>> rv.set_num_threads(2)
    >>> rv.get_num_threads()
    2
    >>> rv.set_num_threads(None)
    """
    global _chosen, _found
    _chosen = None if n_threads is None else check_int("n_threads", n_threads, 1, MAX_THREADS)
    _found = None


def get_num_threads() -> int:
    """Return the number of threads that runs use by default.

    In order of precedence it is that of `set_num_threads`, of the environment variables RAVINE_NUM_THREADS and
    OMP_NUM_THREADS, or the number of CPUs this process may use, limited by the cgroup's CPU quota. A lower limit from
    ``threadpoolctl.threadpool_limits`` applies in the thread that sets it.
    """
    global _found
    if _chosen is None and _found is None:
        _found = from_environment() or from_machine()
    most = _chosen or _found or 1
    limit: int = _core.openmp_threads()
    return min(most, limit) if limit < _openmp else most


def from_environment() -> int | None:
    """Return the number in RAVINE_NUM_THREADS or OMP_NUM_THREADS; a warning names a bad value."""
    for variable in ("RAVINE_NUM_THREADS", "OMP_NUM_THREADS"):
        text = os.environ.get(variable, "").strip()
        if not text:
            continue
        first = text.split(",")[0].strip() if variable == "OMP_NUM_THREADS" else text  # a list: one entry per level
        if first.isdecimal() and 1 <= int(first) <= MAX_THREADS:
            return int(first)
        warnings.warn(
            f"{variable}={text!r} is ignored: it must be an int in [1, {MAX_THREADS}]", UserWarning, stacklevel=3
        )
    return None


def from_machine() -> int:
    """Return the number of CPUs this process may use: its affinity, limited by its cgroup's quota."""
    from pathlib import Path

    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, int(min(cpus, MAX_THREADS, cgroup_quota(Path("/")))))


def cgroup_quota(root: Path) -> float:
    """Return the CPU limit of this process's cgroup (version 1 or 2) and its parents; infinity without a limit.

    Parameters
    ----------
    root : Path
        The folder with proc and sys, "/" except in tests.
    """
    quota = math.inf
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return quota
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if not controllers:
            tops, read = [root / "sys/fs/cgroup", root / "sys/fs/cgroup/unified"], _quota_v2
        elif "cpu" in controllers.split(","):
            tops, read = [root / "sys/fs/cgroup" / name for name in ("cpu", controllers)], _quota_v1
        else:
            continue
        for top in tops:
            folder = top / path.lstrip("/")
            for level in (folder, *folder.parents):
                quota = min(quota, read(level))
                if level == top:
                    break
    return quota


def _quota_v2(folder: Path) -> float:
    """CPUs by cpu.max, "QUOTA PERIOD" in microseconds or "max PERIOD"."""
    try:
        limit, period = (folder / "cpu.max").read_text().split()
        return math.inf if limit == "max" else int(limit) / int(period)
    except (OSError, ValueError, ZeroDivisionError):
        return math.inf


def _quota_v1(folder: Path) -> float:
    """CPUs by cpu.cfs_quota_us and cpu.cfs_period_us; a quota of -1 is none."""
    try:
        limit = int((folder / "cpu.cfs_quota_us").read_text())
        period = int((folder / "cpu.cfs_period_us").read_text())
        return limit / period if limit > 0 else math.inf
    except (OSError, ValueError, ZeroDivisionError):
        return math.inf
