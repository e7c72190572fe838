"""Many starts: each has the bits it has alone, those that come together are found, and the best is kept."""

import copy
import math
import pickle
import signal

import numpy as np
import pytest

import ravine as rv
from ravine.layers import Dense, Dropout, Input
from ravine.optimizers import LBFGS, SGD, Adam, Chain, Newton
from ravine.schedules import BoldDriver, CosineDecay
from ravine.training.fit import Fit

X = np.random.default_rng(8).normal(size=(90, 3))
Y = np.sin(X @ [1.0, -1.0, 0.5])
CORNERS = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
XOR = np.array([0, 1, 1, 0])
THREADS = [1, 2, 3, 8]


def model(optimizer="adam", *, loss="mse", layers=None, metrics=(), dtype="float32", seed=4):
    made = rv.Sequential(layers or [Dense(6, "tanh"), Dropout(0.1), Dense(1)], dtype=dtype, random_state=seed)
    made.compile(optimizer, loss=loss, metrics=metrics)
    return made


def assert_same(one, other):
    assert one.keys() == other.keys()
    for name, w in one.items():
        np.testing.assert_array_equal(w, other[name])


PLAIN = [Dense(6, "tanh"), Dense(1)]
# what is trained, epochs: in one run of the engine, then those that are trained one after the other
KINDS = [
    (lambda seed: model(seed=seed), 25),
    (lambda seed: model(seed=seed, metrics=["mae"], dtype="float64"), 12),
    (lambda seed: model(Adam(CosineDecay(0.05, 20)), seed=seed), 23),
    (lambda seed: model(seed=seed, layers=[Input(3), Dense(4, "relu", l2=1e-3), Dense(1)]), 10),
    (lambda seed: model(SGD(BoldDriver(0.05)), seed=seed), 15),
    (lambda seed: model(seed=seed, metrics=["r2"]), 11),
    (lambda seed: model(LBFGS(), seed=seed, layers=PLAIN), 12),
    (lambda seed: model(Chain([("adam", 7), ("lbfgs", None)]), seed=seed, layers=PLAIN), 15),
    (lambda seed: model(["adam", "sgd"], seed=seed), 24),
]


@pytest.mark.parametrize("n_threads", THREADS)
@pytest.mark.parametrize(("make", "epochs"), KINDS)
def test_each_start_is_the_model_trained_alone(make, epochs, n_threads):
    template = make(4)
    many = rv.MultiStart(template, starts=3, prune=False)
    starts = many.fit(X, Y, epochs=epochs, batch_size=30, n_threads=n_threads)
    for number, (started, history) in enumerate(zip(many.models, starts.histories, strict=True)):
        alone = make(4 + number)
        expected = alone.fit(X, Y, epochs=epochs, batch_size=30)
        assert started.random_state == 4 + number
        assert history.epoch == expected.epoch
        assert history.history == expected.history
        assert history.learning_rate == expected.learning_rate
        assert_same(started.parameters, alone.parameters)
        assert_same(started._state.network.optimizer_state(), alone._state.network.optimizer_state())
        assert starts.losses[number] == alone.evaluate(X, Y)["loss"]
    assert many.best_model is many.models[np.argmin(starts.losses)]
    assert many.best_model.history is starts.histories[starts.best]
    assert template.history is None
    assert template._state.training.epoch == 0


@pytest.mark.parametrize("check_every", [1, 4, 100])
def test_comparisons_change_nothing(check_every):
    bits = [
        rv.MultiStart(model(), starts=4, prune=prune, tolerance=0.0, check_every=every, random_state=9)
        for prune, every in ((False, 30), (True, check_every))
    ]
    records = [many.fit(X, Y, epochs=30) for many in bits]
    for one, other in zip(bits[0].models, bits[1].models, strict=True):
        assert_same(one.parameters, other.parameters)
    assert [h.history for h in records[0].histories] == [h.history for h in records[1].histories]
    assert bits[0].models[2].random_state == 11


