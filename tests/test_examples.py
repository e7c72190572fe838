"""The worked examples, and the claims that they show."""

import functools
import importlib.util
import inspect
import math
import re
from pathlib import Path

import numpy as np
import pytest

import ravine as rv

FOLDER = Path(__file__).resolve().parent.parent / "examples"


@functools.cache
def load(name):
    """Import one example by its file; what its functions find without arguments, `main` and the tests find once."""
    spec = importlib.util.spec_from_file_location(f"example_{name}", FOLDER / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for key, function in vars(module).copy().items():
        own = inspect.isfunction(function) and function.__module__ == module.__name__
        if own and key != "main" and not inspect.isgeneratorfunction(function):
            setattr(module, key, found_once(function))
    return module


def found_once(function):
    """The function, with its result kept where it takes no arguments."""
    kept = functools.cache(function)
    return functools.wraps(function)(lambda *given, **named: function(*given, **named) if given or named else kept())


# What a short run is of examples that train for long.
SHORT = {"fashion_mnist": ("no such folder",), "lenet_digits": (((1e-3, 1),),), "photographs": (20, 1)}


@pytest.mark.parametrize("name", sorted(path.stem for path in FOLDER.glob("*.py")))
def test_example_runs(name, capsys):
    load(name).main(*SHORT.get(name, ()))
    assert capsys.readouterr().out.strip()


@pytest.mark.parametrize("seed", range(5))
def test_xor_table_falls_at_every_step_and_is_learned(seed):
    example = load("xor_table")
    model, losses = example.train(seed)
    assert len(losses) == 1500
    assert (np.diff(losses) < 0).all()
    assert ((model.predict(example.X) > 0.5) == (example.y > 0.5)).all()


@pytest.mark.parametrize("activation", ["sigmoid", "step"])
@pytest.mark.parametrize("number", range(4))
def test_the_table_is_learned_without_gradients(number, activation):
    example = load("without_gradients")
    model, losses = example.train(example.SEARCHES[number], activation)
    assert (np.diff(losses) <= 0).all()
    assert model.evaluate(example.X, example.y)["accuracy"] == 1.0


@pytest.mark.parametrize("seed", range(5))
def test_line_fit_comes_to_least_squares(seed):
    example = load("line_fit")
    X, y = example.points(seed)
    assert (abs(y - X) <= 5).all() and y.min() >= 0 and y.max() <= 20 and (y == np.floor(y)).all()
    k, b, steps, _ = example.descend(X, y)
    assert steps < 50_000
    np.testing.assert_allclose((k, b), example.least_squares(X, y), rtol=0, atol=7e-5)


def test_line_fit_diverges_beyond_the_largest_rate():
    example = load("line_fit")
    X, y = example.points()
    # 2 over the largest eigenvalue of the matrix of second derivatives lies between the two rates
    features = np.hstack((X, np.ones_like(X)))
    largest = np.linalg.eigvalsh(features.T @ features / len(X)).max()
    assert 0.01 < 2 / largest < 0.0139
    assert not example.descend(X, y, learning_rate=0.0139)[3] < 1e12


def test_two_classes_get_a_line():
    example = load("two_classes")
    X, y = example.points()
    assert X.shape == (400, 2) and np.bincount(y).tolist() == [200, 200] and 0 < y[:20].sum() < 20
    model, w1, w2, b = example.train(X, y)
    assert model.evaluate(X, y)["accuracy"] >= 0.98
    assert np.array_equal(model.predict_classes(X).ravel(), (w1 * X[:, 0] + w2 * X[:, 1] + b > 0).astype(int))
    # the line passes between the centres
    assert (w1 * 1 + w2 * 3 + b) < 0 < (w1 * 4 + w2 * -1 + b)


@pytest.mark.parametrize("name", ["circle", "xor", "spiral"])
def test_line_fails_where_a_small_tanh_net_separates(name):
    example = load("point_sets")
    X, y = getattr(rv.datasets, name)(200)
    assert example.accuracy(X, y) < 0.75
    assert example.accuracy(X, y, **example.NETS[name]) >= 0.99


def test_clouds_need_no_hidden_layer():
    example = load("point_sets")
    X, y = rv.datasets.gaussian(200)
    assert example.accuracy(X, y) >= 0.99
    assert example.accuracy(X, y, **example.NETS["gaussian"]) >= 0.99


def test_circle_by_squares_and_by_three_sigmoid_units():
    example = load("point_sets")
    X, y = rv.datasets.circle(200)
    assert example.accuracy(X**2, y, learning_rate=0.1, epochs=49) >= 0.99
    assert example.accuracy(X, y, hidden=(3,), activation="sigmoid", learning_rate=0.1, epochs=200) >= 0.99


@pytest.mark.parametrize("learning_rate", [0.01, 0.1])
def test_no_features_rescue_a_line_on_the_spiral(learning_rate):
    example = load("point_sets")
    X, y = rv.datasets.spiral(200)
    assert example.accuracy(example.features(X), y, learning_rate=learning_rate, epochs=500) < 0.8


def test_linear_net_is_one_product_and_cannot_learn_xor():
    example = load("linear_or_not")
    model, losses = example.train("linear")
    weights, bias = example.collapsed(model)
    np.testing.assert_allclose(model.predict(example.X), example.X @ weights + bias, rtol=0, atol=1e-12)
    assert losses.min() >= math.log(2) - 1e-12
    assert losses[-1] == pytest.approx(math.log(2), abs=1e-3)


def test_tanh_net_learns_xor():
    example = load("linear_or_not")
    model, losses = example.train("tanh")
    assert model.evaluate(example.X, example.y)["accuracy"] == 1.0
    assert losses[-1] < 0.1


def test_digits_reach_97_percent():
    _, result = load("digits").train()
    assert result["accuracy"] >= 0.97


def test_schedules_calm_the_end_of_training():
    example = load("schedules")
    top = example.range_test().suggestion
    assert 0.1 < top < 5
    calm, constant = example.schedules(top), example.unrest(example.train(top)[0])
    for name in ("exponential", "polynomial", "piecewise", "cosine", "warm-up, cosine"):
        history, scores = example.train(calm[name])
        assert example.unrest(history) < constant / 2
        assert scores["accuracy"] >= 0.96


def test_2_2_1_net_without_bias_has_six_parameters():
    model = rv.Sequential(
        [rv.layers.Input(2), rv.layers.Dense(2, use_bias=False), rv.layers.Dense(1, use_bias=False)], random_state=0
    )
    assert sum(view.size for view in model.parameters.values()) == 6


def test_shifted_data_need_a_bias():
    X = np.linspace(-1.0, 1.0, 21)[:, None]
    y = X + 3.0

    def loss(use_bias):
        model = rv.Sequential([rv.layers.Dense(1, use_bias=use_bias)], dtype="float64", random_state=0)
        model.compile(optimizer=rv.optimizers.SGD(learning_rate=0.5), loss="mse")
        model.fit(X, y, epochs=200, batch_size=None, verbose=0)
        return model.evaluate(X, y)["loss"]

    assert loss(use_bias=True) < 1e-12
    assert loss(use_bias=False) == pytest.approx(9.0)


def test_valleys_curvature_saves_steps():
    example = load("valleys")
    results = {type(optimizer).__name__: example.descend(optimizer) for optimizer in example.OPTIMIZERS}
    for result in results.values():
        np.testing.assert_allclose(result.x, 1.0, atol=2e-3)
    assert max(results[name].nit for name in ("LBFGS", "BFGS", "Newton")) < 50 < 1000 < results["SGD"].nit
    assert example.roll(0.4, 0.0) == pytest.approx(3.837467, abs=2e-6)
    assert example.roll(0.05, 0.9) == pytest.approx(-1.306440, abs=2e-6)


def test_averages_denoise_a_cosine():
    example = load("denoise")
    clean, noisy = example.signal()
    raw = float(np.sqrt(((noisy - clean) ** 2).mean()))
    assert example.roughness(clean) < 0.01 < 0.5 < example.roughness(noisy)
    found = {(beta, corrected): figures for beta, corrected, *figures in example.rows()}
    errors, rough, lags, starts = ({key: row[i] for key, row in found.items()} for i in range(4))
    # a small b follows the noise, a larger one smooths, the largest lags behind by about b / (1 - b) points
    assert errors[0.9, True] < errors[0.5, True] < raw < 2 * errors[0.98, True]
    assert rough[0.98, True] < 0.1 * rough[0.5, True]
    assert lags[0.5, True] <= 3 < lags[0.9, True] <= 15 and 35 <= lags[0.98, True] <= 60
    for beta in example.BETAS:
        assert starts[beta, True] < starts[beta, False]
        assert errors[beta, True] < errors[beta, False]
    assert starts[0.98, False] > 0.8  # it begins near 0, where the cosine is 1
    averages = [rv.ewma(noisy, 0.98, bias_correction=corrected) for corrected in (False, True)]
    np.testing.assert_allclose(averages[0][0], 0.02 * averages[1][0], rtol=1e-12)
    np.testing.assert_allclose(averages[0][-1], averages[1][-1], rtol=1e-8)


def test_momentum_rolls_through_the_ravine():
    example = load("ravine_paths")
    paths = {name: example.descend(*settings) for name, settings in example.RUNS.items()}
    steps = {name: example.steps_to_the_bottom(path) for name, path in paths.items()}
    slow, fast, momentum, tuned, nesterov = (steps[name] for name in example.RUNS)
    # at the same rate momentum is five times as fast, and at each one's best rate too
    assert 5 * momentum < slow and 5 * tuned < fast < slow < 2000
    assert max(tuned, nesterov) < 100
    swings = [example.swings(paths[name]) for name in example.RUNS]
    assert swings[0] == 0 and swings[1] == 30 and swings[2] < 10 and swings[4] < 5
    # the wall's 50 sets the limit 2 / 50; each step along the floor, of curvature 1, is then no more than a 25th
    assert example.steps_to_the_bottom(example.descend(0.0399)) < 2000
    assert np.abs(example.descend(0.0401)[-1]).max() > 1e3


def test_what_helps_against_over_and_underfitting():
    example = load("over_and_underfitting")
    gaps = [test - train for train, test in example.learning_curve().values()]
    assert gaps == sorted(gaps, reverse=True) and gaps[0] > 0.1 > 0.02 > gaps[-1]
    curve = example.validation_curve()
    train, test = (np.array(values) for values in zip(*curve.values(), strict=True))
    assert (np.diff(train) > 0).all()  # a stronger penalty never fits better
    assert test.argmin() == 1 and test.min() < 0.75 * min(test[0], test[-1])
    overfitted = test[0]
    assert example.stopped_early()[1] < 0.75 * overfitted
    alone, together = example.bagged()
    assert together < 0.5 * np.median(alone)
    (line, found), (squares, cured) = example.features()
    assert squares < 0.1 * line
    assert [finding.name for finding in found] == ["underfitting"] and cured.healthy


def test_the_spread_over_first_weights_shrinks_with_width():
    example = load("over_and_underfitting")
    means, spreads = zip(*(example.spread(units) for units in example.WIDTHS[:3]), strict=True)
    assert means[0] > means[1] > means[2] - 1e-3
    assert spreads[0] > 10 * spreads[1] > 10 * spreads[2]


def test_many_models_show_what_they_say():
    example = load("many_models")
    balls = example.balls()
    assert balls.n_minima == 5
    assert balls.saved > 0.7
    many, starts = example.xor_starts()
    assert starts.n_minima <= 5
    assert starts.saved > 0.3
    assert many.best_model.predict_classes(example.CORNERS).tolist() == example.XOR.tolist()
    members, together = example.bagging()
    assert together < 0.95 * np.mean(members)
    alone, chained = example.turns()
    assert chained < 0.1 * alone
    last, mean = example.averages()
    assert mean < last


def test_restraints_shorten_weights_and_thresholds_make_zeros():
    example = load("restraints")
    results = {name: example.train(name) for name in example.RESTRAINTS}
    free, seen, unseen = results.pop("none")
    assert seen < 0.5 < 1.5 < unseen
    for w, seen_held, _ in results.values():
        assert np.linalg.norm(w) < np.linalg.norm(free)
        assert seen_held > seen
    assert np.linalg.norm(results["max-norm"][0]) == pytest.approx(2.0, rel=1e-6)
    for name in ("L1 by its gradient", "L1, proximal"):
        assert results[name][2] < 0.8 * unseen
    zero = results["L1, proximal"][0] == 0
    assert zero.sum() >= 20 and not zero[: example.MATTERING].any()
    assert not any((w == 0).any() for name, (w, *_) in results.items() if name != "L1, proximal")


def test_docstrings_are_told_apart_by_sparse_counts():
    pytest.importorskip("scipy.sparse")
    example = load("text_topics")
    X, y, X_test, y_test, texts = example.load()
    assert X.shape[1] == X_test.shape[1] == 2**16 and X.nnz < 0.003 * X.shape[0] * X.shape[1]
    assert len(texts) == len(y_test) > 250 and set(y) == set(range(len(example.TOPICS)))
    accuracy = example.train(X, y).evaluate(X_test, y_test)["accuracy"]
    assert accuracy >= 0.8 > 3 * np.bincount(y_test).max() / len(y_test)
    linear = pytest.importorskip("sklearn.svm").LinearSVC().fit(X, y)
    assert accuracy >= linear.score(X_test, y_test) - 0.01


def test_several_questions_are_answered_at_once():
    example = load("many_labels")
    model, X, right = example.train()
    said = model.predict_classes(X)
    assert said.shape == right.shape == (360, 5)
    assert ((said == right).mean(axis=0) >= 0.95).all()
    assert (said == right).all(axis=1).mean() >= 0.9
    network = pytest.importorskip("sklearn.neural_network")
    X_train, y_train, *_ = rv.datasets.digits()
    peer = network.MLPClassifier(64, max_iter=40, batch_size=32, learning_rate_init=2e-3, random_state=0)
    with pytest.warns(UserWarning, match="Maximum iterations"):
        peer.fit(X_train, example.answers(y_train))
    assert (said == right).all(axis=1).mean() >= peer.score(X, right) - 0.01


def test_lenet_reads_digits_better_for_being_shown_them_shifted():
    example = load("lenet_digits")
    ramp = np.broadcast_to(np.arange(8, dtype=np.float32)[:, np.newaxis], (2, 8, 8, 1))
    want = np.clip((np.arange(32) + 0.5) / 4 - 0.5, 0, 7)
    np.testing.assert_allclose(example.enlarge(ramp), np.broadcast_to(want[:, np.newaxis], (2, 32, 32, 1)), atol=1e-6)
    (_, still), (_, moved) = example.train(shifted=False), example.train()
    assert moved["accuracy"] >= 0.985
    assert moved["accuracy"] > still["accuracy"] > 0.95


def test_fashion_mnist_is_read_from_a_folder(tmp_path, capsys):
    """Files of the real ones' layout, with a stripe for each class in place of clothes."""

    def idx(values):
        header = bytes([0, 0, 8, values.ndim]) + np.array(values.shape, ">u4").tobytes()
        return header + values.astype(np.uint8).tobytes()

    for part, count in (("train", 400), ("t10k", 100)):
        label = np.arange(count) % 10
        images = np.random.default_rng(count).integers(0, 60, (count, 28, 28))
        for image, row in zip(images, label, strict=True):
            image[2 * row + 4 : 2 * row + 6] += 180
        (tmp_path / f"{part}-images-idx3-ubyte").write_bytes(idx(images))
        (tmp_path / f"{part}-labels-idx1-ubyte").write_bytes(idx(label))
    load("fashion_mnist").main(tmp_path, plan=((2e-3, 12),))
    printed = capsys.readouterr().out
    accuracies = [float(found) for found in re.findall(r"test accuracy ([0-9.]+) %", printed)]
    assert printed.startswith("dense: ") and len(accuracies) == 2 and min(accuracies) > 90


def test_convolutions_know_grass_from_gravel_where_a_dense_net_learns_by_heart(tmp_path):
    pytest.importorskip("skimage")
    example = load("photographs")
    example.write(tmp_path, 400)
    X, y = example.read(tmp_path, "test")
    assert X.shape == (400, 32, 32, 1) and y.tolist() == [0] * 200 + [1] * 200
    (_, by_dense), (_, by_convolution) = (
        example.train(net(), tmp_path, epochs=10) for net in (example.dense, example.convolutional)
    )
    assert by_convolution > 0.95 > 0.75 > by_dense
