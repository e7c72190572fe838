"""Hold the kernels of the installed ravine against another build's: ``python -m benchmarks.kernels --against OLD.whl``.

Both are loaded into this process and called in turn, with the same arrays, so that whatever slows one down slows the
other too. Every raw kernel is called on every instruction set, and a few nets are trained; both builds must give the
same bits. What seems slower is measured again at the end, with more rounds. The status is 1 where a kernel or a net is
slower than the tolerance allows, or gives other bits.
"""

from __future__ import annotations

import argparse
import copy
import gc
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from . import kernel_calls, rows
from .builds import Build, unpack

ROUNDS, FEWEST = 11, 5
TOLERANCE = 1.02
SECONDS = 2e-4  # of a turn, where one call takes less
STEP_SECONDS = 0.02
LONGEST = 1.0  # seconds of all rounds, where these are more than the fewest
AGAIN = (3, 9)  # how many times as many rounds a suspect gets
NETS = ("tiny", "small", "digits", "mnist", "lenet-32", "text")


class Pair(NamedTuple):
    """What is compared: how either build runs it so many times, and whether both gave the same bits."""

    name: str
    old: Callable[[int], object]
    new: Callable[[int], object]
    same: Callable[[], bool]
    seconds: float = SECONDS


class Finding(NamedTuple):
    """The seconds of a run of either build, and the median over the rounds of new / old."""

    name: str
    old: float
    new: float
    ratio: float
    same: bool

    def line(self) -> str:
        """Return a line of the table."""
        bits = "" if self.same else "  other bits"
        return f"{self.name:<64} {1e6 * self.old:>11.2f} {1e6 * self.new:>11.2f} {self.ratio:>7.3f}{bits}"


def repeat(run: Callable[[], object], times: int) -> None:
    """Call it so many times."""
    for _ in range(times):
        run()


def clock(run: Callable[[int], object], times: int) -> float:
    """Return the seconds of so many runs."""
    start = time.perf_counter()
    run(times)
    return time.perf_counter() - start


def measure(pair: Pair, rounds: int, longest: float = LONGEST) -> Finding:
    """Time both in turn; who is first changes from round to round."""
    sides = (pair.old, pair.new)
    one = min(clock(side, 1) for _ in range(2) for side in sides)
    times = max(1, round(pair.seconds / one))
    rounds = max(min(rounds, round(longest / (2 * times * one))), min(rounds, FEWEST))
    seconds = np.empty((rounds, 2))
    for number in range(rounds):
        for side in (0, 1) if number % 2 else (1, 0):
            seconds[number, side] = clock(sides[side], times) / times
    old, new = np.median(seconds, axis=0)
    ratio = statistics.median(seconds[:, 1] / seconds[:, 0])
    return Finding(pair.name, float(old), float(new), float(ratio), pair.same())


def measure_again(suspects: list[tuple[int, Pair]], findings: list[Finding], rounds: int, tolerance: float) -> None:
    """Measure what seems slower with more rounds, and then what still does with more again."""
    for more in AGAIN:
        for number, pair in suspects:
            findings[number] = measure(pair, more * rounds, more * LONGEST)
        suspects = [(number, pair) for number, pair in suspects if findings[number].ratio > tolerance]


def bits(kernel: Callable[..., Any], call: kernel_calls.Call) -> list[bytes]:
    """Return what a call gives, and what it leaves in the arrays that it was given."""
    arguments, options = copy.deepcopy((call.arguments, call.options))
    result = kernel(*arguments, **options)
    given = (value for value in (*arguments, *options.values()) if isinstance(value, np.ndarray))
    return [np.asarray(array).tobytes() for array in (*(result if isinstance(result, tuple) else (result,)), *given)]


def same_bits(old: Any, new: Any, call: kernel_calls.Call) -> bool:
    """Whether both kernels give the same for these arrays."""
    return bits(old, call) == bits(new, call)


def kernel_pairs(old: Any, new: Any, isa: str, wanted: re.Pattern[str], missing: list[str]) -> Iterator[Pair]:
    """Give each call of each kernel of an instruction set; both builds get the same arrays."""
    calls = kernel_calls.table(new.names)
    old_names, new_names = ({name for name in dir(side) if callable(getattr(side, name))} for side in (old, new))
    old_names, new_names = ({name for name in found if name[0] != "_"} for found in (old_names, new_names))
    missing += [f"{isa} {name}: only in the old build" for name in sorted(old_names - new_names)]
    missing += [f"{isa} {name}: only in the new build" for name in sorted(new_names - old_names)]
    missing += [f"{isa} {name}: no call in benchmarks/kernel_calls.py" for name in sorted(new_names - set(calls))]
    for name in sorted(old_names & new_names & set(calls)):
        left, right = getattr(old, name), getattr(new, name)
        for dtype in ("float32", "float64"):
            label = f"{name} {isa} {dtype}"
            if not wanted.search(label):
                continue
            for call in calls[name](dtype):
                try:
                    same = same_bits(left, right, call)
                except (TypeError, ValueError) as error:
                    missing.append(f"{label}: a build does not take this call: {str(error).splitlines()[0]}")
                    break
                first, second = (partial(side, *call.arguments, **call.options) for side in (left, right))
                yield Pair(
                    f"{label} {call.shape}", partial(repeat, first), partial(repeat, second), partial(bool, same)
                )


