"""Write the types of the compiled module: ``python tools/make_stubs.py`` makes python/ravine/_core.pyi.

Names, arguments and defaults are read from the docstrings of the installed `ravine._core`. Raw kernels name their types
there; what pybind11 calls an object gets its type from the tables below, and a new name without one is an error. With
``--check`` nothing is written, and a file that says anything else than the module is an error.
"""

from __future__ import annotations

import argparse
import ast
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from ravine import _core

STUB = Path(__file__).parents[1] / "python" / "ravine" / "_core.pyi"

HEAD = '''"""The compiled module: raw kernels per instruction set, and the engine. Made by tools/make_stubs.py."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from .inputs.sparse import Inputs

Array = NDArray[Any]
Vector = NDArray[np.float64]
'''

INTEGERS = (
    "batch_size batches columns count epoch epochs every first first_batch first_epoch input_units n_threads rows seed "
    "start step strata units"
)

# What pybind11 shows as an object, a list, a dict or a tuple: by the argument's name, or by function and name.
ARGUMENTS = {
    **dict.fromkeys(INTEGERS.split(), "int"),
    "X": "Inputs",
    "data": "Sequence[tuple[Inputs, Array, Array | None]]",
    "doutput": "Array",
    "error": "object",
    "further": "float | Sequence[float] | str",
    "gradient": "Vector",
    "matrix": "Array",
    "members": "Vector",
    "networks": "Sequence[Network]",
    "options": "Sequence[dict[str, Any]]",
    "order": "NDArray[np.uint32] | None",
    "pairs": "list[tuple[Vector, Vector, float, float]]",
    "probability": "Vector | None",
    "rates": "Vector",
    "settings": "dict[str, Any]",
    "OperationSpec.settings": "Mapping[str, float | Sequence[float] | str]",
    "shuffle_seed": "int | None",
    "stratum": "NDArray[np.int32]",
    "target": "Array",
    "weight": "Array | None",
}
RESULTS = {
    "forward": "Array | None",
    "forward_few": "Array | None",
    "inverse_hessian_product": "Vector",
    "probability": "Vector | None",
    "symmetric_eigen": "tuple[Vector, Vector]",
    "train_many": "list[dict[str, Any]]",
    "weight": "Array | None",
    **dict.fromkeys(("parameters", "statistics", "weights", "gradients", "optimizer_state"), "dict[str, Array]"),
    **dict.fromkeys(("config", "evaluate", "train"), "dict[str, Any]"),
}
# Arguments that pybind11 leaves without a name.
UNNAMED = {"args": "error", "kwargs": "further"}

# pybind11's types, written shorter; the pattern is that of a whole type or of a part.
PLAIN = [
    (r"typing\.SupportsFloat \| typing\.SupportsIndex", "float"),
    (r"typing\.SupportsInt \| typing\.SupportsIndex", "int"),
    (r"numpy\.typing\.NDArray\[numpy\.float64\]", "Vector"),
    (r"numpy\.typing\.NDArray\[numpy\.(\w+)\]", r"NDArray[np.\1]"),
    (r"numpy\.ndarray", "Array"),
    (r"collections\.abc\.", ""),
    (r"ravine\._core\.(\w+?)(Float32|Float64)", r"\1"),
    (r"ravine\._core\.", ""),
]
VAGUE = {"object", "dict", "list", "tuple", "None", ""}


def plain(annotation: str) -> str:
    """Give a type of pybind11's in the stub's words."""
    for pattern, words in PLAIN:
        annotation = re.sub(pattern, words, annotation)
    return annotation


def typed(function: str, argument: ast.arg, default: ast.expr | None) -> None:
    """Give an argument its type."""
    argument.arg = UNNAMED.get(argument.arg, argument.arg)
    annotation = plain(ast.unparse(argument.annotation)) if argument.annotation else ""
    if annotation in VAGUE:
        known = ARGUMENTS.get(f"{function}.{argument.arg}", ARGUMENTS.get(argument.arg))
        if known is None:
            raise SystemExit(f"tools/make_stubs.py has no type for the argument {argument.arg!r} of {function}")
        annotation = known
    if isinstance(default, ast.Constant) and default.value is None and "None" not in annotation:
        annotation += " | None"
    argument.annotation = ast.parse(annotation, mode="eval").body


def method(owner: str, name: str, doc: str, *, static: bool = False) -> str:
    """Give the stub of a function that pybind11 has documented."""
    line = re.sub(r"<[^>]*>", "...", doc.splitlines()[0])
    node = ast.parse(f"def {line}: ...").body[0]
    if not isinstance(node, ast.FunctionDef):
        raise SystemExit(f"{owner}.{name} has no signature in its docstring: {line}")
    given = node.args
    positional = given.posonlyargs + given.args
    defaults = [None] * (len(positional) - len(given.defaults)) + list(given.defaults)
    arguments = [*positional, *given.kwonlyargs]
    for argument, default in zip(arguments, [*defaults, *given.kw_defaults], strict=True):
        if argument.arg == "self":
            argument.annotation = None
        else:
            typed(owner if name == "__init__" else name, argument, default)
    for rest in filter(None, (given.vararg, given.kwarg)):
        typed(name, rest, None)
    result = plain(ast.unparse(node.returns)) if node.returns else "None"
    if result in VAGUE - {"None"}:
        if name not in RESULTS:
            raise SystemExit(f"tools/make_stubs.py has no type for the result of {owner}.{name}")
        result = RESULTS[name]
    elif name in RESULTS:
        result = RESULTS[name]
    node.returns = ast.parse(result, mode="eval").body
    return ("@staticmethod\n" if static else "") + ast.unparse(node)


