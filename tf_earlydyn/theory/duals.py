"""Duals of an activation: expectations of products of it over a Gaussian pair (Hu et al. 2020, Section 4)."""

import dataclasses
from typing import cast

import numpy as np

from tf_earlydyn.activations import Activation, Function
from tf_earlydyn.theory.gaussian_moments import gaussian_nodes


@dataclasses.dataclass(frozen=True)
class Dual:
    """E[phi(u) phi(v)], E[phi'(u) phi'(v)] and E[phi''(u) phi''(v)], each ``[k]``; see ``dual``.

    Each is the derivative of the one before by the covariance (Price's theorem).
    """

    value: np.ndarray
    derivative: np.ndarray
    second_derivative: np.ndarray


def dual(activation: Activation, q: np.ndarray, c: np.ndarray) -> Dual:
    """The dual of ``activation``: (u, v) Gaussian with variances ``q`` and covariance ``c``, ``[k]`` each, |c| < q.

    Closed form for erf and piecewise linear activations, Gauss-Hermite quadrature in the plane otherwise.
    """
    if activation.negative_slope is not None:
        return _piecewise_linear_dual(activation.negative_slope, q, c)
    if activation.name == "erf":
        return _erf_dual(q, c)
    points = [_quadrature_dual(activation, *point) for point in zip(q, c, strict=True)]
    return Dual(*np.array(points).T)


def mean_square(activation: Activation, q: np.ndarray) -> np.ndarray:
    """E[phi(sqrt(q) g)^2], g ~ N(0, 1), for each of ``q`` ``[k]``; ``[k]``."""
    if activation.negative_slope is not None:
        return q * (1 + activation.negative_slope**2) / 2
    if activation.name == "erf":
        return _erf_dual(q, q).value
    g, weights = gaussian_nodes()
    return activation.value(np.sqrt(q)[:, None] * g) ** 2 @ weights


def _piecewise_linear_dual(slope: float, q: np.ndarray, c: np.ndarray) -> Dual:
    """phi(u) = slope u + (1 - slope) relu(u), with the arc-cosine kernels for the second term."""
    kink = (1 - slope) ** 2
    angle = np.pi - np.arccos(np.clip(c / q, -1, 1))
    root = np.sqrt(np.maximum(q**2 - c**2, np.finfo(np.float64).tiny))
    return Dual(
        value=slope * c + kink * (root + c * angle) / (2 * np.pi),
        derivative=slope + kink * angle / (2 * np.pi),
        second_derivative=kink / (2 * np.pi * root),
    )


def _erf_dual(q: np.ndarray, c: np.ndarray) -> Dual:
    root = np.sqrt((1 + 2 * q) ** 2 - 4 * c**2)
    return Dual(
        value=2 / np.pi * np.arcsin(2 * c / (1 + 2 * q)),
        derivative=4 / (np.pi * root),
        second_derivative=16 * c / (np.pi * root**3),
    )


def _quadrature_dual(activation: Activation, q: float, c: float) -> tuple[float, float, float]:
    g, weights = gaussian_nodes()
    u = np.sqrt(q) * g
    v = c / q * u[:, None] + np.sqrt(max(q - c**2 / q, 0)) * g[None, :]  # in deep networks c / q tends to 1

    def expectation(function: Function) -> float:
        return float((weights * function(u)) @ function(v) @ weights)

    if activation.even_derivative and c == 0:
        # By symmetry, not up to rounding, so that an odd network's linear model has no constant feature.
        return float(activation.value(np.zeros(1))[0] ** 2), expectation(activation.derivative), 0.0
    return (
        expectation(activation.value),
        expectation(activation.derivative),
        expectation(cast(Function, activation.second_derivative)),
    )
