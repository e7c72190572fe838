"""Everyday jobs, one session each: ``nox -l`` lists them, ``nox -s NAME`` runs one."""

from __future__ import annotations

import os

import nox

nox.options.sessions = ["lint", "tests"]
nox.options.reuse_existing_virtualenvs = True
nox.needs_version = ">=2024.4"

INSTRUCTION_SETS = ["avx512", "avx2", "baseline"]


def supported(session: nox.Session) -> list[str]:
    """Name the instruction sets that this machine can run."""
    code = "import ravine._core as core; print(*core.config()['supported'])"
    printed = session.run("python", "-c", code, silent=True)
    return [isa for isa in INSTRUCTION_SETS if isa in (printed or "").split()]


@nox.session
def tests(session: nox.Session) -> None:
    """Run the test suite, once per instruction set of this machine."""
    session.install(".[test]")
    for isa in supported(session):
        session.run("python", "-m", "pytest", *session.posargs, env={"RAVINE_ISA": isa})


@nox.session
def tests_slow(session: nox.Session) -> None:
    """Run the tests that take minutes, and those that compare with PyTorch."""
    session.install(".[test]", "torch==2.13.0")
    session.run("python", "-m", "pytest", "-m", "slow or torch", *session.posargs)


@nox.session
def tests_sklearn(session: nox.Session) -> None:
    """Run the tests of ravine.sklearn, scikit-learn's own among them."""
    peers = ["pandas>=2.2", "polars>=1.0", "pyarrow>=15", "matplotlib>=3.8", "array-api-strict>=2.3"]
    session.install(".[test,tuning]", *peers)
    session.run("python", "-m", "pytest", "-m", "sklearn", *session.posargs)
    checks = ["python", "-m", "pytest", "-m", "sklearn", "tests/dropin/test_anchor.py"]
    session.run(*checks, env={"SCIPY_ARRAY_API": "1"})


@nox.session
def lint(session: nox.Session) -> None:
    """Check format, style and types of Python and C++."""
    session.install(".[lint]")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("mypy")
    sources = [
        os.path.join(folder, name)
        for folder, _, names in os.walk("csrc")
        for name in sorted(names)
        if name.endswith((".cpp", ".h"))
    ]
    session.run("clang-format", "--dry-run", "-Werror", *sources)


@nox.session
def bench(session: nox.Session) -> None:
    """Time whole training steps and print a Markdown table."""
    session.install(".")
    session.run("python", "benchmarks/digits.py", *session.posargs)


@nox.session
def compare(session: nox.Session) -> None:
    """Hold ravine against its peers, row by row."""
    session.install(".[bench]")
    session.run("python", "-m", "benchmarks.compare", *session.posargs)


@nox.session
def ulp(session: nox.Session) -> None:
    """Try all 2^32 float32 arguments of every vector function, once per instruction set."""
    session.install(".[test]")
    session.run("python", "tests/ulp_sweep.py", *session.posargs)


@nox.session
def docs(session: nox.Session) -> None:
    """Run every example of the documentation: docstrings, the README and the scripts."""
    session.install(".[test]")
    session.run("python", "-m", "pytest", "tests/test_docs.py", "tests/test_examples.py", *session.posargs)
