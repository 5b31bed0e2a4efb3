"""A network beside its linear models, psi and the affine twin, in a run: small runs of seconds."""

import dataclasses
import json

import keras
import numpy as np
import pandas as pd
import pytest

from tests.test_agreement import SMALL, run, small
from tf_earlydyn import models
from tf_earlydyn.config import DataConfig, ModelConfig, RunConfig, TrainingConfig
from tf_earlydyn.errors import InputError
from tf_earlydyn.studies import agreement
from tf_earlydyn.studies.setup import prepare

NOT_ZERO = "the network is not 0 at step 0: its linear models learn y - f_0"


@pytest.mark.parametrize("companion", ["psi", "twin", "both"])
def test_the_companion_that_is_asked_for_is_recorded(companion, tmp_path):
    directory, summary, metrics = run(small(**SMALL, companion=companion, probe=5), tmp_path)
    names = {"psi": ["linear"], "twin": ["twin"], "both": ["linear", "twin"]}[companion]
    assert list(summary["companions"]) == names
    assert summary["half_test_gap"] == summary["companions"][names[0]]["half_test_gap"]
    for name, column in (("linear", "test_gap"), ("twin", "twin_test_gap")):
        assert (name in names) == (column in metrics) == (f"kernel_to_{name}" in metrics)
        assert (name in names) == (directory.path / f"{name}.keras").exists()


@pytest.mark.usefixtures("without_figures")
def test_the_twin_goes_where_its_keras_model_goes(tmp_path):
    """The saved model of the last step, and the closed form's losses and gaps of that step."""
    directory, _, metrics = run(small(**SMALL), tmp_path)
    twin, last = keras.saving.load_model(directory.twin), metrics.iloc[-1]
    network = keras.saving.load_model(directory.network)
    examples = prepare(small(**SMALL)).data
    f, y = np.asarray(twin(examples.x_test), np.float64), examples.y_test
    assert last["twin_test_loss"] == pytest.approx(np.mean((f - y) ** 2) / 2, rel=1e-5)
    gap = np.mean((np.asarray(network(examples.x_test), np.float64) - f) ** 2)
    assert last["twin_test_gap"] == pytest.approx(gap, rel=1e-3)


@pytest.mark.usefixtures("without_figures")
@pytest.mark.parametrize("model", ["two_layer", "mlp"])
def test_of_a_network_that_is_not_zero_the_change_is_compared(model, tmp_path):
    """Both linear models start where the network does, and learn y - f_0."""
    config = small(**SMALL, model=model, start="drawn")
    with pytest.warns(UserWarning, match=NOT_ZERO):
        directory, _, metrics = run(config, tmp_path)
    network = models.build(config.model, (8,), 1, config.seed)
    examples = prepare_quietly(config).data
    start = np.asarray(network(examples.x_test), np.float64)
    first, last = metrics.iloc[0], metrics.iloc[-1]
    for name in ("network", "linear", "twin"):
        assert first[f"{name}_test_loss"] == pytest.approx(np.mean((start - examples.y_test) ** 2) / 2, rel=1e-5)
    assert first["test_gap"] == first["twin_test_gap"] == 0
    trained = np.asarray(keras.saving.load_model(directory.network)(examples.x_test), np.float64)
    for name, column in (("linear", "test_gap"), ("twin", "twin_test_gap")):
        change = np.asarray(keras.saving.load_model(directory.path / f"{name}.keras")(examples.x_test), np.float64)
        assert last[column] == pytest.approx(np.mean((trained - start - change) ** 2), rel=1e-3)
        loss = np.mean((start + change - examples.y_test) ** 2) / 2
        assert last[f"{name}_test_loss"] == pytest.approx(loss, rel=1e-5)
        assert loss < first["network_test_loss"]


def prepare_quietly(config):
    with pytest.warns(UserWarning, match=NOT_ZERO):
        return prepare(config)


@pytest.fixture
def saved(tmp_path):
    """The configuration of a saved network, affine in its inputs and not zero, and of data that it takes."""

    def make(outputs=1, **layer):
        rng = np.random.default_rng(0)
        x = rng.standard_normal((240, 6))
        y = np.tanh(x @ rng.standard_normal((6, outputs)))
        np.savez(tmp_path / "a.npz", x_train=x[:180], y_train=y[:180], x_test=x[180:], y_test=y[180:])
        network = keras.Sequential([keras.Input((6,)), keras.layers.Dense(outputs, bias_initializer="ones", **layer)])
        network.save(tmp_path / "a.keras")
        return RunConfig(
            data=DataConfig(data="npz", data_file=str(tmp_path / "a.npz"), preprocess="none"),
            model=ModelConfig(network_file=str(tmp_path / "a.keras")),
            training=TrainingConfig(learning_rate=0.1, steps=30),
            probe=20,
            run_dir=str(tmp_path / "run"),
        )

    return make


