"""`diagnose`: all checks at once, on the current weights."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..inputs.arguments import check_int
from ..inputs.sparse import MatrixLike
from ..model.sequential import Sequential
from ..network.data import read_validation_data
from ..network.evaluation import evaluate, penalty
from ..network.state import ModelState
from ..runtime.threads import check_n_threads
from ..training.rates import next_rates
from .findings import Diagnosis
from .fitting import History, constant_loss, diverging, no_longer_falls, not_finite, overfitting, underfitting, wide_gap
from .float64_copy import Float64Copy, Vector
from .layers import look_at, troubles
from .steps import largest_curvature, largest_rate, too_large_a_step

__all__ = ["Examination", "diagnose"]

# Share of the loss of a constant prediction: below it, saturated units are part of what the net has learnt.
_FITTED = 0.1


def diagnose(
    model: Sequential,
    X: MatrixLike,
    y: ArrayLike | None = None,
    *,
    sample_weight: ArrayLike | None = None,
    validation_data: tuple[Any, ...] | None = None,
    max_rows: int | None = 1000,
    n_threads: int | None = None,
) -> Diagnosis:
    """Find training problems of a model on its data: dead units, vanishing gradients, too large a step, a bad fit.

    Everything is computed in float64 with dropout off, and the model is not changed. With s(layer) for
    |dL/dW| over the root mean square of the length of the layer's input rows, without penalties, the findings are:

    ==================== ====================================================== =======================================
    name                 figure                                                 found where
    ==================== ====================================================== =======================================
    divergence           the loss over its best in `model.history`              not finite, or above 4 and the first
    step_size            learning rate over its limit, 2/lambda_max for SGD     above 2; above 1 for a single layer
    exploding_gradients  the largest s(layer) over that of the last             above 4^5 = 1024
    vanishing_gradients  s(layer) over the largest of later layers              below .25^4 = .0039
    symmetric_units      share of units with a twin: weights, bias, gradient    at least .5
    dead_relu            share of ReLUs that are 0 on all rows, if 4 or more    at least .5
    saturated_units      share of hidden sigmoid and tanh units whose           above .5 while the loss is above a tenth
                         derivative is below 5 % of its largest on 90 % of rows of the best constant prediction's
    overfitting          validation loss over its best, the last ten epochs'    above 1.2 while the training loss fell
                         lowest; or the gap on `validation_data` over the loss  since; above .2
                         of the best constant prediction
    underfitting         1 - loss / loss of the best constant prediction        below .1, the loss not having fallen by
                                                                                1 % in a fifth of the epochs (30-300)
    ==================== ====================================================== =======================================

    Limits of the rate: 2 (1 + m)/lambda_max with momentum m, that over 1 + 2m for Nesterov's, over 1 - m for the
    average form. lambda_max comes from at most 50 steps of power iteration on differences of gradients, so it is a
    lower bound. Other optimizers have no such limit.

    Parameters
    ----------
    model : Sequential
        Compiled with a loss; it need not be fitted.
    X, y, sample_weight : array-like
        The training data, as for `fit`.
    validation_data : (X, y) or (X, y, sample_weight), optional
        Rows held out of training, to see whether the model generalises; not for a loss that is a sum over rows.
    max_rows : int >= 1 or None, default=1000
        The number of rows of X to use, evenly spaced among those with a weight above 0; None uses all.
    n_threads : int in [1, 1024], optional
        See `set_num_threads` for the default.

    Returns
    -------
    Diagnosis
        Findings and figures; `print` shows them.

    Raises
    ------
    ValueError, TypeError
        As for `fit`.

    References
    ----------
    Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks", 2010.

    Examples
    --------
    >>> import numpy as np
    >>> import ravine as rv
    >>> X = np.linspace(-1, 1, 60).reshape(20, 3)
    >>> deep = [rv.layers.Dense(8, "sigmoid") for _ in range(6)]
    >>> model = rv.Sequential([*deep, rv.layers.Dense(1)], random_state=0)
    >>> model.compile(loss="mse")
    >>> [(finding.name, finding.layer) for finding in rv.diagnose(model, X, X[:, 0])]
    [('vanishing_gradients', 'dense')]
    """
    most = None if max_rows is None else check_int("max_rows", max_rows, 1, allowed="None or an int >= 1")
    threads = check_n_threads(n_threads)
    state = model._state
    copy = Float64Copy(state, (X, y, sample_weight), threads, most)
    epoch = state.training.epoch - 1 if state.training.epoch else None
    history = {} if model.history is None else model.history.history
    examination = Examination(state, copy)
    found = examination.examine(history, epoch, len(history.get("loss", ())))
    if validation_data is None:
        return found
    held = read_validation_data(copy.state, validation_data)
    if not math.isfinite(found.loss) or copy.state.need_head().reduction == "sum":
        return found
    gap = wide_gap(found.loss, evaluate(copy.state, held, threads)["loss"], examination.constant(), epoch)
    return found if gap is None or "overfitting" in {f.name for f in found} else replace(found, findings=(*found, gap))


class Examination:
    """A model and its float64 copy, examined once or after each epoch."""

    def __init__(self, state: ModelState, copy: Float64Copy) -> None:
        self.state = state
        self.copy = copy
        self._eigenvector: Vector | None = None
        self._constant: float | None = None

    def constant(self) -> float:
        """Return the loss of the best constant prediction, computed once."""
        if self._constant is None:
            self._constant = constant_loss(self.copy)
        return self._constant

    def examine(self, history: History, epoch: int | None, epochs: int) -> Diagnosis:
        """Return the findings for the copy's weights, after some of the fit's epochs."""
        copy = self.copy
        with np.errstate(over="ignore", invalid="ignore"):
            loss, gradients = copy.loss_and_gradients()
            if not math.isfinite(loss) or not all(np.isfinite(g).all() for g in gradients.values()):
                return Diagnosis((not_finite(copy.state, copy.data.X, copy.n_threads, epoch),), epoch, loss, {})
            looks = look_at(copy, gradients)
            curvature = limit = step = None
            optimizer = self.state.compilation.optimizer
            if optimizer is not None and copy.names and largest_rate(optimizer, 1.0) is not None:
                curvature, self._eigenvector = largest_curvature(copy, self._eigenvector)
                limit = largest_rate(optimizer, curvature)
            if limit is not None:
                assert curvature is not None
                step = too_large_a_step(copy, float(next_rates(self.state)[0]), limit, curvature, epoch)
            risen = diverging(copy, history, epoch)
            found, alone = list(troubles(copy, looks, epoch)), loss - penalty(copy.state, copy.data)
            if any(finding.name == "saturated_units" for finding in found) and alone < _FITTED * self.constant():
                found = [finding for finding in found if finding.name != "saturated_units"]
            findings = [risen, step, *found, overfitting(history, epoch)]
            if risen is None and no_longer_falls(history, epochs):
                findings.append(underfitting(alone, self.constant(), epoch))
        signals = {look.name: look.signal for look in looks if look.signal is not None}
        return Diagnosis(
            tuple(finding for finding in findings if finding is not None), epoch, loss, signals, curvature, limit
        )
