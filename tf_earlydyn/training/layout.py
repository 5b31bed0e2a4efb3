"""How the examples lie: over replicas, in each over streams that compute side by side, in each in blocks of rows."""

import math
from typing import NamedTuple

import numpy as np

from tf_earlydyn.blocks import filled_up
from tf_earlydyn.errors import InputError


def require_an_example_each(n: int, replicas: int) -> None:
    """Raises InputError if there are more replicas than examples."""
    if replicas > n:
        raise InputError(f"there must be an example for each replica. Received: {replicas} replicas, n={n}.")


class Layout(NamedTuple):
    """n examples in their order, filled up with further rows that weigh nothing.

    >>> Layout.of(7, replicas=2, streams=1, rows_at_once=2).weights()[..., 0].tolist()
    [[[[1.0, 1.0], [1.0, 1.0]]], [[[1.0, 1.0], [1.0, 0.0]]]]
    """

    n: int
    replicas: int
    streams: int
    blocks: int
    rows: int

    @classmethod
    def of(cls, n: int, replicas: int, streams: int, rows_at_once: int) -> "Layout":
        """As equal shares as can be, in as few blocks of at most ``rows_at_once`` as can be.

        Raises:
            InputError: if there are more replicas than examples.
        """
        require_an_example_each(n, replicas)
        streams = min(streams, n // replicas)
        share = math.ceil(n / (replicas * streams))
        blocks = math.ceil(share / rows_at_once)
        return cls(n, replicas, streams, blocks, math.ceil(share / blocks))

    def spread(self, array: np.ndarray) -> np.ndarray:
        """An array ``[n, ...]`` as ``[replicas, streams, blocks, rows, ...]``; its last row fills the last ones up."""
        return filled_up(array, math.prod(self[1:])).reshape(*self[1:], *array.shape[1:])

    def weights(self, dtype: np.typing.DTypeLike = np.float64) -> np.ndarray:
        """1 for an example and 0 for what fills up, ``[replicas, streams, blocks, rows, 1]``."""
        return (np.arange(math.prod(self[1:])) < self.n).astype(dtype).reshape(*self[1:], 1)
