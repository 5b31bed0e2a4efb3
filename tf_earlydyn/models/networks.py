"""The paper's networks g; ``antisymmetric`` makes them zero at step 0 (Hu et al. 2020, Sections 3 and 4)."""

from collections.abc import Sequence
from typing import Any

import keras

from tf_earlydyn import activations
from tf_earlydyn.config import ModelConfig
from tf_earlydyn.config.fields import settled
from tf_earlydyn.errors import InputError
from tf_earlydyn.models.antisymmetric import antisymmetric
from tf_earlydyn.models.layers import ActivationLayer, NTKConv2D, NTKDense, RandomSign
from tf_earlydyn.models.saved import load_network
from tf_earlydyn.seeds import Stream, integers

SLOPE = activations.DEFAULT_NEGATIVE_SLOPE


def two_layer(
    input_shape: Sequence[int],
    width: int,
    activation: str = "erf",
    *,
    outputs: int = 1,
    negative_slope: float = SLOPE,
    seed: int = 0,
) -> keras.Model:
    r"""$g(x) = \frac{1}{\sqrt{m}} \sum_{r=1}^m v_r \phi(w_r \cdot x / \sqrt{d})$, $w_r \sim N(0, I_d)$, $v_r = \pm 1$.

    Layers ``hidden`` and ``readout``. Inputs ``[n, *input_shape]``, flattened; outputs ``[n, C]``.

    Args:
        input_shape: of an example.
        width: m.
        activation: a name of ``tf_earlydyn.activations``.
        outputs: C.
        negative_slope: the slope below 0 of ``leaky_relu``.
        seed: draws the weights.
    """
    hidden_seed, readout_seed = integers(seed, Stream.NETWORK, 2)
    readout = NTKDense(outputs, kernel_initializer=RandomSign(readout_seed), name="readout")
    return _sequential(
        "two_layer",
        input_shape,
        [
            keras.layers.Flatten(),
            _dense(width, hidden_seed, "hidden"),
            ActivationLayer(activation, negative_slope),
            readout,
        ],
    )


def mlp(
    input_shape: Sequence[int],
    width: int,
    depth: int,
    activation: str = "erf",
    *,
    outputs: int = 1,
    negative_slope: float = SLOPE,
    seed: int = 0,
) -> keras.Model:
    """``depth`` hidden layers of ``width`` units, no biases, NTK parameterisation.

    Layers ``hidden_1`` to ``hidden_<depth>`` and ``readout``. Inputs ``[n, *input_shape]``, flattened; outputs
    ``[n, C]``.

    Args:
        input_shape: of an example.
        width: units of a hidden layer.
        depth: how many hidden layers.
        activation: a name of ``tf_earlydyn.activations``.
        outputs: C.
        negative_slope: the slope below 0 of ``leaky_relu``.
        seed: draws the weights.
    """
    *hidden_seeds, readout_seed = integers(seed, Stream.NETWORK, depth + 1)
    layers = [keras.layers.Flatten()]
    for number, layer_seed in enumerate(hidden_seeds, 1):
        layers += [_dense(width, layer_seed, f"hidden_{number}"), ActivationLayer(activation, negative_slope)]
    return _sequential("mlp", input_shape, [*layers, _dense(outputs, readout_seed, "readout")])


def cnn(
    input_shape: Sequence[int],
    width: int,
    depth: int,
    activation: str = "erf",
    *,
    outputs: int = 1,
    negative_slope: float = SLOPE,
    seed: int = 0,
) -> keras.Model:
    """``depth`` 3x3 convolutions of ``width`` filters, zero-padded, a flattened head; NTK parameterisation, no biases.

    Layers ``conv_1`` to ``conv_<depth>`` and ``readout``. Inputs ``[n, h, w, c]``; outputs ``[n, C]``.

    Args:
        input_shape: of an example.
        width: filters of a convolution.
        depth: how many convolutions.
        activation: a name of ``tf_earlydyn.activations``.
        outputs: C.
        negative_slope: the slope below 0 of ``leaky_relu``.
        seed: draws the weights.
    """
    *conv_seeds, readout_seed = integers(seed, Stream.NETWORK, depth + 1)
    layers = []
    for number, layer_seed in enumerate(conv_seeds, 1):
        conv = NTKConv2D(width, 3, padding="same", kernel_initializer=_normal(layer_seed), name=f"conv_{number}")
        layers += [conv, ActivationLayer(activation, negative_slope)]
    return _sequential("cnn", input_shape, [*layers, keras.layers.Flatten(), _dense(outputs, readout_seed, "readout")])


def build(config: ModelConfig, input_shape: Sequence[int], outputs: int, seed: int) -> keras.Model:
    """The configured network, made or loaded.

    Args:
        config: which network.
        input_shape: of an example.
        outputs: C.
        seed: draws the weights.

    Raises:
        InputError: if it is to be loaded, and cannot be, or the inputs have no shape that it takes.
    """
    if config.network_file is not None:
        return load_network(config.network_file, tuple(input_shape), outputs)
    options: dict[str, Any] = {
        "activation": config.activation,
        "outputs": outputs,
        "negative_slope": config.negative_slope,
        "seed": seed,
    }
    if config.model == "cnn" and len(input_shape) != 3:
        raise InputError(f"model=cnn takes images, inputs of shape [h, w, c]. Received: inputs of shape {input_shape}.")
    halved = config.start == "zero"
    if config.model == "two_layer":
        network = two_layer(input_shape, config.width // 2 if halved else config.width, **options)
    else:
        network = {"mlp": mlp, "cnn": cnn}[config.model](input_shape, config.width, settled(config.depth), **options)
    return antisymmetric(network, name="network") if halved else network


def _sequential(name: str, input_shape: Sequence[int], layers: list) -> keras.Model:
    # The dtype of an Input is float32 unless said otherwise, and a float64 model would silently round its inputs.
    inputs = keras.Input(tuple(input_shape), dtype=keras.config.dtype_policy().variable_dtype)
    return keras.Sequential([inputs, *layers], name=name)


def _dense(units: int, seed: int, name: str) -> NTKDense:
    return NTKDense(units, kernel_initializer=_normal(seed), name=name)


def _normal(seed: int) -> keras.initializers.Initializer:
    return keras.initializers.RandomNormal(mean=0.0, stddev=1.0, seed=seed)
