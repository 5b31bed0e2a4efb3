"""scripts/kernels.py as a user runs it: what it writes, what it refuses, and that a run can be repeated."""

import json

import numpy as np
import pandas as pd
import pytest
from absl import flags as absl_flags

from tests import made_runs
from tests.test_scripts import EXPERIMENTS, assert_refused, run, run_well
from tf_earlydyn import flags
from tf_earlydyn.config import KernelStudyConfig
from tf_earlydyn.rundir import RunDirectory
from tf_earlydyn.studies.power_law import fit_power_law

KERNELS = EXPERIMENTS / "kernels"
LAYERS = ("second", "both")
SMALL = ["--dims=5,9", "--alpha=0.5", "--seeds=2", "--n_test=30", "--layers=second,both", "--activation=relu"]


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    directory = tmp_path_factory.mktemp("kernels") / "run"
    return directory, run_well(*SMALL, f"--run_dir={directory}", script="kernels.py", fresh=True)


def test_a_run_leaves_its_files(small, tmp_path):
    directory, done = small
    assert done.stdout == f"Figures: {directory / 'figures'}\nReport: {directory / 'report.html'}\n"
    expected = {"config.json", "flags.txt", "provenance.json", "errors.csv", "gaps.csv", "exponents.csv"}
    assert {file.name for file in directory.iterdir()} == expected | {"summary.json", "figures", "report.html"}
    figures = {f"{name}.{kind}" for name in ("error", "train_gap", "test_gap") for kind in ("png", "pdf")}
    assert {file.name for file in (directory / "figures").iterdir()} == figures
    for figure in (directory / "figures").iterdir():
        assert figure.read_bytes().startswith({".png": b"\x89PNG", ".pdf": b"%PDF"}[figure.suffix])
    assert made_runs.told(RunDirectory(directory)) == made_runs.told(made_runs.scaling(tmp_path / "made"))


def test_tables_hold_every_dimension_seed_and_choice_of_layers(small):
    directory, _ = small
    errors, gaps = (pd.read_csv(directory / f"{name}.csv") for name in ("errors", "gaps"))
    assert list(errors) == ["d", "n", "m", "seed", "layers", "error"]
    assert list(gaps) == ["d", "n", "m", "seed", "layers", "steps", "train_gap", "test_gap", "learned"]
    keys = [[d, n, m, seed, layers] for d, n, m in ((5, 11, 12), (9, 27, 28)) for seed in (0, 1) for layers in LAYERS]
    for table in (errors, gaps):
        assert table[["d", "n", "m", "seed", "layers"]].to_numpy().tolist() == keys
    assert (errors["error"] > 0).all()
    assert (gaps[["train_gap", "test_gap"]] > 0).all(axis=None)
    assert gaps["steps"].unique().tolist() == [8, 19]  # d log d: 8.05, 19.78
    assert gaps["learned"].between(0.1, 1).all()


def test_exponents_are_those_of_the_tables(small):
    directory, _ = small
    exponents = pd.read_csv(directory / "exponents.csv")
    assert exponents[["quantity", "layers"]].to_numpy().tolist() == [
        [quantity, layers] for quantity in ("error", "train_gap", "test_gap") for layers in LAYERS
    ]
    assert json.loads((directory / "summary.json").read_text())["exponents"] == exponents.to_dict("records")
    for _, row in exponents.iterrows():
        table = pd.read_csv(directory / ("errors.csv" if row["quantity"] == "error" else "gaps.csv"))
        values = table[table["layers"] == row["layers"]].pivot(index="d", columns="seed", values=row["quantity"])
        law = fit_power_law(np.array([5, 9]), values.to_numpy())
        assert row[["exponent", "low", "high"]].tolist() == pytest.approx([law.exponent, law.low, law.high])
        assert row["low"] < row["exponent"] < row["high"]


def test_the_configuration_says_what_followed_from_it(small):
    config = json.loads((small[0] / "config.json").read_text())
    assert config["layers"] == ["second", "both"]
    assert config["sizes"] == [{"d": 5, "n": 11, "m": 12, "steps": 8}, {"d": 9, "n": 27, "m": 28, "steps": 19}]


@pytest.mark.slow
def test_flags_of_a_run_repeat_it(small, tmp_path):
    directory, _ = small
    again = tmp_path / "again"
    run_well(f"--flagfile={directory / 'flags.txt'}", f"--run_dir={again}", script="kernels.py", cwd=tmp_path)
    for name in ("errors.csv", "gaps.csv", "exponents.csv", "flags.txt", "figures/error.png"):
        assert (again / name).read_bytes() == (directory / name).read_bytes()


def test_help_names_every_flag():
    done = run_well("--help", script="kernels.py", fresh=True)
    names = (
        "study dims alpha width_exponent activation negative_slope layers seeds first_seed time_factor learning_rate "
    )
    for name in (names + "n_test run_dir flagfile").split():
        assert f"--{name}\n" in done.stdout
    assert "(default: '32,64,128,256')" in done.stdout


@pytest.mark.parametrize("path", sorted(KERNELS.glob("*.flags")), ids=lambda path: path.stem)
def test_experiments_parse(path):
    flag_values = absl_flags.FlagValues()
    flags.define_flags(KernelStudyConfig, flag_values)
    flag_values(["kernels.py", f"--flagfile={path}"])
    assert flags.read(KernelStudyConfig, flag_values).seeds >= 10


REFUSED = {
    "one dimension": (["--dims=32"], "dims must be two or more rising dimensions"),
    "words": (["--dims=small,large"], "dims must hold numbers separated by commas"),
    "alpha": (["--alpha=2"], "alpha must lie in (0, 1]"),
    "one seed": (["--seeds=1"], "seeds must be at least 2"),
    "layers": (["--layers=third"], "layers must be one of first, second, both"),
    "study": (["--study=none"], "flag --study=none: value should be one of <kernel|training|both>"),
    "a flag of train.py": (["--width=4"], "Unknown command line flag 'width'"),
    "an argument": (["erf"], "kernels.py takes flags alone. Received: erf"),
}


@pytest.mark.parametrize(("arguments", "message"), REFUSED.values(), ids=REFUSED)
def test_bad_input_is_one_sentence_and_leaves_nothing(arguments, message, tmp_path):
    assert_refused(run(*arguments, script="kernels.py", cwd=tmp_path), message)
    assert list(tmp_path.iterdir()) == []
