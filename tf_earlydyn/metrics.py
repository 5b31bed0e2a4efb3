"""What is measured of outputs and targets, of shape ``[n, C]``, and of kernels: float64 NumPy, no broadcasting."""

import numpy as np

__all__ = [
    "InputSpan",
    "accuracy",
    "alignment",
    "difference",
    "half_mean_square",
    "mean_squared_gap",
    "relative_distance",
]


def half_mean_square(residual: np.ndarray) -> float:
    r"""The loss $\frac{1}{2n} \sum_i r_i^2$, averaged over the C outputs.

    Args:
        residual: r, ``[n, C]``.
    """
    return float(np.mean(np.square(_matrix(residual))) / 2)


def mean_squared_gap(a: np.ndarray, b: np.ndarray) -> float:
    r"""$\frac{1}{n} \sum_i (a_i - b_i)^2$, averaged over the C outputs.

    Args:
        a: outputs, ``[n, C]``.
        b: others, ``[n, C]``.
    """
    return float(np.mean(np.square(difference(a, b))))


def difference(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The difference a - b, ``[n, C]`` float64.

    Args:
        a: outputs, ``[n, C]``.
        b: others, ``[n, C]``.

    Raises:
        ValueError: unless both have the same shape ``[n, C]``; (n,) against (n, 1) would broadcast to (n, n).
    """
    a, b = _matrix(a), _matrix(b)
    if a.shape != b.shape:
        raise ValueError(f"both must have the same shape [n, C]. Received: {a.shape} and {b.shape}.")
    return a - b


def accuracy(outputs: np.ndarray, targets: np.ndarray) -> float:
    """The share of examples classified as their target: by sign (0 is positive) if C = 1, by argmax otherwise.

    Args:
        outputs: ``[n, C]``.
        targets: ``[n, C]``.
    """
    difference(outputs, targets)
    if np.shape(outputs)[1] == 1:
        hits = (np.asarray(outputs) >= 0) == (np.asarray(targets) >= 0)
    else:
        hits = np.argmax(outputs, axis=1) == np.argmax(targets, axis=1)
    return float(np.mean(hits))


def relative_distance(a: np.ndarray, b: np.ndarray) -> float:
    r"""$\|a - b\| / \|b\|$, in Frobenius norms.

    Args:
        a: a matrix.
        b: a matrix of its shape.
    """
    return float(np.linalg.norm(difference(a, b)) / np.linalg.norm(_matrix(b)))


def alignment(a: np.ndarray, b: np.ndarray) -> float:
    r"""The uncentred cosine $\langle a, b \rangle / (\|a\| \|b\|)$.

    Args:
        a: a matrix.
        b: a matrix of its shape.
    """
    difference(a, b)
    a, b = _matrix(a), _matrix(b)
    return float(np.sum(a * b) / (np.linalg.norm(a) * np.linalg.norm(b)))


class InputSpan:
    r"""$V_\mathrm{lin}$, the span in $\mathbb{R}^n$ of the input coordinates of n examples (Hu et al. 2020, Figure 2).

    Args:
        x: inputs, ``[n, ...]``, flattened to ``[n, d]``.
        constant: whether the constant function belongs to the span.
    """

    def __init__(self, x: np.ndarray, constant: bool = False) -> None:
        columns = np.reshape(np.asarray(x, np.float64), (len(x), -1))
        if constant:
            columns = np.concatenate([columns, np.ones((len(columns), 1))], axis=1)
        left, values, _ = np.linalg.svd(columns, full_matrices=False)
        # The inputs come from float32, so directions below its resolution are rounding, not inputs.
        self._basis = left[:, values > values[0] * np.finfo(np.float32).eps * np.sqrt(max(columns.shape))]

    @property
    def dimension(self) -> int:
        """The dimension of V_lin."""
        return self._basis.shape[1]

    def split(self, residual: np.ndarray) -> tuple[float, float]:
        """The loss of a residual ``[n, C]``: its part inside V_lin and its part outside, which add up to the loss."""
        residual = _matrix(residual)
        inside = self._basis @ (self._basis.T @ residual)
        return half_mean_square(inside), half_mean_square(residual - inside)


def _matrix(array: np.ndarray) -> np.ndarray:
    array = np.asarray(array, np.float64)
    if array.ndim != 2:
        raise ValueError(
            f"outputs, targets, residuals and kernels must be matrices, by shape. Received: {array.shape}."
        )
    return array
