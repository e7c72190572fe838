"""Sparse inputs: every call takes them, with the bits of the same rows in full; bad matrices are refused by name."""

from __future__ import annotations

import copy
import pickle
import re
from typing import Any

import numpy as np
import pytest

import ravine as rv
from ravine.inputs.sparse import SparseRows, as_sparse_rows
from ravine.layers import Dense, Dropout, Flatten

ROWS, COLUMNS, CLASSES = 120, 600, 4


class CSR:
    """What SciPy's matrices in CSR form look like from outside."""

    format = "csr"

    def __init__(self, data: Any, indices: Any, indptr: Any, shape: tuple[int, ...]) -> None:
        self.data, self.indices, self.indptr, self.shape = data, indices, indptr, shape
        self.nnz = len(data)

    def tocsr(self) -> Any:
        return self


class Other(CSR):
    """A matrix in another form, which gives one in CSR form."""

    format = "csc"

    def tocsr(self) -> Any:
        return CSR(self.data, self.indices, self.indptr, self.shape)


def csr(full: Any, index: Any = np.int32, kind: type[CSR] = CSR) -> CSR:
    stored = full != 0
    indptr = np.concatenate([[0], np.cumsum(stored.sum(axis=1))])
    return kind(full[stored], np.nonzero(stored)[1].astype(index), indptr.astype(index), full.shape)


def matrix(rows: int = ROWS, columns: int = COLUMNS, seed: int = 0) -> Any:
    draw = np.random.default_rng(seed)
    full = np.where(draw.random((rows, columns)) < 0.03, draw.normal(size=(rows, columns)), 0.0)
    full[rows // 3] = 0.0  # a row without terms
    full[:, columns // 2] = 0.0
    return full


X, Y = matrix(), np.random.default_rng(1).integers(0, CLASSES, ROWS)
WEIGHT = np.random.default_rng(2).random(ROWS)


def model(optimizer: Any = "adam", *, dtype: str = "float32", units: int = 33, **options: Any) -> rv.Sequential:
    made = rv.Sequential(
        [Dense(units, "relu", **options), Dropout(0.2), Dense(CLASSES, "softmax")], dtype=dtype, random_state=3
    )
    made.compile(optimizer, loss="categorical_crossentropy", metrics=["accuracy"])
    return made


def same(a: Any, b: Any) -> bool:
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[name], b[name]) for name in a)
    return np.array_equal(a, b)


def both(call: Any, **options: Any) -> tuple[Any, Any]:
    """What a call gives on a fresh model with the full matrix and with the sparse one."""
    return tuple(call(model(**options), data) for data in (X, csr(X)))  # type: ignore[return-value]


def fitted(made: rv.Sequential, data: Any, **options: Any) -> Any:
    history = made.fit(data, Y, **{"epochs": 3, "batch_size": 32, **options})
    return {**made.parameters}, history.history


CALLS: dict[str, Any] = {
    "fit": fitted,
    "fit unshuffled": lambda m, data: fitted(m, data, shuffle=False),
    "fit all rows": lambda m, data: fitted(m, data, batch_size=None),
    "fit weighted": lambda m, data: fitted(m, data, sample_weight=WEIGHT),
    "fit with a split": lambda m, data: fitted(m, data, validation_split=0.25),
    "fit with validation": lambda m, data: fitted(m, data, validation_data=(data, Y, WEIGHT)),
    "fit by batches": lambda m, data: fitted(m, data, callbacks=[ByBatch()]),
    "weighted sampler": lambda m, data: fitted(m, data, sampler=rv.samplers.Weighted(WEIGHT)),
    "stratified sampler": lambda m, data: fitted(m, data, sampler=rv.samplers.Stratified()),
    "adaptive sampler": lambda m, data: (
        fitted(m, data, sampler=rv.samplers.AdaptiveWeights())[0] | {"p": m.sampling_probabilities}
    ),
    "train_on_batch": lambda m, data: (m.train_on_batch(data, Y), {**m.parameters}),
    "evaluate": lambda m, data: _built(m).evaluate(data, Y, sample_weight=WEIGHT),
    "predict": lambda m, data: _built(m).predict(data),
    "predict_proba": lambda m, data: _built(m).predict_proba(data),
    "predict_classes": lambda m, data: _built(m).predict_classes(data),
    "transform": lambda m, data: _built(m).transform(data, layer=0),
    "loss_and_gradients": lambda m, data: m.loss_and_gradients(data, Y, sample_weight=WEIGHT),
    "gradients": lambda m, data: _built(m).gradients(data, np.ones((ROWS, CLASSES))),
}


