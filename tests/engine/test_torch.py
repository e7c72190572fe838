"""PyTorch as an oracle: the same network, the same rule, the same numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from engine_cases import dense, labels, relative_error, uniform

from ravine import kernels, reference

torch = pytest.importorskip("torch", reason="PyTorch is not installed: no oracle for rules, losses and activations")
F = torch.nn.functional
torch.set_num_threads(1)

pytestmark = pytest.mark.torch

RATE = 0.02

# rule, settings, the optimizer of torch.optim, its settings
RULES: list[tuple[str, dict[str, Any], str, dict[str, Any]]] = [
    ("sgd", {}, "SGD", {}),
    ("momentum", {"momentum": 0.9}, "SGD", {"momentum": 0.9}),
    ("nesterov", {"momentum": 0.9}, "SGD", {"momentum": 0.9, "nesterov": True}),
    ("adagrad", {"epsilon": 1e-10}, "Adagrad", {"eps": 1e-10}),
    ("rmsprop", {"rho": 0.99, "epsilon": 1e-8}, "RMSprop", {}),
    ("rmsprop_momentum", {"rho": 0.99, "epsilon": 1e-8, "momentum": 0.9}, "RMSprop", {"momentum": 0.9}),
    ("rmsprop_centered", {"rho": 0.9, "epsilon": 1e-4}, "RMSprop", {"alpha": 0.9, "eps": 1e-4, "centered": True}),
    ("rmsprop_centered_momentum", {"rho": 0.9, "epsilon": 1e-4, "momentum": 0.5}, "RMSprop",
     {"alpha": 0.9, "eps": 1e-4, "centered": True, "momentum": 0.5}),
    ("adadelta", {"rho": 0.9, "epsilon": 1e-6}, "Adadelta", {"rho": 0.9, "eps": 1e-6}),
    ("adam", {}, "Adam", {}),
    ("adam", {"beta1": 0.8, "beta2": 0.95, "epsilon": 1e-3}, "Adam", {"betas": (0.8, 0.95), "eps": 1e-3}),
    ("adam", {"weight_decay": 0.1}, "AdamW", {"weight_decay": 0.1}),
    ("amsgrad", {}, "Adam", {"amsgrad": True}),
    ("amsgrad", {"weight_decay": 0.1}, "AdamW", {"amsgrad": True, "weight_decay": 0.1}),
    ("adamax", {}, "Adamax", {}),
    ("nadam", {}, "NAdam", {}),
    ("nadam", {"weight_decay": 0.1}, "NAdam", {"weight_decay": 0.1, "decoupled_weight_decay": True}),
]  # fmt: skip

LAYERS = [dense(8, "tanh"), dense(7, "silu"), dense(3, "softmax")]
STEPS, ROWS, INPUTS = 20, 24, 5


def torch_logits(X: Any, parameters: list[Any]) -> Any:
    x = torch.tanh(X @ parameters[0] + parameters[1])
    x = F.silu(x @ parameters[2] + parameters[3])
    return x @ parameters[4] + parameters[5]


def torch_parameters(network: Any) -> list[Any]:
    return [torch.tensor(w.copy(), requires_grad=True) for w in network.parameters().values()]


def torch_optimizer(name: str, settings: dict[str, Any], parameters: list[Any]) -> Any:
    """Decay acts on kernels alone, as in the engine."""
    kernels, biases = parameters[0::2], parameters[1::2]
    groups = [{"params": kernels}, {"params": biases, "weight_decay": 0.0}]
    return getattr(torch.optim, name)(groups, lr=RATE, **settings)


@pytest.fixture(autouse=True)
def float64() -> Iterator[None]:
    """PyTorch keeps NAdam's product of momenta in its default type: with float32 it would differ by 1e-7."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize(("rule", "settings", "name", "torch_settings"), RULES)
