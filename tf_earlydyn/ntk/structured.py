"""Terms of known layers, from the inputs and output cotangents of their calls."""

from collections.abc import Sequence

import keras
import tensorflow as tf

from tf_earlydyn.ntk.analysis import forward
from tf_earlydyn.ntk.jacobian import by_output
from tf_earlydyn.ntk.rules import RULES, own_variables
from tf_earlydyn.ntk.terms import Term, merged


def structured_terms(model: keras.Model, variables: Sequence[keras.Variable], x: tf.Tensor) -> dict[int, Term]:
    """The terms, by ``id``, of the variables all of whose uses are calls that a rule covers; inputs ``[n, ...]``."""
    outputs, tape, calls, covered = forward(model, variables, x)
    terms: dict[int, list[Term]] = {key: [] for key in covered}
    for call, cotangents in zip(calls, _cotangents(tape, outputs, [call.outputs for call in calls]), strict=True):
        by_name = RULES[type(call.layer)](call.layer, call.inputs, cotangents)
        for name, variable in own_variables(call.layer).items():
            if id(variable) in terms:
                terms[id(variable)].append(by_name[name])
    cast = lambda tensor: tf.cast(tensor, outputs.dtype)  # noqa: E731 (layers may be of other precisions)
    return {key: tf.nest.map_structure(cast, merged(uses)) for key, uses in terms.items()}


def _cotangents(tape: tf.GradientTape, outputs: tf.Tensor, tensors: list[tf.Tensor]) -> list[tf.Tensor]:
    """The derivatives of ``outputs`` ``[n, C]`` by each tensor ``[n, ...]``, ``[n, C, ...]``.

    Since no example's outputs depend on another example, one backward pass gives those of a whole batch.
    """
    found = []
    for stacked, tensor in zip(by_output(tape, outputs, tensors), tensors, strict=True):
        stacked = tf.ensure_shape(stacked, (outputs.shape[1], *tensor.shape))  # masked recurrent layers lose it
        found.append(tf.transpose(stacked, (1, 0, *range(2, stacked.shape.rank))))
    return found
