"""The configuration that ravine runs with."""

from __future__ import annotations

from typing import Any

from .. import _core
from .threads import get_num_threads

__all__ = ["show_config"]


def show_config(mode: str = "stdout") -> dict[str, Any] | None:
    """Print version, instruction sets, compiler, OpenMP runtime and threads.

    Parameters
    ----------
    mode : {"stdout", "dicts"}, default="stdout"
        "dicts" returns them instead of printing.

    Raises
    ------
    ValueError
        For another mode.

    Examples
    --------
    >>> import ravine as rv
    >>> rv.show_config("dicts")["version"] == rv.__version__
    True
    """
    if mode not in ("stdout", "dicts"):
        raise ValueError(f"mode must be 'stdout' or 'dicts', got {mode!r}")
    config = {**_core.config(), "threads": get_num_threads()}
    if mode == "dicts":
        return config
    width = max(map(len, config))
    for name, value in config.items():
        text = ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else value
        print(f"{name:<{width}}  {text}")
    return None
