"""Samplers choose the rows of each batch, with any optimizer that takes single steps.

A sampler draws rows in other proportions than those of the data, and weighs them so that training minimises the same
loss: it changes the variance of the gradients, not their mean. With `correct=False` rows are not reweighed, and the
loss is that of the rows as drawn.

With sample weights w_i (1 if none are given) and an average draw's weight E[r], a batch of B rows i has the loss
sum r_i l_i / (B E[r]), or sum r_i l_i if the loss is a sum. Its mean over all draws is exactly the loss of all rows as
one batch, sum w_i l_i / sum w_i, or B / n times sum w_i l_i; the same holds for the gradients.
"""

from __future__ import annotations

from .adaptive import AdaptiveWeights
from .base import Sampler
from .fixed import Stratified, Weighted

__all__ = ["AdaptiveWeights", "Sampler", "Stratified", "Weighted"]
