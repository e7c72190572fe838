"""Callbacks that write the history to a file during the fit."""

from __future__ import annotations

import math
import os
from time import perf_counter
from typing import IO, Any

from ..inputs.arguments import check_flag
from .base import Callback, Logs

__all__ = ["CSVLogger", "JSONLogger"]


class _Logger(Callback):
    """A file with a line per epoch, each written out at once."""

    def __init__(self, filename: str | os.PathLike[str], append: bool) -> None:
        if not isinstance(filename, (str, os.PathLike)):
            raise TypeError(f"filename must be a str or a path, got {filename!r}")
        self.filename = os.fspath(filename)
        self.append = check_flag("append", append)
        self._file: IO[str] | None = None

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Open the file."""
        self._columns = ["epoch", "seconds", "learning_rate", *self.params["metrics"]]
        mode = "a" if self.append or self.params["resumed"] else "w"
        self._file = open(self.filename, mode, encoding="utf-8", newline="")  # noqa: SIM115  on_train_end closes it
        self._start = perf_counter()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Write a line."""
        assert self._file is not None and self.model.history is not None
        seconds, rate = round(perf_counter() - self._start, 6), self.model.history.learning_rate[-1]
        self._write(self._file, {"epoch": epoch, "seconds": seconds, "learning_rate": rate, **(logs or {})})
        self._file.flush()

    def get_state(self) -> dict[str, Any]:
        """Return how far the file goes, and the seconds that are over."""
        assert self._file is not None
        return {"bytes": self._file.tell(), "elapsed": perf_counter() - self._start}

    def set_state(self, state: dict[str, Any]) -> None:
        """Continue at the line of the checkpoint; lines of epochs that will be repeated are removed."""
        assert self._file is not None
        self._start = perf_counter() - state["elapsed"]
        if os.path.getsize(self.filename) > state["bytes"]:
            self._file.truncate(state["bytes"])
            self._file.seek(0, os.SEEK_END)

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _write(self, file: IO[str], values: dict[str, float]) -> None:
        raise NotImplementedError


class CSVLogger(_Logger):
    """Writes a table with the columns epoch, seconds, learning_rate and the names in the history, a row per epoch.

    `seconds` is the time since the start of the fit, `learning_rate` that of the epoch's last step. Numbers are written
    so that they read back as the same floats. Each row is in the file as soon as its epoch has ended.

    Parameters
    ----------
    filename : str or path
        The file.
    separator : str, default=","
        One character between the columns.
    append : bool, default=False
        Whether to append to an existing file, whose columns must be the same; otherwise it is replaced.

    Raises
    ------
    ValueError, TypeError
        For a value that is not allowed; in `fit`, for a file with other columns.
    OSError
        In `fit`, for a file that cannot be written.

    Examples
    --------
    >>> import ravine as rv
    >>> logger = rv.callbacks.CSVLogger("training.csv")
    """

    def __init__(self, filename: str | os.PathLike[str], *, separator: str = ",", append: bool = False) -> None:
        super().__init__(filename, append)
        if not isinstance(separator, str) or len(separator) != 1 or separator in '"\r\n':
            raise ValueError(f"separator must be one character, neither a quote nor a line's end, got {separator!r}")
        self.separator = separator

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Open the file; write or compare the names of the columns."""
        import csv

        wanted = ["epoch", "seconds", "learning_rate", *self.params["metrics"]]
        found: list[str] = []
        if (self.append or self.params["resumed"]) and os.path.exists(self.filename):
            with open(self.filename, encoding="utf-8", newline="") as file:
                found = next(csv.reader(file, delimiter=self.separator), [])
        if found and found != wanted:
            raise ValueError(f"{self.filename} has the columns {', '.join(found)}; this fit has {', '.join(wanted)}")
        super().on_train_begin(logs)
        assert self._file is not None
        if not found:
            self._row(self._file, wanted)
            self._file.flush()

    def _write(self, file: IO[str], values: dict[str, float]) -> None:
        self._row(file, [values[name] for name in self._columns])

    def _row(self, file: IO[str], values: list[str] | list[float]) -> None:
        import csv

        csv.writer(file, delimiter=self.separator, lineterminator="\n").writerow(values)


class JSONLogger(_Logger):
    """Writes a line of JSON per epoch: epoch, seconds, learning_rate and the names in the history.

    `seconds` is the time since the start of the fit, `learning_rate` that of the epoch's last step. NaN and infinities,
    which JSON does not have, become null. Each line is in the file as soon as its epoch has ended.

    Parameters
    ----------
    filename : str or path
        The file.
    append : bool, default=False
        Whether to append to an existing file; otherwise it is replaced.

    Raises
    ------
    ValueError, TypeError
        For a value that is not allowed.
    OSError
        In `fit`, for a file that cannot be written.

    Examples
    --------
    >>> import ravine as rv
    >>> logger = rv.callbacks.JSONLogger("training.jsonl", append=True)
    """

    def __init__(self, filename: str | os.PathLike[str], *, append: bool = False) -> None:
        super().__init__(filename, append)

    def _write(self, file: IO[str], values: dict[str, float]) -> None:
        import json

        legal = {name: value if math.isfinite(value) else None for name, value in values.items()}
        file.write(json.dumps(legal, allow_nan=False) + "\n")
