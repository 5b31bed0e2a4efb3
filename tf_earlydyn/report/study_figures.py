"""The figures of a kernel study, drawn from the files in its directory alone."""

from functools import partial
from pathlib import Path

import pandas as pd

from tf_earlydyn import plots, report
from tf_earlydyn.rundir import RunDirectory, make_folder, read_json

_LABELS = {
    "error": r"$\|\Theta - \Theta_\mathrm{lin}\| \cdot d\,/\,n$",
    "train_gap": "largest train gap",
    "test_gap": "largest test gap",
}


def draw(directory: RunDirectory) -> list[Path]:
    """Draws each quantity that has fitted exponents against d; the files written."""
    config, exponents = read_json(directory.config), pd.read_csv(directory.exponents)
    make_folder(directory.figures)
    written = []
    for quantity in exponents["quantity"].unique():
        table = pd.read_csv(directory.errors if quantity == "error" else directory.gaps)
        drawing = partial(plots.power_laws, table, exponents, quantity=quantity, axis_label=_LABELS[quantity])
        written += report.save_figure(directory.figures / quantity, drawing, title(config), legend_columns=1)
    return written


def title(config: dict) -> str:
    """What was run, in two lines."""
    phi = config["activation"].replace("_", " ")
    if config["activation"] == "leaky_relu":
        phi += f" {config['negative_slope']:g}"
    n, m = 1 + config["alpha"], config["width_exponent"] + config["alpha"]
    sizes = f"$n = d^{{{n:g}}}$, $m = d^{{{m:g}}}$" if n != m else f"$n = m = d^{{{n:g}}}$"
    return f"two-layer {phi}, {sizes}\ngeometric mean and range over {config['seeds']} seeds"
