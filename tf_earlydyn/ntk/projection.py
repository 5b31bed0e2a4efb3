"""A tangent kernel between linear combinations of examples, L' Theta R, by kernels or by backward passes."""

import math
from functools import partial

import keras
import numpy as np
import tensorflow as tf

from tf_earlydyn.blocks import Blocks
from tf_earlydyn.distribution import added_up, current_strategy, shared_out
from tf_earlydyn.errors import InputError
from tf_earlydyn.ntk.blocks import LARGEST
from tf_earlydyn.ntk.compiled import compiled
from tf_earlydyn.ntk.inputs import checked_memory_limit
from tf_earlydyn.ntk.kernel import TangentKernel, padded
from tf_earlydyn.ntk.terms import Term, taken
from tf_earlydyn.ntk.tiles import Pair, Sides, computed, pairs_per_example, planned, strip_height, tile

_EXAMPLES = 512  # that a backward pass takes at once


def cheaper_route(rows: TangentKernel, columns: TangentKernel, k: int, *, crossed: bool, memory_limit: int) -> str:
    """``kernels`` or ``passes``, by multiply-adds, for k combinations on either side.

    ``kernels`` where the gradients that passes leave, of every combination, do not fit into memory.
    """
    n1, n2, c = len(rows), len(columns), rows.outputs
    if _gradient_bytes(rows, k) > memory_limit:
        return "kernels"
    pair, gradient = rows.operations(pairs_per_example(n1, n2))
    blocks = math.ceil(n2 / LARGEST)
    kernels = n1 * n2 * (pair + c**2 * k) + n1 * blocks * (c * k) ** 2 + (n1 + n2) * c * gradient
    passes = (n1 + n2) * c * k * gradient + (c if crossed else 1) * c * k**2 * _weights(rows)
    return "kernels" if kernels < passes else "passes"


def _weights(kernel: TangentKernel) -> int:
    return sum(math.prod(variable.shape) for variable in _variables(kernel))


def _gradient_bytes(kernel: TangentKernel, k: int) -> int:
    """Both sides' sums in float64, and a block's gradients, in its own dtype and in float64."""
    return kernel.outputs * k * _weights(kernel) * (3 * 8 + kernel.dtype.itemsize)


def by_kernels(
    rows: TangentKernel,
    columns: TangentKernel,
    left: np.ndarray,
    right: np.ndarray,
    *,
    crossed: bool = True,
    memory_limit: int,
    show_progress: bool = True,
    strategy: tf.distribute.Strategy | None = None,
) -> dict[str, np.ndarray]:
    """L' Theta R by group of variables, tile by tile, in time of n1 n2.

    Args:
        rows: the kernel on n1 examples.
        columns: the same kernel on n2 examples.
        left: L, ``[n1, k1]``.
        right: R, ``[n2, k2]``.
        crossed: whether every pair of outputs is wanted, or each output with itself alone.
        memory_limit: bytes that the tiles may take on each replica, as estimated ahead.
        show_progress: whether there is a progress bar, if it takes more than two seconds.
        strategy: where it is computed, as in ``empirical_ntk``.

    Returns:
        Arrays ``[C, k1, C, k2]``, or ``[C, k1, k2]`` if not ``crossed``, in float64.

    Raises:
        InputError: if the limit does not hold one pair of examples.
    """
    matrix = Sides(rows, columns)
    chosen = planned([matrix], memory_limit)
    strategy = strategy or current_strategy()

    def of(pair: Pair) -> dict[str, tf.Tensor]:
        ((row_terms, column_terms),) = pair.terms
        weights = [
            tf.constant(padded(side[block], size), rows.dtype)
            for side, block, size in ((left, pair.rows, chosen.rows.size), (right, pair.columns, chosen.columns.size))
        ]
        return {name: _combined(row_terms[name], column_terms[name], *weights, crossed) for name in row_terms}

    c, k1, k2 = rows.outputs, left.shape[1], right.shape[1]
    sums = {name: np.zeros((c, k1, c, k2) if crossed else (c, k1, k2)) for name in rows.groups}
    for _, parts in computed([matrix], chosen, of, strategy, show_progress=show_progress):
        for name, part in parts.items():
            sums[name] += part.numpy()
    return {name: added_up(strategy, total) for name, total in sums.items()}


def by_passes(
    rows: TangentKernel,
    columns: TangentKernel,
    left: np.ndarray,
    right: np.ndarray,
    *,
    crossed: bool = True,
    memory_limit: int,
    strategy: tf.distribute.Strategy | None = None,
) -> dict[str, np.ndarray]:
    """As ``by_kernels``, by a backward pass for each combination and output, in time of n1 + n2.

    Raises:
        InputError: if the gradients take more than ``memory_limit`` bytes.
    """
    if (needed := _gradient_bytes(rows, max(left.shape[1], right.shape[1]))) > checked_memory_limit(memory_limit):
        raise InputError(
            f"memory_limit must be at least {needed} bytes for backward passes: take kernels, or a larger one. "
            f"Received: memory_limit={memory_limit}."
        )
    strategy = strategy or current_strategy()
    gradients = [_gradients(kernel, weights, strategy) for kernel, weights in ((rows, left), (columns, right))]
    names = [name for name, group in rows.groups.items() for _ in group]
    sums: dict[str, np.ndarray] = {}
    for name, first, second in zip(names, *gradients, strict=True):
        part = np.tensordot(first, second, (2, 2)) if crossed else first @ second.swapaxes(1, 2)
        sums[name] = sums[name] + part if name in sums else part
    return sums


def _gradients(kernel: TangentKernel, weights: np.ndarray, strategy: tf.distribute.Strategy) -> list[np.ndarray]:
    """J' weights for ``weights`` ``[n, k]`` and each output: ``[C, k, p]`` of each variable, in float64."""

    def of(rows: slice) -> list[tf.Tensor]:
        return kernel.gradients(rows, _EXAMPLES, weights[rows])

    shape = kernel.outputs, weights.shape[1]
    sums = [np.zeros((*shape, math.prod(variable.shape))) for variable in _variables(kernel)]
    for _, parts in shared_out(list(Blocks(len(kernel), _EXAMPLES)), partial(map, of), strategy):
        for total, part in zip(sums, parts, strict=True):
            total += part.numpy()
    return [added_up(strategy, total) for total in sums]


def _variables(kernel: TangentKernel) -> list[keras.Variable]:
    return [variable for group in kernel.groups.values() for variable in group]


@compiled
def _combined(rows: list[Term], columns: list[Term], left: tf.Tensor, right: tf.Tensor, crossed: bool) -> tf.Tensor:
    """L' T R of a tile T ``[n1, C, n2, C]``, in strips of rows that fit the processor's cache."""
    height = strip_height(rows)
    total = 0.0
    for start in range(0, left.shape[0], height):
        strip = slice(start, start + height)
        part = tf.tensordot(tile(taken(rows, strip), columns), right, [[2], [0]])  # [n1, C, C, k2]
        if not crossed:
            part = tf.transpose(tf.linalg.diag_part(tf.transpose(part, (0, 3, 1, 2))), (0, 2, 1))  # [n1, C, k2]
        total += tf.cast(tf.tensordot(left[strip], part, [[0], [0]]), tf.float64)
    return tf.transpose(total, (1, 0, 2, 3) if crossed else (1, 0, 2))
