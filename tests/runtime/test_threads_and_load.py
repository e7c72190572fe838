"""Default threads, loading of the compiled module, configuration, import."""

import json
import math
import os
import subprocess
import sys
import threading

import numpy as np
import pytest

import ravine as rv
from ravine.runtime import threads as _threads
from ravine.startup import compiled as _load


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    """Forget what was found and chosen, before and after."""
    for variable in ("RAVINE_NUM_THREADS", "OMP_NUM_THREADS"):
        monkeypatch.delenv(variable, raising=False)
    rv.set_num_threads(None)
    yield
    rv.set_num_threads(None)


@pytest.mark.parametrize(
    ("ravine", "omp", "expected"),
    [
        ("3", None, 3),
        (None, "5", 5),
        ("3", "5", 3),
        (None, "4,2", 4),
        (" 2 ", None, 2),
        ("", "7", 7),
        (None, "1024", 1024),
    ],
)
def test_environment(monkeypatch, ravine, omp, expected):
    for name, value in (("RAVINE_NUM_THREADS", ravine), ("OMP_NUM_THREADS", omp)):
        if value is not None:
            monkeypatch.setenv(name, value)
    assert rv.get_num_threads() == expected


@pytest.mark.parametrize("variable", ["RAVINE_NUM_THREADS", "OMP_NUM_THREADS"])
@pytest.mark.parametrize("value", ["0", "-1", "two", "1.5", "1025"])
def test_a_bad_value_is_named_once(monkeypatch, variable, value):
    monkeypatch.setenv(variable, value)
    with pytest.warns(UserWarning, match=f"{variable}='{value}' is ignored") as warned:
        first = rv.get_num_threads()
        assert rv.get_num_threads() == first == _threads.from_machine()
    assert len(warned) == 1


def test_a_process_warns_once_of_a_bad_value():
    code = """
import numpy as np, ravine as rv
model = rv.Sequential([rv.layers.Input(2), rv.layers.Dense(1)])
model.compile(loss="mse")
for _ in range(3):
    model.fit(np.ones((4, 2)), np.ones(4))
    model.predict(np.ones((4, 2)))
"""
    done = run(code, OMP_NUM_THREADS="many", PYTHONWARNINGS="always")
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("OMP_NUM_THREADS='many' is ignored: it must be an int in [1, 1024]") == 1


def test_threadpoolctl_sees_and_limits_the_threads():
    threadpoolctl = pytest.importorskip("threadpoolctl")
    path = os.path.realpath(rv.show_config("dicts")["openmp_path"])
    pools = [pool for pool in threadpoolctl.threadpool_info() if os.path.realpath(pool["filepath"]) == path]
    assert len(pools) == 1 and pools[0]["user_api"] == "openmp"
    rv.set_num_threads(3)
    found = []
    with threadpoolctl.threadpool_limits(limits=1, user_api="openmp"):
        elsewhere = threading.Thread(target=lambda: found.append(rv.get_num_threads()))
        elsewhere.start()
        elsewhere.join(60)
        found.append(rv.get_num_threads())
    assert [*found, rv.get_num_threads()] == [3, 1, 3]


# Steps of ravine's between work of others, whose threads must neither crash it nor keep its own from running. Alone it
# pauses as long as the others work: either way the caches are cold and the core asleep when fit begins, which alone
# makes the first of its 64 steps several times slower.
BESIDE = """
import sys, time
for name in sys.argv[1].split():
    __import__(name)
import numpy as np
import ravine as rv
X = np.random.default_rng(0).normal(size=(256, 64)).astype(np.float32)
model = rv.Sequential([rv.layers.Dense(128, "relu"), rv.layers.Dense(1)], random_state=0)
model.compile("adam", "mse")
def others():
    if "torch" in sys.modules:
        a = sys.modules["torch"].ones(300, 300)
        a @ a
    if "sklearn" in sys.modules:
        from sklearn.ensemble import HistGradientBoostingRegressor
        HistGradientBoostingRegressor(max_iter=2).fit(X, X[:, 0])
    else:
        time.sleep(0.01)
times = []
for _ in range(15):
    others()
    begin = time.perf_counter()
    model.fit(X, X[:, 0], batch_size=64, epochs=16, n_threads=2, verbose=0)
    times.append(time.perf_counter() - begin)
print(sorted(times)[len(times) // 2], model.parameters["dense/kernel"].tobytes().hex()[:64])
"""


