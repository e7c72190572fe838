"""The loop of a fit, which chooses a driver."""

from __future__ import annotations

from ..network.history import History
from .chunks import train_in_chunks
from .epochs import train_by_epoch
from .fit import Fit
from .progress_line import ProgressLine
from .turns import take_turn

__all__ = ["train"]


def train(fit: Fit) -> History:
    """Train; however the fit ends, callbacks that were notified of its begin are notified of its end."""
    with fit.ends:
        line = ProgressLine(fit.configuration.verbose, fit.last)
        fit.ends.callback(line.close)
        while not fit.done:
            if fit.by_epoch:
                train_by_epoch(fit, line)
            else:
                train_in_chunks(fit)
            if take_turn(fit.state):
                fit.begin_turn()
            fit.done = fit.is_finished()
    return fit.history