@pytest.mark.parametrize("n_threads", THREADS)
def test_xor_has_few_minima_and_the_rest_is_saved(n_threads):
    """Two hidden units solve XOR, miss one corner (ln 2 / 2), or two; units swap order and signs."""
    template = model(Adam(0.05), loss="binary_crossentropy", layers=[Dense(2, "tanh"), Dense(1)], seed=0)
    fit = {"epochs": 400, "batch_size": None, "n_threads": n_threads}
    pruned, whole = rv.MultiStart(template), rv.MultiStart(template, prune=False)
    starts, all_of_them = pruned.fit(CORNERS, XOR, **fit), whole.fit(CORNERS, XOR, **fit)
    assert starts.n_minima <= 5
    assert len(starts.merged) >= 16 - 5
    assert starts.saved > 0.3
    assert all_of_them.saved == 0
    assert all_of_them.merged == {}
    assert starts.saved == sum(400 - starts.taken[i] for i in starts.merged) / (16 * 400)
    for number in range(16):
        if number in starts.merged:
            root = number
            while root in starts.merged:
                root = starts.merged[root]
            # a start that was stopped would have reached the minimum that the record names
            assert abs(all_of_them.losses[number] - all_of_them.losses[root]) < 0.01
            assert starts.minima[number] == starts.minima[root]
            assert starts.taken[number] < 400
        else:
            assert starts.taken[number] == 400
            assert_same(pruned.models[number].parameters, whole.models[number].parameters)
    assert starts.best not in starts.merged
    assert starts.losses[starts.best] < 0.01
    assert pruned.best_model.predict_classes(CORNERS).tolist() == XOR.tolist()


def test_the_same_starts_merge_on_any_number_of_threads():
    template = model(Adam(0.05), loss="binary_crossentropy", layers=[Dense(2, "tanh"), Dense(1)], seed=0)
    found = [rv.MultiStart(template).fit(CORNERS, XOR, epochs=300, batch_size=2, n_threads=n) for n in THREADS]
    assert found[0].merged
    for starts in found[1:]:
        assert starts.merged == found[0].merged
        assert starts.saved == found[0].saved
        for name in ("losses", "taken", "minima"):
            np.testing.assert_array_equal(getattr(starts, name), getattr(found[0], name))


def test_mirrored_starts_are_one_place():
    """Hidden units in another order and with other signs make the same outputs, to rounding."""
    many = rv.MultiStart(model(SGD(0.05), layers=[Input(3), Dense(4, "tanh"), Dense(1)]), starts=2, check_every=1)
    one, other = many.model, copy.deepcopy(many.model)
    order, signs = [2, 0, 3, 1], np.array([1, -1, -1, 1])
    other.parameters["dense/kernel"][...] = one.parameters["dense/kernel"][:, order] * signs
    other.parameters["dense_1/kernel"][...] = one.parameters["dense_1/kernel"][order] * signs[:, None]
    from ravine.ensembles.multi_start import _outputs
    from ravine.ensembles.starts import Merging
    from ravine.training.parallel import ParallelTraining, prepare

    members, merging = prepare([one, other], 9, X, Y), Merging(2, 1e-3)
    for _ in range(9):
        ParallelTraining(None, True, 2).train(members, 1)
        merging.check(_outputs(members, [0, 1], 1), lambda i: i)
        if merging.merged:
            break
    assert merging.merged == {1: 0}


def five_minima(x):
    """Minima near -12.3, -6.2, 0, 6.2 and 12.3 within (-15.7, 15.7)."""
    return -math.cos(x[0]) + x[0] ** 2 / 100


MINIMA = [-12.3184, -6.1599, 0.0, 6.1599, 12.3184]
CURVE = [
    (SGD(0.2), 200),
    (SGD(0.05, momentum=0.9), 300),
    (Adam(0.1), 300),
    (LBFGS(), 60),
    (Newton(), 60),
    (Chain([(Adam(0.1), 100), ("lbfgs", None)]), 200),
]


@pytest.mark.parametrize(("optimizer", "steps"), CURVE, ids=lambda value: type(value).__name__)
def test_a_curve_with_five_minima(optimizer, steps):
    starts = rv.MultiStart(optimizer, starts=40).minimize(five_minima, bounds=[(-15.7, 15.7)], steps=steps)
    assert starts.n_minima == 5
    assert starts.saved > 0.25
    ended = [i for i in range(40) if i not in starts.merged]
    ends = [float(starts.results[i].x[0]) for i in ended]
    for end in ends:
        assert min(abs(end - minimum) for minimum in MINIMA) < 2e-2
    assert {starts.minima[i] for i in ended} == set(range(5))
    best = starts.results[starts.best]
    assert best.fun == pytest.approx(-1.0, abs=1e-4)
    assert starts.losses[starts.best] == best.fun == min(starts.losses)
    for number, result in enumerate(starts.results):
        if number in starts.merged:
            assert result.message == f"reached the same minimum as start {starts.merged[number]}"
    whole = rv.MultiStart(optimizer, starts=40, prune=False)
    unpruned = whole.minimize(five_minima, bounds=[(-15.7, 15.7)], steps=steps)
    assert unpruned.n_minima == 5
    np.testing.assert_array_equal(unpruned.minima, starts.minima)
    assert sum(r.nfev for r in starts.results) < 0.7 * sum(r.nfev for r in unpruned.results)
    assert 1 - starts.taken.sum() / unpruned.taken.sum() >= starts.saved - 0.02


