"""The comparison with peers: its statistics, rows, checks, table, and one small contest."""

import importlib
import json
import re
import shutil
import subprocess
import sys
import time
import types
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

import ravine as rv
from benchmarks import compare, contest, fits, kernel_calls, kernels, optimizers, outcome, report, rows, tasks
from benchmarks.contestants import CONTESTANTS, Contestant
from benchmarks.limits import Limits
from benchmarks.ratios import bootstrap_interval, ratio

LIMITS = Limits(threads=1, flops=1e11, triad_bytes=1e10, barrier_seconds=1e-7)


def test_a_ratio_is_taken_round_by_round():
    assert ratio([2.0, 4.0, 12.0], [1.0, 2.0, 4.0]).median == 2.0


def test_the_interval_holds_the_median_and_is_the_same_each_time():
    values = np.random.default_rng(0).normal(1.5, 0.1, 15).tolist()
    low, high = bootstrap_interval(values)
    assert min(values) <= low < np.median(values) < high <= max(values)
    assert bootstrap_interval(values) == (low, high)
    assert bootstrap_interval([2.0] * 15) == (2.0, 2.0)


def test_the_interval_covers_the_true_median_about_as_often_as_it_says():
    rng = np.random.default_rng(1)
    samples = rng.normal(0.0, 1.0, (200, 15)).tolist()
    covered = [low <= 0.0 <= high for low, high in (bootstrap_interval(s, resamples=500) for s in samples)]
    assert 0.88 <= np.mean(covered) <= 1.0


def test_rows_are_complete():
    names = [row.name for row in rows.ROWS]
    assert len(set(names)) == len(names)
    assert sum(row.group == "matmul" for row in rows.ROWS) == 60
    for row in rows.ROWS:
        assert min(row.goals) > 0.0
        assert row.group not in names


@pytest.mark.parametrize("row", rows.UPDATES, ids=lambda row: row.name)
def test_slots_are_those_of_the_rule(row, monkeypatch):
    monkeypatch.setattr(rows, "PARAMETERS", 10)
    task = row.make()
    assert task.slots == rv.kernels.names["updates"]["adam" if task.rule == "adamw" else task.rule]


@pytest.mark.parametrize(
    "row", [row for row in [*rows.TRAINING, *rows.IMAGES] if row.name != "wide"], ids=lambda row: row.name
)
def test_training_rows_are_fair(row):
    task = row.make()
    assert len(task.X) % task.batch == 0  # every step of every library has the same rows
    assert {array.dtype for array in (task.X, *task.weights)} == {np.dtype(np.float32)}
    again = row.make()
    assert all(np.array_equal(a, b) for a, b in zip(task.weights, again.weights, strict=True))
    assert np.array_equal(task.X, again.X) and np.array_equal(task.y, again.y)
    if task.loss == "cross_entropy":
        assert set(task.y) == set(range(task.sizes[-1]))


def small_text():
    return rows.text("few words", (300, 8, 4), 64, 16, (1.0, 1.0)).make()


def test_texts_are_sparse_rows():
    task = small_text()
    full = np.zeros((64, 300), np.float32)
    for row, (first, last) in enumerate(pairwise(task.indptr)):
        own = task.indices[first:last]
        assert len(own) and (np.diff(own) > 0).all()
        full[row, own] = task.X[first:last]
    np.testing.assert_allclose((full**2).sum(axis=1), 1.0, rtol=1e-6)
    weights = [weight.astype(np.float64) for weight in task.weights]
    outputs = np.maximum(full @ weights[0] + weights[1], 0.0) @ weights[2] + weights[3]
    np.testing.assert_allclose(task.all_outputs(weights), outputs, rtol=1e-12)
    assert task.steps == 4 and not task.whole
    assert task.bytes == 28 * (300 * 8 + 8 + 8 * 4 + 4)


