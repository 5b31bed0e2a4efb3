"""What is measured of outputs and targets, of shape ``[n, C]``, and of kernels: float64 NumPy, no broadcasting."""

import numpy as np


def half_mean_square(residual: np.ndarray) -> float:
    """The loss (1/2n) sum_i r_i^2, averaged over the C outputs."""
    return float(np.mean(np.square(_matrix(residual))) / 2)


def mean_squared_gap(a: np.ndarray, b: np.ndarray) -> float:
    """(1/n) sum_i (a_i - b_i)^2, averaged over the C outputs."""
    return float(np.mean(np.square(difference(a, b))))


def difference(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The difference a - b, ``[n, C]`` float64.

    Raises:
        ValueError: unless both have the same shape ``[n, C]``; (n,) against (n, 1) would broadcast to (n, n).
    """
    a, b = _matrix(a), _matrix(b)
    if a.shape != b.shape:
        raise ValueError(f"both must have the same shape [n, C]. Received: {a.shape} and {b.shape}.")
    return a - b


def accuracy(outputs: np.ndarray, targets: np.ndarray) -> float:
    """The share of examples classified as their target: by sign (0 is positive) if C = 1, by argmax otherwise."""
    difference(outputs, targets)
    if np.shape(outputs)[1] == 1:
        hits = (np.asarray(outputs) >= 0) == (np.asarray(targets) >= 0)
    else:
        hits = np.argmax(outputs, axis=1) == np.argmax(targets, axis=1)
    return float(np.mean(hits))


def relative_distance(a: np.ndarray, b: np.ndarray) -> float:
    """||a - b|| / ||b|| of two matrices of one shape, in Frobenius norms."""
    return float(np.linalg.norm(difference(a, b)) / np.linalg.norm(_matrix(b)))


def alignment(a: np.ndarray, b: np.ndarray) -> float:
    """The uncentred cosine <a, b> / (||a|| ||b||) of two matrices of one shape."""
    difference(a, b)
    a, b = _matrix(a), _matrix(b)
    return float(np.sum(a * b) / (np.linalg.norm(a) * np.linalg.norm(b)))


class InputSpan:
    """V_lin, the span in R^n of the d input coordinates of n examples (Hu et al. 2020, Figure 2).

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
