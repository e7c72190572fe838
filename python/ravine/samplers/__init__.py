"""Samplers: which rows a batch has, beside any optimizer with a step of its own.

A sampler draws rows in other proportions than those of the data, and weighs them so that the loss that training
minimises stays the same: it changes how much gradients vary, not where they lead. `correct=False` leaves the weights
out, and then the loss is that of the rows as they are drawn.

With user's weights w_i (1 without) and an average draw's weight E[r], a batch of B rows i gives sum r_i l_i / (B E[r]),
or sum r_i l_i where the loss is a sum. Over all draws its mean is exactly the loss of all rows as one batch,
sum w_i l_i / sum w_i, or B / n times sum w_i l_i, and so are its gradients.
"""

from __future__ import annotations

from .adaptive import AdaptiveWeights
from .base import Sampler
from .fixed import Stratified, Weighted

__all__ = ["AdaptiveWeights", "Sampler", "Stratified", "Weighted"]
