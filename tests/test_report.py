import dataclasses

import pytest

from tf_earlydyn import report
from tf_earlydyn.config import DataConfig, ModelConfig, RunConfig, TrainingConfig


def config(seed=0, n_train=100, **parts):
    return {**dataclasses.asdict(RunConfig(seed=seed, **parts)), "sizes": {"n_train": n_train}}


@pytest.mark.parametrize(
    ("described", "title"),
    [
        (
            config(n_train=20_000),
            "two-layer erf, m = 256, both layers, $\\eta$ = 1\nGaussian, d = 50, n = 20,000, seed 0",
        ),
        (
            config(
                data=DataConfig(covariance="power_law", entries="uniform", labels="value"),
                model=ModelConfig(activation="leaky_relu", negative_slope=0.3),
                training=TrainingConfig(train="first", learning_rate=0.25),
            ),
            "two-layer leaky relu 0.3, m = 256, first layer, $\\eta$ = 0.25\n"
            "uniform, power law 1, d = 50, f* itself, n = 100, seed 0",
        ),
        (
            config(data=DataConfig(data="cifar10"), model=ModelConfig(model="mlp"), seed=2),
            "MLP erf, 4 x 256, $\\eta$ = 1\nCIFAR-10 cat / horse, pooled by 4, n = 100, seed 2",
        ),
        (
            config(data=DataConfig(data="npz", data_file="/x/a$b.npz")),
            "two-layer erf, m = 256, both layers, $\\eta$ = 1\na\\$b.npz, n = 100, seed 0",
        ),
    ],
    ids=["figure 1", "other settings", "cifar10", "npz"],
)
def test_titles_say_what_was_run(described, title):
    assert report.title(described) == title