@pytest.mark.parametrize("name", ["ravine", "torch", "sklearn"])
def test_contestants_learn_the_same_from_texts(name):
    pytest.importorskip(name)
    task = small_text()
    entry = importlib.import_module(f"benchmarks.contestants.{name}").Text(task, 1)
    for _ in range(2):
        entry.reset()
        entry.run(task.checked_passes)
    ours = importlib.import_module("benchmarks.contestants.ravine").Text(task, 1)
    ours.reset()
    ours.run(task.checked_passes)
    assert task.complaints({"ravine": ours.result(), name: entry.result()}) == {}


def test_the_work_of_a_step():
    task = next(row for row in rows.ROWS if row.name == "mnist").make()
    forward = 784 * 512 + 512 * 256 + 256 * 10
    assert task.flops == 2 * 128 * (3 * forward - 784 * 512)
    assert rows.product("nt", 3, 5, 7).make().flops == 2 * 3 * 5 * 7
    task = next(row for row in rows.ROWS if row.name == "lenet-32").make()
    first, second, dense = 24 * 24 * 6 * 25, 8 * 8 * 16 * 150, 256 * 120 + 120 * 84 + 84 * 10
    assert task.flops == 2 * 32 * (3 * (first + second + dense) - first)
    assert tasks.Update("adam", {}, 2, np.ones(10), np.ones(10)).bytes == 4 * 10 * 7


def test_ravine_computes_what_an_image_task_asks_for():
    from benchmarks.contestants import ravine as contestant

    layers = (tasks.Convolved(3, 3, "same", 2), tasks.Convolved(5, 2, "valid", 3))
    task = rows.images("small", (8, 8, 2), layers, (6, 3), 40, 8, 2, (1.0, 1.0)).make()
    outputs = contestant.convolutional(task).predict(task.X)
    assert np.allclose(outputs, task.outputs_of(task.weights, task.X), rtol=1e-4, atol=1e-4)
    entry = contestant.Images(task, 1)
    entry.reset()
    entry.run(2)
    assert task.complaints({"ravine": entry.result()}) == {}


@pytest.mark.parametrize("name", ["torch", "jax"])
def test_contestants_learn_the_same_with_batch_norm(name):
    pytest.importorskip(name)
    layers = (tasks.Convolved(3, 3, "same", 2, norm=True), tasks.Convolved(5, 2, "valid", 3, norm=True))
    task = rows.images("small", (8, 8, 2), layers, (6, 3), 40, 40, 20, (1.0, 1.0)).make()  # all rows: no order
    results = {}
    for kind in ("ravine", name):
        entry = importlib.import_module(f"benchmarks.contestants.{kind}").Images(task, 1)
        entry.reset()
        entry.run(task.checked_passes)
        results[kind] = entry.result()
    assert [w.shape for w in results[name]] == [w.shape for w in task.weights]
    assert task.complaints(results) == {}


def small_step():
    w, g = np.linspace(-1.0, 1.0, 5_000, dtype=np.float32), np.linspace(0.1, 1.0, 5_000, dtype=np.float32)
    return tasks.Update("sgd", {"learning_rate": 0.1}, 0, w, g)


@pytest.mark.parametrize("form", rows.FORMS)
def test_a_wrong_product_is_seen(form):
    task = rows.product(form, 4, 5, 6).make()
    a, b = task.operands
    right = a @ b
    assert task.complaints({"right": right}) == {}
    assert "off by" in task.complaints({"wrong": right + np.float32(0.01)})["wrong"]


def test_wrong_weights_outputs_and_steps_are_seen():
    training = next(row for row in rows.ROWS if row.name == "tiny").make()
    better = [weight * np.float32(0.5) for weight in training.weights]
    assert training.loss_of(better) < training.loss_of(training.weights)
    unmoved = training.complaints({"unmoved": training.weights, "better": better, "as good": better})
    assert list(unmoved) == ["unmoved"] and "the loss went from" in unmoved["unmoved"]

    inference = next(row for row in rows.ROWS if row.name == "infer-20-1").make()
    assert inference.complaints({"nan": np.full((1, 1), np.nan, np.float32)})
    assert inference.complaints({"shape": np.zeros((2, 1), np.float32)})

    step = small_step()
    moved = (step.w - 0.3 * step.g)[:: step.stride]
    assert list(step.complaints({"a": moved, "b": moved, "c": moved + 0.1})) == ["c"]


