"""Functions compiled by XLA, where it can compile them."""

import logging
from collections.abc import Callable
from typing import Any

import tensorflow as tf

_LOG = logging.getLogger("tf_earlydyn")
CANNOT = (tf.errors.InvalidArgumentError, tf.errors.UnimplementedError)


class Compiled:
    """A function of tensors, compiled; without XLA if that cannot compile it, with a line in the log.

    Args:
        function: of tensors; it changes nothing but variables.
        xla: compiles it as a whole: False where it calls functions that are compiled on their own.
        plain: takes its place where XLA cannot compile; ``function`` itself by default.
    """

    def __init__(self, function: Callable, xla: bool = True, plain: Callable | None = None) -> None:
        self._plain = plain or function
        self._compiled = tf.function(function, jit_compile=xla)
        self._ran = False

    def __call__(self, *arguments: Any) -> Any:
        """What the function gives."""
        if self._ran:
            return self._compiled(*arguments)
        try:
            result = self._compiled(*arguments)
        except CANNOT as error:  # before anything was run: again without XLA, which raises anew what was not XLA's
            _LOG.warning("XLA cannot compile the network, which runs without it: %s", str(error).partition("\n")[0])
            self._compiled = tf.function(self._plain)
            result = self._compiled(*arguments)
        self._ran = True
        return result


def convolves(function: tf.types.experimental.PolymorphicFunction, *arguments: Any) -> bool:
    """Whether a ``tf.function`` contains a convolution."""
    operations = function.get_concrete_function(*arguments).graph.get_operations()
    return any(operation.type.startswith(("Conv", "DepthwiseConv")) for operation in operations)
