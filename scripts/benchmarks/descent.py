"""Where steps of the affine twin lead, in closed form and step by step."""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from benchmarks import results
from benchmarks.learning import Learning
from benchmarks.tasks import Agreement


class Descent(Learning):
    """The predictions of the network's affine twin for the training examples after the last step, ``[n]``, float64."""

    agreement: ClassVar[Agreement] = Agreement("descent", 1e-6, "the largest prediction")

    def __str__(self) -> str:
        return f"the affine twin in float64 of a {super().__str__()}"

    def examine(self, found: np.ndarray, expected: np.ndarray) -> dict:
        """The largest difference of a prediction, relative to the largest one."""
        return {"difference": float(np.abs(found - expected).max() / np.abs(expected).max())}

    def report(self, entrants: Sequence[results.Entrant]) -> str:
        """The table of times."""
        return results.table(entrants)