def a_fit(**settings):
    X, y = np.arange(40.0).reshape(20, 2), np.arange(20) % 2
    return fits.Fit("MLPClassifier", {"max_iter": 2, **settings}, X, y, X, y)


def test_a_score_may_be_better_but_not_worse_than_scikit_learns():
    theirs = np.linspace(0.90, 0.92, fits.SEEDS)
    scores = {"sklearn 1": theirs, "sklearn 2": theirs, "ravine 1": theirs}
    assert a_fit().complaints(scores) == {}
    assert a_fit().complaints({**scores, "ravine 1": theirs + 0.05}) == {}
    allowed = np.sqrt(2 * theirs.var(ddof=1) / fits.SEEDS)
    assert a_fit().complaints({**scores, "ravine 1": theirs - 0.99 * allowed}) == {}
    found = a_fit().complaints({**scores, "ravine 1": theirs - 1.01 * allowed})
    assert list(found) == ["ravine 1"] and "scikit-learn's is 0.9100" in found["ravine 1"]
    assert list(a_fit().complaints({**scores, "ravine 1": np.full(fits.SEEDS, np.nan)})) == ["ravine 1"]


@pytest.mark.parametrize(
    "row", [row for row in rows.ESTIMATORS if row.name.startswith("fit")], ids=lambda row: row.name
)
def test_rows_of_fits_are_as_users_have_them(row):
    if row.name in ("fit-diabetes", "fit-text"):
        pytest.importorskip("sklearn")
    task, again = row.make(), row.make()
    assert task.X.dtype == task.X_test.dtype == np.float64 and task.X.shape[1:] == task.X_test.shape[1:]
    assert task.X.shape[0] == len(task.y) and task.X_test.shape[0] == len(task.y_test) >= 100
    assert np.array_equal(task.y, again.y) and not (task.X != again.X).sum()
    if task.kind == "MLPClassifier":
        assert set(task.y) == set(task.y_test) == set(range(20 if row.name == "fit-text" else 10))


def test_estimators_meet():
    pytest.importorskip("sklearn")
    probabilities = next(row for row in rows.ESTIMATORS if row.name == "proba-1")
    with contest.Processes() as processes:
        for task in (a_fit(), probabilities.make()):
            times = contest.compare(task, ["sklearn"], 1, processes, rounds=2, seconds=0.002)
            assert times.failures == {} and set(times.seconds) == {"ravine", "sklearn"}
            found = outcome.conclude(probabilities, 1, task, times, LIMITS)
            assert found.share is None and report.share(found) == "-" and found.ratio.median > 0.0


def a_result(name="digits", ours=(1.0, 1.0, 1.0), failures=None, **theirs):
    row = next(row for row in rows.ROWS if row.name == name)
    seconds = {"ravine": [1e-4 * s for s in ours], **{peer: [1e-4 * s for s in t] for peer, t in theirs.items()}}
    times = contest.Times(seconds, dict.fromkeys(seconds, 1), failures or {})
    task = rows.product("nn", 10, 10, 10).make()
    return outcome.conclude(row, 1, task, times, LIMITS)


def test_the_best_peer_decides():
    found = a_result(jax=(1.5, 1.4, 1.6), torch=(3.0, 3.0, 3.0))
    assert found.best_peer == "jax" and found.met
    assert found.ratio.median == pytest.approx(1.5)
    assert found.share == pytest.approx(2000 / 1e-4 / 1e11)
    assert not a_result(jax=(1.3, 1.3, 1.3)).met
    assert a_result().ratio is None and a_result().met is None


def test_a_share_below_its_goal_is_named():
    assert report.met(a_result("mnist", jax=(2.0, 2.0, 2.0))) == "limit no"
    assert report.met(a_result("mnist", jax=(1.0, 1.0, 1.0))) == "no"
    assert report.met(a_result("digits", jax=(2.0, 2.0, 2.0))) == "yes"


