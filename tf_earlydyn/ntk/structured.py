"""Terms of known layers, from the inputs and output cotangents of their calls."""

from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

from tf_earlydyn.ntk.analysis import known_layers
from tf_earlydyn.ntk.calls import recorded
from tf_earlydyn.ntk.compiled import compiled
from tf_earlydyn.ntk.jacobian import by_output, flat_outputs
from tf_earlydyn.ntk.rules import RULES
from tf_earlydyn.ntk.terms import Term, contract, merged


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
        for variable in call.layer.trainable_variables:
            if id(variable) in terms:
                terms[id(variable)].append(by_name[variable.name])
    return [merged(terms[id(variable)]) for variable in variables]


def _cotangents(tape: tf.GradientTape, outputs: tf.Tensor, tensors: list[tf.Tensor]) -> list[tf.Tensor]:
    """The derivatives of ``outputs`` ``[n, C]`` by each tensor ``[n, ...]``, ``[n, C, ...]``.

    Since no example's outputs depend on another example, one backward pass gives those of a whole batch.
    """
    return [
        tf.transpose(stacked, (1, 0, *range(2, stacked.shape.rank))) for stacked in by_output(tape, outputs, tensors)
    ]


def confirmed(model: keras.Model, variables: Sequence[keras.Variable], x: np.ndarray) -> list[keras.Variable]:
    """Those of the variables whose terms give the derivative of a random combination of three examples' outputs.

    A model may do with its batch what no rule foresees. The norm of the gradient of <r, f(x)> is r' Theta r.
    """
    if not variables:
        return []
    three = tf.constant(x[[0, len(x) // 2, -1]])

    @compiled
    def compared(inputs: tf.Tensor, r: tf.Tensor) -> tuple[list[tf.Tensor], list[tf.Tensor], list[tf.Tensor]]:
        values = [variable.value for variable in variables]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(values)
            outputs = flat_outputs(model, inputs)
        gradients = tape.gradient(outputs, values, r, "zero")
        tiles = [contract(term, term) for term in structured_terms(model, variables, inputs)]
        forms = [tf.einsum("ic,icjd,jd->", r, tile, r) for tile in tiles]
        sizes = [tf.einsum("ic,icic->", r**2, tile) for tile in tiles]
        return [tf.reduce_sum(tf.convert_to_tensor(gradient) ** 2) for gradient in gradients], forms, sizes

    outputs = tf.reshape(model(three, training=False), (3, -1))
    r = np.random.default_rng(0).standard_normal(outputs.shape)
    rows = zip(variables, *compared(three, tf.constant(r, outputs.dtype)), strict=True)
    return [v for v, squared, form, size in rows if np.allclose(squared, form, rtol=0, atol=1e-3 * float(size))]
