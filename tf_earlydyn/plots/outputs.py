"""Outputs on single examples against steps."""

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes

from tf_earlydyn import names
from tf_earlydyn.columns import COMPANIONS, NETWORK
from tf_earlydyn.plots.curves import finish, in_sight
from tf_earlydyn.plots.styles import DASHES

_MODELS = [*COMPANIONS, NETWORK]


def logits(table: pd.DataFrame, ax: Axes) -> Axes:
    """Figure (b): outputs on the tracked test examples against log steps, one colour an example.

    Of several outputs, the one whose target is largest: that of the example's own class.

    Args:
        table: that of ``logits.csv``.
        ax: where it is drawn.
    """
    one_output = table["output"].nunique() == 1
    models = [model for model in _MODELS if model in table]
    own = in_sight(table.loc[table.groupby(["step", "example"])["target"].idxmax()], models, [NETWORK])
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
        dashes={model: DASHES[model] for model in models},
        palette=_palette(table["example"].nunique()),
        errorbar=None,
        legend=False,
        ax=ax,
    )
    for model in reversed(models):
        line = (0, DASHES[model]) if DASHES[model] else "-"
        ax.plot([], [], color="0.2", linestyle=line, label=names.model(model).in_figures)
    return finish(ax, "output on a test example" if one_output else "output of a test example's own class")


def _palette(count: int) -> list:
    """Colours that stay apart: the colour-blind safe palette has ten."""
    return sns.color_palette("colorblind" if count <= 10 else "viridis", count)
