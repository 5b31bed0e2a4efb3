"""All tiles of kernel matrices, one after the other, within a memory limit."""

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, TypeVar

import tensorflow as tf
from tqdm import tqdm

from tf_earlydyn.distribution import current_strategy, own_parts, shared_out
from tf_earlydyn.ntk.blocks import Plan, plan
from tf_earlydyn.ntk.compiled import compiled
from tf_earlydyn.ntk.inputs import checked_memory_limit
from tf_earlydyn.ntk.kernel import FeatureKernel, TangentKernel
from tf_earlydyn.ntk.terms import Direct, Term, contract, taken

Kernel = TangentKernel | FeatureKernel
Terms = dict[str, list[Term]]
BlockPair = tuple[slice, slice]
R = TypeVar("R")
DEFAULT_MEMORY_LIMIT = 2**30  # bytes


class Sides(NamedTuple):
    """A kernel matrix: the same kernel on the examples of its rows and on those of its columns."""

    rows: Kernel
    columns: Kernel


class Pair(NamedTuple):
    """A block of rows and a block of columns, and for each kernel matrix the terms of both."""

    rows: slice
    columns: slice
    terms: list[tuple[Terms, Terms]]


def planned(matrices: Sequence[Sides], memory_limit: int) -> Plan:
    """Blocks in which all of ``matrices``, of equal shapes, are computed side by side.

    Raises:
        InputError: if one pair of examples takes more than ``memory_limit`` bytes.
    """
    memory_limit = checked_memory_limit(memory_limit)
    n1, n2 = len(matrices[0].rows), len(matrices[0].columns)
    sizes = [matrix.columns.sizes(pairs_per_example(n1, n2)) for matrix in matrices]
    itemsize = max(matrix.columns.dtype.itemsize for matrix in matrices)
    kept, per_example, per_pair = (itemsize * sum(entries) for entries in zip(*sizes, strict=True))
    chosen = plan(n1, n2, kept, per_example, per_pair, memory_limit)
    for matrix in matrices:
        matrix.rows.prepare(chosen.rows.size)
        matrix.columns.prepare(chosen.columns.size)
    return chosen


def block_pairs(chosen: Plan, symmetric: bool) -> list[BlockPair]:
    """The blocks of rows and of columns, in the order they are gone through: no tile below a symmetric diagonal."""
    pairs = itertools.product(chosen.rows, chosen.columns)
    return [(rows, columns) for rows, columns in pairs if not symmetric or rows.start <= columns.start]


def computed(
    matrices: Sequence[Sides],
    chosen: Plan,
    compute: Callable[[Pair], R],
    strategy: tf.distribute.Strategy | None = None,
    *,
    skip: int = 0,
    show_progress: bool = True,
) -> Iterator[tuple[BlockPair, R]]:
    """What ``compute`` makes of each of ``block_pairs``, but for the first ``skip``, in their order.

    The pairs are shared out among a strategy's replicas, of which each makes the terms that it needs; of several
    workers each one gets what its own replicas compute.
    """
    strategy = strategy or current_strategy()
    symmetric = matrices[0].rows is matrices[0].columns
    pairs = block_pairs(chosen, symmetric)
    results = shared_out(pairs[skip:], lambda own: map(compute, walk(matrices, chosen, own)), strategy)
    return _with_progress(results, pairs[:skip], own_parts(pairs[skip:], strategy), show_progress)


def _with_progress(
    results: Iterator[tuple[BlockPair, R]], before: list[BlockPair], coming: list[BlockPair], shown: bool
) -> Iterator[tuple[BlockPair, R]]:
    """``results`` with a bar that counts pairs of examples, where it takes more than two seconds."""
    done, ahead = (sum(map(_size, pairs)) for pairs in (before, coming))
    options: dict[str, Any] = {"unit": "pair", "unit_scale": True, "leave": False, "delay": 2, "disable": not shown}
    with tqdm(total=done + ahead, initial=done, **options) as bar:
        for pair, result in results:
            yield pair, result
            bar.update(_size(pair))


def _size(pair: BlockPair) -> int:
    rows, columns = pair
    return (rows.stop - rows.start) * (columns.stop - columns.start)


def walk(matrices: Sequence[Sides], chosen: Plan, block_pairs: Sequence[BlockPair]) -> Iterator[Pair]:
    """Goes through ``block_pairs``, and makes the terms of each block when it is needed."""
    symmetric = matrices[0].rows is matrices[0].columns
    pairs = pairs_per_example(chosen.rows.n, chosen.columns.n)
    kept: dict[tuple[bool, int], list[Terms]] = {}

    def terms(of_columns: bool, block: slice) -> list[Terms]:
        key = (of_columns or symmetric, block.start)
        if key not in kept:
            size = (chosen.columns if of_columns else chosen.rows).size
            kept[key] = [sides[of_columns].terms(block, size, pairs) for sides in matrices]
        return kept[key]

    for rows, columns in block_pairs:
        needed = {(symmetric, rows.start), (True, columns.start)}
        for key in [key for key in kept if key not in needed and not (chosen.keep and key[0])]:
            del kept[key]  # before others are made
        row_terms, column_terms = terms(False, rows), terms(True, columns)
        yield Pair(rows, columns, list(zip(row_terms, column_terms, strict=True)))


def pairs_per_example(n1: int, n2: int) -> int:
    """How many pairs there are for an example whose terms are made, to a power of two."""
    return 2 ** round(math.log2(max(1, n1 * n2 / (n1 + n2))))


@compiled
def strips(rows: Terms, columns: Terms, diagonal: bool) -> dict[str, list[tf.Tensor]]:
    """The tile ``[n1, C, n2, C]`` of two blocks, by group, in strips of rows.

    On the ``diagonal`` of a symmetric matrix, each strip begins at its own first row's column.
    """
    return {name: _strips(rows[name], columns[name], diagonal) for name in rows}


def _strips(rows: list[Term], columns: list[Term], diagonal: bool) -> list[tf.Tensor]:
    height = strip_height(rows)
    return [
        tile(taken(rows, slice(start, start + height)), taken(columns, slice(diagonal * start, None)))
        for start in range(0, tf.nest.flatten(rows)[0].shape[0], height)
    ]


def tile(rows: list[Term], columns: list[Term]) -> tf.Tensor:
    """The tile ``[n1, C, n2, C]`` of all variables' terms."""
    return tf.add_n([contract(a, b) for a, b in zip(rows, columns, strict=True)])


def strip_height(terms: list[Term]) -> int:
    """How many rows of a tile are best computed at once: few enough for the processor's cache."""
    term = terms[0]
    outputs = (term.rows if isinstance(term, Direct) else term.cotangents).shape[1]
    return min(128, max(32, 256 // outputs))
