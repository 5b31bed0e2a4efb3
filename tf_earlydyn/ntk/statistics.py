"""Numbers that tell about kernel matrices without forming them: tiles are computed, summed up and forgotten."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tf_earlydyn.distribution import added_up, current_strategy
from tf_earlydyn.errors import InputError
from tf_earlydyn.ntk.compiled import compiled
from tf_earlydyn.ntk.kernel import padded
from tf_earlydyn.ntk.terms import Term, diagonal, taken
from tf_earlydyn.ntk.tiles import (
    DEFAULT_MEMORY_LIMIT,
    BlockPair,
    Kernel,
    Pair,
    R,
    Sides,
    Terms,
    computed,
    pairs_per_example,
    planned,
    strip_height,
    tile,
)


class Comparison(NamedTuple):
    r"""Two kernel matrices A and B, as matrices over (example, output) pairs.

    Attributes:
        distance: $\|A - B\|$, Frobenius norm.
        first_norm, second_norm: $\|A\|$ and $\|B\|$.
        inner_product: $\langle A, B \rangle$.
    """

    distance: float
    first_norm: float
    second_norm: float
    inner_product: float

    @property
    def relative_distance(self) -> float:
        r"""$\|A - B\| / \|B\|$; not a number or infinite where B is zero."""
        return float(np.float64(self.distance) / self.second_norm)

    @property
    def alignment(self) -> float:
        r"""The uncentred cosine $\langle A, B \rangle / (\|A\| \|B\|)$; not a number where one is zero."""
        return float(np.float64(self.inner_product) / (self.first_norm * self.second_norm))


def compare(
    first: Kernel,
    second: Kernel,
    *,
    memory_limit: int = DEFAULT_MEMORY_LIMIT,
    show_progress: bool = True,
    strategy: tf.distribute.Strategy | None = None,
) -> Comparison:
    """Compares two kernels on the same n examples, in time of n^2 and memory of n at most.

    Args:
        first: a ``TangentKernel`` or ``FeatureKernel``, A.
        second: likewise, B.
        memory_limit: bytes that the computation may take on each replica, as estimated ahead.
        show_progress: whether there is a progress bar, if it takes more than two seconds.
        strategy: where it is computed, as in ``empirical_ntk``.

    Raises:
        InputError: if they are not of the same number of examples and outputs, or the limit is too small.
    """
    shapes = [(len(kernel), kernel.outputs) for kernel in map(_checked, (first, second))]
    if shapes[0] != shapes[1]:
        raise InputError(f"the kernels must be of as many examples and outputs. Received: [n, C] of {shapes}.")
    strategy = strategy or current_strategy()

    def of(pair: Pair, weights: list[tf.Tensor]) -> tf.Tensor:
        return _sums([(_flat(a), _flat(b)) for a, b in pair.terms], *weights)

    sums = np.zeros(4)
    for (rows, columns), part in _computed([first, second], of, memory_limit, show_progress, strategy):
        sums += (1 if rows == columns else 2) * part.numpy()
    sums = added_up(strategy, sums)
    distance, first_norm, second_norm = np.sqrt(sums[:3])
    return Comparison(float(distance), float(first_norm), float(second_norm), float(sums[3]))


def trace(kernel: Kernel, *, memory_limit: int = DEFAULT_MEMORY_LIMIT) -> float:
    """The trace over (example, output) pairs, in time of n.

    Args:
        kernel: a ``TangentKernel`` or ``FeatureKernel``.
        memory_limit: bytes that the computation may take, as estimated ahead.

    Raises:
        InputError: if it is no kernel, or the limit is too small.
    """
    kernel = _checked(kernel)
    blocks = planned([Sides(kernel, kernel)], memory_limit).rows
    pairs = pairs_per_example(len(kernel), len(kernel))
    sums = (_diagonals(_flat(kernel.terms(block, blocks.size, pairs)))[: _length(block)] for block in blocks)
    return float(sum(np.sum(part) for part in sums))


def product(
    kernel: Kernel,
    vectors: np.ndarray,
    *,
    memory_limit: int = DEFAULT_MEMORY_LIMIT,
    show_progress: bool = True,
    strategy: tf.distribute.Strategy | None = None,
) -> np.ndarray:
    r"""$\Theta V$, ``[n C, k]``; where k = 1, ``ntk_operator`` takes time of n instead of n^2.

    Args:
        kernel: $\Theta$, a ``TangentKernel`` or ``FeatureKernel``.
        vectors: V, ``[n C, k]`` over (example, output) pairs.
        memory_limit: bytes that the computation may take on each replica, as estimated ahead.
        show_progress: whether there is a progress bar, if it takes more than two seconds.
        strategy: where it is computed, as in ``empirical_ntk``.

    Raises:
        InputError: if ``vectors`` have another shape, or the limit is too small.
    """
    n, c = len(_checked(kernel)), kernel.outputs
    vectors = np.asarray(vectors, kernel.dtype)
    if vectors.ndim != 2 or len(vectors) != n * c:
        raise InputError(f"vectors must have the shape [{n * c}, k]. Received: {vectors.shape}.")
    strategy = strategy or current_strategy()

    def of(pair: Pair, weights: list[tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
        sides = [
            tf.constant(padded(vectors[_times(block, c)], len(weight) * c))
            for block, weight in zip(pair[:2], weights, strict=True)
        ]
        return _products(tuple(map(_flat, pair.terms[0])), *sides)

    result = np.zeros_like(vectors)
    for pair, (down, across) in _computed([kernel], of, memory_limit, show_progress, strategy):
        rows, columns = (_times(block, c) for block in pair)
        result[rows] += down.numpy()[: _length(rows)]
        if rows != columns:
            result[columns] += across.numpy()[: _length(columns)]
    return added_up(strategy, result)


def _checked(kernel: Kernel) -> Kernel:
    if not isinstance(kernel, Kernel):
        raise InputError(f"a kernel must be a TangentKernel or FeatureKernel. Received: {type(kernel).__name__}.")
    return kernel


def _computed(
    kernels: list[Kernel],
    compute: Callable[[Pair, list[tf.Tensor]], R],
    memory_limit: int,
    show_progress: bool,
    strategy: tf.distribute.Strategy,
) -> Iterator[tuple[BlockPair, R]]:
    """What ``compute`` makes of the pairs of blocks on and above the diagonal that are this process's.

    It is given weights, 1 of their examples and 0 of what fills them up.
    """
    matrices = [Sides(kernel, kernel) for kernel in kernels]
    chosen = planned(matrices, memory_limit)
    examples = np.arange(chosen.rows.size)

    def of(pair: Pair) -> R:
        return compute(pair, [tf.constant(examples < _length(block), kernels[0].dtype) for block in pair[:2]])

    return computed(matrices, chosen, of, strategy, show_progress=show_progress)


def _times(block: slice, c: int) -> slice:
    """The rows of a block's examples, of which each has ``c``."""
    return slice(block.start * c, block.stop * c)


