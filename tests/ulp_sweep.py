"""Try all 2^32 float32 arguments of the vector functions and print the worst error of each in ULP, and where it is.

    python tests/ulp_sweep.py [--function exp ...] [--isa avx2 ...] [--parts 4096]

Fewer parts try the first of 4096 equal parts of the bit patterns, for a quick look. The exit status is 1 where a bound
does not hold.
"""

import argparse
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent / "kernels"))

from checks import ISAS, has_fma
from elementary_cases import BOUNDS, exact_ulps, float32_oracle

from ravine import _core

PARTS = 4096


def part_of_patterns(part):
    """The float32 numbers whose bits are `part` more than a multiple of 4096: every part has every exponent."""
    return (np.arange(1 << 20, dtype=np.uint32) * np.uint32(PARTS) + np.uint32(part)).view(np.float32)


def worst_error(got, want, x):
    """Largest distance from the float64 `want` in ULP, and its argument; what is rounded right counts as 1/2."""
    with np.errstate(over="ignore"):
        rounded = want.astype(np.float32)
    off = np.flatnonzero(~((got == rounded) | (np.isnan(got) & np.isnan(rounded))))
    if off.size == 0:
        return 0.5, float(x[0])
    distance = exact_ulps(got[off], want[off], np.zeros(off.size))
    worst = int(np.argmax(distance))
    return float(distance[worst]), float(x[off[worst]])


def sweep(function, isas, parts):
    """Worst error of a function and its argument, for each instruction set."""
    worst = dict.fromkeys(isas, (0.5, 0.0))
    for part in range(parts):
        x = part_of_patterns(part)
        want = float32_oracle(function, x)
        for isa in isas:
            worst[isa] = max(worst[isa], worst_error(getattr(getattr(_core, isa), function)(x), want, x))
    return worst


def main():
    """Print a line for each function and instruction set."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--function", nargs="+", choices=BOUNDS, default=list(BOUNDS))
    parser.add_argument("--isa", nargs="+", choices=ISAS, default=ISAS)
    parser.add_argument("--parts", type=int, default=PARTS)
    arguments = parser.parse_args()
    held = True
    for function in arguments.function:
        for isa, (error, x) in sweep(function, arguments.isa, arguments.parts).items():
            bound = BOUNDS[function][0] + (not has_fma(isa))
            held &= error <= bound
            print(f"{function:9} {isa:9} {error:.4f} ULP at {x.hex()} ({x:g}), bound {bound}", flush=True)
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
