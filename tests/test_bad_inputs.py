"""What goes in wrong ends in an error, or a warning, that says so.

bad_inputs.tsv lists what may go wrong. A row of it fails until it has its line here, and the tests hold its line to
the error and the words that stand there.
"""

import csv
import os
import pickle
import re
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

import ravine as rv
from checkpoint_cases import file_of, resealed, tiny
from children import child
from ravine.layers import Dense, Input
from ravine.runtime import threads

with open(Path(__file__).with_name("bad_inputs.tsv"), newline="", encoding="utf-8") as file:
    ROWS = {row["id"]: row for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)}

LATER = {
    "C3": "the command reads no CSV",
    "C4": "the command reads no CSV",
    "W2": "there is no web server",
    "W4": "there is no web server",
}

RNG = np.random.default_rng(7)
X = RNG.normal(size=(30, 4))
Y, LABELS = X[:, 0].copy(), np.arange(30) % 3


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


# id of the row in the list, or a word, X, error, message
BAD_X = [
    ("A1", with_value(X, np.nan), ValueError, "Input X contains NaN"),
    ("A2", with_value(X, np.inf), ValueError, "Input X contains infinity"),
    ("A2", with_value(X, -np.inf), ValueError, "Input X contains infinity"),
    ("A3", X[:, 0], ValueError, "Expected 2D array, got 1D array instead"),
    ("scalar", 3.0, ValueError, "Expected 2D array, got scalar array instead"),
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


BAD_Y = [
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
]


@pytest.mark.parametrize(("row", "model", "bad", "error", "message"), BAD_Y)
def test_fit_refuses_y(row, model, bad, error, message):
    with pytest.raises(error, match=re.escape(message)):
        model().fit(X, bad)


BAD_ARGUMENTS = [
    ("A24", {"sample_weight": with_value(np.ones(30), np.nan)}, ValueError, "Input sample_weight contains NaN"),
    ("A25", {"sample_weight": np.ones(29)}, ValueError, "sample_weight.shape == (29,), expected (30,)"),
    ("shape", {"sample_weight": np.ones((30, 1))}, ValueError, "sample_weight.shape == (30, 1), expected (30,)"),
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
]


@pytest.mark.parametrize(("row", "arguments", "error", "message"), BAD_ARGUMENTS)
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


BEFORE_FIT = [
    ("A27", lambda m: m.predict(X)),
    ("predict_proba", lambda m: m.predict_proba(X)),
    ("predict_classes", lambda m: m.predict_classes(X)),
    ("transform", lambda m: m.transform(X)),
    ("evaluate", lambda m: m.evaluate(X, Y)),
    ("gradients", lambda m: m.gradients(X, Y)),
    ("apply_gradients", lambda m: m.apply_gradients({})),
    ("parameters", lambda m: m.parameters),
    ("classes_", lambda m: m.classes_),
]


@pytest.mark.parametrize(("row", "call"), BEFORE_FIT)
def test_before_fit(row, call):
    with pytest.raises(rv.NotFittedError, match="is not fitted yet"):
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


def read_only():
    w = np.zeros(4)
    w.setflags(write=False)
    return w


BAD_KERNEL_ARGUMENTS = [
    ("P25", lambda k, x: k.matmul(x, x.astype(np.float64)), TypeError, "float32"),
    ("dtype", lambda k, x: k.relu(x.astype(np.int32)), TypeError, "float32"),
    ("shape", lambda k, x: k.matmul(x, x), ValueError, "(30, 4)"),
    ("P23", lambda k, x: k.scale(x[:20], 2.0, out=x[10:]), ValueError, "overlap"),
    ("P24", lambda k, x: k.sgd(read_only(), np.zeros((0, 4)), np.zeros(4)), ValueError, "read-only"),
    ("P26", lambda k, x: k.categorical_cross_entropy(x, np.full(30, 4, np.int32)), ValueError,
     "label 4 out of range [0, 4)"),
    ("P26", lambda k, x: k.categorical_cross_entropy(x, np.full(30, -1, np.int32)), ValueError,
     "label -1 out of range [0, 4)"),
]  # fmt: skip


@pytest.mark.parametrize(("row", "call", "error", "message"), BAD_KERNEL_ARGUMENTS)
def test_kernels_refuse(row, call, error, message):
    with pytest.raises(error, match=re.escape(message)):
        call(rv.kernels, X.astype(np.float32))


def drop_in(method, *arguments, before=None, classes=None, **parameters):
    """Call a method of the scikit-learn estimator, after a fit to `before`."""
    from ravine.sklearn import MLPClassifier

    made = MLPClassifier(**{"max_iter": 2, **parameters})
    keywords = {} if classes is None else {"classes": classes}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Stochastic Optimizer")
        if before is not None:
            made.fit(*before)
        return getattr(made, method)(*arguments, **keywords)


def parameters(**values):
    """A fit of the estimator with each of these values."""
    (name, tried), *others = values.items()
    return [lambda value=value: drop_in("fit", X, LABELS, **{name: value}, **dict(others)) for value in tried]


def renamed():
    import pandas

    frame = pandas.DataFrame(X, columns=list("abcd"))
    return drop_in("predict", frame[list("dcba")], before=(frame, LABELS))


def load(content):
    with open("a.ravine", "wb") as file:
        file.write(content)
    return rv.load("a.ravine")


def saved(change=lambda header: None):
    tiny().save("small.ravine")
    return resealed(Path("small.ravine").read_bytes(), change)


def with_nan():
    made = tiny()
    made.parameters["dense/bias"][...] = np.nan
    made.save("a.ravine")
    return rv.load("a.ravine")


def of_another_architecture():
    for units in (12, 10):
        made = rv.Sequential([Input(64), Dense(units)], random_state=0)
        if units == 12:
            made.save_weights("a.ravine")
    made.load_weights("a.ravine")


def to_a_closed_folder():
    os.mkdir("folder", mode=0o555)
    if os.geteuid() != 0:
        return tiny().save("folder/a.ravine")
    os.chmod(".", 0o755)
    try:
        os.seteuid(65534)
        return tiny().save("folder/a.ravine")
    finally:
        os.seteuid(0)


def by_two_processes():
    code = "from checkpoint_cases import tiny\nfor _ in range(20): tiny().save('a.ravine')"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])}
    command = [sys.executable, "-c", code]
    with child(command, env=environment) as first, child(command, env=environment) as second:
        writers = (first, second)
        while any(writer.poll() is None for writer in writers):
            if os.path.exists("a.ravine"):
                rv.load("a.ravine")
    assert [writer.returncode for writer in writers] == [0, 0] and os.listdir(".") == ["a.ravine"]


