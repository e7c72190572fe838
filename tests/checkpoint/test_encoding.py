"""Descriptions as plain data: every public class goes there and back."""

import json
import math
import subprocess
import sys
from dataclasses import dataclass

import numpy as np
import pytest

import ravine as rv
from ravine.callbacks import Callback
from ravine.checkpoint.encoding import _BASES, _FAMILIES, Decoder, Encoder
from ravine.descriptions import State
from ravine.errors import CheckpointFormatError, CheckpointMismatchError
from ravine.layers import Activation, Dense
from ravine.optimizers import SGD, Adam
from ravine.schedules import CosineDecay, Schedule

# Classes with arguments that have no default, or whose arguments exclude each other: some that can be made.
ARGUMENTS = {
    "layers.Input": [(3,), ((2, 3),)],
    "layers.Activation": [("tanh",), ("leaky_relu",)],
    "layers.Conv1D": [(3, 2)],
    "layers.Conv2D": [(3, 2), (3, (2, 4))],
    "layers.DepthwiseConv2D": [(3,)],
    "layers.Dense": [(3,), (3, Activation("elu", alpha=0.5))],
    "layers.Embedding": [(7, 3)],
    "layers.GaussianNoise": [(0.5,)],
    "layers.MaxPool2D": [(), ((2, 3), 1, "same")],
    "layers.AveragePool2D": [(), ((2, 3), (1, 2))],
    "layers.ZeroPadding2D": [(), (((0, 1), (2, 3)),)],
    "layers.UpSampling2D": [(), ((2, 3),)],
    "layers.Reshape": [(4,), ((2, -1),)],
    "layers.Parallel": [([[Dense(3)], []], "mean")],
    "layers.Residual": [([Dense(3)],)],
    "layers.RandomCrop": [(2, 3)],
    "layers.RandomTranslation": [(0.1, (0.0, 0.2))],
    "optimizers.Chain": [(["adam", SGD(0.5)],), ([("sgd", 3), ("lbfgs", None)],)],
    "optimizers.WeightAverage": [("adam",)],
    "samplers.Weighted": [([1.0, 2.0],)],
    "schedules.BoldDriver": [(0.1,)],
    "schedules.CosineDecay": [(0.1, 10)],
    "schedules.ExponentialDecay": [(0.1, 10, 0.5)],
    "schedules.InverseTimeDecay": [(0.1, 10, 0.5)],
    "schedules.PiecewiseConstantDecay": [([2, 4], [0.1, 0.01, 0.001])],
    "schedules.PolynomialDecay": [(0.1, 10)],
    "schedules.WarmUp": [(0.1, 5), (CosineDecay(0.1, 10), 5)],
}
BASES = {"Layer", "KernelLayer", "Initializer", "Loss", "Metric", "Optimizer", "Schedule", "Constraint", "Sampler"}


def public():
    """Every public class of descriptions, by name."""
    found = {}
    for family in _FAMILIES:
        module = getattr(rv, family, None)
        for name in getattr(module, "__all__", ()):
            value = getattr(module, name)
            if isinstance(value, type) and issubclass(value, _BASES) and name not in BASES:
                found[f"{family}.{name}"] = value
    return found


MADE = [
    pytest.param(kind(*arguments), id=f"{name}{arguments}")
    for name, kind in public().items()
    for arguments in ARGUMENTS.get(name, [()])
]


def there_and_back(value, **custom):
    encoder = Encoder()
    plain = json.loads(json.dumps(encoder.encode(value), allow_nan=False))
    return Decoder(encoder.tensors, custom).decode(plain)


@pytest.mark.parametrize("made", MADE)
def test_descriptions_go_there_and_back(made):
    again = there_and_back(made)
    assert type(again) is type(made) and again is not made
    assert Encoder().encode(again) == Encoder().encode(made)
    assert repr(vars(again)) == repr(vars(made))


VALUES = [
    None, True, 0, -3, 2**70, 0.1, -0.0, math.inf, -math.inf, "", "text", "\ud800", [], (), {}, [1, (2, [3.5])],
    {"a": (1,)}, {"$tensor": 1}, {3: "x", "y": None}, {(1, 2): [math.inf]},
]  # fmt: skip


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_values_go_there_and_back(value):
    again = there_and_back(value)
    assert again == value and type(again) is type(value)
    assert math.copysign(1, again) == math.copysign(1, value) if isinstance(value, float) else True


def test_nan_goes_there_and_back():
    assert math.isnan(there_and_back([math.nan])[0])


