"""The metrics as plain functions of targets, predictions and weights.

All raise ValueError or TypeError for arrays of different lengths or shapes, for entries that are not finite numbers,
for a label out of range and for weights below 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..inputs.arguments import check_int, check_number
from ..inputs.arrays import Array, as_array, as_sample_weight, convert

_DOUBLE = np.dtype(np.float64)


def _numbers(name: str, values: ArrayLike) -> Array:
    return convert(name, as_array(name, values), _DOUBLE)


def _predictions(y_pred: ArrayLike) -> Array:
    """Return predictions as float64 of shape (n, units); a vector is one output per row."""
    array = _numbers("y_pred", y_pred)
    if array.ndim == 1:
        array = array[:, None]
    if array.ndim != 2 or array.size == 0:
        raise ValueError(f"y_pred must have shape (n,) or (n, units) with at least one row, got {array.shape}")
    return array


def _labels(y_true: ArrayLike, y_pred: Array) -> NDArray[np.intp]:
    """Return one class index per row, from indices or from rows whose largest entry is at the class."""
    array = _numbers("y_true", y_true)
    if array.ndim == 2 and array.shape == y_pred.shape and array.shape[1] > 1:
        return np.asarray(array.argmax(axis=1))
    if array.shape not in ((len(y_pred),), (len(y_pred), 1)):
        raise ValueError(f"y_true has shape {array.shape}, y_pred {y_pred.shape}")
    labels = array.reshape(-1)
    outside = (labels < 0) | (labels >= y_pred.shape[1])
    if outside.any():
        raise ValueError(f"label {labels[outside][0]:g} out of range [0, {y_pred.shape[1]})")
    if (labels != np.floor(labels)).any():
        raise ValueError(f"y_true must hold whole class indices, got {labels[labels != np.floor(labels)][0]}")
    return labels.astype(np.intp)


def _columns(y_true: ArrayLike, y_pred: Array) -> Array:
    """Return targets of the predictions' shape: labels of several classes become one-hot rows."""
    array = _numbers("y_true", y_true)
    if array.ndim == 1 and y_pred.shape[1] == 1:
        array = array[:, None]
    if array.shape == y_pred.shape:
        return array
    columns = np.zeros(y_pred.shape)
    columns[np.arange(len(columns)), _labels(array, y_pred)] = 1.0
    return columns


def _weights(sample_weight: ArrayLike | None, rows: int) -> Array:
    weight = as_sample_weight(sample_weight, rows, _DOUBLE)
    return np.ones(rows) if weight is None else weight


def _threshold(value: float) -> float:
    return check_number("threshold", value, -math.inf, closed="neither")


def _mean(values: Array, sample_weight: ArrayLike | None) -> float:
    """Weighted mean over the rows; 0 where all weights are zero."""
    weight = _weights(sample_weight, len(values))
    total = weight.sum()
    return float((weight * values).sum() / total) if total else 0.0


