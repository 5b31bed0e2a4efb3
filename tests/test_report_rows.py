"""What a report says that theory foretells and that was measured: every number is one of the run's files."""

import dataclasses

import pytest

from tests import made_runs
from tf_earlydyn import report
from tf_earlydyn.config import ModelConfig, TrainingConfig
from tf_earlydyn.report import groups, study_rows, training_rows
from tf_earlydyn.report.rows import Row, together


def found(directory, rows=training_rows.rows):
    """By group and quantity, what is foretold and what was measured."""
    return {(row.group, row.quantity): (row.foretold, row.measured) for row in rows(report.Record.read(directory))}


@pytest.fixture(scope="module")
def of_one(tmp_path_factory):
    return found(made_runs.training(tmp_path_factory.mktemp("one") / "run"))


@pytest.mark.parametrize(
    ("group", "quantity", "foretold", "measured"),
    [
        (groups.MOMENTS, "ζ = E[φ′(g)]", "0.6515", "0.6000"),
        (groups.MOMENTS, "ν = E[g φ′(g)] √(Tr Σ² / d)", "0", "−0.1250"),
        (groups.HALF_WAY, "The step itself, of ψ", "8", "8"),  # (0.5 + 0.19) / 2 = 0.345
        (groups.HALF_WAY, "Training loss, ψ", "0.3450", "0.3400"),
        (groups.HALF_WAY, "Test loss, twin", "0.3610", "0.3600"),
        (groups.HALF_WAY, "Test loss in V_lin, ψ", "0.1700", "0.1500"),
        (groups.HALF_WAY, "Test loss outside V_lin, twin", "0.2000", "0.2100"),
        (groups.HALF_WAY, "Test gap, mean (f − f_lin)², ψ", "to 0 as d, n and m grow", "0.004500"),
        (groups.HALF_WAY, "Test gap, mean (f − f_lin)², twin", "–", "0.0004500"),
        (groups.HALF_WAY, "Test gap over the mean of f_lin², ψ", "to 0 as d, n and m grow", "0.09000"),
        (groups.POWERS, "Test loss at step 10, ψ", "0.3400", "0.3300"),
        (groups.LAST, "The step itself", "–", "100"),
        (groups.LAST, "Least training loss that it can reach, ψ", "0.1900", "–"),
        (groups.LAST, "Test gap, mean (f − f_lin)², twin", "–", "0.03600"),
        # d log d / eta = 20 * 2.9957 = 59.9
        (groups.EXITS, "ψ, by function: test gap above 0.1 of the mean of f_lin²", "after T = c · 60", "step 100"),
        (groups.EXITS, "ψ, by loss: test loss below what its features allow", "after T = c · 60", "not by step 100"),
        (groups.EXITS, "twin, by function: test gap above 0.1 of the mean of f_lin²", "–", "not by step 100"),
        (groups.EXITS, "By kernel: moved by more than 0.5 of its norm", "–", "step 100"),
        (
            groups.STABILITY,
            "Largest stable learning rate, 2 / λ_max, ψ",
            "30.25",
            "at η = 1 the training loss rose at no recorded step",
        ),
        (groups.KERNELS, "Cosine of the network's kernel at step 0 and ψ", "–", "0.9300"),
        (groups.KERNELS, "Relative distance of the network's kernel at step 0 and ψ", "–", "0.4000"),
        (groups.KERNELS, "Relative distance of the network's kernel at step 0 and twin", "–", "0.2000"),
        (groups.KERNELS, "Relative movement since step 0, by the half-way step", "–", "0.01000"),
    ],
)
def test_rows_are_of_the_files(group, quantity, foretold, measured, of_one):
    assert of_one[group, quantity] == (foretold, measured)


def test_several_seeds_are_medians_with_ranges_and_intervals(tmp_path):
    """Losses are 1, 2 and 4 times those of one; the confidence of an interval is 15/16."""
    several = found(made_runs.of_seeds(tmp_path / "run"))
    assert several[groups.HALF_WAY, "Training loss, ψ"] == ("0.6900 (0.3450 to 1.380)", "0.6800 (0.3400 to 1.360)")
    # Half-way of seed 2 is at most (2 + 0.19) / 2 = 1.095, which 4 * 0.3 is not yet; of seed 1, 0.595.
    assert several[groups.HALF_WAY, "The step itself, of ψ"] == ("8", "100 (8 to 100)")
    exits = {quantity: measured for (group, quantity), (_, measured) in several.items() if group == groups.EXITS}
    assert list(exits.values()) == [
        *["median 40, 94% interval 10 to beyond step 100", "not by step 100"] * 2,
        "median beyond step 100, 94% interval 10 to beyond step 100",
    ]
    assert several[groups.STABILITY, "Largest stable learning rate, 2 / λ_max, twin"] == (
        "24.50",
        "at η = 1 the training loss rose at no recorded step",
    )


