"""PyTorch, eager: each pass shuffled at once and cut into batches, fused optimizers."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from .. import tasks
from ..tasks import Array
from . import Stateless


def tensors(weights: list[Array]) -> list[torch.Tensor]:
    """Return copies as PyTorch keeps them: kernels are (units, inputs)."""
    return [torch.from_numpy(np.array(weight.T, order="C")) for weight in weights]


def forward(weights: list[torch.Tensor], X: torch.Tensor, activation: str) -> torch.Tensor:
    """Return the last layer's outputs."""
    function = torch.tanh if activation == "tanh" else torch.relu
    for kernel, bias in zip(weights[:-2:2], weights[1:-2:2], strict=True):
        X = function(F.linear(X, kernel, bias))
    return F.linear(X, weights[-2], weights[-1])


class Training:
    """Forward, backward and a fused Adam, called one after the other."""

    def __init__(self, task: tasks.Training, threads: int) -> None:
        torch.set_num_threads(threads)
        torch.manual_seed(0)
        self.task = task
        self.X, self.y = torch.from_numpy(task.X), torch.from_numpy(task.y)
        self.first = tensors(task.weights)
        self.weights = [weight.clone().requires_grad_() for weight in self.first]
        betas = (tasks.BETA_1, tasks.BETA_2)
        self.optimizer = torch.optim.Adam(self.weights, tasks.LEARNING_RATE, betas, tasks.EPSILON, fused=True)

    def memory(self) -> list[torch.Tensor]:
        """Return the optimizer's state."""
        return [tensor for state in self.optimizer.state.values() for tensor in state.values()]

    @torch.no_grad()
    def reset(self) -> None:
        for weight, first in zip(self.weights, self.first, strict=True):
            weight.copy_(first)
        for tensor in self.memory():
            tensor.zero_()

    def loss(self, weights: list[torch.Tensor], X: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """Return a batch's loss."""
        outputs = forward(weights, X, self.task.activation)
        return F.mse_loss(outputs, y) if self.task.loss == "mse" else F.cross_entropy(outputs, y)

    def step(self, X: torch.Tensor, y: torch.Tensor) -> None:
        """Take one step with these rows."""
        self.optimizer.zero_grad(set_to_none=True)
        self.loss(self.weights, X, y).backward()
        self.optimizer.step()

    def run(self, passes: int) -> None:
        task, step = self.task, self.step
        for _ in range(passes):
            if task.whole:
                step(self.X, self.y)
                continue
            order = torch.randperm(len(self.X))
            for X, y in zip(self.X[order].split(task.batch), self.y[order].split(task.batch), strict=True):
                step(X, y)

    def result(self) -> list[Array]:
        return [weight.detach().numpy().T.copy() for weight in self.weights]


class Images(Training):
    """Convolutions before the dense layers; images and kernels are turned before the clock starts."""

    def __init__(self, task: tasks.Images, threads: int) -> None:
        self.images, channels = task, task.convolutions[-1].filters
        self.count = sum(layer.arrays for layer in task.convolutions)
        pixels = np.arange(task.sizes[0]).reshape(-1, channels)
        self.columns = pixels.T.ravel()  # of the first dense kernel, which meets whole channels here
        kernels = [w.swapaxes(0, 1) if w.ndim == 4 else w for w in task.weights]  # tensors() reverses the axes
        kernels[self.count] = kernels[self.count][self.columns]
        super().__init__(dataclasses.replace(task, weights=kernels), threads)
        self.statistics = [(torch.zeros(layer.filters), torch.ones(layer.filters)) for layer in task.convolutions]
        self.X = self.X.permute(0, 3, 1, 2).contiguous()

    def loss(self, weights: list[torch.Tensor], X: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        convolutions, dense = self.images.by_layer(weights)
        for (layer, (kernel, *rest)), (mean, variance) in zip(convolutions, self.statistics, strict=True):
            X = F.conv2d(X, kernel, None if layer.norm else rest[0], padding=layer.padding)
            if layer.norm:
                keep, epsilon = tasks.NORM_MOMENTUM, tasks.NORM_EPSILON
                X = F.batch_norm(X, mean, variance, *rest, training=True, momentum=1.0 - keep, eps=epsilon)
            X = F.max_pool2d(torch.relu(X), layer.pool)
        return F.cross_entropy(forward(list(dense), X.flatten(1), self.task.activation), y)

    def result(self) -> list[Array]:
        weights = [w.detach().numpy() for w in self.weights]
        ours = [w.transpose(2, 3, 1, 0) if w.ndim == 4 else w.T.copy() for w in weights]
        back = np.empty_like(ours[self.count])
        back[self.columns] = ours[self.count]
        ours[self.count] = back
        return ours


class Text(Training):
    """`embedding_bag` with the values as weights, and dense gradients for a fused Adam.

    Of what PyTorch offers it is the fastest: `sparse.mm` takes 1.3 times as long, `SparseAdam`, another rule, 2 to 4.
    """

    def __init__(self, task: tasks.Text, threads: int) -> None:
        super().__init__(task, threads)
        self.first[0] = torch.from_numpy(task.weights[0].copy())  # a row a word
        self.weights[0] = self.first[0].clone().requires_grad_()
        betas = (tasks.BETA_1, tasks.BETA_2)
        self.optimizer = torch.optim.Adam(self.weights, tasks.LEARNING_RATE, betas, tasks.EPSILON, fused=True)
        self.column, self.start = torch.from_numpy(task.indices), torch.from_numpy(task.indptr)

    def text_step(self, column: torch.Tensor, start: torch.Tensor, value: torch.Tensor, y: torch.Tensor) -> None:
        """Take one step with these texts."""
        self.optimizer.zero_grad(set_to_none=True)
        table, bias, *rest = self.weights
        hidden = F.embedding_bag(column, table, start, mode="sum", per_sample_weights=value) + bias
        F.cross_entropy(forward(rest, torch.relu(hidden), self.task.activation), y).backward()
        self.optimizer.step()

    def run(self, passes: int) -> None:
        batch = self.task.batch
        for _ in range(passes):
            order = torch.randperm(len(self.y))
            length = (self.start[1:] - self.start[:-1])[order]
            start = F.pad(length.cumsum(0), (1, 0)).to(self.start.dtype)
            place = torch.repeat_interleave(self.start[:-1][order] - start[:-1], length) + torch.arange(len(self.X))
            column, value, y = self.column[place], self.X[place], self.y[order]
            for first in range(0, len(y), batch):
                begin, end = int(start[first]), int(start[first + batch])
                self.text_step(
                    column[begin:end], start[first : first + batch] - begin, value[begin:end], y[first : first + batch]
                )

    def result(self) -> list[Array]:
        table, *rest = (weight.detach().numpy() for weight in self.weights)
        return [table.copy(), *(weight.T.copy() for weight in rest)]


class Search(Training):
    """`LBFGS` with its strong Wolfe line search, which ends by the number of iterations alone."""

    def run(self, passes: int) -> None:
        task = self.task
        assert isinstance(task, tasks.Search)
        for _ in range(passes):
            self.reset()
            search = torch.optim.LBFGS(
                self.weights,
                max_iter=task.iterations,
                max_eval=10 * task.iterations,
                tolerance_grad=0.0,
                tolerance_change=0.0,
                history_size=task.history,
                line_search_fn="strong_wolfe",
            )

            def evaluate(search: torch.optim.LBFGS = search) -> torch.Tensor:
                search.zero_grad(set_to_none=True)
                loss = self.loss(self.weights, self.X, self.y)
                loss.backward()
                return loss

            search.step(evaluate)
            assert search.state[self.weights[0]]["n_iter"] == task.iterations


class Inference(Stateless):
    """The way forward, from a tensor to a tensor."""

    def __init__(self, task: tasks.Inference, threads: int) -> None:
        torch.set_num_threads(threads)
        self.X, self.weights, self.task = torch.from_numpy(task.X), tensors(task.weights), task

    def call(self, X: torch.Tensor) -> torch.Tensor:
        """Return the outputs."""
        outputs = forward(self.weights, X, self.task.activation)
        return torch.softmax(outputs, 1) if self.task.softmax else outputs

    def run(self, passes: int) -> None:
        with torch.inference_mode():
            for _ in range(passes):
                self.outputs = self.call(self.X)

    def result(self) -> Array:
        outputs: Array = self.outputs.numpy()
        return outputs


class Product(Stateless):
    """`mm` into a tensor that is there."""

    def __init__(self, task: tasks.Product, threads: int) -> None:
        torch.set_num_threads(threads)
        a, b = torch.from_numpy(task.a), torch.from_numpy(task.b)
        self.a, self.b = a.T if task.form == "tn" else a, b.T if task.form == "nt" else b
        self.out = torch.empty(self.a.shape[0], self.b.shape[1])

    def run(self, passes: int) -> None:
        a, b, out, mm = self.a, self.b, self.out, torch.mm
        for _ in range(passes):
            mm(a, b, out=out)

    def result(self) -> Array:
        out: Array = self.out.numpy()
        return out


FUSED = ("sgd", "momentum", "nesterov", "adagrad", "adam", "adamw", "amsgrad")


def rule(task: tasks.Update, w: torch.Tensor, **way: bool) -> torch.optim.Optimizer:
    """Return PyTorch's optimizer of this rule."""
    given = dict(task.settings)
    rate, epsilon = given["learning_rate"], given.get("epsilon", 0.0)
    betas = {"betas": (given.get("beta_1", 0.0), given.get("beta_2", 0.0)), "eps": epsilon}
    makers: dict[str, tuple[Any, dict[str, Any]]] = {
        "sgd": (torch.optim.SGD, {}),
        "momentum": (torch.optim.SGD, {"momentum": given.get("momentum")}),
        "nesterov": (torch.optim.SGD, {"momentum": given.get("momentum"), "nesterov": True}),
        "adagrad": (torch.optim.Adagrad, {"eps": epsilon}),
        "rmsprop": (torch.optim.RMSprop, {"alpha": given.get("rho"), "eps": epsilon}),
        "adadelta": (torch.optim.Adadelta, {"rho": given.get("rho"), "eps": epsilon}),
        "adam": (torch.optim.Adam, betas),
        "adamw": (torch.optim.AdamW, {**betas, "weight_decay": given.get("weight_decay")}),
        "amsgrad": (torch.optim.Adam, {**betas, "amsgrad": True}),
        "adamax": (torch.optim.Adamax, betas),
        "nadam": (torch.optim.NAdam, betas),
    }
    maker, settings = makers[task.rule]
    optimizer: torch.optim.Optimizer = maker([w], lr=rate, **settings, **way)
    return optimizer


class Update(Stateless):
    """A step of a fused optimizer, or of a foreach one where there is no fused one."""

    def __init__(self, task: tasks.Update, threads: int) -> None:
        torch.set_num_threads(threads)
        self.task = task
        self.w = torch.from_numpy(task.w.copy()).requires_grad_()
        self.w.grad = torch.from_numpy(task.g)
        self.step: Callable[[], Any] = rule(task, self.w, **self.way()).step

    def way(self) -> dict[str, bool]:
        """Return the fastest implementation."""
        return {"fused": True} if self.task.rule in FUSED else {"foreach": True}

    def run(self, passes: int) -> None:
        for _ in range(passes):
            self.step()

    def result(self) -> Array:
        sample: Array = self.w.detach().numpy()[:: self.task.stride].copy()
        return sample
