"""The raw kernels of the chosen instruction set, on NumPy arrays.

Arrays are C-contiguous, of one dtype, float32 or float64; nothing is cast or broadcast. Each function's docstring has
its equation; `names` lists activations, losses, metrics, update rules and elementary functions.

Examples
--------
>>> import numpy as np
>>> import ravine as rv
>>> rv.kernels.matmul(np.array([[1.0, 2.0]]), np.array([[3.0], [4.0]]))
array([[11.]])
"""

from __future__ import annotations

import warnings
from typing import Any

from . import _core

_instruction_set = _core.selected()

#: Earlier names of kernels.
_RENAMED = {"approach": "lerp", "clear_faded": "flush_subnormals"}


def __getattr__(name: str) -> Any:
    chosen = getattr(_core, _instruction_set)
    if name == "__all__":
        return [name for name in dir(chosen) if not name.startswith("_")]
    if name in _RENAMED:
        warnings.warn(f"kernels.{name} is now kernels.{_RENAMED[name]}", DeprecationWarning, stacklevel=2)
        name = _RENAMED[name]
    try:
        return getattr(chosen, name)
    except AttributeError:
        raise AttributeError(f"ravine.kernels has no kernel {name!r}; see dir(ravine.kernels)") from None


def __dir__() -> list[str]:
    return __getattr__("__all__")  # type: ignore[no-any-return]
