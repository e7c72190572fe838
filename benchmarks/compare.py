"""Hold ravine against its peers: ``python -m benchmarks.compare``; docs/benchmarks.md says how it is measured."""

from __future__ import annotations

import argparse
import json
import shlex
import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from . import limits as machine
from . import report
from .contest import OURS, Processes, all_cores, beside_neighbour, compare
from .contestants import CONTESTANTS
from .digits import machine as machine_text
from .outcome import Outcome, conclude
from .rows import Row, choose

PEERS = [name for name in CONTESTANTS if name != OURS]


def words(text: str) -> list[str]:
    """Cut an argument at its commas."""
    return [word.strip() for word in text.split(",") if word.strip()]


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.compare", description=__doc__.split(":")[0])
    parser.add_argument("--rows", type=words, default=[], help="rows or groups, with commas (default: all)")
    parser.add_argument("--peers", type=words, default=PEERS, help=f"of {', '.join(PEERS)} (default: all)")
    parser.add_argument("--threads", type=words, help="numbers of threads, with commas (default: 1 and all cores)")
    parser.add_argument("--rounds", type=int, help="timed runs of each contestant (default: 15)")
    parser.add_argument("--seconds", type=float, help="the least that a run takes (default: 0.1)")
    parser.add_argument("--quick", action="store_true", help="3 rounds of 0.01 s: a try, no figures to keep")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every time of every round")
    parser.add_argument("--markdown", nargs="?", const="-", metavar="FILE", help="write the report as Markdown")
    parser.add_argument("--picture", type=Path, metavar="FILE", help="draw the table (.png, .svg; needs matplotlib)")
    chosen = parser.parse_args(arguments)
    chosen.rounds = chosen.rounds or (3 if chosen.quick else 15)
    chosen.seconds = chosen.seconds or (0.01 if chosen.quick else 0.1)
    cores = len(all_cores())
    try:
        chosen.rows = choose(chosen.rows)
        chosen.threads = sorted({int(text) for text in chosen.threads or [1, cores]})
        if not all(1 <= count <= cores for count in chosen.threads):
            raise ValueError(f"--threads must be in [1, {cores}], got {chosen.threads}")
        if unknown := set(chosen.peers) - set(PEERS):
            raise ValueError(f"no peer {min(unknown)!r}; choose from {', '.join(PEERS)}")
        if chosen.rounds < 1 or not chosen.seconds > 0:
            raise ValueError("--rounds must be at least 1 and --seconds above 0")
    except ValueError as error:
        parser.error(str(error))
    return chosen


def versions(names: Sequence[str]) -> dict[str, str]:
    """Return the versions of the contestants' packages; those that are missing are left out."""
    found = {}
    for package in dict.fromkeys(package for name in names for package in CONTESTANTS[name].packages):
        try:
            found[package] = version({"sklearn": "scikit-learn"}.get(package, package))
        except PackageNotFoundError:
            continue
    return found


class Limiter:
    """Measures the machine's limits, where the program can be built, and keeps the best of the whole run."""

    def __init__(self, isa: str) -> None:
        self.isa = isa
        self.path: Path | None = None
        self.best: dict[int, machine.Limits] = {}
        try:
            self.path = machine.program()
        except (OSError, subprocess.CalledProcessError) as error:
            print(f"no shares of limits: {getattr(error, 'stderr', None) or error}", file=sys.stderr)

    def look(self, threads: int, before: machine.Limits | None = None) -> machine.Limits | None:
        """Measure with so many threads; return the better of that and what was seen before."""
        if self.path is None:
            return None
        now = machine.measure(self.path, self.isa, threads)
        self.best[threads] = now.or_better(self.best.get(threads, now))
        return now.or_better(before or now)