def accuracy(y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
    """Share of rows whose largest output (the first of equals) is that of their class.

    Parameters
    ----------
    y_true : array-like, shape (n,) of class indices, or (n, units) of one-hot rows
        Targets.
    y_pred : array-like, shape (n, units)
        Outputs.
    sample_weight : array-like, shape (n,), optional
        Weights of the rows.

    Raises
    ------
    ValueError, TypeError
        If shapes do not match, a label is out of range, a weight is below 0, or an entry is not a finite number.

    Examples
    --------
    >>> accuracy([0, 1], [[0.9, 0.1], [0.8, 0.2]])
    0.5
    """
    scores = _predictions(y_pred)
    return _mean(scores.argmax(axis=1) == _labels(y_true, scores), sample_weight)


def binary_accuracy(
    y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None, *, threshold: float = 0.5
) -> float:
    """Share of entries for which `y_pred > threshold` equals `y_true > 0.5`.

    Other arguments, and errors, as for `accuracy`; of one output, both may be vectors.

    Examples
    --------
    >>> binary_accuracy([0, 1, 1], [0.2, 0.7, 0.4])
    0.6666666666666666
    """
    scores = _predictions(y_pred)
    right = (scores > _threshold(threshold)) == (_columns(y_true, scores) > 0.5)
    return _mean(right.mean(axis=1), sample_weight)


def top_k(y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None, *, k: int = 5) -> float:
    """Share of rows with fewer than `k` outputs strictly above that of their class; k is an int >= 1.

    Other arguments, and errors, as for `accuracy`.

    Examples
    --------
    >>> top_k([2, 0], [[0.5, 0.3, 0.2], [0.3, 0.4, 0.3]], k=2)
    0.5
    """
    scores = _predictions(y_pred)
    own = np.take_along_axis(scores, _labels(y_true, scores)[:, None], axis=1)
    return _mean((scores > own).sum(axis=1) < check_int("k", k, 1), sample_weight)


def mean_squared_error(y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
    """Mean of (y - t)^2 over rows and columns.

    `y_true` and `y_pred` have the shape (n,) or (n, units), or `y_true` holds class indices for one-hot rows; otherwise
    as for `accuracy`.

    Examples
    --------
    >>> mean_squared_error([1.0, 2.0], [1.0, 4.0])
    2.0
    """
    scores = _predictions(y_pred)
    return _mean(((scores - _columns(y_true, scores)) ** 2).mean(axis=1), sample_weight)


def mean_absolute_error(y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
    """Mean of |y - t| over rows and columns; arguments and errors as for `mean_squared_error`.

    Examples
    --------
    >>> mean_absolute_error([1.0, 2.0], [1.0, 4.0])
    1.0
    """
    scores = _predictions(y_pred)
    return _mean(np.abs(scores - _columns(y_true, scores)).mean(axis=1), sample_weight)


def r2(y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
    """1 - sum (y - t)^2 / sum (t - mean t)^2, averaged over the columns.

    A column of constant targets scores 1 where it is met exactly, otherwise 0. Arguments and errors as for
    `mean_squared_error`.

    Examples
    --------
    >>> r2([1.0, 2.0, 3.0], [1.0, 2.0, 2.0])
    0.5
    """
    scores = _predictions(y_pred)
    targets, weight = _columns(y_true, scores), _weights(sample_weight, len(scores))[:, None]
    total = weight.sum() or 1.0
    residual = (weight * (scores - targets) ** 2).sum(axis=0)
    spread = (weight * (targets - (weight * targets).sum(axis=0) / total) ** 2).sum(axis=0)
    counted = targets[weight[:, 0] > 0.0]
    constant = (counted == counted[:1]).all(axis=0) | (spread == 0.0)
    score = np.where(constant, residual == 0.0, 1.0 - residual / np.where(constant, 1.0, spread))
    return float(score.mean())


def _per_class(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    sample_weight: ArrayLike | None,
    threshold: float | None,
    score: Callable[[Array, Array, Array], tuple[Array, Array]],
) -> float:
    """Mean over the columns of `score(true positives, predicted, actual)`, a quotient that is 0 where it is 0 / 0."""
    scores = _predictions(y_pred)
    weight = _weights(sample_weight, len(scores))[:, None]
    actual = _columns(y_true, scores) > 0.5
    if threshold is None and scores.shape[1] > 1:
        predicted = scores.argmax(axis=1)[:, None] == np.arange(scores.shape[1])
    else:
        predicted = scores > _threshold(0.5 if threshold is None else threshold)
    above, below = score(
        (weight * (actual & predicted)).sum(axis=0), (weight * predicted).sum(axis=0), (weight * actual).sum(axis=0)
    )
    return float(np.where(below > 0.0, above / np.where(below > 0.0, below, 1.0), 0.0).mean())


def precision(
    y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None, *, threshold: float | None = None
) -> float:
    """True positives among the predicted positives; the mean over classes where there are several.

    Parameters
    ----------
    y_true : array-like, shape (n,) or (n, units)
        Targets, positive above 0.5; or class indices where `y_pred` has several columns.
    y_pred : array-like, shape (n,) or (n, units)
        Scores.
    sample_weight : array-like, shape (n,), optional
        Weights of the rows.
    threshold : float, optional
        Scores above it are positive. Default: 0.5 for one column; the largest of several columns is positive.

    Raises
    ------
    ValueError, TypeError
        As for `accuracy`, and for a threshold that is not a finite number.

    Examples
    --------
    >>> precision([0, 1, 1], [0.9, 0.8, 0.1])
    0.5
    """
    return _per_class(y_true, y_pred, sample_weight, threshold, lambda both, predicted, actual: (both, predicted))


def recall(
    y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None, *, threshold: float | None = None
) -> float:
    """True positives among the actual positives; arguments as for `precision`.

    Examples
    --------
    >>> recall([0, 1, 1], [0.9, 0.8, 0.1])
    0.5
    """
    return _per_class(y_true, y_pred, sample_weight, threshold, lambda both, predicted, actual: (both, actual))


def f1(
    y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None, *, threshold: float | None = None
) -> float:
    """2 precision recall / (precision + recall) of each class; arguments as for `precision`.

    Examples
    --------
    >>> f1([0, 1, 1], [0.9, 0.8, 0.1])
    0.5
    """
    return _per_class(
        y_true, y_pred, sample_weight, threshold, lambda both, predicted, actual: (2.0 * both, predicted + actual)
    )


def auc(y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
    """Area under the ROC curve: P(positive above negative) + P(equal) / 2, by weight; the mean over columns.

    NaN where a column lacks positives or negatives. Targets above 0.5 are positive; arguments and errors as for
    `mean_squared_error`.

    Examples
    --------
    >>> auc([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    0.75
    """
    scores = _predictions(y_pred)
    targets, weight = _columns(y_true, scores) > 0.5, _weights(sample_weight, len(scores))
    return float(np.mean([_auc(targets[:, j], scores[:, j], weight) for j in range(scores.shape[1])]))


def _auc(positive: Array, score: Array, weight: Array) -> float:
    _, index = np.unique(score, return_inverse=True)
    up = np.bincount(index, weight * positive)
    down = np.bincount(index, weight * ~positive)
    pairs = up.sum() * down.sum()
    below = np.cumsum(down) - down
    return float((up * (below + 0.5 * down)).sum() / pairs) if pairs else float("nan")


def threshold_for(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    sample_weight: ArrayLike | None = None,
    *,
    precision: float | None = None,
    recall: float | None = None,
) -> float:
    """The threshold with which `y_pred > threshold` has a wanted precision or recall.

    Of the thresholds with at least the wanted precision, the one with the largest recall is returned; of those with at
    least the wanted recall, the one with the largest precision. Of equal ones the highest is returned.

    Parameters
    ----------
    y_true : array-like, shape (n,) or (n, 1)
        Targets of one output, positive above 0.5.
    y_pred : array-like, shape (n,) or (n, 1)
        Probabilities or other scores.
    sample_weight : array-like, shape (n,), optional
        Weights of the rows.
    precision, recall : float in (0, 1], optional
        The wanted precision or recall; give one of the two.

    Returns
    -------
    float
        A score, or a number just below the smallest, exact in float32 where the scores are.

    Raises
    ------
    ValueError, TypeError
        For none or both of precision and recall, for several outputs, if no row is positive, if no threshold has the
        wanted precision, and as for `accuracy`.

    Examples
    --------
    >>> threshold_for([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8], precision=0.6)
    0.1
    >>> threshold_for([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8], recall=0.5)
    0.4
    """
    if (precision is None) == (recall is None):
        raise ValueError(f"give precision or recall, one of the two, got precision={precision!r}, recall={recall!r}")
    name, given = ("precision", precision) if recall is None else ("recall", recall)
    wanted = check_number(name, given, 0.0, 1.0, closed="right")
    scores = _predictions(y_pred)
    if scores.shape[1] != 1:
        raise ValueError(f"y_pred must have one output a row, got shape {scores.shape}")
    positive, weight = _columns(y_true, scores)[:, 0] > 0.5, _weights(sample_weight, len(scores))
    cuts = np.unique(scores)[::-1]  # the first k + 1 of them are above threshold k
    kept = np.searchsorted(-cuts, -scores[:, 0])
    hits = np.cumsum(np.bincount(kept, weight * positive, len(cuts)))
    rows = np.cumsum(np.bincount(kept, weight, len(cuts)))
    if hits[-1] == 0.0:
        raise ValueError("y_true must hold a positive target whose weight is above 0")
    reached = {"precision": hits / np.where(rows > 0.0, rows, 1.0), "recall": hits / hits[-1]}
    other = reached["recall" if name == "precision" else "precision"]
    enough = reached[name] >= wanted
    if not enough.any():
        raise ValueError(f"precision={wanted} is out of reach: the largest is {reached[name].max():.6g}")
    best = int(np.argmax(np.where(enough, other, -1.0)))
    below = cuts[best + 1] if best + 1 < len(cuts) else np.nextafter(np.float32(cuts[-1]), np.float32(-math.inf))
    return float(below)
