"""Same seed, same bits: for any number of threads, on every instruction set with FMA, for one row or many."""

from __future__ import annotations

import functools
import json
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from engine_cases import CASES, DTYPES, Case, activation, dense, dropout, make_network, uniform

from ravine import _core

HERE = Path(__file__).parent
GOLDEN = json.loads((HERE / "golden.json").read_text())
# the instruction sets with fused multiply-add; on aarch64 the baseline has it too
WITH_FMA = ["avx2", "avx512", *(["baseline"] if platform.machine() in ("aarch64", "arm64") else [])]


@functools.cache
def one_thread_bits(case: Case, dtype: str) -> str:
    return case.bits(dtype, n_threads=1)


@pytest.mark.parametrize("n_threads", [2, 3, 4, 8])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_any_number_of_threads_gives_the_same_bits(case: Case, dtype: str, n_threads: int) -> None:
    assert case.bits(dtype, n_threads=n_threads) == one_thread_bits(case, dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_second_run_gives_the_same_bits(case: Case, dtype: str) -> None:
    assert case.bits(dtype, n_threads=1) == one_thread_bits(case, dtype)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_case_trains(case: Case) -> None:
    """The hashes are of networks that learn: every weight is finite and has moved."""
    network, result = case.train("float64", n_threads=2)
    start = make_network("engine", case.input_units, list(case.layers)).parameters()
    assert result["loss"][-1] < result["loss"][0]
    for name, w in network.parameters().items():
        assert np.all(np.isfinite(w)) and np.any(w != start[name])


@functools.cache
def other_hashes(isa: str) -> dict[str, Any]:
    """What another process finds that uses this instruction set."""
    found = subprocess.run(
        [sys.executable, str(HERE / "engine_cases.py")],
        env={**os.environ, "RAVINE_ISA": isa},
        check=True, capture_output=True, text=True, timeout=100,
    )  # fmt: skip
    result: dict[str, Any] = json.loads(found.stdout)
    assert result["isa"] == isa
    return result["hashes"]


@pytest.mark.parametrize("isa", WITH_FMA)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_golden_hashes(case: Case, dtype: str, isa: str) -> None:
    """Changed bits mean a minor release and a changelog entry; `engine_cases.py` prints the new ones."""
    if not hasattr(_core, isa):
        pytest.skip(f"this machine or build has no {isa}")
    assert other_hashes(isa)[case.name][dtype] == GOLDEN[case.name][dtype]


# widths around the vectors, lanes and tiles of every instruction set
WIDTHS = [1, 2, 3, 5, 7, 8, 9, 13, 15, 16, 17, 24, 31, 32, 33, 48, 63, 65, 100, 127, 129, 257, 300, 513]
FUNCTIONS = ["linear", "relu", "leaky_relu", "elu", "selu", "sigmoid", "tanh", "softplus", "gelu", "silu", "softmax",
             "step"]  # fmt: skip


def assert_rows_stand_alone(network: Any, X: Any, n_threads: int) -> None:
    together = network.forward(X, n_threads=n_threads)
    for i in [*range(min(len(X), 20)), len(X) - 1]:
        np.testing.assert_array_equal(network.forward(X[i : i + 1], n_threads=1)[0], together[i])
    for first, last in ((0, 2), (1, 8), (3, len(X)), (5, 18)):
        part = network.forward(np.ascontiguousarray(X[first:last]), n_threads=n_threads)
        np.testing.assert_array_equal(part, together[first:last])


@pytest.mark.parametrize("n_threads", [1, 2])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("width", WIDTHS)
def test_a_row_alone_has_the_bits_it_has_in_a_batch(width: int, dtype: str, n_threads: int) -> None:
    network = make_network("engine", width, [dense(width, "tanh"), dense(width, "softmax")], dtype=dtype)
    assert_rows_stand_alone(network, uniform((67, width), seed=1, dtype=dtype), n_threads)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_row_alone_has_the_bits_it_has_in_a_batch_after_any_activation(function: str, dtype: str) -> None:
    layers = [dense(29, function), dropout(0.5), dense(11), activation(function)]
    network = make_network("engine", 19, layers, dtype=dtype)
    assert_rows_stand_alone(network, 4 * uniform((41, 19), seed=1, dtype=dtype), 2)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_row_alone_has_the_bits_it_has_in_a_big_batch(dtype: str) -> None:
    network = make_network("engine", 300, [dense(700, "relu"), dense(500, "gelu"), dense(10, "softmax")], dtype=dtype)
    assert_rows_stand_alone(network, uniform((1100, 300), seed=1, dtype=dtype), 2)


@pytest.mark.parametrize("n_threads", [2, 3, 8])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_gradients_have_the_same_bits_for_any_number_of_threads(case: Case, dtype: str, n_threads: int) -> None:
    gradients = []
    for threads in (1, n_threads):
        network = make_network("engine", case.input_units, list(case.layers), dtype=dtype)
        X = uniform((case.rows, case.input_units), seed=1, dtype=dtype)
        network.backward(X, uniform((case.rows, network.output_units), seed=2, dtype=dtype), n_threads=threads)
        gradients.append({name: dw.copy() for name, dw in network.gradients().items()})
    for name, dw in gradients[0].items():
        np.testing.assert_array_equal(gradients[1][name], dw)
