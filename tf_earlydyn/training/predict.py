"""A network's outputs in inference, in blocks, so that memory does not grow with the number of examples."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import keras
import numpy as np
import tensorflow as tf

from tf_earlydyn.blocks import Blocks, filled_up
from tf_earlydyn.provenance import cores
from tf_earlydyn.training.traits import entries_per_example
from tf_earlydyn.xla import Compiled, by_xla

_AT_ONCE = 2**24  # numbers that the forward pass of a block makes


def predictor(model: keras.Model) -> Callable[[np.ndarray], np.ndarray]:
    """The outputs ``[n, C]`` of ``model`` for inputs ``[n, ...]``, at its weights of the moment, by a compiled call.

    Args:
        model: any Keras model.
    """

    def call(x: tf.Tensor) -> tf.Tensor:
        return model(x, training=False)

    compiled = Compiled(by_xla(call), tf.function(call))
    rows: list[int] = []

    def outputs(x: np.ndarray) -> np.ndarray:
        if not rows:
            rows.append(max(1, _AT_ONCE // entries_per_example(model, x)))
        blocks = Blocks.even(len(x), rows[0])

        def block(part: slice) -> np.ndarray:
            return compiled(tf.constant(filled_up(x[part], blocks.size))).numpy()[: part.stop - part.start]

        first, *rest = blocks
        with ThreadPoolExecutor(cores()) as side_by_side:
            return np.concatenate([block(first), *side_by_side.map(block, rest)])

    return outputs
