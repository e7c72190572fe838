"""`diagnose` and the callback `Doctor`: each trouble is named in a net that has it, and in no healthy one."""

import contextlib
import dataclasses
import pickle

import numpy as np
import pytest

import ravine as rv
from ravine.callbacks import Doctor
from ravine.diagnosis.examination import Examination
from ravine.diagnosis.float64_copy import Float64Copy
from ravine.diagnosis.steps import largest_curvature, largest_rate
from ravine.initializers import Constant, Normal
from ravine.layers import Activation, Dense, Dropout, Input
from ravine.optimizers import LBFGS, SGD, Adam

RNG = np.random.default_rng(0)
X = RNG.normal(size=(200, 5))
Y = np.sin(X[:, 0]) + X[:, 1] ** 2
NOISY = Y + RNG.normal(size=200)
DIGITS, DIGITS_HELD = (rv.datasets.digits()[i : i + 2] for i in (0, 2))
VALIDATED = {"validation_data": DIGITS_HELD}
CIRCLE, SPIRAL = rv.datasets.circle(200), rv.datasets.spiral(200)
TABLE = np.array([[0, 0, 1], [0, 1, 1], [1, 0, 1], [1, 1, 1]]), np.array([0, 1, 1, 0])
HALF_SUM = rv.losses.HalfSumSquaredError(reduction="sum")
START = rv.initializers.Uniform(0.0, 1.0)
TABLE_LAYERS = [Dense(units, "sigmoid", use_bias=False, kernel_initializer=START) for units in (4, 1)]
CE, BCE = "categorical_crossentropy", "binary_crossentropy"


def deep(count, units, activation, outputs, start="glorot_uniform"):
    return [*(Dense(units, activation, kernel_initializer=start) for _ in range(count)), Dense(outputs)]


def zeros(units, activation=None):
    return Dense(units, activation, kernel_initializer="zeros")


def fit(layers, optimizer, loss, data, epochs, batch_size=32, validation_data=None, dtype="float32"):
    """Train beside a doctor; return the model, the doctor, and the lines he said."""
    model, lines = rv.Sequential(layers, dtype=dtype, random_state=0), []
    model.compile(optimizer=optimizer, loss=loss)
    doctor = Doctor(print_fn=lines.append)
    with contextlib.suppress(rv.DivergenceError):
        model.fit(*data, epochs=epochs, batch_size=batch_size, validation_data=validation_data, callbacks=[doctor])
    return model, doctor, lines


