"""CONTRIBUTING.md's recipes: an activation is added to a copy of the tree, and every table names files that exist."""

import importlib.util
import os
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text()
COMPILER = shutil.which(os.environ.get("CXX", "c++"))

KERNEL = """\
// y = min(1, max(-1, x))
// dx = dy where -1 < y < 1, else 0
#include "kernels/activations/elementwise.h"

namespace ravine::RAVINE_ISA {
namespace {

template <class T>
struct HardTanh {
  static RAVINE_INLINE Vec<T> value(Vec<T> x, T) {
    return select<T>(x < -1, broadcast<T>(-1), select<T>(x > 1, broadcast<T>(1), x));
  }
  static RAVINE_INLINE Vec<T> gradient(Vec<T> dy, Vec<T> y, T) {
    return unless_nan<T>(y, select<T>(abs(y) < 1, dy, Vec<T>{}));
  }
};

}  // namespace

extern constinit const Both<Activation> activation_hard_tanh = elementwise<HardTanh>("hard_tanh");

}  // namespace ravine::RAVINE_ISA
"""

TWIN = '''

def hard_tanh(x: Array, *, alpha: float = 0.0, out: Array | None = None) -> Array:
    """``min(1, max(-1, x))``."""
    return _into(out, np.clip(x, -1.0, 1.0), x)


def hard_tanh_backward(dy: Array, saved: Array, *, alpha: float = 0.0, out: Array | None = None) -> Array:
    """``dy`` where ``-1 < y < 1``, else 0."""
    return _into(out, np.where(np.abs(saved) < 1.0, dy, 0.0), dy)
'''

PROGRAM = """\
#include <cstdio>

#include "kernels/signatures/activations.h"
#include "kernels/signatures/rows.h"

namespace ravine::baseline {
extern const Both<Activation> activation_hard_tanh;
}

int main() {
  const auto& row = ravine::baseline::activation_hard_tanh.d;
  double x[5] = {-3, -0.5, 0, 0.25, 2}, dy[5] = {1, 2, 3, 4, 5}, y[5], dx[5];
  row.forward(y, x, 1, 5, 0);
  row.backward(dx, dy, row.from_input ? x : y, 1, 5, 0);
  for (const double v : y) std::printf("%g ", v);
  for (const double v : dx) std::printf("%g ", v);
}
"""


def places(column):
    """The files that a column of the table of recipes names."""
    lines = CONTRIBUTING.splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("| | activation `NAME`"))
    rows = [line.split("|")[2:-1] for line in lines[start + 2 : start + 6]]
    return [re.search(r"`((?:csrc|python)/[\w./]+)`", row[column])[1] for row in rows]


def change(tree, path, text, new):
    """Replace what occurs once in a file of the copy."""
    before = (tree / path).read_text()
    assert before.count(text) == 1, (path, text)
    (tree / path).write_text(before.replace(text, new))


def touched(tree):
    """The files of the copy that differ from the repository's."""
    files = [path.relative_to(tree) for path in tree.rglob("*") if path.is_file()]
    return {str(p) for p in files if not (ROOT / p).exists() or (ROOT / p).read_bytes() != (tree / p).read_bytes()}


@pytest.fixture
def tree(tmp_path):
    """A copy of the kernels, their twins and the layers."""
    for folder in ("csrc/kernels", "python/ravine/reference", "python/ravine/layers"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def add_hard_tanh(tree):
    """Follow the recipe for an activation."""
    kernel, table, twin, description = (path.replace("NAME", "hard_tanh") for path in places(0))
    (tree / kernel).write_text(KERNEL)
    change(
        tree, table, "activation_silu, activation_softmax", "activation_silu, activation_softmax, activation_hard_tanh"
    )
    (tree / twin).write_text((tree / twin).read_text() + TWIN)
    change(tree, twin, '    "leaky_relu",\n', '    "hard_tanh",\n    "hard_tanh_backward",\n    "leaky_relu",\n')
    change(tree, description, "gelu (erf form), silu, softmax.", "gelu (erf form), silu, softmax, hard_tanh.")


@pytest.mark.skipif(COMPILER is None, reason="needs a C++ compiler")
def test_an_activation_is_four_files(tree, tmp_path_factory):
    add_hard_tanh(tree)
    assert touched(tree) == {path.replace("NAME", "hard_tanh") for path in places(0)}
    assert len(touched(tree)) <= 4

    build = tmp_path_factory.mktemp("build")
    (build / "main.cpp").write_text(PROGRAM)
    options = ["-std=c++20", "-O1", "-DRAVINE_ISA=baseline", "-ffp-contract=off", f"-I{tree / 'csrc'}"]
    kernels = tree / "csrc/kernels"
    sources = {"hard_tanh": kernels / "activations/hard_tanh.cpp", "table": kernels / "table.cpp"}
    for name, source in {**sources, "main": build / "main.cpp"}.items():
        subprocess.run([COMPILER, *options, "-c", source, "-o", build / f"{name}.o"], check=True, timeout=120)
    subprocess.run([COMPILER, build / "main.o", build / "hard_tanh.o", "-o", build / "main"], check=True, timeout=60)
    command = ["nm", "--demangle", build / "table.o"]
    symbols = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout
    assert "U ravine::baseline::activation_hard_tanh" in symbols

    path = tree / "python/ravine/reference/activations.py"
    spec = importlib.util.spec_from_file_location("ravine.reference.copied_activations", path)
    twin = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(twin)
    y = twin.hard_tanh(np.array([-3.0, -0.5, 0.0, 0.25, 2.0]))
    dx = twin.hard_tanh_backward(np.arange(1.0, 6.0), y)
    output = subprocess.run([build / "main"], check=True, capture_output=True, text=True, timeout=60).stdout
    np.testing.assert_array_equal(np.array(output.split(), float), [*y, *dx])


@pytest.mark.parametrize(("column", "example"), [(0, "relu"), (1, "huber"), (2, "adam"), (3, "accuracy")])
def test_a_row_is_four_files_that_there_are(column, example):
    files = [path.replace("NAME", example) for path in places(column)]
    assert len(set(files)) == 4
    assert all((ROOT / path).exists() for path in files), files


def test_a_layer_is_five_files_that_there_are():
    section = CONTRIBUTING[CONTRIBUTING.index("## Adding a layer") : CONTRIBUTING.index("Then, as far as it applies")]
    steps = re.findall(r"^\d\. .*?(?=^\d\. |\Z)", section, flags=re.M | re.S)
    files = [re.search(r"`((?:csrc|python)/[\w./]+)`", step)[1].replace("NAME", "dropout") for step in steps]
    assert len(files) == 5
    assert all((ROOT / path).exists() for path in files), files
