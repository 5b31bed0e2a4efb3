"""What a model's computation is like: where it uses each variable, and whether an example's outputs are its own."""

from collections.abc import Sequence
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from tf_earlydyn.errors import InputError
from tf_earlydyn.ntk.calls import Call, reads, recorded
from tf_earlydyn.ntk.jacobian import flat_outputs
from tf_earlydyn.ntk.rules import NAMES, is_known


class Analysis(NamedTuple):
    """What tracing a model tells.

    Attributes:
        structured: ids of the variables whose every use is a call that a rule covers.
        outputs: C.
        dtype: of the outputs.
        entries: numbers per example that the forward pass makes.
    """

    structured: frozenset[int]
    outputs: int
    dtype: np.dtype
    entries: int


def check_outputs(model: keras.Model, x: np.ndarray) -> None:
    """Calls the model, which makes variables that it may lack still, and looks at its outputs.

    Raises:
        InputError: if they are not one tensor ``[n, ...]``, or an example's outputs depend on others.
    """
    two = tf.constant(x[[0, -1]])
    together = model(two, training=False)
    if not tf.is_tensor(together) or together.shape.rank < 1 or together.shape[0] != 2:
        raise InputError(f"the model must put out one tensor [n, ...]. Received: {model.name}, which does not.")
    alone = model(tf.stack([two[0], two[0]]), training=False)
    if not np.allclose(together[0], alone[0], rtol=1e-3, atol=1e-6 * float(tf.reduce_max(tf.abs(together)))):
        raise InputError(
            f"the outputs for an example must depend on that example alone. Received: {model.name}, whose outputs "
            "change with the other examples of the batch, or at random."
        )


def analyse(model: keras.Model, variables: Sequence[keras.Variable], x: np.ndarray) -> Analysis:
    """Traces the model on three examples, and sees where each variable is used."""
    found: list[Analysis] = []

    def trace(inputs: tf.Tensor) -> tf.Tensor:
        n = inputs.shape[0]
        graph = tf.compat.v1.get_default_graph()
        with tf.GradientTape() as tape, recorded(known_layers(model, variables)) as calls:
            outputs = flat_outputs(model, inputs)
        sizes = [tensor.shape for op in graph.get_operations() for tensor in op.outputs]
        entries = sum(size.num_elements() // n for size in sizes if size.rank and size[0] == n and size.num_elements())
        calls = [call for call in calls if _is_by_example(call, graph, n)]
        seen = tape.gradient(outputs, [call.outputs for call in calls])
        calls = [call for call, gradient in zip(calls, seen, strict=True) if gradient is not None]
        structured = frozenset(id(variable) for variable in variables if _is_covered(variable, calls))
        found.append(Analysis(structured, outputs.shape[1], np.dtype(outputs.dtype.name), entries))
        return outputs

    tf.function(trace, autograph=False).get_concrete_function(tf.TensorSpec((3, *x.shape[1:]), x.dtype))
    return found[0]


def _is_by_example(call: Call, graph: tf.Graph, n: int) -> bool:
    """Whether a call is made in the graph itself, not in a loop or function within, on one row an example."""
    return all(tensor.graph is graph and tensor.shape[0] == n for tensor in (call.inputs, call.outputs))


def known_layers(model: keras.Model, variables: Sequence[keras.Variable]) -> list[keras.layers.Layer]:
    """The layers that have a rule, and one of ``variables``."""
    wanted = {id(variable) for variable in variables}
    layers = {id(layer): layer for layer in model._flatten_layers() if is_known(layer)}
    return [layer for layer in layers.values() if wanted & {id(v) for v in layer.trainable_variables}]


def _is_covered(variable: keras.Variable, calls: Sequence[Call]) -> bool:
    """Whether all of a variable's uses are in calls of one known layer, which knows it."""
    if variable.name not in NAMES:
        return False
    uses = [call for call in calls if call.reads.get(id(variable))]
    return len({id(call.layer) for call in uses}) == 1 and reads(variable) == sum(
        call.reads[id(variable)] for call in uses
    )
