"""The figures of a training run, drawn from its files alone."""

from collections.abc import Callable, Sequence
from pathlib import Path

from matplotlib.axes import Axes

from tf_earlydyn import columns, names, plots
from tf_earlydyn.report.drawing import Mark, save_figure
from tf_earlydyn.report.titles import title
from tf_earlydyn.rundir import RunDirectory, make_folder, read_csv


def draw_figures(directory: RunDirectory, config: dict, summary: dict) -> list[Path]:
    """Draws the figures from ``metrics.csv`` and ``logits.csv``, with the configuration and summary at hand."""
    metrics = read_csv(directory.metrics)
    drawings: dict[str, Callable[[Axes], Axes]] = {
        "losses": lambda ax: plots.losses(metrics, ax, summary["linear_optimum"]),
        "gaps": lambda ax: plots.gaps(metrics, ax),
    }
    if summary["span_dimension"] < config["sizes"]["n_test"]:  # or nothing lies outside V_lin, and nothing is to see
        drawings["residual"] = lambda ax: plots.residual(metrics, ax)
    if config["tracked"] and config["seeds"] == 1:  # each seed has test examples of its own
        drawings["logits"] = lambda ax: plots.logits(read_csv(directory.logits), ax)
    if columns.KERNEL_MOVEMENT in metrics:
        drawings["kernels"] = lambda ax: plots.kernels(metrics, ax)
    make_folder(directory.figures)
    written = []
    for name, drawing in drawings.items():
        marks = [*half_way(summary), *exits(summary, _EXITS[name], metrics["step"].max())]
        written += save_figure(directory.figures / name, drawing, title(config), marks)
    return written


_EXITS = {"losses": ("loss",), "gaps": ("function",), "residual": (), "logits": ("function",), "kernels": ("kernel",)}


def half_way(summary: dict) -> list[Mark]:
    """The half-way step, if it is known."""
    step = summary["half_step"]
    return [] if step is None else [Mark(step, f"half-way step, {step:,.0f}")]


def exits(summary: dict, kinds: Sequence[str], last: int) -> list[Mark]:
    """Where the network leaves the last of its companions, which is the closest: those steps that are known.

    Args:
        summary: of a run or of several seeds, whose exits have intervals.
        kinds: of the exits.
        last: the run's last step, where an interval ends that has no end.
    """
    name, companion = list(summary["companions"].items())[-1]
    marks = []
    for kind in kinds:
        found, interval = companion["exits"][kind], None
        if isinstance(found, dict):
            interval = found["low"], last if found["high"] is None else found["high"]
            found = found["median"]
        if found is not None:
            leaves = "its kernel has moved" if kind == "kernel" else f"leaves {names.model(name).in_figures} by {kind}"
            marks.append(Mark(found, f"{leaves}, {found:,.0f}", interval))
    return marks
