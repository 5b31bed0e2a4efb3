"""Figure (c): how the network's tangent kernel moves, and how far it is from the linear model's (Hu et al. 2020)."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tf_earlydyn import columns, metrics
from tf_earlydyn.ntk import empirical_ntk


class KernelProbe:
    """Compares kernels on a few training inputs; those of several outputs by their mean over the outputs.

    Args:
        network: the network, at step 0.
        companions: kernels ``[n, n]`` of its linear models, which never change, by name.
        x: the inputs, ``[n, ...]``.
        layers: names of the network's layers that learn; None for all.
        strategy: where the network's kernels are computed: by default that whose scope this is, or one device.
    """

    def __init__(
        self,
        network: keras.Model,
        companions: Mapping[str, np.ndarray],
        x: np.ndarray,
        layers: Sequence[str] | None = None,
        strategy: tf.distribute.Strategy | None = None,
    ) -> None:
        self._network, self._x = network, x
        self._options: dict[str, Any] = {
            "outputs": "trace",
            "variables": layers,
            "show_progress": False,
            "strategy": strategy,
        }
        self._companions = companions
        self._start = self._kernel()

    def measure(self) -> dict[str, float]:
        """Columns of ``metrics.csv``: relative Frobenius distances of the network's kernel, to each linear model's and
        to its own at step 0, and its uncentred cosine with each linear model's.
        """
        kernel, others = self._kernel(), self._companions.items()
        return {
            **{columns.kernel_distance(name): metrics.relative_distance(kernel, other) for name, other in others},
            columns.KERNEL_MOVEMENT: metrics.relative_distance(kernel, self._start),
            **{columns.kernel_alignment(name): metrics.alignment(kernel, other) for name, other in others},
        }

    def _kernel(self) -> np.ndarray:
        return empirical_ntk(self._network, self._x, **self._options)
