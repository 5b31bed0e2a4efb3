"""torch.func: the two methods of PyTorch's tutorial on neural tangent kernels, which runs them eagerly.

The Jacobian is computed once, where the tutorial computes it for either side, and its contractions are summed as they
come, where the tutorial keeps all of them: both are faster and take less memory.
"""

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import nn
from torch.func import functional_call, jacrev, jvp, vjp, vmap

from benchmarks.workers.serve import Computation, serve

Parameters = dict[str, torch.Tensor]


class _Scaled(nn.Module):
    """A convolution or a matrix product in NTK parameterisation."""

    def __init__(self, weights: np.ndarray) -> None:
        super().__init__()
        order = (3, 2, 0, 1) if weights.ndim == 4 else (1, 0)
        self.weight = nn.Parameter(torch.from_numpy(weights.transpose(order).copy()))
        self.scale = 1 / math.sqrt(math.prod(weights.shape[:-1]))

    def forward(self, x):
        if self.weight.ndim == 4:
            return nn.functional.conv2d(x, self.weight * self.scale, padding="same")
        return nn.functional.linear(x, self.weight) * self.scale


class _Flatten(nn.Module):
    """Images of channels first, in the order in which the other entrants flatten those of channels last."""

    def forward(self, x):
        return x.movedim(1, -1).flatten(1)


class _Erf(nn.Module):
    """The error function."""

    def forward(self, x):
        return torch.erf(x)


def network(weights: list[np.ndarray]) -> nn.Module:
    layers = []
    for kernel in weights[:-1]:
        layers += [_Scaled(kernel), _Erf()]
    flatten = [_Flatten()] if weights[0].ndim == 4 else []
    return nn.Sequential(*layers, *flatten, _Scaled(weights[-1]))


def jacobian_contraction(f: Callable, parameters: Parameters, x: torch.Tensor) -> torch.Tensor:
    jacobian = vmap(jacrev(f), (None, 0))(parameters, x)
    return sum(torch.einsum("Naf,Mbf->NMab", j, j) for j in (j.flatten(2) for j in jacobian.values()))


def ntk_vector_products(f: Callable, parameters: Parameters, x: torch.Tensor) -> torch.Tensor:
    def block(x1, x2):
        output, pull_back = vjp(lambda parameters: f(parameters, x1), parameters)

        def column(cotangent):
            return jvp(lambda parameters: f(parameters, x2), (parameters,), pull_back(cotangent))[1]

        return vmap(column)(torch.eye(output.numel()))

    return vmap(vmap(block, (None, 0)), (0, None))(x, x)


def _of(method: Callable) -> Callable[[np.ndarray, list[np.ndarray]], Computation]:
    def prepare(x: np.ndarray, weights: list[np.ndarray]) -> Computation:
        model = network(weights)
        parameters = {name: value.detach() for name, value in model.named_parameters()}
        inputs = torch.from_numpy(np.moveaxis(x, -1, 1).copy() if x.ndim == 4 else x)

        def f(parameters, x):
            return functional_call(model, parameters, (x[None],))[0]

        return lambda: method(f, parameters, inputs).numpy()

    return prepare


METHODS = {"Jacobian contraction": _of(jacobian_contraction), "NTK-vector products": _of(ntk_vector_products)}

if __name__ == "__main__":
    serve(METHODS, ("torch", "numpy"))