def _length(block: slice) -> int:
    return block.stop - block.start


def _flat(terms: Terms) -> list[Term]:
    return [term for group in terms.values() for term in group]


@compiled
def _sums(terms: list[tuple[list[Term], list[Term]]], row_weights: tf.Tensor, column_weights: tf.Tensor) -> tf.Tensor:
    """Sums of (A - B)^2, A^2, B^2 and A B over a tile, in float64 from each row's sum on."""
    height = strip_height(terms[0][0])
    total = tf.zeros(4, tf.float64)
    for start in range(0, row_weights.shape[0], height):
        strip = slice(start, start + height)
        a, b = (tile(taken(rows, strip), columns) for rows, columns in terms)
        wider = tf.float64 if tf.float64 in (a.dtype, b.dtype) else a.dtype
        a, b = tf.cast(a, wider), tf.cast(b, wider)
        weights = tf.cast(row_weights[strip, None, None, None] * column_weights[:, None], wider)
        parts = [tf.reduce_sum(weights * part, axis=(1, 2, 3)) for part in ((a - b) ** 2, a * a, b * b, a * b)]
        total += tf.reduce_sum(tf.cast(tf.stack(parts), tf.float64), axis=1)
    return total


@compiled
def _products(
    terms: tuple[list[Term], list[Term]], row_vectors: tf.Tensor, column_vectors: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """The tile times the columns' vectors, and its transpose times the rows'."""
    matrix = tf.reshape(tile(*terms), (row_vectors.shape[0], column_vectors.shape[0]))
    return tf.matmul(matrix, column_vectors), tf.matmul(matrix, row_vectors, transpose_a=True)


@compiled
def _diagonals(terms: list[Term]) -> tf.Tensor:
    """``[n]`` in float64, summed over the outputs."""
    return tf.reduce_sum(tf.cast(tf.add_n([diagonal(term) for term in terms]), tf.float64), axis=1)
