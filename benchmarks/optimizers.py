"""Train the table of three inputs, the spiral and the digits with every optimizer, and print a Markdown table.

``python -m benchmarks.optimizers [--seeds N] [--tasks table spiral digits]``. A cell holds the loss on the training
rows at the end and the accuracy (the digits' on the test images), medians over the seeds. All have the same budget of
epochs. First-order rules take a task's batches; those that go by the whole loss take all rows, one step an epoch
(L-BFGS and BFGS take about 1.2 losses a step). The learning rate is the one of its line that ends with the lowest
median loss.
"""

from __future__ import annotations

import argparse
import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import ravine as rv
from ravine.optimizers import (
    BFGS,
    CMAES,
    LBFGS,
    SGD,
    AdaDelta,
    AdaGrad,
    Adam,
    AdaMax,
    AdamW,
    AMSGrad,
    GeneticAlgorithm,
    Nadam,
    OpenAIES,
    Optimizer,
    RMSProp,
    SimulatedAnnealing,
)

DESCENT = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0)
ADAPTIVE = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3)
DELTA = (1.0, 3.0, 10.0, 30.0)
EVOLUTION = (0.01, 0.03, 0.1)
OWN = (math.nan,)  # no rate to choose

# name, an optimizer of a rate, the rates: a new optimizer is a new line
OPTIMIZERS: list[tuple[str, Callable[[float], Optimizer], tuple[float, ...]]] = [
    ("SGD", SGD, DESCENT),
    ("SGD, momentum 0.9", lambda rate: SGD(rate, momentum=0.9), DESCENT),
    ("SGD, Nesterov 0.9", lambda rate: SGD(rate, momentum=0.9, nesterov=True), DESCENT),
    ("AdaGrad", AdaGrad, ADAPTIVE),
    ("RMSProp", RMSProp, ADAPTIVE),
    ("AdaDelta", AdaDelta, DELTA),
    ("Adam", Adam, ADAPTIVE),
    ("AdamW", AdamW, ADAPTIVE),
    ("AMSGrad", AMSGrad, ADAPTIVE),
    ("AdaMax", AdaMax, ADAPTIVE),
    ("Nadam", Nadam, ADAPTIVE),
    ("LBFGS", lambda _: LBFGS(), OWN),
    ("BFGS", lambda _: BFGS(), OWN),
    ("SimulatedAnnealing", lambda _: SimulatedAnnealing(), OWN),
    ("GeneticAlgorithm", lambda _: GeneticAlgorithm(), OWN),
    ("OpenAIES", OpenAIES, EVOLUTION),
    ("CMAES", lambda _: CMAES(), OWN),
]


@dataclass(frozen=True)
class Task:
    """Data, a net, and the budget.

    Attributes
    ----------
    title : str
        The column's.
    rows : tuple
        X and y to train on, and where there are others, X and y to test with.
    layers : callable
        Gives the layers.
    loss : str or Loss
        What is minimised.
    epochs, batch : int
        The budget, and the rows of a step.
    threshold : float
        The output above which a net of one unit says 1.
    """

    title: str
    rows: tuple[Any, ...]
    layers: Callable[[], list[rv.layers.Layer]]
    loss: Any
    epochs: int
    batch: int
    threshold: float = 0.0


def table_layers() -> list[rv.layers.Layer]:
    """Give a sigmoid net with four hidden units and no bias."""
    start = rv.initializers.Uniform(0.0, 1.0)
    return [rv.layers.Dense(units, activation="sigmoid", use_bias=False, kernel_initializer=start) for units in (4, 1)]


def dense(*sizes: int, activation: str) -> Callable[[], list[rv.layers.Layer]]:
    """Give a maker of dense layers, the last one linear."""
    *hidden, last = sizes
    return lambda: [*(rv.layers.Dense(units, activation=activation) for units in hidden), rv.layers.Dense(last)]


def tasks() -> dict[str, Task]:
    """Give the tasks by name."""
    inputs = np.array([[0, 0, 1], [0, 1, 1], [1, 0, 1], [1, 1, 1]], dtype=float)
    answers = np.array([0, 1, 1, 0])
    half = rv.losses.HalfSumSquaredError(reduction="sum")
    spiral = dense(32, 32, 1, activation="tanh")
    digits = dense(32, 10, activation="relu")
    return {
        "table": Task("3-input table, 1,500 epochs", (inputs, answers), table_layers, half, 1500, 4, 0.5),
        "spiral": Task("spiral, 300 epochs", rv.datasets.spiral(200), spiral, "binary_crossentropy", 300, 10),
        "digits": Task("digits, 50 epochs", tuple(rv.datasets.digits()), digits, "categorical_crossentropy", 50, 32),
    }


def train(task: Task, optimizer: Optimizer, seed: int, epochs: int | None = None) -> tuple[float, float]:
    """Train once, for the task's epochs or others; give the loss on the training rows, and the accuracy on the last.

    A fit that diverges has an infinite loss.
    """
    X, y = task.rows[:2]
    model = rv.Sequential(task.layers(), random_state=seed)
    model.compile(optimizer=optimizer, loss=task.loss)
    batch = task.batch if optimizer.least_batch <= task.batch else None
    try:
        model.fit(X, y, epochs=task.epochs if epochs is None else epochs, batch_size=batch, verbose=0)
    except rv.DivergenceError:
        return math.inf, 0.0
    outputs, wanted = model.predict(task.rows[-2]), task.rows[-1]
    guessed = outputs.argmax(axis=1) if outputs.shape[1] > 1 else outputs[:, 0] > task.threshold
    return model.evaluate(X, y)["loss"], float((guessed == wanted).mean())


def best(
    task: Task, make: Callable[[float], Optimizer], rates: Sequence[float], seeds: int, epochs: int | None = None
) -> tuple[float, float, float]:
    """Give median loss, median accuracy and rate of the rate that ends with the lowest median loss."""
    found = []
    for rate in rates:
        runs = [train(task, make(rate), seed, epochs) for seed in range(seeds)]
        losses, accuracies = zip(*runs, strict=True)
        found.append((statistics.median(losses), statistics.median(accuracies), rate))
    return min(found, key=lambda run: run[0])


def line(name: str, cells: Sequence[tuple[float, float, float]]) -> str:
    """Give a row of the table."""
    texts = [
        f"{loss:.1e}, {100 * accuracy:.1f} %" + ("" if math.isnan(rate) else f" (a = {rate:g})")
        for loss, accuracy, rate in cells
    ]
    return f"| {name} | " + " | ".join(texts) + " |"


def main() -> None:
    """Print the table."""
    known = tasks()
    parser = argparse.ArgumentParser(description="Train three tasks with every optimizer and print a Markdown table.")
    parser.add_argument("--seeds", type=int, default=5, help="fits a rate (default: %(default)s)")
    parser.add_argument("--tasks", nargs="+", choices=list(known), default=list(known), help="default: all")
    chosen = parser.parse_args()
    columns = [known[name] for name in chosen.tasks]
    print("| optimizer | " + " | ".join(task.title for task in columns) + " |")
    print("|---|" + "---|" * len(columns))
    for name, make, rates in OPTIMIZERS:
        print(line(name, [best(task, make, rates, chosen.seeds) for task in columns]), flush=True)


if __name__ == "__main__":
    main()
