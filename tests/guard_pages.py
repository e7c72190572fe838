"""Memory between pages that may not be touched, for a whole run of tests: ``pytest -p guard_pages`` in a process that
has guard_pages.c preloaded, with GUARD_PAGES=after or before. What reads or writes past an array, or into a freed one,
ends the process.

As a script it compiles the library and runs pytest under it: ``python tests/guard_pages.py after tests/kernels -q``.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from numpy._core import _multiarray_umath

HERE = Path(__file__).parent
_SET_HANDLER = 304  # PyDataMem_SetHandler in NumPy's table of C functions


def compiled(folder: str | os.PathLike[str]) -> str | None:
    """Compile the library into a folder; None without a C compiler or glibc."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None or not sys.platform.startswith("linux"):
        return None
    library = os.path.join(folder, "guard_pages.so")
    command = [compiler, "-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-fno-builtin", "-o", library]
    subprocess.run([*command, str(HERE / "guard_pages.c")], check=True, timeout=60)
    return library


def environment(library: str, side: str) -> dict[str, str]:
    """Give the environment of a guarded process."""
    path = os.pathsep.join(filter(None, [str(HERE), os.environ.get("PYTHONPATH")]))
    return {**os.environ, "LD_PRELOAD": library, "GUARD_PAGES": side, "PYTHONPATH": path}


def blocks() -> int:
    """Count the blocks that have been guarded so far."""
    return ctypes.c_ulong.in_dll(ctypes.CDLL(None), "guarded_blocks").value


def guard_numpy() -> None:
    """Guard the arrays that this thread makes from now on."""
    handler = ctypes.addressof(ctypes.c_char.in_dll(ctypes.CDLL(None), "guarded_handler"))
    new, get = ctypes.pythonapi.PyCapsule_New, ctypes.pythonapi.PyCapsule_GetPointer
    new.restype, new.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
    get.restype, get.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    table = ctypes.cast(get(_multiarray_umath._ARRAY_API, None), ctypes.POINTER(ctypes.c_void_p))
    set_handler = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.py_object)(table[_SET_HANDLER])
    set_handler(new(handler, b"mem_handler", None))


def pytest_configure() -> None:
    """Begin, as a plugin of pytest."""
    guard_numpy()


def pytest_terminal_summary(terminalreporter: object) -> None:
    """Tell how much was guarded."""
    terminalreporter.write_line(f"guard pages {os.environ['GUARD_PAGES']} {blocks()} blocks")  # type: ignore[attr-defined]


def main() -> int:
    """Run pytest with these arguments under guard pages on one side."""
    side, *arguments = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        library = compiled(folder)
        if library is None:
            print("skipped: guard pages need Linux and a C compiler", file=sys.stderr)
            return 1
        command = [sys.executable, "-m", "pytest", "-p", "guard_pages", "-n0", *arguments]
        return subprocess.run(command, env=environment(library, side), check=False, timeout=3600).returncode


if __name__ == "__main__":
    sys.exit(main())
