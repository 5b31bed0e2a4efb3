"""What networks' computation is like, as far as it decides how examples are taken through it."""

from collections.abc import Sequence
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from tf_earlydyn.errors import InputError
from tf_earlydyn.ntk.weights import moved

_TRACED = 3  # examples
_CHANGING = ("Assign", "Random", "Rng")  # begin the names of operations that a call does not repeat


class Traits(NamedTuple):
    """What tracing models in training mode tells.

    Attributes:
        entries: numbers per example that the forward passes make.
        convolves: whether there is a convolution.
        apart: whether examples can be taken through in parts: no model changes its state in a call, as batch
            normalisation and dropout do, and no outputs depend on other examples.
    """

    entries: int
    convolves: bool
    apart: bool


def traits(models: Sequence[keras.Model], x: np.ndarray, replicas: int = 1) -> Traits:
    """Those of models that are trained together on inputs ``x`` ``[n, ...]``.

    Raises:
        InputError: if examples cannot be taken in parts, and there are several replicas.
    """
    found = [_of(model, x) for model in models]
    entries, convolves, apart = zip(*found, strict=True)
    if replicas > 1 and not all(apart):
        raise InputError(
            "a network whose examples meet in training, as in batch normalisation, or that draws at random, as in "
            f"dropout, trains on one device. Received: {replicas} replicas."
        )
    return Traits(sum(entries), any(convolves), all(apart))


def entries_per_example(model: keras.Model, x: np.ndarray) -> int:
    """Numbers per example that the forward pass makes, for inputs like ``x`` ``[n, ...]``."""
    sizes = [tensor.shape for operation in _graph(model, x).get_operations() for tensor in operation.outputs]
    return sum(size.num_elements() // _TRACED for size in sizes if size.rank and size[0] == _TRACED)


def _of(model: keras.Model, x: np.ndarray) -> Traits:
    kinds = _kinds(_graph(model, x).as_graph_def())
    convolves = any(kind.startswith(("Conv", "DepthwiseConv")) for kind in kinds)
    apart = not any(kind.startswith(_CHANGING) for kind in kinds) and _is_apart(model, x)
    return Traits(entries_per_example(model, x), convolves, apart)


def _graph(model: keras.Model, x: np.ndarray) -> tf.Graph:
    """That of a call in training mode."""
    traced = tf.function(lambda inputs: model(inputs, training=True))
    return traced.get_concrete_function(tf.TensorSpec((_TRACED, *x.shape[1:]), x.dtype)).graph


def _kinds(graph) -> set[str]:
    """Names of a graph's operations, with those of the functions that it calls."""
    inner = (node for function in graph.library.function for node in function.node_def)
    return {node.op for node in (*graph.node, *inner)}


def _is_apart(model: keras.Model, x: np.ndarray) -> bool:
    """Whether the first of three examples has the same outputs in another place, beside others; with weights that are
    not at step 0, where outputs that are 0 depend on nothing.
    """
    three = x[[0, len(x) // 2, -1]]
    with moved(model):
        first, second = (np.asarray(model(batch, training=True)) for batch in (three, three[[1, 0, 0]]))
    return np.allclose(first[0], second[1], rtol=1e-3, atol=1e-6 * np.abs(first).max(), equal_nan=True)