def attribute(owner: str, name: str, member: property) -> str:
    """Give the stub of a property."""
    found = re.search(r"-> (.*)", member.fget.__doc__ or "")
    result = RESULTS.get(name) or plain(found[1] if found else "")
    if result in VAGUE:
        raise SystemExit(f"tools/make_stubs.py has no type for the attribute {owner}.{name}")
    setter = f"\n@{name}.setter\ndef {name}(self, {name}: {result}) -> None: ..." if member.fset else ""
    return f"@property\ndef {name}(self) -> {result}: ...{setter}"


def members(owner: str, kind: type) -> dict[str, str]:
    """Give the stubs of what a class has, by name."""
    found = {}
    for name, member in vars(kind).items():
        special = name in ("__init__", "__enter__", "__exit__") and " -> " in (member.__doc__ or "")
        if isinstance(member, property):
            found[name] = attribute(owner, name, member)
        elif isinstance(member, staticmethod):
            found[name] = method(owner, name, member.__func__.__doc__ or "", static=True)
        elif special or not name.startswith("_"):
            found[name] = method(owner, name, member.__doc__ or "")
    return found


def block(head: str, doc: str, lines: list[str]) -> str:
    """Give a class."""
    body = ([f'"""{doc}"""\n\n'] if doc else []) + lines or ["..."]
    return f"{head}:\n" + "\n".join("    " + line for part in body for line in part.splitlines()) + "\n"


def classes() -> list[str]:
    """Give all classes. Two that differ by dtype alone share a class that exists for type checkers."""
    kinds = {name: kind for name, kind in vars(_core).items() if isinstance(kind, type)}
    found = []
    for name, kind in kinds.items():
        shared = name.removesuffix("Float32")
        if name == shared:
            if f"{name.removesuffix('Float64')}Float32" not in kinds:
                found.append(block(f"class {name}", "", list(members(name, kind).values())))
            continue
        parts = members(shared, kind)
        if members(shared, kinds[f"{shared}Float64"]) != parts:
            raise SystemExit(f"{shared}Float32 and {shared}Float64 differ")
        own = [parts.pop("__init__")] if "__init__" in parts else []
        doc = f"What {shared}Float32 and {shared}Float64 have in common; it exists for type checkers alone."
        found.append(block(f"class {shared}", doc, list(parts.values())))
        found += [block(f"class {shared}{dtype}({shared})", "", own) for dtype in ("Float32", "Float64")]
    return found


def kernels() -> str:
    """Give the raw kernels of an instruction set, whose docstrings end with the signature."""
    module = _core.baseline
    lines = ["names: dict[str, Any]", "vector_bytes: int", "fma: bool"]
    for name in sorted(set(dir(module)) - {"names", "vector_bytes", "fma"}):
        if not name.startswith("_"):
            signature = getattr(module, name).__doc__.splitlines()[-1].removeprefix(name)
            lines.append(f"def {name}(self, {signature.removeprefix('(')}: ...".replace("(self, )", "(self)"))
    return block("class Kernels(Protocol)", "The raw kernels of one instruction set.", lines)


def stub() -> str:
    """Give the whole file."""
    functions: list[str] = []
    values: list[str] = ["__version__: str"]
    for name, member in vars(_core).items():
        if name.startswith("_") or isinstance(member, (type, type(sys))):
            continue
        if callable(member):
            functions.append(method("_core", name, member.__doc__ or ""))
        else:
            values.append(f"{name}: {describe(member)}")
    sets = [f"{name}: Kernels  # where processor and build support it" for name in ("baseline", "avx2", "avx512")]
    return "\n\n".join([HEAD, kernels(), "\n".join(values + sets), "\n".join(functions), *classes()]) + "\n"


def describe(value: Any) -> str:
    """Give the type of a value."""
    if not isinstance(value, dict):
        return type(value).__name__
    return "dict[str, dict[str, Any]]" if all(isinstance(x, dict) for x in value.values()) else "dict[str, Any]"


def main() -> int:
    """Write the stub, or compare it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; fail where the file and the module differ")
    made = stub()
    if parser.parse_args().check:
        if ast.dump(ast.parse(made)) == ast.dump(ast.parse(STUB.read_text())):
            return 0
        print(f"{STUB} is not what the module says: run `python tools/make_stubs.py`", file=sys.stderr)
        return 1
    STUB.write_text(made)
    subprocess.run([sys.executable, "-m", "ruff", "format", "--quiet", str(STUB)], check=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
