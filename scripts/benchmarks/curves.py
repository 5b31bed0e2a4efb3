"""Predicted learning curves, compared where they are meant to be right: until the linear model is half-way."""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from benchmarks import results
from benchmarks.learning import Learning
from benchmarks.results import Entrant
from benchmarks.tasks import Agreement

TRAINING = "training"  # the peer whose curve is the true one
_SHOWN = (1, 5, 10, 20, 50, 100, 1000)
_ROW = "  {:<40}{}{:>15}"

Losses = dict[int, float]  # by step


class Curve(Learning):
    """The losses at the recorded steps, ``[2, steps]``, on the training and on the test examples.

    The early curve is that of the steps at which our training loss has not made half of its fall. The tolerance is for
    what is left out there: our kernel is affine, 0.6% of the loss at most; time is continuous for neural-tangents,
    0.25%; and no prediction at step 0 knows how the network's tangent kernel will move, 0.1%.
    """

    agreement: ClassVar[Agreement] = Agreement("early curve", 0.01, "the test loss")

    def examine(self, found: np.ndarray, expected: np.ndarray) -> dict:
        """The largest difference of an early test loss, relative to the expected one; and all losses, by step."""
        (train_losses, test_losses), (train_expected, test_expected) = map(self._by_step, (found, expected))
        difference = _largest_difference(test_losses, test_expected, _early(train_expected))
        return {"difference": difference, "train_losses": train_losses, "test_losses": test_losses}

    def report(self, entrants: Sequence[Entrant]) -> str:
        """The table of times, and one of the curves."""
        return f"{results.table(entrants)}\n\n{_table([entrant for entrant in entrants if entrant.findings])}"

    def _by_step(self, curves: np.ndarray) -> list[Losses]:
        return [dict(zip(self.recorded().tolist(), losses.tolist(), strict=True)) for losses in curves]


def _early(train_losses: Losses) -> list[int]:
    first, *_, last = train_losses.values()
    return [step for step, loss in train_losses.items() if loss > (first + last) / 2]


def _largest_difference(losses: Losses, expected: Losses, steps: Sequence[int]) -> float:
    return float(np.max([abs(losses[step] / expected[step] - 1) for step in steps]))


def _table(entrants: Sequence[Entrant]) -> str:
    """The test losses at some steps, and how far the early curves are from the true one, if it is known."""
    early = _early(entrants[0].findings["train_losses"])
    truth = next((entrant.findings["test_losses"] for entrant in entrants if entrant.peer == TRAINING), None)
    steps = [step for step in _SHOWN if step in entrants[0].findings["test_losses"]]
    lines = [_row(f"test loss at step (early: up to {early[-1]})", steps, "d", "from training" if truth else "")]
    for entrant in entrants:
        losses = entrant.findings["test_losses"]
        from_truth = f"{_largest_difference(losses, truth, early):.0e}" if truth and losses is not truth else ""
        lines.append(_row(entrant.name, [losses[step] for step in steps], ".4f", from_truth))
    return "\n".join(lines)


def _row(name: str, numbers: Sequence[float], form: str, last: str) -> str:
    return _ROW.format(name, "".join(f"{number:>8{form}}" for number in numbers), last).rstrip()
