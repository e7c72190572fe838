"""The line that a `fit` prints."""

from __future__ import annotations

import sys
from time import perf_counter
from typing import Any

from ..inputs.arguments import check_int

__all__ = ["ProgressLine", "check_verbose"]


def check_verbose(verbose: Any) -> int:
    """Return 0 (silent), 1 (one line, rewritten) or 2 (a line per epoch); "auto" is 2 on a terminal, otherwise 0."""
    if isinstance(verbose, str) and verbose == "auto":
        return 2 if sys.stdout is not None and sys.stdout.isatty() else 0
    return check_int("verbose", verbose, 0, 2, allowed="'auto', 0, 1 or 2")


class ProgressLine:
    """Prints the epochs of one fit.

    Parameters
    ----------
    verbose : int
        See `check_verbose`.
    epochs : int
        The number after the last epoch.
    """

    # A line is rewritten at most this often, in seconds.
    _INTERVAL = 0.1

    def __init__(self, verbose: int, epochs: int) -> None:
        self.verbose = verbose
        self.epochs = epochs
        self._last = -self._INTERVAL
        self._width = 0
        self._line = ""
        self._start = perf_counter()

    def epoch(self, epoch: int, logs: dict[str, float]) -> None:
        """Print the line of epoch number `epoch`, counted from 0."""
        if not self.verbose:
            return
        now = perf_counter()
        values = "  ".join(f"{name} {value:.4g}" for name, value in logs.items())
        self._line = f"epoch {epoch + 1}/{self.epochs}  {now - self._start:.1f} s  {values}"
        if self.verbose == 2:
            print(self._line, flush=True)
        elif now - self._last >= self._INTERVAL:
            self._last = now
            self._rewrite()

    def close(self) -> None:
        """End the rewritten line with the last epoch's values."""
        if self.verbose == 1 and self._line:
            self._rewrite()
            print(flush=True)

    def _rewrite(self) -> None:
        print("\r" + self._line.ljust(self._width), end="", flush=True)
        self._width = len(self._line)
