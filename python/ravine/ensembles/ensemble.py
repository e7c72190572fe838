"""Ensembles: several models that predict with their mean."""

from __future__ import annotations

import copy
import math
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import kernels
from ..checkpoint.models import load_ensemble, save_ensemble
from ..descriptions import Described
from ..errors import CheckpointFormatError, NotFittedError
from ..inputs.arguments import check_int, check_path
from ..inputs.arrays import Array
from ..inputs.sparse import MatrixLike
from ..losses.base import Head
from ..model.loading import check_custom_objects
from ..model.pickling import fresh_model
from ..model.sequential import Sequential
from ..network.data import Data, evaluation_data
from ..network.history import History
from ..network.inference import head_of_classifier, labels, outputs, probabilities
from ..runtime.threads import check_n_threads
from ..training.parallel import Member, ParallelTraining, prepare
from .kept_weights import KeptWeights
from .templates import check_compiled

__all__ = ["Ensemble", "mean_of"]

# Random stream of bootstrap samples; the seed is the member's.
_BAGGING_STREAM = 32 << 24
_KINDS = ("independent", "bagging", "snapshot")


def mean_of(arrays: Sequence[Array]) -> Array:
    """Return the mean, added up in float64 in the order given, as the arrays' dtype."""
    total = np.zeros(arrays[0].shape)
    for array in arrays:
        total += array
    mean: Array = (total / len(arrays)).astype(arrays[0].dtype)
    return mean


