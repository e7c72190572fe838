"""A perceptron's labels: checks of y, targets for the network, and labels from its outputs."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils import column_or_1d
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets, unique_labels

from .base_perceptron import Perceptron
from .inputs import check_inputs
from .stochastic import Samples

__all__ = ["Labels"]


class Labels(ClassifierMixin, Perceptron):
    """A perceptron of two classes, more classes, or several binary labels."""

    _label_binarizer: Any

    @property
    def _kind(self) -> str:
        """Return "binary", "multiclass" or "multilabel-indicator"."""
        return str(self._label_binarizer.y_type_)

    def _check_data(self, X: Any, y: Any, *, incremental: bool, reset: bool) -> tuple[Any, Any, Any]:
        _refuse_mixed(y)
        X, y = check_inputs(self, X, y=y, multi_output=True, dtype=(np.float64, np.float32), reset=reset)
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        check_classification_targets(y)
        if "classes_" not in vars(self) or not (self.warm_start or incremental):
            self._label_binarizer = LabelBinarizer().fit(y)
            self.classes_ = self._label_binarizer.classes_
        else:
            self._check_classes(unique_labels(y))
        target = self._encode(y)
        self.n_outputs_ = len(self.classes_) if self._kind != "binary" else 1
        return X, y, target

    def _check_classes(self, classes: Any) -> None:
        if self.warm_start:
            if set(classes) != set(self.classes_):
                raise ValueError(
                    "warm_start can only be used where `y` has the same classes as in the previous call to fit. "
                    f"Previously got {self.classes_}, `y` has {classes}"
                )
        elif len(np.setdiff1d(classes, self.classes_, assume_unique=True)):
            raise ValueError(
                f"`y` has classes not in `self.classes_`. `self.classes_` has {self.classes_}. 'y' has {classes}."
            )

    def _encode(self, y: Any) -> Any:
        """Return class numbers, or a column of 0 and 1 for each binary output."""
        if self._kind != "multiclass":
            return self._label_binarizer.transform(y).astype(bool)
        y = np.asarray(y).reshape(-1)
        unknown = np.setdiff1d(y, self.classes_)
        if len(unknown):
            raise ValueError(f"`y` has classes not in `self.classes_`: {unknown}")
        return np.searchsorted(self.classes_, y)

    def _weighs_outputs(self) -> bool:
        """Whether each of several labels has its own class weights."""
        return self.class_weight is not None and self._kind == "multilabel-indicator"

    def _unweighed(self, target: Any) -> Any:
        """Return targets for the loss, with class weights of 1."""
        return np.where(target, 1.0, -1.0) if self._weighs_outputs() else target

    def _weighed(self, rows: Samples, labels: Any, incremental: bool) -> Samples:
        """Return rows with the weights of class_weight: for a whole row, or for each of several labels."""
        if self.class_weight is None:
            return rows
        if incremental and isinstance(self.class_weight, str):
            raise ValueError(
                "class_weight 'balanced' is not supported for partial_fit: its rows are not all of them; pass a dict "
                "such as compute_class_weight gives"
            )
        if self._weighs_outputs():
            of_output = output_weights(self.class_weight, rows.target)
            no, yes = of_output.astype(rows.X.dtype)
            return Samples(rows.X, np.where(rows.target, yes, -no), rows.weight)
        of_class = compute_sample_weight(self.class_weight, labels)
        if not np.isfinite(of_class).all() or (of_class < 0).any():
            raise ValueError(f"class_weight must hold finite weights >= 0, got {self.class_weight!r}")
        return Samples(rows.X, rows.target, of_class if rows.weight is None else of_class * rows.weight)

    def _decide(self, z: Any) -> Any:
        if self._kind == "multiclass":
            return self.classes_[z.argmax(axis=1)]
        if self._kind != "binary":
            return (z > 0).astype(int)
        return self.classes_[np.minimum((z[:, 0] > 0).astype(int), len(self.classes_) - 1)]

    def _labels_of_outputs(self) -> Any:
        return None if self._kind == "multilabel-indicator" else self.classes_

    def _score_of(self, outputs: Any, rows: Samples) -> float:
        """Return the accuracy."""
        if self._kind == "multiclass":
            right = outputs.argmax(axis=1) == rows.target
        else:
            right = ((outputs > 0) == (rows.target > 0)).all(axis=1)
        return float(np.average(right, weights=rows.weight))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


def output_weights(class_weight: Any, target: Any) -> Any:
    """Return the weights of 0 and of 1 for each of several binary labels, shape (2, labels)."""
    rows, labels = target.shape
    if isinstance(class_weight, str):  # "balanced"
        counts = np.stack([rows - target.sum(axis=0), target.sum(axis=0)])
        return np.where(counts > 0, rows / ((counts > 0).sum(axis=0) * np.maximum(counts, 1)), 1.0)
    if isinstance(class_weight, dict) or len(class_weight) != labels:
        raise ValueError(
            f"class_weight of several labels must be 'balanced' or a list of {labels} dicts, one a label, got "
            f"{class_weight!r}"
        )
    weights = np.ones((2, labels))
    for label, of_label in enumerate(class_weight):
        for value, weight in of_label.items():
            if value not in (0, 1):
                raise ValueError(f"class_weight[{label}] names the label {value!r}; the labels are 0 and 1")
            weights[int(value), label] = weight
    if not np.isfinite(weights).all() or (weights < 0).any():
        raise ValueError(f"class_weight must hold finite weights >= 0, got {class_weight!r}")
    return weights


def _refuse_mixed(y: Any) -> None:
    """Refuse lists of strings and numbers, which NumPy would convert to strings."""
    if isinstance(y, (list, tuple)):
        kinds = {isinstance(label, str) for label in y if not isinstance(label, (list, tuple, np.ndarray))}
        if len(kinds) > 1:
            raise TypeError("y mixes strings and numbers; labels must be all strings or all numbers")
