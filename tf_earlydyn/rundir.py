"""A run is a directory: the name of every file in it, and writes that are whole or not at all."""

import contextlib
import datetime
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from tf_earlydyn.errors import InputError, WriteError
from tf_earlydyn.provenance import provenance

if TYPE_CHECKING:  # no TensorFlow here: a model brings it
    import keras

__all__ = ["RunDirectory", "read_csv", "read_json", "written_whole"]


class RunDirectory:
    """The files of a run. ``summary`` is written last: a directory without it holds a run that did not finish.

    Args:
        path: of the directory.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path).expanduser()
        self.config = self.path / "config.json"
        self.flags = self.path / "flags.txt"
        self.metrics = self.path / "metrics.csv"
        self.logits = self.path / "logits.csv"
        self.errors = self.path / "errors.csv"
        self.gaps = self.path / "gaps.csv"
        self.exponents = self.path / "exponents.csv"
        self.prediction = self.path / "prediction.csv"
        self.summary = self.path / "summary.json"
        self.provenance = self.path / "provenance.json"
        self.network = self.path / "network.keras"
        self.linear = self.path / "linear.keras"
        self.twin = self.path / "twin.keras"
        self.figures = self.path / "figures"
        self.report = self.path / "report.html"
        self.events = self.path / "events"
        self.checkpoints = self.path / "checkpoints"

    def of_seed(self, seed: int) -> Path:
        """Where the run of one of several seeds lies."""
        return self.path / f"seed_{seed}"

    @property
    def finished(self) -> bool:
        """Whether it holds all that a run leaves."""
        return os.path.isfile(self.summary)  # noqa: PTH113 (False where the name is too long for a file, too)

    @classmethod
    def new(cls, path: str | None) -> "RunDirectory":
        """A directory still to be made: ``path``, or ``runs/<time>`` for None.

        Raises:
            InputError: if it exists, or cannot be made as far as can be seen without making it.
        """
        directory = cls(path if path is not None else _unused_default())
        if os.path.lexists(directory.path):
            raise InputError(f"run_dir must be a new directory. Received: run_dir={directory.path}, which exists.")
        parent = next(parent for parent in directory.path.absolute().parents if os.path.lexists(parent))
        if not parent.is_dir() or not os.access(parent, os.W_OK | os.X_OK):
            raise InputError(f"run_dir cannot be made in {parent}. Received: run_dir={directory.path}.")
        return directory

    def make(self) -> None:
        """Makes the directory and its parents.

        Raises:
            InputError: if that fails; no parent is left behind then.
        """
        missing = [parent for parent in self.path.absolute().parents if not parent.exists()]
        try:
            self.path.mkdir(parents=True)
        except OSError as error:
            for parent in missing:
                with contextlib.suppress(OSError):
                    parent.rmdir()
            raise InputError(f"run_dir cannot be made ({error.strerror}). Received: run_dir={self.path}.") from error

    @classmethod
    def open_finished(cls, path: str | Path) -> "RunDirectory":
        """A directory that holds a finished run, of any script.

        Raises:
            InputError: if it does not.
        """
        directory = cls(path)
        missing = [file.name for file in (directory.summary, directory.config) if not file.is_file()]
        tables = (directory.metrics, directory.prediction, directory.exponents)
        if not any(table.is_file() for table in tables):
            missing.append(" or ".join(table.name for table in tables))
        if missing:
            raise InputError(f"{directory.path} does not hold a finished run: it has no {', '.join(missing)}.")
        return directory


def _unused_default() -> Path:
    name = datetime.datetime.now().strftime("%Y-%m-%d_%H-%M-%S")
    candidates = (Path("runs") / f"{name}{suffix}" for suffix in ("", *(f"_{n}" for n in range(2, 1000))))
    return next(path for path in candidates if not path.exists())


@contextlib.contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Gives a hidden name, of the same kind, to write to: the file takes its own name when all of it is on the disk.

    Args:
        path: of the file.

    Raises:
        WriteError: if that fails; what ``path`` held before is still there.
    """
    partial = path.with_name(f".{path.stem}.partial{path.suffix}")
    try:
        yield partial
        settle_on_disk(partial)
        partial.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            partial.unlink()  # which makes room
        raise WriteError(path, error.strerror or error) from error


def make_folder(path: Path) -> None:
    """Makes a folder of a run, unless it is there.

    Raises:
        WriteError: if it cannot be made.
    """
    try:
        path.mkdir(exist_ok=True)
    except OSError as error:
        raise WriteError(path, error.strerror) from error


def settle_on_disk(path: Path) -> None:
    """Returns when a file's content is on the disk, and not only on its way."""
    with path.open("rb+") as file:  # Windows settles only what may be written
        os.fsync(file.fileno())


def settle_names(folder: Path) -> None:
    """Returns when the names in a folder are on the disk, where the system can be asked for that."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def write_text(path: Path, text: str) -> None:
    """Writes a file whole or not at all.

    Raises:
        WriteError: if it cannot be written.
    """
    with written_whole(path) as partial:
        partial.write_text(text, encoding="utf-8")


def write_model(path: Path, model: "keras.Model") -> None:
    """Writes a Keras model whole or not at all.

    Raises:
        WriteError: if it cannot be written.
    """
    with written_whole(path) as partial:
        model.save(partial)


def write_json(path: Path, content: dict) -> None:
    """Writes JSON whole or not at all; a number that is not finite raises ValueError, since JSON has none."""
    write_text(path, json.dumps(content, indent=2, allow_nan=False) + "\n")


def write_origin(directory: RunDirectory, description: dict, flags: str) -> None:
    """Writes what a directory is of: the flags that repeat it, by which it is known again, its settings in JSON, and
    where it was made.
    """
    write_text(directory.flags, flags)
    write_json(directory.config, description)
    write_json(directory.provenance, provenance())


def read_json(path: Path) -> dict:
    """Reads JSON.

    Args:
        path: of the file.

    Raises:
        InputError: if the file cannot be read.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read as JSON: {error}.") from error


def write_csv(path: Path, rows: Sequence[dict], columns: list[str] | None = None) -> None:
    """Writes a table whole or not at all, every number with all its digits; ``columns`` head it even without rows."""
    write_text(path, pd.DataFrame(rows, columns=columns).to_csv(index=False, lineterminator="\n"))


def read_csv(path: Path) -> pd.DataFrame:
    """Reads a table of numbers.

    Args:
        path: of a ``.csv`` file.

    Raises:
        InputError: if the file cannot be read, or holds no rows or anything but numbers.
    """
    try:
        table = pd.read_csv(path)
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read as a table: {error}.") from error
    if table.empty or table.isna().any(axis=None) or not all(map(pd.api.types.is_numeric_dtype, table.dtypes)):
        raise InputError(f"{path} must hold rows of numbers, and does not: it is damaged.")
    return table
