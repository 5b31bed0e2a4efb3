"""Dense and convolution layers in NTK parameterisation (Hu et al. 2020, Section 4), and what networks are made of."""

import math
from typing import Any, TypeAlias

import keras
import tensorflow as tf
from keras import ops

from tf_earlydyn import activations
from tf_earlydyn.errors import InputError

Shape: TypeAlias = tuple[Any, ...]  # None or the number of examples, then sizes
Initializer: TypeAlias = str | keras.initializers.Initializer | None
register = keras.saving.register_keras_serializable(package="tf_earlydyn")


@register
class RandomSign(keras.initializers.Initializer):
    """+1 or -1 with equal probability, as the paper's readout v_r. Equal seeds give equal values, as in Keras.

    Args:
        seed: a new one by default.
    """

    def __init__(self, seed: int | None = None) -> None:
        self.seed = keras.random.make_default_seed() if seed is None else seed

    def __call__(self, shape: tuple[int, ...], dtype: str | None = None) -> tf.Tensor:
        uniform = keras.random.uniform(shape, seed=self.seed)
        return ops.cast(ops.where(uniform < 0.5, -1.0, 1.0), dtype or keras.config.floatx())

    def get_config(self) -> dict[str, Any]:
        return {"seed": self.seed}


@register
class ActivationLayer(keras.layers.Layer):
    """An activation by name, with every name of ``tf_earlydyn.activations``; any input shape.

    Args:
        activation: the name.
        negative_slope: the slope below 0 of ``leaky_relu``.
    """

    def __init__(
        self,
        activation: str = "erf",
        negative_slope: float = activations.DEFAULT_NEGATIVE_SLOPE,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.activation = activation
        self.negative_slope = negative_slope
        self._phi = activations.get(activation, negative_slope)

    def call(self, x: tf.Tensor) -> tf.Tensor:
        return self._phi(x)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "activation": self.activation, "negative_slope": self.negative_slope}


def _positive(name: str, value: int) -> int:
    if not isinstance(value, int) or value < 1:
        raise InputError(f"{name} must be a positive integer. Received: {name}={value!r}.")
    return value


def _standard_normal() -> keras.initializers.Initializer:
    return keras.initializers.RandomNormal(mean=0.0, stddev=1.0)


@register
class NTKDense(keras.layers.Layer):
    r"""$y = x W / \sqrt{\mathrm{fan\_in}} + b$, $W \sim N(0, 1)$. Input ``[..., fan_in]``, output ``[..., units]``.

    Args:
        units: size of the output's last axis.
        use_bias: whether there is b, ``[units]``, at first ``bias_initializer``.
        kernel_initializer, bias_initializer: Keras initialisers; N(0, 1) and zeros by default.

    Raises:
        InputError: if ``units`` is not a positive integer.
    """

    def __init__(
        self,
        units: int,
        use_bias: bool = False,
        kernel_initializer: Initializer = None,
        bias_initializer: Initializer = "zeros",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.units = _positive("units", units)
        self.use_bias = use_bias
        self.kernel_initializer = keras.initializers.get(kernel_initializer or _standard_normal())
        self.bias_initializer = keras.initializers.get(bias_initializer)

    def build(self, input_shape: Shape) -> None:
        self._scale = 1 / math.sqrt(input_shape[-1])
        self.kernel = self.add_weight(
            name="kernel", shape=(input_shape[-1], self.units), initializer=self.kernel_initializer
        )
        self.bias = (
            self.add_weight(name="bias", shape=(self.units,), initializer=self.bias_initializer)
            if self.use_bias
            else None
        )

    def call(self, x: tf.Tensor) -> tf.Tensor:
        y = ops.matmul(x, self.kernel) * self._scale
        return y if self.bias is None else y + self.bias

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return (*input_shape[:-1], self.units)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "units": self.units,
            "use_bias": self.use_bias,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "bias_initializer": keras.initializers.serialize(self.bias_initializer),
        }


@register
class NTKConv2D(keras.layers.Conv2D):
    r"""A ``keras.layers.Conv2D`` whose kernel is N(0, 1) and divided by $\sqrt{\mathrm{fan\_in}}$ in the forward pass.

    fan_in is the kernel's height times width times input channels of a group. Input ``[n, h, w, c]``, output
    ``[n, h', w', filters]``.

    Args:
        filters: output channels.
        kernel_size: height and width of the kernel.
        use_bias: whether there is a bias.
        kernel_initializer: a Keras initialiser; N(0, 1) by default.
        **kwargs: what else ``keras.layers.Conv2D`` takes.

    Raises:
        InputError: if ``filters`` is not a positive integer.
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int | tuple[int, int],
        use_bias: bool = False,
        kernel_initializer: Initializer = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            _positive("filters", filters),
            kernel_size,
            use_bias=use_bias,
            kernel_initializer=kernel_initializer or _standard_normal(),
            **kwargs,
        )

    def convolution_op(self, inputs: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
        return super().convolution_op(inputs, kernel / math.sqrt(math.prod(kernel.shape[:-1])))
