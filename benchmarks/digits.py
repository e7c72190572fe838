"""Time whole training steps inside ``fit`` and print a Markdown table.

``python benchmarks/digits.py [--repeats N] [--threads 1 2]``. A time is the fastest of several fits, divided by their
steps; it holds the gathering of the batch, forward, loss, backward and update.
"""

import argparse
import os
import platform
import sys
import time

import numpy as np

import ravine as rv

# name, sizes, activation, rows, batch, optimizer, epochs a fit
CASES: list[tuple[str, tuple[int, ...], str, int, int, str, int]] = [
    ("2-4-2-1, batch 10, Adam", (2, 4, 2, 1), "tanh", 200, 10, "adam", 500),
    ("4-32-32-1, batch 32, Adam", (4, 32, 32, 1), "relu", 960, 32, "adam", 100),
    ("64-128-128-10, batch 128, Adam", (64, 128, 128, 10), "relu", 1408, 128, "adam", 40),
    ("784-512-256-10, batch 128, Adam", (784, 512, 256, 10), "relu", 2560, 128, "adam", 2),
]


def machine() -> str:
    """Name the CPU, its cores and what this build runs."""
    name = platform.processor() or platform.machine()
    try:
        with open("/proc/cpuinfo") as lines:
            name = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), name)
    except OSError:
        pass
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    config = rv._core.config()
    python = f"Python {platform.python_version()}, NumPy {np.__version__}"
    return f"{name}, {cores} cores, {config['isa']}, {config['compiler']}, ravine {config['version']}, {python}"


def step_seconds(
    sizes: tuple[int, ...],
    activation: str,
    rows: int,
    batch: int,
    optimizer: str,
    epochs: int,
    *,
    threads: int,
    repeats: int,
) -> float:
    """Time one step: the fastest of `repeats` fits after one that warms up."""
    X = rv.kernels.random_normal(np.empty((rows, sizes[0]), np.float32), seed=1)
    y = (np.arange(rows) % max(2, sizes[-1])).astype(np.int64)
    stack = [rv.layers.Dense(units, activation=activation) for units in sizes[1:-1]]
    model = rv.Sequential([*stack, rv.layers.Dense(sizes[-1])], random_state=0)
    model.compile(optimizer=optimizer, loss="mse" if sizes[-1] == 1 else "categorical_crossentropy")
    times = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        model.fit(X, y, epochs=epochs, batch_size=batch, n_threads=threads, verbose=0)
        times.append(time.perf_counter() - start)
    return min(times[1:]) / (epochs * -(-rows // batch))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="Time whole training steps inside fit and print a Markdown table.")
    parser.add_argument("--repeats", type=int, default=7, help="timed fits a case (default: %(default)s)")
    parser.add_argument("--threads", type=int, nargs="+", default=[1], help="numbers of threads (default: 1)")
    chosen = parser.parse_args()
    print(f"Measured on {machine()}.\n")
    print("| net | " + " | ".join(f"us a step, {n} thread{'s' * (n > 1)}" for n in chosen.threads) + " |")
    print("|---|" + "---:|" * len(chosen.threads))
    for name, sizes, activation, rows, batch, optimizer, epochs in CASES:
        case = sizes, activation, rows, batch, optimizer, epochs
        times = [1e6 * step_seconds(*case, threads=n, repeats=chosen.repeats) for n in chosen.threads]
        print(f"| {name} | " + " | ".join(f"{t:.2f}" if t < 10 else f"{t:.0f}" for t in times) + " |")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