# layers, optimizer, loss, data, epochs, other settings
HEALTHY = {
    "dropout": ([Dense(128, "relu"), Dropout(0.3), Dense(10)], Adam(), CE, DIGITS, 25, VALIDATED),
    "descent": (deep(2, 32, "relu", 10), SGD(0.1), CE, DIGITS, 25, VALIDATED),
    "momentum": (deep(2, 32, "tanh", 10), SGD(0.03, momentum=0.9), CE, DIGITS, 15, {}),
    "nesterov": (deep(1, 32, "tanh", 10), SGD(0.03, momentum=0.9, nesterov=True), CE, DIGITS, 10, {}),
    "full batch": (deep(1, 64, "tanh", 10), SGD(0.5), CE, DIGITS, 100, {"batch_size": None}),
    "one sigmoid layer": (deep(1, 64, "sigmoid", 10), Adam(0.01), CE, DIGITS, 25, {}),
    "two sigmoid layers": (deep(2, 32, "sigmoid", 10), Adam(0.01), CE, DIGITS, 15, {}),
    "eight relu layers": (deep(8, 32, "relu", 10, "he_normal"), Adam(), CE, DIGITS, 15, {}),
    "ten tanh layers": (deep(10, 32, "tanh", 10), Adam(), CE, DIGITS, 15, {}),
    "logistic regression from zero": ([zeros(10)], SGD(0.1), CE, DIGITS, 15, {}),
    "spiral": (deep(2, 32, "tanh", 1), Adam(0.003), BCE, SPIRAL, 300, {"batch_size": 10}),
    "table": (TABLE_LAYERS, SGD(1.0), HALF_SUM, TABLE, 1500, {"batch_size": None}),
    "two clouds": (deep(1, 4, "tanh", 1), Adam(0.03), BCE, rv.datasets.gaussian(200), 30, {"batch_size": 10}),
    "circle": (deep(1, 6, "tanh", 1), Adam(0.03), BCE, CIRCLE, 100, {"batch_size": 10}),
    "curve": (deep(2, 32, "relu", 1), Adam(0.003), "mse", (X, Y), 150, {}),
    "line": ([Dense(1)], SGD(0.1), "mse", (X, X[:, 0]), 60, {}),
    "line in float64": ([Dense(1)], SGD(0.75), "mse", (X, X[:, 0]), 60, {"batch_size": None, "dtype": "float64"}),
    "search": (deep(1, 16, "tanh", 1), LBFGS(), "mse", (X, Y), 60, {"batch_size": None}),
    "absolute error": (deep(1, 32, "relu", 1), Adam(0.01), "mae", (X, Y), 60, {}),
    "hinge": (deep(1, 16, "tanh", 1), Adam(0.01), "hinge", CIRCLE, 60, {}),
}  # fmt: skip
FROM_CONSTANT = [Dense(8, "tanh", kernel_initializer=Constant(0.5)), Dense(1, kernel_initializer=Constant(0.5))]
HELD = {"validation_data": (X[60:], NOISY[60:]), "batch_size": 10}
# trouble, layer, layers, optimizer, loss, data, epochs, other settings
ILL = {
    "zeros": ("symmetric_units", "dense", [zeros(8, "tanh"), zeros(1)], Adam(), "mse", (X, Y), 4, {}),
    "one value": ("symmetric_units", "dense", FROM_CONSTANT, Adam(), "mse", (X, Y), 4, {}),
    "second layer of zeros": (
        "symmetric_units", "dense_1", [Dense(6, "tanh"), zeros(8, "tanh"), zeros(1)], SGD(0.1), "mse", (X, Y), 4, {}
    ),
    "low biases": (
        "dead_relu", "dense", [Dense(32, "relu", bias_initializer=Constant(-50.0)), Dense(1)],
        Adam(), "mse", (X, Y), 4, {},
    ),
    "killed by a rate": ("dead_relu", "dense_1", deep(2, 32, "relu", 10), SGD(5.0), CE, DIGITS, 4, {}),
    "a layer of its own": (
        "dead_relu", "activation", [Dense(32, bias_initializer=Constant(-50.0)), Activation("relu"), Dense(1)],
        Adam(), "mse", (X, Y), 4, {},
    ),
    "large inputs, tanh": ("saturated_units", "dense", deep(1, 16, "tanh", 1), Adam(), "mse", (100 * X, Y), 4, {}),
    "large inputs, sigmoid": (
        "saturated_units", "dense", deep(1, 16, "sigmoid", 1), Adam(), "mse", (100 * X, Y), 4, {}
    ),
    "large weights": ("saturated_units", "dense_1", [Dense(16), *deep(1, 16, "tanh", 1, Normal(0, 50.0))],
                      Adam(), "mse", (X, Y), 4, {}),
    "five sigmoid layers": (
        "vanishing_gradients", "dense", deep(5, 32, "sigmoid", 10), SGD(0.1), CE, DIGITS, 4, {}
    ),
    "eight sigmoid layers": ("vanishing_gradients", "dense", deep(8, 16, "sigmoid", 1), Adam(), "mse", (X, Y), 4, {}),
    "small weights": (
        "vanishing_gradients", "dense", deep(5, 16, "tanh", 1, Normal(0, 0.02)), Adam(1e-5), "mse", (X, Y), 4, {}
    ),
    "large weights, relu": (
        "exploding_gradients", "dense", deep(6, 32, "relu", 1, Normal(0, 2.0)), SGD(1e-12), "mse", (X, Y), 4, {}
    ),
    "a line too fast": ("step_size", None, [Dense(1)], SGD(0.82), "mse", (X, X[:, 0]), 4, {"batch_size": None}),
    "momentum too fast": (
        "step_size", None, [Dense(1)], SGD(1.6, momentum=0.9), "mse", (X, X[:, 0]), 4, {"batch_size": None}
    ),
    "a net too fast": (
        "step_size", None, deep(1, 16, "tanh", 1), SGD(3.0), "mse", (X, Y), 4, {"batch_size": None}
    ),
    "rising loss": ("divergence", "dense", [Dense(1)], SGD(0.9), "mse", (X, X[:, 0]), 15, {"batch_size": None}),
    "no number": ("divergence", "dense", [Dense(1)], SGD(1e30), "mse", (X, X[:, 0]), 4, {}),
    "few rows": (
        "overfitting", None, deep(2, 128, "relu", 1), Adam(0.003), "mse", (X[:60], NOISY[:60]), 60, HELD
    ),
    "a line for a circle": ("underfitting", None, [Dense(1)], Adam(0.03), BCE, CIRCLE, 60, {"batch_size": 10}),
    "a line for a spiral": ("underfitting", None, [Dense(2)], Adam(0.03), CE, SPIRAL, 60, {"batch_size": 10}),
    "penalties": (
        "underfitting", None, [Dense(16, "tanh", l2=10.0), Dense(1, l2=10.0)], Adam(0.01), "mse", (X, Y), 80, {}
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", HEALTHY)
def test_nothing_is_said_of_a_healthy_net(case):
    layers, optimizer, loss, data, epochs, settings = HEALTHY[case]
    model, doctor, lines = fit(layers, optimizer, loss, data, epochs, **settings)
    assert (doctor.findings, lines) == ([], [])
    found = rv.diagnose(model, *data, validation_data=settings.get("validation_data"))
    assert found.healthy and len(found) == 0 and str(found) == "no trouble found"
    assert found.loss == pytest.approx(model.evaluate(*data)["loss"], rel=0.2, abs=1e-4)


@pytest.mark.parametrize("case", ILL)
def test_each_trouble_is_named(case):
    name, layer, layers, optimizer, loss, data, epochs, settings = ILL[case]
    model, doctor, lines = fit(layers, optimizer, loss, data, epochs, **settings)
    assert (name, layer) in [(finding.name, finding.layer) for finding in doctor.findings]
    assert lines == [str(finding) for finding in doctor.findings]
    (finding,) = [finding for finding in doctor.findings if (finding.name, finding.layer) == (name, layer)]
    assert 0 <= finding.epoch < epochs and f"epoch {finding.epoch}" in str(finding)
    assert np.isfinite(finding.figure) or name == "divergence"
    assert finding.evidence in str(finding) and finding.suggestion in str(finding) and name in str(finding)
    if layer is not None:
        assert layer in model._state.plan.names
    if name != "divergence":  # weights went back to before it
        found = rv.diagnose(model, *data, validation_data=settings.get("validation_data"))
        assert (name, layer) in [(finding.name, finding.layer) for finding in found]


@pytest.mark.parametrize("case", ["momentum", "few rows", "five sigmoid layers"])
def test_the_doctor_changes_no_bit(case):
    *_, layers, optimizer, loss, data, _, settings = (HEALTHY | ILL)[case]
    seen = fit(layers, optimizer, loss, data, 5, **settings)[0]
    alone = rv.Sequential(layers, random_state=0)
    alone.compile(optimizer=optimizer, loss=loss)
    alone.fit(*data, epochs=5, **{name: value for name, value in settings.items() if name != "dtype"})
    for name, w in seen.parameters.items():
        np.testing.assert_array_equal(w, alone.parameters[name])


def test_findings_do_not_depend_on_threads_and_are_the_same_again():
    *_, layers, optimizer, loss, data, epochs, settings = ILL["few rows"]
    model = fit(layers, optimizer, loss, data, epochs, **settings)[0]
    model.compile(optimizer=SGD(0.5), loss="mse")
    first = rv.diagnose(model, X, Y, n_threads=1)
    assert first.largest_curvature > 0.0
    for threads in (2, 3, 8):
        assert rv.diagnose(model, X, Y, n_threads=threads) == first


def test_diagnosis_before_the_first_fit():
    model = rv.Sequential(deep(6, 16, "sigmoid", 1), random_state=0)
    model.compile(loss="mse")
    found = rv.diagnose(model, X, Y)
    assert [(finding.name, finding.layer, finding.epoch) for finding in found] == [
        ("vanishing_gradients", "dense", None)
    ]
    assert found.epoch is None and model.input_shape is None
    assert list(found.signals) == ["dense", *(f"dense_{i}" for i in range(1, 7))]
    # every layer of sigmoids takes off more than its largest derivative, .25, leaves, but for the weights between
    signals = list(found.signals.values())
    assert signals[0] / signals[-1] < 0.25**5


@pytest.mark.parametrize("of_layer", [True, False])
def test_signals_are_gradients_over_inputs(of_layer):
    penalties = {"kernel_regularizer": rv.regularizers.L2(0.1)}, {}
    of_first, of_model = penalties if of_layer else penalties[::-1]
    layers = [Dense(4, "tanh", **of_first), Dense(1, kernel_regularizer=rv.regularizers.L1L2())]
    model = rv.Sequential(layers, dtype="float64", random_state=0, **of_model)
    model.compile(loss="mse")
    model.fit(X, Y, epochs=2)
    penalty = 0.1 * 2 * model.parameters["dense/kernel"]
    g = model.loss_and_gradients(X, Y)[1]
    features = model.transform(X, layer=0)
    expected = {
        "dense": np.linalg.norm(g["dense/kernel"] - penalty) / np.sqrt((X**2).sum(axis=1).mean()),
        "dense_1": np.linalg.norm(g["dense_1/kernel"]) / np.sqrt((features**2).sum(axis=1).mean()),
    }
    assert rv.diagnose(model, X, Y).signals == pytest.approx(expected, rel=1e-12)


def hessian(model, data):
    """Second derivatives by differences of gradients, whole."""
    views = [model.parameters[name] for name in model.parameters]

    def flat():
        return np.concatenate([g.ravel() for g in model.loss_and_gradients(*data)[1].values()])

    columns = []
    for w in views:
        for index in np.ndindex(w.shape):
            kept, pair = w[index], []
            for step in (1e-5, -1e-5):
                w[index] = kept + step
                pair.append(flat())
            w[index] = kept
            columns.append((pair[0] - pair[1]) / 2e-5)
    return np.array(columns)


@pytest.mark.parametrize("epochs", [0, 3, 60])
@pytest.mark.parametrize(
    ("layers", "y"),
    [([Dense(1)], Y), ([Dense(5, "tanh"), Dense(1)], Y), ([Dense(4, "relu"), Dense(2, "softmax")], X[:, 0] > 0)],
)
def test_the_largest_curvature_is_the_largest_eigenvalue(layers, y, epochs):
    model = rv.Sequential([Input(5), *layers], dtype="float64", random_state=0)
    model.compile(optimizer=SGD(0.05), loss="mse" if y is Y else CE)
    y = y if y is Y else y.astype(int)
    model.fit(X, y, epochs=epochs)
    exact = np.linalg.eigvalsh(hessian(model, (X, y))).max()
    found, v = largest_curvature(Float64Copy(model._state, (X, y, None)))
    assert found == pytest.approx(exact, rel=0.03) and found <= exact * (1 + 1e-6)
    assert np.linalg.norm(v) == pytest.approx(1.0)
    again, _ = largest_curvature(Float64Copy(model._state, (X, y, None)), v)
    assert found * (1 - 1e-6) <= again <= exact * (1 + 1e-6)


def test_a_saddle_has_its_largest_eigenvalue_not_its_lowest():
    """Of (w1 w2 x - y)^2 / 2 at 0 the second derivatives are -x y, off the diagonal: eigenvalues x y and -x y."""
    model = rv.Sequential([Input(1), zeros(1), zeros(1)], dtype="float64", random_state=0)
    model.compile(optimizer=SGD(0.1), loss=rv.losses.HalfMeanSquaredError())
    data = np.array([[1.0], [-1.0]]), np.array([3.0, -3.0])
    exact = np.linalg.eigvalsh(hessian(model, data))
    assert exact.min() < -exact.max() * 0.99
    assert largest_curvature(Float64Copy(model._state, (*data, None)))[0] == pytest.approx(exact.max(), rel=0.02)


@pytest.mark.parametrize("share", [0.98, 1.02])
@pytest.mark.parametrize(
    "make",
    [
        SGD,
        lambda rate: SGD(rate, momentum=0.9),
        lambda rate: SGD(rate, momentum=0.5, nesterov=True),
        lambda rate: SGD(rate, momentum=0.9, nesterov=True),
        lambda rate: SGD(rate, momentum=0.9, average=True),
    ],
)
def test_descent_diverges_exactly_beyond_the_largest_rate(make, share):
    curvature = 3.0
    optimizer = make(share * largest_rate(make(1.0), curvature))
    result = optimizer.minimize(
        lambda x: 0.5 * curvature * (x * x).sum(), [1.0], jac=lambda x: curvature * x, steps=1500, record=True
    )
    assert (abs(result.path[-1]) < 1e-3) == (share < 1.0)
    assert (abs(result.path[-1]) > 1e3) == (share > 1.0)


@pytest.mark.parametrize("optimizer", [Adam(), LBFGS(), rv.optimizers.RMSProp()], ids=repr)
def test_other_optimizers_have_no_largest_rate(optimizer):
    assert largest_rate(optimizer, 1.0) is None
    model = rv.Sequential([Dense(1)], random_state=0)
    model.compile(optimizer=optimizer, loss="mse")
    found = rv.diagnose(model, X, Y)
    assert found.largest_rate is None and found.largest_curvature is None


def test_dropout_draws_equal_units_apart():
    layers = [
        Dense(8, "tanh", kernel_initializer=Constant(0.5)),
        Dropout(0.5),
        Dense(1, kernel_initializer=Constant(0.5)),
    ]
    assert fit(layers, Adam(), "mse", (X, Y), 3)[1].findings == []


def test_a_gap_between_rows_is_overfitting():
    model = rv.Sequential([Dense(128, "relu"), Dense(1)], random_state=0)
    model.compile(optimizer=Adam(0.01), loss="mse")
    model.fit(X[:60], NOISY[:60], epochs=100, batch_size=10)
    assert rv.diagnose(model, X[:60], NOISY[:60]).healthy
    (finding,) = rv.diagnose(model, X[:60], NOISY[:60], validation_data=(X[60:], NOISY[60:]))
    held, loss = (model.evaluate(x, y)["loss"] for x, y in ((X[60:], NOISY[60:]), (X[:60], NOISY[:60])))
    assert finding.name == "overfitting" and finding.layer is None and finding.epoch == 99
    assert finding.figure == pytest.approx((held - loss) / NOISY[:60].var(), rel=1e-3)


@pytest.mark.parametrize(
    ("last", "loss", "y", "expected"),
    [
        (Dense(1), "mse", Y, Y.var()),
        (Dense(1), "mae", Y, abs(Y - np.median(Y)).mean()),
        (Dense(1), BCE, X[:, 0] > 1, 0.4397),
        (Dense(1, "sigmoid"), BCE, X[:, 0] > 1, 0.4397),
        (Dense(3), CE, np.arange(200) % 3, np.log(3)),
        (Dense(3, "softmax"), "log_loss", np.arange(200) % 3, np.log(3)),
        (Dense(1), "hinge", np.arange(200) % 2, 1.0),
        (Dense(1), "poisson", np.arange(200) % 3, np.nan),
    ],
)
def test_the_loss_of_a_constant(last, loss, y, expected):
    if expected == 0.4397:
        p = y.mean()
        expected = -p * np.log(p) - (1 - p) * np.log(1 - p)
    model = rv.Sequential([Dense(4, "tanh"), last], random_state=0)
    model.compile(loss=loss)
    examination = Examination(model._state, Float64Copy(model._state, (X, np.asarray(y) * 1, None)))
    assert examination.constant() == pytest.approx(expected, rel=2e-3, nan_ok=True)


def test_rows_are_a_few_evenly_spaced():
    model = rv.Sequential([Dense(1)], dtype="float64", random_state=0)
    model.compile(loss="mse")
    model.fit(X, Y)
    assert rv.diagnose(model, X, Y, max_rows=50).loss == pytest.approx(model.evaluate(X[::4], Y[::4])["loss"])
    assert rv.diagnose(model, X, Y, max_rows=None).loss == pytest.approx(model.evaluate(X, Y)["loss"])
    ones = (np.arange(200) % 4 == 1) * 1.0  # an even sample of all rows would have no weight
    assert rv.diagnose(model, X, Y, sample_weight=ones, max_rows=50).loss == pytest.approx(
        model.evaluate(X[1::4], Y[1::4])["loss"]
    )
    weight = np.arange(200.0)
    assert rv.diagnose(model, X, Y, sample_weight=weight).loss == pytest.approx(
        model.evaluate(X, Y, sample_weight=weight)["loss"]
    )


def test_images_are_looked_at_too():
    layers = [rv.layers.Flatten(), Dense(16, "relu", bias_initializer=Constant(-50.0)), Dense(10)]
    pixels = DIGITS[0].reshape(-1, 8, 8)
    model, doctor, _ = fit(layers, Adam(), CE, (pixels, DIGITS[1]), 2)
    assert ("dead_relu", "dense") in [(finding.name, finding.layer) for finding in doctor.findings]
    assert ("dead_relu", "dense") in [
        (finding.name, finding.layer) for finding in rv.diagnose(model, pixels, DIGITS[1])
    ]


def test_strings_are_labels_before_the_first_fit_too():
    model = rv.Sequential([Dense(2)], random_state=0)
    model.compile(loss=CE)
    names = np.where(CIRCLE[1] > 0, "in", "out")
    assert rv.diagnose(model, CIRCLE[0], names).healthy
    model.fit(CIRCLE[0], names)
    assert list(model.classes_) == ["in", "out"]


def test_every_says_when_to_look_and_nothing_is_kept():
    doctor = Doctor(every=3, print_fn=None)
    model = rv.Sequential([zeros(8, "tanh"), zeros(1)], random_state=0)
    model.compile(loss="mse")
    model.fit(X, Y, epochs=7, callbacks=[doctor])
    assert {finding.epoch for finding in doctor.findings} == {2}
    assert doctor._examination is None and doctor._rows is None
    model.fit(X, Y, epochs=1, callbacks=[doctor])
    assert doctor.findings == []


def test_a_divergence_in_the_first_epoch_is_named():
    doctor = Doctor(print_fn=None)
    model = rv.Sequential([Dense(4, "tanh"), Dense(1)], random_state=0)
    model.compile(optimizer=SGD(1e25), loss="mse")
    with pytest.raises(rv.DivergenceError):
        model.fit(X, Y, epochs=9, callbacks=[doctor])
    (finding,) = [finding for finding in doctor.findings if finding.name == "divergence"]
    assert finding.layer == "dense_1" and "not finite" in finding.evidence


def test_doctor_prints_by_default(capsys):
    model = rv.Sequential([zeros(8, "tanh"), zeros(1)], random_state=0)
    model.compile(loss="mse")
    model.fit(X, Y, epochs=2, callbacks=[Doctor()])
    assert capsys.readouterr().out.startswith("epoch 0, layer dense, symmetric_units: 100% of 8 units have a twin")


def test_findings_are_frozen_and_pickled():
    finding = rv.Finding("dead_relu", "dense", 3, 0.5, "half are 0", "take another")
    with pytest.raises(dataclasses.FrozenInstanceError):
        finding.figure = 1.0
    assert pickle.loads(pickle.dumps(finding)) == finding
    assert str(finding) == "epoch 3, layer dense, dead_relu: half are 0; take another"
    assert str(dataclasses.replace(finding, epoch=None, layer=None)) == "dead_relu: half are 0; take another"


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: Doctor(every=0), ValueError, "every must be an int >= 1, got 0"),
        (lambda: Doctor(max_rows=None), ValueError, "max_rows must be an int >= 1, got None"),
        (lambda: Doctor(print_fn="loud"), TypeError, "print_fn must be None or a function of a line, got 'loud'"),
    ],
)
def test_doctor_refuses(call, error, message):
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"max_rows": 0}, ValueError, "max_rows must be None or an int >= 1, got 0"),
        ({"n_threads": 1.5}, ValueError, "n_threads must be"),
        ({"validation_data": X}, ValueError, r"validation_data must be \(X, y\)"),
        ({"validation_data": (X, Y[:3])}, ValueError, "validation_data: .*inconsistent numbers of samples"),
        ({"y": Y[:7]}, ValueError, "inconsistent numbers of samples"),
    ],
)
def test_diagnose_refuses(arguments, error, message):
    model = rv.Sequential([Dense(1)], random_state=0)
    model.compile(loss="mse")
    with pytest.raises(error, match=message):
        rv.diagnose(model, **{"X": X, "y": Y, **arguments})


