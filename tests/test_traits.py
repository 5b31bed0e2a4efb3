"""Which networks take their examples in parts."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests import kernel_models
from tf_earlydyn import models
from tf_earlydyn.training import GradientDescent, Learner, train
from tf_earlydyn.training.traits import traits

X = np.random.default_rng(0).standard_normal((9, 4, 4, 2)).astype(np.float32)


class Function(keras.layers.Layer):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def call(self, x):
        return self.function(x)


class Centring(keras.layers.Layer):
    def call(self, x):
        return x - tf.reduce_mean(x, 0, keepdims=True)


class Counting(keras.layers.Layer):
    """Counts its calls."""

    def build(self, _):
        self.calls = self.add_weight(shape=(), initializer="zeros", trainable=False)

    def call(self, x, training=False):
        if training:
            self.calls.assign_add(1.0)
        return x


def network(*layers):
    layers = [layer() if isinstance(layer, type) else layer for layer in layers]
    return keras.Sequential([keras.Input((4, 4, 2)), *layers, keras.layers.Flatten(), keras.layers.Dense(3)])


def still_normalisation():
    layer = keras.layers.BatchNormalization()
    layer.trainable = False
    return layer


APART = {
    "dense": lambda: network(keras.layers.Dense(3, "tanh")),
    "convolution": lambda: network(keras.layers.Conv2D(3, 2)),
    "layer normalisation": lambda: network(keras.layers.LayerNormalization()),
    "batch normalisation that is frozen": lambda: network(still_normalisation()),
    "dropout of nothing": lambda: network(keras.layers.Dropout(0.0)),
    "a custom gradient of nothing but its inputs": lambda: network(keras.layers.Dense(3, "silu")),
    "within an example": lambda: network(Function(lambda x: x - tf.reduce_mean(x, 1, keepdims=True))),
    "zero at step 0": lambda: models.antisymmetric(network(keras.layers.Dense(3, "tanh"))),
}
TOGETHER = {
    "batch normalisation": lambda: network(keras.layers.BatchNormalization),
    "dropout": lambda: network(keras.layers.Dropout(0.5)),
    "noise": lambda: network(keras.layers.GaussianNoise(0.1)),
    "the same noise in each call": lambda: network(Function(lambda x: x + keras.random.normal(tf.shape(x), seed=1))),
    "state": lambda: network(Counting),
    "mean of the batch": lambda: network(Centring),
    "neighbours": lambda: network(Function(lambda x: x + tf.roll(x, 1, 0))),
    "place in the batch": lambda: network(Function(lambda x: x * tf.cumsum(tf.ones_like(x), 0))),
    "zero at step 0": lambda: models.antisymmetric(network(Centring)),
    "a gradient that asks for variables": lambda: network(kernel_models.Recomputed),
}


@pytest.mark.parametrize("make", APART.values(), ids=APART)
def test_examples_that_do_not_meet(make):
    assert traits([make()], X).apart


@pytest.mark.parametrize("make", TOGETHER.values(), ids=TOGETHER)
def test_examples_that_meet(make):
    """One such model is enough for all that are trained beside it."""
    assert not traits([network(), make()], X).apart


@pytest.mark.parametrize("rows", [[0, 1, 0], [0, 0, 1], [0, 0, 0]], ids=str)
def test_examples_that_are_alike_hide_nothing(rows):
    """The first, one in the middle and the last are looked at."""
    assert not traits([network(Centring)], X[rows]).apart
    assert traits([network(keras.layers.Dense(3))], X[rows]).apart


def test_weights_whose_gradients_ask_for_variables_learn():
    """As in a layer that recomputes nothing."""
    plain, recomputing = (
        keras.Sequential([keras.Input((5,)), layer, keras.layers.Dense(1)])
        for layer in (keras.layers.Dense(4, "tanh"), kernel_models.Recomputed())
    )
    recomputing.set_weights(plain.get_weights())
    x = np.random.default_rng(0).standard_normal((9, 5)).astype(np.float32)
    for model in (plain, recomputing):
        train([Learner("network", model, GradientDescent(0.5))], x, x[:, :1], [0, 5], show_progress=False)
    for one, other in zip(recomputing.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


def test_kernels_are_not_made_for_each_example():
    """3 x 3 and 4 x 4 kernels make as many numbers, as far as outputs are of one size."""
    three, four = (network(keras.layers.Conv2D(64, size, padding="same")) for size in (3, 4))
    assert traits([three], X).entries == traits([four], X).entries


def test_sizes_that_are_not_known_ahead_do_not_count():
    def some(x):
        size = tf.random.uniform((), 1, 2, tf.int32)
        return tf.ensure_shape(tf.concat([x, tf.zeros_like(x)[..., :size]], -1)[..., :2], x.shape)

    assert traits([network(Function(some))], X).entries > 1


def test_a_look_at_a_model_leaves_it_as_it_was():
    model = network(keras.layers.BatchNormalization, keras.layers.Dropout(0.5))
    before = [variable.numpy() for variable in model.variables]
    traits([model], X)
    for variable, value in zip(model.variables, before, strict=True):
        np.testing.assert_array_equal(variable.numpy(), value)


def test_numbers_made_and_convolutions_are_those_of_all_models():
    """A dense layer of 7 outputs makes 7 numbers for X w and 7 for + b, at least; two of them twice as many."""
    dense = keras.Sequential([keras.Input((5,)), keras.layers.Dense(7)])
    x = np.zeros((9, 5), np.float32)
    one, two = traits([dense], x), traits([dense, keras.models.clone_model(dense)], x)
    assert 14 <= one.entries <= 14 + 2 * 5 + 7
    assert two.entries == 2 * one.entries
    assert not two.convolves
    assert traits([network(), network(keras.layers.Conv2D(3, 2))], X).convolves
