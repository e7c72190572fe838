"""Layers that normalise to mean 0 and variance 1, over a batch or along a row."""

from __future__ import annotations

import math
from collections.abc import Sequence

from .. import _core
from .. import initializers as init
from ..initializers import Initializer
from ..inputs.arguments import check_flag, check_number
from ..regularizers import Regularizer
from .base import Layer, Shape

__all__ = ["BatchNorm", "LayerNorm"]


class _Norm(Layer):
    """A layer with a scale gamma and a centre beta for each channel, along the last axis."""

    def __init__(
        self,
        epsilon: float,
        center: bool,
        scale: bool,
        beta_initializer: str | Initializer,
        gamma_initializer: str | Initializer,
        name: str | None,
        trainable: bool,
    ) -> None:
        super().__init__(name=name, trainable=trainable)
        self.epsilon = check_number("epsilon", epsilon, 0.0, closed="neither")
        self.center = check_flag("center", center)
        self.scale = check_flag("scale", scale)
        self.beta_initializer = init.get(beta_initializer, name="beta_initializer")
        self.gamma_initializer = init.get(gamma_initializer, name="gamma_initializer")

    def parameter_shapes(self, shape: Shape) -> dict[str, Shape]:
        """Return (channels,) for gamma and beta."""
        return {name: shape[-1:] for name in self.parameter_initializers()}

    def parameter_initializers(self) -> dict[str, Initializer]:
        """Return the initializers of gamma and beta, those that there are."""
        both = {"gamma": self.gamma_initializer, "beta": self.beta_initializer}
        return {name: both[name] for name, given in (("gamma", self.scale), ("beta", self.center)) if given}

    def operation(
        self,
        name: str,
        shape: Shape,
        regularizer: Regularizer | None = None,
        branches: Sequence[Sequence[_core.OperationSpec]] = (),
    ) -> _core.OperationSpec:
        """Return the engine's operation."""
        return _core.OperationSpec(self.kind, name=name, shape=shape, settings=self._settings())

    def _settings(self) -> dict[str, float]:
        return {"epsilon": self.epsilon, "center": self.center, "scale": self.scale}

    def _show(self, *shown: str) -> str:
        return self._call(
            *shown,
            center=(self.center, True),
            scale=(self.scale, True),
            beta_initializer=(self.beta_initializer, init.Zeros()),
            gamma_initializer=(self.gamma_initializer, init.Ones()),
        )


