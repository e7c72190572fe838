"""The rows of the comparison: one line each, with the goals it is held to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any, Literal, TypeAlias

import numpy as np

from .fits import Fit, Kind, Probabilities, Task, diabetes_to_fit, digits_to_fit, split
from .tasks import Activation, Array, Convolved, Form, Images, Inference, Product, Search, Text, Training, Update

Limit: TypeAlias = Literal["FMA", "triad", "barrier"]
Data: TypeAlias = Callable[[int, int, int], tuple[Array, Array]]  # rows, inputs, units or classes -> X, y

PARAMETERS = 10_000_000  # of an update


@dataclass(frozen=True)
class Row:
    """A task and its goals.

    `goals` are for one thread and for all: best peer's time over ravine's. `limit` is what the machine can do at best
    with this task, None where its work depends on the contestant; `share_goal` is the share of it that is wanted.
    `noisy` rows hold ravine on all threads against ravine on one, while another process keeps a core busy.
    """

    name: str
    group: str
    make: Callable[[], Task]
    goals: tuple[float, float]
    limit: Limit | None = "FMA"
    share_goal: float | None = None
    one_thread: bool = False
    noisy: bool = False


def numbers(*key: int) -> np.random.Generator:
    """Return a generator that gives the same numbers in every run."""
    return np.random.default_rng([3, *key])


def first_weights(sizes: Sequence[int]) -> list[Array]:
    """Draw kernels with variance 2 / inputs, and zero biases."""
    rng = numbers(*sizes)
    weights: list[Array] = []
    for inputs, units in pairwise(sizes):
        weights.append(rng.standard_normal((inputs, units), np.float32) * np.float32(np.sqrt(2.0 / inputs)))
        weights.append(np.zeros(units, np.float32))
    return weights


def curve(rows: int, inputs: int, units: int) -> tuple[Array, Array]:
    """Draw points and smooth functions of them, with noise, so that gradients never vanish."""
    rng = numbers(rows, inputs, units)
    X = rng.uniform(-1.0, 1.0, (rows, inputs)).astype(np.float32)
    clean = np.sin(2.0 * X @ rng.standard_normal((inputs, units)))
    return X, (clean + 0.1 * rng.standard_normal((rows, units))).astype(np.float32)


def clusters(rows: int, inputs: int, classes: int) -> tuple[Array, Array]:
    """Draw points about one centre a class, near enough for some to be mistaken; every class is there."""
    rng = numbers(rows, inputs, classes)
    label = rng.permutation(np.arange(rows) % classes)
    centre = rng.standard_normal((classes, inputs), np.float32) * np.float32(1.0 / np.sqrt(inputs))
    return centre[label] + rng.standard_normal((rows, inputs), np.float32) * np.float32(0.3), label


def words(rows: int, features: int, classes: int) -> tuple[Array, Array, Array, Array]:
    """Draw texts: how often a word comes follows Zipf's law, half of a text's words those of its class.

    Returns values (rows of length 1), columns, where rows begin, and classes; about 100 different words a text.
    """
    rng = numbers(rows, features, classes)
    share = 1.0 / np.arange(1, features + 1)
    bounds = np.cumsum(share / share.sum())
    label = rng.permutation(np.arange(rows) % classes)
    column = rng.permutation(features)
    favourites = [rng.permutation(features) for _ in range(classes)]
    texts, values = [], []
    for kind in label:
        drawn = np.minimum(np.searchsorted(bounds, rng.random(124)), features - 1)
        drawn[::2] = favourites[kind][drawn[::2]]
        found, count = np.unique(column[drawn], return_counts=True)
        texts.append(found.astype(np.int32))
        values.append((count / np.linalg.norm(count)).astype(np.float32))
    indptr = np.concatenate([[0], np.cumsum([len(text) for text in texts])]).astype(np.int32)
    return np.concatenate(values), np.concatenate(texts), indptr, label


def handwriting(rows: int, inputs: int, classes: int) -> tuple[Array, Array]:
    """Take the first of ravine's digits."""
    import ravine as rv

    X, label, _, _ = rv.datasets.digits()
    assert X.shape[1] == inputs and label.max() == classes - 1
    return X[:rows], label[:rows].astype(np.int64)


