"""Kernels and engine touch nothing beside the memory they are given."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

import guard_calls
import guard_pages

pytestmark = pytest.mark.timeout(630)
HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    made = guard_pages.compiled(tmp_path_factory.mktemp("guard"))
    if made is None:
        pytest.skip("guard pages need Linux and a C compiler")
    return made


def run(library, side, *command):
    environment = guard_pages.environment(library, side)
    return subprocess.run(
        [sys.executable, *command], env=environment, capture_output=True, text=True, timeout=600, check=False
    )


WRONG = """
import ctypes
import numpy as np
import guard_calls
import guard_pages
guard_pages.guard_numpy()
x = np.zeros({count}, np.float32)
print(guard_pages.blocks(), flush=True)
address = x.ctypes.data + {offset}
{action}
del x
print("alive")
"""
READ, WRITE = "ctypes.string_at(address, 4)", "ctypes.memset(address, 1, 4)"


@pytest.mark.parametrize(
    ("side", "count", "offset", "action", "ends"),
    [
        ("after", 5, 16, READ, 0),
        ("after", 5, 20, READ, -signal.SIGSEGV),
        ("after", 5, 20, WRITE, -signal.SIGSEGV),
        ("after", 2000, 8000, READ, -signal.SIGSEGV),
        ("after", 5, -4, WRITE, -signal.SIGABRT),
        ("before", 5, 0, READ, 0),
        ("before", 5, -4, READ, -signal.SIGSEGV),
        ("before", 5, -4, WRITE, -signal.SIGSEGV),
        ("before", 5, 20, WRITE, -signal.SIGABRT),
        ("after", 5, 0, "del x; x = None; " + READ, -signal.SIGSEGV),
    ],
)
def test_a_step_beside_an_array_ends_the_process(library, side, count, offset, action, ends):
    done = run(library, side, "-c", WRONG.format(count=count, offset=offset, action=action))
    assert done.returncode == ends, done.stderr
    assert int(done.stdout.split()[0]) > 0
    assert ("alive" in done.stdout) is (ends == 0)


def test_every_kernel_has_its_call():
    module = guard_calls._core.baseline
    assert set(guard_calls.CALLS) == {n for n in dir(module) if n[0] != "_"} - {"names", "fma", "vector_bytes"}


@pytest.mark.parametrize("side", ["after", "before"])
def test_every_kernel_between_guard_pages(library, side):
    done = run(library, side, str(HERE / "guard_calls.py"))
    assert done.returncode == 0, done.stdout.splitlines()[-1] + done.stderr
    _, calls, blocks = done.stdout.splitlines()[-1].split()
    assert int(calls) == len(guard_calls.CALLS) * len(guard_calls.ISAS) * 2 * len(guard_calls.SIZES)
    assert int(blocks) > 2 * int(calls)


@pytest.mark.parametrize("side", ["after", "before"])
def test_runs_between_guard_pages(library, side):
    """Data, weights, activations, workspaces: those of the networks that train in the engine's tests."""
    tests = [str(HERE / "engine" / "test_determinism.py"), "-k", "a_case_trains"]
    options = ["-q", "-x", "-p", "no:cacheprovider", "-n0", "-p", "guard_pages", "--rootdir", str(HERE.parent)]
    done = run(library, side, "-m", "pytest", *options, *tests)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    line = next(line for line in done.stdout.splitlines() if line.startswith("guard pages"))
    assert int(line.split()[3]) > 1000
