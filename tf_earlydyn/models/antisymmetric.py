"""Antisymmetric initialisation: a network that is exactly zero at step 0 (Hu et al. 2020, Section 3)."""

import math
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from tf_earlydyn.models.layers import Shape, register


@tf.custom_gradient
def _difference(a: tf.Tensor, b: tf.Tensor) -> tuple[tf.Tensor, Callable]:
    """The difference a - b, exactly 0 where a = b.

    Compilers contract a product that ends one half into the subtraction (a fused multiply-add), which then leaves the
    product's rounding error behind where both halves are equal.
    """
    return tf.where(tf.equal(a, b), tf.zeros_like(a), a - b), lambda upstream: (upstream, -upstream)


@register
class Antisymmetric(keras.Model):
    r"""$f = (g_{\theta_1} - g_{\theta_2}) / \sqrt{2}$ with $\theta_1 = \theta_2$ at step 0: f is 0, its kernel g's.

    Both halves are copies of ``network``, which is left alone. At step 0 they compute equal outputs, whose difference
    is exactly 0 in every precision. A layer that draws at random in training (Dropout) draws anew in each half, and
    there the difference is 0 only in inference mode.

    Saving and loading keep the weights of both halves. ``keras.models.clone_model`` gives a network at step 0, as for
    any Keras model: fresh weights from the initialisers (the same ones where they carry seeds), and again equal halves.

    Args:
        network: g.

    Attributes:
        positive, negative: the two halves.
    """

    def __init__(self, network: keras.Model, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.positive = keras.models.clone_model(network)
        self.negative = keras.models.clone_model(network)
        if network.built:
            self.positive.set_weights(network.get_weights())
            self.build(network.get_build_config()["input_shape"])

    def build(self, input_shape: Shape) -> None:
        if self.built:  # a second call must not make trained halves equal again
            return
        for half in (self.positive, self.negative):
            if not half.built:
                half(
                    keras.Input(batch_shape=input_shape, dtype=self.compute_dtype)
                )  # build() alone may make no weights
        self.negative.set_weights(self.positive.get_weights())
        self.built: bool = True

    def call(self, x: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        return _difference(self.positive(x, training=training), self.negative(x, training=training)) / math.sqrt(2)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return self.positive.compute_output_shape(input_shape)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "network": keras.saving.serialize_keras_object(self.positive)}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> "Antisymmetric":
        config = dict(config)
        network = keras.saving.deserialize_keras_object(config.pop("network"), custom_objects=custom_objects)
        return cls(network, **config)


def antisymmetric(network: keras.Model, name: str | None = None) -> Antisymmetric:
    """``network`` made exactly zero at step 0, with the same tangent kernel (Hu et al. 2020, Section 3).

    Args:
        network: any Keras model that ``keras.models.clone_model`` can clone; inputs ``[n, ...]``, outputs ``[n, C]``.
        name: the new model's.

    Returns:
        An ``Antisymmetric`` model of the same input and output shapes.

    >>> import numpy as np
    >>> f = antisymmetric(keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)]))
    >>> float(np.abs(f(np.ones((2, 3)))).max())
    0.0
    """
    return Antisymmetric(network, name=name)