def net_pairs(old: Build, new: Build, threads: int, wanted: re.Pattern[str]) -> Iterator[Pair]:
    """Give each net, which both builds train from the same weights on."""
    for row in rows.choose(NETS):
        name = f"train {row.name} {new.core.selected()} {threads} thread{'s' * (threads > 1)}"
        if not wanted.search(name):
            continue
        task = row.make()
        entries = []
        for build in (old, new):
            with build.active():
                entry = getattr(build.contestant, type(task).__name__)(task, threads)
                entry.reset()
                entries.append(entry)
        first, second = (partial(train, build, entry) for build, entry in zip((old, new), entries, strict=True))
        yield Pair(name, first, second, partial(same_weights, *entries), STEP_SECONDS)


def train(build: Build, entry: Any, passes: int) -> None:
    """Train for so many passes."""
    with build.active():
        entry.run(passes)


def same_weights(old: Any, new: Any) -> bool:
    """Whether both nets, which were trained for as many passes, have the same weights."""
    return all(a.tobytes() == b.tobytes() for a, b in zip(old.result(), new.result(), strict=True))


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.kernels", description=__doc__.splitlines()[0])
    parser.add_argument("--against", type=Path, required=True, help="a wheel of ravine, or a folder that holds it")
    parser.add_argument("--only", type=re.compile, default=re.compile(""), metavar="REGEX",
                        help="kernels whose 'NAME ISA DTYPE' it finds, nets whose 'train NAME'")  # fmt: skip
    parser.add_argument(
        "--isa", nargs="+", help="instruction sets of raw kernels; all that both builds and the processor have"
    )
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"turns of each build, {ROUNDS} by default")
    parser.add_argument("--threads", type=int, default=1, help="threads of the nets, 1 by default")
    parser.add_argument("--tolerance", type=float, default=TOLERANCE, help=f"ratio allowed, {TOLERANCE} by default")
    chosen = parser.parse_args(arguments)
    if chosen.rounds < 1 or chosen.threads < 1:
        parser.error("--rounds and --threads must be at least 1")
    return chosen


def compare(chosen: argparse.Namespace, old: Build, new: Build) -> Literal[0, 1]:
    """Print the table and what it comes to; return the exit status."""
    missing: list[str] = []
    both = [isa for isa in new.sets() if isa in old.sets() and isa in (chosen.isa or new.sets())]
    kernels = (kernel_pairs(old.sets()[isa], new.sets()[isa], isa, chosen.only, missing) for isa in both)
    print(f"old: {chosen.against}\nnew: {new.file()}\n")
    print(f"{'microseconds a run':<64} {'old':>11} {'new':>11} {'ratio':>7}", flush=True)
    findings: list[Finding] = []
    suspects: list[tuple[int, Pair]] = []
    for pair in chain(*kernels, net_pairs(old, new, chosen.threads, chosen.only)):
        found = measure(pair, chosen.rounds)
        if found.ratio > chosen.tolerance:
            suspects.append((len(findings), pair))
        findings.append(found)
        print(found.line(), flush=True)
    measure_again(suspects, findings, chosen.rounds, chosen.tolerance)
    print("\n".join(summary(findings, missing, chosen.tolerance)))
    return 0 if findings and all(found.same and found.ratio <= chosen.tolerance for found in findings) else 1


def summary(findings: Sequence[Finding], missing: Sequence[str], tolerance: float) -> list[str]:
    """Return what is slower, what gives other bits, what was not compared, and the worst ratio."""
    slower = sorted((found for found in findings if found.ratio > tolerance), key=lambda found: -found.ratio)
    others = [found for found in findings if not found.same]
    lines = [f"\nslower: {len(slower)}", *(found.line() for found in slower)]
    lines += [f"\nother bits: {len(others)}", *(found.line() for found in others)]
    lines += [f"\nnot compared: {len(missing)}", *missing]
    if findings:
        worst, median = max(findings, key=lambda found: found.ratio), statistics.median(f.ratio for f in findings)
        lines += [f"\n{len(findings)} compared; median ratio {median:.3f}, worst {worst.ratio:.3f}: {worst.name}"]
    return lines


def main(arguments: Sequence[str] | None = None) -> int:
    """Load both builds and compare them."""
    chosen = parse(arguments)
    with tempfile.TemporaryDirectory() as folder:
        try:
            old_folder = unpack(chosen.against, Path(folder))
        except ValueError as error:
            print(f"benchmarks.kernels: {error}", file=sys.stderr)
            return 2
        new, old = Build(), Build(old_folder)
        gc.disable()
        try:
            with new.active():  # rows of a task may need ravine too
                return compare(chosen, old, new)
        finally:
            gc.enable()


if __name__ == "__main__":
    sys.exit(main())
