"""Ensembles: members as trained alone, means of what they say, losses of means."""

import copy
import math
import pickle

import numpy as np
import pytest

import ravine as rv
from ravine import reference
from ravine.callbacks import CheckpointEnsemble
from ravine.layers import Dense, Dropout, Input
from ravine.optimizers import LBFGS, SGD, Adam
from ravine.schedules import CosineDecay

X = np.random.default_rng(9).normal(size=(80, 4))
SCORE = X @ [1.0, -1.0, 0.5, 0.0] + 0.3 * X[:, 0] * X[:, 1]
CLASSES = np.digitize(SCORE, [-0.7, 0.7])
FLAGS = np.stack([SCORE > 0, X[:, 0] > 0], axis=1)
WEIGHT = np.random.default_rng(1).uniform(size=80)
THREADS = [1, 2, 3, 8]

# the last layer, the loss, targets, metrics
TASKS = {
    "numbers": (Dense(1), "mse", SCORE, ["mae", "r2"]),
    "several numbers": (Dense(2), "huber", np.stack([SCORE, X[:, 0]], axis=1), ["mse"]),
    "sums": (Dense(1), rv.losses.SumSquaredError(reduction="sum"), SCORE, ()),
    "logits": (Dense(3), "categorical_crossentropy", CLASSES, ["accuracy", "auc"]),
    "softmax": (Dense(3, "softmax"), "categorical_crossentropy", CLASSES, ["accuracy", "f1"]),
    "one-hot": (Dense(3), "categorical_crossentropy", np.eye(3)[CLASSES], ["accuracy"]),
    "binary": (Dense(1, "sigmoid"), "binary_crossentropy", (SCORE > 0).astype(int), ["accuracy", "auc"]),
    "strings": (Dense(1), "binary_crossentropy", np.where(SCORE > 0, "up", "down"), ["accuracy"]),
    "flags": (Dense(2), "binary_crossentropy", FLAGS.astype(float), ["binary_accuracy"]),
    "log loss": (Dense(1, "sigmoid"), "log_loss", (SCORE > 0).astype(int), ["accuracy"]),
    "signs": (Dense(1), "hinge", np.sign(SCORE), ["accuracy"]),
    "counts": (Dense(1), "poisson", np.abs(np.round(SCORE)), ()),
}


def model(task="numbers", *, optimizer=None, seed=4, dtype="float32", compiled=True):
    last, loss, _, metrics = TASKS[task]
    layers = [Dense(6, "tanh", l2=0.0), Dropout(0.1), copy.deepcopy(last)]
    made = rv.Sequential(layers, dtype=dtype, random_state=seed)
    if compiled:
        made.compile(optimizer or Adam(0.02), loss=loss, metrics=metrics)
    return made


def assert_same(one, other):
    assert one.keys() == other.keys()
    for name, w in one.items():
        np.testing.assert_array_equal(w, other[name])


def bootstrap(rows, seed):
    words = reference.random_bits(rows, seed=seed, stream=32 << 24)
    return [int(word) * rows >> 32 for word in words]


@pytest.mark.parametrize("n_threads", THREADS)
@pytest.mark.parametrize("kind", ["independent", "bagging"])
@pytest.mark.parametrize("task", TASKS)
def test_each_member_is_the_model_trained_alone(task, kind, n_threads):
    y = TASKS[task][2]
    ensemble = rv.Ensemble(model(task), size=3, kind=kind)
    histories = ensemble.fit(X, y, epochs=7, batch_size=16, sample_weight=WEIGHT, n_threads=n_threads)
    for seed, (member, history) in enumerate(zip(ensemble.members, histories, strict=True), 4):
        alone, rows = model(task, seed=seed), bootstrap(80, seed) if kind == "bagging" else slice(None)
        expected = alone.fit(X[rows], y[rows], epochs=7, batch_size=16, sample_weight=WEIGHT[rows])
        assert history.history == expected.history
        assert_same(member.parameters, alone.parameters)


def test_a_bootstrap_has_about_63_percent_of_the_rows():
    shares = [len(set(bootstrap(2000, seed))) / 2000 for seed in range(20)]
    assert abs(np.mean(shares) - (1 - math.exp(-1))) < 0.005
    assert max(bootstrap(2000, 3)) < 2000


