"""A run directory's figures, drawn from its files alone."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tf_earlydyn import columns, plots
from tf_earlydyn.errors import InputError, WriteError
from tf_earlydyn.rundir import RunDirectory, make_folder, read_csv, read_json, written_whole

__all__ = ["Mark", "draw", "save_figure"]
_COLUMN_WIDTH = 3.4  # inches: one column of a two-column page
_HEIGHT = 3.3
_STYLE: dict[Any, Any] = {
    "pdf.fonttype": 42,
    "font.size": 8,
    "figure.titlesize": 7.5,
    "legend.fontsize": 6.5,
    "savefig.dpi": 300,
}


class Mark(NamedTuple):
    """A step that a figure marks.

    Attributes:
        step: where.
        label: in the legend.
        interval: of steps around it.
    """

    step: float
    label: str
    interval: tuple[float, float] | None = None


def draw(directory: RunDirectory) -> list[Path]:
    """Draws the figures of a finished run again; the files written.

    Args:
        directory: the run's.

    Raises:
        InputError: if a file of the run is missing or cannot be read.
        WriteError: if a figure cannot be written.
    """
    config, summary = read_json(directory.config), read_json(directory.summary)
    try:
        return draw_figures(directory, config, summary)
    except WriteError:
        raise
    except (AttributeError, KeyError, OSError, TypeError, ValueError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise InputError(
            f"the figures of {directory.path} cannot be drawn from what its files hold ({reason})."
        ) from error


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
            leaves = "its kernel has moved" if kind == "kernel" else f"leaves {plots.NAMES[name]} by {kind}"
            marks.append(Mark(found, f"{leaves}, {found:,.0f}", interval))
    return marks


def title(config: dict) -> str:
    """What was run, in two lines."""
    sizes, rate = config["sizes"], config["training"]["learning_rate"]
    return (
        f"{_network(config['model'], config['training'])}, $\\eta$ = {rate:g}\n"
        f"{_source(config['data'])}, n = {sizes['n_train']:,}, {_seeds(config['seed'], config['seeds'])}"
    )


def _seeds(first: int, count: int) -> str:
    return f"seed {first}" if count == 1 else f"seeds {first} to {first + count - 1}"


def _network(model: dict, training: dict) -> str:
    if model["network_file"] is not None:
        return _named(model["network_file"])
    phi = model["activation"].replace("_", " ")
    if model["activation"] == "leaky_relu":
        phi += f" {model['negative_slope']:g}"
    start = "" if model["start"] == "zero" else r", $f_0 \neq 0$"
    if model["model"] != "two_layer":
        return f"{model['model'].upper()} {phi}, {model['depth']} x {model['width']:,}{start}"
    layers = {"first": "first layer", "second": "second layer", "both": "both layers"}[training["train"]]
    return f"two-layer {phi}, m = {model['width']:,}, {layers}{start}"


def _source(data: dict) -> str:
    if data["data"] == "cifar10":
        return f"CIFAR-10 {' / '.join(data['classes'])}, pooled by {data['pool']}"
    if data["data"] == "npz":
        return _named(data["data_file"])
    entries = {"normal": "Gaussian", "rademacher": "Rademacher", "uniform": "uniform"}[data["entries"]]
    spectrum = {"identity": "", "power_law": f", power law {data['power']:g}", "spectrum": ", given spectrum"}
    values = ", f* itself" if data["labels"] == "value" else ""
    return f"{entries}{spectrum[data['covariance']]}, d = {data['d']}{values}"


def _named(file: str) -> str:
    return Path(file).name[-30:].replace("$", r"\$")


def save_figure(
    stem: Path, drawing: Callable[[Axes], Axes], heading: str, marks: Sequence[Mark] = (), legend_columns: int = 2
) -> list[Path]:
    """Draws a figure of one column's width, with its legend below, into a PNG and a PDF file; the files written.

    Args:
        stem: the files' path without its end.
        drawing: draws into the axes that it is given.
        heading: above the axes.
        marks: steps that are marked.
        legend_columns: how many the legend has.

    Raises:
        WriteError: if a file cannot be written.
    """
    with sns.axes_style("ticks"), sns.plotting_context("paper"), matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=(_COLUMN_WIDTH, _HEIGHT), layout="constrained")
        ax = drawing(figure.subplots())
        for number, mark in enumerate(marks):
            plots.mark_step(ax, *mark, number)
        figure.suptitle(heading)  # of the figure: it is wider than the axes
        figure.legend(loc="outside lower center", ncols=legend_columns, frameon=False)
        files = [stem.with_suffix(suffix) for suffix in (".png", ".pdf")]
        for file in files:
            with written_whole(file) as partial:
                figure.savefig(partial)
    return files