class Ended(Exception):
    """How a command ended: its exit code, and what it said."""


def command(*words, **environment):
    run = subprocess.run(
        [sys.executable, "-m", "ravine", *words],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "Traceback" not in run.stderr
    raise Ended(f"exit {run.returncode}: {run.stderr}")


def closed_output():
    read, write = os.pipe()
    os.close(read)
    try:
        run = subprocess.run(
            [sys.executable, "-m", "ravine", "config"], stdout=write, stderr=subprocess.PIPE, timeout=60
        )
    finally:
        os.close(write)
    assert run.returncode in (0, 141) and b"Traceback" not in run.stderr


def with_unknown_isa():
    run = subprocess.run([sys.executable, "-c", "import ravine"], env={**os.environ, "RAVINE_ISA": "avx9"},
                         capture_output=True, text=True, timeout=60)  # fmt: skip
    raise ValueError(run.stderr.splitlines()[-1])


def with_few_threads():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(threads._core, "startable_threads", lambda wanted: min(wanted, 2))
        regressor().fit(X, Y, n_threads=8)


def mismatched():
    """Layers of the core, where a description says what a layer takes; those of rv.layers follow the one before."""
    settings = {"kernel_size": (3, 3), "strides": (1, 1), "dilation": (1, 1), "groups": (1,), "padding": (0, 0, 0, 0),
                "kernel_shape": (3, 3, 1, 2)}  # fmt: skip
    conv2d = rv._core.OperationSpec("conv2d", name="conv2d", shape=(8, 8, 1), units=2, settings=settings)
    rv._core.NetworkFloat32(5, [rv._core.OperationSpec("dense", name="dense", units=32), conv2d], 0)


ENTRY = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}
WITHOUT = {"t": {**ENTRY, "dtype": "Q7"}}
SHIFTED = {"s": ENTRY, "t": {**ENTRY, "data_offsets": [4, 12]}}
MAGIC = [b"\x89PNG\r\n\x1a\n" + bytes(60), b"PK\x03\x04" + bytes(60), pickle.dumps(1), b"\x89HDF\r\n\x1a\n" + bytes(60)]

