"""What is compiled: under XLA with static shapes, as an accelerator wants it, and never twice."""

import gc
import logging

import keras
import numpy as np
import pytest
import tensorflow as tf

import tf_earlydyn as te
from tests import kernel_models
from tests.graphs import assert_static
from tests.test_training import OnTheHost
from tf_earlydyn import models, ntk
from tf_earlydyn.config import ModelConfig
from tf_earlydyn.ntk import compiled


def _everything():
    """Layers of every rule, and one that has none."""
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((4, 4, 2)),
            layers.Conv2D(4, 2, strides=2, groups=2, padding="same"),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.DepthwiseConv2D(2),
            layers.LayerNormalization(),
            layers.Flatten(),
            kernel_models.Unseen(),
            layers.Dense(2),
        ]
    )


OURS = {
    "mlp": (ModelConfig(model="mlp", width=4, depth=1), (3,)),
    "cnn": (ModelConfig(model="cnn", width=2, depth=1, activation="tanh"), (3, 3, 1)),
}


def made(name):
    if name in OURS:
        config, shape = OURS[name]
        return models.build(config, shape, 1, seed=0)
    return _everything() if name == "everything" else kernel_models.make(name, "float32")


def questions(model, n):
    """All that is asked of the kernels of ``n`` examples."""
    x = kernel_models.inputs(model, n).astype("float32")
    kernel = ntk.TangentKernel(model, x)
    features = ntk.FeatureKernel(x.reshape(n, -1), kernel.outputs)
    v = np.ones((n * kernel.outputs, 1), "float32")
    operator = ntk.ntk_operator(model, x)
    return [
        lambda: te.empirical_ntk(model, x),
        lambda: te.empirical_ntk(model, x, x[:2], outputs="trace"),
        lambda: list(ntk.compare(kernel, features)),
        lambda: ntk.trace(kernel),
        lambda: ntk.product(kernel, v),
        lambda: operator @ v[:, 0],
        lambda: kernel.gradients(slice(0, n), n + 1, v.reshape(n, -1)),
    ]


def twins(model, n):
    x = kernel_models.inputs(model, n)
    return [
        lambda route=route: list(te.affine_twin(model, x, route=route)._parts.values())
        for route in ("kernels", "passes")
    ]


def asked(questions):
    return tf.nest.map_structure(np.asarray, [question() for question in questions])


@pytest.fixture
def graphs(monkeypatch, caplog):
    """What runs in the test, as if the CPU were an accelerator."""
    caplog.set_level(logging.ERROR, "tf_earlydyn")  # of slow layers
    found = []
    run = compiled._run

    def noted(graph, arguments):
        found.append(graph.get_concrete_function(*arguments))
        return run(graph, arguments)

    monkeypatch.setattr(compiled, "_run", noted)
    monkeypatch.setattr(compiled, "is_accelerator", lambda device: True)
    return found


CONSTANT = ("BroadcastGradientArgs",)  # axes, of shapes that are known ahead: XLA works them out when it compiles


def assert_compiled(graphs):
    """By XLA as a whole, of tensors whose shapes are known ahead."""
    assert graphs
    for graph in set(graphs):
        assert graph.function_def.attr["_XlaMustCompile"].b, f"XLA cannot compile {graph.name}"
        assert_static(graph, but=CONSTANT)


def traces():
    """How often each compiled function of kernels was traced."""
    gc.collect()  # what other tests left
    functions = [found for found in gc.get_objects() if isinstance(found, compiled.compiled)]
    return {
        id(f): f._plain.experimental_get_tracing_count() + f._xla.experimental_get_tracing_count() for f in functions
    }


SLOW = ("cnn", "attention", "masked recurrent", "groups", "shared convolution")


@pytest.mark.parametrize("name", ["everything", "mlp", *(pytest.param(name, marks=pytest.mark.slow) for name in SLOW)])
def test_kernels_compile_under_xla(name, graphs, monkeypatch):
    model = made(name)
    x = kernel_models.inputs(model, 3).astype("float32")
    kernel = te.empirical_ntk(model, x)
    assert_compiled(graphs)
    monkeypatch.setattr(compiled, "is_accelerator", lambda device: False)
    plain = te.empirical_ntk(model, x)
    np.testing.assert_allclose(kernel, plain, rtol=1e-4, atol=1e-5 * np.abs(plain).max())


def test_all_that_is_asked_of_kernels_compiles_under_xla_and_is_traced_once(graphs, monkeypatch):
    """No second call with as many examples, and with other weights, traces again."""
    monkeypatch.setattr(ntk.blocks, "LARGEST", 20)
    model = kernel_models.make("a layer it has never seen", "float32")
    all_questions = [*questions(model, 4), *twins(model, 40)]
    asked(all_questions)
    assert_compiled(graphs)
    before = traces()
    model.set_weights([0.9 * weight for weight in model.get_weights()])
    asked(all_questions)
    assert traces() == before
    assert sum(before.values()) > 10


def test_every_device_computes_with_weights_of_its_own(graphs, monkeypatch, mirrored):
    """Those of the moment, under XLA and traced once; the state of dropout, which is not read, stays where it is."""
    monkeypatch.setattr(ntk.blocks, "LARGEST", 2)
    layers = [keras.Input((3,)), kernel_models.Recomputed(), keras.layers.Dropout(0.5), keras.layers.Dense(2)]
    model, plain = keras.Sequential(layers), keras.Sequential(layers)
    x = np.random.default_rng(0).standard_normal((6, 3)).astype("float32")
    strategies = [
        tf.distribute.OneDeviceStrategy("/cpu:0"),
        tf.distribute.OneDeviceStrategy("/cpu:1"),
        mirrored,
    ]
    counts = []
    for scale in (1, 0.5):
        model.set_weights([scale * weight for weight in model.get_weights()])
        monkeypatch.setattr(compiled, "is_accelerator", lambda device: False)
        expected = te.empirical_ntk(plain, x, method="jacobian")
        graphs.clear()
        monkeypatch.setattr(compiled, "is_accelerator", lambda device: True)
        for strategy in strategies:
            kernel = te.empirical_ntk(model, x, strategy=strategy)
            np.testing.assert_allclose(kernel, expected, rtol=1e-5, atol=1e-5 * np.abs(expected).max())
            assert_compiled(graphs)
            counts.append(traces())
    assert counts[1:] == counts[:-1]


def test_what_xla_cannot_compile_runs_without_it(graphs, caplog):
    """A function of Python, for which it has no code."""
    caplog.set_level(logging.WARNING, "tf_earlydyn")
    inputs = keras.Input((3,))
    model = keras.Model(inputs, OnTheHost()(keras.layers.Dense(2)(inputs)))
    x = np.eye(3, dtype="float32")
    expected = np.einsum("ij,ab->ijab", np.eye(3) + 1, np.eye(2))
    np.testing.assert_allclose(te.empirical_ntk(model, x), expected, rtol=1e-5, atol=1e-6)
    assert "XLA cannot compile part of a kernel" in caplog.text