def test_trajectories(
    make: Any, rule: str, settings: dict[str, Any], name: str, torch_settings: dict[str, Any]
) -> None:
    network = make(INPUTS, LAYERS)
    network.set_loss("categorical_cross_entropy", setting=1.0, skip_activation=True)
    network.set_optimizer(rule, settings)
    parameters = torch_parameters(network)
    optimizer = torch_optimizer(name, torch_settings, parameters)
    X, target = uniform((ROWS, INPUTS), seed=1), labels(ROWS, 3, seed=2)
    for step in range(STEPS):
        result = network.train(X, target, None, batch_size=ROWS, first_epoch=step, epochs=1, rates=np.array([RATE]),
                               metrics=[], n_threads=2)  # fmt: skip
        optimizer.zero_grad()
        loss = F.cross_entropy(torch_logits(torch.tensor(X), parameters), torch.tensor(target).long())
        loss.backward()
        optimizer.step()
        assert result["loss"][0] == pytest.approx(loss.item(), rel=1e-10)
        for (key, w), expected in zip(network.parameters().items(), parameters, strict=True):
            assert relative_error(w, expected.detach().numpy()) <= 1e-10, (step, key)


def test_penalties(make: Any) -> None:
    """Trained with an L1 and an L2 penalty on some kernels: PyTorch differentiates the written-out penalty."""
    network = make(INPUTS, [dense(8, "tanh", l2=0.05), dense(7, "silu", l1=0.01), dense(3, "softmax")])
    network.set_loss("categorical_cross_entropy", setting=1.0, skip_activation=True)
    network.set_optimizer("adam", {})
    parameters = torch_parameters(network)
    optimizer = torch_optimizer("Adam", {}, parameters)
    X, target = uniform((ROWS, INPUTS), seed=1), labels(ROWS, 3, seed=2)
    weight = uniform((ROWS,), seed=3, low=0.0)
    result = network.train(X, target, weight, batch_size=ROWS, first_epoch=0, epochs=STEPS, rates=np.array([RATE]),
                           metrics=[], n_threads=2)  # fmt: skip
    for step in range(STEPS):
        optimizer.zero_grad()
        logits = torch_logits(torch.tensor(X), parameters)
        row_loss = F.cross_entropy(logits, torch.tensor(target).long(), reduction="none")
        loss = (row_loss * torch.tensor(weight)).sum() / weight.sum()
        loss = loss + 0.05 * (parameters[0] ** 2).sum() + 0.01 * parameters[2].abs().sum()
        loss.backward()
        optimizer.step()
        assert result["loss"][step] == pytest.approx(loss.item(), rel=1e-10)
    for w, expected in zip(network.parameters().values(), parameters, strict=True):
        assert relative_error(w, expected.detach().numpy()) <= 1e-10


def total_loss(parameters: list[Any], X: Any, target: Any) -> Any:
    return F.cross_entropy(torch_logits(torch.tensor(X), parameters), torch.tensor(target).long())


# the engine's settings, what limits PyTorch's gradients, the tolerance: PyTorch divides by the norm plus 1e-6
CLIPS: list[tuple[dict[str, float], Callable[[list[Any]], Any], float]] = [
    ({"clip_norm": 0.05}, lambda p: torch.nn.utils.clip_grad_norm_(p, 0.05), 1e-4),
    ({"clip_norm": 0.3}, lambda p: torch.nn.utils.clip_grad_norm_(p, 0.3), 1e-4),
    ({"clip_norm": 1e9}, lambda p: torch.nn.utils.clip_grad_norm_(p, 1e9), 1e-10),
    ({"clip_value": 0.01}, lambda p: torch.nn.utils.clip_grad_value_(p, 0.01), 1e-10),
    ({"clip_value": 1e-3}, lambda p: torch.nn.utils.clip_grad_value_(p, 1e-3), 1e-10),
]


@pytest.mark.parametrize(("rule", "name"), [("sgd", "SGD"), ("adam", "Adam")])
@pytest.mark.parametrize(("clips", "limit", "tolerance"), CLIPS)
def test_clipping(
    make: Any, clips: dict[str, float], limit: Callable[[list[Any]], Any], tolerance: float, rule: str, name: str
) -> None:
    network = make(INPUTS, LAYERS)
    network.set_loss("categorical_cross_entropy", setting=1.0, skip_activation=True)
    network.set_optimizer(rule, clips)
    parameters = torch_parameters(network)
    optimizer = torch_optimizer(name, {}, parameters)
    X, target = uniform((ROWS, INPUTS), seed=1), labels(ROWS, 3, seed=2)
    network.train(X, target, None, batch_size=ROWS, first_epoch=0, epochs=STEPS, rates=np.array([RATE]), n_threads=2)
    for _ in range(STEPS):
        optimizer.zero_grad()
        total_loss(parameters, X, target).backward()
        limit(parameters)
        optimizer.step()
    for w, expected in zip(network.parameters().values(), parameters, strict=True):
        assert relative_error(w, expected.detach().numpy()) <= tolerance