# id: one call, or several of which each must fail
CALLS = {
    "A14": lambda: regressor().fit(np.full((30, 4), 2**53 + 1), Y),
    "A28": lambda: drop_in("predict", X[:, :3], before=(X, LABELS)),
    "A29": renamed,
    "A30": lambda: fitted().predict(X[:0]),
    "A31": lambda: drop_in("partial_fit", X, LABELS),
    "A32": lambda: drop_in("partial_fit", X, LABELS + 5, classes=[0, 1]),
    "A33": lambda: drop_in("partial_fit", X, LABELS, classes=[0, 1, 2], early_stopping=True),
    "A34": lambda: drop_in("fit", X, LABELS + 1, before=(X, LABELS), warm_start=True),
    "P1": parameters(hidden_layer_sizes=[0, -1, "10"]),
    "P2": parameters(hidden_layer_sizes=[(10.5,)]),
    "P4": parameters(learning_rate_init=[0, -1, np.nan, np.inf, "a"]),
    "P5": parameters(momentum=[1.5]),
    "P6": parameters(beta_1=[1.0]) + parameters(beta_2=[-0.1]),
    "P7": parameters(epsilon=[0]),
    "P8": parameters(alpha=[-1, np.nan]),
    "P9": parameters(batch_size=[0, -5, 2.5]),
    "P10": parameters(batch_size=[31]),
    "P11": parameters(activation=["RELU"]),
    "P12": parameters(solver=["adamw"]),
    "P13": parameters(max_iter=[0]),
    "P14": parameters(validation_fraction=[1.0]),
    "P15": parameters(validation_fraction=[0.0], early_stopping=True),
    "P16": parameters(random_state=[-1, 2**32]),
    "P18": lambda: rv.Sequential([Input((3, 3, 1)), rv.layers.Conv2D(2, (5, 5))]),
    "P20": lambda: rv.Sequential([Input((9, 9, 3)), rv.layers.Conv2D(4, 3, groups=2)]),
    "P21": mismatched,
    "F1": lambda: rv.load("nowhere.ravine"),
    "F2": lambda: rv.load("/tmp"),
    "F3": lambda: load(b""),
    "F4": [lambda n=n: load(b"\1" * n) for n in range(1, 8)],
    "F5": [lambda content=content: load(content) for content in MAGIC],
    "F6": lambda: load(file_of(b"{}", length=2**63)),
    "F7": lambda: load(file_of(b"{}", length=3)),
    "F8": lambda: load(file_of(b'{"a": "\xff"}')),
    "F9": [lambda: load(file_of(b"{")), lambda: load(file_of(b"[" * 10**5))],
    "F11": lambda: load(file_of(SHIFTED, bytes(12))),
    "F12": [lambda: load(file_of({"t": {**ENTRY, "data_offsets": [4, 12]}}, bytes(12))),
            lambda: load(file_of({"t": ENTRY}, bytes(9)))],
    "F13": lambda: load(file_of({"t": {**ENTRY, "shape": [3]}}, bytes(8))),
    "F16": lambda: load(file_of(WITHOUT, bytes(8))),
    "F18": [lambda n=n: load(saved()[:n]) for n in (8, 100, 1000, -1)],
    "F19": lambda: load(saved(lambda header: header["__metadata__"].update(format_version="9"))),
    "F20": of_another_architecture,
    "F21": with_nan,
    "F22": lambda: (tiny().save_weights("a.ravine"), tiny().fit([[1.0, 2.0]], [1.0], resume="a.ravine")),
    "F24": to_a_closed_folder,
    "F26": by_two_processes,
    "C1": lambda: command("train", "digits", "--frobnicate"),
    "C2": [lambda n=n: command("train", "digits", "--epochs", n) for n in ("-1", "abc")],
    "C5": lambda: command("train", "digits", "--resume", "nowhere.ravine"),
    "C6": closed_output,
    "E3": with_unknown_isa,
    "E4": with_few_threads,
}  # fmt: skip

