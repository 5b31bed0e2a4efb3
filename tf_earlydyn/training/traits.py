"""What networks' computation is like, as far as it decides how examples are taken through it."""

import contextlib
import itertools
import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from tf_earlydyn.errors import InputError
from tf_earlydyn.ntk.analysis import examples
from tf_earlydyn.ntk.weights import moved
from tf_earlydyn.training.learner import with_values

_TRACED = 11  # examples: no size that kernels have, so that weights do not count as made for each example
_CHANGING = ("Assign", "Random", "Rng")  # begin the names of operations that a call does not repeat


class Traits(NamedTuple):
    """What tracing models in training mode tells.

    Attributes:
        entries: numbers per example that the forward passes make.
        convolves: whether there is a convolution.
        apart: whether examples can be taken through in parts, with values in place of the variables: no model changes
            its state in a call, as batch normalisation and dropout do, no outputs depend on other examples, and no
            gradient asks for the variables themselves, as that of ``tf.recompute_grad`` does.
    """

    entries: int
    convolves: bool
    apart: bool


def traits(models: Sequence[keras.Model], x: np.ndarray, *, shared: bool = False) -> Traits:
    """Those of models that are trained together.

    Args:
        models: Keras models.
        x: their inputs, ``[n, ...]``.
        shared: whether examples are to be shared out among replicas.

    Raises:
        InputError: if they are, and examples cannot be taken in parts.
    """
    found = [_of(model, x) for model in models]
    entries, convolves, apart = zip(*found, strict=True)
    if shared and not all(apart):
        raise InputError(
            "a network whose examples meet in training, as in batch normalisation, or that draws at random, as in "
            "dropout, or whose gradients ask for its variables, as in tf.recompute_grad, trains on one device: take "
            "strategy=cpu or gpu. Received: a strategy of several replicas."
        )
    return Traits(sum(entries), any(convolves), all(apart))


def entries_per_example(model: keras.Model, x: np.ndarray) -> int:
    """Numbers per example that the forward pass makes, for inputs like ``x`` ``[n, ...]``."""
    return _entries(_graph(model, x))


def _entries(graph: tf.Graph) -> int:
    sizes = [tensor.shape for operation in graph.get_operations() for tensor in operation.outputs]
    known = [size.as_list() for size in sizes if size.rank and size.is_fully_defined()]
    return max(1, sum(math.prod(size[1:]) for size in known if size[0] == _TRACED))


def _of(model: keras.Model, x: np.ndarray) -> Traits:
    graph = _graph(model, x)
    kinds = _kinds(graph.as_graph_def())
    convolves = any(kind.startswith(("Conv", "DepthwiseConv")) for kind in kinds)
    apart = not any(kind.startswith(_CHANGING) for kind in kinds) and _is_apart(model, x)
    if apart and _has_custom_gradients(graph.as_graph_def()):
        apart = _learns_from_values(model, x)
    return Traits(_entries(graph), convolves, apart)


def _graph(model: keras.Model, x: np.ndarray) -> tf.Graph:
    """That of a call in training mode."""
    traced = tf.function(lambda inputs: model(inputs, training=True))
    return traced.get_concrete_function(_spec(x)).graph


def _spec(x: np.ndarray) -> tf.TensorSpec:
    return tf.TensorSpec((_TRACED, *x.shape[1:]), x.dtype)


def _kinds(graph: tf.compat.v1.GraphDef) -> set[str]:
    """Names of a graph's operations, with those of the functions that it calls."""
    return {node.op for node in _nodes(graph)}


def _nodes(graph: tf.compat.v1.GraphDef) -> Iterator:
    inner = (node for function in graph.library.function for node in function.node_def)
    return itertools.chain(graph.node, inner)


def _has_custom_gradients(graph: tf.compat.v1.GraphDef) -> bool:
    return any("_gradient_op_type" in node.attr for node in _nodes(graph))


def _learns_from_values(model: keras.Model, x: np.ndarray) -> bool:
    """Whether gradients reach as many weights where values take the place of the variables."""
    variables = model.trainable_variables
    reached = []

    def reach(inputs: tf.Tensor) -> None:
        values = [tf.identity(v.value) for v in variables]
        others = [v.value for v in model.non_trainable_variables]
        for sources, context in (
            ([v.value for v in variables], contextlib.nullcontext()),
            (values, with_values(model, (values, others))),
        ):
            with tf.GradientTape() as tape, context:
                tape.watch(sources)
                outputs = model(inputs, training=True)
            reached.append([gradient is not None for gradient in tape.gradient(outputs, sources)])

    tf.function(reach).get_concrete_function(_spec(x))
    return reached[0] == reached[1]


def _is_apart(model: keras.Model, x: np.ndarray) -> bool:
    """Whether the first of three examples has the same outputs in another place and beside others; with weights that
    are not at step 0, where outputs that are 0 depend on nothing.
    """
    three = examples(x)
    with moved(model):
        first, second, alone = (
            np.asarray(model(three[rows], training=True)) for rows in ([0, 1, 2], [1, 0, 0], [0] * 3)
        )
    near = {"rtol": 1e-3, "atol": 1e-6 * np.abs(first).max(), "equal_nan": True}
    return np.allclose(first[0], second[1], **near) and np.allclose(first[0], alone[0], **near)
