"""What a model's computation is like: where it uses each variable, and whether an example's outputs are its own."""

import contextlib
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from tf_earlydyn.errors import InputError
from tf_earlydyn.ntk.calls import Call, reads, recorded
from tf_earlydyn.ntk.jacobian import flat_outputs
from tf_earlydyn.ntk.rules import is_known, own_variables


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


def examples(x: np.ndarray) -> np.ndarray:
    """Three inputs like those of ``x`` ``[n, ...]`` that differ from each other, as far as noise can make them."""
    chosen = x[[0, len(x) // 2, -1]]
    if np.issubdtype(x.dtype, np.integer):
        return chosen
    noise = np.random.default_rng(0).standard_normal(chosen.shape)
    return (chosen + 0.1 * (np.std(chosen) or 1) * noise).astype(x.dtype)


def check_outputs(model: keras.Model, three: np.ndarray) -> None:
    """Calls the model, which makes variables that it may lack still, and looks at its outputs.

    Raises:
        InputError: if they are not one tensor ``[n, ...]`` of finite numbers, or an example's outputs depend on others.
    """
    together = _outputs(model, three)
    alone = _outputs(model, three[[0, 0, 0]])
    if not (np.isfinite(together).all() and np.isfinite(alone).all()):
        raise InputError(f"the model's outputs must be finite. Received: {model.name}, which gives others.")
    if not np.allclose(together[0], alone[0], rtol=1e-3, atol=1e-6 * np.abs(together).max()):
        raise InputError(
            f"the outputs for an example must depend on that example alone. Received: {model.name}, whose outputs "
            "change with the other examples of the batch, or at random."
        )


def _outputs(model: keras.Model, x: np.ndarray) -> np.ndarray:
    with stated(model):
        outputs = model(tf.constant(x), training=False)
    if not tf.is_tensor(outputs) or not outputs.dtype.is_floating or outputs.shape.rank < 1 or len(outputs) != len(x):
        raise InputError(
            f"the model must put out one tensor [n, ...] of floating-point numbers. Received: {model.name}, which "
            "does not."
        )
    return outputs.numpy()


@contextlib.contextmanager
def stated(model: keras.Model) -> Iterator[None]:
    """Within this context, what a model's call raises becomes one sentence."""
    try:
        yield
    except Exception as error:  # a model is the user's code, and may raise anything
        reason = " ".join(str(error).split())[:300]
        raise InputError(
            f"the model must be one that can be called on x1 in inference mode. Received: {model.name}, which raises "
            f"{type(error).__name__}: {reason}"
        ) from error


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

    with stated(model):
        tf.function(trace, autograph=False).get_concrete_function(tf.TensorSpec((3, *x.shape[1:]), x.dtype))
    return found[0]


def _is_by_example(call: Call, graph: tf.Graph, n: int) -> bool:
    """Whether a call is made in the graph itself, not in a loop or function within, on one row an example."""
    return all(tensor.graph is graph and tensor.shape[0] == n for tensor in (call.inputs, call.outputs))


def known_layers(model: keras.Model, variables: Sequence[keras.Variable]) -> list[keras.layers.Layer]:
    """The layers that have a rule, and one of ``variables``."""
    wanted = {id(variable) for variable in variables}
    layers = {id(layer): layer for layer in model._flatten_layers() if is_known(layer)}
    return [layer for layer in layers.values() if wanted & set(map(id, own_variables(layer).values()))]


def _is_covered(variable: keras.Variable, calls: Sequence[Call]) -> bool:
    """Whether all of a variable's uses are in calls of one known layer."""
    uses = [call for call in calls if call.reads.get(id(variable))]
    return len({id(call.layer) for call in uses}) == 1 and reads(variable) == sum(
        call.reads[id(variable)] for call in uses
    )
