"""The process's floating-point mode, NaN, denormals, sizes that memory cannot hold."""

import ctypes
import os
import platform
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

import ravine as rv
from ravine.layers import Dense, Dropout, Input

RNG = np.random.default_rng(8)
X = RNG.normal(size=(300, 12)).astype(np.float32)
Y = np.sin(X).sum(axis=1)


def net(optimizer="adam", width=40, dropout=0.2, dtype="float32"):
    model = rv.Sequential(
        [Dense(width, "tanh", l2=1e-3), *([Dropout(dropout)] if dropout else []), Dense(1)], random_state=0, dtype=dtype
    )
    model.compile(optimizer, "mse")
    return model


# ------------------------------------------------------------------------------------------------------ its mode

NEAREST, FLUSHING, UPWARD = 0x1F80, 0x9FC0, 0x5F80


@pytest.fixture(scope="module")
def mode(tmp_path_factory):
    """Get and set the mode of this thread."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None or platform.machine() not in ("x86_64", "AMD64"):
        pytest.skip("the mode is asked with a C compiler, on x86-64")
    library = tmp_path_factory.mktemp("mode") / "mode.so"
    source = Path(__file__).with_name("floating_point_mode.c")
    subprocess.run([compiler, "-O1", "-shared", "-fPIC", "-o", str(library), str(source)], check=True, timeout=60)
    loaded = ctypes.CDLL(str(library))

    @contextmanager
    def within(chosen):
        loaded.set_mode(chosen)
        try:
            yield
            assert loaded.get_mode() == chosen
        finally:
            loaded.set_mode(NEAREST)

    return within


def parameters(model):
    return b"".join(w.tobytes() for w in model.parameters.values())


def fitted(n_threads, **options):
    model = net(**options)
    batch = None if options.get("optimizer") == "lbfgs" else 64
    model.fit(X, Y, epochs=3, batch_size=batch, n_threads=n_threads, verbose=0)
    return parameters(model)


def refused():
    with pytest.raises(ValueError, match="3 features"):
        MODEL.predict(X[:, :3])
    return b""


TINY = np.linspace(-4, 4, 41, dtype=np.float32) * np.float32(1e-38)
ACTIONS = {
    "fit": lambda: fitted(1),
    "fit on threads": lambda: fitted(3),
    "lbfgs": lambda: fitted(2, optimizer="lbfgs", dropout=0),
    "predict": lambda: MODEL.predict(X).tobytes(),
    "evaluate": lambda: repr(MODEL.evaluate(X, Y)).encode(),
    "many starts": lambda: repr(rv.MultiStart(net(), starts=3).fit(X, Y, epochs=2)).encode() and b"",
    "kernels": lambda: rv.kernels.scale(TINY, 0.25).tobytes() + rv.kernels.tanh(TINY).tobytes(),
    "products": lambda: rv.kernels.matmul(X, X, transpose_b=True).tobytes(),
    "a refused call": lambda: refused(),
}
MODEL = net()
MODEL.fit(X, Y, verbose=0)


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("chosen", [FLUSHING, UPWARD, NEAREST], ids=["flushing", "upward", "nearest"])
def test_the_mode_is_left_as_it_was_and_changes_no_bits(action, chosen, mode):
    expected = ACTIONS[action]()
    with mode(chosen):
        got = ACTIONS[action]()
    # NumPy and Python, which shape what goes in and out, follow the rounding themselves
    assert got == expected or (chosen == UPWARD and action in ("lbfgs", "evaluate"))


# ----------------------------------------------------------------------------------------------------------- NaN

ONE_TO_ONE = {
    **{name: lambda k, x, name=name: getattr(k, name)(x) for name in rv._core.baseline.names["elementary"]},
    "scale": lambda k, x: k.scale(x, 0.5),
    "add": lambda k, x: k.add(np.ones_like(x), x),
    "add_scaled": lambda k, x: (y := np.ones_like(x), k.add_scaled(y, x, 0.5))[0],
    "lerp": lambda k, x: (y := np.ones_like(x), k.lerp(y, x, 0.1))[0],
    "add_penalty_gradient": lambda k, x: (y := np.ones_like(x), k.add_penalty_gradient(y, x, l1=0.1, l2=0.1))[0],
    "pow": lambda k, x: k.pow(x, np.full_like(x, 1.5)),
    "clip": lambda k, x: k.clip(x, 2.0),
    "soft_threshold": lambda k, x: k.soft_threshold(x, 0.1),
    "gaussian_noise": lambda k, x: k.gaussian_noise(x, stddev=0.1, seed=1),
    "rotate": lambda k, x: (y := x.copy(), k.rotate(y, np.ones_like(x), 0.6, 0.8))[0],
    "sincospi": lambda k, x: k.sincospi(x)[0],
    **{
        rule: lambda k, x, rule=rule, slots=slots: (
            w := np.ones_like(x), getattr(k, rule)(w, np.zeros((slots, x.size), x.dtype), x)
        )[0]
        for rule, slots in rv._core.baseline.names["updates"].items()
    },
}  # fmt: skip
ALL_TO_ONE = ("sum_squares", "sum_abs", "squared_norm")
ISAS = [name for name in ("baseline", "avx2", "avx512") if hasattr(rv._core, name)]


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", ONE_TO_ONE)
def test_a_nan_comes_out_where_it_went_in(name, dtype, isa):
    kernels = getattr(rv._core, isa)
    for size in (*range(1, 36), 67):
        for at in range(size):
            x = np.full(size, 0.5, dtype)
            x[at] = np.nan
            assert np.flatnonzero(np.isnan(ONE_TO_ONE[name](kernels, x))).tolist() == [at]


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_nan_reaches_every_sum_and_product(dtype, isa):
    kernels = getattr(rv._core, isa)
    for size in (*range(1, 36), 67, 300):
        for at in range(size):
            x = np.full(size, 0.5, dtype)
            x[at] = np.nan
            assert all(np.isnan(getattr(kernels, name)(x)) for name in ALL_TO_ONE)
            assert np.isnan(kernels.dot(x, np.ones_like(x))) and np.isnan(kernels.dot(np.ones_like(x), x))
            columns = kernels.column_sums(np.stack([np.ones_like(x), x]))
            assert np.flatnonzero(np.isnan(columns)).tolist() == [at]
            assert np.isnan(kernels.matmul(x[None], np.ones((size, 3), dtype))).all()
            assert np.isnan(kernels.matmul(np.ones((3, size), dtype), x[:, None])).all()
            assert np.isnan(kernels.softmax(x)).all()


# ----------------------------------------------------------------------------------------------------- denormals


def seconds(call, repeats=5):
    best = np.inf
    for _ in range(repeats):
        begin = time.perf_counter()
        call()
        best = min(best, time.perf_counter() - begin)
    return best


@pytest.mark.slow
@pytest.mark.parametrize("width", [64, 512])
@pytest.mark.parametrize(("size", "weights"), [(1e-39, 1e-39), (1e-39, 1.0), (1.0, 1e-39)])
@pytest.mark.alone
def test_denormals_cost_at_most_half_as_much_again(size, weights, width):
    """Inputs, weights and gradients that are denormal, against ordinary ones."""

    def step(size, weights):
        model = rv.Sequential([Input(width), Dense(width, "relu"), Dense(width)], random_state=0)
        model.compile(rv.optimizers.SGD(1e-3), "mse")
        for w in model.parameters.values():
            w *= weights
        rows = np.abs(np.random.default_rng(0).normal(size=(2048, width)).astype(np.float32)) * np.float32(size)
        return lambda: model.fit(rows, rows, epochs=1, batch_size=128, n_threads=1, verbose=0)

    usual, denormal = step(1.0, 1.0), step(size, weights)
    ratios = [seconds(denormal, 3) / seconds(usual, 3) for _ in range(3)]
    assert min(ratios) <= 1.5, ratios


# --------------------------------------------------------------------------------------------------------- sizes


def layers(*units):
    return rv.Sequential([Input(units[0]), *map(Dense, units[1:])], random_state=0)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: layers(10**6, 10**6),
            MemoryError,
            r"4000\.0 GB: the weights .*dense/kernel with 1000000000000 numbers",
        ),
        (lambda: layers(10, 10**6, 10**6), MemoryError, r"the largest of which is dense_1/kernel with"),
        (lambda: layers(2**21, 2**20), ValueError, r"units of dense \(1048576\) by its inputs .* 2\^40 weights"),
        (lambda: layers(10, 2**62), ValueError, r"more than 2\^40 weights"),
        (lambda: rv.kernels.random_bits(2**34 + 1, seed=0), ValueError, r"at most 2\^34"),
    ],
)
@pytest.mark.alone
def test_what_cannot_fit_is_refused_before_memory_is_touched(call, error, message):
    begin = time.perf_counter()
    with pytest.raises(error, match=message):
        call()
    assert time.perf_counter() - begin < 0.5


# In a process that may have 3 GB of addresses.
LIMITED = """
import resource, sys
import numpy as np
import ravine as rv
resource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30))
model = rv.Sequential([rv.layers.Input(4), rv.layers.Dense(4000), rv.layers.Dense(4000), rv.layers.Dense(1)])
model.compile({optimizer!r}, "mse")
X = np.zeros((200_000, 4), np.float32)
try:
    model.fit(X, X[:, 0], batch_size={batch}, n_threads=1)
