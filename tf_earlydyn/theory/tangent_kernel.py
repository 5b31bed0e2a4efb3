"""Infinite-width tangent kernels of deep networks, to first order in x.x' (Hu et al. 2020, Section 4)."""

from collections.abc import Sequence

import numpy as np

from tf_earlydyn import activations
from tf_earlydyn.activations import Activation
from tf_earlydyn.errors import InputError
from tf_earlydyn.theory.duals import dual, mean_square


def mlp_tangent_kernel(activation: str | Activation, depth: int, rho: float = 0.0) -> tuple[float, float]:
    r"""$\Phi(\rho)$ and $\Phi'(\rho)$: the infinite-width tangent kernel of a fully connected network, and its slope.

    The network has no biases, weights N(0, 1) times $1 / \sqrt{\mathrm{fan\_in}}$, and inputs of $\|x\| = \sqrt{d}$;
    $\rho = x \cdot x' / d$. At $\rho = 0$ these are the coefficients of the linear model that a wide network starts as
    (Hu et al. 2020, Section 4): features $[ \sqrt{\Phi'(0) / d} \, x \, ; \sqrt{\Phi(0)} ]$.

    Args:
        activation: a name that ``activations.get`` knows, or an ``Activation``.
        depth: how many hidden layers.
        rho: $\rho$.

    Raises:
        InputError: on an unknown activation, a depth below 1, or rho outside (-1, 1).

    >>> value, slope = mlp_tangent_kernel("erf", depth=4)
    >>> value, round(slope, 6)
    (0.0, 0.916767)
    """
    if not -1 < rho < 1:
        raise InputError(f"rho must lie between -1 and 1. Received: rho={rho}.")
    one_position = np.ones((1, 1))
    value, slopes = _tangent_kernel(activation, [one_position] * (_positive(depth) + 1), np.array([rho]))
    return value, float(slopes[0])


def cnn_tangent_kernel(activation: str | Activation, depth: int, height: int, width: int) -> tuple[float, np.ndarray]:
    r"""$\Phi$ and its slopes ``[height, width]`` at $x \cdot x' = 0$, for padded 3x3 convolutions and a flattened head.

    The kernel is $\Phi + \sum_p s_p \rho_p$ to first order, $\rho_p = x_p \cdot x'_p / c$ at location p, for inputs of
    c channels with $\|x_p\|^2 = c$ everywhere, padded with zeros. A slope $s_p$ counts the paths that see its location:
    fewer near a border (Hu et al. 2020, Section 4). Other conventions are those of ``mlp_tangent_kernel``.

    Args:
        activation: a name that ``activations.get`` knows, or an ``Activation``.
        depth: how many convolutions.
        height: of the inputs.
        width: likewise.

    Raises:
        InputError: on an unknown activation or a depth below 1.
    """
    patches = np.kron(_neighbours(height), _neighbours(width)) / 9
    head = np.full((1, height * width), 1 / (height * width))
    value, slopes = _tangent_kernel(activation, [patches] * _positive(depth) + [head], np.zeros(height * width))
    return value, slopes.reshape(height, width)


def _positive(depth: int) -> int:
    if depth < 1:
        raise InputError(f"depth must be a positive number of hidden layers. Received: depth={depth}.")
    return depth


def _neighbours(length: int) -> np.ndarray:
    """``[length, length]``, 1 where two places along an axis are at most one apart."""
    return np.eye(length) + np.eye(length, k=1) + np.eye(length, k=-1)


def _tangent_kernel(
    activation: str | Activation, mixings: Sequence[np.ndarray], rho: np.ndarray
) -> tuple[float, np.ndarray]:
    """The recursion of the paper's Section 4, with its derivatives by ``rho`` ``[P]``, over the positions of a layer.

    Each linear layer averages its inputs' covariances over positions by a matrix ``[positions out, positions in]``, all
    ones ``[1, 1]`` in a fully connected network; the last one has a single position, the output.
    """
    if isinstance(activation, str):
        activation = activations.get(activation)
    first, *later = mixings
    q, c, kernel = first @ np.ones_like(rho), first @ rho, first @ rho
    dc, dkernel = first, first
    for mixing in later:
        layer = dual(activation, q, c)
        slope, curvature = layer.derivative[:, None], layer.second_derivative[:, None]
        dkernel = mixing @ (slope * (dc + dkernel) + curvature * kernel[:, None] * dc)
        kernel = mixing @ (layer.value + layer.derivative * kernel)
        dc = mixing @ (slope * dc)
        c, q = mixing @ layer.value, mixing @ mean_square(activation, q)
    return float(kernel[0]), dkernel[0]
