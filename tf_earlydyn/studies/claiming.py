"""Run directories that a process takes for itself: new ones, and those of runs that it is to go on with."""

import contextlib
import os
import signal
from collections.abc import Iterator

from tf_earlydyn import signals
from tf_earlydyn.config import RunConfig, flagfile
from tf_earlydyn.errors import InputError, Stopped, WriteError
from tf_earlydyn.locks import locked
from tf_earlydyn.rundir import RunDirectory
from tf_earlydyn.studies.identity import FREE

_ADVICE = "make room, or let it be written, and go on with --resume."


class Claim:
    """A run directory that no other process works on while it is claimed; of a finished one nothing is claimed."""

    def __init__(self, directory: RunDirectory, held: contextlib.ExitStack) -> None:
        self.directory = directory
        self._held = held
        self._locked = False

    def make(self) -> None:
        """Makes the directory where it is still to be made.

        Raises:
            InputError: if that fails, or another process has made it meanwhile.
        """
        if not self._locked:
            self.directory.make()
            self.hold()

    def hold(self) -> None:
        """Locks the directory, if it is not locked yet."""
        if not self._locked:
            self._held.enter_context(locked(self.directory.path))
            self._locked = True


@contextlib.contextmanager
def claimed(config: RunConfig, resume: bool) -> Iterator[Claim]:
    """The directory of a run: a new one, or where ``resume`` is true what there is of the same run.

    Raises:
        InputError: if it cannot be that, or another process is at work on it.
        WriteError: if a file of it cannot be written.
        Stopped: if a signal stops whatever is done within, in a directory that can be resumed.
    """
    directory = _directory(config, resume)
    with contextlib.ExitStack() as held:
        try:
            claim = Claim(directory, held)
            if os.path.lexists(directory.path) and not directory.finished:
                claim.hold()
                _directory(config, resume)  # again: it may have been worked on until now
            yield claim
        except WriteError as error:
            raise WriteError(error.path, error.strerror, _ADVICE) from error
        except KeyboardInterrupt as stop:
            if not getattr(stop, "at_once", True) or not directory.flags.is_file() or directory.finished:
                raise
            number = getattr(stop, "signal", signal.SIGINT)
            word = f"Stopped by {signals.name(number)} at work on {directory.path}: go on with --resume."
            raise Stopped(number, word) from stop


def _directory(config: RunConfig, resume: bool) -> RunDirectory:
    if not resume:
        return RunDirectory.new(config.run_dir)
    if config.run_dir is None:
        raise InputError("resume takes run_dir, the directory of the run to go on with. Received: run_dir=None.")
    directory = RunDirectory(config.run_dir)
    if not directory.path.is_dir():
        return RunDirectory.new(config.run_dir)
    if not os.access(directory.path, os.R_OK | os.X_OK):
        raise InputError(f"run_dir must be one that may be read. Received: run_dir={directory.path}.")
    if directory.flags.is_file():
        _require_the_same_flags(directory, config)
    elif others := _strangers(directory, config):
        raise InputError(
            f"resume takes the directory of a run, or one that is empty. Received: run_dir={directory.path}, which "
            f"holds {', '.join(others[:3])} and no {directory.flags.name}."
        )
    return directory


def _strangers(directory: RunDirectory, config: RunConfig) -> list[str]:
    """What a run that has only begun would not have made: of several seeds, it has made the first one's directory."""
    made = {directory.of_seed(config.seed)} if config.seeds > 1 else set()
    return sorted(file.name for file in set(directory.path.iterdir()) - made if not file.name.startswith("."))


def _require_the_same_flags(directory: RunDirectory, config: RunConfig) -> None:
    try:
        was = _flags(directory.flags.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{directory.flags} cannot be read: {error}.") from error
    now = _flags(flagfile(config))
    changed = [name for name in (was | now) if name not in FREE and not _same(was.get(name), now.get(name))]
    if changed:
        told = ", ".join(
            f"{name} (was {was.get(name, 'not given')}, now {now.get(name, 'not given')})" for name in changed
        )
        raise InputError(f"a run is resumed with its own flags ({directory.flags}). Received other ones: {told}.")


def _flags(text: str) -> dict[str, str]:
    return {name: value for name, _, value in (line.removeprefix("--").partition("=") for line in text.splitlines())}


def _same(one: str | None, other: str | None) -> bool:
    """1 is 1.0: Python makes no difference where a setting is a number."""
    if one is None or other is None:
        return one is other
    try:
        return one == other or float(one) == float(other)
    except ValueError:
        return False
