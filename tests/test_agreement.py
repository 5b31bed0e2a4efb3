"""What the reproduction must show (Hu et al. 2020, Figures 1 and 2), at full size; and small runs of the study's parts.

The bounds on medians of three seeds are what the project accepts: about 1.5 times what was first measured.
"""

import dataclasses
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
from absl import flags as absl_flags

from tests.cases import needs_cifar10
from tests.oracles import jacobian_kernel
from tf_earlydyn import flags, models
from tf_earlydyn.config import DataConfig, ModelConfig, RunConfig, TrainingConfig
from tf_earlydyn.errors import DivergenceError, InputError
from tf_earlydyn.rundir import read_json
from tf_earlydyn.studies import agreement

pytestmark = pytest.mark.usefixtures("without_figures")
SEEDS = (0, 1, 2)
EXPERIMENTS = Path(__file__).parents[1] / "scripts" / "experiments"


def experiment(name, *changes):
    """The configuration that an experiment's flagfile gives, with flags after it."""
    flag_values = absl_flags.FlagValues()
    flags.define_run_flags(flag_values)
    flag_values(["train.py", f"--flagfile={EXPERIMENTS / name}.flags", *changes])
    return flags.run_config(flag_values)


def run(config, tmp_path):
    config = dataclasses.replace(config, run_dir=str(tmp_path / f"run{len(list(tmp_path.iterdir()))}"))
    directory = agreement.run(config, show_progress=False)
    return directory, read_json(directory.summary), pd.read_csv(directory.metrics)


def small(**settings):
    """A run of seconds; settings of the parts by name."""
    parts = {}
    for name, config_class in (("data", DataConfig), ("model", ModelConfig), ("training", TrainingConfig)):
        names = {field.name for field in dataclasses.fields(config_class)} & settings.keys()
        parts[name] = config_class(**{field: settings.pop(field) for field in names})
    return RunConfig(**parts, **settings)


SMALL = {"n_train": 200, "n_test": 60, "d": 8, "width": 16, "steps": 12}


@pytest.mark.parametrize(("train", "still", "moving"), [("first", 1, 0), ("second", 0, 1)])
def test_only_the_layer_that_is_trained_moves(train, still, moving, tmp_path):
    config = small(**SMALL, train=train, activation="relu")
    directory, _, _ = run(config, tmp_path)
    before = models.build(config.model, (8,), 1, config.seed).positive.get_weights()
    after = keras.saving.load_model(directory.network).positive.get_weights()
    np.testing.assert_array_equal(after[still], before[still])
    assert np.abs(after[moving] - before[moving]).max() > 1e-3


@pytest.mark.parametrize(("activation", "constant"), [("erf", False), ("relu", True)])
def test_the_residual_is_split_by_the_span_of_the_features(activation, constant, tmp_path):
    """At step 0 the residual is -y: its projection on the test inputs, with a constant where psi has one."""
    config = small(**SMALL, activation=activation)
    _, _, metrics = run(config, tmp_path)
    test = agreement.prepare(config).data
    columns = test.x_test.astype(np.float64)
    columns = np.hstack([columns, np.ones((60, 1))]) if constant else columns
    inside = columns @ np.linalg.lstsq(columns, test.y_test, rcond=None)[0]
    assert metrics["network_residual_in"][0] == pytest.approx(np.mean(inside**2) / 2, rel=1e-6)


def test_metrics_are_those_of_the_outputs(tmp_path):
    """The last row, from the saved models' outputs."""
    config = small(**SMALL, activation="gelu")
    directory, _, metrics = run(config, tmp_path)
    examples, last = agreement.prepare(config).data, metrics.iloc[-1]
    outputs = {}
    for split in ("train", "test"):
        x, y = getattr(examples, f"x_{split}"), getattr(examples, f"y_{split}")
        for name in ("network", "linear"):
            f = outputs[name] = np.asarray(keras.saving.load_model(getattr(directory, name))(x), np.float64)
            assert last[f"{name}_{split}_loss"] == pytest.approx(np.mean((f - y) ** 2) / 2, rel=1e-5)
            if split == "test":
                assert last[f"{name}_test_accuracy"] == np.mean((f >= 0) == (y > 0))
        gap = np.mean((outputs["network"] - outputs["linear"]) ** 2)
        assert last[f"{split}_gap"] == pytest.approx(gap, rel=1e-3)