def test_the_old_names_of_minima_warn():
    starts = rv.MultiStart(SGD(0.1), starts=3).minimize(lambda x: x[0] ** 2, bounds=[(-1, 1)], steps=50)
    with pytest.warns(DeprecationWarning, match=r"^Starts\.places is deprecated, use Starts\.minima$"):
        assert starts.places is starts.minima
    with pytest.warns(DeprecationWarning, match=r"^Starts\.n_places is deprecated, use Starts\.n_minima$"):
        assert starts.n_places == starts.n_minima == 1


@pytest.mark.parametrize("prune", [True, False])
def test_a_point_goes_the_way_it_goes_alone(prune):
    x0 = np.linspace(-3, 3, 5)[:, None, None] * np.ones((5, 2, 2))
    many = rv.MultiStart(SGD(0.1), starts=5, prune=prune, check_every=7)
    starts = many.minimize(lambda x: np.cos(x).sum() + (x**2).sum() / 10, x0, steps=50, tolerance=1e-7)
    for number, result in enumerate(starts.results):
        alone = SGD(0.1).minimize(
            lambda x: np.cos(x).sum() + (x**2).sum() / 10, x0[number], steps=result.nit, tolerance=1e-7
        )
        np.testing.assert_array_equal(result.x, alone.x)
        assert result.x.shape == (2, 2)
        assert (result.fun, result.nit) == (alone.fun, alone.nit)


def test_starting_points_are_uniform_and_follow_the_seed():
    def points(seed, starts=500):
        many = rv.MultiStart(SGD(), starts=starts, random_state=seed, prune=False)
        found = many.minimize(lambda x: 0.0, bounds=[(0, 1), (10, 14)], steps=0, jac=lambda x: np.zeros(2))
        return np.array([result.x for result in found.results])

    drawn = points(3)
    np.testing.assert_array_equal(drawn[:20], points(3, 20))
    assert not np.array_equal(drawn[:20], points(4, 20))
    np.testing.assert_allclose((drawn - [0, 10]).mean(axis=0) / [1, 4], 0.5, atol=0.05)
    assert ((drawn >= [0, 10]) & (drawn < [1, 14])).all()


def test_points_beside_a_maximum_do_not_merge():
    """Near together, but on the two sides of a watershed: the distance grows."""
    starts = rv.MultiStart(SGD(0.05), starts=2, check_every=1).minimize(
        lambda x: math.cos(x[0]), [[-0.02], [0.02]], steps=200, bounds=(-5, 5)
    )
    assert starts.merged == {}
    assert starts.n_minima == 2


def test_a_start_that_diverges_is_left_behind():
    huge = lambda x: float("inf") if x[0] > 3 else (x[0] - 1) ** 2  # noqa: E731
    starts = rv.MultiStart(SGD(0.1), starts=3).minimize(huge, [[0.0], [5.0], [0.5]], steps=100)
    assert starts.diverged == (1,)
    assert starts.minima.tolist() == [0, -1, 0]
    assert starts.best != 1
    rate = 0.35  # some starts of this net diverge, others do not
    template = model(SGD(rate), layers=[Dense(8, "relu", kernel_initializer="he_normal"), Dense(8, "relu"), Dense(1)])
    many = rv.MultiStart(template, starts=12, prune=False)
    starts = many.fit(3 * X, Y, epochs=40, batch_size=8)
    assert 0 < len(starts.diverged) < 12
    assert np.isnan(starts.losses[list(starts.diverged)]).all()
    assert (starts.minima[list(starts.diverged)] == -1).all()
    assert starts.losses[starts.best] == np.nanmin(starts.losses)
    for number in starts.diverged:
        assert all(np.isfinite(w).all() for w in many.models[number].parameters.values())
        assert not math.isfinite(starts.histories[number].history["loss"][-1])