except MemoryError as error:
    print(error)
model.fit(X[:500], X[:500, 0], n_threads=1)
print("trains", np.isfinite(model.predict(X[:9])).all())
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs a limit of memory")
def test_an_allocation_that_the_system_refuses_names_the_layer():
    code = LIMITED.format(optimizer="sgd", batch=200_000)
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, env=environment)
    refused, trains = run.stdout.splitlines()
    assert refused.startswith("no memory for a block of ") and "200000 rows at a time, of which layer dense" in refused
    assert trains == "trains True", run.stderr


# Memory of any length that is the same 64 MB over and over.
class Tiled:
    """An array of `count` elements, longer than memory: one piece of it, mapped again and again."""

    PIECE = 1 << 26

    def __init__(self, count, dtype, value):
        libc = ctypes.CDLL(None, use_errno=True)
        libc.mmap.restype = ctypes.c_void_p
        libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
        libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
        pieces = -(-count * np.dtype(dtype).itemsize // self.PIECE)
        file = os.memfd_create("tiled")
        os.ftruncate(file, self.PIECE)
        self.length, self.libc = pieces * self.PIECE, libc
        self.address = libc.mmap(None, self.length, 0, 0x22 | 0x4000, -1, 0)  # private, anonymous, no reserve
        for i in range(pieces):
            place = self.address + i * self.PIECE
            assert libc.mmap(place, self.PIECE, 3, 0x11, file, 0) == place  # shared, fixed
        os.close(file)
        buffer = (ctypes.c_char * self.length).from_address(self.address)
        self.array = np.frombuffer(buffer, dtype, count)
        self.array[: self.PIECE // self.array.itemsize] = value

    def close(self):
        del self.array
        self.libc.munmap(self.address, self.length)


@pytest.fixture
def tiled():
    made = []

    def make(count, dtype, value):
        made.append(Tiled(count, dtype, value))
        return made[-1].array

    yield make
    for each in made:
        each.close()


LONG = 2**31 + 5


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "memfd_create"), reason="needs Linux' memfd")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
class TestMoreThanTwoToTheThirtyOne:
    """Arrays of 2^31 + 5 elements, which an int cannot count."""

    def test_sums(self, dtype, tiled):
        x = tiled(LONG, dtype, 0.5)
        assert rv.kernels.sum_abs(x) == LONG / 2
        assert rv.kernels.sum_squares(x) == LONG / 4
        assert rv.kernels.dot(x, x) == LONG / 4
        assert rv.kernels.squared_norm(x) == LONG / 4
        assert rv.kernels.all_finite(x)

    def test_the_last_element_is_seen(self, dtype, tiled):
        """It stands at the same place of the piece as others, so that only what comes after a whole sum tells."""
        x = tiled(LONG, dtype, 0.5)
        x[-1] = np.nan
        assert not rv.kernels.all_finite(x[-3:]) and np.isnan(rv.kernels.sum_abs(x[LONG - 3 :]))

    @pytest.mark.parametrize("name", ["relu", "tanh", "scale", "add", "dropout"])
    def test_maps(self, dtype, tiled, name):
        x, y = tiled(LONG, dtype, 0.5), tiled(LONG, dtype, -1.0)
        calls = {
            "relu": lambda out: rv.kernels.relu(x[: out.size], out=out),
            "tanh": lambda out: rv.kernels.tanh(x[: out.size], out=out),
            "scale": lambda out: rv.kernels.scale(x[: out.size], 3.0, out=out),
            "add": lambda out: rv.kernels.add(x[: out.size], x[: out.size], out=out),
            "dropout": lambda out: rv.kernels.dropout(x[: out.size], rate=0.0, seed=1, out=out),
        }
        calls[name](y)
        want = calls[name](np.empty(5, dtype))
        assert (y[: 1 << 20] == want[0]).all() and (y[-(1 << 20) :] == want[0]).all()

    def test_products(self, dtype, tiled):
        x, y = tiled(LONG, dtype, 0.5), tiled(LONG, dtype, -1.0)
        assert rv.kernels.matmul(x[None], x[:, None]).item() == dtype(LONG / 4)
        rv.kernels.matmul(x[:, None], np.full((1, 1), 4, dtype), out=y[:, None])
        assert (y[-(1 << 20) :] == 2).all()
        sums = rv.kernels.column_sums(x[: LONG // 5 * 5].reshape(-1, 5))
        assert np.array_equal(sums, np.full(5, LONG // 5 / 2)) or dtype is np.float32
