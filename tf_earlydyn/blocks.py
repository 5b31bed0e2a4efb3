"""Rows of an array, some at a time."""

import dataclasses
import math
from collections.abc import Iterator

import numpy as np


@dataclasses.dataclass(frozen=True)
class Blocks:
    """Blocks of ``size`` consecutive examples of ``n``; the last one may hold fewer.

    >>> [block.indices(5) for block in Blocks(5, 2)]
    [(0, 2, 1), (2, 4, 1), (4, 5, 1)]
    """

    n: int
    size: int

    def __iter__(self) -> Iterator[slice]:
        return (slice(start, min(start + self.size, self.n)) for start in range(0, self.n, self.size))

    @classmethod
    def even(cls, n: int, largest: int) -> "Blocks":
        """As few blocks as can be of at most ``largest`` examples, all but the last of one size."""
        return cls(n, math.ceil(n / math.ceil(n / largest)))


def filled_up(rows: np.ndarray, size: int) -> np.ndarray:
    """``rows`` with the last one repeated until there are ``size``."""
    missing = size - len(rows)
    return np.concatenate([rows, np.repeat(rows[-1:], missing, axis=0)]) if missing else rows
