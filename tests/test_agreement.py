"""What the reproduction must show (Hu et al. 2020, Figures 1 and 2), at full size.

The bounds on medians of three seeds are what the project accepts: about 1.5 times what was first measured.
"""

import numpy as np
import pandas as pd
import pytest

from tests.cases import needs_cifar10
from tf_earlydyn.config import DataConfig, ModelConfig, RunConfig, TrainingConfig
from tf_earlydyn.rundir import read_json
from tf_earlydyn.studies import agreement

SEEDS = (0, 1, 2)
pytestmark = pytest.mark.slow


def run(tmp_path, seed, *, steps, data=None, rate=1.0, train="both", **model):
    config = RunConfig(
        data=data or DataConfig(),
        model=ModelConfig(**model),
        training=TrainingConfig(train=train, learning_rate=rate, steps=steps),
        seed=seed,
        run_dir=str(tmp_path / f"{seed}_{len(list(tmp_path.iterdir()))}"),
    )
    directory = agreement.run(config, show_progress=False)
    return read_json(directory.summary), pd.read_csv(directory.metrics)


def half_way(tmp_path, **options):
    """Medians over the seeds of the test gap at the half-way step, and of its ratio to the mean of f_lin^2."""
    summaries = [run(tmp_path, seed, steps=50, **options)[0] for seed in SEEDS]
    return [np.median([summary[key] for summary in summaries]) for key in ("half_test_gap", "half_test_gap_relative")]


def test_figure_1_at_its_half_way_step_and_how_it_narrows_with_width(tmp_path):
    gap, relative = half_way(tmp_path)
    assert gap <= 0.007
    assert relative <= 0.12
    wide, _ = half_way(tmp_path, width=1024)
    assert wide <= gap / 2.8
    wider, _ = half_way(tmp_path, width=4096)
    assert wider <= 0.0008


@pytest.mark.parametrize(
    ("options", "bound"),
    [({"train": "first"}, 0.001), ({"train": "second"}, 0.025), ({"activation": "relu"}, 0.008)],
    ids=["first layer", "second layer", "relu"],
)
def test_other_figure_1_settings_at_their_half_way_step(options, bound, tmp_path):
    gap, _ = half_way(tmp_path, **options)
    assert gap <= bound


def test_figure_1_leaves_the_linear_model_in_the_end(tmp_path):
    """The network's training loss at step 3,000, over the least-squares optimum of the linear model."""
    ratios = []
    for seed in SEEDS:
        summary, metrics = run(tmp_path, seed, steps=3000)
        ratios.append(summary["last"]["network_train_loss"] / summary["linear_optimum"])
        assert metrics.loc[0, ["train_gap", "test_gap"]].tolist() == [0, 0]
        assert (metrics.loc[1:, ["train_gap", "test_gap"]] > 0).all(axis=None)
    assert np.median(ratios) <= 0.95


def figure_2(tmp_path, seed, steps):
    """The metrics of a run, the residual's two parts divided by their values at step 0."""
    data = DataConfig(data="cifar10", n_train=10_000, n_test=2_000)
    _, metrics = run(tmp_path, seed, steps=steps, data=data, rate=2.0, model="mlp")
    parts = [f"{model}_residual_{part}" for model in ("network", "linear") for part in ("in", "out")]
    return metrics[parts] / metrics[parts].iloc[0]


@needs_cifar10
def test_figure_2_learns_within_the_span_of_the_inputs_first(tmp_path):
    """Where the in-span residual has halved, the part outside is within 1% of its start."""
    outside = []
    for seed in SEEDS:
        parts = figure_2(tmp_path, seed, steps=40)
        outside.append(parts["network_residual_out"][parts["network_residual_in"] <= 0.5].iloc[0])
    assert abs(np.median(outside) - 1) <= 0.01


@needs_cifar10
def test_figure_2_leaves_the_span_of_the_inputs_in_the_end(tmp_path):
    """By step 900, one seed (three take too long for every change). The linear model never leaves, by algebra."""
    parts = figure_2(tmp_path, 0, steps=900)
    assert parts["network_residual_out"].iloc[-1] <= 0.98
    np.testing.assert_allclose(parts["linear_residual_out"], 1, rtol=1e-5)
