"""The linear model that a network is compared with (Hu et al. 2020, Section 3)."""

from typing import Any

import keras
import tensorflow as tf

from tf_earlydyn.errors import InputError
from tf_earlydyn.models.layers import Shape, register


@register
class LinearModel(keras.Model):
    r"""$f_\mathrm{lin}(x) = \langle \beta, \psi(x) \rangle$, $\beta = 0$ at step 0.

    Inputs ``[n, ...]``, outputs ``[n, outputs]``.

    Args:
        features: psi, a Keras layer ``[n, ...]`` to ``[n, p]``, with a beta for each output; or to ``[n, C, p]``,
            features of each output, with one beta for all.
        outputs: C.
    """

    def __init__(self, features: keras.layers.Layer, outputs: int = 1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.features = features
        self.outputs_count = outputs
        self.beta: keras.layers.Layer = None

    def build(self, input_shape: Shape) -> None:
        if self.beta is None:
            self.features.build(input_shape)
            shape = self.features.compute_output_shape(input_shape)
            if len(shape) == 3 and shape[1] != self.outputs_count:
                raise InputError(
                    f"features [n, C, p] must be of the model's {self.outputs_count} outputs. Received: {shape}."
                )
            units = self.outputs_count if len(shape) == 2 else 1
            self.beta = keras.layers.Dense(
                units, use_bias=False, kernel_initializer="zeros", name="beta", dtype=self.dtype_policy
            )
            self.beta.build(shape)
        self.built = True

    def call(self, x: tf.Tensor) -> tf.Tensor:
        outputs = self.beta(self.features(x))
        return outputs if len(outputs.shape) == 2 else outputs[..., 0]

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return (input_shape[0], self.outputs_count)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "features": keras.saving.serialize_keras_object(self.features),
            "outputs": self.outputs_count,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> "LinearModel":
        config = dict(config)
        features = keras.saving.deserialize_keras_object(config.pop("features"), custom_objects=custom_objects)
        return cls(features, **config)
