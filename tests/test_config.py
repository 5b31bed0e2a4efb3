import dataclasses
import math
from pathlib import Path

import pytest

from tf_earlydyn.config import (
    DataConfig,
    ExecutionConfig,
    KernelStudyConfig,
    ModelConfig,
    RunConfig,
    TrainingConfig,
    flagfile,
)
from tf_earlydyn.errors import InputError


def test_defaults_are_settled_by_the_data():
    assert (DataConfig().n_train, DataConfig().n_test, DataConfig().preprocess) == (20_000, 2_000, "none")
    images = DataConfig(data="cifar10")
    assert (images.n_train, images.n_test, images.preprocess) == (None, None, "normalise")
    assert (ModelConfig().depth, ModelConfig(model="mlp").depth) == (1, 4)


def test_configurations_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        RunConfig().seed = 3


REFUSED = {
    "unknown data": (
        lambda: DataConfig(data="mnist"),
        "data must be one of gaussian, cifar10, npz. Received: data='mnist'",
    ),
    "no examples": (lambda: DataConfig(n_train=0), "n_train must be a positive"),
    "negative examples": (lambda: DataConfig(n_test=-5), "n_test must be a positive"),
    "no dimension": (lambda: DataConfig(d=0), "d must be a positive"),
    "pooling": (lambda: DataConfig(pool=3), "pool must be a divisor of 32. Received: pool=3"),
    "pooling by 0": (lambda: DataConfig(pool=0), "pool must be a divisor of 32"),
    "npz without a file": (lambda: DataConfig(data="npz"), "data=npz needs data_file"),
    "short spectrum": (lambda: DataConfig(covariance="spectrum", spectrum=(1.0,)), "spectrum must hold d=50"),
    "negative spectrum": (
        lambda: DataConfig(covariance="spectrum", d=1, spectrum=(-1.0,)),
        "spectrum must hold positive",
    ),
    "stray spectrum": (lambda: DataConfig(d=1, spectrum=(1.0,)), "spectrum goes with covariance=spectrum"),
    "infinite power": (lambda: DataConfig(power=math.inf), "power must be a finite"),
    "unknown activation": (lambda: ModelConfig(activation="swish"), "activation must be one of erf"),
    "no width": (lambda: ModelConfig(width=0), "width must be a positive number of units. Received: width=0"),
    "odd width": (lambda: ModelConfig(width=7), "width must be even for two_layer"),
    "steps that are no integer": (lambda: TrainingConfig(steps=10.5), "steps must be an integer. Received: steps=10.5"),
    "size that is text": (lambda: DataConfig(n_train="5"), "n_train must be an integer"),
    "classes that are text": (lambda: DataConfig(classes="cat,horse"), "classes must be a tuple, each text"),
    "rate that is text": (lambda: TrainingConfig(learning_rate="1"), "learning_rate must be a number"),
    "no depth": (lambda: ModelConfig(model="mlp", depth=0), "depth must be a positive"),
    "deep two_layer": (lambda: ModelConfig(depth=3), "two_layer has one hidden layer"),
    "infinite slope": (lambda: ModelConfig(negative_slope=math.nan), "negative_slope must lie in"),
    "negative rate": (lambda: TrainingConfig(learning_rate=-1.0), "learning_rate must be a positive finite"),
    "NaN rate": (lambda: TrainingConfig(learning_rate=math.nan), "learning_rate must be a positive finite"),
    "endless": (lambda: TrainingConfig(steps=10**20), "steps must be at most 2147483647"),
    "no steps": (lambda: TrainingConfig(steps=0), "steps must be a positive"),
    "sparse records": (lambda: TrainingConfig(records_per_decade=5), "records_per_decade must be from 10"),
    "negative time": (
        lambda: RunConfig(checkpoint_seconds=-1.0),
        "checkpoint_seconds must be a finite number that is not negative. Received: checkpoint_seconds=-1.0",
    ),
    "endless time": (lambda: RunConfig(checkpoint_seconds=math.inf), "checkpoint_seconds must be a finite"),
    "negative seed": (lambda: RunConfig(seed=-1), "seed must not be negative"),
    "negative tracked": (lambda: RunConfig(tracked=-1), "tracked must not be negative"),
    "no gap": (lambda: RunConfig(exit_gap=0.0), "exit_gap must be a positive finite number"),
    "endless movement": (lambda: RunConfig(exit_kernel=math.inf), "exit_kernel must be a positive finite number"),
    "negative probe": (lambda: RunConfig(probe=-1), "probe must not be negative"),
    "first layer of a deep network": (
        lambda: RunConfig(model=ModelConfig(model="mlp"), training=TrainingConfig(train="first")),
        "train=first and train=second are for model=two_layer",
    ),
    "unknown strategy": (lambda: ExecutionConfig(strategy="cloud"), "strategy must be one of auto, cpu, gpu, mirrored"),
    "no replicas": (lambda: ExecutionConfig(strategy="mirrored", replicas=0), "replicas must be positive"),
    "negative replicas": (lambda: ExecutionConfig(strategy="mirrored", replicas=-1), "replicas must be positive"),
    "replicas of one device": (
        lambda: ExecutionConfig(strategy="cpu", replicas=2),
        "replicas is for strategy=mirrored. Received: replicas=2, strategy='cpu'",
    ),
    "a study by several workers": (
        lambda: KernelStudyConfig(execution=ExecutionConfig(strategy="multiworker")),
        "a study of kernels is of one process. Received: strategy='multiworker'",
    ),
}


@pytest.mark.parametrize(("make", "message"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_is_refused_in_one_sentence(make, message):
    with pytest.raises(InputError) as raised:
        make()
    assert str(raised.value).startswith(message)
    assert "Received: " in str(raised.value)
    assert "\n" not in str(raised.value)


def test_odd_widths_are_for_deep_networks():
    assert ModelConfig(model="mlp", width=7).width == 7


def test_flagfile_says_everything_but_the_directory():
    text = flagfile(RunConfig(run_dir="somewhere", data=DataConfig(covariance="spectrum", d=2, spectrum=(1.5, 0.5))))
    assert "--spectrum=1.5,0.5\n" in text
    assert "--n_train=20000\n" in text
    assert "run_dir" not in text
    assert "data_file" not in text


def test_flagfile_paths_hold_from_any_folder():
    text = flagfile(RunConfig(data=DataConfig(data="npz", data_file="a.npz")))
    assert f"--data_file={Path('a.npz').absolute()}\n" in text
