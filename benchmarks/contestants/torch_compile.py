"""PyTorch, compiled: a whole step (forward, backward and Adam) in one graph, which beats compiling its parts by far."""

from __future__ import annotations

from typing import Any

import torch

from .. import tasks
from . import torch as eager

OPTIONS = {"cpp_wrapper": True}  # calls the kernels from C++; measured to be faster for small nets


class Training(eager.Training):
    """Steps of a compiled function that changes weights and Adam's state in place."""

    def __init__(self, task: tasks.Training, threads: int) -> None:
        super().__init__(task, threads)
        torch.compiler.reset()
        self.weights = [weight.detach() for weight in self.weights]
        self.m = [torch.zeros_like(weight) for weight in self.weights]
        self.v = [torch.zeros_like(weight) for weight in self.weights]
        self.powers = torch.ones(2)
        loss = self.loss

        def step(weights: Any, m: Any, v: Any, powers: Any, X: Any, y: Any) -> None:
            gradients = torch.func.grad(loss)(weights, X, y)
            powers.mul_(torch.tensor([tasks.BETA_1, tasks.BETA_2]))
            first, second = 1.0 - powers[0], torch.sqrt(1.0 - powers[1])
            for w, mean, square, g in zip(weights, m, v, gradients, strict=True):
                mean.lerp_(g, 1.0 - tasks.BETA_1)
                square.mul_(tasks.BETA_2).addcmul_(g, g, value=1.0 - tasks.BETA_2)
                w.sub_(tasks.LEARNING_RATE / first * mean / (square.sqrt() / second + tasks.EPSILON))

        self.compiled = torch.compile(step, fullgraph=True, options=OPTIONS)

    def memory(self) -> list[torch.Tensor]:
        return [*self.m, *self.v]

    def reset(self) -> None:
        super().reset()
        self.powers.fill_(1.0)

    def step(self, X: torch.Tensor, y: torch.Tensor) -> None:
        self.compiled(self.weights, self.m, self.v, self.powers, X, y)

    def run(self, passes: int) -> None:
        with torch.no_grad():
            super().run(passes)


class Images(Training, eager.Images):
    """The same with convolutions."""


class Inference(eager.Inference):
    """A compiled way forward."""

    def __init__(self, task: tasks.Inference, threads: int) -> None:
        super().__init__(task, threads)
        torch.compiler.reset()
        self.call = torch.compile(super().call, fullgraph=True, options=OPTIONS)  # type: ignore[method-assign]


class Update(eager.Update):
    """A compiled step of the optimizer."""

    def __init__(self, task: tasks.Update, threads: int) -> None:
        super().__init__(task, threads)
        torch.compiler.reset()
        self.step = torch.compile(self.step)

    def way(self) -> dict[str, bool]:
        # foreach writes to the gradient with Nesterov's momentum, which here is the same in all steps
        return {"foreach": False}
