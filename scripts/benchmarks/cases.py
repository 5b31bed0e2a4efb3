"""The networks whose kernels are timed: shapes, weights and inputs."""

import dataclasses
import itertools
import math
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np

from benchmarks import results
from benchmarks.tasks import Agreement

SEED = 0


@dataclasses.dataclass(frozen=True)
class Case:
    """A network of erf layers in NTK parameterisation without biases, and n inputs.

    Images go through zero-padded 3x3 convolutions and a flattened head, other inputs through dense layers.
    """

    agreement: ClassVar[Agreement] = Agreement("kernel", 1e-4, "the largest diagonal entry")

    input_shape: tuple[int, ...]
    n: int
    width: int
    outputs: int = 1
    depth: int = 4

    def __str__(self) -> str:
        shape = "x".join(map(str, self.input_shape))
        layer = "convolutions of 3x3" if len(self.input_shape) == 3 else "dense layers"
        outputs = "one output" if self.outputs == 1 else f"{self.outputs} outputs"
        return f"{self.depth} {layer} x {self.width}, inputs {shape}, n = {self.n}, {outputs}"

    def small(self) -> "Case":
        """The same at a size that takes no time."""
        return dataclasses.replace(self, n=6, width=8)

    def weight_shapes(self) -> list[tuple[int, ...]]:
        """Of the layers in turn, the readout's last: [3, 3, in, out] for a convolution, else [in, out]."""
        widths = [self.input_shape[-1], *[self.width] * self.depth]
        window = (3, 3) if len(self.input_shape) == 3 else ()
        hidden = [(*window, *pair) for pair in itertools.pairwise(widths)]
        return [*hidden, (math.prod(self.input_shape[:-1]) * self.width, self.outputs)]

    def save(self, file: Path) -> None:
        """Writes what is drawn to an .npz file."""
        np.savez(file, **self.draw())

    def draw(self) -> dict[str, np.ndarray]:
        """``weights_0`` and on, and inputs ``x``, [n, ...], all N(0, 1)."""
        rng = np.random.default_rng(SEED)
        shapes = {f"weights_{number}": shape for number, shape in enumerate(self.weight_shapes())}
        shapes["x"] = (self.n, *self.input_shape)
        return {name: rng.standard_normal(shape, np.float32) for name, shape in shapes.items()}

    def examine(self, found: np.ndarray, expected: np.ndarray) -> dict:
        """The largest difference of two kernels, relative to the largest diagonal entry of the second one."""
        found = found.reshape(expected.shape)
        diagonal = expected[np.arange(len(expected)), np.arange(len(expected))]
        difference = np.max([np.abs(row - other).max() for row, other in zip(found, expected, strict=True)])
        return {"difference": float(difference / diagonal.max())}

    def report(self, entrants: Sequence[results.Entrant]) -> str:
        """The table of times."""
        return results.table(entrants)


CASES = {
    "mlp": Case((192,), n=1000, width=256),
    "cnn": Case((8, 8, 3), n=200, width=48),
    "mlp10": Case((192,), n=1000, width=256, outputs=10),
    "cnn10": Case((8, 8, 3), n=200, width=48, outputs=10),
}
