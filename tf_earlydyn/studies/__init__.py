"""Studies: data, a network and its linear companion in, a run directory out."""

from tf_earlydyn.studies import agreement

__all__ = ["agreement"]