class Ensemble(Described):
    """Several models of one architecture, which predict with their mean.

    Independent members are the model with the seeds random_state, random_state + 1 ... (modulo 2^32). With bagging,
    each member also has its own n rows, drawn with replacement from n. All are trained in one run of the engine, one
    per thread, each with the same bits as when it is trained alone. Snapshots are the weights of one model after each
    epochs // size epochs of its training. They cost no more than that training, and differ most with a cyclic learning
    rate.

    Parameters
    ----------
    model : Sequential
        A compiled model, which is not changed.
    size : int >= 1, default=5
        The number of members.
    kind : {"independent", "bagging", "snapshot"}, default="independent"
        How the members differ.

    Attributes
    ----------
    members : tuple of Sequential
        The trained models.

    Raises
    ------
    ValueError, TypeError
        For a value that is not allowed, or a model that is not compiled.

    References
    ----------
    Breiman, "Bagging predictors", 1996; Lakshminarayanan et al., "Simple and scalable predictive uncertainty estimation
    using deep ensembles", arXiv:1612.01474; Huang et al., "Snapshot ensembles", arXiv:1704.00109.

    Examples
    --------
    >>> import numpy as np
    >>> import ravine as rv
    >>> X, y = rv.datasets.moons(200, noise=0.2, random_state=0)
    >>> model = rv.Sequential([rv.layers.Dense(16, "tanh"), rv.layers.Dense(1)], random_state=0)
    >>> model.compile(rv.optimizers.Adam(0.02), loss="binary_crossentropy", metrics=["accuracy"])
    >>> ensemble = rv.Ensemble(model, size=4, kind="bagging")
    >>> histories = ensemble.fit(X, y, epochs=40)
    >>> losses = [member.evaluate(X, y)["loss"] for member in ensemble.members]
    >>> ensemble.evaluate(X, y)["loss"] <= sum(losses) / 4
    True
    """

    def __init__(self, model: Sequential, *, size: int = 5, kind: str = "independent") -> None:
        self.model = check_compiled(model)
        self.size = check_int("size", size, 1)
        if not isinstance(kind, str) or kind not in _KINDS:
            raise ValueError(f"kind must be one of {', '.join(map(repr, _KINDS))}, got {kind!r}")
        self.kind = kind
        self._members: tuple[Sequential, ...] = ()

    @classmethod
    def from_models(cls, models: Iterable[Sequential]) -> Ensemble:
        """Return an ensemble of trained models; they are not copied.

        Parameters
        ----------
        models : list of Sequential
            Models with outputs of the same meaning: the same shape, loss and classes.

        Raises
        ------
        ValueError, TypeError
            For an empty list, and for models that are not compiled and trained or do not match each other.
        """
        if isinstance(models, Sequential) or not hasattr(models, "__iter__"):
            raise TypeError(f"models must be a list of Sequential, got {models!r}")
        members = [check_compiled(model) for model in models]
        if not members:
            raise ValueError("models must hold at least one Sequential, got []")
        for number, member in enumerate(members):
            member._state.need_built()
            for name in ("input_shape", "output_shape", "dtype", "head"):
                found, first = (
                    model._state.head if name == "head" else getattr(model, name) for model in (member, members[0])
                )
                if found != first:
                    raise ValueError(
                        f"models must agree, but the {name} of models[{number}] is {found}, that of models[0] {first}"
                    )
            if not np.array_equal(_classes(member), _classes(members[0])):
                raise ValueError(
                    f"models must agree, but the classes of models[{number}] are {_classes(member)}, "
                    f"those of models[0] {_classes(members[0])}"
                )
        made = cls(members[0], size=len(members))
        made._members = tuple(members)
        return made

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write all members to one file, as `Sequential.save` does one model; `Ensemble.load` reads it.

        Parameters
        ----------
        path : str or path
            The file; an existing one is replaced.

        Raises
        ------
        NotFittedError
            Before `fit`.
        TypeError, OSError
            As for `Sequential.save`.
        """
        name = check_path(path)
        with ExitStack() as held:
            for member in dict.fromkeys(self.members):
                held.enter_context(member._state.guard.exclusive())
            save_ensemble(self.members, {"made": self.kind}, name)

    @classmethod
    def load(cls, path: str | os.PathLike[str], *, custom_objects: Mapping[str, Any] | None = None) -> Ensemble:
        """Return the ensemble that `save` has written; its members predict and continue training like the saved ones.

        Parameters
        ----------
        path : str or path
            The file.
        custom_objects : dict of str to class or function, optional
            As for `ravine.load`.

        Raises
        ------
        CheckpointFormatError, CheckpointVersionError, CheckpointMismatchError, TypeError, OSError
            As for `ravine.load`; CheckpointMismatchError also for a file of one model.

        Warns
        -----
        UserWarning
            For weights that are not finite.

        Examples
        --------
        >>> import os, tempfile
        >>> import ravine as rv
        >>> model = rv.Sequential([rv.layers.Dense(1)], random_state=0)
        >>> model.compile(loss="mse")
        >>> ensemble = rv.Ensemble(model, size=3)
        >>> _ = ensemble.fit([[0.0], [1.0]], [1.0, 2.0], epochs=5)
        >>> path = os.path.join(tempfile.mkdtemp(), "lines.ravine")
        >>> ensemble.save(path)
        >>> bool(rv.Ensemble.load(path).predict([[3.0]]) == ensemble.predict([[3.0]]))
        True
        """
        name = check_path(path)
        models, settings = load_ensemble(name, check_custom_objects(custom_objects), Sequential)
        try:
            made = cls.from_models(models)
        except (TypeError, ValueError) as error:
            raise CheckpointFormatError(f"{name}: the description makes no ensemble: {error}") from error
        if settings.get("made") not in _KINDS:
            raise CheckpointFormatError(f"{name}: the description makes no ensemble: kind {settings.get('made')!r}")
        vars(made).update(kind=settings["made"])
        return made

    @property
    def members(self) -> tuple[Sequential, ...]:
        """The trained models.

        Raises
        ------
        NotFittedError
            Before `fit`.
        """
        if not self._members:
            raise NotFittedError(f"this {type(self).__name__} has no members yet: call fit")
        return self._members

    def fit(
        self,
        X: MatrixLike,
        y: ArrayLike | None = None,
        *,
        epochs: int = 1,
        batch_size: int | None = 32,
        shuffle: bool = True,
        sample_weight: ArrayLike | None = None,
        class_weight: Mapping[Any, float] | Literal["balanced"] | None = None,
        n_threads: int | None = None,
    ) -> list[History]:
        """Train all members anew; arguments as for `Sequential.fit`, there are no callbacks.

        Returns
        -------
        list of History
            One for each model that was trained: for snapshots, one.

        Raises
        ------
        ValueError, TypeError
            As for `Sequential.fit`, and for fewer epochs than snapshots.
        DivergenceError
            As for `Sequential.fit`; the other members are trained nevertheless.
        """
        count = check_int("epochs", epochs, 0)
        if self.kind == "snapshot":
            if count < self.size:
                raise ValueError(f"epochs must be an int >= {self.size}, one a snapshot, got {epochs!r}")
            kept, model = KeptWeights(every=count // self.size, size=self.size), self._fresh(0)
            history = model.fit(
                X, y, epochs=count, batch_size=batch_size, shuffle=shuffle, sample_weight=sample_weight,
                class_weight=class_weight, n_threads=n_threads, callbacks=[kept], verbose=0,
            )  # fmt: skip
            self._members = kept.models()
            return [history]
        training = ParallelTraining(batch_size, shuffle, n_threads)
        members = prepare([self._fresh(i) for i in range(self.size)], count, X, y, sample_weight, class_weight)
        if self.kind == "bagging":
            members = [Member(member.model, _bootstrap(member)) for member in members]
        self._members = tuple(member.model for member in members)
        training.train(members, count)
        for member in members:
            if member.error is not None:
                raise member.error
        return [member.history for member in members]

    def _fresh(self, number: int) -> Sequential:
        return fresh_model(self.model, (self.model.random_state + number) % 2**32)

    def predict(self, X: MatrixLike, *, n_threads: int | None = None) -> NDArray[Any]:
        """Return the mean of the members' outputs; arguments and errors as for `Sequential.predict`.

        Raises
        ------
        NotFittedError
            Before `fit`.
        """
        return self._mean(lambda model: model.predict(X, n_threads=n_threads))

    def predict_proba(self, X: MatrixLike, *, n_threads: int | None = None) -> NDArray[Any]:
        """Return the mean of the members' probabilities; arguments and errors as for `Sequential.predict_proba`.

        Raises
        ------
        NotFittedError
            Before `fit`.
        """
        return self._mean(lambda model: model.predict_proba(X, n_threads=n_threads))

    def predict_classes(self, X: MatrixLike, *, n_threads: int | None = None) -> NDArray[Any]:
        """Return the most likely label by the mean probabilities, or scores if there are none; as for `Sequential`.

        Raises
        ------
        NotFittedError
            Before `fit`.
        """
        first = self.members[0]
        means = self.predict_proba if head_of_classifier(first._state).probabilities else self.predict
        return labels(first._state, means(X, n_threads=n_threads))

    def evaluate(
        self,
        X: MatrixLike,
        y: ArrayLike | None = None,
        *,
        sample_weight: ArrayLike | None = None,
        n_threads: int | None = None,
    ) -> dict[str, float]:
        """Return loss and metrics of the mean probabilities, or else the mean outputs; penalties are not added.

        Arguments and errors as for `Sequential.evaluate`.

        Raises
        ------
        NotFittedError
            Before `fit`.
        """
        first = self.members[0]
        with first._state.guard.exclusive():
            data, head = evaluation_data(first._state, X, y, sample_weight), first._state.need_head()
        means = self._mean(lambda model: _predictions(model, X, n_threads), np.float64).reshape(len(data.X), -1)
        values = {"loss": _mean_loss(means, head, data)}
        predictions = means.astype(first.dtype)
        for metric in first.metrics:
            values[metric.name] = metric.compute(data.target, predictions, data.weight, head)
        return values

    def average_weights(self) -> dict[str, NDArray[Any]]:
        """Return the mean of the members' weights by name.

        It is a good model only for snapshots or members with the same start: hidden units of others do not match.

        Raises
        ------
        NotFittedError
            Before `fit`.
        """
        weights = [model._state.network.weights() for model in self.members]
        return {name: mean_of([own[name] for own in weights]) for name in weights[0]}

    def averaged(self) -> Sequential:
        """Return a model with the mean of the members' weights; see `average_weights`, also for errors."""
        weights, made = self.average_weights(), copy.deepcopy(self.members[0])
        for name, w in made._state.network.weights().items():
            w[...] = weights[name]
        return made

    def _mean(self, outputs: Callable[[Sequential], Array], dtype: Any = None) -> Array:
        found = [outputs(model) for model in self.members]
        return mean_of(found if dtype is None else [array.astype(dtype) for array in found])

    def __repr__(self) -> str:
        return f"Ensemble({self.model!r}, size={self.size}, kind={self.kind!r})"


