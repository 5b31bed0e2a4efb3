"""Every choice has words, in titles and in sentences; one that has none yet goes by its own name."""

import dataclasses

import pandas as pd
import pytest

from tests import made_runs
from tf_earlydyn import columns, names, report
from tf_earlydyn.config import LAYERS, DataConfig, ModelConfig
from tf_earlydyn.plots import styles
from tf_earlydyn.report import training_rows
from tf_earlydyn.report.findings import findings
from tf_earlydyn.report.words import settings
from tf_earlydyn.rundir import read_json, write_csv, write_json

MODELS = (columns.NETWORK, *columns.COMPANIONS)


def choices(config_class, name):
    return next(field.metadata["choices"] for field in dataclasses.fields(config_class) if field.name == name)


@pytest.mark.parametrize(
    ("words", "chosen"),
    [
        (names.NETWORKS, choices(ModelConfig, "model")),
        (names.SOURCES, choices(DataConfig, "data")),
        (names.SPECTRA, choices(DataConfig, "covariance")),
        (names.ENTRIES, choices(DataConfig, "entries")),
        (names.LABELS, choices(DataConfig, "labels")),
        (names.LAYERS, LAYERS),
        (names.MODELS, MODELS),
        (styles.COLOURS, MODELS),
        (styles.WIDTHS, MODELS),
        (styles.DASHES, MODELS),
    ],
)
def test_every_choice_has_its_words_and_looks(words, chosen):
    assert set(words) == set(chosen)


@pytest.mark.parametrize("data", choices(DataConfig, "data"))
@pytest.mark.parametrize("model", choices(ModelConfig, "model"))
def test_every_choice_is_told_in_title_and_settings(model, data, tmp_path):
    config = dataclasses.replace(
        made_runs.CONFIG,
        data=DataConfig(data=data, n_train=500, n_test=200, data_file="/x/a.npz"),
        model=ModelConfig(model=model),
    )
    record = report.Record.read(made_runs.training(tmp_path / "run", config))
    told = dict(settings(record))
    first, second = report.title(record.config).splitlines()
    assert first.startswith({"two_layer": "two-layer erf", "mlp": "MLP erf", "cnn": "CNN erf"}[model])
    assert told["Network"].startswith({"two_layer": "two layers, 256 erf", "mlp": "MLP, 4", "cnn": "CNN, 4"}[model])
    assert second.startswith({"gaussian": "Gaussian", "cifar10": "CIFAR-10 cat / horse", "npz": "a.npz"}[data])
    of = {"gaussian": "Gaussian inputs, d = 50", "cifar10": "CIFAR-10, cat (+1) against horse (−1)", "npz": "a.npz"}
    assert told["Data"].startswith(f"500 training and 200 test examples of {of[data]}")
    assert told["Linear models"] == "the paper's linear model ψ, and the network's affine twin"


def test_a_new_network_and_a_new_source_are_called_by_their_names(tmp_path):
    directory = made_runs.training(tmp_path / "run")
    config = read_json(directory.config)
    config["model"] |= {"model": "resnet", "depth": 9}
    config["data"] |= {"data": "digits"}
    write_json(directory.config, config | {"preprocessing": ["pixels divided by 255"]})
    record = report.Record.read(directory)
    assert report.title(record.config) == "resnet erf, 9 x 256, $\\eta$ = 1\ndigits, n = 500, seed 0"
    told = dict(settings(record))
    assert told["Network"] == "resnet of depth 9 and width 256, erf, zero at step 0"
    assert told["Data"] == "500 training and 200 test examples of digits; pixels divided by 255"


def test_a_new_linear_model_is_called_by_its_name(tmp_path, monkeypatch):
    """One whose columns, and whose part of the summary, are those of the twin."""
    monkeypatch.setattr(columns, "COMPANIONS", ("linear", "twin", "quadratic"))
    directory = made_runs.training(tmp_path / "run")
    table, summary = pd.read_csv(directory.metrics), read_json(directory.summary)
    more = {name.replace("twin", "quadratic"): table[name] for name in table if "twin" in name}
    write_csv(directory.metrics, table.assign(**more).to_dict("records"))
    summary["companions"]["quadratic"] = summary["companions"]["twin"]
    write_json(directory.summary, summary)
    record = report.Record.read(directory)
    assert dict(settings(record))["Linear models"].endswith("the network's affine twin, and the quadratic model")
    assert "and of the quadratic model's to the last step, 100" in findings(record)["losses"]
    rows = [row for row in training_rows.rows(record) if "twin" in row.quantity]
    news = [row for row in training_rows.rows(record) if "quadratic" in row.quantity]
    assert [row._replace(quantity=row.quantity.replace("twin", "quadratic")) for row in rows] == news
