"""The worked examples, and the claims that they show."""

import importlib.util
import math
from pathlib import Path

import numpy as np
import pytest

import ravine as rv

FOLDER = Path(__file__).resolve().parent.parent / "examples"


def load(name):
    """Import one example by its file."""
    spec = importlib.util.spec_from_file_location(f"example_{name}", FOLDER / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", sorted(path.stem for path in FOLDER.glob("*.py")))
def test_example_runs(name, capsys):
    load(name).main()
    assert capsys.readouterr().out.strip()


@pytest.mark.parametrize("seed", range(5))
def test_xor_table_falls_at_every_step_and_is_learned(seed):
    example = load("xor_table")
    model, losses = example.train(seed)
    assert len(losses) == 1500
    assert (np.diff(losses) < 0).all()
    assert ((model.predict(example.X) > 0.5) == (example.y > 0.5)).all()


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


def test_many_models_show_what_they_say():
    example = load("many_models")
    balls = example.balls()
    assert balls.n_places == 5
    assert balls.saved > 0.7
    many, starts = example.xor_starts()
    assert starts.n_places <= 5
    assert starts.saved > 0.3
    assert many.best_model.predict_classes(example.CORNERS).tolist() == example.XOR.tolist()
    members, together = example.bagging()
    assert together < 0.95 * np.mean(members)
    alone, chained = example.turns()
    assert chained < 0.1 * alone
    last, mean = example.averages()
    assert mean < last
