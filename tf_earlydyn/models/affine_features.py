"""Features that are affine in the inputs, of a linear model."""

import math
from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf
from keras import ops

from tf_earlydyn.models.layers import Shape, register


@register
class AffineFeatures(keras.layers.Layer):
    r"""$\phi(x) = M z(x)$: inputs ``[n, ...]`` to ``[n, K]`` for one output, ``[n, C, K]`` for several.

    Args:
        shape: of M, ``(D, C, K)``, the layer's one weight, which is not trained.
        further: what z holds beside [x; 1], as in ``affine_twin``.
    """

    def __init__(self, shape: Sequence[int], further: Sequence[str] = (), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.shape, self.further = tuple(shape), tuple(further)
        self.matrix = self.add_weight(name="matrix", shape=self.shape, initializer="zeros", trainable=False)

    @property
    def has_constant(self) -> bool:
        """Whether the features hold a constant."""
        return True

    def call(self, x: tf.Tensor) -> tf.Tensor:
        d = math.prod(x.shape[1:])
        flat = ops.reshape(x, (-1, d))
        parts = [flat, ops.ones_like(flat[:, :1])]
        if "norm" in self.further:
            excess = ops.sqrt(ops.sum(ops.square(flat), axis=1, keepdims=True)) / math.sqrt(d) - 1
            parts += [excess, ops.square(excess)]
        if "energy" in self.further:
            parts.append(ops.mean(ops.square(ops.reshape(x, (-1, d // x.shape[-1], x.shape[-1]))), axis=1))
        _, outputs, size = self.shape
        features = ops.matmul(ops.concatenate(parts, axis=1), ops.reshape(self.matrix, (-1, outputs * size)))
        return features if outputs == 1 else ops.reshape(features, (-1, outputs, size))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        _, outputs, size = self.shape
        return (input_shape[0], size) if outputs == 1 else (input_shape[0], outputs, size)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "shape": list(self.shape), "further": list(self.further)}
