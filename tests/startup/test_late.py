"""What is imported when: nothing of ravine inside functions, public names when they are asked for, and quickly."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import ravine as rv
from paths import ROOT

PACKAGE = Path(rv.__file__).parent

# Imports inside functions: extras, and modules of the standard library that cost more time than they are worth.
INSIDE_FUNCTIONS = {
    ("callbacks/logs.py", "csv"),
    ("callbacks/logs.py", "json"),
    ("checkpoint/encoding.py", "inspect"),
    ("checkpoint/torch.py", "torch"),
    ("data/pictures.py", "PIL"),
    ("inputs/arguments.py", "difflib"),
    ("runtime/threads.py", "pathlib"),
}
MOST_MILLISECONDS = 60  # of CPU time beyond NumPy's


def imports_inside_functions(path):
    functions = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
    for function in ast.walk(ast.parse(path.read_text())):
        for node in ast.walk(function) if isinstance(function, functions) else ():
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                yield "." * node.level + (node.module or "")


def test_functions_import_extras_and_slow_modules_alone():
    found = {
        (path.relative_to(PACKAGE).as_posix(), name)
        for path in PACKAGE.rglob("*.py")
        for name in imports_inside_functions(path)
    }
    assert found == INSIDE_FUNCTIONS


@pytest.mark.parametrize("package", ["ravine", "ravine.callbacks", "ravine.optimizers"])
def test_completion_finds_the_public_names_and_nothing_else(package):
    code = (
        f"import {package} as package\n"
        "assert dir(package) == sorted(package.__all__), set(dir(package)) ^ set(package.__all__)\n"
        "print(*(name for name in dir(package) if getattr(package, name) is None))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout) == (0, "\n"), done.stderr


def test_the_stub_has_the_public_names():
    stub = ast.parse((PACKAGE / "__init__.pyi").read_text())
    (listed,) = (node.value for node in stub.body if isinstance(node, ast.Assign))
    assert ast.literal_eval(listed) == rv.__all__
    imported = {
        alias.asname or alias.name for node in stub.body if isinstance(node, ast.ImportFrom) for alias in node.names
    }
    assert imported | {"__version__"} == set(rv.__all__)


@pytest.mark.alone
def test_importing_is_quick_with_and_without_bytecode(tmp_path):
    code = (
        "import time, numpy; begin = time.process_time(); import ravine; "
        "print(time.process_time() - begin, 'ravine.network' in __import__('sys').modules)"
    )
    for options in ({}, {"PYTHONPYCACHEPREFIX": str(tmp_path / "empty"), "PYTHONDONTWRITEBYTECODE": "1"}):
        runs = [
            subprocess.run(
                [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True,
                env={**os.environ, **options},
            ).stdout.split()
            for _ in range(5)
        ]  # fmt: skip
        assert min(float(seconds) for seconds, _ in runs) < MOST_MILLISECONDS / 1000
        assert {loaded for _, loaded in runs} == {"False"}


def test_every_room_is_in_the_contract_and_in_the_documentation():
    contract = (ROOT / "pyproject.toml").read_text().partition("[tool.importlinter]")[2]
    page = (ROOT / "docs" / "architecture.md").read_text()
    rooms = {
        path.name.removesuffix(".py")
        for path in PACKAGE.iterdir()
        if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    for room in rooms - {"__init__", "__main__"}:
        assert re.search(rf"\b{room}\b", contract), room
        assert re.search(rf"^[^|]*\b{room}(/|\.py)", page, re.MULTILINE), room
