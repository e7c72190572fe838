"""A fitted estimator's network as a file that is read without scikit-learn."""

from __future__ import annotations

import copy
import os
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from ..inputs.arguments import check_path
from ..model.sequential import Sequential

__all__ = ["Exported"]


class Exported:
    """Writes `model_` with the estimator's labels and input names."""

    model_: Sequential

    def export(self, path: str | os.PathLike[str]) -> None:
        """Write the network to one file, which `ravine.load` reads without scikit-learn.

        The loaded model is a `Sequential`, compiled with this loss and a new Adam. Its `predict_classes` returns the
        labels of `predict`, `predict_proba` the probabilities (one column for two classes, that of the second), and
        `predict` a regressor's values as columns, with loss="poisson" their logarithms. It takes rows of the network's
        shape, and the columns of a frame by the names that `fit` saw. The file is written as by `Sequential.save`.

        Parameters
        ----------
        path : str or path
            The file; an existing one is replaced.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            For a name that ends in .onnx, which is another format.
        TypeError, OSError
            As for `Sequential.save`.

        Examples
        --------
        >>> import os, tempfile
        >>> import ravine as rv
        >>> from ravine.sklearn import MLPClassifier
        >>> X, y = [[0.0], [1.0], [2.0], [3.0]], ["few", "few", "many", "many"]
        >>> fitted = MLPClassifier(solver="lbfgs", random_state=0).fit(X, y)
        >>> path = os.path.join(tempfile.mkdtemp(), "numbers.ravine")
        >>> fitted.export(path)
        >>> rv.load(path).predict_classes([[0.5], [2.5]]).tolist()
        ['few', 'many']
        """
        check_is_fitted(self)
        name = check_path(path)
        if name.lower().endswith(".onnx"):
            raise ValueError(f"export writes ravine's own format, which {name!r} would not say; choose another ending")
        model = copy.deepcopy(self.model_)
        model.compile(loss=model.loss, metrics=model.metrics)
        names, classes = getattr(self, "feature_names_in_", None), self._labels_of_outputs()
        if classes is not None:
            model._state.facts.classes = _plain(classes)
        if names is not None:
            model._state.facts.feature_names = [str(column) for column in names]
        model.save(name)

    def _labels_of_outputs(self) -> NDArray[Any] | None:
        """Return the label of each class; None if outputs are numbers or several binary labels."""
        return None


def _plain(classes: NDArray[Any]) -> NDArray[Any]:
    """Return labels as a file holds them: strings that are objects as strings, of one class two alike."""
    plain = np.array(classes.tolist()) if classes.dtype.kind == "O" else classes
    return plain if len(plain) > 1 else np.repeat(plain, 2)
