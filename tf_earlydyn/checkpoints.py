"""Checkpoints of variables and of a state in JSON: each whole or not there, and read only if every byte is right."""

import json
import re
import shutil
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import tensorflow as tf

from tf_earlydyn.errors import InputError, WriteError
from tf_earlydyn.rundir import settle_names, settle_on_disk

KEPT = 3
_FILE = re.compile(r"ckpt-(\d+)\.(index|data-.*)")
_STATE = "state/.ATTRIBUTES/py_state"  # the state's place in a checkpoint


class Checkpoints:
    """The checkpoints in a folder, which is made by the first of them; the last three are kept.

    The folder is what tells which there are: a list of them beside them could be damaged, or tell of others. A
    checkpoint is written under a hidden name, and its index takes its own name last.

    Args:
        folder: where they lie.
        variables: what is saved and restored, by any name; the state goes into the same files.
    """

    def __init__(self, folder: Path, variables: Mapping[str, Sequence[tf.Variable]]) -> None:
        self._folder = folder
        self._state = _State()
        self._checkpoint = tf.train.Checkpoint(
            variables={name: list(values) for name, values in variables.items()}, state=self._state
        )

    def save(self, step: int, state: dict) -> None:
        """Writes the checkpoint of ``step``, and drops those that are not among the last up to it.

        Raises:
            WriteError: if it cannot be written; those before it are still there.
        """
        partial = self._folder / ".partial"
        self._state.content = state
        try:
            shutil.rmtree(partial, ignore_errors=True)  # what a killed process left
            partial.mkdir(parents=True)
            self._checkpoint.write(str(partial / f"ckpt-{step}"))
            for file in sorted(partial.iterdir()):  # the index after the data
                settle_on_disk(file)
                file.replace(self._folder / file.name)
            partial.rmdir()
            for folder in (self._folder, self._folder.parent):  # which holds what the run is known again by
                settle_names(folder)
            self._drop_all_but([found for found in self.steps() if found <= step][-KEPT:])
        except (OSError, tf.errors.OpError) as error:
            shutil.rmtree(partial, ignore_errors=True)  # which makes room
            raise WriteError(self._folder / f"ckpt-{step}", reason(error)) from error

    def steps(self) -> list[int]:
        """Those of which there is a checkpoint, whole or damaged, rising."""
        return sorted({step for _, step in self._files()})

    def restore(self, check: Callable[[dict], None] = lambda state: None) -> dict | None:
        """Restores the newest checkpoint that is whole, with a warning of damaged ones; its state, or None for none.

        Every variable is restored, and everything in the checkpoint is a variable's.

        Args:
            check: is called with the state before any variable is restored, and may raise.

        Raises:
            InputError: if the folder cannot be read, or the variables are not those that were saved.
        """
        damaged = {}
        state = None
        for step in reversed(self.steps()):
            prefix = str(self._folder / f"ckpt-{step}")
            try:
                state = _read(prefix)
            except Exception as error:  # whatever a damaged file leads to
                damaged[Path(prefix).name] = reason(error)
                continue
            check(state)
            self._take(prefix)
            break
        if damaged:
            found = ", ".join(f"{name} ({why})" for name, why in damaged.items())
            taken = "none is left" if state is None else f"ckpt-{step} is taken"
            warnings.warn(f"damaged checkpoints in {self._folder}: {found}; {taken}.", stacklevel=2)
        return state

    def _take(self, prefix: str) -> None:
        try:
            self._checkpoint.read(prefix).assert_consumed()
        except (AssertionError, ValueError) as error:
            reason = str(error).partition("\n")[0]
            raise InputError(
                f"a run is resumed with the models that it was begun with. Received: {prefix}, which holds others "
                f"({reason})."
            ) from error

    def remove(self) -> None:
        """Removes them all, when what lies beside their folder will outlast a loss of power."""
        settle_names(self._folder.parent)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _drop_all_but(self, kept: Sequence[int]) -> None:
        for file, step in list(self._files()):
            if step not in kept:
                file.unlink()

    def _files(self) -> Iterator[tuple[Path, int]]:
        try:
            files = list(self._folder.iterdir()) if self._folder.is_dir() else []
        except PermissionError as error:
            raise InputError(f"{self._folder} cannot be read ({error.strerror}): let it be read.") from error
        for file in files:
            if found := _FILE.fullmatch(file.name):
                yield file, int(found[1])


class _State(tf.train.experimental.PythonState):
    """A part of a checkpoint that is not a tensor: JSON, in which floats keep every digit."""

    def __init__(self) -> None:
        self.content: dict = {}

    def serialize(self) -> str:
        """As TensorFlow asks for it."""
        return json.dumps(self.content)

    def deserialize(self, string_value: str) -> None:
        """As TensorFlow asks for it."""
        self.content = json.loads(string_value)


def _read(prefix: str) -> dict:
    """The state in a checkpoint of which all has been read, which compares every checksum."""
    reader = tf.train.load_checkpoint(prefix)
    content = {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()}
    return json.loads(content[_STATE])


def reason(error: Exception) -> str:
    """Why a file could not be written or read, in words: TensorFlow says it last, after what it was doing."""
    if isinstance(error, OSError):
        return error.strerror or str(error)
    text = getattr(error, "message", None) or str(error)
    return text.strip().partition("\n")[0].rpartition("; ")[2].partition(" [Op:")[0]
