"""The exit monitor in a loop of one's own, against what a run records."""

import json

import keras
import numpy as np
import pandas as pd
import pytest

import tf_earlydyn as te
from tests.test_agreement import small
from tf_earlydyn.errors import InputError
from tf_earlydyn.studies import agreement
from tf_earlydyn.studies.setup import prepare
from tf_earlydyn.training import GradientDescent, Learner, train


@pytest.mark.usefixtures("without_figures")
def test_a_loop_of_ones_own_sees_what_a_run_does(tmp_path):
    """The same network, data and thresholds: the same exits."""
    sizes = {"n_train": 400, "n_test": 2_000, "d": 8, "width": 64, "steps": 150}  # enough to leave by all three
    config = small(**sizes, exit_gap=0.05, exit_kernel=0.03, companion="twin", run_dir=str(tmp_path / "run"))
    directory = agreement.run(config, show_progress=False)
    recorded = json.loads(directory.summary.read_text())["companions"]["twin"]["exits"]
    setup = prepare(config)
    data, network = setup.data, setup.network
    monitor = te.ExitMonitor(
        network,
        te.affine_twin(network, data.x_train),
        data.x_train,
        data.y_train,
        data.x_test,
        data.y_test,
        learning_rate=config.training.learning_rate,
        probe=500,
        function_threshold=0.05,
        kernel_threshold=0.03,
    )
    learners = [Learner("network", network, GradientDescent(config.training.learning_rate))]
    train(learners, data.x_train, data.y_train, setup.stops, [monitor], show_progress=False)
    assert min(monitor.exits) > 1
    assert monitor.exits.function == recorded["function"]
    assert monitor.exits.loss == recorded["loss"]
    steps = pd.read_csv(directory.metrics)["step"].tolist()
    assert monitor.exits.kernel in steps  # of another probe, at about the same step
    assert abs(steps.index(monitor.exits.kernel) - steps.index(recorded["kernel"])) <= 2


@pytest.mark.parametrize("momentum", [0.0, 0.5])
def test_an_affine_network_never_leaves(momentum):
    """By an optimiser of Keras, from weights at which it is not zero, with targets [n]."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((100, 4)).astype(np.float32)
    y = np.sign(x[:, 0])
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1, bias_initializer="ones")])
    twin = te.affine_twin(model, x)
    monitor = te.ExitMonitor(
        model, twin, x, y, x, y, learning_rate=0.1, momentum=momentum, probe=0, function_threshold=1e-9
    )
    model.compile(keras.optimizers.SGD(0.1, momentum), loss=lambda truth, f: keras.ops.sum((f - truth) ** 2, -1) / 2)
    for step in range(20):
        monitor(step)
        model.train_on_batch(x, y[:, None])
    assert monitor.exits == (None, None, None)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"probe": -1}, "probe must be a number of examples from 0 on"),
        ({"x_test": np.ones((3, 5))}, r"x_test must have the shape \[n, 4\]"),
        (
            {"model": keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])},
            "model must be the network of the twin, of 1 outputs. Received: one of 2 outputs",
        ),
        ({"learning_rate": -1.0}, "learning_rate must be a positive number"),
        ({"kernel_threshold": 0.0}, "kernel_threshold must be a positive number"),
    ],
)
def test_bad_input_is_one_sentence(changes, message):
    x = np.random.default_rng(0).standard_normal((60, 4)).astype(np.float32)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    arguments = {"model": model, "x": x, "y": x[:, 0], "x_test": x, "y_test": x[:, 0], "learning_rate": 0.1, **changes}
    with pytest.raises(InputError, match=message):
        te.ExitMonitor(twin=te.affine_twin(model, x), **arguments)


def test_the_kernel_that_is_watched_is_that_of_the_layers_that_learn():
    """The second layer's kernel depends on the first layer alone, and does not move where the second alone learns."""
    x = np.random.default_rng(0).standard_normal((60, 4)).astype(np.float32)
    y = np.sign(x[:, :1])
    model = te.two_layer((4,), 16, "relu")
    rates = {"hidden": 0.0, "readout": 1.0}
    twin = te.affine_twin(model, x, variables=["readout"])
    monitor = te.ExitMonitor(model, twin, x, y, x, y, learning_rate=1.0, kernel_threshold=1e-9)
    train([Learner("network", model, GradientDescent(rates))], x, y, [0, 5], [monitor], show_progress=False)
    assert monitor.exits.kernel is None
    twin = te.affine_twin(model, x)
    monitor = te.ExitMonitor(model, twin, x, y, x, y, learning_rate=1.0, kernel_threshold=1e-9)
    train([Learner("network", model, GradientDescent(rates))], x, y, [5, 9], [monitor], show_progress=False)
    assert monitor.exits.kernel == 9
