"""Run directories whose numbers are made by hand, for tests of reports: nothing is trained."""

import dataclasses
import json

import pandas as pd

from tf_earlydyn.config import DataConfig, KernelStudyConfig, RunConfig, flagfile
from tf_earlydyn.rundir import RunDirectory, write_csv, write_json, write_origin

STEPS = [0, 1, 8, 10, 100]
COLUMNS = {
    "network_train_loss": [0.5, 0.48, 0.34, 0.3, 0.1],
    "network_test_loss": [0.5, 0.485, 0.36, 0.33, 0.15],
    "linear_train_loss": [0.5, 0.47, 0.345, 0.32, 0.2],
    "linear_test_loss": [0.5, 0.475, 0.37, 0.34, 0.25],
    "twin_train_loss": [0.5, 0.48, 0.35, 0.31, 0.2],
    "twin_test_loss": [0.5, 0.485, 0.361, 0.331, 0.151],
    "train_gap": [0, 0.001, 0.004, 0.005, 0.03],
    "test_gap": [0, 0.0015, 0.0045, 0.0055, 0.035],
    "twin_train_gap": [0, 0.0001, 0.0004, 0.0005, 0.03],
    "twin_test_gap": [0, 0.00015, 0.00045, 0.00055, 0.036],
    "network_residual_in": [0.3, 0.285, 0.15, 0.13, 0.03],
    "network_residual_out": [0.2, 0.2, 0.21, 0.2, 0.12],
    "linear_residual_in": [0.3, 0.275, 0.17, 0.14, 0.05],
    "linear_residual_out": [0.2, 0.2, 0.2, 0.2, 0.2],
    "twin_residual_in": [0.3, 0.285, 0.161, 0.131, 0.051],
    "twin_residual_out": [0.2, 0.2, 0.2, 0.2, 0.1],
    "kernel_to_linear": [0.4, 0.41, 0.42, 0.43, 0.6],
    "kernel_to_twin": [0.2, 0.21, 0.22, 0.23, 0.55],
    "kernel_movement": [0, 0.001, 0.01, 0.02, 0.7],
    "kernel_alignment": [0.93, 0.92, 0.91, 0.9, 0.8],
    "twin_kernel_alignment": [0.98, 0.97, 0.96, 0.95, 0.85],
}
COMPANIONS = {
    "linear": {
        "half_test_gap": 0.0045,
        "half_test_gap_relative": 0.09,
        "optimum": 0.19,
        "max_learning_rate": 30.25,
        "exits": {"function": 100, "loss": None, "kernel": 100},
    },
    "twin": {
        "half_test_gap": 0.00045,
        "half_test_gap_relative": 0.008,
        "optimum": 0.18,
        "max_learning_rate": 24.5,
        "exits": {"function": None, "loss": None, "kernel": 100},
    },
}
MOMENTS = {"zeta": 0.65147, "nu": 0.0, "theta0": 0.0, "theta1": 0.0, "theta2": 0.0}
DEVICES = {"strategy": "cpu", "device": "CPU", "replicas": 1, "workers": 1}
CONFIG = RunConfig(data=DataConfig(d=20, n_train=500, n_test=200))


def training(path, config=CONFIG, *, names=("linear", "twin"), half_step=8, probe=True, span=20, **changed):
    """A run of one seed, of some companions, with or without kernels; ``changed`` are columns."""
    others = [name for name in ("linear", "twin") if name not in names]
    table = pd.DataFrame({"step": STEPS, **COLUMNS, **changed})
    dropped = [column for column in table if any(name in column for name in others)]
    if "linear" in others:
        dropped += ["train_gap", "test_gap", "kernel_alignment"]
    if not probe:
        dropped += [column for column in table if "kernel" in column and column not in dropped]
    table = table.drop(columns=dropped)
    companions = {name: dict(COMPANIONS[name]) for name in names}
    if not half_step:
        for companion in companions.values():
            companion |= {"half_test_gap": None, "half_test_gap_relative": None}
    directory = _made(path, config, _of_training(config, names))
    write_csv(directory.metrics, table.to_dict("records"))
    _write_logits(directory, names)
    write_json(
        directory.summary,
        {
            "half_step": half_step,
            "half_test_gap": companions[names[0]]["half_test_gap"],
            "half_test_gap_relative": companions[names[0]]["half_test_gap_relative"],
            "linear_optimum": companions[names[0]]["optimum"],
            "companions": companions,
            "span_dimension": span,
            "last": table.to_dict("records")[-1],
            "training_seconds": 2.5,
        },
    )
    return directory