def training(
    name: str,
    sizes: tuple[int, ...],
    activation: Activation,
    data: Data,
    rows: int,
    batch: int,
    checked_passes: int,
    goals: tuple[float, float],
    limit: Limit = "FMA",
    share_goal: float | None = None,
) -> Row:
    """Make a row of training steps."""

    def make() -> Training:
        X, y = data(rows, sizes[0], sizes[-1])
        loss: Literal["mse", "cross_entropy"] = "mse" if data is curve else "cross_entropy"
        return Training(sizes, activation, loss, batch, X, y, first_weights(sizes), checked_passes)

    return Row(name, "training", make, goals, limit, share_goal)


def images(
    name: str,
    shape: tuple[int, int, int],
    convolutions: tuple[Convolved, ...],
    units: tuple[int, ...],
    rows: int,
    batch: int,
    checked_passes: int,
    goals: tuple[float, float],
) -> Row:
    """Make a row of training steps of a convolutional net; the classes are those of `clusters`."""

    def make() -> Images:
        X, y = clusters(rows, shape[0] * shape[1] * shape[2], units[-1])
        weights, image = [], shape
        for layer in convolutions:
            terms = layer.kernel**2 * image[2]
            kernel, bias = first_weights((terms, layer.filters))
            weights.append(kernel.reshape(layer.kernel, layer.kernel, image[2], layer.filters))
            weights += [np.ones_like(bias), bias] if layer.norm else [bias]  # gamma and beta, or a bias
            height, width, filters = layer.outputs(image)
            image = (height // layer.pool, width // layer.pool, filters)
        sizes = (image[0] * image[1] * image[2], *units)
        weights += first_weights(sizes)
        return Images(
            sizes, "relu", "cross_entropy", batch, X.reshape(rows, *shape), y, weights, checked_passes, convolutions
        )

    return Row(name, "images", make, goals)


def text(name: str, sizes: tuple[int, ...], rows: int, batch: int, goals: tuple[float, float]) -> Row:
    """Make a row of training steps on sparse rows."""

    def make() -> Text:
        values, indices, indptr, y = words(rows, sizes[0], sizes[-1])
        weights = first_weights(sizes)
        return Text(sizes, "relu", "cross_entropy", batch, values, y, weights, 3, indices=indices, indptr=indptr)

    return Row(name, "sparse", make, goals, "triad")


def search(name: str, sizes: tuple[int, ...], data: Data, rows: int, goals: tuple[float, float]) -> Row:
    """Make a row of searches by L-BFGS."""

    def make() -> Search:
        X, y = data(rows, sizes[0], sizes[-1])
        return Search(sizes, "relu", "cross_entropy", rows, X, y, first_weights(sizes), checked_passes=1)

    return Row(name, "search", make, goals)


def inference(name: str, sizes: tuple[int, ...], rows: int, goals: tuple[float, float], limit: Limit = "FMA") -> Row:
    """Make a row of outputs for given rows; several units end in a softmax."""

    def make() -> Inference:
        X = numbers(rows, sizes[0]).standard_normal((rows, sizes[0]), np.float32)
        return Inference(sizes, "relu", sizes[-1] > 1, X, first_weights(sizes))

    return Row(name, "inference", make, goals, limit)


def fit(name: str, kind: Kind, data: Callable[[], tuple[Any, ...]], **settings: Any) -> Row:
    """Make a row of an estimator's whole fits, on training rows, with the score on test rows as its check."""

    def make() -> Fit:
        X, y, X_test, y_test = data()
        return Fit(kind, settings, X, y, X_test, y_test)

    return Row(name, "sklearn", make, (5.0, 5.0), None)


def probabilities(name: str, rows: int, goal: float) -> Row:
    """Make a row of an estimator's probabilities, for scikit-learn's default network on the digits."""

    def make() -> Probabilities:
        sizes = (64, 100, 10)
        X = numbers(rows, sizes[0]).standard_normal((rows, sizes[0]))
        return Probabilities(sizes, "relu", True, X, first_weights(sizes))

    return Row(name, "sklearn", make, (goal, goal), None)


def table_to_fit(rows: int, inputs: int, data: Data, units: int) -> tuple[Array, ...]:
    """Return rows and as many again, divided by three, to test on."""
    X, y = data(rows + rows // 3, inputs, units)
    return split(X.astype(np.float64), y if y.dtype.kind == "i" else y[:, 0].astype(np.float64))


def text_to_fit(rows: int, features: int, classes: int) -> tuple[Any, ...]:
    """Return texts and a third as many to test on, SciPy's CSR in float64, with their classes."""
    from scipy.sparse import csr_matrix

    values, indices, indptr, y = words(rows + rows // 3, features, classes)
    return split(csr_matrix((values.astype(np.float64), indices, indptr), shape=(len(y), features)), y)


def product(form: Form, batch: int, inputs: int, units: int) -> Row:
    """Make a row of one product of a layer: forward (nn), weights' gradient (tn) or inputs' gradient (nt)."""
    left = (batch, units) if form == "nt" else (batch, inputs)
    right = (batch, units) if form == "tn" else (inputs, units)

    def make() -> Product:
        rng = numbers(batch, inputs, units)
        return Product(form, rng.standard_normal(left, np.float32), rng.standard_normal(right, np.float32))

    return Row(f"{form} {batch}x{inputs}x{units}", "matmul", make, (1.0, 1.0), one_thread=True)


def update(rule: str, slots: int, **settings: float) -> Row:
    """Make a row of one step of an update rule."""

    def make() -> Update:
        rng = numbers(PARAMETERS)
        # no gradient is near 0, where libraries differ in where they put epsilon
        g = rng.uniform(0.1, 1.0, PARAMETERS) * rng.choice([-1.0, 1.0], PARAMETERS)
        return Update(rule, settings, slots, rng.standard_normal(PARAMETERS, np.float32), g.astype(np.float32))

    return Row(f"update-{rule}", "updates", make, (1.0, 1.0), "triad", 0.9, one_thread=True)


# name, sizes, activation, data, rows, batch, passes before the check, goals, limit, its share wanted
TRAINING = [
    training("tiny", (2, 4, 2, 1), "tanh", curve, 1_000, 10, 40, (6.0, 6.0), "barrier"),
    training("small", (4, 32, 32, 1), "relu", curve, 4_096, 32, 5, (3.0, 3.0), "barrier"),
    training("digits", (64, 128, 128, 10), "relu", handwriting, 1_408, 128, 5, (1.4, 2.0)),
    training("mnist", (784, 512, 256, 10), "relu", clusters, 8_192, 128, 1, (1.25, 1.4), "FMA", 0.85),
    training("wide", (1024, 2048, 2048, 1000), "relu", clusters, 1_024, 512, 3, (1.3, 1.3), "FMA", 0.85),
    training("full-batch", (4, 32, 16, 4), "tanh", curve, 10_000, 10_000, 20, (2.0, 2.0)),
]
LENET = (Convolved(6, 5, "valid", 2), Convolved(16, 5, "valid", 2))
BLOCKS = (Convolved(32, 3, "same", 2), Convolved(64, 3, "same", 2), Convolved(64, 3, "same", 2))
NORM_BLOCKS = tuple(layer._replace(norm=True) for layer in BLOCKS)
# name, image, convolutions, dense units, rows, batch, passes before the check, goals
IMAGES = [
    images("lenet-32", (28, 28, 1), LENET, (120, 84, 10), 1_024, 32, 20, (5.0, 5.0)),
    images("lenet-128", (28, 28, 1), LENET, (120, 84, 10), 1_024, 128, 60, (5.0, 5.0)),
    images("blocks", (64, 64, 3), BLOCKS, (128, 2), 128, 32, 6, (2.0, 2.0)),
    images("blocks-norm", (64, 64, 3), NORM_BLOCKS, (128, 2), 128, 32, 20, (2.0, 2.0)),
]
TEXT = [text("text", (50_000, 64, 20), 4_096, 256, (3.0, 3.0))]
SEARCH = [search("lbfgs-digits", (64, 128, 128, 10), handwriting, 1_408, (2.0, 2.0))]
INFERENCE = [
    inference("infer-784-1", (784, 512, 256, 10), 1, (2.0, 2.0)),
    inference("infer-784-10k", (784, 512, 256, 10), 10_000, (2.0, 2.0)),
    inference("infer-20-1", (20, 64, 1), 1, (2.0, 2.0), "barrier"),
    inference("infer-20-10k", (20, 64, 1), 10_000, (2.0, 2.0)),
]

ESTIMATORS = [
    fit("fit-digits-adam", "MLPClassifier", digits_to_fit),
    fit("fit-digits-sgd", "MLPClassifier", digits_to_fit, solver="sgd"),
    fit("fit-digits-lbfgs", "MLPClassifier", digits_to_fit, solver="lbfgs"),
    fit("fit-table", "MLPClassifier", partial(table_to_fit, 20_000, 50, clusters, 10), max_iter=10),
    fit("fit-text", "MLPClassifier", partial(text_to_fit, 2_000, 10_000, 20), max_iter=3),
    fit("fit-diabetes", "MLPRegressor", diabetes_to_fit),
    fit("fit-curve", "MLPRegressor", partial(table_to_fit, 20_000, 20, curve, 1), max_iter=10),
    probabilities("proba-1", 1, 10.0),
    probabilities("proba-100k", 100_000, 1.0),
]

# batch, inputs, units
LAYERS = [
    (10, 2, 4), (10, 4, 2), (32, 4, 32), (32, 32, 32), (1, 20, 64), (1, 784, 512), (1, 4096, 4096), (8, 512, 512),
    (64, 64, 64), (128, 64, 128), (128, 128, 128), (128, 128, 10), (128, 784, 512), (128, 512, 256), (256, 100, 300),
    (512, 512, 512), (256, 1024, 1024), (512, 1024, 2048), (512, 2048, 1000), (64, 4096, 1024),
]  # fmt: skip
FORMS: tuple[Form, ...] = ("nn", "tn", "nt")
MATMUL = [product(form, *layer) for layer in LAYERS for form in FORMS]
MATMUL_MEDIAN_GOAL = 1.2

# rule, slots of state, settings: each goes to every contestant, none is left to a default
UPDATES = [
    update("sgd", 0, learning_rate=1e-2),
    update("momentum", 1, learning_rate=1e-2, momentum=0.9),
    update("nesterov", 1, learning_rate=1e-2, momentum=0.9),
    update("adagrad", 1, learning_rate=1e-2, epsilon=1e-8),
    update("rmsprop", 1, learning_rate=1e-3, rho=0.9, epsilon=1e-8),
    update("adadelta", 2, learning_rate=1.0, rho=0.95, epsilon=1e-6),
    update("adam", 2, learning_rate=1e-3, beta_1=0.9, beta_2=0.999, epsilon=1e-8),
    update("adamw", 2, learning_rate=1e-3, beta_1=0.9, beta_2=0.999, epsilon=1e-8, weight_decay=1e-2),
    update("amsgrad", 3, learning_rate=1e-3, beta_1=0.9, beta_2=0.999, epsilon=1e-8),
    update("adamax", 2, learning_rate=1e-3, beta_1=0.9, beta_2=0.999, epsilon=1e-8),
    update("nadam", 2, learning_rate=1e-3, beta_1=0.9, beta_2=0.999, epsilon=1e-8),
]

NOISY = [
    Row(f"noisy-{row.name}", "noisy", row.make, (0.9, 0.9), row.limit, noisy=True)
    for row in TRAINING
    if row.name in ("small", "digits", "mnist")
]

ROWS = [*TRAINING, *IMAGES, *TEXT, *SEARCH, *INFERENCE, *ESTIMATORS, *MATMUL, *UPDATES, *NOISY]


def choose(names: Sequence[str]) -> list[Row]:
    """Return the rows with these names, or of these groups; all for none.

    Raises
    ------
    ValueError
        For a name that is neither a row nor a group.
    """
    known = {row.name for row in ROWS} | {row.group for row in ROWS}
    unknown = sorted(set(names) - known)
    if unknown:
        shown = [row.name for row in ROWS if row.group != "matmul"]
        groups = sorted({row.group for row in ROWS})
        raise ValueError(f"no row or group {unknown[0]!r}; rows: {', '.join(shown)}; groups: {', '.join(groups)}")
    return [row for row in ROWS if not names or row.name in names or row.group in names]
