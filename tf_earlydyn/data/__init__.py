"""Data by name: gaussian, cifar10, npz."""

from tf_earlydyn.config import DataConfig
from tf_earlydyn.data import cifar, gaussian, npz
from tf_earlydyn.data.dataset import Dataset
from tf_earlydyn.data.preprocess import normalise

_SOURCES = {"gaussian": gaussian.load, "cifar10": cifar.load, "npz": npz.load}


def load(config: DataConfig, seed: int) -> Dataset:
    """The configured data, preprocessed as configured; the same for the same configuration and seed.

    Args:
        config: which inputs and labels.
        seed: draws the examples, or their order.

    Raises:
        InputError: if the data cannot be had or used.
    """
    data = _SOURCES[config.data](config, seed)
    return normalise(data) if config.preprocess == "normalise" else data


__all__ = ["Dataset", "load", "normalise"]