class ByBatch(rv.callbacks.Callback):
    """Has a hook on batches."""

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        assert logs["loss"] > 0.0


def _built(made: rv.Sequential) -> rv.Sequential:
    made.fit(X, Y, epochs=0)
    return made


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_calls_give_the_bits_of_the_full_rows(call: Any, dtype: str) -> None:
    full, sparse = both(call, dtype=dtype)
    for a, b in zip(full, sparse, strict=True) if isinstance(full, tuple) else [(full, sparse)]:
        assert same(a, b)


OPTIMIZERS = {
    "adam": rv.optimizers.Adam(),
    "sgd": rv.optimizers.SGD(0.1),
    "momentum": rv.optimizers.SGD(0.1, momentum=0.9),
    "decay": rv.optimizers.SGD(0.1, weight_decay=0.01),
    "adagrad": rv.optimizers.AdaGrad(0.1),
    "rmsprop": rv.optimizers.RMSProp(),
    "clip_norm": rv.optimizers.Adam(clip_norm=0.1),
    "clip_value": rv.optimizers.SGD(0.1, clip_value=1e-3),
    "average": rv.optimizers.WeightAverage(rv.optimizers.SGD(0.1), decay=0.9),
    "chain": [rv.optimizers.SGD(0.1), rv.optimizers.Adam()],
    "annealing": rv.optimizers.SimulatedAnnealing(),
    "es": rv.optimizers.OpenAIES(0.1, population=8),
}
LAYERS: dict[str, dict[str, Any]] = {
    "plain": {},
    "narrow": {"units": 3},
    "wide": {"units": 300},
    "l2": {"l2": 1e-3},
    "l1": {"l1": 1e-3},
    "norm": {"kernel_regularizer": rv.regularizers.L2Norm(1e-3)},
    "constraint": {"kernel_constraint": rv.constraints.MaxNorm(0.5)},
    "no bias": {"use_bias": False},
    "frozen": {"trainable": False},
}


