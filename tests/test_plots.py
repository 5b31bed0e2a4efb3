import matplotlib
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from tf_earlydyn import plots

STEPS = [0, 1, 10, 100]


@pytest.fixture
def ax():
    with matplotlib.rc_context():
        yield Figure().subplots()


MODELS = ("network", "linear", "twin")


def metrics():
    columns = [f"{model}_{part}" for model in MODELS for part in ("train_loss", "test_loss")]
    columns += [f"{model}_residual_{part}" for model in MODELS for part in ("in", "out")]
    columns += ["train_gap", "test_gap", "twin_train_gap", "twin_test_gap"]
    return pd.DataFrame({"step": STEPS, **{name: np.arange(4.0) + 10 * k for k, name in enumerate(columns)}})


def drawn(ax):
    """Each curve of data in the axes, by its heights."""
    return {tuple(line.get_ydata()): line for line in ax.lines if len(line.get_xdata()) == len(STEPS)}


@pytest.mark.parametrize(
    ("draw", "columns"),
    [
        (
            lambda table, ax: plots.losses(table, ax, 0.5),
            [f"{m}_{s}_loss" for m in MODELS for s in ("train", "test")],
        ),
        (plots.residual, [f"{m}_residual_{p}" for m in MODELS for p in ("in", "out")]),
    ],
    ids=["losses", "residual"],
)
def test_every_curve_is_drawn_in_its_style(draw, columns, ax):
    table = metrics()
    assert draw(table, ax) is ax
    curves = drawn(ax)
    assert set(curves) == {tuple(table[column]) for column in columns}
    styles = {column: curves[tuple(table[column])] for column in columns}
    for column, line in styles.items():
        assert list(line.get_xdata()) == STEPS
        solid = column.endswith(("train_loss", "_in"))
        assert (line.get_linestyle() == "-") == solid
    assert len({line.get_color() for column, line in styles.items() if column.startswith("network")}) == 1
    assert len({line.get_color() for line in styles.values()}) == 3
    assert ax.get_xscale() == "symlog"
    assert ax.get_xlabel() and ax.get_ylabel()
    labels = ax.get_legend_handles_labels()[1]
    assert [label.partition(",")[0] for label in labels[:6:2]] == ["network", "affine twin", r"linear model $\psi$"]


def test_models_without_columns_are_not_drawn(ax):
    table = metrics()
    plots.residual(table[[column for column in table if "twin" not in column]], ax)
    assert len(drawn(ax)) == 4
    assert not any("twin" in label for label in ax.get_legend_handles_labels()[1])


def test_a_linear_model_that_diverges_leaves_the_others_to_be_seen(ax):
    """1, 10, 10^32 and more, of which the first two are within ten times the network's largest, 13."""
    table = metrics().assign(twin_train_loss=10.0 ** np.arange(4) ** 5)
    plots.losses(table, ax, 0.5)
    assert (1, 10) in {tuple(line.get_ydata()) for line in ax.lines}
    bottom, top = ax.get_ylim()
    assert -13 < bottom < 0 and top < 130


def test_logits_of_a_model_that_diverges_leave_the_others_to_be_seen(ax):
    rows = [
        {"step": step, "example": 0, "output": 0, "target": 1.0, "network": 1.0, "twin": -(10.0 ** (4 * k))}
        for k, step in enumerate(STEPS)
    ]
    plots.logits(pd.DataFrame(rows), ax)
    assert -2 < ax.get_ylim()[0] < ax.get_ylim()[1] < 2


def test_gaps_are_drawn_from_step_1_on(ax):
    table = metrics()
    plots.gaps(table, ax)
    curves = {tuple(line.get_ydata()): line for line in ax.lines if len(line.get_xdata()) == 3}
    columns = ["train_gap", "test_gap", "twin_train_gap", "twin_test_gap"]
    lines = [curves[tuple(table[column][1:])] for column in columns]
    assert [line.get_linestyle() for line in lines] == ["-", "--", "-", "--"]
    assert lines[0].get_color() == lines[1].get_color() != lines[2].get_color() == lines[3].get_color()
    assert ax.get_yscale() == "log"


def test_several_seeds_are_a_median_and_a_band(ax):
    """Three seeds, the largest far off: the median, and all of their range."""
    tables = [
        metrics().assign(seed=seed, **{"network_train_loss": np.arange(4.0) + offset})
        for seed, offset in enumerate((0, 1, 50))
    ]
    plots.losses(pd.concat(tables), ax, 0.5)
    assert (1, 2, 3, 4) in drawn(ax)
    bands = [band.get_paths()[0].get_extents() for band in ax.collections]
    assert any((band.y0, band.y1) == (0, 53) for band in bands)


def test_kernels_are_drawn_in_a_curve_for_each_comparison(ax):
    names = {
        "kernel_movement": "distance to step 0",
        "kernel_to_linear": r"distance to linear model $\psi$",
        "kernel_alignment": r"cosine with linear model $\psi$",
        "kernel_to_twin": "distance to affine twin",
        "twin_kernel_alignment": "cosine with affine twin",
    }
    values = {name: np.arange(1.0, 5) + 10 * k for k, name in enumerate(names)}
    table = metrics().assign(**values)
    assert plots.kernels(table, ax) is ax
    curves = drawn(ax)
    assert [curves[tuple(table[name])].get_label() for name in names] == list(names.values())
    assert len({curves[tuple(table[name])].get_color() for name in names}) == 3
    assert ax.get_ylim()[0] == 0
    assert ax.get_xscale() == "symlog"


