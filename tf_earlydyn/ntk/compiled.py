"""Functions that TensorFlow compiles for each shape they meet."""

import logging
import threading
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from tf_earlydyn.ntk.copies import Copies
from tf_earlydyn.xla import CANNOT

_LOG = logging.getLogger("tf_earlydyn")
_TRACING = threading.RLock()  # a trace notes what a model's layers do, which another would disturb


class compiled:  # noqa: N801 (a decorator)
    """``function`` as a graph for each signature, without ``tf.function``'s warning that these are many.

    A kernel is asked for with blocks of few shapes, of any number of models. Where its first argument lies on a GPU or
    TPU, XLA compiles the graph. Where that fails, it runs without XLA, with a line in the log.

    Args:
        function: of tensors.
        weights: of the model that it calls. XLA's graph takes those of the device where it runs, as arguments: it is
            traced once for all devices. The plain graph reads them where they are.
    """

    def __init__(self, function: Callable, weights: Copies | None = None) -> None:
        self._weights = weights or Copies()

        def replaced(variables: list[tf.Variable], *arguments: Any) -> Any:
            with self._weights.replaced(variables):
                return function(*arguments)

        self._plain = tf.function(function, autograph=False)
        self._xla = tf.function(replaced, autograph=False, jit_compile=True)
        self._refused: set[str] = set()

    def __call__(self, *arguments: Any) -> Any:
        """What the function gives."""
        device = tf.nest.flatten(arguments)[0].device
        if is_accelerator(device) and device not in self._refused:
            try:
                return _run(self._xla, (self._weights.on(device), *arguments))
            except CANNOT as error:  # again without XLA, which raises anew what was not XLA's
                reason = str(error).partition("\n")[0]
                _LOG.warning("XLA cannot compile part of a kernel, which runs without it on %s: %s", device, reason)
                self._refused.add(device)
        return _run(self._plain, arguments)


def is_accelerator(device: str) -> bool:
    """Whether XLA makes kernels faster on a device: on a CPU plain graphs are as fast, and sooner compiled."""
    return "CPU" not in device


def _run(graphs: tf.types.experimental.PolymorphicFunction, arguments: tuple) -> Any:
    with _TRACING:
        graph = graphs.get_concrete_function(*arguments)
    return graph(*arguments)
