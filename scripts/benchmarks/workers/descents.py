"""Steps of full-batch gradient descent on (1/2n) sum_i (f(x_i) - y_i)^2 by a Keras model, in several ways.

Each prepares a function that takes all the steps from the weights of the moment.
"""

from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from tf_earlydyn.training import GradientDescent, Learner, train

Descend = Callable[[], None]


def by_the_package(model: keras.Model, x: np.ndarray, y: np.ndarray, rate: float, steps: int) -> Descend:
    """The package's loop, which compiles anew in each call, as a program that trains one model does."""
    return lambda: train([Learner("model", model, GradientDescent(rate))], x, y, [0, steps], show_progress=False)


def by_tf_function(
    model: keras.Model, x: np.ndarray, y: np.ndarray, rate: float, steps: int, jit_compile: bool | None = None
) -> Descend:
    inputs, targets = tf.constant(x), tf.constant(y)

    @tf.function(jit_compile=jit_compile)
    def step():
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(model(inputs) - targets)) / 2
        for variable, gradient in zip(variables, tape.gradient(loss, variables), strict=True):
            variable.assign_sub(rate * gradient)

    variables = [variable.value for variable in model.trainable_variables]

    def descend() -> None:
        for _ in range(steps):
            step()

    return descend


def by_fit(model: keras.Model, x: np.ndarray, y: np.ndarray, rate: float, steps: int) -> Descend:
    model.compile(keras.optimizers.SGD(rate / 2), loss="mse")  # half the rate: "mse" is not halved, as the loss is
    return lambda: model.fit(x, y, batch_size=len(x), epochs=steps, shuffle=False, verbose=0)
