"""Processes side by side: who is timed, in which order, and whose times count."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import Pipe
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from .contestants import CONTESTANTS
from .fits import Task

ROOT = Path(__file__).resolve().parent.parent
OURS = "ravine"
NOT_OFFERED = "not offered"
PATIENCE = 900.0  # seconds an answer may take: a compiler may be at work


class Failed(Exception):
    """A contestant cannot do the task, or not in time."""


def all_cores() -> list[int]:
    """Return the cores this process may use."""
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else list(range(os.cpu_count() or 1))


def environment(threads: int) -> dict[str, str]:
    """Return the variables that tell libraries how many threads to use, and the allocator not to waste their time."""
    names = ("OMP", "OPENBLAS", "MKL", "BLIS", "VECLIB_MAXIMUM", "NUMEXPR", "RAVINE")
    told = {f"{name}_NUM_THREADS": str(threads) for name in names}
    told["NPROC"] = str(threads)  # XLA's pool
    # glibc: keep freed memory; eager libraries would else fetch fresh pages for their temporaries in each step
    told |= {"MALLOC_MMAP_THRESHOLD_": str(2**25), "MALLOC_TRIM_THRESHOLD_": str(2**32)}
    if threads == 1:
        told["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} --xla_cpu_multi_thread_eigen=false".strip()
    return told


class Process:
    """One contestant with a number of threads, on as many cores, pinned there."""

    def __init__(self, name: str, threads: int, cores: Sequence[int] | None = None) -> None:
        contestant = CONTESTANTS[name]
        self.name, self.threads = name, threads
        chosen = list(all_cores()[-threads:] if cores is None else cores)
        self.errors = tempfile.TemporaryFile()  # noqa: SIM115 (closed by `close`)
        self.pipe, theirs = Pipe()
        with theirs:
            self.child = subprocess.Popen(
                [sys.executable, "-m", "benchmarks.worker", str(theirs.fileno()), name, str(threads),
                 ",".join(map(str, chosen))],
                cwd=ROOT,
                env={**os.environ, **environment(threads), **contestant.environment},
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=self.errors,
                stderr=self.errors,
            )  # fmt: skip

    def ask(self, request: str, *arguments: Any) -> Any:
        """Call a method of `benchmarks.worker.Worker` there.

        Raises
        ------
        Failed
            With what went wrong there.
        """
        try:
            self.pipe.send((request, arguments))
            if not self.pipe.poll(PATIENCE):
                self.child.kill()
                raise Failed(f"no answer in {PATIENCE:.0f} s")
            kind, answer = self.pipe.recv()
        except (EOFError, OSError):
            self.child.wait()
            self.errors.seek(0)
            lines = self.errors.read().decode(errors="replace").strip().splitlines()
            raise Failed(lines[-1] if lines else f"ended with status {self.child.returncode}") from None
        if kind == "NotOffered":
            raise Failed(f"{NOT_OFFERED}: {answer}" if answer else NOT_OFFERED)
        if kind is not None:
            raise Failed(f"{kind}: {answer}")
        return answer

    def close(self) -> None:
        """End the process."""
        self.pipe.close()
        try:
            self.child.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
        self.errors.close()


class Processes:
    """Contestants' processes, started when first wanted and kept for further tasks."""

    def __init__(self) -> None:
        self.running: dict[tuple[Any, ...], Process] = {}

    def __enter__(self) -> Processes:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self.running.values():
            process.close()

    def get(self, name: str, threads: int, cores: Sequence[int] | None = None) -> Process:
        """Return the process of this contestant, started afresh if it has died."""
        key = name, threads, None if cores is None else tuple(cores)
        if key in self.running and self.running[key].child.poll() is not None:
            self.running.pop(key).close()
        if key not in self.running:
            self.running[key] = Process(name, threads, cores)
        return self.running[key]

    def drop(self, process: Process) -> None:
        """End a process that does not answer or rest."""
        self.running = {key: other for key, other in self.running.items() if other is not process}
        process.close()


Entrant: TypeAlias = tuple[str, Process]  # under which name a process takes part


