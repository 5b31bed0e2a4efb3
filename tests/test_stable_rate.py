"""The foretold largest stable rate, against networks of six architectures on images."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

import tf_earlydyn as te
from tests.cases import needs_cifar10

STEPS = 8
IMAGE = (8, 8, 3)


def _convolutions(activation, *head):
    convolutions = [layers.Conv2D(32, 3, padding="same", activation=activation) for _ in range(3)]
    return keras.Sequential([keras.Input(IMAGE), *convolutions, *head, layers.Dense(1)])


def _residual():
    inputs = keras.Input(IMAGE)
    h = layers.Conv2D(16, 3, padding="same")(inputs)
    for _ in range(2):
        h = h + layers.Conv2D(16, 3, padding="same", activation="relu")(layers.LayerNormalization()(h))
    return keras.Model(inputs, layers.Dense(1)(layers.GlobalAveragePooling2D()(h)))


NETWORKS = {
    "two layers, erf": lambda: te.two_layer(IMAGE, 256, "erf"),
    "MLP, ReLU": lambda: te.mlp(IMAGE, 128, 3, "relu"),
    "Keras MLP, GELU": lambda: keras.Sequential(
        [keras.Input(IMAGE), layers.Flatten(), layers.Dense(128, "gelu"), layers.Dense(128, "gelu"), layers.Dense(1)]
    ),
    "CNN, tanh, flattened": lambda: _convolutions("tanh", layers.Flatten()),
    "CNN, ReLU, global pooling": lambda: _convolutions("relu", layers.GlobalAveragePooling2D()),
    "residual, layer normalisation": _residual,
}


def descent(network, rate, x, y, steps):
    """The loss before each of ``steps`` steps and after the last; it may be none that is finite."""
    x, y, weights = tf.constant(x), tf.constant(y), [variable.value for variable in network.trainable_variables]

    def loss_now():
        return tf.reduce_sum(tf.square(network(x, training=True) - y)) / (2 * len(x))

    @tf.function  # without XLA, whose convolutions are slow on a CPU
    def step():
        with tf.GradientTape() as tape:
            loss = loss_now()
        for weight, gradient in zip(weights, tape.gradient(loss, weights), strict=True):
            weight.assign_sub(rate * gradient)
        return loss

    return np.nan_to_num([*(float(step()) for _ in range(steps)), float(loss_now())], nan=np.inf)


@pytest.mark.slow
@needs_cifar10
@pytest.mark.parametrize("name", NETWORKS)
def test_amplitudes_shrink_below_the_rate_and_grow_above_it(name):
    """By |1 - eta lambda| a step, to 5% in the mean over eight, where the target is the start and a small multiple of
    the kernel's leading eigenvector: so little that the network does not bend on its way.
    """
    data = te.data.load(te.DataConfig(data="cifar10", n_train=1_000, n_test=10), seed=0)
    network, x = NETWORKS[name](), data.x_train
    twin = te.affine_twin(network, x)
    limit, weights = twin.max_learning_rate(x), network.get_weights()
    leading = np.linalg.eigh(twin.kernel(x))[1][:, -1:] * np.sqrt(len(x))
    target = (np.asarray(network(x)) + 1e-3 * leading).astype(np.float32)
    for factor in (0.9, 1.2):
        network.set_weights(weights)
        amplitudes = [abs(np.vdot(np.asarray(network(x)) - target, leading))]
        descent(network, factor * limit, x, target, STEPS)
        amplitudes.append(abs(np.vdot(np.asarray(network(x)) - target, leading)))
        assert (amplitudes[1] / amplitudes[0]) ** (1 / STEPS) == pytest.approx(abs(1 - 2 * factor), rel=0.05)


@pytest.mark.slow
@needs_cifar10
@pytest.mark.parametrize("name", NETWORKS)
def test_real_labels_rise_above_the_rate_and_at_first_not_below_it(name):
    """A row of the README's table: the highest loss of 40 steps over the first, at several times the limit.

    Real labels bend a network on its way. Only the first ten steps are held to what is foretold: at 0.9 of the limit
    the loss never rises, at twice the limit it does.
    """
    keras.utils.set_random_seed(0)
    data = te.data.load(te.DataConfig(data="cifar10", n_train=1_000, n_test=10), seed=0)
    network, x, y = NETWORKS[name](), data.x_train, data.y_train
    limit, weights = te.affine_twin(network, x).max_learning_rate(x), network.get_weights()
    losses = {}
    for factor in (0.9, 1.2, 2.0, 4.0):
        network.set_weights(weights)
        losses[factor] = descent(network, factor * limit, x, y, 40)
    ratios = {factor: values.max() / values[0] for factor, values in losses.items()}
    print(f"\n{name} | {limit:.3g} | {' | '.join(f'{ratio:.2f}' for ratio in ratios.values())}")
    assert (np.diff(losses[0.9][:11]) <= 0).all()
    assert (np.diff(losses[2.0][:11]) > 0).any()
