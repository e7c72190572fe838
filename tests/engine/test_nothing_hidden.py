"""What a run may not do unseen: allocate or call Python inside a step, or take more memory than it needs."""

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
CASES = {
    "by rows": ("(20,), Dense(64, 'tanh'), Dropout(0.3), Dense(10)", "adam", 640),
    "by outputs": ("(300,), Dense(512, 'relu', l2=1e-3), Dense(256), Dense(10)", "rmsprop", 256),
    "one batch": ("(4,), Dense(32, 'silu'), Dense(10, 'softmax')", "adadelta", 1 << 20),
    "learnt draws by rows": ("(20,), Dense(64, 'tanh'), Dropout(0.3), Dense(10)", "adam sampled", 640),
    "learnt draws by outputs": ("(300,), Dense(512, 'relu'), Dense(256), Dense(10)", "sgd sampled", 256),
}
SETUP = """
import ctypes, sys
import numpy as np
import ravine as rv
from ravine.layers import Dense, Dropout, Input
layers, optimizer, batch, threads = sys.argv[1:]
optimizer, _, sampled = optimizer.partition(" ")
inputs, layers = eval(f"Input({layers.split('),')[0]})), [{layers.split('),', 1)[1]}]")
rng = np.random.default_rng(0)
X, y = rng.standard_normal((1500, *inputs.shape), np.float32), rng.integers(0, 10, 1500, np.int32)
model = rv.Sequential([inputs, *layers], random_state=0)
model.compile(optimizer, "categorical_crossentropy")
network = model._state.network
sampler = sampled and rv._core.SamplerFloat32.draws(
    y, None, None, strata=10, seed=0, learning_rate=0.1, uniform=0.1)
def train(epochs):
    network.train(X, y, None, batch_size=int(batch), first_epoch=0, epochs=epochs, shuffle_seed=0,
                  rates=np.array([1e-3]), n_threads=int(threads), sampler=sampler or None)
train(2)
"""
ALLOCATIONS = """
count = ctypes.c_ulong.in_dll(ctypes.CDLL(None), "allocations")
def allocations(epochs):
    before = count.value
    train(epochs)
    return count.value - before
allocations(2), allocations(20)  # NumPy keeps small arrays' memory
print(allocations(2), allocations(20))
"""
CALLS = """
def calls(epochs):
    events = []
    sys.setprofile(lambda frame, event, argument: events.append(event))
    train(epochs)
    sys.setprofile(None)
    return len(events)
print(calls(2), calls(20))
"""


def output(script: str, *arguments: str, **environment: str) -> str:
    command = [sys.executable, "-c", script, *arguments]
    done = subprocess.run(
        command, env={**os.environ, **environment}, check=True, capture_output=True, text=True, timeout=100
    )
    return done.stdout


@pytest.fixture(scope="module")
def counter(tmp_path_factory):
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None or platform.libc_ver()[0] != "glibc":
        pytest.skip("counting allocations takes a C compiler and glibc")
    library = tmp_path_factory.mktemp("counter") / "count_allocations.so"
    source = HERE / "count_allocations.c"
    subprocess.run([compiler, "-O1", "-shared", "-fPIC", "-o", str(library), str(source)], check=True, timeout=60)
    return str(library)


@pytest.mark.parametrize("threads", ["1", "2"])
@pytest.mark.parametrize("case", CASES)
def test_a_step_allocates_nothing(counter, case, threads):
    layers, optimizer, batch = CASES[case]
    few, many = output(SETUP + ALLOCATIONS, layers, optimizer, str(batch), threads, LD_PRELOAD=counter).split()
    assert 0 < int(few) == int(many)


@pytest.mark.parametrize("case", CASES)
def test_a_step_calls_no_python(case):
    layers, optimizer, batch = CASES[case]
    few, many = output(SETUP + CALLS, layers, optimizer, str(batch), "1").split()
    assert 0 < int(few) == int(many)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads the peak from /proc")
def test_memory_is_what_the_run_holds():
    """Within 1.2 times data, parameters, gradients, state, activations and slice buffers."""
    script = """
import numpy as np
import ravine as rv
def status(name):
    line = next(line for line in open("/proc/self/status") if line.startswith(name))
    return 1024 * int(line.split()[1])
rows, inputs, units, batch = 40_000, 784, 1024, 512
X, y = np.full((rows, inputs), 0.5, np.float32), np.zeros(rows, np.int32)
def fit(rows):
    model = rv.Sequential([rv.layers.Input(inputs), rv.layers.Dense(units, "relu"), rv.layers.Dense(10)])
    model.compile("adam", "categorical_crossentropy")
    model.fit(X[:rows], y[:rows], batch_size=batch, n_threads=2, verbose=0)
small = rv.Sequential([rv.layers.Input(inputs), rv.layers.Dense(10)])
small.compile("adam", "categorical_crossentropy")
small.fit(X[:64], y[:64], n_threads=2, verbose=0)
before = status("VmRSS")
fit(rows)
taken = status("VmHWM") - before
parameters = 4 * (inputs * units + units + units * 10 + 10)
activations = 2 * 4 * batch * (inputs + units + 10)
print(taken, 4 * parameters + activations, X.nbytes + y.nbytes)
"""
    taken, held, data = map(int, output(script).split())
    assert taken < 1.2 * (held + data) - data
