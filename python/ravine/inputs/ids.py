"""Ids: whole numbers that index rows of a table."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["check_ids"]


def check_ids(array: Any, given: Any, limit: int) -> None:
    """Refuse rows with an element that is not an id, a whole number in [0, limit)."""
    wrong = ~((array >= 0) & (array < limit) & (array == np.floor(array)))
    if wrong.any():
        value = np.asarray(given)[tuple(np.argwhere(wrong)[0])]
        raise ValueError(f"X must hold ids, whole numbers in [0, {limit}), got {value}")