@pytest.mark.parametrize(("train", "layers"), [("first", [0, 2]), ("second", [1, 3]), ("both", [0, 1, 2, 3])])
def test_kernels_are_those_of_the_layers_that_learn_on_the_probe(train, layers, tmp_path):
    """At step 0 and at the last one, from the saved models' dense Jacobians; variables in the order of both halves.

    The second layer's kernel, of a network linear in that layer, does not move.
    """
    config = small(**SMALL, train=train, activation="relu", probe=9)
    directory, _, metrics = run(config, tmp_path)
    setup = agreement.prepare(config)
    x = setup.data.x_train[setup.probe]
    assert len(np.unique(setup.probe)) == 9

    def kernel(model, chosen):
        return jacobian_kernel(model, x, variables=[model.trainable_variables[index] for index in chosen])

    psi = np.asarray(setup.companions[0].model.features(x), np.float64)
    linear, start = psi @ psi.T, kernel(setup.network, layers)
    for theta, row in (
        (start, metrics.iloc[0]),
        (kernel(keras.saving.load_model(directory.network), layers), metrics.iloc[-1]),
    ):
        distances = [np.linalg.norm(theta - other) / np.linalg.norm(other) for other in (linear, start)]
        alignment = np.sum(theta * linear) / np.linalg.norm(theta) / np.linalg.norm(linear)
        assert row["kernel_to_linear"] == pytest.approx(distances[0], rel=1e-4)
        assert row["kernel_movement"] == pytest.approx(distances[1], rel=1e-3, abs=1e-6)
        assert row["kernel_alignment"] == pytest.approx(alignment, rel=1e-5)
    moved = metrics["kernel_movement"].iloc[-1]
    assert moved == 0 if train == "second" else moved > 1e-3


def test_kernels_of_several_outputs_are_the_mean_over_them(tmp_path):
    rng = np.random.default_rng(0)
    x, labels = rng.standard_normal((60, 5)), np.eye(3)[rng.integers(0, 3, 60)]
    np.savez(tmp_path / "a.npz", x_train=x[:40], y_train=labels[:40], x_test=x[40:], y_test=labels[40:])
    config = small(data="npz", data_file=str(tmp_path / "a.npz"), model="mlp", depth=2, width=16, steps=3)
    _, _, metrics = run(config, tmp_path)
    setup = agreement.prepare(config)
    x = setup.data.x_train[setup.probe]
    assert len(x) == 40  # all there are
    theta = np.einsum("ijcc->ij", jacobian_kernel(setup.network, x)) / 3
    psi = np.asarray(setup.companions[0].model.features(x), np.float64)
    distance = np.linalg.norm(theta - psi @ psi.T) / np.linalg.norm(psi @ psi.T)
    assert metrics["kernel_to_linear"][0] == pytest.approx(distance, rel=1e-4)


def test_the_summary_says_where_the_network_left(tmp_path):
    """Never by a gap of a million times f_lin^2; at the first step by the least movement of its kernel."""
    _, summary, metrics = run(dataclasses.replace(small(**SMALL), exit_gap=1e6, exit_kernel=1e-9, probe=9), tmp_path)
    for companion in summary["companions"].values():
        assert companion["exits"]["function"] is None
        assert companion["exits"]["kernel"] == metrics["step"][1] == 1
    _, summary, metrics = run(dataclasses.replace(small(**SMALL), exit_gap=1e-9), tmp_path)
    assert [companion["exits"]["function"] for companion in summary["companions"].values()] == [1, 1]


def test_a_run_that_never_gets_half_way_says_so(tmp_path):
    _, summary, _ = run(small(**{**SMALL, "steps": 1}, learning_rate=1e-3), tmp_path)
    assert summary["half_step"] is summary["half_test_gap"] is summary["half_test_gap_relative"] is None


def test_targets_too_large_for_float32_are_noticed_at_step_0(tmp_path):
    x = np.random.default_rng(0).standard_normal((20, 3))
    np.savez(tmp_path / "a.npz", x_train=x, y_train=1e30 * x[:, 0], x_test=x, y_test=x[:, 0])
    config = small(data="npz", data_file=str(tmp_path / "a.npz"), width=16, steps=12)
    with pytest.raises(DivergenceError, match=r"at step 0: .* look at the scale of inputs and targets"):
        run(config, tmp_path)


def test_several_seeds_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"take studies.seeds.run. Received: seeds=2\."):
        run(small(**SMALL, seeds=2), tmp_path)
    assert not list(tmp_path.iterdir())


def test_inputs_that_are_all_zero_are_refused(tmp_path):
    zeros = np.zeros((6, 3))
    np.savez(tmp_path / "a.npz", x_train=zeros, y_train=np.ones(6), x_test=zeros, y_test=np.ones(6))
    config = small(data="npz", data_file=str(tmp_path / "a.npz"), preprocess="none")
    with pytest.raises(InputError, match="features must not be zero"), pytest.warns(UserWarning, match="is 0, and"):
        agreement.run(dataclasses.replace(config, run_dir=str(tmp_path / "run")))
    assert not (tmp_path / "run").exists()


def half_way(name, tmp_path, *changes):
    """Medians over the seeds of the test gap at the half-way step, and of its ratio to the mean of f_lin^2."""
    flags = ("--probe=0", "--companion=psi")
    configs = [experiment(name, *flags, f"--seed={seed}", *changes) for seed in SEEDS]
    summaries = [run(config, tmp_path)[1] for config in configs]
    return [np.median([summary[key] for summary in summaries]) for key in ("half_test_gap", "half_test_gap_relative")]


