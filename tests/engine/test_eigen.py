"""Eigenvalues and eigenvectors of symmetric matrices: NumPy's LAPACK is the oracle."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from engine_cases import uniform

from ravine import _core

EPSILON = float(np.finfo(np.float64).eps)


def random(n: int) -> Any:
    half = uniform((n, n), seed=n)
    return half + half.T


def rotated(n: int, values: Any) -> Any:
    axes = np.linalg.qr(uniform((n, n), seed=5))[0]
    matrix = (axes * values) @ axes.T
    return (matrix + matrix.T) / 2


MATRICES: dict[str, Callable[[int], Any]] = {
    "random": random,
    "positive": lambda n: random(n) @ random(n),
    "identity": np.eye,
    "zero": lambda n: np.zeros((n, n)),
    "ones": lambda n: np.ones((n, n)),
    "diagonal": lambda n: np.diag(uniform((n,), seed=2)),
    "ill": lambda n: rotated(n, 10.0 ** np.linspace(-14, 0, n)),
    "clusters": lambda n: rotated(n, np.repeat([1.0, 2.0], [n // 2, n - n // 2])),
    "blocks": lambda n: np.kron(np.eye((n + 1) // 2), [[2.0, 1.0], [1.0, 2.0]])[:n, :n],
    "tridiagonal": lambda n: np.diag(np.full(n, 2.0)) - np.diag(np.ones(n - 1), 1) - np.diag(np.ones(n - 1), -1),
    "graded": lambda n: (
        np.multiply.outer(10.0 ** -np.arange(n), 10.0 ** -np.arange(n)) + np.diag(10.0 ** -np.arange(n))
    ),
    "huge": lambda n: random(n) * 1e200,
    "tiny": lambda n: random(n) * 1e-200,
}


@pytest.mark.parametrize("name", MATRICES)
@pytest.mark.parametrize("n", [1, 2, 3, 4, 10, 67])
def test_values_and_vectors(name: str, n: int) -> None:
    matrix = np.ascontiguousarray(MATRICES[name](n))
    kept = matrix.copy()
    values, vectors = _core.symmetric_eigen(matrix)
    np.testing.assert_array_equal(matrix, kept)
    largest = max(float(np.abs(matrix).max()), 1e-300)
    scale = largest * max(float(np.linalg.norm(matrix / largest)), 1.0)
    assert (np.diff(values) >= 0).all()
    np.testing.assert_allclose(values / scale, np.linalg.eigvalsh(matrix / scale), rtol=0, atol=4 * n * EPSILON)
    np.testing.assert_allclose(vectors @ vectors.T, np.eye(n), rtol=0, atol=8 * n * EPSILON)
    rebuilt = (vectors.T * (values / scale)) @ vectors
    np.testing.assert_allclose(rebuilt, matrix / scale, rtol=0, atol=8 * n * EPSILON)


def test_no_rows() -> None:
    values, vectors = _core.symmetric_eigen(np.empty((0, 0)))
    assert values.shape == (0,) and vectors.shape == (0, 0)


SCRIPT = """
import hashlib, numpy as np
from ravine import _core
A = np.arange(3600.0).reshape(60, 60) * 37 % 101 / 50 - 1
values, vectors = _core.symmetric_eigen(A @ A.T)
print(_core.selected(), hashlib.sha256(values.tobytes() + vectors.tobytes()).hexdigest())
"""


@pytest.mark.skipif(not hasattr(_core, "avx512"), reason="needs AVX2 and AVX-512")
def test_avx2_and_avx512_give_the_same_bits() -> None:
    hashes = set()
    for isa in ("avx2", "avx512"):
        done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=60, check=True,
                              env={**os.environ, "RAVINE_ISA": isa})  # fmt: skip
        selected, printed = done.stdout.split()
        assert selected == isa and len(printed) == hashlib.sha256().digest_size * 2
        hashes.add(printed)
    assert len(hashes) == 1


@pytest.mark.alone
def test_ctrl_c_comes_soon() -> None:
    matrix, pressed = random(2500), []

    def press() -> None:
        time.sleep(0.3)
        pressed.append(time.perf_counter())
        signal.raise_signal(signal.SIGINT)

    thread = threading.Thread(target=press)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        _core.symmetric_eigen(matrix)
    assert time.perf_counter() - pressed[0] < 0.5
    thread.join(60)


@pytest.mark.parametrize(
    ("matrix", "error", "message"),
    [
        (np.zeros((2, 3)), ValueError, r"matrix must have shape \(2, 2\)"),
        (np.zeros(4), ValueError, "matrix must have 2 dimensions"),
        (np.zeros((2, 2), np.float32), TypeError, "matrix must be float64, got float32"),
        (np.array([[1.0, np.nan], [np.nan, 1.0]]), ValueError, "matrix must be finite"),
        (np.array([[1.0, 0.0], [0.0, np.inf]]), ValueError, "matrix must be finite"),
        (np.zeros((4, 4))[::2, ::2], ValueError, "matrix must be C-contiguous"),
        (np.broadcast_to(np.zeros(1), (5001, 5001)), ValueError, "matrix must be C-contiguous"),
    ],
)
def test_refused(matrix: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        _core.symmetric_eigen(matrix)
