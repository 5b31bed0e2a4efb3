"""Gradient descent on a linear model in closed form: its loss at any step, its optimum, its largest stable rate."""

import numpy as np

from tf_earlydyn.errors import InputError

_STEPS_AT_ONCE = 1024


class LinearDynamics:
    """f_t(x) = <beta_t, psi(x)>, beta_0 = 0, gradient descent on (1/2n) sum_i ||f(x_i) - y_i||^2, in float64.

    In the eigenbasis of G = Psi'Psi / n each coordinate contracts by 1 - eta lambda_k a step, so that
    loss(t) = optimum + (1/2) sum_k |b_k|^2 / lambda_k (1 - eta lambda_k)^(2t) with b = Psi'y / n.

    Args:
        features: psi of the training inputs, ``[n, p]``.
        targets: ``[n, C]``. As everywhere in the package, losses are means over the C outputs.
    """

    def __init__(self, features: np.ndarray, targets: np.ndarray) -> None:
        features = np.asarray(features, np.float64)
        targets = np.asarray(targets, np.float64)
        if features.ndim != 2 or targets.ndim != 2 or len(features) != len(targets):
            raise ValueError(f"features [n, p] and targets [n, C]. Received: {features.shape} and {targets.shape}.")
        n, outputs = targets.shape
        eigenvalues, vectors = np.linalg.eigh(features.T @ features / n)
        kept = eigenvalues > eigenvalues[-1] * len(eigenvalues) * np.finfo(np.float64).eps
        if not kept.any():
            raise InputError("features must not be zero for every training input. Received: zeros; look at the inputs.")
        projections = vectors[:, kept].T @ (features.T @ targets / n)
        self._eigenvalues = eigenvalues[kept]
        self._energies = np.sum(projections**2, axis=1) / self._eigenvalues / (2 * outputs)
        self.first_loss = float(np.mean(targets**2) / 2)
        self.optimum = self.first_loss - float(self._energies.sum())

    @property
    def max_learning_rate(self) -> float:
        """2 / lambda_max: above it gradient descent diverges."""
        return float(2 / self._eigenvalues[-1])

    def losses(self, learning_rate: float, steps: np.ndarray) -> np.ndarray:
        """The training loss at each of ``steps`` ``[k]``, ``[k]``."""
        with np.errstate(over="ignore"):
            factors = (1 - learning_rate * self._eigenvalues) ** (2 * np.asarray(steps)[:, None])
            return self.optimum + factors @ self._energies

    def half_step(self, learning_rate: float, steps: int) -> int | None:
        """The first step with half of the fall from the first loss to the optimum made; None if not by ``steps``."""
        half = (self.first_loss + self.optimum) / 2
        for start in range(0, steps + 1, _STEPS_AT_ONCE):
            candidates = np.arange(start, min(start + _STEPS_AT_ONCE, steps + 1))
            reached = self.losses(learning_rate, candidates) <= half
            if reached.any():
                return int(candidates[np.argmax(reached)])
        return None
