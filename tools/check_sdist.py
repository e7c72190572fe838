"""Check that a source distribution has all that git has: ``python tools/check_sdist.py dist/ravine-*.tar.gz``.

A wheel that is built from a clean checkout is then the wheel that is built from the sdist: every file is there, with
the same bytes, but for the folders that pyproject.toml leaves out, which no build reads. Needs Python 3.11.
"""

from __future__ import annotations

import subprocess
import sys
import tarfile
from pathlib import Path

import tomllib


def tracked() -> dict[str, bytes]:
    """Return the files of the checkout that the sdist should have."""
    left_out = tuple(tomllib.loads(Path("pyproject.toml").read_text())["tool"]["scikit-build"]["sdist"]["exclude"])
    listed = subprocess.run(["git", "ls-files", "-z"], check=True, capture_output=True, text=True).stdout
    names = [name for name in listed.split("\0") if name and not name.startswith(left_out)]
    return {name: Path(name).read_bytes() for name in names}


def packed(path: str) -> dict[str, bytes]:
    """Return the files of an sdist, without the folder that holds them all."""
    with tarfile.open(path) as archive:
        files = [member for member in archive.getmembers() if member.isfile()]
        return {member.name.partition("/")[2]: archive.extractfile(member).read() for member in files}  # type: ignore[union-attr]


def main() -> int:
    """Name what is missing, what differs, and what nobody asked for."""
    want, found = tracked(), packed(sys.argv[1])
    complaints = [f"missing: {name}" for name in sorted(want.keys() - found.keys())]
    complaints += [f"not in git: {name}" for name in sorted(found.keys() - want.keys() - {"PKG-INFO"})]
    complaints += [f"differs: {name}" for name in sorted(want.keys() & found.keys()) if want[name] != found[name]]
    print(*complaints, sep="\n") if complaints else print(f"{len(want)} files, all in the sdist")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
