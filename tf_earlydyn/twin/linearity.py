"""How linear a network's start is, on held-out inputs and for the labels it is to learn."""

from typing import NamedTuple

import keras
import numpy as np
from scipy.sparse.linalg import svds

from tf_earlydyn.errors import InputError
from tf_earlydyn.ntk import empirical_ntk
from tf_earlydyn.twin.affine import AffineTwin
from tf_earlydyn.twin.inputs import checked_targets, checked_x

HELD_OUT = 12  # examples at least, six on either side of the kernel
LEADING = 5  # modes of the kernel that are no sign of linearity: a constant, and a few directions of large variance


class Linearity(NamedTuple):
    """Shares of a network's tangent kernel Theta that its twin's kernel Theta_twin has, between held-out halves.

    Both are 1 for a network that is affine in its inputs, and neither is raised by a constant or by a few directions of
    large variance, as the plain share of Theta is.

    Attributes:
        labels: y'Theta_twin y / y'Theta y for centred targets y: the share of the first steps' progress. Sampling can
            lift it above 1.
        kernel: 1 - ||Theta_twin - Theta||^2 / ||Theta||^2 without Theta's five leading modes; negative where the twin
            is farther off than nothing.
    """

    labels: float
    kernel: float


def linearity(
    model: keras.Model, twin: AffineTwin, x: np.ndarray, y: np.ndarray, *, examples: int = 2_000, **options
) -> Linearity:
    """How linear the network will start, at its weights of the moment, on inputs that its twin was not derived from.

    Args:
        model: the network.
        twin: its ``affine_twin``, at the same weights.
        x: held-out inputs, ``[n, ...]``.
        y: targets ``[n]`` or ``[n, C]``; of a network that is not 0 at step 0, less its outputs there.
        examples: how many of these are used, the first ones, half on either side of the kernel.
        options: ``variables`` and ``memory_limit``, as in ``empirical_ntk``; ``variables`` those of the twin.

    Raises:
        InputError: if inputs or targets cannot be used, or are fewer than six on either side.
    """
    x = checked_x(x, twin.coordinates, "x")
    y, _ = checked_targets(y, len(x), twin.outputs)
    half = min(examples, len(x)) // 2
    if 2 * half < HELD_OUT:
        raise InputError(f"x must hold at least {HELD_OUT} held-out examples. Received: {len(x)}.")
    sides = slice(0, half), slice(half, 2 * half)
    # By layer, as the twin was derived, for which the model is compiled already.
    layers = empirical_ntk(model, *(x[side] for side in sides), by_layer=True, show_progress=False, **options)
    theta = _matrix(sum(layers.values()))
    affine = _matrix(twin.kernel(*(x[side] for side in sides)))
    first, second = ((y[side] - y[side].mean(axis=0)).ravel() for side in sides)
    rest, difference = _without_leading_modes(theta, affine - theta)
    return Linearity(
        float(first @ affine @ second / (first @ theta @ second)),
        float(1 - np.sum(difference**2) / np.sum(rest**2)),
    )


def _matrix(kernel: np.ndarray) -> np.ndarray:
    """Over (example, output) pairs, in float64."""
    if kernel.ndim == 4:
        n1, n2, c, _ = kernel.shape
        kernel = kernel.transpose(0, 2, 1, 3).reshape(n1 * c, n2 * c)
    return kernel.astype(np.float64)


def _without_leading_modes(theta: np.ndarray, other: np.ndarray) -> list[np.ndarray]:
    left, _, right = svds(theta, k=LEADING, v0=np.ones(min(theta.shape)))
    without = [matrix - left @ (left.T @ matrix) for matrix in (theta, other)]
    return [matrix - (matrix @ right.T) @ right for matrix in without]
