"""Derivatives by each output: backward passes, and per-example ones, right for every model and slow."""

from collections.abc import Sequence

import keras
import tensorflow as tf


def flat_outputs(model: keras.Model, x: tf.Tensor) -> tf.Tensor:
    """The model's outputs in inference mode, ``[n, C]``."""
    outputs = model(x, training=False)
    return tf.reshape(outputs, (x.shape[0], -1))


def by_output(tape: tf.GradientTape, outputs: tf.Tensor, sources: Sequence[tf.Tensor]) -> list[tf.Tensor]:
    """The derivatives of ``outputs`` ``[n, C]``, summed over n, by each source: ``[C, ...]``, one pass an output.

    The passes are a loop: TensorFlow's vectorised ``tape.jacobian`` fails on some layers, grouped convolutions among
    them.
    """

    def backward(seed: tf.Tensor) -> list[tf.Tensor]:
        gradients = tape.gradient(outputs, sources, tf.broadcast_to(seed, outputs.shape), "zero")
        return [tf.convert_to_tensor(gradient) for gradient in gradients]  # some are sparse

    seeds = tf.eye(outputs.shape[1], dtype=outputs.dtype)
    if outputs.shape[1] == 1:
        return [gradient[None] for gradient in backward(seeds)]
    return tf.map_fn(backward, seeds, fn_output_signature=[source.dtype for source in sources])


def jacobians(model: keras.Model, variables: Sequence[keras.Variable], x: tf.Tensor) -> list[tf.Tensor]:
    """The Jacobian of each example's outputs by each variable, ``[n, C, p]``, one example at a time."""
    values = [variable.value for variable in variables]

    def one(example: tf.Tensor) -> list[tf.Tensor]:
        with tf.GradientTape(watch_accessed_variables=False, persistent=True) as tape:
            tape.watch(values)
            outputs = flat_outputs(model, example[None])
        return [tf.reshape(part, (outputs.shape[1], -1)) for part in by_output(tape, outputs, values)]

    return tf.map_fn(one, x, fn_output_signature=[value.dtype for value in values])


def combined(
    model: keras.Model, variables: Sequence[keras.Variable], x: tf.Tensor, weights: tf.Tensor
) -> list[tf.Tensor]:
    """The Jacobian's rows summed over the examples with ``weights`` ``[n, k]``: ``[C, k, p]`` of each variable.

    By a backward pass for each output and combination; in float64.
    """
    values = [variable.value for variable in variables]
    with tf.GradientTape(watch_accessed_variables=False, persistent=True) as tape:
        tape.watch(values)
        outputs = flat_outputs(model, x)
    c, k = outputs.shape[1], weights.shape[1]

    def one(index: tf.Tensor) -> list[tf.Tensor]:
        seed = weights[:, index % k, None] * tf.one_hot(index // k, c, dtype=outputs.dtype)
        return [tf.reshape(part, [-1]) for part in tape.gradient(outputs, values, seed, "zero")]

    parts = tf.map_fn(one, tf.range(c * k), fn_output_signature=[value.dtype for value in values])
    return [tf.cast(tf.reshape(part, (c, k, -1)), tf.float64) for part in parts]


def directional(
    model: keras.Model,
    variables: Sequence[keras.Variable],
    dtype: tf.DType,
    x: tf.Tensor,
    directions: Sequence[tf.Tensor],
) -> tf.Tensor:
    """The Jacobian times ``directions``, one for each variable: ``[n, C]``, by a backward pass an example and output.

    The model's outputs are of ``dtype``. Never more than one output's gradient is held.
    """
    values = [variable.value for variable in variables]

    def one(example: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape(watch_accessed_variables=False, persistent=True) as tape:
            tape.watch(values)
            outputs = flat_outputs(model, example[None])

        def product(seed: tf.Tensor) -> tf.Tensor:
            gradients = tape.gradient(outputs, values, seed[None], "zero")
            products = [
                tf.reduce_sum(tf.convert_to_tensor(gradient) * direction)
                for gradient, direction in zip(gradients, directions, strict=True)
            ]
            return tf.add_n([tf.cast(part, outputs.dtype) for part in products])

        seeds = tf.eye(outputs.shape[1], dtype=outputs.dtype)
        return tf.map_fn(product, seeds, parallel_iterations=1)

    return tf.map_fn(one, x, fn_output_signature=dtype, parallel_iterations=1)
