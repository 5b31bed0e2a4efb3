"""Learning curves: losses, gaps, parts of the residual and distances of kernels against steps."""

from collections.abc import Callable, Sequence

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.ticker import NullLocator

from tf_earlydyn import columns, names
from tf_earlydyn.columns import NETWORK, TWIN
from tf_earlydyn.plots.curves import curve, finish, in_sight
from tf_earlydyn.plots.styles import COLOURS, REFERENCE, WIDTHS

_PART_NAMES = {
    "train": "train",
    "test": "test",
    "in": r"in $V_\mathrm{lin}$",
    "out": r"outside $V_\mathrm{lin}$",
}


def losses(metrics: pd.DataFrame, ax: Axes, optimum: float) -> Axes:
    """Figure (a): losses of network and linear models against log steps, train solid, test dashed.

    Args:
        metrics: those of ``metrics.csv``, of one seed or several.
        ax: where it is drawn.
        optimum: the linear model's least training loss.
    """
    _models(metrics, ax, "loss", columns.loss, columns.SPLITS, [*columns.companions(metrics), NETWORK])
    ax.axhline(optimum, linestyle=":", label="linear optimum", **REFERENCE)
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
    curves = [(columns.KERNEL_MOVEMENT, COLOURS[NETWORK], "-", "distance to step 0")]
    for name in columns.companions(metrics):
        colour, label = COLOURS[name], names.model(name).in_figures
        curves.append((columns.kernel_distance(name), colour, "-", f"distance to {label}"))
        curves.append((columns.kernel_alignment(name), colour, "--", f"cosine with {label}"))
    for column, colour, style, label in curves:
        curve(metrics, column, ax, color=colour, linestyle=style, label=label)
    ax.set_ylim(bottom=0)
    return finish(ax, "network's tangent kernel")


def prediction(table: pd.DataFrame, ax: Axes, optimum: float) -> Axes:
    """The losses that the twin foretells against log steps, train solid, test dashed.

    Args:
        table: that of ``prediction.csv``.
        ax: where it is drawn.
        optimum: the twin's least training loss.
    """
    for split, style in (("train", "-"), ("test", "--")):
        values = {"x": table["step"], "y": table[f"{split}_loss"]}
        look = {"color": COLOURS[TWIN], "linestyle": style, "label": f"{names.model(TWIN).short}, {split}"}
        sns.lineplot(**values, **look, ax=ax, legend=False)
    ax.axhline(optimum, linestyle=":", label="end of the linear phase", **REFERENCE)
    return finish(ax, "foretold loss")


def _models(
    metrics: pd.DataFrame,
    ax: Axes,
    label: str,
    column: Callable[[str, str], str],
    parts: tuple[str, str],
    models: Sequence[str],
) -> Axes:
    """Two parts of a quantity, solid and dashed, for each model."""
    widths = WIDTHS if NETWORK in models else dict.fromkeys(models, 1.3)
    looks = {
        (model, part): {"color": COLOURS[model], "linewidth": widths[model], "linestyle": style}
        for model in models
        for part, style in zip(parts, ("-", "--"), strict=True)
    }
    if NETWORK in models:
        metrics = in_sight(metrics, [column(*look) for look in looks], [column(NETWORK, part) for part in parts])
    for (model, part), look in looks.items():
        curve(metrics, column(model, part), ax, **look)
    for model in reversed(models):
        for part in parts:
            label_of_part = f"{names.model(model).in_figures}, {_PART_NAMES[part]}"
            ax.plot([], [], **looks[model, part], label=label_of_part)
    return finish(ax, label)
