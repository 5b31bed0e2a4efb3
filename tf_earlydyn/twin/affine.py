"""The affine twin of a network: a linear model on its inputs, in whitened coordinates."""

from collections.abc import Mapping, Sequence

import keras
import numpy as np

from tf_earlydyn.errors import InputError
from tf_earlydyn.models import AffineFeatures, LinearModel
from tf_earlydyn.twin.coordinates import Coordinates
from tf_earlydyn.twin.descent import TwinDescent
from tf_earlydyn.twin.inputs import Rates, checked_rates, checked_x


class AffineTwin:
    r"""The linear model whose kernel is the best affine approximation of a network's tangent kernel.

    $f(x) = \langle \beta, \phi(x) \rangle$, $\beta = 0$ at step 0, with $\phi(x) = R w(x)$, w whitened [x; 1] and
    $R^\top R = A$, the part of the network's kernel that is affine in both inputs. With several outputs,
    $\phi_a(x) = R^a w(x)$ and one $\beta$ is shared by all, so that they learn together as the network's do. Made by
    ``affine_twin``.

    The network's outputs at step 0 are no part of it: what it foretells is $f - f_0$, of targets $y - f_0$.

    Args:
        coordinates: w.
        parts: A of each layer at a learning rate of 1, ``[B, q, q]``, symmetric: B = 1 and q = C r or, where the
            outputs are taken one by one, B = C and q = r.
        outputs: C.

    Attributes:
        layers: names of the layers that learn.
        clipped: the share of the eigenvalues' absolute sum that was negative and was clipped, at equal rates.
        dropped: how many of the features [x; 1] follow from the others on the sample, and were left out.
        crossed: whether the kernel between different outputs is part of it.
    """

    def __init__(self, coordinates: Coordinates, parts: dict[str, np.ndarray], outputs: int) -> None:
        self.coordinates = coordinates
        self.outputs = outputs
        self.layers = tuple(parts)
        self.dropped = coordinates.dropped
        self.crossed = len(next(iter(parts.values()))) == 1
        self._parts = parts
        self._kept: dict[tuple[float, ...] | None, tuple[np.ndarray, float]] = {}
        self.clipped = self._roots(None)[1]

    def kernel(self, x1: np.ndarray, x2: np.ndarray | None = None) -> np.ndarray:
        r"""The kernel $\phi(x) \cdot \phi(x')$, ``[n1, n2]`` or ``[n1, n2, C, C]`` for several outputs, in float64.

        Raises:
            InputError: if the inputs do not have the network's shape.
        """
        first = self._phi(checked_x(x1, self.coordinates, "x1"))
        second = first if x2 is None else self._phi(checked_x(x2, self.coordinates, "x2"))
        if self.crossed:
            kernel = np.einsum("nak,mbk->nmab", first, second, optimize=True)
        else:
            kernel = np.einsum("nak,mak,ab->nmab", first, second, np.eye(self.outputs), optimize=True)
        return kernel[:, :, 0, 0] if self.outputs == 1 else kernel

    def descent(
        self, x: np.ndarray, y: np.ndarray, learning_rate: Rates, *, momentum: float = 0.0, decay: float = 0.0
    ) -> TwinDescent:
        r"""Gradient descent on $\frac{1}{2n} \sum_i \|f(x_i) - y_i\|^2$ from f = 0, in closed form.

        Args:
            x: training inputs, ``[n, ...]``.
            y: targets, ``[n]`` or ``[n, C]``; of a network that is not 0 at step 0, less its outputs there.
            learning_rate: one, or one for each layer by its name.
            momentum: the coefficient of ``keras.optimizers.SGD``.
            decay: of the weights towards those of step 0: that of decay times
                $\frac{1}{2} \|\theta - \theta_0\|^2$ in the loss. With unequal rates there is no small matrix for it.

        Raises:
            InputError: if the inputs, targets or rates cannot be used, or rates differ and there is decay.
        """
        rate, weights = checked_rates(learning_rate, self.layers, momentum, decay)
        return TwinDescent(self.coordinates, self._roots(weights)[0], x, y, self.outputs, rate, momentum, decay)

    def trajectory(
        self,
        x: np.ndarray,
        y: np.ndarray,
        learning_rate: Rates,
        steps: Sequence[int],
        x_eval: np.ndarray | None = None,
        *,
        momentum: float = 0.0,
        decay: float = 0.0,
    ) -> np.ndarray:
        """Its predictions in the course of that descent.

        Args:
            x: training inputs, ``[n, ...]``.
            y: targets, as for ``descent``.
            learning_rate: one, or one for each layer by its name.
            steps: the steps at which predictions are wanted, in any order.
            x_eval: inputs ``[n_eval, ...]`` that they are wanted for; ``x`` by default.
            momentum: as for ``descent``.
            decay: likewise.

        Returns:
            ``[len(steps), n_eval]`` for targets ``[n]``, else ``[len(steps), n_eval, C]``, in float64; infinite or not
            a number where the descent has diverged beyond float64.

        Raises:
            InputError: if the inputs, targets, rates or steps cannot be used, or rates differ and there is decay.
        """
        return self.descent(x, y, learning_rate, momentum=momentum, decay=decay).at(steps, x_eval)

    def max_learning_rate(self, x: np.ndarray, momentum: float = 0.0) -> float:
        r"""The largest stable rate of gradient descent on training inputs: $2 (1 + \mathrm{momentum}) / \lambda$.

        $\lambda$ is the largest eigenvalue of the kernel over n, the curvature of the loss.

        Args:
            x: training inputs, ``[n, ...]``.
            momentum: as for ``descent``.

        Raises:
            InputError: if the inputs or the momentum cannot be used.
        """
        x = checked_x(x, self.coordinates, "x")
        return self.descent(x, np.zeros((len(x), self.outputs)), 1.0, momentum=momentum).max_learning_rate

    def linear_model(self, learning_rate: Mapping[str, float] | None = None, dtype: str = "float32") -> keras.Model:
        """A Keras model of it, with beta = 0, that training at a rate of 1 takes where ``trajectory`` says.

        Args:
            learning_rate: rates by layer, which are put into the features; by default the model is for one rate, to be
                given to its optimiser.
            dtype: of the model.

        Raises:
            InputError: if the rates cannot be used, or the outputs are taken one by one.
        """
        if not self.crossed:
            raise InputError("a Keras model of the twin needs one beta for all outputs. Received: outputs one by one.")
        if learning_rate is not None and not isinstance(learning_rate, Mapping):
            raise InputError(f"learning_rate must give rates by layer, or be None. Received: {learning_rate!r}.")
        rate, weights = (1.0, None) if learning_rate is None else checked_rates(learning_rate, self.layers, 0.0, 0.0)
        root = self._roots(weights)[0][0].reshape(-1, self.outputs, self.coordinates.rank)
        matrix = np.einsum("dr,kar->dak", self.coordinates.basis, np.sqrt(rate) * root)
        features = AffineFeatures(matrix.shape, self.coordinates.further, dtype=dtype)
        model = LinearModel(features, self.outputs, dtype=dtype, name="twin")
        model(keras.Input(self.coordinates.input_shape, dtype=dtype))
        features.matrix.assign(matrix)
        return model

    def _phi(self, x: np.ndarray) -> np.ndarray:
        """``[n, C, K]``."""
        w, roots = self.coordinates(x), self._roots(None)[0]
        if self.crossed:
            root = roots[0].reshape(-1, self.outputs, self.coordinates.rank)
            return np.einsum("nr,kar->nak", w, root, optimize=True)
        return np.einsum("nr,akr->nak", w, roots, optimize=True)

    def _roots(self, weights: tuple[float, ...] | None) -> tuple[np.ndarray, float]:
        """Those of equal rates, and of the last others, are kept."""
        if weights not in self._kept:
            self._kept = {key: kept for key, kept in self._kept.items() if key is None}
            self._kept[weights] = self._rooted(weights)
        return self._kept[weights]

    def _rooted(self, weights: tuple[float, ...] | None) -> tuple[np.ndarray, float]:
        """R of the weighted sum of the parts ``[B, K, q]``, without its negative part, and the share of that."""
        weights = (1.0,) * len(self.layers) if weights is None else weights
        total = sum(weight * part for weight, part in zip(weights, self._parts.values(), strict=True))
        values, vectors = np.linalg.eigh(total)
        root = np.sqrt(np.clip(values, 0, None))[:, :, None] * np.swapaxes(vectors, 1, 2)
        kept = values.max(axis=0) > 0
        if not kept.any():
            raise InputError(
                "the network's gradients must not vanish, nor be all without a part that is affine in the inputs. "
                "Received: a network of which nothing is left."
            )
        return root[:, kept], float(np.sum(np.clip(-values, 0, None)) / np.sum(np.abs(values)))
