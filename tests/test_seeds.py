"""A run with several seeds: what it leaves, and that it is made of runs of one."""

import json

import pandas as pd
import pytest

from tests.test_scripts import FIGURES, SMOKE, assert_refused, run, run_well
from tf_earlydyn.studies import seeds

CHANGES = ("--exit_gap=0.01", "--steps=30", "--probe=20")


@pytest.fixture(scope="module")
def several(tmp_path_factory):
    directory = tmp_path_factory.mktemp("seeds") / "run"
    run_well(SMOKE, *CHANGES, "--seed=3", "--seeds=3", f"--run_dir={directory}")
    return directory


@pytest.mark.slow
def test_each_seed_is_a_run_of_its_own(several, tmp_path):
    run_well(SMOKE, *CHANGES, "--seed=4", f"--run_dir={tmp_path / 'one'}")
    for name in ("metrics.csv", "logits.csv", "flags.txt"):
        assert (several / "seed_4" / name).read_bytes() == (tmp_path / "one" / name).read_bytes()


def test_the_table_holds_the_steps_that_all_seeds_have(several):
    table = pd.read_csv(several / "metrics.csv")
    assert sorted(table["seed"].unique()) == [3, 4, 5]
    steps = [set(pd.read_csv(several / f"seed_{seed}" / "metrics.csv")["step"]) for seed in (3, 4, 5)]
    for seed, rows in table.groupby("seed"):
        assert set(rows["step"]) == set.intersection(*steps)
        one = pd.read_csv(several / f"seed_{seed}" / "metrics.csv").set_index("step")
        pd.testing.assert_frame_equal(rows.drop(columns="seed").set_index("step"), one.loc[rows["step"]])


def test_the_summary_holds_medians_and_intervals(several):
    summary = json.loads((several / "summary.json").read_text())
    ones = [json.loads((several / f"seed_{seed}" / "summary.json").read_text()) for seed in (3, 4, 5)]
    assert summary["half_test_gap"] == sorted(one["half_test_gap"] for one in ones)[1]
    twin = summary["companions"]["twin"]
    assert twin["half_test_gap"] == sorted(one["companions"]["twin"]["half_test_gap"] for one in ones)[1]
    exits = sorted(one["companions"]["linear"]["exits"]["function"] for one in ones)
    found = summary["companions"]["linear"]["exits"]["function"]
    assert found == {"median": exits[1], "low": exits[0], "high": exits[2], "confidence": 0.75}
    assert summary["seeds"] == 3


def test_figures_are_drawn_and_drawn_again(several):
    figures = {f"{name}.{kind}" for name in FIGURES if name != "logits" for kind in ("png", "pdf")}
    assert {file.name for file in (several / "figures").iterdir()} == figures
    pixels = (several / "figures" / "gaps.png").read_bytes()
    run_well(several, script="report.py")
    assert (several / "figures" / "gaps.png").read_bytes() == pixels


def test_its_flags_repeat_it(several):
    flags = (several / "flags.txt").read_text().splitlines()
    assert "--seed=3" in flags
    assert "--seeds=3" in flags


def test_seeds_beyond_the_last_one_are_refused_before_anything_is_written(tmp_path):
    done = run(SMOKE, "--seed=2147483647", "--seeds=2", f"--run_dir={tmp_path / 'run'}")
    assert_refused(done, "seed must be at most 2147483647")
    assert not (tmp_path / "run").exists()


def test_of_seeds_of_which_some_have_no_twin_psi_is_summarised():
    one = {"half_test_gap": 1.0, "exits": {"function": 3}}
    whole = {"half_step": 4, "half_test_gap": 1.0, "half_test_gap_relative": None, "linear_optimum": 0.2}
    whole |= {"training_seconds": 1.0, "span_dimension": 5}
    summary = seeds.summarise(
        [{**whole, "companions": {"linear": one, "twin": one}}, {**whole, "companions": {"linear": one}}]
    )
    assert list(summary["companions"]) == ["linear"]
    assert summary["half_test_gap_relative"] is None
