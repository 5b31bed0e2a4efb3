"""A kernel in an ``.npy`` file that is written tile by tile, and taken up again after a kill."""

import hashlib
import json
import time
from pathlib import Path
from typing import cast

import numpy as np

from tf_earlydyn.errors import InputError
from tf_earlydyn.ntk.blocks import Plan
from tf_earlydyn.ntk.kernel import TangentKernel
from tf_earlydyn.ntk.tiles import Sides
from tf_earlydyn.rundir import read_json, write_json

_SECONDS_BETWEEN_NOTES = 5.0


class KernelFile:
    """A file under another name until it is whole, beside a note of how many tiles it holds and of which kernel.

    Args:
        path: the ``.npy`` file.
        shape, dtype: of the array.
        identity: what tells this kernel from others.
        total: how many tiles it has.

    Attributes:
        array: the array, memory-mapped.
        tiles: how many tiles it holds.

    Raises:
        InputError: if the file exists, cannot be made, or its beginning is of another kernel.
    """

    def __init__(self, path: Path, shape: tuple[int, ...], dtype: np.dtype, identity: str, total: int) -> None:
        self._path = path.expanduser()
        self._partial = self._path.with_name(f".{self._path.name}.partial")
        self._note = self._path.with_name(f".{self._path.name}.json")
        self._identity = identity
        self._noted = time.monotonic()
        if self._path.suffix != ".npy" or self._path.exists():
            raise InputError(f"file must be a new .npy file. Received: file={path}.")
        if self._partial.exists() and self._note.exists():
            self.array, self.tiles = self._begun(total)
        else:
            self.array, self.tiles = self._new(shape, dtype), 0

    def _new(self, shape: tuple[int, ...], dtype: np.dtype) -> np.memmap:
        try:
            self._note.unlink(missing_ok=True)  # that of an older file must never vouch for this one
            array = np.lib.format.open_memmap(self._partial, mode="w+", dtype=dtype, shape=shape)
            self._write_note(0)
        except OSError as error:
            raise InputError(f"file cannot be made ({error.strerror}). Received: file={self._path}.") from error
        return array

    def _begun(self, total: int) -> tuple[np.memmap, int]:
        note = read_json(self._note)
        if (
            not isinstance(note, dict)
            or note.get("identity") != self._identity
            or note.get("tiles") not in range(total)
        ):
            raise InputError(
                f"{self._partial} is the beginning of another kernel (other weights, inputs or options): delete it, "
                f"or name another file. Received: file={self._path}."
            )
        try:
            np.lib.format.open_memmap(self._partial, mode="r")  # fails on a short file, which r+ would fill up
            return np.lib.format.open_memmap(self._partial, mode="r+"), note["tiles"]
        except ValueError as error:
            raise InputError(
                f"{self._partial} is damaged ({error}): delete it. Received: file={self._path}."
            ) from error

    def tile_written(self) -> None:
        """Counts a tile, which is noted every few seconds: a kill costs no more."""
        self.tiles += 1
        if time.monotonic() - self._noted > _SECONDS_BETWEEN_NOTES:
            self.array.flush()
            self._write_note(self.tiles)
            self._noted = time.monotonic()

    def _write_note(self, tiles: int) -> None:
        write_json(self._note, {"identity": self._identity, "tiles": tiles})

    def finish(self) -> np.ndarray:
        """The whole array under its own name, memory-mapped for reading."""
        self.array.flush()
        self._partial.replace(self._path)
        self._note.unlink()
        return np.load(self._path, mmap_mode="r")


def fingerprint(matrix: Sides, chosen: Plan) -> str:
    """What tells a kernel matrix, and the order of its tiles, from others."""
    rows, columns = cast(tuple[TangentKernel, TangentKernel], matrix)  # feature kernels have no file
    model = rows.model
    symmetric = rows is columns
    digest = hashlib.sha256(json.dumps([rows.description, chosen, symmetric], default=str).encode())
    outputs = np.asarray(model(rows.x[:2], training=False))  # which tell of what is no weight
    for array in (rows.x, columns.x, outputs, *(variable.numpy() for variable in model.variables)):
        digest.update(f"{array.shape} {array.dtype}".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
