"""Functions compiled by XLA, where it can compile them."""

import logging
from collections.abc import Callable
from functools import partial
from typing import Any

import tensorflow as tf

_LOG = logging.getLogger("tf_earlydyn")
by_xla = partial(tf.function, jit_compile=True)
CANNOT = (tf.errors.InvalidArgumentError, tf.errors.UnimplementedError)


class Compiled:
    """A function of tensors, compiled in the first of several ways that XLA can; a line in the log tells of others.

    Args:
        functions: the function, which changes nothing but variables, as a ``tf.function`` in each of these ways: first
            what is fastest, last without XLA.
    """

    def __init__(self, *functions: Callable) -> None:
        self._functions = list(functions)
        self._ran = False

    def __call__(self, *arguments: Any) -> Any:
        """What the function gives."""
        while not self._ran and len(self._functions) > 1:
            try:
                result = self._functions[0](*arguments)
            except CANNOT as error:  # before anything was run: the last way raises anew what was not XLA's
                del self._functions[0]
                self._tell(error)
            else:
                self._ran = True
                return result
        return self._functions[0](*arguments)

    def _tell(self, error: tf.errors.OpError) -> None:
        then = "runs without it" if len(self._functions) == 1 else "runs in several parts"
        _LOG.warning("XLA cannot compile the network, which %s: %s", then, str(error).partition("\n")[0])
