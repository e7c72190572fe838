"""The column names of data frames."""

from __future__ import annotations

from typing import Any

__all__ = ["feature_names"]


def feature_names(values: Any) -> list[str] | None:
    """Return the column names of a data frame; None for anything else, and for columns that are not all named."""
    columns = getattr(values, "columns", None)
    if columns is None:
        return None
    names = list(columns)
    return names if all(isinstance(name, str) for name in names) else None