def test_logits_draw_network_and_linear_model_of_each_example(ax):
    rows = [
        {
            "step": step,
            "example": example,
            "output": 0,
            "target": 1.0,
            "network": example + step,
            "linear": example - step,
        }
        for step in STEPS
        for example in (7, 3)
    ]
    plots.logits(pd.DataFrame(rows), ax)
    assert ax.get_legend_handles_labels()[1] == ["network", r"linear model $\psi$"]
    curves = drawn(ax)
    assert set(curves) == {tuple(e + s * step for step in STEPS) for e in (7, 3) for s in (1, -1)}
    colours = [curves[tuple(e + s * step for step in STEPS)].get_color() for e in (7, 3) for s in (1, -1)]
    assert colours[0] == colours[1] != colours[2] == colours[3]


def test_logits_of_several_outputs_are_those_of_the_own_class(ax):
    rows = [
        {"step": step, "example": 5, "output": k, "target": float(k == 2), "network": 10 * k + step, "linear": -k}
        for step in STEPS
        for k in range(3)
    ]
    plots.logits(pd.DataFrame(rows), ax)
    assert set(drawn(ax)) == {tuple(20 + step for step in STEPS), (-2,) * len(STEPS)}
    assert ax.get_ylabel() == "output of a test example's own class"


def test_many_examples_have_colours_of_their_own(ax):
    rows = [
        {"step": step, "example": k, "output": 0, "target": 1.0, "network": k + 0.1 * step, "linear": -k}
        for step in STEPS
        for k in range(12)
    ]
    plots.logits(pd.DataFrame(rows), ax)
    curves = drawn(ax)
    assert len({curves[tuple(k + 0.1 * step for step in STEPS)].get_color() for k in range(12)}) == 12


@pytest.mark.parametrize(("last", "named"), [(7, ["0", "1", "2", "5"]), (3000, ["0", "1", "10", "100", "1,000"])])
def test_steps_are_named_in_plain_numbers(last, named, ax):
    table = metrics()
    plots.losses(table.assign(step=[0, 1, 2, last]), ax, 0.5)
    ax.figure.canvas.draw()
    assert [label.get_text() for label in ax.get_xticklabels()] == named


def test_a_marked_step_is_in_the_legend(ax):
    plots.mark_step(ax, 21, "half-way step, 21")
    assert ax.get_legend_handles_labels()[1] == ["half-way step, 21"]
    assert list(ax.lines[0].get_xdata()) == [21, 21]
    assert not ax.patches


def test_marks_of_one_figure_are_told_apart_and_have_intervals(ax):
    plots.mark_step(ax, 21, "half-way step, 21")
    plots.mark_step(ax, 100, "leaves, 100", (80, 150), 1)
    assert ax.lines[0].get_linestyle() != ax.lines[1].get_linestyle()
    (band,) = ax.patches
    assert (band.get_x(), band.get_width()) == (80, 70)


def test_six_marks_are_told_apart_and_more_are_drawn(ax):
    for number in range(7):
        plots.mark_step(ax, number, "a step", mark=number)
    looks = [(line.get_color(), str(line._dash_pattern)) for line in ax.lines]
    assert len(set(looks)) == 6
    assert looks[6] == looks[0]


def test_power_laws_are_drawn_with_their_exponents(ax):
    """Two choices of layers and two seeds: the geometric mean of 2 and 8 is 4."""
    rows = [
        {"d": d, "seed": seed, "layers": layers, "error": scale * d**-0.5 * (2, 8)[seed]}
        for layers, scale in (("first", 1.0), ("both", 10.0))
        for d in (16, 64, 256)
        for seed in (0, 1)
    ]
    law = {"quantity": "error", "exponent": -0.5, "low": -0.75, "high": 0.25}
    exponents = pd.DataFrame(
        [{**law, "layers": "first", "factor": 4.0}, {**law, "layers": "both", "factor": 40.0, "exponent": 0.125}]
    )
    exponents = pd.concat([exponents, exponents.assign(quantity="test_gap")])
    assert plots.power_laws(pd.DataFrame(rows), exponents, ax, "error", "the error") is ax
    curves = [line for line in ax.lines if len(line.get_xdata())]
    heights = [[40 * d**-0.5 for d in (16, 64, 256)], [4 * d**-0.5 for d in (16, 64, 256)]]
    np.testing.assert_allclose([line.get_ydata() for line in curves[:3]], [*heights, heights[1]])
    np.testing.assert_allclose(curves[3].get_ydata(), [40 * d**0.125 for d in (16, 64, 256)])
    assert [line.get_linestyle() for line in curves] == ["-", "-", "--", "--"]
    assert curves[1].get_color() == curves[2].get_color() != curves[0].get_color() == curves[3].get_color()
    labels = ax.get_legend_handles_labels()[1]
    minus = "\N{MINUS SIGN}"
    assert labels[1:] == [f"first layer: {minus}0.50 [{minus}0.75, 0.25]", f"both layers: 0.12 [{minus}0.75, 0.25]"]
    assert (ax.get_xscale(), ax.get_yscale(), ax.get_ylabel()) == ("log", "log", "the error")
    ax.figure.canvas.draw()
    assert [label.get_text() for label in ax.get_xticklabels()] == ["16", "64", "256"]


def test_a_prediction_is_drawn_with_the_end_of_its_linear_phase(ax):
    table = pd.DataFrame({"step": [0, 1, 10], "train_loss": [0.5, 0.4, 0.3], "test_loss": [0.5, 0.45, 0.35]})
    train, test, end = plots.prediction(table, ax, 0.25).get_lines()
    assert [line.get_label() for line in (train, test, end)] == ["twin, train", "twin, test", "end of the linear phase"]
    assert test.get_ydata().tolist() == [0.5, 0.45, 0.35]
    assert train.get_linestyle() == "-"
    assert end.get_ydata() == [0.25, 0.25]
