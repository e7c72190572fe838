"""Check the objects that are compiled once per instruction set: ``python tools/check_symbols.py BUILD``.

A weak symbol (an inline function, a template instance) is merged by the linker across instruction sets, so the baseline
could end up running AVX-512 code; a dynamic initialiser would run such code at load. Release objects of the kernels
therefore hold no weak (W, V) or unique (u) symbol and no .init_array.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from pathlib import Path

SHARED = re.compile(r"^[0-9a-f]*\s+([WwVvu])\s+(.*)$")
FOLDER = re.compile(r"kernels_(\w+)\.dir")


def output_of(*command: str) -> str:
    """Run a binutils program and give what it prints."""
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def complaints(path: Path) -> list[str]:
    """Name what must not be in this object."""
    found = [f"{kind} {name}" for kind, name in shared_symbols(output_of("nm", "--demangle", str(path)))]
    if ".init_array" in output_of("objdump", "--section-headers", str(path)):
        found.append(".init_array")
    return [f"{path}: {item}" for item in found]


def shared_symbols(listing: str) -> list[tuple[str, str]]:
    """Give kind and name of each shared symbol in nm's listing."""
    matches = (SHARED.match(line) for line in listing.splitlines())
    return [(match[1], match[2]) for match in matches if match]


def main() -> int:
    """Check every kernel object under the build folder."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build", type=Path, help="CMake's build folder, built as Release")
    build = parser.parse_args().build
    objects = [path for path in sorted(build.rglob("*.o")) if FOLDER.search(str(path))]
    if not objects:
        print(f"{build}: no kernel objects (kernels_*.dir/**/*.o) found", file=sys.stderr)
        return 1
    found = [line for path in objects for line in complaints(path)]
    print(*found, sep="\n", end="\n" if found else "", file=sys.stderr)
    sets = sorted({match[1] for path in objects if (match := FOLDER.search(str(path)))})
    print(f"{len(objects)} objects ({', '.join(sets)}): {len(found)} shared symbols or initialisers")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
