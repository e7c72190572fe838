"""Everyday jobs, one session each: ``nox -l`` lists them, ``nox -s NAME`` runs one."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess

import nox

nox.options.sessions = ["lint", "tests"]
nox.options.reuse_existing_virtualenvs = True
nox.needs_version = ">=2024.4"

# for tests that take minutes, or that a sanitizer or guard pages slow down
PATIENT = ["--timeout=3600"]
GROUPS = nox.project.load_toml("pyproject.toml")["dependency-groups"]
TEST = GROUPS["test"]
INSTRUCTION_SETS = ["avx512", "avx2", "baseline"]


def supported(session: nox.Session) -> list[str]:
    """Name the instruction sets that this machine can run."""
    code = "import ravine._core as core; print(*core.config()['supported'])"
    printed = session.run("python", "-c", code, silent=True)
    return [isa for isa in INSTRUCTION_SETS if isa in (printed or "").split()]


@nox.session
def tests(session: nox.Session) -> None:
    """Run the test suite, once per instruction set of this machine."""
    session.install(".", *TEST)
    for isa in supported(session):
        session.run("python", "-m", "pytest", *session.posargs, env={"RAVINE_ISA": isa})


@nox.session
def tests_slow(session: nox.Session) -> None:
    """Run the tests that take minutes, and those that compare with PyTorch."""
    session.install(".", *TEST, "torch==2.13.0", "scikit-learn")
    session.run("python", "-m", "pytest", "-m", "slow or torch", *PATIENT, *session.posargs)


@nox.session
def tests_sklearn(session: nox.Session) -> None:
    """Run the tests of ravine.sklearn, scikit-learn's own among them."""
    peers = ["pandas>=2.2", "polars>=1.0", "pyarrow>=15", "matplotlib>=3.8", "array-api-strict>=2.3"]
    session.install(".[tuning]", *TEST, *peers)
    session.run("python", "-m", "pytest", "-m", "sklearn", *session.posargs)
    checks = ["python", "-m", "pytest", "-m", "sklearn", "tests/dropin/test_anchor.py"]
    session.run(*checks, env={"SCIPY_ARRAY_API": "1"})


def need(session: nox.Session, *programs: str, packages: str) -> None:
    """Skip the session, saying why, where a program is missing."""
    missing = [program for program in programs if shutil.which(program) is None]
    if missing:
        session.skip(f"needs {', '.join(missing)}: apt-get install {packages}")


def file_of(compiler: str, name: str) -> str | None:
    """Give the path of a compiler's library, or None."""
    asked = subprocess.run([compiler, f"-print-file-name={name}"], capture_output=True, text=True, check=True)
    path = asked.stdout.strip()
    return os.path.realpath(path) if os.path.isabs(path) and os.path.exists(path) else None


def build(session: nox.Session, target: str, folder: str, *defines: str) -> str:
    """Build a program of csrc/tests and give its path."""
    session.install("cmake>=3.24", "ninja")
    folder = os.path.join("build", folder)
    options = [f"-D{define}" for define in ("RAVINE_TESTS=ON", "CMAKE_BUILD_TYPE=Release", *defines)]
    session.run("cmake", "-S", ".", "-B", folder, "-G", "Ninja", *options, silent=True)
    session.run("cmake", "--build", folder, "--target", target)
    return os.path.join(folder, "csrc", "tests", target)


@nox.session
def guards(session: nox.Session) -> None:
    """Run the tests of kernels and engine with every array between pages that may not be touched."""
    session.install(".", *TEST)
    tests = session.posargs or ["tests/kernels", "tests/engine"]
    # what counts allocations, or measures memory, sees the guards
    chosen = ["-k", "not nothing_hidden and not release_the_interpreter", "-q", *tests]
    for side in ("after", "before"):
        session.run("python", "tests/guard_pages.py", side, *PATIENT, *chosen)


# Tests that look at the process from outside, which a sanitizer's own memory and signal handlers change, or that need
# its usual speed.
UNSANITIZED = (
    "not allocates_nothing and not memory_is_what and not leave_nothing_behind and not the_system_refuses and "
    "not refused_before_memory and not guard and not import_needs and not callers_share and not wheel and "
    "not examples and not benchmarks and not import_takes and not two_hundred_times and not long_evaluation_soon"
)


