"""What a twin is affine in: z = [x; 1], with further features on request, whitened."""

import dataclasses
import math
from collections.abc import Iterator

import numpy as np

from tf_earlydyn.errors import InputError

FURTHER = ("norm", "energy")
_ENTRIES_AT_ONCE = 2**24  # of float64: 128 MiB


@dataclasses.dataclass(frozen=True)
class Coordinates:
    """w(x) = Q' z(x), whose second moment over a sample is the identity.

    Attributes:
        input_shape: of an example.
        further: features beside [x; 1]: ``norm``, those of psi_2, r - 1 and (r - 1)^2 with r = ||x|| / sqrt(d);
            ``energy``, the mean square of each channel, the last axis.
        basis: Q, ``[D, r]``.
    """

    input_shape: tuple[int, ...]
    further: tuple[str, ...]
    basis: np.ndarray

    @classmethod
    def of_sample(cls, x: np.ndarray, further: tuple[str, ...]) -> "Coordinates":
        """Those of a sample ``[n, ...]``, without directions in which it is no more than float32's rounding."""
        moment, scale = _second_moment(x, further)
        values, vectors = np.linalg.eigh(moment)
        kept = values > values[-1] * len(values) * np.finfo(np.float32).eps ** 2
        return cls(x.shape[1:], further, vectors[:, kept] / np.sqrt(values[kept]) / scale[:, None])

    @property
    def rank(self) -> int:
        """r, the number of directions."""
        return self.basis.shape[1]

    @property
    def dropped(self) -> int:
        """How many features the sample makes superfluous: constant ones beside 1, and those that follow from others."""
        return len(self.basis) - self.rank

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """The coordinates w of inputs ``[n, ...]``, ``[n, r]`` in float64."""
        return np.concatenate([features @ self.basis for _, features in in_blocks(x, self.further)])

    def blocks(self, x: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
        """The coordinates w of inputs ``[n, ...]``, some rows at a time."""
        for rows, features in in_blocks(x, self.further):
            yield rows, features @ self.basis


def in_blocks(x: np.ndarray, further: tuple[str, ...]) -> Iterator[tuple[slice, np.ndarray]]:
    """The features z of inputs ``[n, ...]``, some rows at a time, in float64."""
    size = max(1, _ENTRIES_AT_ONCE // (math.prod(x.shape[1:]) + 1))
    for start in range(0, len(x), size):
        rows = slice(start, min(start + size, len(x)))
        yield rows, features(x[rows], further)


def features(x: np.ndarray, further: tuple[str, ...]) -> np.ndarray:
    """The features z of inputs ``[n, ...]``, ``[n, D]`` in float64."""
    flat = np.reshape(np.asarray(x, np.float64), (len(x), -1))
    columns = [flat, np.ones((len(x), 1))]
    if "norm" in further:
        excess = np.linalg.norm(flat, axis=1, keepdims=True) / math.sqrt(flat.shape[1]) - 1
        columns += [excess, excess**2]
    if "energy" in further:
        columns.append(np.mean(np.square(np.reshape(flat, (len(x), -1, x.shape[-1]))), axis=1))
    return np.concatenate(columns, axis=1)


def checked_further(further) -> tuple[str, ...]:
    """Names of further features, in one order.

    Raises:
        InputError: if one is unknown.
    """
    if not isinstance(further, (list, tuple)) or not set(further) <= set(FURTHER):
        raise InputError(f"further must be some of {', '.join(FURTHER)}. Received: further={further!r}.")
    return tuple(name for name in FURTHER if name in further)


def _second_moment(x: np.ndarray, further: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    """E[z z'] of features divided by their root mean squares, and these: infinite for a feature that is no more than
    float32's rounding of others of its kind, or of a norm.
    """
    moment = sum(part.T @ part for _, part in in_blocks(x, further)) / len(x)
    scale = np.sqrt(np.diag(moment))
    d = math.prod(x.shape[1:])
    kind = np.ones(len(scale))
    kind[:d] = scale[:d].max()
    if "energy" in further:
        kind[-x.shape[-1] :] = scale[-x.shape[-1] :].max()
    scale[scale <= 10 * np.finfo(np.float32).eps * kind] = np.inf
    return moment / np.outer(scale, scale), scale