def test_root_penalty_and_max_norm(make: Any) -> None:
    """PyTorch differentiates the norm, and renorm shortens the columns after each step."""
    network = make(INPUTS, [dense(8, "tanh", l2_norm=0.2, max_norm=0.7), *LAYERS[1:]])
    network.set_loss("categorical_cross_entropy", setting=1.0, skip_activation=True)
    network.set_optimizer("momentum", {"momentum": 0.9})
    parameters = torch_parameters(network)
    optimizer = torch_optimizer("SGD", {"momentum": 0.9}, parameters)
    X, target = uniform((ROWS, INPUTS), seed=1), labels(ROWS, 3, seed=2)
    network.train(X, target, None, batch_size=ROWS, first_epoch=0, epochs=STEPS, rates=np.array([RATE]), n_threads=2)
    for _ in range(STEPS):
        optimizer.zero_grad()
        (total_loss(parameters, X, target) + 0.2 * torch.linalg.norm(parameters[0])).backward()
        optimizer.step()
        with torch.no_grad():
            parameters[0].copy_(torch.renorm(parameters[0], 2, 1, 0.7))
    for w, expected in zip(network.parameters().values(), parameters, strict=True):
        assert relative_error(w, expected.detach().numpy()) <= 1e-6


def rows(loss: Any) -> Any:
    """Mean over the columns."""
    return loss.mean(dim=1)


# loss, setting, what z is, what the target is, PyTorch's row losses
LOSSES: list[tuple[str, float, str, str, Callable[[Any, Any], Any]]] = [
    ("squared_error", 1.0, "real", "real", lambda z, t: F.mse_loss(z, t, reduction="none").sum(dim=1)),
    ("squared_error", 0.2, "real", "real", lambda z, t: rows(F.mse_loss(z, t, reduction="none"))),
    ("absolute_error", 0.2, "real", "real", lambda z, t: rows(F.l1_loss(z, t, reduction="none"))),
    ("huber", 1.0, "real", "real", lambda z, t: rows(F.huber_loss(z, t, reduction="none", delta=1.0))),
    ("huber", 0.3, "real", "real", lambda z, t: rows(F.huber_loss(z, t, reduction="none", delta=0.3))),
    ("quantile", 0.2, "real", "real", lambda z, t: rows(0.2 * F.relu(t - z) + 0.8 * F.relu(z - t))),
    ("weighted_binary_cross_entropy", 1.0, "real", "real",
     lambda z, t: rows(t.abs() * F.softplus(-t.sign() * z))),
    ("binary_focal_cross_entropy", 2.0, "real", "share",
     lambda z, t: rows(-t * (1 - z.sigmoid()) ** 2 * F.logsigmoid(z) - (1 - t) * z.sigmoid() ** 2 * F.logsigmoid(-z))),
    ("categorical_focal_cross_entropy", 2.0, "real", "share",
     lambda z, t: -(t * (1 - z.softmax(dim=1)) ** 2 * z.log_softmax(dim=1)).sum(dim=1)),
    ("binary_cross_entropy", 1.0, "real", "share",
     lambda z, t: rows(F.binary_cross_entropy_with_logits(z, t, reduction="none"))),
    ("categorical_cross_entropy", 1.0, "real", "label", lambda z, t: F.cross_entropy(z, t, reduction="none")),
    ("categorical_cross_entropy", 1.0, "real", "share", lambda z, t: F.cross_entropy(z, t, reduction="none")),
    ("log_loss", 1.0, "share", "share", lambda z, t: rows(F.binary_cross_entropy(z, t, reduction="none"))),
    ("categorical_log_loss", 1.0, "share", "label", lambda z, t: F.nll_loss(z.log(), t, reduction="none")),
    ("categorical_log_loss", 1.0, "share", "share", lambda z, t: -(t * z.log()).sum(dim=1)),
    ("poisson", 1.0, "real", "share", lambda z, t: rows(F.poisson_nll_loss(z, t, log_input=True, reduction="none"))),
    ("poisson", 0.0, "share", "share",
     lambda z, t: rows(F.poisson_nll_loss(z, t, log_input=False, eps=0.0, reduction="none"))),
    ("hinge", 1.0, "real", "sign", lambda z, t: rows(F.relu(1 - t * z))),
    ("perceptron", 1.0, "real", "sign", lambda z, t: rows(F.relu(-t * z))),
]  # fmt: skip


