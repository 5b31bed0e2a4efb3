"""The figures' drawings: a table and axes in, the axes out. Columns are those of the tables of a run directory."""

from tf_earlydyn.plots.curves import mark_step
from tf_earlydyn.plots.learning import gaps, kernels, losses, prediction, residual
from tf_earlydyn.plots.outputs import logits
from tf_earlydyn.plots.scaling import power_laws

__all__ = ["gaps", "kernels", "logits", "losses", "mark_step", "power_laws", "prediction", "residual"]
