"""One forward pass that notes, for layers that have a rule, what each call took in and put out."""

import contextlib
import dataclasses
import inspect
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
import tensorflow as tf

from tf_earlydyn.ntk.rules import own_variables


@dataclasses.dataclass
class Call:
    """A call of a layer.

    Attributes:
        layer: the layer.
        inputs: what it was given, ``[n, ...]``.
        outputs: what it computed before its activation, ``[n, ...]``.
        reads: how often it read each of its variables, by ``id``.
    """

    layer: keras.layers.Layer
    inputs: tf.Tensor
    outputs: tf.Tensor
    reads: dict[int, int]


def reads(variable: keras.Variable) -> int:
    """How often the graph under construction reads a variable so far; 0 where a tensor stands in for the variable."""
    handle = getattr(variable.value, "handle", None)
    return 0 if handle is None else len(tf.compat.v1.get_default_graph().capture(handle).consumers())


@contextlib.contextmanager
def recorded(layers: Sequence[keras.layers.Layer]) -> Iterator[list[Call]]:
    """Within this context, calls of ``layers`` are noted in the list that it gives.

    A layer's own ``call`` is shadowed on the instance alone, since Keras has no hook for it.
    """
    calls: list[Call] = []
    for layer in layers:
        vars(layer)["call"] = _recorder(layer, calls)
    try:
        yield calls
    finally:
        for layer in layers:
            del vars(layer)["call"]


def _recorder(layer: keras.layers.Layer, calls: list[Call]) -> Callable[..., Any]:
    original, variables = layer.call, own_variables(layer).values()
    signature = inspect.signature(original)

    def call(*args: Any, **kwargs: Any) -> Any:
        before = {id(variable): reads(variable) for variable in variables}
        with _before_activation(layer) as linear:
            outputs = original(*args, **kwargs)
        used = {id(variable): reads(variable) - before[id(variable)] for variable in variables}
        inputs = next(iter(signature.bind(*args, **kwargs).arguments.values()))
        calls.append(Call(layer, inputs, linear[0] if linear else outputs, used))
        return outputs

    return call


@contextlib.contextmanager
def _before_activation(layer: keras.layers.Layer) -> Iterator[list[tf.Tensor]]:
    """Within this context, what the layer's activation is given is put into the list."""
    given: list[tf.Tensor] = []
    activation = getattr(layer, "activation", None)
    if activation is None:
        yield given
        return

    def noted(outputs: tf.Tensor) -> tf.Tensor:
        given.append(outputs)
        return activation(outputs)

    vars(layer)["activation"] = noted
    try:
        yield given
    finally:
        vars(layer)["activation"] = activation
