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
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(path)]
    try:
        done = subprocess.run(command, capture_output=True, text=True)
    except OSError as error:
        pytest.skip(f"no disk can be mounted here: {error}")
    if done.returncode:
        pytest.skip(f"no disk can be mounted here: {done.stderr.strip()}")
    try:
        yield path
    finally:
        subprocess.run(["umount", "--lazy", str(path)], check=True)


def remount(path, options):
    """Changes the options of a ``tiny_disk``: ``ro``, ``rw`` or another ``size``."""
    subprocess.run(["mount", "-o", f"remount,{options}", str(path)], check=True)
