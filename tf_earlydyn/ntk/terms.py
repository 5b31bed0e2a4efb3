"""What one variable adds to a tangent kernel, kept as small factors of the Jacobian, and their contraction to a tile.

A tile holds the pairs of a block of n1 examples with a block of n2, ``[n1, C, n2, C]``: the order of the matrix J J'
over (example, output) pairs.
"""

import math
from typing import NamedTuple, cast

import tensorflow as tf


class Direct(NamedTuple):
    """The Jacobian itself: ``rows`` ``[n, C, p]``."""

    rows: tf.Tensor


class Product(NamedTuple):
    """A Jacobian that is a sum of outer products over P positions, J[n, c] = sum_p inputs[n, p] cotangents[n, c, p]'.

    What a layer y_p = W' a_p gives for W, if y_p is used at P positions and in G groups of features.

    Attributes:
        taps: tensors ``[n, P, G, f]``, whose concatenation over the last axis, of F entries, are the inputs.
        cotangents: ``[n, C, P, G, U]``.
    """

    taps: tuple[tf.Tensor, ...]
    cotangents: tf.Tensor


Term = Direct | Product
_ELEMENTWISE = 8  # multiply-adds of a matrix product that take the time of one product of two tiles' entries, about


def merged(terms: list[Term]) -> Term:
    """The term of a variable that is used several times: its Jacobian is the sum of those of its uses."""
    if len(terms) == 1:
        return terms[0]
    if isinstance(terms[0], Direct):
        return Direct(tf.add_n([use.rows for use in cast(list[Direct], terms)]))
    uses = cast(list[Product], terms)
    taps = tuple(tf.concat(parts, axis=1) for parts in zip(*(use.taps for use in uses), strict=True))
    return Product(taps, tf.concat([use.cotangents for use in uses], axis=2))


def traced(term: Term) -> Term:
    """The term of a single output whose kernel is the mean over the C outputs of the kernel's diagonal in them."""
    if isinstance(term, Direct):
        n, c, p = term.rows.shape
        return Direct(tf.reshape(term.rows, (n, 1, c * p)) / math.sqrt(c))
    n, c, positions, groups, units = term.cotangents.shape
    cotangents = tf.transpose(term.cotangents, (0, 2, 3, 1, 4)) / math.sqrt(c)
    return Product(term.taps, tf.reshape(cotangents, (n, 1, positions, groups, c * units)))


def cheaper(term: Term, pairs_per_example: float) -> list[Term]:
    """The term in the form that takes fewer operations, if each example meets that many others."""
    if isinstance(term, Direct):
        return [term]
    contracted, formed = _multiply_adds(term, pairs_per_example)
    return [term] if contracted < formed else _formed(term)


def operations(term: Term, pairs_per_example: float) -> tuple[float, float]:
    """Multiply-adds of the cheaper form for a pair of examples, and of a backward pass for an example and output."""
    if isinstance(term, Direct):
        _, c, size = term.rows.shape
        return c**2 * size, size
    _, _, positions, groups, units = term.cotangents.shape
    return min(_multiply_adds(term, pairs_per_example)), 2 * positions * groups * _fan_in(term) * units


def _multiply_adds(term: Product, pairs_per_example: float) -> tuple[float, float]:
    """A pair's, by either form.

    Contracting the two sides first costs P^2 G (F + C^2 U) multiply-adds, and as many products of entries as P^2 G C^2;
    forming the Jacobian costs C P G F U an example, and then C^2 G F U a pair.
    """
    _, c, positions, groups, units = term.cotangents.shape
    contracted = positions**2 * groups * (_fan_in(term) + c**2 * (units + _ELEMENTWISE))
    formed = groups * _fan_in(term) * units * (c**2 + c * positions / pairs_per_example)
    return contracted, formed


def _fan_in(term: Product) -> int:
    return sum(tap.shape[-1] for tap in term.taps)


