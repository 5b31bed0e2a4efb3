"""The Gaussian moments of an activation as theory has them, and as a two-layer network has them at step 0."""

import dataclasses

import keras
import numpy as np

from tf_earlydyn import activations, companion
from tf_earlydyn.activations import Activation
from tf_earlydyn.config import ModelConfig
from tf_earlydyn.data import Dataset
from tf_earlydyn.theory import Moments, trace_of_squared_covariance

_INPUTS = 1_000  # the mean over as many, and all hidden units, is of the network and no longer of these inputs


def start_moments(config: ModelConfig, network: keras.Model, data: Dataset) -> dict[str, dict[str, float]] | None:
    """The moments by theory, and by the network at step 0; None of networks that psi is not derived for by moments.

    Args:
        config: of the network.
        network: at step 0.
        data: the examples, of which the first 1,000 training inputs are taken.
    """
    if config.model != "two_layer" or config.network_file is not None or len(data.x_train) < 2:
        return None
    phi = activations.get(config.activation, config.negative_slope)
    half = getattr(network, "positive", network)  # at step 0 the other one has the same weights
    x = np.reshape(data.x_train[:_INPUTS], (-1, int(np.prod(data.input_shape)))).astype(np.float64)
    found = {"theory": companion.two_layer_moments(config, data), "network": _measured(phi, half, x)}
    return {kind: dataclasses.asdict(moments) for kind, moments in found.items()}


def _measured(phi: Activation, network: keras.Model, x: np.ndarray) -> Moments:
    """Means over inputs ``[n, d]`` and hidden units, with g = w . x / sqrt(d)."""
    g = x @ network.get_layer("hidden").get_weights()[0].astype(np.float64) / np.sqrt(x.shape[1])
    slope = phi.derivative(g)
    theta1 = float(np.mean(g * slope))
    ratio = trace_of_squared_covariance(x) / x.shape[1]
    return Moments(
        zeta=float(np.mean(slope)),
        nu=theta1 * float(np.sqrt(max(ratio, 0.0))),  # without bias, so that of very few inputs it may be below 0
        theta0=float(np.mean(phi.value(g))),
        theta1=theta1,
        theta2=float(np.mean((g**3 / 2 - g) * slope)),
    )