@dataclass
class Times:
    """Seconds of a step by contestant and round; the threads each chose; why others do not count."""

    seconds: dict[str, list[float]] = field(default_factory=dict)
    threads: dict[str, int] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)


def admitted(task: Task, entrants: Sequence[Entrant], failures: dict[str, str]) -> list[Entrant]:
    """Let everyone do the task once; return those whose result is right, and note what is wrong with the others."""
    ready, results = {}, {}
    for name, process in entrants:
        label = f"{name} {process.threads}"
        try:
            results[label] = process.ask("prepare", task)
            ready[label] = name, process
        except Failed as failure:
            failures[name] = str(failure)
    complaints = task.complaints(results)
    failures.update({ready[label][0]: complaint for label, complaint in complaints.items()})
    return [entrant for label, entrant in ready.items() if label not in complaints]


def fastest(entrants: Sequence[Entrant], seconds: float, failures: dict[str, str]) -> dict[str, Process]:
    """Set the length of everyone's runs; return, by name, the process whose steps are fastest."""
    found: dict[str, tuple[float, Process]] = {}
    for name, process in entrants:
        try:
            step = process.ask("calibrate", seconds)
        except Failed as failure:
            failures[name] = str(failure)
            continue
        if name not in found or step < found[name][0]:
            found[name] = step, process
    return {name: process for name, (_, process) in found.items()}


def hold(
    task: Task,
    entrants: Sequence[Entrant],
    processes: Processes,
    rounds: int,
    seconds: float,
    between: Callable[[int], None] = lambda number: None,
) -> Times:
    """Time entrants whose result is right, in turn, in an order drawn for each round.

    One who enters with several processes (thread counts) goes on with the fastest. `seconds` is the least that a run
    should take; `between` is called after each round with its number, from 1.
    """
    failures: dict[str, str] = {}
    ready = admitted(task, entrants, failures)
    chosen = fastest(ready, seconds, failures)
    times: dict[str, list[float]] = {name: [] for name in chosen}
    rng = np.random.default_rng(0)
    for number in range(1, rounds + 1):
        for name in rng.permutation(list(times)).tolist():
            try:
                step, settled = chosen[name].ask("run")
                if not settled:
                    raise Failed("its threads do not rest, which would disturb the others")
                times[name].append(step)
            except Failed as failure:
                failures[name] = str(failure)
                del times[name]
                processes.drop(chosen[name])
        between(number)
    for _, process in ready:
        if process.child.poll() is None:
            process.ask("release")
    failures = {name: failure for name, failure in failures.items() if name not in times}
    return Times(times, {name: chosen[name].threads for name in times}, failures)


def thread_counts(threads: int) -> list[int]:
    """Return the counts a contestant may choose from where it has `threads` cores: powers of two, and all."""
    return sorted({threads, *(2**power for power in range(threads.bit_length()) if 2**power < threads)})


def compare(
    task: Task,
    peers: Sequence[str],
    threads: int,
    processes: Processes,
    rounds: int,
    seconds: float,
    between: Callable[[int], None] = lambda number: None,
) -> Times:
    """Hold ravine against peers; each peer uses the best number of threads up to `threads`, ravine is given all."""
    obstacles = {name: CONTESTANTS[name].obstacle() for name in peers}
    entrants = [(OURS, processes.get(OURS, threads))]
    for name in peers:
        if not obstacles[name]:
            entrants += [(name, processes.get(name, count)) for count in thread_counts(threads)]
    times = hold(task, entrants, processes, rounds, seconds, between)
    times.failures.update({name: text for name, text in obstacles.items() if text})
    return times


@contextmanager
def busy(core: int) -> Iterator[None]:
    """Keep a core busy with another process."""
    child = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(child.pid, {core})
        yield
    finally:
        child.kill()
        child.wait()


def beside_neighbour(task: Task, threads: int, processes: Processes, rounds: int, seconds: float) -> Times:
    """Hold ravine on `threads` threads against ravine on one, both free to run on any core, one core kept busy."""
    cores = all_cores()
    entrants = [(OURS, processes.get(OURS, threads, cores)), (f"{OURS}, 1 thread", processes.get(OURS, 1, cores))]
    with busy(cores[-1]):
        return hold(task, entrants, processes, rounds, seconds)