@pytest.mark.parametrize("task", TASKS)
def test_means_of_what_members_say(task):
    y = TASKS[task][2]
    ensemble = rv.Ensemble(model(task, dtype="float64"), size=4)
    ensemble.fit(X, y, epochs=5, n_threads=2)
    outputs = [member.predict(X) for member in ensemble.members]
    np.testing.assert_allclose(ensemble.predict(X), np.mean(outputs, axis=0), rtol=1e-14)
    np.testing.assert_array_equal(ensemble.predict(X), ensemble.predict(X, n_threads=2))
    if TASKS[task][1] not in ("categorical_crossentropy", "binary_crossentropy", "log_loss"):
        with pytest.raises(ValueError, match="probabilities"):
            ensemble.predict_proba(X)
        return
    means = np.mean([member.predict_proba(X) for member in ensemble.members], axis=0)
    np.testing.assert_allclose(ensemble.predict_proba(X), means, rtol=1e-14)
    classes = ensemble.predict_classes(X)
    if task == "flags":
        np.testing.assert_array_equal(classes, (means > 0.5).astype(int))
    elif means.shape[1] == 1:
        names = ensemble.members[0].classes_
        np.testing.assert_array_equal(classes, names[(means[:, 0] > 0.5).astype(int)])
    else:
        np.testing.assert_array_equal(classes, means.argmax(axis=1))


@pytest.mark.parametrize("weight", [None, WEIGHT])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("task", TASKS)
def test_an_ensemble_of_one_evaluates_as_its_member(task, dtype, weight):
    y = TASKS[task][2]
    made = model(task, dtype=dtype)
    made.fit(X, y, epochs=5)
    expected = made.evaluate(X, y, sample_weight=weight)
    found = rv.Ensemble.from_models([made]).evaluate(X, y, sample_weight=weight)
    assert list(found) == list(expected)
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, rel=1e-12 if dtype == "float64" else 1e-5), name


# of the mean predictions p of class 1 (or of the classes), the loss and the accuracy
@pytest.mark.parametrize(
    ("task", "loss"),
    [
        ("numbers", lambda p: np.mean((p[:, 0] - SCORE) ** 2)),
        ("sums", lambda p: np.sum((p[:, 0] - SCORE) ** 2)),
        ("logits", lambda p: -np.mean(np.log(p[np.arange(80), CLASSES]))),
        ("softmax", lambda p: -np.mean(np.log(p[np.arange(80), CLASSES]))),
        ("one-hot", lambda p: -np.mean(np.log(p[np.arange(80), CLASSES]))),
        ("binary", lambda p: -np.mean(np.log(np.where(SCORE > 0, p[:, 0], 1 - p[:, 0])))),
        ("strings", lambda p: -np.mean(np.log(np.where(SCORE > 0, p[:, 0], 1 - p[:, 0])))),
        ("flags", lambda p: -np.mean(np.log(np.where(FLAGS, p, 1 - p)))),
        ("log loss", lambda p: -np.mean(np.log(np.where(SCORE > 0, p[:, 0], 1 - p[:, 0])))),
        ("signs", lambda p: np.mean(np.maximum(0, 1 - np.sign(SCORE) * p[:, 0]))),
    ],
)
def test_the_loss_is_that_of_the_mean(task, loss):
    y = TASKS[task][2]
    ensemble = rv.Ensemble(model(task, dtype="float64"), size=3)
    ensemble.fit(X, y, epochs=8)
    probable = TASKS[task][1] in ("categorical_crossentropy", "binary_crossentropy", "log_loss")
    means = ensemble.predict_proba(X) if probable else ensemble.predict(X)
    values = ensemble.evaluate(X, y)
    assert values["loss"] == pytest.approx(loss(means), rel=1e-12)
    if "accuracy" in values and y.ndim == 1:
        assert values["accuracy"] == np.mean(ensemble.predict_classes(X) == y)
    alone = [member.evaluate(X, y)["loss"] for member in ensemble.members]
    assert values["loss"] <= np.mean(alone)  # each of these losses is convex


def test_certain_members_have_a_finite_loss():
    made = rv.Sequential([Input(1), Dense(1)], random_state=0)
    made.compile(SGD(), loss="binary_crossentropy")
    made.parameters["dense/kernel"][...] = 1e4
    ensemble = rv.Ensemble.from_models([made, made])
    assert ensemble.evaluate([[1.0], [-1.0]], [1, 0])["loss"] == pytest.approx(0.0, abs=1e-12)
    assert 30 < ensemble.evaluate([[1.0], [-1.0]], [0, 1])["loss"] < 1000