def test_all_diverge():
    with pytest.raises(rv.DivergenceError, match="learning_rate=1e\\+06"):
        rv.MultiStart(model(SGD(1e6), layers=[Dense(1)]), starts=3).fit(X, Y, epochs=300, batch_size=8)


def test_validation_data_choose_the_best():
    many = rv.MultiStart(model(Adam(0.05)), starts=5, prune=False)
    starts = many.fit(X[:20], Y[:20], epochs=60, validation_data=(X[20:], Y[20:]))
    held = [started.evaluate(X[20:], Y[20:])["loss"] for started in many.models]
    assert starts.best == np.argmin(held)


def test_weights_and_labels_go_to_every_start():
    labels = np.where(Y > 0, "up", "down")
    template = model(loss="binary_crossentropy", metrics=["accuracy"])
    many = rv.MultiStart(template, starts=2, prune=False)
    weight = np.arange(90.0)
    many.fit(X, labels, epochs=3, sample_weight=weight, class_weight="balanced")
    for number, started in enumerate(many.models):
        alone = model(loss="binary_crossentropy", metrics=["accuracy"], seed=4 + number)
        alone.fit(X, labels, epochs=3, sample_weight=weight, class_weight="balanced")
        assert_same(started.parameters, alone.parameters)
        assert started.classes_.tolist() == ["down", "up"]
        assert set(started.predict_classes(X)) <= {"up", "down"}


@pytest.mark.parametrize("place", ["__init__", "begin"])
def test_an_interrupt_between_two_pieces_keeps_what_was_told(monkeypatch, place):
    many, calls = rv.MultiStart(model(), starts=3, check_every=2), []
    method = getattr(Fit, place)

    def interrupted(*arguments):
        method(*arguments)
        calls.append(None)
        if len(calls) == 8:  # the second start's third piece
            raise KeyboardInterrupt

    monkeypatch.setattr(Fit, place, interrupted)
    with pytest.raises(KeyboardInterrupt):
        many.fit(X, Y, epochs=10)
    assert [each.history.epoch for each in many.models] == [list(range(4))] * 3
    assert many.best_model in many.models
    many.best_model.fit(X, Y)


@pytest.mark.timeout(method="thread")  # the alarm is the test's own
def test_ctrl_c_keeps_the_starts():
    many = rv.MultiStart(model(), starts=4)

    def interrupt(*_):
        raise KeyboardInterrupt

    previous = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.3)
    try:
        with pytest.raises(KeyboardInterrupt):
            many.fit(X, Y, epochs=10**7)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
    assert many.best_model in many.models
    assert len(many.best_model.history.epoch) > 0
    assert many.best_model.fit(X, Y, epochs=1).epoch == [many.best_model._state.training.epoch - 1]


@pytest.mark.timeout(method="thread")  # the alarm is the test's own
def test_a_signal_handler_cannot_use_a_start_in_mid_run():
    many, errors = rv.MultiStart(model(), starts=3, check_every=10**7), []

    def handler(*_):
        for call in (lambda: many.models[1].fit(X, Y), lambda: many.models[2].predict(X), lambda: many.best_model):
            try:
                call()
            except (RuntimeError, rv.NotFittedError) as error:
                errors.append(str(error))
        raise KeyboardInterrupt

    previous = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    try:
        with pytest.raises(KeyboardInterrupt):
            many.fit(X, Y, epochs=10**7)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
    assert len(errors) == 3
    assert "in the middle of a call" in errors[0]
    assert "in the middle of a call" in errors[1]
    assert "no best_model yet" in errors[2]


class Frame:
    """As much of a data frame as is looked at."""

    def __init__(self, columns):
        self.columns = columns

    def __array__(self, dtype=None, copy=None):
        return np.array(X, dtype)


def test_feature_names_go_to_every_start():
    many = rv.MultiStart(model(), starts=2)
    many.fit(Frame(["a", "b", "c"]), Y, epochs=2)
    for started in many.models:
        with pytest.raises(ValueError, match="feature names should match"):
            started.predict(Frame(["z", "b", "c"]))


def test_rows_of_two_dimensions_go_to_every_start():
    pictures = X[:60].reshape(20, 3, 3)
    many = rv.MultiStart(model(layers=[rv.layers.Flatten(), Dense(1)]), starts=2, prune=False)
    many.fit(pictures, Y[:20], epochs=2)
    alone = model(layers=[rv.layers.Flatten(), Dense(1)], seed=5)
    alone.fit(pictures, Y[:20], epochs=2)
    assert_same(many.models[1].parameters, alone.parameters)