@pytest.mark.parametrize("optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_optimizers_take_the_same_steps(optimizer: Any) -> None:
    (full, history), (sparse, other) = both(fitted, optimizer=copy.deepcopy(optimizer))
    assert same(full, sparse) and same(history, other)


@pytest.mark.parametrize("kind", [rv.optimizers.LBFGS, rv.optimizers.BFGS])
def test_searches_take_the_same_steps(kind: Any) -> None:
    found = []
    for data in (X[:, :50], csr(X[:, :50])):
        made = rv.Sequential([Dense(4, "tanh"), Dense(CLASSES, "softmax")], random_state=0)
        made.compile(kind(), loss="categorical_crossentropy")
        found.append(fitted(made, data, batch_size=None))
    assert same(found[0][0], found[1][0]) and same(found[0][1], found[1][1])


@pytest.mark.parametrize("options", LAYERS.values(), ids=LAYERS)
def test_layers_learn_alike(options: dict[str, Any]) -> None:
    (full, history), (sparse, other) = both(fitted, **options)
    assert same(full, sparse) and same(history, other)


@pytest.mark.parametrize("size", [1, 33, 300, 520, 1000])
@pytest.mark.parametrize("units", [5, 64, 200])
def test_bits_do_not_depend_on_threads_nor_on_zeros(units: int, size: int) -> None:
    full, labels = matrix(1000, 1500, seed=5), np.random.default_rng(6).integers(0, CLASSES, 1000)
    weights = []
    if size == 1:
        full, labels = full[:40], labels[:40]
    for data, threads in [(full, 1), (csr(full), 1), (csr(full), 2), (csr(full), 3), (csr(full), 8)]:
        made = model(units=units)
        made.fit(data, labels, batch_size=size, epochs=2, n_threads=threads)
        weights.append(dict(made.parameters))
    assert all(same(weights[0], other) for other in weights[1:])


def test_dense_and_sparse_calls_mix() -> None:
    mixed, full = model(), model()
    for made, datas in ((mixed, (csr(X), X, csr(X[:50]), X)), (full, (X, X, X[:50], X))):
        for data in datas:
            made.fit(data, Y[: data.shape[0]], epochs=2)
            made.gradients(data, np.ones((data.shape[0], CLASSES)))
    assert same(dict(mixed.parameters), dict(full.parameters))
    assert same(mixed.loss_and_gradients(csr(X), Y)[1], full.loss_and_gradients(X, Y)[1])


def test_gradients_are_right() -> None:
    made = rv.Sequential([Dense(5, "tanh"), Dense(2)], dtype="float64", random_state=0)
    made.compile(loss="mse")
    assert rv.check_gradients(made, csr(X[:30, :12]), np.random.default_rng(0).normal(size=(30, 2)))


def test_diagnosis_divergence_and_doctor() -> None:
    made = model("adam")
    made.fit(csr(X), Y, epochs=2, callbacks=[rv.callbacks.Doctor()])
    assert str(rv.diagnose(made, csr(X), Y)) == str(rv.diagnose(made, X, Y))
    wild = model(rv.optimizers.SGD(1e30))
    with pytest.raises(rv.DivergenceError, match="learning_rate=1e"):
        wild.fit(csr(X), Y, epochs=5)


def test_many_models_take_sparse_rows() -> None:
    template = model()
    for data in (X, csr(X)):
        ensemble = rv.Ensemble(template, size=2, kind="bagging")
        ensemble.fit(data, Y, epochs=2)
        starts = rv.MultiStart(template, starts=3, check_every=1)
        starts.fit(data, Y, epochs=2, validation_data=(data, Y))
        found = {**ensemble.members[1].parameters}, {**starts.best_model.parameters}, ensemble.evaluate(data, Y)
        if data is X:
            first = found
    assert all(same(a, b) for a, b in zip(first, found, strict=True))


def test_a_fit_goes_on_where_it_stood(tmp_path: Any) -> None:
    path = tmp_path / "run.ravine"
    whole, half, other = model(), model(), model()
    whole.fit(csr(X), Y, epochs=4)
    half.fit(csr(X), Y, epochs=2, callbacks=[rv.callbacks.ModelCheckpoint(path)])
    other.fit(csr(X), Y, epochs=4, resume=path)
    assert same(dict(whole.parameters), dict(other.parameters))
    with pytest.raises(rv.CheckpointMismatchError, match="other data"):
        model().fit(csr(2 * X), Y, epochs=4, resume=path)


def test_a_pickled_model_predicts_sparse_rows() -> None:
    made = _built(model())
    assert np.array_equal(pickle.loads(pickle.dumps(made)).predict(csr(X)), made.predict(X))


# --- forms


def test_indices_of_64_bits_and_other_forms_are_the_same_matrix() -> None:
    made = _built(model())
    for data in (csr(X, np.int64), csr(X, kind=Other), csr(X.astype(np.float32)), csr(X.astype(np.float64))):
        assert np.array_equal(made.predict(data), made.predict(X))


@pytest.mark.parametrize("name", ["csr_matrix", "csr_array", "csc_array", "coo_array", "lil_array", "bsr_array"])
def test_scipy_matrices(name: str) -> None:
    sparse = pytest.importorskip("scipy.sparse")
    made = _built(model())
    data = getattr(sparse, name)(X)
    before = data.copy()
    assert np.array_equal(made.predict(data), made.predict(X))
    assert (data != before).nnz == 0
    assert np.array_equal(made.predict(sparse.csr_array(X)[10:20]), made.predict(X[10:20]))


@pytest.mark.parametrize("dtype", [bool, np.int8, np.int64, np.uint32, np.float16])
def test_values_of_other_types_are_converted(dtype: Any) -> None:
    made, values = _built(model()), (X > 0).astype(dtype)
    assert np.array_equal(made.predict(csr(values)), made.predict(values))


def test_unsorted_terms_and_duplicates_are_put_in_order_in_a_copy() -> None:
    data, indices = np.array([1.0, 2.0, 4.0, 8.0, 16.0]), np.array([5, 2, 5, 599, 0], np.int32)
    given = CSR(data.copy(), indices.copy(), np.array([0, 3, 3, 5], np.int32), (3, COLUMNS))
    full = np.zeros((3, COLUMNS))
    full[0, [2, 5]], full[2, [0, 599]] = (2.0, 5.0), (16.0, 8.0)
    made = _built(model())
    assert np.array_equal(made.predict(given), made.predict(full))
    assert np.array_equal(given.data, data) and np.array_equal(given.indices, indices)
    rows = as_sparse_rows("X", given, np.dtype(np.float64))
    assert rows.indices.tolist() == [2, 5, 0, 599] and rows.data.tolist() == [2.0, 5.0, 16.0, 8.0]
    assert rows.indptr.tolist() == [0, 2, 2, 4]


def test_a_matrix_without_terms_is_all_zeros() -> None:
    nothing, made = np.zeros((9, COLUMNS)), _built(model())
    assert np.array_equal(made.predict(csr(nothing)), made.predict(nothing))
    for data in (csr(nothing), nothing):
        made = model()
        made.fit(data, Y[:9], epochs=2)
        weights = dict(made.parameters)
        if data is not nothing:
            first = weights
    assert same(first, weights)


@pytest.mark.parametrize("rows", [slice(2, 7), slice(None), slice(7, 2), slice(1, 30, 4), [3, 3, 40, 0], [40]])
def test_rows_are_taken_as_numpy_does(rows: Any) -> None:
    taken = as_sparse_rows("X", csr(X), np.dtype(np.float64))[rows]
    full = np.zeros(X[rows].shape)
    for i in range(len(taken)):
        own = slice(taken.indptr[i], taken.indptr[i + 1])
        full[i, taken.indices[own]] = taken.data[own]
    assert isinstance(taken, SparseRows) and np.array_equal(full, X[rows])


# --- what is refused


def changed(**parts: Any) -> CSR:
    made = csr(X)
    vars(made).update(parts)
    return made


def with_value(value: float) -> CSR:
    made = csr(X)
    made.data[3] = value
    return made


def with_index(value: int) -> CSR:
    made = csr(X)
    made.indices[5] = value
    return made


class Strange:
    nnz = 3
    format = "dok"

    def tocsr(self) -> Any:
        return self


SMALL = np.array([0, 1], np.int32)
BAD: list[tuple[Any, type[Exception], str]] = [
    (with_value(np.nan), ValueError, "Input X contains NaN"),
    (with_value(np.inf), ValueError, "Input X contains infinity"),
    (with_value(1e300), ValueError, "too large for dtype('float32')"),
    (with_index(COLUMNS), ValueError, "X.indices hold the column 600, allowed are [0, 600)"),
    (with_index(-1), ValueError, "X.indices hold the column -1"),
    (changed(indptr=SMALL), ValueError, "X.indptr must have 121 entries"),
    (changed(indptr=np.arange(121)[::-1]), ValueError, "entries that do not descend"),
    (changed(indptr=np.full(121, 10**6)), ValueError, "X.indptr ends with 1000000, but X.indices has"),
    (changed(indices=np.zeros(3)), TypeError, "X.indices must be a row of integers, got dtype float64"),
    (changed(data=X.astype(complex)[X != 0]), ValueError, "Complex data not supported: X.data"),
    (changed(data=np.array(["a"] * int((X != 0).sum()))), ValueError, "X.data: could not convert string to float"),
    (changed(data=X[X != 0].astype(object)), ValueError, "X.data has dtype object; convert it"),
    (csr(matrix(columns=601)), ValueError, "X has 601 features, but Sequential is expecting 600 features"),
    (csr(X[:0]), ValueError, "Found array with 0 sample(s)"),
    (csr(X[:, :0]), ValueError, "Found array with 0 feature(s)"),
    (changed(shape=(ROWS,)), ValueError, "Expected 2D array, got 1D array instead: sparse X"),
    (changed(shape=(ROWS, 2**31)), ValueError, "sparse X has 2147483648 features, allowed are 2147483647"),
    (Strange(), TypeError, "sparse X has no data: ravine takes matrices in CSR form"),
]


@pytest.mark.parametrize(("bad", "error", "message"), BAD, ids=[message[:30] for *_, message in BAD])
@pytest.mark.parametrize("method", ["fit", "predict", "transform", "evaluate", "train_on_batch"])
def test_bad_matrices_are_refused(method: str, bad: Any, error: type[Exception], message: str) -> None:
    made = _built(model())
    arguments = [Y] if method in ("fit", "evaluate", "train_on_batch") else []
    keywords = {"layer": 0} if method == "transform" else {}
    with pytest.raises(error, match=re.escape(message)):
        getattr(made, method)(bad, *arguments, **keywords)


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ([Dropout(0.1), Dense(1)], "layers[0] is Dropout(0.1)"),
        ([Flatten(), rv.layers.Activation("relu"), Dense(1)], "layers[1] is Activation('relu')"),
        ([rv.layers.Parallel([[Dense(1)], [Dense(1)]]), Dense(1)], "layers[0] is Parallel"),
        ([rv.layers.Embedding(5, 2), Flatten(), Dense(1)], "layers[0] is Embedding"),
    ],
)
def test_other_first_layers_refuse_sparse_rows(layers: Any, message: str) -> None:
    made = rv.Sequential(layers)
    made.compile(loss="mse")
    with pytest.raises(TypeError, match=re.escape(f"X is sparse, which only a first layer Dense takes: {message}")):
        made.fit(csr(X), Y[:, None])


