"""The layer Embedding: shapes, what it learns, ids that are refused."""

from __future__ import annotations

import pickle
import re
from typing import Any

import numpy as np
import pytest

import ravine as rv
from ravine.layers import Dense, Embedding, Flatten, Input

IDS = np.random.default_rng(0).integers(0, 20, (60, 3))
Y = (IDS == 7).any(axis=1).astype(int)


def model(*, input_dim: int = 20, dtype: str = "float32", optimizer: Any = "adam", **options: Any) -> rv.Sequential:
    made = rv.Sequential([Embedding(input_dim, 4, **options), Flatten(), Dense(1)], dtype=dtype, random_state=0)
    made.compile(optimizer, loss="binary_crossentropy", metrics=["accuracy"])
    return made


def test_rows_of_the_table_come_out() -> None:
    made = rv.Sequential([Input(3), Embedding(20, 4), Flatten(), Dense(2)], random_state=0)
    table = made.parameters["embedding/kernel"]
    assert table.shape == (20, 4) and made.layers[0].output_shape((3,)) == (3, 4)
    assert float(np.abs(table).max()) <= 0.05
    assert np.array_equal(made.transform(IDS, layer=0), table[IDS])
    assert np.array_equal(made.transform(IDS.astype(np.float64), layer=0), table[IDS])


@pytest.mark.parametrize("optimizer", ["adam", "sgd", rv.optimizers.LBFGS(), rv.optimizers.OpenAIES(0.1, population=6)])
def test_every_kind_of_optimizer_trains_it(optimizer: Any) -> None:
    made = model(optimizer=optimizer)
    made.fit(IDS, Y, epochs=0)
    before = made.evaluate(IDS, Y)["loss"]
    history = made.fit(IDS, Y, epochs=20, batch_size=None).history
    assert history["loss"][-1] < before


def test_it_learns_which_id_matters() -> None:
    made = model(optimizer=rv.optimizers.Adam(0.05))
    made.fit(IDS, Y, epochs=60)
    assert made.evaluate(IDS, Y)["accuracy"] == 1.0


def test_rules_that_keep_no_state_move_only_rows_that_occur() -> None:
    made = model(optimizer=rv.optimizers.SGD(0.5))
    made.fit(IDS, Y, epochs=0)
    before = made.parameters["embedding/kernel"].copy()
    made.fit(np.array([[1, 1, 4]]), [1], epochs=3)
    assert sorted(np.flatnonzero((made.parameters["embedding/kernel"] != before).any(axis=1))) == [1, 4]


def test_frozen_rows_stay() -> None:
    made = model(trainable=False)
    made.fit(IDS, Y, epochs=0)
    before = made.parameters["embedding/kernel"].copy()
    made.fit(IDS, Y, epochs=3)
    assert np.array_equal(made.parameters["embedding/kernel"], before)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_gradients_are_right(dtype: str) -> None:
    assert rv.check_gradients(model(dtype=dtype, l2=0.01), IDS, Y)


def test_models_are_saved_pickled_and_gone_on_with(tmp_path: Any) -> None:
    made = model()
    made.fit(IDS, Y, epochs=2)
    made.save(tmp_path / "ids.ravine")
    for other in (rv.load(tmp_path / "ids.ravine"), pickle.loads(pickle.dumps(made))):
        assert np.array_equal(other.predict(IDS), made.predict(IDS))
    rv.diagnose(made, IDS, Y)


BAD: list[tuple[Any, str]] = [
    (20, "got 20"),
    (-1, "got -1"),
    (0.5, "got 0.5"),
    (2**24 + 1, "got 16777217"),
]


@pytest.mark.parametrize(("value", "message"), BAD, ids=[message for _, message in BAD])
@pytest.mark.parametrize("method", ["fit", "predict", "evaluate", "train_on_batch", "transform"])
def test_other_ids_are_refused(method: str, value: Any, message: str) -> None:
    made = model()
    made.fit(IDS, Y, epochs=1)
    bad = IDS.astype(type(value))
    bad[5, 1] = value
    arguments = [Y] if method in ("fit", "evaluate", "train_on_batch") else []
    with pytest.raises(ValueError, match=re.escape(f"X must hold ids, whole numbers in [0, 20), {message}")):
        getattr(made, method)(bad, *arguments)
    few = bad.astype(np.float32)
    with pytest.raises(ValueError, match="X must hold ids"):
        getattr(made, method)(few, *arguments)


def test_nan_is_no_id() -> None:
    made, bad = model(), IDS.astype(float)
    bad[0, 0] = np.nan
    with pytest.raises(ValueError, match="Input X contains NaN"):
        made.fit(bad, Y)
    made.fit(IDS, Y, epochs=0)
    with pytest.raises(ValueError, match=r"X must hold ids, .* got nan"):
        made.predict(bad)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Embedding(0, 4), ValueError, "input_dim must be an int"),
        (lambda: Embedding(2.0, 4), ValueError, "input_dim must be an int"),
        (lambda: Embedding(True, 4), ValueError, "input_dim must be an int"),
        (lambda: Embedding(2**31 + 1, 4), ValueError, "input_dim must be an int"),
        (lambda: Embedding(4, 0), ValueError, "output_dim must be an int"),
        (lambda: Embedding(4, "2"), ValueError, "output_dim must be an int"),
        (lambda: Embedding(4, 2, kernel_initializer="no"), ValueError, "unknown kernel_initializer"),
        (lambda: Embedding(4, 2, l2=0.1, kernel_regularizer="l1"), ValueError, "give l1 and l2 or kernel_regularizer"),
        (lambda: rv.Sequential([Input(3), Embedding(2**24 + 1, 1)]), ValueError, "[1, 16777216], got 16777217"),
        (lambda: rv.Sequential([Input(3), Dense(2), Embedding(4, 1)]), ValueError, "must be the first layer"),
        (lambda: rv.Sequential([Input((3, 2)), Embedding(4, 1)]), ValueError, "takes rows of ids"),
    ],
)
def test_bad_layers_are_refused(make: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=re.escape(message)):
        make()


def test_repr_tells_what_is_not_as_usual() -> None:
    assert repr(Embedding(10, 4)) == "Embedding(10, 4)"
    assert repr(Embedding(10, 4, name="words", l2=0.1)).startswith("Embedding(10, 4, kernel_regularizer=L")
