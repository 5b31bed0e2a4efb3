"""Strategies by name, as flags ask for them: what they are here, what is refused, and a run that takes one."""

import json

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from tests.test_scripts import SMOKE, run_well
from tf_earlydyn import distribution
from tf_earlydyn.config import ExecutionConfig
from tf_earlydyn.distribution import strategies
from tf_earlydyn.errors import InputError

REFUSED = {
    "gpu": (ExecutionConfig(strategy="gpu"), "strategy=gpu needs a GPU"),
    "tpu": (ExecutionConfig(strategy="tpu"), "strategy=tpu needs a TPU"),
    "replicas": (
        ExecutionConfig(strategy="mirrored", replicas=3),
        r"distribution\.set_up makes .* Received: replicas=3, with 2 of kind CPU\.$",
    ),
}


@pytest.mark.parametrize(("execution", "message"), REFUSED.values(), ids=REFUSED)
def test_devices_that_are_not_there_are_refused(execution, message):
    with pytest.raises(InputError, match=message):
        distribution.make_strategy(execution)


def test_strategies_by_name(mirrored):
    assert distribution.on_one_device(distribution.make_strategy(ExecutionConfig()))
    assert mirrored.num_replicas_in_sync == 2
    assert distribution.make_strategy(ExecutionConfig()) is distribution.make_strategy(ExecutionConfig())
    for replicas in (None, 2):
        assert distribution.make_strategy(ExecutionConfig(strategy="mirrored", replicas=replicas)) is mirrored
    assert not distribution.on_one_device(mirrored)
    of_one, of_two = ({"device": "CPU", "replicas": replicas, "workers": 1} for replicas in (1, 2))
    assert distribution.describe_devices(ExecutionConfig()) == {"strategy": "cpu", **of_one}
    assert distribution.describe_devices(ExecutionConfig(strategy="mirrored")) == {"strategy": "mirrored", **of_two}
    assert distribution.is_chief(mirrored)


def test_devices_are_not_changed_after_tensorflow_has_computed():
    tf.zeros(1)
    with pytest.raises(InputError, match=r"before TensorFlow computes, .* Received: strategy=mirrored after that\."):
        distribution.set_up(ExecutionConfig(strategy="mirrored", replicas=3))


def machine(monkeypatch, **numbers):
    """One that has so many devices, by kind."""
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [kind] * numbers.get(kind, 0))


BEST = {"cpu": {}, "gpu": {"GPU": 1}, "mirrored": {"GPU": 2}, "tpu": {"GPU": 2, "TPU": 8}}


@pytest.mark.parametrize(("name", "numbers"), BEST.items(), ids=BEST)
def test_auto_takes_the_best_there_is(name, numbers, monkeypatch):
    machine(monkeypatch, CPU=1, **numbers)
    assert strategies.chosen(ExecutionConfig()) == name
    assert strategies.chosen(ExecutionConfig(strategy="cpu")) == "cpu"


def test_a_tpu_that_auto_takes_has_no_float64(monkeypatch):
    machine(monkeypatch, CPU=1, TPU=8)
    with pytest.raises(InputError, match="a TPU has no float64"):
        distribution.make_strategy(ExecutionConfig(dtype="float64"))


@pytest.mark.parametrize("begin", [distribution.set_up, distribution.make_strategy])
def test_products_are_in_full_float32_unless_asked_otherwise(begin):
    for precision in ("default", "highest"):
        begin(ExecutionConfig(precision=precision))
        assert tf.config.experimental.tensor_float_32_execution_enabled() == (precision == "default")
    begin(ExecutionConfig(precision="default"))
    begin(ExecutionConfig())
    assert not tf.config.experimental.tensor_float_32_execution_enabled()


def test_a_run_on_two_logical_cpus_leaves_what_one_cpu_leaves(tmp_path):
    """A network, psi, the twin and kernels, of n examples that two do not divide."""
    flags = [SMOKE, "--model=mlp", "--depth=2", "--width=33", "--activation=gelu", "--n_train=501", "--steps=20"]
    tables, devices = [], []
    for strategy in (["--strategy=mirrored", "--replicas=2"], []):
        directory = tmp_path / str(len(strategy))
        run_well(*flags, "--probe=20", "--tracked=0", *strategy, f"--run_dir={directory}")
        tables.append(pd.read_csv(directory / "metrics.csv"))
        devices.append(json.loads((directory / "config.json").read_text())["devices"])
    assert list(tables[0]) == list(tables[1])
    assert {"twin_train_loss", "linear_test_loss", "kernel_to_twin"} < set(tables[0])
    np.testing.assert_allclose(*tables, rtol=1e-5, atol=1e-8)
    assert tables[0]["network_train_loss"].iloc[-1] < tables[0]["network_train_loss"].iloc[0]
    assert devices == [
        {"strategy": "mirrored", "device": "CPU", "replicas": 2, "workers": 1},
        {"strategy": "cpu", "device": "CPU", "replicas": 1, "workers": 1},
    ]