@pytest.mark.usefixtures("without_figures")
@pytest.mark.parametrize("outputs", [1, 2])
def test_a_saved_network_that_is_affine_stays_with_its_twin(outputs, saved):
    """At rounding level, at every step: it is its own twin."""
    config = saved(outputs)
    assert config.companion == "twin"
    with pytest.warns(UserWarning, match=NOT_ZERO):
        directory = agreement.run(config, show_progress=False)
    metrics = pd.read_csv(directory.metrics)
    assert metrics["network_train_loss"].iloc[-1] < 0.5 * metrics["network_train_loss"].iloc[0]
    assert (metrics[["twin_train_gap", "twin_test_gap"]] < 1e-11).all(axis=None)
    assert metrics["kernel_to_twin"].max() < 1e-4
    summary = json.loads(directory.summary.read_text())
    assert summary["companions"]["twin"]["exits"] == {"function": None, "loss": None, "kernel": None}


@pytest.mark.parametrize(
    ("layer", "changes", "message"),
    [
        ({"dtype": "float64"}, {}, "network_file must compute in float32. Received: float64"),
        ({}, {"outputs": 3}, r"network_file must be a network of outputs \[n, 1\], .*. Received: \[n, 3\]"),
        ({}, {"inputs": 5}, r"network_file must take the inputs of the data, of shape \(6,\)"),
    ],
    ids=["precision", "outputs", "inputs"],
)
def test_a_saved_network_that_does_not_fit_is_refused(layer, changes, message, saved, tmp_path):
    config = saved(**layer)
    sizes = {"inputs": 6, "outputs": 1, **changes}
    layers = [keras.Input((sizes["inputs"],), dtype=layer.get("dtype")), keras.layers.Dense(sizes["outputs"], **layer)]
    keras.Sequential(layers).save(config.model.network_file)
    with pytest.raises(InputError, match=message):
        agreement.run(config, show_progress=False)
    assert not (tmp_path / "run").exists()


@pytest.mark.usefixtures("without_figures")
def test_too_few_examples_for_a_twin_leave_psi_alone(tmp_path):
    """Eight features and a constant need 20 examples: said, where the twin was not asked for; else refused."""
    few = {**SMALL, "n_train": 19}
    with pytest.warns(UserWarning, match="psi alone is its companion: the sample must hold at least 20 examples"):
        _, summary, _ = run(small(**few), tmp_path)
    assert list(summary["companions"]) == ["linear"]
    with pytest.raises(InputError, match="at least 20 examples"):
        run(small(**few, companion="twin"), tmp_path)
    with pytest.raises(InputError, match="at least 20 examples"):
        run(small(**SMALL, sample=19), tmp_path)


def test_a_twin_that_diverges_ends_no_run(tmp_path):
    """Between its rate and psi's, which is larger, the network of 16 units bends and learns; the twin has been left."""
    rates = {
        name: companion["max_learning_rate"]
        for name, companion in run(small(**SMALL), tmp_path)[1]["companions"].items()
    }
    config = small(**{**SMALL, "steps": 3_000}, learning_rate=1.3 * rates["twin"], probe=0)
    with pytest.warns(UserWarning, match="is above the largest stable rate of the affine twin"):
        _, summary, metrics = run(config, tmp_path)
    assert metrics["step"].iloc[-1] == 3_000
    assert metrics["twin_train_loss"].iloc[-1] > np.finfo(np.float32).max
    assert metrics["network_train_loss"].iloc[-1] < metrics["network_train_loss"].iloc[0]
    assert summary["companions"]["twin"]["exits"]["function"] < 100


def test_targets_that_are_zero_have_no_half_way_gap_to_compare(tmp_path):
    x = np.random.default_rng(0).standard_normal((60, 4))
    np.savez(tmp_path / "a.npz", x_train=x, y_train=0 * x[:, 0], x_test=x, y_test=0 * x[:, 0])
    config = small(data="npz", data_file=str(tmp_path / "a.npz"), width=16, steps=5, probe=0)
    with pytest.warns(UserWarning, match="no target is negative"):
        _, summary, _ = run(config, tmp_path)
    assert summary["half_test_gap_relative"] is None


def test_a_network_that_computes_otherwise_in_training_is_warned_of(saved):
    """And looking does not move its averages."""
    config = saved()
    network = keras.Sequential(
        [keras.Input((6,)), keras.layers.BatchNormalization(), keras.layers.Dropout(0.5), keras.layers.Dense(1)]
    )
    network.save(config.model.network_file)
    with pytest.warns(UserWarning, match="computes otherwise in training than in inference"):
        loaded = models.build(config.model, (6,), 1, 0)
    for one, other in zip(network.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_outputs_one_by_one_have_no_file(monkeypatch, saved):
    """Too many features for the kernel between the outputs: an affine network of two outputs needs it not."""
    monkeypatch.setattr("tf_earlydyn.twin.derive.LARGEST", 1)
    config = dataclasses.replace(saved(2), probe=0)
    with pytest.warns(UserWarning, match=NOT_ZERO):
        directory = agreement.run(config, show_progress=False)
    assert pd.read_csv(directory.metrics)["twin_test_gap"].max() < 1e-11
    assert not directory.twin.exists()
