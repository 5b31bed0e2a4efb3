"""Watching a training loop of one's own for the step where a network leaves its affine twin."""

import keras
import numpy as np

from tf_earlydyn import metrics
from tf_earlydyn.errors import InputError
from tf_earlydyn.exits import ExitDetector, Exits
from tf_earlydyn.ntk import empirical_ntk
from tf_earlydyn.twin.affine import AffineTwin
from tf_earlydyn.twin.inputs import Rates, checked_targets, checked_x, outputs_of


class ExitMonitor:
    """A callback for any loop of full-batch gradient descent: call it with the step, and read ``exits``.

    It compares the network with the descent of its affine twin, known in closed form; of a network that is not 0 at
    step 0, it is f - f_0 that is compared, in inference mode. Made before training, with the network at step 0. It is
    a callback of ``tf_earlydyn.training.train``, too.

    Args:
        model: the network, at step 0.
        twin: its ``affine_twin``, whose layers are those that learn.
        x: training inputs, ``[n, ...]``.
        y: targets, ``[n]`` or ``[n, C]``: the loss is (1/2n) sum_i ||f(x_i) - y_i||^2.
        x_test: test inputs, ``[k, ...]``, on which network and twin are compared.
        y_test: their targets, ``[k]`` or ``[k, C]``.
        learning_rate: one, or one for each layer by its name.
        momentum: the coefficient of ``keras.optimizers.SGD``.
        probe: how many of the test inputs, the first ones, the tangent kernel is watched on; 0: it is not.
        function_threshold: the share of the mean of f_lin^2, as in ``ExitDetector``.
        kernel_threshold: the share of the kernel's norm, likewise.

    Raises:
        InputError: if inputs, targets, rates or thresholds cannot be used.

    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    >>> x = np.random.default_rng(0).standard_normal((50, 2)).astype("float32")
    >>> from tf_earlydyn import affine_twin
    >>> monitor = ExitMonitor(model, affine_twin(model, x), x, x[:, 0], x, x[:, 0], learning_rate=0.1)
    >>> monitor(0)
    Exits(function=None, loss=None, kernel=None)
    """

    def __init__(
        self,
        model: keras.Model,
        twin: AffineTwin,
        x: np.ndarray,
        y: np.ndarray,
        x_test: np.ndarray,
        y_test: np.ndarray,
        *,
        learning_rate: Rates,
        momentum: float = 0.0,
        probe: int = 200,
        function_threshold: float = 0.1,
        kernel_threshold: float = 0.5,
    ) -> None:
        if not isinstance(probe, (int, np.integer)) or probe < 0:
            raise InputError(f"probe must be a number of examples from 0 on. Received: probe={probe!r}.")
        x, self._x = checked_x(x, twin.coordinates, "x"), checked_x(x_test, twin.coordinates, "x_test")
        self._model, self._layers = model, list(twin.layers)
        y, _ = checked_targets(y, len(x), twin.outputs)
        y_test, _ = checked_targets(y_test, len(self._x), twin.outputs)
        self._start = outputs_of(model, self._x)
        if self._start.shape != y_test.shape:
            raise InputError(
                f"model must be the network of the twin, of {twin.outputs} outputs. Received: one of "
                f"{self._start.shape[1]} outputs."
            )
        self._descent = twin.descent(x, y - outputs_of(model, x), learning_rate, momentum=momentum)
        self._detector = ExitDetector(
            twin.coordinates(self._x),
            y_test - self._start,
            function_threshold=function_threshold,
            kernel_threshold=kernel_threshold,
        )
        self._probe = self._x[:probe]
        self._kernel = self._tangent_kernel()

    @property
    def exits(self) -> Exits:
        """The steps from which on the network has been away, by what has been seen so far."""
        return self._detector.exits

    def __call__(self, step: int) -> Exits:
        """Looks at the network, which is at ``step``; the exits so far.

        Raises:
            InputError: if ``step`` is not above the last one.
        """
        kernel = self._tangent_kernel()
        moved = None if kernel is None or self._kernel is None else metrics.relative_distance(kernel, self._kernel)
        change = outputs_of(self._model, self._x) - self._start
        companion = self._descent.at([int(step)], self._x)[0]
        return self._detector.update(step, change, companion, moved)

    def _tangent_kernel(self) -> np.ndarray | None:
        if not len(self._probe):
            return None
        return empirical_ntk(self._model, self._probe, outputs="trace", variables=self._layers, show_progress=False)
