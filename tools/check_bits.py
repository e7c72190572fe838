"""Hold the bits of several processors against each other: ``python tools/check_bits.py NATIVE [AARCH64]``.

NATIVE and AARCH64 are programs `ravine_bits` (csrc/tests), for this machine and for 64-bit ARM. NATIVE runs as it is
and on emulated processors of 2008 (Nehalem: no AVX) and 2013 (Haswell: AVX2 and FMA), AARCH64 on an emulated ARM. Each
prints a hash for each family of kernels and each whole run. All instruction sets with fma must agree, here and there;
those without agree among themselves.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections import defaultdict

# What an emulated processor must offer, no less and no more.
PROCESSORS = {"Nehalem": {"baseline-without-fma"}, "Haswell": {"baseline-without-fma", "avx2"}}

Lines = dict[tuple[str, str], str]  # (instruction set, type and name) -> hash


def lines_of(*command: str) -> Lines:
    """Run a program and read what it prints."""
    begin = time.perf_counter()
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    lines = {}
    for line in printed.splitlines():
        instruction_set, rest = line.split(" ", 1)
        name, value = rest.rsplit(" ", 1)
        lines[instruction_set, name] = value
    print(f"{' '.join(command)}: {len(lines)} hashes in {time.perf_counter() - begin:.1f} s")
    return lines


def complaints(found: dict[str, Lines]) -> list[str]:
    """Name every hash that differs between instruction sets, or processors, that should agree."""
    told: dict[tuple[bool, str], dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for where, lines in found.items():
        for (instruction_set, name), value in lines.items():
            told[not instruction_set.endswith("-without-fma"), name][value].add(f"{where} {instruction_set}")
    return [
        f"{name} {'with' if fma else 'without'} fma: "
        + "; ".join(f"{value} on {', '.join(sorted(places))}" for value, places in sorted(values.items()))
        for (fma, name), values in sorted(told.items())
        if len(values) > 1
    ]


def main() -> int:
    """Run the programs and compare."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("native", help="ravine_bits for this machine, an x86-64")
    parser.add_argument("aarch64", nargs="?", help="ravine_bits for 64-bit ARM")
    chosen = parser.parse_args()
    found = {"this machine": lines_of(chosen.native)}
    wrong = []
    for name, expected in PROCESSORS.items():
        found[name] = lines_of("qemu-x86_64", "-cpu", name, chosen.native)
        offered = {instruction_set for instruction_set, _ in found[name]}
        if offered != expected:
            wrong.append(f"{name} offers {sorted(offered)}, expected {sorted(expected)}")
    if chosen.aarch64:
        found["ARM"] = lines_of("qemu-aarch64", "-L", "/usr/aarch64-linux-gnu", chosen.aarch64)
    wrong += complaints(found)
    print(*wrong, sep="\n", end="\n" if wrong else "", file=sys.stderr)
    print(f"{sum(map(len, found.values()))} hashes of {len(found)} processors: {len(wrong)} complaints")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
