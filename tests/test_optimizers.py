"""Optimizer descriptions: rules, settings, ranges, and that each one learns."""

import copy
import pickle

import numpy as np
import pytest

import ravine as rv
from ravine import optimizers
from ravine.layers import Dense, Input

# optimizer, compiled rule (None: it searches along the loss), settings
OPTIMIZERS = [
    (optimizers.SGD(), "sgd", {"learning_rate": 1e-2, "momentum": 0.0}),
    (optimizers.SGD(momentum=0.9), "momentum", {"momentum": 0.9}),
    (optimizers.SGD(momentum=0.9, nesterov=True), "nesterov", {}),
    (optimizers.SGD(momentum=0.9, average=True), "momentum_average", {"bias_correction": False}),
    (optimizers.SGD(momentum=0.9, average=True, bias_correction=True), "momentum_average", {"bias_correction": True}),
    (optimizers.AdaGrad(), "adagrad", {"learning_rate": 1e-2, "epsilon": 1e-8}),
    (optimizers.RMSProp(), "rmsprop", {"learning_rate": 1e-3, "rho": 0.9, "epsilon": 1e-8, "epsilon_inside": False}),
    (optimizers.RMSProp(momentum=0.5), "rmsprop_momentum", {"momentum": 0.5}),
    (optimizers.RMSProp(centered=True), "rmsprop_centered", {}),
    (optimizers.RMSProp(centered=True, momentum=0.5), "rmsprop_centered_momentum", {}),
    (optimizers.AdaDelta(), "adadelta", {"learning_rate": 1.0, "rho": 0.95, "epsilon": 1e-6}),
    (optimizers.Adam(), "adam", {"learning_rate": 1e-3, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-8}),
    (optimizers.Adam(amsgrad=True), "amsgrad", {}),
    (optimizers.Adam(bias_correction=False, epsilon_inside=True), "adam", {"bias_correction": False}),
    (optimizers.AdamW(), "adam", {"weight_decay": 0.01}),
    (optimizers.AMSGrad(), "amsgrad", {"learning_rate": 1e-3}),
    (optimizers.AdaMax(), "adamax", {"learning_rate": 1e-3}),
    (optimizers.Nadam(), "nadam", {"learning_rate": 1e-3}),
    (optimizers.LBFGS(), None, {"history": 10, "learning_rate": 1.0}),
    (optimizers.LBFGS(history=3), None, {"history": 3}),
    (optimizers.BFGS(), None, {"learning_rate": 1.0}),
    (optimizers.Newton(), None, {"learning_rate": 1.0}),
]
ALL = [case[0] for case in OPTIMIZERS]
RULES = [case for case in OPTIMIZERS if case[1]]
TRAINING = [optimizer for optimizer in ALL if not isinstance(optimizer, optimizers.Newton)]
X = np.random.default_rng(6).normal(size=(64, 3))
Y = X @ [1.0, -1.0, 0.5]


@pytest.mark.parametrize(("optimizer", "rule", "settings"), OPTIMIZERS, ids=map(repr, ALL))
def test_rules_and_defaults(optimizer, rule, settings):
    assert optimizer.searches == (rule is None)
    assert optimizer.rule == (rule or "sgd")
    assert optimizer.rule in rv.kernels.names["updates"]
    for name, value in settings.items():
        assert getattr(optimizer, name) == value
        if rule and name != "learning_rate":
            assert optimizer.settings()[{"beta_1": "beta1", "beta_2": "beta2"}.get(name, name)] == value


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("optimizer", TRAINING, ids=repr)
def test_each_learns(optimizer, dtype):
    optimizer = copy.deepcopy(optimizer)
    if not optimizer.searches and not isinstance(optimizer, optimizers.AdaDelta):
        optimizer.learning_rate *= 10
    model = rv.Sequential([Dense(1)], dtype=dtype, random_state=0)
    model.compile(optimizer=optimizer, loss="mse")
    loss = model.fit(X, Y, epochs=60, batch_size=None if optimizer.searches else 8).history["loss"]
    assert loss[-1] < 0.8 * loss[0]
    slots = rv.kernels.names["updates"][optimizer.rule]
    assert len(model._network.optimizer_state()) == 2 * slots


def test_every_rule_has_a_description():
    assert {rule for _, rule, _ in RULES} == set(rv.kernels.names["updates"])


@pytest.mark.parametrize("name", optimizers._NAMES)
def test_names(name):
    assert type(optimizers.get(name)).__name__.lower() == name