ARRAYS = [
    np.arange(6, dtype=np.int32).reshape(2, 3), np.array([np.nan, -np.inf, 5e-324]), np.zeros((0, 3), np.float32),
    np.array(["a", "bcd"]), np.array([[True], [False]]), np.array(3.5), np.arange(8)[::2],
]  # fmt: skip


@pytest.mark.parametrize("array", ARRAYS, ids=repr)
def test_arrays_go_there_and_back(array):
    again = there_and_back({"x": [array]})["x"][0]
    assert again.dtype == array.dtype and again.shape == array.shape
    np.testing.assert_array_equal(again, array)


@pytest.mark.parametrize("scalar", [np.float32(0.1), np.int64(-3), np.bool_(True)], ids=repr)
def test_scalars_of_numpy_keep_their_type(scalar):
    again = there_and_back((scalar,))[0]
    assert again == scalar and type(again) is type(scalar)


class Halving(Schedule):
    def __init__(self, span, unit="step"):
        super().__init__(unit=unit)
        self.span = span

    def rates(self, t):
        return 0.5 ** (t // self.span)


class Forgetful(Schedule):
    def __init__(self, span):
        super().__init__()


def test_classes_of_ones_own_come_from_custom_objects():
    again = there_and_back(SGD(Halving(3)), Halving=Halving)
    assert type(again.learning_rate) is Halving and again.learning_rate.span == 3
    with pytest.raises(CheckpointMismatchError, match=r"the class 'Halving'.*custom_objects=\{'Halving': Halving\}"):
        there_and_back(SGD(Halving(3)))


def named(epoch, rate):
    return rate


def test_functions_go_by_name():
    assert there_and_back({"f": named}, named=named) == {"f": named}


UNSAVABLE = [
    (Forgetful(3), r"Forgetful cannot be saved: it has no attribute 'span'"),
    ({"a": [lambda: 0]}, r"a/0 cannot be saved: <function <lambda>"),
    ({"b": object()}, r"b cannot be saved: <object object"),
    ({"c": np.array([1j])}, r"c cannot be saved: an array of dtype complex128"),
    ({"d": np.array([None])}, r"d cannot be saved: an array of dtype object"),
    ({"e": Dense}, r"e cannot be saved: <class 'ravine.layers.dense.Dense'>"),
    ({"f": {1, 2}}, r"f cannot be saved: {1, 2} of type set"),
    (Callback(), r"cannot be saved: <ravine.callbacks.base.Callback"),
]


@pytest.mark.parametrize(("value", "message"), UNSAVABLE)
def test_what_has_no_plain_form_is_named(value, message):
    with pytest.raises(TypeError, match=message):
        Encoder().encode(value)


@dataclass(frozen=True)
class Known(State):
    x: np.ndarray
    inner: object = None


def test_states_come_back_with_their_attributes():
    again = there_and_back((Known(np.arange(3), Known(np.ones(2))),))[0]
    assert type(again) is Known and again.x.tolist() == [0, 1, 2] and again.inner.x.tolist() == [1, 1]


def test_states_of_packages_that_come_late_are_known():
    code = (
        "from ravine.checkpoint.encoding import Decoder\n"
        "print(Decoder({}).decode({'$state': 'Finding', 'attributes': {'name': 'x'}}).name)"
    )
    command = [sys.executable, "-c", code]
    assert subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout == "x\n"


def test_states_of_one_name_are_refused():
    with pytest.raises(TypeError, match="another State named 'Snapshot'"):
        type("Snapshot", (State,), {"__module__": "elsewhere"})


DAMAGED = [
    {"$state": "Described", "attributes": {}}, {"$float": "1e5"}, {"$tensor": "/gone"}, {"$scalar": "/gone"},
    {"$unknown": 1},
]  # fmt: skip


@pytest.mark.parametrize("plain", DAMAGED, ids=repr)
def test_what_no_encoder_writes_is_refused(plain):
    with pytest.raises(CheckpointFormatError):
        Decoder({}).decode([plain])


@pytest.mark.parametrize(
    "name", ["os.system", "layers.check_layers", "optimizers.Result", "layers.Layer.x", "eval", ""]
)
def test_no_other_class_can_be_named(name):
    with pytest.raises(CheckpointMismatchError, match=f"the class {name!r}"):
        Decoder({}).decode({"$class": name, "settings": {}})


def test_optimizers_keep_a_changed_rate():
    optimizer = Adam(0.5)
    optimizer.learning_rate = 0.25
    assert there_and_back(optimizer).learning_rate == 0.25


def test_callbacks_of_ones_own_have_an_empty_state():
    assert Callback().get_state() == {}
