"""A process that dies, or a disk that is full, while a file is written: the last good one is there, and loads."""

import os
import random
import signal
import stat
import subprocess
import sys
import threading
from contextlib import contextmanager

import numpy as np
import pytest

import ravine as rv
from checkpoint_cases import X, Y, assert_same, model, tiny
from children import child
from paths import TESTS
from ravine.callbacks import ModelCheckpoint
from ravine.checkpoint.atomic import replace_file

EPOCHS = 400
# Forks a child for each line it reads, which trains, from the file where there is one, and kills it after as many
# seconds as the line says; tells how the child ended.
RUNS = """
import os, signal, sys, time
sys.path.insert(0, {tests!r})
from checkpoint_cases import X, Y, model
from ravine.callbacks import ModelCheckpoint
path = {path!r}
print("ready", flush=True)
for line in sys.stdin:
    child = os.fork()
    if child == 0:
        made = model()
        made.fit(X, Y, epochs={epochs}, batch_size=15, callbacks=[ModelCheckpoint(path, "2 steps")],
                 resume=path if os.path.exists(path) else None)
        made.save(path + ".done")
        os._exit(0)
    time.sleep(float(line))
    os.kill(child, signal.SIGKILL)  # also one that has ended, which is there until it is waited for
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


@contextmanager
def started(code):
    """A process that has said that it is ready."""
    with child([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"ready\n"
        yield process


def finish(process):
    """Let a process end, and return its status."""
    process.stdin.close()
    process.stdout.close()
    return process.wait(timeout=60)


def finished(code):
    """Return the status of a process that ends by itself."""
    with started(code) as process:
        return finish(process)


def test_a_run_survives_being_killed_two_hundred_times(tmp_path):
    """At random moments, each time resumed from the last file: it ends with the bits of one that was left alone."""
    path, generator, died, written = tmp_path / "run.ravine", random.Random(2), 0, 0
    longest = 0.05

    def run(seconds):
        runs.stdin.write(f"{seconds}\n".encode())
        runs.stdin.flush()
        return int(runs.stdout.readline())

    with started(RUNS.format(tests=str(TESTS), path=str(path), epochs=EPOCHS)) as runs:
        while died < 200:
            if run(generator.uniform(0.0, longest)) == 0:
                (tmp_path / "run.ravine.done").unlink()
                path.unlink()
                continue
            died += 1
            if path.exists():
                rv.load(path)
                written += 1
            else:
                longest = min(1.1 * longest, 2.0)  # the machine is so slow that there is no file yet
        assert written > 100
        while run(2.0) != 0:
            pass
        assert finish(runs) == 0
    assert sorted(os.listdir(tmp_path)) == ["run.ravine", "run.ravine.done"]
    whole = model()
    whole.fit(X, Y, epochs=EPOCHS, batch_size=15)
    assert_same(rv.load(tmp_path / "run.ravine.done"), whole)


# A child saves twice; the second time it dies right after the step that is named.
DYING = """
import os, signal, sys
import numpy as np
sys.path.insert(0, {tests!r})
from checkpoint_cases import tiny
made = tiny()
made.parameters["dense/bias"][...] = 1
made.save({path!r})
print("ready", flush=True)
made.parameters["dense/bias"][...] = 2
def dying(call):
    def then(*arguments):
        call(*arguments)
        os.kill(os.getpid(), signal.SIGKILL)
    return then
def half(file):
    file.write(b"half")
    file.flush()
    os.kill(os.getpid(), signal.SIGKILL)
from ravine.checkpoint import atomic
{step}
made.save({path!r})
"""
STEPS = {
    "write": ("atomic._lock = half", 1.0),
    "fsync": ("os.fsync = dying(os.fsync)", 1.0),
    "rename": ("os.replace = dying(os.replace)", 2.0),
}


@pytest.mark.parametrize(("step", "bias"), STEPS.values(), ids=STEPS)
def test_death_after_each_step_of_a_save(step, bias, tmp_path):
    path = tmp_path / "a.ravine"
    assert finished(DYING.format(tests=str(TESTS), path=str(path), step=step)) == -signal.SIGKILL
    assert rv.load(path).parameters["dense/bias"].item() == bias
    assert len(os.listdir(tmp_path)) == (2 if bias == 1.0 else 1)
    tiny().save(path)
    assert os.listdir(tmp_path) == ["a.ravine"]  # the next save has removed what was left


# A child whose files may not grow beyond some bytes, as on a disk that is full.
FULL = """
import os, resource, signal, sys
sys.path.insert(0, {tests!r})
from checkpoint_cases import X, Y, model, tiny
tiny().save({path!r})
before = open({path!r}, "rb").read()
print("ready", flush=True)
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))
made = model()
try:
    made.fit(X, Y)
    made.save({path!r})
