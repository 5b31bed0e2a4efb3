"""A network's outputs in inference."""

from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from tf_earlydyn.xla import Compiled


def predictor(model: keras.Model) -> Callable[[tf.Tensor], np.ndarray]:
    """The outputs of ``model`` in inference, at its weights of the moment, by a compiled call."""
    compiled = Compiled(lambda x: model(x, training=False))
    return lambda x: compiled(x).numpy()