def test_the_table():
    names = ["ravine", "jax", "torch", "sklearn"]
    found = [a_result(jax=(1.5, 1.5, 1.5), failures={"torch": "the loss rose", "sklearn": "not offered"})]
    table = report.markdown_table(found, names).splitlines()
    assert table[2] == "| digits | 1 | 100 | 150 | failed | - | jax | 1.50 [1.50, 1.50] | 1.4 | yes | 0 % FMA |"
    assert len({line.count("|") for line in table}) == 1
    text = report.markdown(found, names, ["A machine."])
    assert "torch: the loss rose: digits (1)" in text and "sklearn:" not in text
    assert [report.micros(s * 1e-6) for s in (0.5, 5.0, 50.0, 5e5)] == ["0.500", "5.00", "50.0", "500,000"]


def test_the_sweep_names_what_is_lost():
    found = [a_result(row.name, jax=(0.8 + 0.1 * i,) * 3) for i, row in enumerate(rows.MATMUL[:5])]
    lines = report.sweep_text(found).splitlines()
    assert "5 products: worst 0.80 (nn 10x2x4), goal 1; median 1.00, goal 1.2; 2 lost; not met" in lines[0]
    assert [line.split(",")[0] for line in lines[1:]] == ["  lost: nn 10x2x4", "  lost: tn 10x2x4"]


def test_the_picture(tmp_path):
    pytest.importorskip("matplotlib")
    report.picture([a_result(jax=(1.5, 1.5, 1.5))], ["ravine", "jax"], tmp_path / "table.svg")
    assert (tmp_path / "table.svg").read_text().count("digits")


def test_without_scikit_learn_there_are_no_rows_of_estimators(monkeypatch, capsys):
    monkeypatch.setitem(CONTESTANTS, "sklearn", Contestant("sklearn", "sklearn", ("no_such_package",)))
    assert {row.group for row, _ in compare.plan(rows.choose(["tiny", "sklearn"]), [1])} == {"training"}
    assert "no rows of estimators: no_such_package is not installed" in capsys.readouterr().err


def test_the_plan_leaves_out_what_makes_no_sense():
    planned = compare.plan(rows.choose(["tiny", "matmul", "updates", "noisy"]), [1, 2])
    assert [(row.name, count) for row, count in planned if row.group == "training"] == [("tiny", 1), ("tiny", 2)]
    assert {count for row, count in planned if row.group in ("matmul", "updates")} == {1}
    assert {count for row, count in planned if row.noisy} == {2}
    assert [contest.thread_counts(n) for n in (1, 2, 6)] == [[1], [1, 2], [1, 2, 4, 6]]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--rows", "tinny"], "no row or group 'tinny'; rows: tiny, small"),
        (["--peers", "jaxx"], "no peer 'jaxx'; choose from jax, torch"),
        (["--threads", "0"], "--threads must be in [1, "),
        (["--rounds", "-1"], "--rounds must be at least 1"),
    ],
)
def test_bad_arguments_are_named(arguments, message, capsys):
    with pytest.raises(SystemExit):
        compare.parse(arguments)
    assert message in capsys.readouterr().err


def test_a_missing_peer_says_so():
    assert Contestant("x", "x", ("no_such_package",)).obstacle() == "no_such_package is not installed"
    assert Contestant("x", "x", ("numpy",), needs="no_such_feature").obstacle() == "this CPU has no no_such_feature"
    assert CONTESTANTS["numpy"].obstacle() == ""


def test_ravine_does_not_know_its_benchmarks():
    code = "import sys, ravine; print(any(name.split('.')[0] == 'benchmarks' for name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize("name", ["tiny", "digits", "infer-20-1", "nt 32x32x32"])
def test_a_contest(name):
    row = next(row for row in rows.ROWS if row.name == name)
    with contest.Processes() as processes:
        times = contest.compare(row.make(), ["numpy"], 1, processes, rounds=2, seconds=0.002)
    assert times.failures == {}
    assert times.threads == {"ravine": 1, "numpy": 1}
    assert all(len(seconds) == 2 and min(seconds) > 0.0 for seconds in times.seconds.values())
    found = outcome.conclude(row, 1, row.make(), times, LIMITS)
    json.dumps(found.as_dict())
    assert found.best_peer == "numpy" and found.share > 0.0


