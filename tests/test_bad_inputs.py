"""What fit, predict and the rest say about inputs they cannot take."""

import re
import warnings

import numpy as np
import pytest

import ravine as rv
from ravine.layers import Dense, Input

RNG = np.random.default_rng(7)
X = RNG.normal(size=(30, 4))
Y = X[:, 0]
LABELS = RNG.integers(0, 3, size=30)


def regressor(units=1, dtype="float32"):
    model = rv.Sequential([Dense(units)], random_state=0, dtype=dtype)
    model.compile(loss="mse")
    return model


def classifier(loss="categorical_crossentropy", units=3):
    model = rv.Sequential([Dense(units)], random_state=0)
    model.compile(loss=loss)
    return model


def with_value(array, value):
    array = np.array(array, dtype=float)
    array.flat[3] = value
    return array


class Sparse:
    nnz = 3

    def tocsr(self):
        return self


# id of the row in the list of bad inputs, X, error, message
BAD_X = [
    ("A1", with_value(X, np.nan), ValueError, "Input X contains NaN"),
    ("A2", with_value(X, np.inf), ValueError, "Input X contains infinity"),
    ("A2", with_value(X, -np.inf), ValueError, "Input X contains infinity"),
    ("A3", X[:, 0], ValueError, "Expected 2D array, got 1D array instead"),
    ("A3", 3.0, ValueError, "Expected 2D array, got scalar array instead"),
    ("A4", X[:, :, None], ValueError, "Found array with dim 3"),
    ("A5", X[:0], ValueError, "Found array with 0 sample(s)"),
    ("A6", X[:, :0], ValueError, "Found array with 0 feature(s)"),
    ("A8", X + 1j, ValueError, "Complex data not supported"),
    ("A9", np.array([["a"] * 4] * 30, dtype=object), ValueError, "could not convert string to float"),
    ("A9", [["a"] * 4] * 30, ValueError, "could not convert string to float"),
    ("A10", [[1.0, 2.0], [3.0]], ValueError, "inhomogeneous shape"),
    ("A13", np.full((30, 4), 1e300), ValueError, "too large for dtype('float32')"),
    ("object", X.astype(object), ValueError, "X has dtype object; convert it"),
    ("dates", np.zeros((30, 4), "M8[s]"), TypeError, "got dtype datetime64[s]"),
    ("long", X.astype(np.longdouble), TypeError, "at most 64 bits"),
    ("masked", np.ma.masked_greater(X, 0), TypeError, "masked array with missing values"),
    ("sparse", Sparse(), TypeError, "sparse X has no data: ravine takes matrices in CSR form"),
    ("none", None, ValueError, "X must be an array, got None"),
]
IDS = [f"{case[0]}-{case[3]}" for case in BAD_X]


@pytest.mark.parametrize(("row", "bad", "error", "message"), BAD_X, ids=IDS)
def test_fit_refuses_x(row, bad, error, message):
    with pytest.raises(error, match=re.escape(message)):
        regressor().fit(bad, Y)


@pytest.mark.parametrize(("row", "bad", "error", "message"), BAD_X, ids=IDS)
@pytest.mark.parametrize("method", ["predict", "transform", "evaluate", "train_on_batch", "gradients"])
def test_a_fitted_model_refuses_x(method, row, bad, error, message):
    model = regressor()
    model.fit(X, Y)
    arguments = {"evaluate": [Y], "train_on_batch": [Y], "gradients": [Y[:, None]]}.get(method, [])
    keywords = {"layer": 0} if method == "transform" else {}
    with pytest.raises(error, match=re.escape(message)):
        getattr(model, method)(bad, *arguments, **keywords)


