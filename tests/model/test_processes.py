"""Processes that use models: forked before, in the midst of and after use, nested, many, from threads, and spawned."""

import multiprocessing
import os
import signal
import subprocess
import sys
import threading

import numpy as np
import pytest

import ravine as rv
from paths import TESTS

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork"),
    pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning"),
]

RNG = np.random.default_rng(5)
X = RNG.normal(size=(600, 20)).astype(np.float32)
Y = np.sin(X).sum(axis=1)


def make(seed=0):
    model = rv.Sequential([rv.layers.Dense(64, "relu"), rv.layers.Dropout(0.2), rv.layers.Dense(1)], random_state=seed)
    model.compile("adam", "mse")
    return model


def bits(model):
    return b"".join(w.tobytes() for w in model.parameters.values())


def trained(seed=0, n_threads=3):
    model = make(seed)
    model.fit(X, Y, epochs=2, batch_size=200, n_threads=n_threads, verbose=0)
    return bits(model)


@pytest.fixture(scope="module")
def expected():
    return [trained(seed, n_threads=1) for seed in range(4)]


def in_child(action):
    """Fork; return how the child, which does action() and asserts, has ended."""
    child = os.fork()
    if child == 0:
        status = 1
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(100)  # it ends before the test's own limit
        try:
            action()
            status = 0
        except BaseException as error:
            os.write(2, f"{error!r}\n".encode())
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_fifty_forks_after_use_train_to_the_same_bits(expected):
    def train():
        assert trained(1) == expected[1]

    for _ in range(50):
        assert in_child(train) == 0
    assert trained() == expected[0]


def test_forks_of_forks(expected):
    def nested(depth):
        assert trained(depth) == expected[depth]
        if depth < 3:
            assert in_child(lambda: nested(depth + 1)) == 0
        assert trained(depth) == expected[depth]

    nested(0)


def test_a_fork_from_a_thread_while_others_train(expected):
    ended, statuses, wrong = threading.Event(), [], []

    def keep_training():
        while not ended.is_set():
            if trained(2) != expected[2]:
                wrong.append(2)

    def train():
        assert trained(1) == expected[1]

    def fork():
        statuses.extend(in_child(train) for _ in range(10))

    trainers = [threading.Thread(target=keep_training) for _ in range(2)]
    forker = threading.Thread(target=fork)
    for thread in (*trainers, forker):
        thread.start()
    forker.join(60)
    ended.set()
    for thread in trainers:
        thread.join(60)
    assert statuses == [0] * 10 and not wrong


def test_a_model_goes_on_in_a_child_as_in_its_parent():
    model = make()
    model.fit(X, Y, epochs=1, verbose=0)
    here, there = os.pipe()

    def go_on():
        model.fit(X, Y, epochs=1, n_threads=3, verbose=0)
        os.write(there, bits(model))

    assert in_child(go_on) == 0
    model.fit(X, Y, epochs=1, n_threads=2, verbose=0)
    os.close(there)
    with os.fdopen(here, "rb") as file:
        assert file.read() == bits(model)


# Spawned children import the main module, so that this is a script of its own.
POOL = """
import multiprocessing, sys
sys.path[:0] = {folders!r}
import test_processes as t
def go_on(model):
    model.fit(t.X, t.Y, epochs=1, n_threads=3, verbose=0)
    return t.bits(model)
if __name__ == "__main__":
    t.trained()
    models = [t.make(seed) for seed in range(4)]
    for model in models:
        model.fit(t.X, t.Y, epochs=1, verbose=0)
    with multiprocessing.get_context({method!r}).Pool(2) as pool:
        found = pool.map(go_on, models)
    assert found == [go_on(model) for model in models]
    print("same")
"""


@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
def test_pools_train_models_that_are_sent_to_them(method, tmp_path):
    script = tmp_path / "pool.py"
    script.write_text(POOL.format(folders=[str(TESTS), os.path.dirname(__file__)], method=method))
    run = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", str(script)], capture_output=True, text=True, timeout=120
    )
    assert (run.returncode, run.stdout) == (0, "same\n"), run.stderr
