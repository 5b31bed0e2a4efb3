"""What is trained: a model, and how its weights go down the gradient of its loss."""

import contextlib
import dataclasses
from collections.abc import Mapping, Sequence
from typing import TypeVar

import keras
import numpy as np
import tensorflow as tf

from tf_earlydyn.errors import InputError

T = TypeVar("T")


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
            unknown = set(self.learning_rate) - {part for variable in variables for part in _layers(variable)}
            if unknown:
                raise InputError(
                    f"learning_rate names layers. Received: {sorted(unknown)}, of which the model has none."
                )

    def learns(self, variable: keras.Variable) -> bool:
        """Whether its rate is not 0."""
        return self._rate(variable) != 0

    def apply(self, gradients: Sequence[tf.Tensor], variables: Sequence[keras.Variable | tf.Variable]) -> None:
        """One step."""
        for gradient, variable in zip(gradients, variables, strict=True):
            rate = self._rate(variable)
            if rate:
                raw = variable.value if isinstance(variable, keras.Variable) else variable
                raw.assign_sub(rate * gradient)

    def _rate(self, variable: keras.Variable | tf.Variable) -> float:
        if not isinstance(self.learning_rate, Mapping):
            return self.learning_rate
        rates = [rate for name, rate in self.learning_rate.items() if name in _layers(variable)]
        if len(rates) != 1:
            raise InputError(
                f"learning_rate must give one rate for {'/'.join(_layers(variable))}. Received: {self.learning_rate!r}."
            )
        return rates[0]


def _layers(variable: keras.Variable | tf.Variable) -> list[str]:
    """Names of the layers that a variable is in, from its path; copies on replicas have been given one."""
    return variable.path.split("/")


Values = tuple[Sequence[tf.Tensor], Sequence[tf.Tensor]]  # of a model's trainable variables, and of its others


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

    def learning(self, trainable: Sequence[T]) -> list[T]:
        """Of what there is for each trainable variable, that for those that learn."""
        if not isinstance(self.optimiser, GradientDescent):
            return list(trainable)
        pairs = zip(trainable, self.model.trainable_variables, strict=True)
        return [one for one, variable in pairs if self.optimiser.learns(variable)]

    def sums(
        self, values: Values | None, x: tf.Tensor, y: tf.Tensor, weights: tf.Tensor
    ) -> tuple[tf.Tensor, list[tf.Tensor]]:
        """(1/2) sum_i weights_i ||f(x_i) - y_i||^2, and its gradient by each variable that learns.

        The outputs are summed, not averaged, so that each output learns at its own rate whatever their number.

        Args:
            values: what the model's variables are taken to be; None for the variables themselves, which a call may
                change then, as batch normalisation and dropout do.
            x: inputs, ``[rows, ...]``.
            y: targets, ``[rows, C]``.
            weights: 1, or 0 for rows that fill up a block, ``[rows, 1]``.
        """
        trainable = [variable.value for variable in self.model.trainable_variables] if values is None else values[0]
        with tf.GradientTape() as tape:
            tape.watch(trainable)
            with contextlib.nullcontext() if values is None else with_values(self.model, values):
                outputs = self.model(x, training=True)
            loss = tf.reduce_sum(weights * tf.square(outputs - y)) / 2
        return loss, tape.gradient(loss, self.learning(trainable), unconnected_gradients=tf.UnconnectedGradients.ZERO)


def with_values(model: keras.Model, values: Values) -> keras.StatelessScope:
    """A context in which the model's variables are taken to be ``values``."""
    trainable, others = values
    variables = (*model.trainable_variables, *model.non_trainable_variables)
    return keras.StatelessScope(zip(variables, (*trainable, *others), strict=True))
