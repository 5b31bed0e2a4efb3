"""Rules are trusted where the model's own gradient confirms them: a model may do with its batch what none foresees."""

import contextlib
from collections.abc import Iterator, Sequence

import keras
import numpy as np
import tensorflow as tf

from tf_earlydyn.ntk.compiled import compiled
from tf_earlydyn.ntk.jacobian import flat_outputs
from tf_earlydyn.ntk.structured import structured_terms
from tf_earlydyn.ntk.terms import weighted_sum


def confirmed(model: keras.Model, variables: Sequence[keras.Variable], x: np.ndarray) -> list[keras.Variable]:
    """Those of the variables whose terms give the gradient of a random combination of outputs.

    At inputs ``x`` ``[3, ...]``, and at weights that are moved at random for that moment: where a weight is zero,
    gradients are, which would confirm anything.
    """
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
        return [
            (tf.reshape(tf.cast(tf.convert_to_tensor(gradient), r.dtype), [-1]), weighted_sum(term, r))
            for gradient, term in zip(gradients, terms, strict=True)
        ]

    with moved(model):
        pairs = compiled(compared)(tf.constant(x))
    return [v for v, (expected, found) in zip(variables, pairs, strict=True) if _near(expected, found)]


def _near(expected: tf.Tensor, found: tf.Tensor) -> bool:
    """Far above float32's rounding, far below what a wrong rule does."""
    return bool(tf.norm(found - expected) <= 1e-3 * tf.norm(expected))


@contextlib.contextmanager
def moved(model: keras.Model) -> Iterator[None]:
    """Within this context the model's trainable weights are moved at random, by half of their own scale or by 0.1."""
    rng = np.random.default_rng(0)
    kept = [(variable, variable.numpy()) for variable in model.trainable_variables]
    try:
        for variable, value in kept:
            scale = 0.5 * np.std(value) or 0.1
            variable.assign(value + scale * rng.standard_normal(value.shape).astype(value.dtype))
        yield
    finally:
        for variable, value in kept:
            variable.assign(value)
