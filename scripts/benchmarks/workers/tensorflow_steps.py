"""Steps of a network by TensorFlow and Keras without this package: its layers are not among those of this one."""

import functools
import math
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from benchmarks.workers.descents import Descend, by_fit, by_tf_function
from benchmarks.workers.serve import Computation, serve
from benchmarks.workers.weights import flat


class _Scaled(keras.layers.Layer):
    """A convolution or a matrix product in NTK parameterisation."""

    def __init__(self, weights: np.ndarray) -> None:
        super().__init__()
        self._initial = weights
        self._scale = 1 / math.sqrt(math.prod(weights.shape[:-1]))

    def build(self, _) -> None:
        self._kernel = self.add_weight(shape=self._initial.shape)
        self._kernel.assign(self._initial)

    def call(self, x):
        kernel = self._kernel * self._scale
        return ops.conv(x, kernel, padding="same") if len(kernel.shape) == 4 else ops.matmul(x, kernel)


def network(x: np.ndarray, weights: list[np.ndarray]) -> keras.Model:
    layers = []
    for kernel in weights[:-1]:
        layers += [_Scaled(kernel), keras.layers.Activation(tf.math.erf)]
    return keras.Sequential([keras.Input(x.shape[1:]), *layers, keras.layers.Flatten(), _Scaled(weights[-1])])


def _of(descent: Callable[..., Descend]) -> Callable[..., Computation]:
    def prepare(x, y, steps, rate, weights, **_) -> Computation:
        model = network(x, weights)
        descend = descent(model, x, y, float(rate), int(steps[-1]))

        def descended() -> np.ndarray:
            model.set_weights(weights)
            descend()
            return flat(model.get_weights())

        return descended

    return prepare


METHODS = {
    "tf.function": _of(by_tf_function),
    "tf.function, XLA": _of(functools.partial(by_tf_function, jit_compile=True)),
    "fit": _of(by_fit),
}

if __name__ == "__main__":
    serve(METHODS, ("keras", "numpy"))
