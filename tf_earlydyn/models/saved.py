"""Networks from files."""

import warnings
from pathlib import Path

import keras
import numpy as np

from tf_earlydyn.errors import InputError

_TRIED = 16  # inputs


def load_network(file: str | Path, input_shape: tuple[int, ...], outputs: int) -> keras.Model:
    """A saved Keras model, loaded in safe mode: a file that brings code of its own is refused.

    Args:
        file: a .keras file.
        input_shape: of an example, that it must take.
        outputs: that it must have, all together.

    Raises:
        InputError: if it cannot be loaded, or does not fit.
    """
    path = Path(file).expanduser()
    if path.suffix != ".keras":
        raise InputError(f"network_file must be a .keras file. Received: {path}.")
    try:
        network = keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # of Keras, of the file system, or of a layer's own code
        reason = " ".join(str(error).split())[:300]
        raise InputError(
            f"network_file must be a Keras model that loads in safe mode. Received: {path}: {reason}"
        ) from error
    _require_fit(network, input_shape, outputs)
    if not _same_in_training(network, input_shape):
        warnings.warn(
            "the network computes otherwise in training than in inference, as batch normalisation and dropout do: "
            "what is compared and foretold is that of inference.",
            stacklevel=2,
        )
    return network


def _same_in_training(network: keras.Model, input_shape: tuple[int, ...]) -> bool:
    x = np.random.default_rng(0).standard_normal((_TRIED, *input_shape)).astype(np.float32)
    kept = [variable.numpy() for variable in network.variables]  # a call in training moves averages and random states
    resting, training = (np.asarray(network(x, training=training)) for training in (False, True))
    for variable, value in zip(network.variables, kept, strict=True):
        variable.assign(value)
    return np.allclose(resting, training, rtol=1e-4, atol=1e-4 * np.abs(resting).max())


def _require_fit(network: keras.Model, input_shape: tuple[int, ...], outputs: int) -> None:
    try:
        found = network(keras.Input(batch_shape=(1, *input_shape), dtype="float32"))
        shape, dtype = tuple(found.shape), found.dtype
    except Exception as error:  # of a layer that these inputs do not fit
        raise InputError(
            f"network_file must take the inputs of the data, of shape {input_shape}, and have one output. "
            "Received: a network that does not."
        ) from error
    if dtype != "float32":
        raise InputError(f"network_file must compute in float32. Received: {dtype}.")
    if shape != (1, outputs):
        raise InputError(
            f"network_file must be a network of outputs [n, {outputs}], as the targets are. Received: "
            f"[n, {', '.join(map(str, shape[1:]))}]."
        )
