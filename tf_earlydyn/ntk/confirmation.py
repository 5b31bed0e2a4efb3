"""Rules are trusted where the model's own gradient confirms them: a model may do with its batch what none foresees."""

from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

from tf_earlydyn.ntk.compiled import compiled
from tf_earlydyn.ntk.copies import Copies
from tf_earlydyn.ntk.jacobian import flat_outputs
from tf_earlydyn.ntk.structured import structured_terms
from tf_earlydyn.ntk.terms import weighted_sum
from tf_earlydyn.ntk.weights import moved


def confirmed(model: keras.Model, variables: Sequence[keras.Variable], x: np.ndarray) -> list[keras.Variable]:
    """Those of the variables whose terms give the gradient of a random combination of outputs.

    At inputs ``x`` ``[3, ...]`` in both orders, for a model may sort its batch, and at weights that are moved at random
    for that moment: where a weight is zero, gradients are, which would confirm anything.
    """
    for inputs in (x, x[::-1]):
        variables = _agreeing(model, variables, inputs)
    return list(variables)


def _agreeing(model: keras.Model, variables: Sequence[keras.Variable], x: np.ndarray) -> list[keras.Variable]:
    if not variables:
        return []

    def compared(inputs: tf.Tensor) -> list[tuple[tf.Tensor, tf.Tensor]]:
        values = [variable.value for variable in variables]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(values)
            outputs = flat_outputs(model, inputs)
            r = tf.constant(np.random.default_rng(0).standard_normal(outputs.shape), outputs.dtype)
            combination = tf.reduce_sum(r * outputs)
        gradients = tape.gradient(combination, values, unconnected_gradients="zero")
        terms = structured_terms(model, variables, inputs)
        expected = [tf.reshape(tf.cast(tf.convert_to_tensor(gradient), r.dtype), [-1]) for gradient in gradients]
        found = [
            weighted_sum(terms[id(variable)], r)
            if id(variable) in terms
            else tf.fill(gradient.shape, tf.constant(np.nan, r.dtype))
            for variable, gradient in zip(variables, expected, strict=True)
        ]
        return list(zip(expected, found, strict=True))

    with moved(model):
        pairs = compiled(compared, Copies(model.variables))(tf.constant(x))
    largest = max(float(tf.norm(expected)) for expected, _ in pairs)
    return [
        variable
        for variable, (expected, found) in zip(variables, pairs, strict=True)
        if tf.norm(found - expected) <= 1e-3 * tf.norm(expected) + 1e-6 * largest
    ]
