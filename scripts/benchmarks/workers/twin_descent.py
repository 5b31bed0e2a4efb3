"""1,000 steps of the affine twin, which is given: in closed form, and taken by its Keras model in three ways."""

from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from benchmarks.workers.ours import network
from benchmarks.workers.serve import Computation, serve
from tf_earlydyn.training import GradientDescent, Learner, train
from tf_earlydyn.twin import affine_twin


def closed_form(x, y, steps, rate, weights, **_) -> Computation:
    twin = affine_twin(network(x, weights), x)
    return lambda: twin.trajectory(x, y, float(rate), steps[-1:])[0]


def _of(descent: Callable[..., Callable[[], None]]) -> Callable[..., Computation]:
    """A method from ``descent(model, x, y, rate, steps)``, which gives a function that takes all the steps."""

    def prepare(x, y, steps, rate, weights, **_) -> Computation:
        model = affine_twin(network(x, weights), x).linear_model(dtype="float64")
        x, y = x.astype(np.float64), y.astype(np.float64)
        start = model.get_weights()
        descend = descent(model, x, y, float(rate), int(steps[-1]))

        def predictions() -> np.ndarray:
            model.set_weights(start)
            descend()
            return model(x).numpy()

        return predictions

    return prepare


def by_the_package(model: keras.Model, x: np.ndarray, y: np.ndarray, rate: float, steps: int) -> Callable[[], None]:
    """The package's loop, which compiles anew in each call, as a program that trains one model does."""
    return lambda: train([Learner("twin", model, GradientDescent(rate))], x, y, [0, steps], show_progress=False)


def by_tf_function(model: keras.Model, x: np.ndarray, y: np.ndarray, rate: float, steps: int) -> Callable[[], None]:
    inputs, targets = tf.constant(x), tf.constant(y)

    @tf.function
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


def by_fit(model: keras.Model, x: np.ndarray, y: np.ndarray, rate: float, steps: int) -> Callable[[], None]:
    model.compile(keras.optimizers.SGD(rate / 2), loss="mse")  # half the rate: "mse" is not halved, as the loss is
    return lambda: model.fit(x, y, batch_size=len(x), epochs=steps, shuffle=False, verbose=0)


METHODS = {
    "trajectory": closed_form,
    "training.train": _of(by_the_package),
    "tf.function": _of(by_tf_function),
    "fit": _of(by_fit),
}

if __name__ == "__main__":
    serve(METHODS, ("tf_earlydyn", "keras", "numpy"))