@pytest.mark.alone
@pytest.mark.torch
@pytest.mark.parametrize(
    "order", ["ravine torch sklearn", "ravine sklearn torch", "torch ravine sklearn", "torch sklearn ravine",
              "sklearn ravine torch", "sklearn torch ravine"],
)  # fmt: skip
def test_beside_torch_and_sklearn_in_any_order(order):
    for name in ("torch", "sklearn"):
        pytest.importorskip(name)
    ratios = []
    for _ in range(3):  # the machine may be busy with other things
        beside, alone = (run(BESIDE, names) for names in (order, "ravine"))
        assert (beside.returncode, alone.returncode) == (0, 0), beside.stderr + alone.stderr
        (slower, bits), (usual, expected) = beside.stdout.split(), alone.stdout.split()
        assert bits == expected
        ratios.append(float(slower) / float(usual))
        if ratios[-1] < 3.0:
            break
    assert min(ratios) < 3.0, ratios


def test_set_num_threads_wins(monkeypatch):
    monkeypatch.setenv("RAVINE_NUM_THREADS", "3")
    rv.set_num_threads(2)
    assert rv.get_num_threads() == 2
    rv.set_num_threads(None)
    assert rv.get_num_threads() == 3


@pytest.mark.parametrize("value", [0, -3, 1.5, 10**6, "2", True])
def test_set_num_threads_refuses(value):
    with pytest.raises(ValueError, match=r"n_threads must be an int in \[1, 1024\], got"):
        rv.set_num_threads(value)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="needs CPU affinity")
def test_affinity_counts():
    allowed = os.sched_getaffinity(0)
    counts = []

    def with_one_cpu():
        os.sched_setaffinity(0, {min(allowed)})
        counts.append(_threads.from_machine())

    thread = threading.Thread(target=with_one_cpu)
    thread.start()
    thread.join(60)
    assert counts == [1]


def write(root, files):
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


V1 = "sys/fs/cgroup/cpu"


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, math.inf),
        ({"proc/self/cgroup": "0::/a/b\n"}, math.inf),
        ({"proc/self/cgroup": "0::/a\n", "sys/fs/cgroup/a/cpu.max": "max 100000\n"}, math.inf),
        ({"proc/self/cgroup": "0::/a\n", "sys/fs/cgroup/a/cpu.max": "250000 100000\n"}, 2.5),
        (
            {
                "proc/self/cgroup": "0::/a/b\n",
                "sys/fs/cgroup/a/b/cpu.max": "800000 100000\n",
                "sys/fs/cgroup/a/cpu.max": "150000 100000\n",
            },
            1.5,
        ),
        ({"proc/self/cgroup": "0::/../..\n", "sys/fs/cgroup/cpu.max": "200000 100000\n"}, 2.0),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "nonsense\n"}, math.inf),
        (
            {
                "proc/self/cgroup": "4:cpu,cpuacct:/x\n1:name=systemd:/x\n",
                f"{V1}/x/cpu.cfs_quota_us": "300000\n",
                f"{V1}/x/cpu.cfs_period_us": "100000\n",
            },
            3.0,
        ),
        (
            {
                "proc/self/cgroup": "4:cpu:/x\n",
                f"{V1}/x/cpu.cfs_quota_us": "-1\n",
                f"{V1}/x/cpu.cfs_period_us": "100000\n",
            },
            math.inf,
        ),
    ],
)
def test_cgroup_quota(tmp_path, files, expected):
    write(tmp_path, files)
    assert _threads.cgroup_quota(tmp_path) == expected