def test_who_is_wrong_does_not_count(monkeypatch):
    complaint = {"numpy 1": "a value is off"}
    monkeypatch.setattr(tasks.Inference, "complaints", lambda task, results: complaint)
    task = next(row for row in rows.ROWS if row.name == "infer-20-1").make()
    with contest.Processes() as processes:
        times = contest.compare(task, ["numpy"], 1, processes, rounds=1, seconds=0.001)
    assert times.failures == {"numpy": "a value is off"}
    assert list(times.seconds) == ["ravine"]


def test_a_process_that_fails_or_dies():
    with contest.Processes() as processes:
        process = processes.get("numpy", 1)
        with pytest.raises(contest.Failed, match="AttributeError: 'Worker' object has no attribute 'nothing'"):
            process.ask("nothing")
        assert processes.get("numpy", 1) is process
        with pytest.raises(contest.Failed, match="not offered"):
            process.ask("prepare", small_step())
        process.child.kill()
        with pytest.raises(contest.Failed, match="ended with status -9"):
            process.ask("release")
        assert processes.get("numpy", 1) is not process


def test_the_command_prints_and_writes(tmp_path, capsys):
    file, text = tmp_path / "out.json", tmp_path / "out.md"
    arguments = ["--rows", "tiny", "--peers", "numpy", "--threads", "1", "--rounds", "2", "--seconds", "0.002"]
    assert compare.main([*arguments, "--json", str(file), "--markdown", str(text)]) == 0
    assert "tiny" in capsys.readouterr().out
    written = json.loads(file.read_text())
    assert written["outcomes"][0]["row"] == "tiny" and written["rounds"] == 2
    assert text.read_text().count("| tiny | 1 |") == 1


@pytest.mark.parametrize(
    ("name", "make", "rates"), optimizers.OPTIMIZERS, ids=[row[0] for row in optimizers.OPTIMIZERS]
)
def test_optimizers_get_a_line_each(name, make, rates):
    cells = [optimizers.best(task, make, rates[:1], 1, epochs=2) for task in optimizers.tasks().values()]
    assert all(loss > 0.0 and 0.0 <= accuracy <= 1.0 for loss, accuracy, _ in cells)
    line = optimizers.line(name, cells)
    assert line.startswith(f"| {name} | ") and line.count("|") == 2 + len(cells) and "nan" not in line


def test_a_rate_that_diverges_is_not_the_best():
    task = optimizers.tasks()["digits"]
    cells = optimizers.best(task, rv.optimizers.SGD, (0.1, 1e30), 1, epochs=3)
    assert cells[2] == 0.1 and np.isfinite(cells[0])


def test_every_optimizer_of_models_is_compared():
    compared = {type(make(0.1)).__name__.lower() for _, make, _ in optimizers.OPTIMIZERS}
    assert compared == set(rv.optimizers.names.OPTIMIZERS) - {"newton"}


def fake_pair(old, new, same=True):
    """Two builds of a kernel that take so many milliseconds."""
    runs = (lambda times, pause=pause: time.sleep(1e-3 * pause * times) for pause in (old, new))
    return kernels.Pair("a kernel", *runs, lambda: same)


@pytest.mark.alone
def test_a_slower_kernel_is_measured_again_and_named():
    found = [kernels.measure(fake_pair(*times), 3) for times in ((2, 3), (3, 2), (2, 2))]
    assert found[0].ratio == pytest.approx(1.5, abs=0.2) and found[1].ratio == pytest.approx(0.67, abs=0.1)
    suspects = [(0, fake_pair(2, 3)), (2, fake_pair(2, 1))]
    kernels.measure_again(suspects, found, 1, 1.2)
    assert found[0].ratio > 1.2 and found[2].ratio < 1.0
    lines = kernels.summary(found, ["avx2 lerp: only in the new build"], 1.2)
    assert lines[0] == "\nslower: 1" and lines[1].startswith("a kernel ")
    assert lines[2:5] == ["\nother bits: 0", "\nnot compared: 1", "avx2 lerp: only in the new build"]


