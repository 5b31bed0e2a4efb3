"""A run is a directory: the name of every file in it, atomic writes, and where the run came from."""

import datetime
import importlib.metadata
import json
import os
import platform
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from tf_earlydyn.errors import InputError

_RECORDED_VERSIONS = (
    "tf_earlydyn",
    "tensorflow",
    "tensorflow-cpu",
    "tensorflow-tpu",
    "tensorflow-datasets",
    "keras",
    "numpy",
    "scipy",
)


class RunDirectory:
    """The files of a run. ``summary`` is written last: a directory without it holds a run that did not finish."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.config = self.path / "config.json"
        self.flags = self.path / "flags.txt"
        self.metrics = self.path / "metrics.csv"
        self.logits = self.path / "logits.csv"
        self.summary = self.path / "summary.json"
        self.provenance = self.path / "provenance.json"
        self.network = self.path / "network.keras"
        self.linear = self.path / "linear.keras"
        self.figures = self.path / "figures"
        self.events = self.path / "events"

    @classmethod
    def create(cls, path: str | None) -> "RunDirectory":
        """Makes the directory; ``runs/<time>`` for None.

        Raises:
            InputError: if it exists or cannot be made.
        """
        directory = cls(path if path is not None else _unused_default())
        directory.require_new()
        try:
            directory.path.mkdir(parents=True)
        except OSError as error:
            raise InputError(
                f"run_dir cannot be made ({error.strerror}). Received: run_dir={directory.path}."
            ) from error
        return directory

    def require_new(self) -> None:
        """Raises InputError if the directory exists, or could not be made, as far as can be seen without making it."""
        if os.path.lexists(self.path):
            raise InputError(f"run_dir must be a new directory. Received: run_dir={self.path}, which exists.")
        parent = next(parent for parent in self.path.absolute().parents if os.path.lexists(parent))
        if not parent.is_dir() or not os.access(parent, os.W_OK | os.X_OK):
            raise InputError(f"run_dir cannot be made in {parent}, which is not a writable directory.")

    @classmethod
    def open_finished(cls, path: str | Path) -> "RunDirectory":
        """A directory that holds a finished run.

        Raises:
            InputError: if it does not.
        """
        directory = cls(path)
        missing = [
            file.name
            for file in (directory.summary, directory.config, directory.metrics, directory.logits)
            if not file.is_file()
        ]
        if missing:
            raise InputError(f"{directory.path} does not hold a finished run: it has no {', '.join(missing)}.")
        return directory


def _unused_default() -> Path:
    name = datetime.datetime.now().strftime("%Y-%m-%d_%H-%M-%S")
    candidates = (Path("runs") / f"{name}{suffix}" for suffix in ("", *(f"_{n}" for n in range(2, 1000))))
    return next(path for path in candidates if not path.exists())


def write_text(path: Path, text: str) -> None:
    """Writes a file whole or not at all."""
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)


def write_json(path: Path, content: dict) -> None:
    """Writes JSON whole or not at all; a number that is not finite raises ValueError, since JSON has none."""
    write_text(path, json.dumps(content, indent=2, allow_nan=False) + "\n")


def read_json(path: Path) -> dict:
    """Reads JSON.

    Raises:
        InputError: if the file cannot be read.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read as JSON: {error}.") from error


def write_csv(path: Path, rows: Sequence[dict]) -> None:
    """Writes a table whole or not at all, every number with all its digits."""
    write_text(path, pd.DataFrame(rows).to_csv(index=False, lineterminator="\n"))


def read_csv(path: Path) -> pd.DataFrame:
    """Reads a table.

    Raises:
        InputError: if the file cannot be read.
    """
    try:
        return pd.read_csv(path)
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read as a table: {error}.") from error


def provenance() -> dict:
    """Versions, platform, and the git commit of the package's source where it is a checkout."""
    return {
        "versions": {"python": platform.python_version(), **_installed_versions()},
        "platform": platform.platform(),
        "git_commit": _git("rev-parse", "HEAD"),
        "git_dirty": None if _git("rev-parse", "HEAD") is None else bool(_git("status", "--porcelain", "-uno")),
    }


def _installed_versions() -> dict[str, str]:
    versions = {}
    for name in _RECORDED_VERSIONS:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions


def _git(*arguments: str) -> str | None:
    """The output of a git command in the package's own checkout; None where there is none."""
    here = Path(__file__).resolve()
    for command in (("ls-files", "--error-unmatch", here.name), arguments):
        try:
            done = subprocess.run(["git", *command], cwd=here.parent, capture_output=True, text=True, check=True)
        except (OSError, subprocess.CalledProcessError):
            return None
    return done.stdout.strip()
