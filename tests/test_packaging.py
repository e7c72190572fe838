"""What the package promises as a whole: small, quick to import, NumPy alone, honest arithmetic flags."""

import importlib.metadata
import os
import re
import statistics
import subprocess
import sys
from pathlib import Path

import pytest

import ravine as rv

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # which pytest brings

ROOT = Path(__file__).resolve().parent.parent
SOURCES = [ROOT / "CMakeLists.txt", ROOT / "pyproject.toml", *sorted((ROOT / "csrc").rglob("*"))]
FORBIDDEN = (
    "fast-math|unsafe-math|associative-math|reciprocal-math|finite-math|no-signed-zeros|Ofast|flto|"
    "INTERPROCEDURAL_OPTIMIZATION|march=native"
)


def python(code, **environment):
    """Run a line in a new interpreter and give what it prints."""
    command = [sys.executable, "-W", "error", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **environment}, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_import_brings_in_numpy_and_nothing_else():
    printed = python(
        "import sys, numpy; before = set(sys.modules); import ravine\n"
        "new = {name.partition('.')[0] for name in set(sys.modules) - before}\n"
        "print(*sorted(new - sys.stdlib_module_names - {'numpy', 'ravine'}))"
    )
    assert printed.split() == []


@pytest.mark.alone
def test_import_takes_at_most_60_ms_beyond_numpy():
    code = "import time, numpy\nstart = time.perf_counter(); import ravine; print(time.perf_counter() - start)"
    assert statistics.median(float(python(code)) for _ in range(7)) <= 0.060


def test_only_numpy_is_required():
    needed = [line for line in importlib.metadata.requires("ravine") or [] if "extra ==" not in line]
    assert [re.split(r"[^a-z]", line)[0] for line in needed] == ["numpy"]


def test_requirements_are_those_of_the_group():
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]
    listed = [line for line in (ROOT / "tests" / "requirements.txt").read_text().splitlines() if line[0] != "#"]
    assert listed == groups["test"]


def test_version_is_the_same_everywhere():
    version = importlib.metadata.version("ravine")
    assert rv.__version__ == version
    assert re.search(rf"project\(ravine VERSION {re.escape(version)} ", (ROOT / "CMakeLists.txt").read_text())
    assert f"## [{version}]" in (ROOT / "CHANGELOG.md").read_text()


@pytest.mark.parametrize("name", ["py.typed", "_core.pyi", "datasets/digits.npz", "datasets/LICENSE-digits.txt"])
def test_package_carries(name):
    assert (Path(rv.__file__).parent / name).is_file()


@pytest.mark.parametrize("path", [p for p in SOURCES if p.is_file()], ids=lambda path: str(path.relative_to(ROOT)))
def test_no_forbidden_compiler_flag(path):
    found = re.findall(FORBIDDEN, path.read_text())
    assert not found, f"{path} mentions {found}"


@pytest.mark.parametrize(
    "command",
    [
        "python3 -m venv .venv && .venv/bin/pip install . && .venv/bin/ravine train digits",
        ".venv/bin/pip install -r tests/requirements.txt && .venv/bin/python -m pytest",
    ],
)
def test_ci_runs_the_commands_of_the_readme(command):
    assert command in (ROOT / "README.md").read_text()
    assert command in (ROOT / ".ci" / "run").read_text()