NAMES = {"elementary": [], "activations": ["relu"], "losses": [], "metrics": [], "updates": {}}


def build_of(**functions):
    return types.SimpleNamespace(names=NAMES, **functions)


def test_builds_may_have_other_kernels_and_other_bits(monkeypatch):
    monkeypatch.setattr(kernel_calls, "BYTES", {"L1": 128})

    def off(x, *, out):
        return np.maximum(x, np.float32(0.5), out=out)

    def without_out(x):
        return x

    relu, sums = rv.kernels.relu, rv.kernels.sum_abs
    old = build_of(relu=relu, sum_abs=sums, approach=print, clip=without_out)
    new = build_of(relu=off, sum_abs=sums, lerp=print, clip=rv.kernels.clip)
    missing = []
    pairs = list(kernels.kernel_pairs(old, new, "avx2", re.compile("relu|float32"), missing))
    assert [(pair.name, pair.same()) for pair in pairs] == [
        ("relu avx2 float32 35", False),
        ("relu avx2 float64 19", False),
        ("sum_abs avx2 float32 35", True),
    ]
    assert missing[:3] == [
        "avx2 approach: only in the old build",
        "avx2 lerp: only in the new build",
        "avx2 lerp: no call in benchmarks/kernel_calls.py",
    ]
    assert "clip avx2 float32: a build does not take this call" in missing[3] and len(missing) == 4


def test_every_kernel_has_calls_that_both_builds_would_take(monkeypatch):
    monkeypatch.setattr(kernel_calls, "BYTES", {"L1": 512, "L2": 4096})
    monkeypatch.setattr(kernel_calls, "PRODUCTS", [(3, 4, 5)])
    monkeypatch.setattr(kernel_calls, "CONVOLUTIONS", [row._replace(size=8) for row in kernel_calls.CONVOLUTIONS])
    missing = []
    pairs = list(kernels.kernel_pairs(rv.kernels, rv.kernels, "any", re.compile(""), missing))
    assert missing == [] and all(pair.same() for pair in pairs)
    assert len({pair.name.split()[0] for pair in pairs}) == sum(
        callable(getattr(rv.kernels, n)) for n in dir(rv.kernels)
    )


@pytest.fixture(scope="module")
def packed(tmp_path_factory):
    """A folder and a wheel of this very build."""
    folder, core = tmp_path_factory.mktemp("old"), Path(rv._core.__file__)
    shutil.copytree(
        Path(rv.__file__).parent, folder / "ravine", ignore=shutil.ignore_patterns("__pycache__", "_core*.so")
    )
    shutil.copy(core, folder / "ravine" / core.name)
    shutil.make_archive(str(folder / "ravine-0-py3-none-any"), "zip", folder, "ravine")
    return folder, (folder / "ravine-0-py3-none-any.zip").rename(folder / "ravine-0-py3-none-any.whl")


@pytest.mark.parametrize("form", [0, 1])
def test_this_build_is_as_fast_as_itself(packed, form):
    arguments = ["--only", "^relu .*float32|train (tiny|lenet)", "--rounds", "1", "--tolerance", "1000"]
    command = [sys.executable, "-m", "benchmarks.kernels", "--against", str(packed[form]), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    compared = 2 + 3 * sum(hasattr(rv._core, isa) for isa in ("baseline", "avx2", "avx512"))
    assert f"{compared} compared; median ratio" in done.stdout
    assert "slower: 0\n\nother bits: 0\n\nnot compared: 0\n" in done.stdout


def test_only_a_build_of_ravine_is_compared(tmp_path, capsys):
    (tmp_path / "empty.whl").write_bytes(b"")
    for given in (tmp_path, tmp_path / "empty.whl", tmp_path / "none.whl"):
        assert kernels.main(["--against", str(given)]) == 2
        assert "is neither a wheel of ravine nor a folder" in capsys.readouterr().err
