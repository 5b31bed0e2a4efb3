"""What is to be learned: Figure 1's network and examples."""

import dataclasses
from pathlib import Path

import numpy as np

from tf_earlydyn import data
from tf_earlydyn.config import DataConfig

SEED = 0
RATE = 1.0


@dataclasses.dataclass(frozen=True)
class Learning:
    """Full-batch gradient descent of a two-layer erf network, 0 at step 0, on (1/2n) sum_i (f(x_i) - y_i)^2."""

    n: int
    n_test: int = 2_000
    width: int = 256
    steps: int = 1_000

    def __str__(self) -> str:
        return f"two-layer erf network of {self.width} units, n = {self.n}, {self.steps} steps at a rate of {RATE:g}"

    def small(self) -> "Learning":
        """The same at a size that takes no time."""
        return dataclasses.replace(self, n=500, n_test=200, steps=50)

    def recorded(self) -> np.ndarray:
        """0 and log-spaced steps."""
        return np.unique(np.rint(np.append(0, np.geomspace(1, self.steps, 31))).astype(int))

    def save(self, file: Path) -> None:
        """Writes what is drawn to an .npz file."""
        np.savez(file, **self.draw())

    def draw(self) -> dict[str, np.ndarray]:
        """Examples, steps, the rate, and the layers' weights."""
        drawn = data.load(DataConfig(n_train=self.n, n_test=self.n_test), SEED)
        examples = {"x": drawn.x_train, "y": drawn.y_train, "x_test": drawn.x_test, "y_test": drawn.y_test}
        hidden, readout = self._weights(drawn.x_train.shape[1])
        descent = {"steps": self.recorded(), "rate": np.array(RATE)}
        return {**examples, **descent, "weights_0": hidden, "weights_1": readout}

    def _weights(self, d: int) -> tuple[np.ndarray, np.ndarray]:
        """Of two equal halves with opposite readouts: those of ``te.antisymmetric``, as one network in any library."""
        rng = np.random.default_rng(SEED)
        hidden = rng.standard_normal((d, self.width // 2), np.float32)
        readout = rng.choice(np.float32([-1, 1]), (self.width // 2, 1))
        return np.hstack([hidden, hidden]), np.vstack([readout, -readout])
