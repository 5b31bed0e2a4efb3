"""What is foretold of a run: against the run itself, and scripts/predict.py as a user runs it."""

import dataclasses
import json

import keras
import numpy as np
import pandas as pd
import pytest

from tests import made_runs
from tests.test_scripts import SMOKE, assert_refused, run, run_well
from tf_earlydyn.config import DataConfig, ModelConfig, RunConfig, TrainingConfig
from tf_earlydyn.rundir import RunDirectory
from tf_earlydyn.studies import agreement, prediction
from tf_earlydyn.training import recorded_steps

SMALL = RunConfig(
    data=DataConfig(d=20, n_train=2_000, n_test=500),
    model=ModelConfig(width=128),
    training=TrainingConfig(steps=20),
    probe=0,
)


def foretold(config, tmp_path):
    config = dataclasses.replace(config, run_dir=str(tmp_path / "foretold"))
    directory = prediction.run(config, show_progress=False)
    return pd.read_csv(directory.prediction), json.loads(directory.summary.read_text())


@pytest.mark.usefixtures("without_figures")
@pytest.mark.parametrize("layers", ["first", "both"])
def test_the_network_goes_where_it_is_foretold_to_go(tmp_path, layers):
    """Within 2% of its losses, of which it learns the most beyond what is linear."""
    config = dataclasses.replace(SMALL, training=dataclasses.replace(SMALL.training, train=layers))
    table, summary = foretold(config, tmp_path)
    run_config = dataclasses.replace(config, run_dir=str(tmp_path / "run"))
    metrics = pd.read_csv(agreement.run(run_config, show_progress=False).metrics)
    table = table.merge(metrics, on="step")
    assert table["step"].tolist() == recorded_steps(20, 20)
    for split in ("train", "test"):
        np.testing.assert_allclose(table[f"{split}_loss"], table[f"network_{split}_loss"], rtol=0.02)
    assert table["train_loss"].iloc[-1] > summary["train_optimum"] > 0
    assert summary["linearity"]["labels"] == pytest.approx(1, abs=0.1)


def test_a_saved_network_that_is_not_zero_at_its_start(tmp_path):
    """The first losses are its own, and the next those of a step of descent up to what is not affine."""
    x = np.random.default_rng(0).standard_normal((400, 6)).astype("float32")
    y = np.tanh(x[:, 0]) - 0.5 * x[:, 1]
    np.savez(tmp_path / "data.npz", x_train=x[:300], y_train=y[:300], x_test=x[300:], y_test=y[300:])
    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(200, "tanh"), keras.layers.Dense(1)])
    model.save(tmp_path / "network.keras")
    data = DataConfig(data="npz", data_file=str(tmp_path / "data.npz"), preprocess="none")
    network = ModelConfig(network_file=str(tmp_path / "network.keras"))
    config = RunConfig(data=data, model=network, training=TrainingConfig(learning_rate=0.05, steps=5), sample=200)
    table, _ = foretold(config, tmp_path)
    losses = []
    optimiser = keras.optimizers.SGD(0.05)
    model.compile(optimiser, loss=lambda truth, f: keras.ops.sum((f - truth) ** 2, axis=-1) / 2)
    for _ in range(2):
        losses.append(np.mean((np.asarray(model(x[:300]))[:, 0] - y[:300]) ** 2) / 2)
        model.train_on_batch(x[:300], y[:300, None])
    assert table["train_loss"][0] == pytest.approx(losses[0], rel=1e-6)
    fall, own = table["train_loss"][0] - table["train_loss"][1], losses[0] - losses[1]
    assert fall == pytest.approx(own, rel=0.1)


