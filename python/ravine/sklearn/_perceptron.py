"""What both perceptrons share: how they fit, and what they leave behind."""

from __future__ import annotations

import math
import warnings
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin, is_classifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from .._divergence import DivergenceError
from ..layers import Dense
from ..losses import Loss
from ..model import Sequential
from ._data import check_inputs, check_weights, refuse_masked
from ._lbfgs import fit_lbfgs
from ._network import first_weights, fresh_optimizer, make_model, penalised
from ._parameters import CONSTRAINTS, SOLVERS, check_more, hidden_sizes
from ._watch import Watch

__all__ = ["Perceptron"]

_NOT_FINITE = (
    "Solver produced non-finite parameter weights. The input data may contain large values and need to be preprocessed."
)


class Perceptron(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """The base of `MLPClassifier` and `MLPRegressor`.

    Attributes
    ----------
    coefs_, intercepts_ : list of ndarray
        Views of the network's weights: kernels (inputs, units) and biases. Assigning a list writes into them.
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = CONSTRAINTS
    n_outputs_: int
    _trains_by_epochs: bool
    _outputs_summed = 1  # K of `_network`
    _loss_constant = 0.0  # what scikit-learn's loss has beyond ravine's

    @property
    def coefs_(self) -> list[NDArray[Any]]:
        """The kernels."""
        return list(self._weights().values())[::2]

    @coefs_.setter
    def coefs_(self, values: list[ArrayLike]) -> None:
        _write(self.coefs_, values, "coefs_")

    @property
    def intercepts_(self) -> list[NDArray[Any]]:
        """The biases."""
        return list(self._weights().values())[1::2]

    @intercepts_.setter
    def intercepts_(self, values: list[ArrayLike]) -> None:
        _write(self.intercepts_, values, "intercepts_")

    def _weights(self) -> Any:
        if "model_" not in vars(self):
            raise AttributeError(f"This {type(self).__name__} is not fitted yet, it has no weights")
        return self.model_.parameters

    @property
    def _n_features_out(self) -> int:
        sizes = hidden_sizes(self)
        if not sizes:
            raise ValueError("hidden_layer_sizes is empty: there is no hidden layer whose output could be a feature")
        return sizes[-1]

    def _uses_schedule(self, name: str) -> bool:
        return self.optimizer is None and self.solver == "sgd" and self.learning_rate == name

    def _stochastic(self) -> bool:
        return self.optimizer is not None or self.solver in SOLVERS

    def _check_solver(self) -> bool:
        if not self._stochastic():
            raise AttributeError(
                f"partial_fit is only available for stochastic optimizers. {self.solver} is not stochastic."
            )
        return True

    def _fit(
        self, X: Any, y: Any, sample_weight: Any = None, *, incremental: bool = False, validation_data: Any = None
    ) -> Any:
        check_more(self)
        sizes = hidden_sizes(self)
        refuse_masked(X=X, y=y)
        first = "model_" not in vars(self) or not (self.warm_start or incremental)
        X, labels, target = self._check_data(X, y, incremental=incremental, reset=first)
        weight = self._row_weights(check_weights(sample_weight, X), labels, incremental)
        random = check_random_state(self.random_state)
        weights = None
        if first:
            weights = first_weights(self, X.shape[1], self.n_outputs_, random)
            self._forget(len(sizes) + 2)
        if not self._stochastic():
            if validation_data is not None or self.callbacks:
                raise ValueError(
                    "validation_data and callbacks go with epochs: take solver='sgd' or 'adam', or "
                    "optimizer=ravine.optimizers.LBFGS()"
                )
            self._prepare(X, random, weights, sizes, renew=True)
            self._fit_all_rows(X, target, weight)
            return self
        if self.early_stopping and incremental:
            raise ValueError("partial_fit does not support early_stopping=True")
        held, validation = None, None
        if validation_data is not None:
            validation = self._check_validation(validation_data)
        if self.early_stopping and validation is not None:
            held = (validation[0], self._scorer(*validation[1:]))
        elif self.early_stopping:
            (X, target, weight), held = self._split(X, target, weight, random)
        self._prepare(X, random, weights, sizes, renew=not incremental)
        self._fit_epochs(X, target, weight, incremental, held, validation)
        return self

    def _forget(self, layers: int) -> None:
        """Begin the record of a fit that begins with new weights."""
        self.n_iter_ = self.t_ = 0
        self.n_layers_ = layers
        self.out_activation_ = self._out_activation()
        for name in ("loss_curve_", "validation_loss_curve_", "model_", "_best_weights"):
            if name in vars(self):
                delattr(self, name)

    def _begin_curves(self) -> None:
        """Begin the curves of a stochastic fit."""
        self.loss_curve_: list[float] = []
        self._no_improvement_count = 0
        self.best_loss_ = None if self.early_stopping else math.inf
        self.validation_scores_: list[float] | None = [] if self.early_stopping else None
        self.best_validation_score_ = -math.inf if self.early_stopping else None

    def _prepare(self, X: Any, random: Any, weights: Any, sizes: list[int], *, renew: bool) -> None:
        """Make the network, with new weights or those it had; keep one that trains by epochs unless `renew`."""
        known = vars(self).get("model_")
        units = [*sizes, self.n_outputs_]
        if known is not None and weights is None:
            had = [layer.units for layer in known.layers if isinstance(layer, Dense)]
            if had != units:
                raise ValueError(f"the layers have {had} units, and hidden_layer_sizes asks for {units}: fit afresh")
            if not renew and known.optimizer is not None and self._trains_by_epochs:
                return
            weights = [np.array(w) for w in known.parameters.values()]
        integer = isinstance(self.random_state, (int, np.integer))
        seed = int(self.random_state) if integer else int(random.randint(2**32, dtype=np.uint64))
        dtype = X.dtype if known is None else known.dtype
        self._outputs_summed = self._summed()
        model = make_model(self, X.shape[1], self.n_outputs_, dtype, seed, weights)
        self._trains_by_epochs = self._stochastic()
        optimizer = fresh_optimizer(self) if self._trains_by_epochs else "sgd"
        model.compile(optimizer=optimizer, loss=penalised(self._loss()), metrics=self._metrics())
        self.model_ = model

    def _split(self, X: Any, target: Any, weight: Any, random: Any) -> tuple[tuple[Any, Any, Any], Any]:
        """Set rows aside as scikit-learn does, by the same draws."""
        if not self.validation_fraction:
            raise ValueError(
                f"early_stopping needs rows to score: validation_fraction must be above 0, got "
                f"{self.validation_fraction!r}"
            )
        stratify = target.astype(bool).reshape(-1, 1) if is_classifier(self) and self.n_outputs_ == 1 else None
        arrays = [X, target] if weight is None else [X, target, weight]
        parts = train_test_split(*arrays, random_state=random, test_size=self.validation_fraction, stratify=stratify)
        if len(parts[1]) < 2:
            raise ValueError(
                "The validation set is too small. Increase 'validation_fraction' or the size of your dataset."
            )
        held_weight = None if weight is None else parts[5]
        rows = (parts[0], parts[2], None if weight is None else parts[4])
        return rows, (parts[1], self._scorer(parts[3], held_weight))

    def _check_validation(self, given: Any) -> tuple[Any, Any, Any]:
        """Return validation data as (X, target, weight)."""
        if not isinstance(given, (tuple, list)) or len(given) not in (2, 3):
            raise ValueError(f"validation_data must be (X, y) or (X, y, sample_weight), got {type(given).__name__}")
        refuse_masked(X=given[0], y=given[1])
        X = check_inputs(self, given[0], reset=False, dtype=(np.float64, np.float32))
        target = self._encode(given[1])
        if len(target) != X.shape[0]:
            raise ValueError(f"validation_data has inconsistent numbers of samples: [{X.shape[0]}, {len(target)}]")
        return X, target, check_weights(given[2] if len(given) == 3 else None, X)

    def _fit_epochs(self, X: Any, target: Any, weight: Any, incremental: bool, held: Any, validation: Any) -> None:
        model: Sequential = self.model_
        if "loss_curve_" not in vars(self):
            self._begin_curves()
        if validation is not None:
            self.validation_loss_curve_: list[float] = getattr(self, "validation_loss_curve_", [])
        self._loss_constant = self._constant(target, weight)
        self._held_constant = 0.0 if validation is None else self._constant(validation[1], validation[2])
        watch = Watch(self, X.shape[0], held=held)
        self.n_iter_ = 0
        stopping = None
        try:
            model.fit(
                X,
                target,
                epochs=1 if incremental else self.max_iter,
                batch_size=self._batch_size(X.shape[0]),
                sample_weight=weight,
                shuffle=bool(self.shuffle),
                validation_data=validation,
                callbacks=[watch, *(self.callbacks or ())],
                n_threads=self.n_threads,
                verbose=0,
            )
        except KeyboardInterrupt:
            warnings.warn("Training interrupted by user.", UserWarning, stacklevel=4)
        except DivergenceError as error:
            stopping = error
        self._end(watch, incremental, stopping)

    def _end(self, watch: Watch, incremental: bool, error: DivergenceError | None) -> None:
        """Give the best weights back, and say where the fit has not converged."""
        if error is not None and not self.early_stopping:
            raise ValueError(f"{_NOT_FINITE} {error}") from error
        if error is not None:
            self.loss_curve_.append(math.nan)
            self.n_iter_ += 1
            if self.validation_scores_ is not None:
                self.validation_scores_.append(math.nan)
            text = f"Stochastic Optimizer: the optimization diverged, the best weights before are kept: {error}"
            warnings.warn(text, ConvergenceWarning, stacklevel=5)
        elif not incremental and self.n_iter_ == self.max_iter and not watch.stopped:
            text = (
                f"Stochastic Optimizer: Maximum iterations ({self.max_iter}) reached and the optimization hasn't "
                "converged yet."
            )
            warnings.warn(text, ConvergenceWarning, stacklevel=5)
        best = vars(self).get("_best_weights")
        if self.early_stopping and best is not None:
            for w, kept in zip(self.model_.parameters.values(), best, strict=True):
                w[...] = kept

    def _fit_all_rows(self, X: Any, target: Any, weight: Any) -> None:
        self._loss_constant = self._constant(target, weight)
        fit_lbfgs(self, self.model_, (X, target, weight))
        logs = self.model_.evaluate(X, target, sample_weight=weight, n_threads=self.n_threads)
        self.loss_ = self._reported_loss(logs)
        if not math.isfinite(self.loss_):
            raise ValueError(_NOT_FINITE)

    def _batch_size(self, rows: int) -> int | None:
        optimizer = self.model_.optimizer
        if isinstance(self.batch_size, str):
            return None if optimizer is not None and optimizer.searches else min(200, rows)
        if self.batch_size > rows:
            warnings.warn(
                "Got `batch_size` less than 1 or larger than sample size. It is going to be clipped",
                UserWarning,
                stacklevel=5,
            )
        return int(min(self.batch_size, rows))

    def _reported_loss(self, logs: dict[str, float], *, held: bool = False) -> float:
        """Return the loss as scikit-learn reports it."""
        return self._outputs_summed * logs["loss"] + (self._held_constant if held else self._loss_constant)

    def _outputs(self, X: Any) -> NDArray[Any]:
        """Return what the last layer gives, before the output's activation."""
        if "model_" not in vars(self):
            check_is_fitted(self)
        model: Sequential = self.model_
        plain = type(X) is np.ndarray and X.dtype == model.dtype and X.shape[1:] == (self.n_features_in_,) and len(X)
        if plain and "feature_names_in_" not in vars(self):  # the engine checks the rest, in a tenth of the time
            return np.asarray(model.predict(X, n_threads=self.n_threads))
        return np.asarray(model.predict(check_inputs(self, X, reset=False), n_threads=self.n_threads))

    def transform(self, X: Any, layer: int = -1) -> Any:
        """Return features: the outputs of a hidden layer, after its activation.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The inputs.
        layer : int, default=-1
            Which hidden layer, 0 the first and -1 the last; `set_output` and `get_feature_names_out` go with the last.

        Returns
        -------
        ndarray of shape (n_samples, n_units)
            The features.

        Raises
        ------
        ValueError
            Where there is no such layer.
        """
        check_is_fitted(self)
        names = [name.split("/")[0] for name in self.model_.parameters][:-2:2]
        if isinstance(layer, (bool, np.bool_)) or not isinstance(layer, (int, np.integer)):
            raise ValueError(f"layer must be an int, got {layer!r}")
        if not -len(names) <= layer < len(names):
            raise ValueError(f"layer must be in [{-len(names)}, {len(names) - 1}], got {layer}")
        X = check_inputs(self, X, reset=False)
        return self.model_.transform(X, layer=names[layer], n_threads=self.n_threads)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    # what the two kinds differ in

    def _check_data(self, X: Any, y: Any, *, incremental: bool, reset: bool) -> tuple[Any, Any, Any]:
        """Return X, the labels or numbers as given, and targets as the network takes them; set n_outputs_."""
        raise NotImplementedError

    def _encode(self, y: Any) -> Any:
        """Return targets as the network takes them."""
        raise NotImplementedError

    def _row_weights(self, weight: Any, labels: Any, incremental: bool) -> Any:
        return weight

    def _loss(self) -> Loss:
        raise NotImplementedError

    def _summed(self) -> int:
        """Return how many times ravine's loss makes scikit-learn's."""
        return 1

    def _constant(self, target: Any, weight: Any) -> float:
        return 0.0

    def _metrics(self) -> list[str]:
        return []

    def _out_activation(self) -> str:
        raise NotImplementedError

    def _scorer(self, target: Any, weight: Any) -> Any:
        """Return the function of the network's outputs that early stopping goes by."""
        raise NotImplementedError


def _write(views: list[Any], values: Any, name: str) -> None:
    arrays = [np.asarray(value) for value in values]
    if [array.shape for array in arrays] != [view.shape for view in views]:
        raise ValueError(f"{name} must have the shapes {[view.shape for view in views]}")
    for view, array in zip(views, arrays, strict=True):
        view[...] = array
