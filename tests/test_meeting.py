"""What trains on one device alone: networks whose examples meet or that draw at random, and Keras' own optimisers."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.descents import N, assert_close, descend, examples, sequential, small, trained
from tf_earlydyn import training
from tf_earlydyn.config import DataConfig, ExecutionConfig, ModelConfig, RunConfig, TrainingConfig
from tf_earlydyn.errors import InputError
from tf_earlydyn.studies import agreement
from tf_earlydyn.training import GradientDescent, Learner, advance


@keras.saving.register_keras_serializable()
class MeanOff(keras.layers.Layer):
    """x less the mean of the batch."""

    def call(self, x):
        return x - tf.reduce_mean(x, 0, keepdims=True)


MEETING = {
    "batch normalisation": lambda: keras.layers.BatchNormalization(momentum=0.9),
    "dropout": lambda: keras.layers.Dropout(0.5, seed=3),
    "mean of the batch": MeanOff,
}


@pytest.mark.parametrize("layer", MEETING.values(), ids=MEETING)
def test_where_examples_meet_one_device_takes_them_all_at_once(layer, monkeypatch):
    """Moving statistics move, and seeds go on, as in as many training calls of the model."""
    monkeypatch.setattr(advance, "cores", lambda: 6)
    monkeypatch.setattr(advance, "_CACHE", 1)
    monkeypatch.setattr(advance, "_GAIN", 0)
    x, y = examples((5,))
    one, other = (sequential(keras.layers.Dense(4, use_bias=False), layer(), keras.layers.Dense(1)) for _ in range(2))
    other.set_weights(one.get_weights())
    before = [variable.numpy() for variable in one.variables]
    trained([Learner("network", one, GradientDescent(0.1))], x, y, steps=4)
    for _ in range(4):  # XLA draws other numbers than TensorFlow
        tf.function(lambda: descend(other, x, y, lambda _: 0.1), jit_compile=True)()
    assert_close([variable.numpy() for variable in one.variables], [variable.numpy() for variable in other.variables])
    for variable, value in zip(one.variables, before, strict=True):
        assert not np.array_equal(variable.numpy(), value)


@pytest.mark.parametrize("layer", MEETING.values(), ids=MEETING)
def test_where_examples_meet_several_replicas_are_refused(layer, mirrored):
    model = sequential(keras.layers.Dense(4), layer(), keras.layers.Dense(1))
    before = [variable.numpy() for variable in model.variables]
    with pytest.raises(InputError, match=r"trains on one device: .*Received: a strategy of several replicas\.$"):
        trained([small(), Learner("network", model, GradientDescent(0.1))], *examples((5,)), mirrored)
    for variable, value in zip(model.variables, before, strict=True):
        np.testing.assert_array_equal(variable.numpy(), value)


@pytest.mark.filterwarnings("ignore:the network computes otherwise in training")
@pytest.mark.parametrize("layer", MEETING.values(), ids=MEETING)
def test_a_run_that_several_replicas_refuse_leaves_nothing(layer, tmp_path):
    file = tmp_path / "network.keras"
    sequential(keras.layers.Dense(4), layer(), keras.layers.Dense(1)).save(file)
    config = RunConfig(
        data=DataConfig(n_train=60, n_test=20, d=5),
        model=ModelConfig(network_file=str(file)),
        training=TrainingConfig(steps=5, learning_rate=0.1),
        execution=ExecutionConfig(strategy="mirrored"),
        companion="twin",
        tracked=1,
        run_dir=str(tmp_path / "run"),
    )
    with pytest.raises(InputError, match=r"trains on one device: .*Received: a strategy of several replicas\.$"):
        agreement.run(config, show_progress=False)
    assert not (tmp_path / "run").exists()


def adam():
    return Learner("small", small().model, keras.optimizers.Adam(0.05))


def test_a_keras_optimiser_keeps_its_slots_between_stops():
    x, y = examples((5,))
    learner, other = adam(), adam()
    training.train([learner], x, y, [0, 3, 4, 10], [lambda _: None], show_progress=False)
    other.optimiser.build(other.model.trainable_variables)
    for _ in range(10):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum((other.model(x) - y) ** 2) / (2 * N)
        other.optimiser.apply(tape.gradient(loss, other.model.trainable_variables))
    assert_close(learner.model.get_weights(), other.model.get_weights())
    assert int(learner.optimiser.iterations) == 10


def test_a_keras_optimiser_is_refused_on_several_replicas(mirrored):
    with pytest.raises(InputError, match=r"take GradientDescent\. Received: Adam for small under MirroredStrategy\."):
        trained([adam()], *examples((5,)), mirrored)
