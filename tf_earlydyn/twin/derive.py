"""Deriving the affine twin from a network, by cross-fit."""

import logging
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tf_earlydyn.errors import InputError
from tf_earlydyn.ntk.inputs import checked_inputs, checked_model
from tf_earlydyn.ntk.kernel import TangentKernel
from tf_earlydyn.ntk.projection import by_kernels, by_passes, cheaper_route
from tf_earlydyn.ntk.tiles import DEFAULT_MEMORY_LIMIT
from tf_earlydyn.seeds import Stream, generator
from tf_earlydyn.twin.affine import AffineTwin
from tf_earlydyn.twin.coordinates import Coordinates, checked_further, features
from tf_earlydyn.twin.inputs import checked_numbers

_LOG = logging.getLogger("tf_earlydyn")
LARGEST = 8_000  # C (d + 1), up to which the kernel between outputs is taken
DEFAULT_SAMPLE = 4_000


def affine_twin(
    model: keras.Model,
    x: np.ndarray | tf.Tensor,
    *,
    sample: int | None = None,
    seed: int = 0,
    variables: Sequence[str | keras.Variable] | None = None,
    further: Sequence[str] = (),
    route: str = "auto",
    memory_limit: int = DEFAULT_MEMORY_LIMIT,
    show_progress: bool = True,
    strategy: tf.distribute.Strategy | None = None,
) -> AffineTwin:
    r"""The linear model on z = [x; 1] whose kernel is the best affine approximation of a network's tangent kernel.

    The network's gradients $J(x) = \partial_\theta f(x)$, at its weights of the moment, are regressed on z in a sample:
    $M = \operatorname{argmin} E \|J(x) - M z\|^2$. The kernel of M z is $z^\top A z'$, $A = M^\top M$. Each half of the
    sample gives an M, and A is $M_1^\top M_2$, made symmetric, so that sampling errors average out; what is negative of
    it, in coordinates in which $E[z z^\top]$ is the identity, is clipped.

    Args:
        model: any built Keras model with one input and one output ``[n, ...]``, flattened to ``[n, C]``; in inference
            mode, as for ``empirical_ntk``. It need not be zero at step 0: the twin is of f - f_0.
        x: inputs ``[n, ...]``, flattened to ``[n, d]``: training inputs, or others of their distribution.
        sample: how many of them are taken, at random, half for each M; by default 4,000 or 4 for each feature.
        seed: draws the sample.
        variables: layer names, variables or their paths: those that learn; all trainable ones by default.
        further: features beside [x; 1]: ``norm``, those of psi_2 (Hu et al. 2020), ``energy``, the mean square of each
            channel.
        route: ``kernels``: A from the tangent kernel between the halves, in time of sample^2; ``passes``: M by d + 1
            backward passes through each half; ``auto``: what takes fewer operations, by counting.
        memory_limit: bytes that tiles of the kernels, or the gradients, may take beside the twin itself on each
            replica, as estimated ahead; the twin takes 8 (C (d + 1))^2 for each layer.
        show_progress: whether kernels show a progress bar, if they take more than two seconds.
        strategy: where kernels and passes are computed, as in ``empirical_ntk``: passes in blocks of 512 examples.

    Raises:
        InputError: on a model, inputs or choices that cannot be used; the message says why.

    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    >>> x = np.random.default_rng(0).standard_normal((50, 2)).astype("float32")
    >>> affine_twin(model, x).kernel(x[:1], x[1:2]).round(4) == np.float64(1 + x[0] @ x[1]).round(4)
    array([[ True]])
    """
    if route not in ("auto", "kernels", "passes"):
        raise InputError(f"route must be one of auto, kernels, passes. Received: route={route!r}.")
    further = checked_further(further)
    checked_numbers(np.asarray(x), "x")
    x = checked_inputs(checked_model(model), x, "x")
    halves = _halves(x, sample, seed, features(x[:1], further).shape[1])
    coordinates = Coordinates.of_sample(halves, further)
    if coordinates.dropped:
        _LOG.warning(
            "of the twin's %d features, %d are constant, follow from others or are of few examples, and are left out",
            *(len(coordinates.basis), coordinates.dropped),
        )
    rows, columns = (TangentKernel(model, half, variables=variables, by_layer=True, name="x") for half in halves)
    crossed = rows.outputs * len(coordinates.basis) <= LARGEST
    if not crossed:
        _LOG.warning(
            "the twin takes the %d outputs one by one: all together would be %d features, more than %d",
            *(rows.outputs, rows.outputs * len(coordinates.basis), LARGEST),
        )
    left, right = (_regression(coordinates(half)) for half in halves)
    options: dict[str, Any] = {"crossed": crossed, "memory_limit": memory_limit}
    if route == "auto":
        route = cheaper_route(rows, columns, coordinates.rank, **options)
    if route == "kernels":
        parts = by_kernels(rows, columns, left, right, show_progress=show_progress, strategy=strategy, **options)
    else:
        parts = by_passes(rows, columns, left, right, strategy=strategy, **options)
    for name in parts:
        parts[name] = _symmetric(parts[name])
    return AffineTwin(coordinates, parts, rows.outputs)


def _halves(x: np.ndarray, sample: int | None, seed: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Two halves of a sample for ``size`` features."""
    if not isinstance(seed, (int, np.integer)) or seed < 0:
        raise InputError(f"seed must be an integer from 0 on. Received: seed={seed!r}.")
    if sample is None:
        sample = max(DEFAULT_SAMPLE, 4 * size)
    elif not isinstance(sample, (int, np.integer)) or sample < 2:
        raise InputError(f"sample must be a number of examples from 2 on. Received: sample={sample!r}.")
    drawn = generator(seed, Stream.TWIN).permutation(len(x))[:sample]
    return x[drawn[: len(drawn) // 2]], x[drawn[len(drawn) // 2 :]]


def _regression(w: np.ndarray) -> np.ndarray:
    """The weights ``[n, r]`` that make the coefficients of a regression on ``w`` ``[n, r]``."""
    return np.linalg.solve(w.T @ w, w.T).T


def _symmetric(part: np.ndarray) -> np.ndarray:
    """``[C, r, C, r]`` or ``[C, r, r]`` as ``[B, q, q]``, made symmetric."""
    if part.ndim == 4:
        size = part.shape[0] * part.shape[1]
        part = part.reshape(1, size, size)
    return (part + np.swapaxes(part, 1, 2)) / 2
