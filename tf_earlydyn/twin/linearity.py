"""How linear a network's start is, on held-out inputs and for the labels it is to learn."""

from collections.abc import Sequence
from functools import reduce
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf
from scipy.sparse.linalg import svds

from tf_earlydyn.errors import InputError
from tf_earlydyn.ntk import empirical_ntk
from tf_earlydyn.seeds import Stream, generator
from tf_earlydyn.twin.affine import AffineTwin
from tf_earlydyn.twin.inputs import checked_targets, checked_x

HELD_OUT = 12  # examples at least, six on either side of the kernel
_PAIRS = 4_000  # of examples and outputs
_ROUNDING = 1e-5  # of float32 kernels, sums of many products
LEADING = 5  # modes of the kernel that are no sign of linearity: a constant, and a few directions of large variance


class Linearity(NamedTuple):
    r"""Shares of a network's tangent kernel $\Theta$ that its twin's, $\hat\Theta$, has, between held-out halves.

    Both are 1 for a network that is affine in its inputs, and neither is raised by a constant or by a few directions of
    large variance, as the plain share of $\Theta$ is.

    Attributes:
        labels: $y^\top \hat\Theta y / y^\top \Theta y$ for centred targets y: the share of the first steps' progress. A
            ratio of sums over sampled pairs, which can be above 1, and is as uncertain as its denominator is small.
        kernel: $1 - \|\hat\Theta - \Theta\|^2 / \|\Theta\|^2$ without the five leading modes of $\Theta$, or with them
            where it has no others; negative where the twin is farther off than nothing.
    """

    labels: float
    kernel: float


def linearity(
    model: keras.Model,
    twin: AffineTwin,
    x: np.ndarray,
    y: np.ndarray,
    *,
    examples: int = 2_000,
    seed: int = 0,
    variables: Sequence[str | keras.Variable] | None = None,
    strategy: tf.distribute.Strategy | None = None,
) -> Linearity:
    """How linear the network will start, at its weights of the moment, on inputs that its twin was not derived from.

    Args:
        model: the network.
        twin: its ``affine_twin``, at the same weights.
        x: held-out inputs, ``[n, ...]``.
        y: targets ``[n]`` or ``[n, C]``; of a network that is not 0 at step 0, less its outputs there.
        examples: how many of these are used, half on either side of the kernel; no more than 4,000 / C.
        seed: draws them.
        variables: those of the twin, as in ``affine_twin``.
        strategy: where the kernel is computed, likewise.

    Raises:
        InputError: if inputs or targets cannot be used, are too few, or have no energy in the kernel: they are the same
            for all examples, say.
    """
    x = checked_x(x, twin.coordinates, "x")
    y, _ = checked_targets(y, len(x), twin.outputs)
    if not isinstance(examples, (int, np.integer)) or examples < HELD_OUT or len(x) < HELD_OUT:
        raise InputError(
            f"x must hold at least {HELD_OUT} held-out examples. Received: {len(x)}, of which examples={examples!r}."
        )
    half = max(HELD_OUT, min(examples, len(x), _PAIRS // twin.outputs)) // 2
    drawn = generator(seed, Stream.HELD_OUT).permutation(len(x))
    sides = drawn[:half], drawn[half : 2 * half]
    # By layer, as the twin was derived, for which the model is compiled already.
    options: dict[str, Any] = {"variables": variables, "show_progress": False, "strategy": strategy}
    layers = empirical_ntk(model, *(x[side] for side in sides), by_layer=True, **options)
    theta, affine = _matrix(reduce(np.add, layers.values())), _matrix(twin.kernel(*(x[side] for side in sides)))
    first, second = ((y[side] - y[side].mean(axis=0)).ravel() for side in sides)
    energy = first @ theta @ second
    if not energy > 0:
        raise InputError(
            "y must vary, and have a positive energy in the kernel between the held-out halves: take more examples. "
            f"Received: {2 * half} examples, and an energy of {energy:.3g}."
        )
    return Linearity(float(first @ affine @ second / energy), _share(theta, affine - theta))


def _matrix(kernel: np.ndarray) -> np.ndarray:
    """Over (example, output) pairs, in float64."""
    if kernel.ndim == 4:
        n1, n2, c, _ = kernel.shape
        kernel = kernel.transpose(0, 2, 1, 3).reshape(n1 * c, n2 * c)
    return kernel.astype(np.float64)


def _share(theta: np.ndarray, difference: np.ndarray) -> float:
    left, _, right = svds(theta, k=LEADING, v0=np.ones(min(theta.shape)))
    without = [matrix - left @ (left.T @ matrix) for matrix in (theta, difference)]
    rest, error = (np.linalg.norm(matrix - (matrix @ right.T) @ right) for matrix in without)
    if rest <= _ROUNDING * np.linalg.norm(theta):
        rest, error = np.linalg.norm(theta), np.linalg.norm(difference)
    return float(1 - (error / rest) ** 2)
