"""The update rules and the settings they are tested with: a new case is one line."""

import numpy as np

# rule, settings beside the defaults
CASES = [
    ("sgd", {"learning_rate": 0.1}),
    ("momentum", {"learning_rate": 0.05, "momentum": 0.9}),
    ("momentum_average", {"learning_rate": 0.1, "momentum": 0.9}),
    ("momentum_average", {"learning_rate": 0.1, "momentum": 0.9, "bias_correction": False}),
    ("nesterov", {"learning_rate": 0.05, "momentum": 0.9}),
    ("adagrad", {"learning_rate": 0.05}),
    ("adagrad", {"learning_rate": 0.05, "epsilon": 1e-3, "epsilon_inside": True}),
    ("rmsprop", {"learning_rate": 0.01}),
    ("rmsprop", {"learning_rate": 0.01, "rho": 0.99, "epsilon": 1e-3, "epsilon_inside": True}),
    ("rmsprop_momentum", {"learning_rate": 0.01, "momentum": 0.8}),
    ("rmsprop_momentum", {"learning_rate": 0.01, "momentum": 0.8, "epsilon": 1e-3, "epsilon_inside": True}),
    ("rmsprop_centered", {"learning_rate": 0.01}),
    ("rmsprop_centered", {"learning_rate": 0.01, "epsilon": 1e-3, "epsilon_inside": True}),
    ("rmsprop_centered_momentum", {"learning_rate": 0.01, "momentum": 0.8}),
    ("rmsprop_centered_momentum", {"learning_rate": 0.01, "momentum": 0.8, "epsilon": 1e-3, "epsilon_inside": True}),
    ("adadelta", {"learning_rate": 1.0, "rho": 0.95, "epsilon": 1e-6}),
    ("adam", {"learning_rate": 0.01}),
    ("adam", {"learning_rate": 0.01, "bias_correction": False}),
    ("adam", {"learning_rate": 0.01, "epsilon": 1e-3, "epsilon_inside": True}),
    ("amsgrad", {"learning_rate": 0.01}),
    ("amsgrad", {"learning_rate": 0.01, "bias_correction": False, "epsilon": 1e-3, "epsilon_inside": True}),
    ("adamax", {"learning_rate": 0.01}),
    ("adamax", {"learning_rate": 0.01, "bias_correction": False}),
    ("nadam", {"learning_rate": 0.01}),
    ("nadam", {"learning_rate": 0.01, "bias_correction": False}),
    ("nadam", {"learning_rate": 0.01, "epsilon": 1e-3, "epsilon_inside": True}),
]
CASES += [(rule, {**settings, "weight_decay": 0.1}) for rule, settings in CASES]
CASE_IDS = [
    "-".join([rule, *(f"{name}={value}" for name, value in settings.items() if name != "learning_rate")])
    for rule, settings in CASES
]


def start(size, slots, dtype, rng):
    """Weights, zero state, and running products before the first step."""
    return rng.normal(size=size).astype(dtype), np.zeros((slots, size), dtype), np.ones(4)


def gradients(steps, size, dtype, rng):
    """Gradients of very different sizes, one row a step."""
    return (rng.normal(size=(steps, size)) * 10.0 ** rng.integers(-3, 2, size=size)).astype(dtype)
