"""What is trained: a model, and how its weights go down the gradient of its loss."""

import dataclasses
from collections.abc import Mapping, Sequence

import keras
import numpy as np
import tensorflow as tf

from tf_earlydyn.errors import InputError


class GradientDescent:
    """w <- w - rate(w) * gradient, with one rate per layer. Has the ``build`` and ``apply`` of a Keras optimiser.

    Args:
        learning_rate: one rate, or a rate for each layer by the layer's name, 0 for a layer that does not learn.
    """

    def __init__(self, learning_rate: float | Mapping[str, float]) -> None:
        self.learning_rate = learning_rate

    def build(self, variables: Sequence[keras.Variable]) -> None:
        """Checks the rates against the model's trainable variables.

        Raises:
            InputError: when a layer has no rate or two, or a name belongs to no layer.
        """
        for variable in variables:
            self._rate(variable)
        if isinstance(self.learning_rate, Mapping):
            unknown = set(self.learning_rate) - {part for variable in variables for part in variable.path.split("/")}
            if unknown:
                raise InputError(
                    f"learning_rate names layers. Received: {sorted(unknown)}, of which the model has none."
                )

    def apply(self, gradients: Sequence[tf.Tensor], variables: Sequence[keras.Variable]) -> None:
        """One step."""
        for gradient, variable in zip(gradients, variables, strict=True):
            rate = self._rate(variable)
            if rate:
                variable.assign_sub(rate * gradient)

    def _rate(self, variable: keras.Variable) -> float:
        if not isinstance(self.learning_rate, Mapping):
            return self.learning_rate
        rates = [rate for name, rate in self.learning_rate.items() if name in variable.path.split("/")]
        if len(rates) != 1:
            raise InputError(f"learning_rate must give one rate for {variable.path}. Received: {self.learning_rate!r}.")
        return rates[0]


@dataclasses.dataclass(frozen=True)
class Learner:
    """A model and what updates it: a ``GradientDescent`` or a Keras optimiser.

    Attributes:
        name: of the model, in messages.
        model: takes inputs ``[n, ...]`` to outputs ``[n, C]``.
        optimiser: has the ``build`` and ``apply`` of a Keras optimiser.
        targets: ``[n, C]``, those of this model alone; None for those that all share.
    """

    name: str
    model: keras.Model
    optimiser: GradientDescent | keras.optimizers.Optimizer
    targets: np.ndarray | None = None

    def build(self, x_shape: tuple[int, ...], y_shape: tuple[int, ...]) -> None:
        """Makes all variables, and checks shapes and rates.

        Raises:
            InputError: if the model's outputs do not have the shape of the targets, or a rate fits no layer.
        """
        # A call makes the variables of every model; build() alone makes none in a subclassed model that has no build.
        outputs = self.model(keras.Input(batch_shape=x_shape, dtype=self.model.compute_dtype))
        if tuple(outputs.shape) != tuple(y_shape):
            raise InputError(
                f"y must have the shape {tuple(outputs.shape)} of the outputs. Received: {tuple(y_shape)}."
            )
        self.optimiser.build(self.model.trainable_variables)

    def step(self, x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
        """One step on the loss of ``x`` and ``y``; the loss before it, ``[]``."""
        loss, gradients = self.loss_and_gradients(x, y)
        self.optimiser.apply(gradients, self.model.trainable_variables)
        return loss

    def loss_and_gradients(self, x: tf.Tensor, y: tf.Tensor) -> tuple[tf.Tensor, list[tf.Tensor]]:
        """(1/2n) sum_i ||f(x_i) - y_i||^2 and its gradient by each trainable variable.

        The outputs are summed, not averaged, so that each output learns at its own rate whatever their number.
        """
        with tf.GradientTape() as tape:
            residual = self.model(x, training=True) - y
            loss = tf.reduce_sum(tf.square(residual)) / (2 * x.shape[0])
        return loss, tape.gradient(loss, [variable.value for variable in self.model.trainable_variables])
