"""MLPClassifier."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.base import _fit_context
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import _check_partial_fit_first_call, type_of_target

from .. import kernels, losses
from .base_perceptron import Perceptron
from .constructors import keep
from .documentation import DROP_IN, PERCEPTRON, PERCEPTRON_FITTED, REFUSED, described
from .labels import Labels

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["MLPClassifier"]

# For binary outputs, and for one class out of many.
_CROSS_ENTROPIES: dict[str, tuple[type[losses.Loss], type[losses.Loss]]] = {
    "log_loss": (losses.BinaryCrossentropy, losses.CategoricalCrossentropy),
    "focal": (losses.BinaryFocalCrossentropy, losses.CategoricalFocalCrossentropy),
}


@described(drop_in=DROP_IN, parameters=PERCEPTRON, refused=REFUSED, fitted=PERCEPTRON_FITTED)
class MLPClassifier(Labels):
    """scikit-learn's multi-layer perceptron classifier, trained by ravine.

    It minimises, over the rows of each batch, (sum s l + alpha/2 sum w^2) / sum s with sample weights s and the cross
    entropy l = -sum t log p; p = sigmoid(z) for two classes and for each of several labels, softmax(z) for more
    classes. Cross entropies are computed from the logits z, so that they are accurate also where p rounds to 0 or 1.

    {drop_in}

    Parameters
    ----------
    {parameters}
    loss : {"log_loss", "focal", "hinge", "perceptron"} or losses.Loss, default="log_loss"
        All but "log_loss" are ravine's; "focal" has gamma = 2. Only cross entropies give probabilities.
    class_weight : dict, "balanced" or list of dict, default=None
        Weights of the classes, multiplied with the sample weights. For several labels "balanced", or a list with a
        dict such as {0: 1.0, 1: 5.0} for each label, which weighs the loss of that label.
    {refused}

    Attributes
    ----------
    classes_ : ndarray
        The labels.
    {fitted}
    out_activation_ : str
        "logistic" or "softmax".
    model_ : Sequential
        The network; its last layer gives logits.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from ravine.sklearn import MLPClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> model = MLPClassifier(max_iter=500, learning_rate_init=0.01, dropout=0.1, class_weight="balanced")
    >>> model.set_params(random_state=0).fit(X, y).score(X, y) > 0.95
    True
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **Perceptron._parameter_constraints,
        "loss": [StrOptions({"log_loss", "focal", "hinge", "perceptron"}), losses.Loss],
        "class_weight": [dict, list, StrOptions({"balanced"}), None],
    }

    def __init__(
        self,
        hidden_layer_sizes: Any = (100,),
        activation: Any = "relu",
        *,
        solver: str = "adam",
        alpha: float = 0.0001,
        batch_size: Any = "auto",
        learning_rate: str = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        verbose: Any = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: float = 10,
        max_fun: int = 15000,
        loss: Any = "log_loss",
        dropout: Any = 0.0,
        batch_norm: bool = False,
        class_weight: Any = None,
        optimizer: Any = None,
        weight_decay: float = 0.0,
        schedule: Any = None,
        time_limit: float | None = None,
        callbacks: Any = None,
        n_threads: int | None = None,
        progress: Any = False,
    ) -> None:
        keep(self, locals())

    @available_if(lambda estimator: estimator._check_solver())
    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None, classes: Any = None) -> Self:
        """Train for one more epoch, with the optimizer and the parameters of the first call.

        Parameters
        ----------
        X, y, sample_weight
            As for `fit`.
        classes : array-like, default=None
            All labels; needed in the first call.

        Returns
        -------
        self
            The fitted estimator.

        Raises
        ------
        ValueError
            As for `fit`, and for labels that are not in `classes`.
        """
        if _check_partial_fit_first_call(self, classes):
            self._label_binarizer = LabelBinarizer()
            self._label_binarizer.fit(y if type_of_target(y).startswith("multilabel") else classes)
        self._fit(X, y, sample_weight, incremental=True)
        return self

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the most likely label of each row; for several labels, 0 or 1 for each.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The inputs.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_labels)
            The labels.
        """
        return np.asarray(self._decide(self._outputs(X)))

    @available_if(lambda estimator: estimator._check_probabilities())
    def predict_proba(self, X: Any) -> NDArray[Any]:
        """Return probabilities. A row's bits do not depend on the other rows.

        A probability of a binary output that would round to 1 becomes the largest number below 1.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The inputs.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            The probabilities, in the order of `classes_`; for several labels, the probability of each.
        """
        z = self._outputs(X)
        if self._kind == "multiclass":
            return np.asarray(kernels.softmax(z))
        p = np.asarray(kernels.sigmoid(z if self._kind != "binary" else np.concatenate([-z, z], axis=1)))
        return np.asarray(np.minimum(p, np.nextafter(p.dtype.type(1), p.dtype.type(0))))

    @available_if(lambda estimator: estimator._check_probabilities())
    def predict_log_proba(self, X: Any) -> NDArray[Any]:
        """Return the logarithms of `predict_proba`.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The inputs.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            log p; minus infinity, without a warning, where p is 0.
        """
        return np.asarray(kernels.log(self.predict_proba(X)))

    def _check_probabilities(self) -> bool:
        loss = self.loss
        crosses = isinstance(loss, (losses.BinaryCrossentropy, losses.CategoricalCrossentropy))
        if not crosses and loss not in ("log_loss", "focal"):
            raise AttributeError(f"loss={loss!r} knows no probabilities; predict gives labels")
        return True

    def _loss(self) -> losses.Loss:
        if self._weighs_outputs() and self.loss != "log_loss":
            raise ValueError(f"class_weight of several labels goes with loss='log_loss', got loss={self.loss!r}")
        if isinstance(self.loss, losses.Loss):
            return self.loss
        if self.loss not in _CROSS_ENTROPIES:
            return losses.get(self.loss)
        if self._weighs_outputs():
            return losses.WeightedBinaryCrossentropy()
        return _CROSS_ENTROPIES[self.loss][self._kind == "multiclass"]()

    def _summed(self) -> int:
        return int(self.n_outputs_) if self.loss == "log_loss" and self._kind == "multilabel-indicator" else 1

    def _out_activation(self) -> str:
        return "softmax" if self._kind == "multiclass" else "logistic"
