"""What is done to inputs before training."""

import dataclasses

import numpy as np

from tf_earlydyn.data.dataset import Dataset
from tf_earlydyn.errors import InputError

_ROUNDING = 1e-6  # of float32 inputs, relative: what is left of an input that equals the mean


def normalise(data: Dataset) -> Dataset:
    r"""Centres by the training mean, then scales each input to $\|x\| = \sqrt{d}$ (Hu et al. 2020, Figure 2).

    Args:
        data: inputs ``[n, ...]`` of d numbers each.

    Raises:
        InputError: if an input equals the training mean, so that it cannot be scaled.
    """
    mean = data.x_train.mean(axis=0, dtype=np.float64)
    return dataclasses.replace(
        data,
        x_train=_centre_and_scale(data.x_train, mean, "training"),
        x_test=_centre_and_scale(data.x_test, mean, "test"),
        spectrum=None,
        preprocessing=(
            *data.preprocessing,
            "centred by the training mean",
            f"each input scaled to norm sqrt({mean.size})",
        ),
    )


def _centre_and_scale(x: np.ndarray, mean: np.ndarray, split: str) -> np.ndarray:
    flat = (x - mean).reshape(len(x), -1)
    norms = np.linalg.norm(flat, axis=1, keepdims=True)
    if norms.min() <= _ROUNDING * np.linalg.norm(mean):
        raise InputError(
            "every input must differ from the training mean, or it cannot be scaled to norm sqrt(d). "
            f"Received: {split} example {int(np.argmin(norms))} equal to it. Take more examples or preprocess=none."
        )
    return (flat * (np.sqrt(mean.size) / norms)).reshape(x.shape).astype(np.float32)


def average_pool(images: np.ndarray, factor: int) -> np.ndarray:
    """Means over ``factor`` x ``factor`` squares: ``[n, h, w, c]`` to ``[n, h/factor, w/factor, c]``, float32."""
    n, height, width, channels = images.shape
    squares = images.reshape(n, height // factor, factor, width // factor, factor, channels)
    return squares.mean(axis=(2, 4), dtype=np.float32)
