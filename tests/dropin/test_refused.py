"""What is refused: the rows of the table of bad inputs, and options that exclude others."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="scikit-learn is not installed: no ravine.sklearn")
from sklearn.exceptions import ConvergenceWarning, NotFittedError

import ravine as rv
from ravine.sklearn import MLPClassifier, MLPRegressor

pytestmark = [
    pytest.mark.sklearn,
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]

X30, Y30 = np.random.default_rng(0).normal(size=(30, 4)), np.arange(30) % 2
NAN = np.where(np.arange(120).reshape(30, 4) == 5, np.nan, X30)
MASKED = np.ma.masked_array(X30, mask=NAN != NAN)

# id: estimator, what is called, error, message
BAD: dict[str, tuple[Any, Any, type[Exception], str]] = {
    "A1": ({}, (NAN, Y30), ValueError, "Input X contains NaN"),
    "A2": ({}, (np.where(np.isnan(NAN), np.inf, X30), Y30), ValueError, "Input X contains infinity"),
    "A3": ({}, (X30[:, 0], Y30), ValueError, "Expected 2D array, got 1D array instead"),
    "A4": ({}, (X30[None], Y30), ValueError, "Found array with dim 3"),
    "A5": ({}, (X30[:0], Y30[:0]), ValueError, r"Found array with 0 sample\(s\)"),
    "A6": ({}, (X30[:, :0], Y30), ValueError, r"Found array with 0 feature\(s\)"),
    "A7": ({}, (X30, Y30[:29]), ValueError, r"inconsistent numbers of samples: \[30, 29\]"),
    "A8": ({}, (X30 + 1j, Y30), ValueError, "Complex data not supported"),
    "A9": ({}, (np.array([["a", 1.0]] * 30, object), Y30), ValueError, "could not convert string to float"),
    "A10": ({}, ([[1.0], [1.0, 2.0]], [0, 1]), ValueError, "inhomogeneous shape"),
    "A16": ({}, (X30, X30[:, 0]), ValueError, "Unknown label type"),
    "A17": ({}, (X30, NAN[:, 1]), ValueError, "Input y contains NaN"),
    "A18": ({}, (X30, None), ValueError, "requires y to be passed"),
    "A19": ({}, (X30, ["a", 1] * 15), TypeError, "y mixes strings and numbers"),
    "A20": ({"kind": MLPRegressor}, (X30, ["a", "b"] * 15), ValueError, "y: could not convert string to float"),
    "A21": ({"kind": MLPRegressor}, (X30, np.full(30, np.inf)), ValueError, "Input y contains infinity"),
    "A22": ({}, (X30, np.zeros((30, 2, 2))), ValueError, "Found array with dim 3"),
    "A24": ({}, (X30, Y30, NAN[:, 1]), ValueError, "Input sample_weight contains NaN"),
    "A25": ({}, (X30, Y30, np.ones(29)), ValueError, r"sample_weight.shape == \(29,\), expected \(30,\)"),
    "A35": ({"early_stopping": True}, (X30[:2], Y30[:2]), ValueError, "least populated classes|too small"),
    "negative weights": ({}, (X30, Y30, -np.ones(30)), ValueError, "sample_weight must not be negative, got -1.0"),
    "masked X": ({}, (MASKED, Y30), TypeError, "X is a masked array with missing values"),
    "masked y": ({}, (X30, np.ma.masked_array(Y30, Y30 == 0)), TypeError, "y is a masked array"),
    "masked weights": ({}, (X30, Y30, MASKED[:, 1]), TypeError, "sample_weight is a masked array"),
    "counts below 0": ({"kind": MLPRegressor, "loss": "poisson"}, (X30, Y30 - 1), ValueError, "must not be negative"),
}


@pytest.mark.parametrize("row", BAD)
def test_bad_data_are_refused(row: str) -> None:
    settings, data, error, message = BAD[row]
    with pytest.raises(error, match=message):
        settings.get("kind", MLPClassifier)(**{k: v for k, v in settings.items() if k != "kind"}).fit(*data)


# id: a parameter, values, error, message
PARAMETERS: dict[str, tuple[str, list[Any], type[Exception], str]] = {
    "P1": ("hidden_layer_sizes", [0, -1, "10"], ValueError, "hidden_layer_sizes"),
    "P2": ("hidden_layer_sizes", [(10.5,), (True,)], ValueError, "hidden_layer_sizes.* int"),
    "P4": ("learning_rate_init", [0, -1, math.nan, math.inf, "a"], ValueError, "learning_rate_init"),
    "P5": ("momentum", [1.5], ValueError, r"momentum.*\[0.0, 1.0\]"),
    "P6a": ("beta_1", [1.0], ValueError, r"beta_1.*\[0.0, 1.0\)"),
    "P6b": ("beta_2", [-0.1], ValueError, r"beta_2.*\[0.0, 1.0\)"),
    "P7": ("epsilon", [0, math.inf], ValueError, "epsilon"),
    "P8": ("alpha", [-1, math.nan, math.inf], ValueError, "alpha"),
    "P9": ("batch_size", [0, -5, 2.5], ValueError, "batch_size"),
    "P11": ("activation", ["RELU"], ValueError, "Got 'RELU'"),
    "P12": ("solver", ["adamw"], ValueError, "solver"),
    "P13": ("max_iter", [0], ValueError, "max_iter"),
    "P14": ("validation_fraction", [1.0], ValueError, "validation_fraction"),
    "P16": ("random_state", [-1, 2**32], ValueError, "random_state"),
    "P17": ("n_threads", [0, -3, 1.5, 10**6], ValueError, r"n_threads must be an int in \[1, 1024\], got"),
    "dropout": ("dropout", [1.0, -0.1, [1.0], [0.1, 0.2], "a"], ValueError, "dropout|rate"),
    "activations": ("activation", [["swish"], ["relu", "relu"]], ValueError, "activation"),
    "activation types": ("activation", [[3]], TypeError, "activation"),
    "loss": ("loss", ["mse", 3], ValueError, "loss"),
    "a loss of numbers": ("loss", [rv.losses.CategoricalCrossentropy()], ValueError, "2 units"),
    "class_weight": ("class_weight", ["even", {0: -1.0}, {0: math.nan}], ValueError, "class_weight"),
    "optimizer": ("optimizer", ["adamw2", 3], ValueError, "optimizer"),
    "weight_decay": ("weight_decay", [-1.0, math.inf], ValueError, "weight_decay"),
    "callbacks": ("callbacks", [[3], rv.callbacks.TimeLimit(1)], (TypeError, ValueError), "callbacks"),
}


@pytest.mark.parametrize("row", PARAMETERS)
def test_bad_parameters_are_refused(row: str) -> None:
    name, values, error, message = PARAMETERS[row]
    for value in values:
        with pytest.raises(error, match=message):
            MLPClassifier(**{name: value}).fit(X30, Y30)


EXCLUSIVE: dict[str, tuple[dict[str, Any], str]] = {
    "P15": ({"early_stopping": True, "validation_fraction": 0.0}, "validation_fraction must be above 0"),
    "dropout of lbfgs": ({"solver": "lbfgs", "dropout": 0.1}, "LBFGS needs a loss that is the same"),
    "decay of lbfgs": ({"solver": "lbfgs", "weight_decay": 0.1}, "weight_decay"),
    "decay beside an optimizer": ({"optimizer": "adam", "weight_decay": 0.1}, "weight_decay"),
    "callbacks of lbfgs": ({"solver": "lbfgs", "callbacks": [rv.callbacks.TimeLimit(1)]}, "validation_data and callb"),
}


@pytest.mark.parametrize("row", EXCLUSIVE)
def test_options_that_exclude_others_are_refused(row: str) -> None:
    settings, message = EXCLUSIVE[row]
    with pytest.raises(ValueError, match=message):
        MLPClassifier(**settings).fit(X30, Y30)


def test_refused_after_a_fit() -> None:
    fitted = MLPClassifier(max_iter=2).fit(X30, Y30)
    with pytest.raises(NotFittedError, match="is not fitted yet"):  # A27
        MLPClassifier().predict(X30)
    with pytest.raises(ValueError, match="X has 3 features, but MLPClassifier is expecting 4"):  # A28
        fitted.predict(X30[:, :3])
    with pytest.raises(ValueError, match=r"Found array with 0 sample\(s\)"):  # A30
        fitted.predict(X30[:0])
    for bad, message in ((NAN, "contains NaN"), (np.where(np.isnan(NAN), np.inf, X30), "contains infinity")):
        with pytest.raises(ValueError, match=message):
            fitted.predict_proba(bad)
    with pytest.raises(ValueError, match=r"warm_start can only be used where `y` has the same classes"):  # A34
        fitted.set_params(warm_start=True).fit(X30, Y30 + 1)
    with pytest.raises(ValueError, match="layer must be"):
        fitted.transform(X30, layer=1)
    narrow = MLPClassifier(max_iter=2).fit(X30.astype(np.float32), Y30)
    with pytest.raises(ValueError, match=r"too large for dtype\('float32'\)"):  # A13
        narrow.predict(np.full((1, 4), 1e300))
    with pytest.raises(AttributeError):
        _ = MLPClassifier(loss="hinge").fit(X30, Y30).predict_proba


def test_refused_by_partial_fit() -> None:
    with pytest.raises(ValueError, match=r"classes must be passed on the first call to partial_fit"):  # A31
        MLPClassifier().partial_fit(X30, Y30)
    with pytest.raises(ValueError, match=r"`y` has classes not in `self.classes_`"):  # A32
        MLPClassifier().partial_fit(X30, Y30 + 5, classes=[0, 1])
    with pytest.raises(ValueError, match="partial_fit does not support early_stopping=True"):  # A33
        MLPClassifier(early_stopping=True).partial_fit(X30, Y30, classes=[0, 1])
    with pytest.raises(ValueError, match="'balanced' is not supported for partial_fit"):
        MLPClassifier(class_weight="balanced").partial_fit(X30, Y30, classes=[0, 1])


def test_warnings_of_data() -> None:
    with pytest.warns(UserWarning, match="clipped"):  # P10
        MLPClassifier(max_iter=1, batch_size=31).fit(X30, Y30)
    with pytest.warns(UserWarning, match="precision"), warnings.catch_warnings():  # A14
        warnings.simplefilter("ignore", ConvergenceWarning)
        MLPRegressor(solver="lbfgs", max_iter=1).fit(np.array([[2**53 + 1], [0]]), [0.0, 1.0])
