"""A run directory's figures and its report, made from its files alone."""

from collections.abc import Sequence
from pathlib import Path

from tf_earlydyn.report.drawing import Mark, save_figure
from tf_earlydyn.report.figures import draw_figures as draw_figures, exits as exits, half_way as half_way
from tf_earlydyn.report.kinds import kind_of
from tf_earlydyn.report.page import page as page
from tf_earlydyn.report.records import Record, as_input
from tf_earlydyn.report.study_figures import draw_prediction as draw_prediction, draw_scaling as draw_scaling
from tf_earlydyn.report.titles import title as title
from tf_earlydyn.rundir import RunDirectory, write_text

__all__ = ["Mark", "Record", "draw", "save_figure", "write"]


def draw(directory: RunDirectory) -> list[Path]:
    """Draws the figures of a finished run again; the files written.

    Args:
        directory: the run's.

    Raises:
        InputError: if a file of the run is missing or cannot be read.
        WriteError: if a figure cannot be written.
    """
    record = Record.read(directory)
    with as_input(directory):
        return kind_of(directory).draw(directory, record.config, record.summary)


def write(records: Sequence[Record], file: Path | None = None) -> Path:
    """Writes the report of one run or of several side by side, with their figures as they are; its file.

    Args:
        records: the runs.
        file: where; by default ``report.html`` in the first run's directory.

    Raises:
        InputError: if a file of a run is missing or cannot be read.
        WriteError: if it cannot be written.
    """
    file = records[0].directory.report if file is None else file
    write_text(file, page(records))
    return file