def test_flatten_lets_sparse_rows_through_but_gives_none() -> None:
    made = rv.Sequential([Flatten(), Dense(3)], random_state=0)
    made.compile(loss="mse")
    made.fit(csr(X), X[:, :3], epochs=1)
    assert np.array_equal(made.predict(csr(X)), made.predict(X))
    with pytest.raises(ValueError, match="X is sparse, and no operation before this output takes it"):
        made.transform(csr(X), layer=0)


def test_sparse_targets_and_weights_are_refused() -> None:
    made = model()
    with pytest.raises(TypeError, match=re.escape("sparse y is not supported; pass y.toarray()")):
        made.fit(csr(X), csr(X))
    with pytest.raises(TypeError, match="sparse sample_weight is not supported"):
        made.fit(csr(X), Y, sample_weight=csr(X))


@pytest.mark.parametrize("name", ["sgd", "adagrad"])
@pytest.mark.parametrize("size", [7, 16, 120])
@pytest.mark.parametrize("units", [1, 7, 64])
def test_rules_that_leave_rows_alone_write_only_those_touched(units: int, size: int, name: str) -> None:
    """Over 256 steps, so that a step that clears faded state is among them; with bits that no thread changes."""
    weights = []
    for data, threads in [(X, 1), (csr(X), 1), (csr(X), 2)]:
        made = model(name, units=units)
        made.fit(data, Y, batch_size=size, epochs=-(-260 // -(-ROWS // size)), n_threads=threads)
        weights.append(dict(made.parameters))
    assert same(weights[0], weights[1]) and same(weights[0], weights[2])
    fresh = model(name, units=units)
    fresh.fit(csr(X), Y, epochs=0)
    still = (X == 0).all(axis=0)
    assert still.any() and np.array_equal(weights[0]["dense/kernel"][still], fresh.parameters["dense/kernel"][still])


def test_nothing_is_made_dense() -> None:
    """In full these rows would take 160 GB."""
    rows, columns = 20_000, 2_000_000
    draw = np.random.default_rng(0)
    label = draw.integers(0, 2, rows)
    indices = np.sort(draw.integers(0, columns // 2, (rows, 5)) * 2 + label[:, None], axis=1).astype(np.int32)
    data = CSR(np.ones(5 * rows, np.float32), indices.reshape(-1), np.arange(0, 5 * rows + 1, 5), (rows, columns))
    made = rv.Sequential([Dense(1, "sigmoid", use_bias=False)], random_state=0)
    made.compile(rv.optimizers.SGD(1.0), loss="binary_crossentropy", metrics=["accuracy"])
    made.fit(data, label, epochs=2, batch_size=256)
    assert made.evaluate(data, label)["accuracy"] > 0.95
    assert ((made.predict(data)[:, 0] > 0.5) == label).mean() > 0.95
