"""What a case must be, for entrants to be timed on it in turns."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from benchmarks.results import Entrant


@dataclasses.dataclass(frozen=True)
class Agreement:
    """How near every result must be to that of the first entrant.

    Attributes:
        result: what is computed, in a word.
        tolerance: the largest difference.
        unit: what differences are relative to.
    """

    result: str
    tolerance: float
    unit: str


class Task(Protocol):
    """A case; as text, what is computed, in a line."""

    agreement: Agreement

    def small(self) -> "Task":
        """The same at a size that takes no time."""

    def save(self, file: Path) -> None:
        """Writes what the workers compute with to an .npz file: arrays, of which ``weights_0`` and on make a list."""

    def examine(self, found: np.ndarray, expected: np.ndarray) -> dict:
        """What is to be recorded of a result beside the first entrant's: ``difference``, and what else there is."""

    def report(self, entrants: Sequence[Entrant]) -> str:
        """What is printed in the end, the first entrant being ours."""
