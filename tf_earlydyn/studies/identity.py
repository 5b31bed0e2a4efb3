"""What makes a run the one that it is: its settings, and what is in the files that it reads."""

import hashlib
from pathlib import Path
from typing import Any

from tf_earlydyn.config import RunConfig
from tf_earlydyn.config.fields import PATHS, settings
from tf_earlydyn.errors import InputError

FREE = {"run_dir", "checkpoint_seconds"}  # settings by which a run is no other one


def identity(config: RunConfig) -> dict[str, Any]:
    """All that a run is told by, by name, the same names for every run; where its files lie tells nothing.

    Raises:
        InputError: if a file cannot be read.
    """
    told = {name: value for name, value in settings(config).items() if name not in FREE}
    return {**told, **dict.fromkeys(PATHS), **files_of(config)}


def files_of(config: RunConfig) -> dict[str, str]:
    """What tells the files that a run is of from others of the same name.

    Raises:
        InputError: if one cannot be read.
    """
    data_file = config.data.data_file if config.data.data == "npz" else None
    files = {"data_file": data_file, "network_file": config.model.network_file}
    return {name: _digest(Path(file).expanduser()) for name, file in files.items() if file is not None}


def _digest(file: Path) -> str:
    digest = hashlib.blake2b()
    try:
        with file.open("rb") as content:
            while part := content.read(2**20):
                digest.update(part)
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}.") from error
    return digest.hexdigest()
