"""This package, and what TensorFlow offers without it, as a program has them that imports them."""

import keras
import numpy as np
import tensorflow as tf

import tf_earlydyn as te
from benchmarks.workers.serve import Computation, serve


def network(x: np.ndarray, weights: list[np.ndarray]) -> keras.Model:
    make = te.cnn if x.ndim == 4 else te.mlp
    outputs = weights[-1].shape[-1]
    model = make(x.shape[1:], width=weights[0].shape[-1], depth=len(weights) - 1, activation="erf", outputs=outputs)
    model.set_weights(weights)
    return model


def empirical_ntk(x: np.ndarray, weights: list[np.ndarray]) -> Computation:
    model = network(x, weights)
    return lambda: te.empirical_ntk(model, x)


def tape_jacobian(x: np.ndarray, weights: list[np.ndarray]) -> Computation:
    """For one output: J by ``tape.jacobian`` over the whole batch, compiled to a graph, then J J'."""
    model = network(x, weights)
    variables = [variable.value for variable in model.trainable_variables]
    inputs = tf.constant(x)

    @tf.function
    def kernel():
        with tf.GradientTape() as tape:
            outputs = model(inputs)[:, 0]
        jacobian = [tf.reshape(j, [len(x), -1]) for j in tape.jacobian(outputs, variables)]
        return tf.add_n([tf.matmul(j, j, transpose_b=True) for j in jacobian])

    return lambda: kernel().numpy()


METHODS = {"empirical_ntk": empirical_ntk, "J J'": tape_jacobian}

if __name__ == "__main__":
    serve(METHODS, ("tf_earlydyn", "keras", "numpy"))
