"""Studies: data, a network and its linear companion in, a run directory out."""
