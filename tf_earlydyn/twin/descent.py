"""Gradient descent on an affine twin and given data, in closed form."""

from collections.abc import Sequence

import numpy as np

from tf_earlydyn.theory import LinearDynamics
from tf_earlydyn.twin.coordinates import Coordinates, in_blocks
from tf_earlydyn.twin.inputs import checked_steps, checked_targets, checked_x


class TwinDescent:
    r"""Gradient descent on $\frac{1}{2n} \sum_i \|f(x_i) - y_i\|^2$ from f = 0: a twin's, in closed form and float64.

    Made by ``AffineTwin.descent``. Losses are means over the outputs.

    Args:
        coordinates: w, of the twin.
        roots: R of its features R w at a learning rate of 1, ``[B, K, q]``, B blocks of outputs with a beta each.
        x: training inputs, ``[n, ...]``.
        y: targets, ``[n]`` or ``[n, C]``.
        outputs: C.
        learning_rate: of all layers.
        momentum, decay: as in ``AffineTwin.descent``.

    Raises:
        InputError: if inputs or targets cannot be used.

    Attributes:
        first_loss: $\frac{1}{2} E[y^2]$.
        least_loss: that of the least-squares optimum.
        max_learning_rate: the largest stable one, $2 (1 + \mathrm{momentum}) / (\lambda + \mathrm{decay})$, $\lambda$
            the largest eigenvalue of the kernel over n.
    """

    def __init__(
        self,
        coordinates: Coordinates,
        roots: np.ndarray,
        x: np.ndarray,
        y: np.ndarray,
        outputs: int,
        learning_rate: float,
        momentum: float = 0.0,
        decay: float = 0.0,
    ) -> None:
        self._coordinates, self._course = coordinates, (momentum, decay)
        self._rate = learning_rate
        self._x = checked_x(x, coordinates, "x")
        y, self._flat = checked_targets(y, len(self._x), outputs)
        self._roots = roots.reshape(*roots.shape[:2], -1, coordinates.rank)  # [B, K, outputs of a block, r]
        moment, mixed = self._moments(y)
        mixed = mixed.T.reshape(len(roots), -1, coordinates.rank)  # [B, outputs of a block, r]
        self._dynamics = LinearDynamics(
            np.array([np.einsum("kar,rs,las->kl", root, moment, root, optimize=True) for root in self._roots]),
            np.einsum("bkar,bar->bk", self._roots, mixed, optimize=True)[..., None],
            np.sum(y**2) / len(y),
            outputs,
        )
        self.first_loss, self.least_loss = self._dynamics.first_loss, self._dynamics.optimum
        self.max_learning_rate = self._dynamics.max_learning_rate(momentum, decay)

    def at(self, steps: Sequence[int], x_eval: np.ndarray | None = None) -> np.ndarray:
        """Predictions on ``x_eval`` ``[n, ...]``, the training inputs by default, at steps in any order.

        Returns:
            ``[len(steps), n]`` for targets ``[n]``, else ``[len(steps), n, C]``; infinite or not a number where the
            descent has diverged beyond float64.

        Raises:
            InputError: if the inputs or the steps cannot be used.
        """
        return self._predictions(self.betas(steps), x_eval)

    def betas(self, steps: Sequence[int]) -> np.ndarray:
        """The beta of each of B blocks of outputs at steps in any order, ``[len(steps), B, K, 1]``.

        Raises:
            InputError: if the steps cannot be used.
        """
        return self._dynamics.betas(self._rate, checked_steps(steps), *self._course)

    def optimum(self, x_eval: np.ndarray | None = None) -> np.ndarray:
        """Predictions on ``x_eval`` where descent without decay ends: ``[n]`` for targets ``[n]``, else ``[n, C]``.

        Raises:
            InputError: if the inputs cannot be used.
        """
        return self._predictions(self._dynamics.best_betas()[None], x_eval)[0]

    def losses(self, steps: Sequence[int]) -> np.ndarray:
        """The training loss at each of ``steps``, ``[len(steps)]``; infinite or not a number beyond float64.

        Raises:
            InputError: if the steps cannot be used.
        """
        return self._dynamics.losses(self._rate, checked_steps(steps), *self._course)

    def half_step(self, steps: int) -> int | None:
        """The first step with half of the fall from the first loss to the least made; None if not by ``steps``.

        Raises:
            InputError: if ``steps`` is not an integer from 0 on.
        """
        (steps,) = checked_steps([steps])
        return self._dynamics.half_step(self._rate, steps, *self._course)

    def _moments(self, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """E[w w'] ``[r, r]`` and E[w y'] ``[r, C]`` over the training examples."""
        second, mixed = np.zeros(()), np.zeros(())
        for rows, w in self._coordinates.blocks(self._x):
            second, mixed = second + w.T @ w, mixed + w.T @ y[rows]
        return second / len(y), mixed / len(y)

    def _predictions(self, betas: np.ndarray, x_eval: np.ndarray | None) -> np.ndarray:
        """``[T, n]`` or ``[T, n, C]`` from betas ``[T, B, K, 1]``."""
        at = self._x if x_eval is None else checked_x(x_eval, self._coordinates, "x_eval")
        with np.errstate(over="ignore", invalid="ignore"):  # of a descent that diverges
            of_w = np.einsum("tbk,bkar->trba", betas[..., 0], self._roots, optimize=True)
            # The features are fewer than the examples.
            of_features = self._coordinates.basis @ of_w.reshape(*of_w.shape[:2], -1)
            result = np.empty((len(betas), len(at), of_features.shape[-1]))
            for rows, features in in_blocks(at, self._coordinates.further):
                result[:, rows] = features @ of_features
        return result[:, :, 0] if self._flat else result
