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
from tf_earlydyn.ntk.weights import kept, moved


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
    with kept(model):
        outputs = _outputs(model, three)
        if not np.isfinite(outputs).all():
            raise InputError(f"the model's outputs must be finite. Received: {model.name}, which gives others.")
        _check_apart(model, three, outputs)
    with moved(model):  # where outputs are zero, they depend on nothing
        _check_apart(model, three, _outputs(model, three))


def _check_apart(model: keras.Model, three: np.ndarray, together: np.ndarray) -> None:
    alone = _outputs(model, three[[0, 0, 0]])
    if not np.allclose(together[0], alone[0], rtol=1e-3, atol=1e-6 * np.abs(together).max(), equal_nan=True):
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


def analyse(model: keras.Model, variables: Sequence[keras.Variable], x: np.ndarray, n: int = 3) -> Analysis:
    """Traces the model on n examples like those of ``x``, and sees where each variable is used."""
    found: list[Analysis] = []

    def trace(inputs: tf.Tensor) -> tf.Tensor:
        graph = tf.compat.v1.get_default_graph()
        outputs = flat_outputs(model, inputs)
        sizes = [tensor.shape for op in graph.get_operations() for tensor in op.outputs]
        entries = sum(size.num_elements() // n for size in sizes if size.rank and size[0] == n and size.num_elements())
        covered = forward(model, variables, inputs).covered
        found.append(Analysis(covered, outputs.shape[1], np.dtype(outputs.dtype.name), entries))
        return outputs

    with stated(model):
        tf.function(trace, autograph=False).get_concrete_function(tf.TensorSpec((n, *x.shape[1:]), x.dtype))
    return found[0]


class Forward(NamedTuple):
    """A forward pass in a graph.

    Attributes:
        outputs: ``[n, C]``.
        tape: what derivatives by the calls' outputs are taken from, more than once.
        calls: those of layers with a rule that give all of a covered variable's uses.
        covered: ids of those variables.
    """

    outputs: tf.Tensor
    tape: tf.GradientTape
    calls: list[Call]
    covered: frozenset[int]


def forward(model: keras.Model, variables: Sequence[keras.Variable], x: tf.Tensor) -> Forward:
    """Passes inputs ``[n, ...]`` through the model, and sees which calls of layers make up a variable's use."""
    before = {id(variable): reads(variable) for variable in variables}
    with (
        tf.GradientTape(watch_accessed_variables=False, persistent=True) as tape,
        recorded(known_layers(model, variables)) as calls,
    ):
        tape.watch([variable.value for variable in variables])
        outputs = flat_outputs(model, x)
    uses = {id(variable): reads(variable) - before[id(variable)] for variable in variables}
    calls = [call for call in calls if _is_by_example(call, outputs.graph, x.shape[0])]
    seen = tape.gradient(outputs, [call.outputs for call in calls])
    calls = [call for call, gradient in zip(calls, seen, strict=True) if gradient is not None]
    covered = frozenset(key for key, count in uses.items() if _is_covered(key, count, calls))
    return Forward(outputs, tape, [call for call in calls if covered & call.reads.keys()], covered)


def _is_by_example(call: Call, graph: tf.Graph, n: int) -> bool:
    """Whether a call is made in the graph itself, not in a loop or function within, on one row an example."""
    return all(tensor.graph is graph and tensor.shape[0] == n for tensor in (call.inputs, call.outputs))


def known_layers(model: keras.Model, variables: Sequence[keras.Variable]) -> list[keras.layers.Layer]:
    """The layers that have a rule, and one of ``variables``."""
    wanted = {id(variable) for variable in variables}
    layers = {id(layer): layer for layer in model._flatten_layers() if is_known(layer)}
    return [layer for layer in layers.values() if wanted & set(map(id, own_variables(layer).values()))]


def _is_covered(variable: int, uses: int, calls: Sequence[Call]) -> bool:
    """Whether all of a variable's uses are in calls of one known layer."""
    using = [call for call in calls if call.reads.get(variable)]
    return len({id(call.layer) for call in using}) == 1 and uses == sum(call.reads[variable] for call in using)
