"""A drawing, saved as a figure: one column's width, its legend below, a title above."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tf_earlydyn import plots
from tf_earlydyn.rundir import written_whole

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


def save_figure(
    stem: Path, drawing: Callable[[Axes], Axes], heading: str, marks: Sequence[Mark] = (), legend_columns: int = 2
) -> list[Path]:
    """Draws a figure of one column's width, with its legend below, into a PNG and a PDF file; the files written.

    Args:
        stem: the files' path without its end.
        drawing: draws into the axes that it is given.
        heading: above the axes.
        marks: steps that are marked, of which six are told apart.
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
