"""The documentation runs: every docstring's examples, and the README's."""

import doctest
import importlib
import inspect
import pkgutil
import re
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

import ravine

ROOT = Path(__file__).resolve().parent.parent
MODULES = ["ravine", *(module.name for module in pkgutil.walk_packages(ravine.__path__, "ravine."))]
OPTIONS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS


@pytest.mark.parametrize("name", [name for name in MODULES if not name.endswith(("__main__", "._core"))])
def test_doctests(name):
    if name.startswith("ravine.sklearn"):
        pytest.importorskip("sklearn")
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


@pytest.mark.parametrize(("page", "least"), [("training", 14), ("images", 2)])
def test_pages_run(page, least):
    text = (ROOT / f"docs/{page}.md").read_text()
    names, blocks = {}, list(re.finditer(r"```python\n(.*?)```", text, re.DOTALL))
    assert len(blocks) >= least
    for block in blocks:
        if "import csr_array" in block[1] and find_spec("scipy") is None:
            continue
        lines = "\n" * text.count("\n", 0, block.start(1))  # so that an error names the page's line
        exec(compile(lines + block[1], f"docs/{page}.md", "exec"), names)


PAGES = [
    "README.md",
    "CONTRIBUTING.md",
    *(f"docs/{page}.md" for page in ("architecture", "checkpoints", "images", "sklearn", "training", "trust")),
]


@pytest.mark.parametrize("path", PAGES)
def test_links_lead_somewhere(path):
    text = (ROOT / path).read_text()
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", text):
        assert (ROOT / path).parent.joinpath(target).exists(), target


def test_what_the_page_of_promises_names_is_there():
    text = (ROOT / "docs/trust.md").read_text()
    files = set(re.findall(r"`((?:tests|tools)/[\w/.]+)`", text))
    assert len(files) > 12 and all((ROOT / name).exists() for name in files)
    sessions = set(re.findall(r"(?<=session )`(\w+)`", text))
    defined = set(re.findall(r"^def (\w+)\(session", (ROOT / "noxfile.py").read_text(), re.MULTILINE))
    assert {"guards", "sanitize", "races", "emulated"} <= sessions <= defined


def described():
    """Every public class and function."""
    modules = [ravine, *(value for value in map(ravine.__getattribute__, ravine.__all__) if inspect.ismodule(value))]
    found = {}
    for value in (getattr(module, name) for module in modules for name in module.__all__):
        if inspect.isfunction(value) or (inspect.isclass(value) and not issubclass(value, (Exception, tuple))):
            found[f"{value.__module__}.{value.__name__}"] = value
    return found.items()


@pytest.mark.parametrize(("name", "value"), described())
def test_docstrings_name_every_argument_and_the_errors(name, value):
    text = " ".join(inspect.getdoc(value).split())
    elsewhere = "as for `" in text or "As in `" in text
    arguments = set(inspect.signature(value).parameters) - {"args", "kwargs", "settings"}
    assert elsewhere or all(re.search(rf"\b{argument}\b", text) for argument in arguments)
    assert elsewhere or not arguments or "Error" in text
