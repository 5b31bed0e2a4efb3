"""A run's metrics as TensorBoard scalars."""

from collections.abc import Sequence
from pathlib import Path

from tf_earlydyn import columns
from tf_earlydyn.columns import COMPANIONS, NETWORK
from tf_earlydyn.rundir import RunDirectory
from tf_earlydyn.studies.event_file import EventFile
from tf_earlydyn.studies.recording import Recorder

_MODELS = (NETWORK, *COMPANIONS)
# TensorBoard groups by what is before the slash and sorts by what is after it: the models come last, to stand together.
_TAGS = {
    **{columns.loss(model, split): f"loss/{split}_{model}" for split in columns.SPLITS for model in _MODELS},
    **{columns.gap(name, split): f"gap/{split}_{name}" for split in columns.SPLITS for name in COMPANIONS},
    **{columns.accuracy(model): f"accuracy/test_{model}" for model in _MODELS},
    **{columns.residual(model, part): f"residual/{part}_{model}" for part in columns.PARTS for model in _MODELS},
    columns.KERNEL_MOVEMENT: "kernel/movement",
    **{columns.kernel_distance(name): f"kernel/distance_{name}" for name in COMPANIONS},
    **{columns.kernel_alignment(name): f"kernel/alignment_{name}" for name in COMPANIONS},
}


class TensorBoardWriter:
    """A training callback that writes the recorder's newest row as TensorBoard scalars.

    What an earlier part of the run has written is written anew, from the rows that the recorder holds: the run has one
    file of events, without a point twice.

    Args:
        directory: of the run.
        description: the content of ``config.json``.
        recorder: of the run.

    Raises:
        WriteError: if events cannot be written.
    """

    def __init__(self, directory: RunDirectory, description: dict, recorder: Recorder) -> None:
        self._events = EventFile(directory, description)
        self._recorder = recorder
        for row in recorder.rows:
            self._write(row)

    def __call__(self, step: int) -> None:
        """Writes the row, which is of ``step``.

        Raises:
            WriteError: if it cannot be written.
        """
        self._write(self._recorder.rows[-1])

    def finish(self, figures: Sequence[Path]) -> None:
        """Writes the figures, at the last step.

        Raises:
            WriteError: if they cannot be written.
        """
        self._events.finish(self._recorder.rows[-1]["step"], figures)

    def _write(self, row: dict) -> None:
        values = {tag: row[column] for column, tag in _TAGS.items() if column in row}
        if row["step"] == 0:
            self._events.arrange(values)
        self._events.add(row["step"], values)
