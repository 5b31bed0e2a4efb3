"""What several test modules need."""

import contextlib
import os
import subprocess
from pathlib import Path

import pytest

CIFAR10 = Path(os.environ.get("TFDS_DATA_DIR", "~/tensorflow_datasets")).expanduser() / "cifar10"
needs_cifar10 = pytest.mark.skipif(not CIFAR10.is_dir(), reason=f"CIFAR-10 is not in {CIFAR10.parent} (TFDS_DATA_DIR)")

# Code that a process of its own begins with. The system's count for a process, ru_maxrss, would not do: it begins
# with what the parent process held.
PEAK_MEMORY = '''
def peak_memory():
    """The most memory that this process has held, in bytes."""
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))
'''
needs_proc = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="there is no /proc to read memory from")


def draw_nothing(directory, *_):
    """In place of ``report.draw_figures``."""
    directory.figures.mkdir(exist_ok=True)
    return []


@contextlib.contextmanager
def tiny_disk(path, size="1m"):
    """A file system of its own, of 1 MB, at ``path``; skips the test where none can be mounted."""
    path.mkdir()
    with mounted("-t", "tmpfs", "-o", f"size={size}", "tmpfs", path):
        yield path


@contextlib.contextmanager
def mounted(*arguments):
    """Within this context something is mounted, at the last of the arguments; skips the test where it cannot be."""
    try:
        done = subprocess.run(["mount", *map(str, arguments)], capture_output=True, text=True)
    except OSError as error:
        pytest.skip(f"nothing can be mounted here: {error}")
    if done.returncode:
        pytest.skip(f"nothing can be mounted here: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(arguments[-1])], check=True)


@contextlib.contextmanager
def only_to_be_read(folder):
    """Within this context nothing can be made in a folder: it is not permitted or, to root, whom that does not stop,
    the folder is mounted over itself. What is open for writing stays so.
    """
    if os.geteuid() == 0:
        with mounted("--bind", folder, folder):
            subprocess.run(["mount", "-o", "remount,bind,ro", str(folder)], check=True)
            yield
        return
    folders = [folder, *(below for below in folder.rglob("*") if below.is_dir())]
    for each in folders:
        each.chmod(0o500)
    try:
        yield
    finally:
        for each in folders:
            each.chmod(0o700)
