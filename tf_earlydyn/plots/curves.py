"""Curves against gradient-descent steps, and the axes that they are drawn in."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, NullFormatter, NullLocator

from tf_earlydyn.plots.styles import MARK

_ROOM = 10.0  # times the network's largest value, up to which a linear model that diverges is drawn
_SHADES = ("0.35", MARK)
_LINES: tuple[Any, ...] = ("-.", (0, (4, 1)), (0, (7, 2, 1, 2, 1, 2)))


def curve(metrics: pd.DataFrame, column: str, ax: Axes, **look: Any) -> None:
    """A column against the steps: the median and the range over the seeds, if there are several."""
    several = "seed" in metrics
    sns.lineplot(
        data=metrics,
        x="step",
        y=column,
        estimator="median",
        errorbar=("pi", 100) if several else None,
        err_kws={"alpha": 0.15, "linewidth": 0},
        legend=False,
        ax=ax,
        **look,
    )


def in_sight(table: pd.DataFrame, names: Sequence[str], of_network: Sequence[str]) -> pd.DataFrame:
    """The table without what is so far beyond the network's own columns that these would not be seen."""
    limit = _ROOM * np.nanmax(table[of_network].abs().to_numpy())
    return table.assign(**{name: table[name].where(table[name].abs() <= limit) for name in names})


def finish(ax: Axes, label: str) -> Axes:
    """Names the axes, with the steps on a logarithmic scale."""
    ax.set_ylabel(label)
    ax.set_xlabel("gradient-descent step")
    # Logarithmic, yet with a place for step 0.
    ax.set_xscale("symlog", linthresh=1, linscale=0.3)
    ax.set_xlim(left=0)
    last = ax.get_xlim()[1]
    powers = [10**exponent for exponent in range(20) if 10**exponent <= last]
    named = powers if last >= 10 else [step for step in (1, 2, 5) if step <= last]
    ax.xaxis.set_major_locator(FixedLocator([0, *named]))
    ax.xaxis.set_major_formatter(lambda step, _: f"{step:,.0f}")
    ax.xaxis.set_minor_locator(FixedLocator([k * power for power in powers for k in range(2, 10) if k * power <= last]))
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.yaxis.set_minor_locator(NullLocator())
    sns.despine(ax=ax)
    return ax


def mark_step(ax: Axes, step: float, label: str, interval: tuple[float, float] | None = None, mark: int = 0) -> Axes:
    """A vertical line at a step, and a band over an interval of steps around it.

    Args:
        ax: where.
        step: of the line.
        label: in the legend.
        interval: of the band.
        mark: the number of the mark in its figure, from 0: by line and shade, six are told apart, and the seventh
            looks like the first.
    """
    shade: dict[str, Any] = {"color": _SHADES[mark % len(_SHADES)], "zorder": 0}
    ax.axvline(step, linestyle=_LINES[mark % len(_LINES)], linewidth=0.8, label=label, **shade)
    if interval is not None:
        ax.axvspan(*interval, alpha=0.15, linewidth=0, **shade)
    return ax
