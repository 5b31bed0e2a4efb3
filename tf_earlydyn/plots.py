"""The figures' drawings: a table and axes in, the axes out. Columns are those of the tables of a run directory."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, LogLocator, NullFormatter, NullLocator
from scipy import stats

from tf_earlydyn import columns
from tf_earlydyn.columns import COMPANIONS, LINEAR, NETWORK, TWIN

__all__ = ["gaps", "kernels", "logits", "losses", "mark_step", "power_laws", "prediction", "residual"]

# The linear models are drawn first and broad, so that a network on top of them is seen to be on top of them.
_MODELS = [*COMPANIONS, NETWORK]
NAMES = {LINEAR: r"linear model $\psi$", TWIN: "affine twin", NETWORK: "network"}
_WIDTHS = {LINEAR: 3.0, TWIN: 1.9, NETWORK: 0.9}
_COLOURS = dict(zip((NETWORK, LINEAR, TWIN), sns.color_palette("colorblind"), strict=False))
_DASHES = {NETWORK: "", LINEAR: (3, 1.5), TWIN: (1, 1)}
_FIT: dict[str, Any] = {"linewidth": 0.8, "linestyle": "--"}
_LAYERS = {"first": "first layer", "second": "second layer", "both": "both layers"}
_LAYER_COLOURS = dict(zip(_LAYERS, sns.color_palette("colorblind")[2:], strict=False))
_LAYER_MARKERS = {"first": "o", "second": "X", "both": "s"}
_ROOM = 10.0  # times the network's largest value, up to which a linear model that diverges is drawn
_PART_NAMES = {
    "train": "train",
    "test": "test",
    "in": r"in $V_\mathrm{lin}$",
    "out": r"outside $V_\mathrm{lin}$",
}
_MARKS = (("0.35", "-."), (sns.color_palette("colorblind")[3], (0, (4, 1))))
_REFERENCE: dict[str, Any] = {"color": "0.35", "linewidth": 0.8, "zorder": 0}


def losses(metrics: pd.DataFrame, ax: Axes, optimum: float) -> Axes:
    """Figure (a): losses of network and linear models against log steps, train solid, test dashed.

    Args:
        metrics: those of ``metrics.csv``, of one seed or several.
        ax: where it is drawn.
        optimum: the linear model's least training loss.
    """
    _models(metrics, ax, "loss", columns.loss, columns.SPLITS, [*columns.companions(metrics), NETWORK])
    ax.axhline(optimum, linestyle=":", label="linear optimum", **_REFERENCE)
    return ax


def gaps(metrics: pd.DataFrame, ax: Axes) -> Axes:
    """The mean squared gap between the network and each linear model against log steps, train solid, test dashed.

    Args:
        metrics: those of ``metrics.csv``, of one seed or several.
        ax: where it is drawn.
    """
    later = metrics[metrics["step"] > 0]  # at step 0 the gap is 0, which has no place on a logarithmic axis
    _models(later, ax, "mean squared gap to the network", columns.gap, columns.SPLITS, columns.companions(metrics))
    ax.set_yscale("log")
    ax.yaxis.set_minor_locator(NullLocator())
    return ax


def prediction(table: pd.DataFrame, ax: Axes, optimum: float) -> Axes:
    """The losses that the twin foretells against log steps, train solid, test dashed.

    Args:
        table: that of ``prediction.csv``.
        ax: where it is drawn.
        optimum: the twin's least training loss.
    """
    for split, style in (("train", "-"), ("test", "--")):
        values = {"x": table["step"], "y": table[f"{split}_loss"]}
        sns.lineplot(**values, ax=ax, color=_COLOURS[TWIN], linestyle=style, label=f"twin, {split}", legend=False)
    ax.axhline(optimum, linestyle=":", label="end of the linear phase", **_REFERENCE)
    return _finish(ax, "foretold loss")


def residual(metrics: pd.DataFrame, ax: Axes) -> Axes:
    r"""The test loss split by the residual's part in $V_\mathrm{lin}$, the span of the inputs, and the part outside it.

    Args:
        metrics: those of ``metrics.csv``, of one seed or several.
        ax: where it is drawn.
    """
    models = [*columns.companions(metrics), NETWORK]
    return _models(metrics, ax, "test loss by part", columns.residual, columns.PARTS, models)


def kernels(metrics: pd.DataFrame, ax: Axes) -> Axes:
    """Figure (c): the network's tangent kernel against the linear models' and against its own at step 0.

    Args:
        metrics: those of ``metrics.csv``, of one seed or several.
        ax: where it is drawn.
    """
    curves = [(columns.KERNEL_MOVEMENT, _COLOURS[NETWORK], "-", "distance to step 0")]
    for name in columns.companions(metrics):
        colour, label = _COLOURS[name], NAMES[name]
        curves.append((columns.kernel_distance(name), colour, "-", f"distance to {label}"))
        curves.append((columns.kernel_alignment(name), colour, "--", f"cosine with {label}"))
    for column, colour, style, label in curves:
        _curve(metrics, column, ax, color=colour, linestyle=style, label=label)
    ax.set_ylim(bottom=0)
    return _finish(ax, "network's tangent kernel")


def logits(table: pd.DataFrame, ax: Axes) -> Axes:
    """Figure (b): outputs on the tracked test examples against log steps, one colour an example.

    Of several outputs, the one whose target is largest: that of the example's own class.

    Args:
        table: that of ``logits.csv``.
        ax: where it is drawn.
    """
    one_output = table["output"].nunique() == 1
    models = [model for model in _MODELS if model in table]
    own = _in_sight(table.loc[table.groupby(["step", "example"])["target"].idxmax()], models, [NETWORK])
    table = own.melt(id_vars=["step", "example"], value_vars=models, var_name="model", value_name="logit")
    sns.lineplot(
        data=table,
        x="step",
        y="logit",
        hue="example",
        style="model",
        size="model",
        style_order=models,
        sizes={model: 1.1 if model == NETWORK else 1.6 for model in models},
        dashes={model: _DASHES[model] for model in models},
        palette=_palette(table["example"].nunique()),
        errorbar=None,
        legend=False,
        ax=ax,
    )
    for model in reversed(models):
        line = (0, _DASHES[model]) if _DASHES[model] else "-"
        ax.plot([], [], color="0.2", linestyle=line, label=NAMES[model])
    return _finish(ax, "output on a test example" if one_output else "output of a test example's own class")


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
    ax.plot([], [], **_FIT, color=_REFERENCE["color"], label="fitted power of $d$: exponent, 95% interval")
    for name, law in fits.iterrows():
        layers = str(name)
        colour = _LAYER_COLOURS[layers]
        ax.plot(d, law["factor"] * d ** law["exponent"], **_FIT, color=colour)
        label = f"{_LAYERS[layers]}: {law['exponent']:.2f} [{law['low']:.2f}, {law['high']:.2f}]"
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


def _palette(count: int) -> list:
    """Colours that stay apart: the colour-blind safe palette has ten."""
    return sns.color_palette("colorblind" if count <= 10 else "viridis", count)


def mark_step(ax: Axes, step: float, label: str, interval: tuple[float, float] | None = None, mark: int = 0) -> Axes:
    """A vertical line at a step, and a band over an interval of steps around it.

    Args:
        ax: where.
        step: of the line.
        label: in the legend.
        interval: of the band.
        mark: the number of the mark in its figure, which tells it from others by its line and shade.
    """
    shade: dict[str, Any] = {"color": _MARKS[mark][0], "zorder": 0}
    ax.axvline(step, linestyle=_MARKS[mark][1], linewidth=0.8, label=label, **shade)
    if interval is not None:
        ax.axvspan(*interval, alpha=0.15, linewidth=0, **shade)
    return ax


def _models(
    metrics: pd.DataFrame,
    ax: Axes,
    label: str,
    column: Callable[[str, str], str],
    parts: tuple[str, str],
    models: Sequence[str],
) -> Axes:
    """Two parts of a quantity, solid and dashed, for each model."""
    widths = _WIDTHS if NETWORK in models else dict.fromkeys(models, 1.3)
    looks = {
        (model, part): {"color": _COLOURS[model], "linewidth": widths[model], "linestyle": style}
        for model in models
        for part, style in zip(parts, ("-", "--"), strict=True)
    }
    if NETWORK in models:
        metrics = _in_sight(metrics, [column(*names) for names in looks], [column(NETWORK, part) for part in parts])
    for (model, part), look in looks.items():
        _curve(metrics, column(model, part), ax, **look)
    for model in reversed(models):
        for part in parts:
            ax.plot([], [], **looks[model, part], label=f"{NAMES[model]}, {_PART_NAMES[part]}")
    return _finish(ax, label)


def _in_sight(table: pd.DataFrame, names: Sequence[str], of_network: Sequence[str]) -> pd.DataFrame:
    """The table without what is so far beyond the network's own columns that these would not be seen."""
    limit = _ROOM * np.nanmax(table[of_network].abs().to_numpy())
    return table.assign(**{name: table[name].where(table[name].abs() <= limit) for name in names})


def _curve(metrics: pd.DataFrame, column: str, ax: Axes, **look: Any) -> None:
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


def _finish(ax: Axes, label: str) -> Axes:
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