def test_labels_of_one_class_alone_are_said_and_do_no_harm(tmp_path):
    x = np.random.default_rng(0).standard_normal((300, 6))
    np.savez(tmp_path / "a.npz", x_train=x, y_train=np.sign(x[:, 0]), x_test=x[:50], y_test=np.ones(50))
    config = dataclasses.replace(SMALL, data=DataConfig(data="npz", data_file=str(tmp_path / "a.npz")))
    with pytest.warns(UserWarning, match="how linear the start is cannot be told from the test examples: y must vary"):
        _, summary = foretold(config, tmp_path)
    assert summary["linearity"] is None
    said = prediction.in_words(json.loads((tmp_path / "foretold" / "config.json").read_text()), summary).splitlines()
    assert said[0] == "Inputs: centred by the training mean, each input scaled to norm sqrt(6)"
    assert [line.partition(":")[0] for line in said[1:2]] == ["Largest stable learning rate"]
    assert len(said) == 3  # and nothing of how linear it is


def test_a_rate_above_the_limit_is_warned_of(tmp_path):
    config = dataclasses.replace(SMALL, training=TrainingConfig(learning_rate=500.0, steps=100))
    with pytest.warns(UserWarning, match="learning_rate=500 is above the largest stable rate"):
        table, summary = foretold(config, tmp_path)
    assert summary["max_learning_rate"] < 500
    assert table["train_loss"].max() < 10
    assert table["step"].max() < 100


def test_the_script_prints_and_leaves_its_files(tmp_path):
    done = run_well(SMOKE, "--run_dir=run", script="predict.py", cwd=tmp_path, fresh=True)
    lines = done.stdout.splitlines()
    assert lines[0] == "Inputs: as they are"
    assert lines[1].startswith("Largest stable learning rate: ")
    assert lines[2].startswith("The linear phase ends at a loss of 0.")
    assert lines[3].startswith("How linear the start is")
    assert lines[4:] == ["Figures: run/figures", "Report: run/report.html"]
    names = {"config.json", "flags.txt", "provenance.json", "prediction.csv", "summary.json", "figures", "report.html"}
    assert {file.name for file in (tmp_path / "run").iterdir()} == names
    assert {file.name for file in (tmp_path / "run" / "figures").iterdir()} == {"prediction.png", "prediction.pdf"}
    made = made_runs.prediction(tmp_path / "made")
    assert made_runs.told(RunDirectory(tmp_path / "run")) == made_runs.told(made)
    again = run_well("--flagfile=run/flags.txt", "--run_dir=again", script="predict.py", cwd=tmp_path)
    assert again.stdout.splitlines()[:4] == lines[:4]
    assert (tmp_path / "again" / "prediction.csv").read_bytes() == (tmp_path / "run" / "prediction.csv").read_bytes()


def test_help_names_its_flags():
    done = run_well("--help", script="predict.py", fresh=True)
    for name in ("network_file", "sample", "learning_rate", "data_file", "run_dir"):
        assert f"--{name}\n" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--network_file=none.keras"],
            "network_file must be a Keras model that loads in safe mode. Received: none.keras",
        ),
        (["--network_file=network.h5"], "network_file must be a .keras file. Received: network.h5."),
        (["--network_file=a.keras", "--train=first"], "train=first and train=second are for model=two_layer"),
        (["--network_file=a.keras", "--companion=psi"], "a saved network has no psi; take companion=twin"),
        (["--network_file=a.keras", "--seeds=2"], "a saved network is the same whatever the seed; take seeds=1"),
        (["--seeds=2"], "one run is foretold; take seeds=1. Received: seeds=2"),
        (["--companion=psi"], "it is the affine twin that foretells; take companion=twin"),
        (["--sample=1"], "sample must be at least 2 examples"),
        (["--sample=100"], "the sample must hold at least 104 examples"),
        (["more"], "predict.py takes flags alone. Received: more."),
    ],
)
def test_bad_input_is_one_sentence_and_leaves_nothing(arguments, message, tmp_path):
    assert_refused(run(*arguments, script="predict.py", cwd=tmp_path), message)
    assert list(tmp_path.iterdir()) == []