@nox.session
def sanitize(session: nox.Session) -> None:
    """Run the test suite with AddressSanitizer and UndefinedBehaviorSanitizer in the compiled module.

    RAVINE_WIDEST, avx2 unless it is set, says which instruction sets there are: with the sanitizers' checks
    compilers take minutes for each kernel of AVX-512. One core compiles for a quarter of an hour.
    """
    runtimes = {"g++": "libasan.so", "clang++": f"libclang_rt.asan-{platform.machine()}.so"}
    found = [(name, file_of(name, library)) for name, library in runtimes.items() if shutil.which(name)]
    compiler, library = next(((name, path) for name, path in found if path is not None), ("", None))
    if library is None:
        session.skip("needs a compiler with AddressSanitizer: apt-get install g++")
    settings = ["-C", "build-dir=build/sanitize", "-C", "cmake.define.RAVINE_SANITIZE=address"]
    settings += ["-C", f"cmake.define.RAVINE_WIDEST={os.environ.get('RAVINE_WIDEST', 'avx2')}"]
    # each file by itself, so that none lives on what another includes
    settings += ["-C", "cmake.define.RAVINE_UNITY=OFF", "-C", "cmake.define.CMAKE_DISABLE_PRECOMPILE_HEADERS=ON"]
    session.run("python", "-m", "pip", "install", "--quiet", ".", *TEST, *settings, env={"CXX": compiler}, silent=False)
    # the sanitizer looks for the function that throws when it starts, which is before the module brings it along
    loaded = [library, file_of(compiler, "libstdc++.so.6")]
    environment = {
        "LD_PRELOAD": " ".join(path for path in loaded if path is not None),
        "ASAN_OPTIONS": "detect_leaks=0:allocator_may_return_null=1",  # CPython keeps what it has until the end
        "UBSAN_OPTIONS": "print_stacktrace=1",
    }
    tests = session.posargs or ["tests"]
    # a report ends the process: captured at the descriptor, it would be lost
    session.run(
        "python", "-m", "pytest", "-q", "-n0", "--capture=sys", "-k", UNSANITIZED, *PATIENT, *tests, env=environment
    )


@nox.session
def races(session: nox.Session) -> None:
    """Run everything that shares memory between threads under ThreadSanitizer.

    GCC's OpenMP runtime would be reported for its own waiting, of which ThreadSanitizer knows nothing; LLVM's tells it
    through Archer.
    """
    need(session, "clang++", packages="clang libomp-dev")
    # who shares what with whom does not depend on the instruction set
    settings = ("CMAKE_CXX_COMPILER=clang++", "RAVINE_SANITIZE=thread", "RAVINE_WIDEST=baseline")
    program = build(session, "ravine_threads", "races", *settings)
    options = {"ARCHER_OPTIONS": "verbose=1", "TSAN_OPTIONS": "halt_on_error=1:ignore_noninstrumented_modules=1"}
    said = session.run(program, env=options, external=True, silent=True)
    if said is not None and "Archer detected" not in str(said):
        session.error("LLVM's OpenMP runtime runs without Archer: apt-get install libomp-dev")
    # two threads write one number: it must be reported
    session.run(program, "race", env=options, external=True, success_codes=[66])


@nox.session
def emulated(session: nox.Session) -> None:
    """Compare the bits of this processor with those of older ones and of 64-bit ARM, which are emulated."""
    need(session, "g++", "qemu-x86_64", packages="g++ qemu-user")
    programs = [os.environ.get("RAVINE_BITS") or build(session, "ravine_bits", "bits")]
    if shutil.which("aarch64-linux-gnu-g++") is None:
        session.warn("ARM is left out: apt-get install g++-aarch64-linux-gnu")
    else:
        cross = ("CMAKE_SYSTEM_NAME=Linux", "CMAKE_SYSTEM_PROCESSOR=aarch64", "RAVINE_WERROR=ON")
        programs.append(
            build(session, "ravine_bits", "bits-aarch64", "CMAKE_CXX_COMPILER=aarch64-linux-gnu-g++", *cross)
        )
    session.run("python", "tools/check_bits.py", *programs)


@nox.session
def lint(session: nox.Session) -> None:
    """Check format, style and types of Python and C++."""
    session.install(*GROUPS["lint"])
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("mypy")
    session.run("lint-imports", env={"PYTHONPATH": "python"})
    sources = [
        os.path.join(folder, name)
        for folder, _, names in os.walk("csrc")
        for name in sorted(names)
        if name.endswith((".cpp", ".h"))
    ]
    session.run("clang-format", "--dry-run", "-Werror", *sources)


@nox.session
def stubs(session: nox.Session) -> None:
    """Write the types of the compiled module, python/ravine/_core.pyi; `-- --check` compares them."""
    session.install(".", *GROUPS["lint"])
    session.run("python", "tools/make_stubs.py", *session.posargs)


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
    session.install(".", *TEST)
    session.run("python", "tests/ulp_sweep.py", *session.posargs)


@nox.session
def docs(session: nox.Session) -> None:
    """Run every example of the documentation: docstrings, the README and the scripts."""
    session.install(".", *TEST)
    session.run("python", "-m", "pytest", "tests/test_docs.py", "tests/test_examples.py", *session.posargs)
