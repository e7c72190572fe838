from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from engine_cases import make_network


@pytest.fixture(params=["engine", "twin"])
def make(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """Makes a network of the compiled engine, then of its NumPy twin: (input_units, layers, *, dtype, seed)."""

    def build(input_units: int, layers: list[dict[str, Any]], **options: Any) -> Any:
        return make_network(request.param, input_units, layers, **options)

    return build


@pytest.fixture
def both() -> Callable[..., tuple[Any, Any]]:
    """Makes the same network twice: of the compiled engine and of its twin."""

    def build(input_units: int, layers: list[dict[str, Any]], **options: Any) -> tuple[Any, Any]:
        engine, twin = (make_network(library, input_units, layers, **options) for library in ("engine", "twin"))
        return engine, twin

    return build