@pytest.mark.parametrize(
    ("row", "model", "bad", "error", "message"),
    [
        ("A7", regressor, Y[:29], ValueError, "inconsistent numbers of samples: [30, 29]"),
        ("A8", regressor, Y + 1j, ValueError, "Complex data not supported"),
        ("A16", classifier, Y, ValueError, "Unknown label type"),
        ("A16", lambda: classifier("binary_crossentropy", 1), 10 * Y, ValueError, "Unknown label type"),
        ("A16", lambda: classifier("hinge", 1), Y, ValueError, "Unknown label type"),
        ("A17", regressor, with_value(Y, np.nan), ValueError, "Input y contains NaN"),
        ("A17", classifier, with_value(LABELS, np.nan), ValueError, "Input y contains NaN"),
        ("A18", regressor, None, ValueError, "requires y to be passed"),
        ("A18", classifier, None, ValueError, "requires y to be passed"),
        ("A19", classifier, ["a"] * 29 + [1], TypeError, "y mixes"),
        ("A19", classifier, np.array(["a"] * 29 + [1], dtype=object), TypeError, "y mixes types: int, str"),
        ("A20", regressor, ["a"] * 30, ValueError, "y: could not convert string to float"),
        ("A21", regressor, with_value(Y, np.inf), ValueError, "Input y contains infinity"),
        ("A13", regressor, np.full(30, 1e300), ValueError, "too large for dtype('float32')"),
        ("A22", regressor, Y[:, None, None], ValueError, "Found array with dim 3"),
        ("A26", classifier, LABELS - 1, ValueError, "label -1 out of range [0, 3)"),
        ("A26", classifier, LABELS + 1, ValueError, "label 3 out of range [0, 3)"),
        ("A26", lambda: classifier("binary_crossentropy", 1), LABELS, ValueError, "label 2 out of range [0, 2)"),
        ("shape", lambda: regressor(3), Y, ValueError, "y has shape (30,), the model's outputs have shape (30, 3)"),
        ("shape", lambda: regressor(3), Y[:, None], ValueError, "y has shape (30, 1)"),
        ("shape", regressor, X, ValueError, "y has shape (30, 4), the model's outputs have shape (30, 1)"),
        ("shape", classifier, np.eye(4)[LABELS], ValueError, "y has shape (30, 4)"),
        ("shape", lambda: classifier("binary_crossentropy"), LABELS, ValueError, "y has shape (30,)"),
        ("scalar", regressor, 3.0, ValueError, "got the scalar 3.0"),
        ("ragged", regressor, [[1.0], [2.0, 3.0]], ValueError, "inhomogeneous shape"),
        ("object", classifier, LABELS.astype(object), ValueError, "y has dtype object and holds int"),
        ("classes", classifier, list("abcd") * 7 + ["a", "b"], ValueError, "y has 4 classes ['a', 'b', 'c', 'd']"),
        ("classes", classifier, ["a"] * 30, ValueError, "y has 1 classes"),
        ("classes", classifier, ["a", "b"] * 15, ValueError, "y has 2 classes ['a', 'b'], the model's outputs tell 3"),
        ("counts", lambda: classifier("poisson", 1), Y, ValueError, "y must not be negative"),
        ("rows", classifier, -np.eye(3)[LABELS], ValueError, "rows of y must hold probabilities"),
        ("rows", classifier, 5 * np.eye(3)[LABELS], ValueError, "probabilities that sum to 1, got 5.0 in row 0"),
        ("rows", classifier, np.zeros((30, 3)), ValueError, "probabilities that sum to 1, got 0.0 in row 0"),
        ("rows", classifier, np.ones((30, 3), int), ValueError, "probabilities that sum to 1, got 3.0 in row 0"),
        ("empty", regressor, np.empty((30, 0), "U1"), ValueError, "y: could not convert string to float"),
        ("bytes", classifier, np.array([b"a", b"b", b"c"])[LABELS], TypeError, "got dtype |S1"),
        ("sparse", regressor, Sparse(), TypeError, "sparse y is not supported"),
    ],
)
def test_fit_refuses_y(row, model, bad, error, message):
    with pytest.raises(error, match=re.escape(message)):
        model().fit(X, bad)


