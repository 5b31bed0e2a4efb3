"""Gradient descent on a linear model in closed form: its loss at any step, its optimum, its largest stable rate."""

from collections.abc import Sequence

import numpy as np

from tf_earlydyn.errors import InputError
from tf_earlydyn.theory.progress import progress

_STEPS_AT_ONCE = 1024


class LinearDynamics:
    r"""$f_t(x) = \langle \beta_t, \phi(x) \rangle$, $\beta_0 = 0$, of gradient descent on the squared loss, in float64.

    The loss is $L(t) = \frac{1}{2n} \sum_i \|f_t(x_i) - y_i\|^2$. In the eigenbasis of $G = E[\phi \phi^\top]$ each
    coordinate of $\beta$ comes by step t to $p_t b$, b that of $E[\phi y^\top]$, and

    $$L(t) = L_\infty + \frac{1}{2} \sum_k \frac{|b_k|^2}{\lambda_k} (1 - \lambda_k p_t)^2$$

    where $p_t = (1 - (1 - \eta \lambda_k)^t) / \lambda_k$ without momentum and decay. As everywhere in the package,
    losses are means over the outputs.

    Args:
        moments: $G$ over the training examples, ``[B, K, K]``: of B models that learn beside each other.
        mixed: $E[\phi y^\top]$, ``[B, K, m]``: of m betas each.
        energy: $E \|y\|^2$, summed over all outputs.
        outputs: their number.

    Raises:
        InputError: if all features are zero.
    """

    def __init__(self, moments: np.ndarray, mixed: np.ndarray, energy: float, outputs: int) -> None:
        values, self._vectors = np.linalg.eigh(moments)
        kept = values > values.max() * moments.shape[-1] * np.finfo(np.float64).eps
        if not kept.any():
            raise InputError("features must not be zero for every training input. Received: zeros; look at the inputs.")
        self._values = np.where(kept, values, 0.0)
        self._inverse = np.divide(1, values, out=np.zeros_like(values), where=kept)
        self._along = np.swapaxes(self._vectors, 1, 2) @ mixed * kept[..., None]
        self._energies = np.sum(self._along**2, axis=2) * self._inverse / (2 * outputs)
        self.first_loss = float(energy / (2 * outputs))
        self.optimum = self.first_loss - float(self._energies.sum())

    @classmethod
    def of(cls, features: np.ndarray, targets: np.ndarray) -> "LinearDynamics":
        """That of one model with a beta for each output.

        Args:
            features: psi of the training inputs, ``[n, p]``.
            targets: ``[n, C]``.

        Raises:
            InputError: if all features are zero.
            ValueError: if the shapes do not fit.
        """
        features = np.asarray(features, np.float64)
        targets = np.asarray(targets, np.float64)
        if features.ndim != 2 or targets.ndim != 2 or len(features) != len(targets):
            raise ValueError(f"features [n, p] and targets [n, C]. Received: {features.shape} and {targets.shape}.")
        n, outputs = targets.shape
        moment, mixed = features.T @ features / n, features.T @ targets / n
        return cls(moment[None], mixed[None], np.sum(targets**2) / n, outputs)

    def max_learning_rate(self, momentum: float = 0.0, decay: float = 0.0) -> float:
        r"""$2 (1 + \mathrm{momentum}) / (\lambda_\mathrm{max} + \mathrm{decay})$: above it descent diverges."""
        return float(2 * (1 + momentum) / (self._values.max() + decay))

    def losses(
        self, learning_rate: float, steps: Sequence[int], momentum: float = 0.0, decay: float = 0.0
    ) -> np.ndarray:
        """The training loss at each of ``steps``, ``[len(steps)]``; infinite or not a number beyond float64."""
        reached = progress(self._values.ravel(), learning_rate, steps, momentum, decay)
        with np.errstate(over="ignore", invalid="ignore"):
            return self.optimum + (1 - reached * self._values.ravel()) ** 2 @ self._energies.ravel()

    def half_step(self, learning_rate: float, steps: int, momentum: float = 0.0, decay: float = 0.0) -> int | None:
        """The first step with half of the fall from the first loss to the optimum made; None if not by ``steps``."""
        half = (self.first_loss + self.optimum) / 2
        for start in range(0, steps + 1, _STEPS_AT_ONCE):
            candidates = range(start, min(start + _STEPS_AT_ONCE, steps + 1))
            reached = self.losses(learning_rate, candidates, momentum, decay) <= half
            if reached.any():
                return candidates[int(np.argmax(reached))]
        return None

    def betas(
        self, learning_rate: float, steps: Sequence[int], momentum: float = 0.0, decay: float = 0.0
    ) -> np.ndarray:
        """The beta of each of ``steps``, ``[len(steps), B, K, m]``."""
        reached = progress(self._values.ravel(), learning_rate, steps, momentum, decay)
        return self._betas(reached.reshape(-1, *self._values.shape))

    def best_betas(self) -> np.ndarray:
        """The beta of the optimum that descent from 0 ends at without decay, ``[B, K, m]``."""
        return self._betas(self._inverse[None])[0]

    def _betas(self, reached: np.ndarray) -> np.ndarray:
        """The beta from how far each eigendirection has come, ``[T, B, K]``."""
        with np.errstate(over="ignore", invalid="ignore"):  # of a descent that diverges
            return self._vectors @ (reached[..., None] * self._along)