def test_a_trained_template_and_copies():
    template = model()
    template.fit(X, Y, epochs=3)
    many = rv.MultiStart(template, starts=2, prune=False)
    before = {name: w.copy() for name, w in template.parameters.items()}
    many.fit(X, Y, epochs=2)
    assert_same(template.parameters, before)
    alone = model()
    alone.fit(X, Y, epochs=2)
    assert_same(many.models[0].parameters, alone.parameters)
    other = pickle.loads(pickle.dumps(many))
    assert_same(other.best_model.parameters, many.best_model.parameters)
    assert repr(other) == repr(many)
    assert many.fit(X, Y, epochs=0).taken.tolist() == [0, 0]


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: rv.MultiStart(3), TypeError, "model must be a Sequential, got 3"),
        (lambda: rv.MultiStart(rv.Sequential([Dense(1)])), ValueError, "model has no loss or no optimizer yet"),
        (lambda: rv.MultiStart(model(), starts=0), ValueError, "starts must be an int >= 1, got 0"),
        (lambda: rv.MultiStart(model(), starts=2.0), ValueError, "starts must be an int >= 1, got 2.0"),
        (lambda: rv.MultiStart(model(), prune=1), TypeError, "prune must be True or False, got 1"),
        (lambda: rv.MultiStart(model(), tolerance=-1), ValueError, "tolerance must be a number in"),
        (lambda: rv.MultiStart(model(), tolerance=math.nan), ValueError, "tolerance must be a number in"),
        (lambda: rv.MultiStart(model(), check_every=0), ValueError, "check_every must be an int >= 1, got 0"),
        (lambda: rv.MultiStart(model(), random_state=-1), ValueError, "random_state must be"),
        (lambda: setattr(rv.MultiStart(model()), "starts", 3), AttributeError, r"MultiStart\.starts is fixed"),
        (lambda: rv.MultiStart(model()).best_model, rv.NotFittedError, "has no best_model yet: call fit"),
        (lambda: rv.MultiStart(SGD()).fit(X, Y), TypeError, "fit needs a Sequential.*call minimize"),
        (lambda: rv.MultiStart(model()).minimize(sum, steps=1), TypeError, "minimize needs an Optimizer.*call fit"),
        (lambda: rv.MultiStart(model()).fit(X, Y, epochs=-1), ValueError, "epochs must be an int >= 0, got -1"),
        (lambda: rv.MultiStart(model()).fit(X, Y, batch_size=0), ValueError, "batch_size must be None or an int >= 1"),
        (lambda: rv.MultiStart(model()).fit(X, Y, shuffle=1), TypeError, "shuffle must be True or False"),
        (lambda: rv.MultiStart(model()).fit(X, Y, n_threads=0), ValueError, "n_threads must be an int"),
        (lambda: rv.MultiStart(model()).fit(X, Y[:-1]), ValueError, "inconsistent numbers of samples"),
        (lambda: rv.MultiStart(model()).fit(X, Y, validation_data=X), ValueError, "validation_data must be"),
        (lambda: rv.MultiStart(SGD()).minimize(3, bounds=(0, 1), steps=1), TypeError, "fun must be a function"),
        (lambda: rv.MultiStart(SGD()).minimize(sum, steps=1), ValueError, "bounds must hold a finite .* got None"),
        (lambda: rv.MultiStart(SGD()).minimize(sum, bounds=[(0, None)], steps=1), ValueError, "must hold a finite"),
        (lambda: rv.MultiStart(SGD()).minimize(sum, bounds=[(0, math.inf)], steps=1), ValueError, "must hold a finite"),
        (lambda: rv.MultiStart(SGD()).minimize(sum, bounds=[(True, 2)], steps=1), ValueError, "must hold a finite"),
        (lambda: rv.MultiStart(SGD()).minimize(sum, bounds=[(2, 1)], steps=1), ValueError, "low <= high"),
        (lambda: rv.MultiStart(SGD()).minimize(sum, [[1.0]], steps=1), ValueError, "a point for each of 16 starts"),
        (lambda: rv.MultiStart(SGD(), starts=2).minimize(sum, [1.0, math.nan], steps=1), ValueError, "x0 contains NaN"),
        (lambda: rv.MultiStart(SGD()).minimize(sum, bounds=(0, 1), steps=-1), ValueError, "steps must be an int >= 0"),
    ],
)  # fmt: skip
def test_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()
