"""Eigenvalues of symmetric operators by Lanczos."""

from typing import NamedTuple

import numpy as np
from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, aslinearoperator, eigsh

from tf_earlydyn.errors import InputError


class Eigenvalues(NamedTuple):
    """Eigenvalues found by Lanczos.

    Attributes:
        values: ``[k]``, the largest first; by absolute value for the spectral norm.
        errors: ``[k]``: within so much of each value there is an eigenvalue: the norm ||A v - value v||, ||v|| = 1.
    """

    values: np.ndarray
    errors: np.ndarray


def leading_eigenvalues(
    operator: LinearOperator | np.ndarray, k: int = 1, *, tolerance: float = 1e-4, seed: int = 0
) -> Eigenvalues:
    """The ``k`` algebraically largest eigenvalues of a symmetric operator, by Lanczos (ARPACK) in float64.

    Args:
        operator: symmetric, ``[n, n]``.
        k: how many, less than n.
        tolerance: the relative accuracy that Lanczos stops at.
        seed: draws the first vector.

    Raises:
        InputError: if the operator is not square, or gives numbers that are not finite; if ``k`` is not from 1 to
            n - 1; if the tolerance is not positive, or not reached.
    """
    return _lanczos(operator, k, "LA", tolerance, seed)


def spectral_norm(operator: LinearOperator | np.ndarray, *, tolerance: float = 1e-4, seed: int = 0) -> float:
    """The largest absolute eigenvalue of a symmetric operator, by Lanczos (ARPACK).

    Args:
        operator: symmetric, ``[n, n]``.
        tolerance: the relative accuracy that Lanczos stops at.
        seed: draws the first vector.

    Raises:
        InputError: as ``leading_eigenvalues``.
    """
    if getattr(operator, "shape", None) == (1, 1):
        return float(abs((aslinearoperator(operator) @ np.ones(1))[0]))
    return float(abs(_lanczos(operator, 1, "LM", tolerance, seed).values[0]))


def _lanczos(operator: LinearOperator | np.ndarray, k: int, which: str, tolerance: float, seed: int) -> Eigenvalues:
    if not isinstance(operator, (LinearOperator, np.ndarray)):
        raise InputError(f"the operator must be a LinearOperator or an array. Received: {type(operator).__name__}.")
    operator = aslinearoperator(operator)
    n = operator.shape[0]
    if operator.shape != (n, n):
        raise InputError(f"the operator must be square. Received: the shape {operator.shape}.")
    if not isinstance(k, (int, np.integer)) or not 1 <= k < n:
        raise InputError(f"k must be from 1 to {n - 1}, less than the operator's size. Received: k={k}.")
    if not tolerance > 0:
        raise InputError(f"tolerance must be positive. Received: tolerance={tolerance}.")
    double = LinearOperator(operator.shape, lambda v: np.asarray(operator @ v, np.float64), dtype=np.float64)
    start = np.random.default_rng(seed).standard_normal(n)
    image = double @ start
    if not np.isfinite(image).all():
        raise InputError("the operator must give finite numbers. Received: one that does not.")
    if not image.any():  # that of a random vector: the operator is zero, with which ARPACK cannot begin
        return Eigenvalues(np.zeros(k), np.zeros(k))
    try:
        values, vectors = eigsh(double, k, which=which, tol=tolerance, v0=start)
    except ArpackNoConvergence as error:
        raise InputError(f"tolerance={tolerance} was not reached: take a larger one. Received: {error}.") from error
    order = np.argsort(-values if which == "LA" else -abs(values))
    values, vectors = values[order], vectors[:, order]
    errors = [np.linalg.norm(double @ v - value * v) for value, v in zip(values, vectors.T, strict=True)]
    return Eigenvalues(values, np.array(errors))