@pytest.mark.parametrize(("quota", "expected"), [(0.3, 1), (1.9, 1), (math.inf, None)])
def test_a_quota_limits_threads(monkeypatch, quota, expected):
    monkeypatch.setattr(_threads, "cgroup_quota", lambda root: quota)
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    assert _threads.from_machine() == (expected or cpus)


def test_a_system_that_refuses_threads_gives_fewer_and_says_so(monkeypatch):
    monkeypatch.setattr(_threads._core, "startable_threads", lambda wanted: min(wanted, 3))
    assert _threads.check_n_threads(3) == 3
    with pytest.warns(RuntimeWarning, match="lets this process start 3 of 8 threads"):
        assert _threads.check_n_threads(8) == 3


@pytest.mark.parametrize("given", [{}, {"GOMP_SPINCOUNT": "7"}, {"OMP_WAIT_POLICY": "passive"}])
def test_the_spin_is_bounded_unless_the_user_chose(monkeypatch, given):
    for name in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    before = dict(os.environ)
    with _load.bounded_spin():
        assert os.environ.get("GOMP_SPINCOUNT") == (given.get("GOMP_SPINCOUNT") if given else "1000")
    assert dict(os.environ) == before


def run(code, *arguments, **environment):
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, timeout=120)


LONG_RUN = """
import os, signal, sys, threading, time
import numpy as np
import ravine as rv
X = np.ones((4000, 32), np.float32)
model = rv.Sequential([rv.layers.Input(32), rv.layers.Dense(256, "tanh"), rv.layers.Dense(4)], random_state=0)
model.compile(optimizer="sgd", loss="mse")
Y, rates = X[:, :4].copy(), np.array([0.01])
def train(epochs):  # one run of the engine
    model._state.network.train(X, Y, None, batch_size=2000, first_epoch=0, epochs=epochs, rates=rates,
                         n_threads=int(sys.argv[1]))
"""


@pytest.mark.parametrize("n_threads", [1, 2])
@pytest.mark.parametrize(
    "work",
    [
        "train(10**6)",
        "while True: model.predict(X[:1])",
        "while True: rv.kernels.matmul(X, X, transpose_b=True)",
    ],
)
def test_a_daemon_thread_at_work_lets_the_interpreter_end(work, n_threads):
    start = "threading.Thread(target=work, daemon=True).start(); time.sleep(0.3); print(1)"
    code = f"{LONG_RUN}\ndef work():\n    {work}\n{start}"
    done = run(code, n_threads)
    assert (done.returncode, done.stdout, done.stderr) == (0, "1\n", "")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("n_threads", [1, 2])
@pytest.mark.parametrize(
    ("end", "status", "message"),
    [
        ("os._exit(3)", 3, ""),
        ("sys.exit(4)", 4, ""),
        ("raise ValueError('mine')", 1, "ValueError: mine"),
        ("pass", 1, "RuntimeError: this process was forked by a signal handler in the middle of a run"),
    ],
)
def test_a_process_forked_by_a_signal_handler_in_mid_run_ends(end, status, message, n_threads):
    code = f"""{LONG_RUN}
def handler(*_):
    child = os.fork()
    if child == 0:
        {end}
    elif child > 0:
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
        raise KeyboardInterrupt
signal.signal(signal.SIGALRM, handler)
signal.setitimer(signal.ITIMER_REAL, 0.3)
try:
    train(10**6)
except KeyboardInterrupt:
    train(1)
"""
    done = run(code, n_threads)
    assert done.stdout == f"{status}\n", done.stderr
    assert done.returncode == 0 and message in done.stderr