except OSError as error:
    assert open({path!r}, "rb").read() == before
    made.fit(X, Y)
    sys.exit(7)
"""


@pytest.mark.parametrize("limit", [0, 100, 3000])
def test_a_full_disk_leaves_the_last_file(limit, tmp_path):
    path = tmp_path / "a.ravine"
    assert finished(FULL.format(tests=str(TESTS), path=str(path), limit=limit)) == 7
    assert os.listdir(tmp_path) == ["a.ravine"]
    rv.load(path)


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_an_error_leaves_the_last_file(call, tmp_path, monkeypatch):
    def fail(*arguments):
        raise OSError(28, "No space left on device")

    path = tmp_path / "a.ravine"
    tiny().save(path)
    before = path.read_bytes()
    monkeypatch.setattr(os, call, fail)
    with pytest.raises(OSError, match="No space left"):
        tiny().save(path)
    assert path.read_bytes() == before and os.listdir(tmp_path) == ["a.ravine"]


def test_data_are_on_the_disk_before_the_rename_and_the_rename_before_the_end(tmp_path, monkeypatch):
    calls, fsync, replace = [], os.fsync, os.replace

    def spy_fsync(descriptor):
        calls.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        fsync(descriptor)

    def spy_replace(*paths):
        calls.append("rename")
        replace(*paths)

    monkeypatch.setattr(os, "fsync", spy_fsync)
    monkeypatch.setattr(os, "replace", spy_replace)
    tiny().save(tmp_path / "a.ravine")
    assert calls == ["file", "rename", "folder"]


def test_a_folder_that_may_not_be_written_to(tmp_path):  # F24
    folder = tmp_path / "folder"
    folder.mkdir(mode=0o555)
    root = os.geteuid() == 0
    tmp_path.chmod(0o755)
    try:
        if root:
            os.seteuid(65534)
        with pytest.raises(PermissionError, match="folder"):
            tiny().save(folder / "a.ravine")
    finally:
        if root:
            os.seteuid(0)
    assert os.listdir(folder) == []


def test_files_of_living_writers_and_of_others_stay(tmp_path):
    path, others = tmp_path / "a.ravine", [".a.ravine.tmp", ".a.ravine.x-12345678.tmp", ".b.ravine.1-12345678.tmp"]
    for name in [*others, ".a.ravine.1-12345678.tmp"]:
        (tmp_path / name).write_bytes(b"")
    during = []

    def chunks():
        tiny().save(path)  # another writer, while this one has a file open
        during.extend(name for name in os.listdir(tmp_path) if name not in (*others, "a.ravine"))
        yield b"mine"

    replace_file(str(path), chunks())
    assert len(during) == 1 and during[0].startswith(f".a.ravine.{os.getpid()}-")
    assert sorted(os.listdir(tmp_path)) == sorted(["a.ravine", *others])
    assert path.read_bytes() == b"mine"


def test_a_file_stays_as_private_as_it_was(tmp_path):
    path = tmp_path / "a.ravine"
    for mode in (0o600, 0o640):
        path.touch()
        path.chmod(mode)
        tiny().save(path)
        assert stat.S_IMODE(path.stat().st_mode) == mode


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "a.ravine").symlink_to(tmp_path / "real" / "b.ravine")
    tiny().save(tmp_path / "a.ravine")
    assert (tmp_path / "a.ravine").is_symlink() and os.listdir(tmp_path / "real") == ["b.ravine"]


def test_a_relative_path_is_in_the_working_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tiny().save("a.ravine")
    assert os.listdir(tmp_path) == ["a.ravine"]


def test_many_writers_of_one_path(tmp_path):  # F26
    path, wrong = tmp_path / "a.ravine", []
    tiny().save(path)

    def write(bias):
        made = tiny()
        made.parameters["dense/bias"][...] = bias
        try:
            for _ in range(20):
                made.save(path)
                assert 0 <= rv.load(path).parameters["dense/bias"].item() < 4
        except BaseException as error:
            wrong.append(error)

    threads = [threading.Thread(target=write, args=(bias,)) for bias in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert wrong == [] and os.listdir(tmp_path) == ["a.ravine"]


def test_a_full_disk_ends_a_fit_with_the_error_and_a_usable_model(tmp_path, monkeypatch):
    def fail(descriptor):
        raise OSError(28, "No space left on device")

    made = model()
    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="No space left"):
        made.fit(X, Y, callbacks=[ModelCheckpoint(tmp_path / "run.ravine")])
    assert os.listdir(tmp_path) == []
    assert np.isfinite(made.predict(X)).all()
