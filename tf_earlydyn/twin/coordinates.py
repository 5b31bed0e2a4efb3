"""What a twin is affine in: z = [x; 1], with further features on request, whitened."""

import dataclasses
import math
from collections.abc import Iterator, Sequence

import numpy as np

from tf_earlydyn.errors import InputError

FURTHER = ("norm", "energy")
_ENTRIES_AT_ONCE = 2**24  # of float64: 128 MiB
_IMBALANCE = 0.9  # of a direction's second moment in one half, which is 1 on the average of both
_ROUNDING = 10 * np.finfo(np.float32).eps


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
    def of_sample(cls, halves: tuple[np.ndarray, np.ndarray], further: tuple[str, ...]) -> "Coordinates":
        """Those of a sample in two halves ``[n, ...]``, without directions that it does not tell from others: those in
        which it is no more than float32's rounding, and those that nearly all of it has in one half.

        Raises:
            InputError: if a half has no more examples than there are directions.
        """
        basis = _whitening(np.concatenate(halves), further)
        if len(halves[0]) <= basis.shape[1]:
            raise InputError(
                f"the sample must hold at least {2 * basis.shape[1] + 2} examples, in each half more than features. "
                f"Received: {len(halves[0]) + len(halves[1])} examples."
            )
        first = np.concatenate([part @ basis for _, part in in_blocks(halves[0], further)])
        values, vectors = np.linalg.eigh(first.T @ first / len(first))
        return cls(halves[0].shape[1:], further, basis @ vectors[:, np.abs(values - 1) <= _IMBALANCE])

    @property
    def rank(self) -> int:
        """r, the number of directions."""
        return self.basis.shape[1]

    @property
    def dropped(self) -> int:
        """How many features are left out: constant ones beside 1, those that follow from others, and those of few
        examples.
        """
        return len(self.basis) - self.rank

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """The coordinates w of inputs ``[n, ...]``, ``[n, r]`` in float64."""
        return np.concatenate([w for _, w in self.blocks(x)])

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


def checked_further(further: Sequence[str]) -> tuple[str, ...]:
    """Names of further features, in one order.

    Raises:
        InputError: if one is unknown.
    """
    if not isinstance(further, (list, tuple)) or not all(name in FURTHER for name in further):
        raise InputError(f"further must be some of {', '.join(FURTHER)}. Received: further={further!r}.")
    return tuple(name for name in FURTHER if name in further)


def _whitening(x: np.ndarray, further: tuple[str, ...]) -> np.ndarray:
    """Q ``[D, r]`` with E[w w'] = I over ``x`` for w = Q'z: the constant, and principal components of the rest.

    Features are centred and scaled to their standard deviation, whatever the others' is.
    """
    n, constant = len(x), math.prod(x.shape[1:])  # the place of the 1
    mean = sum(part.sum(axis=0) for _, part in in_blocks(x, further)) / n
    moment = sum((part - mean).T @ (part - mean) for _, part in in_blocks(x, further)) / n
    deviation = np.sqrt(np.diag(moment))
    size = np.hypot(mean, deviation)
    if "norm" in further:
        size[constant + 1 : constant + 3] = 1  # ratios of norms, and their squares, round as 1 does
    scale = np.where(deviation > _ROUNDING * size, deviation, np.inf)
    values, vectors = np.linalg.eigh(moment / np.outer(scale, scale))
    kept = values > max(values[-1], 1) * len(values) * np.finfo(np.float32).eps ** 2
    components = vectors[:, kept] / np.sqrt(values[kept]) / scale[:, None]
    components[constant] = -mean @ components
    return np.column_stack([np.eye(len(deviation))[constant], components])
