"""Every raw kernel has a twin in ravine.reference, under its name and with its arguments, and no twin is left over."""

import inspect
import re

import pytest
from checks import ISAS

from ravine import _core, reference

# what the reference holds beside kernels: the twins of the engine's parts, and the generator below the random kernels
BESIDE = {"Network", "OperationSpec", "epoch_order", "philox"}


def raw_kernels(isa):
    """Names of the functions of an instruction set."""
    module = getattr(_core, isa)
    return {name for name in dir(module) if not name.startswith("_") and callable(getattr(module, name))}


@pytest.mark.parametrize("isa", ISAS)
def test_the_two_sets_of_names_are_equal(isa):
    twins = {name for name in reference.__all__ if callable(getattr(reference, name))}
    assert raw_kernels(isa) == twins - BESIDE


@pytest.mark.parametrize("name", sorted(raw_kernels(ISAS[0])))
def test_a_twin_takes_its_kernels_arguments(name):
    signature = getattr(_core, ISAS[0]).__dict__[name].__doc__.splitlines()[0]
    arguments = re.findall(r"(\w+): ", signature.partition("(")[2])
    assert arguments == list(inspect.signature(getattr(reference, name)).parameters)
