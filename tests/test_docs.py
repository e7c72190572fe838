"""The documentation runs: every docstring's examples, and the README's."""

import doctest
import importlib
import pkgutil
import re
from pathlib import Path

import numpy as np
import pytest

import ravine

ROOT = Path(__file__).resolve().parent.parent
MODULES = ["ravine", *(module.name for module in pkgutil.walk_packages(ravine.__path__, "ravine."))]
OPTIONS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS


@pytest.mark.parametrize("name", [name for name in MODULES if not name.endswith(("__main__", "._core"))])
def test_doctests(name):
    with np.printoptions(legacy=False):
        result = doctest.testmod(importlib.import_module(name), optionflags=OPTIONS, verbose=False)
    assert result.failed == 0


def test_readme_example(capsys):
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert len(code.splitlines()) <= 16
    names = {}
    exec(compile(code, "README.md", "exec"), names)
    assert names["model"].evaluate(names["X_test"], names["y_test"])["accuracy"] >= 0.97
    assert capsys.readouterr().out.startswith("{'loss': ")


@pytest.mark.parametrize("path", ["README.md", "CONTRIBUTING.md", "docs/architecture.md"])
def test_links_lead_somewhere(path):
    text = (ROOT / path).read_text()
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", text):
        assert (ROOT / path).parent.joinpath(target).exists(), target
