"""The figures' drawings: a table and axes in, the axes out. Columns are those of the tables of a run directory."""

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, LogLocator, NullFormatter, NullLocator
from scipy import stats

# The linear model is drawn first and broad, so that a network on top of it is seen to be on top of it.
_MODELS = ["linear", "network"]
_WIDTHS = {"linear": 2.6, "network": 1.1}
_COLOURS = {"linear": sns.color_palette("colorblind")[1], "network": sns.color_palette("colorblind")[0]}
_SOLID, _DASHED = "", (3, 1.5)
_FIT = {"linewidth": 0.8, "linestyle": "--"}
_LAYERS = {"first": "first layer", "second": "second layer", "both": "both layers"}
_LAYER_COLOURS = dict(zip(_LAYERS, sns.color_palette("colorblind")[2:], strict=False))
_LAYER_MARKERS = {"first": "o", "second": "X", "both": "s"}
_REFERENCE = {"color": "0.35", "linewidth": 0.8, "zorder": 0}


def losses(metrics: pd.DataFrame, ax: Axes, optimum: float) -> Axes:
    """Figure (a): losses of network and linear model against log steps, train solid, test dashed."""
    table = _long(metrics, "loss", {split: f"{{}}_{split}_loss" for split in ("train", "test")})
    _models(table, ax, "loss")
    ax.axhline(optimum, linestyle=":", label="linear optimum", **_REFERENCE)
    return ax


def prediction(table: pd.DataFrame, ax: Axes, optimum: float) -> Axes:
    """The losses that the twin foretells against log steps, train solid, test dashed."""
    for split, style in (("train", "-"), ("test", "--")):
        values = {"x": table["step"], "y": table[f"{split}_loss"]}
        sns.lineplot(**values, ax=ax, color=_COLOURS["linear"], linestyle=style, label=f"twin, {split}", legend=False)
    ax.axhline(optimum, linestyle=":", label="end of the linear phase", **_REFERENCE)
    return _finish(ax, "foretold loss")


def residual(metrics: pd.DataFrame, ax: Axes) -> Axes:
    """The test loss split by the residual's part in V_lin, the span of the inputs, and the part outside it."""
    names = {r"in $V_\mathrm{lin}$": "{}_residual_in", r"outside $V_\mathrm{lin}$": "{}_residual_out"}
    return _models(_long(metrics, "residual", names), ax, "test loss by part")


def kernels(metrics: pd.DataFrame, ax: Axes) -> Axes:
    """Figure (c): the network's tangent kernel against the linear model's and against its own at step 0."""
    names = {
        "kernel_to_linear": "distance to linear model",
        "kernel_movement": "distance to step 0",
        "kernel_alignment": "cosine with linear model",
    }
    table = metrics.melt(id_vars="step", value_vars=list(names), var_name="quantity", value_name="value")
    sns.lineplot(
        data=table,
        x="step",
        y="value",
        hue="quantity",
        style="quantity",
        palette=[_COLOURS["linear"], _COLOURS["network"], "0.35"],
        dashes={"kernel_to_linear": _SOLID, "kernel_movement": _SOLID, "kernel_alignment": _DASHED},
        errorbar=None,
        legend=False,
        ax=ax,
    )
    for line, name in zip(ax.get_lines(), names.values(), strict=True):
        line.set_label(name)
    ax.set_ylim(bottom=0)
    return _finish(ax, "network's tangent kernel")


def logits(table: pd.DataFrame, ax: Axes) -> Axes:
    """Figure (b): outputs on the tracked test examples against log steps, one colour an example.

    Of several outputs, the one whose target is largest: that of the example's own class.
    """
    one_output = table["output"].nunique() == 1
    own = table.loc[table.groupby(["step", "example"])["target"].idxmax()]
    table = own.melt(id_vars=["step", "example"], value_vars=_MODELS, var_name="model", value_name="logit")
    sns.lineplot(
        data=table,
        x="step",
        y="logit",
        hue="example",
        style="model",
        size="model",
        style_order=_MODELS,
        sizes={"linear": 1.6, "network": 1.1},
        dashes={"network": _SOLID, "linear": _DASHED},
        palette=_palette(table["example"].nunique()),
        errorbar=None,
        legend=False,
        ax=ax,
    )
    for model, style in (("network", "-"), ("linear", "--")):
        ax.plot([], [], color="0.2", linestyle=style, label=model)
    return _finish(ax, "output on a test example" if one_output else "output of a test example's own class")


def power_laws(table: pd.DataFrame, exponents: pd.DataFrame, ax: Axes, quantity: str, axis_label: str) -> Axes:
    """A quantity against log d, one colour for each choice of layers: geometric mean and range over the seeds, and the
    fitted power law, dashed, with its exponent in the legend.
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
    for layers, law in fits.iterrows():
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
    ax.xaxis.set_major_locator(FixedLocator(sizes))
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


def mark_step(ax: Axes, step: int, label: str) -> Axes:
    """A vertical line at a step."""
    ax.axvline(step, linestyle="-.", label=label, **_REFERENCE)
    return ax


def _long(metrics: pd.DataFrame, value: str, columns: dict[str, str]) -> pd.DataFrame:
    """Long form: step, model, part and value, from columns named by a pattern that takes the model."""
    parts = [
        pd.DataFrame({"step": metrics["step"], "model": model, "part": part, value: metrics[pattern.format(model)]})
        for model in _MODELS
        for part, pattern in columns.items()
    ]
    return pd.concat(parts, ignore_index=True)


def _models(table: pd.DataFrame, ax: Axes, label: str) -> Axes:
    first, second = table["part"].unique()
    sns.lineplot(
        data=table,
        x="step",
        y=table.columns[-1],
        hue="model",
        size="model",
        style="part",
        hue_order=_MODELS,
        sizes=_WIDTHS,
        palette=_COLOURS,
        dashes={first: _SOLID, second: _DASHED},
        errorbar=None,
        legend=False,
        ax=ax,
    )
    for model in reversed(_MODELS):
        for part, style in ((first, "-"), (second, "--")):
            ax.plot([], [], color=_COLOURS[model], linewidth=_WIDTHS[model], linestyle=style, label=f"{model}, {part}")
    return _finish(ax, label)


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