def test_weight_decay_acts_on_kernels_alone():
    model = rv.Sequential([Input(3), Dense(1, bias_initializer="ones")], dtype="float64", random_state=0)
    model.compile(optimizer=optimizers.SGD(0.1, weight_decay=0.5), loss="mse")
    kernel = model.parameters["dense/kernel"].copy()
    model.apply_gradients({"dense/kernel": np.zeros((3, 1)), "dense/bias": np.zeros(1)})
    np.testing.assert_allclose(model.parameters["dense/kernel"], kernel * 0.95, rtol=1e-14)
    np.testing.assert_array_equal(model.parameters["dense/bias"], [1.0])


def test_average_momentum_is_classic_momentum_at_another_rate():
    results = []
    for optimizer in (optimizers.SGD(0.1, momentum=0.9, average=True), optimizers.SGD(0.01, momentum=0.9)):
        model = rv.Sequential([Dense(1)], dtype="float64", random_state=0)
        model.compile(optimizer=optimizer, loss="mse")
        results.append(model.fit(X, Y, epochs=5).history["loss"])
    np.testing.assert_allclose(*results, rtol=1e-10)


@pytest.mark.parametrize("optimizer", ALL, ids=repr)
def test_copies_and_repr(optimizer):
    for other in (copy.deepcopy(optimizer), pickle.loads(pickle.dumps(optimizer))):
        assert vars(other) == vars(optimizer)
        assert repr(other) == repr(optimizer)
    assert repr(optimizer).startswith(type(optimizer).__name__)
    assert ("learning_rate" in repr(optimizer)) != optimizer.searches


def test_only_the_learning_rate_may_change():
    optimizer = optimizers.Adam()
    optimizer.learning_rate = 0.5
    with pytest.raises(AttributeError, match="beta_1 is fixed"):
        optimizer.beta_1 = 0.5
    with pytest.raises(ValueError, match=r"learning_rate must be a number in \[0.0, inf\), got -1"):
        optimizer.learning_rate = -1
    assert optimizer.learning_rate == 0.5


def test_a_line_search_has_no_learning_rate():
    for optimizer in (optimizers.LBFGS(), optimizers.BFGS(), optimizers.Newton()):
        with pytest.raises(AttributeError, match="has no learning_rate to set: its line search finds the step"):
            optimizer.learning_rate = 0.1
    with pytest.raises(AttributeError, match=r"LBFGS\.history is fixed"):
        optimizers.LBFGS().history = 3


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: optimizers.Adam(-1e-3), ValueError, r"learning_rate must be a number in \[0.0, inf\)"),
        (lambda: optimizers.Adam(float("nan")), ValueError, "learning_rate"),
        (lambda: optimizers.Adam(float("inf")), ValueError, "learning_rate"),
        (lambda: optimizers.Adam("fast"), TypeError, "learning_rate must be a number"),
        (lambda: optimizers.Adam(beta_1=1.0), ValueError, r"beta_1 must be a number in \[0.0, 1.0\), got 1.0"),
        (lambda: optimizers.Adam(beta_2=-0.1), ValueError, r"beta_2 must be a number in \[0.0, 1.0\), got -0.1"),
        (lambda: optimizers.Adam(epsilon=0), ValueError, r"epsilon must be a number in \(0.0, inf\), got 0"),
        (lambda: optimizers.Adam(amsgrad=1), TypeError, "amsgrad must be True or False"),
        (lambda: optimizers.AdamW(weight_decay=-1), ValueError, "weight_decay must be"),
        (lambda: optimizers.SGD(nesterov="yes"), TypeError, "nesterov must be True or False, got 'yes'"),
        (lambda: optimizers.SGD(momentum=np.array([0.1, 0.2]), nesterov=True), TypeError, "momentum must be a number"),
        (lambda: optimizers.SGD(momentum=1.5), ValueError, "momentum must be"),
        (lambda: optimizers.SGD(nesterov=True), ValueError, "nesterov=True needs momentum > 0"),
        (lambda: optimizers.SGD(momentum=0.9, nesterov=True, average=True), ValueError, "exclude each other"),
        (lambda: optimizers.SGD(bias_correction=True), ValueError, "bias_correction=True needs average=True"),
        (lambda: optimizers.RMSProp(rho=1.0), ValueError, "rho must be"),
        (lambda: optimizers.LBFGS(0), ValueError, "history must be an int >= 1, got 0"),
        (lambda: optimizers.LBFGS(history=2.5), ValueError, "history must be an int >= 1, got 2.5"),
        (lambda: optimizers.get("adm"), ValueError, "unknown optimizer 'adm'.*did you mean 'adam'"),
        (lambda: optimizers.get(None), ValueError, "unknown optimizer None"),
    ],
)
def test_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_an_epsilon_that_is_zero_in_float32_is_refused():
    model = rv.Sequential([Input(3), Dense(1)])
    with pytest.raises(ValueError, match="epsilon=1e-60 is 0 as float32"):
        model.compile(optimizer=optimizers.Adam(epsilon=1e-60), loss="mse")
