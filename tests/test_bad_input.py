"""Every row of bad_inputs.tsv, the list of what goes in wrong, ends in the error and the words that stand there.

A row that is new in the list fails until it has its line here.
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
from ravine.layers import Dense, Input
from ravine.runtime import threads as _threads

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


def changed(array, value):
    array = np.array(array, dtype=float)
    array.flat[3] = value
    return array


def model(loss="mse", units=1):
    made = rv.Sequential([Dense(units)], random_state=0)
    made.compile(loss=loss)
    return made


def fit(x=X, y=Y, **arguments):
    return model().fit(x, y, **arguments)


def classify(y, x=X):
    return model("categorical_crossentropy", 3).fit(x, y)


def fitted():
    made = model()
    made.fit(X, Y)
    return made


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
    writers = [subprocess.Popen([sys.executable, "-c", code], env=environment) for _ in range(2)]
    while any(writer.poll() is None for writer in writers):
        if os.path.exists("a.ravine"):
            rv.load("a.ravine")
    assert [writer.returncode for writer in writers] == [0, 0] and os.listdir(".") == ["a.ravine"]


class Ended(Exception):
    """How a command ended: its exit code, and what it said."""


def command(*words, **environment):
    run = subprocess.run(
        [sys.executable, "-m", "ravine", *words], env={**os.environ, **environment}, capture_output=True, text=True
    )
    assert "Traceback" not in run.stderr
    raise Ended(f"exit {run.returncode}: {run.stderr}")


def closed_output():
    read, write = os.pipe()
    os.close(read)
    try:
        run = subprocess.run([sys.executable, "-m", "ravine", "config"], stdout=write, stderr=subprocess.PIPE)
    finally:
        os.close(write)
    assert run.returncode in (0, 141) and b"Traceback" not in run.stderr


def with_unknown_isa():
    run = subprocess.run([sys.executable, "-c", "import ravine"], env={**os.environ, "RAVINE_ISA": "avx9"},
                         capture_output=True, text=True)  # fmt: skip
    raise ValueError(run.stderr.splitlines()[-1])


def with_few_threads():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_threads._core, "startable_threads", lambda wanted: min(wanted, 2))
        fit(n_threads=8)


def read_only():
    w = np.zeros(4)
    w.setflags(write=False)
    rv.kernels.sgd(w, np.zeros((0, 4)), np.zeros(4))


def mismatched():
    """Layers of the core, where a description says what a layer takes; those of rv.layers follow the one before."""
    settings = {"kernel_size": (3, 3), "strides": (1, 1), "dilation": (1, 1), "groups": (1,), "padding": (0, 0, 0, 0),
                "kernel_shape": (3, 3, 1, 2)}  # fmt: skip
    conv2d = rv._core.OperationSpec("conv2d", name="conv2d", shape=(8, 8, 1), units=2, settings=settings)
    rv._core.NetworkFloat32(5, [rv._core.OperationSpec("dense", name="dense", units=32), conv2d], 0)


F4 = X.astype(np.float32)
ENTRY = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}
WITHOUT = {"t": {**ENTRY, "dtype": "Q7"}}
SHIFTED = {"s": ENTRY, "t": {**ENTRY, "data_offsets": [4, 12]}}
MAGIC = [b"\x89PNG\r\n\x1a\n" + bytes(60), b"PK\x03\x04" + bytes(60), pickle.dumps(1), b"\x89HDF\r\n\x1a\n" + bytes(60)]

# id: one call, or several of which each must fail
CALLS = {
    "A1": lambda: fit(changed(X, np.nan)),
    "A2": [lambda: fit(changed(X, np.inf)), lambda: fit(changed(X, -np.inf))],
    "A3": lambda: fit(X[:, 0]),
    "A4": lambda: fit(X[:, :, None]),
    "A5": lambda: fit(X[:0], Y[:0]),
    "A6": lambda: fit(X[:, :0]),
    "A7": lambda: fit(y=Y[:29]),
    "A8": lambda: fit(X + 1j),
    "A9": lambda: fit(np.array([["a"] * 4] * 30, dtype=object)),
    "A10": lambda: fit([[1.0, 2.0], [3.0]]),
    "A13": lambda: fit(np.full((30, 4), 1e300)),
    "A14": lambda: fit(np.full((30, 4), 2**53 + 1)),
    "A16": lambda: classify(Y),
    "A17": [lambda: fit(y=changed(Y, np.nan)), lambda: classify(changed(LABELS, np.nan))],
    "A18": lambda: fit(y=None),
    "A19": lambda: classify(["a"] * 29 + [1]),
    "A20": lambda: fit(y=["a"] * 30),
    "A21": lambda: fit(y=changed(Y, np.inf)),
    "A22": lambda: fit(y=Y[:, None, None]),
    "A24": lambda: fit(sample_weight=changed(np.ones(30), np.nan)),
    "A25": lambda: fit(sample_weight=np.ones(29)),
    "A27": lambda: model().predict(X),
    "A28": lambda: drop_in("predict", X[:, :3], before=(X, LABELS)),
    "A29": renamed,
    "A30": lambda: fitted().predict(X[:0]),
    "A31": lambda: drop_in("partial_fit", X, LABELS),
    "A32": lambda: drop_in("partial_fit", X, LABELS + 5, classes=[0, 1]),
    "A33": lambda: drop_in("partial_fit", X, LABELS, classes=[0, 1, 2], early_stopping=True),
    "A34": lambda: drop_in("fit", X, LABELS + 1, before=(X, LABELS), warm_start=True),
    "A35": lambda: fit(X[:2], Y[:2], validation_split=0.1),
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
    "P17": [lambda n=n: fit(n_threads=n) for n in (0, -3, 1.5, 10**6)],
    "P18": lambda: rv.Sequential([Input((3, 3, 1)), rv.layers.Conv2D(2, (5, 5))]),
    "P20": lambda: rv.Sequential([Input((9, 9, 3)), rv.layers.Conv2D(4, 3, groups=2)]),
    "P21": mismatched,
    "P23": lambda: rv.kernels.scale(F4[:20], 2.0, out=F4[10:]),
    "P24": read_only,
    "P25": lambda: rv.kernels.matmul(F4, X),
    "P26": [lambda k=k: rv.kernels.categorical_cross_entropy(F4, np.full(30, k, np.int32)) for k in (-1, 4)],
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


def test_every_row_has_its_line():
    assert CALLS.keys() | LATER.keys() == ROWS.keys() and not CALLS.keys() & LATER.keys()


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
