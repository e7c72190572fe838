"""NetClassifier and NetRegressor: any `Sequential` as an estimator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin, RegressorMixin, _fit_context
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets, type_of_target

from .. import losses
from ..model.sequential import Sequential
from .base_net import Net
from .constructors import keep
from .documentation import CLASS_WEIGHT, NET, NET_FITTED, described
from .inputs import check_weights, numbers_of

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["NetClassifier", "NetRegressor"]


@described(parameters=NET, class_weight=CLASS_WEIGHT, fitted=NET_FITTED)
class NetClassifier(ClassifierMixin, Net):
    """Any `Sequential` for classification, as a scikit-learn classifier.

    Its last layer has as many units as there are classes (or 1 for two), with a classification loss; with several
    binary outputs, y has a column of 0 and 1 for each.

    Parameters
    ----------
    {parameters}
    {class_weight}

    Attributes
    ----------
    classes_ : ndarray
        The labels.
    {fitted}

    Examples
    --------
    >>> import ravine as rv
    >>> from ravine.sklearn import NetClassifier
    >>> from sklearn.datasets import load_iris
    >>> net = rv.Sequential([rv.layers.Dense(16, "tanh"), rv.layers.Dropout(0.1), rv.layers.Dense(3)], random_state=0)
    >>> net.compile(optimizer=rv.optimizers.Adam(0.01), loss="categorical_crossentropy")
    >>> X, y = load_iris(return_X_y=True)
    >>> NetClassifier(net, epochs=50).fit(X, y).score(X, y) > 0.95
    True
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **Net._parameter_constraints,
        "class_weight": "no_validation",  # the model's own message
    }

    def __init__(
        self,
        model: Any = None,
        *,
        epochs: int = 100,
        batch_size: int | None = 32,
        shuffle: bool = True,
        validation_split: float = 0.0,
        class_weight: Any = None,
        callbacks: Any = None,
        random_state: Any = None,
        warm_start: bool = False,
        n_threads: int | None = None,
        verbose: Any = 0,
    ) -> None:
        keep(self, locals())

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, *input_shape)
            The inputs, converted to the model's dtype.
        y : array-like of shape (n_samples,) or (n_samples, n_labels)
            The labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights >= 0.

        Returns
        -------
        self
            The fitted estimator.

        Raises
        ------
        ValueError, TypeError
            For data or parameters that are not allowed, and for a model that does not match them.
        """
        X, y = self._checked(X, y)
        check_classification_targets(y)
        target, outputs = self._targets(y)
        weights = self.class_weight
        if isinstance(weights, dict):
            weights = {self._number(label): value for label, value in weights.items()}
        self._train(X, target, check_weights(sample_weight, X), outputs, class_weight=weights)
        given = self.model_.output_shape
        assert given is not None
        if given[-1] != outputs and not (outputs == 1 and given[-1] == 2):
            raise ValueError(f"y has {len(self.classes_)} classes, the model's {given[-1]} outputs are not for so many")
        return self

    def _targets(self, y: Any) -> tuple[Any, int]:
        """Return class numbers, or columns of 0 and 1, and the outputs they take; set classes_."""
        if type_of_target(y).startswith("multilabel"):
            self.classes_, self._many = np.arange(y.shape[1]), True
            return np.asarray(y), y.shape[1]
        labels, numbers = np.unique(y, return_inverse=True)
        if "model_" in vars(self) and self.warm_start and not np.array_equal(labels, self.classes_):
            raise ValueError(
                "warm_start can only be used where `y` has the same classes as in the previous call to fit. "
                f"Previously got {self.classes_}, `y` has {labels}"
            )
        if len(labels) < 2:
            raise ValueError(f"y has only one class, {labels[0]!r}: a classifier needs at least 2")
        self.classes_, self._many = labels, False
        return numbers, 1 if len(labels) == 2 else len(labels)

    def _number(self, label: Any) -> int:
        found = np.flatnonzero(self.classes_ == label)
        if not len(found):
            raise ValueError(f"class_weight names the label {label!r}; the labels are {self.classes_}")
        return int(found[0])

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the most likely label of each row; with several binary outputs, 0 or 1 for each.

        Parameters
        ----------
        X : array-like, as for `fit`
            The inputs.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_labels)
            The labels.
        """
        rows = self._rows(X)
        numbers = self.model_.predict_classes(rows, n_threads=self.n_threads)
        return np.asarray(numbers if self._many else self.classes_[numbers])

    @available_if(lambda estimator: estimator._knows_probabilities())
    def predict_proba(self, X: Any) -> NDArray[Any]:
        """Return probabilities, if the model's loss defines them.

        Parameters
        ----------
        X : array-like, as for `fit`
            The inputs.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            The probabilities, in the order of `classes_`.
        """
        rows = self._rows(X)
        p = self.model_.predict_proba(rows, n_threads=self.n_threads)
        return np.concatenate([1 - p, p], axis=1) if p.shape[1] == 1 else p

    def _labels_of_outputs(self) -> Any:
        return None if self._many else self.classes_

    def _knows_probabilities(self) -> bool:
        model = vars(self).get("model_", self.model)
        if isinstance(model, Sequential) and isinstance(model.loss, (losses.Hinge, losses.Perceptron)):
            raise AttributeError(f"the loss {model.loss!r} knows no probabilities; predict gives labels")
        return True

    def _default_loss(self, outputs: int) -> losses.Loss:
        return losses.BinaryCrossentropy() if outputs == 1 or self._many else losses.CategoricalCrossentropy()

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


@described(parameters=NET, fitted=NET_FITTED)
class NetRegressor(RegressorMixin, Net):
    """Any `Sequential` for regression, as a scikit-learn regressor.

    Parameters
    ----------
    {parameters}

    Attributes
    ----------
    {fitted}

    Examples
    --------
    >>> import numpy as np
    >>> import ravine as rv
    >>> from ravine.sklearn import NetRegressor
    >>> X = np.linspace(-1, 1, 64)[:, None]
    >>> net = rv.Sequential([rv.layers.Dense(16, "tanh"), rv.layers.Dense(1)], random_state=0)
    >>> net.compile(optimizer=rv.optimizers.Adam(0.01), loss="huber")
    >>> NetRegressor(net, epochs=300).fit(X, np.sin(3 * X[:, 0])).score(X, np.sin(3 * X[:, 0])) > 0.98
    True
    """

    def __init__(
        self,
        model: Any = None,
        *,
        epochs: int = 100,
        batch_size: int | None = 32,
        shuffle: bool = True,
        validation_split: float = 0.0,
        callbacks: Any = None,
        random_state: Any = None,
        warm_start: bool = False,
        n_threads: int | None = None,
        verbose: Any = 0,
    ) -> None:
        keep(self, locals())

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, *input_shape)
            The inputs, converted to the model's dtype.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The targets.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights >= 0.

        Returns
        -------
        self
            The fitted estimator.

        Raises
        ------
        ValueError, TypeError
            For data or parameters that are not allowed, and for a model that does not match them.
        """
        X, y = self._checked(X, numbers_of(y), y_numeric=True)
        self._flat = y.ndim == 1
        target = y.reshape(len(y), -1)
        self._train(X, target, check_weights(sample_weight, X), target.shape[1])
        return self

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the network's outputs.

        Parameters
        ----------
        X : array-like, as for `fit`
            The inputs.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs)
            The values.
        """
        rows = self._rows(X)
        values = self.model_.predict(rows, n_threads=self.n_threads)
        return np.asarray(values[:, 0] if self._flat else values)

    def _default_loss(self, outputs: int) -> losses.Loss:
        return losses.MeanSquaredError()
