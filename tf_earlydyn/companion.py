"""The paper's linear companion of a configured network (Hu et al. 2020, Sections 3 and 4)."""

import warnings

import numpy as np

from tf_earlydyn import activations
from tf_earlydyn.config import ModelConfig, RunConfig
from tf_earlydyn.config.fields import settled
from tf_earlydyn.data import Dataset
from tf_earlydyn.theory import (
    LinearFeatures,
    Moments,
    cnn_tangent_kernel,
    mlp_tangent_kernel,
    moments,
    moments_from_inputs,
    psi,
    psi_1,
    psi_2,
)

__all__ = ["linear_features", "two_layer_moments"]
_PSI = {"first": psi_1, "second": psi_2, "both": psi}


def linear_features(config: RunConfig, data: Dataset) -> LinearFeatures:
    r"""The features of the linear model that the configured network is expected to mimic early in training.

    Warns where the inputs are not of the scale $\|x\|^2 = d$ that the theory is for.

    Args:
        config: the run, of a network of the package.
        data: its examples.
    """
    features = _features(config, data)
    _check_scale(data)
    return features


def _features(config: RunConfig, data: Dataset) -> LinearFeatures:
    if config.model.model == "two_layer":
        return _PSI[config.training.train](two_layer_moments(config.model, data))
    if config.model.model == "mlp":
        return _mlp_features(config.model, data.input_shape)
    return _cnn_features(config.model, data.input_shape)


def _check_scale(data: Dataset) -> None:
    scale = float(np.mean(np.square(data.x_train, dtype=np.float64)))
    if not 0.5 < scale < 2:
        warnings.warn(
            f"the mean of ||x||^2 / d is {scale:.3g}, and the theory behind the linear model is for 1: "
            "take preprocess=normalise, or expect the two to part early.",
            stacklevel=2,
        )


def two_layer_moments(config: ModelConfig, data: Dataset) -> Moments:
    r"""The moments that psi takes.

    The $\mathrm{Tr}(\Sigma^2)$ in $\nu$ is the known one on synthetic data, and estimated from the training inputs
    without bias on real data.

    Args:
        config: of a ``two_layer`` network.
        data: the examples.
    """
    phi = activations.get(config.activation, config.negative_slope)
    if data.spectrum is not None:
        return moments(phi, data.spectrum)
    return moments_from_inputs(phi, data.x_train)


def _mlp_features(config: ModelConfig, input_shape: tuple[int, ...]) -> LinearFeatures:
    """[ sqrt(Phi'(0)/d) x ; sqrt(Phi(0)) ]."""
    phi = activations.get(config.activation, config.negative_slope)
    value, slope = mlp_tangent_kernel(phi, settled(config.depth))
    return LinearFeatures(np.sqrt(slope), np.sqrt(value * np.prod(input_shape)))


def _cnn_features(config: ModelConfig, input_shape: tuple[int, ...]) -> LinearFeatures:
    """[ sqrt(slope_p / channels) x_p at every location p ; sqrt(Phi) ]."""
    height, width, _ = input_shape
    phi = activations.get(config.activation, config.negative_slope)
    value, slopes = cnn_tangent_kernel(phi, settled(config.depth), height, width)
    return LinearFeatures(np.sqrt(slopes * slopes.size)[..., None], np.sqrt(value * np.prod(input_shape)))
