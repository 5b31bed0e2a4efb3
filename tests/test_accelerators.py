"""Steps as they are compiled for accelerators, in whose place CPUs stand: small blocks, and XLA around all loops."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.graphs import assert_static, programs, traced_once
from tf_earlydyn.distribution import current_strategy
from tf_earlydyn.errors import DivergenceError
from tf_earlydyn.training import GradientDescent, Learner, advance

N = 6
CALLS = ((0, 1), (1, 3), (4, 2))  # from which step on how many


def dense():
    return keras.Sequential([keras.Input((4, 4, 1)), keras.layers.Flatten(), *_readout(3)])


def convolution():
    return keras.Sequential([keras.Input((4, 4, 1)), keras.layers.Conv2D(2, 3), keras.layers.Flatten(), *_readout(2)])


def changing():
    """What changes its state in every call, and has its examples in one block."""
    layers = keras.layers.Flatten(), keras.layers.BatchNormalization(), keras.layers.Dropout(0.5, seed=1), *_readout(2)
    return keras.Sequential([keras.Input((4, 4, 1)), *layers])


def _readout(width):
    return keras.layers.Dense(width, "tanh"), keras.layers.Dense(1)


def advanced(network, strategy=None, rate=0.1, n=N):
    """Steps of a network, always with the same weights and examples."""
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((n, 4, 4, 1)), rng.standard_normal((n, 1))
    learner = Learner("network", network(), GradientDescent(rate))
    return advance.Advance([learner], x, y, strategy or current_strategy())


def losses(advance):
    return [advance(start, count)["network"] for start, count in CALLS]


@pytest.fixture
def accelerators(monkeypatch, float64):
    """From the call on of what it gives, CPUs count as accelerators, which take an example at a time."""

    def begin():
        monkeypatch.setattr(advance, "on_cpu", lambda strategy: False)
        monkeypatch.setattr(advance, "_DEVICE", 1)
        monkeypatch.setattr(advance, "_GAIN", 0)

    return begin


@pytest.mark.parametrize(("network", "blocks"), [(dense, N), (convolution, N), (changing, 1)])
def test_on_one_accelerator_all_steps_are_one_program(network, blocks, accelerators, caplog):
    """Which makes the steps that are made on a CPU."""
    expected = losses(advanced(network))
    accelerators()
    alone = advanced(network)
    assert alone.layout[1:] == (1, 1, blocks, N // blocks)
    np.testing.assert_allclose(losses(alone), expected, rtol=1e-12)
    graph = traced_once(alone)
    assert graph.function_def.attr["_XlaMustCompile"].b
    assert_static(graph, at_least=101)
    assert not caplog.messages


@pytest.mark.parametrize("network", [dense, convolution])
def test_on_several_accelerators_a_stream_is_one_program(network, accelerators, mirrored, caplog):
    expected = losses(advanced(network))
    accelerators()
    shared = advanced(network, mirrored)
    assert shared.layout[1:] == (2, 1, N // 2, 1)
    np.testing.assert_allclose(losses(shared), expected, rtol=1e-12)
    graph = traced_once(shared)
    assert not graph.function_def.attr["_XlaMustCompile"].b
    assert ["StatelessWhile" in operations for operations in programs(graph)] == [True, True]  # a replica's blocks
    assert_static(graph, at_least=101)
    assert not caplog.messages


class Shifted(keras.layers.Layer):
    """x + a weight that does not learn, on another device than the other weights."""

    def build(self, shape):
        with tf.device("CPU:1"):
            self.shift = self.add_weight(name="shift", shape=(), initializer="ones", trainable=False)

    def call(self, x):
        return x + self.shift


def test_what_xla_cannot_compile_at_once_it_compiles_in_parts(accelerators, caplog):
    """It refuses to read what lies on another device; that is read before each stream."""
    network = lambda: keras.Sequential([*dense().layers, Shifted()])  # noqa: E731
    expected = losses(advanced(network))
    accelerators()
    parts = advanced(network)
    np.testing.assert_allclose(losses(parts), expected, rtol=1e-12)
    (message,) = caplog.messages
    assert message.startswith("XLA cannot compile the network, which runs in several parts: ")
    assert ["StatelessWhile" in operations for operations in programs(traced_once(parts))] == [True]


def test_a_loss_that_is_not_finite_ends_the_program(accelerators):
    """At the step at which it does on a CPU."""
    steps = []
    for begin in (lambda: None, accelerators):
        begin()
        with pytest.raises(DivergenceError, match="the network train loss is not finite") as raised:
            advanced(dense, rate=1e30)(0, 100)
        steps.append(raised.value.step)
    assert steps[0] == steps[1] > 1
