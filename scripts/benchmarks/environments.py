"""Environments of the peers, in ``.venv/peers`` of the checkout: made when first needed, then kept."""

import shutil
import subprocess
import sys
import venv
from pathlib import Path

from tf_earlydyn.errors import InputError

_HERE = Path(__file__).parent
_ENVIRONMENTS = _HERE.parents[1] / ".venv" / "peers"


def python(name: str) -> Path:
    """The Python of an environment with what ``requirements/<name>.txt`` lists, made whole or not at all.

    Raises:
        InputError: if it cannot be made.
    """
    directory, requirements = _ENVIRONMENTS / name, _HERE / "requirements" / f"{name}.txt"
    if not _is_ready(directory, requirements):
        print(f"Making {directory}, which takes some minutes", file=sys.stderr)
        try:
            _make(directory, requirements)
        except BaseException as error:
            shutil.rmtree(directory, ignore_errors=True)
            if isinstance(error, OSError | subprocess.CalledProcessError):
                raise InputError(f"{directory} cannot be made: {_last_words(error)}.") from error
            raise
    return _python(directory)


def _is_ready(directory: Path, requirements: Path) -> bool:
    marker = directory / requirements.name
    return marker.is_file() and marker.read_bytes() == requirements.read_bytes() and _python(directory).exists()


def _make(directory: Path, requirements: Path) -> None:
    venv.create(directory, clear=True, with_pip=True)
    install = [_python(directory), "-m", "pip", "install", "--quiet"]
    # Old versions of pip take many minutes to choose among the dependencies, hence the upgrade.
    for arguments in (["--upgrade", "pip"], ["--requirement", requirements]):
        subprocess.run([*install, *arguments], check=True, capture_output=True, text=True)
    shutil.copyfile(requirements, directory / requirements.name)  # last: it says that all is there


def _python(directory: Path) -> Path:
    return directory / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")


def _last_words(error: Exception) -> str:
    lines = (getattr(error, "stderr", None) or str(error)).strip().splitlines()
    return lines[-1].rstrip(".") if lines else type(error).__name__
