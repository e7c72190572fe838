"""The base class of both perceptrons: how they fit, and their fitted attributes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from sklearn.base import _fit_context
from sklearn.utils import check_random_state

from ..layers import Dense
from ..losses import Loss
from .building import first_weights, fresh_optimizer, has_batch_norms, make_model, penalised
from .constructors import with_defaults
from .inputs import check_inputs, check_weights, refuse_masked
from .lbfgs import fit_all_rows
from .outputs import Outputs
from .parameters import CONSTRAINTS, SOLVERS, check_more, hidden_sizes
from .stochastic import NOT_FINITE, Samples, fit_epochs, set_aside
from .weights import Weights

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["Perceptron"]


class Perceptron(Weights, Outputs):
    """The base class of `MLPClassifier` and `MLPRegressor`."""

    _parameter_constraints: ClassVar[dict[str, Any]] = CONSTRAINTS
    n_outputs_: int
    batch_norm: bool
    _trains_by_epochs: bool
    _outputs_summed = 1  # K of `building.py`
    _loss_constant = 0.0  # the constant that scikit-learn's loss has and ravine's has not

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any, sample_weight: Any = None, *, validation_data: Any = None) -> Self:
        """Train.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The inputs; float32 stays float32, every other type becomes float64.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Labels, or for several binary labels a row of zeros and ones; numbers for a regressor.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights >= 0.
        validation_data : (X, y) or (X, y, sample_weight), default=None
            The data for `validation_loss_curve_`; early stopping scores on them instead of held-out training rows.

        Returns
        -------
        self
            The fitted estimator.

        Raises
        ------
        ValueError, TypeError
            For data or parameters that are not allowed, and if training diverges.
        """
        self._fit(X, y, sample_weight, validation_data=validation_data)
        return self

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(with_defaults(self, state))

    def _fit(
        self, X: Any, y: Any, sample_weight: Any = None, *, incremental: bool = False, validation_data: Any = None
    ) -> None:
        check_more(self)
        refuse_masked(X=X, y=y)
        first = "model_" not in vars(self) or not (self.warm_start or incremental)
        X, labels, target = self._check_data(X, y, incremental=incremental, reset=first)
        rows = self._weighed(Samples(X, target, check_weights(sample_weight, X)), labels, incremental)
        random = check_random_state(self.random_state)
        weights = None
        if first:
            weights = first_weights(self, X.shape[1], self.n_outputs_, random)
            self._forget()
        if self._stochastic():
            self._fit_by_epochs(rows, incremental, validation_data, weights, random)
        else:
            self._fit_all_rows(rows, validation_data, weights, random)

    def _fit_by_epochs(
        self, rows: Samples, incremental: bool, validation_data: Any, weights: list[Any] | None, random: Any
    ) -> None:
        if self.early_stopping and incremental:
            raise ValueError("partial_fit does not support early_stopping=True")
        validation = None if validation_data is None else self._check_validation(validation_data)
        held = None
        if self.early_stopping:
            rows, held = (rows, validation) if validation is not None else set_aside(self, rows, random)
        if self.batch_norm and rows.X.shape[0] < 2:
            raise ValueError("batch_norm=True takes the variance of each batch, which n_samples=1 has none of")
        self._prepare(rows.X, random, weights, renew=not incremental)
        fit_epochs(self, rows, incremental=incremental, held=held, validation=validation)

    def _fit_all_rows(self, rows: Samples, validation_data: Any, weights: list[Any] | None, random: Any) -> None:
        if validation_data is not None or self.callbacks:
            raise ValueError(
                "validation_data and callbacks go with epochs: take solver='sgd' or 'adam', or "
                "optimizer=ravine.optimizers.LBFGS()"
            )
        self._prepare(rows.X, random, weights, renew=True)
        self._loss_constant = self._constant(rows.target, rows.weight)
        logs = {"loss": fit_all_rows(self, self.model_, rows)}
        if self._metrics():
            logs = self.model_.evaluate(rows.X, rows.target, sample_weight=rows.weight, n_threads=self.n_threads)
        self.loss_ = self._reported_loss(logs)
        if not math.isfinite(self.loss_):
            raise ValueError(NOT_FINITE)

    def _forget(self) -> None:
        """Reset the record for a fit with new weights."""
        self.n_iter_ = self.t_ = 0
        self.n_layers_ = len(hidden_sizes(self)) + 2
        self.out_activation_ = self._out_activation()
        for name in ("loss_curve_", "validation_loss_curve_", "model_", "_best_weights"):
            if name in vars(self):
                delattr(self, name)

    def _prepare(self, X: Any, random: Any, weights: list[Any] | None, *, renew: bool) -> None:
        """Make the network, with new or previous weights; keep one that trains by epochs unless `renew`."""
        known = vars(self).get("model_")
        units = [*hidden_sizes(self), self.n_outputs_]
        if known is not None and weights is None:
            had = [layer.units for layer in known.layers if isinstance(layer, Dense)]
            if had != units:
                raise ValueError(f"the layers have {had} units, and hidden_layer_sizes asks for {units}: fit afresh")
            if has_batch_norms(known) != bool(self.batch_norm and len(units) > 1):
                raise ValueError(f"the layers were made with another batch_norm than {self.batch_norm!r}: fit afresh")
            if not renew and known.optimizer is not None and self._trains_by_epochs:
                return
            weights = known.get_weights()
        assert weights is not None
        integer = isinstance(self.random_state, (int, np.integer))
        seed = int(self.random_state) if integer else int(random.randint(2**32, dtype=np.uint64))
        dtype = X.dtype if known is None else known.dtype
        self._outputs_summed = self._summed()
        model = make_model(self, X.shape[1], self.n_outputs_, dtype, seed, weights)
        self._trains_by_epochs = self._stochastic()
        optimizer = fresh_optimizer(self) if self._trains_by_epochs else "sgd"
        model.compile(optimizer=optimizer, loss=penalised(self._loss()), metrics=self._metrics())
        self.model_ = model

    def _check_validation(self, given: Any) -> Samples:
        if not isinstance(given, (tuple, list)) or len(given) not in (2, 3):
            raise ValueError(f"validation_data must be (X, y) or (X, y, sample_weight), got {type(given).__name__}")
        refuse_masked(X=given[0], y=given[1])
        X = check_inputs(self, given[0], reset=False, dtype=(np.float64, np.float32))
        target = self._unweighed(self._encode(given[1]))
        if len(target) != X.shape[0]:
            raise ValueError(f"validation_data has inconsistent numbers of samples: [{X.shape[0]}, {len(target)}]")
        return Samples(X, target, check_weights(given[2] if len(given) == 3 else None, X))

    def _lowers_rate(self, name: str) -> bool:
        """Whether the rate follows scikit-learn's learning_rate of this name."""
        return self.optimizer is None and self.solver == "sgd" and self.learning_rate == name

    def _stochastic(self) -> bool:
        return self.optimizer is not None or self.solver in SOLVERS

    def _check_solver(self) -> bool:
        if not self._stochastic():
            raise AttributeError(
                f"partial_fit is only available for stochastic optimizers. {self.solver} is not stochastic."
            )
        return True

    def _reported_loss(self, logs: dict[str, float], *, held: bool = False) -> float:
        """Return the loss as scikit-learn reports it."""
        return self._outputs_summed * logs["loss"] + (self._held_constant if held else self._loss_constant)

    # the differences between classifier and regressor

    def _check_data(self, X: Any, y: Any, *, incremental: bool, reset: bool) -> tuple[Any, Any, Any]:
        """Return X, the labels or numbers as given, and targets as the network takes them; set n_outputs_."""
        raise NotImplementedError

    def _encode(self, y: Any) -> Any:
        """Return targets as the network takes them."""
        raise NotImplementedError

    def _unweighed(self, target: Any) -> Any:
        """Return targets for the loss, with class weights of 1."""
        return target

    def _weighed(self, rows: Samples, labels: Any, incremental: bool) -> Samples:
        """Return rows with the weights of their classes."""
        return rows

    def _loss(self) -> Loss:
        raise NotImplementedError

    def _summed(self) -> int:
        """Return the ratio of scikit-learn's loss to ravine's."""
        return 1

    def _constant(self, target: Any, weight: Any) -> float:
        return 0.0

    def _metrics(self) -> list[str]:
        return []

    def _out_activation(self) -> str:
        raise NotImplementedError

    def _score_of(self, outputs: Any, rows: Samples) -> float:
        """Return the score of the network's outputs for rows, which early stopping uses."""
        raise NotImplementedError