def test_diagnose_needs_a_loss():
    with pytest.raises(ValueError, match="no loss yet"):
        rv.diagnose(rv.Sequential([Dense(1)]), X, Y)


def test_weights_that_are_not_finite_are_named():
    model = fit(deep(2, 8, "tanh", 1), Adam(), "mse", (X, Y), 1)[0]
    model.parameters["dense_1/bias"][3] = np.nan
    for held in (None, (X, Y)):
        found = rv.diagnose(model, X, Y, validation_data=held)
        assert [(finding.name, finding.layer) for finding in found] == [("divergence", "dense_1")]
        assert "the weights 'dense_1/bias' were not finite" in str(found) and found.signals == {}


@pytest.mark.parametrize("weight", [None, np.zeros(200)])
@pytest.mark.parametrize("y", [Y, np.zeros(200)])
@pytest.mark.parametrize("trainable", [True, False])
def test_nothing_to_learn_is_no_trouble(weight, y, trainable):
    model = rv.Sequential([Dense(8, "relu", trainable=trainable), Dense(1, trainable=trainable)], random_state=0)
    model.compile(optimizer=SGD(0.01), loss="mse")
    doctor = Doctor(print_fn=None)
    model.fit(X, y, epochs=20, sample_weight=weight, callbacks=[doctor])
    assert doctor.findings == []
    assert rv.diagnose(model, X, y, sample_weight=weight).healthy
    assert rv.diagnose(model, X[:1], y[:1]).healthy
