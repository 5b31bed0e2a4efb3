"""How each model is told apart in every figure; what is drawn of a new one follows from ``columns.COMPANIONS``."""

import itertools
from typing import Any

import numpy as np
import seaborn as sns

from tf_earlydyn.columns import COMPANIONS, NETWORK

_MODELS = (NETWORK, *COMPANIONS)
_PALETTE = sns.color_palette("colorblind")
MARK = _PALETTE.pop(3)  # of marked steps, and so of no model
COLOURS = dict(zip(_MODELS, itertools.cycle(_PALETTE), strict=False))
# The linear models are drawn first and broad, so that a network on top of them is seen to be on top of them.
WIDTHS = {NETWORK: 0.9, **dict(zip(COMPANIONS, np.linspace(3.0, 1.9, len(COMPANIONS)).tolist(), strict=True))}
DASHES = dict(zip(_MODELS, itertools.cycle(("", (3, 1.5), (1, 1), (4, 1, 1, 1), (6, 2))), strict=False))
REFERENCE: dict[str, Any] = {"color": "0.35", "linewidth": 0.8, "zorder": 0}
