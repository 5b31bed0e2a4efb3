"""What lies on every replica: its share of the examples, and its own copy of a model's variables."""

from functools import partial

import keras
import numpy as np
import tensorflow as tf

from tf_earlydyn.distribution import local_devices, lost_workers_named, on_one_device
from tf_earlydyn.errors import InputError
from tf_earlydyn.training.learner import GradientDescent, Learner


class Weights:
    """A learner's variables on every replica of a strategy: on one device, those of the model itself.

    Elsewhere they are copies, at first of the chief's, that each replica updates on its own, all by the same sums.

    Attributes:
        trainable, others: the variables, each with its ``path`` in the model.

    Raises:
        InputError: if there are copies, and the optimiser is one of Keras, which would add up the gradients once more.
        WorkerError: if another worker has ended.
    """

    def __init__(self, learner: Learner, strategy: tf.distribute.Strategy) -> None:
        self._own = learner.model.trainable_variables, learner.model.non_trainable_variables
        self._copied = not on_one_device(strategy)
        self.trainable, self.others = self._own
        if not self._copied:
            return
        if not isinstance(learner.optimiser, GradientDescent):
            raise InputError(
                "a Keras optimiser trains on one device: take GradientDescent. Received: "
                f"{type(learner.optimiser).__name__} for {learner.name} under {type(strategy).__name__}."
            )
        with lost_workers_named(strategy), strategy.scope():
            self.trainable, self.others = ([_copy(variable) for variable in part] for part in self._own)

    def read(self) -> tuple[list[tf.Tensor], list[tf.Tensor]]:
        """The values of both, in a replica."""
        return [tf.convert_to_tensor(v) for v in self.trainable], [tf.convert_to_tensor(v) for v in self.others]

    def write_back(self) -> None:
        """Gives the model the first replica's values of what is trained."""
        if self._copied:
            for variable, copy in zip(self._own[0], self.trainable, strict=True):
                variable.assign(copy.values[0])


def _copy(variable: keras.Variable) -> tf.Variable:
    copy = tf.Variable(
        variable.numpy(),  # among workers, TensorFlow sends them the chief's
        synchronization=tf.VariableSynchronization.ON_READ,
        aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA,
    )
    copy.path = variable.path  # by which layers are told apart; names need not be those of layers
    return copy


def placed(strategy: tf.distribute.Strategy, shares: np.ndarray) -> list:
    """Shares ``[replicas, streams, ...]``, each on its device: for each stream a value that differs by replica."""
    devices = local_devices(strategy)

    def of(context: tf.distribute.experimental.ValueContext, stream: int) -> tf.Tensor:
        replica = context.replica_id_in_sync_group
        with tf.device(devices[replica % len(devices)]):
            return tf.identity(tf.constant(shares[replica, stream]))

    return [
        strategy.experimental_distribute_values_from_function(partial(of, stream=stream))
        for stream in range(shares.shape[1])
    ]
