"""Terms of known layers, from the inputs and output cotangents of their calls."""

from collections.abc import Sequence

import keras
import tensorflow as tf

from tf_earlydyn.ntk.analysis import known_layers
from tf_earlydyn.ntk.calls import recorded
from tf_earlydyn.ntk.jacobian import by_output, flat_outputs
from tf_earlydyn.ntk.rules import RULES, own_variables
from tf_earlydyn.ntk.terms import Term, merged


def structured_terms(model: keras.Model, variables: Sequence[keras.Variable], x: tf.Tensor) -> list[Term]:
    """The term of each variable, all of whose uses must be calls that a rule covers, for inputs ``[n, ...]``."""
    layers = known_layers(model, variables)
    with tf.GradientTape(watch_accessed_variables=False, persistent=True) as tape, recorded(layers) as calls:
        tape.watch([variable.value for variable in variables])
        outputs = flat_outputs(model, x)
    calls = [call for call in calls if call.outputs.graph is outputs.graph]
    terms: dict[int, list[Term]] = {id(variable): [] for variable in variables}
    for call, cotangents in zip(calls, _cotangents(tape, outputs, [call.outputs for call in calls]), strict=True):
        by_name = RULES[type(call.layer)](call.layer, call.inputs, cotangents)
        for name, variable in own_variables(call.layer).items():
            if id(variable) in terms:
                terms[id(variable)].append(by_name[name])
    cast = lambda tensor: tf.cast(tensor, outputs.dtype)  # noqa: E731 (layers may be of other precisions)
    return [tf.nest.map_structure(cast, merged(terms[id(variable)])) for variable in variables]


def _cotangents(tape: tf.GradientTape, outputs: tf.Tensor, tensors: list[tf.Tensor]) -> list[tf.Tensor]:
    """The derivatives of ``outputs`` ``[n, C]`` by each tensor ``[n, ...]``, ``[n, C, ...]``.

    Since no example's outputs depend on another example, one backward pass gives those of a whole batch.
    """
    found = []
    for stacked, tensor in zip(by_output(tape, outputs, tensors), tensors, strict=True):
        stacked = tf.ensure_shape(stacked, (outputs.shape[1], *tensor.shape))  # masked recurrent layers lose it
        found.append(tf.transpose(stacked, (1, 0, *range(2, stacked.shape.rank))))
    return found