def _formed(term: Product) -> list[Term]:
    """The Jacobian, a part for each tap: to put them together would take as long as to form them."""
    n, c = term.cotangents.shape[:2]
    cotangents = tf.transpose(term.cotangents, (0, 1, 3, 2, 4))  # [n, C, G, P, U]
    parts: list[Term] = []
    for tap in term.taps:
        inputs = tf.transpose(tap, (0, 2, 1, 3))[:, None]  # [n, 1, G, P, f]
        parts.append(Direct(tf.reshape(tf.matmul(inputs, cotangents, transpose_a=True), (n, c, -1))))
    return parts


def contract(a: Term, b: Term) -> tf.Tensor:
    """The tile ``[n1, C, n2, C]`` of two terms of the same variable."""
    if isinstance(a, Direct):
        return _outer(a.rows, cast(Direct, b).rows)  # of one variable, both are of one kind
    b = cast(Product, b)
    n1, c, p1, groups, _ = a.cotangents.shape
    n2, _, p2, _, _ = b.cotangents.shape
    inputs = [tf.concat(term.taps, axis=-1) for term in (a, b)]
    if p1 == p2 == groups == 1:
        covariance = _outer(inputs[0][:, 0], inputs[1][:, 0])
        return covariance * _outer(a.cotangents[:, :, 0, 0], b.cotangents[:, :, 0, 0])
    tile = tf.zeros((n1, c, n2, c), a.cotangents.dtype)
    for group in range(groups):
        covariance = _outer(inputs[0][:, :, group], inputs[1][:, :, group])  # [n1, P1, n2, P2]
        cotangents = [
            tf.reshape(term.cotangents[:, :, :, group], (n, c * positions, -1))
            for term, n, positions in ((a, n1, p1), (b, n2, p2))
        ]
        product = tf.reshape(_outer(*cotangents), (n1, c, p1, n2, c, p2))
        tile += tf.reduce_sum(product * covariance[:, None, :, :, None, :], axis=(2, 5))
    return tile


def diagonal(term: Term) -> tf.Tensor:
    """The kernel of each output of each example with itself, ``[n, C]``."""
    if isinstance(term, Direct):
        return tf.reduce_sum(term.rows**2, axis=2)
    inputs = tf.concat(term.taps, axis=-1)
    covariance = tf.einsum("npgf,nqgf->ngpq", inputs, inputs)
    return tf.einsum("ngpq,ncpgu,ncqgu->nc", covariance, term.cotangents, term.cotangents)


def weighted_sum(term: Term, weights: tf.Tensor) -> tf.Tensor:
    """The Jacobian's rows summed with ``weights`` ``[n, C]``, in the order of the variable's entries ``[p]``."""
    if isinstance(term, Direct):
        return tf.einsum("nc,ncp->p", weights, term.rows)
    cotangents = tf.einsum("nc,ncpgu->npgu", weights, term.cotangents)
    parts = [tf.reshape(tf.einsum("npgf,npgu->fgu", tap, cotangents), [-1]) for tap in term.taps]
    return tf.concat(parts, axis=0)


def _outer(a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
    """Inner products over the last axis: ``[n1, k1, p]`` and ``[n2, k2, p]`` to ``[n1, k1, n2, k2]``."""
    (n1, k1, p), (n2, k2, _) = a.shape, b.shape
    products = tf.matmul(tf.reshape(a, (n1 * k1, p)), tf.reshape(b, (n2 * k2, p)), transpose_b=True)
    return tf.reshape(products, (n1, k1, n2, k2))


def taken(terms: list[Term], examples: slice) -> list[Term]:
    """The terms of some of the examples."""
    return tf.nest.map_structure(lambda tensor: tensor[examples], terms)


def entries_per_example(term: Term) -> int:
    """How many numbers the term holds for an example."""
    tensors = (term.rows,) if isinstance(term, Direct) else (*term.taps, term.cotangents)
    return sum(math.prod(tensor.shape[1:]) for tensor in tensors)


def entries_per_pair(term: Term) -> int:
    """How many numbers ``contract`` needs for a pair of examples, its result included."""
    if isinstance(term, Direct):
        return 2 * term.rows.shape[1] ** 2
    c, positions = term.cotangents.shape[1:3]
    return positions**2 * (1 + 2 * c**2) + 2 * c**2