def _attribute(model: Sequential, name: str) -> Any:
    return model._state.head if name == "head" else getattr(model, name)


def _classes(model: Sequential) -> list[Any]:
    classes = model._state.facts.classes
    return [] if classes is None else classes.tolist()


def _bootstrap(member: Member[Sequential]) -> Data:
    """Return as many rows as there are, drawn with replacement: row floor(d n / 2^32) for 32-bit words d."""
    data, n = member.data, len(member.data.X)
    words = kernels.random_bits(n, seed=member.model.random_state, stream=_BAGGING_STREAM)
    rows = (words.astype(np.uint64) * np.uint64(n) >> np.uint64(32)).astype(np.intp)
    return Data(data.X[rows], data.target[rows], None if data.weight is None else data.weight[rows])


def _predictions(model: Sequential, X: Any, n_threads: int | None) -> Array:
    """Return probabilities if the loss defines them, otherwise outputs."""
    state = model._state
    with state.guard.exclusive():
        state.need_built()
        return probabilities(state, outputs(state, X, check_n_threads(n_threads)))


def _mean_loss(means: Array, head: Head, data: Data) -> float:
    """Return the loss of mean predictions; a loss of logits gets their logits."""
    least = 2.0**-1022
    z = means
    if head.logits == "softmax":
        z = np.asarray(kernels.log(np.maximum(means, least)))
    elif head.logits == "sigmoid":
        rest = np.maximum(1.0 - means, 2.0**-53)
        z = np.asarray(kernels.log(np.maximum(means, least))) - np.asarray(kernels.log(rest))
    target = data.target if data.target.dtype == np.int32 else data.target.astype(np.float64)
    row_loss, _ = getattr(kernels, head.loss)(np.ascontiguousarray(z), target, setting=head.setting)
    weight = np.ones(len(row_loss)) if data.weight is None else data.weight.astype(np.float64)
    total, weighed = math.fsum(weight), math.fsum(weight * row_loss)
    return weighed if head.reduction == "sum" else weighed / total if total else 0.0