class BatchNorm(_Norm):
    """y = gamma (x - m) / sqrt(v + epsilon) + beta for each channel, with mean m and variance v of the batch.

    Channels are along the last axis: the features of flat rows, the colours or feature maps of images, whose m and v
    are taken over rows and positions. With sample weights w (or class weights, or those of a sampler) they are
    m = sum w x / sum w and v = sum w (x - m)^2 / sum w: a weight of 2 has the effect of a second copy of the row, and
    rows of weight 0 have none. The gradient flows through m and v.

    After each step of `fit` or `train_on_batch` the running statistics r become momentum r + (1 - momentum) b, where b
    are the batch's m and v (divided by the number of values, as in Keras; PyTorch's running variance divides by one
    less). A step that is dropped does not change them. They are in `model.statistics`, and are saved, restored and
    averaged with the weights. Optimizers, penalties and clipping do not apply to them.

    Everything else uses the running statistics, with which the layer is an affine map of each row: `predict`,
    `evaluate`, validation data, `loss_and_gradients`, `gradients`, `check_gradients`, `diagnose`, and optimizers that
    search along the loss or without derivatives, which never change them. So does a frozen layer.

    If a batch has one value per channel (one flat row with a weight above 0), the output is beta and the gradient with
    respect to x is 0. It has no variance, so the running statistics are not changed. `fit` refuses batch_size=1 for
    flat rows.

    Parameters
    ----------
    momentum : float in [0, 1), default=0.9
        The fraction of the running statistics that a step keeps; PyTorch's momentum is 1 less this.
    epsilon : float > 0, default=1e-5
        A small number that keeps the root above 0.
    center : bool, default=True
        Whether to add beta.
    scale : bool, default=True
        Whether to multiply by gamma.
    beta_initializer : str or Initializer, default="zeros"
        Initial values of beta.
    gamma_initializer : str or Initializer, default="ones"
        Initial values of gamma.
    name : str, optional
        Default: batch_norm, batch_norm_1 ... The arrays are "batch_norm/gamma", "batch_norm/beta" in `parameters` and
        "batch_norm/moving_mean", "batch_norm/moving_variance" in `statistics`, each (channels,).
    trainable : bool, default=True
        False freezes gamma, beta and the running statistics, and uses the latter in training too.

    Raises
    ------
    ValueError, TypeError
        For a value that is not allowed.

    References
    ----------
    Ioffe and Szegedy, "Batch normalization: accelerating deep network training by reducing internal covariate shift",
    2015.

    Examples
    --------
    >>> import numpy as np
    >>> import ravine as rv
    >>> model = rv.Sequential([rv.layers.Input(1), rv.layers.BatchNorm(), rv.layers.Dense(1)], random_state=0)
    >>> model.compile(optimizer="adam", loss="mse")
    >>> X = np.array([[1.0], [3.0], [5.0], [7.0]])
    >>> loss = model.train_on_batch(X, X)
    >>> {name: round(float(r[0]), 3) for name, r in model.statistics.items()}
    {'batch_norm/moving_mean': 0.4, 'batch_norm/moving_variance': 1.4}
    """

    kind = "batch_norm"

    def __init__(
        self,
        *,
        momentum: float = 0.9,
        epsilon: float = 1e-5,
        center: bool = True,
        scale: bool = True,
        beta_initializer: str | Initializer = "zeros",
        gamma_initializer: str | Initializer = "ones",
        name: str | None = None,
        trainable: bool = True,
    ) -> None:
        super().__init__(epsilon, center, scale, beta_initializer, gamma_initializer, name, trainable)
        self.momentum = check_number("momentum", momentum, 0.0, 1.0)

    def statistic_shapes(self, shape: Shape) -> dict[str, Shape]:
        """Return (channels,) for the running mean and variance."""
        return {"moving_mean": shape[-1:], "moving_variance": shape[-1:]}

    def least_batch(self, shape: Shape) -> int:
        """Return 2 for flat rows, else 1: a single value has no variance."""
        return 2 if math.prod(shape[:-1]) == 1 else 1

    def _settings(self) -> dict[str, float]:
        return {**super()._settings(), "momentum": self.momentum}

    def __repr__(self) -> str:
        shown = [f"{name}={getattr(self, name)!r}" for name, usual in _USUAL.items() if getattr(self, name) != usual]
        return self._show(*shown)


class LayerNorm(_Norm):
    """y = gamma (x - m) / sqrt(v + epsilon) + beta, with mean m and variance v along the last axis of each row.

    For images each position is normalised over its channels. A row does not depend on other rows: training and
    prediction compute the same function, for any batch.

    Parameters
    ----------
    epsilon : float > 0, default=1e-5
        A small number that keeps the root above 0.
    center : bool, default=True
        Whether to add beta.
    scale : bool, default=True
        Whether to multiply by gamma.
    beta_initializer : str or Initializer, default="zeros"
        Initial values of beta.
    gamma_initializer : str or Initializer, default="ones"
        Initial values of gamma.
    name : str, optional
        Default: layer_norm, layer_norm_1 ... Its parameters are "layer_norm/gamma" and "layer_norm/beta", each
        (channels,).
    trainable : bool, default=True
        Whether `fit` changes gamma and beta.

    Raises
    ------
    ValueError, TypeError
        For a value that is not allowed; when a model is built, for rows with one channel, which have no variance.

    References
    ----------
    Ba, Kiros and Hinton, "Layer normalization", 2016.

    Examples
    --------
    >>> import ravine as rv
    >>> model = rv.Sequential([rv.layers.Input(4), rv.layers.LayerNorm()])
    >>> model.predict([[1.0, 1.0, 3.0, 3.0]]).round(3).tolist()
    [[-1.0, -1.0, 1.0, 1.0]]
    """

    kind = "layer_norm"

    def __init__(
        self,
        *,
        epsilon: float = 1e-5,
        center: bool = True,
        scale: bool = True,
        beta_initializer: str | Initializer = "zeros",
        gamma_initializer: str | Initializer = "ones",
        name: str | None = None,
        trainable: bool = True,
    ) -> None:
        super().__init__(epsilon, center, scale, beta_initializer, gamma_initializer, name, trainable)

    def output_shape(self, shape: Shape) -> Shape:
        """Return the same shape."""
        if shape[-1] < 2:
            raise ValueError(f"LayerNorm needs at least 2 values along the last axis, got rows of shape {shape}")
        return shape

    def __repr__(self) -> str:
        return self._show(*([] if self.epsilon == _USUAL["epsilon"] else [f"epsilon={self.epsilon!r}"]))


_USUAL = {"momentum": 0.9, "epsilon": 1e-5}
