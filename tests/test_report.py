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
        (
            config(model=ModelConfig(network_file="/x/f.keras")),
            "f.keras, $\\eta$ = 1\nGaussian, d = 50, n = 100, seed 0",
        ),
        (
            config(model=ModelConfig(start="drawn")),
            "two-layer erf, m = 256, both layers, $f_0 \\neq 0$, $\\eta$ = 1\nGaussian, d = 50, n = 100, seed 0",
        ),
        (
            config(seed=2, seeds=3),
            "two-layer erf, m = 256, both layers, $\\eta$ = 1\nGaussian, d = 50, n = 100, seeds 2 to 4",
        ),
    ],
    ids=["figure 1", "other settings", "cifar10", "npz", "saved network", "not zero", "seeds"],
)
def test_titles_say_what_was_run(described, title):
    assert report.title(described) == title


def summary(**exits):
    """Of a run whose companions have exits of their own."""
    none = {"function": None, "loss": None, "kernel": None}
    return {"half_step": 21, "companions": {"linear": {"exits": none}, "twin": {"exits": {**none, **exits}}}}


def test_steps_are_marked_where_the_network_leaves_its_last_companion():
    found = summary(function=300, kernel=1_000)
    assert report.half_way(found) == [(21, "half-way step, 21", None)]
    assert report.half_way({"half_step": None}) == []
    assert report.exits(found, ("function", "loss"), 3_000) == [(300, "leaves affine twin by function, 300", None)]
    assert report.exits(found, ("kernel",), 3_000) == [(1_000, "its kernel has moved, 1,000", None)]
    del found["companions"]["twin"]
    assert report.exits(found, ("function", "loss"), 3_000) == []


def test_exits_of_several_seeds_are_marked_with_their_intervals():
    """One without an end ends with the run; of a median that is never there is no mark."""
    interval = {"median": 40, "low": 20, "high": 80, "confidence": 0.9375}
    found = summary(function=interval, loss={**interval, "high": None}, kernel={**interval, "median": None})
    label = "leaves affine twin by"
    marks = [(40, f"{label} function, 40", (20, 80)), (40, f"{label} loss, 40", (20, 3_000))]
    assert report.exits(found, ("function", "loss", "kernel"), 3_000) == marks
