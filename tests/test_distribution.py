"""One device or several: the same weights. Two logical CPUs (``conftest.py``) stand in for several devices.

Workers, which are processes of their own, are in ``test_workers.py``.
"""

import contextlib

import keras
import numpy as np
import pytest
import tensorflow as tf

from tf_earlydyn import distribution, models, training
from tf_earlydyn.config import DataConfig, ExecutionConfig, ModelConfig, RunConfig, TrainingConfig
from tf_earlydyn.errors import DivergenceError, InputError
from tf_earlydyn.studies import agreement
from tf_earlydyn.training import GradientDescent, Learner, advance
from tf_earlydyn.training.layout import Layout

N = 13  # which neither replicas nor streams nor blocks divide
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


@contextlib.contextmanager
def dtype_policy(dtype):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(dtype)
    yield
    keras.config.set_dtype_policy(before)


def examples(shape, dtype="float32", outputs=1):
    rng = np.random.default_rng(1)
    return rng.standard_normal((N, *shape)).astype(dtype), rng.standard_normal((N, outputs)).astype(dtype)


def sequential(*layers, shape=(5,)):
    return keras.Sequential([keras.Input(shape), *layers])


def small(rates=0.1):
    """A learner of two layers."""
    keras.utils.set_random_seed(0)
    model = sequential(keras.layers.Dense(4, "tanh", name="hidden"), keras.layers.Dense(1, name="readout"))
    return Learner("small", model, GradientDescent(rates))


def trained(learners, x, y, strategy=None, steps=20, **options):
    training.train(learners, x, y, [0, steps], show_progress=False, strategy=strategy, **options)
    return [variable.numpy() for learner in learners for variable in learner.model.variables]


def assert_close(some, others, tolerance=1e-5):
    assert some
    for one, other in zip(some, others, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=tolerance * np.abs(np.asarray(other)).max())


def run_of(name, dtype, strategy):
    """Weights after 200 steps, and the losses on the way."""
    x, y = examples(SHAPES[name], dtype)
    with dtype_policy(dtype):
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


def nested(first, second):
    """Two networks in a third."""
    return sequential(
        sequential_named(first, keras.layers.Dense(4, "tanh", name="dense")),
        sequential_named(second, keras.layers.Dense(1, name="dense"), shape=(4,)),
    )


def sequential_named(name, *layers, shape=(5,)):
    return keras.Sequential([keras.Input(shape), *layers], name=name)


RATES = {
    "odd names": (lambda: nested("a-b.1", "2"), {"a-b.1": 0.1, "2": 0.0}),
    "a layer's name twice": (lambda: nested("one", "two"), {"dense": 0.1}),
    "a name that begins another": (lambda: nested("in", "inner"), {"in": 0.0, "inner": 0.1}),
    "names of variables": (lambda: nested("one", "two"), {"kernel": 0.1, "bias": 0.2}),
}


@pytest.mark.parametrize(("make", "rates"), RATES.values(), ids=RATES)
def test_rates_by_layer_are_the_same_on_every_replica(make, rates, mirrored):
    """Those of descent written out."""
    x, y = examples((5,))

    def learner():
        keras.utils.set_random_seed(0)
        return Learner("network", make(), GradientDescent(rates))

    expected = learner()
    rate = GradientDescent(rates)._rate
    for _ in range(3):
        descend(expected.model, x, y, rate)
    for strategy in (None, mirrored):
        assert_close(trained([learner()], x, y, strategy, steps=3), expected.model.get_weights())


def descend(model, x, y, rate):
    """A step on all examples at once."""
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum((model(x, training=True) - y) ** 2) / (2 * len(x))
    variables = model.trainable_variables
    for variable, gradient in zip(variables, tape.gradient(loss, variables), strict=True):
        if gradient is not None:
            variable.assign_sub(rate(variable) * tf.convert_to_tensor(gradient))


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


def test_a_step_is_traced_once_whatever_the_number_of_calls(mirrored, monkeypatch):
    """Once for each replica, with its own devices."""
    sums, traced = Learner.sums, []
    monkeypatch.setattr(Learner, "sums", lambda self, *arguments: traced.append(1) or sums(self, *arguments))
    training.train([small()], *examples((5,)), [0, 1, 2, 7, 150], show_progress=False, strategy=mirrored)
    assert len(traced) <= 2


def test_more_replicas_than_examples_are_refused(mirrored):
    x, y = examples((5,))
    with pytest.raises(InputError, match=r"Received: 2 replicas, n=1\."):
        trained([small()], x[:1], y[:1], mirrored)
    config = RunConfig(data=DataConfig(n_train=1, n_test=20, d=5), execution=ExecutionConfig(strategy="mirrored"))
    with pytest.raises(InputError, match=r"Received: 2 replicas, n=1\."):
        agreement.prepare(config)


REFUSED = {
    "gpu": (ExecutionConfig(strategy="gpu"), "strategy=gpu needs a GPU"),
    "tpu": (ExecutionConfig(strategy="tpu"), "strategy=tpu needs a TPU"),
    "replicas": (ExecutionConfig(strategy="mirrored", replicas=3), "Received: replicas=3, with 2 of kind CPU"),
}


@pytest.mark.parametrize(("execution", "message"), REFUSED.values(), ids=REFUSED)
def test_devices_that_are_not_there_are_refused(execution, message):
    with pytest.raises(InputError, match=message):
        distribution.make_strategy(execution)


def test_strategies_by_name(mirrored):
    assert distribution.on_one_device(distribution.make_strategy(ExecutionConfig()))
    assert distribution.make_strategy(ExecutionConfig(strategy="mirrored")).num_replicas_in_sync == 2
    assert distribution.make_strategy(ExecutionConfig()) is distribution.make_strategy(ExecutionConfig())
    assert not distribution.on_one_device(mirrored)
    of_one, of_two = ({"device": "CPU", "replicas": replicas, "workers": 1} for replicas in (1, 2))
    assert distribution.describe_devices(ExecutionConfig()) == {"strategy": "cpu", **of_one}
    assert distribution.describe_devices(ExecutionConfig(strategy="mirrored")) == {"strategy": "mirrored", **of_two}
    assert distribution.is_chief(mirrored)


def test_devices_are_not_changed_after_tensorflow_has_computed():
    tf.zeros(1)
    with pytest.raises(InputError, match=r"before TensorFlow computes, .* Received: strategy=mirrored after that\."):
        distribution.set_up(ExecutionConfig(strategy="mirrored", replicas=3))


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
