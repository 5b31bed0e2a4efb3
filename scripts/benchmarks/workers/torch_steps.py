"""PyTorch alone: a compiled step of a network, called for each; by autograd and SGD, and by torch.func.grad.

A step of the second is a single graph, where compiling the first leaves the optimiser and each pass one of its own.
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import nn
from torch.func import functional_call, grad

from benchmarks.workers.serve import Computation, serve
from benchmarks.workers.torch import network
from benchmarks.workers.weights import flat

Descent = Callable[[nn.Module, torch.Tensor, torch.Tensor, float], Callable[[], None]]


def by_autograd(model: nn.Module, x: torch.Tensor, y: torch.Tensor, rate: float) -> Callable[[], None]:
    optimiser = torch.optim.SGD(model.parameters(), rate)

    @torch.compile
    def step() -> None:
        optimiser.zero_grad()
        _loss(model(x), y).backward()
        optimiser.step()

    return step


def by_func(model: nn.Module, x: torch.Tensor, y: torch.Tensor, rate: float) -> Callable[[], None]:
    parameters = {name: value.detach() for name, value in model.named_parameters()}

    def loss(parameters: dict[str, torch.Tensor], x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return _loss(functional_call(model, parameters, (x,)), y)

    @torch.compile
    def step(parameters: dict[str, torch.Tensor], x: torch.Tensor, y: torch.Tensor) -> None:
        gradients = grad(loss)(parameters, x, y)
        for name, parameter in parameters.items():
            parameter.sub_(rate * gradients[name])

    return lambda: step(parameters, x, y)


def _loss(outputs: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return torch.mean(torch.square(outputs - y)) / 2


def _of(descent: Descent) -> Callable[..., Computation]:
    def prepare(x, y, steps, rate, weights, **_) -> Computation:
        model = network(weights)
        start = [parameter.detach().clone() for parameter in model.parameters()]
        # Channels first in shape alone: PyTorch's convolutions are no slower on those that lie last in memory.
        inputs = torch.from_numpy(np.moveaxis(x, -1, 1) if x.ndim == 4 else x)
        step = descent(model, inputs, torch.from_numpy(y), float(rate))

        def descend() -> np.ndarray:
            _set(model, start)
            for _ in range(int(steps[-1])):
                step()
            return flat(map(_in_order, model.parameters()))

        return descend

    return prepare


@torch.no_grad()
def _set(model: nn.Module, values: Sequence[torch.Tensor]) -> None:
    for parameter, value in zip(model.parameters(), values, strict=True):
        parameter.copy_(value)


def _in_order(parameter: torch.Tensor) -> np.ndarray:
    """Of the axes of the file: inputs before outputs, windows first."""
    order = (2, 3, 1, 0) if parameter.ndim == 4 else (1, 0)
    return parameter.detach().numpy().transpose(order)


METHODS = {"compiled, autograd": _of(by_autograd), "compiled, func.grad": _of(by_func)}

if __name__ == "__main__":
    serve(METHODS, ("torch", "numpy"))