def take(row: Row, threads: int, chosen: argparse.Namespace, processes: Processes, limiter: Limiter) -> Outcome:
    """Time one row; its limits are the best of those before it, after every fifth round, and at its end.

    A row has limits of its own because clocks and neighbours on the same host change within minutes.
    """
    task = row.make()
    limits = limiter.look(threads)

    def between(number: int) -> None:
        nonlocal limits
        if number % 5 == 0 or number == chosen.rounds:
            limits = limiter.look(threads, limits)

    if row.noisy:
        times = beside_neighbour(task, threads, processes, chosen.rounds, chosen.seconds)
    else:
        times = compare(task, chosen.peers, threads, processes, chosen.rounds, chosen.seconds, between)
    return conclude(row, threads, task, times, limits)


def plan(rows: Sequence[Row], counts: Sequence[int]) -> list[tuple[Row, int]]:
    """Return what is timed: each row at each number of threads that it allows; estimators where scikit-learn is."""
    obstacle = CONTESTANTS["sklearn"].obstacle()
    if obstacle and any(row.group == "sklearn" for row in rows):
        print(f"no rows of estimators: {obstacle}", file=sys.stderr)
        rows = [row for row in rows if row.group != "sklearn"]
    return [
        (row, count)
        for row in rows
        for count in counts
        if not (row.one_thread and count > 1) and not (row.noisy and count == 1)
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table, and write what else is wanted."""
    chosen = parse(arguments)
    import ravine as rv

    names = [OURS, *chosen.peers]
    command = shlex.join(["python", "-m", "benchmarks.compare", *(sys.argv[1:] if arguments is None else arguments)])
    facts = {"machine": machine_text(), "versions": versions(names), "command": command,
             "rounds": chosen.rounds, "run_seconds": chosen.seconds}  # fmt: skip
    lines = [f"{facts['machine']}; {', '.join(f'{name} {text}' for name, text in versions(names).items())}.",
             f"`{command}`"]  # fmt: skip
    print("\n".join(lines), "\n\nmicroseconds a step", sep="")
    sizes = report.widths(names)
    print(report.line(report.columns(names), sizes), flush=True)
    limiter = Limiter((rv.show_config("dicts") or {})["isa"])
    outcomes: list[Outcome] = []
    with Processes() as processes:
        for row, threads in plan(chosen.rows, chosen.threads):
            outcome = take(row, threads, chosen, processes, limiter)
            outcomes.append(outcome)
            if row.group == "matmul":
                print(f"\r{row.name:<20}", end="", file=sys.stderr, flush=True)
            else:
                print(report.line(report.cells(outcome, names), sizes), flush=True)
            if chosen.json:
                write_json(chosen.json, facts, limiter, outcomes)
    for text in (report.sweep_text(outcomes), report.scaling_text(outcomes), report.failures_text(outcomes)):
        if text:
            print(f"\n{text}")
    lines += [limits_text(limiter)] if limiter.best else []
    print(f"\n{lines[-1]}")
    if chosen.markdown:
        text = report.markdown(outcomes, names, lines)
        print(f"\n{text}") if chosen.markdown == "-" else Path(chosen.markdown).write_text(text)
    if chosen.picture:
        report.picture(outcomes, names, chosen.picture)
    return 0


def limits_text(limiter: Limiter) -> str:
    """Write the limits that were seen."""
    return "; ".join(
        f"limits on {threads}: {best.flops * 1e-9:.0f} GFLOP/s, {best.triad_bytes * 1e-9:.1f} GB/s, "
        f"barrier of two {best.barrier_seconds * 1e9:.0f} ns"
        for threads, best in sorted(limiter.best.items())
    )


def write_json(path: Path, facts: dict[str, Any], limiter: Limiter, outcomes: Sequence[Outcome]) -> None:
    """Write all that is known so far."""
    found = {
        **facts,
        "limits": [best.as_dict() for _, best in sorted(limiter.best.items())],
        "outcomes": [outcome.as_dict() for outcome in outcomes],
    }
    path.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(main())
