"""A contestant's process: ``python -m benchmarks.worker PIPE NAME THREADS CORES``, started by `benchmarks.contest`.

It answers one request at a time and sleeps in between. This module imports nothing that starts threads: the cores are
chosen first.
"""

from __future__ import annotations

import gc
import importlib
import math
import os
import sys
import time
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .contestants import Entry
    from .fits import Task


class Worker:
    """What the parent may ask for."""

    def __init__(self, module: str, threads: int) -> None:
        self.module = importlib.import_module(f"benchmarks.contestants.{module}")
        self.threads = threads
        self.entry: Entry | None = None

    def release(self) -> None:
        """Forget the task, and its memory."""
        self.entry = None
        gc.collect()

    def prepare(self, task: Task) -> Any:
        """Take up a task; return the result of as many passes as its check wants."""
        from .contestants import NotOffered

        self.release()
        make = getattr(self.module, type(task).__name__, None)
        if make is None:
            raise NotOffered
        entry: Entry = make(task, self.threads)
        entry.reset()
        entry.run(task.checked_passes)
        self.entry, self.steps, self.passes = entry, task.steps, 1
        return entry.result()

    def calibrate(self, seconds: float) -> float:
        """Choose how many passes a run has, so that it takes `seconds` at least; return the seconds of a step.

        Each number of passes is run twice: libraries compile what they have not seen.
        """
        while True:
            self.run()
            step, _ = self.run()
            run = step * self.steps * self.passes
            if run >= 0.7 * seconds:
                return step
            self.passes = min(math.ceil(self.passes * 1.2 * seconds / run), 100 * self.passes)

    def run(self) -> tuple[float, bool]:
        """Do a run from the first weights on; return the seconds of a step, and whether the threads sleep again."""
        assert self.entry is not None
        self.entry.reset()
        start = time.perf_counter()
        self.entry.run(self.passes)
        seconds = time.perf_counter() - start
        return seconds / (self.passes * self.steps), settled()


def settled(patience: float = 1.0) -> bool:
    """Wait until this process uses no time; thread pools spin for up to tens of milliseconds after their last task."""
    end = time.perf_counter() + patience
    while time.perf_counter() < end:
        before = time.process_time()
        time.sleep(0.004)
        if time.process_time() - before < 0.0004:
            return True
    return False


def serve(connection: Connection, worker: Worker) -> None:
    """Answer until the parent hangs up: (None, answer), or (the error's kind, its first line)."""
    while True:
        try:
            request, arguments = connection.recv()
        except EOFError:
            return
        kind: str | None = None
        answer: Any = None
        try:
            answer = getattr(worker, request)(*arguments)
        except Exception as error:
            kind, answer = type(error).__name__, next(iter(str(error).strip().splitlines()), "")
        connection.send((kind, answer))


def main() -> None:
    """Choose the cores, load the library, and serve."""
    pipe, name, threads, cores = sys.argv[1:]
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {int(core) for core in cores.split(",")})
    from .contestants import CONTESTANTS

    serve(Connection(int(pipe)), Worker(CONTESTANTS[name].module, int(threads)))


if __name__ == "__main__":
    main()
