"""A model's weights, moved for a moment: at special ones, such as a last layer of zeros, a wrong result looks right."""

import contextlib
from collections.abc import Iterator

import keras
import numpy as np


@contextlib.contextmanager
def kept(model: keras.Model) -> Iterator[None]:
    """After this context all of the model's variables are what they were, moving means and seeds among them."""
    values = [(variable, variable.numpy()) for variable in model.variables]
    try:
        yield
    finally:
        for variable, value in values:
            variable.assign(value)


@contextlib.contextmanager
def moved(model: keras.Model) -> Iterator[None]:
    """Within this context the trainable weights are moved at random, by half of their own scale or by 0.1.

    They are the model's own: what else reads them meanwhile, in another thread, finds them moved.
    """
    rng = np.random.default_rng(0)
    with kept(model):
        for variable in model.trainable_variables:
            value = variable.numpy()
            scale = 0.5 * np.std(value) or 0.1
            variable.assign(value + scale * rng.standard_normal(value.shape).astype(value.dtype))
        yield