def loss_data(kind: str, shape: tuple[int, int], seed: int) -> Any:
    if kind == "label":
        return labels(shape[0], shape[1], seed=seed)
    x = uniform(shape, seed=seed, low=0.0)
    return {"real": 8 * x - 4, "share": 0.01 + 0.98 * x, "sign": np.where(x < 0.5, -1.0, 1.0)}[kind]


@pytest.mark.parametrize("library", [kernels, reference], ids=["kernels", "reference"])
@pytest.mark.parametrize(("loss", "setting", "outputs", "targets", "expected"), LOSSES)
def test_losses(
    library: Any, loss: str, setting: float, outputs: str, targets: str, expected: Callable[[Any, Any], Any]
) -> None:
    z, target = loss_data(outputs, (37, 5), 1), loss_data(targets, (37, 5), 2)
    weight = uniform((37,), seed=3, low=0.0)
    row_loss, dz = getattr(library, loss)(z, target, weight=weight, scale=0.5, setting=setting)
    torch_z = torch.tensor(z, requires_grad=True)
    torch_target = torch.tensor(target).long() if targets == "label" else torch.tensor(target)
    torch_loss = expected(torch_z, torch_target)
    (0.5 * torch.tensor(weight) * torch_loss).sum().backward()
    np.testing.assert_allclose(row_loss, torch_loss.detach().numpy(), rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(dz, torch_z.grad.numpy(), rtol=1e-12, atol=1e-14)


# activation, alpha, PyTorch's
ACTIVATIONS: list[tuple[str, float, Callable[[Any], Any]]] = [
    ("relu", 0.0, F.relu),
    ("leaky_relu", 0.01, F.leaky_relu),
    ("leaky_relu", 0.3, lambda x: F.leaky_relu(x, 0.3)),
    ("elu", 1.0, F.elu),
    ("elu", 0.5, lambda x: F.elu(x, alpha=0.5)),
    ("selu", 0.0, F.selu),
    ("sigmoid", 0.0, torch.sigmoid),
    ("tanh", 0.0, torch.tanh),
    ("softplus", 0.0, lambda x: torch.logaddexp(x, torch.zeros_like(x))),
    ("gelu", 0.0, F.gelu),
    ("silu", 0.0, F.silu),
    ("softmax", 0.0, lambda x: F.softmax(x, dim=1)),
]


@pytest.mark.parametrize("library", [kernels, reference], ids=["kernels", "reference"])
@pytest.mark.parametrize(("name", "alpha", "expected"), ACTIVATIONS)
def test_activations(library: Any, name: str, alpha: float, expected: Callable[[Any], Any]) -> None:
    x, dy = 5 * uniform((23, 7), seed=1), uniform((23, 7), seed=2)
    y = getattr(library, name)(x, alpha=alpha)
    dx = getattr(library, f"{name}_backward")(dy, x if name in ("gelu", "silu") else y, alpha=alpha)
    torch_x = torch.tensor(x, requires_grad=True)
    torch_y = expected(torch_x)
    torch_y.backward(torch.tensor(dy))
    np.testing.assert_allclose(y, torch_y.detach().numpy(), rtol=1e-13, atol=1e-15)
    np.testing.assert_allclose(dx, torch_x.grad.numpy(), rtol=1e-11, atol=1e-14)
