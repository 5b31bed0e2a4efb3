"""One live process on a directory: a lock that the kernel takes back when its holder dies, however it dies."""

import contextlib
import os
import warnings
from collections.abc import Iterator
from pathlib import Path

from tf_earlydyn.errors import InputError, WriteError

try:
    import fcntl
except ImportError:  # on Windows
    fcntl = None  # type: ignore[assignment]

NAME = ".lock"


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Holds ``folder`` for this process, by a file of no content that is gone afterwards.

    Where there are no such locks, there is a warning instead.

    Raises:
        InputError: if another live process holds it.
        WriteError: if the file cannot be made.
    """
    if fcntl is None:
        _warn("this system has none of its kind")
        yield
        return
    file = folder / NAME
    held = _hold(file)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            file.unlink()
        os.close(held)


def _hold(file: Path) -> int:
    """A descriptor of the file, locked."""
    while True:
        try:
            descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o666)
        except OSError as error:
            raise WriteError(file, error.strerror) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(descriptor)
            raise InputError(
                f"another process is at work on this run: wait for it, or end it. Received: run_dir={file.parent}."
            ) from error
        except OSError as error:
            _warn(f"its file system knows none ({error.strerror})")
            return descriptor
        if _is_still(file, descriptor):
            return descriptor
        os.close(descriptor)  # its holder took the file away when it was done: a new one is to be locked


def _warn(reason: str) -> None:
    warnings.warn(
        f"the run directory is not locked, since {reason}: take care that no other process works on this run.",
        stacklevel=1,  # of several seeds each says it, and it is shown once
    )


def _is_still(file: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(file.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False
