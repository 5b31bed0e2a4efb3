"""Imported before TensorFlow: gives this process the settings of a script, where other workers have a program's."""

import os

os.environ.pop("TF_ENABLE_ONEDNN_OPTS", None)  # what benchmarks.processes sets, and a script would keep
os.environ.pop("XLA_FLAGS", None)

import entry

entry.compute_side_by_side()
