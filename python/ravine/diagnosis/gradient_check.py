"""Backpropagation compared with numeric gradients."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from .. import _core
from ..inputs.arguments import check_int, check_number
from ..inputs.sparse import MatrixLike
from ..model.sequential import Sequential
from ..runtime.threads import check_n_threads
from .float64_copy import Float64Copy, Vector
from .numeric_gradients import EPSILON, STEPS, Along

__all__ = ["GradientCheck", "ParameterCheck", "check_gradients"]


@dataclass(frozen=True)
class ParameterCheck:
    """The comparison for one array of weights; errors as for `check_gradients`.

    Attributes
    ----------
    name : str
        As in `model.parameters`.
    error : float
        The largest relative error among the weights compared.
    index : tuple of int
        The index of the weight with this error.
    backpropagation, numeric : float
        The two derivatives there.
    compared : int
        The number of weights compared.
    kinks : int
        The number of weights that were skipped because they are at a kink, where there is no derivative.
    size : int
        The number of weights in the array.
    """

    name: str
    error: float
    index: tuple[int, ...]
    backpropagation: float
    numeric: float
    compared: int
    kinks: int
    size: int


@dataclass(frozen=True)
class GradientCheck:
    """The result of `check_gradients`; true if backpropagation is right. `print` shows a table; errors as for `fit`.

    Attributes
    ----------
    loss : float
        The loss at the weights, penalties included.
    parameters : dict of str to ParameterCheck
        The comparisons by name.
    tolerance : float
        The relative error allowed.
    """

    loss: float
    parameters: dict[str, ParameterCheck]
    tolerance: float

    @property
    def worst(self) -> ParameterCheck:
        """The array of weights with the largest error."""
        return max(self.parameters.values(), key=lambda part: part.error)

    @property
    def error(self) -> float:
        """The largest relative error."""
        return self.worst.error

    @property
    def kinks(self) -> int:
        """The number of weights at a kink."""
        return sum(part.kinks for part in self.parameters.values())

    @property
    def compared(self) -> int:
        """The number of weights that were compared."""
        return sum(part.compared for part in self.parameters.values())

    @property
    def ok(self) -> bool:
        """Whether weights were compared, and no error exceeds the tolerance."""
        return self.compared > 0 and self.error <= self.tolerance

    def __bool__(self) -> bool:
        return self.ok

    def __repr__(self) -> str:
        verdict = "ok" if self.ok else "FAILED" if self.compared else "nothing to compare"
        where = f" at {self.worst.name}{list(self.worst.index)}" if self.compared else ""
        kinks = f", {self.kinks} on kinks" if self.kinks else ""
        return f"<GradientCheck {verdict}: largest error {self.error:.2g}{where}, {self.compared} compared{kinks}>"

    def __str__(self) -> str:
        width = max(9, *(len(name) for name in self.parameters))
        lines = [f"{'parameter':<{width}}    error  backpropagation        numeric  compared  kinks  at"]
        lines += [
            f"{part.name:<{width}}  {part.error:7.1e}  {part.backpropagation:15.8e}{part.numeric:15.7e}"
            f"  {part.compared:8d}  {part.kinks:5d}  {list(part.index)}"
            for part in self.parameters.values()
        ]
        return "\n".join([repr(self), *lines])


def check_gradients(
    model: Sequential,
    X: MatrixLike,
    y: ArrayLike | None = None,
    *,
    sample_weight: ArrayLike | None = None,
    tolerance: float = 1e-6,
    weights_per_parameter: int | None = 100,
    n_threads: int | None = None,
) -> GradientCheck:
    """Compare backpropagation with derivatives of the loss from five-point stencils, in float64.

    The numeric derivative is n = (f(w - 2h) - 8 f(w - h) + 8 f(w + h) - f(w + 2h)) / 12h. The error of
    backpropagation's g is |n - g| / max(|n|, |g|, s), where s is .001 of the largest gradient, or more if the rounding
    of the loss alone could exceed the tolerance. A float32 model is checked as a float64 copy: the equations are
    checked, not the rounding. Penalties are part of the loss, dropout is off, and layers that are not trainable are
    skipped. The model is not changed.

    If the two disagree, h is reduced from 2^-10 to 2^-19 (times |w| above 1), to find the derivative between kinks such
    as ReLU's at 0. If a kink is closer than 2^-18, or the slopes to the left and to the right differ at the weight
    itself, there is no derivative: such weights are counted in `kinks` and not compared. With inputs of 0 or initial
    weights of 0, ReLUs are at their kink.

    Parameters
    ----------
    model : Sequential
        Compiled with a loss; it need not be fitted.
    X, y, sample_weight : array-like
        As for `fit`. A few rows are enough: each weight needs 4 losses on all of them.
    tolerance : float > 0, default=1e-6
        The relative error allowed.
    weights_per_parameter : int >= 1 or None, default=100
        The number of weights to check in each array, drawn by the model's `random_state`; None checks all.
    n_threads : int in [1, 1024], optional
        See `set_num_threads` for the default.

    Returns
    -------
    GradientCheck
        True in a condition if no error exceeds the tolerance; `print` shows the largest error of each array and its
        index.

    Raises
    ------
    ValueError, TypeError
        As for `fit`, and if no layer is trainable.

    References
    ----------
    Abramowitz and Stegun, Handbook of mathematical functions, table 25.2 (the stencil).

    Examples
    --------
    >>> import numpy as np
    >>> import ravine as rv
    >>> X = np.linspace(-1, 1, 24).reshape(8, 3)
    >>> model = rv.Sequential([rv.layers.Dense(4, "tanh"), rv.layers.Dense(1)], random_state=0)
    >>> model.compile(loss="mse")
    >>> check = rv.check_gradients(model, X, X[:, 0] ** 2)
    >>> check.ok, check.compared, check.error < 1e-8
    (True, 21, True)
    """
    allowed = check_number("tolerance", tolerance, 0.0, closed="neither")
    if weights_per_parameter is not None:
        message = "None or an int >= 1"
        weights_per_parameter = check_int("weights_per_parameter", weights_per_parameter, 1, allowed=message)
    copy = Float64Copy(model._state, (X, y, sample_weight), check_n_threads(n_threads))
    loss, gradients = copy.loss_and_gradients()
    if not gradients:
        raise ValueError("the model has no trainable weights, so there are no gradients to check")
    floor = 1e-3 * max(float(np.abs(g).max()) for g in gradients.values())
    weights = copy.network.parameters()
    parts = {}
    for number, (name, g) in enumerate(gradients.items()):
        indices = list(range(g.size))
        if weights_per_parameter is not None and weights_per_parameter < g.size:
            order = _core.epoch_order(g.size, copy.state.configuration.random_state, number)
            indices = sorted(order[:weights_per_parameter].tolist())
        along = Along(copy.loss, weights[name], loss)
        parts[name] = _check_parameter(name, along, g, indices, floor, allowed)
    return GradientCheck(loss, parts, allowed)


def _check_parameter(
    name: str, along: Along, g: Vector, indices: ArrayLike, floor: float, tolerance: float
) -> ParameterCheck:
    error, index, pair, compared, kinks = -1.0, 0, (math.nan, math.nan), 0, 0
    for i in np.asarray(indices).tolist():
        slope, off = _compare(along, i, float(g.flat[i]), floor, tolerance)
        if off > tolerance and along.is_kink(i):
            kinks += 1
            continue
        compared += 1
        if off > error:
            error, index, pair = off, i, (float(g.flat[i]), slope)
    at = tuple(int(k) for k in np.unravel_index(index, g.shape))
    return ParameterCheck(name, max(error, 0.0), at, *pair, compared, kinks, g.size)


def _compare(along: Along, i: int, g: float, floor: float, tolerance: float) -> tuple[float, float]:
    """Return the numeric derivative with respect to weight number i that is nearest to g, and its error."""
    best = math.nan, math.inf
    for step in STEPS:
        h = step * along.unit(i)
        slope = along.slope(i, h)
        rounding = 6.0 * EPSILON * abs(along.value) / h
        scale = max(abs(slope), abs(g), floor, rounding / tolerance)
        error = abs(slope - g) / scale if slope != g else 0.0
        if error < best[1] or math.isnan(best[0]):
            best = slope, math.inf if math.isnan(error) else error
        if best[1] <= tolerance:
            break
    return best