def test_what_a_run_lacks_has_no_rows(tmp_path):
    """One companion alone, no half-way step, no kernels, nothing outside V_lin; and a loss that rises."""
    lacking = found(
        made_runs.training(
            tmp_path / "run",
            dataclasses.replace(
                made_runs.CONFIG,
                model=ModelConfig(network_file="/x/f.keras"),
                training=TrainingConfig(learning_rate=30.0),
                companion="twin",
            ),
            names=["twin"],
            half_step=None,
            probe=False,
            span=200,
            network_train_loss=[0.5, 0.75, 0.6, 0.7, 0.1],
        )
    )
    assert {group for group, _ in lacking} == {
        groups.HALF_WAY,
        groups.POWERS,
        groups.LAST,
        groups.EXITS,
        groups.STABILITY,
    }
    assert lacking[groups.HALF_WAY, "The step itself, of twin"] == ("not by step 100", "–")
    assert not any("ψ" in quantity or "V_lin" in quantity or "kernel" in quantity for _, quantity in lacking)
    assert lacking[groups.STABILITY, "Largest stable learning rate, 2 / λ_max, twin"] == (
        "24.50",
        "at η = 30 it rose at 2 of 4 recorded steps, to 1.500 times the first at most",
    )


def test_what_was_foretold_has_rows_that_a_run_has_too(tmp_path, of_one):
    foretold = found(made_runs.prediction(tmp_path / "run"), study_rows.prediction_rows)
    assert foretold[groups.POWERS, "Test loss at step 10, twin"] == ("0.4900", "–")
    assert foretold[groups.STABILITY, "Largest stable learning rate, 2 / λ_max, twin"] == ("24.50", "–")
    assert foretold[groups.LINEARITY, "The twin's share of the labels' energy"] == ("1 for a linear network", "0.9400")
    shared = {(groups.POWERS, f"Test loss at step {step}, twin") for step in (1, 10, 100)}
    shared |= {(groups.LAST, "Least training loss that it can reach, twin")}
    assert shared < set(foretold) & set(of_one)


@pytest.mark.parametrize(
    ("settings", "first", "second"),
    [
        ({"activation": "erf"}, "−0.25 or less, for large d", "−0.25 or less, for large d"),
        ({"activation": "erf", "alpha": 0.5}, "−0.25 or less, for large d", "−0.25 or less, for large d"),
        ({"activation": "relu", "alpha": 0.125}, "−0.125 or less, for large d", "nothing: it takes m above d^2"),
        ({"activation": "relu", "width_exponent": 2.0}, "−0.25 or less, for large d", "−0.25 or less, for large d"),
        ({"activation": "sigmoid"}, "−0.25 or less, for large d", "nothing: it takes m above d^2"),
        ({"activation": "tanh", "width_exponent": 0.5}, *["nothing: it takes m above d^1"] * 2),
    ],
)
def test_exponents_stand_beside_what_the_theorems_claim(settings, first, second, tmp_path):
    """m of order d^(1 + alpha), or d^(2 + alpha) for the second layer if E[phi(g)] is not 0; alpha at most 1/4."""
    rows = found(made_runs.scaling(tmp_path / "run", **settings), study_rows.scaling_rows)
    interval = "−0.5000, 95% interval −0.7500 to"
    assert list(rows.values()) == [(first, f"{interval} −0.2500"), (second, f"{interval} 0.1250")]


def test_rows_of_several_runs_stand_side_by_side():
    one = [Row("b", "x", "1", "2"), Row("a", "y", "3", "4")]
    other = [Row("a", "z", "5", "6"), Row("a", "y", "7", "8")]
    assert together([one, other], ["a", "b", "c"]) == {
        "a": {"y": [one[1], other[1]], "z": [None, other[0]]},
        "b": {"x": [one[0], None]},
    }
