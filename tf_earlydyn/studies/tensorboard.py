"""A run's metrics as TensorBoard scalars."""

import contextlib
import shutil
from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from tf_earlydyn import columns
from tf_earlydyn.checkpoints import reason
from tf_earlydyn.columns import COMPANIONS, NETWORK
from tf_earlydyn.errors import WriteError
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
    """A training callback that writes the recorder's newest row as TensorBoard scalars.

    What an earlier part of the run has written is written anew, from the rows that the recorder holds: the run has one
    file of events, without a point twice.

    Raises:
        WriteError: if events cannot be written.
    """

    def __init__(self, directory: RunDirectory, recorder: Recorder) -> None:
        self._folder = directory.events
        self._recorder = recorder
        with self._written():
            if self._folder.exists():
                shutil.rmtree(self._folder)
            self._writer = tf.summary.create_file_writer(str(self._folder))
            for row in recorder.rows:
                self._write(row)

    def __call__(self, step: int) -> None:
        """Writes the row, which is of ``step``.

        Raises:
            WriteError: if it cannot be written.
        """
        with self._written():
            self._write(self._recorder.rows[-1])

    def _write(self, row: dict) -> None:
        with self._writer.as_default(), np.errstate(over="ignore"):
            for column, tag in _TAGS.items():
                if column in row:
                    tf.summary.scalar(tag, np.float32(row[column]), step=row["step"])

    @contextlib.contextmanager
    def _written(self) -> Iterator[None]:
        try:
            yield
            self._writer.flush()
        except (OSError, tf.errors.OpError) as error:
            raise WriteError(self._folder, reason(error)) from error