@pytest.mark.parametrize(
    ("row", "arguments", "error", "message"),
    [
        ("A24", {"sample_weight": with_value(np.ones(30), np.nan)}, ValueError, "Input sample_weight contains NaN"),
        ("A25", {"sample_weight": np.ones(29)}, ValueError, "sample_weight.shape == (29,), expected (30,)"),
        ("A25", {"sample_weight": np.ones((30, 1))}, ValueError, "sample_weight.shape == (30, 1), expected (30,)"),
        ("negative", {"sample_weight": -np.ones(30)}, ValueError, "sample_weight must not be negative, got -1.0"),
        ("tiny", {"sample_weight": np.full(30, 5e-41)}, ValueError, "sample_weight has the sum 1"),
        ("P17", {"n_threads": 0}, ValueError, "n_threads must be an int in [1, 1024], got 0"),
        ("P17", {"n_threads": -3}, ValueError, "n_threads must be an int in [1, 1024], got -3"),
        ("P17", {"n_threads": 1.5}, ValueError, "n_threads must be an int in [1, 1024], got 1.5"),
        ("P17", {"n_threads": 10**6}, ValueError, "n_threads must be an int in [1, 1024], got 1000000"),
        ("P9", {"batch_size": 0}, ValueError, "batch_size must be None or an int >= 1, got 0"),
        ("P9", {"batch_size": -5}, ValueError, "batch_size must be None or an int >= 1, got -5"),
        ("P9", {"batch_size": 2.5}, ValueError, "batch_size must be None or an int >= 1, got 2.5"),
        ("epochs", {"epochs": -1}, ValueError, "epochs must be an int >= 0, got -1"),
        ("epochs", {"epochs": True}, ValueError, "epochs must be an int >= 0, got True"),
        ("shuffle", {"shuffle": "yes"}, TypeError, "shuffle must be True or False, got 'yes'"),
        ("verbose", {"verbose": True}, ValueError, "verbose must be 'auto', 0, 1 or 2, got True"),
        ("verbose", {"verbose": 1.0}, ValueError, "verbose must be 'auto', 0, 1 or 2, got 1.0"),
        ("verbose", {"verbose": "2"}, ValueError, "verbose must be 'auto', 0, 1 or 2, got '2'"),
        ("verbose", {"verbose": 3}, ValueError, "verbose must be 'auto', 0, 1 or 2, got 3"),
        ("split", {"validation_split": True}, TypeError, "validation_split must be a number in [0.0, 1.0), got True"),
        ("split", {"validation_split": 1.0}, ValueError, "validation_split must be a number in [0.0, 1.0), got 1.0"),
        ("A35", {"validation_split": 0.001}, ValueError, "The validation set is too small"),
        ("split", {"validation_split": 0.999}, ValueError, "The training set is too small"),
        ("both", {"validation_split": 0.5, "validation_data": (X, Y)}, ValueError, "not both"),
        ("pair", {"validation_data": X}, ValueError, "validation_data must be (X, y) or (X, y, sample_weight)"),
        ("pair", {"validation_data": (X, Y, None, None)}, ValueError, "validation_data must be (X, y) or"),
        ("pair", {"validation_data": (X.astype("M8[s]"), Y)}, TypeError, "validation_data: X must hold bools, ints"),
        ("pair", {"validation_data": (X, Y[:3])}, ValueError, "validation_data: X and y have inconsistent"),
        ("class", {"class_weight": "balanced"}, ValueError, "class_weight needs one class a row"),
    ],
)
def test_fit_refuses_arguments(row, arguments, error, message):
    with pytest.raises(error, match=re.escape(message)):
        regressor().fit(X, Y, **arguments)


@pytest.mark.parametrize(
    ("class_weight", "message"),
    [
        ({3: 1.0}, "class_weight names the label 3; the labels are [0, 1, 2]"),
        ({0: 1e300}, "Input class_weight contains infinity"),
        ({0: np.inf}, "class_weight[0] must be a number in [0.0, inf), got inf"),
        ({0: -1.0}, "class_weight[0] must be a number in [0.0, inf), got -1.0"),
        ("even", "class_weight must be a dict of weights by label, 'balanced' or None, got 'even'"),
        ([1, 2, 3], "class_weight must be a dict"),
    ],
)
def test_fit_refuses_class_weights(class_weight, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        classifier().fit(X, LABELS, class_weight=class_weight)


def test_weights_whose_product_overflows_are_refused():
    with pytest.raises(ValueError, match=r"Input class_weight \* sample_weight contains infinity"):
        classifier().fit(X, LABELS, sample_weight=np.full(30, 1e30), class_weight={0: 1e30})


def test_apply_gradients_takes_a_dict():
    with pytest.raises(TypeError, match=r"gradients must be a dict of arrays by parameter name, got \[1\]"):
        fitted().apply_gradients([1])


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda m: m.predict(X), rv.NotFittedError, "is not fitted yet"),
        (lambda m: m.predict_proba(X), rv.NotFittedError, "is not fitted yet"),
        (lambda m: m.predict_classes(X), rv.NotFittedError, "is not fitted yet"),
        (lambda m: m.transform(X), rv.NotFittedError, "is not fitted yet"),
        (lambda m: m.evaluate(X, Y), rv.NotFittedError, "is not fitted yet"),
        (lambda m: m.gradients(X, Y), rv.NotFittedError, "is not fitted yet"),
        (lambda m: m.apply_gradients({}), rv.NotFittedError, "is not fitted yet"),
        (lambda m: m.parameters, rv.NotFittedError, "is not fitted yet"),
        (lambda m: m.classes_, rv.NotFittedError, "is not fitted yet"),
    ],
)
def test_before_fit(call, error, message):
    with pytest.raises(error, match=message):
        call(regressor())


def test_not_fitted_is_a_value_and_an_attribute_error():
    assert issubclass(rv.NotFittedError, ValueError) and issubclass(rv.NotFittedError, AttributeError)
    assert not hasattr(regressor(), "classes_")


def fitted():
    model = regressor()
    model.fit(X, Y)
    return model


