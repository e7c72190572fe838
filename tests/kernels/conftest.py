"""Fixtures for the raw kernels: every instruction set that is present, both dtypes, awkward memory, fixed inputs.

A test that asks for `isa`, `kernels`, `dtype` or `layout` is called with each value in turn, within one test: 25,000
tests of their own took longer to set up than to run, and computed the same twins again and again.
"""

from itertools import product

import numpy as np
import pytest
from checks import DTYPES, ISAS, LAYOUTS

from ravine import _core

EACH = {"dtype": DTYPES, "layout": LAYOUTS, "isa": ISAS}


@pytest.fixture
def isa():
    """Name of an instruction set."""


@pytest.fixture
def kernels():
    """The raw kernels of the instruction set."""


@pytest.fixture
def dtype():
    """Both dtypes."""


@pytest.fixture
def layout():
    """How the test's arrays lie in memory, for `checks.awkward`."""


@pytest.fixture
def rng():
    """A generator with a fixed seed, for inputs; a new one for each call."""


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem):
    """Call the test with everything that it asks for, and say with what it failed."""
    given = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    fixed = pyfuncitem.callspec.params if hasattr(pyfuncitem, "callspec") else {}
    each = {name: values for name, values in EACH.items() if name in given and name not in fixed}
    if "kernels" in given:
        each["isa"] = ISAS
    for values in product(*each.values()):
        chosen = dict(zip(each, values, strict=True))
        made = {**chosen, "kernels": getattr(_core, chosen.get("isa", "baseline")), "rng": np.random.default_rng(20)}
        try:
            pyfuncitem.obj(**{name: made.get(name, value) for name, value in given.items()})
        except BaseException:
            print("called with", *chosen.values())
            raise
    return True
