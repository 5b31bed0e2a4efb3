"""A run's metrics as TensorBoard scalars."""

import numpy as np
import tensorflow as tf

from tf_earlydyn import columns
from tf_earlydyn.columns import COMPANIONS, NETWORK
from tf_earlydyn.rundir import RunDirectory
from tf_earlydyn.studies.recording import Recorder

_MODELS = (NETWORK, *COMPANIONS)
_TAGS = {
    **{columns.loss(model, split): f"loss/{model}_{split}" for model in _MODELS for split in columns.SPLITS},
    **{
        column: f"gap/{column.removesuffix('_gap')}"
        for column in (columns.gap(name, split) for name in COMPANIONS for split in columns.SPLITS)
    },
    **{columns.accuracy(model): f"accuracy/{model}" for model in _MODELS},
    **{columns.residual(model, part): f"residual/{model}_{part}" for model in _MODELS for part in columns.PARTS},
    columns.KERNEL_MOVEMENT: "kernel/movement",
    **{columns.kernel_distance(name): f"kernel/to_{name}" for name in COMPANIONS},
    **{
        column: f"kernel/{column.replace('kernel_', '')}"
        for column in (columns.kernel_alignment(name) for name in COMPANIONS)
    },
}


class TensorBoardWriter:
    """A training callback that writes the recorder's newest row as TensorBoard scalars."""

    def __init__(self, directory: RunDirectory, recorder: Recorder) -> None:
        self._writer = tf.summary.create_file_writer(str(directory.events))
        self._recorder = recorder

    def __call__(self, step: int) -> None:
        """Writes the row, which is of ``step``."""
        row = self._recorder.rows[-1]
        with self._writer.as_default(), np.errstate(over="ignore"):
            for column, tag in _TAGS.items():
                if column in row:
                    tf.summary.scalar(tag, np.float32(row[column]), step=step)
        self._writer.flush()
