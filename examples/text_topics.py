"""Which package of Python's standard library is a docstring from? Sparse word counts go straight into a dense net.

The texts are the docstrings that Python itself carries (PSF licence), read from its sources: about 1,500 of them, of
eight packages. SciPy holds the sparse matrix; ravine takes it as it is.
"""

import ast
import re
import sysconfig
import zlib
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

import numpy as np

import ravine as rv

TOPICS = ["asyncio", "email", "http", "importlib", "logging", "multiprocessing", "unittest", "xml"]
FEATURES = 2**16  # words are told apart by a checksum modulo this, so that no list of them is needed
LEAST_WORDS = 8


def docstrings(topic):
    """Give the different docstrings of a package's modules, classes and functions, in the order of the alphabet."""
    found = set()
    for path in (Path(sysconfig.get_paths()["stdlib"]) / topic).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
                found.add(ast.get_docstring(node) or "")
    return sorted(text for text in found if len(text.split()) >= LEAST_WORDS)


def count_words(texts):
    """Give a row a text: log(1 + how often) of each word and each pair of neighbours, scaled to length 1."""
    from scipy.sparse import csr_array

    values, columns, starts = [], [], [0]
    for text in texts:
        words = re.findall("[a-z]+", text.lower())
        pairs = [f"{first} {second}" for first, second in pairwise(words)]
        hashed = [zlib.crc32(word.encode()) % FEATURES for word in words + pairs]
        column, count = np.unique(hashed, return_counts=True)
        weight = np.log1p(count)
        values.append(weight / np.linalg.norm(weight))
        columns.append(column)
        starts.append(starts[-1] + len(column))
    places = np.concatenate(columns).astype(np.int32), np.array(starts, np.int32)
    return csr_array((np.concatenate(values), *places), shape=(len(texts), FEATURES))


def load(seed=0):
    """Give X_train, y_train, X_test, y_test and the test's texts: a quarter of them, drawn at random."""
    texts = [(text, label) for label, topic in enumerate(TOPICS) for text in docstrings(topic)]
    order = np.random.default_rng(seed).permutation(len(texts))
    parts = [[texts[i] for i in part] for part in np.split(order, [3 * len(texts) // 4])]
    data = [(count_words([text for text, _ in part]), np.array([label for _, label in part])) for part in parts]
    return (*data[0], *data[1], [text for text, _ in parts[1]])


def train(X, y, seed=0):
    """Train 65,536-32-8 with dropout."""
    model = rv.Sequential(
        [
            rv.layers.Dense(32, activation="relu"),
            rv.layers.Dropout(0.5),
            rv.layers.Dense(len(TOPICS), activation="softmax"),
        ],
        random_state=seed,
    )
    optimizer = rv.optimizers.Adam(learning_rate=3e-3)
    model.compile(optimizer=optimizer, loss="categorical_crossentropy", metrics=["accuracy"])
    model.fit(X, y, epochs=15, batch_size=32, verbose=0)
    return model


def main():
    if find_spec("scipy") is None:
        print("this example needs SciPy: pip install scipy")
        return
    X_train, y_train, X_test, y_test, texts = load()
    print(f"{X_train.shape[0]} texts to train on, {X_train.nnz / X_train.shape[0]:.0f} of {FEATURES} features a text")
    model = train(X_train, y_train)
    result = model.evaluate(X_test, y_test)
    largest = np.bincount(y_test).max() / len(y_test)
    print(f"test accuracy {100 * result['accuracy']:.1f} %; the largest class has {100 * largest:.1f} % of the texts")
    probability = model.predict_proba(X_test)
    for i in np.flatnonzero(probability.argmax(axis=1) != y_test)[:3]:
        said = TOPICS[probability[i].argmax()]
        print(f"{TOPICS[y_test[i]]}, taken for {said}: {' '.join(texts[i].split()[:12])} ...")


if __name__ == "__main__":
    main()
