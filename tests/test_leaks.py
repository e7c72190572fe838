"""Ten thousand fits leave no megabyte behind."""

import json
import os
import subprocess
import sys

import pytest

COUNT = 10_000
SCRIPT = """
import gc, json, os, sys
import numpy as np
import ravine as rv
rng = np.random.default_rng(0)
X = rng.normal(size=(20, 4)).astype(np.float32)
y, labels = X[:, 0].copy(), np.array(["a", "b"])[(X[:, 1] > 0).astype(int)]
kept = rv.Sequential([rv.layers.Dense(3, "tanh"), rv.layers.Dense(1)], random_state=0)
kept.compile("adam", "mse")
path = sys.argv[1] + "/a.ravine"

def again():  # the same model, over and over
    kept.fit(X, y, n_threads=1, verbose=0)

def anew():  # a new one each time, and all that goes with it
    model = rv.Sequential([rv.layers.Dense(3, "relu"), rv.layers.Dropout(0.2), rv.layers.Dense(2)], random_state=0)
    model.compile("rmsprop", "categorical_crossentropy", ["accuracy"])
    model.fit(X, labels, n_threads=2, verbose=0, callbacks=[rv.callbacks.EarlyStopping("loss")])
    model.predict_proba(X)

def refused():
    try:
        kept.fit(X, y[:3])
    except ValueError:
        pass

def files():
    kept.save(path)
    rv.load(path).predict(X)

def memory():
    gc.collect()
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")

found = {}
for call, count in ((again, %(again)d), (anew, %(anew)d), (refused, 2000), (files, 200)):
    for _ in range(count // 10):
        call()
    before = memory()
    for _ in range(count):
        call()
    found[call.__name__] = memory() - before
print(json.dumps(found))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads the memory in use from /proc")
@pytest.mark.timeout(330)
def test_fits_leave_nothing_behind(tmp_path):
    script = SCRIPT % {"again": COUNT // 2, "anew": COUNT // 2}
    environment = {**os.environ, "MALLOC_ARENA_MAX": "1", "MALLOC_TRIM_THRESHOLD_": "0"}
    run = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, timeout=300, env=environment
    )
    assert run.returncode == 0, run.stderr
    assert max(json.loads(run.stdout).values()) < 1e6, run.stdout
