"""The Jacobian of known Keras layers in their own variables: inputs and output cotangents of a call in, terms out.

A rule is looked up by a layer's exact type, since a subclass may compute something else.
"""

import math
from collections.abc import Callable

import keras
import tensorflow as tf

from tf_earlydyn.models import NTKConv2D, NTKDense
from tf_earlydyn.ntk.terms import Direct, Product, Term

Rule = Callable[[keras.layers.Layer, tf.Tensor, tf.Tensor], dict[str, Term]]

RULES: dict[type, Rule] = {}
NAMES = ("kernel", "bias", "gamma", "beta")  # of the variables that the rules cover, and of the layers' attributes


def _rule(*layer_types: type) -> Callable[[Rule], Rule]:
    return lambda rule: RULES.update(dict.fromkeys(layer_types, rule)) or rule


def is_known(layer: keras.layers.Layer) -> bool:
    """Whether there is a rule for a layer as it is set up."""
    usual = getattr(layer, "data_format", "channels_last") == "channels_last" and not getattr(
        layer, "rms_scaling", False
    )
    return type(layer) in RULES and usual and "call" not in vars(layer)


def own_variables(layer: keras.layers.Layer) -> dict[str, keras.Variable]:
    """The layer's trainable variables that its rule covers, by name; none of sublayers, such as an activation's."""
    trainable = {id(variable) for variable in layer.trainable_variables}
    attributes = {name: getattr(layer, name, None) for name in NAMES}
    return {name: variable for name, variable in attributes.items() if id(variable) in trainable}


@_rule(keras.layers.Dense, NTKDense)
def _dense(layer: keras.layers.Layer, inputs: tf.Tensor, cotangents: tf.Tensor) -> dict[str, Term]:
    """Inputs ``[n, ..., F]``, cotangents ``[n, C, ..., U]``."""
    n, c, fan_in, units = inputs.shape[0], cotangents.shape[1], inputs.shape[-1], cotangents.shape[-1]
    cotangents = tf.reshape(cotangents, (n, c, -1, 1, units))
    scale = 1 / math.sqrt(fan_in) if isinstance(layer, NTKDense) else 1.0
    return {
        "kernel": Product((tf.reshape(inputs, (n, -1, 1, fan_in)),), cotangents * scale),
        "bias": Direct(tf.reduce_sum(cotangents, axis=(2, 3))),
    }


@_rule(keras.layers.Conv2D, NTKConv2D)
def _conv(layer: keras.layers.Layer, inputs: tf.Tensor, cotangents: tf.Tensor) -> dict[str, Term]:
    """Inputs ``[n, h, w, c]``, cotangents ``[n, C, h', w', U]``; the groups split both channels into runs."""
    scale = 1 / math.sqrt(math.prod(layer.kernel.shape[:-1])) if isinstance(layer, NTKConv2D) else 1.0
    return _windowed(layer, inputs, cotangents, layer.groups, scale)


@_rule(keras.layers.DepthwiseConv2D)
def _depthwise(layer: keras.layers.Layer, inputs: tf.Tensor, cotangents: tf.Tensor) -> dict[str, Term]:
    """A convolution with a group for each input channel."""
    return _windowed(layer, inputs, cotangents, inputs.shape[-1], 1.0)


def _windowed(
    layer: keras.layers.Layer, inputs: tf.Tensor, cotangents: tf.Tensor, groups: int, scale: float
) -> dict[str, Term]:
    n, c, height, width, units = cotangents.shape
    cotangents = tf.reshape(cotangents, (n, c, height * width, groups, units // groups))
    taps = tuple(tf.reshape(tap, (n, height * width, groups, -1)) for tap in _taps(layer, inputs, (height, width)))
    return {
        "kernel": Product(taps, cotangents * scale),
        "bias": Direct(tf.reshape(tf.reduce_sum(cotangents, axis=2), (n, c, units))),
    }


def _taps(layer: keras.layers.Layer, inputs: tf.Tensor, sizes: tuple[int, int]) -> list[tf.Tensor]:
    """What each entry of a convolution's window sees, one ``[n, h', w', c]`` an entry."""
    axes = list(zip(inputs.shape[1:3], sizes, layer.kernel_size, layer.strides, layer.dilation_rate, strict=True))
    if layer.padding == "same":
        totals = [max((out - 1) * stride + (k - 1) * rate + 1 - size, 0) for size, out, k, stride, rate in axes]
        inputs = tf.pad(inputs, [[0, 0], *([total // 2, total - total // 2] for total in totals), [0, 0]])
    rows, columns = (
        [slice(i * rate, i * rate + (out - 1) * stride + 1, stride) for i in range(k)]
        for _, out, k, stride, rate in axes
    )
    return [inputs[:, row, column] for row in rows for column in columns]


@_rule(keras.layers.BatchNormalization)
def _batch_norm(layer: keras.layers.Layer, inputs: tf.Tensor, cotangents: tf.Tensor) -> dict[str, Term]:
    """In inference mode: the moving mean and variance are constants."""
    axis = layer.axis % inputs.shape.rank
    shape = [size if i == axis else 1 for i, size in enumerate(inputs.shape)]
    mean, variance = (tf.reshape(tf.cast(v, inputs.dtype), shape) for v in (layer.moving_mean, layer.moving_variance))
    return _scale_and_offset((inputs - mean) * tf.math.rsqrt(variance + layer.epsilon), cotangents, [axis])


@_rule(keras.layers.LayerNormalization)
def _layer_norm(layer: keras.layers.Layer, inputs: tf.Tensor, cotangents: tf.Tensor) -> dict[str, Term]:
    axes = [layer.axis] if isinstance(layer.axis, int) else list(layer.axis)
    axes = [axis % inputs.shape.rank for axis in axes]
    mean, variance = tf.nn.moments(inputs, axes, keepdims=True)
    return _scale_and_offset((inputs - mean) * tf.math.rsqrt(variance + layer.epsilon), cotangents, axes)


def _scale_and_offset(normalised: tf.Tensor, cotangents: tf.Tensor, axes: list[int]) -> dict[str, Term]:
    """Of y = gamma * normalised + beta, with gamma and beta along ``axes`` of the inputs ``[n, ...]``."""
    n, c = cotangents.shape[:2]
    normalised = tf.cast(normalised, cotangents.dtype)
    others = [axis + 1 for axis in range(1, normalised.shape.rank) if axis not in axes]  # the cotangents have C besides
    return {
        name: Direct(tf.reshape(tf.reduce_sum(product, axis=others), (n, c, -1)))
        for name, product in (("gamma", cotangents * normalised[:, None]), ("beta", cotangents))
    }