# Where the list describes a message, or gives an example of one: what to look for.
WORDS = {
    "A14": "precision", "F1": "nowhere.ravine", "F2": "/tmp", "F5": "not a ravine checkpoint; looks like",
    "F20": "expected shape (64, 10), found (64, 12)", "F24": "folder", "C5": "nowhere.ravine",
    "P2": "hidden_layer_sizes",
    "P5": "[0.0, 1.0]", "P6": "[0.0, 1.0)", "P11": "Got 'RELU'", "P17": "n_threads must be an int in [1, 1024], got",
    "P18": "exceeds padded input", "P26": "out of range [0, 4)",
    "P21": "expects 64 inputs, the layer before gives 32",
}  # fmt: skip
ERRORS = {
    "TypeError or ValueError naming y": (TypeError, ValueError),
    "ValueError naming y": ValueError,
    "ValueError naming validation_fraction": ValueError,
    "ValueError or correct result; documented": ValueError,
    "TypeError (no silent cast)": TypeError,
    "UserWarning or exact": UserWarning,
    "loads with UserWarning": UserWarning,
    "falls back to fewer threads with a warning": RuntimeWarning,
    "InvalidParameterError": ValueError,
    "NotFittedError": rv.NotFittedError,
    "CheckpointFormatError": rv.CheckpointFormatError,
    "CheckpointVersionError": rv.CheckpointVersionError,
    "CheckpointMismatchError": rv.CheckpointMismatchError,
    "last rename wins, file always valid": None,
    "exit 0 or 141, no traceback": None,
    "exit 1": Ended,
    "exit 2": Ended,
    **{error.__name__: error for error in (ValueError, TypeError, UserWarning, FileNotFoundError, IsADirectoryError,
                                           PermissionError)},
}  # fmt: skip
# Where scikit-learn, or a third package, takes part.
DROP_IN = {"A28", "A29", "A31", "A32", "A33", "A34", *(f"P{n}" for n in range(1, 17))}


# id, whatever makes the call, error, message
TABLES = [(row[0], *row[-2:]) for row in (*BAD_X, *BAD_Y, *BAD_ARGUMENTS, *BAD_KERNEL_ARGUMENTS)]
TABLES += [(row, rv.NotFittedError, "is not fitted yet") for row, _ in BEFORE_FIT]


def test_every_row_has_its_line():
    listed = CALLS.keys() | ({row for row, *_ in TABLES} & ROWS.keys())
    assert listed | LATER.keys() == ROWS.keys() and not listed & LATER.keys()


@pytest.mark.parametrize(("row", "error", "message"), [line for line in TABLES if line[0] in ROWS])
def test_tables_say_what_the_list_says(row, error, message):
    assert issubclass(error, ERRORS[ROWS[row]["error type"]])
    assert WORDS.get(row, ROWS[row]["message contains"]) in message


@pytest.mark.parametrize(
    "row", [pytest.param(name, marks=pytest.mark.sklearn if name in DROP_IN else ()) for name in CALLS]
)
def test_bad_input(row, tmp_path, monkeypatch):
    if row in DROP_IN:
        pytest.importorskip("sklearn", reason="scikit-learn is not installed: no ravine.sklearn")
    if row == "A29":
        pytest.importorskip("pandas")
    monkeypatch.chdir(tmp_path)
    error = ERRORS[ROWS[row]["error type"]]
    words = WORDS.get(row, ROWS[row]["message contains"])
    for call in CALLS[row] if isinstance(CALLS[row], list) else [CALLS[row]]:
        if error is None:
            call()
        elif isinstance(error, type) and issubclass(error, Warning):
            with pytest.warns(error, match=re.escape(words)):
                call()
        else:
            with pytest.raises(error) as caught:
                call()
            assert words in str(caught.value)
            if error is Ended:
                assert str(caught.value).startswith(ROWS[row]["error type"] + ":")
            if ROWS[row]["error type"] == "InvalidParameterError":
                assert type(caught.value).__name__ == "InvalidParameterError"
