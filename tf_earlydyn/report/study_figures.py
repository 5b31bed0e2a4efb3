"""The figures of a study of kernels and of what was foretold, drawn from the files in their directories alone."""

from functools import partial
from pathlib import Path

import pandas as pd

from tf_earlydyn import plots
from tf_earlydyn.names import QUANTITIES
from tf_earlydyn.report.drawing import save_figure
from tf_earlydyn.report.titles import scaling_title, title
from tf_earlydyn.rundir import RunDirectory, make_folder, read_csv


def draw_scaling(directory: RunDirectory, config: dict, _: dict) -> list[Path]:
    """Draws each quantity that has fitted exponents against d; the files written."""
    exponents = pd.read_csv(directory.exponents)
    make_folder(directory.figures)
    written = []
    for quantity in exponents["quantity"].unique():
        table = pd.read_csv(directory.errors if quantity == "error" else directory.gaps)
        axis = QUANTITIES[quantity].axis
        drawing = partial(plots.power_laws, table, exponents, quantity=quantity, axis_label=axis)
        written += save_figure(directory.figures / quantity, drawing, scaling_title(config), legend_columns=1)
    return written


def draw_prediction(directory: RunDirectory, config: dict, summary: dict) -> list[Path]:
    """Draws the foretold losses; the files written."""
    drawing = partial(plots.prediction, read_csv(directory.prediction), optimum=summary["train_optimum"])
    make_folder(directory.figures)
    return save_figure(directory.figures / "prediction", drawing, title(config))
