"""Steps of gradient descent, whose time is that of learning itself; judged by the loss that they lead to."""

import dataclasses
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from benchmarks import results
from benchmarks.cases import Case
from benchmarks.learning import RATE, Learning
from benchmarks.tasks import Agreement
from benchmarks.workers.losses import losses
from benchmarks.workers.ours import network
from benchmarks.workers.weights import names, unflat

_JUDGED = 20_000  # examples: enough to tell one result from another


class _Steps:
    """The weights after the last step, ``[p]``, all of them in one array.

    They are judged in a network of ours, so that the loss is computed alike for all. Orders of summation and ways to
    compute erf in float32 change its fall by 1e-8 to 1e-6, a rate that is higher by 1% changes it by 1e-2.
    """

    agreement: ClassVar[Agreement] = Agreement("training loss", 1e-4, "the fall of the first one's")

    def examine(self, found: np.ndarray, expected: np.ndarray) -> dict:
        """The difference of two losses, relative to the fall of the second one; the loss, and at which step it is."""
        arrays = dataclasses.replace(self, n=min(self.n, _JUDGED)).draw()
        start = [arrays[name] for name in names(arrays)]
        model = network(arrays["x"], start)

        def loss(weights: list[np.ndarray]) -> float:
            model.set_weights(weights)
            return float(losses(model.predict(arrays["x"], verbose=0), arrays["y"]))

        first, last, last_expected = loss(start), loss(unflat(found, start)), loss(unflat(expected, start))
        difference = abs(last - last_expected) / abs(first - last_expected)
        return {"difference": difference, "steps": self.steps, "first_loss": first, "last_loss": last}

    def report(self, entrants: Sequence[results.Entrant]) -> str:
        """The table of times, by the step."""
        fell = "The training loss fell from {first_loss:.5f} to {last_loss:.5f}.".format(**entrants[0].findings)
        return f"{results.table(entrants, self.steps)}\n  {fell}"


@dataclasses.dataclass(frozen=True)
class Figure1Steps(_Steps, Learning):
    """Of Figure 1's network."""

    steps: int = 20


@dataclasses.dataclass(frozen=True)
class DeepSteps(_Steps, Case):
    """Of a deep network with weights as they are drawn; the labels are the signs of the inputs' first entries."""

    steps: int = 4

    def __str__(self) -> str:
        return f"{super().__str__()}, {self.steps} steps at a rate of {RATE:g}"

    def draw(self) -> dict[str, np.ndarray]:
        """Weights and inputs of the case, labels, steps and the rate."""
        arrays = super().draw()
        y = np.where(arrays["x"].reshape(self.n, -1)[:, :1] < 0, np.float32(-1), np.float32(1))
        return {**arrays, "y": y, "steps": np.array([0, self.steps]), "rate": np.array(RATE)}
