"""Functions that TensorFlow compiles for each shape they meet."""

from collections.abc import Callable

import tensorflow as tf


def compiled(function: Callable) -> Callable:
    """``function`` as a graph for each signature, without ``tf.function``'s warning that these are many.

    A kernel is asked for with blocks of few shapes, of any number of models.
    """
    graphs = tf.function(function, autograph=False)
    return lambda *arguments: graphs.get_concrete_function(*arguments)(*arguments)
