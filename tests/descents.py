"""Small networks, trained, and descent written out that they are compared with."""

import keras
import numpy as np
import tensorflow as tf

from tf_earlydyn import training
from tf_earlydyn.training import GradientDescent, Learner

N = 13  # which neither replicas nor streams nor blocks divide


def examples(shape, dtype="float32", outputs=1):
    rng = np.random.default_rng(1)
    return rng.standard_normal((N, *shape)).astype(dtype), rng.standard_normal((N, outputs)).astype(dtype)


def sequential(*layers, shape=(5,)):
    return keras.Sequential([keras.Input(shape), *layers])


def small(rates=0.1):
    """A learner of two layers."""
    keras.utils.set_random_seed(0)
    model = sequential(keras.layers.Dense(4, "tanh", name="hidden"), keras.layers.Dense(1, name="readout"))
    return Learner("small", model, GradientDescent(rates))


def trained(learners, x, y, strategy=None, steps=20, **options):
    training.train(learners, x, y, [0, steps], show_progress=False, strategy=strategy, **options)
    return [variable.numpy() for learner in learners for variable in learner.model.variables]


def assert_close(some, others, tolerance=1e-5):
    assert some
    for one, other in zip(some, others, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=tolerance * np.abs(np.asarray(other)).max())


def descend(model, x, y, rate):
    """A step on all examples at once."""
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum((model(x, training=True) - y) ** 2) / (2 * len(x))
    variables = model.trainable_variables
    for variable, gradient in zip(variables, tape.gradient(loss, variables), strict=True):
        if gradient is not None:
            variable.assign_sub(rate(variable) * tf.convert_to_tensor(gradient))
