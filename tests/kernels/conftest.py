"""Fixtures for the raw kernels: every instruction set that is present, both dtypes, awkward memory, fixed inputs."""

import numpy as np
import pytest
from checks import DTYPES, ISAS, LAYOUTS

from ravine import _core


@pytest.fixture(params=ISAS)
def isa(request):
    """Name of an instruction set."""
    return request.param


@pytest.fixture
def kernels(isa):
    """The raw kernels of an instruction set."""
    return getattr(_core, isa)


@pytest.fixture(params=DTYPES, ids=["float32", "float64"])
def dtype(request):
    """Both dtypes."""
    return request.param


@pytest.fixture(params=LAYOUTS)
def layout(request):
    """How the test's arrays lie in memory, for `checks.awkward`."""
    return request.param


@pytest.fixture
def rng():
    """A generator with a fixed seed, for inputs."""
    return np.random.default_rng(20)