def _description(config, **sizes):
    sizes = {"n_train": config.data.n_train or 500, "n_test": config.data.n_test or 200, "outputs": 1, **sizes}
    followed = {"devices": DEVICES, "sizes": sizes, "input_shape": [config.data.d], "preprocessing": []}
    return {**dataclasses.asdict(config), **followed}


def _of_training(config, names):
    measured = {**MOMENTS, "zeta": 0.6, "nu": -0.125}
    two_layer = config.model.model == "two_layer" and config.model.network_file is None
    return {
        **_description(config, probe=500),
        "companions": {name: {} for name in names},
        "moments": {"theory": MOMENTS, "network": measured} if two_layer else None,
    }


def _write_logits(directory, names):
    rows = [
        {"step": step, "example": example, "output": 0, "target": 1.0, "network": 0.1 * k}
        | dict.fromkeys(names, 0.1 * k + 0.01 * k * (example + 1))
        for k, step in enumerate(STEPS)
        for example in (3, 7)
    ]
    write_csv(directory.logits, rows)


def of_seeds(path, factors=(1.0, 2.0, 4.0)):
    """A run of as many seeds, whose losses are those of one times a factor each, with intervals of the exits."""
    config = dataclasses.replace(CONFIG, seeds=len(factors))
    directory = _made(path, config, _of_training(config, COMPANIONS))
    rows = []
    for seed, factor in enumerate(factors):
        losses = {name: [factor * value for value in values] for name, values in COLUMNS.items() if "loss" in name}
        one = training(directory.of_seed(seed), dataclasses.replace(CONFIG, seed=seed), **losses)
        rows += [{"seed": seed, **row} for row in pd.read_csv(one.metrics).to_dict("records")]
    write_csv(directory.metrics, rows)
    interval = {"median": 40.0, "low": 10, "high": None, "confidence": 0.9375}
    never = {"median": None, "low": None, "high": None, "confidence": 0.9375}
    exits = {"function": interval, "loss": never, "kernel": {**interval, "median": None}}
    companions = {name: {**companion, "exits": exits} for name, companion in COMPANIONS.items()}
    medians = {"half_step": 8, "half_test_gap": 0.0045, "half_test_gap_relative": 0.09, "linear_optimum": 0.19}
    summary = {**medians, "companions": companions}
    write_json(directory.summary, {**summary, "span_dimension": 20, "training_seconds": 2.5, "seeds": len(factors)})
    return directory


def prediction(path, config=CONFIG):
    """What was foretold of a run."""
    directory = _made(path, config, _description(config))
    rows = [{"step": step, "train_loss": 0.5 - 0.002 * step, "test_loss": 0.5 - 0.001 * step} for step in STEPS]
    write_csv(directory.prediction, rows)
    summary = {"max_learning_rate": 24.5, "train_optimum": 0.18, "test_optimum": 0.28, "seconds": 0.75}
    of_twin = {"linearity": {"labels": 0.94, "kernel": 0.95}, "clipped": 0, "dropped": 0, "zero_at_step_0": True}
    write_json(directory.summary, {**summary, **of_twin})
    return directory


def scaling(path, **settings):
    """A study of kernels alone: errors that are d^-0.5 and twice that, and laws that are said to be fitted."""
    config = KernelStudyConfig(study="kernel", dims=(16, 64), seeds=2, layers=("first", "second"), **settings)
    sizes = [{"d": d, "n": config.examples(d), "m": config.width(d), "steps": config.steps(d)} for d in config.dims]
    directory = _made(path, config, {**dataclasses.asdict(config), "devices": DEVICES, "sizes": sizes})
    rows = [
        {"d": d, "n": 1, "m": 1, "seed": seed, "layers": layers, "error": (1 + seed) * d**-0.5}
        for d in config.dims
        for seed in (0, 1)
        for layers in config.layers
    ]
    write_csv(directory.errors, rows)
    law = {"quantity": "error", "exponent": -0.5, "low": -0.75, "high": -0.25, "factor": 1.5}
    exponents = [{**law, "layers": "first"}, {**law, "layers": "second", "high": 0.125}]
    write_csv(directory.exponents, exponents)
    write_json(directory.summary, {"exponents": exponents, "seconds": 1.25})
    return directory


def told(directory):
    """What the JSON files of a run tell of: their keys, for a made run to have those of a real one."""
    config, summary = (json.loads(file.read_text()) for file in (directory.config, directory.summary))
    sizes = config["sizes"]
    return set(config), set(sizes if isinstance(sizes, dict) else sizes[0]), set(summary)


def _made(path, config, description):
    directory = RunDirectory(path)
    directory.make()
    write_origin(directory, description, flagfile(config))
    return directory