G = {"dense/kernel": np.zeros((4, 1)), "dense/bias": np.zeros(1)}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m: m.predict(X[:, :3]), "X has 3 features, but Sequential is expecting 4 features"),
        (lambda m: m.fit(X[:, :3], Y), "X has 3 features, but Sequential is expecting 4 features"),
        (lambda m: m.predict(X, n_threads=0), "n_threads must be an int in [1, 1024], got 0"),
        (lambda m: m.transform(X, layer=1), "layer must be an int in [-1, 0] or one of 'dense', got 1"),
        (lambda m: m.transform(X, layer="out"), "layer must be"),
        (lambda m: m.predict_proba(X), "knows neither classes nor probabilities"),
        (lambda m: m.predict_classes(X), "knows neither classes nor probabilities"),
        (lambda m: m.gradients(X, Y), "doutput has shape (30,), the model's outputs have shape (30, 1)"),
        (lambda m: m.gradients(X, np.full((30, 1), np.nan)), "Input doutput contains NaN"),
        (lambda m: m.apply_gradients({"dense/kernel": G["dense/kernel"]}), "'dense/bias' is missing"),
        (lambda m: m.apply_gradients({**G, "x": 0}), "got 'x'"),
        (lambda m: m.apply_gradients({**G, "dense/bias": np.zeros(2)}), "has shape (2,), expected (1,)"),
        (lambda m: m.apply_gradients({**G, "dense/bias": [np.nan]}), "contains NaN"),
    ],
)
def test_a_fitted_model_refuses(call, message):
    model = fitted()
    before = {name: w.copy() for name, w in model.parameters.items()}
    with pytest.raises(ValueError, match=re.escape(message)):
        call(model)
    for name, w in model.parameters.items():
        np.testing.assert_array_equal(w, before[name])


def test_without_compile():
    model = rv.Sequential([Input(4), Dense(1)])
    for call in (lambda: model.fit(X, Y), lambda: model.evaluate(X, Y), lambda: model.loss_and_gradients(X, Y)):
        with pytest.raises(ValueError, match="call compile"):
            call()
    with pytest.raises(ValueError, match="no optimizer yet"):
        model.apply_gradients(model.gradients(X, np.ones((30, 1))))
    with pytest.raises(ValueError, match="compile the model with a classification loss"):
        model.predict_classes(X)


def test_unknown_and_changed_labels():
    model = classifier()
    model.fit(X, np.array(list("abc"))[LABELS])
    with pytest.raises(ValueError, match=re.escape("`y` has classes not in `self.classes_`: ['z']")):
        model.evaluate(X, ["z"] * 30)
    with pytest.raises(ValueError, match="y holds numbers, but this model was fitted with the labels"):
        model.fit(X, LABELS)
    numbers = classifier()
    numbers.fit(X, LABELS)
    with pytest.raises(ValueError, match="classes not in"):
        numbers.evaluate(X, ["a"] * 30)


@pytest.mark.parametrize("place", [0, 1])
def test_a_step_cannot_be_trained_through(place):
    layers = [Dense(2, "step" if place == 0 else None), Dense(1, "step" if place else None)]
    model = rv.Sequential(layers)
    model.compile(loss="mse")
    with pytest.raises(ValueError, match=f"layer {place} .* has activation 'step', which has no derivative"):
        model.fit(X, Y)


def test_large_whole_numbers_lose_precision_aloud():
    values = np.full((30, 4), 2**53 + 1)
    with pytest.warns(UserWarning, match="precision"):
        regressor(dtype="float64").fit(values, Y, epochs=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        regressor().fit(np.full((30, 4), 2**20), Y, epochs=0)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda k, x: k.matmul(x, x.astype(np.float64)), TypeError, "float32"),
        (lambda k, x: k.relu(x.astype(np.int32)), TypeError, "float32"),
        (lambda k, x: k.matmul(x, x), ValueError, r"\(30, 4\)"),
        (lambda k, x: k.scale(x[:20], 2.0, out=x[10:]), ValueError, "overlap"),
        (
            lambda k, x: k.categorical_cross_entropy(x, np.full(30, 4, np.int32)),
            ValueError,
            r"label 4 out of range \[0, 4\)",
        ),
        (lambda k, x: k.categorical_cross_entropy(x, np.full(30, -1, np.int32)), ValueError, r"label -1 out of range"),
    ],
)
def test_kernels_refuse(call, error, message):
    with pytest.raises(error, match=message):
        call(rv.kernels, X.astype(np.float32))


def test_kernels_refuse_read_only_arrays_in_place():
    w = np.zeros(4)
    w.setflags(write=False)
    with pytest.raises(ValueError, match="read-only"):
        rv.kernels.sgd(w, np.zeros((0, 4)), np.zeros(4))
