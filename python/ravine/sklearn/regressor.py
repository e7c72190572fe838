"""MLPRegressor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.base import RegressorMixin, _fit_context
from sklearn.metrics import r2_score
from sklearn.utils import column_or_1d
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.metaestimators import available_if

from .. import kernels, losses
from .base_perceptron import Perceptron
from .constructors import keep
from .documentation import DROP_IN, PERCEPTRON, PERCEPTRON_FITTED, REFUSED, described
from .inputs import check_inputs, numbers_of
from .stochastic import Samples

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["MLPRegressor"]

_LOSSES = {
    "squared_error": losses.HalfSumSquaredError,
    "poisson": losses.Poisson,
    "absolute_error": losses.MeanAbsoluteError,
    "huber": losses.Huber,
    "quantile": losses.Quantile,
}


@described(drop_in=DROP_IN, parameters=PERCEPTRON, refused=REFUSED, fitted=PERCEPTRON_FITTED)
class MLPRegressor(RegressorMixin, Perceptron):
    """scikit-learn's multi-layer perceptron regressor, trained by ravine.

    It minimises, over the rows of each batch, (sum s l + alpha/2 sum w^2) / sum s with sample weights s and, summed
    over the outputs, l = (z - t)^2 / 2, or with loss="poisson" half the deviance l = t log(t / y) - t + y of y = exp z.

    {drop_in}

    Parameters
    ----------
    loss : {"squared_error", "poisson", "absolute_error", "huber", "quantile"} or losses.Loss, default="squared_error"
        The last three names and `ravine.losses` are ravine's, means over the outputs; "quantile" is the median, for
        other quantiles use `losses.Quantile(tau)`.
    {parameters}
    {refused}

    Attributes
    ----------
    {fitted}
    out_activation_ : str
        "identity" or "exp".
    model_ : Sequential
        The network; with loss="poisson" its outputs are logarithms.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from ravine.sklearn import MLPRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = MLPRegressor(loss="huber", max_iter=1000, learning_rate_init=0.01, random_state=0)
    >>> model.fit(X / X.std(), y / y.std()).score(X / X.std(), y / y.std()) > 0.5
    True
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **Perceptron._parameter_constraints,
        "loss": [StrOptions(set(_LOSSES)), losses.Loss],
    }

    def __init__(
        self,
        loss: Any = "squared_error",
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
        dropout: Any = 0.0,
        batch_norm: bool = False,
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
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train for one more epoch, with the optimizer and the parameters of the first call.

        Parameters
        ----------
        X, y, sample_weight
            As for `fit`.

        Returns
        -------
        self
            The fitted estimator.

        Raises
        ------
        ValueError, TypeError
            As for `fit`.
        """
        self._fit(X, y, sample_weight, incremental=True)
        return self

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the predicted values. A row's bits do not depend on the other rows.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The inputs.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs)
            The values, of the dtype of the X that was fitted.
        """
        return np.asarray(self._values(self._outputs(X)))

    def _values(self, z: Any) -> Any:
        values = np.asarray(kernels.exp(z)) if self.out_activation_ == "exp" else z
        return values[:, 0] if values.shape[1] == 1 else values

    def _check_data(self, X: Any, y: Any, *, incremental: bool, reset: bool) -> tuple[Any, Any, Any]:
        X, y = check_inputs(
            self, X, y=numbers_of(y), multi_output=True, y_numeric=True, dtype=(np.float64, np.float32), reset=reset
        )
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        target = self._encode(y)
        if "model_" in vars(self) and not reset and target.shape[1] != self.n_outputs_:
            raise ValueError(f"y has {target.shape[1]} outputs, but this {type(self).__name__} has {self.n_outputs_}")
        self.n_outputs_ = target.shape[1]
        return X, y, target

    def _encode(self, y: Any) -> Any:
        y = np.asarray(numbers_of(y))
        return y.reshape(len(y), -1)

    def _loss(self) -> losses.Loss:
        return self.loss if isinstance(self.loss, losses.Loss) else _LOSSES[self.loss]()

    def _out_activation(self) -> str:
        loss = self._loss()
        return "exp" if isinstance(loss, losses.Poisson) and loss.log_input else "identity"

    def _summed(self) -> int:
        return int(self.n_outputs_) if self.loss == "poisson" else 1

    def _constant(self, target: Any, weight: Any) -> float:
        """Return the mean of t log t - t, which scikit-learn's Poisson loss includes and which depends on no weight."""
        if self.loss != "poisson":
            return 0.0
        t = np.ascontiguousarray(target, np.float64)
        logs = np.asarray(kernels.log(np.where(t > 0.0, t, 1.0)))
        rows = np.add.reduce(t * logs - t, axis=1)
        return float(np.average(rows, weights=weight))

    def _metrics(self) -> list[str]:
        return ["mse"] if self.loss == "squared_error" and self.n_outputs_ > 1 else []

    def _reported_loss(self, logs: dict[str, float], *, held: bool = False) -> float:
        """Return the loss as scikit-learn reports it: the squared error is a mean over the outputs."""
        loss = super()._reported_loss(logs, held=held)
        return loss - 0.5 * (self.n_outputs_ - 1) * logs["mse"] if "mse" in logs else loss

    def _score_of(self, outputs: Any, rows: Samples) -> float:
        """Return R2."""
        return float(r2_score(rows.target, self._values(outputs), sample_weight=rows.weight))
