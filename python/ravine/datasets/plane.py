"""Point sets in the plane with two classes, drawn by ravine's counter-based generator.

A value depends only on the seed, the set and the point's number, not on NumPy's generators or the number of threads. It
is the same on all machines with fused multiply-add (the x86-64 baseline gives other bits). Labels alternate
0, 1, 0, 1 ..., so the classes have equal size and any prefix is balanced.
"""

from __future__ import annotations

import secrets

import numpy as np
from numpy.typing import NDArray

from .. import kernels
from ..inputs.arguments import check_dtype, check_int, check_number, check_seed

Points = NDArray[np.float32] | NDArray[np.float64]
Labels = NDArray[np.int64]

RADIUS = 5.0  # extent of circle, xor and spiral
_STREAM = 4 << 24  # random numbers of data sets; the low bits select the set
_STREAMS = {name: _STREAM | number for number, name in enumerate(("circle", "xor", "gaussian", "spiral", "moons"))}


class _Draw:
    """The random numbers of one point set: each draw is one step of its stream."""

    def __init__(self, name: str, n: int, random_state: int | None) -> None:
        seed = check_seed(random_state)
        self.n = check_int("n", n, 2)
        self.seed = secrets.randbits(32) if seed is None else seed
        self.stream = _STREAMS[name]
        self.step = 0

    def uniform(self, low: float, high: float) -> NDArray[np.float64]:
        """Give n values, uniform on [low, high)."""
        x = np.empty(self.n)
        kernels.random_uniform(x, low=low, high=high, seed=self.seed, stream=self.stream, step=self.step)
        self.step += 1
        return x

    def normal(self) -> NDArray[np.float64]:
        """Give (n, 2) standard normal values."""
        x = np.empty((self.n, 2))
        kernels.random_normal(x, mean=0.0, deviation=1.0, seed=self.seed, stream=self.stream, step=self.step)
        self.step += 1
        return x

    def labels(self) -> tuple[Labels, NDArray[np.float64]]:
        """Give alternating labels, and each point's position t in [0, 1) inside its class."""
        number = np.arange(self.n)
        y = number % 2
        return y, (number // 2) / np.where(y == 0, (self.n + 1) // 2, self.n // 2)

    def finish(self, X: NDArray[np.float64], y: Labels, noise: float, dtype: str) -> tuple[Points, Labels]:
        """Add the noise and round once to the wanted type."""
        noise = check_number("noise", noise, 0.0)
        kind = check_dtype(dtype)
        with np.errstate(over="ignore"):
            if noise > 0.0:
                X = X + noise * self.normal()
            points = np.ascontiguousarray(X, kind)
        if not np.isfinite(points).all():
            raise ValueError(f"noise={noise!r} gives points too large for {kind.name}")
        return points, y.astype(np.int64)


def _polar(radius: NDArray[np.float64], half_turns: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give the points (r cos(pi t), r sin(pi t))."""
    sine, cosine = kernels.sincospi(half_turns)
    return np.stack((radius * cosine, radius * sine), axis=1)


def circle(
    n: int = 200, *, noise: float = 0.0, random_state: int | None = 0, dtype: str = "float64"
) -> tuple[Points, Labels]:
    """Draw a disc (label 1) inside a ring (label 0).

    The disc has radius 2.5, the ring reaches from 3.5 to 5; radius and angle are uniform. No straight line separates
    them, but x1^2 + x2^2 does.

    Parameters
    ----------
    n : int, default 200
        Number of points, at least 2.
    noise : float, default 0
        Standard deviation of the normal noise added to both coordinates, after the labels are assigned.
    random_state : int in [0, 2**32) or None, default 0
        The seed; None draws one.
    dtype : {"float64", "float32"}, default "float64"
        Type of X; float32 is the float64 set rounded.

    Returns
    -------
    X : ndarray, shape (n, 2)
    y : ndarray of int64, shape (n,)

    Raises
    ------
    ValueError
        For an argument that is not allowed.

    Examples
    --------
    >>> import ravine as rv
    >>> X, y = rv.datasets.circle(100)
    >>> bool(((X[y == 1] ** 2).sum(axis=1) < 2.5**2).all())
    True
    """
    draw = _Draw("circle", n, random_state)
    y, _ = draw.labels()
    share = draw.uniform(0.0, 1.0)
    radius = RADIUS * np.where(y == 1, 0.5 * share, 0.7 + 0.3 * share)
    return draw.finish(_polar(radius, draw.uniform(0.0, 2.0)), y, noise, dtype)


def xor(
    n: int = 200, *, noise: float = 0.0, random_state: int | None = 0, dtype: str = "float64"
) -> tuple[Points, Labels]:
    """Draw a square whose points have label 1 where the signs of their coordinates differ.

    Both |x1| and |x2| are uniform on [0.3, 5). The product x1 x2 separates the classes.

    Parameters
    ----------
    n, noise, random_state, dtype
        As in `circle`.

    Returns
    -------
    X : ndarray, shape (n, 2)
    y : ndarray of int64, shape (n,)

    Raises
    ------
    ValueError
        For an argument that is not allowed.

    Examples
    --------
    >>> import ravine as rv
    >>> X, y = rv.datasets.xor(100)
    >>> bool(((X[:, 0] * X[:, 1] < 0) == (y == 1)).all())
    True
    """
    draw = _Draw("xor", n, random_state)
    y, _ = draw.labels()
    first, second = draw.uniform(0.3, RADIUS), draw.uniform(0.3, RADIUS)
    side = np.where(draw.uniform(-1.0, 1.0) < 0.0, -1.0, 1.0)
    return draw.finish(np.stack((side * first, side * (1 - 2 * y) * second), axis=1), y, noise, dtype)


def gaussian(
    n: int = 200, *, noise: float = 1.0, random_state: int | None = 0, dtype: str = "float64"
) -> tuple[Points, Labels]:
    """Draw two round clouds, label 1 around (2, 2) and label 0 around (-2, -2).

    Parameters
    ----------
    n, random_state, dtype
        As in `circle`.
    noise : float, default 1
        Standard deviation of each cloud along each axis.

    Returns
    -------
    X : ndarray, shape (n, 2)
    y : ndarray of int64, shape (n,)

    Raises
    ------
    ValueError
        For an argument that is not allowed.

    Examples
    --------
    >>> import ravine as rv
    >>> X, y = rv.datasets.gaussian(4, noise=0)
    >>> X.tolist()
    [[-2.0, -2.0], [2.0, 2.0], [-2.0, -2.0], [2.0, 2.0]]
    """
    draw = _Draw("gaussian", n, random_state)
    y, _ = draw.labels()
    centre = np.where(y == 1, 2.0, -2.0)
    return draw.finish(np.stack((centre, centre), axis=1), y, noise, dtype)


def spiral(
    n: int = 200, *, noise: float = 0.0, random_state: int | None = 0, dtype: str = "float64"
) -> tuple[Points, Labels]:
    """Draw two arms of a spiral, each 1.75 turns long, half a turn apart.

    Each arm is drawn from outside to inside: at the position t in (0, 1] the radius is 5 t and the angle 1.75 t turns.
    The arm of label 1 is that of label 0 negated.

    Parameters
    ----------
    n, noise, random_state, dtype
        As in `circle`.

    Returns
    -------
    X : ndarray, shape (n, 2)
    y : ndarray of int64, shape (n,)

    Raises
    ------
    ValueError
        For an argument that is not allowed.

    Examples
    --------
    >>> import ravine as rv
    >>> X, y = rv.datasets.spiral(200)
    >>> bool((X[0::2] == -X[1::2]).all())
    True
    """
    draw = _Draw("spiral", n, random_state)
    y, t = draw.labels()
    t = 1.0 - t  # the arms do not meet at the centre
    return draw.finish(_polar(RADIUS * t * (1 - 2 * y), 3.5 * t), y, noise, dtype)


def moons(
    n: int = 200, *, noise: float = 0.1, random_state: int | None = 0, dtype: str = "float64"
) -> tuple[Points, Labels]:
    """Draw two half circles of radius 1 that reach into each other.

    Label 0 is (cos(pi t), sin(pi t)), label 1 is (1 - cos(pi t), 1/2 - sin(pi t)), t evenly spaced on [0, 1).

    Parameters
    ----------
    n, random_state, dtype
        As in `circle`.
    noise : float, default 0.1
        Standard deviation of the normal noise added to both coordinates.

    Returns
    -------
    X : ndarray, shape (n, 2)
    y : ndarray of int64, shape (n,)

    Raises
    ------
    ValueError
        For an argument that is not allowed.

    Examples
    --------
    >>> import ravine as rv
    >>> X, y = rv.datasets.moons(4, noise=0)
    >>> X.tolist()
    [[1.0, 0.0], [0.0, 0.5], [0.0, 1.0], [1.0, -0.5]]
    """
    draw = _Draw("moons", n, random_state)
    y, t = draw.labels()
    upper = _polar(np.ones(draw.n), t)
    lower = np.array([1.0, 0.5]) - upper
    return draw.finish(np.where((y == 0)[:, None], upper, lower), y, noise, dtype)
