"""Update kernels against PyTorch's optimizers, where both define the same rule: 20 steps in float64."""

import numpy as np
import pytest

from ravine import _core

torch = pytest.importorskip("torch", reason="PyTorch is not installed: no oracle for the update kernels")

pytestmark = pytest.mark.torch

RATE, STEPS = 0.02, 20
EPSILON = {"epsilon": 1e-3}, {"eps": 1e-3}
CENTERED = {"rho": 0.9, "epsilon": 1e-4}, {"alpha": 0.9, "eps": 1e-4, "centered": True}

# rule, settings, optimizer of torch.optim, its settings
CASES = [
    ("sgd", {}, "SGD", {}),
    ("momentum", {"momentum": 0.9}, "SGD", {"momentum": 0.9}),
    ("nesterov", {"momentum": 0.9}, "SGD", {"momentum": 0.9, "nesterov": True}),
    ("adagrad", {"epsilon": 1e-10}, "Adagrad", {}),
    ("adagrad", EPSILON[0], "Adagrad", EPSILON[1]),
    ("rmsprop", {"rho": 0.99}, "RMSprop", {}),
    ("rmsprop_momentum", {"rho": 0.99, "momentum": 0.9}, "RMSprop", {"momentum": 0.9}),
    ("rmsprop_centered", CENTERED[0], "RMSprop", CENTERED[1]),
    ("rmsprop_centered_momentum", {**CENTERED[0], "momentum": 0.5}, "RMSprop", {**CENTERED[1], "momentum": 0.5}),
    ("adadelta", {"rho": 0.95, "epsilon": 1e-6}, "Adadelta", {"rho": 0.95, "eps": 1e-6}),
    ("adam", {}, "Adam", {}),
    ("adam", {"beta1": 0.8, "beta2": 0.95, **EPSILON[0]}, "Adam", {"betas": (0.8, 0.95), **EPSILON[1]}),
    ("adam", {"weight_decay": 0.1}, "AdamW", {"weight_decay": 0.1}),
    ("amsgrad", {"beta2": 0.9}, "Adam", {"amsgrad": True, "betas": (0.9, 0.9)}),
    ("amsgrad", {"weight_decay": 0.1}, "AdamW", {"amsgrad": True, "weight_decay": 0.1}),
    ("adamax", {}, "Adamax", {}),
    ("adamax", EPSILON[0], "Adamax", EPSILON[1]),
    ("nadam", {}, "NAdam", {}),
    ("nadam", {"weight_decay": 0.1}, "NAdam", {"weight_decay": 0.1, "decoupled_weight_decay": True}),
]


@pytest.fixture(autouse=True)
def scalars_in_float64():
    """NAdam keeps its product of momenta in the default dtype."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize(("rule", "settings", "optimizer", "options"), CASES)
def test_trajectory_is_that_of_pytorch(rule, settings, optimizer, options, kernels, rng):
    w = rng.normal(size=67)
    state, running = np.zeros((kernels.names["updates"][rule], 67)), np.ones(4)
    theirs = torch.tensor(w, requires_grad=True)
    oracle = getattr(torch.optim, optimizer)([theirs], lr=RATE, **options)
    for _ in range(STEPS):
        g = rng.normal(size=67) * 10.0 ** rng.integers(-2, 2, size=67)
        theirs.grad = torch.tensor(g)
        oracle.step()
        getattr(kernels, rule)(w, state, g, running=running, learning_rate=RATE, **settings)
        np.testing.assert_allclose(w, theirs.detach().numpy(), rtol=1e-10, atol=1e-10)


def test_every_rule_that_pytorch_has_is_compared():
    ours_alone = {"momentum_average"}
    assert {case[0] for case in CASES} | ours_alone == set(_core.baseline.names["updates"])
