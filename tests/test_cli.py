"""The command ``ravine``: what it prints, and how it ends."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

import ravine as rv
from children import child
from ravine.cli import main

COMMAND = [sys.executable, "-W", "error", "-m", "ravine"]


def test_train_digits_prints_the_result_as_json_last(capsys):
    assert main(["train", "digits", "--epochs", "3", "--hidden", "32,16", "--seed", "5", "--json"]) == 0
    *lines, last = capsys.readouterr().out.splitlines()
    result = json.loads(last)
    assert set(result) == {"test_accuracy", "test_loss", "seconds", "epochs", "parameters"}
    assert result["epochs"] == 3
    assert result["parameters"] == 65 * 32 + 33 * 16 + 17 * 10
    assert 0.5 < result["test_accuracy"] <= 1.0 and result["seconds"] > 0.0 and result["test_loss"] > 0.0
    assert f"test accuracy {100 * result['test_accuracy']:.2f} %" in lines[-1]


def test_json_stays_json_where_the_loss_is_not_finite(capsys, monkeypatch):
    monkeypatch.setattr(rv.Sequential, "evaluate", lambda *_: {"loss": float("nan"), "accuracy": 0.1})
    assert main(["train", "digits", "--epochs", "1", "--hidden", "8", "--json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1], parse_constant=pytest.fail)["test_loss"] is None


def test_divergence_is_one_line(capsys, monkeypatch):
    monkeypatch.setattr("ravine.cli.discard_output", lambda: None)
    assert main(["train", "digits", "--epochs", "3", "--optimizer", "sgd", "--learning-rate", "1e300"]) == 1
    error = capsys.readouterr().err
    assert error.startswith("ravine: ") and "learning_rate=1e+300" in error and error.count("\n") == 1


def test_too_large_a_net_is_one_line(capsys, monkeypatch):
    def full(*_):
        raise MemoryError

    monkeypatch.setattr("ravine.cli.dense_net", full)
    monkeypatch.setattr("ravine.cli.discard_output", lambda: None)
    assert main(["train", "digits"]) == 1
    assert capsys.readouterr().err == "ravine: not enough memory\n"


@pytest.mark.parametrize("seed", range(10))
def test_defaults_reach_97_percent(seed, capsys):
    assert main(["train", "digits", "--seed", str(seed), "--json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["test_accuracy"] >= 0.97


def test_seed_and_threads_settle_the_result(capsys):
    def result(*more):
        assert main(["train", "digits", "--epochs", "2", "--json", *more]) == 0
        return json.loads(capsys.readouterr().out.splitlines()[-1])["test_loss"]

    assert result("--seed", "1", "--threads", "1") == result("--seed", "1", "--threads", "3")
    assert result("--seed", "1") != result("--seed", "2")


def test_a_run_that_was_killed_goes_on_to_the_same_result(capsys, tmp_path):
    flags = ["train", "digits", "--epochs", "8", "--hidden", "32", "--json"]

    def loss_of(*more):
        assert main([*flags, *more]) == 0
        return json.loads(capsys.readouterr().out.splitlines()[-1])["test_loss"]

    path = tmp_path / "run.ravine"
    command = [*COMMAND, *flags, "--epochs", "100000", "--checkpoint", str(path)]
    with child(command, stdout=subprocess.DEVNULL) as running:
        while not path.exists():
            assert running.poll() is None
            time.sleep(0.01)
    rv.load(path)
    whole = loss_of("--checkpoint", str(path))
    assert loss_of("--resume", str(path)) == whole  # which has ended
    stopped = ["--checkpoint", str(path), "--epochs", "8"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ravine.cli.Progress.on_epoch_end", interrupted_in_epoch(3))
        assert main([*flags, *stopped]) == 130
    assert rv.load(path)._state.training.epoch in (3, 4)
    capsys.readouterr()
    assert loss_of("--resume", str(path)) == whole


def interrupted_in_epoch(last):
    def on_epoch_end(self, epoch, logs=None):
        if epoch == last:
            signal.raise_signal(signal.SIGINT)

    return on_epoch_end


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "No such file"), (b"", "empty file"), (b"PK\3\4" + bytes(60), "looks like a zip archive")],
)
def test_what_cannot_be_resumed_is_one_line(content, message, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("ravine.cli.discard_output", lambda: None)
    path = tmp_path / "run.ravine"
    if content is not None:
        path.write_bytes(content)
    assert main(["train", "digits", "--epochs", "1", "--resume", str(path)]) == 1
    error = capsys.readouterr().err
    assert str(path) in error and message in error and error.count("\n") == 1


def test_a_run_of_another_net_cannot_be_resumed(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("ravine.cli.discard_output", lambda: None)
    path = str(tmp_path / "run.ravine")
    assert main(["train", "digits", "--epochs", "1", "--hidden", "8", "--checkpoint", path]) == 0
    assert main(["train", "digits", "--epochs", "2", "--hidden", "9", "--resume", path]) == 1
    error = capsys.readouterr().err
    assert path in error and error.count("\n") == 1


@pytest.mark.parametrize(
    "flags",
    [
        ["--optimizer", "sgd", "--learning-rate", "0.1"],
        ["--optimizer", "adamw"],
        ["--hidden", ""],
        ["--batch-size", "2000"],
        ["--threads", "1"],
        ["--optimizer", "bfgs", "--hidden", ""],
    ],
    ids=" ".join,
)
def test_flags_are_taken(flags, capsys):
    assert main(["train", "digits", "--epochs", "1", *flags]) == 0
    assert "test accuracy" in capsys.readouterr().out


@pytest.mark.parametrize("name", sorted(set(rv.optimizers.names.OPTIMIZERS) - {"newton"}))
def test_every_optimizer_that_takes_models_trains(name, capsys):
    assert main(["train", "digits", "--optimizer", name, "--hidden", "16", "--epochs", "3", "--json"]) == 0
    lines = capsys.readouterr().out.splitlines()
    whole = rv.optimizers.get(name).least_batch > 32
    assert f"{name}, batches of {1437 if whole else 32}, seed 0" in lines[1]
    assert 0.0 < json.loads(lines[-1])["test_accuracy"] <= 1.0


def test_lbfgs_reaches_95_percent_on_all_rows(capsys):
    assert main(["train", "digits", "--optimizer", "lbfgs", "--json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["test_accuracy"] >= 0.95


def test_batches_that_are_too_small_for_the_optimizer_are_warned_of():
    words = ["train", "digits", "--optimizer", "lbfgs", "--hidden", "8", "--epochs", "1"]
    with pytest.warns(UserWarning, match="LBFGS searches along the loss of one batch.*batch_size=None for all 1437"):
        assert main([*words, "--batch-size", "32"]) == 0
    assert main([*words, "--batch-size", "400"]) == 0


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--epochs", "-1"], "argument --epochs: must be an int >= 1, got '-1'"),
        (["--epochs", "abc"], "argument --epochs: must be an int >= 1, got 'abc'"),
        (["--batch-size", "0"], "argument --batch-size: must be an int >= 1, got '0'"),
        (["--batch-size", "2.5"], "argument --batch-size"),
        (
            ["--hidden", "128,,64"],
            "argument --hidden: must be ints in [1, 1000000] separated by commas, like 128,64, got '128,,64'",
        ),
        (["--hidden", "128,-1"], "argument --hidden"),
        (["--hidden", "1000001"], "argument --hidden"),
        (["--optimizer", "adamm"], "argument --optimizer: invalid choice: 'adamm'"),
        (["--learning-rate", "nan"], r"argument --learning-rate: must be a number in (0, inf), got 'nan'"),
        (["--learning-rate", "0"], "argument --learning-rate"),
        (
            ["--optimizer", "lbfgs", "--learning-rate", "0.1"],
            "argument --learning-rate: LBFGS has no learning_rate to set: its line search finds the step",
        ),
        (["--optimizer", "bfgs"], "argument --optimizer: BFGS keeps a matrix of 50826 x 50826 numbers"),
        (["--optimizer", "newton"], "argument --optimizer: invalid choice: 'newton'"),
        (["--threads", "0"], "argument --threads: must be an int in [1, 1024], got '0'"),
        (["--threads", "1025"], "argument --threads"),
        (["--seed", "-1"], "argument --seed: must be an int in [0, 4294967295], got '-1'"),
        (["--seed", "4294967296"], "argument --seed"),
        (["--epoch", "3"], "unrecognized arguments: --epoch"),
        (["--frobnicate"], "unrecognized arguments: --frobnicate"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_values_name_the_flag(flags, message, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["train", "digits", *flags])
    assert ended.value.code == 2
    error = capsys.readouterr().err
    assert error.startswith("usage: ravine") and message in error


@pytest.mark.parametrize(
    ("words", "message"),
    [([], "required: command"), (["fly"], "invalid choice: 'fly'"), (["train"], "required: data")],
)
def test_wrong_commands(words, message, capsys):
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    assert message in capsys.readouterr().err


def test_version_and_config(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"ravine {rv.__version__}\n"
    assert main(["config"]) == 0
    shown = capsys.readouterr().out
    assert rv.__version__ in shown and rv._core.selected() in shown


def test_module_runs_as_the_command():
    done = subprocess.run([*COMMAND, "--version"], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"ravine {rv.__version__}\n", "")


@pytest.mark.parametrize("words", ["train digits --epochs 50", "config", "--help", "--version"])
def test_closed_output_gives_no_traceback(words):
    read, write = os.pipe()
    os.close(read)
    try:
        done = subprocess.run([*COMMAND, *words.split()], stdout=write, stderr=subprocess.PIPE, text=True, timeout=60)
    finally:
        os.close(write)
    assert done.returncode in (0, 141)
    assert done.stderr == ""


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_full_disk_is_one_line():
    with open("/dev/full", "w") as full:
        done = subprocess.run([*COMMAND, "config"], stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
    assert done.returncode == 1
    assert done.stderr.startswith("ravine: ") and done.stderr.count("\n") == 1


@pytest.mark.alone
def test_interrupt_ends_with_130_and_a_line():
    command = [*COMMAND, "train", "digits", "--epochs", "1000000", "--json"]
    with child(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        running.stdout.readline()
        running.stdout.readline()
        time.sleep(0.3)
        running.send_signal(signal.SIGINT)
        started = time.perf_counter()
        _, error = running.communicate(timeout=60)
    assert running.returncode == 130
    assert error == "interrupted\n"
    assert time.perf_counter() - started < 5.0


@pytest.mark.parametrize("words", [["config"], ["train", "digits"], ["--version"]])
@pytest.mark.parametrize("started", ["module", "script"])
def test_an_unknown_instruction_set_is_one_line(started, words, tmp_path):
    command = COMMAND
    if started == "script":  # as pip writes it
        script = tmp_path / "ravine"
        script.write_text("import sys\nfrom ravine.cli import main\nsys.exit(main())\n")
        command = [sys.executable, str(script)]
    environment = {**os.environ, "RAVINE_ISA": "avx9"}
    done = subprocess.run([*command, *words], capture_output=True, text=True, timeout=60, env=environment)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("ravine: RAVINE_ISA: unknown ISA 'avx9'; choose from ")
    assert done.stderr.count("\n") == 1
