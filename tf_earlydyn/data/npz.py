"""A user's own arrays."""

import warnings
from pathlib import Path

import numpy as np

from tf_earlydyn.config import DataConfig
from tf_earlydyn.config.fields import settled
from tf_earlydyn.data.dataset import Dataset, take_first
from tf_earlydyn.errors import InputError

_NAMES = ("x_train", "y_train", "x_test", "y_test")


def load(config: DataConfig, seed: int) -> Dataset:
    """x_train ``[n, ...]``, y_train ``[n]`` or ``[n, C]``, x_test, y_test of ``config.data_file``, in their order.

    The seed changes nothing here.

    Raises:
        InputError: if the file cannot be read, lacks an array, or an array has the wrong shape, no examples, other than
            real numbers, or values that are not finite.
    """
    arrays = _read(settled(config.data_file))
    for name in _NAMES:
        _check(name, arrays[name])
    train, test = (
        take_first(f"n_{split}", size, len(arrays[f"x_{split}"]))
        for split, size in (("train", config.n_train), ("test", config.n_test))
    )
    if all(arrays[name].ndim == 1 and arrays[name].min() >= 0 for name in ("y_train", "y_test")):
        warnings.warn(
            "no target is negative: labels must be +1 and -1, or one-hot rows, for the accuracy to mean anything.",
            stacklevel=2,
        )
    x_train, y_train, x_test, y_test = (_as_float(name, arrays[name]) for name in _NAMES)
    whole = Dataset(x_train, y_train, x_test, y_test)
    return Dataset(whole.x_train[train], whole.y_train[train], whole.x_test[test], whole.y_test[test])


def _read(path: str) -> dict[str, np.ndarray]:
    try:
        with np.load(Path(path).expanduser(), allow_pickle=False) as file:
            arrays = {name: file[name] for name in _NAMES if name in file}
    except FileNotFoundError as error:
        raise InputError(f"data_file must be an .npz file that exists. Received: data_file={path}.") from error
    except Exception as error:  # whatever a damaged file makes zipfile, zlib or NumPy raise
        reason = str(error).partition("\n")[0]
        raise InputError(
            f"data_file must be an .npz of plain arrays, without pickles. Received: data_file={path} ({reason})."
        ) from error
    missing = [name for name in _NAMES if name not in arrays]
    if missing:
        raise InputError(f"data_file lacks {', '.join(missing)} of {', '.join(_NAMES)}. Received: data_file={path}.")
    return arrays


def _check(name: str, array: np.ndarray) -> None:
    if not isinstance(array, np.ndarray):
        raise InputError(f"{name} must be an array. Received: {type(array).__name__}.")
    if array.dtype.kind not in "fiub":
        raise InputError(f"{name} must hold real numbers. Received: dtype {array.dtype}.")
    wanted = array.ndim >= 2 if name.startswith("x") else array.ndim in (1, 2)
    if not wanted or not array.size:
        shape = "[n, ...]" if name.startswith("x") else "[n] or [n, C]"
        raise InputError(f"{name} must have shape {shape} with at least one example. Received: shape {array.shape}.")
    broken = np.sum(~np.isfinite(_as_float(name, array)))
    if broken:
        raise InputError(f"{name} must hold finite float32 numbers. Received: {broken} that are NaN or infinite.")


def _as_float(name: str, array: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):
        array = array.astype(np.float32)
    return array[:, None] if name.startswith("y") and array.ndim == 1 else array
