"""Pickles that version 0.1.0 made, before its modules moved and a model's state had parts: they load and train on."""

import pickle
from pathlib import Path

import numpy as np
import pytest

import ravine as rv

FILE = Path(__file__).with_name("models-0.1.0.pickle")
TARGETS = {"sampled": "y", "lbfgs": "y", "cmaes": None, "chain": None, "bold_driver": None}
BATCHES = {"sampled": 16, "lbfgs": None, "cmaes": None, "chain": None, "bold_driver": 32}


def assert_same(found, expected):
    """The file was made with fused multiply-add, which the baseline lacks."""
    if rv.show_config("dicts")["isa"] == "baseline":
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)
    else:
        np.testing.assert_array_equal(found, expected)


@pytest.fixture
def old():
    return pickle.loads(FILE.read_bytes())


def test_what_was_made_is_there(old):
    objects = old["objects"]
    assert set(old["predictions"]) >= set(TARGETS)
    for name, expected in old["predictions"].items():
        assert_same(objects[name].predict(old["X"]), expected)
    assert objects["sampled"].classes_.tolist() == ["no", "yes"]
    assert objects["sampled"].sampling_probabilities.shape == (2,)
    assert objects["history"].epoch == [0, 1, 2] == objects["sampled"].history.epoch
    assert objects["lbfgs"].kernel_regularizer is not None and objects["lbfgs"].dtype == np.float64
    assert objects["chain"].optimizer.searches
    assert objects["unbuilt"].input_shape is None
    assert len(objects["starts"].losses) == len(objects["starts"].minima) == 3
    assert len(objects["multi_start"].models) == 3
    assert objects["diagnosis"].loss > 0


@pytest.mark.parametrize("name", TARGETS)
def test_training_goes_on_to_the_same_bits(old, name):
    model, X = old["objects"][name], old["X"]
    y = old["y"] if TARGETS[name] else X[:, 0]
    model.fit(X, y, epochs=2, batch_size=BATCHES[name], verbose=0)
    assert_same(model.predict(X), old["further"][name])


@pytest.mark.parametrize("name", [*TARGETS, "unbuilt", "ensemble", "multi_start"])
def test_they_are_pickled_anew(old, name):
    again = pickle.loads(pickle.dumps(old["objects"][name]))
    assert repr(again) == repr(old["objects"][name])
