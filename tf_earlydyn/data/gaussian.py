"""Synthetic data: x = Sigma^{1/2} z, labelled by a small teacher network (Hu et al. 2020, Figure 1)."""

import numpy as np
from scipy import special

from tf_earlydyn.config import DataConfig
from tf_earlydyn.config.fields import settled
from tf_earlydyn.data.dataset import Dataset
from tf_earlydyn.seeds import Stream, generator

TEACHER_WIDTH = 5


def load(config: DataConfig, seed: int) -> Dataset:
    """Training and test examples for ``config`` and ``seed``; the first rows stay when a size grows."""
    eigenvalues = spectrum(config)
    teacher = Teacher(config.d, generator(seed, Stream.TEACHER))

    def split(stream: Stream, n: int) -> tuple[np.ndarray, np.ndarray]:
        x = _entries(config.entries, generator(seed, stream), (n, config.d))
        x *= np.sqrt(eigenvalues)
        y = teacher(x)
        y = np.where(y >= 0, 1.0, -1.0) if config.labels == "sign" else y
        return x.astype(np.float32), y.astype(np.float32)

    train, test = split(Stream.TRAIN, settled(config.n_train)), split(Stream.TEST, settled(config.n_test))
    return Dataset(*train, *test, spectrum=eigenvalues)


def spectrum(config: DataConfig) -> np.ndarray:
    """Eigenvalues of Sigma, ``[d]``, with sum d. Sigma is diagonal."""
    logarithms = {
        "identity": lambda: np.zeros(config.d),
        "power_law": lambda: -config.power * np.log(np.arange(1.0, config.d + 1)),
        "spectrum": lambda: np.log(config.spectrum),
    }[config.covariance]()
    eigenvalues = np.exp(logarithms - logarithms.max())  # no exponent overflows
    return eigenvalues * (config.d / eigenvalues.sum())


class Teacher:
    """f*(x) = (1/sqrt(width)) sum_r v_r erf(w_r . x / sqrt(d)), w_r ~ N(0, I_d), v_r = +-1."""

    def __init__(self, d: int, rng: np.random.Generator, width: int = TEACHER_WIDTH) -> None:
        self._hidden = rng.standard_normal((d, width)) / np.sqrt(d)
        self._readout = rng.choice([-1.0, 1.0], size=(width, 1)) / np.sqrt(width)

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """f* of inputs ``[n, d]``, ``[n, 1]``."""
        return special.erf(x @ self._hidden) @ self._readout


def _entries(law: str, rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Independent entries of mean 0 and variance 1."""
    laws = {
        "normal": lambda: rng.standard_normal(shape),
        "rademacher": lambda: rng.choice([-1.0, 1.0], size=shape),
        "uniform": lambda: rng.uniform(-np.sqrt(3), np.sqrt(3), size=shape),
    }
    return laws[law]()
