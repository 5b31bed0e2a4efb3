"""A model's weights on every device that computes with them."""

import contextlib
from collections.abc import Iterator, Sequence

import keras
import tensorflow as tf


class Copies:
    """Variables of a model on each device that asks for them: XLA compiles nothing that reads those of another device.

    Args:
        variables: the model's; all but floating-point ones, such as the state of a random generator, are left out: they
            need not lie where the weights do.
    """

    def __init__(self, variables: Sequence[keras.Variable] = ()) -> None:
        self._variables = [variable for variable in variables if tf.as_dtype(variable.dtype).is_floating]
        self._own = [variable.value for variable in self._variables]
        self._copies: dict[str, list[tf.Variable]] = {}

    def on(self, device: str) -> list[tf.Variable]:
        """The model's own where they all lie on the device, or else copies, with the values of the moment."""
        if all(variable.device == device for variable in self._own):
            return self._own
        with tf.device(device):
            if device not in self._copies:
                self._copies[device] = [
                    tf.Variable(tf.convert_to_tensor(variable), trainable=variable.trainable) for variable in self._own
                ]
            for copy, variable in zip(self._copies[device], self._own, strict=True):
                copy.assign(variable)
        return self._copies[device]

    @contextlib.contextmanager
    def replaced(self, by: Sequence[tf.Variable]) -> Iterator[None]:
        """Within this context the model's variables are those that ``on`` gave, or a graph's arguments for them."""
        scope = keras.StatelessScope(initialize_variables=False)
        for variable, other in zip(self._variables, by, strict=True):
            scope.add_update((variable, other))  # variables, which are watched and counted; the mapping takes tensors
        with scope:
            yield
