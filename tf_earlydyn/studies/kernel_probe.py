"""Figure (c): how the network's tangent kernel moves, and how far it is from the linear model's (Hu et al. 2020)."""

from collections.abc import Sequence

import keras
import numpy as np

from tf_earlydyn import metrics
from tf_earlydyn.models import LinearModel
from tf_earlydyn.ntk import empirical_ntk

COLUMNS = ("kernel_to_linear", "kernel_movement", "kernel_alignment")


class KernelProbe:
    """Compares kernels on a few training inputs; those of several outputs by their mean over the outputs.

    Args:
        network: the network, at step 0.
        linear: its linear model, whose kernel never changes.
        x: the inputs, ``[n, ...]``.
        layers: names of the network's layers that learn; None for all.
    """

    def __init__(
        self, network: keras.Model, linear: LinearModel, x: np.ndarray, layers: Sequence[str] | None = None
    ) -> None:
        features = np.asarray(linear.features(x), np.float64)
        self._network, self._x, self._layers = network, x, layers
        self._linear = features @ features.T
        self._start = self._kernel()

    def measure(self) -> dict[str, float]:
        """The values of ``COLUMNS``: relative Frobenius distances of the network's kernel, to the linear model's and to
        its own at step 0, and its uncentred cosine with the linear model's.
        """
        kernel = self._kernel()
        values = (
            metrics.relative_distance(kernel, self._linear),
            metrics.relative_distance(kernel, self._start),
            metrics.alignment(kernel, self._linear),
        )
        return dict(zip(COLUMNS, values, strict=True))

    def _kernel(self) -> np.ndarray:
        return empirical_ntk(self._network, self._x, outputs="trace", variables=self._layers, show_progress=False)