@pytest.mark.slow
def test_figure_1_at_its_half_way_step_and_how_it_narrows_with_width(tmp_path):
    """Which is step 21, where the runs end soon."""
    gap, relative = half_way("figure1", tmp_path, "--steps=24")
    assert gap <= 0.007
    assert relative <= 0.12
    wide, _ = half_way("figure1", tmp_path, "--steps=24", "--width=1024")
    assert wide <= gap / 2.8
    wider, _ = half_way("figure1", tmp_path, "--steps=24", "--width=4096")
    assert wider <= 0.0008


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "bound"),
    [("figure1_first_layer", 0.001), ("figure1_second_layer", 0.025), ("figure1_relu", 0.008)],
)
def test_other_figure_1_settings_at_their_half_way_step(name, bound, tmp_path):
    """Steps 35 to 41, where the runs end soon."""
    gap, _ = half_way(name, tmp_path, "--steps=44")
    assert gap <= bound


@pytest.mark.slow
def test_figure_1_leaves_the_linear_model_in_the_end(tmp_path):
    """The network's training loss at step 2,000, from which on it only falls, over the linear model's least one.

    Until step 50 the gaps on training and on test examples are the same within 6%.
    """
    ratios = []
    for seed in SEEDS:
        flags = ("--probe=0", "--companion=psi", "--steps=2000", f"--seed={seed}")
        _, summary, metrics = run(experiment("figure1", *flags), tmp_path)
        ratios.append(summary["last"]["network_train_loss"] / summary["linear_optimum"])
        assert summary["last"]["step"] == 2000
        assert metrics.loc[0, ["train_gap", "test_gap"]].tolist() == [0, 0]
        assert (metrics.loc[1:, ["train_gap", "test_gap"]] > 0).all(axis=None)
        early = metrics[(metrics["step"] > 0) & (metrics["step"] <= 50)]
        assert (early["train_gap"] / early["test_gap"] - 1).abs().max() <= 0.06
    assert np.median(ratios) <= 0.95


def figure_2(name, tmp_path, *changes):
    """The metrics of a run, the residual's parts divided by their values at step 0; and its summary."""
    _, summary, metrics = run(experiment(name, "--probe=0", *changes), tmp_path)
    parts = [f"{model}_residual_{part}" for model in ("network", "linear", "twin") for part in ("in", "out")]
    return metrics.assign(**(metrics[parts] / metrics[parts].iloc[0])), summary


def until_half(metrics):
    """The rows after step 0 until the network's residual in the span of the inputs has halved."""
    last = metrics["step"][metrics["network_residual_in"] <= 0.5].iloc[0]
    return metrics[(metrics["step"] > 0) & (metrics["step"] <= last)]


@pytest.mark.slow
@needs_cifar10
def test_figure_2_learns_within_the_span_of_the_inputs_first_as_its_twin_does(tmp_path):
    """Medians of three seeds. Where the in-span residual has halved, the part outside is within 1% of its start; until
    then the twin's test gap is at most half of psi's, and the test loss that it foretells within 2% of the network's.

    The gaps at the half-way step are those that the README states, within a tenth: copies of CIFAR-10 differ.
    """
    outside, gaps, losses, half_way_gaps = [], [], [], []
    for seed in SEEDS:
        metrics, summary = figure_2("figure2_mlp", tmp_path, f"--seed={seed}", "--steps=35")
        half_way_gaps.append(summary["half_test_gap"])
        early = until_half(metrics)
        outside.append(early["network_residual_out"].iloc[-1])
        gaps.append((early["twin_test_gap"] / early["test_gap"]).max())
        losses.append((early["twin_test_loss"] / early["network_test_loss"] - 1).abs().max())
    assert abs(np.median(outside) - 1) <= 0.01
    assert np.median(gaps) <= 0.5
    assert np.median(losses) <= 0.02
    assert half_way_gaps == pytest.approx([0.0043, 0.0049, 0.0056], rel=0.1)


@pytest.mark.slow
@needs_cifar10
def test_figure_2s_cnn_is_nearer_to_its_twin(tmp_path):
    """Nearer by less than the MLP, since most of the gap is what it has learned beyond any affine function: on 2,000
    images at most 0.8 of psi's, where 0.74 was measured, until the in-span residual has halved.
    """
    metrics, _ = figure_2("figure2_cnn", tmp_path, "--n_train=2000", "--steps=40")
    early = until_half(metrics)
    assert (early["twin_test_gap"] <= 0.8 * early["test_gap"]).all()
    assert (early["twin_test_loss"] / early["network_test_loss"] - 1).abs().max() <= 0.02


@pytest.mark.slow
@needs_cifar10
def test_figure_2_leaves_the_span_of_the_inputs_in_the_end(tmp_path):
    """By step 300, one seed (three take too long for every change). The linear model never leaves, by algebra."""
    parts, _ = figure_2("figure2_mlp", tmp_path, "--seed=1", "--steps=300")
    assert parts["network_residual_out"].iloc[-1] <= 0.98
    np.testing.assert_allclose(parts["linear_residual_out"], 1, rtol=1e-5)