@pytest.mark.parametrize(("size", "epochs", "kept"), [(3, 30, [9, 19, 29]), (3, 32, [9, 19, 29]), (4, 4, [0, 1, 2, 3])])
def test_snapshots_are_one_run(size, epochs, kept):
    optimizer = SGD(CosineDecay(0.1, 100))
    ensemble = rv.Ensemble(model(optimizer=optimizer), size=size, kind="snapshot")
    (history,) = ensemble.fit(X, SCORE, epochs=epochs)
    keep, alone = CheckpointEnsemble(every=epochs // size, size=size), model(optimizer=SGD(CosineDecay(0.1, 100)))
    expected = alone.fit(X, SCORE, epochs=epochs, callbacks=[keep])
    assert history.history == expected.history
    assert keep.epochs == kept
    for member, weights in zip(ensemble.members, keep.weights, strict=True):
        assert_same(member.parameters, weights)
    np.testing.assert_array_equal(ensemble.predict(X), keep.predict(X))
    assert_same(ensemble.average_weights(), keep.average_weights())
    mean = np.mean([weights["dense/kernel"].astype(float) for weights in keep.weights], axis=0).astype(np.float32)
    np.testing.assert_array_equal(ensemble.averaged().parameters["dense/kernel"], mean)
    with pytest.raises(ValueError, match=f"epochs must be an int >= {size}, one a snapshot, got 2"):
        ensemble.fit(X, SCORE, epochs=2)


def test_members_that_search_are_trained_one_after_the_other():
    made = rv.Sequential([Dense(3, "tanh"), Dense(1)], random_state=1)
    made.compile(LBFGS(), loss="mse")
    ensemble = rv.Ensemble(made, size=2)
    histories = ensemble.fit(X, SCORE, epochs=10, batch_size=None)
    for member, history in zip(ensemble.members, histories, strict=True):
        alone = rv.Sequential([Dense(3, "tanh"), Dense(1)], random_state=member.random_state)
        alone.compile(LBFGS(), loss="mse")
        assert alone.fit(X, SCORE, epochs=10, batch_size=None).history == history.history


def test_bagging_is_better_than_its_members_on_new_rows():
    rows = np.random.default_rng(3).normal(size=(600, 4))
    target = np.sin(rows[:, 0] * 2) + 0.4 * np.random.default_rng(4).normal(size=600)
    made = rv.Sequential([Dense(32, "tanh"), Dense(1)], random_state=0)
    made.compile(Adam(0.02), loss="mse")
    ensemble = rv.Ensemble(made, size=8, kind="bagging")
    ensemble.fit(rows[:150], target[:150], epochs=150)
    alone = [member.evaluate(rows[150:], target[150:])["loss"] for member in ensemble.members]
    assert ensemble.evaluate(rows[150:], target[150:])["loss"] < 0.8 * np.mean(alone)


def test_a_member_that_diverges_is_an_error_and_the_others_are_trained():
    made = rv.Sequential([Dense(8, "relu"), Dense(8, "relu"), Dense(1)], random_state=0)
    made.compile(SGD(0.35), loss="mse")
    ensemble = rv.Ensemble(made, size=12)
    with pytest.raises(rv.DivergenceError):
        ensemble.fit(3 * X, SCORE, epochs=40, batch_size=8)
    lengths = [len(member.history.epoch) for member in ensemble.members]
    assert max(lengths) == 40
    assert all(np.isfinite(w).all() for member in ensemble.members for w in member.parameters.values())


def test_copies_and_templates():
    template = model()
    ensemble = rv.Ensemble(template, size=2)
    with pytest.raises(rv.NotFittedError, match="has no members yet: call fit"):
        ensemble.predict(X)
    ensemble.fit(X, SCORE, epochs=2)
    assert template.history is None
    with pytest.raises(rv.NotFittedError):
        template.predict(X)
    for other in (copy.deepcopy(ensemble), pickle.loads(pickle.dumps(ensemble))):
        np.testing.assert_array_equal(other.predict(X), ensemble.predict(X))
        assert repr(other) == repr(ensemble)
    ensemble.fit(X, SCORE, epochs=0)
    assert ensemble.predict(X).shape == (80, 1)


def trained(task="numbers", **settings):
    made = model(task, **settings)
    made.fit(X, TASKS[task][2], epochs=1)
    return made


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: rv.Ensemble(3), TypeError, "model must be a Sequential, got 3"),
        (lambda: rv.Ensemble(model(compiled=False)), ValueError, "model has no loss or no optimizer yet"),
        (lambda: rv.Ensemble(model(), size=0), ValueError, "size must be an int >= 1, got 0"),
        (lambda: rv.Ensemble(model(), size=True), ValueError, "size must be an int >= 1, got True"),
        (lambda: rv.Ensemble(model(), kind="boosting"), ValueError, "kind must be one of .* got 'boosting'"),
        (lambda: setattr(rv.Ensemble(model()), "size", 3), AttributeError, r"Ensemble\.size is fixed"),
        (lambda: rv.Ensemble(model()).members, rv.NotFittedError, "has no members yet: call fit"),
        (lambda: rv.Ensemble(model()).evaluate(X, SCORE), rv.NotFittedError, "has no members yet"),
        (lambda: rv.Ensemble(model()).average_weights(), rv.NotFittedError, "has no members yet"),
        (lambda: rv.Ensemble(model()).fit(X, SCORE, epochs=-1), ValueError, "epochs must be an int >= 0"),
        (lambda: rv.Ensemble(model()).fit(X, SCORE, batch_size=1.5), ValueError, "batch_size must be None or an int"),
        (lambda: rv.Ensemble(model()).fit(X, SCORE[:3]), ValueError, "inconsistent numbers of samples"),
        (lambda: rv.Ensemble.from_models([]), ValueError, "at least one Sequential"),
        (lambda: rv.Ensemble.from_models(trained()), TypeError, "models must be a list of Sequential"),
        (lambda: rv.Ensemble.from_models([3]), TypeError, "model must be a Sequential, got 3"),
        (lambda: rv.Ensemble.from_models([model()]), rv.NotFittedError, "not fitted yet"),
        (lambda: rv.Ensemble.from_models([trained(), trained("flags")]), ValueError, r"output_shape of models\[1\]"),
        (lambda: rv.Ensemble.from_models([trained(), trained("binary")]), ValueError, r"the head of models\[1\]"),
        (lambda: rv.Ensemble.from_models([trained(), trained(dtype="float64")]), ValueError, r"dtype of models\[1\]"),
    ],
)
def test_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()