@pytest.mark.skipif(sys.platform != "linux" or os.getuid() != 0, reason="needs a user without other processes")
@pytest.mark.parametrize("room", [2, 4, 6, 8])
def test_callers_share_the_threads_that_the_system_lets_them_have(room):
    code = f"""
import os, resource, threading, warnings
import numpy as np
from ravine import Sequential, layers  # while this user may still read the files
warnings.simplefilter("ignore")
X = np.ones((4000, 32), np.float32)
def train():
    model = Sequential([layers.Input(32), layers.Dense(64, "tanh"), layers.Dense(4)], random_state=0)
    model.compile(optimizer="sgd", loss="mse")
    model.fit(X, X[:, :4], batch_size=2000, epochs=20, n_threads=6)
started = threading.Barrier(3)  # a caller that trains at once could leave the other no thread to start on
def call():
    started.wait(60)
    train()
os.setuid(100_000 + os.getpid())  # a user of no other test run
resource.setrlimit(resource.RLIMIT_NPROC, (1 + 2 + {room}, 1 + 2 + {room}))  # this thread, two callers, the rest
callers = [threading.Thread(target=call) for _ in range(2)]
[caller.start() for caller in callers]
started.wait(60)
[caller.join(100) for caller in callers]
train()
print("trained")
"""
    done = run(code)
    assert (done.returncode, done.stdout) == (0, "trained\n"), done.stderr


def test_an_unknown_instruction_set_is_refused():
    result = run("import ravine", RAVINE_ISA="avx9")
    assert result.returncode != 0
    assert "ValueError: unknown ISA 'avx9'; choose from" in result.stderr


@pytest.mark.parametrize("isa", rv.show_config("dicts").get("supported", []))
def test_each_supported_instruction_set_can_be_forced(isa):
    result = run("import ravine as rv; print(rv.show_config('dicts')['isa'])", RAVINE_ISA=isa)
    assert result.stdout.strip() == isa, result.stderr


def test_show_config(capsys):
    rv.show_config()
    out = capsys.readouterr().out
    config = rv.show_config("dicts")
    assert config["version"] == rv.__version__
    for name in ("version", "isa", "compiled", "compiler", "openmp_path", "threads"):
        assert name in config and name in out
    with pytest.raises(ValueError, match="mode must be 'stdout' or 'dicts', got 'json'"):
        rv.show_config("json")


def test_import_needs_numpy_alone_and_no_slow_modules():
    code = (
        "import sys, numpy; before = set(sys.modules); import ravine; after = set(sys.modules); import json; "
        "print(json.dumps(sorted(after - before)))"
    )
    loaded = set(json.loads(run(code).stdout))
    slow = {"argparse", "asyncio", "difflib", "email", "http", "importlib.metadata", "importlib.resources", "inspect",
            "multiprocessing", "socket", "sqlite3", "ssl", "subprocess", "unittest", "urllib", "xml"}  # fmt: skip
    assert not loaded & slow
    assert not {name.split(".")[0] for name in loaded} - set(sys.stdlib_module_names) - {"numpy", "ravine"}


def test_public_names():
    expected = {
        "CheckpointFormatError", "CheckpointMismatchError", "CheckpointVersionError", "from_torch", "load", "to_torch",
        "Diagnosis", "DivergenceError", "Ensemble", "Finding", "GradientCheck", "History", "MultiStart",
        "NotFittedError", "Sequential", "Starts", "__version__", "callbacks", "check_gradients", "constraints",
        "data",
        "datasets", "diagnose", "ewma", "get_num_threads", "initializers", "kernels", "layers", "losses", "metrics",
        "numeric_gradients", "optimizers", "regularizers", "samplers", "schedules", "set_num_threads", "show_config",
    }  # fmt: skip
    assert set(rv.__all__) == expected
    assert all(hasattr(rv, name) for name in expected)


def test_kernels_are_those_of_the_chosen_set():
    assert "matmul" in dir(rv.kernels)
    np.testing.assert_array_equal(rv.kernels.relu(np.array([-1.0, 2.0])), [0.0, 2.0])
    with pytest.raises(AttributeError, match="no kernel 'nothing'"):
        rv.kernels.nothing  # noqa: B018
