"""One device or several: the same weights. Two logical CPUs (``conftest.py``) stand in for several devices.

Workers, which are processes of their own, are in ``test_workers.py``.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.descents import N, assert_close, descend, examples, sequential, small, trained
from tests.graphs import traced_once
from tf_earlydyn import distribution, models, training
from tf_earlydyn.config import ModelConfig
from tf_earlydyn.errors import DivergenceError, InputError
from tf_earlydyn.studies.setup import keras_dtype
from tf_earlydyn.training import GradientDescent, Learner, advance
from tf_earlydyn.training.layout import Layout

SHAPES = {"mlp": (5,), "cnn": (4, 4, 2)}
MODELS = {
    "mlp": ModelConfig(model="mlp", width=8, depth=2, activation="tanh"),
    "cnn": ModelConfig(model="cnn", width=4, depth=2, activation="gelu"),
}
ONE = tf.distribute.OneDeviceStrategy("/cpu:0")


@pytest.fixture
def pieces(monkeypatch):
    """Three streams a replica, with blocks of two rows or one."""
    monkeypatch.setattr(
        advance, "_layout", lambda x, _, __, strategy: Layout.of(len(x), strategy.num_replicas_in_sync, 3, 2)
    )


def run_of(name, dtype, strategy):
    """Weights after 200 steps, and the losses on the way."""
    x, y = examples(SHAPES[name], dtype)
    with keras_dtype(dtype):
        model = models.build(MODELS[name], SHAPES[name], 1, seed=0)
    losses = []
    record = lambda step: losses.append(np.mean((np.asarray(model(x)) - y) ** 2))  # noqa: E731
    learner, stops = Learner(name, model, GradientDescent(0.3)), [0, 1, 10, 100, 200]
    training.train([learner], x, y, stops, [record], show_progress=False, strategy=strategy)
    return model.get_weights(), losses


@pytest.fixture(scope="module")
def whole():
    """Runs on one device in one block, that each is compared with."""
    runs = {}

    def run(name, dtype):
        if (name, dtype) not in runs:
            with pytest.MonkeyPatch.context() as patched:  # whatever else is patched in the test
                patched.setattr(advance, "_layout", lambda x, *_: Layout.of(len(x), 1, 1, len(x)))
                runs[name, dtype] = run_of(name, dtype, None)
        return runs[name, dtype]

    return run


@pytest.mark.smoke
@pytest.mark.parametrize("name", MODELS)
def test_two_replicas_have_the_weights_and_losses_of_one(name, whole, mirrored):
    weights, losses = run_of(name, "float32", mirrored)
    assert_close(weights, whole(name, "float32")[0], 1e-5)
    np.testing.assert_allclose(losses, whole(name, "float32")[1], rtol=1e-5)
    assert losses[-1] < 0.5 * losses[0]


@pytest.mark.parametrize("replicas", [1, 2])
@pytest.mark.parametrize("name", MODELS)
def test_streams_and_blocks_change_nothing(name, replicas, whole, mirrored, pieces):
    weights, losses = run_of(name, "float64", mirrored if replicas == 2 else None)
    assert_close(weights, whole(name, "float64")[0], 1e-12)
    np.testing.assert_allclose(losses, whole(name, "float64")[1], rtol=1e-12)


def test_a_small_cache_and_many_cores_make_streams_and_blocks(monkeypatch, mirrored):
    """6 cores: 6 streams on one device, 3 on each of two; and of the least cache, blocks of one row."""
    monkeypatch.setattr(advance, "cores", lambda: 6)
    monkeypatch.setattr(advance, "_CACHE", 1)
    monkeypatch.setattr(advance, "_GAIN", 0)
    x, y = examples((5,))
    one, two = (advance.Advance([small()], x, y, strategy).layout for strategy in (ONE, mirrored))
    assert one == Layout(N, replicas=1, streams=6, blocks=3, rows=1)
    assert two == Layout(N, replicas=2, streams=3, blocks=3, rows=1)


def test_learners_have_targets_of_their_own_on_every_replica(mirrored, pieces):
    x, y = examples((5,), outputs=2)

    def learners():
        keras.utils.set_random_seed(0)
        dense = [sequential(keras.layers.Dense(2, kernel_initializer="zeros")) for _ in range(2)]
        return [Learner("a", dense[0], GradientDescent(0.1)), Learner("b", dense[1], GradientDescent(0.2), -2 * y)]

    assert_close(trained(learners(), x, y, mirrored), trained(learners(), x, y))


class Idle(keras.layers.Layer):
    """Has a weight that its outputs do not depend on."""

    def build(self, _):
        self.idle = self.add_weight(shape=(2,), initializer="ones")

    def call(self, x):
        return x


def test_what_does_not_learn_stays_as_it_is(mirrored, pieces):
    """A frozen layer, and a weight without a gradient."""
    x, y = examples((5,))
    keras.utils.set_random_seed(0)
    frozen = keras.layers.Dense(4, "tanh")
    frozen.trainable = False
    model = sequential(frozen, Idle(), keras.layers.Dense(1))
    other = keras.models.clone_model(model)
    other.set_weights(model.get_weights())
    still = frozen.get_weights()
    for _ in range(20):
        descend(other, x, y, lambda _: 0.1)
    trained([Learner("network", model, GradientDescent(0.1))], x, y, mirrored)
    for one, before in zip([*frozen.get_weights(), *model.layers[1].get_weights()], [*still, np.ones(2)], strict=True):
        np.testing.assert_array_equal(one, before)
    assert_close(model.get_weights(), other.get_weights())


def test_within_a_scope_its_strategy_is_taken(mirrored):
    """And the network may have been made in it."""
    x, y = examples((5,))
    with mirrored.scope():
        assert distribution.current_strategy() is mirrored
        inside = small()
        found = trained([inside], x, y)
    assert_close(found, trained([small()], x, y))
    assert_close([np.asarray(inside.model(x))], [np.asarray(small_trained(x, y)(x))])


def small_trained(x, y):
    learner = small()
    trained([learner], x, y)
    return learner.model


def test_inputs_may_be_integers(mirrored, pieces):
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 7, (N, 3), np.int32), rng.standard_normal((N, 1)).astype(np.float32)

    def learner():
        keras.utils.set_random_seed(0)
        layers = keras.layers.Embedding(7, 4), keras.layers.Flatten(), keras.layers.Dense(1)
        model = keras.Sequential([keras.Input((3,), dtype="int32"), *layers])
        return Learner("embedding", model, GradientDescent(0.1))

    expected = learner()
    for _ in range(20):
        descend(expected.model, x, y, lambda _: 0.1)
    for strategy in (None, mirrored):
        assert_close(trained([learner()], x, y, strategy), expected.model.get_weights())


def test_a_loss_that_is_not_finite_stops_every_replica_at_its_step(mirrored):
    x, y = examples((5,))
    steps = []
    for strategy in (None, mirrored):
        with pytest.raises(DivergenceError, match="the small train loss is not finite") as raised:
            trained([small(1e9)], x, y, strategy, steps=50)
        steps.append(raised.value.step)
    assert steps[0] == steps[1] > 1


def test_a_step_is_traced_once_whatever_the_number_of_calls(mirrored, advances, monkeypatch):
    """Once for each replica, with its own devices; and the loop around the steps once."""
    sums, traced = Learner.sums, []
    monkeypatch.setattr(Learner, "sums", lambda self, *arguments: traced.append(1) or sums(self, *arguments))
    training.train([small()], *examples((5,)), [0, 1, 2, 7, 150], show_progress=False, strategy=mirrored)
    assert len(traced) <= 2
    traced_once(*advances)


def test_more_replicas_than_examples_are_refused(mirrored):
    x, y = examples((5,))
    with pytest.raises(InputError, match=r"Received: 2 replicas, n=1\."):
        trained([small()], x[:1], y[:1], mirrored)