@pytest.mark.parametrize("kind", ["independent", "bagging", "snapshot"])
def test_an_ensemble_comes_back_from_its_file(kind, tmp_path):
    X = np.random.default_rng(0).normal(size=(60, 3))
    labels = np.array(["cat", "dog", "eel"])[X.argmax(axis=1)]
    model = rv.Sequential([rv.layers.Dense(4, "tanh"), rv.layers.Dense(3)], random_state=4)
    model.compile("adam", "categorical_crossentropy", ["accuracy"])
    ours = rv.Ensemble(model, size=3, kind=kind)
    with pytest.raises(rv.NotFittedError, match="no members yet"):
        ours.save(tmp_path / "a.ravine")
    ours.fit(X, labels, epochs=6)
    ours.save(tmp_path / "a.ravine")
    theirs = rv.Ensemble.load(tmp_path / "a.ravine")
    assert (theirs.kind, theirs.size, len(theirs.members)) == (kind, 3, 3)
    assert theirs.predict_proba(X).tobytes() == ours.predict_proba(X).tobytes()
    assert theirs.predict_classes(X).tolist() == ours.predict_classes(X).tolist()
    for mine, other in zip(ours.members, theirs.members, strict=True):  # they train on alike
        mine.fit(X, labels)
        other.fit(X, labels)
        assert all(w.tobytes() == other.parameters[name].tobytes() for name, w in mine.parameters.items())


def test_files_of_one_and_of_several_are_told_apart(tmp_path):
    model = rv.Sequential([rv.layers.Dense(1)], random_state=0)
    model.compile(loss="mse")
    many = rv.Ensemble(model, size=2)
    many.fit([[1.0], [2.0]], [1.0, 2.0])
    many.save(tmp_path / "many.ravine")
    many.members[0].save(tmp_path / "one.ravine")
    with pytest.raises(rv.CheckpointMismatchError, match=r"one.ravine: it holds 'model'; ravine.load"):
        rv.Ensemble.load(tmp_path / "one.ravine")
    for call in (rv.load, many.members[0].load_weights):
        with pytest.raises(rv.CheckpointMismatchError, match=r"many.ravine: it holds .*Ensemble.load"):
            call(tmp_path / "many.ravine")
    content = bytearray((tmp_path / "many.ravine").read_bytes())
    for place in range(0, len(content), 7):
        content[place] ^= 4
        (tmp_path / "many.ravine").write_bytes(content)
        with pytest.raises(rv.CheckpointFormatError):
            rv.Ensemble.load(tmp_path / "many.ravine")
        content[place] ^= 4
