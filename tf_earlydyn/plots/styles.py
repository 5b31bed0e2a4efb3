"""How each model is told apart in every figure."""

from typing import Any

import seaborn as sns

from tf_earlydyn.columns import LINEAR, NETWORK, TWIN

NAMES = {LINEAR: r"linear model $\psi$", TWIN: "affine twin", NETWORK: "network"}
COLOURS = dict(zip((NETWORK, LINEAR, TWIN), sns.color_palette("colorblind"), strict=False))
DASHES = {NETWORK: "", LINEAR: (3, 1.5), TWIN: (1, 1)}
REFERENCE: dict[str, Any] = {"color": "0.35", "linewidth": 0.8, "zorder": 0}
