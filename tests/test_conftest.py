"""The tests themselves: each wait has an end, and nothing depends on how the shell has set its signals."""

import ast
import itertools
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from children import child

HERE = Path(__file__).parent
RUNNERS = {"run", "call", "check_call", "check_output"}
WAITS = {"wait", "join", "communicate"}


def endless_waits(source):
    """The lines of a program that start a process or wait for one, or for a thread, without a limit."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            name, limited = node.func.attr, any(keyword.arg == "timeout" for keyword in node.keywords)
            runs = name in RUNNERS and isinstance(node.func.value, ast.Name) and node.func.value.id == "subprocess"
            if (runs or (name in WAITS and not node.args)) and not limited:
                yield node.lineno


@pytest.mark.parametrize("path", sorted(HERE.rglob("*.py")), ids=lambda path: str(path.relative_to(HERE)))
def test_every_wait_has_a_limit(path):
    assert not list(endless_waits(path.read_text()))


def test_endless_waits_are_found():
    found = (
        "subprocess.run(['a'])\nthread.join()\nthread.join(9)\nchild.wait(timeout=9)\n','.join(x)\nchild.communicate()"
    )
    assert sorted(endless_waits(found)) == [1, 2, 6]


def test_every_test_has_a_limit(pytestconfig):
    assert float(pytestconfig.getini("timeout")) <= 120 and pytestconfig.getini("faulthandler_exit_on_timeout")
    assert 0 < float(pytestconfig.getini("faulthandler_timeout")) <= 900


@pytest.mark.parametrize("trap", ["''", "-"])
def test_ctrl_c_comes_where_the_shell_has_set_it_to_be_ignored(trap):
    tests = [sys.executable, "-m", "pytest", "-q", "-n0", "-p", "no:cacheprovider", "-k", "microseconds or annealing",
             str(HERE / "test_signals.py")]  # fmt: skip
    command = ["sh", "-c", f'trap {trap} INT; exec "$@"', "sh", *tests]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stdout


def test_a_child_ends_with_its_block():
    with pytest.raises(ZeroDivisionError), child([sys.executable, "-c", "while True: pass"]) as endless:
        begin = time.perf_counter()
        raise ZeroDivisionError
    assert endless.poll() is not None and time.perf_counter() - begin < 60


MEASURED = """
import os, time, pytest
def record():
    begin = time.monotonic()
    time.sleep(0.05)
    with open("times", "a") as file:
        print(begin, time.monotonic(), os.environ["PYTEST_CURRENT_TEST"], file=file)
@pytest.mark.parametrize("number", range(10))
def test_shared(number):
    record()
@pytest.mark.alone
@pytest.mark.parametrize("number", range(4))
def test_alone(number):
    record()
"""


def test_who_measures_is_alone(tmp_path):
    shutil.copy(HERE / "conftest.py", tmp_path)
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = alone\n")
    (tmp_path / "test_measured.py").write_text(MEASURED)
    command = [sys.executable, "-m", "pytest", "-n2", "--dist=load", "-p", "no:cacheprovider"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stdout
    times = [line.split(" ", 2) for line in (tmp_path / "times").read_text().splitlines()]
    runs = [(float(begin), float(end), "alone" in name) for begin, end, name in times]
    assert len(runs) == 14 and sum(alone for *_, alone in runs) == 4
    for (begin, end, alone), (other_begin, other_end, other_alone) in itertools.combinations(runs, 2):
        assert not (alone or other_alone) or end <= other_begin or other_end <= begin
