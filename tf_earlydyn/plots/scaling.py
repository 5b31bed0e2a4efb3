"""How a quantity falls with the input dimension."""

from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, LogLocator, NullFormatter, NullLocator
from scipy import stats

from tf_earlydyn.names import LAYERS
from tf_earlydyn.plots.styles import REFERENCE

_FIT: dict[str, Any] = {"linewidth": 0.8, "linestyle": "--"}
_LAYER_COLOURS = dict(zip(LAYERS, sns.color_palette("colorblind")[2:], strict=False))
_LAYER_MARKERS = {"first": "o", "second": "X", "both": "s"}


def power_laws(table: pd.DataFrame, exponents: pd.DataFrame, ax: Axes, quantity: str, axis_label: str) -> Axes:
    """A quantity against log d, one colour for each choice of layers.

    Geometric mean and range over the seeds, and the fitted power law, dashed, with its exponent in the legend.

    Args:
        table: that of ``errors.csv`` or ``gaps.csv``.
        exponents: those of ``exponents.csv``.
        ax: where it is drawn.
        quantity: a column of ``table``.
        axis_label: its name in the figure.
    """
    fits = exponents[exponents["quantity"] == quantity].set_index("layers")
    # Drawn in this order, so that one on top of both layers, which is drawn broad, is seen to be on top of it.
    names = [layers for layers in ("both", "second", "first") if layers in fits.index]
    sns.lineplot(
        data=table,
        x="d",
        y=quantity,
        hue="layers",
        style="layers",
        size="layers",
        hue_order=names,
        style_order=names,
        size_order=names,
        palette=_LAYER_COLOURS,
        markers=_LAYER_MARKERS,
        sizes={"first": 1.1, "second": 1.1, "both": 2.6},
        dashes=False,
        estimator=stats.gmean,
        errorbar=("pi", 100),
        legend=False,
        ax=ax,
    )
    d = np.sort(table["d"].unique())
    ax.plot([], [], **_FIT, color=REFERENCE["color"], label="fitted power of $d$: exponent, 95% interval")
    for name, law in fits.iterrows():
        layers = str(name)
        colour = _LAYER_COLOURS[layers]
        ax.plot(d, law["factor"] * d ** law["exponent"], **_FIT, color=colour)
        label = f"{LAYERS[layers]}: {law['exponent']:.2f} [{law['low']:.2f}, {law['high']:.2f}]"
        style = {"color": colour, "marker": _LAYER_MARKERS[layers], "markeredgecolor": "w"}
        ax.plot([], [], **style, label=label.replace("-", "\N{MINUS SIGN}"))
    return _log_log(ax, d, axis_label)


def _log_log(ax: Axes, sizes: np.ndarray, label: str) -> Axes:
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlabel("input dimension $d$")
    ax.set_ylabel(label)
    ax.xaxis.set_major_locator(FixedLocator(sizes.tolist()))
    ax.xaxis.set_major_formatter(lambda size, _: f"{size:,.0f}")
    ax.xaxis.set_minor_locator(NullLocator())
    ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    ax.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    ax.yaxis.set_minor_formatter(NullFormatter())
    sns.despine(ax=ax)
    return ax
