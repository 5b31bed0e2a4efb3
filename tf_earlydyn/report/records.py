"""What the files of a run say, by which its report is written."""

import contextlib
import dataclasses
from collections.abc import Iterator
from functools import cached_property

import pandas as pd

from tf_earlydyn.errors import InputError, WriteError
from tf_earlydyn.rundir import RunDirectory, read_csv, read_json


@dataclasses.dataclass(frozen=True)
class Record:
    """A run that has ended.

    Attributes:
        directory: where its files lie.
        config, summary: the content of the files of these names.
    """

    directory: RunDirectory
    config: dict
    summary: dict

    @classmethod
    def read(cls, directory: RunDirectory) -> "Record":
        """That of a directory whose files are all there.

        Raises:
            InputError: if one cannot be read.
        """
        return cls(directory, read_json(directory.config), read_json(directory.summary))

    @cached_property
    def metrics(self) -> pd.DataFrame:
        """The table of a training run."""
        return read_csv(self.directory.metrics)

    @cached_property
    def provenance(self) -> dict:
        """Where it was made."""
        return read_json(self.directory.provenance)

    @cached_property
    def seeds(self) -> tuple["Record", ...]:
        """The runs of one seed that it is made of: itself, or those in the directories below."""
        first, count = self.config["seed"], self.config["seeds"]
        if count == 1:
            return (self,)
        below = (self.directory.of_seed(seed) for seed in range(first, first + count))
        return tuple(Record.read(RunDirectory.open_finished(path)) for path in below)


@contextlib.contextmanager
def as_input(directory: RunDirectory) -> Iterator[None]:
    """Within this context, whatever the files of a directory lack is bad input.

    Raises:
        InputError: where that is so.
        WriteError: where it is writing that failed.
    """
    try:
        yield
    except (InputError, WriteError):
        raise
    except (AttributeError, IndexError, KeyError, OSError, TypeError, ValueError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise InputError(
            f"the report of {directory.path} cannot be made from what its files hold ({reason})."
        ) from error
