"""Studies: data, networks and their linear companions in, a run directory out."""

from tf_earlydyn.studies import agreement, kernel_scaling, prediction, seeds

__all__ = ["agreement", "kernel_scaling", "prediction", "seeds"]
