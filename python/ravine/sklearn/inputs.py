"""Checks of an estimator's data: scikit-learn's, and further ones."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils.validation import _check_sample_weight, validate_data

from ..inputs.arrays import as_array, convert

__all__ = ["check_inputs", "check_weights", "numbers_of", "refuse_masked"]


def refuse_masked(**arrays: Any) -> None:
    """Refuse masked arrays with missing values, which NumPy would turn into numbers; TypeError names the argument."""
    for name, values in arrays.items():
        if isinstance(values, np.ma.MaskedArray):
            as_array(name, values)


def check_inputs(estimator: Any, X: Any, *, sparse: bool = True, **options: Any) -> Any:
    """Return the result of `validate_data`, sparse matrices unchanged; warn of integers that float64 cannot hold.

    Parameters
    ----------
    estimator : estimator
        The estimator that checks.
    X : array-like or sparse matrix
        The inputs.
    sparse : bool, default=True
        Whether sparse matrices are allowed.
    **options
        Further arguments of `validate_data`.
    """
    refuse_masked(X=X)
    given = getattr(X, "data", None) if hasattr(X, "toarray") else X
    checked = validate_data(estimator, X, accept_sparse=["csr", "csc"] if sparse else False, **options)
    if isinstance(given, np.ndarray) and given.dtype.kind in "iu" and given.dtype.itemsize == 8:
        convert("X", given, np.dtype(np.float64))
    return checked


def check_weights(sample_weight: Any, X: Any) -> Any:
    """Return sample weights of X's dtype, finite, not negative and not all zero; None stays None."""
    if sample_weight is None:
        return None
    refuse_masked(sample_weight=sample_weight)
    weight = _check_sample_weight(sample_weight, X, dtype=X.dtype)
    if (weight < 0).any():
        raise ValueError(f"sample_weight must not be negative, got {weight.min()!s}")
    return weight


def numbers_of(y: Any) -> Any:
    """Return y, with strings parsed as numbers."""
    array = y if hasattr(y, "dtype") or y is None else np.asarray(y)
    if array is not None and getattr(array.dtype, "kind", "") in "US":
        try:
            return np.asarray(array).astype(np.float64)
        except ValueError as error:
            raise ValueError(f"y: {error}") from None
    return y
