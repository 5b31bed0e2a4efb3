"""What every source of data gives."""

import dataclasses

import numpy as np

from tf_earlydyn.errors import InputError

_ARRAYS = ("x_train", "y_train", "x_test", "y_test")


@dataclasses.dataclass(frozen=True)
class Dataset:
    """Training and test examples.

    Attributes:
        x_train, x_test: inputs, ``[n, ...]`` float32 as they are loaded, each of d numbers.
        y_train, y_test: targets, ``[n, C]``, likewise.
        spectrum: eigenvalues of the inputs' covariance Sigma, ``[d]``; None where not known: real or normalised data.
        preprocessing: what was done to the inputs, in words, in order.
    """

    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    spectrum: np.ndarray | None = None
    preprocessing: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for split in ("train", "test"):
            x, y = getattr(self, f"x_{split}"), getattr(self, f"y_{split}")
            if x.ndim < 2 or y.ndim != 2 or len(x) != len(y):
                raise InputError(
                    f"x_{split} must be [n, ...] and y_{split} [n, C]. Received: shapes {x.shape} and {y.shape}."
                )
        if self.x_train.shape[1:] != self.x_test.shape[1:] or self.y_train.shape[1:] != self.y_test.shape[1:]:
            raise InputError(
                "training and test examples must have the same shape. Received: "
                f"{self.x_train.shape[1:]} and {self.x_test.shape[1:]}, targets {self.y_train.shape[1:]} and "
                f"{self.y_test.shape[1:]}."
            )

    def as_type(self, dtype: str) -> "Dataset":
        """The same examples in another dtype."""
        arrays = {name: getattr(self, name).astype(dtype, copy=False) for name in _ARRAYS}
        return dataclasses.replace(self, **arrays)

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The shape of one input."""
        return self.x_train.shape[1:]

    @property
    def outputs(self) -> int:
        """C."""
        return self.y_train.shape[1]


def take_first(name: str, wanted: int | None, available: int) -> slice:
    """The slice of the first ``wanted`` of ``available`` examples; all of them if ``wanted`` is None.

    Raises:
        InputError: if there are not that many.
    """
    if wanted is not None and wanted > available:
        raise InputError(f"{name} must be at most {available}, the examples there are. Received: {name}={wanted}.")
    return slice(wanted)
