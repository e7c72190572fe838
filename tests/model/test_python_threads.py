"""Models in several Python threads at once: each its own, or all of them one."""

import threading

import numpy as np
import pytest

import ravine as rv

RNG = np.random.default_rng(6)
X = RNG.normal(size=(500, 10)).astype(np.float32)
Y = np.sin(X).sum(axis=1)


def make(kind, seed=0):
    layers = [rv.layers.Dense(48, "tanh"), rv.layers.Dropout(0.2), rv.layers.Dense(1)]
    if kind == "lbfgs":
        layers.pop(1)
    model = rv.Sequential(layers, random_state=seed)
    model.compile(kind, "mse")
    return model


def trained(kind, seed, n_threads):
    model = make(kind, seed)
    batch = None if kind == "lbfgs" else 100
    model.fit(X, Y, epochs=4, batch_size=batch, n_threads=n_threads, verbose=0)
    return bits(model), model.predict(X, n_threads=n_threads).tobytes()


def bits(model):
    return b"".join(w.tobytes() for w in model.parameters.values())


def at_once(*calls):
    """Call all at once, each in a thread; return what they gave, or the errors they raised."""
    results, together = [None] * len(calls), threading.Barrier(len(calls))

    def work(i):
        together.wait(60)
        try:
            results[i] = calls[i]()
        except Exception as error:
            results[i] = error

    threads = [threading.Thread(target=work, args=(i,)) for i in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    return results


@pytest.mark.parametrize("kind", ["adam", "lbfgs"])
@pytest.mark.parametrize("n_threads", [1, 3])
def test_models_of_their_own_get_the_right_bits(kind, n_threads):
    expected = [trained(kind, seed, 1) for seed in range(4)]
    for _ in range(5):
        calls = [lambda seed=seed: trained(kind, seed, n_threads) for seed in range(4)]
        assert at_once(*calls) == expected


def test_fits_of_one_model_follow_each_other():
    """None is lost or mixed: the weights are those of as many fits in a row."""
    apart, together = make("adam"), make("adam")
    for model in (apart, together):
        model.fit(X, Y, verbose=0)
    for _ in range(6):
        apart.fit(X, Y, n_threads=1, verbose=0)
    errors = at_once(*[lambda: together.fit(X, Y, n_threads=2, verbose=0) and None] * 6)
    assert errors == [None] * 6 and bits(together) == bits(apart)
    assert together.history.epoch == [6] and together._state.training.epoch == 7


def test_one_model_is_asked_while_it_trains():
    """What is predicted comes from weights between two fits, never from some in the midst of a step."""
    model, between = make("adam"), set()
    model.fit(X, Y, verbose=0)
    alone = make("adam")
    alone.fit(X, Y, verbose=0)
    for _ in range(6):
        between.add(alone.predict(X).tobytes())
        alone.fit(X, Y, verbose=0)
    between.add(alone.predict(X).tobytes())

    def fit():
        for _ in range(6):
            model.fit(X, Y, n_threads=2, verbose=0)

    def ask():
        return {model.predict(X, n_threads=2).tobytes() for _ in range(30)}

    first, *asked = at_once(fit, ask, ask)
    assert first is None and all(found <= between for found in asked)


@pytest.mark.parametrize("name", ["matmul", "tanh", "categorical_cross_entropy"])
def test_kernels_know_nothing_of_each_other(name):
    def call():
        if name == "matmul":
            return rv.kernels.matmul(X, X, transpose_b=True).tobytes()
        if name == "tanh":
            return rv.kernels.tanh(X).tobytes()
        return b"".join(part.tobytes() for part in rv.kernels.categorical_cross_entropy(X, np.zeros(500, np.int32)))

    expected = call()
    for _ in range(5):
        assert at_once(*[call] * 4) == [expected] * 4
