"""A network's weights: in a case's file an array for each layer, and where they are the result one array of all."""

from collections.abc import Collection, Iterable, Sequence

import numpy as np


def names(arrays: Collection[str]) -> list[str]:
    """``weights_0`` and on, of all arrays in a file."""
    return [name for name in (f"weights_{number}" for number in range(len(arrays))) if name in arrays]


def flat(weights: Iterable[np.ndarray]) -> np.ndarray:
    return np.concatenate([np.ravel(layer) for layer in weights])


def unflat(array: np.ndarray, like: Sequence[np.ndarray]) -> list[np.ndarray]:
    """What was flattened: of the shapes of ``like``."""
    parts = np.split(array, np.cumsum([layer.size for layer in like])[:-1])
    return [part.reshape(layer.shape) for part, layer in zip(parts, like, strict=True)]
